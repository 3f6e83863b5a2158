/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files under watch: an inotify instance per kqueue, in it a watch per inode,
 * and what EVFILT_READ and EVFILT_WRITE do for files that epoll refuses.
 *
 * A struct fnode stands for an inode that a kqueue looks at.  It has the
 * knotes that look, whatever descriptor or filter they came by, what inotify
 * was asked to report for all of them, and what stat said at the last look.
 * A report only leaves bits in the node and puts it on the list of its kqueue;
 * when all reports have been read each node on the list is looked at once.  So
 * a collection costs a read and a stat per inode, however many files there are
 * and however much was done to them.
 *
 * Before a mask changes or a knote comes to an inode that is watched already,
 * the reports up to then are taken in: they belong to the old state.
 *
 * The removal of a directory is reported by the one above it only.  That is
 * watched too where NOTE_DELETE is asked for; its node finds the child by name
 * in a table, and the child's name and parent are looked up again when it was
 * moved.
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
#include <sys/event.h>

#include <sched.h>
#include <string.h>

#include "file.h"
#include "filter.h"

/* A table by number: an entry is embedded in what it finds. */
struct fkey {
	struct fkey	*fk_next;
	uint64_t	 fk_key;
};

struct ftab {
	struct fkey	**ft_heads;
	uint32_t	 ft_size;	/* a power of two, or 0 */
	uint32_t	 ft_n;
};

struct fnode {
	struct fkey	 fn_bywd;	/* in fi_bywd, always */
	struct fkey	 fn_byname;	/* in fi_byname, if fn_named */
	struct fqueue	*fn_fq;
	struct klist	 fn_notes;	/* by kn_link, the latest first */
	TAILQ_ENTRY(fnode) fn_tqe;	/* on fq_dirty, if fn_dirty */
	struct fnode	*fn_unused;	/* on fq_unused */
	struct fnode	*fn_parent;	/* the directory that tells of our end */
	struct lx_inode	 fn_inode;	/* at the last look */
	uint32_t	 fn_what;	/* LX_INO_* that were asked for */
	uint32_t	 fn_seen;	/* ... that were reported */
	uint32_t	 fn_nchildren;	/* nodes whose fn_parent we are */
	bool		 fn_live;	/* inotify has a watch; the key is its wd */
	bool		 fn_named;
	bool		 fn_dirty;
	bool		 fn_dir;
};

TAILQ_HEAD(fnodequeue, fnode);

/* An inotify instance. */
struct finst {
	int		 fi_fd;
	bool		 fi_shared;
	uint32_t	 fi_refs;	/* of a shared one: kqueues */
	struct ftab	 fi_bywd;	/* a node per kqueue and wd */
	struct ftab	 fi_byname;	/* directories by wd of parent, name */
};

/* What a kqueue has. */
struct fqueue {
	struct kqueue	*fq_kq;
	struct finst	*fq_inst;
	struct watch	*fq_source;	/* the instance in the main set */
	struct watch	*fq_mail;	/* the eventfd, if the instance is shared */
	int		 fq_mailfd;
	struct fnodequeue fq_dirty;	/* in the order of the reports (SCAN-1) */
	struct fnode	*fq_unused;
	struct fqueue	*fq_dead;	/* on fr_dead */
};

/* What the sharing kqueues of the process have, in a page that fork() wipes. */
struct froot {
	struct kq_lock	 fr_lock;
	struct finst	*fr_inst;
	_Atomic(struct fqueue *) fr_dead;
};
static _Atomic(struct froot *) file_root;

#define	FILE_BUFFER	4096	/* of reports, on the stack */
#define	FILE_TRIES	1000	/* to find somebody who shares */

static struct fnode *
file_ofwd(struct fkey *fk)
{
	return ((struct fnode *)(void *)((char *)fk -
	    offsetof(struct fnode, fn_bywd)));
}

static struct fnode *
file_ofname(struct fkey *fk)
{
	return ((struct fnode *)(void *)((char *)fk -
	    offsetof(struct fnode, fn_byname)));
}

static struct fqueue *
file_peekqueue(struct kqueue *kq)
{
	return (kq->kq_priv[~EVFILT_VNODE]);
}

/*
 * Tables.
 */

static struct fkey **
ftab_head(const struct ftab *ft, uint64_t key)
{
	return (&ft->ft_heads[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 &
	    (ft->ft_size - 1)]);
}

