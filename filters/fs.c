/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_FS: mounts and unmounts.
 *
 * A BSD raises VQ_MOUNT and VQ_UNMOUNT for the whole system.  Linux tells of
 * changes to a mount namespace: the one that this process was in when the
 * kqueue got its first such knote.  What has changed is found by comparing the
 * list of mounts with the last one, so a remount or a move is nothing (FS-4),
 * and so is a mount that is gone again before anybody looked.
 */
#include <sys/event.h>

#include "filter.h"

/* What the knotes of a kqueue share; all fields are the kqueue's. */
struct fsq {
	struct knote	*fq_notes;	/* chained by kn_hook */
	int		 fq_fd;		/* mountinfo */
	int		 fq_epfd;	/* the epoll set that it is in */
	struct watch	*fq_watch;	/* ... and that one in the main set */
	uint64_t	*fq_ids;	/* the mounts at the last look, sorted */
	size_t		 fq_nids;
	size_t		 fq_max;	/* allocated */
	uint64_t	 fq_space;	/* mount namespace of the last look */
	bool		 fq_unique;	/* what fq_ids has, see lx_mounts_list() */
};

#define	FS_IDS		64	/* room for so many mounts at first */

static struct fsq **
fs_queuep(struct kqueue *kq)
{
	return ((struct fsq **)(void *)&kq->kq_priv[~EVFILT_FS]);
}

/* Shell's sort: no memory, and fast on what is sorted already. */
static void
fs_sort(uint64_t *ids, size_t n)
{
	uint64_t id;
	size_t gap, i, j;

	for (gap = n / 2; gap > 0; gap /= 2) {
		for (i = gap; i < n; i++) {
			id = ids[i];
			for (j = i; j >= gap && ids[j - gap] > id; j -= gap)
				ids[j] = ids[j - gap];
			ids[j] = id;
		}
	}
}

/* The VQ bits by which two sorted lists differ. */
static unsigned
fs_compare(const uint64_t *before, size_t nbefore, const uint64_t *after,
    size_t nafter)
{
	size_t i, j;
	unsigned notes;

	notes = 0;
	for (i = j = 0; i < nbefore || j < nafter;) {
		if (j == nafter || (i < nbefore && before[i] < after[j])) {
			notes |= VQ_UNMOUNT;
			i++;
		} else if (i == nbefore || before[i] > after[j]) {
			notes |= VQ_MOUNT;
			j++;
		} else {
			i++;
			j++;
		}
	}
	return (notes);
}

/*
 * Read the list and keep it; *notesp is what has changed.  After an error the
 * old list is still there to compare with at the next change.
 */
static int
fs_look(struct fsq *fq, unsigned *notesp)
{
	uint64_t *ids, space;
	size_t max, n;
	bool unique;
	int error;

	*notesp = 0;
	for (max = fq->fq_max != 0 ? fq->fq_max : FS_IDS;; max = n + n / 2) {
		if ((ids = arena_alloc(max * sizeof(*ids))) == NULL)
			return (ENOMEM);
		error = lx_mounts_list(fq->fq_fd, ids, max, &n, &unique);
		if (error == 0 && n <= max)
			break;
		arena_free(ids, max * sizeof(*ids));
		if (error != 0)
			return (error);
	}
	fs_sort(ids, n);
	space = lx_mounts_space();
	/* Lists of different kinds, or of different places, compare to noise. */
	if (fq->fq_ids != NULL && unique == fq->fq_unique &&
	    (!unique || space == fq->fq_space))
		*notesp = fs_compare(fq->fq_ids, fq->fq_nids, ids, n);
	if (fq->fq_ids != NULL)
		arena_free(fq->fq_ids, fq->fq_max * sizeof(*fq->fq_ids));
	fq->fq_ids = ids;
	fq->fq_nids = n;
	fq->fq_max = max;
	fq->fq_unique = unique;
	fq->fq_space = space;
	return (0);
}

