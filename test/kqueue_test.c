/* SPDX-License-Identifier: BSD-2-Clause */
/* The kqueue object and its descriptor: clauses KQ-1 to KQ-19. */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "kq_test.h"

/* What KQUEUE_DIALECT=KQUEUE_FREEBSD makes of kqueue() and kqueue1(). */
int	kqueue_freebsd(void);
int	kqueue1_freebsd(int);

/* What the program does instead of being a test, see exec_image(). */
#define	EXEC_VARIABLE	"KQUEUE_TEST_EXEC"
#define	EXEC_NO		20	/* its answer, told from any failure to run */

/* A thread that sleeps in kevent(); the result is an errno or -events. */
struct sleeper {
	pthread_t	thread;
	atomic_int	tid;
	int		kq;
	struct kevent	kev;
};

static void *
sleeper_main(void *arg)
{
	struct sleeper *sl = arg;
	int n;

	atomic_store(&sl->tid, (int)syscall(SYS_gettid));
	n = kevent(sl->kq, NULL, 0, &sl->kev, 1, NULL);
	return ((void *)(intptr_t)(n == -1 ? errno : -n));
}

/* Returns when the thread sleeps in the kernel, or is gone. */
static void
wait_asleep(int tid)
{
	char path[64], buf[512], *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	for (;;) {
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			return;
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		if (n <= 0)
			return;
		buf[n] = '\0';
		state = strrchr(buf, ')');
		if (state != NULL && state[1] == ' ' && state[2] == 'S')
			return;
		sched_yield();
	}
}

static void
sleeper_start(struct sleeper *sl, int kq)
{
	int tid;

	memset(&sl->kev, 0, sizeof(sl->kev));
	atomic_init(&sl->tid, 0);
	sl->kq = kq;
	ATF_REQUIRE_EQ(pthread_create(&sl->thread, NULL, sleeper_main, sl), 0);
	while ((tid = atomic_load(&sl->tid)) == 0)
		sched_yield();
	wait_asleep(tid);
}

static int
sleeper_join(struct sleeper *sl)
{
	void *value;

	ATF_REQUIRE_EQ(pthread_join(sl->thread, &value), 0);
	return ((int)(intptr_t)value);
}

