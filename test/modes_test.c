/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every combination of modes of READ, WRITE and EXCEPT on one descriptor.
 *
 * A model of the three knotes says what has to come (REG-19, SCAN-4..7): a
 * knote is active when it was told of something or was touched by a change
 * while its condition held; delivery ends that except in level mode.  Each
 * step is followed by a collection, which has to bring exactly what the model
 * says.  Two sources that wake one after the other may need two calls, so
 * "exactly" is looked at over the calls of a collection and once more after
 * it: nothing lost, doubled, foreign or stale.
 */
#include "sock_test.h"

#include <pthread.h>
#include <semaphore.h>

enum which { READ, WRITE, EXCEPT, NFILTERS };

static const int filter[NFILTERS] = {
	EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT
};

#define	NONE		0x10000u	/* not registered at all */

static const struct {
	unsigned mode;
	const char *name;
} modes[] = {
	{ NONE, "none" },
	{ 0, "level" },
	{ EV_CLEAR, "clear" },
	{ EV_ONESHOT, "oneshot" },
	{ EV_DISPATCH, "dispatch" },
};
#define	NMODES		5

struct model {
	unsigned mode;
	bool registered;
	bool enabled;
	bool active;
	bool cond;		/* what is true of the descriptor */
};

struct run {
	int kq, fd, peer;
	int room;		/* length of the event list */
	struct model m[NFILTERS];
	intptr_t bytes;		/* what READ has to count; -1: do not look */
	char what[128];		/* which combination, for the message */
	const char *step;
};

