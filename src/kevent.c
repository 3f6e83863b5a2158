/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kevent(): apply the changes, then collect, sleeping if there is nothing.
 *
 * The order of work is spec CALL: the timeout is read and checked first, then
 * the kqueue is looked up, then the changes are applied one by one, and if one
 * left an error entry that is all.  Collecting goes in rounds: ask epoll (for
 * what there is room for; without sleeping if something is pending), activate
 * what it says, scan.
 */
#include "kqueue_var.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

/* Reports fetched by a call that sleeps: the buffer is filled before. */
#define	KEVENT_SLEEPMAX	64

/*
 * Full harvests in a row of which nothing is left.  More can only be an orphan
 * that another process keeps open.
 */
#define	KEVENT_STALEMAX	1000

/* DragonFly's block, which is lost where it cannot be written. */
#define	KEVENT_BLOCK	32

struct kevent_sleep {
	struct kqueue	*ks_kq;
	uint32_t	 ks_gen;
	struct lx_event	 ks_ev[KEVENT_SLEEPMAX];
};

/*
 * The thread was cancelled in epoll_wait(), perhaps after the kernel had put
 * reports into the buffer: edges and one-shots among them would be lost.
 */
static void
kevent_cancelled(void *arg)
{
	struct kevent_sleep *ks = arg;
	struct kqueue *kq = ks->ks_kq;

	kq_lock(&kq->kq_lock);
	kqueue_wake(kq);
	if (atomic_load(&kq->kq_alive) &&
	    atomic_load(&kq->kq_gen) == ks->ks_gen)
		kqueue_unharvest(kq, ks->ks_ev, KEVENT_SLEEPMAX);
	kqueue_leave(kq);
}

/*
 * Sleep until epoll reports something, and activate that.  The lock is
 * released meanwhile; EBADF if the kqueue was closed.
 */
__attribute__((__noinline__)) static int
kevent_sleep(struct kqueue *kq, int max, const struct timespec *ts, int *np)
{
	struct kevent_sleep ks;
	struct kevent *list = kq->kq_list;
	uint32_t call = kq->kq_call;
	int room = kq->kq_room;
	int epfd, error;

	*np = 0;
	/* le_data of UINT64_MAX is nobody's. */
	memset(ks.ks_ev, 0xff, sizeof(ks.ks_ev));
	ks.ks_kq = kq;
	ks.ks_gen = atomic_load_explicit(&kq->kq_gen, memory_order_relaxed);
	epfd = atomic_load_explicit(&kq->kq_epfd, memory_order_relaxed);
	kq->kq_list = NULL;
	kqueue_sleep(kq);
	kqueue_leave(kq);

	error = 0;
	pthread_cleanup_push(kevent_cancelled, &ks);
	/* Closed between the two: then nobody would wake us any more. */
	if (KQ_LIKELY(atomic_load(&kq->kq_gen) == ks.ks_gen))
		error = lx_epoll_wait(epfd, ks.ks_ev, max, ts, np);
	pthread_cleanup_pop(0);

	kq_lock(&kq->kq_lock);
	kqueue_wake(kq);
	if (KQ_UNLIKELY(atomic_load_explicit(&kq->kq_gen,
	    memory_order_relaxed) != ks.ks_gen))
		return (EBADF);
	/* Others were at work meanwhile. */
	kq->kq_call = call;
	kq->kq_list = list;
	kq->kq_room = room;
	if (error == 0)
		kqueue_activate(kq, ks.ks_ev, *np);
	return (error);
}

