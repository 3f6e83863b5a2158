/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_PROC's parts: the exit by a pidfd (proc.c), who hears of forks and
 * execs by which socket (procsub.c), and what the sockets say (procstream.c).
 * kq_lock is held for all of it.
 */
#ifndef _KQ_PROC_H_
#define	_KQ_PROC_H_

#include "filter.h"
#include "lx_proc.h"

#pragma GCC visibility push(hidden)

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
	struct sigsink	*pq_sink;	/* of the one knote that is PN_SELF */
	struct watch	*pq_bell;
};

static inline struct procq *
procq_of(struct kqueue *kq)
{
	return (kq->kq_priv[~EVFILT_PROC]);
}

/*
 * proc.c
 */
/* The pidfd.  ESRCH if there is no such process. */
int	proc_open(struct knote *);
/* Have it tell of the end, also of one that has been. */
int	proc_listen(struct knote *);
void	procnote_free(struct kqueue *, struct procnote *);
/* The connector says that it ended, and there is no pidfd to say it. */
void	proc_sawexit(struct knote *);

/*
 * procsub.c
 */
/* Have the events of this mask come. */
int	proc_subscribe(struct knote *, unsigned int mask);
void	proc_unsubscribe(struct knote *);
/* Have pq_all serve the knote, and no other socket beside it. */
void	proc_track(struct knote *);

/*
 * procstream.c
 */
/* Add the note, if it was asked for, and activate. */
void	proc_note(struct knote *, unsigned int note);
/* Take in what the sockets have. */
void	procq_drain(struct kqueue *);

#pragma GCC visibility pop

#endif /* !_KQ_PROC_H_ */