static struct fkey *
ftab_first(const struct ftab *ft, uint64_t key)
{
	struct fkey *fk;

	if (ft->ft_size == 0)
		return (NULL);
	for (fk = *ftab_head(ft, key); fk != NULL; fk = fk->fk_next) {
		if (fk->fk_key == key)
			return (fk);
	}
	return (NULL);
}

static struct fkey *
ftab_next(struct fkey *fk)
{
	uint64_t key = fk->fk_key;

	while ((fk = fk->fk_next) != NULL && fk->fk_key != key)
		continue;
	return (fk);
}

/* Make room for one more; without memory it just gets slower. */
static int
ftab_room(struct ftab *ft)
{
	struct ftab old = *ft;
	struct fkey *fk, **head;
	uint32_t i;

	if (ft->ft_n < ft->ft_size)
		return (0);
	ft->ft_size = old.ft_size == 0 ? 16 : old.ft_size * 2;
	ft->ft_heads = ft->ft_size == 0 ? NULL :
	    arena_alloc(ft->ft_size * sizeof(*ft->ft_heads));
	if (ft->ft_heads == NULL) {
		*ft = old;
		return (old.ft_size == 0 ? ENOMEM : 0);
	}
	for (i = 0; i < old.ft_size; i++) {
		while ((fk = old.ft_heads[i]) != NULL) {
			old.ft_heads[i] = fk->fk_next;
			head = ftab_head(ft, fk->fk_key);
			fk->fk_next = *head;
			*head = fk;
		}
	}
	arena_free(old.ft_heads, old.ft_size * sizeof(*old.ft_heads));
	return (0);
}

/* There has to be room. */
static void
ftab_insert(struct ftab *ft, struct fkey *fk, uint64_t key)
{
	struct fkey **head = ftab_head(ft, key);

	fk->fk_key = key;
	fk->fk_next = *head;
	*head = fk;
	ft->ft_n++;
}

static void
ftab_remove(struct ftab *ft, struct fkey *fk)
{
	struct fkey **fkp;

	for (fkp = ftab_head(ft, fk->fk_key); *fkp != fk;
	    fkp = &(*fkp)->fk_next)
		continue;
	*fkp = fk->fk_next;
	ft->ft_n--;
}

static void
ftab_free(struct ftab *ft)
{
	arena_free(ft->ft_heads, ft->ft_size * sizeof(*ft->ft_heads));
	ft->ft_heads = NULL;
	ft->ft_size = 0;
}