/* The exit code of a child, -1 if it did not exit. */
static int
child_code(pid_t pid)
{
	int status;

	ATF_REQUIRE(pid > 0);
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* kevent() without changes or waiting: 0 or the errno. */
static int
look(int kq)
{
	struct timespec ts = { 0, 0 };
	struct kevent kev;

	return (kevent(kq, NULL, 0, &kev, 1, &ts) == -1 ? errno : 0);
}

KQ_TC(lowest_free_descriptor, "KQ-1: kqueue() returns the lowest free number")
{
	int hole, other;

	ATF_REQUIRE((hole = open("/dev/null", O_RDONLY)) >= 0);
	ATF_REQUIRE((other = open("/dev/null", O_RDONLY)) >= 0);
	close(hole);
	ATF_REQUIRE_EQ(KQ_OPEN(), hole);
	close(other);
}

KQ_TC(open_for_read_and_write, "KQ-1: the descriptor is open for both")
{
	int flags, kq = KQ_OPEN();

	ATF_REQUIRE((flags = fcntl(kq, F_GETFL)) != -1);
	ATF_REQUIRE_EQ(flags & O_ACCMODE, O_RDWR);
	ATF_REQUIRE_EQ(flags & O_NONBLOCK, 0);
}

KQ_TC(close_on_exec_is_set, "KQ-1: close-on-exec is set, a chosen difference")
{
	int kq = KQ_OPEN();

	ATF_REQUIRE_EQ(fcntl(kq, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

KQ_TC(new_queue_is_empty, "KQ-1: no knotes, nothing pending")
{
	int kq = KQ_OPEN();

	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
}

KQ_TC(kqueue1_flags, "KQ-1: kqueue1() takes O_CLOEXEC and O_NONBLOCK")
{
	static const int flags[] = { 0, O_CLOEXEC, O_NONBLOCK,
	    O_CLOEXEC | O_NONBLOCK };
	size_t i;
	int kq;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		kq = kq_test_remember(kqueue1(flags[i]));
		ATF_REQUIRE_MSG(kq >= 0, "flags %#x: %s", flags[i],
		    strerror(errno));
		ATF_REQUIRE_EQ(fcntl(kq, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		ATF_REQUIRE_EQ(fcntl(kq, F_GETFL) & O_NONBLOCK,
		    flags[i] & O_NONBLOCK);
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		KQ_EXPECT(kq, 1, EVFILT_USER);
	}
}

KQ_TC(kqueue1_bad_flags, "KQ-1: kqueue1() refuses any other flag, EINVAL")
{
	static const int flags[] = { O_APPEND, O_RDWR, O_CLOEXEC | O_APPEND,
	    O_NONBLOCK | O_ASYNC, -1 };
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		ATF_CHECK_ERRNO(EINVAL, kqueue1(flags[i]) == -1);
}

KQ_TC(process_table_full, "KQ-2: EMFILE, and nothing is left behind")
{
	struct rlimit old, none;
	int kq, next;

	/* The first kqueue may have set something up for all of them. */
	kq = KQ_OPEN();
	ATF_REQUIRE((next = open("/dev/null", O_RDONLY)) >= 0);
	close(next);
	ATF_REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)next;
	ATF_REQUIRE_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	ATF_CHECK_ERRNO(EMFILE, kqueue() == -1);
	ATF_CHECK_ERRNO(EMFILE, kqueue1(O_CLOEXEC) == -1);
	ATF_REQUIRE_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	ATF_REQUIRE_EQ(KQ_OPEN(), next);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(read_fails, "KQ-3: read() and readv() fail and take nothing")
{
	struct iovec iov;
	char buf[64];
	int kq = KQ_OPEN();

	iov.iov_base = buf;
	iov.iov_len = sizeof(buf);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(read(kq, buf, sizeof(buf)), -1);
	ATF_REQUIRE_EQ(readv(kq, &iov, 1), -1);
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(read_is_enxio, "KQ-3: read() fails with ENXIO")
{
	char buf[64];
	int kq = KQ_OPEN();

	atf_tc_expect_fail("KQ-3: Linux answers EINVAL for read() on an epoll "
	    "descriptor, BSD ENXIO");
	ATF_REQUIRE_ERRNO(ENXIO, read(kq, buf, sizeof(buf)) == -1);
}

KQ_TC(write_fails, "KQ-4: write() and writev() fail and trigger nothing")
{
	struct iovec iov;
	char buf[64] = "";
	int kq = KQ_OPEN();

	iov.iov_base = buf;
	iov.iov_len = sizeof(buf);
	ATF_REQUIRE_EQ(write(kq, buf, sizeof(buf)), -1);
	ATF_REQUIRE_EQ(writev(kq, &iov, 1), -1);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(write_is_enxio, "KQ-4: write() fails with ENXIO")
{
	char buf[64] = "";
	int kq = KQ_OPEN();

	atf_tc_expect_fail("KQ-4: Linux answers EINVAL for write() on an epoll "
	    "descriptor, BSD ENXIO");
	ATF_REQUIRE_ERRNO(ENXIO, write(kq, buf, sizeof(buf)) == -1);
}

KQ_TC(fstat_succeeds, "KQ-5: fstat() succeeds")
{
	struct stat st;
	int kq = KQ_OPEN();

	ATF_REQUIRE_EQ(fstat(kq, &st), 0);
}

KQ_TC(fstat_is_fifo, "KQ-5: st_mode is S_IFIFO alone")
{
	struct stat st;
	int kq = KQ_OPEN();

	ATF_REQUIRE_EQ(fstat(kq, &st), 0);
	atf_tc_expect_fail("KQ-5: Linux gives the mode of the anonymous inode, "
	    "BSD S_IFIFO");
	ATF_REQUIRE_EQ(st.st_mode, (mode_t)S_IFIFO);
}

KQ_TC(fstat_size_is_pending, "KQ-5: st_size is the pending counter")
{
	struct stat st;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(fstat(kq, &st), 0);
	atf_tc_expect_fail("KQ-5: Linux gives the size of the anonymous inode, "
	    "BSD the number of pending events");
	ATF_REQUIRE_EQ(st.st_size, 2);
}

KQ_TC(generic_ioctls, "KQ-6: FIOCLEX, FIONCLEX and FIONBIO succeed")
{
	int kq = KQ_OPEN(), on = 1, off = 0;

	ATF_REQUIRE_EQ(ioctl(kq, FIONCLEX), 0);
	ATF_REQUIRE_EQ(fcntl(kq, F_GETFD) & FD_CLOEXEC, 0);
	ATF_REQUIRE_EQ(ioctl(kq, FIOCLEX), 0);
	ATF_REQUIRE_EQ(fcntl(kq, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ATF_REQUIRE_EQ(ioctl(kq, FIONBIO, &on), 0);
	ATF_REQUIRE(fcntl(kq, F_GETFL) & O_NONBLOCK);
	ATF_REQUIRE_EQ(ioctl(kq, FIONBIO, &off), 0);
	ATF_REQUIRE((fcntl(kq, F_GETFL) & O_NONBLOCK) == 0);
}

KQ_TC(fioasync_succeeds, "KQ-6: FIOASYNC turns SIGIO on and off")
{
	int kq = KQ_OPEN(), on = 1, off = 0;

	atf_tc_expect_fail("KQ-6: Linux answers ENOTTY for FIOASYNC on an "
	    "epoll descriptor");
	ATF_REQUIRE_EQ(ioctl(kq, FIOASYNC, &on), 0);
	ATF_REQUIRE_EQ(ioctl(kq, FIOASYNC, &off), 0);
}

KQ_TC(fiosetown_succeeds, "KQ-6: FIOSETOWN names who gets SIGIO")
{
	int kq = KQ_OPEN(), group = -getpgrp(), self = getpid();

	atf_tc_expect_fail("KQ-6: Linux has FIOSETOWN for sockets only; there "
	    "is F_SETOWN");
	ATF_REQUIRE_EQ(ioctl(kq, FIOSETOWN, &self), 0);
	ATF_REQUIRE_EQ(ioctl(kq, FIOSETOWN, &group), 0);
}

KQ_TC(other_ioctls, "KQ-6: every other request fails with ENOTTY")
{
	int ep, n, kq = KQ_OPEN();

	/* The kernel has the say; since some release it says EINVAL. */
	ATF_REQUIRE((ep = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	ATF_REQUIRE_EQ(ioctl(ep, FIONREAD, &n), -1);
	n = errno;
	close(ep);
	if (n != ENOTTY)
		atf_tc_expect_fail("KQ-6: this Linux answers %s for an unknown "
		    "request on an epoll descriptor", strerror(n));
	ATF_REQUIRE_ERRNO(ENOTTY, ioctl(kq, FIONREAD, &n) == -1);
}

KQ_TC(sigio_on_first_pending, "KQ-7: SIGIO when the counter leaves 0")
{
	struct timespec ts = { 0, 0 };
	sigset_t set;
	int kq = KQ_OPEN();

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ATF_REQUIRE_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	ATF_REQUIRE(fcntl(kq, F_SETOWN, getpid()) != -1);
	ATF_REQUIRE(fcntl(kq, F_SETFL, O_ASYNC) != -1);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_POLL_READABLE(kq);
	atf_tc_expect_fail("KQ-7: Linux sends no SIGIO for an epoll "
	    "descriptor, O_ASYNC has no effect");
	ATF_REQUIRE_EQ(sigtimedwait(&set, NULL, &ts), SIGIO);
}

KQ_TC(nonblock_does_not_shorten, "KQ-8: O_NONBLOCK, the timeout decides")
{
	struct timespec ts = { 0, 20 * 1000 * 1000 };
	struct kevent kev;
	int64_t start;
	int kq = KQ_OPEN();

	ATF_REQUIRE(fcntl(kq, F_SETFL, O_NONBLOCK) != -1);
	start = kq_test_now();
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &kev, 1, &ts), 0);
	ATF_REQUIRE(kq_test_now() - start >= ts.tv_nsec);
}

KQ_TC(nonblock_waits_for_event, "KQ-8: O_NONBLOCK, NULL waits for an event")
{
	struct kevent kev;
	int64_t start;
	int kq = KQ_OPEN();

	ATF_REQUIRE(fcntl(kq, F_SETFL, O_NONBLOCK) != -1);
	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &kev, 1, NULL), 1);
	KQ_MATCH(&kev, 1, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 20 * 1000 * 1000);
}

/* The queue under two numbers: what one registers, the other knows. */
static void
check_same_queue(int a, int b)
{
	int p[2];

	ATF_REQUIRE(a != b);
	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(a, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(b, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_POLL_READABLE(a);
	KQ_POLL_READABLE(b);
	KQ_EXPECT(a, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(b);
	KQ_CHANGE(b, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(a, p[0], EVFILT_READ, .data = 1);
	KQ_EXPECT(b, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(a, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(b, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(b, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(a, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
	close(p[0]);
	close(p[1]);
}

KQ_TC(dup_is_the_same_queue, "KQ-9: dup() gives the same queue")
{
	int kq = KQ_OPEN();

	check_same_queue(kq, kq_test_remember(dup(kq)));
}

KQ_TC(dup2_is_the_same_queue, "KQ-9: dup2() and dup3() give the same queue")
{
	int kq = KQ_OPEN();

	ATF_REQUIRE_EQ(kq_test_remember(dup2(kq, 100)), 100);
	check_same_queue(kq, 100);
	ATF_REQUIRE_EQ(kq_test_remember((int)syscall(SYS_dup3, kq, 101,
	    O_CLOEXEC)), 101);
	check_same_queue(kq, 101);
	check_same_queue(100, 101);
}

KQ_TC(fdupfd_is_the_same_queue, "KQ-9: F_DUPFD gives the same queue")
{
	int a, b, kq = KQ_OPEN();

	a = kq_test_remember(fcntl(kq, F_DUPFD, 50));
	ATF_REQUIRE(a >= 50);
	check_same_queue(kq, a);
	b = kq_test_remember(fcntl(kq, F_DUPFD_CLOEXEC, 50));
	ATF_REQUIRE(b > a);
	check_same_queue(a, b);
}

KQ_TC(closing_the_dup, "KQ-9: closing the dup leaves the queue alive")
{
	int copy, kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	ATF_REQUIRE((copy = dup(kq)) >= 0);
	KQ_CHANGE(copy, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	close(copy);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	ATF_REQUIRE_EQ(look(copy), EBADF);
}

KQ_TC(closing_the_original, "KQ-9: closing the first number leaves the queue")
{
	int copy, p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20);
	ATF_REQUIRE((copy = kq_test_remember(dup(kq))) >= 0);
	close(kq);
	ATF_REQUIRE_EQ(look(kq), EBADF);
	KQ_EXPECT(copy, 1, EVFILT_USER);
	KQ_EXPECT(copy, 2, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE_EQ(write(p[1], "xy", 2), 2);
	KQ_EXPECT(copy, p[0], EVFILT_READ, .data = 2);
	KQ_CHANGE(copy, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(copy, 1, EVFILT_USER);
	/* Another queue may take the number; the two stay apart. */
	ATF_REQUIRE_EQ(KQ_OPEN(), kq);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(copy, 1, EVFILT_USER, EV_DELETE, 0, 0);
	close(p[0]);
	close(p[1]);
}

KQ_TC(dup2_over_the_queue, "KQ-9: dup2() onto the only number closes it")
{
	int fd, kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	ATF_REQUIRE_EQ(dup2(fd, kq), kq);
	ATF_REQUIRE_EQ(look(kq), EBADF);
	close(fd);
	close(kq);
}

KQ_TC(last_close_destroys, "KQ-10: the last close destroys all knotes")
{
	int p[2], kq;
	char c;

	ATF_REQUIRE_EQ(pipe(p), 0);
	kq = KQ_OPEN();
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE_EQ(close(kq), 0);
	ATF_REQUIRE_EQ(look(kq), EBADF);
	/* The next queue of that number starts with nothing. */
	ATF_REQUIRE_EQ(KQ_OPEN(), kq);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	/* And the watched pipe has noticed nothing. */
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	close(p[0]);
	close(p[1]);
}

KQ_TC(open_and_close_many_times, "KQ-10: a closed queue leaves nothing behind")
{
	int p[2], i, kq;

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	for (i = 0; i < 5000; i++) {
		ATF_REQUIRE((kq = kqueue()) >= 0);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
		ATF_REQUIRE_EQ(close(kq), 0);
	}
	close(p[0]);
	close(p[1]);
}

KQ_TC(close_wakes_the_sleeper, "KQ-11: a sleeper wakes, EBADF, by choice")
{
	struct sleeper sl;
	int kq = KQ_OPEN();

	sleeper_start(&sl, kq);
	ATF_REQUIRE_EQ(close(kq), 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), EBADF);
}

KQ_TC(close_wakes_all_sleepers, "KQ-11: EBADF for every sleeper")
{
	struct sleeper sl[4];
	int i, p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	for (i = 0; i < 4; i++)
		sleeper_start(&sl[i], kq);
	ATF_REQUIRE_EQ(close(kq), 0);
	for (i = 0; i < 4; i++)
		ATF_CHECK_EQ(sleeper_join(&sl[i]), EBADF);
	close(p[0]);
	close(p[1]);
}

/* Works with a dup; an errno, or 0. */
static void *
dup_worker(void *arg)
{
	struct sleeper *sl = arg;
	struct timespec zero = { 0, 0 };
	struct kevent kev;
	int error = 0, i, p[2];

	if (pipe(p) == -1)
		return ((void *)(intptr_t)errno);
	atomic_store(&sl->tid, 1);
	for (i = 0; i < 20 && error == 0; i++) {
		error = kq_test_change(sl->kq, (uintptr_t)p[0], EVFILT_READ,
		    EV_ADD | EV_CLEAR, 0, 0, NULL);
		if (error == 0 &&
		    kevent(sl->kq, NULL, 0, &kev, 1, &zero) == -1)
			error = errno;
		if (error == 0)
			error = kq_test_change(sl->kq, (uintptr_t)p[0],
			    EVFILT_READ, EV_DELETE, 0, 0, NULL);
	}
	close(p[0]);
	close(p[1]);
	return ((void *)(intptr_t)error);
}

/*
 * The library named the epoll set by the first number, also for those who came
 * by another one, while that was closed and became something else.
 */
KQ_TC(dup_outlives_the_first, "KQ-9: closing one number does not disturb others")
{
	struct sleeper sl;
	int fd, i, kq;

	for (i = 0; i < KQ_ROUNDS(2000); i++) {
		ATF_REQUIRE((kq = kqueue()) != -1);
		ATF_REQUIRE((sl.kq = dup(kq)) != -1);
		atomic_init(&sl.tid, 0);
		ATF_REQUIRE_EQ(pthread_create(&sl.thread, NULL, dup_worker,
		    &sl), 0);
		while (atomic_load(&sl.tid) == 0)
			sched_yield();
		ATF_REQUIRE_EQ(close(kq), 0);
		ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
		ATF_REQUIRE_EQ(sleeper_join(&sl), 0);
		ATF_REQUIRE_EQ(close(fd), 0);
		ATF_REQUIRE_EQ(close(sl.kq), 0);
	}
}

/*
 * The sleeper may be awake and away before close() is done with the kqueue.
 * Two that are created next were one, of which either delivered the other's
 * events.
 */
KQ_TC(closed_asleep_ends_once, "KQ-10, KQ-11: a kqueue closed asleep ends once")
{
	struct sleeper sl;
	struct timespec zero = { 0, 0 };
	struct kevent kev;
	int a, b, i, kq;

	for (i = 0; i < KQ_ROUNDS(500); i++) {
		ATF_REQUIRE((kq = kqueue()) != -1);
		sleeper_start(&sl, kq);
		ATF_REQUIRE_EQ(close(kq), 0);
		ATF_REQUIRE_EQ(sleeper_join(&sl), EBADF);
		ATF_REQUIRE((a = kqueue()) != -1);
		ATF_REQUIRE((b = kqueue()) != -1);
		KQ_CHANGE(a, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		ATF_REQUIRE_EQ(kevent(b, NULL, 0, &kev, 1, &zero), 0);
		ATF_REQUIRE_EQ(close(a), 0);
		ATF_REQUIRE_EQ(kevent(b, NULL, 0, &kev, 1, &zero), 0);
		ATF_REQUIRE_EQ(close(b), 0);
	}
}

/*
 * By the time that the sleeper knows, the number means something else; that
 * was taken for a close that nobody had seen, and its knotes were removed.
 */
KQ_TC(closed_asleep_number_reused, "KQ-11, REG-33: the number is free at once")
{
	struct sleeper sl;
	int i, kq, other = KQ_OPEN(), p[2];

	for (i = 0; i < KQ_ROUNDS(500); i++) {
		ATF_REQUIRE((kq = kqueue()) != -1);
		sleeper_start(&sl, kq);
		ATF_REQUIRE_EQ(close(kq), 0);
		ATF_REQUIRE_EQ(pipe(p), 0);
		ATF_REQUIRE_EQ(p[0], kq);
		KQ_CHANGE(other, p[0], EVFILT_READ, EV_ADD, 0, 0);
		ATF_REQUIRE_EQ(sleeper_join(&sl), EBADF);
		ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
		KQ_EXPECT(other, p[0], EVFILT_READ, .data = 1);
		ATF_REQUIRE_EQ(close(p[0]), 0);
		ATF_REQUIRE_EQ(close(p[1]), 0);
	}
}

KQ_TC(dup2_wakes_the_sleeper, "KQ-11: dup2() onto the number is a close")
{
	struct sleeper sl;
	int fd, kq = KQ_OPEN();

	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	sleeper_start(&sl, kq);
	ATF_REQUIRE_EQ(dup2(fd, kq), kq);
	ATF_REQUIRE_EQ(sleeper_join(&sl), EBADF);
	close(fd);
	close(kq);
}

KQ_TC(sleeper_outlives_the_dup, "KQ-11: closing the dup wakes nobody")
{
	struct sleeper sl;
	int copy, kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	ATF_REQUIRE((copy = dup(kq)) >= 0);
	sleeper_start(&sl, kq);
	ATF_REQUIRE_EQ(close(copy), 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), -1);
	KQ_MATCH(&sl.kev, 1, EVFILT_USER);
}

KQ_TC(sleeper_outlives_its_number, "KQ-11: the number goes, the dup remains")
{
	struct sleeper sl;
	int copy, kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	ATF_REQUIRE((copy = kq_test_remember(dup(kq))) >= 0);
	sleeper_start(&sl, kq);
	ATF_REQUIRE_EQ(close(kq), 0);
	KQ_CHANGE(copy, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), -1);
	KQ_MATCH(&sl.kev, 1, EVFILT_USER);
}

KQ_TC(cannot_be_passed, "KQ-12: SCM_RIGHTS fails with EOPNOTSUPP")
{
	union {
		struct cmsghdr	align;
		char		buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct cmsghdr *cmsg;
	struct msghdr msg;
	struct iovec iov;
	int sv[2], kq = KQ_OPEN();
	char c = 'x';

	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = &c;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &kq, sizeof(kq));
	atf_tc_expect_fail("KQ-12: Linux passes an epoll descriptor to another "
	    "process, where it is no kqueue");
	ATF_REQUIRE_ERRNO(EOPNOTSUPP, sendmsg(sv[0], &msg, 0) == -1);
}

KQ_TC(fork_child_sees_ebadf, "KQ-13: kevent() in the child fails with EBADF")
{
	pid_t pid;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(look(kq) == EBADF &&
		    kq_test_change(kq, 2, EVFILT_USER, EV_ADD, 0, 0, NULL) ==
		    EBADF ? 0 : 1);
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_CHANGE_ERROR(kq, ENOENT, 2, EVFILT_USER, EV_DELETE, 0, 0);
}

KQ_TC(fork_child_number_is_free, "KQ-13: the next open() takes the number")
{
	pid_t pid;
	int kq = KQ_OPEN();

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (fcntl(kq, F_GETFD) != -1 || errno != EBADF)
			_exit(1);
		if (open("/dev/null", O_RDONLY) != kq)
			_exit(2);
		/* It is an ordinary descriptor now, and no kqueue. */
		if (look(kq) != EBADF)
			_exit(3);
		_exit(0);
	}
	ATF_REQUIRE_EQ(child_code(pid), 0);
}

KQ_TC(fork_child_dups_are_gone, "KQ-13: every number of the queue is a hole")
{
	pid_t pid;
	int before, copy, kq;

	before = kq_test_count();
	kq = KQ_OPEN();
	ATF_REQUIRE((copy = kq_test_remember(dup(kq))) >= 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (fcntl(kq, F_GETFD) != -1)
			_exit(1);
		if (fcntl(copy, F_GETFD) != -1)
			_exit(2);
		/* Nor does anything else of the library's stay open. */
		if (kq_test_count() != before)
			_exit(3);
		_exit(0);
	}
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_EXPECT(copy, 1, EVFILT_USER);
}

KQ_TC(fork_child_keeps_other_descriptors, "KQ-13: only the kqueues go")
{
	pid_t pid;
	int p[2], fd, kq = KQ_OPEN();
	char c;

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (fcntl(fd, F_GETFD) == -1 || fcntl(p[1], F_GETFD) == -1)
			_exit(1);
		_exit(read(p[0], &c, 1) == 1 && c == 'x' ? 0 : 2);
	}
	ATF_REQUIRE_EQ(child_code(pid), 0);
	/* One pipe, so the parent sees that the child has emptied it. */
	KQ_EXPECT_NOTHING(kq);
	close(p[0]);
	close(p[1]);
	close(fd);
}

KQ_TC(fork_child_has_its_own, "KQ-13: the child makes kqueues of its own")
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct kevent kev;
	pid_t pid;
	int own, p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if ((own = kqueue()) == -1)
			_exit(1);
		if (kq_test_change(own, 1, EVFILT_USER, EV_DELETE, 0, 0,
		    NULL) != ENOENT)
			_exit(2);
		if (kq_test_change(own, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
		    5, NULL) != 0)
			_exit(3);
		if (kevent(own, NULL, 0, &kev, 1, &ts) != 1 || kev.data != 1)
			_exit(4);
		if (kq_test_change(own, (uintptr_t)p[0], EVFILT_READ, EV_ADD, 0,
		    0, NULL) != 0)
			_exit(5);
		if (kq_test_change(own, (uintptr_t)p[0], EVFILT_READ, EV_DELETE,
		    0, 0, NULL) != 0)
			_exit(6);
		_exit(0);
	}
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close(p[0]);
	close(p[1]);
}

KQ_TC(fork_leaves_the_parent_alone, "KQ-13: the parent's queue is untouched")
{
	pid_t pid;
	int i, p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 50);
	for (i = 0; i < 20; i++) {
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0)
			_exit(look(kq) == EBADF ? 0 : 1);
		ATF_REQUIRE_EQ(child_code(pid), 0);
	}
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	close(p[0]);
	close(p[1]);
}

KQ_TC(fork_beside_a_sleeper, "KQ-13: fork() disturbs no sleeping thread")
{
	struct sleeper sl;
	pid_t pid;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	sleeper_start(&sl, kq);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(look(kq) == EBADF ? 0 : 1);
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), -1);
}

KQ_TC(close_in_the_child, "KQ-14: a close in the child removes no knote")
{
	pid_t pid;
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		close(p[0]);
		close(p[1]);
		_exit(dup2(STDERR_FILENO, p[0]) == p[0] ? 0 : 1);
	}
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1, .flags = 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	close(p[0]);
	close(p[1]);
}

/* What the program does when one of the two cases below has executed it. */
static void
exec_image(const char *what)
{
	struct timespec ts = { 0, 0 };
	struct kevent kev;
	int kq = atoi(what + 1);

	if (*what == 'c')
		_exit(fcntl(kq, F_GETFD) == -1 && errno == EBADF ? 0 : EXEC_NO);
	_exit(kevent(kq, NULL, 0, &kev, 1, &ts) == 1 &&
	    kev.filter == EVFILT_USER && kev.ident == 1 ? 0 : EXEC_NO);
}

static int
exec_and_ask(char what, bool keep)
{
	char value[32], path[PATH_MAX];
	ssize_t n;
	pid_t pid;
	int kq;

	/* ATF's main() looks for the program where argv[0] says. */
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	ATF_REQUIRE(n > 0);
	path[n] = '\0';
	/* A fork loses the queue, so it is made after that. */
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if ((kq = kqueue()) == -1)
			_exit(10);
		if (kq_test_change(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0,
		    NULL) != 0)
			_exit(11);
		if (keep && fcntl(kq, F_SETFD, 0) == -1)
			_exit(12);
		snprintf(value, sizeof(value), "%c%d", what, kq);
		setenv(EXEC_VARIABLE, value, 1);
		execl(path, path, "-l", (char *)NULL);
		_exit(13);
	}
	return (child_code(pid));
}

KQ_TC(exec_closes_it, "KQ-15: exec closes the queue, a chosen difference")
{
	ATF_REQUIRE_EQ(exec_and_ask('c', false), 0);
}

KQ_TC(exec_survival, "KQ-15: without close-on-exec it survives with its knotes")
{
	int code = exec_and_ask('k', true);

	ATF_REQUIRE_MSG(code == 0 || code == EXEC_NO, "code %d", code);
	atf_tc_expect_fail("KQ-15: the knotes are in the program's memory, "
	    "which exec replaces");
	ATF_REQUIRE_EQ(code, 0);
}

KQ_TC(watched_by_a_kqueue, "KQ-16: EVFILT_READ in another kqueue")
{
	int inner = KQ_OPEN(), outer = KQ_OPEN();

	KQ_CHANGE(outer, inner, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(inner, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(outer);
	KQ_CHANGE(inner, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(outer, inner, EVFILT_READ, .data = 1, .flags = 0);
	KQ_EXPECT(inner, 1, EVFILT_USER);
	KQ_EXPECT(outer, inner, EVFILT_READ, .data = 1);
	KQ_CHANGE(inner, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(outer);
}

KQ_TC(watched_by_poll, "KQ-16: poll() gives POLLIN and POLLRDNORM")
{
	struct pollfd pfd;
	int kq = KQ_OPEN();

	pfd.fd = kq;
	pfd.events = POLLIN | POLLRDNORM;
	ATF_REQUIRE_EQ(poll(&pfd, 1, 0), 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(poll(&pfd, 1, KQ_PATIENCE * 1000), 1);
	ATF_REQUIRE_EQ(pfd.revents, POLLIN | POLLRDNORM);
}

KQ_TC(watched_by_select, "KQ-16: select() says readable")
{
	struct timeval tv = { 0, 0 }, patience = { KQ_PATIENCE, 0 };
	fd_set set;
	int kq = KQ_OPEN();

	FD_ZERO(&set);
	FD_SET(kq, &set);
	ATF_REQUIRE_EQ(select(kq + 1, &set, NULL, NULL, &tv), 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	FD_SET(kq, &set);
	ATF_REQUIRE_EQ(select(kq + 1, &set, NULL, NULL, &patience), 1);
	ATF_REQUIRE(FD_ISSET(kq, &set));
}

KQ_TC(pollout_never, "KQ-16: POLLOUT alone is never reported")
{
	struct pollfd pfd;
	int kq = KQ_OPEN();

	pfd.fd = kq;
	pfd.events = POLLOUT;
	ATF_REQUIRE_EQ(poll(&pfd, 1, 0), 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE_EQ(poll(&pfd, 1, 0), 0);
}

KQ_TC(no_other_filter, "KQ-16: another filter on a kqueue is EOPNOTSUPP")
{
	int inner = KQ_OPEN(), outer = KQ_OPEN();

	KQ_CHANGE_ERROR(outer, EOPNOTSUPP, inner, EVFILT_WRITE, EV_ADD, 0, 0);
}

KQ_TC(readable_while_pending, "KQ-17: readable means pending")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_POLL_READABLE(kq);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_POLL_SILENT(kq);
}

KQ_TC(readable_level, "KQ-17: a level knote keeps the queue readable")
{
	int p[2], kq = KQ_OPEN();
	char c;

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_POLL_READABLE(kq);
	/* Stale now: a poller may be fooled, until kevent() has looked. */
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	close(p[0]);
	close(p[1]);
}

KQ_TC(readable_until_all_collected, "KQ-17: readable until the last is taken")
{
	int i, kq = KQ_OPEN();
	struct kevent kev;

	for (i = 0; i < 5; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER,
		    0);
	for (i = 0; i < 5; i++) {
		KQ_POLL_READABLE(kq);
		ATF_REQUIRE_EQ(KQ_COLLECT(kq, &kev, 1), 1);
	}
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(readable_timer, "KQ-17: readable when a timer is due, not before")
{
	int64_t start;
	int kq = KQ_OPEN();

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 30);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE(kq_test_now() - start >= 30 * 1000 * 1000);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_POLL_SILENT(kq);
}

KQ_TC(readable_disabled, "KQ-17: disabled entries are gone after one look")
{
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 1);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_DISABLE, 0, 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	close(p[0]);
	close(p[1]);
}

KQ_TC(self_watch, "KQ-18: in itself, data is the number of the others")
{
	struct kevent kev[8];
	int i, n, seen, kq = KQ_OPEN();

	KQ_CHANGE(kq, kq, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ((n = KQ_COLLECT(kq, kev, 8)), 3);
	for (i = seen = 0; i < n; i++) {
		if (kev[i].filter != EVFILT_READ)
			continue;
		KQ_MATCH(&kev[i], kq, EVFILT_READ, .data = 2, .flags = 0);
		seen++;
	}
	ATF_REQUIRE_EQ(seen, 1);
}

KQ_TC(self_watch_alone, "KQ-18: the own entry is not counted")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, kq, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, kq, EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, kq, EVFILT_READ, EV_DELETE, 0, 0);
}

KQ_TC(self_watch_pending, "KQ-18, REG-9: what is pending already is told")
{
	struct kevent kev[4];
	int i, kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, kq, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	/* And what was while it could not be delivered. */
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 4));
		KQ_MATCH(&kev[kev[0].filter == EVFILT_READ ? 0 : 1], kq,
		    EVFILT_READ, .data = 1, .flags = EV_CLEAR);
		KQ_CHANGE(kq, kq, EVFILT_READ, EV_DISABLE, 0, 0);
		KQ_EXPECT(kq, 1, EVFILT_USER);
		KQ_CHANGE(kq, kq, EVFILT_READ, EV_ENABLE, 0, 0);
	}
	/* While there is none, it is not. */
	KQ_CHANGE(kq, kq, EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, kq, EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(self_watch_twice, "KQ-18: in itself once, by whatever number: ELOOP")
{
	int kq = KQ_OPEN(), other;

	ATF_REQUIRE((other = dup(kq)) != -1);
	KQ_CHANGE(kq, kq, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ELOOP, other, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(other, ELOOP, other, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, kq, EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, other, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, (struct kevent[3]){ { 0 } }, 3));
	ATF_REQUIRE_EQ(0, close(other));
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(self_watch_closed, "KQ-18: such a queue is closed as any other")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, kq, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(close(kq), 0);
	ATF_REQUIRE_EQ(look(kq), EBADF);
}

KQ_TC(watching_each_other, "KQ-18: two queues may watch each other")
{
	int a = KQ_OPEN(), b = KQ_OPEN();

	KQ_CHANGE(a, b, EVFILT_READ, EV_ADD, 0, 0);
	atf_tc_expect_fail("KQ-18: Linux refuses epoll descriptors that watch "
	    "each other");
	KQ_CHANGE(b, a, EVFILT_READ, EV_ADD, 0, 0);
}

KQ_TC(many_kqueues, "KQ-19: a hundred queues, one descriptor in each")
{
	int i, p[2], kq[100];
	char c;

	ATF_REQUIRE_EQ(pipe(p), 0);
	for (i = 0; i < 100; i++) {
		kq[i] = KQ_OPEN();
		KQ_CHANGE_UDATA(kq[i], p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0,
		    0, &kq[i]);
		KQ_CHANGE(kq[i], i, EVFILT_USER, EV_ADD | EV_ONESHOT, 0, 0);
	}
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	for (i = 0; i < 100; i++) {
		KQ_EXPECT(kq[i], p[0], EVFILT_READ, .data = 1, .udata = &kq[i]);
		KQ_EXPECT_NOTHING(kq[i]);
	}
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	for (i = 0; i < 100; i += 2)
		KQ_CHANGE(kq[i], i, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	for (i = 0; i < 100; i++) {
		if (i % 2 == 0)
			KQ_EXPECT(kq[i], i, EVFILT_USER);
		KQ_EXPECT_NOTHING(kq[i]);
	}
	close(p[0]);
	close(p[1]);
}

KQ_TC(independent_knotes, "KQ-19: each queue has its own CLEAR and ONESHOT")
{
	int p[2], level = KQ_OPEN(), edge = KQ_OPEN(), once = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(level, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(edge, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(once, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(level, p[0], EVFILT_READ, .data = 1, .flags = 0);
	KQ_EXPECT(level, p[0], EVFILT_READ, .data = 1, .flags = 0);
	KQ_EXPECT(edge, p[0], EVFILT_READ, .data = 1, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(edge);
	KQ_EXPECT(once, p[0], EVFILT_READ, .data = 1, .flags = EV_ONESHOT);
	KQ_EXPECT_NOTHING(once);
	KQ_CHANGE_ERROR(once, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "y", 1), 1);
	KQ_EXPECT(edge, p[0], EVFILT_READ, .data = 2, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(once);
	KQ_CHANGE(level, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(level);
	ATF_REQUIRE_EQ(write(p[1], "z", 1), 1);
	KQ_EXPECT(edge, p[0], EVFILT_READ, .data = 3, .flags = EV_CLEAR);
	close(p[0]);
	close(p[1]);
}

/*
 * What is not a clause.
 */

KQ_TC(dialect_environment, "KQUEUE_DIALECT names the dialect of new kqueues")
{
	struct kevent kev;
	int dragonfly, freebsd, other, p[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(setenv("KQUEUE_DIALECT", "freebsd", 1), 0);
	freebsd = KQ_OPEN();
	ATF_REQUIRE_EQ(setenv("KQUEUE_DIALECT", "dragonfly", 1), 0);
	dragonfly = kq_test_remember(kqueue_freebsd());
	ATF_REQUIRE_EQ(setenv("KQUEUE_DIALECT", "plan9", 1), 0);
	other = kq_test_remember(kqueue1_freebsd(O_CLOEXEC));
	ATF_REQUIRE_EQ(unsetenv("KQUEUE_DIALECT"), 0);
	KQ_CHANGE(freebsd, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(dragonfly, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(other, p[0], EVFILT_READ, EV_ADD, 0, 0);
	/* REG-11: FreeBSD does not give EV_ADD back. */
	ATF_REQUIRE_EQ(KQ_COLLECT(freebsd, &kev, 1), 1);
	ATF_REQUIRE_EQ(0, kev.flags & EV_ADD);
	ATF_REQUIRE_EQ(KQ_COLLECT(dragonfly, &kev, 1), 1);
	ATF_REQUIRE_EQ(EV_ADD, kev.flags & EV_ADD);
	/* What is not known changes nothing. */
	ATF_REQUIRE_EQ(KQ_COLLECT(other, &kev, 1), 1);
	ATF_REQUIRE_EQ(0, kev.flags & EV_ADD);
	ATF_REQUIRE_ERRNO(EINVAL, kqueue1_freebsd(O_APPEND) == -1);
}

KQ_TC(version, "libkqueue_version() is that of the header")
{
	ATF_REQUIRE_STREQ(LIBKQUEUE_VERSION, libkqueue_version());
}

ATF_TP_ADD_TCS(tp)
{
	const char *what;

	if ((what = getenv(EXEC_VARIABLE)) != NULL)
		exec_image(what);

	ATF_TP_ADD_TC(tp, lowest_free_descriptor);
	ATF_TP_ADD_TC(tp, open_for_read_and_write);
	ATF_TP_ADD_TC(tp, close_on_exec_is_set);
	ATF_TP_ADD_TC(tp, new_queue_is_empty);
	ATF_TP_ADD_TC(tp, kqueue1_flags);
	ATF_TP_ADD_TC(tp, kqueue1_bad_flags);
	ATF_TP_ADD_TC(tp, process_table_full);
	ATF_TP_ADD_TC(tp, read_fails);
	ATF_TP_ADD_TC(tp, read_is_enxio);
	ATF_TP_ADD_TC(tp, write_fails);
	ATF_TP_ADD_TC(tp, write_is_enxio);
	ATF_TP_ADD_TC(tp, fstat_succeeds);
	ATF_TP_ADD_TC(tp, fstat_is_fifo);
	ATF_TP_ADD_TC(tp, fstat_size_is_pending);
	ATF_TP_ADD_TC(tp, generic_ioctls);
	ATF_TP_ADD_TC(tp, fioasync_succeeds);
	ATF_TP_ADD_TC(tp, fiosetown_succeeds);
	ATF_TP_ADD_TC(tp, other_ioctls);
	ATF_TP_ADD_TC(tp, sigio_on_first_pending);
	ATF_TP_ADD_TC(tp, nonblock_does_not_shorten);
	ATF_TP_ADD_TC(tp, nonblock_waits_for_event);
	ATF_TP_ADD_TC(tp, dup_is_the_same_queue);
	ATF_TP_ADD_TC(tp, dup2_is_the_same_queue);
	ATF_TP_ADD_TC(tp, fdupfd_is_the_same_queue);
	ATF_TP_ADD_TC(tp, closing_the_dup);
	ATF_TP_ADD_TC(tp, closing_the_original);
	ATF_TP_ADD_TC(tp, dup2_over_the_queue);
	ATF_TP_ADD_TC(tp, last_close_destroys);
	ATF_TP_ADD_TC(tp, open_and_close_many_times);
	ATF_TP_ADD_TC(tp, close_wakes_the_sleeper);
	ATF_TP_ADD_TC(tp, close_wakes_all_sleepers);
	ATF_TP_ADD_TC(tp, dup_outlives_the_first);
	ATF_TP_ADD_TC(tp, closed_asleep_ends_once);
	ATF_TP_ADD_TC(tp, closed_asleep_number_reused);
	ATF_TP_ADD_TC(tp, dup2_wakes_the_sleeper);
	ATF_TP_ADD_TC(tp, sleeper_outlives_the_dup);
	ATF_TP_ADD_TC(tp, sleeper_outlives_its_number);
	ATF_TP_ADD_TC(tp, cannot_be_passed);
	ATF_TP_ADD_TC(tp, fork_child_sees_ebadf);
	ATF_TP_ADD_TC(tp, fork_child_number_is_free);
	ATF_TP_ADD_TC(tp, fork_child_dups_are_gone);
	ATF_TP_ADD_TC(tp, fork_child_keeps_other_descriptors);
	ATF_TP_ADD_TC(tp, fork_child_has_its_own);
	ATF_TP_ADD_TC(tp, fork_leaves_the_parent_alone);
	ATF_TP_ADD_TC(tp, fork_beside_a_sleeper);
	ATF_TP_ADD_TC(tp, close_in_the_child);
	ATF_TP_ADD_TC(tp, exec_closes_it);
	ATF_TP_ADD_TC(tp, exec_survival);
	ATF_TP_ADD_TC(tp, watched_by_a_kqueue);
	ATF_TP_ADD_TC(tp, watched_by_poll);
	ATF_TP_ADD_TC(tp, watched_by_select);
	ATF_TP_ADD_TC(tp, pollout_never);
	ATF_TP_ADD_TC(tp, no_other_filter);
	ATF_TP_ADD_TC(tp, readable_while_pending);
	ATF_TP_ADD_TC(tp, readable_level);
	ATF_TP_ADD_TC(tp, readable_until_all_collected);
	ATF_TP_ADD_TC(tp, readable_timer);
	ATF_TP_ADD_TC(tp, readable_disabled);
	ATF_TP_ADD_TC(tp, self_watch);
	ATF_TP_ADD_TC(tp, self_watch_alone);
	ATF_TP_ADD_TC(tp, self_watch_pending);
	ATF_TP_ADD_TC(tp, self_watch_twice);
	ATF_TP_ADD_TC(tp, self_watch_closed);
	ATF_TP_ADD_TC(tp, watching_each_other);
	ATF_TP_ADD_TC(tp, many_kqueues);
	ATF_TP_ADD_TC(tp, independent_knotes);
	ATF_TP_ADD_TC(tp, dialect_environment);
	ATF_TP_ADD_TC(tp, version);
	return (atf_no_error());
}
