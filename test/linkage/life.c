/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of descriptors in a program that is linked in one of the ways of
 * linkage_test.sh: life MODE [LIBRARY]
 *
 * MODE says what of the program's calls reaches the library: "all", "close"
 * (but not stdio), or "none".  Where a close is not seen, one last event may
 * come (SCAN-18), and nothing else.  With LIBRARY the library is opened by
 * dlopen(), and this program knows nothing of it but the header.
 */
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef USE_DLOPEN
#include <dlfcn.h>

static int (*kqueue_p)(void);
static int (*kevent_p)(int, const struct kevent *, int, struct kevent *, int,
    const struct timespec *);
#define	kqueue()	kqueue_p()
#define	kevent(...)	kevent_p(__VA_ARGS__)
#endif

#ifdef USE_HELPER
/* In a library that knows of libc alone. */
int	helper_close(int);
int	helper_dup2(int, int);
#else
#define	helper_close	close
#define	helper_dup2	dup2
#endif

static const char *what = "start";

#define	REQUIRE(cond)							\
do {									\
	if (!(cond)) {							\
		fprintf(stderr, "%s: line %d: %s: %s\n", what, __LINE__,\
		    #cond, strerror(errno));				\
		exit(1);						\
	}								\
} while (0)

static int
change(int kq, int fd, int filter, int flags, unsigned fflags)
{
	struct kevent kev;

	EV_SET(&kev, (uintptr_t)fd, (short)filter, (unsigned short)flags,
	    fflags, 0, NULL);
	return (kevent(kq, &kev, 1, NULL, 0, NULL) == -1 ? errno : 0);
}

static int
collect(int kq, int seconds, struct kevent *kev)
{
	struct timespec ts = { seconds, 0 };

	return (kevent(kq, NULL, 0, kev, 1, &ts));
}

/* The ways to close; all of them leave the number free. */
static void
way_close(int fd)
{
	REQUIRE(helper_close(fd) == 0);
}

static void
way_dup2(int fd)
{
	int null;

	REQUIRE((null = open("/dev/null", O_RDWR)) != -1);
	REQUIRE(helper_dup2(null, fd) == fd);
	REQUIRE(helper_close(null) == 0);
	REQUIRE(helper_close(fd) == 0);
}

static void
way_fclose(int fd)
{
	FILE *fp;

	REQUIRE((fp = fdopen(fd, "r")) != NULL);
	REQUIRE(fclose(fp) == 0);
}

static void
way_freopen(int fd)
{
	FILE *fp;

	REQUIRE((fp = fdopen(fd, "r")) != NULL);
	REQUIRE((fp = freopen("/dev/null", "r", fp)) != NULL);
	REQUIRE(fclose(fp) == 0);
}

static void
way_syscall(int fd)
{
	REQUIRE(syscall(SYS_close, fd) == 0);
}

/* dup: another number keeps the file open; seen: no event may come at all. */
static void
check(const char *name, void (*way)(int), int flags, int keep, int seen)
{
	struct kevent kev;
	int dupfd, i, kq, n, p[2], q[2], stale;

	what = name;
	dupfd = -1;
	REQUIRE((kq = kqueue()) != -1);
	REQUIRE(pipe(p) == 0);
	if (keep)
		REQUIRE((dupfd = dup(p[0])) != -1);
	REQUIRE(change(kq, p[0], EVFILT_READ, EV_ADD | flags, 0) == 0);
	REQUIRE(write(p[1], "old", 3) == 3);
	REQUIRE(collect(kq, 10, &kev) == 1);
	REQUIRE(kev.ident == (uintptr_t)p[0] && kev.data == 3);
	way(p[0]);
	stale = 0;
	for (i = 0; i < 4; i++) {
		REQUIRE((n = collect(kq, 0, &kev)) != -1);
		stale += n;
	}
	REQUIRE(stale <= (seen ? 0 : 1));
	REQUIRE(poll(&(struct pollfd){ .fd = kq, .events = POLLIN }, 1, 0) == 0);
	/* The number becomes another pipe's. */
	REQUIRE(pipe(q) == 0);
	REQUIRE(q[0] == p[0]);
	if (seen)
		REQUIRE(change(kq, q[0], EVFILT_READ, EV_DELETE, 0) == ENOENT);
	REQUIRE(change(kq, q[0], EVFILT_READ, EV_ADD | flags, 0) == 0);
	if (keep)
		REQUIRE(write(p[1], "older", 5) == 5);
	for (i = 0; i < 4; i++)
		REQUIRE(collect(kq, 0, &kev) == 0);
	REQUIRE(write(q[1], "new one", 7) == 7);
	REQUIRE(collect(kq, 10, &kev) == 1);
	REQUIRE(kev.ident == (uintptr_t)q[0] && kev.data == 7);
	if (flags == 0) {
		REQUIRE(collect(kq, 10, &kev) == 1);
		REQUIRE(kev.data == 7);
	}
	REQUIRE(close(kq) == 0);
	REQUIRE(close(q[0]) == 0 && close(q[1]) == 0 && close(p[1]) == 0);
	if (keep)
		REQUIRE(close(dupfd) == 0);
}

static void
check_way(const char *name, void (*way)(int), int seen)
{
	int keep;

	for (keep = 0; keep < 2; keep++) {
		check(name, way, 0, keep, seen);
		check(name, way, EV_CLEAR, keep, seen);
		check(name, way, EV_ONESHOT, keep, seen);
		check(name, way, EV_DISPATCH, keep, seen);
	}
}

/*
 * The kqueue's own number.  Where closes are seen, one that is not (epoll
 * false) cannot be told if the number becomes another epoll set; close_test.c
 * has that case.
 */
static void
check_kqueue(const char *name, void (*way)(int), int epoll)
{
	struct kevent kev;
	int ep, kq, kq2, null;

	what = name;
	REQUIRE((kq = kqueue()) != -1);
	REQUIRE(change(kq, 1, EVFILT_USER, EV_ADD, 0) == 0);
	REQUIRE(change(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER) == 0);
	REQUIRE(collect(kq, 10, &kev) == 1);
	way(kq);
	REQUIRE((null = open("/dev/null", O_RDWR)) == kq);
	REQUIRE(collect(kq, 0, &kev) == -1 && errno == EBADF);
	REQUIRE(close(null) == 0);
	REQUIRE(collect(kq, 0, &kev) == -1 && errno == EBADF);
	REQUIRE((kq = kqueue()) == null);
	REQUIRE(collect(kq, 0, &kev) == 0);
	if (epoll) {
		way(kq);
		REQUIRE((ep = epoll_create1(0)) == kq);
		REQUIRE(collect(kq, 0, &kev) == -1 && errno == EBADF);
		REQUIRE(change(kq, 1, EVFILT_USER, EV_ADD, 0) == EBADF);
		REQUIRE(close(ep) == 0);
		REQUIRE((kq = kqueue()) == ep);
	}
	REQUIRE(change(kq, 1, EVFILT_USER, EV_ADD, 0) == 0);
	way(kq);
	REQUIRE((kq2 = kqueue()) == kq);
	REQUIRE(change(kq2, 1, EVFILT_USER, EV_DELETE, 0) == ENOENT);
	REQUIRE(collect(kq2, 0, &kev) == 0);
	REQUIRE(close(kq2) == 0);
}

static void
check_fork(void)
{
	struct kevent kev;
	int kq, p[2], status;
	pid_t pid;

	what = "fork";
	REQUIRE((kq = kqueue()) != -1);
	REQUIRE(pipe(p) == 0);
	REQUIRE(change(kq, p[0], EVFILT_READ, EV_ADD, 0) == 0);
	REQUIRE(change(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0) == 0);
	REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		REQUIRE(collect(kq, 0, &kev) == -1 && errno == EBADF);
		REQUIRE(fcntl(kq, F_GETFD) == -1);
		REQUIRE(close(p[0]) == 0);
		REQUIRE((kq = kqueue()) != -1);
		REQUIRE(change(kq, 1, EVFILT_USER, EV_ADD, 0) == 0);
		REQUIRE(change(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER) == 0);
		REQUIRE(collect(kq, 10, &kev) == 1);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && status == 0);
	REQUIRE(write(p[1], "x", 1) == 1);
	REQUIRE(collect(kq, 10, &kev) == 1);
	REQUIRE(kev.filter == EVFILT_READ && kev.data == 1);
	REQUIRE(close(p[0]) == 0 && close(p[1]) == 0 && close(kq) == 0);
}

int
main(int argc, char **argv)
{
	int seen, stdio;

	if (argc < 2)
		return (2);
	stdio = strcmp(argv[1], "all") == 0;
	seen = stdio || strcmp(argv[1], "close") == 0;
#ifdef USE_DLOPEN
	void *handle;

	if (argc < 3)
		return (2);
	if ((handle = dlopen(argv[2], RTLD_NOW | DLOPEN_FLAGS)) == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return (2);
	}
	*(void **)&kqueue_p = dlsym(handle, "kqueue");
	*(void **)&kevent_p = dlsym(handle, "kevent");
	REQUIRE(kqueue_p != NULL && kevent_p != NULL);
#endif
	check_way("close", way_close, seen);
	check_way("dup2", way_dup2, seen);
	check_way("fclose", way_fclose, stdio);
	check_way("freopen", way_freopen, stdio);
	check_way("syscall", way_syscall, 0);
	check_kqueue("kqueue, close", way_close, 1);
	check_kqueue("kqueue, dup2", way_dup2, 1);
	check_kqueue("kqueue, syscall", way_syscall, !seen);
	check_fork();
	printf("ok\n");
	return (0);
}
