/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Masks: what the program blocks, as it sees it.
 *
 * Exported (libkqueue.map): sigprocmask pthread_sigmask sigpending
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _FORTIFY_SOURCE
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/syscall.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "sigstate.h"

static _Atomic(int (*)(int, const sigset_t *, sigset_t *)) next_pthread_sigmask;
static _Atomic(int (*)(sigset_t *)) next_sigpending;

__attribute__((__constructor__(101))) static void
sigmask_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(pthread_sigmask);
	RESOLVE(sigpending);
	errno = saved;
}

void
sig_opening(uint64_t bits, bool temporary, bool wait)
{
	uint64_t ign, mine;

	siglock(&mine);
	if (temporary)
		sig_readopen(bits, 1);
	ign = bits & atomic_load(&sig_ignored);
	if (!wait && !temporary && (ign & ~atomic_load(&sig_forced)) != 0)
		sig_force(ign, 0, &mine);	/* no longer blocked by all */
	/* Out of sig_read first: the mask is about to change. */
	(void)atomic_fetch_and(&sig_read, ~bits);
	if (temporary)
		sig_readeval(bits, mine);
	else
		sig_readeval(bits, mine & ~bits);
	if (!wait) {
		/* An ignored one that is unblocked just vanishes. */
		owed_drop(ign);
		bits &= ~ign;
	}
	owed_giveback(bits, false);
	sigunlock(mine);
}

void
sig_closing(uint64_t bits, uint64_t more)
{
	uint64_t mine;
	int sig;

	if (!sig_ours())
		return;
	siglock(&mine);
	sig_readopen(bits, -1);
	sig_readeval(bits | more, mine);
	sigunlock(mine);
	/*
	 * What was queued again for the wait, which did not take it (it was
	 * cancelled, or had something else): read it, or the next one that is
	 * sent would be merged with it, and not count.
	 */
	for (sig = 1; bits != 0 && sig <= LX_NSIG; sig++) {
		if ((bits & BIT(sig)) != 0)
			sig_collectnow(sig);
	}
}

void
sig_masksettle(void)
{
	uint64_t bits, k, mine;

	lx_sigmask_get(&k);
	bits = atomic_load(&sig_read) & ~k;
	if (bits == 0)
		return;
	siglock(&mine);
	bits = atomic_load(&sig_read) & ~mine;
	sig_readeval(bits, mine);
	owed_giveback(bits & ~atomic_load(&sig_read), false);
	sigunlock_settled(mine);
}

static uint64_t
mask_apply(int how, uint64_t p, uint64_t set)
{
	switch (how) {
	case SIG_BLOCK:
		return (p | set);
	case SIG_UNBLOCK:
		return (p & ~set);
	default:
		return (set);
	}
}

/* The slow path of sigprocmask(): something is watched, or was. */
static void
mask_change(int how, const uint64_t *setp, uint64_t *oldp)
{
	uint64_t bits, f, k, np, p, set, watched;

	set = setp == NULL ? 0 : *setp & ~sig_internal();
	set &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
	if (setp == NULL)
		how = SIG_BLOCK;
	watched = sig_ours() ? atomic_load(&sig_watched) : 0;
	if (watched != 0 && setp != NULL) {
		/* Before anything is unblocked. */
		lx_sigmask(ALL, &k);
		p = sig_programmask(k, atomic_load(&sig_forced));
		lx_sigmask(k, NULL);
		bits = p & ~mask_apply(how, p, set) & watched;
		if (bits != 0)
			sig_opening(bits, false, false);
	}
	lx_sigmask(ALL, &k);
	f = sig_ours() ? atomic_load(&sig_forced) : 0;
	p = sig_programmask(k, f);
	if (oldp != NULL)
		*oldp = p & ~sig_internal();
	np = mask_apply(how, p, set);
	for (;;) {
		if (!sig_ours()) {
			/* The vfork() child's mask; the memory is not its. */
			lx_sigmask(setp == NULL ? k : np, NULL);
			return;
		}
		k = sig_kernelmask(np, f);
		lx_sigmask(k, NULL);
		if (KQ_LIKELY(atomic_load(&sig_forced) == f))
			break;
		/* Meanwhile more is forced, or less. */
		lx_sigmask(ALL, &k);
		f = atomic_load(&sig_forced);
	}
	bits = np & ~p & watched & ~f;
	if (bits != 0) {
		uint64_t mine;

		siglock(&mine);
		sig_readeval(bits, mine);
		sigunlock(mine);
	}
	if (KQ_UNLIKELY((atomic_load(&sig_read) & ~k) != 0))
		sig_masksettle();
}

int
sig_domask(int how, const sigset_t *set, sigset_t *oset)
{
	uint64_t bits, old;
	int error;

	if (KQ_LIKELY(!sig_masktouched())) {
		if (NEXT(pthread_sigmask) != NULL)
			error = NEXT(pthread_sigmask)(how, set, oset);
		else {
			bits = set == NULL ? 0 : lx_sigset(set) & ~sig_internal();
			old = 0;
			error = syscall(SYS_rt_sigprocmask, how,
			    set == NULL ? NULL : &bits, &old,
			    sizeof(old)) == -1 ? errno : 0;
			if (error == 0 && oset != NULL)
				lx_sigset_put(old, oset);
		}
		/* Has something been forced while we set it? */
		if (KQ_LIKELY(!sig_masktouched()) || set == NULL || error != 0)
			return (error);
		mask_change(SIG_BLOCK, NULL, NULL);
		return (0);
	}
	if (set != NULL && how != SIG_BLOCK && how != SIG_UNBLOCK &&
	    how != SIG_SETMASK)
		return (EINVAL);
	if (set != NULL)
		bits = lx_sigset(set);
	mask_change(how, set == NULL ? NULL : &bits, &old);
	if (oset != NULL)
		lx_sigset_put(old, oset);
	return (0);
}

int
pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict oset)
{
	int error, saved;

	saved = errno;
	error = sig_domask(how, set, oset);
	errno = saved;
	return (error);
}

int
sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict oset)
{
	int error;

	if ((error = pthread_sigmask(how, set, oset)) != 0) {
		errno = error;
		return (-1);
	}
	return (0);
}

int
sigpending(sigset_t *set)
{
	uint64_t bits;

	if (NEXT(sigpending) != NULL) {
		if (NEXT(sigpending)(set) != 0)
			return (-1);
		bits = lx_sigset(set);
	} else {
		if (syscall(SYS_rt_sigpending, &bits, sizeof(bits)) == -1)
			return (-1);
		lx_sigset_put(bits, set);
	}
	if (KQ_UNLIKELY(sig_masktouched()))
		lx_sigset_put((bits | owed_set()) & ~sig_thr.forced, set);
	return (0);
}
