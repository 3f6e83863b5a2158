/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What watch.c, which installs the entries in epoll, and report.c, which hears
 * of them, have in common.  The rest of the library uses the watch_ functions
 * of kqueue_var.h.  kq_lock is held for all.
 */
#ifndef _KQ_WATCH_H_
#define	_KQ_WATCH_H_

#include "filter.h"

#pragma GCC visibility push(hidden)

/* The bits of which one makes the filter look, by WF_*. */
extern const uint32_t watch_masks[WF_COUNT];

/* What epoll_data is for the watch, and the set that it is in. */
uint64_t watch_data(struct kqueue *, const struct watch *);
int	watch_epfd(struct kqueue *, const struct watch *);
/*
 * Install what is wanted.  Without force no call is made if epoll has it.
 * ENOENT, EBADF: the number does not mean the file any more.
 */
int	watch_sync(struct kqueue *, struct watch *, bool force);
/* Set the entry to EPOLLET: it reports what makes nobody ready. */
void	watch_turn(struct kqueue *, struct watch *);
/* Leave the descriptor's list and kq_relisten; the memory can be used again. */
void	watch_free(struct kqueue *, struct watch *);
/* The listening socket has not to be looked at any more. */
void	watch_unlisten(struct kqueue *, struct watch *);

static inline bool
watch_isempty(const struct watch *w)
{
	return (w->w_kn[0] == NULL && w->w_kn[1] == NULL && w->w_kn[2] == NULL);
}

/* Is the entry in the set, but silent? */
static inline bool
watch_silent(const struct watch *w)
{
	return ((w->w_events & LX_ONESHOT) != 0 &&
	    (w->w_state & W_ARMED) == 0);
}

static inline bool
knote_islevel(const struct knote *kn)
{
	return ((kn->kn_flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH)) == 0);
}

#pragma GCC visibility pop

#endif /* !_KQ_WATCH_H_ */
