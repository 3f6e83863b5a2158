/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_EXCEPT: out-of-band data on a socket.
 *
 * BSD: with NOTE_OOB, ready while a mark is in the receive stream; without it,
 * by the quirk register's choice, never (EXC-1 to EXC-7).  Linux: EPOLLPRI, which ends when
 * the urgent byte was read rather than when reading passed the mark (EXC-3).
 */
#include <sys/stat.h>

#include "fd.h"

static int
filt_exceptattach(struct knote *kn)
{
	unsigned int type;
	int error;

	/* EXC-1; before epoll, which takes more than sockets. */
	if ((error = lx_fd_type((int)kn->kn_id, &type)) != 0)
		return (error);
	if (!S_ISSOCK(type))
		return (kn->kn_kq->kq_dialect->d_badfilter_errno);
	return (filt_fdattach(kn));
}

static bool
filt_exceptprocess(struct knote *kn, struct kevent *kev)
{
	uint32_t revents;

	revents = watch_revents(kn);
	/* EXC-6 */
	if ((revents & LX_PRI) == 0 || (kn->kn_sfflags & NOTE_OOB) == 0)
		return (fd_unready(kn, revents));
	if (!lx_fd_isopen(kn->kn_watch->w_fd))
		return (fd_lost(kn));
	/* EXC-4: data stays as it is. */
	kn->kn_fflags |= NOTE_OOB;
	kev->flags = kn->kn_flags;
	kev->fflags = kn->kn_fflags;
	kev->data = kn->kn_data;
	return (true);
}

const struct filterops except_filtops = {
	.f_flags = FILTEROP_ISFD,
	.f_attach = filt_exceptattach,
	.f_detach = filt_fddetach,
	.f_event = filt_fdevent,
	.f_modify = filt_fdmodify,
	.f_enable = filt_fdenable,
	.f_process = filt_exceptprocess,
	.f_delivered = filt_fddelivered,
};
