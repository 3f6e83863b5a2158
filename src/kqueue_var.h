/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of the library and who may touch what.
 *
 * Letters in the fields' comments:
 *	I	set at creation, then constant
 *	q	kq_lock of the kqueue
 *	a	atomic
 *	o	the lock of the watched object (signal, process, inode table)
 *
 * Lock order:
 *
 *	object lock (signal, proc, vnode) -> kq_lock -> arena lock
 *
 * The lock of a second kqueue is only tried, never waited for, while one is
 * held.  No lock is held across a call that can sleep: kevent() sleeps without
 * any, and the calls made under kq_lock (epoll_ctl, ioctl, poll with no
 * timeout ...) return at once.
 *
 * A signal handler may interrupt a thread that holds a lock.  What is allowed
 * there (close() and its family, a NOTE_TRIGGER) therefore never waits: it
 * tries the lock, and if that fails leaves a note and sets KQL_DEFER in the
 * lock's word; the holder cannot release the lock without seeing the bit and
 * does the work in our place (kqueue_deferred()).
 *
 * All objects live in an arena of pages that fork() hands to the child zeroed
 * (arena.c): a child has no kqueues, and finds that out by looking.
 */
#ifndef _KQUEUE_VAR_H_
#define	_KQUEUE_VAR_H_

#include <sys/event.h>

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lx.h"
#include "queue.h"

#pragma GCC visibility push(hidden)

struct dialect;
struct filterops;
struct knote;
struct kqueue;
struct watch;

#define	KQ_LIKELY(x)	__builtin_expect(!!(x), 1)
#define	KQ_UNLIKELY(x)	__builtin_expect(!!(x), 0)

/* Pointers below this are answered with EFAULT; others are trusted. */
#define	KQ_BADPTR(p)	((uintptr_t)(p) < 65536)

/*
 * Locks (lock.c).  Not pthread's: the word carries KQL_DEFER, see above.
 */
struct kq_lock {
	_Atomic uint32_t l_word;		/* [a] KQL_* */
	_Atomic(const void *) l_owner;		/* [a] kq_self() of the holder */
};
#define	KQL_LOCKED	1u
#define	KQL_WAIT	2u	/* somebody sleeps on the word */
#define	KQL_DEFER	4u	/* work was left for the holder */

void	kq_lock_slow(struct kq_lock *);
bool	kq_lock_try(struct kq_lock *);
/* Take it, or else leave KQL_DEFER to the holder: then false. */
bool	kq_lock_try_or_defer(struct kq_lock *);
/* Release; but if KQL_DEFER was set, clear it, keep the lock and say false. */
bool	kq_lock_release(struct kq_lock *);
/*
 * The locks that this thread holds, counted.  A kevent() that finds some was
 * called by a signal handler that interrupted the library, and may not wait.
 */
extern __thread int kq_nheld __attribute__((__tls_model__("initial-exec")));
/* An address that is this thread's own. */
#define	kq_self()	((const void *)&kq_nheld)

static inline void
kq_lock(struct kq_lock *l)
{
	uint32_t zero = 0;

	kq_nheld++;
	/* Acquire: pairs with the release in kq_lock_release(). */
	if (KQ_UNLIKELY(!atomic_compare_exchange_strong_explicit(&l->l_word,
	    &zero, KQL_LOCKED, memory_order_acquire, memory_order_relaxed)))
		kq_lock_slow(l);
	atomic_store_explicit(&l->l_owner, kq_self(), memory_order_relaxed);
}

static inline bool
kq_lock_mine(struct kq_lock *l)
{
	return (atomic_load_explicit(&l->l_owner, memory_order_relaxed) ==
	    kq_self());
}

/* Release what nobody waits for or defers to; false: it is held still. */
static inline bool
kq_lock_release_inline(struct kq_lock *l)
{
	uint32_t locked = KQL_LOCKED;

	atomic_store_explicit(&l->l_owner, NULL, memory_order_relaxed);
	/* Release: pairs with the acquire of the next holder. */
	if (KQ_LIKELY(atomic_compare_exchange_strong_explicit(&l->l_word,
	    &locked, 0, memory_order_release, memory_order_relaxed))) {
		kq_nheld--;
		return (true);
	}
	atomic_store_explicit(&l->l_owner, kq_self(), memory_order_relaxed);
	return (false);
}

