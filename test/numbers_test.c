/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor numbers: every call that makes, marks or closes some, where one of
 * them is watched, a kqueue or the library's own (REG-31 to REG-33, KQ-1, KQ-9).
 */
#include "sock_test.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

int	close_range(unsigned int, unsigned int, int);
void	closefrom(int);
int	fcntl64(int, int, ...);
FILE	*freopen64(const char *__restrict, const char *__restrict,
	    FILE *__restrict);
#ifndef CLOSE_RANGE_UNSHARE
#define	CLOSE_RANGE_UNSHARE	(1u << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define	CLOSE_RANGE_CLOEXEC	(1u << 2)
#endif

static bool
isopen(int fd)
{
	return (fcntl(fd, F_GETFD) != -1);
}

static bool
watched(int kq, int fd)
{
	return (kq_test_change(kq, (uintptr_t)fd, EVFILT_READ, EV_DELETE, 0, 0,
	    NULL) == 0);
}

#define	WATCH(kq, fd)	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0)

static void
make_pipe(int *p)
{
	ATF_REQUIRE_EQ(0, pipe(p));
}

/* The numbers of the library's own that are open; kq has a timer. */
static int
internals(int kq, int *fd, int max)
{
	struct dirent *de;
	DIR *dir;
	int n;

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 100000);
	n = 0;
	ATF_REQUIRE((dir = opendir("/proc/self/fd")) != NULL);
	while ((de = readdir(dir)) != NULL) {
		if (atoi(de->d_name) > kq && kq_test_islib(atoi(de->d_name)) &&
		    n < max)
			fd[n++] = atoi(de->d_name);
	}
	closedir(dir);
	ATF_REQUIRE(n >= 2);
	return (n);
}

#define	WORKS(kq)							\
do {									\
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);		\
	KQ_EXPECT(kq, 1, EVFILT_USER);					\
} while (0)

KQ_TC(dup_kqueue, "KQ-1, KQ-9: every copy of a kqueue is close-on-exec")
{
	int copy, kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
#define	COPY(call)							\
	ATF_REQUIRE((copy = (call)) != -1);				\
	ATF_CHECK_EQ(FD_CLOEXEC, fcntl(copy, F_GETFD));			\
	WORKS(copy);							\
	/* The mark cannot be taken off. */				\
	ATF_CHECK_EQ(0, fcntl(copy, F_SETFD, 0));			\
	ATF_CHECK_EQ(FD_CLOEXEC, fcntl(copy, F_GETFD));			\
	ATF_CHECK_EQ(0, fcntl64(copy, F_SETFD, 0));			\
	ATF_CHECK_EQ(FD_CLOEXEC, fcntl64(copy, F_GETFD));		\
	ATF_CHECK_EQ(0, close(copy));
	COPY(dup(kq));
	COPY(dup2(kq, 300));
	COPY(dup3(kq, 300, 0));
	COPY(fcntl(kq, F_DUPFD, 200));
	ATF_CHECK(copy >= 200);
	COPY(fcntl(kq, F_DUPFD_CLOEXEC, 200));
	COPY(fcntl64(kq, F_DUPFD, 200));
#undef COPY
	WORKS(kq);
}

