/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_PROC: the exit, forks and execs of a process.
 *
 * BSD: any process may be watched; the kernel tells of its exit with the wait
 * status, of forks and execs, and can follow a whole tree (NOTE_TRACK).
 *
 * Linux: a pidfd per knote tells of the exit, whoever reaps and whatever
 * becomes of the number.  Forks and execs come from the proc connector, by up
 * to two sockets per kqueue:
 *
 *  pq_some	passes what the watched pids do, so nothing unrelated can fill it;
 *  pq_all	for NOTE_TRACK: a filter cannot follow a tree, for a child may
 *		fork before its pid is in the filter.  Passes every process's
 *		FORK, EXEC and EXIT, and we pick.  If its buffer overflows, the
 *		process table is read and NOTE_TRACKERR says that there may be
 *		a gap.
 *
 * Messages and pidfds are different descriptors, so before an exit is recorded
 * the sockets are drained: what the process did before is in there.
 *
 * A tracked child that is gone when its FORK is read has no pidfd; its EXIT is
 * in the same stream, behind.  A FORK that gives a watched number to a new
 * process says that the old one is gone for good.
 *
 * Where the connector does not work, the own process is still told of its
 * forks (src/interpose/spawn.c); its exec ends the kqueue anyway.
 */
#include <limits.h>

#include "filter.h"

#include "lx_proc.h"

#define	NOTE_CONN	(NOTE_FORK | NOTE_EXEC | NOTE_TRACK)

/* Of a knote: kn_hook. */
struct procnote {
	struct procnote	*pn_next;	/* on pq_tracked */
	struct knote	*pn_kn;
	struct watch	*pn_watch;	/* the pidfd's, or NULL */
	uint64_t	 pn_forks;	/* PN_SELF: counted so far */
	int		 pn_fd;		/* pidfd, or -1 */
	int		 pn_status;	/* PN_SAWEXIT: the connector's */
	unsigned int	 pn_flags;
};
#define	PN_SOME		0x01	/* its pid is in pq_some's filter */
#define	PN_TRACKED	0x02	/* served by pq_all */
#define	PN_SELF		0x04	/* served by the own fork functions */
#define	PN_EXITED	0x08	/* recorded in the knote */
#define	PN_SURE		0x10	/* kn_data is the wait status */
#define	PN_SAWEXIT	0x20	/* pq_all told of the exit */
#define	PN_REUSED	0x40	/* the number is another process's by now */

/* kq_priv of the filter. */
struct procq {
	int		 pq_somefd;	/* + 1; 0: none */
	int		 pq_allfd;	/* + 1 */
	struct watch	*pq_some;
	struct watch	*pq_all;
	int		*pq_pids;	/* in pq_some's filter */
	int		 pq_npids;
	int		 pq_maxpids;
	struct procnote	*pq_tracked;
	struct sigsink	*pq_sink;	/* PN_SELF */
	struct watch	*pq_bell;
	int		 pq_nself;
};

static struct procq *
procq_of(struct kqueue *kq)
{
	return (kq->kq_priv[~EVFILT_PROC]);
}

static int
procq_get(struct kqueue *kq, struct procq **pqp)
{
	if ((*pqp = procq_of(kq)) == NULL) {
		if ((*pqp = arena_alloc(sizeof(**pqp))) == NULL)
			return (ENOMEM);
		kq->kq_priv[~EVFILT_PROC] = *pqp;
	}
	return (0);
}

static void
proc_note(struct knote *kn, unsigned int note)
{
	if ((kn->kn_sfflags & note) == 0)
		return;
	kn->kn_fflags |= note;
	knote_activate(kn);
}

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

static void	procq_drain(struct kqueue *);

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

/* The connector says that it ended, and there is no pidfd to say it. */
static void
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

static void
procnote_free(struct kqueue *kq, struct procnote *pn)
{
	/* The entries of a kqueue that dies go with it. */
	if (pn->pn_watch != NULL && atomic_load(&kq->kq_alive))
		source_forget(kq, pn->pn_watch);
	if (pn->pn_fd >= 0)
		fdtab_disown(pn->pn_fd);
	arena_free(pn, sizeof(*pn));
}

