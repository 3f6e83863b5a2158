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
bool	fd_isnone(const struct knote *);
bool	fd_noneprocess(struct knote *, struct kevent *);
/*
 * Post: the sticky flags (SCAN-8) are added to those of the knote.  Dialects
 * without EV_NODATA and EV_HUP strip them later.  Always true.
 */
bool	fd_post(struct knote *, struct kevent *, unsigned flags, int error,
	    intptr_t data);
/* Not ready.  Always false. */
bool	fd_unready(struct knote *, uint32_t revents);
/*
 * Has nothing been seen to change in any socket (shutdown(), SO_RCVLOWAT)
 * since *seenp was set?  If something has, sets it.  0 is never.
 */
bool	fd_seen(uint32_t *seenp);
/* The error that the socket carries at EOF, without taking it (READ-4). */
int	fd_sockerror(struct watch *, uint32_t revents);
/* A socket that can have a peer. */
bool	fd_isstream(enum lx_kind);
/* EVFILT_READ's answer; also EVFILT_EXCEPT's without NOTE_OOB. */
bool	filt_readprocess(struct knote *, struct kevent *);

#pragma GCC visibility pop

#endif /* !_KQ_FD_H_ */
