/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counting, and how a kqueue hears of it.
 *
 * A signal has one counter, which only grows.  A sink is a kqueue's: an eventfd
 * (the bell) that rings when one of its signals is counted, and a signalfd from
 * which those are taken that are blocked.  Sinks are type-stable memory in a
 * list that handlers walk without a lock; ss_users keeps the bell's descriptor
 * while somebody rings it, and the last of them closes it.
 */
#include "sigstate.h"

#define	SINK_CLOSING	0x80000000u	/* in ss_users */

_Atomic(struct sigsink *) sig_sinks;
static _Atomic uint64_t sig_counts[LX_NSIG + 1];	/* [a] */
static _Atomic int sig_resent[LX_NSIG + 1];	/* [a] arrivals of our doing */
static _Atomic int sig_collecting;	/* [a] threads that read just now */

uint64_t
sigwatch_count(int sig)
{
	return (atomic_load(&sig_counts[sig]));
}

void
sigsink_ring(uint64_t set, const struct sigsink *except)
{
	struct sigsink *s;
	uint32_t users;
	int fd;

	for (s = atomic_load_explicit(&sig_sinks, memory_order_acquire);
	    s != NULL; s = s->ss_next) {
		if (s == except || (atomic_load(&s->ss_ring) & set) == 0)
			continue;
		users = atomic_fetch_add(&s->ss_users, 1);
		if ((users & SINK_CLOSING) == 0 &&
		    (fd = atomic_load(&s->ss_bell)) > 0)
			lx_eventfd_ring(fd - 1);
		users = atomic_fetch_sub(&s->ss_users, 1);
		if (users == (SINK_CLOSING | 1) &&
		    (fd = atomic_exchange(&s->ss_bell, 0)) > 0) {
			fdtab_disown(fd - 1);
			(void)atomic_fetch_and(&s->ss_users, ~SINK_CLOSING);
		}
	}
}

bool
sig_arrived(int sig)
{
	int n;

	sig_thr.given &= ~BIT(sig);
	n = atomic_load(&sig_resent[sig]);
	while (n > 0) {
		if (atomic_compare_exchange_weak(&sig_resent[sig], &n, n - 1))
			return (false);
	}
	(void)atomic_fetch_add(&sig_counts[sig], 1);
	return (true);
}

void
sig_resend(int sig, int n)
{
	if (n < 0)
		atomic_store(&sig_resent[sig], 0);
	else
		(void)atomic_fetch_add(&sig_resent[sig], n);
}

void
sig_count(int sig)
{
	(void)atomic_fetch_add(&sig_counts[sig], 1);
	sigsink_ring(BIT(sig), NULL);
}

/*
 * Read and count what a signalfd has; the set of them.  *againp gets those that
 * collect_settle() has to look at.
 */
static uint64_t
collect(int fd, uint64_t *againp)
{
	struct lx_siginfo ls[8];
	uint64_t bit, bits;
	int i, n;

	bits = 0;
	(void)atomic_fetch_add(&sig_collecting, 1);
	do {
		if (lx_signalfd_read(fd, ls, 8, &n) != 0)
			break;
		for (i = 0; i < n; i++) {
			bit = BIT(ls[i].ls_signo);
			if (sig_arrived(ls[i].ls_signo))
				bits |= bit;
			/* Blocked for our sake: nobody else wants it. */
			if ((atomic_load(&sig_forced) & bit) != 0 &&
			    (sig_thr.epoch != atomic_load(&sig_epoch) ||
			    (sig_thr.forced & bit) != 0))
				continue;
			owed_put(&ls[i].ls_info);
			*againp |= bit;
		}
	} while (n == 8);
	(void)atomic_fetch_sub(&sig_collecting, 1);
	return (bits);
}

void
sig_collectsettle(uint64_t again)
{
	uint64_t mine;

	if (KQ_LIKELY(again == 0) || lx_nthreads() == 1 ||
	    (again & ~atomic_load(&sig_forced)) == 0)
		return;
	siglock(&mine);
	again &= ~atomic_load(&sig_forced);
	sig_readeval(again, mine);
	again &= ~atomic_load(&sig_read);
	if (again != 0)
		owed_giveback(again, true);
	sigunlock(mine);
}

void
sig_collected(void)
{
	int round;

	for (round = 0; round < 200 && atomic_load(&sig_collecting) != 0;
	    round++)
		lx_yield(round);
}

void
sigsink_collect(struct sigsink *s)
{
	uint64_t again, bits;
	int fd;

	if ((fd = atomic_load(&s->ss_sfd)) == 0)
		return;
	again = 0;
	bits = collect(fd - 1, &again);
	sig_collectsettle(again);
	if (bits != 0)
		sigsink_ring(bits, s);
}

