/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inotify instance of a kqueue, its own or one that is shared.
 *
 * Instances are few (128 per user).  When there are no more, the kqueues that
 * come later share one with a kqueue that has one, for the rest of their lives.
 * The nodes of all of them are in the tables of that instance then.  Whoever
 * reads a report leaves its bits in the nodes of all, and rings the eventfd
 * that each sharing kqueue has for that: an edge that somebody else has read
 * empty is not reported by epoll any more.
 *
 * Locks: a private instance and its nodes are [q], kq_lock's.  A shared one is
 * made so under the kq_lock of its owner, and from then on its tables, the
 * lists of nodes with bits and the nodes' bits are under fr_lock, which is
 * taken under kq_lock and under which only the arena's is taken.  What is in a
 * signal handler, by way of close(), cannot wait for it: then nodes and queues
 * are left on lists for whoever has the lock next.
 */
#include "file.h"
#include "fnode.h"

/* What the sharing kqueues of the process have, in a page that fork() wipes. */
struct froot {
	struct kq_lock	 fr_lock;
	struct finst	*fr_inst;
	_Atomic(struct fqueue *) fr_dead;
};
static _Atomic(struct froot *) file_root;

/* To find somebody who shares: for a second or so; in a handler, for a moment. */
#define	FILE_TRIES	10000
#define	FILE_FEWTRIES	20

static void	fqueue_release(struct fqueue *);

/* One more, or less, that others could share (r_ninotify). */
static void
finst_count(int n)
{
	(void)atomic_fetch_add(&kqroot_peek()->r_ninotify, n);
}

/* Do what could not be done without the lock. */
static void
froot_sweep(struct froot *fr)
{
	struct fqueue *fq, *next;

	/* Acquire: pairs with the push in file_closing(). */
	fq = atomic_exchange_explicit(&fr->fr_dead, NULL,
	    memory_order_acquire);
	for (; fq != NULL; fq = next) {
		next = fq->fq_dead;
		fqueue_release(fq);
	}
}

static void
froot_lock(struct froot *fr)
{
	kq_lock(&fr->fr_lock);
	froot_sweep(fr);
}

bool
fqueue_maywait(void)
{
	return (kq_nheld == 1);
}

void
fqueue_lock(struct fqueue *fq)
{
	struct fnode *fn;

	KQ_ASSERT_LOCKED(fq->fq_kq);
	if (fq->fq_inst->fi_shared)
		froot_lock(atomic_load(&file_root));
	while ((fn = fq->fq_unused) != NULL) {
		fq->fq_unused = fn->fn_unused;
		/* It may have found users since. */
		if (fnode_isunused(fn))
			fnode_free(fn);
	}
}

void
fqueue_unlock(struct fqueue *fq)
{
	if (fq->fq_inst->fi_shared)
		kq_unlock(&atomic_load(&file_root)->fr_lock);
}

void
fqueue_process(struct fqueue *fq)
{
	struct fnode *fn;

	finst_read(fq->fq_inst, fq);
	while ((fn = TAILQ_FIRST(&fq->fq_dirty)) != NULL) {
		fnode_unmark(fn);
		fnode_look(fn);
	}
}

void
file_sync(struct kqueue *kq)
{
	struct fqueue *fq = fqueue_peek(kq);

	fqueue_lock(fq);
	fqueue_process(fq);
	fqueue_unlock(fq);
}

/* The instance has reports, or the reader of them has left us mail. */
static void
fqueue_fire(struct watch *w, uint32_t revents)
{
	(void)revents;
	file_sync(((struct fqueue *)w->w_arg)->fq_kq);
}