/*
 * The pidfd.  ESRCH if there is no such process; *zombiep if it has ended.
 */
static int
proc_open(struct knote *kn, bool *zombiep)
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
	*zombiep = (lx_poll(fd, LX_IN) & LX_IN) != 0;
	if (*zombiep)
		return (0);
	return (source_add(kn->kn_kq, fd, LX_IN | LX_EDGE, proc_fire, kn,
	    &pn->pn_watch));
}

/*
 * The sockets.
 */

/* A new child of a tracked process (PROC-13). */
static void
proc_child(struct knote *parent, int pid)
{
	struct kqueue *kq = parent->kn_kq;
	struct procq *pq = procq_of(kq);
	struct procnote *pn;
	struct knote *kn;
	int error;
	bool zombie;

	if ((kn = knote_find(kq, EVFILT_PROC, (uintptr_t)pid)) != NULL) {
		pn = kn->kn_hook;
		if ((pn->pn_flags & (PN_EXITED | PN_REUSED)) != 0)
			goto fail;
		/* Somebody was faster: as if it were added again. */
		kn->kn_sfflags = parent->kn_sfflags;
		kn->kn_udata = parent->kn_udata;
		if ((pn->pn_flags & PN_TRACKED) == 0) {
			pn->pn_flags |= PN_TRACKED;
			pn->pn_next = pq->pq_tracked;
			pq->pq_tracked = pn;
		}
		goto done;
	}
	if ((kn = knote_alloc(kq)) == NULL)
		goto fail;
	kn->kn_id = (uintptr_t)pid;
	kn->kn_filter = EVFILT_PROC;
	kn->kn_flags = parent->kn_flags &
	    (unsigned short)~(EV_EOF | EV_NODATA | EV_DISABLE);
	if ((parent->kn_status & KN_DETACHED) != 0)
		kn->kn_flags &= (unsigned short)~EV_ONESHOT;
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
	zombie = false;
	error = proc_open(kn, &zombie);
	/* ESRCH: reaped already, its EXIT is still to be read. */
	if ((error != 0 && error != ESRCH) || knote_attach(kn) != 0) {
		procnote_free(kq, pn);
		knote_free(kn);
		goto fail;
	}
	pn->pn_next = pq->pq_tracked;
	pq->pq_tracked = pn;
	if (zombie) {
		/* Its own children are behind this in the stream. */
		error = source_add(kq, pn->pn_fd, LX_IN | LX_EDGE, proc_fire,
		    kn, &pn->pn_watch);
		if (error != 0)
			goto fail;
	}
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
	if ((pn->pn_flags & flag) == 0 || (pn->pn_flags & PN_REUSED) != 0)
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
	if ((pn->pn_flags & (PN_TRACKED | PN_REUSED)) != PN_TRACKED ||
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

static void
procq_read(struct kqueue *kq, int fd, unsigned int flag)
{
	struct lx_procev ev[64];
	int error, i, n;

	do {
		error = lx_procconn_read(fd, ev, 64, &n);
		for (i = 0; i < n; i++)
			procq_event(kq, &ev[i], flag);
		/* The last knote that wanted the socket may have gone. */
		if ((flag == PN_SOME ? procq_of(kq)->pq_somefd :
		    procq_of(kq)->pq_allfd) != fd + 1)
			return;
		if (error == ENOBUFS && flag == PN_TRACKED)
			procq_rescan(kq);
	} while (n == 64 || error == ENOBUFS);
}

static void
procq_drain(struct kqueue *kq)
{
	struct procq *pq;

	if ((pq = procq_of(kq)) == NULL)
		return;
	if (pq->pq_somefd != 0)
		procq_read(kq, pq->pq_somefd - 1, PN_SOME);
	if (pq->pq_allfd != 0)
		procq_read(kq, pq->pq_allfd - 1, PN_TRACKED);
}

static void
procq_fire(struct watch *w, uint32_t revents)
{
	(void)revents;
	procq_drain(watch_kq(w));
}

static int
procq_socket(struct kqueue *kq, int *fdp, struct watch **wp)
{
	int error, fd;

	if (*fdp != 0)
		return (0);
	if ((error = fdtab_own(lx_procconn, &fd)) != 0)
		return (error);
	lx_procconn_buffer(fd);
	if ((error = source_add(kq, fd, LX_IN | LX_EDGE, procq_fire, NULL,
	    wp)) != 0) {
		fdtab_disown(fd);
		return (error);
	}
	*fdp = fd + 1;
	return (0);
}

static void
procq_close(struct kqueue *kq, int *fdp, struct watch **wp)
{
	if (*fdp == 0)
		return;
	if (atomic_load(&kq->kq_alive))
		source_del(kq, *wp);
	*wp = NULL;
	fdtab_disown(*fdp - 1);
	*fdp = 0;
}

/* This process forked. */
static void
procq_bellfire(struct watch *w, uint32_t revents)
{
	struct kqueue *kq = watch_kq(w);
	struct procnote *pn;
	struct knote *kn;

	(void)revents;
	kn = knote_find(kq, EVFILT_PROC, (uintptr_t)lx_getpid());
	if (kn == NULL)
		return;
	pn = kn->kn_hook;
	if ((pn->pn_flags & PN_SELF) == 0 || pn->pn_forks == kq_selfforks())
		return;
	pn->pn_forks = kq_selfforks();
	proc_note(kn, NOTE_FORK);
}

static int
proc_subscribeself(struct knote *kn, struct procq *pq)
{
	struct kqueue *kq = kn->kn_kq;
	struct procnote *pn = kn->kn_hook;
	int error;

	if (pq->pq_sink == NULL) {
		if ((error = sigsink_get(&pq->pq_sink)) != 0)
			return (error);
		if ((error = source_add(kq, sigsink_bell(pq->pq_sink),
		    LX_IN | LX_EDGE, procq_bellfire, NULL,
		    &pq->pq_bell)) != 0) {
			sigsink_put(pq->pq_sink);
			pq->pq_sink = NULL;
			return (error);
		}
	}
	sigsink_set(pq->pq_sink, SIGSINK_FORKBIT, 0);
	pq->pq_nself++;
	pn->pn_flags |= PN_SELF;
	pn->pn_forks = kq_selfforks();
	return (0);
}

static int
proc_filter(struct procq *pq)
{
	return (lx_procconn_filter(pq->pq_somefd - 1, pq->pq_pids,
	    pq->pq_npids));
}

static int
proc_subscribesome(struct knote *kn, struct procq *pq)
{
	struct procnote *pn = kn->kn_hook;
	int error, max, *pids;

	if (pq->pq_npids == pq->pq_maxpids) {
		max = pq->pq_maxpids == 0 ? 16 : pq->pq_maxpids * 2;
		pids = arena_grow(pq->pq_pids,
		    (size_t)pq->pq_maxpids * sizeof(*pids),
		    (size_t)max * sizeof(*pids));
		if (pids == NULL)
			return (ENOMEM);
		pq->pq_pids = pids;
		pq->pq_maxpids = max;
	}
	if ((error = procq_socket(kn->kn_kq, &pq->pq_somefd,
	    &pq->pq_some)) != 0)
		return (error);
	pq->pq_pids[pq->pq_npids++] = (int)kn->kn_id;
	if ((error = proc_filter(pq)) != 0) {
		pq->pq_npids--;
		return (error);
	}
	pn->pn_flags |= PN_SOME;
	return (0);
}

static void
proc_unsubscribesome(struct knote *kn, struct procq *pq)
{
	struct procnote *pn = kn->kn_hook;
	int i;

	pn->pn_flags &= ~(unsigned int)PN_SOME;
	for (i = 0; i < pq->pq_npids; i++) {
		if (pq->pq_pids[i] == (int)kn->kn_id) {
			pq->pq_pids[i] = pq->pq_pids[--pq->pq_npids];
			break;
		}
	}
	if (pq->pq_npids == 0)
		procq_close(kn->kn_kq, &pq->pq_somefd, &pq->pq_some);
	else if (atomic_load(&kn->kn_kq->kq_alive))
		/* A filter that passes too much is no harm. */
		(void)proc_filter(pq);
}

/* Have the events of this mask come. */
static int
proc_subscribe(struct knote *kn, unsigned int mask)
{
	struct procnote *pn = kn->kn_hook;
	struct procq *pq;
	int error;

	if ((mask & NOTE_CONN) == 0 || (pn->pn_flags & PN_TRACKED) != 0 ||
	    ((pn->pn_flags & (PN_SOME | PN_SELF)) != 0 &&
	    (mask & NOTE_TRACK) == 0))
		return (0);
	if ((error = procq_get(kn->kn_kq, &pq)) != 0)
		return (error);
	if ((mask & NOTE_TRACK) != 0) {
		if (pq->pq_allfd == 0) {
			if ((error = procq_socket(kn->kn_kq, &pq->pq_allfd,
			    &pq->pq_all)) != 0)
				return (error);
			if ((error = lx_procconn_filter(pq->pq_allfd - 1,
			    NULL, -1)) != 0) {
				procq_close(kn->kn_kq, &pq->pq_allfd,
				    &pq->pq_all);
				return (error);
			}
		}
		if ((pn->pn_flags & PN_SOME) != 0) {
			procq_drain(kn->kn_kq);
			proc_unsubscribesome(kn, pq);
		}
		pn->pn_flags |= PN_TRACKED;
		pn->pn_next = pq->pq_tracked;
		pq->pq_tracked = pn;
		return (0);
	}
	error = proc_subscribesome(kn, pq);
	if (error != 0 && error != ENOMEM && error != EMFILE &&
	    error != ENFILE && kn->kn_id == (uintptr_t)lx_getpid())
		error = proc_subscribeself(kn, pq);
	return (error);
}

static void
proc_unsubscribe(struct knote *kn)
{
	struct procq *pq = procq_of(kn->kn_kq);
	struct procnote *pn = kn->kn_hook, **pnp;

	if ((pn->pn_flags & PN_SOME) != 0)
		proc_unsubscribesome(kn, pq);
	if ((pn->pn_flags & PN_TRACKED) != 0) {
		pn->pn_flags &= ~(unsigned int)PN_TRACKED;
		for (pnp = &pq->pq_tracked; *pnp != pn;
		    pnp = &(*pnp)->pn_next)
			continue;
		*pnp = pn->pn_next;
		if (pq->pq_tracked == NULL)
			procq_close(kn->kn_kq, &pq->pq_allfd, &pq->pq_all);
	}
	if ((pn->pn_flags & PN_SELF) != 0) {
		pn->pn_flags &= ~(unsigned int)PN_SELF;
		if (--pq->pq_nself == 0) {
			if (atomic_load(&kn->kn_kq->kq_alive))
				source_del(kn->kn_kq, pq->pq_bell);
			pq->pq_bell = NULL;
			sigsink_put(pq->pq_sink);
			pq->pq_sink = NULL;
		}
	}
}

/*
 * The filter.
 */

static int
filt_procattach(struct knote *kn)
{
	struct procnote *pn;
	int error, status;
	bool sure, zombie;

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
	if ((error = proc_open(kn, &zombie)) != 0)
		goto fail;
	if (zombie) {
		/* PROC-2: only for who wants to know of the exit. */
		error = ESRCH;
		if ((kn->kn_sfflags & NOTE_EXIT) == 0)
			goto fail;
		proc_status(pn, &status, &sure);
		(void)proc_exited(kn, status, sure);
		return (0);
	}
	if ((error = proc_subscribe(kn, kn->kn_sfflags)) != 0)
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
