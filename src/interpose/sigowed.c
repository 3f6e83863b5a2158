/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owed signals: taken from a signalfd, so that the next one counts too, but
 * still the program's, which blocks them and will look for them one day.
 *
 * One that was sent to a thread (SI_TKILL) was read by that thread, for nobody
 * else can, and is that thread's; the others are the process's.
 */
#include "sigstate.h"

#define	NOWED	96

/* Put in without a lock, taken out under it. */
static struct owed {
	_Atomic int	o_state;	/* [a] 0 free, 1 being filled, 2 full */
	int		o_tid;		/* while o_state is 1; 0: any thread's */
	uint32_t	o_seq;		/* while o_state is 1; the order */
	siginfo_t	o_info;		/* while o_state is 1 */
} owed[NOWED];
static _Atomic uint32_t owed_seq;	/* [a] */
static _Atomic int owed_n;		/* [a] */

void
owed_put(const siginfo_t *si)
{
	struct owed *o;
	int i, tid, zero;

	tid = si->si_code == SI_TKILL ? lx_gettid() : 0;
	for (i = 0; i < NOWED; i++) {
		o = &owed[i];
		/* The kernel has one of a standard signal pending, too. */
		if (si->si_signo < 32 && atomic_load(&o->o_state) == 2 &&
		    o->o_info.si_signo == si->si_signo && o->o_tid == tid)
			return;
	}
	for (i = 0; i < NOWED; i++) {
		o = &owed[i];
		zero = 0;
		if (!atomic_compare_exchange_strong(&o->o_state, &zero, 1))
			continue;
		o->o_info = *si;
		o->o_tid = tid;
		o->o_seq = atomic_fetch_add(&owed_seq, 1);
		(void)atomic_fetch_add(&owed_n, 1);
		atomic_store(&o->o_state, 2);
		return;
	}
	/* More than NOWED are lost for the program: kqueue.3, CAVEATS. */
}

uint64_t
owed_set(void)
{
	uint64_t bits;
	int i, self;

	bits = 0;
	self = lx_gettid();
	for (i = 0; i < NOWED; i++) {
		if (atomic_load(&owed[i].o_state) == 2 &&
		    (owed[i].o_tid == 0 || owed[i].o_tid == self))
			bits |= BIT(owed[i].o_info.si_signo);
	}
	return (bits);
}

/* The oldest of some signals; not another thread's than tid's, if that is one. */
static struct owed *
oldest(uint64_t bits, int tid)
{
	struct owed *best, *o;

	best = NULL;
	for (o = owed; o < owed + NOWED; o++) {
		if (atomic_load(&o->o_state) == 2 &&
		    (bits & BIT(o->o_info.si_signo)) != 0 &&
		    (tid == 0 || o->o_tid == 0 || o->o_tid == tid) &&
		    (best == NULL || (int32_t)(o->o_seq - best->o_seq) < 0))
			best = o;
	}
	return (best);
}

void
owed_giveback(uint64_t bits, bool process)
{
	struct owed *o;
	siginfo_t si;
	int self, tid;

	/* Whoever reads just now may still add to it. */
	sig_collected();
	if (atomic_load(&owed_n) == 0)
		return;
	self = lx_gettid();
	while ((o = oldest(bits, process ? 0 : self)) != NULL) {
		si = o->o_info;
		tid = process ? o->o_tid : self;
		(void)atomic_fetch_sub(&owed_n, 1);
		atomic_store(&o->o_state, 0);
		sig_resend(si.si_signo, 1);
		if (tid == self)
			sig_thr.given |= BIT(si.si_signo);
		/* Nobody may say SI_USER and the like but to himself. */
		if (lx_sigqueue(tid, &si) == EPERM) {
			si.si_code = SI_QUEUE;
			(void)lx_sigqueue(tid, &si);
		}
	}
}

void
owed_drop(uint64_t bits)
{
	struct owed *o;
	int i, two;

	for (i = 0; i < NOWED; i++) {
		o = &owed[i];
		two = 2;
		if (atomic_load(&o->o_state) == 2 &&
		    (bits & BIT(o->o_info.si_signo)) != 0 &&
		    atomic_compare_exchange_strong(&o->o_state, &two, 0))
			(void)atomic_fetch_sub(&owed_n, 1);
	}
}

void
owed_drain(int sig)
{
	struct lx_siginfo ls[8];
	int fd, i, n;

	if ((lx_sigpending() & BIT(sig)) == 0 || lx_signalfd(&fd) != 0)
		return;
	if (lx_signalfd_set(fd, BIT(sig)) == 0) {
		do {
			if (lx_signalfd_read(fd, ls, 8, &n) != 0)
				break;
			for (i = 0; i < n; i++)
				owed_put(&ls[i].ls_info);
		} while (n == 8);
	}
	lx_close(fd);
}

void
owed_reset(void)
{
	int i;

	for (i = 0; i < NOWED; i++)
		atomic_store(&owed[i].o_state, 0);
	atomic_store(&owed_n, 0);
}
