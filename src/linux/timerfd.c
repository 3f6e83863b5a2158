/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timerfd(2).  Setting it, also to nothing, clears what had expired: it need
 * never be read.
 */
#include "lx.h"

#include <sys/timerfd.h>

#include "lx_sys.h"

int
lx_timerfd(int *fdp)
{
	return (lx_newfd(LX_SYS(SYS_timerfd_create, CLOCK_MONOTONIC,
	    TFD_CLOEXEC | TFD_NONBLOCK), fdp));
}

int
lx_timerfd_arm(int fd, int64_t ns)
{
	/* The kernel's layout: 64-bit where SYS_timerfd_settime64 exists. */
#ifdef SYS_timerfd_settime64
	int64_t its[4] = { 0, 0, ns / 1000000000, ns % 1000000000 };

	return (lx_error(LX_SYS(SYS_timerfd_settime64, fd, TFD_TIMER_ABSTIME,
	    its, NULL)));
#else
	struct itimerspec its = { .it_value.tv_sec = (time_t)(ns / 1000000000),
		.it_value.tv_nsec = (long)(ns % 1000000000) };

	return (lx_error(LX_SYS(SYS_timerfd_settime, fd, TFD_TIMER_ABSTIME,
	    &its, NULL)));
#endif
}

static int64_t
lx_clock(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	/* Cannot fail for these clocks. */
	(void)clock_gettime(clock, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

int64_t
lx_now(void)
{
	return (lx_clock(CLOCK_MONOTONIC));
}

int64_t
lx_now_real(void)
{
	return (lx_clock(CLOCK_REALTIME));
}

int64_t
lx_deadline(const struct timespec *ts)
{
	int64_t now = lx_now();

	if (ts->tv_sec >= (INT64_MAX - now) / 1000000000 - 1)
		return (INT64_MAX);
	return (now + (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec);
}

bool
lx_timeleft(int64_t deadline, struct timespec *left)
{
	int64_t ns;

	left->tv_sec = INT32_MAX;
	left->tv_nsec = 0;
	if (deadline == INT64_MAX)
		return (true);
	if ((ns = deadline - lx_now()) <= 0)
		return (false);
	left->tv_sec = (time_t)(ns / 1000000000);
	left->tv_nsec = (long)(ns % 1000000000);
	return (true);
}
