/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sys/event.h>: kqueue(2) and kevent(2) for Linux, with DragonFly BSD's
 * names, values and struct kevent.  See kqueue(3).
 */
#ifndef _SYS_EVENT_H_
#define	_SYS_EVENT_H_

#include <sys/types.h>
#include <stdint.h>
/* struct timespec, also where a strict C89 or C99 hides it in <time.h> */
#ifdef __GLIBC__
#include <bits/types/struct_timespec.h>
#else
#include <sys/select.h>
#endif

/* The version of this header; libkqueue_version() gives the library's. */
#define	LIBKQUEUE_VERSION		"1.0.0"
#define	LIBKQUEUE_VERSION_NUMBER	10000	/* major * 10000 + minor * 100 + patch */

/*
 * Dialects: whose answer kqueue() and kevent() give where the BSDs differ.
 * Compile with -DKQUEUE_DIALECT=KQUEUE_FREEBSD for FreeBSD's.
 */
#define	KQUEUE_DRAGONFLY	1
#define	KQUEUE_FREEBSD		2
#ifndef KQUEUE_DIALECT
#define	KQUEUE_DIALECT		KQUEUE_DRAGONFLY
#endif

/* Filters: what is watched, and what ident means. */
#define	EVFILT_READ		(-1)	/* descriptor: something to read */
#define	EVFILT_WRITE		(-2)	/* descriptor: room to write */
#define	EVFILT_AIO		(-3)	/* not available, as on DragonFly */
#define	EVFILT_VNODE		(-4)	/* descriptor: a change to the file */
#define	EVFILT_PROC		(-5)	/* process id */
#define	EVFILT_SIGNAL		(-6)	/* signal number */
#define	EVFILT_TIMER		(-7)	/* any number */
#define	EVFILT_EXCEPT		(-8)	/* descriptor: out-of-band data */
#define	EVFILT_USER		(-9)	/* any number */
#define	EVFILT_FS		(-10)	/* any number: mounts and unmounts */
#define	EVFILT_MARKER		0xF	/* internal to the scan; never valid */

#define	EVFILT_SYSCOUNT		10

/*
 * Fill in a struct kevent.  Every argument is evaluated once, and may use
 * any name that is not reserved to the implementation.
 */
#define	EV_SET(kevp, a, b, c, d, e, f)					\
do {									\
	struct kevent *__kq_ev_set__ = (kevp);				\
	__kq_ev_set__->ident = (a);					\
	__kq_ev_set__->filter = (b);					\
	__kq_ev_set__->flags = (c);					\
	__kq_ev_set__->fflags = (d);					\
	__kq_ev_set__->data = (e);					\
	__kq_ev_set__->udata = (f);					\
} while (0)

struct kevent {
	uintptr_t	ident;		/* what is watched; see the filter */
	short		filter;		/* EVFILT_* */
	unsigned short	flags;		/* EV_* */
	unsigned int	fflags;		/* NOTE_*; at EOF the socket's errno */
	intptr_t	data;		/* the filter's number */
	void		*udata;		/* the program's own, handed through */
};

/* flags: what to do */
#define	EV_ADD		0x0001		/* add to the kqueue, or change */
#define	EV_DELETE	0x0002		/* remove from the kqueue */
#define	EV_ENABLE	0x0004		/* let it be delivered (again) */
#define	EV_DISABLE	0x0008		/* keep it, but do not deliver */

/* flags: how to deliver */
#define	EV_ONESHOT	0x0010		/* delete after one delivery */
#define	EV_CLEAR	0x0020		/* reset after delivery */
#define	EV_RECEIPT	0x0040		/* answer with EV_ERROR and data 0 */
#define	EV_DISPATCH	0x0080		/* disable after delivery */

#define	EV_SYSFLAGS	0xF800		/* the library's; removed from input */
#define	EV_FLAG1	0x2000		/* internal */

/* flags: returned */
#define	EV_HUP		0x0800		/* nothing will pass in either direction */
#define	EV_NODATA	0x1000		/* end of file, and nothing is left */
#define	EV_ERROR	0x4000		/* data is an errno; 0 for a receipt */
#define	EV_EOF		0x8000		/* end of file */

