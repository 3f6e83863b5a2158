/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signal handler interrupts the library, anywhere.
 *
 * What the library does is interrupted at its first point (where it calls the
 * kernel, allocates or releases a lock), at its second, and so on, by a handler
 * that does what a handler may do: close and dup2(), which are
 * async-signal-safe, and triggering a user event; and what it may not, which
 * has to fail.  Each time in a child of its own, which is killed if it hangs.
 * Wanted: nothing lost, nothing delivered twice, nothing of a closed
 * descriptor, no descriptor left, and a kqueue that works on.
 */
#include "place_test.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <signal.h>

#include "fault.h"

enum { NFDS = 24, NUSERS = 24 };

static int kq;
static int sv[NFDS][2];		/* [0] is watched */
static int number[NFDS];	/* sv[][0], as it was */
static unsigned nuser[NUSERS];	/* deliveries of each user event */
static unsigned nread[NFDS];	/* ... and of each EVFILT_READ */
static int spare[2];		/* sockets that nobody watches */
static int replaced = -1;	/* a number that means another file now */

/* For act_files(): two kqueues with one inotify instance, and what they see. */
static int filekq[2] = { -1, -1 };
static int file[2];

/* What the handler found. */
static volatile sig_atomic_t ran, handler_errno;
static volatile bool triggered[NUSERS];

static void
set(struct kevent *kev, uintptr_t ident, int filter, unsigned flags,
    unsigned fflags)
{
	EV_SET(kev, ident, (short)filter, (unsigned short)flags, fflags, 0,
	    NULL);
}

static int
change(uintptr_t ident, int filter, unsigned flags, unsigned fflags)
{
	struct kevent kev;

	set(&kev, ident, filter, flags, fflags);
	return (kevent(kq, &kev, 1, NULL, 0, NULL) == 0 ? 0 : errno);
}

/* Count; closed: the handler may have closed it meanwhile (REG-23). */
static void
seen(const struct kevent *kev, int n, bool closed)
{
	int i, j;

	for (i = 0; i < n; i++) {
		CHECK((kev[i].flags & EV_ERROR) == 0, "EV_ERROR: %s",
		    strerror((int)kev[i].data));
		if (kev[i].filter == EVFILT_USER) {
			CHECK(kev[i].ident < NUSERS, "unknown event");
			nuser[kev[i].ident]++;
			continue;
		}
		if (kev[i].filter != EVFILT_READ)
			continue;
		for (j = 0; j < NFDS; j++) {
			if (number[j] == (int)kev[i].ident)
				break;
		}
		CHECK(j < NFDS, "unknown event");
		CHECK(closed || sv[j][0] != -1,
		    "an event of a closed descriptor, %d", number[j]);
		nread[j]++;
	}
}

/*
 * What is interrupted.
 */

static void
work_poll(void)
{
	struct kevent kev[64];
	int n;

	n = kevent(kq, NULL, 0, kev, 64, &(struct timespec){ 0, 0 });
	CHECK(n >= 0 || errno == EBADF, "kevent: %s", strerror(errno));
	seen(kev, n, true);
}

static void
work_wait(void)
{
	struct kevent kev[2];
	int n;

	n = kevent(kq, NULL, 0, kev, 2, &(struct timespec){ KQ_PATIENCE, 0 });
	CHECK(n > 0 || errno == EBADF || errno == EINTR, "kevent: %d, %s", n,
	    strerror(errno));
	seen(kev, n, true);
}

static bool
gone(int error)
{
	return (error == EBADF || error == ENOENT);
}

/* A bell, a timerfd and a nested set are made. */
static void
work_add(void)
{
	int error;

	error = change(1, EVFILT_TIMER, EV_ADD, 0);
	CHECK(error == 0 || gone(error), "timer: %s", strerror(error));
	error = change((uintptr_t)sv[1][0], EVFILT_WRITE, EV_ADD | EV_CLEAR,
	    0);
	CHECK(error == 0 || gone(error), "write: %s", strerror(error));
	error = change((uintptr_t)spare[0], EVFILT_READ, EV_ADD | EV_DISPATCH,
	    0);
	CHECK(error == 0 || gone(error), "read: %s", strerror(error));
	error = change((uintptr_t)spare[0], EVFILT_READ, EV_DELETE, 0);
	CHECK(error == 0 || gone(error), "delete: %s", strerror(error));
}

