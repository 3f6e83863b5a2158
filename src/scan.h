/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery, inline where a report of the kernel leads straight to it
 * (report.c) and where the pending queue is scanned (scan.c).  kq_lock is held.
 */
#ifndef _KQ_SCAN_H_
#define	_KQ_SCAN_H_

#include "filter.h"

#pragma GCC visibility push(hidden)

/* SCAN-7, for a knote that is not queued and was posted. */
void	kqueue_posted(struct kqueue *, struct knote *);

/* Deliver one that is not queued, if it is ready; there is room. */
static inline void
kqueue_post(struct kqueue *kq, struct knote *kn)
{
	struct kevent *kev = kq->kq_list;

	kn->kn_status &= (unsigned short)~KN_ASK;
	/* SCAN-4 */
	if (KQ_UNLIKELY(!FILTER_OF(kn)->f_process(kn, kev))) {
		kn->kn_status &= (unsigned short)~KN_ACTIVE;
		return;
	}
	kev->ident = kn->kn_id;
	kev->filter = kn->kn_filter;
	kev->flags &= (unsigned short)~kq->kq_dialect->d_stripflags;
	kev->udata = kn->kn_udata;
	kq->kq_list = kev + 1;
	kq->kq_room--;
	kn->kn_stamp = kq->kq_call;
	if (KQ_LIKELY(watch_held(kn))) {
		/* The kernel's ready list is the tail of our queue. */
		kn->kn_status &= (unsigned short)~KN_ACTIVE;
		kq->kq_tail++;
	} else
		kqueue_posted(kq, kn);
}

#pragma GCC visibility pop

#endif /* !_KQ_SCAN_H_ */