/* For locks on which nobody defers: object locks and the arena's. */
void	kq_unlock(struct kq_lock *);

#define	KQ_ASSERT_LOCKED(kq)	assert(kq_lock_mine(&(kq)->kq_lock))

/*
 * A registration.  In the memory of its kqueue; all fields [q] but [I].
 */
struct knote {
	TAILQ_ENTRY(knote) kn_tqe;	/* on kq_head while KN_QUEUED */
	SLIST_ENTRY(knote) kn_link;	/* hash chain, or the free list */
	struct kqueue	*kn_kq;		/* [I] */
	uintptr_t	 kn_id;		/* [I] ident */
	short		 kn_filter;	/* [I] EVFILT_*; 0 when free */
	unsigned short	 kn_flags;	/* of the EV_ADD, and the filter's */
	unsigned short	 kn_status;	/* KN_* */
	unsigned short	 kn_spare;	/* the filter's own */
	unsigned int	 kn_sfflags;	/* requested fflags */
	unsigned int	 kn_fflags;	/* result */
	intptr_t	 kn_sdata;	/* requested data */
	intptr_t	 kn_data;	/* result */
	void		*kn_udata;
	uint32_t	 kn_stamp;	/* the collection that delivered it last */
	uint32_t	 kn_heap;	/* TIMER: place in the heap, 1-based; 0: none */
	union {				/* the filter's own */
		struct watch	*kn_watch;	/* descriptor filters */
		int64_t		 kn_deadline;	/* TIMER, ns of CLOCK_MONOTONIC */
		bool		 kn_trigger;	/* USER */
		void		*kn_hook;
	};
};

/* kn_status (spec 0.3) */
#define	KN_ACTIVE	0x0001	/* the condition was seen */
#define	KN_QUEUED	0x0002	/* on kq_head */
#define	KN_DISABLED	0x0004
#define	KN_DETACHED	0x0008	/* the watched object is gone */
#define	KN_DELETING	0x0010
#define	KN_HELD		0x0020	/* queued, and the kernel's ready list has it
				 * too: no bell is needed for it */
#define	KN_LEVEL	0x0100	/* epoll can hold it: a level knote in a set */
#define	KN_EDGE		0x0200	/* epoll tells it once: any other in a set */
#define	KN_ASK		0x0400	/* look, though epoll may have said nothing */
#define	KN_SELF		0x0080	/* READ on the own kqueue (KQ-18), or another
				 * level one that epoll does not hold for us */

TAILQ_HEAD(knotequeue, knote);
SLIST_HEAD(klist, knote);

/*
 * One entry in an epoll set, and the descriptor behind it.  In the main set a
 * descriptor has one, which serves one knote in any mode or several level
 * ones; a knote that cannot share has an entry of its own in the nested set
 * of its filter (DESIGN.md 6).  Objects that epoll refuses have a watch that
 * is in no set.  All fields [q].
 */
struct watch {
	int		 w_fd;
	uint32_t	 w_slot;	/* [I] */
	uint32_t	 w_gen;		/* in epoll_data; raised at every reuse */
	uint32_t	 w_fdgen;	/* the number's generation (fdtab) */
	uint32_t	 w_events;	/* installed */
	uint32_t	 w_revents;	/* what epoll said, fresh while */
	uint32_t	 w_round;	/* ... this is kq_round */
	uint8_t		 w_set;		/* WSET_* */
	uint8_t		 w_kind;	/* enum lx_kind, found lazily */
	uint8_t		 w_state;	/* W_* */
	uint8_t		 w_unready;	/* filters found not ready, by WF_* bit */
	union {
		struct knote	*w_kn[3];	/* by WF_* */
		struct {		/* W_SOURCE: called instead */
			void	(*w_fire)(struct watch *, uint32_t revents);
			struct kqueue *w_kq;
		};
	};
	struct watch	*w_next;	/* of the same descriptor, or free list */
	void		*w_arg;		/* of the source or of the filter */
	union {
		struct {
			uint32_t w_rseen; /* fd_seen() of w_lowat; of a kqueue,
					 * kq_seq at the last delivery, 0: none */
			uint32_t w_wseen; /* fd_seen() of W_SENDCLOSED */
			int	w_backlog; /* LISTEN: the count delivered last */
			int	w_lowat; /* SO_RCVLOWAT, once asked for */
		};
		struct {		/* WSET_NONE, but for kqueues */
			uint64_t w_dev;	/* what the number meant */
			uint64_t w_ino;
		};
	};
};

