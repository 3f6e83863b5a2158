/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_PROC: the exit, forks and execs of a process.
 *
 * BSD: any process may be watched; the kernel tells of its exit with the wait
 * status, of forks and execs, and can follow a whole tree (NOTE_TRACK).
 *
 * Linux: a pidfd per knote tells of the exit, whoever reaps and whatever
 * becomes of the number.  Forks and execs come from the proc connector
 * (procsub.c).  Messages and pidfds are different descriptors, so before an
 * exit is recorded the sockets are drained: what the process did before is in
 * there.
 */
#include <limits.h>

#include "proc.h"

/*
 * The end of a process.  Every knote fires, asked for NOTE_EXIT or not, but
 * where the dialect says so (PROC-9): then it is dropped, and we say false.
 */
static bool
proc_exited(struct knote *kn, int status, bool sure)
{
	struct procnote *pn = kn->kn_hook;
	bool silent;

	silent = kn->kn_kq->kq_dialect->d_proc_needsexit &&
	    (kn->kn_sfflags & NOTE_EXIT) == 0;
	if (silent && kn->kn_fflags == 0)
		return (false);
	pn->pn_flags |= PN_EXITED | (sure ? PN_SURE : 0);
	kn->kn_flags |= EV_EOF | EV_NODATA | EV_ONESHOT;
	kn->kn_status |= KN_DETACHED;
	kn->kn_fflags |= kn->kn_sfflags & NOTE_EXIT;
	kn->kn_data = silent ? 0 : status;
	return (true);
}

static void
proc_status(struct procnote *pn, int *statusp, bool *surep)
{
	lx_pidfd_status(pn->pn_fd, (int)pn->pn_kn->kn_id, statusp, surep);
	if (!*surep && (pn->pn_flags & PN_SAWEXIT) != 0) {
		*statusp = pn->pn_status;
		*surep = true;
	}
}

static void
proc_fire(struct watch *w, uint32_t revents)
{
	struct knote *kn = w->w_arg;
	struct procnote *pn = kn->kn_hook;
	struct kqueue *kq = watch_kq(w);
	int status;
	bool sure;

	(void)revents;
	if ((pn->pn_flags & PN_EXITED) != 0)
		return;			/* the reaping */
	if ((pn->pn_flags & (PN_SOME | PN_TRACKED)) != 0) {
		procq_drain(kq);
		/* That may have recorded it, or given the memory away. */
		if (kn->kn_hook != pn || (pn->pn_flags & PN_EXITED) != 0 ||
		    (lx_poll(pn->pn_fd, LX_IN) & LX_IN) == 0)
			return;
	}
	proc_status(pn, &status, &sure);
	if (proc_exited(kn, status, sure))
		knote_activate(kn);
	else
		knote_drop(kn);
}

void
proc_sawexit(struct knote *kn)
{
	struct procnote *pn = kn->kn_hook;

	if ((pn->pn_flags & PN_EXITED) != 0)
		return;
	if (proc_exited(kn, pn->pn_status, (pn->pn_flags & PN_SAWEXIT) != 0))
		knote_activate(kn);
	else
		knote_drop(kn);
}

void
procnote_free(struct kqueue *kq, struct procnote *pn)
{
	/* The entries of a kqueue that dies go with it. */
	if (pn->pn_watch != NULL && atomic_load(&kq->kq_alive))
		source_forget(kq, pn->pn_watch);
	if (pn->pn_fd >= 0)
		fdtab_disown(pn->pn_fd);
	arena_free(pn, sizeof(*pn));
}

int
proc_listen(struct knote *kn)
{
	struct procnote *pn = kn->kn_hook;

	return (source_add(kn->kn_kq, pn->pn_fd, LX_IN | LX_EDGE, proc_fire,
	    kn, &pn->pn_watch));
}

