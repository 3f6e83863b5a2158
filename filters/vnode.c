/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_VNODE: changes to the file behind a descriptor.
 *
 * A BSD raises a set of NOTE bits in each operation on the vnode; a knote
 * whose mask meets the set gets all of it, accumulated until delivery.
 *
 * Linux tells with inotify that something of a coarse kind happened, and stat
 * has to tell what: IN_ATTRIB is said for a changed mode, for a new link and
 * for the removal of the last one.  flook.c looks at each inode once per
 * collection; here is what follows from a look.  The table to meet is VN-9's
 * hammer2 column.  Where Linux says too little:
 *
 * - Operations between two looks are seen as one: a growth that is taken back,
 *   a link that is removed again.
 * - Setting the modification time alone looks like a write, so NOTE_ATTRIB
 *   comes with NOTE_WRITE then; setting the access time alone, like a read.
 *   ftruncate() to the same size looks like a write as well.
 * - There is no revoke(2), and a file system with an open file is not
 *   unmounted: NOTE_REVOKE is only seen where a close was not.
 */
#include <sys/event.h>
#include <sys/stat.h>

#include "file.h"
#include "filter.h"

uint32_t
vnode_wants(unsigned notes, bool dir)
{
	uint32_t what;

	what = 0;
	if ((notes & NOTE_RENAME) != 0)
		what |= LX_INO_MOVE;
	if (dir) {
		if ((notes & (NOTE_WRITE | NOTE_EXTEND | NOTE_LINK)) != 0)
			what |= LX_INO_ENTRY;
		if ((notes & NOTE_ATTRIB) != 0)
			what |= LX_INO_ATTRIB;
		/*
		 * ATTRIB: another directory was renamed onto it.  rmdir() is
		 * told by the parent, which is another one after a move.
		 */
		if ((notes & NOTE_DELETE) != 0)
			what |= LX_INO_ATTRIB | LX_INO_MOVE;
		return (what);
	}
	if ((notes & (NOTE_WRITE | NOTE_EXTEND)) != 0)
		what |= LX_INO_MODIFY;
	if ((notes & NOTE_ATTRIB) != 0)
		what |= LX_INO_ATTRIB | LX_INO_MODIFY | LX_INO_MOVE;
	if ((notes & (NOTE_LINK | NOTE_DELETE)) != 0)
		what |= LX_INO_ATTRIB;
	return (what);
}

/* Did something change that only an operation of ATTRIB's kind changes? */
static bool
vnode_attributes(const struct lx_inode *before, const struct lx_inode *after,
    bool modified)
{
	return (before->in_mode != after->in_mode ||
	    before->in_uid != after->in_uid ||
	    before->in_gid != after->in_gid ||
	    (!modified && before->in_mtime != after->in_mtime));
}

/* The reports were lost: what must they have been, as far as stat tells? */
static uint32_t
vnode_guess(const struct lx_inode *before, const struct lx_inode *after,
    bool dir)
{
	bool contents;
	uint32_t seen;

	seen = 0;
	contents = before->in_mtime != after->in_mtime ||
	    before->in_size != after->in_size;
	if (contents)
		seen |= dir ? LX_INO_ENTRY : LX_INO_MODIFY;
	if (dir && after->in_nlink == 0 && before->in_nlink != 0)
		seen |= FILE_GONE;
	else if (dir && before->in_nlink != after->in_nlink)
		seen |= LX_INO_ENTRY | LX_INO_SUBDIR;
	if ((!dir && before->in_nlink != after->in_nlink) ||
	    vnode_attributes(before, after, contents) ||
	    (!contents && seen == 0 && before->in_ctime != after->in_ctime))
		seen |= LX_INO_ATTRIB;
	return (seen);
}

static unsigned
vnode_dirnotes(const struct lx_inode *before, const struct lx_inode *after,
    uint32_t seen)
{
	unsigned notes;

	notes = 0;
	if ((seen & LX_INO_ENTRY) != 0)
		notes |= NOTE_WRITE;
	if ((seen & LX_INO_SUBDIR) != 0)
		notes |= NOTE_WRITE | NOTE_LINK;
	/* Moved first, and so unknown to the parent when it went. */
	if ((seen & FILE_GONE) != 0 || ((seen & LX_INO_MOVE) != 0 &&
	    after->in_nlink == 0 && before->in_nlink != 0))
		notes |= NOTE_DELETE;
	if ((seen & LX_INO_ATTRIB) != 0) {
		/* rename() onto an empty directory ends it with ATTRIB. */
		if (after->in_nlink == 0 && before->in_nlink != 0)
			notes |= NOTE_DELETE;
		else
			notes |= NOTE_ATTRIB;
	}
	return (notes);
}

/*
 * A write stamps both times alike.  If they differ and nothing else explains it,
 * somebody has set the modification time.  A rename changes the other one: then the
 * modification time has to be one that no write can have left.
 */