#define	WF_READ		0
#define	WF_WRITE	1
#define	WF_EXCEPT	2
#define	WF_VNODE	2	/* never on the same descriptor as EXCEPT */
#define	WF_COUNT	3

#define	WSET_MAIN	0
#define	WSET_NESTED(wf)	(1 + (wf))
#define	WSET_NONE	4	/* not in epoll */

#define	W_INSTALLED	0x01	/* epoll has the entry */
#define	W_ARMED		0x02	/* a one-shot entry that did not fire yet */
#define	W_TURNED	0x04	/* EPOLLET since its reports made nothing ready */
#define	W_LISTEN	0x08	/* on kq_relisten (READ-21) */
#define	W_SENDCLOSED	0x10	/* this side ended its sending (WRITE-4) */
#define	W_SOURCE	0x20	/* a descriptor of the library's own */
#define	W_PLAIN		0x40	/* one knote, EVFILT_READ, enabled, no one-shot:
				 * the shortest path (watch_fire()) */

#define	WATCH_BLOCK	46	/* watches per block: a page of them */
#define	WATCH_SLOTS	64	/* their numbers go on in steps of this */

/*
 * epoll_data: 20 bits of kq_slot, 24 of w_slot, 20 of w_gen.
 */
#define	WDATA_GENBITS	20
#define	WDATA_SLOTBITS	24
#define	WDATA_GENMASK	((1u << WDATA_GENBITS) - 1)
#define	FDTAB_BLOCK	64	/* descriptors per block of kq_wtab */

#define	KQ_NCLOSED	16
#define	KQ_ALLFDS	(-1)
#define	KQ_NTRIGGERS	16

/*
 * kq_attn: what the next collection or the release of the lock has to see to.
 * 0 is the common case, found with one look.
 */
#define	KQA_RUNG	0x01u	/* the bell's edge is not fetched */
#define	KQA_RINGAGAIN	0x02u	/* something more came since */
#define	KQA_TURNED	0x04u	/* a report is to come that is of our own
				 * making: fetch it */
#define	KQA_LOST	0x08u	/* watch_lost() left something */
#define	KQA_LISTEN	0x10u	/* kq_relisten is not empty */

/*
 * A kqueue.  Type-stable: the memory stays a struct kqueue for ever, so that a
 * stale pointer can be locked and found to be stale.
 */
struct kqueue {
	struct kq_lock	 kq_lock;
	uint32_t	 kq_slot;	/* [I] number of the struct, from 1 */
	_Atomic uint32_t kq_gen;	/* [a] raised when it dies */
	_Atomic bool	 kq_alive;	/* [a] set and cleared under kq_lock */
	bool		 kq_seescloses;	/* [I] of a life: kq_interposed() */
	_Atomic int	 kq_epfd;	/* [a] a number of the epoll set, or -1; the
					 * one by which it was entered */
	_Atomic int	 kq_nnum;	/* [a] numbers that mean this kqueue */
	_Atomic int	 kq_sleepers;	/* [a, changed under q] threads in
					 * epoll_wait */
	bool		 kq_torndown;	/* [q] the last sleeper frees it */
	const struct dialect *kq_dialect;	/* [I] of a life */

