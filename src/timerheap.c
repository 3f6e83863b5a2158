/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deadlines of a kqueue: a 4-ary heap and one timerfd, which is armed for
 * the earliest only.  What comes later costs no system call, and neither does
 * what goes away without having been the earliest.
 *
 * A timer that is due leaves the heap until it was delivered; what expires
 * meanwhile is counted by division (filters/timer.c).  Disabled ones are not in
 * it either, or pollers would see a readiness that is none.
 */
#include <limits.h>

#include "filter.h"

static void
timerheap_set(struct kqueue *kq, uint32_t i, struct timerslot ts)
{
	kq->kq_heap[i] = ts;
	ts.ts_kn->kn_heap = i + 1;
}

/* Move the slot at i to where it belongs. */
static void
timerheap_sift(struct kqueue *kq, uint32_t i)
{
	struct timerslot ts = kq->kq_heap[i];
	uint32_t child, end, least, parent;

	while (i > 0) {
		parent = (i - 1) / 4;
		if (kq->kq_heap[parent].ts_deadline <= ts.ts_deadline)
			break;
		timerheap_set(kq, i, kq->kq_heap[parent]);
		i = parent;
	}
	for (;;) {
		child = i * 4 + 1;
		if (child >= kq->kq_nheap)
			break;
		end = child + 4 < kq->kq_nheap ? child + 4 : kq->kq_nheap;
		for (least = child++; child < end; child++) {
			if (kq->kq_heap[child].ts_deadline <
			    kq->kq_heap[least].ts_deadline)
				least = child;
		}
		if (kq->kq_heap[least].ts_deadline >= ts.ts_deadline)
			break;
		timerheap_set(kq, i, kq->kq_heap[least]);
		i = least;
	}
	timerheap_set(kq, i, ts);
}

int
timerheap_insert(struct kqueue *kq, struct knote *kn, int64_t deadline)
{
	struct timerslot *heap;
	uint32_t max;

	KQ_ASSERT_LOCKED(kq);
	if (kn->kn_heap != 0) {
		kq->kq_heap[kn->kn_heap - 1].ts_deadline = deadline;
		timerheap_sift(kq, kn->kn_heap - 1);
		return (0);
	}
	if (kq->kq_nheap == kq->kq_heapmax) {
		max = kq->kq_heapmax == 0 ? 16 : kq->kq_heapmax * 2;
		if (max < kq->kq_heapmax || (heap = arena_grow(kq->kq_heap,
		    kq->kq_heapmax * sizeof(*heap),
		    max * sizeof(*heap))) == NULL)
			return (ENOMEM);
		kq->kq_heap = heap;
		kq->kq_heapmax = max;
	}
	kq->kq_heap[kq->kq_nheap] = (struct timerslot){ deadline, kn };
	timerheap_sift(kq, kq->kq_nheap++);
	return (0);
}

void
timerheap_remove(struct kqueue *kq, struct knote *kn)
{
	uint32_t i;

	KQ_ASSERT_LOCKED(kq);
	if (kn->kn_heap == 0)
		return;
	i = kn->kn_heap - 1;
	kn->kn_heap = 0;
	if (i != --kq->kq_nheap) {
		kq->kq_heap[i] = kq->kq_heap[kq->kq_nheap];
		timerheap_sift(kq, i);
	}
}

void
timerheap_free(struct kqueue *kq)
{
	arena_free(kq->kq_heap, kq->kq_heapmax * sizeof(*kq->kq_heap));
	kq->kq_heap = NULL;
	kq->kq_nheap = kq->kq_heapmax = 0;
}

void
timerheap_expire(struct kqueue *kq, int64_t now, int max)
{
	struct knote *kn;

	KQ_ASSERT_LOCKED(kq);
	while (max-- > 0 && kq->kq_nheap > 0 &&
	    kq->kq_heap[0].ts_deadline <= now) {
		kn = kq->kq_heap[0].ts_kn;
		timerheap_remove(kq, kn);
		knote_activate(kn);
	}
}

/* The timerfd fired: activate what is due, and arm it for what is next. */
static void
timerheap_fire(struct watch *w, uint32_t revents)
{
	struct kqueue *kq = watch_kq(w);

	(void)revents;
	kq->kq_tarmed = 0;
	/* What there is no room for stays: the timerfd then fires at once. */
	timerheap_expire(kq, lx_now(), kq->kq_room > 0 ? kq->kq_room : 1);
	(void)timerheap_arm(kq);
}

int
timerheap_need(struct kqueue *kq)
{
	int error, fd;

	KQ_ASSERT_LOCKED(kq);
	if (kq->kq_timer != NULL)
		return (0);
	if ((error = fdtab_own(lx_timerfd, &fd)) != 0)
		return (error);
	if ((error = source_add(kq, fd, LX_IN | LX_EDGE, timerheap_fire, NULL,
	    &kq->kq_timer)) != 0)
		fdtab_disown(fd);
	return (error);
}

void
timerheap_settle(struct kqueue *kq)
{
	int64_t next;

	KQ_ASSERT_LOCKED(kq);
	if (kq->kq_tarmed == 0 || (kq->kq_nheap > 0 &&
	    kq->kq_heap[0].ts_deadline <= kq->kq_tarmed))
		return;
	/* The timerfd may have fired for others too, and that is lost here. */
	timerheap_expire(kq, lx_now(), INT_MAX);
	next = kq->kq_nheap == 0 ? 0 : kq->kq_heap[0].ts_deadline;
	/* Also takes back an expiration that nobody fetched yet. */
	if (lx_timerfd_arm(kq->kq_timer->w_fd, next) == 0)
		kq->kq_tarmed = next;
}

int
timerheap_arm(struct kqueue *kq)
{
	int64_t earliest;
	int error;

	KQ_ASSERT_LOCKED(kq);
	if (kq->kq_nheap == 0 || kq->kq_timer == NULL)
		return (0);
	earliest = kq->kq_heap[0].ts_deadline;
	if (kq->kq_tarmed != 0 && kq->kq_tarmed <= earliest)
		return (0);
	/* 0 would disarm. */
	error = lx_timerfd_arm(kq->kq_timer->w_fd, earliest > 0 ? earliest : 1);
	if (error == 0)
		kq->kq_tarmed = earliest > 0 ? earliest : 1;
	return (error);
}
