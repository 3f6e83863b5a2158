/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model.  Functions name the clauses that they are; see model.h.
 */
#include "model.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct m_file *m_fd[M_FDS];
struct m_knote m_knotes[M_KNOTES];
int64_t m_now;
bool m_passing;

static struct m_file m_files[M_FILES];
static int m_nfiles;
static long m_order;

/* Look at the order of timers that were changed while they were due. */
static const bool m_changedorder = true;

/* After a complete look nothing is left of what Linux alone reports. */
static const bool m_silentafter = false;

/* NOTE_LOWAT of 0 or less. */
static const bool m_lowatzero = true;

/* Two notices of an EV_CLEAR knote before its delivery are one. */
static const bool m_merged = true;

/* Nothing is left of a one-shot knote. */
static const bool m_gone = true;

/* A hangup is told in the first call. */
static const bool m_attheend = true;

/* A full socket is ready once it was shut down (WRITE-4). */
static const bool m_fullshut = false;

/* READ-61 holds for what comes to something pending, too. */
static const bool m_eachqueued = false;

/* A kqueue in a kqueue may be added again after EV_ONESHOT. */
static const bool m_kqonce = true;

/* Stale entries take no place in the event list. */
static const bool m_noplace = true;

/* NOTE_LOWAT is ignored on a pipe's writing end. */
static const bool m_pipelowat = true;

#define	FOREACH_KNOTE(kn)						\
	for (kn = m_knotes; kn < &m_knotes[M_KNOTES]; kn++)		\
		if (kn->k_used)

void
m_reset(void)
{
	memset(m_files, 0, sizeof(m_files));
	memset(m_knotes, 0, sizeof(m_knotes));
	memset(m_fd, 0, sizeof(m_fd));
	m_nfiles = 0;
	m_order = 0;
	m_now = 0;
}

static bool	m_islinux(const struct m_knote *kn);

static bool
m_isfd(short filter)
{
	return (filter == EVFILT_READ || filter == EVFILT_WRITE ||
	    filter == EVFILT_EXCEPT);
}

static bool
m_isopen(uintptr_t ident)
{
	return (ident < M_FDS && m_fd[ident] != NULL);
}

/*
 * Predicates: is it ready, and what does the event say?
 */

/* The read side of a stream socket: READ-1 to READ-14. */
static enum m_level
m_sockread(const struct m_knote *kn, struct m_want *w)
{
	const struct m_file *f = kn->k_file;
	intptr_t least;

	w->w_mindata = w->w_maxdata = f->f_bytes;
	if (f->f_rdshut) {
		w->w_flags |= EV_EOF;
		if (f->f_bytes == 0)
			w->w_flags |= EV_NODATA;
		if (f->f_wrshut)
			w->w_flags |= EV_HUP;
		w->w_fflags = (unsigned int)f->f_error;
		return (MUST);
	}
	least = (kn->k_sfflags & NOTE_LOWAT) != 0 ? kn->k_sdata : 1;
	return (f->f_bytes >= least ? MUST : NO);
}

/* The write side: WRITE-1 to WRITE-8. */
static enum m_level
m_sockwrite(const struct m_knote *kn, struct m_want *w)
{
	const struct m_file *f = kn->k_file;

	w->w_mindata = 0;
	w->w_maxdata = INTPTR_MAX;
	/* A peer's SHUT_RD: Linux sends no more; WRITE-4 does not say. */
	if (f->f_peershut && !f->f_rdshut) {
		w->w_mayflags = EV_EOF | EV_NODATA;
		return (f->f_full ? MAY : MUST);
	}
	if (f->f_wrshut) {
		w->w_flags |= EV_EOF | EV_NODATA;
		if (f->f_rdshut)
			w->w_flags |= EV_HUP;
		w->w_fflags = (unsigned int)f->f_error;
		return (f->f_full && !f->f_rdshut && !m_fullshut ? MAY : MUST);
	}
	w->w_mindata = 1;
	return (f->f_full ? NO : MUST);
}

/* READ-24 to READ-26; Linux's go one way. */
static enum m_level
m_piperead(const struct m_knote *kn, struct m_want *w)
{
	const struct m_file *f = kn->k_file;

	w->w_mindata = w->w_maxdata = f->f_bytes;
	if (f->f_peer == NULL) {
		w->w_flags |= EV_EOF;
		if (f->f_bytes == 0)
			w->w_flags |= EV_NODATA;
		return (MUST);
	}
	return (f->f_bytes > 0 ? MUST : NO);
}

