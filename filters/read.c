/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_READ: something to read, or the end of it.
 *
 * BSD: a level filter; data is what can be read, EV_EOF the end, fflags the
 * error that a socket carries then (READ-1 to READ-63).  Linux: epoll says
 * when, FIONREAD how much.  They differ on what is not there yet or not any
 * more: a socket that was never connected says HUP for ever (READ-3; RDHUP
 * tells the two apart), a refused or reset one keeps its error in a field that
 * reading clears (fd_sockerror()), a listening one has no FIONREAD, and a
 * datagram socket counts the first datagram only.
 */
#include <limits.h>

#include "fd.h"

/* What is ready when at least so much is there (READ-1, READ-8). */
static int64_t
read_lowat(struct knote *kn)
{
	struct watch *w = kn->kn_watch;

	if (fd_haslowat(kn))
		return (kn->kn_sdata);
	/*
	 * SO_RCVLOWAT: TCP's poll honours it, AF_UNIX's does not.  Asked for
	 * once, and again when somebody changed some socket's.  What has none
	 * may be a message queue, whose FIONREAD is of the file that describes
	 * it: no size is enough.
	 */
	if ((!fd_seen(kn->kn_kq, &w->w_rseen) || w->w_lowat == 0) &&
	    lx_sock_rcvlowat(w->w_fd, &w->w_lowat) != 0 &&
	    watch_kind(w) == LX_KIND_MQUEUE)
		w->w_lowat = INT_MAX;
	return (w->w_lowat);
}

/* READ-20 to READ-23. */
static bool
read_listening(struct knote *kn, struct kevent *kev, uint32_t revents)
{
	struct watch *w = kn->kn_watch;
	int max, n;

	(void)lx_sock_backlog(w->w_fd, watch_kind(w), &n);
	if (n == 0)
		return (fd_unready(kn, revents));
	if ((kn->kn_flags & EV_CLEAR) != 0) {
		w->w_backlog = n;
		watch_listen(w);
	}
	max = kn->kn_kq->kq_dialect->d_backlog_max;
	return (fd_post(kn, kev, 0, 0, max != 0 && n > max ? max : n));
}

/*
 * The kinds of objects.  n is what FIONREAD says, and 0 with an error.
 */

/* READ-1 to READ-14. */
static bool
read_stream(struct knote *kn, struct kevent *kev, uint32_t revents, int n,
    int error)
{
	struct watch *w = kn->kn_watch;
	unsigned int flags;

	if (error != 0 && lx_sock_listening(w->w_fd))
		return (read_listening(kn, kev, revents));
	/* An entry that was silent has been asked for HUP alone. */
	if ((revents & (LX_HUP | LX_RDHUP)) == LX_HUP)
		revents = watch_poll(kn);
	/* FIONREAD ends at an urgent mark. */
	if (n == 0 && w->w_kind == LX_KIND_TCP && (revents & LX_ERR) == 0)
		(void)lx_tcp_unread(w->w_fd, &n);
	if ((revents & LX_RDHUP) != 0) {
		flags = EV_EOF;
		if (n == 0)
			flags |= EV_NODATA;
		if ((revents & LX_HUP) != 0)
			flags |= EV_HUP;
		return (fd_post(kn, kev, flags, fd_sockerror(w, revents), n));
	}
	if ((kn->kn_status & KN_SELF) != 0)
		return (fd_post(kn, kev, 0, 0, n));
	/* READ-3 */
	if ((revents & LX_HUP) != 0)
		return (fd_unready(kn, revents));
	/* READ-7 */
	if ((revents & LX_ERR) != 0 || (n > 0 && n >= read_lowat(kn)))
		return (fd_post(kn, kev, 0, 0, n));
	return (fd_unready(kn, n > 0 ? revents : watch_poll(kn)));
}

