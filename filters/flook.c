/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks at the inodes that had reports: stat tells what they amount to, the
 * knotes are told, and inotify is asked for what they want from here on.
 *
 * The removal of a directory is reported by the one above it only.  That is
 * watched too where NOTE_DELETE is asked for; its node finds the child by name
 * in a table, and the child's name and parent are looked up again when it was
 * moved.
 */
#include <string.h>

#include "file.h"
#include "fnode.h"

uint32_t
fnode_wantsof(const struct knote *kn, bool dir)
{
	if (kn->kn_filter == EVFILT_VNODE)
		return (vnode_wants(kn->kn_sfflags, dir));
	return (dir ? LX_INO_ENTRY : LX_INO_MODIFY);
}

/* What inotify has to report for all who look. */
static uint32_t
fnode_wants(const struct fnode *fn)
{
	const struct knote *kn;
	uint32_t what;

	what = fn->fn_nchildren > 0 ? LX_INO_RMDIR : 0;
	SLIST_FOREACH(kn, &fn->fn_notes, kn_link)
		what |= fnode_wantsof(kn, fn->fn_dir);
	return (what);
}

bool
fnode_wantsparent(const struct fnode *fn)
{
	const struct knote *kn;

	if (!fn->fn_dir)
		return (false);
	SLIST_FOREACH(kn, &fn->fn_notes, kn_link) {
		if (kn->kn_filter == EVFILT_VNODE &&
		    (kn->kn_sfflags & NOTE_DELETE) != 0)
			return (true);
	}
	return (false);
}

int
fnode_adderror(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		/* There is no /proc to name the descriptor by. */
		return (EOPNOTSUPP);
	default:
		return (error);
	}
}

int
fnode_follow(struct fnode *fn, int fd)
{
	struct fqueue *fq = fn->fn_fq;
	struct finst *fi = fq->fq_inst;
	struct fnode *old, *parent;
	char path[1024];
	const char *name;
	int error, wd;

	if ((error = ftab_room(&fi->fi_byname)) != 0)
		return (error);
	error = lx_inotify_add(fi->fi_fd, fd, true, LX_INO_RMDIR, true, &wd);
	/* Nobody may look at that directory, so neither can we: CAVEATS. */
	if (error == EACCES)
		return (0);
	if (error != 0)
		return (fnode_adderror(error));
	if ((parent = fnode_find(fi, fq, wd)) == NULL) {
		if ((parent = fnode_create(fq, wd)) == NULL)
			return (ENOMEM);
		parent->fn_dir = true;
	}
	parent->fn_what |= LX_INO_RMDIR;
	fnode_unname(fn);
	if (parent != fn->fn_parent && parent != fn) {
		old = fn->fn_parent;
		fn->fn_parent = parent;
		parent->fn_nchildren++;
		if (old != NULL && --old->fn_nchildren == 0 &&
		    fnode_isunused(old))
			fnode_free(old);
	}
	(void)lx_fd_basename(fd, path, sizeof(path), &name);
	ftab_insert(&fi->fi_byname, &fn->fn_byname,
	    fnode_namekey((uint64_t)wd, name));
	fn->fn_named = true;
	return (0);
}

/* Was the directory removed?  Overlays may keep its link count above 0. */
static bool
fnode_isremoved(int fd, const struct lx_inode *now)
{
	static const char deleted[] = " (deleted)";
	char path[1024];
	const char *name;
	size_t len;

	if (now->in_nlink == 0)
		return (true);
	len = lx_fd_basename(fd, path, sizeof(path), &name);
	return (len >= sizeof(deleted) - 1 &&
	    strcmp(name + len - (sizeof(deleted) - 1), deleted) == 0);
}

/* A descriptor of the inode, and what stat says of it now. */
static int
fnode_stat(const struct fnode *fn, struct lx_inode *now)
{
	const struct knote *kn;
	int fd;

	SLIST_FOREACH(kn, &fn->fn_notes, kn_link) {
		fd = kn->kn_watch->w_fd;
		/* The number may have been closed where we could not see it. */
		if (lx_inode(fd, now) == 0 &&
		    now->in_ino == fn->fn_inode.in_ino &&
		    now->in_dev == fn->fn_inode.in_dev)
			return (fd);
	}
	return (-1);
}

/*
 * The kernel ended the watch.  If that was because the file lost a name that
 * was cached (inotify.c, c), there is still a file to be watched.
 */