KQ_TC(dup_watched, "REG-32: a copy of a watched number is not watched")
{
	int copy, kq = KQ_OPEN(), p[2];

	make_pipe(p);
	WATCH(kq, p[0]);
#define	COPY(call, flags)						\
	ATF_REQUIRE((copy = (call)) != -1);				\
	ATF_CHECK_EQ(flags, fcntl(copy, F_GETFD));			\
	ATF_CHECK(!watched(kq, copy));					\
	ATF_CHECK_EQ(0, close(copy));
	COPY(dup(p[0]), 0);
	COPY(dup2(p[0], 300), 0);
	COPY(dup3(p[0], 300, O_CLOEXEC), FD_CLOEXEC);
	COPY(dup3(p[0], 300, 0), 0);
	COPY(fcntl(p[0], F_DUPFD, 200), 0);
	COPY(fcntl64(p[0], F_DUPFD_CLOEXEC, 200), FD_CLOEXEC);
#undef COPY
	/* Marks go to what is the program's. */
	ATF_CHECK_EQ(0, fcntl(p[0], F_SETFD, FD_CLOEXEC));
	ATF_CHECK_EQ(FD_CLOEXEC, fcntl(p[0], F_GETFD));
	ATF_CHECK_EQ(0, fcntl(p[0], F_SETFD, 0));
	ATF_CHECK_EQ(0, fcntl(p[0], F_GETFD));
	/* Replaced by a copy of itself it is another file. */
	ATF_CHECK_EQ(p[0], dup2(p[0], p[0]));
	ATF_CHECK(watched(kq, p[0]));
	WATCH(kq, p[0]);
	ATF_CHECK_EQ(p[0], dup3(p[1], p[0], 0));
	ATF_CHECK(!watched(kq, p[0]));
}

KQ_TC(refused, "REG-32: copies that fail change nothing and say why")
{
	int fd[64], kq = KQ_OPEN(), n, p[2];
	struct rlimit old, rl;

	make_pipe(p);
	WATCH(kq, p[0]);
	n = internals(kq, fd, 64);
	ATF_CHECK_ERRNO(EBADF, dup(-1) == -1);
	ATF_CHECK_ERRNO(EBADF, dup2(-1, p[0]) == -1);
	ATF_CHECK_ERRNO(EBADF, dup2(999, 999) == -1);
	ATF_CHECK_ERRNO(EBADF, dup2(p[0], -1) == -1);
	ATF_CHECK_ERRNO(EINVAL, dup3(p[0], p[0], 0) == -1);
	ATF_CHECK_ERRNO(EINVAL, dup3(p[1], p[0], ~0) == -1);
	ATF_CHECK_ERRNO(EBADF, dup3(999, p[0], 0) == -1);
	ATF_CHECK_ERRNO(EINVAL, fcntl(p[0], F_DUPFD, -1) == -1);
	ATF_CHECK_ERRNO(EINVAL, fcntl(kq, F_DUPFD_CLOEXEC, -1) == -1);
	ATF_CHECK_ERRNO(EINVAL, fcntl(p[0], 12345) == -1);
	ATF_CHECK_ERRNO(EBADF, fcntl(-1, F_SETFD, 0) == -1);
	ATF_CHECK_ERRNO(EBADF, close(-1) == -1);
	/* The table is full: nowhere to give way to. */
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	rl = old;
	rl.rlim_cur = 1;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	ATF_CHECK_ERRNO(EMFILE, dup(p[0]) == -1);
	ATF_CHECK_ERRNO(EMFILE, dup(kq) == -1);
	while (n-- > 0)
		ATF_CHECK_ERRNO(EMFILE, dup2(p[1], fd[n]) == -1);
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	WORKS(kq);
	ATF_CHECK(watched(kq, p[0]));
}

KQ_TC(setfd_own, "REG-31: the library's own stay close-on-exec")
{
	int fd[64], kq = KQ_OPEN(), n;

	n = internals(kq, fd, 64);
	while (n-- > 0) {
		(void)fcntl(fd[n], F_SETFD, 0);
		ATF_CHECK_EQ(FD_CLOEXEC, fcntl(fd[n], F_GETFD));
	}
	WORKS(kq);
}

