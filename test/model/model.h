/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clauses once more, as a program: what a kqueue has to say, computed in
 * the slowest and simplest way.  Everything is in arrays that are searched
 * from the front; nothing is ever cached.
 *
 * What Linux may answer in more than one way, or what the clauses leave open,
 * is a value between no and yes:
 *
 *	NO	it must not happen
 *	MAY	it may happen (WRITE-11: more wakeups than needed; KQ-17: an entry
 *		that is queued, and whose condition has gone)
 *	MUST	it has to happen
 */
#ifndef _MODEL_H_
#define	_MODEL_H_

#include <sys/event.h>
#include <stdbool.h>
#include <stdint.h>

#define	M_FDS		28	/* numbers that are used: 3 to M_FDS - 1 */
#define	M_FILES		512	/* open files in one sequence, ever */
#define	M_KNOTES	256
#define	M_EVENTS	24

enum m_level { NO, MAY, MUST };

enum m_type { F_NONE, F_SOCK, F_PIPER, F_PIPEW, F_NULL, F_KQ };

/* An open file. */
struct m_file {
	enum m_type	 f_type;
	int		 f_refs;	/* numbers that mean it */
	struct m_file	*f_peer;
	long		 f_bytes;	/* waiting to be read here */
	bool		 f_full;	/* no more can be written here */
	bool		 f_rdshut;	/* nothing will be received any more */
	bool		 f_wrshut;	/* nothing can be sent any more */
	bool		 f_peershut;	/* ... because the peer takes nothing */
	int		 f_error;	/* the socket's pending error */
	int		 f_height;	/* kqueues: watches lower ones only */
	bool		 f_freebsd;	/* kqueues: the dialect */
};

/* A registration. */
struct m_knote {
	bool		 k_used;
	bool		 k_ghost;	/* gone, but for Linux's entry */
	struct m_file	*k_kq;
	struct m_file	*k_file;	/* of a descriptor filter */
	uintptr_t	 k_ident;
	short		 k_filter;
	unsigned short	 k_flags;	/* stored for life (REG-17) */
	unsigned int	 k_sfflags;	/* asked for */
	intptr_t	 k_sdata;
	uintptr_t	 k_udata;
	bool		 k_disabled;
	bool		 k_seen;	/* ACTIVE, perhaps */
	enum m_level	 k_news;	/* EV_CLEAR: something to report */
	bool		 k_again;	/* ... and once more */
	enum m_level	 k_queued;	/* is on the pending list */
	long		 k_order;	/* its place on the list */
	bool		 k_anyorder;	/* ... which is not known */
	int		 k_waited;	/* events that went before it */
	/* USER */
	bool		 k_trigger;
	unsigned int	 k_fflags;
	intptr_t	 k_data;
	/* TIMER; a deadline of 0 is none */
	int64_t		 k_deadline;
	long		 k_count;
	/* a collection */
	bool		 k_delivered;
};

/* What an event of a knote has to look like. */
struct m_want {
	unsigned short	w_flags;
	unsigned short	w_mayflags;	/* there or not */
	unsigned int	w_fflags;
	intptr_t	w_mindata, w_maxdata;
	bool		w_anything;	/* data, fflags of a moment ago */
};

extern struct m_file *m_fd[M_FDS];
extern struct m_knote m_knotes[M_KNOTES];
extern int64_t m_now;		/* milliseconds */
extern bool m_passing;		/* the call will collect what it adds */

void	m_reset(void);
int	m_free(void);
struct m_file *m_open(int fd, enum m_type type, struct m_file *peer);
void	m_dup2(int from, int to);
void	m_close(int fd);
void	m_wrote(int fd, long n, bool full);
void	m_readn(int fd, long n, bool drained, int error);
void	m_shutdown(int fd, int how);
void	m_advance(int64_t ms);

bool	m_modelled(int kq, const struct kevent *kev);
#define	M_SKIPPED	(-1)	/* no error, and no receipt */
int	m_change(struct m_file *kq, const struct kevent *kev);

enum m_level m_deliverable(const struct m_knote *kn, struct m_want *w);
int	m_pending(const struct m_file *kq, enum m_level least);
/* NULL, or what is wrong with these events. */
const char *m_collected(struct m_file *kq, const struct kevent *kev, int n,
	    int nevents);

#endif /* !_MODEL_H_ */