/* FNV-1a over the name, beside the number of the directory's watch. */
static uint64_t
file_namekey(uint64_t wd, const char *name)
{
	uint32_t h;

	for (h = UINT32_C(2166136261); *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT32_C(16777619);
	return (wd << 32 | h);
}

/*
 * Nodes.  The lock of the instance is held.
 */

/* The node of the kqueue for a watch; fq NULL: of any. */
static struct fnode *
fnode_find(struct finst *fi, const struct fqueue *fq, int wd)
{
	struct fkey *fk;

	for (fk = ftab_first(&fi->fi_bywd, (uint64_t)wd); fk != NULL;
	    fk = ftab_next(fk)) {
		if (fq == NULL || file_ofwd(fk)->fn_fq == fq)
			return (file_ofwd(fk));
	}
	return (NULL);
}

static struct fnode *
fnode_create(struct fqueue *fq, int wd)
{
	struct finst *fi = fq->fq_inst;
	struct fnode *fn;

	if (ftab_room(&fi->fi_bywd) != 0 ||
	    (fn = arena_alloc(sizeof(*fn))) == NULL) {
		if (fnode_find(fi, NULL, wd) == NULL)
			lx_inotify_remove(fi->fi_fd, wd);
		return (NULL);
	}
	fn->fn_fq = fq;
	fn->fn_live = true;
	SLIST_INIT(&fn->fn_notes);
	ftab_insert(&fi->fi_bywd, &fn->fn_bywd, (uint64_t)wd);
	return (fn);
}

/* The watch is gone, or is no longer ours; it is no wd's node then. */
static void
fnode_rekey(struct fnode *fn, int wd)
{
	struct finst *fi = fn->fn_fq->fq_inst;

	ftab_remove(&fi->fi_bywd, &fn->fn_bywd);
	fn->fn_live = wd != -1;
	ftab_insert(&fi->fi_bywd, &fn->fn_bywd, wd != -1 ? (uint64_t)wd :
	    UINT64_C(1) << 63 | (uint64_t)(uintptr_t)fn);
}

static bool
fnode_isunused(const struct fnode *fn)
{
	return (SLIST_EMPTY(&fn->fn_notes) && fn->fn_nchildren == 0);
}

static void
fnode_unname(struct fnode *fn)
{
	if (fn->fn_named)
		ftab_remove(&fn->fn_fq->fq_inst->fi_byname, &fn->fn_byname);
	fn->fn_named = false;
}

static void
fnode_mark(struct fnode *fn, const struct fqueue *reader, uint32_t seen)
{
	struct fqueue *fq = fn->fn_fq;

	fn->fn_seen |= seen;
	if (fn->fn_dirty)
		return;
	if (fq != reader && TAILQ_EMPTY(&fq->fq_dirty))
		lx_eventfd_ring(fq->fq_mailfd);
	fn->fn_dirty = true;
	TAILQ_INSERT_TAIL(&fq->fq_dirty, fn, fn_tqe);
}

static void
fnode_unmark(struct fnode *fn)
{
	if (fn->fn_dirty)
		TAILQ_REMOVE(&fn->fn_fq->fq_dirty, fn, fn_tqe);
	fn->fn_dirty = false;
}

/* Free an unused node, and its parent if that has become unused. */
static void
fnode_free(struct fnode *fn)
{
	struct finst *fi = fn->fn_fq->fq_inst;
	struct fnode *parent;
	int wd;

	for (; fn != NULL; fn = parent) {
		parent = fn->fn_parent;
		fnode_unname(fn);
		fnode_unmark(fn);
		wd = (int)fn->fn_bywd.fk_key;
		ftab_remove(&fi->fi_bywd, &fn->fn_bywd);
		if (fn->fn_live && fnode_find(fi, NULL, wd) == NULL)
			lx_inotify_remove(fi->fi_fd, wd);
		arena_free(fn, sizeof(*fn));
		if (parent != NULL) {
			parent->fn_nchildren--;
			if (!fnode_isunused(parent))
				return;
		}
	}
}

/*
 * Reports.
 */

/* The directory name was removed below the watched one. */
static void
finst_removed(struct finst *fi, const struct fqueue *reader, int wd,
    const char *name)
{
	struct fkey *fk;

	for (fk = ftab_first(&fi->fi_byname, file_namekey((uint64_t)wd, name));
	    fk != NULL; fk = ftab_next(fk))
		fnode_mark(file_ofname(fk), reader, FILE_GONE);
}

static void
finst_overflow(struct finst *fi, const struct fqueue *reader)
{
	struct fkey *fk;
	uint32_t i;

	for (i = 0; i < fi->fi_bywd.ft_size; i++) {
		for (fk = fi->fi_bywd.ft_heads[i]; fk != NULL; fk = fk->fk_next)
			fnode_mark(file_ofwd(fk), reader, LX_INO_OVERFLOW);
	}
}

static void
finst_report(struct finst *fi, const struct fqueue *reader,
    const struct lx_inoevent *ie)
{
	struct fkey *fk;
	struct fnode *fn;
	uint32_t seen;

	if ((ie->ie_what & LX_INO_OVERFLOW) != 0) {
		finst_overflow(fi, reader);
		return;
	}
	if ((ie->ie_what & LX_INO_RMDIR) != 0)
		finst_removed(fi, reader, ie->ie_wd, ie->ie_name);
	for (fk = ftab_first(&fi->fi_bywd, (uint64_t)ie->ie_wd); fk != NULL;
	    fk = ftab_next(fk)) {
		fn = file_ofwd(fk);
		seen = ie->ie_what & (fn->fn_what | LX_INO_END |
		    LX_INO_UNMOUNT);
		/* RMDIR is for the child; SUBDIR comes with ENTRY. */
		seen &= ~LX_INO_RMDIR;
		if ((seen & LX_INO_ENTRY) != 0)
			seen |= ie->ie_what & LX_INO_SUBDIR;
		/* It has another name from here on, see file_follow(). */
		if ((seen & LX_INO_MOVE) != 0)
			fnode_unname(fn);
		if (seen != 0)
			fnode_mark(fn, reader, seen);
	}
}

/* Read all reports and leave them in the nodes. */
static void
finst_read(struct finst *fi, const struct fqueue *reader)
{
	struct lx_inoevent ie;
	uint64_t buf[FILE_BUFFER / sizeof(uint64_t)];
	const char *end;
	const void *p, *next;
	size_t len;
	bool more;

	do {
		if (lx_inotify_read(fi->fi_fd, buf, sizeof(buf), &len,
		    &more) != 0)
			return;
		end = (const char *)buf + len;
		for (p = buf; (next = lx_inotify_next(p, end, &ie)) != NULL;
		    p = next)
			finst_report(fi, reader, &ie);
	} while (more);
}

/*
 * Looks.
 */

static uint32_t
file_wants(const struct knote *kn, bool dir)
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
		what |= file_wants(kn, fn->fn_dir);
	return (what);
}

