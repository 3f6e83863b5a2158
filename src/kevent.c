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
#include "filter.h"

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
	int		 ks_max;
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
	kqueue_unharvest(kq, ks->ks_ev, ks->ks_max);
	kqueue_leave(kq);
}

static inline bool
kevent_lives(struct kqueue *kq, uint32_t gen)
{
	return (atomic_load(&kq->kq_alive) && atomic_load(&kq->kq_gen) == gen);
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
	int room = kq->kq_room;
	int epfd, error;

	*np = 0;
	/* le_data of UINT64_MAX is nobody's. */
	memset(ks.ks_ev, 0xff, (size_t)max * sizeof(ks.ks_ev[0]));
	ks.ks_max = max;
	ks.ks_kq = kq;
	ks.ks_gen = atomic_load_explicit(&kq->kq_gen, memory_order_relaxed);
	epfd = atomic_load_explicit(&kq->kq_epfd, memory_order_relaxed);
	kq->kq_list = NULL;
	kqueue_sleep(kq);
	kqueue_leave_inline(kq);

	error = 0;
	pthread_cleanup_push(kevent_cancelled, &ks);
	/*
	 * Closed between the two: then nobody would wake us any more.  Pairs
	 * with kqueue_die(), which looks for sleepers after it has said so.
	 */
	if (KQ_LIKELY(kevent_lives(kq, ks.ks_gen)))
		error = lx_epoll_wait(epfd, ks.ks_ev, max, ts, np);
	pthread_cleanup_pop(0);

	kq_lock(&kq->kq_lock);
	kqueue_wake(kq);
	if (KQ_UNLIKELY(!kevent_lives(kq, ks.ks_gen))) {
		/* Reports, if the number had become another kqueue before. */
		if (error == 0)
			kqueue_activate(kq, ks.ks_ev, *np);
		kq->kq_room = room;
		return (EBADF);
	}
	/* Others were at work meanwhile; this call has delivered nothing yet. */
	kqueue_nextcall(kq);
	kq->kq_list = list;
	kq->kq_room = room;
	if (error == 0)
		kqueue_activate(kq, ks.ks_ev, *np);
	return (error);
}

/*
 * The time that is left of a wait (CALL-19, SCAN-12); false: none.  The first
 * call sets the deadline.
 */
static bool
kevent_left(const struct timespec *timeout, int64_t *deadlinep,
    struct timespec *left)
{
	if (*deadlinep != 0)
		return (lx_timeleft(*deadlinep, left));
	*left = *timeout;
	*deadlinep = lx_deadline(timeout);
	return (true);
}

/* One look at epoll: what was asked for, and what came of it. */
struct kevent_round {
	int	kr_max;
	int	kr_n;
	int	kr_error;
};

/* Ask epoll once, sleeping if there is nothing; false: the time is over. */
static bool
kevent_fetch(struct kqueue *kq, const struct timespec *timeout, bool poll,
    int64_t *deadlinep, struct kevent_round *kr)
{
	struct timespec left;

	kq->kq_repeat = false;
	if (KQ_UNLIKELY((kq->kq_attn & KQA_LISTEN) != 0))
		watch_relisten(kq, KQ_ALLFDS);
	/* One more for the bell, which is no event. */
	kr->kr_max = kq->kq_room;
	if ((kq->kq_attn & KQA_RUNG) != 0 && kr->kr_max < KQ_HARVEST)
		kr->kr_max++;
	if (poll || (kq->kq_attn & KQA_TURNED) != 0 ||
	    !TAILQ_EMPTY(&kq->kq_head)) {
		/*
		 * An edge that epoll has for a knote in our queue is the same
		 * activation: fetch it before that is delivered.  And fetch
		 * what watch_turn() made, which is behind the level ones.
		 */
		if (kr->kr_max > KQ_HARVEST || kq->kq_nedge > 0 ||
		    (kq->kq_attn & KQA_TURNED) != 0)
			kr->kr_max = KQ_HARVEST;
		kq->kq_attn &= ~KQA_TURNED;
		kr->kr_n = kqueue_harvest(kq, kr->kr_max);
		kr->kr_error = kr->kr_n < 0 ? -kr->kr_n : 0;
		return (true);
	}
	if (timeout != NULL && !kevent_left(timeout, deadlinep, &left))
		return (false);
	if (kr->kr_max > KEVENT_SLEEPMAX)
		kr->kr_max = KEVENT_SLEEPMAX;
	kr->kr_error = kevent_sleep(kq, kr->kr_max,
	    timeout == NULL ? NULL : &left, &kr->kr_n);
	return (true);
}