	struct knotequeue kq_head;	/* [q] pending, in order of activation */
	_Atomic int	 kq_count;	/* [a, changed under q] its length,
					 * markers excluded (SCAN-19) */
	int		 kq_nbell;	/* [q] those of them not KN_HELD */
	int		 kq_nedge;	/* [q] those of them that are KN_EDGE */
	_Atomic int	 kq_wakefd;	/* [a] rung to tell sleepers of the end */
	bool		 kq_belllevel;	/* [q] the bell is a level entry */
	_Atomic bool	 kq_watched;	/* [a] by another kqueue (READ-60) */
	uint32_t	 kq_seq;	/* [q] knotes ever queued (READ-61) */
	uint32_t	 kq_attn;	/* [q] KQA_* */
	bool		 kq_repeat;	/* [q] epoll repeats what was delivered */
	uint32_t	 kq_round;	/* [q] harvest and scan, counted */
	uint32_t	 kq_call;	/* [q] collections, counted, never 0: the one
					 * that is at work; kn_stamp */
	struct knote	 kq_marker;	/* [q] the end of a scan */
	struct kevent	*kq_list;	/* [q] where it delivers to, or NULL */
	int		 kq_room;	/* [q] events that it has room for */
	int		 kq_nread;	/* [q] where FIONREAD writes: a variable on
					 * the stack would want its protector */
	int		 kq_tail;	/* [q] level knotes of this collection that
					 * a BSD would have at the tail (KQ-18) */
	struct knote	*kq_selfkn;	/* [q] READ on ourselves, or NULL */

	struct watch	*kq_bell;	/* [q] eventfd */
	struct watch	*kq_timer;	/* [q] timerfd */
	struct watch	*kq_nested[WF_COUNT]; /* [q] epoll sets per filter */
	_Atomic int	 kq_nestedfd[WF_COUNT]; /* [a] their numbers, or -1 */
	struct watch	*kq_relisten;	/* [q] W_LISTEN ones, by w_arg */

	/* timerheap.c */
	struct timerslot {
		int64_t		 ts_deadline;
		struct knote	*ts_kn;
	}		*kq_heap;	/* [q] 4-ary */
	uint32_t	 kq_nheap;	/* [q] used */
	uint32_t	 kq_heapmax;	/* [q] allocated */
	int64_t		 kq_tarmed;	/* [q] what the timerfd is armed for, or 0 */

	/* knotes without a descriptor, by filter and ident */
	struct klist	*kq_hash;	/* [q] */
	uint32_t	 kq_hashsize;	/* [q] a power of two, or 0 */
	uint32_t	 kq_nhash;	/* [q] */
	uint32_t	 kq_nknotes;	/* [q] */

	/* memory of knotes and watches */
	struct klist	 kq_knfree;	/* [q] */
	struct knblock	*kq_knblocks;	/* [q] */
	struct watch	*kq_wfree;	/* [q] */
	struct watch	**kq_wblocks;	/* [q] slot / WATCH_BLOCK -> block */
	uint32_t	 kq_nwblocks;	/* [q] used */
	uint32_t	 kq_maxwblocks;	/* [q] allocated */
	struct watch	***kq_wtab;	/* [q] fd / FDTAB_BLOCK -> heads */
	uint32_t	 kq_nwtab;	/* [q] allocated */

	/*
	 * What was left to the holder of the lock: numbers that were closed,
	 * as fd + 1 (0 is free), those to be looked at again as -(fd + 1), and
	 * user events triggered from a signal handler.
	 */
	_Atomic int	 kq_closed[KQ_NCLOSED];	/* [a] */
	_Atomic bool	 kq_closedmany;		/* [a] look at the generation of
						 * every watch */
	_Atomic bool	 kq_recheckmany;	/* [a] look at every watch */
	_Atomic bool	 kq_listens;		/* [a] kq_relisten is not empty */
	_Atomic int	 kq_accepted;		/* [a] look at what of kq_relisten:
						 * fd + 1, KQ_ALLFDS, 0 nothing */
	_Atomic bool	 kq_dying;		/* [a] last number was closed */
	struct kqtrigger {
		_Atomic int	kt_state;	/* [a] 0 free, 1 filling, 2 full */
		struct kevent	kt_kev;
	}		 kq_triggers[KQ_NTRIGGERS];

	void		*kq_priv[EVFILT_SYSCOUNT]; /* [q] the filters' own, by
						    * ~filter; NULL at birth */
	struct kqueue	*kq_freenext;	/* on r_kqfree */
};

/*
 * Memory (arena.c).  Zeroed.  NULL when there is none.  Freeing takes no lock
 * and may be done in a signal handler; allocating may not.
 */
void	*arena_alloc(size_t);
void	 arena_free(void *, size_t);
/* Grow to newlen; the old memory is freed and must not be used any more. */
void	*arena_grow(void *, size_t oldlen, size_t newlen);

/*
 * Descriptor numbers (fdtab.c), for the whole process; lock-free.
 */