/* Does somebody look for the removal of this directory? */
static bool
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

/* What inotify_add_watch() says, as the answer to an EV_ADD. */
static int
file_adderror(int error)
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

/*
 * Have the directory above fn's, which fd is, tell of fn's removal, and know
 * fn by its name there.
 */
static int
file_follow(struct fnode *fn, int fd)
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
		return (file_adderror(error));
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
	    file_namekey((uint64_t)wd, name));
	fn->fn_named = true;
	return (0);
}

/* Was the directory removed?  Overlays may keep its link count above 0. */
static bool
file_isremoved(int fd, const struct lx_inode *now)
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
		    (fn->fn_inode.in_ino == 0 ||
		    (now->in_ino == fn->fn_inode.in_ino &&
		    now->in_dev == fn->fn_inode.in_dev)))
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

/* The inode's READ and VNODE knotes hear what the reports came to. */
static void
fnode_tell(struct fnode *fn, unsigned notes, uint32_t seen)
{
	struct knote *kn;
	bool revoked;

	revoked = (seen & LX_INO_UNMOUNT) != 0;
	SLIST_FOREACH(kn, &fn->fn_notes, kn_link) {
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

static bool
fnode_hasvnode(const struct fnode *fn)
{
	const struct knote *kn;

	SLIST_FOREACH(kn, &fn->fn_notes, kn_link) {
		if (kn->kn_filter == EVFILT_VNODE)
			return (true);
	}
	return (false);
}

static void
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
	if (fd != -1 && fn->fn_inode.in_ino != 0) {
		/* Where a name was used again, it is not us who went. */
		if ((seen & FILE_GONE) != 0 && !file_isremoved(fd, &now))
			seen &= ~FILE_GONE;
		notes = vnode_notes(&fn->fn_inode, &now, seen);
		fn->fn_inode = now;
		/* Once; the next of that name is another. */
		if ((seen & FILE_GONE) != 0)
			fnode_unname(fn);
		if ((seen & (LX_INO_MOVE | LX_INO_OVERFLOW)) != 0 &&
		    fnode_wantsparent(fn)) {
			/* It may have been removed since, unheard. */
			(void)file_follow(fn, fd);
			if (now.in_nlink != 0 && lx_inode(fd, &now) == 0 &&
			    now.in_nlink == 0)
				notes |= NOTE_DELETE;
			fn->fn_inode.in_nlink = now.in_nlink;
		}
	}
	fnode_tell(fn, notes, seen);
	if ((seen & LX_INO_END) != 0)
		fnode_renew(fn, fd);
}

/*
 * Queues, and the lock of a shared instance.
 */

static void	fqueue_release(struct fqueue *);

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

/* May we wait?  Not in a handler that interrupted a holder of some lock. */
static bool
file_maywait(void)
{
	return (kq_nheld == 1);
}

static void
file_lock(struct fqueue *fq)
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

static void
file_unlock(struct fqueue *fq)
{
	if (fq->fq_inst->fi_shared)
		kq_unlock(&atomic_load(&file_root)->fr_lock);
}

/* Read what there is and look at every node that has something. */
static void
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
	struct fqueue *fq;

	if ((fq = file_peekqueue(kq)) == NULL)
		return;
	file_lock(fq);
	fqueue_process(fq);
	file_unlock(fq);
}

/* The instance has reports, or the reader of them has left us mail. */
static void
file_fire(struct watch *w, uint32_t revents)
{
	(void)revents;
	file_sync(((struct fqueue *)w->w_arg)->fq_kq);
}

/* The last of the nodes and users went. */
static void
finst_free(struct finst *fi)
{
	struct fkey *fk, *next;
	uint32_t i;

	for (i = 0; i < fi->fi_bywd.ft_size; i++) {
		for (fk = fi->fi_bywd.ft_heads[i]; fk != NULL; fk = next) {
			next = fk->fk_next;
			arena_free(file_ofwd(fk), sizeof(struct fnode));
		}
	}
	ftab_free(&fi->fi_bywd);
	ftab_free(&fi->fi_byname);
	if (fi->fi_fd != -1)
		fdtab_disown(fi->fi_fd);
	arena_free(fi, sizeof(*fi));
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
			fn = file_ofwd(fk);
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

	if ((fq = file_peekqueue(kq)) == NULL)
		return;
	kq->kq_priv[~EVFILT_VNODE] = NULL;
	if (!fq->fq_inst->fi_shared) {
		finst_free(fq->fq_inst);
		arena_free(fq, sizeof(*fq));
		return;
	}
	fr = atomic_load(&file_root);
	if (file_maywait()) {
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
	    file_fire, fq, &fq->fq_mail)) != 0) {
		fdtab_disown(fq->fq_mailfd);
		fq->fq_mailfd = -1;
	}
	return (error);
}

