/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several threads in one kqueue: each activation goes to one of them,
 * nothing is lost or doubled, losers sleep on, registrations run beside
 * waits, and a cancelled wait leaves its event behind.
 *
 * Waits have no limit where only a lost event would reach it: the time limit
 * of the case reports that.  Threads return NULL or what went wrong, and the
 * main thread alone asserts.
 */
#include "sock_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define	MS		INT64_C(1000000)	/* in nanoseconds */
#define	HOUR		(3600 * 1000)		/* in milliseconds */
#define	STOP		999999		/* the user event that ends a thread */

#define	NTHREADS	4

#define	START(thread, function, arg)					\
	ATF_REQUIRE_EQ(0, pthread_create(thread, NULL, function, arg))

#define	JOIN(thread)							\
do {									\
	void *kq_error;							\
									\
	ATF_REQUIRE_EQ(0, pthread_join(thread, &kq_error));		\
	ATF_REQUIRE_MSG(kq_error == NULL, "%s", (const char *)kq_error);\
} while (0)

/* What a thread returns when something went wrong: the words. */
static void *
because(const char *why)
{
	return ((void *)(uintptr_t)why);
}

static void
make_pipe(int *p)
{
	ATF_REQUIRE_EQ(0, pipe(p));
}

static void
put(int fd)
{
	ATF_REQUIRE_EQ(1, write(fd, "", 1));
}

static void
take(int fd)
{
	char c;

	ATF_REQUIRE_EQ(1, read(fd, &c, 1));
}

/* Keep the processor for ns nanoseconds: to vary where two threads meet. */
static void
spin(int64_t ns)
{
	int64_t end;

	for (end = kq_test_now() + ns; kq_test_now() < end;)
		continue;
}

/* The same numbers in every run. */
static unsigned
vary(unsigned *seedp)
{
	*seedp = *seedp * 1103515245 + 12345;
	return (*seedp >> 16);
}

/*
 * A pool of threads that collect one event at a time and acknowledge each,
 * until STOP is triggered.
 */
struct pool {
	int		kq;
	int		ack[2];
	int		nthreads;
	bool		quiet;		/* without acknowledgements */
	bool		again;		/* re-enable what was delivered */
	int		limit;		/* trigger STOP after so many */
	atomic_int	held;		/* threads that own the event */
	atomic_int	total;		/* events delivered */
	atomic_llong	sum;		/* of their data */
	pthread_t	thread[8];
};

static void *
pool_thread(void *arg)
{
	struct pool *pool = arg;
	struct kevent kev;
	int n;

	for (;;) {
		if (kevent(pool->kq, NULL, 0, &kev, 1, NULL) != 1)
			return (because("kevent"));
		if ((kev.flags & EV_ERROR) != 0)
			return (because("EV_ERROR"));
		if (kev.filter == EVFILT_USER && kev.ident == STOP)
			return (NULL);
		if (pool->again && atomic_fetch_add(&pool->held, 1) != 0)
			return (because("two threads have it"));
		n = atomic_fetch_add(&pool->total, 1) + 1;
		atomic_fetch_add(&pool->sum, kev.data);
		if (pool->again)
			atomic_fetch_sub(&pool->held, 1);
		if (pool->limit != 0 && n >= pool->limit) {
			if (kq_test_change(pool->kq, STOP, EVFILT_USER, 0,
			    NOTE_TRIGGER, 0, NULL) != 0)
				return (because("STOP"));
		} else if (pool->again) {
			if (kq_test_change(pool->kq, kev.ident, kev.filter,
			    EV_ENABLE, 0, 0, NULL) != 0)
				return (because("EV_ENABLE"));
		}
		if (!pool->quiet && write(pool->ack[1], "", 1) != 1)
			return (because("write"));
	}
}

/* A pool in a new kqueue. */
static void
pool_start(struct pool *pool, int nthreads)
{
	int i;

	pool->kq = KQ_OPEN();
	pool->nthreads = nthreads;
	make_pipe(pool->ack);
	/* Level: each of them finds it. */
	KQ_CHANGE(pool->kq, STOP, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < nthreads; i++)
		START(&pool->thread[i], pool_thread, pool);
}

/* One event has been taken by somebody. */
static void
pool_await(struct pool *pool)
{
	struct pollfd pfd = { .fd = pool->ack[0], .events = POLLIN };

	ATF_REQUIRE_MSG(poll(&pfd, 1, 20 * 1000) == 1,
	    "nobody got it, after %d", atomic_load(&pool->total));
	take(pool->ack[0]);
}

/* All have gone; nothing is left in the kqueue. */
static void
pool_join(struct pool *pool)
{
	int i;

	for (i = 0; i < pool->nthreads; i++)
		JOIN(pool->thread[i]);
	KQ_CHANGE(pool->kq, STOP, EVFILT_USER, EV_DELETE, 0, 0);
}

