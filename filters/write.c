/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_WRITE: room to write, or nobody to write to.
 *
 * BSD: data is the free space (WRITE-1 to WRITE-20).  Linux: epoll says when
 * there is enough, SO_MEMINFO and F_GETPIPE_SZ how much.  They differ on a
 * socket that was never connected, which is writable with HUP on Linux; on the
 * own shutdown(), which shows nowhere but in an empty send; and on NOTE_LOWAT:
 * the kernel makes no edge while it says writable anyway, so the space is
 * looked at from the timer heap.
 */
#include <sys/stat.h>

#include "fd.h"

#define	WRITE_LOOKMIN	1		/* ms between looks at NOTE_LOWAT */
#define	WRITE_LOOKMAX	50

static int
filt_writeattach(struct knote *kn)
{
	struct watch *w;
	unsigned int type;
	int error;

	if ((error = filt_fdattach(kn)) != 0 || fd_isnone(kn))
		return (error);
	/* WRITE-14; a FIFO may get a reader again, a pipe may not. */
	w = kn->kn_watch;
	if (lx_fd_type(w->w_fd, &type) == 0 && S_ISFIFO(type) && watch_kind(w) == LX_KIND_PIPE &&
	    (lx_poll(w->w_fd, LX_OUT) & LX_ERR) != 0) {
		filt_fddetach(kn);
		return (EPIPE);
	}
	return (0);
}

/*
 * NOTE_LOWAT is not reached while the kernel says writable: look again after
 * 1 ms, 2 ms ... 50 ms.
 */
static bool
write_lookagain(struct knote *kn, uint32_t revents)
{
	struct kqueue *kq = kn->kn_kq;

	kn->kn_spare = kn->kn_spare == 0 ? WRITE_LOOKMIN :
	    kn->kn_spare * 2 > WRITE_LOOKMAX ? WRITE_LOOKMAX :
	    (unsigned short)(kn->kn_spare * 2);
	/* Without memory or a descriptor for it, epoll's edges have to do. */
	if (timerheap_need(kq) == 0 && timerheap_insert(kq, kn,
	    lx_now() + kn->kn_spare * INT64_C(1000000)) == 0)
		(void)timerheap_arm(kq);
	return (fd_unready(kn, revents));
}

/* Did this side end its sending?  Looked at when a shutdown() was seen. */
static bool
write_sendclosed(struct kqueue *kq, struct watch *w)
{
	if (!fd_seen(kq, &w->w_wseen) && lx_sock_sendclosed(w->w_fd))
		w->w_state |= W_SENDCLOSED;
	return ((w->w_state & W_SENDCLOSED) != 0);
}

/* WRITE-1 to WRITE-11. */
static bool
write_socket(struct knote *kn, struct kevent *kev, uint32_t revents)
{
	struct watch *w = kn->kn_watch;
	bool stream;
	int n;

	stream = fd_isstream(watch_kind(w));
	if ((revents & LX_HUP) != 0 && (revents & LX_RDHUP) == 0)
		revents = watch_poll(kn);
	/* WRITE-2 */
	if (stream && (revents & (LX_HUP | LX_RDHUP)) == LX_HUP)
		return (fd_unready(kn, revents));
	if (lx_sock_space(w->w_fd, &n) == EBADF)
		return (fd_lost(kn));
	if ((revents & LX_HUP) != 0)
		return (fd_post(kn, kev, EV_EOF | EV_NODATA | EV_HUP,
		    fd_sockerror(w, revents), n));
	if (stream && (revents & LX_ERR) == 0 && write_sendclosed(kn->kn_kq, w)) {
		/* AF_UNIX: a full one is not writable even so. */
		if ((revents & LX_OUT) == 0 &&
		    kqueue_needbell(kn->kn_kq) == 0)
			kn->kn_status |= KN_SELF;
		return (fd_post(kn, kev, EV_EOF | EV_NODATA |
		    ((revents & LX_RDHUP) != 0 ? EV_HUP : 0u), 0, n));
	}
	/* WRITE-6 */
	if ((revents & LX_ERR) != 0 || (kn->kn_status & KN_SELF) != 0)
		return (fd_post(kn, kev, 0, 0, n));
	if ((revents & LX_OUT) == 0)
		return (fd_unready(kn, revents));
	if ((kn->kn_sfflags & NOTE_LOWAT) != 0 && n < kn->kn_sdata)
		return (write_lookagain(kn, revents));
	return (fd_post(kn, kev, 0, 0, n));
}