uint64_t
sig_collect(int sig, uint64_t *againp)
{
	struct sigsink *s;
	uint64_t bits;
	int fd;

	bits = *againp = 0;
	for (s = atomic_load(&sig_sinks); s != NULL && bits == 0;
	    s = s->ss_next) {
		if ((atomic_load(&s->ss_read) & BIT(sig)) != 0 &&
		    (fd = atomic_load(&s->ss_sfd)) > 0)
			bits |= collect(fd - 1, againp);
	}
	return (bits);
}

void
sig_collectnow(int sig)
{
	uint64_t again, bits;
	int saved;

	if (sig < 1 || sig > LX_NSIG ||
	    (atomic_load(&sig_read) & BIT(sig)) == 0 || !sig_ours())
		return;
	saved = errno;
	bits = sig_collect(sig, &again);
	sig_collectsettle(again);
	if (bits != 0)
		sigsink_ring(bits, NULL);
	errno = saved;
}

int
sigsink_get(struct sigsink **sp)
{
	struct sigsink *s;
	uint64_t mine;
	int error, fd;

	if ((error = fdtab_own(lx_eventfd, &fd)) != 0)
		return (error);
	siglock(&mine);
	if (sig_pid != lx_getpid()) {
		sigunlock(mine);
		sig_forkchild();
		siglock(&mine);
		sig_pid = lx_getpid();
	}
	for (s = atomic_load(&sig_sinks); s != NULL; s = s->ss_next) {
		if (!s->ss_used && atomic_load(&s->ss_users) == 0)
			break;
	}
	if (s == NULL) {
		if ((s = arena_alloc(sizeof(*s))) == NULL) {
			sigunlock(mine);
			fdtab_disown(fd);
			return (ENOMEM);
		}
		s->ss_next = atomic_load(&sig_sinks);
		atomic_store_explicit(&sig_sinks, s, memory_order_release);
	}
	s->ss_used = true;
	atomic_store(&s->ss_read, 0);
	s->ss_installed = 0;
	atomic_store(&s->ss_bell, fd + 1);
	sigunlock(mine);
	*sp = s;
	return (0);
}

void
sigsink_put(struct sigsink *s)
{
	uint64_t mine;
	int fd, sfd;

	siglock(&mine);
	atomic_store(&s->ss_ring, 0);
	atomic_store(&s->ss_read, 0);
	sfd = atomic_exchange(&s->ss_sfd, 0);
	s->ss_used = false;
	if (atomic_fetch_or(&s->ss_users, SINK_CLOSING) == 0 &&
	    (fd = atomic_exchange(&s->ss_bell, 0)) > 0) {
		fdtab_disown(fd - 1);
		(void)atomic_fetch_and(&s->ss_users, ~SINK_CLOSING);
	}
	sigunlock(mine);
	if (sfd > 0)
		fdtab_disown(sfd - 1);
}

int
sigsink_bell(struct sigsink *s)
{
	return (atomic_load(&s->ss_bell) - 1);
}

int
sigsink_signalfd(struct sigsink *s, int *fdp)
{
	int error, fd;

	if ((fd = atomic_load(&s->ss_sfd)) == 0) {
		if ((error = fdtab_own(lx_signalfd, &fd)) != 0)
			return (error);
		atomic_store(&s->ss_sfd, ++fd);
	}
	*fdp = fd - 1;
	return (0);
}

static void
install(struct sigsink *s)
{
	uint64_t set;

	set = atomic_load(&s->ss_read) & atomic_load(&sig_read);
	if (atomic_load(&s->ss_sfd) == 0 || set == s->ss_installed)
		return;
	s->ss_installed = set;
	(void)lx_signalfd_set(atomic_load(&s->ss_sfd) - 1, set);
}

void
sigsink_install(void)
{
	struct sigsink *s;

	for (s = atomic_load(&sig_sinks); s != NULL; s = s->ss_next)
		install(s);
}

void
sigsink_set(struct sigsink *s, uint64_t ring, uint64_t read)
{
	uint64_t mine;

	atomic_store(&s->ss_ring, ring);
	if (atomic_load(&s->ss_read) == read)
		return;
	siglock(&mine);
	atomic_store(&s->ss_read, read);
	install(s);
	sigunlock(mine);
}

void
sigsink_reset(void)
{
	int sig;

	for (sig = 1; sig <= LX_NSIG; sig++)
		atomic_store(&sig_resent[sig], 0);
	atomic_store(&sig_collecting, 0);
	atomic_store(&sig_sinks, NULL);
}