static void
pool_stop(struct pool *pool)
{
	KQ_CHANGE(pool->kq, STOP, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	pool_join(pool);
}

/*
 * Activate one knote again and again, each time when the last event has
 * been taken: as many events as activations.
 */
static void
exactly_one(int filter, unsigned flags, int rounds)
{
	struct pool pool = { .quiet = false };
	uintptr_t ident;
	unsigned how;
	int i, p[2];

	pool_start(&pool, NTHREADS);
	make_pipe(p);
	ident = filter == EVFILT_READ ? (uintptr_t)p[0] : 1;
	/* With EV_CLEAR bytes come one by one, else one is there for ever. */
	if (filter == EVFILT_READ && (flags & EV_CLEAR) == 0)
		put(p[1]);
	for (i = 0; i < rounds; i++) {
		if (i == 0 || (flags & EV_ONESHOT) != 0)
			how = EV_ADD | flags;
		else
			how = (flags & EV_DISPATCH) != 0 ? EV_ENABLE : 0;
		if (filter != EVFILT_READ || (how & (EV_ADD | EV_ENABLE)) != 0)
			KQ_CHANGE(pool.kq, ident, filter, how,
			    filter == EVFILT_USER ? NOTE_TRIGGER : 0,
			    filter == EVFILT_TIMER ? 1 : 0);
		if (filter == EVFILT_READ && (flags & EV_CLEAR) != 0)
			put(p[1]);
		pool_await(&pool);
		if (filter == EVFILT_READ && (flags & EV_CLEAR) != 0)
			take(p[0]);
	}
	pool_stop(&pool);
	KQ_EXPECT_NOTHING(pool.kq);
	ATF_REQUIRE_EQ(rounds, atomic_load(&pool.total));
}

KQ_TC(clear_pipe_to_one, "SCAN-13: an EV_CLEAR arrival goes to one thread")
{
	exactly_one(EVFILT_READ, EV_CLEAR, 2000);
}

KQ_TC(clear_user_to_one, "SCAN-13: an EV_CLEAR trigger goes to one thread")
{
	exactly_one(EVFILT_USER, EV_CLEAR, 2000);
}

KQ_TC(oneshot_pipe_to_one, "SCAN-13: an EV_ONESHOT descriptor to one thread")
{
	exactly_one(EVFILT_READ, EV_ONESHOT, 2000);
}

KQ_TC(oneshot_user_to_one, "SCAN-13: an EV_ONESHOT trigger to one thread")
{
	exactly_one(EVFILT_USER, EV_ONESHOT, 2000);
}

KQ_TC(oneshot_timer_to_one, "SCAN-13: an EV_ONESHOT timer to one thread")
{
	exactly_one(EVFILT_TIMER, EV_ONESHOT, 300);
}

KQ_TC(dispatch_pipe_to_one, "SCAN-13: an EV_DISPATCH descriptor to one thread")
{
	exactly_one(EVFILT_READ, EV_DISPATCH, 2000);
}

KQ_TC(dispatch_user_to_one, "SCAN-13: an EV_DISPATCH trigger to one thread")
{
	exactly_one(EVFILT_USER, EV_DISPATCH, 2000);
	exactly_one(EVFILT_USER, EV_DISPATCH | EV_CLEAR, 2000);
}

KQ_TC(timer_count_is_shared, "SCAN-13: an expiration is counted to one thread")
{
	struct pool pool = { .quiet = false };
	int64_t start, armed, looked;
	struct kevent kev[2];
	long long sum;
	int i;

	pool_start(&pool, NTHREADS);
	start = kq_test_now();
	KQ_CHANGE(pool.kq, 1, EVFILT_TIMER, EV_ADD, 0, 1);
	armed = kq_test_now();
	for (i = 0; i < 200; i++)
		pool_await(&pool);
	pool_stop(&pool);
	looked = kq_test_now();
	ATF_REQUIRE_EQ(1, KQ_COLLECT(pool.kq, kev, 2));
	KQ_MATCH(&kev[0], 1, EVFILT_TIMER);
	sum = atomic_load(&pool.sum) + kev[0].data;
	ATF_REQUIRE_MSG(sum <= (kq_test_now() - start) / MS,
	    "%lld expirations, too many", sum);
	ATF_REQUIRE_MSG(sum >= (looked - armed) / MS - 1,
	    "%lld expirations, too few", sum);
}

/* Threads that meet main at a barrier, wait for one event, and meet again. */
struct meeting {
	pthread_barrier_t	barrier;
	int			kq, rounds;
	struct timespec		*timeout;
};

struct guest {
	struct meeting	*meeting;
	struct kevent	kev;
	int64_t		elapsed;
	int		n;
	pthread_t	thread;
};

static void *
guest_thread(void *arg)
{
	struct guest *guest = arg;
	struct meeting *meeting = guest->meeting;
	int64_t start;
	int i;

	for (i = 0; i < meeting->rounds; i++) {
		(void)pthread_barrier_wait(&meeting->barrier);
		start = kq_test_now();
		guest->n = kevent(meeting->kq, NULL, 0, &guest->kev, 1,
		    meeting->timeout);
		guest->elapsed = kq_test_now() - start;
		(void)pthread_barrier_wait(&meeting->barrier);
		/* Here main looks at the results. */
		(void)pthread_barrier_wait(&meeting->barrier);
		if (guest->n == -1)
			return (because("kevent"));
	}
	return (NULL);
}

static void
meeting_start(struct meeting *meeting, struct guest *guest, int n, int rounds,
    struct timespec *timeout)
{
	int i;

	meeting->kq = KQ_OPEN();
	meeting->rounds = rounds;
	meeting->timeout = timeout;
	ATF_REQUIRE_EQ(0, pthread_barrier_init(&meeting->barrier, NULL,
	    (unsigned)n + 1));
	for (i = 0; i < n; i++) {
		guest[i].meeting = meeting;
		START(&guest[i].thread, guest_thread, &guest[i]);
	}
}

static void
meeting_end(struct meeting *meeting, struct guest *guest, int n)
{
	int i;

	for (i = 0; i < n; i++)
		JOIN(guest[i].thread);
	ATF_REQUIRE_EQ(0, pthread_barrier_destroy(&meeting->barrier));
}

KQ_TC(level_to_several, "SCAN-13: a level event ends every thread's wait")
{
	struct guest guest[NTHREADS];
	struct meeting meeting;
	int i, j, p[2];

	meeting_start(&meeting, guest, NTHREADS, 500, NULL);
	make_pipe(p);
	KQ_CHANGE(meeting.kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(meeting.kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < 500; i++) {
		(void)pthread_barrier_wait(&meeting.barrier);
		if (i % 2 == 0)
			put(p[1]);
		else
			KQ_CHANGE(meeting.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER,
			    0);
		(void)pthread_barrier_wait(&meeting.barrier);
		for (j = 0; j < NTHREADS; j++) {
			ATF_REQUIRE_EQ(1, guest[j].n);
			if (i % 2 == 0)
				KQ_MATCH(&guest[j].kev, p[0], EVFILT_READ,
				    .data = 1);
			else
				KQ_MATCH(&guest[j].kev, 1, EVFILT_USER);
		}
		if (i % 2 == 0)
			take(p[0]);
		else
			KQ_CHANGE(meeting.kq, 1, EVFILT_USER, EV_CLEAR, 0, 0);
		KQ_EXPECT_NOTHING(meeting.kq);
		(void)pthread_barrier_wait(&meeting.barrier);
	}
	meeting_end(&meeting, guest, NTHREADS);
}

/* As many events as sleepers, each with room for one: each gets another. */
static void
one_for_each(int filter, unsigned flags, int rounds)
{
	struct guest guest[NTHREADS];
	struct meeting meeting;
	int i, j, k, p[NTHREADS][2], seen;
	uintptr_t ident[NTHREADS];

	meeting_start(&meeting, guest, NTHREADS, rounds, NULL);
	for (j = 0; j < NTHREADS; j++) {
		make_pipe(p[j]);
		ident[j] = filter == EVFILT_READ ? (uintptr_t)p[j][0] :
		    (uintptr_t)j;
		if ((flags & EV_ONESHOT) == 0)
			KQ_CHANGE(meeting.kq, ident[j], filter, EV_ADD | flags,
			    0, 0);
	}
	for (i = 0; i < rounds; i++) {
		(void)pthread_barrier_wait(&meeting.barrier);
		for (j = 0; j < NTHREADS; j++) {
			if ((flags & EV_ONESHOT) != 0)
				KQ_CHANGE(meeting.kq, ident[j], filter,
				    EV_ADD | flags, 0,
				    filter == EVFILT_TIMER ? 1 : 0);
			if (filter == EVFILT_READ)
				put(p[j][1]);
			else if (filter == EVFILT_USER)
				KQ_CHANGE(meeting.kq, ident[j], EVFILT_USER, 0,
				    NOTE_TRIGGER, 0);
		}
		(void)pthread_barrier_wait(&meeting.barrier);
		for (seen = 0, j = 0; j < NTHREADS; j++) {
			ATF_REQUIRE_EQ(1, guest[j].n);
			for (k = 0; k < NTHREADS; k++) {
				if (guest[j].kev.ident == ident[k])
					seen |= 1 << k;
			}
		}
		ATF_REQUIRE_EQ((1 << NTHREADS) - 1, seen);
		if (filter == EVFILT_READ) {
			for (j = 0; j < NTHREADS; j++)
				take(p[j][0]);
		}
		KQ_EXPECT_NOTHING(meeting.kq);
		KQ_POLL_SILENT(meeting.kq);
		(void)pthread_barrier_wait(&meeting.barrier);
	}
	meeting_end(&meeting, guest, NTHREADS);
}

KQ_TC(users_for_each, "SCAN-13: four triggers wake four sleepers")
{
	one_for_each(EVFILT_USER, EV_CLEAR, 1000);
	one_for_each(EVFILT_USER, EV_ONESHOT, 500);
}

KQ_TC(pipes_for_each, "SCAN-13: four arrivals wake four sleepers")
{
	one_for_each(EVFILT_READ, EV_CLEAR, 1000);
	one_for_each(EVFILT_READ, EV_ONESHOT, 500);
}

KQ_TC(timers_for_each, "SCAN-13: four timers wake four sleepers")
{
	one_for_each(EVFILT_TIMER, EV_ONESHOT, 200);
}

KQ_TC(losers_sleep_on, "SCAN-13: who finds nothing sleeps its remaining time")
{
	struct timespec ts = { 0, 120 * 1000000 };
	struct guest guest[6];
	struct meeting meeting;
	int i, j, p[2], winners;

	meeting_start(&meeting, guest, 6, 6, &ts);
	make_pipe(p);
	KQ_CHANGE(meeting.kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(meeting.kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	for (i = 0; i < 6; i++) {
		(void)pthread_barrier_wait(&meeting.barrier);
		if (i % 3 == 0)
			put(p[1]);
		else if (i % 3 == 1)
			KQ_CHANGE(meeting.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER,
			    0);
		else
			KQ_CHANGE(meeting.kq, 2, EVFILT_TIMER,
			    EV_ADD | EV_ONESHOT, 0, 20);
		(void)pthread_barrier_wait(&meeting.barrier);
		for (winners = 0, j = 0; j < 6; j++) {
			winners += guest[j].n;
			ATF_REQUIRE_MSG(guest[j].n == 1 ||
			    guest[j].elapsed >= 120 * MS,
			    "0 after %jd ns", (intmax_t)guest[j].elapsed);
		}
		/* It may have come when all had gone: then it is there. */
		ATF_REQUIRE(winners == 0 || winners == 1);
		if (winners == 0)
			KQ_EXPECT(meeting.kq, i % 3 == 0 ? p[0] : i % 3,
			    i % 3 == 0 ? EVFILT_READ :
			    i % 3 == 1 ? EVFILT_USER : EVFILT_TIMER);
		if (i % 3 == 0)
			take(p[0]);
		KQ_EXPECT_NOTHING(meeting.kq);
		(void)pthread_barrier_wait(&meeting.barrier);
	}
	meeting_end(&meeting, guest, 6);
}

KQ_TC(stale_wakeups_sleep_on, "SCAN-12: stale wakeups never end a wait early")
{
	struct timespec ts = { 0, 150 * 1000000 };
	struct guest guest[NTHREADS];
	struct meeting meeting;
	int i, j, p[2], q[2];

	meeting_start(&meeting, guest, NTHREADS, 4, &ts);
	make_pipe(p);
	make_pipe(q);
	KQ_CHANGE(meeting.kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(meeting.kq, q[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(meeting.kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	for (i = 0; i < 4; i++) {
		(void)pthread_barrier_wait(&meeting.barrier);
		/* Who is quick enough to see one may well return it. */
		for (j = 0; j < 300; j++) {
			put(p[1]);
			take(p[0]);
			put(q[1]);
			take(q[0]);
			KQ_CHANGE(meeting.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER,
			    0);
			KQ_CHANGE(meeting.kq, 1, EVFILT_USER, EV_CLEAR, 0, 0);
		}
		(void)pthread_barrier_wait(&meeting.barrier);
		for (j = 0; j < NTHREADS; j++)
			ATF_REQUIRE_MSG(guest[j].n == 1 ||
			    guest[j].elapsed >= 150 * MS,
			    "0 after %jd ns", (intmax_t)guest[j].elapsed);
		KQ_EXPECT_NOTHING(meeting.kq);
		KQ_POLL_SILENT(meeting.kq);
		(void)pthread_barrier_wait(&meeting.barrier);
	}
	meeting_end(&meeting, guest, NTHREADS);
}

/* The event as a lock: whoever got it owns it until EV_ENABLE. */
static void
as_a_lock(int filter, unsigned flags)
{
	struct pool pool = { .quiet = true, .again = true,
	    .limit = 4000 };
	int p[2];

	pool_start(&pool, NTHREADS);
	make_pipe(p);
	put(p[1]);
	KQ_CHANGE(pool.kq, filter == EVFILT_READ ? p[0] : 1, filter,
	    EV_ADD | flags, filter == EVFILT_USER ? NOTE_TRIGGER : 0, 0);
	/* The last one triggers STOP instead of EV_ENABLE. */
	pool_join(&pool);
	KQ_EXPECT_NOTHING(pool.kq);
	ATF_REQUIRE_EQ(4000, atomic_load(&pool.total));
}

KQ_TC(one_at_a_time_pipe, "SCAN-14: an EV_DISPATCH descriptor is a lock")
{
	as_a_lock(EVFILT_READ, EV_DISPATCH);
	as_a_lock(EVFILT_READ, EV_DISPATCH | EV_CLEAR);
}

KQ_TC(one_at_a_time_user, "SCAN-14: and so is an EV_DISPATCH user event")
{
	as_a_lock(EVFILT_USER, EV_DISPATCH);
}

struct poller {
	int	kq, rounds;
};

static void *
poll_always(void *arg)
{
	struct poller *poller = arg;
	struct timespec ts = { 0, 0 };
	struct kevent kev;
	int i;

	for (i = 0; i < poller->rounds; i++) {
		if (kevent(poller->kq, NULL, 0, &kev, 1, &ts) != 1)
			return (because("a level event was skipped"));
	}
	return (NULL);
}

KQ_TC(level_user_not_skipped, "SCAN-14: who polls is not put off by others")
{
	struct poller poller = { KQ_OPEN(), 4000 };
	pthread_t thread[NTHREADS];
	int i;

	KQ_CHANGE(poller.kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	for (i = 0; i < NTHREADS; i++)
		START(&thread[i], poll_always, &poller);
	for (i = 0; i < NTHREADS; i++)
		JOIN(thread[i]);
}

KQ_TC(level_pipe_not_skipped, "SCAN-14: nor is it with a descriptor")
{
	struct poller poller = { KQ_OPEN(), 4000 };
	pthread_t thread[NTHREADS];
	int i, p[2];

	make_pipe(p);
	put(p[1]);
	KQ_CHANGE(poller.kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	for (i = 0; i < NTHREADS; i++)
		START(&thread[i], poll_always, &poller);
	for (i = 0; i < NTHREADS; i++)
		JOIN(thread[i]);
}

/* A number that goes up, and a trigger after each step. */
struct counter {
	int		kq, last;
	atomic_int	value;
};

static void *
count_up(void *arg)
{
	struct counter *counter = arg;
	int i;

	for (i = 1; i <= counter->last; i++) {
		atomic_store(&counter->value, i);
		if (kq_test_change(counter->kq, 1, EVFILT_USER, 0,
		    NOTE_TRIGGER, 0, NULL) != 0)
			return (because("trigger"));
	}
	return (NULL);
}

KQ_TC(activation_during_processing, "SCAN-15: one during the scan is kept")
{
	static const unsigned flags[] = { EV_CLEAR, EV_CLEAR | EV_DISPATCH };
	struct counter counter = { .last = 20000 };
	pthread_t thread;
	int i, seen;

	for (i = 0; i < 2; i++) {
		counter.kq = KQ_OPEN();
		atomic_store(&counter.value, 0);
		KQ_CHANGE(counter.kq, 1, EVFILT_USER, EV_ADD | flags[i], 0, 0);
		START(&thread, count_up, &counter);
		/* The last step has its event, or this waits in vain. */
		for (seen = 0; seen < counter.last;) {
			KQ_EXPECT(counter.kq, 1, EVFILT_USER);
			seen = atomic_load(&counter.value);
			if ((flags[i] & EV_DISPATCH) != 0)
				KQ_CHANGE(counter.kq, 1, EVFILT_USER,
				    EV_ENABLE, 0, 0);
		}
		JOIN(thread);
	}
}

#define	NSTREAMS	8
#define	NBYTES		4000

/* Threads read all there is on an edge; only edges tell them to. */
struct streams {
	int		kq, p[NSTREAMS][2];
	atomic_int	next;		/* the writers' share */
	atomic_int	left;		/* bytes to be read */
};

static void *
write_streams(void *arg)
{
	struct streams *s = arg;
	int i, j, which;

	which = atomic_fetch_add(&s->next, 1);
	for (i = 0; i < NBYTES; i++) {
		for (j = which; j < NSTREAMS; j += 2) {
			if (write(s->p[j][1], "", 1) != 1)
				return (because("write"));
		}
	}
	return (NULL);
}

static void *
read_streams(void *arg)
{
	struct streams *s = arg;
	struct kevent kev[3];
	char buf[256];
	int i, n;
	ssize_t got;

	for (;;) {
		if ((n = kevent(s->kq, NULL, 0, kev, 3, NULL)) < 1)
			return (because("kevent"));
		for (i = 0; i < n; i++) {
			if (kev[i].filter == EVFILT_USER)
				return (NULL);
			while ((got = read((int)kev[i].ident, buf,
			    sizeof(buf))) > 0) {
				if (atomic_fetch_sub(&s->left, (int)got) !=
				    (int)got)
					continue;
				if (kq_test_change(s->kq, STOP, EVFILT_USER, 0,
				    NOTE_TRIGGER, 0, NULL) != 0)
					return (because("STOP"));
			}
			if (got == 0 || errno != EAGAIN)
				return (because("read"));
		}
	}
}

KQ_TC(no_arrival_is_lost, "SCAN-15: many writers and readers, all is read")
{
	pthread_t reader[3], writer[2];
	struct streams s = { .kq = KQ_OPEN() };
	int i;

	atomic_store(&s.left, NSTREAMS * NBYTES);
	KQ_CHANGE(s.kq, STOP, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < NSTREAMS; i++) {
		make_pipe(s.p[i]);
		ATF_REQUIRE_EQ(0, fcntl(s.p[i][0], F_SETFL, O_NONBLOCK));
		KQ_CHANGE(s.kq, s.p[i][0], EVFILT_READ, EV_ADD | EV_CLEAR, 0,
		    0);
	}
	for (i = 0; i < 3; i++)
		START(&reader[i], read_streams, &s);
	for (i = 0; i < 2; i++)
		START(&writer[i], write_streams, &s);
	for (i = 0; i < 2; i++)
		JOIN(writer[i]);
	for (i = 0; i < 3; i++)
		JOIN(reader[i]);
	ATF_REQUIRE_EQ(0, atomic_load(&s.left));
	KQ_CHANGE(s.kq, STOP, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(s.kq);
}

static void *
collect_one(void *arg)
{
	struct kevent kev;

	if (kevent(*(int *)arg, NULL, 0, &kev, 1, NULL) != 1)
		return (because("kevent"));
	return (kev.filter == EVFILT_READ && kev.data == 1 ? NULL :
	    because("data"));
}

/* Whoever got the event takes one connection, and works on that for long. */
KQ_TC(sleeper_sees_accept, "READ-21: a sleeper wakes for what accept() left")
{
	struct sockaddr_storage ss;
	int c[2], fd, i, j, kq = KQ_OPEN(), ls;
	unsigned seed = 1;
	pthread_t thread;
	socklen_t len;

	ls = listener_open(L_TCP, 8, &ss, &len);
	for (i = 0; i < 200; i++) {
		for (j = 0; j < 2; j++)
			c[j] = listener_client(L_TCP, ls, &ss, len,
			    (unsigned)j + 1);
		KQ_CHANGE(kq, ls, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
		KQ_EXPECT(kq, ls, EVFILT_READ, .flags = EV_CLEAR, .data = 2);
		START(&thread, collect_one, &kq);
		spin(vary(&seed) % 300000);
		ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
		(void)close(fd);
		JOIN(thread);
		ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
		(void)close(fd);
		(void)close(c[0]);
		(void)close(c[1]);
	}
	(void)close(ls);
}

KQ_TC(sleeper_sees_changes, "CALL-25: a sleeper sees what others change")
{
	struct pool pool = { .quiet = false };
	int i, p[2], s[2];

	pool_start(&pool, 1);
	make_pipe(p);
	put(p[1]);
	for (i = 0; i < 200; i++) {
		/* A descriptor that is ready, */
		KQ_CHANGE(pool.kq, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0,
		    0);
		pool_await(&pool);
		/* one that was disabled, */
		KQ_CHANGE(pool.kq, p[0], EVFILT_READ,
		    EV_ADD | EV_ONESHOT | EV_DISABLE, 0, 0);
		KQ_CHANGE(pool.kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
		pool_await(&pool);
		/* one that becomes ready, */
		take(p[0]);
		KQ_CHANGE(pool.kq, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0,
		    0);
		put(p[1]);
		pool_await(&pool);
		/* a user event, triggered at once and later, */
		KQ_CHANGE(pool.kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT,
		    NOTE_TRIGGER, 0);
		pool_await(&pool);
		KQ_CHANGE(pool.kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT, 0, 0);
		KQ_CHANGE(pool.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
		pool_await(&pool);
		/* a timer, due before the one that was there, */
		KQ_CHANGE(pool.kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
		KQ_CHANGE(pool.kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
		pool_await(&pool);
		KQ_CHANGE(pool.kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	}
	/* and a mark that is lowered. */
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s));
	put(s[1]);
	for (i = 0; i < 200; i++) {
		KQ_CHANGE(pool.kq, s[0], EVFILT_READ, EV_ADD | EV_ONESHOT,
		    NOTE_LOWAT, 2);
		KQ_CHANGE(pool.kq, s[0], EVFILT_READ, EV_ADD | EV_ONESHOT,
		    NOTE_LOWAT, 1);
		pool_await(&pool);
	}
	pool_stop(&pool);
	KQ_EXPECT_NOTHING(pool.kq);
	ATF_REQUIRE_EQ(200 * 7, atomic_load(&pool.total));
}

struct registrar {
	int		kq, base, rounds;
	unsigned	seed;
	int		p[2];
	pthread_t	thread;
};

static void *
register_own(void *arg)
{
	struct registrar *r = arg;
	int error, i, j;

	for (i = 0; i < r->rounds; i++) {
		error = 0;
		for (j = 0; j < 10; j++) {
			error |= kq_test_change(r->kq, (uintptr_t)(r->base + j),
			    EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
			error |= kq_test_change(r->kq, (uintptr_t)(r->base + j),
			    EVFILT_TIMER, EV_ADD, 0, HOUR - j, NULL);
		}
		error |= kq_test_change(r->kq, (uintptr_t)r->p[0], EVFILT_READ,
		    EV_ADD | EV_CLEAR, 0, 0, NULL);
		/* This one is for the waiters. */
		error |= kq_test_change(r->kq, (uintptr_t)(r->base + 10 + i),
		    EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0, NULL);
		for (j = 0; j < 10; j++) {
			error |= kq_test_change(r->kq, (uintptr_t)(r->base + j),
			    EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
			error |= kq_test_change(r->kq, (uintptr_t)(r->base + j),
			    EVFILT_USER, EV_DELETE, 0, 0, NULL);
		}
		error |= kq_test_change(r->kq, (uintptr_t)r->p[0], EVFILT_READ,
		    EV_DELETE, 0, 0, NULL);
		if (error != 0)
			return (because("change"));
	}
	return (NULL);
}

KQ_TC(register_while_waiting, "CALL-25: registrations run beside waits")
{
	struct pool pool = { .quiet = false };
	struct registrar r[NTHREADS];
	int i;

	pool_start(&pool, 2);
	for (i = 0; i < NTHREADS; i++) {
		r[i] = (struct registrar){ .kq = pool.kq,
		    .base = (i + 1) * 10000, .rounds = 150 };
		make_pipe(r[i].p);
		START(&r[i].thread, register_own, &r[i]);
	}
	for (i = 0; i < NTHREADS; i++)
		JOIN(r[i].thread);
	for (i = 0; i < NTHREADS * 150; i++)
		pool_await(&pool);
	pool_stop(&pool);
	KQ_EXPECT_NOTHING(pool.kq);
	KQ_POLL_SILENT(pool.kq);
	ATF_REQUIRE_EQ(NTHREADS * 150, atomic_load(&pool.total));
}

static void *
register_shared(void *arg)
{
	static const unsigned flags[] = { EV_ADD, EV_ADD | EV_CLEAR, EV_ADD |
	    EV_ONESHOT, EV_ADD | EV_DISPATCH, EV_DELETE, EV_DELETE, EV_ENABLE,
	    EV_DISABLE };
	static const int filter[] = { EVFILT_USER, EVFILT_TIMER, EVFILT_READ };
	struct registrar *r = arg;
	int error, f, i;

	for (i = 0; i < r->rounds; i++) {
		f = filter[vary(&r->seed) % 3];
		error = kq_test_change(r->kq,
		    f == EVFILT_READ ? (uintptr_t)r->p[0] : 1, f,
		    flags[vary(&r->seed) % 8],
		    f == EVFILT_USER && vary(&r->seed) % 2 == 0 ?
		    NOTE_TRIGGER : 0, f == EVFILT_TIMER ? 1 : 0, NULL);
		if (error != 0 && error != ENOENT)
			return (because(strerror(error)));
	}
	return (NULL);
}

KQ_TC(register_the_same, "CALL-25: changes of one knote by many are serialised")
{
	struct registrar r[NTHREADS];
	struct pool pool = { .quiet = true };
	int i, p[2];

	pool_start(&pool, 2);
	make_pipe(p);
	put(p[1]);
	for (i = 0; i < NTHREADS; i++) {
		r[i] = (struct registrar){ .kq = pool.kq, .rounds = 3000,
		    .seed = (unsigned)i * 77 + 1, .p = { p[0], p[1] } };
		START(&r[i].thread, register_shared, &r[i]);
	}
	for (i = 0; i < NTHREADS; i++)
		JOIN(r[i].thread);
	pool_stop(&pool);
	/* Whatever is left, the queue works. */
	for (i = 0; i < 2; i++) {
		(void)kq_test_change(pool.kq, 1, EVFILT_USER, EV_DELETE, 0, 0,
		    NULL);
		(void)kq_test_change(pool.kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0,
		    NULL);
		(void)kq_test_change(pool.kq, (uintptr_t)p[0], EVFILT_READ,
		    EV_DELETE, 0, 0, NULL);
		KQ_EXPECT_NOTHING(pool.kq);
		KQ_POLL_SILENT(pool.kq);
		KQ_CHANGE(pool.kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		KQ_EXPECT(pool.kq, 1, EVFILT_USER, .flags = 0);
		KQ_CHANGE(pool.kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
		KQ_CHANGE(pool.kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
		KQ_EXPECT(pool.kq, 1, EVFILT_TIMER, .data = 1);
		KQ_CHANGE(pool.kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_EXPECT(pool.kq, p[0], EVFILT_READ, .flags = 0, .data = 1);
	}
}

/* An EV_ONESHOT is delivered, or EV_DELETE finds it: one of the two. */
static void
delete_or_deliver(int filter)
{
	struct pool pool = { .quiet = false };
	uintptr_t ident;
	unsigned seed;
	int deleted, error, i, p[2];

	pool_start(&pool, 2);
	make_pipe(p);
	put(p[1]);
	ident = filter == EVFILT_READ ? (uintptr_t)p[0] : 1;
	for (seed = 1, deleted = 0, i = 0; i < 3000; i++) {
		KQ_CHANGE(pool.kq, ident, filter, EV_ADD | EV_ONESHOT,
		    filter == EVFILT_USER ? NOTE_TRIGGER : 0, 0);
		spin(vary(&seed) % 20000);
		error = kq_test_change(pool.kq, ident, filter, EV_DELETE, 0,
		    0, NULL);
		ATF_REQUIRE(error == 0 || error == ENOENT);
		deleted += error == 0;
	}
	pool_stop(&pool);
	KQ_EXPECT_NOTHING(pool.kq);
	ATF_REQUIRE_MSG(deleted + atomic_load(&pool.total) == 3000,
	    "%d deleted, %d delivered", deleted, atomic_load(&pool.total));
}

KQ_TC(delete_or_deliver_user, "SCAN-14, REG-22: EV_DELETE and delivery exclude")
{
	delete_or_deliver(EVFILT_USER);
}

KQ_TC(delete_or_deliver_pipe, "SCAN-14, REG-22: also with a descriptor")
{
	delete_or_deliver(EVFILT_READ);
}

/* A thread that may be cancelled in its wait for one event. */
struct waiter {
	int			kq;
	const struct timespec	*timeout;
	atomic_bool		there;
	int			n;	/* 0 until kevent() returned */
	struct kevent		kev;
	pthread_t		thread;
};

static void *
waiter_thread(void *arg)
{
	struct waiter *w = arg;

	atomic_store(&w->there, true);
	/* Nothing after it is a cancellation point: what came is recorded. */
	w->n = kevent(w->kq, NULL, 0, &w->kev, 1, w->timeout);
	return (NULL);
}

static void
waiter_start(struct waiter *w, int kq, const struct timespec *timeout)
{
	w->kq = kq;
	w->timeout = timeout;
	w->n = 0;
	atomic_store(&w->there, false);
	START(&w->thread, waiter_thread, w);
	while (!atomic_load(&w->there))
		(void)sched_yield();
}

/* The waiter ended, and has its event or was cancelled; true if it has. */
static bool
waiter_join(struct waiter *w, uintptr_t ident, int filter)
{
	void *result;

	ATF_REQUIRE_EQ(0, pthread_join(w->thread, &result));
	if (result == PTHREAD_CANCELED) {
		ATF_REQUIRE_MSG(w->n == 0, "kevent() had returned %d", w->n);
		return (false);
	}
	ATF_REQUIRE_EQ(1, w->n);
	KQ_MATCH(&w->kev, ident, filter);
	return (true);
}

/* The other side of the race: makes the event happen, once a round. */
struct activator {
	pthread_barrier_t	barrier;
	int			kq, fd, rounds;	/* fd -1: a user event */
	unsigned		seed;
	pthread_t		thread;
};

static void *
activator_thread(void *arg)
{
	struct activator *a = arg;
	const char *error;
	int i;

	for (error = NULL, i = 0; i < a->rounds; i++) {
		(void)pthread_barrier_wait(&a->barrier);
		spin(vary(&a->seed) % 20000);
		if (a->fd != -1) {
			if (write(a->fd, "", 1) != 1)
				error = "write";
		} else if (kq_test_change(a->kq, 1, EVFILT_USER, 0,
		    NOTE_TRIGGER, 0, NULL) != 0)
			error = "trigger";
		(void)pthread_barrier_wait(&a->barrier);
	}
	return (because(error));
}

static void
activator_start(struct activator *a, int kq, int fd, int rounds)
{
	a->kq = kq;
	a->fd = fd;
	a->rounds = rounds;
	a->seed = 4711;
	ATF_REQUIRE_EQ(0, pthread_barrier_init(&a->barrier, NULL, 2));
	START(&a->thread, activator_thread, a);
}

static void
activator_end(struct activator *a)
{
	JOIN(a->thread);
	ATF_REQUIRE_EQ(0, pthread_barrier_destroy(&a->barrier));
}

static const struct timespec an_hour = { 3600, 0 };

/*
 * Cancel a thread that waits while its event happens.  Either it returned
 * the event or a later kevent() does: never neither, never both.
 */
static void
cancel_race(int filter, unsigned flags, int rounds)
{
	struct activator a;
	struct waiter w;
	uintptr_t ident;
	unsigned seed;
	bool got;
	int i, kq, p[2];

	kq = KQ_OPEN();
	make_pipe(p);
	ident = filter == EVFILT_READ ? (uintptr_t)p[0] : 1;
	activator_start(&a, kq, filter == EVFILT_READ ? p[1] : -1, rounds);
	for (seed = 1, i = 0; i < rounds; i++) {
		if (i == 0 || (flags & EV_ONESHOT) != 0)
			KQ_CHANGE(kq, ident, filter, EV_ADD | flags, 0, 0);
		else if ((flags & EV_DISPATCH) != 0)
			KQ_CHANGE(kq, ident, filter, filter == EVFILT_USER ?
			    EV_ENABLE | EV_CLEAR : EV_ENABLE, 0, 0);
		waiter_start(&w, kq, i % 2 == 0 ? NULL : &an_hour);
		(void)pthread_barrier_wait(&a.barrier);
		spin(vary(&seed) % 20000);
		(void)pthread_cancel(w.thread);
		got = waiter_join(&w, ident, filter);
		(void)pthread_barrier_wait(&a.barrier);

		if (!got || (flags & (EV_ONESHOT | EV_CLEAR | EV_DISPATCH)) ==
		    0)
			KQ_EXPECT(kq, ident, filter, .flags = flags);
		if (filter == EVFILT_READ && flags == 0)
			take(p[0]);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		if (filter == EVFILT_READ && flags != 0)
			take(p[0]);
		if ((flags & EV_ONESHOT) != 0)
			ATF_REQUIRE_EQ(ENOENT, kq_test_change(kq, ident,
			    filter, EV_DELETE, 0, 0, NULL));
	}
	activator_end(&a);
}

KQ_TC(cancel_clear_pipe, "CALL-25: cancelled, an EV_CLEAR arrival is not lost")
{
	cancel_race(EVFILT_READ, EV_CLEAR, KQ_ROUNDS(3000));
}

KQ_TC(cancel_clear_user, "CALL-25: cancelled, an EV_CLEAR trigger is not lost")
{
	cancel_race(EVFILT_USER, EV_CLEAR, KQ_ROUNDS(3000));
}

KQ_TC(cancel_oneshot_pipe, "CALL-25: cancelled, an EV_ONESHOT is not lost")
{
	cancel_race(EVFILT_READ, EV_ONESHOT, KQ_ROUNDS(3000));
}

KQ_TC(cancel_oneshot_user, "CALL-25: cancelled, nor an EV_ONESHOT trigger")
{
	cancel_race(EVFILT_USER, EV_ONESHOT, KQ_ROUNDS(2000));
}

KQ_TC(cancel_dispatch_pipe, "CALL-25: cancelled, an EV_DISPATCH is not lost")
{
	cancel_race(EVFILT_READ, EV_DISPATCH, KQ_ROUNDS(3000));
}

KQ_TC(cancel_dispatch_user, "CALL-25: cancelled, nor an EV_DISPATCH trigger")
{
	cancel_race(EVFILT_USER, EV_DISPATCH, KQ_ROUNDS(2000));
}

KQ_TC(cancel_level_pipe, "CALL-25: cancelled, a level descriptor stays")
{
	cancel_race(EVFILT_READ, 0, KQ_ROUNDS(2000));
}

KQ_TC(cancel_timer, "CALL-25: cancelled, an expiration is not lost")
{
	struct waiter w;
	int64_t due;
	unsigned seed;
	int i, kq;

	kq = KQ_OPEN();
	for (seed = 1, i = 0; i < KQ_ROUNDS(1000); i++) {
		due = kq_test_now() + 1 * MS;
		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
		waiter_start(&w, kq, i % 2 == 0 ? NULL : &an_hour);
		/* From a little before it is due to a little after. */
		spin(due - 50000 + vary(&seed) * 3 - kq_test_now());
		(void)pthread_cancel(w.thread);
		if (!waiter_join(&w, 1, EVFILT_TIMER))
			KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
	}
}

/*
 * Of two sleepers one is cancelled: the event is returned by that one, or
 * the other one is woken.
 */
static void
cancel_one_of_two(int filter, unsigned flags, int rounds)
{
	struct activator a;
	struct waiter w[2];
	uintptr_t ident;
	unsigned seed;
	int i, kq, p[2];

	kq = KQ_OPEN();
	make_pipe(p);
	ident = filter == EVFILT_READ ? (uintptr_t)p[0] : 1;
	KQ_CHANGE(kq, STOP, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	activator_start(&a, kq, filter == EVFILT_READ ? p[1] : -1, rounds);
	for (seed = 1, i = 0; i < rounds; i++) {
		if (i == 0 || (flags & EV_ONESHOT) != 0)
			KQ_CHANGE(kq, ident, filter, EV_ADD | flags, 0, 0);
		waiter_start(&w[i % 2], kq, NULL);
		waiter_start(&w[1 - i % 2], kq, &an_hour);
		(void)pthread_barrier_wait(&a.barrier);
		spin(vary(&seed) % 20000);
		(void)pthread_cancel(w[0].thread);
		if (waiter_join(&w[0], ident, filter)) {
			KQ_CHANGE(kq, STOP, EVFILT_USER, 0, NOTE_TRIGGER, 0);
			ATF_REQUIRE(waiter_join(&w[1], STOP, EVFILT_USER));
		} else
			ATF_REQUIRE(waiter_join(&w[1], ident, filter));
		(void)pthread_barrier_wait(&a.barrier);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		if (filter == EVFILT_READ)
			take(p[0]);
	}
	activator_end(&a);
}

KQ_TC(cancel_one_of_two_pipe, "CALL-25: cancelled, the other sleeper is woken")
{
	cancel_one_of_two(EVFILT_READ, EV_CLEAR, KQ_ROUNDS(1500));
	cancel_one_of_two(EVFILT_READ, EV_ONESHOT, KQ_ROUNDS(1000));
}

KQ_TC(cancel_one_of_two_user, "CALL-25: cancelled, also by a user event")
{
	cancel_one_of_two(EVFILT_USER, EV_CLEAR, KQ_ROUNDS(1500));
	cancel_one_of_two(EVFILT_USER, EV_ONESHOT, KQ_ROUNDS(1000));
}

static void *
cancelled_before(void *arg)
{
	struct waiter *w = arg;

	(void)pthread_cancel(pthread_self());
	w->n = kevent(w->kq, NULL, 0, &w->kev, 1, w->timeout);
	return (NULL);
}

static void *
cancelled_but_disabled(void *arg)
{
	struct waiter *w = arg;
	int state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	(void)pthread_cancel(pthread_self());
	atomic_store(&w->there, true);
	w->n = kevent(w->kq, NULL, 0, &w->kev, 1, w->timeout);
	return (NULL);
}

KQ_TC(cancellation_point, "CALL-25: a wait is a cancellation point")
{
	struct waiter w = { .kq = KQ_OPEN() };
	int i;

	KQ_CHANGE(w.kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	for (i = 0; i < 2; i++) {
		w.timeout = i == 0 ? NULL : &an_hour;
		START(&w.thread, cancelled_before, &w);
		ATF_REQUIRE(!waiter_join(&w, 1, EVFILT_USER));
		/* Also from a sleep that nothing else ends. */
		waiter_start(&w, w.kq, w.timeout);
		spin(MS / 2);
		(void)pthread_cancel(w.thread);
		ATF_REQUIRE(!waiter_join(&w, 1, EVFILT_USER));
	}
	KQ_CHANGE(w.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(w.kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(w.kq);
}

KQ_TC(cancellation_disabled, "CALL-25: but not where cancellation is disabled")
{
	struct waiter w = { .kq = KQ_OPEN() };

	KQ_CHANGE(w.kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	START(&w.thread, cancelled_but_disabled, &w);
	while (!atomic_load(&w.there))
		(void)sched_yield();
	KQ_CHANGE(w.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE(waiter_join(&w, 1, EVFILT_USER));
	KQ_EXPECT_NOTHING(w.kq);
}

static void *
change_and_wait(void *arg)
{
	struct waiter *w = arg;
	struct kevent kev;

	EV_SET(&kev, 5, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
	w->n = kevent(w->kq, &kev, 1, &w->kev, 1, NULL);
	return (NULL);
}

KQ_TC(cancel_keeps_changes, "CALL-25: the changes of a cancelled wait stay")
{
	struct waiter w = { .kq = KQ_OPEN() };

	START(&w.thread, change_and_wait, &w);
	while (kq_test_change(w.kq, 5, EVFILT_USER, EV_ENABLE, 0, 0, NULL) ==
	    ENOENT)
		(void)sched_yield();
	(void)pthread_cancel(w.thread);
	ATF_REQUIRE(!waiter_join(&w, 5, EVFILT_USER));
	KQ_CHANGE(w.kq, 5, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(w.kq, 5, EVFILT_USER);
	KQ_EXPECT_NOTHING(w.kq);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, clear_pipe_to_one);
	ATF_TP_ADD_TC(tp, clear_user_to_one);
	ATF_TP_ADD_TC(tp, oneshot_pipe_to_one);
	ATF_TP_ADD_TC(tp, oneshot_user_to_one);
	ATF_TP_ADD_TC(tp, oneshot_timer_to_one);
	ATF_TP_ADD_TC(tp, dispatch_pipe_to_one);
	ATF_TP_ADD_TC(tp, dispatch_user_to_one);
	ATF_TP_ADD_TC(tp, timer_count_is_shared);
	ATF_TP_ADD_TC(tp, level_to_several);
	ATF_TP_ADD_TC(tp, users_for_each);
	ATF_TP_ADD_TC(tp, pipes_for_each);
	ATF_TP_ADD_TC(tp, timers_for_each);
	ATF_TP_ADD_TC(tp, losers_sleep_on);
	ATF_TP_ADD_TC(tp, stale_wakeups_sleep_on);
	ATF_TP_ADD_TC(tp, one_at_a_time_pipe);
	ATF_TP_ADD_TC(tp, one_at_a_time_user);
	ATF_TP_ADD_TC(tp, level_user_not_skipped);
	ATF_TP_ADD_TC(tp, level_pipe_not_skipped);
	ATF_TP_ADD_TC(tp, activation_during_processing);
	ATF_TP_ADD_TC(tp, no_arrival_is_lost);
	ATF_TP_ADD_TC(tp, sleeper_sees_accept);
	ATF_TP_ADD_TC(tp, sleeper_sees_changes);
	ATF_TP_ADD_TC(tp, register_while_waiting);
	ATF_TP_ADD_TC(tp, register_the_same);
	ATF_TP_ADD_TC(tp, delete_or_deliver_user);
	ATF_TP_ADD_TC(tp, delete_or_deliver_pipe);
	ATF_TP_ADD_TC(tp, cancel_clear_pipe);
	ATF_TP_ADD_TC(tp, cancel_clear_user);
	ATF_TP_ADD_TC(tp, cancel_oneshot_pipe);
	ATF_TP_ADD_TC(tp, cancel_oneshot_user);
	ATF_TP_ADD_TC(tp, cancel_dispatch_pipe);
	ATF_TP_ADD_TC(tp, cancel_dispatch_user);
	ATF_TP_ADD_TC(tp, cancel_level_pipe);
	ATF_TP_ADD_TC(tp, cancel_timer);
	ATF_TP_ADD_TC(tp, cancel_one_of_two_pipe);
	ATF_TP_ADD_TC(tp, cancel_one_of_two_user);
	ATF_TP_ADD_TC(tp, cancellation_point);
	ATF_TP_ADD_TC(tp, cancellation_disabled);
	ATF_TP_ADD_TC(tp, cancel_keeps_changes);

	return (atf_no_error());
}