/* Have the kqueue's own instance shared; its lock is held. */
static int
froot_convert(struct froot *fr, struct kqueue *kq)
{
	struct fqueue *fq;
	int error;

	if ((fq = file_peekqueue(kq)) == NULL || fq->fq_inst->fi_shared)
		return (ENOENT);
	if ((error = fqueue_mail(fq)) != 0)
		return (error);
	kq_lock(&fr->fr_lock);
	if (fr->fr_inst == NULL) {
		fq->fq_inst->fi_shared = true;
		fq->fq_inst->fi_refs = 1;
		fr->fr_inst = fq->fq_inst;
		kq_unlock(&fr->fr_lock);
		return (0);
	}
	kq_unlock(&fr->fr_lock);
	/* Somebody was faster; the caller finds that one. */
	source_del(kq, fq->fq_mail);
	fdtab_disown(fq->fq_mailfd);
	fq->fq_mail = NULL;
	fq->fq_mailfd = -1;
	return (0);
}

/*
 * Find a kqueue of the process that has an instance, and have it shared.
 * Others' locks are only tried, so a kqueue that is at work is passed by;
 * EAGAIN: all who could share were.
 */
static int
froot_search(struct froot *fr, struct kqueue *self)
{
	struct kqroot *root;
	struct kqueue *kq;
	uint32_t i, n;
	int error;
	bool busy;

	if ((root = kqroot_peek()) == NULL)
		return (EMFILE);
	busy = false;
	n = atomic_load(&root->r_nkq);
	for (i = 1; i <= n; i++) {
		kq = kqueue_byslot(i);
		if (kq == NULL || kq == self || !atomic_load(&kq->kq_alive))
			continue;
		if (!kqueue_tryenter(kq)) {
			busy = true;
			continue;
		}
		error = froot_convert(fr, kq);
		kqueue_leave(kq);
		if (error != ENOENT)
			return (error);
	}
	return (busy ? EAGAIN : EMFILE);
}

/* There is no instance to be had: share one. */
static int
fqueue_share(struct fqueue *fq)
{
	struct froot *fr;
	int error, i;

	if ((error = froot_get(&fr)) != 0 || (error = fqueue_mail(fq)) != 0)
		return (error);
	for (i = 0;; i++) {
		froot_lock(fr);
		if ((fq->fq_inst = fr->fr_inst) != NULL)
			fq->fq_inst->fi_refs++;
		kq_unlock(&fr->fr_lock);
		if (fq->fq_inst != NULL)
			return (0);
		error = froot_search(fr, fq->fq_kq);
		if (error == EAGAIN && i < FILE_TRIES)
			(void)sched_yield();
		else if (error != 0)
			break;
	}
	source_del(fq->fq_kq, fq->fq_mail);
	fdtab_disown(fq->fq_mailfd);
	return (error == EAGAIN ? EMFILE : error);
}

static int
fqueue_instance(struct fqueue *fq)
{
	struct finst *fi;
	int error;

	if ((fi = arena_alloc(sizeof(*fi))) == NULL)
		return (ENOMEM);
	if ((error = fdtab_own(lx_inotify, &fi->fi_fd)) != 0) {
		arena_free(fi, sizeof(*fi));
		return (error == EMFILE ? fqueue_share(fq) : error);
	}
	fq->fq_inst = fi;
	return (0);
}

/* The kqueue's queue, made if need be. */
static int
file_queue(struct kqueue *kq, struct fqueue **fqp)
{
	struct fqueue *fq;
	int error;

	if ((*fqp = file_peekqueue(kq)) != NULL)
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
	    file_fire, fq, &fq->fq_source)) != 0) {
		if (fq->fq_mail != NULL)
			source_del(kq, fq->fq_mail);
		file_closing(kq);
		return (error);
	}
	*fqp = fq;
	return (0);
}

/*
 * Knotes.
 */

