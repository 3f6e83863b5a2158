/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The older interfaces, which are made of sigaction() and sigprocmask().
 *
 * Exported (libkqueue.map): signal bsd_signal ssignal sysv_signal
 * __sysv_signal sigset sighold sigrelse sigignore siginterrupt sigblock
 * sigsetmask siggetmask
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _FORTIFY_SOURCE
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "sigstate.h"

/* Declared by no header, or under a condition. */
handler_t bsd_signal(int, handler_t);
handler_t ssignal(int, handler_t);
handler_t sysv_signal(int, handler_t);
handler_t __sysv_signal(int, handler_t);
int	sigblock(int);
int	sigsetmask(int);
int	siggetmask(void);

/*
 * Of these a program may have a definition of its own; see closefrom.c.
 */
#pragma weak bsd_signal
#pragma weak ssignal
#pragma weak sysv_signal
#pragma weak sigblock
#pragma weak sigsetmask
#pragma weak siggetmask
#pragma weak sigset
#pragma weak sighold
#pragma weak sigrelse
#pragma weak sigignore
#pragma weak siginterrupt

#ifndef SIG_HOLD
#define	SIG_HOLD	((handler_t)2)
#endif

static uint64_t	sig_interrupt;		/* siginterrupt() */

static handler_t
set_handler(int sig, handler_t fn, int flags, bool self)
{
	struct sigaction osa, sa;

	if (fn == SIG_ERR || sig < 1 || sig > LX_NSIG) {
		errno = EINVAL;
		return (SIG_ERR);
	}
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = fn;
	sa.sa_flags = flags;
	(void)sigemptyset(&sa.sa_mask);
	if (self)
		(void)sigaddset(&sa.sa_mask, sig);
	if (sigaction(sig, &sa, &osa) != 0)
		return (SIG_ERR);
	return (osa.sa_handler);
}

static handler_t
signal_bsd(int sig, handler_t fn)
{
	int flags;

	flags = SA_RESTART;
	if (sig >= 1 && sig <= LX_NSIG && (sig_interrupt & BIT(sig)) != 0)
		flags = 0;
#ifdef __GLIBC__
	return (set_handler(sig, fn, flags, true));
#else
	return (set_handler(sig, fn, flags, false));
#endif
}

#undef signal

handler_t
signal(int sig, handler_t fn)
{
	return (signal_bsd(sig, fn));
}

handler_t
bsd_signal(int sig, handler_t fn)
{
	return (signal_bsd(sig, fn));
}

handler_t
ssignal(int sig, handler_t fn)
{
	return (signal_bsd(sig, fn));
}

handler_t
sysv_signal(int sig, handler_t fn)
{
	return (set_handler(sig, fn, (int)(SA_RESETHAND | SA_NODEFER), false));
}

handler_t
__sysv_signal(int sig, handler_t fn)
{
	return (sysv_signal(sig, fn));
}

int
siginterrupt(int sig, int flag)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) != 0)
		return (-1);
	if (flag) {
		sig_interrupt |= BIT(sig);
		sa.sa_flags &= ~SA_RESTART;
	} else {
		sig_interrupt &= ~BIT(sig);
		sa.sa_flags |= SA_RESTART;
	}
	return (sigaction(sig, &sa, NULL));
}

int
sigignore(int sig)
{
	return (set_handler(sig, SIG_IGN, 0, false) == SIG_ERR ? -1 : 0);
}

static int
mask_int(int how, int mask)
{
	sigset_t oset, set;

	lx_sigset_put((uint64_t)(unsigned int)mask, &set);
	(void)sig_domask(how, &set, &oset);
	return ((int)(lx_sigset(&oset) & 0xffffffffu));
}

int
sigblock(int mask)
{
	return (mask_int(SIG_BLOCK, mask));
}

int
sigsetmask(int mask)
{
	return (mask_int(SIG_SETMASK, mask));
}

int
siggetmask(void)
{
	return (mask_int(SIG_BLOCK, 0));
}

static int
mask_one(int how, int sig, bool *wasp)
{
	sigset_t oset, set;
	int error;

	(void)sigemptyset(&set);
	if (sigaddset(&set, sig) != 0)
		return (-1);
	if ((error = sig_domask(how, &set, &oset)) != 0) {
		errno = error;
		return (-1);
	}
	if (wasp != NULL)
		*wasp = sigismember(&oset, sig) == 1;
	return (0);
}

int
sighold(int sig)
{
	return (mask_one(SIG_BLOCK, sig, NULL));
}

int
sigrelse(int sig)
{
	return (mask_one(SIG_UNBLOCK, sig, NULL));
}

handler_t
sigset(int sig, handler_t fn)
{
	struct sigaction osa;
	handler_t old;
	bool was;

	if (fn == SIG_HOLD) {
		if (sigaction(sig, NULL, &osa) != 0 ||
		    mask_one(SIG_BLOCK, sig, &was) != 0)
			return (SIG_ERR);
		return (was ? SIG_HOLD : osa.sa_handler);
	}
	if ((old = set_handler(sig, fn, 0, false)) == SIG_ERR ||
	    mask_one(SIG_UNBLOCK, sig, &was) != 0)
		return (SIG_ERR);
	return (was ? SIG_HOLD : old);
}