static void
work_change(void)
{
	int error, i;

	for (i = 0; i < 3; i++) {
		error = change((uintptr_t)sv[i][0], EVFILT_READ, EV_DISABLE,
		    0);
		CHECK(error == 0 || gone(error), "disable: %s",
		    strerror(error));
		error = change((uintptr_t)sv[i][0], EVFILT_READ, EV_ENABLE, 0);
		CHECK(error == 0 || gone(error), "enable: %s",
		    strerror(error));
	}
}

static void
work_close(void)
{
	int error;

	(void)close(sv[NFDS - 1][0]);
	sv[NFDS - 1][0] = -1;
	error = dup(kq);
	if (error != -1)
		(void)close(error);
	/* A new one, beside it. */
	error = kqueue();
	CHECK(error != -1, "kqueue: %s", strerror(errno));
	(void)close(error);
}

static int
file_change(int q, int fd, unsigned flags)
{
	struct kevent kev;

	set(&kev, (uintptr_t)fd, EVFILT_VNODE, flags, NOTE_WRITE);
	return (kevent(q, &kev, 1, NULL, 0, NULL) == 0 ? 0 : errno);
}

/* With the lock of the shared instance, too. */
static void
work_files(void)
{
	struct kevent kev[4];
	int error, n;

	error = file_change(filekq[0], file[1], EV_DELETE);
	CHECK(error == 0, "delete: %s", strerror(error));
	error = file_change(filekq[0], file[1], EV_ADD | EV_CLEAR);
	CHECK(error == 0, "add: %s", strerror(error));
	CHECK(write(file[1], "x", 1) == 1, "write");
	n = kevent(filekq[0], NULL, 0, kev, 4, &(struct timespec){ 0, 0 });
	CHECK(n == 1 && kev[0].ident == (uintptr_t)file[1], "%d events", n);
}

static void	(*const works[])(void) = { work_poll, work_wait, work_add,
    work_change, work_close, work_files };
enum { NWORKS = sizeof(works) / sizeof(works[0]) };

/*
 * What the handler does.
 */

static void
act_trigger(void)
{
	int error;

	error = change(0, EVFILT_USER, 0, NOTE_TRIGGER);
	triggered[0] = error == 0;
	if (error != 0)
		handler_errno = error;
}

/* More than are kept for the holder of the lock: the others say so. */
static void
act_triggers(void)
{
	int error, i;

	for (i = 0; i < NUSERS; i++) {
		error = change((uintptr_t)i, EVFILT_USER, 0, NOTE_TRIGGER);
		triggered[i] = error == 0;
		if (error != 0 && error != EAGAIN)
			handler_errno = error;
	}
}

static void
act_close(void)
{
	(void)close(sv[0][0]);
	sv[0][0] = -1;
}

static void
act_closes(void)
{
	int i;

	/* More than are kept by number. */
	for (i = 0; i < NFDS - 2; i++) {
		if (i != 1) {
			(void)close(sv[i][0]);
			sv[i][0] = -1;
		}
	}
}

static void
act_dup2(void)
{
	int fd = sv[0][0];

	replaced = fd;
	sv[0][0] = -1;
	if (dup2(spare[1], fd) != fd)
		handler_errno = errno;
}

static void
act_closekq(void)
{
	if (close(kq) != 0)
		handler_errno = errno;
	kq = -1;
}

/* What has to wait cannot be had here, if a lock is held. */
static void
act_kevent(void)
{
	struct kevent kev[2];
	int n;

	n = kevent(kq, NULL, 0, kev, 2, &(struct timespec){ 0, 0 });
	if (n == -1 && errno != EDEADLK)
		handler_errno = errno;
	seen(kev, n, true);
}

static void
act_add(void)
{
	int error;

	error = change(99, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0);
	if (error != 0 && error != EDEADLK)
		handler_errno = error;
	/* Nobody is told of an unknown one, or it is ENOENT. */
	error = change(12345, EVFILT_USER, 0, NOTE_TRIGGER);
	if (error != 0 && error != ENOENT)
		handler_errno = error;
}