KQ_TC(range_edges, "REG-31: close_range() with the library's own at its edges")
{
	int fd[64], i, kq = KQ_OPEN(), n, p[2];
	unsigned int f;

	n = internals(kq, fd, 64);
	make_pipe(p);
	for (i = 0; i < n; i++) {
		f = (unsigned int)fd[i];
		/* What is around it is the program's, where it is free. */
		(void)dup2(p[0], fd[i] - 1);
		(void)dup2(p[0], fd[i] + 1);
		ATF_CHECK_EQ(0, close_range(f, f, 0));
		ATF_CHECK_EQ(0, close_range(f - 1, f, 0));
		ATF_CHECK(isopen(fd[i]));
		(void)dup2(p[0], fd[i] - 1);
		ATF_CHECK_EQ(0, close_range(f - 1, f + 1, 0));
		ATF_CHECK(isopen(fd[i]));
		WORKS(kq);
	}
	/* Nothing in it, or the wrong way round. */
	ATF_CHECK_EQ(0, close_range(700, 710, 0));
	ATF_CHECK_ERRNO(EINVAL, close_range(10, 9, 0) == -1);
	ATF_CHECK_ERRNO(EINVAL,
	    close_range((unsigned)p[0], (unsigned)p[1], 0x4000) == -1);
	/* A watched number that is marked stays watched. */
	WATCH(kq, p[0]);
	if (close_range((unsigned)p[0], (unsigned)p[0],
	    (int)CLOSE_RANGE_CLOEXEC) == 0)
		ATF_CHECK_EQ(FD_CLOEXEC, fcntl(p[0], F_GETFD));
	ATF_CHECK(watched(kq, p[0]));
}

/* Is there a thread of ThreadSanitizer's, so that nobody is alone? */
#if defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static pthread_barrier_t ready, leave;

static void *
unsharer(void *arg)
{
	int fd = *(int *)arg;
	bool gone;

	if (close_range((unsigned)fd, (unsigned)fd,
	    (int)CLOSE_RANGE_UNSHARE) != 0)
		return ((void *)1);
	/* Here it is closed, elsewhere it is open. */
	gone = fcntl(fd, F_GETFD) == -1;
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&leave);
	return ((void *)(intptr_t)!gone);
}

KQ_TC(range_unshare, "REG-31: CLOSE_RANGE_UNSHARE, alone and among threads")
{
	int kq = KQ_OPEN(), p[2];
	struct stat st;
	pthread_t t;
	void *ret;

	make_pipe(p);
	WATCH(kq, p[0]);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&leave, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, unsharer, &p[0]));
	pthread_barrier_wait(&ready);
	ATF_CHECK(isopen(p[0]));
	ATF_CHECK_EQ(1, write(p[1], "x", 1));
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	pthread_barrier_wait(&leave);
	pthread_join(t, &ret);
	ATF_CHECK_EQ(NULL, ret);
	/* Now there is nobody else, as soon as the kernel has seen it. */
	if (sanitized)
		return;
	while (stat("/proc/self/task", &st) == 0 && st.st_nlink != 3)
		sched_yield();
	ATF_CHECK_EQ(0, close_range((unsigned)p[0], (unsigned)p[0],
	    (int)CLOSE_RANGE_UNSHARE));
	ATF_CHECK(!isopen(p[0]));
	ATF_CHECK(!watched(kq, p[0]));
}

KQ_TC(closefrom_all, "REG-31: closefrom() below 0 closes all")
{
	int fds[2], i, st;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (kq_test_change(kqueue(), 1, EVFILT_USER, EV_ADD, 0, 0,
		    NULL) != 0 || pipe(fds) != 0)
			_exit(1);
		closefrom(-5);
		for (i = 0; i < 100; i++) {
			if (isopen(i) && !kq_test_islib(i))
				_exit(2);
		}
		/* And without anything of ours, libc's. */
		if (pipe(fds) != 0)
			_exit(3);
		closefrom(-1);
		_exit(isopen(fds[0]) || isopen(fds[1]) ? 4 : 0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	ATF_CHECK_EQ(0, st);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (pipe(fds) != 0)
			_exit(1);
		closefrom(fds[0]);
		_exit(isopen(fds[0]) || isopen(fds[1]) ? 2 : 0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	ATF_CHECK_EQ(0, st);
}

KQ_TC(locks, "record locks are set and waited for")
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, kq = KQ_OPEN(), p[2], st;
	pid_t pid;
	char c;

	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_DELETE, 0);
	make_pipe(p);
	ATF_CHECK_EQ(0, fcntl(fd, F_SETLK, &fl));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		/* Held by the parent: then waited for. */
		if (fcntl(fd, F_SETLK, &fl) != -1 ||
		    write(p[1], "x", 1) != 1)
			_exit(1);
		_exit(fcntl(fd, F_SETLKW, &fl) == 0 ? 0 : 2);
	}
	ATF_REQUIRE_EQ(1, read(p[0], &c, 1));
	fl.l_type = F_UNLCK;
	ATF_CHECK_EQ(0, fcntl64(fd, F_SETLKW, &fl));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	ATF_CHECK_EQ(0, st);
	fl.l_type = F_WRLCK;