struct fdent {
	_Atomic(struct kqueue *) fe_kq;	/* the kqueue that the number means */
	_Atomic uint32_t fe_gen;	/* raised by every close that we see */
	_Atomic uint32_t fe_ref;	/* FE_* or the kq_slot of the one watcher */
};
#define	FE_NONE		0u
#define	FE_MANY		0xffffffffu	/* several kqueues may watch it */
#define	FE_INTERNAL	0xfffffffeu	/* a descriptor of the library's own */

/* The same, but make room; NULL: ENOMEM, or fd is negative. */
struct fdent *fdtab_get(int fd);
/* Note that the kqueue watches the number. */
int	fdtab_watch(int fd, struct kqueue *);
/* Note that the number is the library's own (also for a forked child). */
int	fdtab_internal(int fd);
void	fdtab_forget(int fd);		/* undo the above, before closing it */
uint32_t fdtab_gen(int fd);
/* The kqueue that the number means, or NULL; not looking at raw closes. */
struct kqueue *fdtab_kqueue(int fd);
/* Create, move high and enter an own descriptor / forget and close it. */
int	fdtab_own(int (*create)(int *), int *fdp);
void	fdtab_disown(int fd);

/* The process-wide root in a page that fork() wipes. */
struct kqroot {
	_Atomic uint32_t r_magic;	/* KQ_MAGIC, or 0 in a forked child */
	int		 r_pid;		/* [I] whose memory this is (vfork!) */
	struct kq_lock	 r_lock;	/* the arena lock */
	_Atomic uint32_t r_nkq;		/* [a] kqueue structs, ever */
	_Atomic(struct kqueue *) r_kqfree; /* dead ones; pushed without a
					 * lock, popped under r_lock */
	_Atomic(struct kqueue **) r_kqblocks[1024];	/* slot / 1024 */
	_Atomic(struct fdent *) r_fdtab[16384];		/* fd / 65536 */
	_Atomic uint32_t r_sockchanges;	/* [a] counts, from 1, the shutdown()s and
					 * changes of SO_RCVLOWAT seen */
	_Atomic int	 r_nghosts;	/* [a] kqueues with kq_wakefd */
	_Atomic int	 r_nlisten;	/* [a] kqueues with kq_listens */
	_Atomic int	 r_ninotify;	/* [a] kqueues that have an inotify instance
					 * to themselves, or ask for one */
	_Atomic(void *)	 r_classes[32];	/* arena: free lists by power of two;
					 * pushed and popped as r_kqfree */
	char		*r_chunk;	/* arena: current chunk */
	size_t		 r_chunkleft;
};
#define	KQ_MAGIC	0x6b717565u
extern _Atomic(struct kqroot *) kq_root;

#define	FDTAB_SHIFT	16
#define	FDTAB_SIZE	((size_t)1 << FDTAB_SHIFT)
#define	FDTAB_BLOCKS	16384u		/* of r_fdtab: up to 2^30 numbers */

/* NULL where nothing was ever entered, or in a forked child. */
static inline struct fdent *
fdtab_peek(int fd)
{
	struct fdent *block;
	struct kqroot *root;

	/* Acquire: pairs with the release in kqroot_get(). */
	root = atomic_load_explicit(&kq_root, memory_order_acquire);
	if (root == NULL || (unsigned int)fd >> FDTAB_SHIFT >= FDTAB_BLOCKS)
		return (NULL);
	/* Acquire: pairs with fdtab_get(). */
	block = atomic_load_explicit(
	    &root->r_fdtab[(unsigned int)fd >> FDTAB_SHIFT],
	    memory_order_acquire);
	if (block == NULL)
		return (NULL);
	return (&block[(unsigned int)fd & (FDTAB_SIZE - 1)]);
}

/* Make the root if there is none; in a forked child clean up first. */
int	kqroot_get(struct kqroot **);
/* The living root of this very process, or NULL. */
struct kqroot *kqroot_peek(void);
/* fork.c: what the atfork handler and the first look in a child do. */
void	kq_forkchild(void);
/* The unwiped list of own descriptors and chunks (fork.c). */
int	kqkeep_fd(int fd, bool ours);
void	kqkeep_map(void *p, size_t len);
void	kqkeep_unmap(void *p, size_t len);
int	kqkeep_maxfd(void);		/* above every own number */