/* WRITE-12, WRITE-13. */
static enum m_level
m_pipewrite(const struct m_knote *kn, struct m_want *w)
{
	const struct m_file *f = kn->k_file;

	if (f->f_peer == NULL) {
		w->w_flags |= EV_EOF | EV_NODATA;
		return (MUST);
	}
	w->w_mindata = 1;
	w->w_maxdata = INTPTR_MAX;
	return (f->f_full ? NO : MUST);
}

/* READ-60, READ-62: stale entries of the inner one may count. */
static enum m_level
m_kqread(const struct m_knote *kn, struct m_want *w)
{
	int least, most;

	least = m_pending(kn->k_file, MUST);
	most = m_pending(kn->k_file, MAY);
	w->w_mindata = least > 0 ? least : 1;
	w->w_maxdata = most;
	return (least > 0 ? MUST : most > 0 ? MAY : NO);
}

static enum m_level
m_fdready(const struct m_knote *kn, struct m_want *w)
{
	enum m_type type = kn->k_file->f_type;

	if (kn->k_filter == EVFILT_EXCEPT)
		return (NO);		/* nobody sends urgent data here */
	if (type == F_NULL)
		return (MUST);		/* READ-44, WRITE-19 */
	if (type == F_KQ)
		return (m_kqread(kn, w));
	if (kn->k_filter == EVFILT_READ)
		return (type == F_SOCK ? m_sockread(kn, w) :
		    m_piperead(kn, w));
	return (type == F_SOCK ? m_sockwrite(kn, w) : m_pipewrite(kn, w));
}

static enum m_level
m_ready(const struct m_knote *kn, struct m_want *w)
{
	enum m_level level;

	memset(w, 0, sizeof(*w));
	w->w_flags = kn->k_flags;
	if (kn->k_filter == EVFILT_USER) {
		w->w_fflags = kn->k_fflags;
		w->w_mindata = w->w_maxdata = kn->k_data;
		level = kn->k_trigger ? MUST : NO;	/* USER-4 */
	} else if (kn->k_filter == EVFILT_TIMER) {
		w->w_mindata = w->w_maxdata = kn->k_count;
		level = kn->k_count > 0 ? MUST : NO;	/* TIMER-3 */
	} else
		level = m_fdready(kn, w);
	if (kn->k_kq->f_freebsd)			/* REG-11 */
		w->w_flags &= (unsigned short)~(EV_ADD | EV_DELETE |
		    EV_ENABLE | EV_DISABLE | EV_NODATA | EV_HUP);
	return (level);
}

/* Does EV_CLEAR of this filter mean "since the last delivery"? */
static bool
m_wantsnews(const struct m_knote *kn)
{
	return ((kn->k_flags & EV_CLEAR) != 0 && m_isfd(kn->k_filter));
}

enum m_level
m_deliverable(const struct m_knote *kn, struct m_want *w)
{
	enum m_level level;

	if (kn->k_ghost)
		return (NO);
	level = m_ready(kn, w);
	if (kn->k_disabled)
		return (NO);				/* SCAN-3 */
	if (level == NO && (kn->k_flags & EV_ONESHOT) != 0 && kn->k_seen &&
	    kn->k_queued != NO && kn->k_filter != EVFILT_TIMER) {
		/* SCAN-5: either; USER-10 keeps its values. */
		w->w_anything = kn->k_filter != EVFILT_USER;
		return (MAY);
	}
	if (m_wantsnews(kn) && kn->k_news < level)
		return (kn->k_news);			/* SCAN-16 */
	return (level);
}

/*
 * The pending counter: entries that must be there, or that may be.
 */
int
m_pending(const struct m_file *kq, enum m_level least)
{
	const struct m_knote *kn;
	struct m_want w;
	int n;

	n = 0;
	FOREACH_KNOTE(kn) {
		if (kn->k_kq != kq)
			continue;
		if (m_deliverable(kn, &w) >= least || (least == MAY &&
		    (kn->k_queued != NO || (!m_silentafter &&
		    kn->k_file != NULL && m_islinux(kn)))))
			n++;				/* KQ-17 */
	}
	return (n);
}

/*
 * Activation.
 */

static void	m_object(struct m_file *f, short filter, enum m_level news);

/* The end of the list; timers that expire together have no order. */
static long
m_place(const struct m_knote *kn)
{
	return (kn->k_filter == EVFILT_TIMER ? (long)m_now + 1 : ++m_order);
}