/* What was watched under a lock that somebody may have. */
static void
act_files(void)
{
	if (close(file[0]) != 0 || close(filekq[1]) != 0)
		handler_errno = errno;
	file[0] = filekq[1] = -1;
}

static void	(*act)(void);

static void
handler(int sig)
{
	int saved = errno;

	(void)sig;
	ran++;
	act();
	errno = saved;
}

/*
 * A child.
 */

static void
prepare(void)
{
	struct sigaction sa = { .sa_handler = handler };
	int i;

	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0, "sigaction");
	kq = kqueue();
	CHECK(kq != -1, "kqueue");
	for (i = 0; i < NFDS; i++) {
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv[i]) == 0,
		    "socketpair");
		number[i] = sv[i][0];
		CHECK(change((uintptr_t)sv[i][0], EVFILT_READ, EV_ADD |
		    (i % 2 == 0 ? 0u : EV_CLEAR), 0) == 0, "add");
		CHECK(write(sv[i][1], "x", 1) == 1, "write");
	}
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, spare) == 0, "socketpair");
	for (i = 0; i < NUSERS; i++)
		CHECK(change((uintptr_t)i, EVFILT_USER, EV_ADD | EV_CLEAR,
		    0) == 0, "add");
	/* One is pending. */
	CHECK(change(NUSERS - 1, EVFILT_USER, 0, NOTE_TRIGGER) == 0,
	    "trigger");
}

static void
prepare_files(void)
{
	int i;

	if (act != act_files)
		return;
	for (i = 0; i < 2; i++) {
		file[i] = open(i == 0 ? "file0" : "file1", O_RDWR | O_CREAT,
		    0600);
		CHECK((filekq[i] = kqueue()) != -1 && file[i] != -1, "files");
	}
	for (i = 0; i < 4; i++)
		CHECK(file_change(filekq[i / 2], file[i % 2],
		    EV_ADD | EV_CLEAR) == 0, "add");
}

/* The one that is left sees the file that is left, and no other. */
static void
files_work_on(void)
{
	struct kevent kev[4];
	int n;

	if (act != act_files)
		return;
	if (file[0] != -1)
		act_files();
	CHECK(write(file[1], "x", 1) == 1, "write");
	n = kevent(filekq[0], NULL, 0, kev, 4,
	    &(struct timespec){ KQ_PATIENCE, 0 });
	CHECK(n == 1 && kev[0].ident == (uintptr_t)file[1] &&
	    kev[0].fflags != 0, "%d events", n);
	CHECK(close(file[1]) == 0 && close(filekq[0]) == 0, "close");
}

static void
collect_all(void)
{
	struct kevent kev[64];
	int n;

	/* Level ones stay; others come once. */
	n = kevent(kq, NULL, 0, kev, 64, &(struct timespec){ 0, 0 });
	CHECK(n >= 0, "kevent: %s", strerror(errno));
	seen(kev, n, false);
}

/* It works on: all that is there can be deleted, and something new speaks. */
static void
works_on(void)
{
	struct kevent kev;
	unsigned want;
	int error, fd, i, n;

	collect_all();
	collect_all();
	for (i = 0; i < NUSERS; i++) {
		want = triggered[i] ? 1 : 0;
		if (i == NUSERS - 1)
			want = want > 0 && nuser[i] == 2 ? 2 : 1;
		CHECK(nuser[i] == want, "user event %d came %u times, not %u",
		    i, nuser[i], want);
	}
	for (i = 0; i < NFDS; i++) {
		if ((fd = sv[i][0]) == -1)
			continue;
		/* EV_CLEAR, but for what work_change() enables again. */
		CHECK(i % 2 == 0 || i == 1 || nread[i] == 1,
		    "the data of socket %d came %u times", i, nread[i]);
		error = change((uintptr_t)fd, EVFILT_READ, EV_DELETE, 0);
		CHECK(error == 0, "delete %d: %s", i, strerror(error));
	}
	if (replaced != -1) {
		error = change((uintptr_t)replaced, EVFILT_READ, EV_DELETE, 0);
		CHECK(error == ENOENT, "a knote of another file: %s",
		    strerror(error));
	}
	(void)change(1, EVFILT_TIMER, EV_DELETE, 0);
	(void)change(99, EVFILT_TIMER, EV_DELETE, 0);
	(void)change((uintptr_t)sv[1][0], EVFILT_WRITE, EV_DELETE, 0);

	fd = dup(spare[0]);
	CHECK(change((uintptr_t)fd, EVFILT_READ, EV_ADD, 0) == 0, "add");
	CHECK(write(spare[1], "y", 1) == 1, "write");
	n = kevent(kq, NULL, 0, &kev, 1,
	    &(struct timespec){ KQ_PATIENCE, 0 });
	CHECK(n == 1 && kev.ident == (uintptr_t)fd && kev.data == 1,
	    "%d events, ident %d", n, (int)kev.ident);
	(void)close(fd);
	n = kevent(kq, NULL, 0, &kev, 1, &(struct timespec){ 0, 0 });
	CHECK(n == 0, "an event of a closed descriptor");
	CHECK(close(kq) == 0, "close");
}

