/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT have in common: knotes of
 * descriptors that epoll watches, or that it refuses.
 */
#ifndef _KQ_FD_H_
#define	_KQ_FD_H_

#include "filter.h"

#pragma GCC visibility push(hidden)

/* Attach to epoll; to what epoll refuses (files, /dev/null), without. */
int	filt_fdattach(struct knote *);
void	filt_fddetach(struct knote *);
/* epoll looks when an entry is installed or changed; only others look here. */
bool	filt_fdevent(struct knote *, long hint);
int	filt_fdmodify(struct knote *, const struct kevent *);
int	filt_fdenable(struct knote *, bool enable);
void	filt_fddelivered(struct knote *);

/* The knote is not in epoll: files and devices, whose answer this gives. */
static inline bool
fd_isnone(const struct knote *kn)
{
	return (kn->kn_watch->w_set == WSET_NONE);
}
bool	fd_noneprocess(struct knote *, struct kevent *);
/*
 * Post: the sticky flags (SCAN-8) are added to those of the knote.  Dialects
 * without EV_NODATA and EV_HUP strip them later.  Always true.
 */
static inline bool
fd_post(struct knote *kn, struct kevent *kev, unsigned flags, int error,
    intptr_t data)
{
	kn->kn_flags |= (unsigned short)flags;
	kn->kn_fflags = (unsigned int)error;
	kn->kn_data = data;
	kev->flags = kn->kn_flags;
	kev->fflags = kn->kn_fflags;
	kev->data = data;
	return (true);
}
/* SCAN-18: the number was closed, and nobody told us.  Always false. */
bool	fd_lost(struct knote *);
/* Not ready.  Always false. */
bool	fd_unready(struct knote *, uint32_t revents);
/*
 * Has nothing been seen to change in any socket (shutdown(), SO_RCVLOWAT)
 * since *seenp was set?  If something has, sets it; 0 matches nothing.
 */
static inline bool
fd_seen(struct kqueue *kq, uint32_t *seenp)
{
	struct kqroot *root;
	uint32_t seen;

	/* There is a root: a kqueue's lock is held. */
	root = atomic_load_explicit(&kq_root, memory_order_relaxed);
	seen = atomic_load_explicit(&root->r_sockchanges,
	    memory_order_relaxed);
	if (KQ_LIKELY(*seenp == seen))
		return (true);
	/* Where we are not told it may be another each time. */
	*seenp = kq->kq_seescloses ? seen : 0;
	return (false);
}
/* The error that the socket carries at EOF, without taking it (READ-4). */
int	fd_sockerror(struct watch *, uint32_t revents);
/* Does the knote's NOTE_LOWAT count?  Only sockets have it (READ-24). */
bool	fd_haslowat(struct knote *);
/* A socket that can have a peer. */
bool	fd_isstream(enum lx_kind);
/* EVFILT_READ's answer; also EVFILT_EXCEPT's without NOTE_OOB. */
bool	filt_readprocess(struct knote *, struct kevent *);

#pragma GCC visibility pop

#endif /* !_KQ_FD_H_ */
