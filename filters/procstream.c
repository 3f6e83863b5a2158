/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the proc connector says to a kqueue.
 *
 * A tracked child that is gone when its FORK is read has no pidfd; its EXIT is
 * in the same stream, behind.  A FORK that gives a watched number to a new
 * process says that the old one is gone for good.
 *
 * If the buffer of pq_all overflows, the process table is read and
 * NOTE_TRACKERR says that there may be a gap.
 */
#include "proc.h"

void
proc_note(struct knote *kn, unsigned int note)
{
	if ((kn->kn_sfflags & note) == 0)
		return;
	kn->kn_fflags |= note;
	knote_activate(kn);
}

/* A new child of a tracked process (PROC-13). */
static void
proc_child(struct knote *parent, int pid)
{
	struct kqueue *kq = parent->kn_kq;
	struct procq *pq = procq_of(kq);
	struct procnote *pn;
	struct knote *kn;
	int error;

	if ((kn = knote_find(kq, EVFILT_PROC, (uintptr_t)pid)) != NULL) {
		pn = kn->kn_hook;
		if ((pn->pn_flags & (PN_EXITED | PN_REUSED)) != 0)
			goto fail;
		/* Somebody was faster: as if it were added again. */
		kn->kn_sfflags = parent->kn_sfflags;
		kn->kn_udata = parent->kn_udata;
		proc_track(kn);
		goto done;
	}
	if ((kn = knote_alloc(kq)) == NULL)
		goto fail;
	kn->kn_id = (uintptr_t)pid;
	kn->kn_filter = EVFILT_PROC;
	kn->kn_flags = parent->kn_flags &
	    (unsigned short)~(EV_EOF | EV_NODATA | EV_DISABLE);
	kn->kn_sfflags = parent->kn_sfflags;
	kn->kn_sdata = parent->kn_sdata;
	kn->kn_udata = parent->kn_udata;
	if ((pn = arena_alloc(sizeof(*pn))) == NULL) {
		knote_free(kn);
		goto fail;
	}
	pn->pn_kn = kn;
	pn->pn_fd = -1;
	pn->pn_flags = PN_TRACKED;
	kn->kn_hook = pn;
	/* A zombie's children are behind this in the stream: not its end yet. */
	if ((error = proc_open(kn)) == 0)
		error = proc_listen(kn);
	/* ESRCH: reaped already, its EXIT is still to be read. */
	if ((error != 0 && error != ESRCH) || knote_attach(kn) != 0) {
		procnote_free(kq, pn);
		knote_free(kn);
		goto fail;
	}
	pn->pn_next = pq->pq_tracked;
	pq->pq_tracked = pn;
done:
	kn->kn_fflags |= NOTE_CHILD;
	kn->kn_data = (intptr_t)parent->kn_id;
	knote_activate(kn);
	return;

fail:
	parent->kn_fflags |= NOTE_TRACKERR;
	knote_activate(parent);
}

/* flag says which socket: a knote is served by one. */
static void
procq_event(struct kqueue *kq, const struct lx_procev *lp, unsigned int flag)
{
	struct procnote *pn;
	struct knote *kn;

	if (lp->lp_what == LX_PROC_FORK && (kn = knote_find(kq, EVFILT_PROC,
	    (uintptr_t)lp->lp_child)) != NULL) {
		pn = kn->kn_hook;
		if ((pn->pn_flags & flag) != 0) {
			/* A new process: what we watched is no more. */
			pn->pn_flags |= PN_REUSED;
			if ((pn->pn_flags & PN_TRACKED) != 0)
				proc_sawexit(kn);
		}
	}
	if ((kn = knote_find(kq, EVFILT_PROC, (uintptr_t)lp->lp_pid)) == NULL)
		return;
	pn = kn->kn_hook;
	/* All of the process's own came before its end was recorded. */
	if ((pn->pn_flags & flag) == 0 ||
	    (pn->pn_flags & (PN_REUSED | PN_EXITED)) != 0)
		return;
	switch (lp->lp_what) {
	case LX_PROC_FORK:
		proc_note(kn, NOTE_FORK);
		if ((kn->kn_sfflags & NOTE_TRACK) != 0)
			proc_child(kn, lp->lp_child);
		break;
	case LX_PROC_EXEC:
		proc_note(kn, NOTE_EXEC);
		break;
	case LX_PROC_EXIT:
		pn->pn_status = lp->lp_status;
		pn->pn_flags |= PN_SAWEXIT;
		if (pn->pn_fd < 0)
			proc_sawexit(kn);
		break;
	}
}