/* Take a dead kqueue's nodes out of the shared instance; fr_lock is held. */
static void
fqueue_release(struct fqueue *fq)
{
	struct froot *fr = atomic_load(&file_root);
	struct finst *fi = fq->fq_inst;
	struct fkey *fk, *next;
	struct fnode *fn;
	uint32_t i;

	for (i = 0; i < fi->fi_bywd.ft_size; i++) {
		for (fk = fi->fi_bywd.ft_heads[i]; fk != NULL; fk = next) {
			next = fk->fk_next;
			fn = fnode_ofwd(fk);
			if (fn->fn_fq != fq)
				continue;
			/* Parents are nodes of the list like all others. */
			fn->fn_parent = NULL;
			fnode_free(fn);
		}
	}
	if (--fi->fi_refs == 0) {
		finst_free(fi);
		fr->fr_inst = NULL;
	}
	fdtab_disown(fq->fq_mailfd);
	arena_free(fq, sizeof(*fq));
}

void
file_closing(struct kqueue *kq)
{
	struct fqueue *fq;
	struct froot *fr;

	if ((fq = fqueue_peek(kq)) == NULL)
		return;
	kq->kq_priv[~EVFILT_VNODE] = NULL;
	if (!fq->fq_inst->fi_shared) {
		finst_free(fq->fq_inst);
		finst_count(-1);
		arena_free(fq, sizeof(*fq));
		return;
	}
	fr = atomic_load(&file_root);
	if (fqueue_maywait()) {
		froot_lock(fr);
		fqueue_release(fq);
		kq_unlock(&fr->fr_lock);
		return;
	}
	fq->fq_dead = atomic_load(&fr->fr_dead);
	/* Release: pairs with froot_sweep(). */
	while (!atomic_compare_exchange_weak_explicit(&fr->fr_dead,
	    &fq->fq_dead, fq, memory_order_release, memory_order_relaxed))
		continue;
}

static int
froot_get(struct froot **frp)
{
	struct froot *expected, *fr;
	void *p;
	int error;

	if ((fr = atomic_load(&file_root)) == NULL) {
		if ((error = lx_map(lx_pagesize(), true, &p)) != 0)
			return (error);
		fr = p;
		expected = NULL;
		if (!atomic_compare_exchange_strong(&file_root, &expected,
		    fr)) {
			lx_unmap(p, lx_pagesize());
			fr = expected;
		}
	}
	*frp = fr;
	return (0);
}

/* Give the kqueue the eventfd that the sharers ring. */
static int
fqueue_mail(struct fqueue *fq)
{
	int error;

	if ((error = fdtab_own(lx_eventfd, &fq->fq_mailfd)) != 0) {
		fq->fq_mailfd = -1;
		return (error);
	}
	if ((error = source_add(fq->fq_kq, fq->fq_mailfd, LX_IN | LX_EDGE,
	    fqueue_fire, fq, &fq->fq_mail)) != 0) {
		fdtab_disown(fq->fq_mailfd);
		fq->fq_mailfd = -1;
	}
	return (error);
}

static void
fqueue_nomail(struct fqueue *fq)
{
	source_del(fq->fq_kq, fq->fq_mail);
	fdtab_disown(fq->fq_mailfd);
	fq->fq_mail = NULL;
	fq->fq_mailfd = -1;
}

/* Have the kqueue's own instance shared; its lock is held. */
static int
froot_convert(struct froot *fr, struct kqueue *kq)
{
	struct fqueue *fq;
	int error;

	if ((fq = fqueue_peek(kq)) == NULL || fq->fq_inst->fi_shared)
		return (ENOENT);
	if ((error = fqueue_mail(fq)) != 0)
		return (error);
	kq_lock(&fr->fr_lock);
	if (fr->fr_inst == NULL) {
		fq->fq_inst->fi_shared = true;
		fq->fq_inst->fi_refs = 1;
		fr->fr_inst = fq->fq_inst;
		kq_unlock(&fr->fr_lock);
		finst_count(-1);
		return (0);
	}
	kq_unlock(&fr->fr_lock);
	/* Somebody was faster; the caller finds that one. */
	fqueue_nomail(fq);
	return (0);
}

