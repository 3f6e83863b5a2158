/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes under watch, and what inotify says of them (fnode.h).  A report only
 * leaves bits in the nodes that it is about; flook.c makes something of them.
 */
#include "file.h"
#include "fnode.h"

#define	FILE_BUFFER	4096	/* of reports, on the stack */

/* FNV-1a over the name. */
uint64_t
fnode_namekey(uint64_t wd, const char *name)
{
	uint32_t h;

	for (h = UINT32_C(2166136261); *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT32_C(16777619);
	return (wd << 32 | h);
}

/*
 * Nodes.  The lock of the instance is held.
 */

struct fnode *
fnode_find(struct finst *fi, const struct fqueue *fq, int wd)
{
	struct fkey *fk;

	for (fk = ftab_first(&fi->fi_bywd, (uint64_t)wd); fk != NULL;
	    fk = ftab_next(fk)) {
		if (fq == NULL || fnode_ofwd(fk)->fn_fq == fq)
			return (fnode_ofwd(fk));
	}
	return (NULL);
}

struct fnode *
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

void
fnode_rekey(struct fnode *fn, int wd)
{
	struct finst *fi = fn->fn_fq->fq_inst;

	ftab_remove(&fi->fi_bywd, &fn->fn_bywd);
	fn->fn_live = wd != -1;
	ftab_insert(&fi->fi_bywd, &fn->fn_bywd, wd != -1 ? (uint64_t)wd :
	    UINT64_C(1) << 63 | (uint64_t)(uintptr_t)fn);
}

bool
fnode_isunused(const struct fnode *fn)
{
	return (SLIST_EMPTY(&fn->fn_notes) && fn->fn_nchildren == 0);
}

void
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

void
fnode_unmark(struct fnode *fn)
{
	if (fn->fn_dirty)
		TAILQ_REMOVE(&fn->fn_fq->fq_dirty, fn, fn_tqe);
	fn->fn_dirty = false;
}

void
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

	for (fk = ftab_first(&fi->fi_byname, fnode_namekey((uint64_t)wd, name));
	    fk != NULL; fk = ftab_next(fk))
		fnode_mark(fnode_ofname(fk), reader, FILE_GONE);
}

static void
finst_overflow(struct finst *fi, const struct fqueue *reader)
{
	struct fkey *fk;
	uint32_t i;

	for (i = 0; i < fi->fi_bywd.ft_size; i++) {
		for (fk = fi->fi_bywd.ft_heads[i]; fk != NULL; fk = fk->fk_next)
			fnode_mark(fnode_ofwd(fk), reader, LX_INO_OVERFLOW);
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
		fn = fnode_ofwd(fk);
		seen = ie->ie_what & (fn->fn_what | LX_INO_END |
		    LX_INO_UNMOUNT);
		/* RMDIR is for the child; SUBDIR comes with ENTRY. */
		seen &= ~LX_INO_RMDIR;
		if ((seen & LX_INO_ENTRY) != 0)
			seen |= ie->ie_what & LX_INO_SUBDIR;
		/* It has another name from here on, see fnode_follow(). */
		if ((seen & LX_INO_MOVE) != 0)
			fnode_unname(fn);
		if (seen != 0)
			fnode_mark(fn, reader, seen);
	}
}

void
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

/* The last of the nodes and users went. */
void
finst_free(struct finst *fi)
{
	struct fkey *fk, *next;
	uint32_t i;

	for (i = 0; i < fi->fi_bywd.ft_size; i++) {
		for (fk = fi->fi_bywd.ft_heads[i]; fk != NULL; fk = next) {
			next = fk->fk_next;
			arena_free(fnode_ofwd(fk), sizeof(struct fnode));
		}
	}
	ftab_free(&fi->fi_bywd);
	ftab_free(&fi->fi_byname);
	fdtab_disown(fi->fi_fd);
	arena_free(fi, sizeof(*fi));
}
