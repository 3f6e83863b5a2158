/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dispositions: what the program has made of a signal, and what the kernel has.
 *
 * Exported (libkqueue.map): sigaction
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _FORTIFY_SOURCE
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <string.h>

#include "sigstate.h"

_Atomic uint64_t sig_ignored;

/* What the program believes of a watched signal. */
static struct disp {
	_Atomic(uintptr_t) d_handler;	/* [a] also taken by SA_RESETHAND */
	_Atomic int	d_flags;	/* [A] */
	uint64_t	d_mask;		/* [S] */
	bool		d_changed;	/* [S] the kernel has another */
} sig_disp[LX_NSIG + 1];

static int	chld_shown;	/* [S] threads that start programs just now */

static bool	sig_constructed;	/* by the constructor, once */

static _Atomic(int (*)(int, const struct sigaction *, struct sigaction *))
    next_sigaction;

__attribute__((__constructor__(101))) static void
sigaction_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(sigaction);
	sig_constructed = true;
	errno = saved;
}

LX_BARE uint64_t
sig_internal(void)
{
	uint64_t bits;
	int sig;

	bits = 0;
	for (sig = 32; sig < SIGRTMIN; sig++)
		bits |= BIT(sig);
	return (bits);
}

/* Is doing nothing the default? */
static bool
quiet(int sig)
{
	return (sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH ||
	    sig == SIGCONT);
}

LX_BARE static int
real_sigaction(int sig, const struct sigaction *sa, struct sigaction *osa)
{
	int error;

	if (KQ_LIKELY(NEXT(sigaction) != NULL))
		return (NEXT(sigaction)(sig, sa, osa));
	if (sig < 1 || sig > LX_NSIG || (sig_internal() & BIT(sig)) != 0)
		error = EINVAL;
	else
		error = lx_sigaction(sig, sa, osa);
	if (error != 0) {
		errno = error;
		return (-1);
	}
	return (0);
}

static bool
caught(int sig)
{
	uintptr_t fn;

	fn = atomic_load(&sig_disp[sig].d_handler);
	return (fn != (uintptr_t)SIG_DFL && fn != (uintptr_t)SIG_IGN);
}

static void
disp_get(int sig, struct sigaction *sa)
{
	struct disp *d = &sig_disp[sig];

	memset(sa, 0, sizeof(*sa));
	sa->sa_handler = (handler_t)atomic_load(&d->d_handler);
	sa->sa_flags = atomic_load(&d->d_flags);
	lx_sigset_put(d->d_mask, &sa->sa_mask);
}

static void
disp_put(int sig, const struct sigaction *sa)
{
	struct disp *d = &sig_disp[sig];

	atomic_store(&d->d_flags, sa->sa_flags);
	atomic_store(&d->d_handler, (uintptr_t)sa->sa_handler);
	d->d_mask = lx_sigset(&sa->sa_mask);
}

/* The counting handler. */
__attribute__((__no_sanitize__("undefined"))) static void
wrapper(int sig, siginfo_t *si, void *ctx)
{
	struct disp *d = &sig_disp[sig];
	uintptr_t fn;

	if (sig_arrived(sig))
		sigsink_ring(BIT(sig), NULL);
	fn = atomic_load(&d->d_handler);
	if ((atomic_load(&d->d_flags) & (int)SA_RESETHAND) != 0)
		fn = atomic_exchange(&d->d_handler, (uintptr_t)SIG_DFL);
	/* A handler of one argument does not mind the others. */
	if (fn != (uintptr_t)SIG_DFL && fn != (uintptr_t)SIG_IGN)
		((void (*)(int, siginfo_t *, void *))fn)(sig, si, ctx);
}

/* SIGCHLD is sent, and nobody becomes a zombie. */
static void
chld_hide(struct sigaction *sa)
{
	sa->sa_handler = SIG_DFL;
	sa->sa_flags |= SA_NOCLDWAIT;
}

int
disp_install(int sig, bool fresh, uint64_t *minep)
{
	struct disp *d = &sig_disp[sig];
	struct sigaction sa;
	uint64_t bit;
	bool ignore;
	int error, saved;

	error = 0;
	bit = BIT(sig);
	saved = errno;
	disp_get(sig, &sa);
	ignore = sa.sa_handler == SIG_IGN ||
	    (sa.sa_handler == SIG_DFL && quiet(sig));
	if (ignore) {
		(void)atomic_fetch_or(&sig_ignored, bit);
		/* Blocked before it is ignored, so that none is missed. */
		if (sig_allblock(bit, *minep) == 0)
			sig_force(bit, 0, minep);
	} else
		(void)atomic_fetch_and(&sig_ignored, ~bit);
	if (caught(sig)) {
		/*
		 * What the kernel resets to an ignored default would be lost:
		 * there the handler stays and does it by itself.
		 */
		if (quiet(sig))
			sa.sa_flags &= ~(int)SA_RESETHAND;
		sa.sa_flags |= SA_SIGINFO;
		sa.sa_sigaction = wrapper;
		d->d_changed = true;
		fresh = false;
	} else if (sig == SIGCHLD && sa.sa_handler == SIG_IGN) {
		if (chld_shown == 0)
			chld_hide(&sa);
		d->d_changed = true;
		fresh = false;
	} else
		d->d_changed = false;
	if (!fresh && real_sigaction(sig, &sa, NULL) != 0)
		error = errno;
	if (!ignore)
		sig_force(0, bit, minep);
	errno = saved;
	return (error);
}