int
proc_open(struct knote *kn)
{
	struct procnote *pn = kn->kn_hook;
	int error, fd;

	if ((error = lx_pidfd((int)kn->kn_id, &fd)) != 0)
		return (error);
	lx_fd_high(&fd);
	lx_fd_tag(fd);
	if ((error = fdtab_internal(fd)) != 0) {
		lx_close(fd);
		return (error);
	}
	pn->pn_fd = fd;
	return (0);
}

/*
 * The filter.
 */

static int
filt_procattach(struct knote *kn)
{
	struct procnote *pn;
	int error, status;
	bool sure;

	kn->kn_flags |= EV_CLEAR;	/* PROC-5 */
	if (kn->kn_id == 0 || kn->kn_id > INT_MAX)
		return (ESRCH);
	if ((error = kqueue_needbell(kn->kn_kq)) != 0)
		return (error);
	if ((pn = arena_alloc(sizeof(*pn))) == NULL)
		return (ENOMEM);
	pn->pn_kn = kn;
	pn->pn_fd = -1;
	kn->kn_hook = pn;
	if ((error = proc_open(kn)) != 0)
		goto fail;
	if ((lx_poll(pn->pn_fd, LX_IN) & LX_IN) != 0) {
		/* PROC-2: only for who wants to know of the exit. */
		error = ESRCH;
		if ((kn->kn_sfflags & NOTE_EXIT) == 0)
			goto fail;
		proc_status(pn, &status, &sure);
		(void)proc_exited(kn, status, sure);
		return (0);
	}
	if ((error = proc_listen(kn)) != 0 ||
	    (error = proc_subscribe(kn, kn->kn_sfflags)) != 0)
		goto fail;
	return (0);

fail:
	procnote_free(kn->kn_kq, pn);
	return (error);
}

static void
filt_procdetach(struct knote *kn)
{
	struct procnote *pn = kn->kn_hook;

	proc_unsubscribe(kn);
	kn->kn_hook = NULL;
	procnote_free(kn->kn_kq, pn);
}

static bool
filt_proc(struct knote *kn, long hint)
{
	(void)hint;
	return (kn->kn_fflags != 0 || (kn->kn_flags & EV_EOF) != 0);
}

static int
filt_procmodify(struct knote *kn, const struct kevent *kev)
{
	struct procnote *pn = kn->kn_hook;
	int error;

	if ((pn->pn_flags & PN_EXITED) == 0 &&
	    (error = proc_subscribe(kn, kev->fflags)) != 0)
		return (error);
	filter_store(kn, kev);
	return (0);
}

static bool
filt_procprocess(struct knote *kn, struct kevent *kev)
{
	struct procnote *pn = kn->kn_hook;
	int status;
	bool sure;

	/* A stranger's: since the reaping everybody may know. */
	if (KQ_UNLIKELY((pn->pn_flags & (PN_EXITED | PN_SURE)) == PN_EXITED) &&
	    pn->pn_fd >= 0) {
		proc_status(pn, &status, &sure);
		if (sure && (kn->kn_sfflags & NOTE_EXIT ||
		    !kn->kn_kq->kq_dialect->d_proc_needsexit))
			kn->kn_data = status;
	}
	kev->flags = kn->kn_flags;
	kev->fflags = kn->kn_fflags;
	kev->data = kn->kn_data;
	return (filt_proc(kn, 0));
}

static void
filt_procclosing(struct kqueue *kq)
{
	struct procq *pq;

	if ((pq = procq_of(kq)) == NULL)
		return;
	if (pq->pq_pids != NULL)
		arena_free(pq->pq_pids,
		    (size_t)pq->pq_maxpids * sizeof(*pq->pq_pids));
	arena_free(pq, sizeof(*pq));
}

const struct filterops proc_filtops = {
	.f_flags = FILTEROP_DETACH,
	.f_attach = filt_procattach,
	.f_detach = filt_procdetach,
	.f_event = filt_proc,
	.f_modify = filt_procmodify,
	.f_process = filt_procprocess,
	.f_closing = filt_procclosing,
};