static void
fnode_renew(struct fnode *fn, int fd)
{
	struct fqueue *fq = fn->fn_fq;
	struct finst *fi = fq->fq_inst;
	struct fnode *other;
	struct knote *kn;
	int wd;

	if (fd == -1 || lx_inotify_add(fi->fi_fd, fd, false, fn->fn_what, true,
	    &wd) != 0) {
		fnode_rekey(fn, -1);
		return;
	}
	other = fnode_find(fi, fq, wd);
	if (other == NULL || other == fn) {
		fnode_rekey(fn, wd);
		return;
	}
	/* Somebody came between, and has got the new watch. */
	fnode_rekey(fn, -1);
	while ((kn = SLIST_FIRST(&fn->fn_notes)) != NULL) {
		SLIST_REMOVE_HEAD(&fn->fn_notes, kn_link);
		SLIST_INSERT_HEAD(&other->fn_notes, kn, kn_link);
		kn->kn_watch->w_arg = other;
	}
	other->fn_what |= fn->fn_what;
	if (fnode_isunused(fn))
		fnode_free(fn);
}

/*
 * The inode's READ and VNODE knotes hear what the reports came to.  fd is known
 * to mean it still; of the others EVFILT_READ's find out by themselves.
 */
static void
fnode_tell(struct fnode *fn, int fd, unsigned notes, uint32_t seen)
{
	struct knote *kn;
	bool revoked;

	revoked = (seen & LX_INO_UNMOUNT) != 0;
	SLIST_FOREACH(kn, &fn->fn_notes, kn_link) {
		if (kn->kn_filter == EVFILT_VNODE && !revoked &&
		    kn->kn_watch->w_fd != fd &&
		    watch_identify(kn->kn_watch) != 0) {
			/* SCAN-18: closed, and nobody told us. */
			watch_lost(kn->kn_kq, kn->kn_watch->w_fd);
			continue;
		}
		if (kn->kn_filter == EVFILT_VNODE) {
			if (vnode_note(kn, notes, fn->fn_dir, revoked))
				knote_activate(kn);
			continue;
		}
		if (revoked)			/* READ-36 */
			kn->kn_flags |= EV_EOF | EV_NODATA | EV_ONESHOT;
		if ((seen & (LX_INO_MODIFY | LX_INO_ENTRY | LX_INO_OVERFLOW |
		    LX_INO_UNMOUNT)) == 0)
			continue;
		/* The scan looks anyway, but for EV_ONESHOT (SCAN-5). */
		if ((kn->kn_flags & EV_ONESHOT) == 0 || file_event(kn, 1))
			knote_activate(kn);
	}
}

bool
fnode_hasvnode(const struct fnode *fn)
{
	const struct knote *kn;

	SLIST_FOREACH(kn, &fn->fn_notes, kn_link) {
		if (kn->kn_filter == EVFILT_VNODE)
			return (true);
	}
	return (false);
}

void
fnode_look(struct fnode *fn)
{
	struct lx_inode now;
	unsigned notes;
	uint32_t seen;
	int fd;

	seen = fn->fn_seen;
	fn->fn_seen = 0;
	/* What happens until the watch is renewed is not reported. */
	if ((seen & LX_INO_END) != 0)
		seen |= LX_INO_OVERFLOW;
	fd = -1;
	notes = 0;
	if (fnode_hasvnode(fn) || (seen & LX_INO_END) != 0)
		fd = fnode_stat(fn, &now);
	if (fd != -1) {
		/* Where a name was used again, it is not us who went. */
		if ((seen & FILE_GONE) != 0 && !fnode_isremoved(fd, &now))
			seen &= ~FILE_GONE;
		notes = vnode_notes(&fn->fn_inode, &now, seen);
		fn->fn_inode = now;
		/* Once; the next of that name is another. */
		if ((seen & FILE_GONE) != 0)
			fnode_unname(fn);
		if ((seen & (LX_INO_MOVE | LX_INO_OVERFLOW)) != 0 &&
		    fnode_wantsparent(fn)) {
			/* It may have been removed since, unheard. */
			(void)fnode_follow(fn, fd);
			if (now.in_nlink != 0 && lx_inode(fd, &now) == 0 &&
			    now.in_nlink == 0)
				notes |= NOTE_DELETE;
			fn->fn_inode.in_nlink = now.in_nlink;
		}
	}
	fnode_tell(fn, fd, notes, seen);
	if ((seen & LX_INO_END) != 0)
		fnode_renew(fn, fd);
}

int
fnode_adjust(struct fnode *fn, int fd)
{
	struct finst *fi = fn->fn_fq->fq_inst;
	struct lx_inode now;
	uint32_t want;
	int error, wd;
	bool more;

	want = fnode_wants(fn);
	/* Others may want more of a shared watch than we know. */
	if (want == fn->fn_what || !fn->fn_live ||
	    (fi->fi_shared && (want & ~fn->fn_what) == 0))
		return (0);
	more = fi->fi_shared;
	error = lx_inotify_add(fi->fi_fd, fd, false, want, more, &wd);
	if (error != 0)
		return (fnode_adderror(error));
	/* What was not reported until now is no news either. */
	if ((want & ~fn->fn_what) != 0 && lx_inode(fd, &now) == 0)
		fn->fn_inode = now;
	fn->fn_what = more ? fn->fn_what | want : want;
	return (0);
}