#ifdef F_OFD_SETLKW
	fl.l_pid = 0;
	ATF_CHECK_EQ(0, fcntl(fd, F_OFD_SETLKW, &fl));
#endif
	close(fd);
}

KQ_TC(streams, "REG-31: streams and directories, watched and not")
{
	int fd, kq = KQ_OPEN(), p[2];
	char *buf = NULL;
	size_t len;
	DIR *dir;
	FILE *fp;

	/* No descriptor at all. */
	ATF_REQUIRE((fp = open_memstream(&buf, &len)) != NULL);
	ATF_CHECK_EQ(0, fclose(fp));
	free(buf);
	/* Not watched. */
	ATF_REQUIRE((fp = fopen("file", "w")) != NULL);
	ATF_REQUIRE((fp = freopen("file", "r", fp)) != NULL);
	ATF_REQUIRE((fp = freopen64("file", "r", fp)) != NULL);
	ATF_CHECK_EQ(0, fclose(fp));
	ATF_REQUIRE((fp = popen("exit 3", "r")) != NULL);
	ATF_CHECK_EQ(3 << 8, pclose(fp));
	ATF_REQUIRE((dir = opendir(".")) != NULL);
	ATF_CHECK_EQ(0, closedir(dir));
	/* Watched: the number has another file. */
	make_pipe(p);
	ATF_REQUIRE((fp = fdopen(p[0], "r")) != NULL);
	WATCH(kq, p[0]);
	ATF_REQUIRE((fp = freopen64("file", "r", fp)) != NULL);
	ATF_CHECK(!watched(kq, p[0]));
	fd = fileno(fp);
	WATCH(kq, fd);
	ATF_CHECK_EQ(0, fclose(fp));
	ATF_CHECK(!watched(kq, fd));
	close(p[1]);
}

static void *
closer(void *arg)
{
	pthread_barrier_wait(&ready);
	(void)pclose(arg);
	return (NULL);
}

KQ_TC(cancelled_pclose, "REG-31: pclose() that is cancelled forgets the number")
{
	int fd, kq = KQ_OPEN();
	pthread_t t;
	void *ret;
	FILE *fp;

	/* Its end is not waited for by anybody. */
	signal(SIGCHLD, SIG_IGN);
	ATF_REQUIRE((fp = popen("exec sleep 2", "r")) != NULL);
	fd = fileno(fp);
	WATCH(kq, fd);
	pthread_barrier_init(&ready, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, closer, fp));
	pthread_barrier_wait(&ready);
	while (isopen(fd))
		sched_yield();
	pthread_cancel(t);
	pthread_join(t, &ret);
	ATF_CHECK(!watched(kq, fd));
}

static void *
acceptor(void *arg)
{
	pthread_barrier_wait(&ready);
	return (accept(*(int *)arg, NULL, NULL) == -1 ? arg : NULL);
}

