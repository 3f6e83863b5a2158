/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_FS: mounts and unmounts.
 *
 * A BSD raises VQ_MOUNT and VQ_UNMOUNT for the whole system.  Linux tells of
 * changes to a mount namespace: the one that this process was in when the
 * kqueue got its first such knote.  What has changed is found by comparing the
 * list of mounts with the last one, so a remount or a move is nothing (FS-4),
 * and so is a mount that is gone again before anybody looked.
 *
 * There are two lists, for neither tells it all: the lines are those of that
 * namespace, wherever the process goes, but a new mount may look like one that
 * went; the other has unique numbers, of what is seen from where the process is.
 */
#include <sys/event.h>

#include <string.h>

#include "filter.h"

struct fslist {
	uint64_t	*fl_ids;	/* the mounts at the last look, sorted */
	size_t		 fl_n;
	size_t		 fl_max;	/* allocated */
};

/* What the knotes of a kqueue share; all fields are the kqueue's. */
struct fsq {
	struct knote	*fq_notes;	/* chained by kn_hook */
	int		 fq_fd;		/* mountinfo */
	int		 fq_epfd;	/* the epoll set that it is in */
	struct watch	*fq_watch;	/* ... and that one in the main set */
	struct fslist	 fq_lines;	/* lx_mounts_lines() */
	struct fslist	 fq_unique;	/* lx_mounts_unique(), or empty */
	struct lx_place	 fq_place;	/* ... if it is to be compared with */
	bool		 fq_placed;
};

#define	FS_IDS		64	/* room for so many mounts at first */
#define	FS_ROUNDS	8	/* more looks while there is news */

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

/* The VQ bits by which two lists differ. */
static unsigned
fs_compare(const struct fslist *before, const struct fslist *after)
{
	size_t i, j;
	unsigned notes;

	notes = 0;
	for (i = j = 0; i < before->fl_n || j < after->fl_n;) {
		if (j == after->fl_n || (i < before->fl_n &&
		    before->fl_ids[i] < after->fl_ids[j])) {
			notes |= VQ_UNMOUNT;
			i++;
		} else if (i == before->fl_n ||
		    before->fl_ids[i] > after->fl_ids[j]) {
			notes |= VQ_MOUNT;
			j++;
		} else {
			i++;
			j++;
		}
	}
	return (notes);
}

static void
fs_drop(struct fslist *fl)
{
	if (fl->fl_ids != NULL)
		arena_free(fl->fl_ids, fl->fl_max * sizeof(*fl->fl_ids));
	fl->fl_ids = NULL;
	fl->fl_n = fl->fl_max = 0;
}

/* Read a list: the lines of a file, or with -1 the other. */
static int
fs_read(int fd, struct fslist *fl)
{
	uint64_t *ids;
	size_t max, n;
	int error;

	fl->fl_ids = NULL;
	fl->fl_n = fl->fl_max = 0;
	for (max = FS_IDS;; max = n + n / 2) {
		if ((ids = arena_alloc(max * sizeof(*ids))) == NULL)
			return (ENOMEM);
		error = fd == -1 ? lx_mounts_unique(ids, max, &n) :
		    lx_mounts_lines(fd, ids, max, &n);
		if (error == 0 && n <= max)
			break;
		arena_free(ids, max * sizeof(*ids));
		if (error != 0)
			return (error);
	}
	fs_sort(ids, n);
	fl->fl_ids = ids;
	fl->fl_n = n;
	fl->fl_max = max;
	return (0);
}

/*
 * Read the lists and keep them; *notesp is what has changed.  After an error
 * the old ones are still there to compare with at the next change.
 */
static int
fs_look(struct fsq *fq, unsigned *notesp)
{
	struct fslist lines, unique;
	struct lx_place place;
	bool placed;
	int error, round;

	*notesp = 0;
	for (round = 0;; round++) {
		if ((error = fs_read(fq->fq_fd, &lines)) != 0)
			return (error);
		placed = lx_mounts_place(&place);
		if ((error = fs_read(-1, &unique)) == ENOMEM) {
			fs_drop(&lines);
			return (error);
		}
		placed = placed && error == 0;
		/* Both of one moment, or a mount would be told of by each. */
		if (round == FS_ROUNDS || !lx_mounts_changed(fq->fq_epfd))
			break;
		fs_drop(&lines);
		fs_drop(&unique);
	}
	if (fq->fq_lines.fl_ids != NULL)
		*notesp = fs_compare(&fq->fq_lines, &lines);
	/* What is seen from elsewhere is not news. */
	if (placed && fq->fq_placed &&
	    memcmp(&place, &fq->fq_place, sizeof(place)) == 0)
		*notesp |= fs_compare(&fq->fq_unique, &unique);
	fs_drop(&fq->fq_lines);
	fs_drop(&fq->fq_unique);
	fq->fq_lines = lines;
	fq->fq_unique = unique;
	fq->fq_place = place;
	fq->fq_placed = placed;
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
	fs_drop(&fq->fq_lines);
	fs_drop(&fq->fq_unique);
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
