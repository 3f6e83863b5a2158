/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who hears of forks and execs, and by what.  There are up to two sockets of
 * the proc connector per kqueue:
 *
 *  pq_some	passes what the watched pids do, so nothing unrelated can fill it;
 *  pq_all	for NOTE_TRACK: a filter cannot follow a tree, for a child may
 *		fork before its pid is in the filter.  Passes every process's
 *		FORK, EXEC and EXIT, and we pick.
 *
 * Where the connector does not work, the own process is still told of its
 * forks (src/interpose/spawn.c); its exec ends the kqueue anyway.
 */
#include "proc.h"

#define	NOTE_CONN	(NOTE_FORK | NOTE_EXEC | NOTE_TRACK)

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
	struct knote *kn = w->w_arg;
	struct procnote *pn = kn->kn_hook;

	(void)revents;
	if (pn->pn_forks == kq_selfforks())
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

	if ((error = sigsink_get(&pq->pq_sink)) != 0)
		return (error);
	if ((error = source_add(kq, sigsink_bell(pq->pq_sink),
	    LX_IN | LX_EDGE, procq_bellfire, kn, &pq->pq_bell)) != 0) {
		sigsink_put(pq->pq_sink);
		return (error);
	}
	sigsink_set(pq->pq_sink, SIGSINK_FORKBIT, 0);
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

	if ((pn->pn_flags & PN_SOME) == 0)
		return;
	pn->pn_flags &= ~(unsigned int)PN_SOME;
	for (i = 0; pq->pq_pids[i] != (int)kn->kn_id; i++)
		continue;
	pq->pq_pids[i] = pq->pq_pids[--pq->pq_npids];
	if (pq->pq_npids == 0)
		procq_close(kn->kn_kq, &pq->pq_somefd, &pq->pq_some);
	else if (atomic_load(&kn->kn_kq->kq_alive))
		/* A filter that passes too much is no harm. */
		(void)proc_filter(pq);
}

void
proc_track(struct knote *kn)
{
	struct procq *pq = procq_of(kn->kn_kq);
	struct procnote *pn = kn->kn_hook;

	if ((pn->pn_flags & PN_TRACKED) != 0)
		return;
	proc_unsubscribesome(kn, pq);
	pn->pn_flags |= PN_TRACKED;
	pn->pn_next = pq->pq_tracked;
	pq->pq_tracked = pn;
}

int
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
		/*
		 * What was done until now counts as it was asked for, and the
		 * process's own start is not that of the next with its number.
		 */
		procq_drain(kn->kn_kq);
		proc_track(kn);
		return (0);
	}
	if (pq->pq_somefd != 0) {
		procq_drain(kn->kn_kq);
		/* It turned out to be a tracked one's child. */
		if ((pn->pn_flags & PN_TRACKED) != 0)
			return (0);
	}
	error = proc_subscribesome(kn, pq);
	if (error != 0 && error != ENOMEM && error != EMFILE &&
	    error != ENFILE && kn->kn_id == (uintptr_t)lx_getpid())
		error = proc_subscribeself(kn, pq);
	return (error);
}

void
proc_unsubscribe(struct knote *kn)
{
	struct procq *pq = procq_of(kn->kn_kq);
	struct procnote *pn = kn->kn_hook, **pnp;

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
		if (atomic_load(&kn->kn_kq->kq_alive))
			source_del(kn->kn_kq, pq->pq_bell);
		sigsink_put(pq->pq_sink);
	}
}