struct rescan {
	struct kqueue	*r_kq;
	int		 r_new;
};

static void
procq_rescanone(int pid, int ppid, void *arg)
{
	struct rescan *r = arg;
	struct procnote *pn;
	struct knote *kn;

	if (ppid <= 0 ||
	    knote_find(r->r_kq, EVFILT_PROC, (uintptr_t)pid) != NULL ||
	    (kn = knote_find(r->r_kq, EVFILT_PROC, (uintptr_t)ppid)) == NULL)
		return;
	pn = kn->kn_hook;
	if ((pn->pn_flags & (PN_TRACKED | PN_REUSED | PN_EXITED)) !=
	    PN_TRACKED ||
	    (kn->kn_sfflags & NOTE_TRACK) == 0)
		return;
	proc_note(kn, NOTE_FORK);
	proc_child(kn, pid);
	r->r_new++;
}

/* Messages of pq_all were lost: find the children that are there. */
static void
procq_rescan(struct kqueue *kq)
{
	struct procq *pq = procq_of(kq);
	struct procnote *next, *pn;
	struct rescan r = { kq, 0 };

	for (pn = pq->pq_tracked; pn != NULL; pn = pn->pn_next) {
		pn->pn_kn->kn_fflags |= NOTE_TRACKERR;
		knote_activate(pn->pn_kn);
	}
	do {
		r.r_new = 0;
		if (lx_processes(procq_rescanone, &r) != 0)
			break;
	} while (r.r_new > 0);
	/* The EXIT of these may be among what was lost. */
	for (pn = pq->pq_tracked; pn != NULL; pn = next) {
		next = pn->pn_next;
		if (pn->pn_fd < 0)
			proc_sawexit(pn->pn_kn);
	}
}

/* The last knote that wanted the socket may go while it is read. */
static bool
procq_has(struct kqueue *kq, int fd, unsigned int flag)
{
	struct procq *pq = procq_of(kq);

	return ((flag == PN_SOME ? pq->pq_somefd : pq->pq_allfd) == fd + 1);
}

/*
 * Read all there is.  The kernel says once that it lost messages, and not again
 * until it has found the buffer empty: so what is still there is read before
 * the process table makes up for all that is not.
 */
static void
procq_read(struct kqueue *kq, int fd, unsigned int flag)
{
	struct lx_procev ev[64];
	int error, i, n;
	bool lost;

	lost = false;
	for (;;) {
		error = lx_procconn_read(fd, ev, 64, &n);
		for (i = 0; i < n; i++)
			procq_event(kq, &ev[i], flag);
		if (!procq_has(kq, fd, flag))
			return;
		if (error == ENOBUFS)
			lost = true;
		else if (n < 64) {
			if (!lost || flag != PN_TRACKED)
				return;
			lost = false;
			procq_rescan(kq);
			if (!procq_has(kq, fd, flag))
				return;
		}
	}
}

void
procq_drain(struct kqueue *kq)
{
	struct procq *pq = procq_of(kq);

	if (pq->pq_somefd != 0)
		procq_read(kq, pq->pq_somefd - 1, PN_SOME);
	if (pq->pq_allfd != 0)
		procq_read(kq, pq->pq_allfd - 1, PN_TRACKED);
}