static int
child(int work, unsigned long nth)
{
	struct kevent kev;
	int before, i;

	(void)alarm(20);
	before = kq_test_count();
	prepare();
	prepare_files();
	kq_fault_interrupt(nth, SIGUSR1);
	works[work]();
	kq_fault_interrupt(0, 0);
	CHECK(handler_errno == 0, "in the handler: %s",
	    strerror(handler_errno));
	files_work_on();
	if (kq != -1)
		works_on();
	else
		CHECK(kevent(kq, NULL, 0, &kev, 1,
		    &(struct timespec){ 0, 0 }) == -1 && errno == EBADF,
		    "a closed kqueue answers");
	for (i = 0; i < NFDS; i++) {
		(void)close(sv[i][0]);
		(void)close(sv[i][1]);
	}
	CHECK(kq_test_count() <= before, "%d descriptors before, %d after",
	    before, kq_test_count());
	return (ran == 0 ? 2 : 0);
}

static void
everywhere(void (*action)(void))
{
	unsigned long nth;
	int status, work;
	pid_t pid;

	act = action;
	for (work = 0; work < NWORKS; work++) {
		if (works[work] == work_files && act != act_files)
			continue;
		/* All of them, or some where it is slow. */
		for (nth = 1;; nth += (unsigned long)(kq_slow + 2) / 3) {
			if ((pid = fork()) == 0)
				_exit(child(work, nth));
			ATF_REQUIRE(pid != -1);
			ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
			ATF_REQUIRE_MSG(WIFEXITED(status) &&
			    WEXITSTATUS(status) != 1, "work %d, point %lu: "
			    "status %#x", work, nth, (unsigned)status);
			/* There is no such point. */
			if (WEXITSTATUS(status) == 2)
				break;
			ATF_REQUIRE_EQ(0, WEXITSTATUS(status));
		}
		ATF_REQUIRE_MSG(nth > 1, "work %d has no point", work);
	}
}

#define	HANDLER_TC(name, descr)						\
KQ_TC_MD(name, descr, "timeout", "200")				\
{									\
	everywhere(act_##name);						\
}

HANDLER_TC(trigger, "USER-15: a trigger is delivered once")
HANDLER_TC(triggers, "... many, and those that say EAGAIN are not")
HANDLER_TC(close, "REG-31: a descriptor that is closed")
HANDLER_TC(closes, "... many of them")
HANDLER_TC(dup2, "REG-32: a descriptor that is replaced")
HANDLER_TC(closekq, "KQ-10: the kqueue itself is closed")
HANDLER_TC(kevent, "kevent() works, or says EDEADLK")
HANDLER_TC(add, "EV_ADD works, or says EDEADLK")

KQ_TC_MD(files, "REG-31, KQ-10: a file, and a kqueue that shares an instance",
    "timeout", "200")
{
	limit_set("max_inotify_instances", "1");
	everywhere(act_files);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, trigger);
	ATF_TP_ADD_TC(tp, triggers);
	ATF_TP_ADD_TC(tp, close);
	ATF_TP_ADD_TC(tp, closes);
	ATF_TP_ADD_TC(tp, dup2);
	ATF_TP_ADD_TC(tp, closekq);
	ATF_TP_ADD_TC(tp, kevent);
	ATF_TP_ADD_TC(tp, add);
	ATF_TP_ADD_TC(tp, files);
	return (atf_no_error());
}