/*
 * Find a kqueue of the process that has an instance, and have it shared; ENOENT
 * if there is none that can be looked at.  Others' locks are only tried, so a
 * kqueue that is at work is passed by.
 */
static int
froot_search(struct froot *fr, struct kqueue *self)
{
	struct kqroot *root;
	struct kqueue *kq;
	uint32_t i, n;
	int error;

	/* There is a root: a kqueue's lock is held. */
	root = kqroot_peek();
	n = atomic_load(&root->r_nkq);
	for (i = 1; i <= n; i++) {
		kq = kqueue_byslot(i);
		if (kq == NULL || kq == self || !atomic_load(&kq->kq_alive) ||
		    !kqueue_tryenter(kq))
			continue;
		error = froot_convert(fr, kq);
		kqueue_leave(kq);
		if (error != ENOENT)
			return (error);
	}
	return (ENOENT);
}

/*
 * There is no instance to be had: share one.  As long as there is one that could
 * be shared we wait for whoever is at work with it; he does not wait for us,
 * unless two kqueues need one another, and then this one gives up.  EAGAIN: it has
 * gone meanwhile.
 */
static int
fqueue_share(struct fqueue *fq)
{
	struct froot *fr;
	bool hope, hoped;
	int error, i, tries;

	if ((error = froot_get(&fr)) != 0 || (error = fqueue_mail(fq)) != 0)
		return (error);
	/* With another lock held, the one who is at work may be ourselves. */
	tries = fqueue_maywait() ? FILE_TRIES : FILE_FEWTRIES;
	hoped = false;
	for (i = 0; i < tries; i++) {
		/* Before the look: there is fr_inst before the count goes down. */
		hope = atomic_load(&kqroot_peek()->r_ninotify) > 0;
		froot_lock(fr);
		if ((fq->fq_inst = fr->fr_inst) != NULL)
			fq->fq_inst->fi_refs++;
		kq_unlock(&fr->fr_lock);
		if (fq->fq_inst != NULL)
			return (0);
		error = froot_search(fr, fq->fq_kq);
		if (error == ENOENT && hope)
			lx_yield(i);
		else if (error != 0)
			break;
		hoped = true;
	}
	fqueue_nomail(fq);
	if (i == tries)
		return (EMFILE);
	return (error != ENOENT ? error : hoped ? EAGAIN : EMFILE);
}

static int
fqueue_instance(struct fqueue *fq)
{
	struct finst *fi;
	int error;

	if ((fi = arena_alloc(sizeof(*fi))) == NULL)
		return (ENOMEM);
	do {
		finst_count(1);
		if ((error = fdtab_own(lx_inotify, &fi->fi_fd)) == 0) {
			fq->fq_inst = fi;
			return (0);
		}
		finst_count(-1);
		if (error == EMFILE)
			error = fqueue_share(fq);
	} while (error == EAGAIN);
	arena_free(fi, sizeof(*fi));
	return (error);
}

int
fqueue_get(struct kqueue *kq, struct fqueue **fqp)
{
	struct fqueue *fq;
	int error;

	if ((*fqp = fqueue_peek(kq)) != NULL)
		return (0);
	if ((fq = arena_alloc(sizeof(*fq))) == NULL)
		return (ENOMEM);
	fq->fq_kq = kq;
	fq->fq_mailfd = -1;
	TAILQ_INIT(&fq->fq_dirty);
	if ((error = fqueue_instance(fq)) != 0) {
		arena_free(fq, sizeof(*fq));
		return (error);
	}
	kq->kq_priv[~EVFILT_VNODE] = fq;
	if ((error = source_add(kq, fq->fq_inst->fi_fd, LX_IN | LX_EDGE,
	    fqueue_fire, fq, &fq->fq_source)) != 0) {
		if (fq->fq_mail != NULL)
			source_del(kq, fq->fq_mail);
		file_closing(kq);
		return (error);
	}
	*fqp = fq;
	return (0);
}