static enum m_level
m_if(bool must)
{
	return (must ? MUST : MAY);
}

/* Is it the only one that is pending? */
static bool
m_isfirst(struct m_knote *kn)
{
	int n;

	kn->k_used = false;
	n = m_pending(kn->k_kq, MAY);
	kn->k_used = true;
	return (n == 0);
}

/* Those who watch the kqueue: READ-61. */
static enum m_level
m_toparents(struct m_knote *kn, enum m_level before)
{
	if (before != NO || kn->k_queued != MUST || m_passing)
		return (MAY);
	return (m_if(m_eachqueued || m_isfirst(kn)));
}

static void
m_activate(struct m_knote *kn, enum m_level news)
{
	enum m_level before = kn->k_queued;

	if (kn->k_news != NO)
		kn->k_again = true;
	if (kn->k_news < news)
		kn->k_news = news;
	kn->k_seen = true;
	if (!kn->k_disabled && kn->k_queued < news) {
		kn->k_queued = news;
		kn->k_anyorder = before == MAY || news == MAY;
		kn->k_order = m_place(kn);
	}
	m_object(kn->k_kq, EVFILT_READ, m_toparents(kn, before));
}

/*
 * Linux reports these to whoever has the file in epoll, also if the knote is
 * disabled or does not want to know (spec section 16): pollers may see that
 * until the next scan.
 */
static bool
m_hangup(const struct m_file *f)
{
	if (f->f_type == F_SOCK)
		return (f->f_rdshut && f->f_wrshut);
	return ((f->f_type == F_PIPER || f->f_type == F_PIPEW) &&
	    f->f_peer == NULL);
}

/*
 * Nor does Linux know NOTE_LOWAT (READ-8), or that READ and WRITE are not asked
 * for: whoever polls may see something until the library has looked.
 */
static bool
m_islinux(const struct m_knote *kn)
{
	return (m_hangup(kn->k_file) || ((kn->k_sfflags & NOTE_LOWAT) != 0 &&
	    (!m_silentafter || kn->k_file->f_bytes > 0)));
}

/* Something happened to the object. */
static void
m_object(struct m_file *f, short filter, enum m_level news)
{
	struct m_knote *kn;
	struct m_want w;
	enum m_level level;

	FOREACH_KNOTE(kn) {
		if (kn->k_file != f || kn->k_kq == f)
			continue;
		if (m_islinux(kn) && kn->k_queued == NO) {
			kn->k_queued = MAY;
			m_object(kn->k_kq, EVFILT_READ, MAY);
		}
		if (kn->k_filter != filter || kn->k_ghost)
			continue;
		level = m_ready(kn, &w);
		if (level != NO)
			m_activate(kn, level < news ? level : news);
	}
}

/*
 * Descriptors.
 */

int
m_free(void)
{
	int fd, n;

	n = 0;
	for (fd = 3; fd < M_FDS; fd++)
		n += m_fd[fd] == NULL;
	return (m_nfiles + 2 < M_FILES ? n : 0);
}

struct m_file *
m_open(int fd, enum m_type type, struct m_file *peer)
{
	struct m_file *f;

	f = &m_files[m_nfiles++];
	f->f_type = type;
	f->f_refs = 1;
	f->f_peer = peer;
	if (peer != NULL)
		peer->f_peer = f;
	m_fd[fd] = f;
	return (f);
}

/*
 * The knote is gone.  One-shot entries may stay in epoll, silent but for a
 * hangup.
 */
static void
m_drop(struct m_knote *kn)
{
	kn->k_used = !m_gone && m_isfd(kn->k_filter) && !kn->k_ghost &&
	    (kn->k_flags & (EV_ONESHOT | EV_DISPATCH)) != 0;
	kn->k_ghost = kn->k_used;
	kn->k_queued = NO;
	m_object(kn->k_kq, EVFILT_READ, MAY);
}

/* The last number of a file was closed. */
static void
m_release(struct m_file *f)
{
	struct m_file *peer = f->f_peer;
	struct m_knote *kn;
	bool both;

	FOREACH_KNOTE(kn) {
		if (kn->k_kq == f)
			kn->k_used = false;		/* KQ-10 */
	}
	if (peer == NULL)
		return;
	peer->f_peer = NULL;
	both = peer->f_rdshut && peer->f_wrshut;
	peer->f_rdshut = peer->f_wrshut = true;
	peer->f_peershut = false;
	if (f->f_type == F_SOCK && f->f_bytes > 0)
		peer->f_error = ECONNRESET;
	m_object(peer, EVFILT_READ, m_if(!both));
	m_object(peer, EVFILT_WRITE, m_if(!both));
}