/* READ-16 to READ-19. */
static bool
read_dgram(struct knote *kn, struct kevent *kev, uint32_t revents, int n)
{
	unsigned int flags;

	/* A datagram may be empty, so only poll() knows (READ-17). */
	if (n == 0 && (kn->kn_status & KN_SELF) == 0) {
		revents = watch_poll(kn);
		if ((revents & watch_mask(kn)) == 0)
			return (fd_unready(kn, revents));
	}
	flags = 0;
	if ((revents & LX_RDHUP) != 0) {
		flags = EV_EOF | (n == 0 ? EV_NODATA : 0u);
		if ((revents & LX_HUP) != 0)
			flags |= EV_HUP;
	} else if ((revents & LX_ERR) == 0 && n > 0 &&
	    (kn->kn_status & KN_SELF) == 0 && n < read_lowat(kn))
		return (fd_unready(kn, revents));
	return (fd_post(kn, kev, flags, 0, n));
}

/* READ-24 to READ-31.  On the write end, ERR says that the readers are gone. */
static bool
read_pipe(struct knote *kn, struct kevent *kev, uint32_t revents, int n)
{
	struct watch *w = kn->kn_watch;
	unsigned int flags;

	if ((revents & (LX_HUP | LX_ERR)) != 0) {
		flags = EV_EOF;
		if ((revents & LX_ERR) != 0)
			n = 0;
		if (n == 0)
			flags |= EV_NODATA;
		return (fd_post(kn, kev, flags, 0, n));
	}
	/* READ-31: a writer came again. */
	if (watch_kind(w) == LX_KIND_FIFO)
		kn->kn_flags &= (unsigned short)~(EV_EOF | EV_NODATA);
	if (n == 0)
		return (fd_unready(kn, watch_poll(kn)));
	return (fd_post(kn, kev, 0, 0, n));
}

/* READ-40 to READ-42. */
static bool
read_tty(struct knote *kn, struct kevent *kev, uint32_t revents, int n)
{
	if ((revents & LX_HUP) != 0)
		return (fd_post(kn, kev, EV_EOF | EV_NODATA, 0, n));
	/* A line that is only an end of file counts 0 and can be read. */
	if (n == 0 && ((revents = watch_poll(kn)) & watch_mask(kn)) == 0)
		return (fd_unready(kn, revents));
	return (fd_post(kn, kev, 0, 0, n));
}

/* READ-60 to READ-63, KQ-18. */
static bool
read_kqueue(struct knote *kn, struct kevent *kev)
{
	struct kqueue *inner, *kq = kn->kn_kq;
	struct watch *w = kn->kn_watch;
	uint32_t seq;
	int n;

	if (kn == kq->kq_selfkn) {
		n = atomic_load(&kq->kq_count) + kq->kq_tail;
		if (n == 0)
			return (false);
		return (fd_post(kn, kev, 0, 0, n));
	}
	if ((inner = fdtab_kqueue(w->w_fd)) == NULL)
		return (fd_unready(kn, 0));
	if (kqueue_tryenter(inner)) {
		n = kqueue_pending(inner);
		seq = inner->kq_seq;
		kqueue_leave(inner);
		/* READ-61: the look itself may have made an edge. */
		if ((kn->kn_flags & EV_CLEAR) != 0 && n > 0) {
			kq->kq_attn |= KQA_TURNED;
			if (w->w_rseen == seq)
				return (false);
			w->w_rseen = seq;
		}
	} else {
		/* Somebody works on it, perhaps this very thread. */
		n = atomic_load(&inner->kq_count);
		if (n == 0 && (watch_poll(kn) & LX_IN) != 0)
			n = 1;
	}
	if (n == 0)
		return (fd_unready(kn, watch_poll(kn)));
	return (fd_post(kn, kev, 0, 0, n));
}

/* READ-47 to READ-49: what only Linux has, and devices. */
static bool
read_other(struct knote *kn, struct kevent *kev, uint32_t revents, int n,
    int error)
{
	struct watch *w = kn->kn_watch;
	uint64_t count;
	long cur, max;

	if ((revents & LX_IN) == 0) {
		/* READ-46 */
		if ((revents & LX_HUP) != 0 || ((revents & LX_ERR) != 0 &&
		    watch_kind(w) == LX_KIND_CHR && lx_dev_gone(w->w_fd)))
			return (fd_post(kn, kev, EV_EOF | EV_NODATA, 0, 0));
		return (fd_unready(kn, revents));
	}
	switch (watch_kind(w)) {
	case LX_KIND_EVENTFD:
		if (lx_eventfd_count(w->w_fd, &count) != 0)
			count = 1;
		return (fd_post(kn, kev, 0, 0, count > INTPTR_MAX ?
		    INTPTR_MAX : (intptr_t)count));
	case LX_KIND_MQUEUE:
		if (lx_mq_count(w->w_fd, &cur, &max) != 0)
			cur = 1;
		return (fd_post(kn, kev, 0, 0, cur));
	case LX_KIND_CHR:
	case LX_KIND_BLK:
		return (fd_post(kn, kev, 0, 0, n));
	default:
		return (fd_post(kn, kev, 0, 0, error != 0 ? 1 : n));
	}
}