/* now + ts in nanoseconds; INT64_MAX is never (292 years). */
static int64_t
kevent_deadline(int64_t now, const struct timespec *ts)
{
	if (ts->tv_sec >= (INT64_MAX - now) / 1000000000 - 1)
		return (INT64_MAX);
	return (now + (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec);
}

/*
 * The time that is left of a wait (CALL-19, SCAN-12); false: none.  The first
 * call sets the deadline.
 */
static bool
kevent_left(const struct timespec *timeout, int64_t *deadlinep,
    struct timespec *left)
{
	int64_t ns, now;

	*left = *timeout;
	now = lx_now();
	if (*deadlinep == 0) {
		*deadlinep = kevent_deadline(now, timeout);
		return (true);
	}
	if (*deadlinep == INT64_MAX)
		return (true);
	if ((ns = *deadlinep - now) <= 0)
		return (false);
	left->tv_sec = (time_t)(ns / 1000000000);
	left->tv_nsec = (long)(ns % 1000000000);
	return (true);
}

/*
 * Collect up to nevents > 0 into eventlist.  *np is their number; an errno only
 * if that is 0.  The lock is held before and after.
 */
static inline __attribute__((__always_inline__)) int
kevent_collect(struct kqueue *kq, struct kevent *eventlist, int nevents,
    const struct timespec *timeout, int *np)
{
	struct timespec left;
	int64_t deadline;
	uint32_t call;
	int error, got, max, n, stale, total;
	bool more, poll;

	call = ++kq->kq_ncalls;
	poll = timeout != NULL && timeout->tv_sec == 0 && timeout->tv_nsec == 0;
	deadline = 0;
	stale = 0;
	more = false;
	total = 0;
	kq->kq_call = call;
	kq->kq_tail = 0;
	kq->kq_list = eventlist;
	kq->kq_room = nevents;
	for (;;) {
		kq->kq_repeat = false;
		if (KQ_UNLIKELY(kq->kq_relisten != NULL))
			watch_relisten(kq);
		/* One more for the bell, which is no event. */
		max = nevents - total;
		if (kq->kq_rung && max < KQ_HARVEST)
			max++;
		if (poll || more || kq->kq_turned || atomic_load_explicit(
		    &kq->kq_count, memory_order_relaxed) > 0) {
			kq->kq_turned = false;
			/*
			 * An edge that epoll has for a knote in our queue is
			 * the same activation: fetch it before that is
			 * delivered.
			 */
			if (max > KQ_HARVEST || kq->kq_nedge > 0)
				max = KQ_HARVEST;
			error = kqueue_harvest(kq, max, &n);
		} else {
			if (timeout != NULL &&
			    !kevent_left(timeout, &deadline, &left)) {
				error = 0;
				break;
			}
			if (max > KEVENT_SLEEPMAX)
				max = KEVENT_SLEEPMAX;
			error = kevent_sleep(kq, max,
			    timeout == NULL ? NULL : &left, &n);
		}
		if (KQ_UNLIKELY(error != 0)) {
			/* EINVAL: the number is no epoll set any more. */
			if (error == EINVAL)
				error = EBADF;
			break;
		}
		if (!TAILQ_EMPTY(&kq->kq_head))
			kqueue_scan(kq);
		got = nevents - kq->kq_room - total;
		total += got;
		if (total == nevents)
			break;
		/* An orphan would be reported again and again. */
		if (KQ_UNLIKELY(kq->kq_lost)) {
			kq->kq_lost = false;
			kqueue_deferred(kq);
		}
		/*
		 * SCAN-11; but the kernel may have more than was asked for, and
		 * what it said may have been stale.
		 */
		more = n == max && (got > 0 ||
		    (!kq->kq_repeat && stale++ < KEVENT_STALEMAX));
		if (total > 0 && !more)
			break;
		if (poll && !more && !kq->kq_turned)
			break;
	}
	kq->kq_list = NULL;
	/* Nobody shall find the kqueue readable for a report that is none. */
	if (KQ_UNLIKELY(kq->kq_turned)) {
		kq->kq_turned = false;
		(void)kqueue_harvest(kq, KQ_HARVEST, &n);
	}
	*np = total;
	return (total > 0 ? 0 : error);
}

/*
 * Apply the changes in order.  *np is the number of error and receipt entries
 * written; *stopp: a receipt found no room (CALL-13).
 */
static int
kevent_change(struct kqueue *kq, const struct kevent *changelist,
    int nchanges, struct kevent *eventlist, int nevents, int *np, bool *stopp)
{
	struct kevent kev;
	int error, i;

	*np = 0;
	*stopp = false;
	if (nchanges > 0 && KQ_BADPTR(changelist))
		return (EFAULT);
	for (i = 0; i < nchanges; i++) {
		/* A copy: the two lists may be one array (CALL-14). */
		kev = changelist[i];
		kev.flags &= (unsigned short)~EV_SYSFLAGS;
		error = kqueue_register(kq, &kev);
		if (KQ_LIKELY(error == 0 && (kev.flags & EV_RECEIPT) == 0))
			continue;
		if (*np == nevents) {
			/* The entries that were written are lost. */
			*np = 0;
			*stopp = true;
			return (error);
		}
		if (KQ_BADPTR(eventlist))
			return (EFAULT);
		kev.flags = EV_ERROR;
		kev.data = error;
		eventlist[(*np)++] = kev;
	}
	return (0);
}

/*
 * A signal handler interrupted this thread inside the library.  It may trigger
 * user events; those are applied by the holder of the lock.
 */
static int
kevent_handler(int fd, const struct kevent *changelist, int nchanges,
    int nevents)
{
	int error, i;

	if (nevents > 0)
		return (EDEADLK);
	for (i = 0; i < nchanges; i++) {
		if ((error = kqueue_defertrigger(fd, &changelist[i])) != 0)
			return (error);
	}
	return (0);
}

/* CALL-22: what cannot be written is consumed all the same, a block of it. */
__attribute__((__noinline__)) static int
kevent_nowhere(struct kqueue *kq, int nevents, const struct timespec *timeout)
{
	struct kevent block[KEVENT_BLOCK];
	int error, n;

	error = kevent_collect(kq, block, nevents < KEVENT_BLOCK ? nevents :
	    KEVENT_BLOCK, timeout, &n);
	return (n > 0 ? EFAULT : error);
}

static int
kevent_locked(struct kqueue *kq, const struct kevent *changelist,
    int nchanges, struct kevent *eventlist, int nevents,
    const struct timespec *timeout, int *np)
{
	bool stop;
	int error;

	*np = 0;
	if (KQ_UNLIKELY(nchanges < 0 || nevents < 0))
		return (EINVAL);		/* CALL-5, CALL-16 */
	if (timeout != NULL && KQ_UNLIKELY(timeout->tv_sec < 0 ||
	    timeout->tv_nsec < 0 || timeout->tv_nsec > 999999999))
		return (EINVAL);		/* CALL-18 */
	if (nchanges > 0) {
		error = kevent_change(kq, changelist, nchanges, eventlist,
		    nevents, np, &stop);
		if (error != 0 || *np > 0 || stop)
			return (error);		/* CALL-11 to CALL-13 */
	}
	if (nevents == 0)
		return (0);			/* CALL-15 */
	if (KQ_UNLIKELY(KQ_BADPTR(eventlist)))
		return (kevent_nowhere(kq, nevents, timeout));
	return (kevent_collect(kq, eventlist, nevents, timeout, np));
}

int
kevent(int fd, const struct kevent *changelist, int nchanges,
    struct kevent *eventlist, int nevents, const struct timespec *timeout)
{
	struct timespec ts;
	struct kqueue *kq;
	int error, n;

	if (timeout != NULL) {
		if (KQ_UNLIKELY(KQ_BADPTR(timeout))) {
			errno = EFAULT;		/* CALL-1 */
			return (-1);
		}
		ts = *timeout;
		timeout = &ts;
	}
	n = 0;
	if (KQ_UNLIKELY(kq_nheld != 0))
		error = kevent_handler(fd, changelist, nchanges, nevents);
	else if ((error = kqueue_enter_inline(fd, &kq)) == 0) {
		error = kevent_locked(kq, changelist, nchanges, eventlist,
		    nevents, timeout, &n);
		kqueue_leave_inline(kq);
		/* Closed where we could not see it: then it is gone. */
		if (KQ_UNLIKELY(error == EBADF) && !lx_fd_istagged(fd))
			kq_fdreused(fd);
	}
	if (KQ_UNLIKELY(error != 0)) {
		errno = error;
		return (-1);
	}
	return (n);
}
