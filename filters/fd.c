/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT have in common.
 */
#include "fd.h"
#include "file.h"

bool
fd_isstream(enum lx_kind kind)
{
	return (kind == LX_KIND_TCP || kind == LX_KIND_UNIX ||
	    kind == LX_KIND_STREAM);
}

bool
fd_haslowat(struct knote *kn)
{
	enum lx_kind kind;

	if (KQ_LIKELY((kn->kn_sfflags & NOTE_LOWAT) == 0))
		return (false);
	kind = watch_kind(kn->kn_watch);
	return (fd_isstream(kind) || kind == LX_KIND_DGRAM);
}

static bool
fd_isfile(const struct knote *kn)
{
	enum lx_kind kind = watch_kind(kn->kn_watch);

	return (kind == LX_KIND_FILE || kind == LX_KIND_DIR);
}

/* KQ-18: a kqueue in itself; epoll refuses it, so user space looks. */
static int
fd_attachself(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	int error;

	if (kq->kq_dialect->d_self_einval)
		return (EINVAL);
	if (kq->kq_selfkn != NULL)
		return (ELOOP);
	if ((error = kqueue_needbell(kq)) != 0 ||
	    (error = watch_attach_none(kn, filter_wf(kn->kn_filter),
	    NULL)) != 0)
		return (error);
	kn->kn_status |= KN_SELF;
	kq->kq_selfkn = kn;
	return (0);
}

/*
 * epoll has no use for it: files are looked at with inotify, devices without
 * a poll operation are always ready (READ-44, WRITE-19).
 */
static int
fd_attachnone(struct knote *kn)
{
	struct lx_inode inode;
	int error;

	if ((error = kqueue_needbell(kn->kn_kq)) != 0 ||
	    (error = watch_attach_none(kn, filter_wf(kn->kn_filter),
	    &inode)) != 0)
		return (error);
	if (watch_kind(kn->kn_watch) == LX_KIND_PROC)	/* READ-39 */
		error = kn->kn_kq->kq_dialect->d_badfilter_errno;
	else if (fd_isfile(kn))
		error = file_attach(kn, &inode);
	if (error != 0)
		watch_detach(kn);
	return (error);
}

/*
 * NOTE_LOWAT of 0 or less is always ready (READ-8), which epoll does not know:
 * the knote stays in our queue.
 */
static int
fd_lowat(struct knote *kn)
{
	int error;

	if (kn->kn_filter == EVFILT_EXCEPT)
		return (0);
	if (kn->kn_sdata > 0 || !fd_haslowat(kn)) {
		kn->kn_status &= (unsigned short)~KN_SELF;
		return (0);
	}
	if ((error = kqueue_needbell(kn->kn_kq)) == 0)
		kn->kn_status |= KN_SELF;
	return (error);
}

int
filt_fdattach(struct knote *kn)
{
	struct kqueue *inner;
	int error, fd;

	fd = (int)kn->kn_id;
	inner = fdtab_kqueue(fd);
	if (KQ_UNLIKELY(inner != NULL)) {
		/* KQ-16 */
		if (kn->kn_filter != EVFILT_READ)
			return (kn->kn_kq->kq_dialect->d_badfilter_errno);
		if (inner == kn->kn_kq)
			return (fd_attachself(kn));
	}
	error = watch_attach(kn, filter_wf(kn->kn_filter));
	if (error == EPERM)
		return (fd_attachnone(kn));
	if (error != 0)
		return (error);
	if (inner != NULL) {
		kn->kn_watch->w_kind = LX_KIND_KQUEUE;
		kn->kn_watch->w_rseen = 0;
		atomic_store(&inner->kq_watched, true);
	}
	if (KQ_UNLIKELY((kn->kn_sfflags & NOTE_LOWAT) != 0) &&
	    (error = fd_lowat(kn)) != 0)
		watch_detach(kn);
	return (error);
}

void
filt_fddetach(struct knote *kn)
{
	timerheap_remove(kn->kn_kq, kn);
	if (fd_isnone(kn) && (kn->kn_status & KN_SELF) == 0 && fd_isfile(kn))
		file_detach(kn);
	watch_detach(kn);
}

bool
filt_fdevent(struct knote *kn, long hint)
{
	int n;

	if ((kn->kn_status & KN_SELF) != 0)
		return (kn != kn->kn_kq->kq_selfkn ||
		    atomic_load(&kn->kn_kq->kq_count) > 0);
	if (!fd_isnone(kn)) {
		/* READ-8: TCP's poll() looks at SO_RCVLOWAT instead. */
		return (kn->kn_filter == EVFILT_READ && fd_haslowat(kn) &&
		    lx_fionread(kn->kn_watch->w_fd, &n) == 0 &&
		    n >= kn->kn_sdata);
	}
	return (fd_isfile(kn) ? file_event(kn, hint) : true);
}

int
filt_fdmodify(struct knote *kn, const struct kevent *kev)
{
	unsigned int sfflags = kn->kn_sfflags;
	intptr_t sdata = kn->kn_sdata;
	int error;

	kn->kn_sfflags = kev->fflags;
	kn->kn_sdata = kev->data;
	if (fd_isnone(kn)) {
		/* As the MOD below: closed unseen, and used again (REG-33). */
		if ((kev->flags & EV_ADD) != 0 &&
		    watch_identify(kn->kn_watch) != 0) {
			error = ENOENT;
			goto fail;
		}
		kn->kn_udata = kev->udata;
		return (0);
	}
	if (((sfflags | kev->fflags) & NOTE_LOWAT) != 0 &&
	    (error = fd_lowat(kn)) != 0)
		goto fail;
	/* REG-19: what was delivered is looked at again. */
	if (kn->kn_watch->w_kind == LX_KIND_KQUEUE)
		kn->kn_watch->w_rseen = 0;
	kn->kn_watch->w_backlog = -1;
	if ((error = watch_update(kn, true, (kev->flags & EV_ADD) != 0)) != 0)
		goto fail;
	kn->kn_udata = kev->udata;
	return (0);

fail:
	kn->kn_sfflags = sfflags;
	kn->kn_sdata = sdata;
	return (error);
}

int
filt_fdenable(struct knote *kn, bool enable)
{
	if (!enable) {
		timerheap_remove(kn->kn_kq, kn);
		timerheap_settle(kn->kn_kq);
	}
	return (watch_update(kn, enable, false));
}

void
filt_fddelivered(struct knote *kn)
{
	if (!fd_isnone(kn))
		watch_delivered(kn);
}

bool
fd_noneprocess(struct knote *kn, struct kevent *kev)
{
	/* What has data finds out so. */
	if ((!fd_isfile(kn) || kn->kn_filter == EVFILT_WRITE) &&
	    !lx_fd_isopen(kn->kn_watch->w_fd))
		return (fd_lost(kn));
	if (fd_isfile(kn))
		return (file_process(kn, kev));
	return (fd_post(kn, kev, 0, 0, 0));
}

bool
fd_lost(struct knote *kn)
{
	watch_lost(kn->kn_kq, kn->kn_watch->w_fd);
	return (false);
}

bool
fd_unready(struct knote *kn, uint32_t revents)
{
	watch_unready(kn, revents);
	return (false);
}

int
fd_sockerror(struct watch *w, uint32_t revents)
{
	if ((revents & LX_ERR) == 0)
		return (0);
	switch (watch_kind(w)) {
	case LX_KIND_TCP:
		return (lx_tcp_error(w->w_fd));
	case LX_KIND_UNIX:
		return (ECONNRESET);
	default:
		return (0);
	}
}
