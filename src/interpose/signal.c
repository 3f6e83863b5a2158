/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_SIGNAL: signals sent to this process.
 *
 * BSD: every send counts, whatever the disposition, and nothing else happens
 * to the signal (SIG-1 to SIG-10).  Linux: src/interpose counts, in a counter
 * per signal that only grows; what a knote has not delivered yet is the
 * difference to its own mark (kn_deadline).  So any number of kqueues count
 * each signal, and none needs another's lock.
 *
 * A kqueue hears of signals through a sink: an eventfd that the counting rings,
 * and a signalfd for those that are blocked.  Both are made with its first
 * knote and closed with its last.
 *
 * Standard signals merge while they are pending (SIG-6): CAVEATS.
 */
#include "filter.h"

#include "lx_proc.h"

/* kq_priv of the filter. */
struct sigq {
	struct sigsink	*sq_sink;
	struct watch	*sq_bell;
	struct watch	*sq_signalfd;
	uint64_t	 sq_set;	/* with a knote */
	uint64_t	 sq_ring;	/* with an enabled knote */
};

static struct sigq *
sigq_of(struct kqueue *kq)
{
	return (kq->kq_priv[~EVFILT_SIGNAL]);
}

/* Any ident is accepted; senseless ones never fire (SIG-1). */
static bool
sig_valid(const struct knote *kn)
{
	return (kn->kn_id >= 1 && kn->kn_id <= LX_NSIG);
}

static bool
sig_ready(const struct knote *kn)
{
	return (sig_valid(kn) && (kn->kn_data != 0 ||
	    sigwatch_count((int)kn->kn_id) != (uint64_t)kn->kn_deadline));
}

/* Activate whose counter has moved. */
static void
sigq_look(struct kqueue *kq)
{
	struct sigq *sq = sigq_of(kq);
	struct knote *kn;
	uint64_t set;
	int sig;

	for (set = sq->sq_set; set != 0; set &= set - 1) {
		sig = __builtin_ctzll(set) + 1;
		kn = knote_find(kq, EVFILT_SIGNAL, (uintptr_t)sig);
		if (kn != NULL && sig_ready(kn))
			knote_activate(kn);
	}
}

static void
sigq_bellfire(struct watch *w, uint32_t revents)
{
	(void)revents;
	sigq_look(watch_kq(w));
}

static void
sigq_signalfdfire(struct watch *w, uint32_t revents)
{
	struct kqueue *kq = watch_kq(w);

	(void)revents;
	sigsink_collect(sigq_of(kq)->sq_sink);
	sigq_look(kq);
}

static void
sigq_free(struct kqueue *kq)
{
	struct sigq *sq = sigq_of(kq);

	/* The entries of a kqueue that dies go with it. */
	if (atomic_load(&kq->kq_alive)) {
		if (sq->sq_bell != NULL)
			source_del(kq, sq->sq_bell);
		if (sq->sq_signalfd != NULL)
			source_del(kq, sq->sq_signalfd);
	}
	sigsink_put(sq->sq_sink);
	kq->kq_priv[~EVFILT_SIGNAL] = NULL;
	arena_free(sq, sizeof(*sq));
}

static int
sigq_get(struct kqueue *kq, struct sigq **sqp)
{
	struct sigq *sq;
	int error, fd;

	if ((*sqp = sigq_of(kq)) != NULL)
		return (0);
	if ((sq = arena_alloc(sizeof(*sq))) == NULL)
		return (ENOMEM);
	if ((error = sigsink_get(&sq->sq_sink)) != 0) {
		arena_free(sq, sizeof(*sq));
		return (error);
	}
	kq->kq_priv[~EVFILT_SIGNAL] = sq;
	if ((error = sigsink_signalfd(sq->sq_sink, &fd)) != 0 ||
	    (error = source_add(kq, fd, LX_IN | LX_EDGE, sigq_signalfdfire,
	    NULL, &sq->sq_signalfd)) != 0 ||
	    (error = source_add(kq, sigsink_bell(sq->sq_sink),
	    LX_IN | LX_EDGE, sigq_bellfire, NULL, &sq->sq_bell)) != 0) {
		sigq_free(kq);
		return (error);
	}
	*sqp = sq;
	return (0);
}

static int
filt_sigattach(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	struct sigq *sq;
	uint64_t bit;
	int error, sig;

	kn->kn_flags |= EV_CLEAR;	/* SIG-2 */
	if (!sig_valid(kn))
		return (0);
	sig = (int)kn->kn_id;
	bit = LX_SIGBIT(sig);
	if ((error = kqueue_needbell(kq)) != 0 ||
	    (error = sigq_get(kq, &sq)) != 0)
		return (error);
	kn->kn_deadline = (int64_t)sigwatch_count(sig);
	sq->sq_set |= bit;
	if ((kn->kn_status & KN_DISABLED) == 0)
		sq->sq_ring |= bit;
	sigsink_set(sq->sq_sink, sq->sq_ring, sq->sq_set);
	if ((error = sigwatch_add(sig)) != 0) {
		sq->sq_set &= ~bit;
		sq->sq_ring &= ~bit;
		sigsink_set(sq->sq_sink, sq->sq_ring, sq->sq_set);
		if (sq->sq_set == 0)
			sigq_free(kq);
	}
	return (error);
}

static void
filt_sigdetach(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	struct sigq *sq = sigq_of(kq);
	uint64_t bit;

	if (!sig_valid(kn))
		return;
	bit = LX_SIGBIT(kn->kn_id);
	sq->sq_set &= ~bit;
	sq->sq_ring &= ~bit;
	sigwatch_del((int)kn->kn_id);
	sigsink_set(sq->sq_sink, sq->sq_ring, sq->sq_set);
	if (sq->sq_set == 0)
		sigq_free(kq);
}

static bool
filt_signal(struct knote *kn, long hint)
{
	(void)hint;
	return (sig_ready(kn));
}

/*
 * A disabled knote counts on (REG-24): its signal is still read, only the bell
 * is silent.
 */
static int
filt_sigenable(struct knote *kn, bool enable)
{
	struct sigq *sq = sigq_of(kn->kn_kq);

	if (!sig_valid(kn))
		return (0);
	if (enable)
		sq->sq_ring |= LX_SIGBIT(kn->kn_id);
	else
		sq->sq_ring &= ~LX_SIGBIT(kn->kn_id);
	sigsink_set(sq->sq_sink, sq->sq_ring, sq->sq_set);
	/* It may have come before the bell was on. */
	if (enable && sig_ready(kn))
		knote_activate(kn);
	return (0);
}

static bool
filt_sigprocess(struct knote *kn, struct kevent *kev)
{
	uint64_t now;

	if (sig_valid(kn)) {
		now = sigwatch_count((int)kn->kn_id);
		kn->kn_data += (intptr_t)(now - (uint64_t)kn->kn_deadline);
		kn->kn_deadline = (int64_t)now;
	}
	kev->flags = kn->kn_flags;
	kev->fflags = 0;
	kev->data = kn->kn_data;
	return (kn->kn_data != 0);
}

const struct filterops sig_filtops = {
	.f_flags = FILTEROP_DETACH,
	.f_attach = filt_sigattach,
	.f_detach = filt_sigdetach,
	.f_event = filt_signal,
	.f_enable = filt_sigenable,
	.f_process = filt_sigprocess,
};
