/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a knote: memory, finding, registration, activation, the end.
 *
 * Where DragonFly marks a knote as being processed and has others sleep, here
 * kq_lock is held from the first look to the post: nothing that is done with a
 * knote can sleep.
 */
#include "kqueue_var.h"

#include <limits.h>

#include "filter.h"

#define	KNOTE_BLOCK	42		/* with the link, a page of them */

struct knblock {
	struct knblock	*kb_next;
	struct knote	 kb_kn[KNOTE_BLOCK];
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct knblock) <= 4096,
    "a block of knotes is a page");

struct knote *
knote_alloc(struct kqueue *kq)
{
	struct knblock *kb;
	struct knote *kn;
	int i;

	KQ_ASSERT_LOCKED(kq);
	if (KQ_UNLIKELY(SLIST_EMPTY(&kq->kq_knfree))) {
		if ((kb = arena_alloc(sizeof(*kb))) == NULL)
			return (NULL);
		kb->kb_next = kq->kq_knblocks;
		kq->kq_knblocks = kb;
		for (i = KNOTE_BLOCK - 1; i >= 0; i--)
			SLIST_INSERT_HEAD(&kq->kq_knfree, &kb->kb_kn[i],
			    kn_link);
	}
	kn = SLIST_FIRST(&kq->kq_knfree);
	SLIST_REMOVE_HEAD(&kq->kq_knfree, kn_link);
	*kn = (struct knote){ .kn_kq = kq };
	kq->kq_nknotes++;
	return (kn);
}

void
knote_free(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;

	kn->kn_filter = 0;
	kn->kn_status = KN_DELETING;
	SLIST_INSERT_HEAD(&kq->kq_knfree, kn, kn_link);
	kq->kq_nknotes--;
}

/*
 * The hash of knotes without a descriptor.
 */

static struct klist *
knote_chain(struct kqueue *kq, short filter, uintptr_t ident)
{
	uint64_t h;

	/* Fibonacci hashing: idents are small numbers or aligned pointers. */
	h = ((uint64_t)ident ^ ((uint64_t)(unsigned short)filter << 56)) *
	    UINT64_C(0x9e3779b97f4a7c15);
	return (&kq->kq_hash[(h >> 32) & (kq->kq_hashsize - 1)]);
}

/* Double the hash; without memory it just gets slower. */
static int
knote_rehash(struct kqueue *kq)
{
	struct klist *old;
	struct knote *kn;
	uint32_t i, oldsize, size;

	old = kq->kq_hash;
	oldsize = kq->kq_hashsize;
	size = oldsize == 0 ? 64 : oldsize * 2;
	if (size < oldsize || (kq->kq_hash =
	    arena_alloc(size * sizeof(struct klist))) == NULL) {
		kq->kq_hash = old;
		return (oldsize == 0 ? ENOMEM : 0);
	}
	kq->kq_hashsize = size;
	for (i = 0; i < oldsize; i++) {
		while ((kn = SLIST_FIRST(&old[i])) != NULL) {
			SLIST_REMOVE_HEAD(&old[i], kn_link);
			SLIST_INSERT_HEAD(knote_chain(kq, kn->kn_filter,
			    kn->kn_id), kn, kn_link);
		}
	}
	arena_free(old, oldsize * sizeof(struct klist));
	return (0);
}

int
knote_attach(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	int error;

	KQ_ASSERT_LOCKED(kq);
	if (kq->kq_nhash >= kq->kq_hashsize &&
	    (error = knote_rehash(kq)) != 0)
		return (error);
	SLIST_INSERT_HEAD(knote_chain(kq, kn->kn_filter, kn->kn_id), kn,
	    kn_link);
	kq->kq_nhash++;
	return (0);
}

struct knote *
knote_find(struct kqueue *kq, short filter, uintptr_t ident)
{
	const struct filterops *fop;
	struct knote *kn;
	struct watch *w;
	int wf;

	KQ_ASSERT_LOCKED(kq);
	if ((fop = filter_lookup(filter)) == NULL)
		return (NULL);
	if ((fop->f_flags & FILTEROP_ISFD) != 0) {
		if (ident > INT_MAX)
			return (NULL);
		wf = filter_wf(filter);
		for (w = watch_find(kq, (int)ident); w != NULL; w = w->w_next) {
			kn = w->w_kn[wf];
			if (kn != NULL && kn->kn_filter == filter)
				return (kn);
		}
		return (NULL);
	}
	if (kq->kq_hashsize == 0)
		return (NULL);
	SLIST_FOREACH(kn, knote_chain(kq, filter, ident), kn_link) {
		if (kn->kn_filter == filter && kn->kn_id == ident)
			return (kn);
	}
	return (NULL);
}

/*
 * The pending queue.
 */