/* fflags of EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT */
#define	NOTE_LOWAT	0x0001		/* ready from data bytes on */
#define	NOTE_OOB	0x0002		/* EXCEPT: out-of-band data on a socket */
#define	NOTE_OLDAPI	0x04000000	/* DragonFly's select() uses it; ignored */

/* fflags of EVFILT_VNODE */
#define	NOTE_DELETE	0x0001		/* the last name is gone */
#define	NOTE_WRITE	0x0002		/* the contents changed */
#define	NOTE_EXTEND	0x0004		/* the size grew */
#define	NOTE_ATTRIB	0x0008		/* the attributes changed */
#define	NOTE_LINK	0x0010		/* the link count changed */
#define	NOTE_RENAME	0x0020		/* it was renamed */
#define	NOTE_REVOKE	0x0040		/* access was revoked, or unmounted */

/* fflags of EVFILT_PROC */
#define	NOTE_EXIT	0x80000000	/* it ended */
#define	NOTE_FORK	0x40000000	/* it forked */
#define	NOTE_EXEC	0x20000000	/* it executed a program */
#define	NOTE_PCTRLMASK	0xf0000000	/* the hints */
#define	NOTE_PDATAMASK	0x000fffff	/* the pid in a hint */
#define	NOTE_TRACK	0x00000001	/* follow its children too */
#define	NOTE_TRACKERR	0x00000002	/* a child could not be followed */
#define	NOTE_CHILD	0x00000004	/* this is a followed child; data: parent */

/* fflags of EVFILT_USER */
#define	NOTE_FFNOP	0x00000000	/* leave fflags */
#define	NOTE_FFAND	0x40000000	/* and the given bits into fflags */
#define	NOTE_FFOR	0x80000000	/* or the given bits into fflags */
#define	NOTE_FFCOPY	0xc0000000	/* replace fflags */
#define	NOTE_FFCTRLMASK	0xc0000000	/* the four above */
#define	NOTE_FFLAGSMASK	0x00ffffff	/* the program's bits */
#define	NOTE_TRIGGER	0x01000000	/* make it ready */

/* fflags returned by EVFILT_FS; on a BSD they are in <sys/mount.h> */
#ifndef VQ_MOUNT
#define	VQ_MOUNT	0x0008		/* a file system was mounted */
#define	VQ_UNMOUNT	0x0010		/* a file system was unmounted */
#endif

#if KQUEUE_DIALECT == KQUEUE_FREEBSD
/* fflags of EVFILT_TIMER, FreeBSD only: the unit of data; default ms */
#define	NOTE_SECONDS	0x00000001
#define	NOTE_MSECONDS	0x00000002
#define	NOTE_USECONDS	0x00000004
#define	NOTE_NSECONDS	0x00000008
#define	NOTE_ABSTIME	0x00000010	/* data is a time of CLOCK_REALTIME */
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if KQUEUE_DIALECT == KQUEUE_FREEBSD
#define	__KQ_DIALECT(name)	__asm__(name "_freebsd")
#else
#define	__KQ_DIALECT(name)
#endif

/* A new kqueue (close-on-exec), or -1: EMFILE, ENFILE, ENOMEM. */
int	kqueue(void) __KQ_DIALECT("kqueue");

/* The same; flags are O_CLOEXEC and O_NONBLOCK, anything else is EINVAL. */
int	kqueue1(int __flags) __KQ_DIALECT("kqueue1");

#undef __KQ_DIALECT

/*
 * Apply changes, then collect events: the number of events, 0 after the
 * timeout, or -1: EBADF, EFAULT, EINTR, EINVAL; in a signal handler EAGAIN,
 * EDEADLK; and what a change failed with that found no room in the event list.
 * A change fails with EACCES, EBADF, EINVAL, ELOOP, EMFILE, ENFILE, ENOENT,
 * ENOMEM, ENOSPC, ENXIO, EOPNOTSUPP, EPERM, EPIPE or ESRCH.
 */
int	kevent(int __kq, const struct kevent *__changelist, int __nchanges,
	    struct kevent *__eventlist, int __nevents,
	    const struct timespec *__timeout);

/* The version of the library that is linked, "major.minor.patch". */
const char *libkqueue_version(void);

#ifdef __cplusplus
}
#endif

#endif /* !_SYS_EVENT_H_ */