/* Look, if there is news, and tell the knotes. */
static void
fs_sync(struct fsq *fq)
{
	struct knote *kn;
	unsigned notes;

	if (!lx_mounts_changed(fq->fq_epfd))
		return;
	if (fs_look(fq, &notes) != 0) {
		/* No memory: the news is taken already, so have it once more. */
		(void)lx_mounts_again(fq->fq_epfd, fq->fq_fd);
		return;
	}
	if (notes == 0)
		return;
	for (kn = fq->fq_notes; kn != NULL; kn = kn->kn_hook) {
		kn->kn_fflags |= notes;
		knote_activate(kn);
	}
}

static void
fs_fire(struct watch *w, uint32_t revents)
{
	(void)revents;
	fs_sync(w->w_arg);
}

static void
fs_free(struct fsq *fq)
{
	if (fq->fq_epfd != -1)
		fdtab_disown(fq->fq_epfd);
	if (fq->fq_fd != -1)
		fdtab_disown(fq->fq_fd);
	if (fq->fq_ids != NULL)
		arena_free(fq->fq_ids, fq->fq_max * sizeof(*fq->fq_ids));
	arena_free(fq, sizeof(*fq));
}

static int
fs_create(struct kqueue *kq, struct fsq **fqp)
{
	struct fsq *fq;
	unsigned notes;
	int error;

	if ((fq = arena_alloc(sizeof(*fq))) == NULL)
		return (ENOMEM);
	fq->fq_fd = fq->fq_epfd = -1;
	if ((error = fdtab_own(lx_mounts_open, &fq->fq_fd)) != 0) {
		fq->fq_fd = -1;
		goto fail;
	}
	if ((error = fdtab_own(lx_epoll_create, &fq->fq_epfd)) != 0) {
		fq->fq_epfd = -1;
		goto fail;
	}
	if ((error = lx_mounts_watch(fq->fq_epfd, fq->fq_fd)) != 0)
		goto fail;
	/* Changes from here on are seen, so the first list comes after. */
	if ((error = fs_look(fq, &notes)) != 0)
		goto fail;
	if ((error = source_add(kq, fq->fq_epfd, LX_IN | LX_EDGE, fs_fire, fq,
	    &fq->fq_watch)) != 0)
		goto fail;
	*fqp = fq;
	return (0);
fail:
	fs_free(fq);
	return (error);
}

static int
filt_fsattach(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	struct fsq **fqp = fs_queuep(kq);
	int error;

	if ((error = kqueue_needbell(kq)) != 0)
		return (error);
	if (*fqp == NULL) {
		if ((error = fs_create(kq, fqp)) != 0)
			return (error);
	} else {
		/* What happened before is for the others. */
		fs_sync(*fqp);
	}
	kn->kn_flags |= EV_CLEAR;		/* FS-2 */
	kn->kn_hook = (*fqp)->fq_notes;
	(*fqp)->fq_notes = kn;
	return (0);
}

static void
filt_fsdetach(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	struct fsq **fqp = fs_queuep(kq);
	struct fsq *fq = *fqp;
	struct knote *prev;

	if (fq->fq_notes == kn) {
		fq->fq_notes = kn->kn_hook;
	} else {
		for (prev = fq->fq_notes; prev->kn_hook != kn;)
			prev = prev->kn_hook;
		prev->kn_hook = kn->kn_hook;
	}
	kn->kn_hook = NULL;
	if (fq->fq_notes == NULL) {
		source_del(kq, fq->fq_watch);
		fs_free(fq);
		*fqp = NULL;
	}
}

static bool
filt_fsevent(struct knote *kn, long hint)
{
	(void)hint;
	return (kn->kn_fflags != 0);
}

static bool
filt_fsprocess(struct knote *kn, struct kevent *kev)
{
	kev->flags = kn->kn_flags;
	kev->fflags = kn->kn_fflags;
	kev->data = 0;
	return (kn->kn_fflags != 0);
}

static void
filt_fsclosing(struct kqueue *kq)
{
	struct fsq **fqp = fs_queuep(kq);

	if (*fqp != NULL)
		fs_free(*fqp);
	*fqp = NULL;
}

const struct filterops fs_filtops = {
	.f_attach = filt_fsattach,
	.f_detach = filt_fsdetach,
	.f_event = filt_fsevent,
	.f_process = filt_fsprocess,
	.f_closing = filt_fsclosing,
};
