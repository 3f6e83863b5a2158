/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forced signals: blocked in every thread for our sake, of which the program
 * must not know.
 *
 * A thread's own mask is edited where it is set (sigmask.c); that of the others
 * by a broadcast: each gets a real-time signal that nobody uses, whose handler
 * changes the mask that it returns to and acknowledges.  A thread that blocks
 * all signals just now is in our own code, or about to end, and looks by
 * itself; or it is in libc's, and is waited for.
 */
#include "sigstate.h"

#include <string.h>

#define	BC_MAX	256			/* threads at a time */
#define	BC_TIDS	(1 << 22)		/* thread ids are below (all Linux) */

_Atomic uint64_t sig_forced;
_Atomic uint64_t sig_rtbit;
_Atomic uint32_t sig_epoch;
__thread struct sigthread sig_thr
    __attribute__((__tls_model__("initial-exec")));

static int	sig_rt;			/* [S] 0: not chosen */
static bool	sig_rtset;		/* [S] its handler is installed */
static _Atomic uint64_t bc_prev;	/* [A] sig_forced before */
static uint32_t	bc_seq;			/* [S] */
static _Atomic uint32_t bc_acks[BC_MAX]; /* [a] bc_seq, once a thread is done */

LX_BARE uint64_t
sig_programmask(uint64_t k, uint64_t forced)
{
	uint32_t epoch;

	epoch = atomic_load_explicit(&sig_epoch, memory_order_relaxed);
	if (sig_thr.epoch != epoch) {
		/*
		 * Never reached.  A thread that was born since inherited what
		 * is forced, but never sig_rt.
		 */
		sig_thr.epoch = epoch;
		sig_thr.hidden = 0;
		if ((k & atomic_load_explicit(&sig_rtbit,
		    memory_order_relaxed)) != 0)
			forced = 0;
		sig_thr.forced = k & forced;
	}
	return ((k & ~sig_thr.forced) | sig_thr.hidden);
}

LX_BARE uint64_t
sig_kernelmask(uint64_t p, uint64_t forced)
{
	uint64_t rt;

	rt = forced == 0 ? 0 :
	    atomic_load_explicit(&sig_rtbit, memory_order_relaxed);
	sig_thr.forced = forced & ~p;
	sig_thr.hidden = rt & p;
	return ((p | forced) & ~rt);
}

/* Is it one of ours?  The program may queue the same signal. */
LX_BARE static bool
rt_isours(const siginfo_t *si)
{
	return (si->si_code == LX_SI_TELL && si->si_pid == sig_pid);
}

/* The mask that follows from a broadcast, where the kernel has k. */
LX_BARE static uint64_t
rt_mask(uint64_t k)
{
	return (sig_kernelmask(sig_programmask(k, atomic_load(&bc_prev)),
	    atomic_load(&sig_forced)));
}

LX_BARE static void
rt_acknowledge(const siginfo_t *si)
{
	uintptr_t value = (uintptr_t)si->si_value.sival_ptr;

	atomic_store(&bc_acks[value % BC_MAX], (uint32_t)(value / BC_MAX));
}

LX_BARE static void
rt_handler(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	if (!rt_isours(si))
		return;
	lx_ucontext_setmask(ctx, rt_mask(lx_ucontext_mask(ctx)));
	rt_acknowledge(si);
}

bool
sig_rttaken(int sig, const siginfo_t *si)
{
	uint64_t k;

	if (KQ_LIKELY(sig < SIGRTMIN) || !rt_isours(si))
		return (false);
	lx_sigmask(ALL, &k);
	lx_sigmask(rt_mask(k), NULL);
	rt_acknowledge(si);
	return (true);
}

/* [siglock] Choose a signal that nobody uses, and have a handler for it. */
static void
rt_choose(void)
{
	struct sigaction sa;
	int sig;

	for (sig = SIGRTMAX - 1; sig >= SIGRTMIN; sig--) {
		if (sig != sig_rt &&
		    (atomic_load(&sig_watched) & BIT(sig)) == 0 &&
		    lx_sigaction(sig, NULL, &sa) == 0 &&
		    sa.sa_handler == SIG_DFL)
			break;
	}
	sig_rt = sig < SIGRTMIN ? 0 : sig;
	atomic_store(&sig_rtbit, sig_rt == 0 ? 0 : BIT(sig_rt));
}

static bool
rt_install(void)
{
	struct sigaction sa;

	if (sig_rt == 0)
		return (false);
	if (sig_rtset)
		return (true);
	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = rt_handler;
	sa.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
	lx_sigset_put(ALL, &sa.sa_mask);
	/* Past the sanitizers, which put off what a handler does. */
	sig_rtset = lx_sigaction(sig_rt, &sa, NULL) == 0;
	return (sig_rtset);
}