/* WRITE-12 to WRITE-16.  On the read end, HUP says that the writers are gone. */
static bool
write_pipe(struct knote *kn, struct kevent *kev, uint32_t revents)
{
	struct watch *w = kn->kn_watch;
	int n;

	if (lx_pipe_space(w->w_fd, &n) == EBADF)
		return (fd_lost(kn));
	if ((revents & (LX_ERR | LX_HUP)) != 0)
		return (fd_post(kn, kev, EV_EOF | EV_NODATA, 0, 0));
	if ((revents & LX_OUT) == 0)
		return (fd_unready(kn, revents));
	if (watch_kind(w) == LX_KIND_FIFO)
		kn->kn_flags &= (unsigned short)~(EV_EOF | EV_NODATA);
	return (fd_post(kn, kev, 0, 0, n));
}

/* WRITE-18 to WRITE-20, and what only Linux has. */
static bool
write_other(struct knote *kn, struct kevent *kev, uint32_t revents)
{
	struct watch *w = kn->kn_watch;
	uint64_t count;
	long cur, max;
	int n;

	if (!lx_fd_isopen(w->w_fd))
		return (fd_lost(kn));
	if ((revents & (LX_OUT | LX_ERR | LX_HUP)) == 0)
		return (fd_unready(kn, revents));
	switch (watch_kind(w)) {
	case LX_KIND_TTY:
	case LX_KIND_PTM:
		if (lx_outq(w->w_fd, &n) != 0)
			n = 0;
		if ((revents & LX_HUP) != 0)
			return (fd_post(kn, kev, watch_kind(w) == LX_KIND_PTM ?
			    EV_EOF | EV_NODATA : 0u, 0, n));
		break;
	case LX_KIND_EVENTFD:
		n = 1;
		if (lx_eventfd_count(w->w_fd, &count) == 0) {
			count = UINT64_MAX - 1 - count;
			return (fd_post(kn, kev, 0, 0, count > INTPTR_MAX ?
			    INTPTR_MAX : (intptr_t)count));
		}
		break;
	case LX_KIND_MQUEUE:
		if (lx_mq_count(w->w_fd, &cur, &max) == 0)
			return (fd_post(kn, kev, 0, 0, max - cur));
		n = 1;
		break;
	default:
		n = 1;
		break;
	}
	return (fd_post(kn, kev, 0, 0, n));
}

static bool
filt_writeprocess(struct knote *kn, struct kevent *kev)
{
	struct watch *w = kn->kn_watch;
	uint32_t revents;

	if (fd_isnone(kn))
		return (fd_noneprocess(kn, kev));
	/* The timer heap activates too: that is no report. */
	revents = watch_revents(kn);
	switch (watch_kind(w)) {
	case LX_KIND_TCP:
	case LX_KIND_UNIX:
	case LX_KIND_STREAM:
	case LX_KIND_DGRAM:
		return (write_socket(kn, kev, revents));
	case LX_KIND_PIPE:
	case LX_KIND_FIFO:
		return (write_pipe(kn, kev, revents));
	default:
		return (write_other(kn, kev, revents));
	}
}

static void
filt_writedelivered(struct knote *kn)
{
	kn->kn_spare = 0;
	timerheap_remove(kn->kn_kq, kn);
	filt_fddelivered(kn);
}

const struct filterops write_filtops = {
	.f_flags = FILTEROP_ISFD,
	.f_attach = filt_writeattach,
	.f_detach = filt_fddetach,
	.f_event = filt_fdevent,
	.f_modify = filt_fdmodify,
	.f_enable = filt_fdenable,
	.f_process = filt_writeprocess,
	.f_delivered = filt_writedelivered,
};