/* With the lock of the instance. */
static int
file_watchlocked(struct fqueue *fq, struct knote *kn)
{
	struct finst *fi = fq->fq_inst;
	struct watch *w = kn->kn_watch;
	struct fnode *fn;
	uint32_t grown, what;
	int error, wd;
	bool dir, fresh;

	dir = watch_kind(w) == LX_KIND_DIR;
	what = file_wants(kn, dir);
	error = lx_inotify_add(fi->fi_fd, w->w_fd, false, what, true, &wd);
	if (error != 0)
		return (file_adderror(error));
	/* What happened before we came is not for us (VN-8). */
	if (fnode_find(fi, NULL, wd) != NULL)
		fqueue_process(fq);
	if ((fn = fnode_find(fi, fq, wd)) == NULL &&
	    (fn = fnode_create(fq, wd)) == NULL)
		return (ENOMEM);
	grown = what & ~fn->fn_what;
	fresh = kn->kn_filter == EVFILT_VNODE &&
	    (!fnode_hasvnode(fn) || grown != 0);
	fn->fn_what |= what;
	fn->fn_dir = dir;
	SLIST_INSERT_HEAD(&fn->fn_notes, kn, kn_link);
	w->w_arg = fn;
	if (fnode_wantsparent(fn) && fn->fn_parent == NULL &&
	    (error = file_follow(fn, w->w_fd)) != 0)
		goto fail;
	/* Last, so that a removal meanwhile is no news. */
	if (fresh && (error = lx_inode(w->w_fd, &fn->fn_inode)) != 0)
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
file_watch(struct knote *kn)
{
	struct fqueue *fq;
	int error;

	KQ_ASSERT_LOCKED(kn->kn_kq);
	if ((error = file_queue(kn->kn_kq, &fq)) != 0)
		return (error);
	file_lock(fq);
	error = file_watchlocked(fq, kn);
	file_unlock(fq);
	return (error);
}

/* Have inotify report what is wanted now, and no more where that is easy. */
static int
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
		return (file_adderror(error));
	/* What was not reported until now is no news either. */
	if ((want & ~fn->fn_what) != 0 && fnode_hasvnode(fn) &&
	    lx_inode(fd, &now) == 0)
		fn->fn_inode = now;
	fn->fn_what = more ? fn->fn_what | want : want;
	return (0);
}

int
file_rewatch(struct knote *kn)
{
	struct fqueue *fq = file_peekqueue(kn->kn_kq);
	struct watch *w = kn->kn_watch;
	struct fnode *fn = w->w_arg;
	int error;

	file_lock(fq);
	error = fnode_adjust(fn, w->w_fd);
	if (error == 0 && fnode_wantsparent(fn) && fn->fn_parent == NULL &&
	    (error = file_follow(fn, w->w_fd)) == 0)
		(void)lx_inode(w->w_fd, &fn->fn_inode);
	file_unlock(fq);
	return (error);
}

void
file_unwatch(struct knote *kn)
{
	struct fqueue *fq = file_peekqueue(kn->kn_kq);
	struct fnode *fn = kn->kn_watch->w_arg;
	struct knote *other;

	KQ_ASSERT_LOCKED(kn->kn_kq);
	SLIST_REMOVE(&fn->fn_notes, kn, knote, kn_link);
	kn->kn_watch->w_arg = NULL;
	if (!file_maywait()) {
		if (fnode_isunused(fn)) {
			fn->fn_unused = fq->fq_unused;
			fq->fq_unused = fn;
		}
		return;
	}
	file_lock(fq);
	if (fnode_isunused(fn)) {
		fnode_free(fn);
		/* The kernel reports the end, which is nothing to wake for. */
		fqueue_process(fq);
	} else if ((other = SLIST_FIRST(&fn->fn_notes)) != NULL) {
		/* An error leaves us with reports that nobody wants. */
		(void)fnode_adjust(fn, other->kn_watch->w_fd);
	}
	file_unlock(fq);
}

/*
 * EVFILT_READ and EVFILT_WRITE (READ-33 to READ-38, WRITE-17).
 */

int
file_attach(struct knote *kn)
{
	struct watch *w = kn->kn_watch;

	if (watch_kind(w) == LX_KIND_FILE &&
	    lx_fd_isproc(w->w_fd))
		return (kn->kn_kq->kq_dialect->d_badfilter_errno); /* READ-39 */
	/* Writing is always possible, so there is nothing to wait for. */
	return (kn->kn_filter == EVFILT_READ ? file_watch(kn) : 0);
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
