/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which signals a signalfd of ours may take.
 *
 * A forced one may always be read: it is ignored, and nobody else wants it.
 * One that the program blocks may be read while every thread blocks it, no
 * thread is about to take it (sig_open), and the program has no signalfd for
 * it.
 *
 * A signal is announced in sig_read before the threads' masks are looked at: a
 * thread that unblocks it meanwhile sees the announcement (sigunlock(),
 * mask_change()) and asks again.
 */
#include "sigstate.h"

#define	NPROGFD	16

_Atomic uint64_t sig_read;
static int	sig_open[LX_NSIG + 1];	/* [S] threads about to take it */
static _Atomic uint64_t progfd_set;	/* [A] in a signalfd of the program */
/* The program's signalfds; what finds no place counts as open for ever. */
static struct progfd {
	int		 pf_fd;		/* [S] + 1; 0: free */
	uint64_t	 pf_bits;	/* [S] */
} progfds[NPROGFD];
static uint64_t	progfd_ever;		/* [S] those without a place */

/* Is the signal blocked in every thread? */
struct blocked {
	int		b_self;
	uint64_t	b_set;
};

static void
blocked_thread(int tid, void *arg)
{
	struct blocked *b = arg;
	uint64_t mask;

	if (tid != b->b_self && b->b_set != 0 &&
	    lx_thread_mask(tid, &mask) == 0)
		b->b_set &= mask;
}

uint64_t
sig_allblock(uint64_t set, uint64_t mine)
{
	struct blocked b;

	set &= mine;
	if (set == 0 || lx_nthreads() == 1)
		return (set);
	b.b_self = lx_gettid();
	b.b_set = set;
	if (lx_threads(blocked_thread, &b) != 0)
		return (0);
	return (b.b_set);
}

/*
 * [siglock] Forget the program's signalfds that are closed by now.  A dup of a
 * closed one is not known.
 */
static void
progfd_look(void)
{
	enum lx_kind kind;
	struct progfd *pf;
	uint64_t bits, left;
	int sig;

	if (KQ_LIKELY(atomic_load(&progfd_set) == 0))
		return;
	bits = progfd_ever;
	for (pf = progfds; pf < progfds + NPROGFD; pf++) {
		if (pf->pf_fd == 0)
			continue;
		if (lx_fdkind(pf->pf_fd - 1, &kind) == 0 &&
		    kind == LX_KIND_SIGNALFD)
			bits |= pf->pf_bits;
		else
			pf->pf_fd = 0;
	}
	/* What was given back and read there will not arrive any more. */
	if ((left = atomic_load(&progfd_set) & ~bits) != 0)
		left &= ~lx_sigpending();
	for (sig = 1; left != 0 && sig <= LX_NSIG; sig++) {
		if ((left & BIT(sig)) != 0)
			sig_resend(sig, -1);
	}
	atomic_store(&progfd_set, bits);
}

uint64_t
sig_progfdadd(int fd, uint64_t bits)
{
	struct progfd *pf, *place;
	uint64_t old;

	place = NULL;
	for (pf = progfds; pf < progfds + NPROGFD; pf++) {
		if (pf->pf_fd == fd + 1) {
			place = pf;
			break;
		}
		if (pf->pf_fd == 0 && place == NULL)
			place = pf;
	}
	old = 0;
	if (place == NULL)
		progfd_ever |= bits;
	else {
		if (place->pf_fd != 0)
			old = place->pf_bits;
		place->pf_fd = fd + 1;
		place->pf_bits = bits;
	}
	(void)atomic_fetch_or(&progfd_set, bits);
	return (old);
}

void
sig_readeval(uint64_t cand, uint64_t mine)
{
	uint64_t forced, rest, set, want;
	int sig;

	progfd_look();
	set = cand & atomic_load(&sig_watched) & ~atomic_load(&progfd_set);
	for (sig = 1; sig <= LX_NSIG; sig++) {
		if ((set & BIT(sig)) != 0 && sig_open[sig] > 0)
			set &= ~BIT(sig);
	}
	forced = set & atomic_load(&sig_forced);
	rest = set & ~forced;
	if (rest != 0) {
		/* First announced, then looked at: see sigunlock(). */
		(void)atomic_fetch_or(&sig_read, rest);
		rest = sig_allblock(rest, mine);
	}
	want = (atomic_load(&sig_read) & ~cand) | forced | rest;
	atomic_store(&sig_read, want);
	sigsink_install();
}

void
sig_readstop(uint64_t bits)
{
	(void)atomic_fetch_and(&sig_read, ~bits);
	sigsink_install();
}

void
sig_readopen(uint64_t bits, int n)
{
	int sig;

	for (sig = 1; sig <= LX_NSIG; sig++) {
		/* Not below 0: a forked child has forgotten its parent's. */
		if ((bits & BIT(sig)) != 0 && sig_open[sig] + n >= 0)
			sig_open[sig] += n;
	}
}

void
sigread_reset(void)
{
	int sig;

	for (sig = 1; sig <= LX_NSIG; sig++)
		sig_open[sig] = 0;
	atomic_store(&sig_read, 0);
}
