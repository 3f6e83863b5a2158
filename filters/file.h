/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that inotify watches for a kqueue: what EVFILT_READ and EVFILT_WRITE
 * do for regular files and directories, and what EVFILT_VNODE stands on.
 */
#ifndef _KQ_FILE_H_
#define	_KQ_FILE_H_

#include "kqueue_var.h"

#pragma GCC visibility push(hidden)

/*
 * EVFILT_READ and EVFILT_WRITE on what epoll refuses and is a regular file or
 * a directory.  The knote has its watch, and the kqueue its bell; both stay the
 * caller's.  What stat says of the inode is watch_attach_none()'s.
 */
int	file_attach(struct knote *, const struct lx_inode *);
void	file_detach(struct knote *);
bool	file_event(struct knote *, long hint);
bool	file_process(struct knote *, struct kevent *);

/*
 * For EVFILT_VNODE and the above.  kq_lock is held for all, and the knote has
 * its watch (watch_attach_none()).
 */
/*
 * Have inotify report on the knote's inode what fnode_wantsof() says; stat has
 * just said that of the inode.
 */
int	file_watch(struct knote *, const struct lx_inode *);
void	file_unwatch(struct knote *);
/*
 * Have another mask in kn_sfflags.  After an error, one of watch_identify() too,
 * all is as before.
 */
int	file_rewatch(struct knote *, unsigned int mask);
/* Take in what happened up to now, under the masks that held until now. */
void	file_sync(struct kqueue *);
/* The kqueue dies. */
void	file_closing(struct kqueue *);

/*
 * vnode.c: the arithmetic of EVFILT_VNODE, pure.
 */
/* The directory itself was removed, as its parent said. */
#define	FILE_GONE	0x00010000u	/* beside LX_INO_* */

/* What inotify has to report for these NOTE bits. */
uint32_t vnode_wants(unsigned notes, bool dir);
/*
 * The NOTE bits that follow from what inotify said (LX_INO_*, FILE_GONE) and
 * from what stat said before and after.
 */
unsigned vnode_notes(const struct lx_inode *before,
    const struct lx_inode *after, uint32_t seen);
/* Those of the notes that a knote with this mask gets (VN-4). */
unsigned vnode_selected(unsigned notes, unsigned mask, bool dir);
/* Accumulate; true if there was something for the knote. */
bool	vnode_note(struct knote *, unsigned notes, bool dir, bool revoked);

#pragma GCC visibility pop

#endif /* !_KQ_FILE_H_ */