/*
 * Does the program's close() reach us (src/interpose/close.c)?  Found once,
 * before main().
 */
int	kq_interposed(void);

/*
 * The kqueue object (kqueue.c).
 */
/* Find, lock and check; EBADF.  The number may be any dup. */
int	kqueue_enter(int fd, struct kqueue **);
/* Release, and ring the bell if something is left that nobody will see. */
void	kqueue_leave(struct kqueue *);
/* The two for the shortest path: the common case inline; NULL: kqueue_enter(). */
static inline struct kqueue *
kqueue_enter_inline(int fd)
{
	struct fdent *fe;
	struct kqueue *kq;

	if (KQ_UNLIKELY((fe = fdtab_peek(fd)) == NULL || (kq =
	    atomic_load_explicit(&fe->fe_kq, memory_order_acquire)) == NULL))
		return (NULL);
	kq_lock(&kq->kq_lock);
	/* While the number means it, it is alive. */
	if (KQ_LIKELY(atomic_load_explicit(&kq->kq_epfd,
	    memory_order_relaxed) == fd && kq->kq_seescloses &&
	    atomic_load_explicit(&fe->fe_kq, memory_order_relaxed) == kq))
		return (kq);
	kqueue_leave(kq);
	return (NULL);
}

static inline void
kqueue_leave_inline(struct kqueue *kq)
{
	if (KQ_UNLIKELY((kq->kq_attn & (KQA_RUNG | KQA_RINGAGAIN)) != 0 ||
	    kq->kq_nbell != 0 || !kq_lock_release_inline(&kq->kq_lock)))
		kqueue_leave(kq);
}
/* Try the lock for a look from another kqueue; undone by kqueue_leave(). */
bool	kqueue_tryenter(struct kqueue *);
struct kqueue *kqueue_byslot(uint32_t slot);
/* The last number is about to go and epfd still works, or it is gone: -1. */
void	kqueue_die(struct kqueue *, int epfd);
/* Make the bell; afterwards kqueue_leave() can make it heard. */
int	kqueue_needbell(struct kqueue *);
/* What close() and handlers left to the holder of the lock. */
void	kqueue_deferred(struct kqueue *);
/* From a handler: leave a USER trigger to the holder; EAGAIN if too many. */
int	kqueue_defertrigger(int fd, const struct kevent *);
/* A thread sleeps in kevent(): before, without the lock and after, with it. */
void	kqueue_sleep(struct kqueue *);
void	kqueue_wake(struct kqueue *);
/*
 * Descriptor numbers that change their meaning (fdlife.c).
 */
/* The number fd is closed: name the epoll set by another one. */
void	kqueue_renumber(struct kqueue *, int fd);
/* Note a number for kqueue_deferred(), as kq_closed has it. */
void	kqueue_note(struct kqueue *, int note);
/* See to what was noted: now, or the holder of the lock does. */
void	kqueue_attend(struct kqueue *);
/*
 * The number has just become this kqueue.  It may be that of one that was closed
 * a moment ago, and a thread that was about to sleep there may get to sleep here.
 * What woke the others shall wake it too; it goes with the last of them.
 */
void	kqueue_wakelate(struct kqroot *, int epfd);
/*
 * For src/interpose; all async-signal-safe.  The number is about to be closed
 * (kq_fdclosing, before the real call) and was (kq_fdclosed, after it).
 */
void	kq_fdclosing(int fd);
void	kq_fdclosed(int fd);
void	kq_fddup(int fd, int newfd);	/* newfd means now what fd means */
bool	kq_fdinteresting(int fd);	/* cheap: is there anything to do? */
bool	kq_fdinternal(int fd);		/* one of the library's own? */
/* shutdown() was called on it; how is SHUT_*. */
void	kq_fdshutdown(int fd, int how);
/* connect() succeeded: AF_UNIX makes no edge for that. */
void	kq_fdconnected(int fd);
/* accept() took a connection from it; is there a kqueue that wants to know? */
void	kq_fdaccepted(int fd);
bool	kq_listening(void);
/* setsockopt(SO_RCVLOWAT) was called on some socket. */
void	kq_fdsockopt(void);
/* The number is new, but an old meaning was never closed before our eyes. */
void	kq_fdreused(int fd);
/*
 * The program wants this number, which is the library's own, for something
 * else: move ours away.  0, or the errno for which that is not possible.
 */