#define	FAIL(r, fmt, ...)						\
	atf_tc_fail("%s, %s: " fmt, (r)->what, (r)->step, ##__VA_ARGS__)

/* What identifies a knote's events beside ident and filter. */
static void *
mode_udata(const struct run *r, int f)
{
	return ((void *)(uintptr_t)(r->fd * 16 + f + 1));
}

static bool
mode_due(const struct model *m)
{
	return (m->registered && m->enabled && m->active && m->cond);
}

static bool
mode_level(const struct model *m)
{
	return (m->mode == 0);
}

/* What happens to the model when its event was delivered (SCAN-7). */
static void
mode_delivered(struct model *m)
{
	switch (m->mode) {
	case EV_CLEAR:
		m->active = false;
		break;
	case EV_DISPATCH:
		m->active = m->enabled = false;
		break;
	case EV_ONESHOT:
		m->registered = false;
		break;
	}
}

/* One change, which touches no filter but its own. */
static void
mode_change(struct run *r, int f, unsigned flags)
{
	struct model *m = &r->m[f];
	int error;

	if (m->mode == NONE || ((flags & EV_DELETE) != 0 && !m->registered))
		return;
	error = kq_test_change(r->kq, (uintptr_t)r->fd, filter[f],
	    flags | ((flags & EV_ADD) != 0 ? m->mode : 0),
	    f == EXCEPT ? NOTE_OOB : 0, 0, mode_udata(r, f));
	if (error != 0)
		FAIL(r, "filter %d: change %#x: %s", filter[f], flags,
		    strerror(error));
	if (flags & EV_DELETE) {
		m->registered = m->active = false;
		return;
	}
	if (!m->registered) {
		m->registered = m->enabled = true;
		m->active = false;
	}
	if (m->cond)
		m->active = true;
	if (flags & EV_DISABLE)
		m->enabled = false;
	if (flags & EV_ENABLE)
		m->enabled = true;
}

/* Make it work again, whatever delivery has done to it. */
static void
mode_rearm(struct run *r, int f)
{
	mode_change(r, f, r->m[f].registered ? EV_ENABLE : EV_ADD);
}

/* The descriptor has news for filter f. */
static void
mode_notify(struct run *r, int f)
{
	r->m[f].cond = true;
	if (r->m[f].registered)
		r->m[f].active = true;
}

/* One event of a collection. */
static int
mode_event(struct run *r, const struct kevent *kev)
{
	struct model *m;
	int f;

	for (f = 0; f < NFILTERS && filter[f] != kev->filter; f++)
		continue;
	if (f == NFILTERS || kev->ident != (uintptr_t)r->fd)
		FAIL(r, "foreign event: ident %ju filter %d",
		    (uintmax_t)kev->ident, kev->filter);
	m = &r->m[f];
	if ((kev->flags & KQ_FLAGS) != m->mode || m->mode == NONE ||
	    kev->udata != mode_udata(r, f) ||
	    kev->fflags != (f == EXCEPT ? NOTE_OOB : 0))
		FAIL(r, "filter %d: flags %#x fflags %#x udata %p",
		    kev->filter, kev->flags, kev->fflags, kev->udata);
	if ((f == READ && r->bytes != -1 && kev->data != r->bytes) ||
	    (f == WRITE && kev->data <= 0) ||
	    (f == EXCEPT && kev->data != 0))
		FAIL(r, "filter %d: data %jd (%jd bytes to read)",
		    kev->filter, (intmax_t)kev->data, (intmax_t)r->bytes);
	return (f);
}

/* Call kevent() once, and count what came. */
static int
mode_call(struct run *r, const struct timespec *ts, int count[NFILTERS])
{
	bool seen[NFILTERS] = { false };
	struct kevent kev[8];
	int f, i, n;

	n = kevent(r->kq, NULL, 0, kev, r->room, ts);
	if (n < 0 || n > r->room)
		FAIL(r, "kevent: %d (%s)", n, strerror(errno));
	for (i = 0; i < n; i++) {
		f = mode_event(r, &kev[i]);
		if (seen[f])
			FAIL(r, "filter %d twice in one call", filter[f]);
		seen[f] = true;
		count[f]++;
	}
	return (n);
}

/* Collect, and compare with the model. */
static void
mode_take(struct run *r, const char *step)
{
	const struct timespec wait = { KQ_PATIENCE, 0 }, look = { 0, 0 };
	int calls, count[NFILTERS] = { 0 }, f, level, missing, n;
	bool due[NFILTERS];

	r->step = step;
	level = 0;
	for (f = 0; f < NFILTERS; f++) {
		due[f] = mode_due(&r->m[f]);
		level += due[f] && mode_level(&r->m[f]);
	}
	/* Level ones come again and again; no other may starve for it. */
	for (calls = 0; ; calls++) {
		missing = 0;
		for (f = 0; f < NFILTERS; f++)
			missing += due[f] && count[f] == 0;
		if (missing == 0)
			break;
		if (calls == 1000)
			FAIL(r, "%d filters starve", missing);
		n = mode_call(r, &wait, count);
		if (n == 0)
			FAIL(r, "lost: READ %d of %d, WRITE %d of %d, "
			    "EXCEPT %d of %d", count[READ], due[READ],
			    count[WRITE], due[WRITE], count[EXCEPT],
			    due[EXCEPT]);
	}
	for (calls = 0; calls < 3; calls++) {
		n = mode_call(r, &look, count);
		if (n != (level < r->room ? level : r->room))
			FAIL(r, "%d events in a later call, %d in level mode",
			    n, level);
	}
	for (f = 0; f < NFILTERS; f++) {
		if (!due[f] && count[f] != 0)
			FAIL(r, "filter %d: %d events, wanted none",
			    filter[f], count[f]);
		if (due[f] && !mode_level(&r->m[f]) && count[f] != 1)
			FAIL(r, "filter %d: %d events, wanted 1", filter[f],
			    count[f]);
		if (due[f])
			mode_delivered(&r->m[f]);
	}
	if (kq_test_readable(r->kq, 0) != (level != 0))
		FAIL(r, "the kqueue is %sreadable, %d in level mode",
		    level != 0 ? "not " : "", level);
}

/* The peer sends n bytes, which have arrived when this returns. */
static void
mode_arrive(struct run *r, size_t n)
{
	sock_write(r->peer, n);
	r->bytes += (intptr_t)n;
	sock_await(r->fd, (int)r->bytes);
	mode_notify(r, READ);
}

static void
mode_consume(struct run *r, size_t n)
{
	sock_read(r->fd, n);
	r->bytes -= (intptr_t)n;
	if (r->bytes == 0)
		r->m[READ].cond = false;
}

static void
mode_begin(struct run *r, enum pair kind, const unsigned mode[NFILTERS],
    const char *order, int room)
{
	int f, sv[2];

	memset(r, 0, sizeof(*r));
	ATF_REQUIRE((r->kq = kqueue()) != -1);
	pair_open(kind, sv);
	r->fd = sv[0];
	r->peer = sv[1];
	r->room = room;
	for (f = 0; f < NFILTERS; f++)
		r->m[f].mode = modes[mode[f]].mode;
	r->m[WRITE].cond = true;
	snprintf(r->what, sizeof(r->what),
	    "READ %s, WRITE %s, EXCEPT %s, added in order %s, room for %d",
	    modes[mode[READ]].name, modes[mode[WRITE]].name,
	    modes[mode[EXCEPT]].name, order, room);
	r->step = "add";
	for (; *order != '\0'; order++)
		mode_change(r, *order == 'R' ? READ : *order == 'W' ? WRITE :
		    EXCEPT, EV_ADD);
}

/* Also that none of it is left: closing is what removes the knotes. */
static void
mode_end(struct run *r)
{
	int f;

	ATF_REQUIRE_EQ(0, close(r->fd));
	ATF_REQUIRE_EQ(0, close(r->peer));
	for (f = 0; f < NFILTERS; f++)
		r->m[f].registered = false;
	mode_take(r, "after close(2)");
	ATF_REQUIRE_EQ(0, close(r->kq));
}

/* READ and WRITE through what a program does with them. */
static void
mode_script(struct run *r)
{
	size_t total;

	mode_take(r, "added");
	mode_arrive(r, 5);
	mode_take(r, "data came");
	mode_arrive(r, 3);
	mode_take(r, "more data came");
	mode_consume(r, 2);
	mode_take(r, "some was read");

	mode_rearm(r, READ);
	mode_take(r, "READ armed again");
	mode_rearm(r, WRITE);
	mode_take(r, "WRITE armed again");
	mode_rearm(r, READ);
	mode_rearm(r, WRITE);
	mode_take(r, "both armed again");

	mode_rearm(r, READ);
	mode_rearm(r, WRITE);
	mode_change(r, READ, EV_DISABLE);
	mode_take(r, "READ disabled");
	mode_arrive(r, 1);
	mode_take(r, "data came while READ was disabled");
	mode_change(r, READ, EV_ENABLE);
	mode_take(r, "READ enabled");

	mode_rearm(r, READ);
	mode_rearm(r, WRITE);
	mode_change(r, WRITE, EV_DISABLE);
	mode_take(r, "WRITE disabled");
	mode_arrive(r, 1);
	mode_take(r, "data came while WRITE was disabled");
	mode_change(r, WRITE, EV_ENABLE);
	mode_take(r, "WRITE enabled");

	mode_rearm(r, WRITE);
	mode_change(r, WRITE, EV_DELETE);
	mode_take(r, "WRITE deleted");
	mode_rearm(r, READ);
	mode_arrive(r, 1);
	mode_take(r, "data came to READ alone");
	mode_change(r, WRITE, EV_ADD);
	mode_take(r, "WRITE added again");

	mode_rearm(r, READ);
	mode_change(r, READ, EV_DELETE);
	mode_take(r, "READ deleted");
	mode_arrive(r, 1);
	mode_take(r, "data came with WRITE alone");
	mode_change(r, READ, EV_ADD);
	mode_take(r, "READ added again");

	mode_consume(r, (size_t)r->bytes);
	mode_take(r, "all was read");
	mode_rearm(r, READ);
	mode_rearm(r, WRITE);
	mode_take(r, "both armed, nothing to read");
	mode_arrive(r, 4);
	mode_take(r, "data came again");
	mode_consume(r, 4);
	mode_take(r, "and was read");

	/* Full: WRITE is not ready, and data that comes is not room. */
	mode_change(r, WRITE, EV_DELETE);
	total = sock_fill(r->fd);
	r->m[WRITE].cond = false;
	mode_change(r, WRITE, EV_ADD);
	mode_rearm(r, READ);
	mode_take(r, "full");
	mode_arrive(r, 2);
	mode_take(r, "data came while full");
	mode_change(r, WRITE, EV_DISABLE);
	mode_change(r, WRITE, EV_ENABLE);
	mode_take(r, "WRITE disabled and enabled while full");
	sock_read(r->peer, total);
	mode_notify(r, WRITE);
	mode_take(r, "room came");
	mode_consume(r, 2);
	mode_take(r, "read to the end");
}

static void
mode_table(enum pair kind, const char *order, int room)
{
	unsigned mode[NFILTERS] = { 0, 0, 0 };
	struct run r;

	for (mode[READ] = 0; mode[READ] < NMODES; mode[READ]++) {
		for (mode[WRITE] = 0; mode[WRITE] < NMODES; mode[WRITE]++) {
			mode_begin(&r, kind, mode, order, room);
			mode_script(&r);
			mode_end(&r);
		}
	}
}

KQ_TC(unix_rw_long, "SCAN-7: READ, then WRITE; AF_UNIX, long list")
{
	mode_table(P_UNIX, "RW", 8);
}

KQ_TC(unix_rw_short, "SCAN-7: READ, then WRITE; AF_UNIX, room for one")
{
	mode_table(P_UNIX, "RW", 1);
}

KQ_TC(unix_wr_long, "SCAN-7: WRITE, then READ; AF_UNIX, long list")
{
	mode_table(P_UNIX, "WR", 8);
}

KQ_TC(unix_wr_short, "SCAN-7: WRITE, then READ; AF_UNIX, room for one")
{
	mode_table(P_UNIX, "WR", 1);
}

KQ_TC(tcp_rw_long, "SCAN-7: READ, then WRITE; TCP, long list")
{
	mode_table(P_TCP, "RW", 8);
}

KQ_TC(tcp_rw_short, "SCAN-7: READ, then WRITE; TCP, room for one")
{
	mode_table(P_TCP, "RW", 1);
}

KQ_TC(tcp_wr_long, "SCAN-7: WRITE, then READ; TCP, long list")
{
	mode_table(P_TCP, "WR", 8);
}

KQ_TC(tcp_wr_short, "SCAN-7: WRITE, then READ; TCP, room for one")
{
	mode_table(P_TCP, "WR", 1);
}

/* The three filters, with urgent data. */
static void
except_script(struct run *r)
{
	mode_take(r, "added");
	mode_arrive(r, 5);
	mode_take(r, "data came");
	mode_consume(r, 5);
	mode_take(r, "and was read");
	mode_rearm(r, READ);
	mode_rearm(r, WRITE);
	mode_rearm(r, EXCEPT);
	mode_take(r, "all armed again");

	/* Alone in the stream, the urgent byte is nothing to read. */
	ATF_REQUIRE_EQ(1, send(r->peer, "x", 1, MSG_OOB));
	sock_poll(r->fd, POLLPRI);
	mode_notify(r, EXCEPT);
	mode_take(r, "urgent data came");
	mode_rearm(r, READ);
	mode_rearm(r, WRITE);
	mode_take(r, "READ and WRITE armed again");
	mode_rearm(r, EXCEPT);
	mode_take(r, "EXCEPT armed again");
	mode_rearm(r, EXCEPT);
	mode_change(r, EXCEPT, EV_DISABLE);
	mode_take(r, "EXCEPT disabled");
	mode_change(r, EXCEPT, EV_ENABLE);
	mode_take(r, "EXCEPT enabled");

	/* At the mark the kernel does not count what lies behind it. */
	mode_rearm(r, EXCEPT);
	mode_take(r, "EXCEPT armed once more");
	sock_write(r->peer, 2);
	sock_poll(r->fd, POLLIN);
	r->bytes = -1;
	mode_notify(r, READ);
	mode_notify(r, EXCEPT);
	mode_take(r, "normal data came behind the mark");
	sock_read(r->fd, 2);
	r->bytes = 0;
	r->m[READ].cond = r->m[EXCEPT].cond = false;
	mode_take(r, "and was read");
	mode_rearm(r, READ);
	mode_rearm(r, EXCEPT);
	mode_take(r, "armed with nothing there");
	mode_change(r, EXCEPT, EV_DELETE);
	mode_arrive(r, 3);
	mode_take(r, "EXCEPT deleted, data came");
	mode_consume(r, 3);
	mode_take(r, "the end");
}

static void
except_table(const char *order, int room)
{
	unsigned mode[NFILTERS];
	struct run r;

	for (mode[READ] = 0; mode[READ] < NMODES; mode[READ]++) {
		for (mode[WRITE] = 0; mode[WRITE] < NMODES; mode[WRITE]++) {
			for (mode[EXCEPT] = 1; mode[EXCEPT] < NMODES;
			    mode[EXCEPT]++) {
				mode_begin(&r, P_TCP, mode, order, room);
				except_script(&r);
				mode_end(&r);
			}
		}
	}
}

KQ_TC(except_rwx_long, "SCAN-7: READ, WRITE, EXCEPT; long list")
{
	except_table("RWX", 8);
}

KQ_TC(except_rwx_short, "SCAN-7: READ, WRITE, EXCEPT; room for one")
{
	except_table("RWX", 1);
}

KQ_TC(except_xwr_long, "SCAN-7: EXCEPT, WRITE, READ; long list")
{
	except_table("XWR", 8);
}

KQ_TC(except_xwr_short, "SCAN-7: EXCEPT, WRITE, READ; room for one")
{
	except_table("XWR", 1);
}

/*
 * With threads: four collect, one sends a byte at a time and waits until it
 * was reported and read, one makes WRITE fire and waits until it did.  So each
 * side knows how many events there have to be, and one too many shows as well.
 */
#define	NPAIRS		4
#define	NCOLLECTORS	4
#define	NROUNDS		300

struct crowd {
	int kq;
	int sv[NPAIRS][2];
	unsigned rmode, wmode;
	sem_t rdone, wdone;
	unsigned reads, writes;		/* atomic: what was collected */
	int error;			/* atomic: the first line that failed */
};

static void
crowd_fail(struct crowd *c, int line)
{
	int none = 0;

	(void)__atomic_compare_exchange_n(&c->error, &none, line, false,
	    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static bool
crowd_wait(sem_t *sem)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += KQ_PATIENCE;
	while (sem_timedwait(sem, &ts) == -1) {
		if (errno != EINTR)
			return (false);
	}
	return (true);
}

/* READ was collected: take the byte, arm it again, tell the sender. */
static void
crowd_read(struct crowd *c, const struct kevent *kev)
{
	ssize_t n;
	char b;

	n = recv((int)kev->ident, &b, 1, MSG_DONTWAIT);
	if (n != 1) {
		/* A level knote may be delivered to several threads. */
		if (c->rmode != 0)
			crowd_fail(c, __LINE__);
		return;
	}
	if (c->rmode == EV_ONESHOT && kq_test_change(c->kq, kev->ident,
	    EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0, kev->udata) != 0)
		crowd_fail(c, __LINE__);
	if (c->rmode == EV_DISPATCH && kq_test_change(c->kq, kev->ident,
	    EVFILT_READ, EV_ENABLE, 0, 0, kev->udata) != 0)
		crowd_fail(c, __LINE__);
	__atomic_fetch_add(&c->reads, 1, __ATOMIC_RELAXED);
	sem_post(&c->rdone);
}

static void *
crowd_collect(void *arg)
{
	struct crowd *c = arg;
	struct kevent kev[4];
	bool over;
	int i, n;

	for (over = false; !over; ) {
		if ((n = kevent(c->kq, NULL, 0, kev, 4, NULL)) < 1) {
			crowd_fail(c, __LINE__);
			return (NULL);
		}
		for (i = 0; i < n; i++) {
			switch (kev[i].filter) {
			case EVFILT_USER:
				over = true;
				break;
			case EVFILT_READ:
				if ((kev[i].flags & KQ_FLAGS) != c->rmode)
					crowd_fail(c, __LINE__);
				crowd_read(c, &kev[i]);
				break;
			case EVFILT_WRITE:
				if ((kev[i].flags & KQ_FLAGS) != c->wmode ||
				    kev[i].data <= 0)
					crowd_fail(c, __LINE__);
				__atomic_fetch_add(&c->writes, 1,
				    __ATOMIC_RELAXED);
				sem_post(&c->wdone);
				break;
			default:
				crowd_fail(c, __LINE__);
			}
		}
	}
	return (NULL);
}

static void *
crowd_send(void *arg)
{
	struct crowd *c = arg;
	int i;

	for (i = 0; i < NROUNDS; i++) {
		if (write(c->sv[i % NPAIRS][1], "x", 1) != 1 ||
		    !crowd_wait(&c->rdone)) {
			crowd_fail(c, __LINE__);
			break;
		}
	}
	return (NULL);
}

static void *
crowd_change(void *arg)
{
	struct crowd *c = arg;
	unsigned flags;
	int i, round;
	uintptr_t fd;

	for (i = 0; i < NROUNDS; i++) {
		fd = (uintptr_t)c->sv[i % NPAIRS][0];
		round = i / NPAIRS;
		/* The first round adds; then what arms again in this mode. */
		flags = EV_ADD | c->wmode;
		if (round > 0 && c->wmode == EV_DISPATCH)
			flags = EV_ENABLE;
		if (round % 3 == 2 && c->wmode != EV_ONESHOT) {
			if (kq_test_change(c->kq, fd, EVFILT_WRITE, EV_DELETE,
			    0, 0, NULL) != 0)
				crowd_fail(c, __LINE__);
			flags = EV_ADD | c->wmode;
		}
		if (kq_test_change(c->kq, fd, EVFILT_WRITE, flags, 0, 0,
		    NULL) != 0 || !crowd_wait(&c->wdone)) {
			crowd_fail(c, __LINE__);
			break;
		}
	}
	return (NULL);
}

static void
crowd_run(enum pair kind, unsigned rmode, unsigned wmode)
{
	pthread_t collector[NCOLLECTORS], sender, changer;
	struct crowd c;
	int i;

	memset(&c, 0, sizeof(c));
	c.rmode = rmode;
	c.wmode = wmode;
	ATF_REQUIRE((c.kq = kqueue()) != -1);
	ATF_REQUIRE_EQ(0, sem_init(&c.rdone, 0, 0));
	ATF_REQUIRE_EQ(0, sem_init(&c.wdone, 0, 0));
	for (i = 0; i < NPAIRS; i++) {
		pair_open(kind, c.sv[i]);
		KQ_CHANGE(c.kq, c.sv[i][0], EVFILT_READ, EV_ADD | rmode, 0, 0);
	}
	KQ_CHANGE(c.kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < NCOLLECTORS; i++)
		ATF_REQUIRE_EQ(0, pthread_create(&collector[i], NULL,
		    crowd_collect, &c));
	ATF_REQUIRE_EQ(0, pthread_create(&sender, NULL, crowd_send, &c));
	ATF_REQUIRE_EQ(0, pthread_create(&changer, NULL, crowd_change, &c));
	ATF_REQUIRE_EQ(0, pthread_join(sender, NULL));
	ATF_REQUIRE_EQ(0, pthread_join(changer, NULL));
	/* In level mode it ends every collector, each at its own call. */
	KQ_CHANGE(c.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	for (i = 0; i < NCOLLECTORS; i++)
		ATF_REQUIRE_EQ(0, pthread_join(collector[i], NULL));
	KQ_CHANGE(c.kq, 1, EVFILT_USER, EV_DELETE, 0, 0);

	ATF_REQUIRE_MSG(c.error == 0 && c.reads == NROUNDS &&
	    c.writes == NROUNDS, "READ %#x, WRITE %#x: line %d; of %d rounds "
	    "%u were read, %u written", rmode, wmode, c.error, NROUNDS,
	    c.reads, c.writes);
	KQ_EXPECT_NOTHING(c.kq);
	KQ_POLL_SILENT(c.kq);
	for (i = 0; i < NPAIRS; i++)
		pair_close(c.sv[i]);
	ATF_REQUIRE_EQ(0, close(c.kq));
	(void)sem_destroy(&c.rdone);
	(void)sem_destroy(&c.wdone);
}

/* WRITE in level mode would keep four threads busy and prove nothing. */
static void
crowd_table(enum pair kind)
{
	size_t r, w;

	for (r = 1; r < NMODES; r++) {
		for (w = 2; w < NMODES; w++)
			crowd_run(kind, modes[r].mode, modes[w].mode);
	}
}

KQ_TC(unix_threads, "SCAN-13: four threads collect, two change, AF_UNIX")
{
	crowd_table(P_UNIX);
}

KQ_TC(tcp_threads, "SCAN-13: four threads collect, two change, TCP")
{
	crowd_table(P_TCP);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, unix_rw_long);
	ATF_TP_ADD_TC(tp, unix_rw_short);
	ATF_TP_ADD_TC(tp, unix_wr_long);
	ATF_TP_ADD_TC(tp, unix_wr_short);
	ATF_TP_ADD_TC(tp, tcp_rw_long);
	ATF_TP_ADD_TC(tp, tcp_rw_short);
	ATF_TP_ADD_TC(tp, tcp_wr_long);
	ATF_TP_ADD_TC(tp, tcp_wr_short);
	ATF_TP_ADD_TC(tp, except_rwx_long);
	ATF_TP_ADD_TC(tp, except_rwx_short);
	ATF_TP_ADD_TC(tp, except_xwr_long);
	ATF_TP_ADD_TC(tp, except_xwr_short);
	ATF_TP_ADD_TC(tp, unix_threads);
	ATF_TP_ADD_TC(tp, tcp_threads);
	return (atf_no_error());
}