static bool
vnode_timeset(const struct lx_inode *before, const struct lx_inode *after,
    uint32_t seen)
{
	if ((seen & LX_INO_ATTRIB) != 0 || after->in_size != before->in_size ||
	    after->in_ctime == before->in_ctime ||
	    after->in_ctime == after->in_mtime)
		return (false);
	return ((seen & LX_INO_MOVE) == 0 ||
	    after->in_mtime < before->in_ctime ||
	    after->in_mtime > after->in_ctime);
}

static unsigned
vnode_filenotes(const struct lx_inode *before, const struct lx_inode *after,
    uint32_t seen)
{
	unsigned notes;
	bool modified;

	notes = 0;
	modified = (seen & LX_INO_MODIFY) != 0;
	if (modified) {
		notes |= NOTE_WRITE;
		if (after->in_size > before->in_size)
			notes |= NOTE_EXTEND;
		if (vnode_timeset(before, after, seen))
			notes |= NOTE_ATTRIB;
	}
	if ((seen & LX_INO_ATTRIB) != 0) {
		if (after->in_nlink == before->in_nlink ||
		    vnode_attributes(before, after, modified))
			notes |= NOTE_ATTRIB;
		if (after->in_nlink > before->in_nlink)
			notes |= NOTE_LINK;
		else if (after->in_nlink == 0 && before->in_nlink != 0)
			notes |= NOTE_DELETE;
		/* Losing one of several links is nothing (hammer2). */
	}
	return (notes);
}

unsigned
vnode_notes(const struct lx_inode *before, const struct lx_inode *after,
    uint32_t seen)
{
	unsigned notes;
	bool dir;

	dir = S_ISDIR(after->in_mode);
	if ((seen & LX_INO_OVERFLOW) != 0)
		seen |= vnode_guess(before, after, dir);
	notes = dir ? vnode_dirnotes(before, after, seen) :
	    vnode_filenotes(before, after, seen);
	if ((seen & LX_INO_MOVE) != 0)
		notes |= NOTE_RENAME;
	return (notes);
}

unsigned
vnode_selected(unsigned notes, unsigned mask, bool dir)
{
	unsigned pair;

	/* The two sets of more than one bit that an operation raises. */
	pair = dir ? NOTE_WRITE | NOTE_LINK : NOTE_WRITE | NOTE_EXTEND;
	if ((notes & mask & pair) != 0)
		mask |= pair;
	return (notes & mask);
}

bool
vnode_note(struct knote *kn, unsigned notes, bool dir, bool revoked)
{
	unsigned selected;

	selected = vnode_selected(notes, kn->kn_sfflags, dir);
	if (revoked) {
		/* Told in any case; the note only if it was asked for (VN-7). */
		selected |= kn->kn_sfflags & NOTE_REVOKE;
		kn->kn_flags |= EV_EOF | EV_NODATA;
	}
	kn->kn_fflags |= selected;
	return (selected != 0 || revoked);
}

/* What has a name in a file system, or had one when it was opened. */
static bool
vnode_supported(struct watch *w)
{
	switch (watch_kind(w)) {
	case LX_KIND_FILE:
	case LX_KIND_DIR:
	case LX_KIND_FIFO:
	case LX_KIND_LINK:
	case LX_KIND_BLK:
		return (true);
	default:
		return (false);
	}
}

static int
filt_vnodeattach(struct knote *kn)
{
	struct lx_inode inode;
	int error;

	if ((error = watch_attach_none(kn, WF_VNODE, &inode)) != 0)
		return (error);
	if (!vnode_supported(kn->kn_watch)) {
		error = kn->kn_kq->kq_dialect->d_badfilter_errno;
		goto fail;
	}
	if ((error = kqueue_needbell(kn->kn_kq)) != 0)
		goto fail;
	if ((error = file_watch(kn, &inode)) != 0)
		goto fail;
	return (0);
fail:
	watch_detach(kn);
	return (error);
}

static void
filt_vnodedetach(struct knote *kn)
{
	file_unwatch(kn);
	watch_detach(kn);
}

/* flook.c speaks through vnode_note(); this is the core asking for a look. */
static bool
filt_vnodeevent(struct knote *kn, long hint)
{
	(void)hint;
	return (kn->kn_fflags != 0 || (kn->kn_flags & EV_EOF) != 0);
}

static int
filt_vnodemodify(struct knote *kn, const struct kevent *kev)
{
	int error;

	/* What was done until now counts under the old mask. */
	file_sync(kn->kn_kq);
	if ((error = file_rewatch(kn, kev->fflags)) == 0)
		filter_store(kn, kev);
	return (error);
}

static bool
filt_vnodeprocess(struct knote *kn, struct kevent *kev)
{
	kev->flags = kn->kn_flags;
	kev->fflags = kn->kn_fflags;
	kev->data = 0;
	return (filt_vnodeevent(kn, 0));
}

const struct filterops vnode_filtops = {
	.f_flags = FILTEROP_ISFD,
	.f_attach = filt_vnodeattach,
	.f_detach = filt_vnodedetach,
	.f_event = filt_vnodeevent,
	.f_modify = filt_vnodemodify,
	.f_process = filt_vnodeprocess,
	.f_closing = file_closing,
};