/* REG-31, REG-32: the knotes of the number go, whatever else means the file. */
void
m_close(int fd)
{
	struct m_file *f = m_fd[fd];
	struct m_knote *kn;

	FOREACH_KNOTE(kn) {
		if (m_isfd(kn->k_filter) && kn->k_ident == (uintptr_t)fd) {
			kn->k_ghost = true;
			m_drop(kn);
		}
	}
	m_fd[fd] = NULL;
	if (--f->f_refs == 0)
		m_release(f);
}

void
m_dup2(int from, int to)
{
	struct m_file *f = m_fd[from];

	if (from == to)
		return;
	f->f_refs++;
	if (m_fd[to] != NULL)
		m_close(to);
	m_fd[to] = f;
}

/* n bytes were written to fd, which is full now or not. */
void
m_wrote(int fd, long n, bool full)
{
	struct m_file *f = m_fd[fd];

	if (full)
		f->f_full = true;
	if (n <= 0 || f->f_peer == NULL)
		return;
	f->f_peer->f_bytes += n;
	m_object(f->f_peer, EVFILT_READ, MUST);
}

/* n bytes were read; a read that failed with the error has fetched it. */
void
m_readn(int fd, long n, bool drained, int error)
{
	struct m_file *f = m_fd[fd], *peer = f->f_peer;
	bool full;

	if (error == f->f_error)
		f->f_error = 0;
	f->f_bytes -= n;
	if (peer == NULL || n == 0)
		return;
	full = peer->f_full;
	if (drained)
		peer->f_full = false;
	/* WRITE-11: after it was full; Linux may say so more often. */
	m_object(peer, EVFILT_WRITE, m_if(full));
}

/* A shutdown() of either side wakes both sides of a Linux socket pair. */
void
m_shutdown(int fd, int how)
{
	struct m_file *f = m_fd[fd], *peer = f->f_peer;
	bool rd = how != SHUT_WR && !f->f_rdshut;
	bool wr = how != SHUT_RD && !f->f_wrshut;

	f->f_rdshut |= rd;
	f->f_wrshut |= wr;
	if (how != SHUT_RD)
		f->f_peershut = false;
	if (peer != NULL) {
		peer->f_peershut |= rd && !peer->f_wrshut;
		peer->f_wrshut |= rd;
		peer->f_rdshut |= wr;
	}
	m_object(f, EVFILT_READ, m_if(rd));
	m_object(f, EVFILT_WRITE, m_if(wr));
	if (!m_merged)
		m_object(f, EVFILT_WRITE, MAY);
	if (peer != NULL) {
		m_object(peer, EVFILT_WRITE, m_if(rd));
		m_object(peer, EVFILT_READ, m_if(wr));
	}
}

/*
 * Timers.
 */

/* In milliseconds; -1 is EINVAL. */
static int64_t
m_period(const struct m_file *kq, unsigned int fflags, intptr_t data)
{
	int64_t ms = data;

	if (!kq->f_freebsd)
		return (ms <= 0 ? 1 : ms);		/* TIMER-1, TIMER-5 */
	if (ms < 0 || (fflags & ~0xfu) != 0)
		return (-1);
	switch (fflags) {
	case 0:
	case 2:						/* NOTE_MSECONDS */
		return (ms == 0 ? 1 : ms);
	case 1:						/* NOTE_SECONDS */
		return (ms * 1000);
	case 4:						/* NOTE_USECONDS */
		return (ms / 1000);
	default:
		return (-1);
	}
}

static void
m_expire(struct m_knote *kn)
{
	kn->k_count++;
	if ((kn->k_flags & EV_ONESHOT) != 0)
		kn->k_deadline = 0;			/* TIMER-10 */
	else						/* TIMER-4, TIMER-7 */
		kn->k_deadline += m_period(kn->k_kq, kn->k_sfflags,
		    kn->k_sdata);
	m_activate(kn, MUST);
}

/* Time passes, one millisecond after the other. */
void
m_advance(int64_t ms)
{
	struct m_knote *kn;

	while (ms-- > 0) {
		m_now++;
		FOREACH_KNOTE(kn) {
			if (kn->k_filter == EVFILT_TIMER &&
			    kn->k_deadline != 0 && kn->k_deadline <= m_now)
				m_expire(kn);
		}
	}
}