KQ_TC(accepting, "accept() and accept4() are libc's still")
{
	struct sockaddr_storage from, ss;
	socklen_t fromlen = sizeof(from), len;
	int fd, kq = KQ_OPEN(), ls;
	pthread_t t;
	void *ret;

	ls = listener_bound(L_TCP, &ss, &len);
	ATF_CHECK_ERRNO(EBADF, accept(-1, NULL, NULL) == -1);
	ATF_CHECK_ERRNO(EBADF, accept4(-1, NULL, NULL, 0) == -1);
	ATF_CHECK_ERRNO(EINVAL, accept(ls, NULL, NULL) == -1);
	ATF_CHECK_ERRNO(EINVAL, accept4(ls, NULL, NULL, ~0) == -1);
	ATF_REQUIRE_EQ(0, listen(ls, 8));
	KQ_CHANGE(kq, ls, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	close(listener_client(L_TCP, ls, &ss, len, 1));
	close(listener_client(L_TCP, ls, &ss, len, 2));
	KQ_EXPECT(kq, ls, EVFILT_READ, .flags = EV_CLEAR, .data = 2);
	errno = 77;
	ATF_REQUIRE((fd = accept(ls, (struct sockaddr *)&from, &fromlen)) !=
	    -1);
	ATF_CHECK_EQ(sizeof(struct sockaddr_in), fromlen);
	ATF_CHECK_EQ(AF_INET, from.ss_family);
	ATF_CHECK_EQ(0, fcntl(fd, F_GETFD));
	close(fd);
	fromlen = sizeof(from);
	ATF_REQUIRE((fd = accept4(ls, (struct sockaddr *)&from, &fromlen,
	    SOCK_CLOEXEC)) != -1);
	ATF_CHECK_EQ(sizeof(struct sockaddr_in), fromlen);
	ATF_CHECK_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(fd);
	ATF_CHECK_EQ(77, errno);
	KQ_EXPECT_NOTHING(kq);
	/* A cancellation point. */
	pthread_barrier_init(&ready, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, acceptor, &ls));
	pthread_barrier_wait(&ready);
	ATF_REQUIRE_EQ(0, pthread_cancel(t));
	ATF_REQUIRE_EQ(0, pthread_join(t, &ret));
	ATF_CHECK_EQ(PTHREAD_CANCELED, ret);
	close(ls);
}

KQ_TC(sockets, "connect(), setsockopt() and shutdown() are libc's still")
{
	int kq = KQ_OPEN(), len = 4, sv[2];
	struct sockaddr sa;

	memset(&sa, 0, sizeof(sa));
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ATF_CHECK_ERRNO(EBADF, connect(-1, &sa, sizeof(sa)) == -1);
	ATF_CHECK_ERRNO(EBADF, shutdown(-1, SHUT_RD) == -1);
	ATF_CHECK_ERRNO(EBADF, setsockopt(-1, SOL_SOCKET, SO_RCVLOWAT, &len,
	    sizeof(len)) == -1);
	WATCH(kq, sv[0]);
	errno = 77;
	ATF_CHECK_EQ(0, setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &len,
	    sizeof(len)));
	ATF_CHECK_EQ(0, setsockopt(sv[0], SOL_SOCKET, SO_RCVLOWAT, &len,
	    sizeof(len)));
	/* AF_UNSPEC: a datagram socket is disconnected. */
	ATF_CHECK_EQ(0, shutdown(sv[1], SHUT_WR));
	ATF_CHECK_EQ(77, errno);
	KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 0);
	close(sv[0]);
	close(sv[1]);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	sa.sa_family = AF_UNSPEC;
	ATF_CHECK_EQ(0, connect(sv[0], &sa, sizeof(sa)));
	close(sv[0]);
	close(sv[1]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, dup_kqueue);
	ATF_TP_ADD_TC(tp, dup_watched);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, setfd_own);
	ATF_TP_ADD_TC(tp, range_edges);
	ATF_TP_ADD_TC(tp, range_unshare);
	ATF_TP_ADD_TC(tp, closefrom_all);
	ATF_TP_ADD_TC(tp, locks);
	ATF_TP_ADD_TC(tp, streams);
	ATF_TP_ADD_TC(tp, cancelled_pclose);
	ATF_TP_ADD_TC(tp, accepting);
	ATF_TP_ADD_TC(tp, sockets);

	return (atf_no_error());
}
