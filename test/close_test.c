/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life and death of descriptors: closed numbers, kqueues that are closed, and
 * threads against it.  KQ-9..12, REG-14, REG-31..35, SCAN-18.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "kq_test.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define	CLOSE_RANGE_CLOEXEC	(1u << 2)
#endif
int	close_range(unsigned int, unsigned int, int);
void	closefrom(int);

#define	WATCHED		500	/* the number that is closed */

/* The change fails with error. */
#define	REFUSED(kq, error, id, filt, fl)				\
	ATF_REQUIRE_EQ(kq_test_change(kq, (uintptr_t)(id), filt, fl, 0,	\
	    0, NULL), error)

static void
make_pipe(int p[2])
{
	ATF_REQUIRE_MSG(pipe(p) == 0, "pipe: %s", strerror(errno));
}

/* Put fd under a number of its own choice and close the old one. */
static int
move_to(int fd, int newfd)
{
	if (fd == newfd)
		return (fd);
	ATF_REQUIRE_EQ(dup2(fd, newfd), newfd);
	ATF_REQUIRE_EQ(close(fd), 0);
	return (newfd);
}

static int
open_null(int newfd)
{
	int fd;

	ATF_REQUIRE((fd = open("/dev/null", O_RDWR)) != -1);
	return (move_to(fd, newfd));
}

/* The ways that a number can be closed or replaced. */
static void
by_close(int fd)
{
	ATF_REQUIRE_EQ(close(fd), 0);
}

static void
by_dup2(int fd)
{
	int p[2];

	make_pipe(p);
	ATF_REQUIRE_EQ(dup2(p[0], fd), fd);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	ATF_REQUIRE_EQ(close(p[1]), 0);
	ATF_REQUIRE_EQ(close(fd), 0);
}

static void
by_dup3(int fd)
{
	int p[2];

	make_pipe(p);
	ATF_REQUIRE_EQ(dup3(p[0], fd, O_CLOEXEC), fd);
	ATF_REQUIRE_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	ATF_REQUIRE_EQ(close(p[1]), 0);
	ATF_REQUIRE_EQ(close(fd), 0);
}

static void
by_close_range(int fd)
{
	ATF_REQUIRE_EQ(close_range((unsigned)fd, (unsigned)fd, 0), 0);
}

static void
by_wide_close_range(int fd)
{
	ATF_REQUIRE_EQ(close_range((unsigned)fd - 50, ~0U, 0), 0);
}

static void
by_closefrom(int fd)
{
	closefrom(fd - 50);
}

static void
by_fclose(int fd)
{
	FILE *fp;

	ATF_REQUIRE((fp = fdopen(fd, "r")) != NULL);
	ATF_REQUIRE_EQ(fclose(fp), 0);
}

static void
by_freopen(int fd)
{
	FILE *fp;

	ATF_REQUIRE((fp = fdopen(fd, "r")) != NULL);
	ATF_REQUIRE((fp = freopen("/dev/zero", "r", fp)) != NULL);
	ATF_REQUIRE_EQ(fileno(fp), fd);
	ATF_REQUIRE_EQ(fclose(fp), 0);
}

static void
by_failing_freopen(int fd)
{
	FILE *fp;

	ATF_REQUIRE((fp = fdopen(fd, "r")) != NULL);
	ATF_REQUIRE(freopen("/nonexistent/file", "r", fp) == NULL);
	ATF_REQUIRE_EQ(errno, ENOENT);
}

static void *
closing_thread(void *arg)
{
	return ((void *)(intptr_t)close(*(int *)arg));
}

static void
by_thread(int fd)
{
	pthread_t thread;
	void *ret;

	ATF_REQUIRE_EQ(pthread_create(&thread, NULL, closing_thread, &fd), 0);
	ATF_REQUIRE_EQ(pthread_join(thread, &ret), 0);
	ATF_REQUIRE(ret == NULL);
}

static int handler_fd;

static void
closing_handler(int sig)
{
	(void)sig;
	(void)close(handler_fd);
}

static void
by_handler(int fd)
{
	handler_fd = fd;
	ATF_REQUIRE(signal(SIGUSR1, closing_handler) != SIG_ERR);
	ATF_REQUIRE_EQ(raise(SIGUSR1), 0);
}

/*
 * A pipe that has something to read is watched by two kqueues and closed; with
 * keep, a dup of it stays open.  Then the number is used for another pipe.
 */