/*
 * Collect into kq_list, in rounds, until kq_room is used up or there is
 * nothing (more).  An errno counts only if nothing was collected.  A round
 * whose kr_max is not 0 has been fetched.  The lock is held before and after.
 */
__attribute__((__noinline__)) static int
kevent_rounds(struct kqueue *kq, const struct timespec *timeout, bool poll,
    struct kevent_round *kr, int nevents)
{
	int64_t deadline;
	int stale, total;
	bool more;

	deadline = 0;
	stale = 0;
	more = false;
	total = 0;
	for (;;) {
		if (kr->kr_max == 0 && !kevent_fetch(kq, timeout, poll || more,
		    &deadline, kr)) {
			kr->kr_error = 0;
			break;
		}
		if (KQ_UNLIKELY(kr->kr_error != 0)) {
			/* EINVAL: the number is no epoll set any more. */
			if (kr->kr_error == EINVAL)
				kr->kr_error = EBADF;
			break;
		}
		if (!TAILQ_EMPTY(&kq->kq_head))
			kqueue_scan(kq);
		if (kq->kq_room == 0)
			break;
		/* An orphan would be reported again and again. */
		if (KQ_UNLIKELY((kq->kq_attn & KQA_LOST) != 0)) {
			kq->kq_attn &= ~KQA_LOST;
			kqueue_deferred(kq);
		}
		/*
		 * SCAN-11; but the kernel may have more than was asked for, and
		 * what it said may have been stale.
		 */
		more = kr->kr_n == kr->kr_max &&
		    (nevents - kq->kq_room > total ||
		    (!kq->kq_repeat && stale++ < KEVENT_STALEMAX));
		total = nevents - kq->kq_room;
		if ((total > 0 || poll) && !more &&
		    (kq->kq_attn & KQA_TURNED) == 0)
			break;
		kr->kr_max = 0;
	}
	/* Nobody shall find the kqueue readable for a report that is none. */
	if (KQ_UNLIKELY((kq->kq_attn & KQA_TURNED) != 0)) {
		kq->kq_attn &= ~KQA_TURNED;
		kq->kq_list = NULL;
		(void)kqueue_harvest(kq, KQ_HARVEST);
	}
	return (kr->kr_error);
}

static inline void
kevent_begin(struct kqueue *kq, struct kevent *eventlist, int nevents)
{
	kqueue_nextcall(kq);
	kq->kq_repeat = false;
	kq->kq_list = eventlist;
	kq->kq_room = nevents;
}

/*
 * Collect up to nevents > 0 into eventlist.  *np is their number; an errno only
 * if that is 0.  The lock is held before and after.
 */