/*
 * Changes.
 */

static struct m_knote *
m_find(const struct m_file *kq, short filter, uintptr_t ident)
{
	struct m_knote *kn;

	FOREACH_KNOTE(kn) {
		if (kn->k_kq == kq && kn->k_filter == filter &&
		    kn->k_ident == ident && !kn->k_ghost)
			return (kn);			/* REG-5, REG-6 */
	}
	return (NULL);
}

/* USER-2, USER-6: what the control bits make of the stored ones. */
static unsigned int
m_control(unsigned int stored, unsigned int fflags)
{
	unsigned int bits = fflags & NOTE_FFLAGSMASK;

	switch (fflags & NOTE_FFCTRLMASK) {
	case NOTE_FFAND:
		return (stored & bits);
	case NOTE_FFOR:
		return (stored | bits);
	case NOTE_FFCOPY:
		return (bits);
	default:
		return (stored);
	}
}

/* The errors of the attach step. */
static int
m_attacherror(const struct m_file *kq, const struct m_knote *kn)
{
	int unsupported = kq->f_freebsd ? EINVAL : EOPNOTSUPP;

	if (kn->k_filter == EVFILT_TIMER)
		return (m_period(kq, kn->k_sfflags, kn->k_sdata) < 0 ?
		    EINVAL : 0);
	if (!m_isfd(kn->k_filter))
		return (0);
	if (kn->k_filter == EVFILT_EXCEPT && kn->k_file->f_type != F_SOCK)
		return (unsupported);			/* EXC-1 */
	if (kn->k_filter == EVFILT_WRITE && kn->k_file->f_type == F_KQ)
		return (unsupported);			/* WRITE-19 */
	if (kn->k_filter == EVFILT_WRITE && kn->k_file->f_type == F_PIPEW &&
	    kn->k_file->f_peer == NULL)
		return (EPIPE);				/* WRITE-14 */
	return (0);
}

static void
m_evaluate(struct m_knote *kn)
{
	struct m_want w;
	enum m_level level;

	if ((level = m_ready(kn, &w)) != NO)
		m_activate(kn, level);			/* REG-9, REG-19 */
	if (kn->k_file != NULL && m_islinux(kn) && kn->k_queued == NO)
		kn->k_queued = MAY;
}

/* REG-30 */
static void
m_enable(struct m_knote *kn, unsigned int flags)
{
	if ((flags & EV_DISABLE) != 0)
		kn->k_disabled = true;
	if ((flags & EV_ENABLE) == 0 || !kn->k_disabled)
		return;
	kn->k_disabled = false;
	if (kn->k_seen && kn->k_queued != MUST) {	/* REG-26 */
		enum m_level before = kn->k_queued;

		kn->k_anyorder = kn->k_queued == MAY ||
		    kn->k_filter == EVFILT_TIMER;
		kn->k_order = m_place(kn);
		kn->k_queued = MUST;
		m_object(kn->k_kq, EVFILT_READ, m_toparents(kn, before));
	}
	m_object(kn->k_kq, EVFILT_READ, MAY);
}

static int
m_add(struct m_file *kq, const struct kevent *kev)
{
	struct m_knote *kn;
	int error;

	FOREACH_KNOTE(kn) {
		if (kn->k_ghost && kn->k_kq == kq && kn->k_filter ==
		    kev->filter && kn->k_ident == kev->ident)
			kn->k_used = false;
	}
	for (kn = m_knotes; kn->k_used; kn++)
		assert(kn < &m_knotes[M_KNOTES - 1]);
	*kn = (struct m_knote){ .k_kq = kq, .k_ident = kev->ident,
		.k_filter = kev->filter, .k_flags = kev->flags,
		.k_sfflags = kev->fflags, .k_sdata = kev->data,
		.k_udata = (uintptr_t)kev->udata };
	if (m_isfd(kev->filter))
		kn->k_file = m_fd[kev->ident];
	if ((error = m_attacherror(kq, kn)) != 0)
		return (error);				/* REG-10 */
	kn->k_used = true;
	if (kev->filter == EVFILT_TIMER) {
		kn->k_flags |= EV_CLEAR;		/* TIMER-2 */
		kn->k_deadline = m_now + m_period(kq, kn->k_sfflags,
		    kn->k_sdata);
	}
	if (kev->filter == EVFILT_USER) {
		kn->k_fflags = kq->f_freebsd ? kev->fflags & NOTE_FFLAGSMASK :
		    m_control(0, kev->fflags);		/* USER-2 */
		kn->k_data = kev->data;
		kn->k_trigger = !kq->f_freebsd &&	/* USER-3 */
		    (kev->fflags & NOTE_TRIGGER) != 0;
	}
	m_evaluate(kn);
	m_enable(kn, kev->flags);
	if (kn->k_disabled && kn->k_queued == MUST)
		kn->k_queued = MAY;			/* REG-12 */
	return (0);
}

