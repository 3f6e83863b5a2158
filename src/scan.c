/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collecting: the kernel is asked, and the pending queue is scanned up to a
 * marker.
 *
 * A level knote of a descriptor leaves our queue when it was delivered: the
 * kernel's ready list holds it (KN_HELD) and reports it again, in rotation.
 * Everything else that stays pending has to keep the descriptor readable, and
 * is counted in kq_nbell; kqueue_leave() rings for it.
 *
 * SCAN-9 has three guards: the marker, for what is queued again behind it;
 * kn_stamp, for what a second harvest of the same call brings again; and the
 * lock, which is held from the harvest to the last post.
 */
#include "scan.h"

#include <limits.h>

int
kqueue_harvest(struct kqueue *kq, int max)
{
	struct lx_event ev[KQ_HARVEST];
	int n;

	n = lx_epoll_poll(atomic_load_explicit(&kq->kq_epfd,
	    memory_order_relaxed), ev, max);
	if (n > 0)
		kqueue_activate(kq, ev, n);
	else
		kq->kq_round++;		/* what was fresh is not any more */
	return (n);
}

void
kqueue_unqueue(struct kqueue *kq)
{
	struct knote *kn, *next;

	TAILQ_FOREACH_SAFE(kn, &kq->kq_head, kn_tqe, next) {
		if ((kn->kn_status & KN_HELD) != 0)
			continue;
		if (kn->kn_filter == EVFILT_TIMER) {
			/* Due already: the timerfd fires at once. */
			if (timerheap_insert(kq, kn, kn->kn_data == 0 &&
			    kn->kn_deadline > 0 ? kn->kn_deadline : 1) != 0)
				continue;
			knote_dequeue(kn);
			kn->kn_status &= (unsigned short)~KN_ACTIVE;
			kq->kq_tarmed = 0;
		} else if (kn->kn_filter == EVFILT_READ ||
		    kn->kn_filter == EVFILT_WRITE ||
		    kn->kn_filter == EVFILT_EXCEPT) {
			if (kn->kn_watch == NULL ||
			    kn->kn_watch->w_set == WSET_NONE)
				continue;
			knote_dequeue(kn);
			kn->kn_status &= (unsigned short)~KN_ACTIVE;
			watch_rearm(kq, kn->kn_watch);
		}
	}
	(void)timerheap_arm(kq);
}

void
kqueue_posted(struct kqueue *kq, struct knote *kn)
{
	const struct filterops *fop = FILTER_OF(kn);

	if ((kn->kn_flags & EV_ONESHOT) != 0) {
		knote_drop(kn);
		return;
	}
	if ((kn->kn_flags & (EV_CLEAR | EV_DISPATCH)) != 0) {
		kn->kn_status &= (unsigned short)~KN_ACTIVE;
		if ((kn->kn_flags & EV_CLEAR) != 0) {
			kn->kn_data = 0;
			kn->kn_fflags = 0;
		}
		if ((kn->kn_flags & EV_DISPATCH) != 0)
			kn->kn_status |= KN_DISABLED;
		if (fop->f_delivered != NULL)
			fop->f_delivered(kn);
		return;
	}
	if (fop->f_delivered != NULL)
		fop->f_delivered(kn);
	/* A turned entry may have been turned back. */
	if (watch_held(kn)) {
		kn->kn_status &= (unsigned short)~KN_ACTIVE;
		kq->kq_tail++;
	} else if ((kn->kn_status & KN_QUEUED) == 0)
		knote_enqueue(kn);
}

void
kqueue_scan(struct kqueue *kq)
{
	struct knote *kn;

	KQ_ASSERT_LOCKED(kq);
	/* The lock is held until the marker is off the queue again. */
	TAILQ_INSERT_TAIL(&kq->kq_head, &kq->kq_marker, kn_tqe);
	while (kq->kq_room > 0) {
		kn = TAILQ_FIRST(&kq->kq_head);
		if (kn == &kq->kq_marker)
			break;
		knote_dequeue(kn);
		/* SCAN-3: it keeps KN_ACTIVE for the EV_ENABLE. */
		if ((kn->kn_status & KN_DISABLED) != 0)
			continue;
		/* Activated again after its delivery in this call. */
		if (KQ_UNLIKELY(kn->kn_stamp == kq->kq_call))
			knote_enqueue(kn);
		else
			kqueue_post(kq, kn);
	}
	TAILQ_REMOVE(&kq->kq_head, &kq->kq_marker, kn_tqe);
}

int
kqueue_pending(struct kqueue *kq)
{
	int n;

	KQ_ASSERT_LOCKED(kq);
	/* No stamp of a call that is at work elsewhere may hide anything. */
	kqueue_nextcall(kq);
	kq->kq_list = NULL;
	kq->kq_room = INT_MAX;
	/* What is fetched shall stay in our queue. */
	(void)kqueue_needbell(kq);
	do {
		kq->kq_attn &= ~KQA_TURNED;
		n = kqueue_harvest(kq, KQ_HARVEST);
	} while (n == KQ_HARVEST &&
	    atomic_load(&kq->kq_count) < (int)kq->kq_nknotes);
	return (atomic_load(&kq->kq_count));
}