static void
check_way(void (*way)(int), unsigned flags, bool keep)
{
	int kq, kq2, p[2], q[2], other;

	kq = KQ_OPEN();
	kq2 = KQ_OPEN();
	make_pipe(p);
	other = -1;
	if (keep)
		ATF_REQUIRE((other = dup(p[0])) != -1);
	move_to(p[0], WATCHED);
	KQ_CHANGE(kq, WATCHED, EVFILT_READ, EV_ADD | flags, 0, 0);
	KQ_CHANGE(kq2, WATCHED, EVFILT_READ, EV_ADD | flags, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	if ((flags & EV_DISABLE) == 0) {
		KQ_POLL_READABLE(kq);
		KQ_EXPECT(kq2, WATCHED, EVFILT_READ, .data = 1);
	}
	errno = 0;
	way(WATCHED);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	KQ_EXPECT_NOTHING(kq2);
	ATF_REQUIRE_EQ(fcntl(WATCHED, F_GETFD), -1);
	REFUSED(kq, EBADF, WATCHED, EVFILT_READ, EV_ADD);

	/* REG-33: another file starts without knotes. */
	make_pipe(q);
	move_to(q[0], WATCHED);
	REFUSED(kq, ENOENT, WATCHED, EVFILT_READ, EV_DELETE);
	REFUSED(kq2, ENOENT, WATCHED, EVFILT_READ, EV_ENABLE);
	if (keep)
		ATF_REQUIRE_EQ(write(p[1], "y", 1), 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, WATCHED, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq2, WATCHED, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(q[1], "xyz", 3), 3);
	KQ_EXPECT(kq, WATCHED, EVFILT_READ, .data = 3);
	KQ_EXPECT(kq2, WATCHED, EVFILT_READ, .data = 3);

	ATF_REQUIRE_EQ(close(WATCHED), 0);
	ATF_REQUIRE_EQ(close(q[1]), 0);
	ATF_REQUIRE_EQ(close(p[1]), 0);
	if (keep)
		ATF_REQUIRE_EQ(close(other), 0);
	ATF_REQUIRE_EQ(close(kq), 0);
	ATF_REQUIRE_EQ(close(kq2), 0);
}

static void
check_all(void (*way)(int))
{
	check_way(way, 0, false);
	check_way(way, 0, true);
	check_way(way, EV_CLEAR, true);
	check_way(way, EV_ONESHOT, true);
	check_way(way, EV_DISPATCH, true);
	check_way(way, EV_DISABLE, true);
	check_way(way, EV_CLEAR | EV_DISPATCH, false);
}

#define	WAY_TC(name, text)						\
KQ_TC(name, text)							\
{									\
	check_all(by_##name);						\
}

WAY_TC(close, "REG-31: close() removes the knotes of the number")
WAY_TC(dup2, "REG-32: dup2() onto a number removes its knotes")
WAY_TC(dup3, "REG-32: dup3() onto a number removes its knotes")
WAY_TC(close_range, "REG-31: close_range() of one number")
WAY_TC(wide_close_range, "REG-31: close_range() of many numbers")
WAY_TC(closefrom, "REG-31: closefrom()")
WAY_TC(fclose, "REG-31: fclose()")
WAY_TC(freopen, "REG-32: freopen() puts another file under the number")
WAY_TC(failing_freopen, "REG-31: freopen() that fails has closed the number")
WAY_TC(thread, "REG-31: close() in another thread")
WAY_TC(handler, "REG-31: close() in a signal handler")

KQ_TC(closedir, "REG-31: closedir()")
{
	DIR *dir;
	int fd, kq, keep;

	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(mkdir("d", 0755), 0);
	ATF_REQUIRE((dir = opendir("d")) != NULL);
	fd = dirfd(dir);
	ATF_REQUIRE((keep = dup(fd)) != -1);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0);
	ATF_REQUIRE_EQ(mkdir("d/e", 0755), 0);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE_EQ(closedir(dir), 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(mkdir("d/f", 0755), 0);
	KQ_EXPECT_NOTHING(kq);
	open_null(fd);
	REFUSED(kq, ENOENT, fd, EVFILT_VNODE, EV_DELETE);
	ATF_REQUIRE_EQ(close(fd), 0);
	ATF_REQUIRE_EQ(close(keep), 0);
}

KQ_TC(pclose, "REG-31: pclose()")
{
	FILE *fp;
	int fd, kq, keep;

	kq = KQ_OPEN();
	ATF_REQUIRE((fp = popen("echo word", "r")) != NULL);
	fd = fileno(fp);
	ATF_REQUIRE((keep = dup(fd)) != -1);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE_EQ(pclose(fp), 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	open_null(fd);
	REFUSED(kq, ENOENT, fd, EVFILT_READ, EV_DELETE);
	ATF_REQUIRE_EQ(close(fd), 0);
	ATF_REQUIRE_EQ(close(keep), 0);
}

#ifdef __GLIBC__		/* musl has none */
KQ_TC(fcloseall, "fcloseall() leaves the numbers open, and the knotes")
{
	FILE *fp;
	int kq, p[2];

	kq = KQ_OPEN();
	make_pipe(p);
	ATF_REQUIRE((fp = fdopen(p[0], "r")) != NULL);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	(void)fcloseall();
	ATF_REQUIRE(fcntl(p[0], F_GETFD) != -1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
}
#endif

KQ_TC(failed_replacement, "REG-32: what fails or changes nothing keeps knotes")
{
	int kq, p[2];

	kq = KQ_OPEN();
	make_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(dup2(p[0], p[0]), p[0]);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	ATF_REQUIRE_ERRNO(EBADF, dup2(WATCHED, p[0]) == -1);
	ATF_REQUIRE_ERRNO(EBADF, dup2(-1, p[0]) == -1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	ATF_REQUIRE_ERRNO(EINVAL, dup3(p[0], p[0], 0) == -1);
	ATF_REQUIRE_ERRNO(EINVAL, dup3(p[1], p[0], O_CLOEXEC | 1) == -1);
	ATF_REQUIRE_ERRNO(EBADF, dup3(WATCHED, p[0], 0) == -1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	ATF_REQUIRE_ERRNO(EINVAL,
	    close_range((unsigned)p[0], (unsigned)p[0], 1 << 20) == -1);
	ATF_REQUIRE_ERRNO(EINVAL,
	    close_range((unsigned)p[0], (unsigned)p[0] - 1, 0) == -1);
	ATF_REQUIRE_EQ(close_range((unsigned)p[0], (unsigned)p[0],
	    CLOSE_RANGE_CLOEXEC), 0);
	ATF_REQUIRE_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	ATF_REQUIRE_ERRNO(EBADF, close(-1) == -1);
	ATF_REQUIRE_ERRNO(EBADF, close(INT_MAX) == -1);
	ATF_REQUIRE_ERRNO(EBADF, close(INT_MIN) == -1);
	ATF_REQUIRE_ERRNO(EBADF, dup2(p[0], -1) == -1);
	ATF_REQUIRE_ERRNO(EBADF, dup2(p[0], INT_MAX) == -1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
}

KQ_TC(errno_untouched, "REG-31: a close that succeeds leaves errno alone")
{
	int kq, p[2], sv[2];

	kq = KQ_OPEN();
	make_pipe(p);
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 100000);
	errno = 12345;
	ATF_REQUIRE_EQ(shutdown(sv[0], SHUT_WR), 0);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	ATF_REQUIRE_EQ(dup2(p[1], sv[0]), sv[0]);
	ATF_REQUIRE_EQ(close(kq), 0);
	ATF_REQUIRE_EQ(errno, 12345);
}

KQ_TC(by_number, "REG-32: knotes under another number of the file live on")
{
	int kq, p[2], other;

	kq = KQ_OPEN();
	make_pipe(p);
	ATF_REQUIRE((other = dup(p[0])) != -1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, other, EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	KQ_EXPECT(kq, other, EVFILT_READ, .data = 1);
	ATF_REQUIRE_EQ(dup2(other, p[0]), p[0]);
	KQ_EXPECT(kq, other, EVFILT_READ, .data = 1);
	ATF_REQUIRE_EQ(close(other), 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
}

KQ_TC(pending_dropped, "REG-31: events that wait in the queue are dropped")
{
	struct kevent kev[8];
	struct timespec ts = { 0, 0 };
	int i, kq, n, p[8][2];

	kq = KQ_OPEN();
	for (i = 0; i < 8; i++) {
		make_pipe(p[i]);
		KQ_CHANGE(kq, p[i][0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
		ATF_REQUIRE_EQ(write(p[i][1], "x", 1), 1);
	}
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	/* Some may have come into user space with the first. */
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, kev, 1), 1);
	for (i = 0; i < 8; i++)
		ATF_REQUIRE_EQ(close(p[i][0]), 0);
	n = kevent(kq, NULL, 0, kev, 8, &ts);
	for (i = 0; i < n; i++)
		ATF_REQUIRE_EQ(kev[i].filter, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(both_filters, "REG-31: knotes of both filters in different modes go")
{
	int kq, other, sv[2];

	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ATF_REQUIRE((other = dup(sv[0])) != -1);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE_EQ(close(sv[0]), 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(dup2(other, sv[0]), sv[0]);
	REFUSED(kq, ENOENT, sv[0], EVFILT_READ, EV_DELETE);
	REFUSED(kq, ENOENT, sv[0], EVFILT_WRITE, EV_DELETE);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 2);
}

KQ_TC(shutdown_by_dup, "WRITE-4: shutdown() through a dup is seen")
{
	int kq, other, sv[2];

	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ATF_REQUIRE((other = dup(sv[0])) != -1);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_WRITE, .flags = 0);
	ATF_REQUIRE_EQ(shutdown(other, SHUT_WR), 0);
	{
		struct kevent kev;

		ATF_REQUIRE_EQ(KQ_COLLECT(kq, &kev, 1), 1);
		ATF_REQUIRE_EQ(kev.flags & EV_EOF, EV_EOF);
	}
}

/*
 * A close that nobody sees: SYS_close.  It cannot be acted upon at once, but
 * one last event is all that may come (SCAN-18).
 */
KQ_TC(unseen_close, "SCAN-18: a close behind our back, the file gone")
{
	int kq, p[2], q[2];

	kq = KQ_OPEN();
	make_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(syscall(SYS_close, p[0]), 0);
	KQ_EXPECT_NOTHING(kq);
	make_pipe(q);
	ATF_REQUIRE_EQ(q[0], p[0]);
	KQ_CHANGE(kq, q[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(q[1], "xy", 2), 2);
	KQ_EXPECT(kq, q[0], EVFILT_READ, .data = 2);
}

KQ_TC(unseen_close_dup, "SCAN-18: a close behind our back, a dup stays open")
{
	struct kevent kev[2];
	struct timespec ts = { 0, 0 };
	int kq, n, other, p[2], q[2];

	kq = KQ_OPEN();
	make_pipe(p);
	ATF_REQUIRE((other = dup(p[0])) != -1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(syscall(SYS_close, p[0]), 0);
	n = kevent(kq, NULL, 0, kev, 2, &ts);
	ATF_REQUIRE(n == 0 || n == 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	make_pipe(q);
	ATF_REQUIRE_EQ(q[0], p[0]);
	KQ_CHANGE(kq, q[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(q[1], "xy", 2), 2);
	KQ_EXPECT(kq, q[0], EVFILT_READ, .data = 2);
	KQ_EXPECT(kq, q[0], EVFILT_READ, .data = 2);
}

KQ_TC(unseen_close_eof, "SCAN-18: the same, and the other side ends")
{
	struct kevent kev[2];
	struct timespec ts = { 0, 0 };
	int i, kq, n, other, p[2];

	kq = KQ_OPEN();
	for (i = 0; i < 5; i++) {
		switch (i) {
		case 0:
			ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0,
			    p));
			break;
		case 1:
			ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0,
			    p));
			break;
		default:
			make_pipe(p);
			break;
		}
		ATF_REQUIRE((other = dup(p[0])) != -1);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD |
		    (i == 3 ? EV_CLEAR : i == 4 ? EV_DISPATCH : 0), 0, 0);
		ATF_REQUIRE_EQ(syscall(SYS_close, p[0]), 0);
		if (i == 1)
			ATF_REQUIRE_EQ(shutdown(other, SHUT_RDWR), 0);
		ATF_REQUIRE_EQ(close(p[1]), 0);
		n = kevent(kq, NULL, 0, kev, 2, &ts);
		ATF_REQUIRE(n == 0 || n == 1);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		ATF_REQUIRE_EQ(close(other), 0);
	}
}

KQ_TC(unseen_close_write, "SCAN-18: the same for what can be written to")
{
	struct kevent kev[2];
	struct timespec ts = { 0, 0 };
	int i, kq, n, other, p[2];

	kq = KQ_OPEN();
	for (i = 0; i < 6; i++) {
		if (i < 3)
			ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0,
			    p));
		else
			make_pipe(p);
		ATF_REQUIRE((other = dup(p[1])) != -1);
		KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD, 0, 0);
		if (i % 3 != 2)
			KQ_EXPECT(kq, p[1], EVFILT_WRITE);
		ATF_REQUIRE_EQ(syscall(SYS_close, p[1]), 0);
		if (i % 3 == 0)
			ATF_REQUIRE_EQ(close(p[0]), 0);
		n = kevent(kq, NULL, 0, kev, 2, &ts);
		ATF_REQUIRE(n == 0 || n == 1);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		if (i % 3 != 0)
			ATF_REQUIRE_EQ(close(p[0]), 0);
		ATF_REQUIRE_EQ(close(other), 0);
	}
}

/* epoll knows nothing of these, which are always ready. */
KQ_TC(unseen_close_device, "SCAN-18: a device or file closed behind our back")
{
	struct kevent kev[4];
	int fd, i, kq = KQ_OPEN(), p[2];

	for (i = 0; i < 3; i++) {
		ATF_REQUIRE((fd = i < 2 ? open("/dev/null", O_RDWR) :
		    open("file", O_RDWR | O_CREAT, 0600)) != -1);
		KQ_CHANGE(kq, fd, i == 0 ? EVFILT_READ : EVFILT_WRITE, EV_ADD,
		    0, 0);
		ATF_REQUIRE_EQ(KQ_COLLECT(kq, kev, 4), 1);
		ATF_REQUIRE_EQ(syscall(SYS_close, fd), 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		/* And used again before anybody looked. */
		ATF_REQUIRE((fd = open("/dev/null", O_RDWR)) != -1);
		KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
		ATF_REQUIRE_EQ(syscall(SYS_close, fd), 0);
		make_pipe(p);
		ATF_REQUIRE_EQ(p[0], fd);
		KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		ATF_REQUIRE_EQ(write(p[1], "xy", 2), 2);
		KQ_EXPECT(kq, fd, EVFILT_READ, .data = 2);
		ATF_REQUIRE_EQ(close(p[0]), 0);
		ATF_REQUIRE_EQ(close(p[1]), 0);
	}
}

KQ_TC(unseen_reuse, "REG-33: closed behind our back and used for another file")
{
	struct kevent kev[2];
	struct timespec ts = { 0, 0 };
	int i, kq, n, other, p[2], q[2];

	kq = KQ_OPEN();
	make_pipe(p);
	ATF_REQUIRE((other = dup(p[0])) != -1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(syscall(SYS_close, p[0]), 0);
	make_pipe(q);
	ATF_REQUIRE_EQ(q[0], p[0]);
	KQ_CHANGE(kq, q[0], EVFILT_READ, EV_ADD, 0, 0);
	/* The old file speaks; nobody watches it under this number. */
	ATF_REQUIRE_EQ(write(p[1], "old", 3), 3);
	for (i = 0; i < 3; i++) {
		n = kevent(kq, NULL, 0, kev, 2, &ts);
		ATF_REQUIRE_MSG(n == 0, "an event of the old file: data %jd",
		    (intmax_t)kev[0].data);
	}
	ATF_REQUIRE_EQ(write(q[1], "xy", 2), 2);
	KQ_EXPECT(kq, q[0], EVFILT_READ, .data = 2);
}

/*
 * The kqueue's descriptor.
 */
static void
fill(int kq)
{
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1);
	KQ_CHANGE(kq, STDOUT_FILENO, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
}

static void
require_ebadf(int kq)
{
	struct timespec ts = { 0, 0 };
	struct kevent kev;

	ATF_REQUIRE_ERRNO(EBADF, kevent(kq, NULL, 0, &kev, 1, &ts) == -1);
	EV_SET(&kev, 7, EVFILT_USER, EV_ADD, 0, 0, NULL);
	ATF_REQUIRE_ERRNO(EBADF, kevent(kq, &kev, 1, NULL, 0, NULL) == -1);
	ATF_REQUIRE_ERRNO(EBADF, kevent(kq, &kev, 1, &kev, 1, NULL) == -1);
}

static void
check_become(int (*closer)(int), bool epoll)
{
	int ep, fd, kq, p[2], sv[2];

	KQ_EXPECT_NOTHING(KQ_OPEN());
	kq = KQ_OPEN();
	fill(kq);
	ATF_REQUIRE_EQ(closer(kq), 0);
	require_ebadf(kq);
	/* A file. */
	open_null(kq);
	require_ebadf(kq);
	ATF_REQUIRE_EQ(close(kq), 0);
	/* A pipe, a socket. */
	make_pipe(p);
	ATF_REQUIRE_EQ(p[0], kq);
	require_ebadf(kq);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	ATF_REQUIRE_EQ(close(p[1]), 0);
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ATF_REQUIRE_EQ(sv[0], kq);
	require_ebadf(kq);
	ATF_REQUIRE_EQ(close(sv[0]), 0);
	ATF_REQUIRE_EQ(close(sv[1]), 0);
	/* An epoll set of the program's own. */
	if (epoll) {
		ATF_REQUIRE((ep = epoll_create1(0)) == kq);
		require_ebadf(kq);
		ATF_REQUIRE_EQ(close(ep), 0);
	}
	/* A new kqueue, empty. */
	ATF_REQUIRE((fd = kqueue()) == kq);
	KQ_EXPECT_NOTHING(fd);
	REFUSED(fd, ENOENT, 1, EVFILT_USER, EV_DELETE);
	REFUSED(fd, ENOENT, 1, EVFILT_TIMER, EV_DELETE);
	fill(fd);
	/* And at once a file, without the close in between. */
	ATF_REQUIRE_EQ(closer(fd), 0);
	open_null(fd);
	require_ebadf(fd);
	ATF_REQUIRE_EQ(close(fd), 0);
	if (epoll) {
		ATF_REQUIRE((fd = kqueue()) == kq);
		fill(fd);
		ATF_REQUIRE_EQ(closer(fd), 0);
		ATF_REQUIRE((ep = epoll_create1(0)) == fd);
		require_ebadf(ep);
		ATF_REQUIRE_EQ(close(ep), 0);
	}
	ATF_REQUIRE((fd = kqueue()) == kq);
	fill(fd);
	ATF_REQUIRE_EQ(closer(fd), 0);
	ATF_REQUIRE((fd = kqueue()) == kq);
	KQ_EXPECT_NOTHING(fd);
	REFUSED(fd, ENOENT, 1, EVFILT_USER, EV_DELETE);
	ATF_REQUIRE_EQ(close(fd), 0);
}

static int
raw_close(int fd)
{
	return ((int)syscall(SYS_close, fd));
}

KQ_TC(kqueue_becomes, "KQ-10: EBADF whatever the number has become")
{
	check_become(close, true);
}

KQ_TC(kqueue_unseen_becomes, "KQ-10: the same after a close behind our back")
{
	check_become(raw_close, false);
}

KQ_TC(kqueue_unseen_epoll, "KQ-10: and when it has become an epoll set")
{
	/* Every call would have to ask what the number means. */
	atf_tc_expect_fail("an unseen close, and another epoll set there");
	check_become(raw_close, true);
}

KQ_TC(kqueue_replaced, "KQ-10: dup2() onto a kqueue closes it")
{
	int kq, kq2, p[2];

	kq = KQ_OPEN();
	kq2 = KQ_OPEN();
	make_pipe(p);
	fill(kq);
	KQ_CHANGE(kq2, 5, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(dup2(p[0], kq), kq);
	require_ebadf(kq);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(dup2(kq2, kq), kq);
	KQ_CHANGE(kq, 5, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 5, EVFILT_USER);
	ATF_REQUIRE_EQ(dup2(kq, kq2), kq2);
	KQ_EXPECT(kq2, 5, EVFILT_USER);
}

static void
check_alive(int kq, int p0)
{
	KQ_CHANGE(kq, 9, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 9, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	{
		struct kevent kev[4];
		int i, n, seen;

		n = KQ_COLLECT(kq, kev, 4);
		seen = 0;
		for (i = 0; i < n; i++)
			seen |= kev[i].filter == EVFILT_USER ? 1 :
			    kev[i].ident == (uintptr_t)p0 ? 2 : 4;
		ATF_REQUIRE_EQ(seen, 3);
	}
}

KQ_TC(kqueue_dups, "KQ-9: a kqueue lives until the last number is closed")
{
	int d[4], i, j, kq, order, p[2];

	make_pipe(p);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	for (order = 0; order < 24; order++) {
		kq = KQ_OPEN();
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
		d[0] = kq;
		ATF_REQUIRE((d[1] = dup(kq)) != -1);
		ATF_REQUIRE_EQ(dup2(d[1], 600), 600);
		d[2] = 600;
		ATF_REQUIRE((d[3] = fcntl(600, F_DUPFD, 2000)) >= 2000);
		for (i = 0; i < 4; i++)
			ATF_REQUIRE_EQ_MSG(fcntl(d[i], F_GETFD), FD_CLOEXEC,
			    "number %d", i);
		/* The permutation with this number. */
		j = order;
		for (i = 4; i > 1; i--) {
			int k = j % i, t = d[k];

			j /= i;
			d[k] = d[i - 1];
			d[i - 1] = t;
		}
		for (i = 0; i < 4; i++) {
			for (j = i; j < 4; j++)
				check_alive(d[j], p[0]);
			ATF_REQUIRE_EQ(close(d[i]), 0);
			require_ebadf(d[i]);
		}
	}
}

KQ_TC(kqueue_dup_unseen, "KQ-9: a dup that was made behind our back")
{
	int kq, other, p[2];

	kq = KQ_OPEN();
	make_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE((other = (int)syscall(SYS_dup, kq)) != -1);
	check_alive(other, p[0]);
	ATF_REQUIRE_EQ(close(kq), 0);
	require_ebadf(kq);
	check_alive(other, p[0]);
	ATF_REQUIRE_EQ(close(other), 0);
	require_ebadf(other);
}

struct sleeper {
	pthread_t	thread;
	int		kq;
	int		error;
	_Atomic int	*started;
};

static void *
sleeping_thread(void *arg)
{
	struct sleeper *s = arg;
	struct kevent kev;

	atomic_fetch_add(s->started, 1);
	s->error = kevent(s->kq, NULL, 0, &kev, 1, NULL) == -1 ? errno : 0;
	return (NULL);
}

/* Wait until a thread of ours sleeps in the kernel (state S). */
static void
wait_asleep(int threads)
{
	struct dirent *de;
	char path[300], buf[512], *p;
	DIR *dir;
	FILE *fp;
	int n;

	do {
		n = 0;
		ATF_REQUIRE((dir = opendir("/proc/self/task")) != NULL);
		while ((de = readdir(dir)) != NULL) {
			if (de->d_name[0] == '.' || atoi(de->d_name) == getpid())
				continue;
			snprintf(path, sizeof(path), "/proc/self/task/%s/stat",
			    de->d_name);
			if ((fp = fopen(path, "r")) == NULL)
				continue;
			if (fgets(buf, sizeof(buf), fp) != NULL &&
			    (p = strrchr(buf, ')')) != NULL && p[2] == 'S')
				n++;
			fclose(fp);
		}
		closedir(dir);
	} while (n < threads);
}

static void
check_sleepers(int (*closer)(int), bool with_bell)
{
	struct sleeper s[4];
	_Atomic int started = 0;
	int i, kq;

	kq = KQ_OPEN();
	if (with_bell)
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < 4; i++) {
		s[i].kq = kq;
		s[i].started = &started;
		ATF_REQUIRE_EQ(pthread_create(&s[i].thread, NULL,
		    sleeping_thread, &s[i]), 0);
	}
	while (atomic_load(&started) < 4)
		sched_yield();
	wait_asleep(4);
	ATF_REQUIRE_EQ(closer(kq), 0);
	for (i = 0; i < 4; i++) {
		ATF_REQUIRE_EQ(pthread_join(s[i].thread, NULL), 0);
		ATF_REQUIRE_EQ_MSG(s[i].error, EBADF, "thread %d: %d", i,
		    s[i].error);
	}
}

KQ_TC(kqueue_sleepers, "KQ-11: closing a kqueue wakes its sleepers with EBADF")
{
	check_sleepers(close, false);
	check_sleepers(close, true);
}

static int replacement;

static int
dup2_closer(int fd)
{
	return (dup2(replacement, fd) == fd ? 0 : -1);
}

KQ_TC(kqueue_sleepers_replaced, "KQ-11: so does dup2() onto its number")
{
	replacement = open("/dev/null", O_RDWR);
	check_sleepers(dup2_closer, false);
	replacement = epoll_create1(0);
	check_sleepers(dup2_closer, true);
	ATF_REQUIRE_EQ(close(replacement), 0);
	closefrom(3);
}

KQ_TC(no_wakeup, "REG-31: closing a watched number wakes no sleeper")
{
	struct sleeper s;
	_Atomic int started = 0;
	int other, p[2];

	s.kq = KQ_OPEN();
	s.started = &started;
	make_pipe(p);
	ATF_REQUIRE((other = dup(p[0])) != -1);
	KQ_CHANGE(s.kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(s.kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(pthread_create(&s.thread, NULL, sleeping_thread, &s), 0);
	wait_asleep(1);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	wait_asleep(1);
	ATF_REQUIRE_EQ(pthread_tryjoin_np(s.thread, NULL), EBUSY);
	KQ_CHANGE(s.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(pthread_join(s.thread, NULL), 0);
	ATF_REQUIRE_EQ(s.error, 0);
	KQ_EXPECT(s.kq, 1, EVFILT_USER);
}

/*
 * Programs that close whatever they find.
 */
static void
use_kqueue(int kq)
{
	int p[2];

	make_pipe(p);
	KQ_CHANGE(kq, 11, EVFILT_USER, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_CHANGE(kq, 11, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 11, EVFILT_USER);
	KQ_CHANGE(kq, 11, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_EXPECT(kq, 11, EVFILT_TIMER);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	ATF_REQUIRE_EQ(close(p[1]), 0);
	KQ_EXPECT_NOTHING(kq);
}

static void
all_loop(int low)
{
	int fd;

	for (fd = low; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
		(void)close(fd);
}

static void
all_proc(int low)
{
	struct dirent *de;
	DIR *dir;
	int fd[4096], i, n;

	n = 0;
	ATF_REQUIRE((dir = opendir("/proc/self/fd")) != NULL);
	while ((de = readdir(dir)) != NULL) {
		if (atoi(de->d_name) >= low && atoi(de->d_name) != dirfd(dir) &&
		    n < 4096)
			fd[n++] = atoi(de->d_name);
	}
	closedir(dir);
	for (i = 0; i < n; i++)
		(void)close(fd[i]);
}

static void
all_close_range(int low)
{
	ATF_REQUIRE_EQ(close_range((unsigned)low, ~0U, 0), 0);
}

static void
check_close_all(void (*all)(int))
{
	int kept, kq, later, p[2];

	kept = KQ_OPEN();
	kq = KQ_OPEN();
	make_pipe(p);
	use_kqueue(kept);
	use_kqueue(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kept, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kept, 21, EVFILT_USER, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	all(kept + 1);
	require_ebadf(kq);
	ATF_REQUIRE_EQ(fcntl(p[0], F_GETFD), -1);
	KQ_EXPECT_NOTHING(kept);
	KQ_CHANGE(kept, 21, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kept, 21, EVFILT_USER);
	KQ_CHANGE(kept, 21, EVFILT_USER, EV_DELETE, 0, 0);
	use_kqueue(kept);
	later = KQ_OPEN();
	use_kqueue(later);
	/* Everything. */
	all(3);
	require_ebadf(kept);
	require_ebadf(later);
	later = KQ_OPEN();
	use_kqueue(later);
	ATF_REQUIRE_EQ(close(later), 0);
}

KQ_TC(close_all_loop, "a loop over all numbers leaves the library usable")
{
	check_close_all(all_loop);
}

KQ_TC(close_all_proc, "closing what /proc/self/fd lists does, too")
{
	check_close_all(all_proc);
}

KQ_TC(close_all_range, "so does close_range()")
{
	check_close_all(all_close_range);
}

KQ_TC(close_all_from, "so does closefrom()")
{
	check_close_all(closefrom);
}

KQ_TC(internal_number, "a program may put a file under any number")
{
	struct dirent *de;
	DIR *dir;
	int fd[64], i, kq, n, p[2];

	kq = KQ_OPEN();
	make_pipe(p);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 100000);
	n = 0;
	ATF_REQUIRE((dir = opendir("/proc/self/fd")) != NULL);
	while ((de = readdir(dir)) != NULL) {
		if (atoi(de->d_name) > kq && kq_test_islib(atoi(de->d_name)) &&
		    n < 64)
			fd[n++] = atoi(de->d_name);
	}
	closedir(dir);
	ATF_REQUIRE(n >= 2);
	for (i = 0; i < n; i++) {
		ATF_REQUIRE_ERRNO(EBADF, close(fd[i]) == -1);
		ATF_REQUIRE_MSG(dup2(p[0], fd[i]) == fd[i],
		    "dup2 onto %d: %s", fd[i], strerror(errno));
		KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
		KQ_EXPECT(kq, 1, EVFILT_USER);
		KQ_CHANGE(kq, 3, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
		KQ_EXPECT(kq, 3, EVFILT_TIMER);
		KQ_CHANGE(kq, fd[i], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
		ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
		KQ_EXPECT(kq, fd[i], EVFILT_READ, .data = i + 1);
		ATF_REQUIRE_EQ(close(fd[i]), 0);
	}
}

/* RssAnon and VmSize in kB. */
static void
memory(long *rssp, long *sizep)
{
	char line[256];
	FILE *fp;

	ATF_REQUIRE((fp = fopen("/proc/self/status", "r")) != NULL);
	*rssp = *sizep = -1;
	while (fgets(line, sizeof(line), fp) != NULL) {
		(void)sscanf(line, "RssAnon: %ld", rssp);
		(void)sscanf(line, "VmSize: %ld", sizep);
	}
	fclose(fp);
}

KQ_TC(no_growth, "KQ-10: 10,000 kqueues come and go without a trace")
{
	long rss[2], size[2];
	int i, kq, p[2];

	make_pipe(p);
	for (i = 0; i < KQ_ROUNDS(11000); i++) {
		if (i == KQ_ROUNDS(1000))
			memory(&rss[0], &size[0]);
		ATF_REQUIRE((kq = kqueue()) != -1);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_ADD, 0, 1000);
		ATF_REQUIRE_EQ(close(kq), 0);
	}
	memory(&rss[1], &size[1]);
	ATF_CHECK_MSG(rss[1] - rss[0] < 256, "RssAnon %ld, then %ld kB",
	    rss[0], rss[1]);
	ATF_CHECK_MSG(size[1] - size[0] < 256, "VmSize %ld, then %ld kB",
	    size[0], size[1]);
}

KQ_TC(no_growth_descriptors, "REG-31: nor do 120,000 watched descriptors")
{
	long rss[2], size[2];
	int i, kq, p[2];

	kq = KQ_OPEN();
	for (i = 0; i < KQ_ROUNDS(60000); i++) {
		if (i == KQ_ROUNDS(10000))
			memory(&rss[0], &size[0]);
		make_pipe(p);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
		ATF_REQUIRE_EQ(close(p[0]), 0);
		ATF_REQUIRE_EQ(close(p[1]), 0);
	}
	memory(&rss[1], &size[1]);
	ATF_CHECK_MSG(rss[1] - rss[0] < 256, "RssAnon %ld, then %ld kB",
	    rss[0], rss[1]);
	ATF_CHECK_MSG(size[1] - size[0] < 256, "VmSize %ld, then %ld kB",
	    size[0], size[1]);
}

/*
 * Handlers that close while kevent() and EV_ADD hold locks.
 */
static int storm_fd[2] = { -1, -1 };
static _Atomic int storm_closed;
static _Atomic bool storm_stop;

static void
storm_handler(int sig)
{
	int saved = errno;

	(void)sig;
	/* The write end of another pipe, which is never readable. */
	if (dup2(storm_fd[1], WATCHED) == WATCHED)
		atomic_fetch_add(&storm_closed, 1);
	errno = saved;
}

static void *
storm_thread(void *arg)
{
	pthread_t victim = *(pthread_t *)arg;

	while (!atomic_load(&storm_stop)) {
		(void)pthread_kill(victim, SIGUSR1);
		sched_yield();
	}
	return (NULL);
}

KQ_TC(handler_storm, "close in a handler that interrupts kevent(): no deadlock")
{
	struct sigaction sa;
	struct timespec ts = { 0, 0 };
	struct kevent kev[4];
	pthread_t self, thread;
	sigset_t set;
	int i, kq, n, p[2], rounds;

	kq = KQ_OPEN();
	make_pipe(storm_fd);
	make_pipe(p);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = storm_handler;
	sa.sa_flags = SA_RESTART;
	ATF_REQUIRE_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	self = pthread_self();
	ATF_REQUIRE_EQ(pthread_create(&thread, NULL, storm_thread, &self), 0);
	for (rounds = 0; rounds < KQ_ROUNDS(20000); rounds++) {
		ATF_REQUIRE_EQ(dup2(p[0], WATCHED), WATCHED);
		(void)kq_test_change(kq, WATCHED, EVFILT_READ, EV_ADD, 0, 0,
		    NULL);
		n = kevent(kq, NULL, 0, kev, 4, &ts);
		for (i = 0; i < n; i++)
			ATF_REQUIRE_EQ(kev[i].ident, WATCHED);
		/* Replace it where the handler cannot meddle. */
		ATF_REQUIRE_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
		ATF_REQUIRE_EQ(dup2(storm_fd[1], WATCHED), WATCHED);
		n = kevent(kq, NULL, 0, kev, 4, &ts);
		ATF_REQUIRE_MSG(n == 0, "round %d: event of a dead knote: "
		    "ident %ju data %jd", rounds, (uintmax_t)kev[0].ident,
		    (intmax_t)kev[0].data);
		ATF_REQUIRE_EQ(kq_test_change(kq, WATCHED, EVFILT_READ,
		    EV_DELETE, 0, 0, NULL), ENOENT);
		ATF_REQUIRE_EQ(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
	}
	atomic_store(&storm_stop, true);
	ATF_REQUIRE_EQ(pthread_join(thread, NULL), 0);
	ATF_REQUIRE(atomic_load(&storm_closed) > 0);
}

/*
 * Threads.  Every event carries a pointer to the job that waits for it; numbers
 * wander between the threads, so a close in one races with EV_ADD in another.
 */
#define	JOBS		4
#define	WAITERS		2
#define	JOB_ROUNDS	5000

struct job {
	pthread_t	thread;
	sem_t		sem;
	int		kq;
	unsigned	flags;
	bool		delete;		/* EV_DELETE before the close */
	bool		keep;		/* a dup lives on for a round */
};

/* What a registration's udata points to; never reused, so it names one. */
struct ticket {
	struct job	*job;
	_Atomic bool	dead;		/* close() has returned */
};

static struct ticket tickets[JOBS * JOB_ROUNDS];
static _Atomic int ntickets;

static void *
waiting_thread(void *arg)
{
	struct kevent kev[3];
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct ticket *t;
	int i, kq, n;

	kq = *(int *)arg;
	for (;;) {
		n = kevent(kq, NULL, 0, kev, 3, &ts);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (strdup(strerror(errno)));
		for (i = 0; i < n; i++) {
			if (kev[i].filter == EVFILT_USER)
				return (NULL);
			t = kev[i].udata;
			/* A call that was under way may still deliver it. */
			if (!atomic_load(&t->dead))
				sem_post(&t->job->sem);
		}
	}
}

static void *
job_thread(void *arg)
{
	struct job *j = arg;
	struct ticket *t;
	struct timespec ts;
	int error, i, other, p[2];

	other = -1;
	for (i = 0; i < KQ_ROUNDS(JOB_ROUNDS); i++) {
		t = &tickets[atomic_fetch_add(&ntickets, 1)];
		t->job = j;
		if (pipe(p) == -1)
			return (strdup("pipe"));
		if ((error = kq_test_change(j->kq, (uintptr_t)p[0], EVFILT_READ,
		    EV_ADD | j->flags, 0, 0, t)) != 0)
			return (strdup(strerror(error)));
		if (write(p[1], "x", 1) != 1)
			return (strdup("write"));
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_sec += KQ_PATIENCE;
		if (sem_timedwait(&j->sem, &ts) == -1)
			return (strdup("lost event"));
		if (other != -1)
			close(other);
		other = j->keep ? dup(p[0]) : -1;
		if (j->delete && (j->flags & EV_ONESHOT) == 0 &&
		    (error = kq_test_change(j->kq, (uintptr_t)p[0], EVFILT_READ,
		    EV_DELETE, 0, 0, NULL)) != 0)
			return (strdup("EV_DELETE"));
		if (close(p[0]) == -1)
			return (strdup("close"));
		atomic_store(&t->dead, true);
		close(p[1]);
		/* Level knotes may have been told several times. */
		while (sem_trywait(&j->sem) == 0)
			continue;
	}
	if (other != -1)
		close(other);
	return (NULL);
}

static void
check_jobs(unsigned flags, bool delete, bool keep)
{
	struct job jobs[JOBS];
	pthread_t waiters[WAITERS];
	void *ret;
	int i, kq;

	kq = KQ_OPEN();
	atomic_store(&ntickets, 0);
	memset(tickets, 0, sizeof(tickets));
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < WAITERS; i++)
		ATF_REQUIRE_EQ(pthread_create(&waiters[i], NULL,
		    waiting_thread, &kq), 0);
	memset(jobs, 0, sizeof(jobs));
	for (i = 0; i < JOBS; i++) {
		jobs[i].kq = kq;
		jobs[i].flags = flags;
		jobs[i].delete = delete;
		jobs[i].keep = keep;
		sem_init(&jobs[i].sem, 0, 0);
		ATF_REQUIRE_EQ(pthread_create(&jobs[i].thread, NULL,
		    job_thread, &jobs[i]), 0);
	}
	for (i = 0; i < JOBS; i++) {
		ATF_REQUIRE_EQ(pthread_join(jobs[i].thread, &ret), 0);
		ATF_REQUIRE_MSG(ret == NULL, "job %d: %s", i, (char *)ret);
	}
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	for (i = 0; i < WAITERS; i++) {
		ATF_REQUIRE_EQ(pthread_join(waiters[i], &ret), 0);
		ATF_REQUIRE_MSG(ret == NULL, "waiter: %s", (char *)ret);
	}
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	for (i = 0; i < JOBS; i++)
		sem_destroy(&jobs[i].sem);
}

KQ_TC(threads_level, "REG-31: close and reuse against threads, level")
{
	check_jobs(0, false, false);
}

KQ_TC(threads_level_dup, "REG-31: the same with a dup that stays open")
{
	check_jobs(0, false, true);
}

KQ_TC(threads_clear, "REG-31: close and reuse against threads, EV_CLEAR")
{
	check_jobs(EV_CLEAR, false, false);
	check_jobs(EV_CLEAR, false, true);
}

KQ_TC(threads_oneshot, "REG-31: close and reuse against threads, EV_ONESHOT")
{
	check_jobs(EV_ONESHOT, false, true);
}

KQ_TC(threads_dispatch, "REG-31: close and reuse against threads, EV_DISPATCH")
{
	check_jobs(EV_DISPATCH, false, true);
}

KQ_TC(threads_delete, "EV_DELETE, close and reuse against threads")
{
	check_jobs(0, true, true);
	check_jobs(EV_CLEAR, true, false);
}

/*
 * A dead knote is never delivered by a call that began after the close.
 */
struct dead {
	int		kq;
	_Atomic uintptr_t closed;	/* up to this one they are dead */
	_Atomic bool	stop;
};

static void *
dead_thread(void *arg)
{
	struct dead *d = arg;
	struct kevent kev[4];
	struct timespec ts = { 0, 1000000 };
	uintptr_t closed;
	int i, n;

	while (!atomic_load(&d->stop)) {
		closed = atomic_load(&d->closed);
		if ((n = kevent(d->kq, NULL, 0, kev, 4, &ts)) == -1)
			return (strdup(strerror(errno)));
		for (i = 0; i < n; i++) {
			if ((uintptr_t)kev[i].udata <= closed)
				return (strdup("event of a dead knote"));
		}
	}
	return (NULL);
}

KQ_TC(threads_dead, "REG-31: no call that begins after a close delivers it")
{
	struct dead d = { 0 };
	pthread_t waiters[WAITERS];
	void *ret;
	uintptr_t seq;
	int i, other, p[2];

	d.kq = KQ_OPEN();
	for (i = 0; i < WAITERS; i++)
		ATF_REQUIRE_EQ(pthread_create(&waiters[i], NULL, dead_thread,
		    &d), 0);
	make_pipe(p);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	other = p[0];
	for (seq = 1; seq <= (uintptr_t)KQ_ROUNDS(20000); seq++) {
		ATF_REQUIRE_EQ(dup2(other, WATCHED), WATCHED);
		KQ_CHANGE_UDATA(d.kq, WATCHED, EVFILT_READ,
		    EV_ADD | ((seq & 1) ? EV_CLEAR : 0), 0, 0, (void *)seq);
		if (seq & 2)
			ATF_REQUIRE_EQ(close(WATCHED), 0);
		else
			ATF_REQUIRE_EQ(dup2(p[1], WATCHED), WATCHED);
		atomic_store(&d.closed, seq);
	}
	atomic_store(&d.stop, true);
	for (i = 0; i < WAITERS; i++) {
		ATF_REQUIRE_EQ(pthread_join(waiters[i], &ret), 0);
		ATF_REQUIRE_MSG(ret == NULL, "%s", (char *)ret);
	}
}

/*
 * The kqueue itself is closed under its users, and the number reused.
 */
static _Atomic int current_kq;

static void *
user_thread(void *arg)
{
	struct timespec ts = { 0, 1000000 };
	struct kevent kev[2];
	int kq, n;

	(void)arg;
	while ((kq = atomic_load(&current_kq)) != -1) {
		EV_SET(&kev[0], 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
		n = kevent(kq, kev, 1, kev, 2, &ts);
		if (n == -1 && errno != EBADF)
			return (strdup(strerror(errno)));
	}
	return (NULL);
}

KQ_TC(threads_kqueue, "KQ-11: kqueues are closed under threads that use them")
{
	pthread_t threads[3];
	void *ret;
	int i, kq, p[2];

	make_pipe(p);
	ATF_REQUIRE((kq = kqueue()) != -1);
	atomic_store(&current_kq, kq);
	for (i = 0; i < 3; i++)
		ATF_REQUIRE_EQ(pthread_create(&threads[i], NULL, user_thread,
		    NULL), 0);
	for (i = 0; i < KQ_ROUNDS(5000); i++) {
		/* The users may lose the number between their look and use. */
		(void)kq_test_change(kq, (uintptr_t)p[0], EVFILT_READ, EV_ADD,
		    0, 0, NULL);
		ATF_REQUIRE_EQ(close(kq), 0);
		ATF_REQUIRE_MSG((kq = kqueue()) != -1, "kqueue: %s",
		    strerror(errno));
		atomic_store(&current_kq, kq);
	}
	atomic_store(&current_kq, -1);
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE_EQ(pthread_join(threads[i], &ret), 0);
		ATF_REQUIRE_MSG(ret == NULL, "%s", (char *)ret);
	}
	ATF_REQUIRE_EQ(close(kq), 0);
}

static void *
cancelled_thread(void *arg)
{
	(void)pthread_cancel(pthread_self());
	(void)close(*(int *)arg);
	return (NULL);
}

KQ_TC(cancellation, "close() of a watched number is a cancellation point")
{
	pthread_t thread;
	void *ret;
	int kq, p[2];

	kq = KQ_OPEN();
	make_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(pthread_create(&thread, NULL, cancelled_thread, &p[0]),
	    0);
	ATF_REQUIRE_EQ(pthread_join(thread, &ret), 0);
	ATF_REQUIRE(ret == PTHREAD_CANCELED);
	/* Neither closed nor forgotten. */
	ATF_REQUIRE(fcntl(p[0], F_GETFD) != -1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, close);
	ATF_TP_ADD_TC(tp, dup2);
	ATF_TP_ADD_TC(tp, dup3);
	ATF_TP_ADD_TC(tp, close_range);
	ATF_TP_ADD_TC(tp, wide_close_range);
	ATF_TP_ADD_TC(tp, closefrom);
	ATF_TP_ADD_TC(tp, fclose);
	ATF_TP_ADD_TC(tp, freopen);
	ATF_TP_ADD_TC(tp, failing_freopen);
	ATF_TP_ADD_TC(tp, thread);
	ATF_TP_ADD_TC(tp, handler);
	ATF_TP_ADD_TC(tp, closedir);
	ATF_TP_ADD_TC(tp, pclose);
#ifdef __GLIBC__
	ATF_TP_ADD_TC(tp, fcloseall);
#endif
	ATF_TP_ADD_TC(tp, failed_replacement);
	ATF_TP_ADD_TC(tp, errno_untouched);
	ATF_TP_ADD_TC(tp, by_number);
	ATF_TP_ADD_TC(tp, pending_dropped);
	ATF_TP_ADD_TC(tp, both_filters);
	ATF_TP_ADD_TC(tp, shutdown_by_dup);
	ATF_TP_ADD_TC(tp, unseen_close);
	ATF_TP_ADD_TC(tp, unseen_close_dup);
	ATF_TP_ADD_TC(tp, unseen_close_eof);
	ATF_TP_ADD_TC(tp, unseen_close_write);
	ATF_TP_ADD_TC(tp, unseen_close_device);
	ATF_TP_ADD_TC(tp, unseen_reuse);
	ATF_TP_ADD_TC(tp, kqueue_becomes);
	ATF_TP_ADD_TC(tp, kqueue_unseen_becomes);
	ATF_TP_ADD_TC(tp, kqueue_unseen_epoll);
	ATF_TP_ADD_TC(tp, kqueue_replaced);
	ATF_TP_ADD_TC(tp, kqueue_dups);
	ATF_TP_ADD_TC(tp, kqueue_dup_unseen);
	ATF_TP_ADD_TC(tp, kqueue_sleepers);
	ATF_TP_ADD_TC(tp, kqueue_sleepers_replaced);
	ATF_TP_ADD_TC(tp, no_wakeup);
	ATF_TP_ADD_TC(tp, close_all_loop);
	ATF_TP_ADD_TC(tp, close_all_proc);
	ATF_TP_ADD_TC(tp, close_all_range);
	ATF_TP_ADD_TC(tp, close_all_from);
	ATF_TP_ADD_TC(tp, internal_number);
	ATF_TP_ADD_TC(tp, no_growth);
	ATF_TP_ADD_TC(tp, no_growth_descriptors);
	ATF_TP_ADD_TC(tp, handler_storm);
	ATF_TP_ADD_TC(tp, threads_level);
	ATF_TP_ADD_TC(tp, threads_level_dup);
	ATF_TP_ADD_TC(tp, threads_clear);
	ATF_TP_ADD_TC(tp, threads_oneshot);
	ATF_TP_ADD_TC(tp, threads_dispatch);
	ATF_TP_ADD_TC(tp, threads_delete);
	ATF_TP_ADD_TC(tp, threads_dead);
	ATF_TP_ADD_TC(tp, threads_kqueue);
	ATF_TP_ADD_TC(tp, cancellation);
	return (atf_no_error());
}