/* USER-6, USER-7 */
static void
m_usermodify(struct m_knote *kn, const struct kevent *kev)
{
	if ((kev->fflags & NOTE_TRIGGER) != 0)
		kn->k_trigger = true;
	kn->k_fflags = m_control(kn->k_fflags, kev->fflags);
	kn->k_data = kev->data;
	if (kn->k_kq->f_freebsd)
		kn->k_udata = (uintptr_t)kev->udata;
	if ((kev->flags & EV_CLEAR) != 0) {
		kn->k_trigger = false;
		kn->k_data = 0;
	}
}

/* TIMER-7, TIMER-8: FreeBSD starts again on EV_ADD, and on that only. */
static int
m_timermodify(struct m_knote *kn, const struct kevent *kev)
{
	int64_t period;

	if (kn->k_kq->f_freebsd) {
		if ((kev->flags & EV_ADD) == 0) {
			kn->k_udata = (uintptr_t)kev->udata;
			return (0);
		}
		period = m_period(kn->k_kq, kev->fflags, kev->data);
		if (period < 0)
			return (EINVAL);
		kn->k_count = 0;
		kn->k_deadline = m_now + period;
		if (kn->k_queued == MUST)
			kn->k_queued = MAY;
	}
	kn->k_sfflags = kev->fflags;
	kn->k_sdata = kev->data;
	kn->k_udata = (uintptr_t)kev->udata;
	kn->k_anyorder |= !m_changedorder;
	return (0);
}

/* REG-16 to REG-20 */
static int
m_modify(struct m_knote *kn, const struct kevent *kev)
{
	int error;

	if (kn->k_filter == EVFILT_USER)
		m_usermodify(kn, kev);
	else if (kn->k_filter == EVFILT_TIMER) {
		if ((error = m_timermodify(kn, kev)) != 0)
			return (error);
	} else {
		kn->k_sfflags = kev->fflags;
		kn->k_sdata = kev->data;
		kn->k_udata = (uintptr_t)kev->udata;
	}
	m_evaluate(kn);
	m_enable(kn, kev->flags);
	return (0);
}

/* One change, without its EV_SYSFLAGS (CALL-6): 0, an errno or M_SKIPPED. */
int
m_change(struct m_file *kq, const struct kevent *kev)
{
	struct m_knote *kn;

	if (kq->f_freebsd && kev->filter == 0)
		return (M_SKIPPED);			/* CALL-27 */
	/* REG-1 is the order of these checks. */
	if (kev->filter >= 0 || kev->filter < -EVFILT_SYSCOUNT)
		return (EINVAL);			/* REG-2 */
	if (m_isfd(kev->filter) && kev->ident > INT_MAX)
		return (EBADF);				/* REG-4 */
	if (kq->f_freebsd && (kev->flags & (EV_ENABLE | EV_DISABLE)) ==
	    (EV_ENABLE | EV_DISABLE))
		return (EINVAL);			/* REG-28 */
	if (m_isfd(kev->filter) && !m_isopen(kev->ident))
		return (EBADF);				/* REG-3 */
	if ((kn = m_find(kq, kev->filter, kev->ident)) == NULL)
		return ((kev->flags & EV_ADD) == 0 ? ENOENT :
		    m_add(kq, kev));			/* REG-7 */
	if ((kev->flags & EV_DELETE) != 0 &&
	    ((kev->flags & EV_ADD) == 0 || kq->f_freebsd)) {
		m_drop(kn);				/* REG-21, REG-22 */
		return (0);
	}
	return (m_modify(kn, kev));
}

/*
 * What the model does not know, and the driver therefore leaves out.
 */
