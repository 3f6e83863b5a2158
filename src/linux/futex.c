/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for other threads: futex(2), private to the process; or just a moment.
 */
#include "lx.h"

#include <linux/futex.h>
#include <sched.h>
#include <time.h>

#include "lx_sys.h"

#ifndef SYS_futex
#define	SYS_futex	SYS_futex_time64
#endif

void
lx_futex_wait(_Atomic uint32_t *word, uint32_t val)
{
	/* EAGAIN and EINTR: the caller looks again anyway. */
	(void)LX_SYS(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, val,
	    NULL, NULL, 0);
}

void
lx_futex_wake(_Atomic uint32_t *word, int n)
{
	(void)LX_SYS(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL,
	    NULL, 0);
}

void
lx_yield(int round)
{
	struct timespec ts = { 0, 50000 };

	if (round < 20)
		(void)sched_yield();
	else
		(void)LX_SYS(SYS_nanosleep, &ts, NULL);
}