int
disp_learn(int sig)
{
	struct sigaction sa;

	if (real_sigaction(sig, NULL, &sa) != 0)
		return (errno);
	if (sa.sa_sigaction != wrapper)
		disp_put(sig, &sa);
	return (0);
}

void
disp_restore(int sig)
{
	struct sigaction sa;

	if (!sig_disp[sig].d_changed)
		return;
	disp_get(sig, &sa);
	(void)real_sigaction(sig, &sa, NULL);
	sig_disp[sig].d_changed = false;
}

bool
disp_chldhidden(void)
{
	return ((atomic_load(&sig_watched) & BIT(SIGCHLD)) != 0 &&
	    sig_disp[SIGCHLD].d_changed && !caught(SIGCHLD));
}

/* Give the kernel what the program has for SIGCHLD, as it is or hidden. */
static bool
chld_install(bool hide)
{
	struct sigaction sa;

	disp_get(SIGCHLD, &sa);
	if (hide)
		chld_hide(&sa);
	return (real_sigaction(SIGCHLD, &sa, NULL) == 0);
}

bool
disp_showchld(void)
{
	uint64_t mine;
	bool hidden;

	if (!sig_ours()) {
		/* A vfork() child, with a table of its own in the kernel. */
		return (disp_chldhidden() && chld_install(false));
	}
	siglock(&mine);
	hidden = disp_chldhidden();
	if (hidden && chld_shown++ == 0)
		(void)chld_install(false);
	sigunlock(mine);
	return (hidden);
}

void
disp_hidechld(void)
{
	uint64_t mine;
	bool ours;

	ours = sig_ours();
	if (ours)
		siglock(&mine);
	/* Meanwhile it may have got a handler, or be watched no more. */
	if ((!ours || --chld_shown == 0) && disp_chldhidden())
		(void)chld_install(true);
	if (ours)
		sigunlock(mine);
}

void
disp_reset(void)
{
	uint64_t watched;
	int sig;

	watched = atomic_load(&sig_watched);
	for (sig = 1; sig <= LX_NSIG; sig++) {
		if ((watched & BIT(sig)) != 0)
			disp_restore(sig);
	}
	atomic_store(&sig_ignored, 0);
	chld_shown = 0;
}

/* The kernel's answer to the program. */
static void
unwrap(int sig, struct sigaction *osa)
{
	if (osa != NULL && sig >= 1 && sig <= LX_NSIG &&
	    osa->sa_sigaction == wrapper)
		disp_get(sig, osa);
}

/* changes: sig_changes from before the signal was seen to be unwatched. */
static int
sigaction_unwatched(int sig, const struct sigaction *sa, struct sigaction *osa,
    uint32_t changes)
{
	struct sigaction copy;
	uint64_t mine;

	if (KQ_UNLIKELY(sa != NULL && sig >= SIGRTMIN && sig <= LX_NSIG &&
	    atomic_load(&sig_rtbit) == BIT(sig) &&
	    atomic_load(&sig_forced) != 0 && sig_ours())) {
		/* The program wants this one: take another. */
		siglock(&mine);
		sig_rtyield(sig);
		sigunlock(mine);
	}
	if (sa != NULL)
		copy = *sa;	/* osa may be the same */
	if (real_sigaction(sig, sa, osa) != 0)
		return (-1);
	unwrap(sig, osa);
	/* Watched now, or for a while: then ours may have been put over it. */
	if (KQ_UNLIKELY(sa != NULL && (atomic_load(&sig_changes) != changes ||
	    (atomic_load(&sig_watched) & BIT(sig)) != 0) && sig_ours()))
		return (sigaction(sig, &copy, NULL));
	return (0);
}

static int
do_sigaction(int sig, const struct sigaction *sa, struct sigaction *osa)
{
	struct sigaction old;
	uint64_t again, bits, mine;
	uint32_t changes;
	int error;

	changes = atomic_load(&sig_changes);
	if (KQ_LIKELY(sig < 1 || sig > LX_NSIG ||
	    (atomic_load(&sig_watched) & BIT(sig)) == 0))
		return (sigaction_unwatched(sig, sa, osa, changes));
	if (!sig_ours()) {
		/* A vfork() child: the table is the parent's. */
		if (real_sigaction(sig, sa, osa) != 0)
			return (-1);
		unwrap(sig, osa);
		return (0);
	}
	siglock(&mine);
	if ((atomic_load(&sig_watched) & BIT(sig)) == 0) {
		changes = atomic_load(&sig_changes);
		sigunlock(mine);
		return (sigaction_unwatched(sig, sa, osa, changes));
	}
	error = 0;
	again = bits = 0;
	disp_get(sig, &old);
	if (sa != NULL) {
		/* What was ignored so far is not for the handler. */
		if ((atomic_load(&sig_ignored) & BIT(sig)) != 0)
			bits = sig_collect(sig, &again);
		disp_put(sig, sa);
		if ((error = disp_install(sig, false, &mine)) != 0) {
			disp_put(sig, &old);
			(void)disp_install(sig, false, &mine);
		}
		sig_readeval(BIT(sig), mine);
	}
	sigunlock(mine);
	sig_collectsettle(again);
	if (bits != 0)
		sigsink_ring(bits, NULL);
	if (error != 0) {
		errno = error;
		return (-1);
	}
	if (osa != NULL)
		*osa = old;
	return (0);
}

/* A sanitizer's runtime calls this while it sets itself up. */
LX_BARE int
sigaction(int sig, const struct sigaction *restrict sa,
    struct sigaction *restrict osa)
{
	if (KQ_UNLIKELY(!sig_constructed))
		return (real_sigaction(sig, sa, osa));
	return (do_sigaction(sig, sa, osa));
}
