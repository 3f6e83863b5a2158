/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Knotes that look at files (fnode.h), and what EVFILT_READ and EVFILT_WRITE do
 * for files that epoll refuses (READ-33 to READ-38, WRITE-17).
 *
 * Before a mask changes or a knote comes to an inode that is watched already,
 * the reports up to then are taken in: they belong to the old state.
 */
#include "file.h"
#include "filter.h"
#include "fnode.h"

/* With the lock of the instance. */
static int
file_watchlocked(struct fqueue *fq, struct knote *kn,
    const struct lx_inode *before)
{
	struct finst *fi = fq->fq_inst;
	struct watch *w = kn->kn_watch;
	struct fnode *fn;
	uint32_t grown, what;
	int error, wd;
	bool dir, fresh;

	dir = watch_kind(w) == LX_KIND_DIR;
	what = fnode_wantsof(kn, dir);
	error = lx_inotify_add(fi->fi_fd, w->w_fd, false, what, true, &wd);
	if (error != 0)
		return (fnode_adderror(error));
	/* What happened before we came is not for us (VN-8). */
	if (fnode_find(fi, NULL, wd) != NULL)
		fqueue_process(fq);
	if ((fn = fnode_find(fi, fq, wd)) == NULL) {
		if ((fn = fnode_create(fq, wd)) == NULL)
			return (ENOMEM);
		/* All that it reports came after that. */
		fn->fn_inode = *before;
	} else {
		/* The directory above another, and no more, until now. */
		if (fn->fn_inode.in_ino == 0)
			fn->fn_inode = *before;
		before = NULL;
	}
	grown = what & ~fn->fn_what;
	fresh = kn->kn_filter == EVFILT_VNODE &&
	    (!fnode_hasvnode(fn) || grown != 0);
	fn->fn_what |= what;
	fn->fn_dir = dir;
	SLIST_INSERT_HEAD(&fn->fn_notes, kn, kn_link);
	w->w_arg = fn;
	if (fnode_wantsparent(fn) && fn->fn_parent == NULL &&
	    (error = fnode_follow(fn, w->w_fd)) != 0)
		goto fail;
	/* Last, so that a removal meanwhile is no news. */
	if (fresh && (before == NULL || fn->fn_parent != NULL) &&
	    (error = lx_inode(w->w_fd, &fn->fn_inode)) != 0)
		goto fail;
	return (0);
fail:
	SLIST_REMOVE_HEAD(&fn->fn_notes, kn_link);
	w->w_arg = NULL;
	if (fnode_isunused(fn))
		fnode_free(fn);
	return (error);
}

int
file_watch(struct knote *kn, const struct lx_inode *before)
{
	struct fqueue *fq;
	int error;

	KQ_ASSERT_LOCKED(kn->kn_kq);
	if ((error = fqueue_get(kn->kn_kq, &fq)) != 0)
		return (error);
	fqueue_lock(fq);
	error = file_watchlocked(fq, kn, before);
	fqueue_unlock(fq);
	return (error);
}

int
file_rewatch(struct knote *kn, unsigned int mask)
{
	struct fqueue *fq = fqueue_peek(kn->kn_kq);
	struct watch *w = kn->kn_watch;
	struct fnode *fn = w->w_arg;
	unsigned int before = kn->kn_sfflags;
	int error;

	if ((error = watch_identify(w)) != 0)
		return (error);
	fqueue_lock(fq);
	kn->kn_sfflags = mask;
	error = fnode_adjust(fn, w->w_fd);
	if (error == 0 && fnode_wantsparent(fn) && fn->fn_parent == NULL &&
	    (error = fnode_follow(fn, w->w_fd)) == 0)
		(void)lx_inode(w->w_fd, &fn->fn_inode);
	if (error != 0) {
		kn->kn_sfflags = before;
		/* If it did not fail at once, it does not now. */
		(void)fnode_adjust(fn, w->w_fd);
	}
	fqueue_unlock(fq);
	return (error);
}

void
file_unwatch(struct knote *kn)
{
	struct fqueue *fq = fqueue_peek(kn->kn_kq);
	struct fnode *fn = kn->kn_watch->w_arg;
	struct knote *other;

	KQ_ASSERT_LOCKED(kn->kn_kq);
	SLIST_REMOVE(&fn->fn_notes, kn, knote, kn_link);
	kn->kn_watch->w_arg = NULL;
	if (!fqueue_maywait()) {
		if (fnode_isunused(fn)) {
			fn->fn_unused = fq->fq_unused;
			fq->fq_unused = fn;
		}
		return;
	}
	fqueue_lock(fq);
	if (fnode_isunused(fn)) {
		fnode_free(fn);
		/* The kernel reports the end, which is nothing to wake for. */
		fqueue_process(fq);
	} else if ((other = SLIST_FIRST(&fn->fn_notes)) != NULL) {
		/* An error leaves us with reports that nobody wants. */
		(void)fnode_adjust(fn, other->kn_watch->w_fd);
	}
	fqueue_unlock(fq);
}

/*
 * EVFILT_READ and EVFILT_WRITE.
 */

int
file_attach(struct knote *kn, const struct lx_inode *before)
{
	/* Writing is always possible, so there is nothing to wait for. */
	return (kn->kn_filter == EVFILT_READ ? file_watch(kn, before) : 0);
}

void
file_detach(struct knote *kn)
{
	if (kn->kn_filter == EVFILT_READ)
		file_unwatch(kn);
}

bool
file_event(struct knote *kn, long hint)
{
	int64_t left;

	(void)hint;
	kn->kn_data = 0;
	kn->kn_fflags = 0;
	if (kn->kn_filter != EVFILT_READ)
		return (true);
	if (lx_file_left(kn->kn_watch->w_fd, &left) == 0) {
		/* On a 32-bit system, as far as it goes. */
		kn->kn_data = left > INTPTR_MAX ? INTPTR_MAX :
		    left < INTPTR_MIN ? INTPTR_MIN : (intptr_t)left;
	}
	return (kn->kn_data != 0 || (kn->kn_flags & EV_EOF) != 0);
}

bool
file_process(struct knote *kn, struct kevent *kev)
{
	bool ready;

	/* SCAN-5: what it was when it became ready. */
	ready = (kn->kn_flags & EV_ONESHOT) != 0 || file_event(kn, 0);
	kev->flags = kn->kn_flags;
	kev->fflags = kn->kn_fflags;
	kev->data = kn->kn_data;
	return (ready);
}