int	kq_fdvacate(int fd);

/*
 * Knotes (knote.c); kq_lock is held for all.
 */
struct knote *knote_alloc(struct kqueue *);	/* NULL: no memory */
void	knote_free(struct knote *);
struct knote *knote_find(struct kqueue *, short filter, uintptr_t ident);
/* Enter into the hash; descriptor filters use watch_attach() instead. */
int	knote_attach(struct knote *);
void	knote_activate(struct knote *);
void	knote_enqueue(struct knote *);
void	knote_dequeue(struct knote *);
/* f_detach, leave hash and queue, free. */
void	knote_drop(struct knote *);
/* The kqueue ends: f_detach where a filter wants it; all memory. */
void	knote_detachall(struct kqueue *);
void	knote_freeall(struct kqueue *);
/* No collection has delivered any: their numbers begin anew. */
void	knote_unstamp(struct kqueue *);
/* Apply one change (CALL-6 has been done); 0 or errno. */
int	kqueue_register(struct kqueue *, const struct kevent *);

/*
 * Delivery (scan.c); kq_lock is held.
 */
#define	KQ_HARVEST	256		/* reports fetched at once */
/* The numbers of collections begin so near their end that all tests pass it. */
#define	KQ_FIRSTCALL	(UINT32_MAX - 8)
/* Deliver what is pending to kq_list, while there is room (kq_room). */
void	kqueue_scan(struct kqueue *);
/*
 * Fetch what epoll has, at most KQ_HARVEST, without sleeping, and activate it:
 * how many reports that were, or a negative errno.
 */
int	kqueue_harvest(struct kqueue *, int max);
/*
 * Activate what a harvest reported; what nothing else is pending before is
 * delivered at once, while there is room.
 */
void	kqueue_activate(struct kqueue *, const struct lx_event *, int n);
/* The reports cannot be processed (cancellation): have them told again. */
void	kqueue_unharvest(struct kqueue *, const struct lx_event *, int n);
/* No bell can be had: have the sources of what is queued tell it again. */
void	kqueue_unqueue(struct kqueue *);
/* A collection begins, or goes on with nothing delivered yet. */
static inline void
kqueue_nextcall(struct kqueue *kq)
{
	if (KQ_UNLIKELY(++kq->kq_call == 0)) {
		/* A stamp of 4 billion collections ago is none of now. */
		knote_unstamp(kq);
		kq->kq_call = 1;
	}
	kq->kq_tail = 0;
}
/* How many are pending, after a look at the kernel (READ-60). */
int	kqueue_pending(struct kqueue *);

/*
 * Watches: what is installed (watch.c) and what is reported (report.c);
 * kq_lock is held.
 */
/* The first watch of the descriptor, the others by w_next. */
struct watch *watch_find(struct kqueue *, int fd);
/*
 * For f_attach of a descriptor filter.  EBADF: closed; EPERM: epoll refuses
 * the object; ELOOP: kqueues nested too deep or in a circle; ENOMEM.
 */
int	watch_attach(struct knote *, int wf);
/*
 * The same for an object that needs no epoll; the watch is the knote's own, and
 * its kind is known.  What stat says of the object is left in *ip, unless that
 * is NULL.
 */
int	watch_attach_none(struct knote *, int wf, struct lx_inode *ip);
void	watch_detach(struct knote *);
/*
 * The knote was enabled, disabled or changed: have epoll follow.  With rearm
 * what holds now is reported again (REG-19); with verify a call is made in any
 * case, and ENOENT or EBADF say that the number does not mean the file any more
 * though no close() was seen.
 */