static int
kevent_collect(struct kqueue *kq, struct kevent *eventlist, int nevents,
    const struct timespec *timeout, int *np)
{
	struct kevent_round kr = { 0, 0, 0 };
	int error;

	kevent_begin(kq, eventlist, nevents);
	error = kevent_rounds(kq, timeout, timeout != NULL &&
	    timeout->tv_sec == 0 && timeout->tv_nsec == 0, &kr, nevents);
	kq->kq_list = NULL;
	*np = nevents - kq->kq_room;
	return (*np > 0 ? 0 : error);
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
		if (KQ_UNLIKELY(kev.filter == 0) &&
		    kq->kq_dialect->d_skips_zero)
			continue;
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

/*
 * Leave the kqueue, and give kevent()'s answer: errno is written nowhere else.
 */
static int
kevent_return(struct kqueue *kq, int fd, int error, int n)
{
	if (kq != NULL)
		kqueue_leave_inline(kq);
	if (KQ_LIKELY(error == 0))
		return (n);
	/*
	 * Closed where we could not see it: then it is gone.  If we did see it,
	 * the number may mean something new by now.
	 */
	if (kq != NULL && error == EBADF && fdtab_kqueue(fd) == kq &&
	    !lx_fd_istagged(fd))
		kq_fdreused(fd);
	errno = error;
	return (-1);
}

/* All of kevent(); kq has been entered, or is NULL. */
__attribute__((__noinline__)) static int
kevent_any(int fd, struct kqueue *kq, const struct kevent *changelist,
    int nchanges, struct kevent *eventlist, int nevents,
    const struct timespec *timeout)
{
	struct timespec ts;
	int error, n;

	n = 0;
	if (timeout != NULL) {
		if (KQ_UNLIKELY(KQ_BADPTR(timeout)))
			return (kevent_return(kq, fd, EFAULT, 0)); /* CALL-1 */
		ts = *timeout;
		timeout = &ts;
	}
	if (KQ_UNLIKELY(kq_nheld != (kq != NULL)))
		return (kevent_return(NULL, fd, kevent_handler(fd, changelist,
		    nchanges, nevents), 0));
	if (kq == NULL && (error = kqueue_enter(fd, &kq)) != 0)
		return (kevent_return(NULL, fd, error, 0));
	error = kevent_locked(kq, changelist, nchanges, eventlist, nevents,
	    timeout, &n);
	return (kevent_return(kq, fd, error, n));
}

/* A first look of the call was not all there is to do: go on from there. */
__attribute__((__noinline__)) static int
kevent_goon(struct kqueue *kq, int fd, int nevents, int max, int n)
{
	struct kevent_round kr = { max, n, n < 0 ? -n : 0 };
	int error;

	error = kevent_rounds(kq, NULL, true, &kr, nevents);
	kq->kq_list = NULL;
	n = nevents - kq->kq_room;
	return (kevent_return(kq, fd, n > 0 ? 0 : error, n));
}

int
kevent(int fd, const struct kevent *changelist, int nchanges,
    struct kevent *eventlist, int nevents, const struct timespec *timeout)
{
	struct kqueue *kq = NULL;
	int max, n;

	/*
	 * The common case, for speed alone: a poll that finds nothing pending,
	 * and whose look at the kernel leaves nothing to be done.
	 */
	if (KQ_LIKELY(kq_nheld == 0 &&
	    (kq = kqueue_enter_inline(fd)) != NULL) &&
	    timeout != NULL && !KQ_BADPTR(timeout) &&
	    (timeout->tv_sec | timeout->tv_nsec) == 0 && nchanges == 0 &&
	    nevents > 0 && !KQ_BADPTR(eventlist) && kq->kq_attn == 0 &&
	    TAILQ_EMPTY(&kq->kq_head)) {
		kevent_begin(kq, eventlist, nevents);
		max = nevents < KQ_HARVEST ? nevents : KQ_HARVEST;
		n = kqueue_harvest(kq, max);
		if (KQ_UNLIKELY(n < 0 || n == max || kq->kq_attn != 0 ||
		    !TAILQ_EMPTY(&kq->kq_head)))
			return (kevent_goon(kq, fd, nevents, max, n));
		n = nevents - kq->kq_room;
		kq->kq_list = NULL;
		kqueue_leave_inline(kq);
		return (n);
	}
	return (kevent_any(fd, kq, changelist, nchanges, eventlist, nevents,
	    timeout));
}