bool
m_modelled(int kqfd, const struct kevent *kev)
{
	const struct m_file *f, *kq = m_fd[kqfd];
	const struct m_knote *kn;

	switch (kev->filter) {
	case EVFILT_READ:
	case EVFILT_WRITE:
	case EVFILT_EXCEPT:
		break;
	case EVFILT_TIMER:
		/* FreeBSD: at once, or after part of a millisecond. */
		return (!kq->f_freebsd || (kev->flags & EV_ADD) == 0 ||
		    (kev->data != 0 && kev->fflags != 8 &&
		    (kev->fflags != 4 || kev->data % 1000 == 0)));
	case EVFILT_USER:
		return (true);
	default:
		return (kev->filter >= 0 || kev->filter < -EVFILT_SYSCOUNT);
	}
	if (!m_isopen(kev->ident))
		return (true);
	f = m_fd[kev->ident];
	/* Loops, and kqueues in themselves. */
	if (f->f_type == F_KQ)
		return (f->f_height < kq->f_height &&
		    (m_kqonce || (kev->flags & EV_ONESHOT) == 0));
	/* The room in a buffer is the kernel's affair. */
	if (kev->filter == EVFILT_WRITE)
		return ((kev->fflags & NOTE_LOWAT) == 0 &&
		    f->f_type != F_PIPER);
	if ((kev->fflags & NOTE_LOWAT) != 0 &&
	    ((f->f_type == F_PIPEW && !m_pipelowat) ||
	    (kev->data <= 0 && !m_lowatzero)))
		return (false);
	kn = m_find(kq, kev->filter, kev->ident);
	if ((kev->fflags & NOTE_LOWAT) != 0 && !m_gone &&
	    (((kn == NULL ? kev->flags : kn->k_flags) & EV_ONESHOT) != 0))
		return (false);
	/* FreeBSD has no such filter. */
	return (kev->filter != EVFILT_EXCEPT || !kq->f_freebsd);
}

/*
 * Collecting.
 */

static char m_text[512];

static const char *
m_wrong(const char *what, const struct kevent *kev, const struct m_knote *kn)
{
	struct m_want w;
	int n;

	n = 0;
	if (kev != NULL)
		n = snprintf(m_text, sizeof(m_text), "%s: ident %ju filter %d "
		    "flags %#x fflags %#x data %jd udata %#jx", what,
		    (uintmax_t)kev->ident, kev->filter, kev->flags,
		    kev->fflags, (intmax_t)kev->data,
		    (uintmax_t)(uintptr_t)kev->udata);
	if (kn != NULL) {
		if (n == 0)
			n = snprintf(m_text, sizeof(m_text), "%s", what);
		(void)m_deliverable(kn, &w);
		snprintf(m_text + n, sizeof(m_text) - (size_t)n,
		    "; model: ident %ju filter %d flags %#x fflags %#x data "
		    "%jd to %jd udata %#jx", (uintmax_t)kn->k_ident,
		    kn->k_filter, w.w_flags, w.w_fflags, (intmax_t)w.w_mindata,
		    (intmax_t)w.w_maxdata, (uintmax_t)kn->k_udata);
	}
	return (m_text);
}

/* SCAN-6 */
static const char *
m_compare(const struct kevent *kev, struct m_knote *kn)
{
	struct m_want w;

	if (kn == NULL)
		return (m_wrong("event of nothing", kev, NULL));
	if (kn->k_delivered)
		return (m_wrong("twice in one call (SCAN-9)", kev, kn));
	if (m_deliverable(kn, &w) == NO)
		return (m_wrong("not ready", kev, kn));
	if (kev->udata != (void *)kn->k_udata)
		return (m_wrong("udata", kev, kn));
	if (w.w_anything)
		return (NULL);
	if ((kev->flags & ~w.w_mayflags) != (w.w_flags & ~w.w_mayflags))
		return (m_wrong("flags", kev, kn));
	if (kev->fflags != w.w_fflags)
		return (m_wrong("fflags", kev, kn));
	if (kev->data < w.w_mindata || kev->data > w.w_maxdata)
		return (m_wrong("data", kev, kn));
	return (NULL);
}

/* First in, first out among user events, and among timers (SCAN-1). */
static const char *
m_checkorder(const struct kevent *kev, int n, struct m_file *kq, short filter)
{
	struct m_knote *kn;
	struct m_want w;
	long last;
	int i;

	last = 0;
	for (i = 0; i < n; i++) {
		if (kev[i].filter != filter)
			continue;
		kn = m_find(kq, filter, kev[i].ident);
		if (kn->k_anyorder)
			continue;
		if (kn->k_order < last)
			return (m_wrong("too late in the list (SCAN-1)",
			    &kev[i], kn));
		last = kn->k_order;
	}
	FOREACH_KNOTE(kn) {
		if (kn->k_kq == kq && kn->k_filter == filter &&
		    !kn->k_delivered && !kn->k_anyorder &&
		    kn->k_order < last && m_deliverable(kn, &w) == MUST)
			return (m_wrong("passed over (SCAN-1)", NULL, kn));
	}
	return (NULL);
}

