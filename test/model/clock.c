/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A clock that the driver moves.  clock_gettime() here stands in front of
 * libc's, and tells the library a time that the kernel will not reach; the
 * timerfds that the library armed for times that have come by this clock are
 * found in /proc and made to expire.
 */
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <dirent.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define	CLOCK_NSEC	INT64_C(1000000000)
#define	CLOCK_BASE	(INT64_C(1000000000) * CLOCK_NSEC)	/* 31 years */
#define	CLOCK_FDS	64

static int64_t clock_ms;	/* since CLOCK_BASE */
static int clock_fds[CLOCK_FDS];
static int clock_nfds;

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int64_t ns;

	if (clock != CLOCK_MONOTONIC)
		return ((int)syscall(SYS_clock_gettime, clock, ts));
	ns = CLOCK_BASE + clock_ms * 1000000;
	ts->tv_sec = (time_t)(ns / CLOCK_NSEC);
	ts->tv_nsec = (long)(ns % CLOCK_NSEC);
	return (0);
}

static int64_t
clock_real(void)
{
	struct timespec ts;

	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * CLOCK_NSEC + ts.tv_nsec);
}

/* Look which timerfds there are. */
static void
clock_find(void)
{
	char path[64], link[64];
	struct dirent *de;
	ssize_t n;
	DIR *dir;

	clock_nfds = 0;
	if ((dir = opendir("/proc/self/fd")) == NULL)
		return;
	while ((de = readdir(dir)) != NULL) {
		if (strlen(de->d_name) > 20)
			continue;
		strcpy(path, "/proc/self/fd/");
		strcat(path, de->d_name);
		if ((n = readlink(path, link, sizeof(link) - 1)) < 0)
			continue;
		link[n] = '\0';
		if (strstr(link, "[timerfd]") != NULL &&
		    clock_nfds < CLOCK_FDS)
			clock_fds[clock_nfds++] = atoi(de->d_name);
	}
	(void)closedir(dir);
}

/* When the timerfd is armed for, in ms of our clock; 0: it is not. */
static int64_t
clock_armed(int fd)
{
	struct itimerspec its;
	int64_t before, left, ns;

	do {
		before = clock_real();
		if (timerfd_gettime(fd, &its) != 0)
			return (0);
	} while (clock_real() - before > 200000);
	left = (int64_t)its.it_value.tv_sec * CLOCK_NSEC +
	    its.it_value.tv_nsec;
	if (left == 0)
		return (0);
	/* Armed in whole milliseconds: the error is less than half of one. */
	ns = before + left - CLOCK_BASE;
	return (ns <= 0 ? 1 : (ns + 500000) / 1000000);
}

/* Let the timerfds expire whose time has come. */
static void
clock_settle(void)
{
	struct itimerspec its = { .it_value.tv_nsec = 1 };
	struct pollfd pfd;
	int i;

	for (i = 0; i < clock_nfds; i++) {
		int64_t ms = clock_armed(clock_fds[i]);

		if (ms == 0 || ms > clock_ms)
			continue;
		(void)timerfd_settime(clock_fds[i], TFD_TIMER_ABSTIME, &its,
		    NULL);
		pfd = (struct pollfd){ .fd = clock_fds[i], .events = POLLIN };
		(void)poll(&pfd, 1, 10000);
	}
}

static void
clock_advance(int64_t ms)
{
	clock_ms += ms;
	clock_settle();
}
