/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contract between the core and a filter.
 *
 * A filter is a struct filterops; filter.c has the table.  The core holds
 * kq_lock during every call below, so they are serialised per kqueue, must not
 * sleep, and may touch every field of the knote and what the filter keeps in
 * kq_priv[~EVFILT_X].  An object that knotes of several kqueues share has a
 * lock of its own, which comes before kq_lock: a filter whose source speaks
 * takes the object's lock, then kqueue_enter()s each kqueue and activates; its
 * attach and detach, which run under kq_lock, may only *try* it or use a list
 * that is safe without.
 *
 * f_attach	Start watching.  kn_sfflags, kn_sdata, kn_udata and kn_flags are
 *		the change's, kn_fflags and kn_data are 0, KN_DISABLED is set if
 *		the change disables.  May set bits in kn_flags (EV_CLEAR).
 *		0 or the errno of the EV_ERROR entry; after an error f_detach is
 *		not called and nothing may be left behind.
 * f_detach	Stop watching: after it returns the source is silent.  Also
 *		called when the kqueue is closed, if FILTEROP_DETACH is set;
 *		without it the memory just goes away.
 * f_event	The source speaks (hint != 0), or somebody asks for a look
 *		(hint == 0): recompute the result part; true if it is ready.
 *		After f_attach and f_modify the core calls it with 0 and
 *		activates (REG-9, REG-19).  For an object that epoll watches it
 *		says false: installing the entry made the kernel look.
 * f_modify	A change without EV_DELETE found the knote (REG-16): store what
 *		the clause says of kev.  NULL: the core stores fflags, data and
 *		udata as REG-16 says for the dialect.  An error leaves all as
 *		it was.
 * f_enable	KN_DISABLED was set or cleared just before: stop or resume what
 *		costs something meanwhile.  An error becomes the change's.  May
 *		be NULL.
 * f_process	The scan asks: still ready (SCAN-4)?  Then fill in the flags,
 *		fflags and data of kev, which is the program's own memory, and
 *		say true; otherwise leave it alone (CALL-23).
 * f_delivered	After kev was posted and SCAN-7 applied, unless the knote was
 *		dropped.  May be NULL.
 * f_closing	The kqueue dies: release what kq_priv holds.  Called once, after
 *		the knotes' f_detach.  May be NULL.
 */
#ifndef _KQ_FILTER_H_
#define	_KQ_FILTER_H_

#include "kqueue_var.h"

#pragma GCC visibility push(hidden)

struct filterops {
	int	f_flags;			/* FILTEROP_* */
	int	(*f_attach)(struct knote *);
	void	(*f_detach)(struct knote *);
	bool	(*f_event)(struct knote *, long hint);
	int	(*f_modify)(struct knote *, const struct kevent *);
	int	(*f_enable)(struct knote *, bool enable);
	bool	(*f_process)(struct knote *, struct kevent *);
	void	(*f_delivered)(struct knote *);
	void	(*f_closing)(struct kqueue *);
};

#define	FILTEROP_ISFD	0x0001	/* ident is a descriptor: EBADF, close() */
#define	FILTEROP_DETACH	0x0002	/* f_detach is needed at the kqueue's end */

extern const struct filterops *const filter_table[EVFILT_SYSCOUNT];

/* NULL for a number that is no filter (REG-2). */
static inline const struct filterops *
filter_lookup(short filter)
{
	if (filter >= 0 || filter < -EVFILT_SYSCOUNT)
		return (NULL);
	return (filter_table[~filter]);
}

/* The filter of a knote, which has one. */
#define	FILTER_OF(kn)	(filter_table[~(kn)->kn_filter])

/* WF_* of a descriptor filter. */
static inline int
filter_wf(short filter)
{
	return (filter == EVFILT_READ ? WF_READ :
	    filter == EVFILT_WRITE ? WF_WRITE : WF_EXCEPT);
}

/* REG-16 for filters without an f_modify of their own. */
void	filter_store(struct knote *, const struct kevent *);

extern const struct filterops read_filtops, write_filtops, except_filtops,
    vnode_filtops, proc_filtops, sig_filtops, timer_filtops, user_filtops,
    fs_filtops, aio_filtops;

/*
 * Dialects (dialect.c): the quirk register as data.  A column per system; the
 * code looks at a row where the clause applies.
 */
struct dialect {
	const char *d_name;
	unsigned short d_stripflags;	/* REG-11: not returned with events */
	bool	d_delete_wins;		/* REG-21: ADD|DELETE deletes if there */
	bool	d_skips_zero;		/* CALL-27: filter 0 is no change */
	bool	d_both_einval;		/* REG-28: ENABLE|DISABLE is EINVAL */
	bool	d_timer_restarts;	/* TIMER-7: re-ADD starts anew */
	bool	d_timer_units;		/* TIMER-1: NOTE_SECONDS ... */
	bool	d_timer_addonly;	/* REG-16, TIMER-8: only ADD sets it */
	bool	d_timer_einval;		/* TIMER-5: negative is EINVAL */
	bool	d_user_firsttrigger;	/* USER-3: the first ADD may trigger */
	bool	d_user_udata;		/* USER-6: changes set udata */
	bool	d_user_keepfflags;	/* USER-8: EV_CLEAR keeps fflags, data */
	bool	d_user_rawfflags;	/* USER-2: the first ADD stores all bits */
	bool	d_proc_needsexit;	/* PROC-9: no event without NOTE_EXIT */
	bool	d_nodata;		/* EV_NODATA and EV_HUP are reported */
	bool	d_self_einval;		/* KQ-18: a kqueue cannot watch itself */
	int	d_backlog_max;		/* READ-20: cap of data, 0: none */
	int	d_badfilter_errno;	/* READ: object without the filter */
};
extern const struct dialect dialect_dragonfly, dialect_freebsd;

/* What a new kqueue gets: requested, unless KQUEUE_DIALECT names another. */
const struct dialect *dialect_choose(const struct dialect *requested);

#pragma GCC visibility pop

#endif /* !_KQ_FILTER_H_ */