/* SCAN-7 */
static void
m_delivered(struct m_knote *kn)
{
	if ((kn->k_flags & EV_ONESHOT) != 0) {
		m_drop(kn);
		return;
	}
	kn->k_waited = 0;
	kn->k_order = m_place(kn);
	kn->k_anyorder = false;
	if ((kn->k_flags & (EV_CLEAR | EV_DISPATCH)) == 0) {
		kn->k_queued = MUST;
		return;
	}
	kn->k_seen = false;
	kn->k_news = kn->k_again && !m_merged ? MAY : NO;
	kn->k_queued = kn->k_news;
	kn->k_again = false;
	if (kn->k_file != NULL && kn->k_file->f_type == F_KQ && !m_silentafter)
		kn->k_queued = MAY;
	if ((kn->k_flags & EV_DISPATCH) != 0)
		kn->k_disabled = true;
	if ((kn->k_flags & EV_CLEAR) != 0) {
		kn->k_trigger = false;
		kn->k_count = 0;
		if (!kn->k_kq->f_freebsd) {		/* USER-8 */
			kn->k_fflags = 0;
			kn->k_data = 0;
		}
	}
}

/* The scan has passed it by: it has left the list, or perhaps. */
static void
m_passed(struct m_knote *kn, bool surely)
{
	struct m_want w;

	if (m_deliverable(kn, &w) == MUST)
		return;
	if (!surely) {
		if (kn->k_queued == MUST)
			kn->k_queued = MAY;
		return;
	}
	kn->k_queued = NO;				/* SCAN-3 */
	if (!kn->k_disabled) {
		kn->k_seen = false;			/* SCAN-4 */
		kn->k_news = NO;
		kn->k_again = false;
	}
}

/* SCAN-10; there is slack, since sources take turns. */
static bool
m_starves(struct m_knote *kn, int n)
{
	int i, all;

	all = 0;
	for (i = 0; i < M_KNOTES; i++)
		all += m_knotes[i].k_used && m_knotes[i].k_kq == kn->k_kq;
	kn->k_waited += n;
	return (kn->k_waited > 4 * all + 4 * n + 16);
}

/* After a hangup, a one-shot knote may take two calls. */
static bool
m_islate(const struct m_knote *kn)
{
	return (!m_attheend && kn->k_file != NULL && m_hangup(kn->k_file) &&
	    (kn->k_flags & (EV_ONESHOT | EV_DISPATCH)) != 0);
}

const char *
m_collected(struct m_file *kq, const struct kevent *kev, int n, int nevents)
{
	struct m_knote *kn;
	struct m_want w;
	const char *text;
	bool full;
	int i;

	full = n == nevents ||
	    (!m_noplace && nevents <= m_pending(kq, MAY));
	if (n < 0 || n > nevents)
		return (m_wrong("number of events", NULL, NULL));
	for (i = 0; i < n; i++) {
		kn = m_find(kq, kev[i].filter, kev[i].ident);
		if ((text = m_compare(&kev[i], kn)) != NULL)
			return (text);
		kn->k_delivered = true;
	}
	if ((text = m_checkorder(kev, n, kq, EVFILT_USER)) != NULL ||
	    (text = m_checkorder(kev, n, kq, EVFILT_TIMER)) != NULL)
		return (text);
	FOREACH_KNOTE(kn) {
		if (kn->k_kq != kq || kn->k_delivered)
			continue;
		if (m_deliverable(kn, &w) == MUST) {
			if (!full && !m_islate(kn))
				return (m_wrong("missing", NULL, kn));
			if (m_starves(kn, n))
				return (m_wrong("starves (SCAN-10)", NULL,
				    kn));
		} else
			kn->k_waited = 0;
		if (nevents > 0)
			m_passed(kn, !full);
	}
	for (i = 0; i < n; i++) {
		kn = m_find(kq, kev[i].filter, kev[i].ident);
		kn->k_delivered = false;
		m_delivered(kn);
	}
	/* Those who watch this kqueue may be woken by our having looked. */
	m_object(kq, EVFILT_READ, MAY);
	return (NULL);
}
