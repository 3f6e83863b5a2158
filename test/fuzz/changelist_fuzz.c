/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer over kevent(): the input is a list of changes, with hostile values
 * in every field, counts and pointers.
 *
 * A record of 8 bytes is an operation: what it is, filter, flags, ident, note
 * bits and data.  The program's own descriptors are a handful that the records
 * name by index; everything else that a number may mean is hostile.  Whatever
 * is asked for, kevent() must answer as documented, write nothing outside the
 * list that it was given, leave errno alone when it succeeds, and leave no
 * descriptor behind.
 *
 *	changelist_fuzz -max_total_time=60 corpus
 */
#include <sys/event.h>
#include <sys/socket.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define	NFD	8
#define	NKEV	16
#define	GUARD	4

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int fds[NFD];

#define	CHECK(cond)							\
do {									\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: %s, errno %d\n", __FILE__,	\
		    __LINE__, #cond, errno);				\
		abort();						\
	}								\
} while (0)

static int
count_fds(void)
{
	DIR *dir;
	int n;

	n = 0;
	CHECK((dir = opendir("/proc/self/fd")) != NULL);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return (n);
}

static uintptr_t
ident(short filter, uint8_t b)
{
	static const uintptr_t hostile[] = { 0, 1, INT_MAX,
	    (uintptr_t)INT_MAX + 1, UINT_MAX, UINTPTR_MAX, INTPTR_MAX,
	    (uintptr_t)-2, 65535, 65536, 1 << 20, 1 << 30, 1023, 4096 };

	/* Not init, nor us: we would die of our own NOTE_EXIT's child. */
	if ((b & 1) != 0)
		return ((uintptr_t)fds[(b >> 1) % NFD]);
	b >>= 1;
	if (b < sizeof(hostile) / sizeof(hostile[0]))
		return (hostile[b]);
	if (filter == EVFILT_PROC)
		return ((uintptr_t)getpid());
	return (b);
}

static intptr_t
value(uint8_t b)
{
	static const intptr_t hostile[] = { 0, 1, -1, INTPTR_MAX, INTPTR_MIN,
	    INT_MAX, INT_MIN, 1000, 1000000, 1000000000,
	    INTPTR_MAX / 1000, INTPTR_MAX / 1000000 };

	return (b < sizeof(hostile) / sizeof(hostile[0]) ? hostile[b] : b);
}

static void
fill(struct kevent *kev, const uint8_t *r)
{
	short filter;

	/* -11 to 4, and now and then the ends of the range. */
	filter = (short)(r[1] % 16 - 11);
	if (r[1] >= 240)
		filter = r[1] % 2 != 0 ? SHRT_MIN : SHRT_MAX;
	EV_SET(kev, ident(filter, r[4]), filter,
	    (unsigned short)(r[2] | r[3] << 8),
	    (unsigned)r[5] | (unsigned)r[6] << 24 | ((r[6] & 1u) << 20),
	    value(r[7]), (void *)(uintptr_t)(r[7] << 16 | r[4]));
}

/* What kevent() may fail with. */
static void
documented(int error)
{
	switch (error) {
	case EACCES: case EBADF: case EFAULT: case EINTR: case EINVAL:
	case EMFILE: case ENFILE: case ENODEV: case ENOENT: case ENOMEM:
	case ENOSPC: case ENXIO: case EOPNOTSUPP: case EPERM: case EPIPE:
	case ESRCH: case ELOOP:
		return;
	default:
		fprintf(stderr, "errno %d\n", error);
		abort();
	}
}

static void
call(int kq, const struct kevent *changes, int nchanges, struct kevent *out,
    int nout, const struct timespec *ts)
{
	int i, n;

	errno = 4711;
	n = kevent(kq, changes, nchanges, out, nout, ts);
	if (n == -1) {
		documented(errno);
		return;
	}
	CHECK(errno == 4711);
	CHECK(n >= 0 && n <= nout);
	for (i = 0; i < n; i++) {
		if ((out[i].flags & EV_ERROR) != 0 && out[i].data != 0)
			documented((int)out[i].data);
	}
}

static void
setup(void)
{
	struct sigaction sa;
	int i, p[2];

	/* What the changes of SIGNAL and PROC may bring. */
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0);
	fds[0] = p[0];
	fds[1] = p[1];
	CHECK(pipe2(p, O_NONBLOCK) == 0);
	fds[2] = p[0];
	fds[3] = p[1];
	CHECK((fds[4] = open("/tmp", O_TMPFILE | O_RDWR, 0600)) != -1);
	CHECK((fds[5] = open("/tmp", O_RDONLY | O_DIRECTORY)) != -1);
	CHECK((fds[6] = open("/dev/null", O_RDWR)) != -1);
	CHECK((fds[7] = kqueue()) != -1);
	for (i = 0; i < NFD; i++)
		CHECK(fds[i] < 128);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct timespec times[] = { { 0, 0 }, { 0, -1 },
	    { 0, 1000000000 }, { -1, 0 }, { 0, 1 }, { 0, 100000 } };
	struct kevent all[GUARD + NKEV + GUARD], guard[GUARD];
	struct kevent *kev;
	const uint8_t *r;
	int after, again, before, dupfd, kq, n, nc;
	char c;

	setup();
	before = count_fds();
	CHECK((kq = kqueue()) != -1);
	memset(all, 0xa5, sizeof(all));
	memset(guard, 0xa5, sizeof(guard));
	kev = &all[GUARD];
	nc = 0;
	dupfd = -1;
	for (r = data; size >= 8; r += 8, size -= 8) {
		if (nc < NKEV)
			fill(&kev[nc++], r);
		switch (r[0] % 16) {
		case 0:
		case 1:
			/* One array for both (CALL-14). */
			call(kq, kev, nc, kev, NKEV, &times[0]);
			nc = 0;
			break;
		case 2:
			/* They overlap, one place off. */
			call(kq, kev + (nc > 1), nc - (nc > 1), kev,
			    NKEV, &times[0]);
			nc = 0;
			break;
		case 3:
			call(kq, kev, nc, NULL, 0, NULL);
			nc = 0;
			break;
		case 4:
			n = r[7] % 4;
			call(kq, kev, nc, n == 0 ? NULL : kev, n,
			    &times[r[6] % 6]);
			nc = 0;
			break;
		case 5:
			call(kq, NULL, r[7], kev, NKEV, &times[0]);
			break;
		case 6:
			call(kq, kev, -(int)r[7], kev, -(int)r[6], &times[0]);
			break;
		case 7:
			call(kq, kev, INT_MIN, kev, INT_MIN, &times[0]);
			break;
		case 8:
			call((int)ident(0, r[4]), kev, nc, kev, NKEV,
			    &times[0]);
			break;
		case 9:
			(void)write(fds[r[7] % 4], "x", 1);
			(void)write(fds[4], "x", 1);
			break;
		case 10:
			(void)read(fds[r[7] % 5], &c, 1);
			break;
		case 11:
			/* A watched number gets another meaning. */
			(void)dup2(fds[r[7] % 2 == 0 ? 6 : 1], fds[r[6] % 6]);
			break;
		case 12:
			if (dupfd == -1)
				CHECK((dupfd = dup(kq)) != -1);
			call(dupfd, kev, nc, kev, NKEV, &times[0]);
			nc = 0;
			break;
		case 13:
			if (dupfd != -1) {
				CHECK(close(kq) == 0);
				kq = dupfd;
				dupfd = -1;
			}
			break;
		case 14:
			(void)shutdown(fds[r[7] % 2], r[6] % 3);
			break;
		default:
			/* Collected by the next record. */
			break;
		}
		CHECK(memcmp(all, guard, sizeof(guard)) == 0);
		CHECK(memcmp(all + GUARD + NKEV, guard, sizeof(guard)) == 0);
	}
	call(kq, kev, nc, kev, NKEV, &times[0]);
	if (dupfd != -1)
		CHECK(close(dupfd) == 0);
	CHECK(close(kq) == 0);
	/* Beside what the program's own kqueue has got meanwhile. */
	CHECK(close(fds[7]) == 0);
	CHECK((fds[7] = kqueue()) != -1);
	after = count_fds();
	CHECK(after == before);
	for (again = 0; again < NFD; again++)
		(void)close(fds[again]);
	return (0);
}