__attribute__((__noinline__)) static bool
read_look(struct knote *kn, struct kevent *kev)
{
	struct watch *w = kn->kn_watch;
	uint32_t revents;
	int error, n;

	if (fd_isnone(kn))
		return (w->w_kind == LX_KIND_KQUEUE ?
		    read_kqueue(kn, kev) : fd_noneprocess(kn, kev));
	revents = watch_revents(kn);
	if (KQ_UNLIKELY((revents & watch_mask(kn)) == 0) &&
	    (kn->kn_status & KN_SELF) == 0 && !fd_haslowat(kn))
		return (fd_unready(kn, revents));
	if (w->w_kind == LX_KIND_KQUEUE)
		return (read_kqueue(kn, kev));
	/*
	 * Data and nothing else: the object need not be known, unless it has
	 * an end that can be taken back.
	 */
	if (KQ_LIKELY((revents & (LX_IN | LX_HUP | LX_RDHUP | LX_ERR)) ==
	    LX_IN && (kn->kn_flags & EV_EOF) == 0 &&
	    lx_fionread(w->w_fd, &n) == 0 && n > 0 && n >= read_lowat(kn)))
		return (fd_post(kn, kev, 0, 0, n));
	/* Once more where that failed: an edge is not lost for it. */
	if ((error = lx_fionread(w->w_fd, &n)) != 0)
		n = 0;
	if (KQ_UNLIKELY(error == EBADF))
		return (fd_lost(kn));
	switch (watch_kind(w)) {
	case LX_KIND_TCP:
	case LX_KIND_UNIX:
	case LX_KIND_STREAM:
		return (read_stream(kn, kev, revents, n, error));
	case LX_KIND_DGRAM:
		return (read_dgram(kn, kev, revents, n));
	case LX_KIND_PIPE:
	case LX_KIND_FIFO:
		return (read_pipe(kn, kev, revents, n));
	case LX_KIND_TTY:
	case LX_KIND_PTM:
		return (read_tty(kn, kev, revents, n));
	default:
		return (read_other(kn, kev, revents, n, error));
	}
}

/*
 * The common case, for speed alone: epoll has just said that there is data and
 * nothing else, and the object was looked at before.
 */
bool
filt_readprocess(struct knote *kn, struct kevent *kev)
{
	struct watch *w = kn->kn_watch;
	struct kqueue *kq = kn->kn_kq;

	if (KQ_LIKELY(w->w_round == kq->kq_round && w->w_lowat == 1 &&
	    (w->w_revents & (LX_IN | LX_HUP | LX_RDHUP | LX_ERR)) == LX_IN &&
	    (kn->kn_flags & EV_EOF) == 0 &&
	    (kn->kn_sfflags & NOTE_LOWAT) == 0)) {
		if (KQ_UNLIKELY(!fd_seen(kq, &w->w_rseen)))
			w->w_lowat = 0;		/* ask again */
		else if (lx_fionread(w->w_fd, &kq->kq_nread) == 0 &&
		    kq->kq_nread > 0)
			return (fd_post(kn, kev, 0, 0, kq->kq_nread));
	}
	return (read_look(kn, kev));
}

const struct filterops read_filtops = {
	.f_flags = FILTEROP_ISFD,
	.f_attach = filt_fdattach,
	.f_detach = filt_fddetach,
	.f_event = filt_fdevent,
	.f_modify = filt_fdmodify,
	.f_enable = filt_fdenable,
	.f_process = filt_readprocess,
	.f_delivered = filt_fddelivered,
};