int	watch_update(struct knote *, bool rearm, bool verify);
/* The bits that hold now: epoll's report of this round, or poll()'s. */
uint32_t watch_revents(struct knote *);
/* The same, asking poll() in any case. */
uint32_t watch_poll(struct knote *);
/* The bits of which one makes the knote's filter look. */
uint32_t watch_mask(const struct knote *);
/* Looked at and not ready, though the kernel says revents. */
void	watch_unready(struct knote *, uint32_t revents);
/* The number does not mean the file any more: forget it, on kqueue_leave(). */
void	watch_lost(struct kqueue *, int fd);
/* The knote was delivered and lives on. */
void	watch_delivered(struct knote *);
/* A level knote that the kernel's ready list holds in our place. */
static inline bool
watch_held(const struct knote *kn)
{
	return ((kn->kn_status & (KN_LEVEL | KN_SELF | KN_ASK)) == KN_LEVEL &&
	    (kn->kn_watch->w_state & W_TURNED) == 0);
}
enum lx_kind watch_kind(struct watch *);
/*
 * In no set: does the number mean the same object still?  EBADF: it is closed;
 * ENOENT: it means another.
 */
int	watch_identify(struct watch *);
void	watch_fire(struct kqueue *, struct watch *, uint32_t revents);
/* The kq_slot in epoll_data. */
static inline uint32_t
watch_dataslot(uint64_t data)
{
	return ((uint32_t)(data >> (WDATA_GENBITS + WDATA_SLOTBITS)));
}

/* The watch that it means, if it is one of this kqueue's and of this life. */
static inline struct watch *
watch_bydata(struct kqueue *kq, uint64_t data)
{
	struct watch *w;
	uint32_t slot;

	slot = (uint32_t)(data >> WDATA_GENBITS) & ((1u << WDATA_SLOTBITS) - 1);
	if (KQ_UNLIKELY(watch_dataslot(data) != kq->kq_slot ||
	    slot / WATCH_SLOTS >= kq->kq_nwblocks ||
	    slot % WATCH_SLOTS >= WATCH_BLOCK))
		return (NULL);
	w = &kq->kq_wblocks[slot / WATCH_SLOTS][slot % WATCH_SLOTS];
	return (((w->w_gen ^ (uint32_t)data) & WDATA_GENMASK) == 0 ? w : NULL);
}
void	watch_rearm(struct kqueue *, struct watch *);
/*
 * The number was closed (REG-31): remove what was added before.  With recheck,
 * remove also what was added since, unless it means the file that is open now.
 */
void	watch_closed(struct kqueue *, int fd, bool recheck);
/* The same for all descriptors. */
void	watch_closed_all(struct kqueue *, bool recheck);
/* Do the descriptor's watches mean the file that is open now? */
bool	watch_current(struct kqueue *, int fd);
void	watch_freeall(struct kqueue *);
/*
 * Listening sockets with EV_CLEAR (READ-21): look at their backlogs, or at one's
 * (note is as in kq_accepted); and at this one from now on.
 */
void	watch_relisten(struct kqueue *, int note);
void	watch_listen(struct watch *);
void	watch_listens(struct kqueue *);	/* kq_relisten has changed */
/*
 * A descriptor of the library's own in the main set: fire() is called with the
 * lock held when it is ready.  source_del() does not close it.
 */
int	source_add(struct kqueue *, int fd, uint32_t events,
	    void (*fire)(struct watch *, uint32_t), void *arg,
	    struct watch **);
void	source_del(struct kqueue *, struct watch *);
/* The same for one that is closed next, which removes it from epoll too. */
void	source_forget(struct kqueue *, struct watch *);
/* Give the descriptor another number; the old one is left open. */
int	source_move(struct kqueue *, struct watch *);
static inline struct kqueue *
watch_kq(struct watch *w)		/* of a source */
{
	return (w->w_kq);
}

/*
 * Timers (timerheap.c); kq_lock is held.
 */
/* Activate the knote at that time; moves it if it is in the heap. */
int	timerheap_insert(struct kqueue *, struct knote *, int64_t deadline);
void	timerheap_remove(struct kqueue *, struct knote *);
/* Have the timerfd fire for the earliest deadline, if it is not set so. */
int	timerheap_arm(struct kqueue *);
/* Activate what is due, the earliest first, at most max of them. */
void	timerheap_expire(struct kqueue *, int64_t now, int max);
/* A timer was removed: do not fire for it. */
void	timerheap_settle(struct kqueue *);
/* Make the timerfd; its failure is the EV_ADD's. */
int	timerheap_need(struct kqueue *);
void	timerheap_free(struct kqueue *);

#pragma GCC visibility pop

#endif /* !_KQUEUE_VAR_H_ */