static void
knote_link(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;

	TAILQ_INSERT_TAIL(&kq->kq_head, kn, kn_tqe);
	kn->kn_status |= KN_QUEUED;
	atomic_store_explicit(&kq->kq_count, atomic_load_explicit(
	    &kq->kq_count, memory_order_relaxed) + 1, memory_order_relaxed);
	if (watch_held(kn))
		kn->kn_status |= KN_HELD;
	else {
		kq->kq_nbell++;
		/* READ-61: another kqueue wants to hear of each. */
		if (KQ_UNLIKELY(atomic_load_explicit(&kq->kq_watched,
		    memory_order_relaxed)))
			kq->kq_attn |= KQA_RINGAGAIN;
	}
	if ((kn->kn_status & KN_EDGE) != 0)
		kq->kq_nedge++;
	kq->kq_seq++;
}

void
knote_enqueue(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;

	KQ_ASSERT_LOCKED(kq);
	assert((kn->kn_status & KN_QUEUED) == 0);
	knote_link(kn);
	/* KQ-18: who watches himself is told of every other. */
	if (KQ_UNLIKELY(kq->kq_selfkn != NULL) && kn != kq->kq_selfkn)
		knote_activate(kq->kq_selfkn);
}

void
knote_dequeue(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;

	KQ_ASSERT_LOCKED(kq);
	assert((kn->kn_status & KN_QUEUED) != 0);
	TAILQ_REMOVE(&kq->kq_head, kn, kn_tqe);
	atomic_store_explicit(&kq->kq_count, atomic_load_explicit(
	    &kq->kq_count, memory_order_relaxed) - 1, memory_order_relaxed);
	if ((kn->kn_status & KN_HELD) == 0)
		kq->kq_nbell--;
	if ((kn->kn_status & KN_EDGE) != 0)
		kq->kq_nedge--;
	kn->kn_status &= (unsigned short)~(KN_QUEUED | KN_HELD);
}

void
knote_activate(struct knote *kn)
{
	kn->kn_status |= KN_ACTIVE;
	if ((kn->kn_status & (KN_QUEUED | KN_DISABLED)) == 0)
		knote_enqueue(kn);
}

/*
 * The end.
 */

void
knote_drop(struct knote *kn)
{
	const struct filterops *fop;
	struct kqueue *kq = kn->kn_kq;

	KQ_ASSERT_LOCKED(kq);
	fop = filter_lookup(kn->kn_filter);
	kn->kn_status |= KN_DELETING;
	if (kq->kq_selfkn == kn)
		kq->kq_selfkn = NULL;
	if ((kn->kn_status & KN_QUEUED) != 0)
		knote_dequeue(kn);
	fop->f_detach(kn);
	if ((fop->f_flags & FILTEROP_ISFD) == 0) {
		SLIST_REMOVE(knote_chain(kq, kn->kn_filter, kn->kn_id), kn,
		    knote, kn_link);
		kq->kq_nhash--;
	}
	knote_free(kn);
}

void
knote_detachall(struct kqueue *kq)
{
	const struct filterops *fop;
	struct knblock *kb;
	struct knote *kn;
	int i;

	for (kb = kq->kq_knblocks; kb != NULL; kb = kb->kb_next) {
		for (i = 0; i < KNOTE_BLOCK; i++) {
			kn = &kb->kb_kn[i];
			if (kn->kn_filter == 0)
				continue;
			fop = filter_lookup(kn->kn_filter);
			if ((fop->f_flags & FILTEROP_DETACH) == 0)
				continue;
			kn->kn_status |= KN_DELETING;
			fop->f_detach(kn);
		}
	}
}

void
knote_freeall(struct kqueue *kq)
{
	struct knblock *kb;

	while ((kb = kq->kq_knblocks) != NULL) {
		kq->kq_knblocks = kb->kb_next;
		arena_free(kb, sizeof(*kb));
	}
	SLIST_INIT(&kq->kq_knfree);
	TAILQ_INIT(&kq->kq_head);
	arena_free(kq->kq_hash, kq->kq_hashsize * sizeof(struct klist));
	kq->kq_hash = NULL;
	kq->kq_hashsize = kq->kq_nhash = kq->kq_nknotes = 0;
}

void
knote_unstamp(struct kqueue *kq)
{
	struct knblock *kb;
	int i;

	for (kb = kq->kq_knblocks; kb != NULL; kb = kb->kb_next) {
		for (i = 0; i < KNOTE_BLOCK; i++)
			kb->kb_kn[i].kn_stamp = 0;
	}
}

/*
 * Registration.
 */