static void
rt_remove(void)
{
	struct sigaction sa;

	if (!sig_rtset)
		return;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	(void)lx_sigaction(sig_rt, &sa, NULL);
	sig_rtset = false;
}

struct bcast {
	int	 b_self;
	int	 b_n;			/* told in this round */
	int	 b_tid[BC_MAX];
	int	 b_patience;		/* rounds left for those in doubt */
	uint8_t	*b_told;		/* in any round: a bit each, or NULL */
};

static void
bcast_thread(int tid, void *arg)
{
	struct bcast *b = arg;
	uint64_t mask;
	int round;

	if (tid == b->b_self || b->b_n == BC_MAX || tid >= BC_TIDS ||
	    (b->b_told != NULL && (b->b_told[tid / 8] & 1 << tid % 8) != 0))
		return;
	/*
	 * libc blocks all, its own signals included, for a moment: in
	 * pthread_create(), say, after which the old mask comes back.  musl's
	 * leaves out its own, and may be a program that blocks all of its: for
	 * those there is some patience, for all of them together.
	 */
	for (round = 0; round < 1000; round++) {
		if (lx_thread_mask(tid, &mask) != 0)
			return;
		if ((mask & BIT(sig_rt)) == 0)
			break;
		if ((mask & BIT(32)) == 0 &&
		    ((mask | sig_internal() | BIT(SIGKILL) | BIT(SIGSTOP)) !=
		    ALL || b->b_patience-- <= 0))
			break;
		lx_yield(round);
	}
	/* Nothing can be done to a thread that blocks sig_rt for good. */
	if ((mask & BIT(sig_rt)) != 0) {
		if (b->b_told != NULL)
			b->b_told[tid / 8] |= (uint8_t)(1 << tid % 8);
		return;
	}
	atomic_store(&bc_acks[b->b_n], bc_seq - 1);
	if (lx_sigtell(tid, sig_rt, (uintptr_t)bc_seq * BC_MAX +
	    (uintptr_t)b->b_n) != 0)
		return;
	if (b->b_told != NULL)
		b->b_told[tid / 8] |= (uint8_t)(1 << tid % 8);
	b->b_tid[b->b_n++] = tid;
}

/*
 * [siglock] Have every other thread's mask follow sig_forced, which was prev.
 * False if one of them did not answer.
 */
static bool
broadcast(uint64_t prev)
{
	struct bcast b;
	uint64_t mask;
	void *told;
	bool all;
	int i, round;

	if (lx_nthreads() == 1 || !rt_install())
		return (true);
	atomic_store(&bc_prev, prev);
	b.b_self = lx_gettid();
#ifdef __GLIBC__
	b.b_patience = 0;
#else
	b.b_patience = 200;
#endif
	all = lx_map(BC_TIDS / 8, false, &told) == 0;
	b.b_told = told;
	do {
		/* Again until a look at all threads finds no new one. */
		bc_seq = (bc_seq + 1) & 0x3fffff;
		b.b_n = 0;
		if (lx_threads(bcast_thread, &b) != 0)
			all = false;
		for (i = 0; i < b.b_n; i++) {
			for (round = 0; round < 4000; round++) {
				if (atomic_load(&bc_acks[i]) == bc_seq ||
				    lx_thread_mask(b.b_tid[i], &mask) != 0)
					break;
				lx_yield(round);
			}
			/* Stopped by a debugger, say: it will, later. */
			if (round == 4000)
				all = false;
		}
		/* Without memory the first will have to do. */
	} while (b.b_n > 0 && told != NULL);
	if (told != NULL)
		lx_unmap(told, BC_TIDS / 8);
	return (all);
}

void
sig_force(uint64_t add, uint64_t del, uint64_t *minep)
{
	uint64_t now, p, prev;
	bool all;

	prev = atomic_load(&sig_forced);
	now = (prev | add) & ~del;
	if (now == prev)
		return;
	if (prev == 0) {
		rt_choose();
		(void)atomic_fetch_add(&sig_epoch, 1);
	}
	p = sig_programmask(*minep, prev);
	atomic_store(&sig_forced, now);
	*minep = sig_kernelmask(p, now);
	all = broadcast(prev);
	/* Removed only when nobody can have it pending, for it would kill. */
	if (now == 0 && all)
		rt_remove();
}

void
sig_rtyield(int sig)
{
	bool again;

	if (sig_rt != sig)
		return;
	again = sig_rtset;
	rt_remove();
	rt_choose();
	if (again)
		(void)rt_install();
}

void
sigforce_reset(void)
{
	rt_remove();
	atomic_store(&sig_forced, 0);
	sig_thr.forced = sig_thr.hidden = 0;
}
