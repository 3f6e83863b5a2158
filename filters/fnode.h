/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files under watch: an inotify instance per kqueue, and in it a watch per
 * inode.
 *
 * A struct fnode stands for an inode that a kqueue looks at.  It has the
 * knotes that look, whatever descriptor or filter they came by, what inotify
 * was asked to report for all of them, and what stat said at the last look.
 * A report only leaves bits in the node and puts it on the list of its kqueue
 * (fnode.c); when all reports have been read each node on the list is looked at
 * once (flook.c).  So a collection costs a read and a stat per inode, however
 * many files there are and however much was done to them.
 *
 * The instance may be shared with other kqueues (fqueue.c, which also says who
 * holds which lock).  What needs "the lock of the instance" stands between
 * fqueue_lock() and fqueue_unlock().
 */
#ifndef _KQ_FNODE_H_
#define	_KQ_FNODE_H_

#include "kqueue_var.h"

#pragma GCC visibility push(hidden)

/*
 * Tables by number (ftab.c).  An entry is embedded in what it finds.
 */
struct fkey {
	struct fkey	*fk_next;
	uint64_t	 fk_key;
};

struct ftab {
	struct fkey	**ft_heads;
	uint32_t	 ft_size;	/* a power of two, or 0 */
	uint32_t	 ft_n;
};

/* The first entry of that number, and the one behind it; NULL: no more. */
struct fkey *ftab_first(const struct ftab *, uint64_t key);
struct fkey *ftab_next(struct fkey *);
/* Make room for one more; without memory it just gets slower. */
int	ftab_room(struct ftab *);
/* There has to be room. */
void	ftab_insert(struct ftab *, struct fkey *, uint64_t key);
void	ftab_remove(struct ftab *, struct fkey *);
/* The memory of the table itself. */
void	ftab_free(struct ftab *);

/*
 * Inodes and instances.
 */
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

static inline struct fnode *
fnode_ofwd(struct fkey *fk)
{
	return ((struct fnode *)(void *)((char *)fk -
	    offsetof(struct fnode, fn_bywd)));
}

static inline struct fnode *
fnode_ofname(struct fkey *fk)
{
	return ((struct fnode *)(void *)((char *)fk -
	    offsetof(struct fnode, fn_byname)));
}

/* The kqueue's queue; NULL: it has none yet. */
static inline struct fqueue *
fqueue_peek(struct kqueue *kq)
{
	return (kq->kq_priv[~EVFILT_VNODE]);
}

/*
 * Nodes and reports (fnode.c).  The lock of the instance is held for all.
 */
/* The key in fi_byname: a directory's name below the watched wd. */
uint64_t fnode_namekey(uint64_t wd, const char *name);
/* The node of the kqueue for a watch; fq NULL: of any. */
struct fnode *fnode_find(struct finst *, const struct fqueue *, int wd);
/* NULL: no memory, and the watch is removed if it was for this alone. */
struct fnode *fnode_create(struct fqueue *, int wd);
/* inotify has another watch for it, or none (-1) any more. */
void	fnode_rekey(struct fnode *, int wd);
bool	fnode_isunused(const struct fnode *);
/* Free an unused node, and its parent if that has become unused. */
void	fnode_free(struct fnode *);
/* Its parent cannot find it by name any more. */
void	fnode_unname(struct fnode *);
/* Take it off the list of those that had reports. */
void	fnode_unmark(struct fnode *);
/* Read all reports and leave them in the nodes; the reader needs no ring. */
void	finst_read(struct finst *, const struct fqueue *reader);
/* Nobody uses it any more. */
void	finst_free(struct finst *);

/*
 * Looks (flook.c).  The lock of the instance is held for all.
 */
/* LX_INO_* that inotify has to report for the knote. */
uint32_t fnode_wantsof(const struct knote *, bool dir);
/* Does somebody look for the removal of this directory? */
bool	fnode_wantsparent(const struct fnode *);
bool	fnode_hasvnode(const struct fnode *);
/*
 * Have the directory above the node's, which fd is, tell of its removal, and
 * know it by its name there.
 */
int	fnode_follow(struct fnode *, int fd);
/* Tell the knotes what the reports came to. */
void	fnode_look(struct fnode *);
/*
 * Have inotify report what is wanted now, and no more where that is easy; fd is
 * of the inode.
 */
int	fnode_adjust(struct fnode *, int fd);
/* What lx_inotify_add() says, as the answer to an EV_ADD. */
int	fnode_adderror(int error);

/*
 * Queues and the instance (fqueue.c).  kq_lock is held for all.
 */
/* The kqueue's queue, made if need be. */
int	fqueue_get(struct kqueue *, struct fqueue **);
void	fqueue_lock(struct fqueue *);
void	fqueue_unlock(struct fqueue *);
/* May we wait for it?  Not in a handler that interrupted a holder of some. */
bool	fqueue_maywait(void);
/* Read what there is and look at every node that has something. */
void	fqueue_process(struct fqueue *);

#pragma GCC visibility pop

#endif /* !_KQ_FNODE_H_ */
