/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending to oneself: what is blocked is read at once, before the next one can
 * merge with it in the kernel.
 *
 * Exported (libkqueue.map): raise kill killpg sigqueue pthread_kill
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _FORTIFY_SOURCE
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/syscall.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sigstate.h"

/* Strong in libc.a, where it may have been linked before us. */
#pragma weak raise

static _Atomic(int (*)(int)) next_raise;
static _Atomic(int (*)(pid_t, int)) next_kill;
static _Atomic(int (*)(pid_t, int, const union sigval)) next_sigqueue;
static _Atomic(int (*)(pthread_t, int)) next_pthread_kill;

__attribute__((__constructor__(101))) static void
sigsend_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(raise);
	RESOLVE(kill);
	RESOLVE(sigqueue);
	RESOLVE(pthread_kill);
	errno = saved;
}

int
raise(int sig)
{
	int ret;

	if (NEXT(raise) != NULL)
		ret = NEXT(raise)(sig);
	else
		ret = (int)syscall(SYS_tgkill, lx_getpid(), lx_gettid(), sig);
	sig_collectnow(sig);
	return (ret);
}

int
kill(pid_t pid, int sig)
{
	int ret;

	if (NEXT(kill) != NULL)
		ret = NEXT(kill)(pid, sig);
	else
		ret = (int)syscall(SYS_kill, pid, sig);
	sig_collectnow(sig);
	return (ret);
}

int
killpg(pid_t pgrp, int sig)
{
	if (pgrp < 0) {
		errno = EINVAL;
		return (-1);
	}
	return (kill(-pgrp, sig));
}

int
sigqueue(pid_t pid, int sig, const union sigval value)
{
	siginfo_t si;
	int ret;

	if (NEXT(sigqueue) != NULL)
		ret = NEXT(sigqueue)(pid, sig, value);
	else {
		memset(&si, 0, sizeof(si));
		si.si_signo = sig;
		si.si_code = SI_QUEUE;
		si.si_pid = lx_getpid();
		si.si_uid = getuid();
		si.si_value = value;
		ret = (int)syscall(SYS_rt_sigqueueinfo, pid, sig, &si);
	}
	sig_collectnow(sig);
	return (ret);
}

/*
 * Another thread's private signals cannot be read.  If it is ignored there is
 * nothing to send, only to count.
 */
int
pthread_kill(pthread_t t, int sig)
{
	int ret;

	if (KQ_UNLIKELY(NEXT(pthread_kill) == NULL)) {
		/* Static: there is no other way to find the thread's id. */
		clockid_t clock;

		if ((ret = pthread_getcpuclockid(t, &clock)) != 0)
			return (ret);
		return (syscall(SYS_tgkill, lx_getpid(),
		    (int)~(clock >> 3), sig) == -1 ? errno : 0);
	}
	if (KQ_UNLIKELY(sig >= 1 && sig <= LX_NSIG &&
	    (atomic_load(&sig_forced) & BIT(sig)) != 0 && sig_ours() &&
	    !pthread_equal(t, pthread_self()))) {
		if ((ret = NEXT(pthread_kill)(t, 0)) != 0)
			return (ret);
		sig_count(sig);
		return (0);
	}
	ret = NEXT(pthread_kill)(t, sig);
	if (pthread_equal(t, pthread_self()))
		sig_collectnow(sig);
	return (ret);
}