/* EV_ADD of what is not there yet (REG-9, REG-10). */
static int
kqueue_add(struct kqueue *kq, const struct filterops *fop,
    const struct kevent *kev)
{
	struct knote *kn;
	int error;

	if ((kn = knote_alloc(kq)) == NULL)
		return (ENOMEM);
	kn->kn_id = kev->ident;
	kn->kn_filter = kev->filter;
	kn->kn_flags = kev->flags;
	kn->kn_sfflags = kev->fflags;
	kn->kn_sdata = kev->data;
	kn->kn_udata = kev->udata;
	/*
	 * REG-12: DragonFly evaluates before it disables; that difference
	 * would show for a moment in the pending counter only.
	 */
	if ((kev->flags & (EV_DISABLE | EV_ENABLE)) == EV_DISABLE)
		kn->kn_status |= KN_DISABLED;
	if ((fop->f_flags & FILTEROP_ISFD) == 0 &&
	    (error = knote_attach(kn)) != 0)
		goto fail;
	if ((error = fop->f_attach(kn)) != 0)
		goto fail_hash;
	if (fop->f_event(kn, 0))
		knote_activate(kn);
	return (0);

fail_hash:
	if ((fop->f_flags & FILTEROP_ISFD) == 0) {
		SLIST_REMOVE(knote_chain(kq, kn->kn_filter, kn->kn_id), kn,
		    knote, kn_link);
		kq->kq_nhash--;
	}
fail:
	knote_free(kn);
	return (error);
}

/* A change of what is there: REG-16 to REG-20, REG-24 to REG-30. */
static int
kqueue_modify(const struct filterops *fop, struct knote *kn,
    const struct kevent *kev)
{
	int error;

	if (fop->f_modify != NULL) {
		if ((error = fop->f_modify(kn, kev)) != 0)
			return (error);
	} else
		filter_store(kn, kev);
	if (fop->f_event(kn, 0))
		knote_activate(kn);
	if ((kev->flags & (EV_DISABLE | EV_ENABLE)) == EV_DISABLE &&
	    (kn->kn_status & KN_DISABLED) == 0) {
		kn->kn_status |= KN_DISABLED;
		if (fop->f_enable != NULL &&
		    (error = fop->f_enable(kn, false)) != 0) {
			kn->kn_status &= (unsigned short)~KN_DISABLED;
			return (error);
		}
	}
	if ((kev->flags & EV_ENABLE) != 0 &&
	    (kn->kn_status & KN_DISABLED) != 0) {
		kn->kn_status &= (unsigned short)~KN_DISABLED;
		if (fop->f_enable != NULL &&
		    (error = fop->f_enable(kn, true)) != 0) {
			kn->kn_status |= KN_DISABLED;
			return (error);
		}
		if ((kn->kn_status & (KN_ACTIVE | KN_QUEUED)) == KN_ACTIVE)
			knote_enqueue(kn);
	}
	return (0);
}

int
kqueue_register(struct kqueue *kq, const struct kevent *kev)
{
	const struct dialect *d = kq->kq_dialect;
	const struct filterops *fop;
	struct fdent *fe;
	struct knote *kn;
	int error;
	bool isfd;

	KQ_ASSERT_LOCKED(kq);
	/* REG-1 is the order of these checks. */
	if ((fop = filter_lookup(kev->filter)) == NULL)
		return (EINVAL);
	isfd = (fop->f_flags & FILTEROP_ISFD) != 0;
	if (isfd) {
		fe = kev->ident > INT_MAX ? NULL : fdtab_peek((int)kev->ident);
		/*
		 * REG-4.  A number that is far from all others is asked about
		 * before any table grows for it, and those of the library's own
		 * descriptors are nobody's.
		 */
		if (fe == NULL ? kev->ident > INT_MAX ||
		    !lx_fd_isopen((int)kev->ident) :
		    atomic_load_explicit(&fe->fe_ref, memory_order_relaxed) ==
		    FE_INTERNAL)
			return (EBADF);
	}
	if (KQ_UNLIKELY((kev->flags & (EV_ENABLE | EV_DISABLE)) ==
	    (EV_ENABLE | EV_DISABLE) && d->d_both_einval))
		return (EINVAL);		/* REG-28 */
	if (isfd && !watch_current(kq, (int)kev->ident))
		watch_closed(kq, (int)kev->ident, true);

	kn = knote_find(kq, kev->filter, kev->ident);
	if (kn == NULL) {
		if ((kev->flags & EV_ADD) == 0)
			return (isfd && !lx_fd_isopen((int)kev->ident) ?
			    EBADF : ENOENT);	/* REG-3, REG-7 */
		return (kqueue_add(kq, fop, kev));
	}
	/* REG-21: DragonFly ignores the delete beside an add. */
	if ((kev->flags & EV_DELETE) != 0 &&
	    ((kev->flags & EV_ADD) == 0 || d->d_delete_wins)) {
		knote_drop(kn);
		return (0);
	}
	error = kqueue_modify(fop, kn, kev);
	if (KQ_LIKELY(error != ENOENT || !isfd))
		return (error);
	/* The number was closed unseen, and means another file (REG-33). */
	watch_closed(kq, (int)kev->ident, true);
	if ((kev->flags & EV_ADD) == 0)
		return (ENOENT);
	return (kqueue_add(kq, fop, kev));
}
