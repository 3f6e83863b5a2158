/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kqueue costs beside epoll, timerfd and eventfd used by hand.
 *
 *	bench			the table
 *	bench name ...		the rows whose name contains one of the words
 *	bench syscalls		the operations that syscalls.sh counts
 *	bench syscalls name n	do one of them n times
 *
 * Every row measures both sides in the same process on the same descriptors,
 * in turns, and prints medians.  The ratio is the median of the ratios of
 * neighbours, so that what else the machine does hits both.  What makes a
 * descriptor ready is done before the clock starts: only waiting, reading and
 * answering is measured.
 */
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define	SYS_pidfd_open	434
#endif

enum { FILES = -1 };		/* a row's domain: files, not sockets */
enum { NREPS = 31, NEVENTS = 256, SIZE = 64, ROUND_NS = 5 * 1000 * 1000,
    MOST_NS = 100 * 1000 * 1000 };

struct row {
	const char *name;
	/* n rounds; returns the nanoseconds of the part that counts */
	double (*kq_run)(const struct row *, long n);
	double (*ep_run)(const struct row *, long n);
	int nfds;		/* descriptors, or things of another kind */
	int active;		/* how many speak in a round */
	unsigned short flags;	/* of EV_ADD */
	uint32_t epflags;
	int domain;
	int ops;		/* operations in a round; 0: active */
};

static int (*sv)[2];		/* ours is [0], the other end [1] */
static int kq, ep;
static char message[SIZE];
static const struct timespec zero;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1e9 + ts.tv_nsec);
}

static void
change(uintptr_t ident, int filter, unsigned short flags, unsigned int fflags,
    intptr_t data)
{
	struct kevent ev;

	EV_SET(&ev, ident, filter, flags, fflags, data, NULL);
	if (kevent(kq, &ev, 1, NULL, 0, NULL) == -1)
		die("kevent");
}

static void
ep_change(int op, int fd, uint32_t events)
{
	struct epoll_event ev;

	ev.events = events;
	ev.data.fd = fd;
	if (epoll_ctl(ep, op, fd, &ev) == -1)
		die("epoll_ctl");
}

static void
connected(int domain, int fd[2])
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int one = 1, s;

	if (domain == AF_UNIX) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
			die("socketpair");
	} else {
		memset(&sin, 0, sizeof(sin));
		sin.sin_family = AF_INET;
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if ((s = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
		    bind(s, (struct sockaddr *)&sin, len) == -1 ||
		    listen(s, 1) == -1 ||
		    getsockname(s, (struct sockaddr *)&sin, &len) == -1 ||
		    (fd[1] = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
		    connect(fd[1], (struct sockaddr *)&sin, len) == -1 ||
		    (fd[0] = accept(s, NULL, NULL)) == -1)
			die("tcp");
		setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		close(s);
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
}

static void
open_sockets(int n, int domain)
{
	int i;

	if ((sv = calloc(n, sizeof(*sv))) == NULL)
		die("calloc");
	for (i = 0; i < n; i++)
		connected(domain, sv[i]);
}

static void
close_sockets(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		close(sv[i][0]);
		close(sv[i][1]);
	}
	free(sv);
	sv = NULL;
}

/* One round's input: `active' of the descriptors, other ones each time. */
static void
speak(const struct row *r, long round)
{
	int i;

	for (i = 0; i < r->active; i++)
		if (write(sv[(round * 31 + i) % r->nfds][1], message, SIZE) !=
		    SIZE)
			die("write");
}

/*
 * Dispatch: wait, and read what there is.
 */
static double
kq_dispatch(const struct row *r, long n)
{
	struct kevent ev[NEVENTS];
	char buf[SIZE];
	double start, sum = 0;
	long round;
	int got, i, k;

	for (i = 0; i < r->nfds; i++)
		change(sv[i][0], EVFILT_READ, EV_ADD | r->flags, 0, 0);
	for (round = 0; round < n; round++) {
		speak(r, round);
		start = now();
		for (got = 0; got < r->active; got += k) {
			if ((k = kevent(kq, NULL, 0, ev, NEVENTS, NULL)) == -1)
				die("kevent");
			for (i = 0; i < k; i++) {
				if (read((int)ev[i].ident, buf, SIZE) != SIZE)
					die("read");
				if (r->flags & EV_DISPATCH)
					change(ev[i].ident, EVFILT_READ,
					    EV_ENABLE, 0, 0);
				else if (r->flags & EV_ONESHOT)
					change(ev[i].ident, EVFILT_READ,
					    EV_ADD | EV_ONESHOT, 0, 0);
			}
		}
		sum += now() - start;
	}
	for (i = 0; i < r->nfds; i++)
		change(sv[i][0], EVFILT_READ, EV_DELETE, 0, 0);
	return (sum);
}

static double
ep_dispatch(const struct row *r, long n)
{
	struct epoll_event ev[NEVENTS];
	char buf[SIZE];
	double start, sum = 0;
	long round;
	int got, i, k;

	for (i = 0; i < r->nfds; i++)
		ep_change(EPOLL_CTL_ADD, sv[i][0], EPOLLIN | EPOLLRDHUP |
		    r->epflags);
	for (round = 0; round < n; round++) {
		speak(r, round);
		start = now();
		for (got = 0; got < r->active; got += k) {
			if ((k = epoll_wait(ep, ev, NEVENTS, -1)) == -1)
				die("epoll_wait");
			for (i = 0; i < k; i++) {
				if (read(ev[i].data.fd, buf, SIZE) != SIZE)
					die("read");
				if (r->epflags & EPOLLONESHOT)
					ep_change(EPOLL_CTL_MOD,
					    ev[i].data.fd, EPOLLIN |
					    EPOLLRDHUP | EPOLLONESHOT);
			}
		}
		sum += now() - start;
	}
	for (i = 0; i < r->nfds; i++)
		ep_change(EPOLL_CTL_DEL, sv[i][0], 0);
	return (sum);
}

/*
 * Echo: wait, read, answer.  With EV_CLEAR both READ and WRITE are watched,
 * as a program does that never wants to change its registrations.
 */
static void
hear(const struct row *r, long round)
{
	char buf[SIZE];
	int i;

	for (i = 0; i < r->active; i++)
		if (recv(sv[(round * 31 + i) % r->nfds][1], buf, SIZE,
		    MSG_WAITALL) != SIZE)
			die("recv");
}

static double
kq_echo(const struct row *r, long n)
{
	struct kevent ev[NEVENTS];
	char buf[SIZE];
	double start, sum = 0;
	long round;
	int got, i, k;

	for (i = 0; i < r->nfds; i++) {
		change(sv[i][0], EVFILT_READ, EV_ADD | r->flags, 0, 0);
		if (r->flags & EV_CLEAR)
			change(sv[i][0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0,
			    0);
	}
	for (round = 0; round < n; round++) {
		speak(r, round);
		start = now();
		for (got = 0; got < r->active;) {
			if ((k = kevent(kq, NULL, 0, ev, NEVENTS, NULL)) == -1)
				die("kevent");
			for (i = 0; i < k; i++) {
				if (ev[i].filter != EVFILT_READ)
					continue;
				if (read((int)ev[i].ident, buf, SIZE) != SIZE ||
				    write((int)ev[i].ident, buf, SIZE) != SIZE)
					die("echo");
				got++;
			}
		}
		sum += now() - start;
		hear(r, round);
	}
	for (i = 0; i < r->nfds; i++) {
		change(sv[i][0], EVFILT_READ, EV_DELETE, 0, 0);
		if (r->flags & EV_CLEAR)
			change(sv[i][0], EVFILT_WRITE, EV_DELETE, 0, 0);
	}
	return (sum);
}

static double
ep_echo(const struct row *r, long n)
{
	struct epoll_event ev[NEVENTS];
	char buf[SIZE];
	double start, sum = 0;
	ssize_t len;
	long round;
	int got, i, k;

	for (i = 0; i < r->nfds; i++)
		ep_change(EPOLL_CTL_ADD, sv[i][0], EPOLLIN | EPOLLRDHUP |
		    r->epflags);
	for (round = 0; round < n; round++) {
		speak(r, round);
		start = now();
		for (got = 0; got < r->active;) {
			if ((k = epoll_wait(ep, ev, NEVENTS, -1)) == -1)
				die("epoll_wait");
			for (i = 0; i < k; i++) {
				if ((ev[i].events & EPOLLIN) == 0)
					continue;
				/*
				 * An edge for OUT says IN as well, and the
				 * data may have been read already.
				 */
				len = read(ev[i].data.fd, buf, SIZE);
				if (len == -1 && errno == EAGAIN)
					continue;
				if (len != SIZE ||
				    write(ev[i].data.fd, buf, SIZE) != SIZE)
					die("echo");
				got++;
			}
		}
		sum += now() - start;
		hear(r, round);
	}
	for (i = 0; i < r->nfds; i++)
		ep_change(EPOLL_CTL_DEL, sv[i][0], 0);
	return (sum);
}

/*
 * Registration.
 */
static double
kq_adddel(const struct row *r, long n)
{
	double start = now();

	while (n-- > 0) {
		change(sv[0][0], EVFILT_READ, EV_ADD | r->flags, 0, 0);
		change(sv[0][0], EVFILT_READ, EV_DELETE, 0, 0);
	}
	return (now() - start);
}

static double
ep_adddel(const struct row *r, long n)
{
	double start = now();

	while (n-- > 0) {
		ep_change(EPOLL_CTL_ADD, sv[0][0], EPOLLIN | r->epflags);
		ep_change(EPOLL_CTL_DEL, sv[0][0], 0);
	}
	return (now() - start);
}

/*
 * A user event, triggered and collected.
 */
static double
kq_user(const struct row *r, long n)
{
	struct kevent ev;
	double start;

	change(1, EVFILT_USER, EV_ADD | r->flags, 0, 0);
	start = now();
	while (n-- > 0) {
		change(1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
		if (kevent(kq, NULL, 0, &ev, 1, NULL) != 1)
			die("kevent");
	}
	start = now() - start;
	change(1, EVFILT_USER, EV_DELETE, 0, 0);
	return (start);
}

static double
ep_user(const struct row *r, long n)
{
	struct epoll_event ev;
	uint64_t one = 1;
	double start;
	int fd;

	if ((fd = eventfd(0, EFD_NONBLOCK)) == -1)
		die("eventfd");
	ep_change(EPOLL_CTL_ADD, fd, EPOLLIN | r->epflags);
	start = now();
	while (n-- > 0) {
		if (write(fd, &one, sizeof(one)) == -1 ||
		    epoll_wait(ep, &ev, 1, -1) != 1 ||
		    read(fd, &one, sizeof(one)) == -1)
			die("eventfd");
	}
	start = now() - start;
	close(fd);
	return (start);
}

/*
 * Timers: many that never come, and many that come together.
 */
static double
kq_timers(const struct row *r, long n)
{
	double start = now();
	int i;

	while (n-- > 0) {
		for (i = 0; i < r->nfds; i++)
			change(i, EVFILT_TIMER, EV_ADD, 0, 3600000 + i * 7 %
			    1000);
		for (i = 0; i < r->nfds; i++)
			change(i, EVFILT_TIMER, EV_DELETE, 0, 0);
	}
	return (now() - start);
}

static int
ep_timer(long ns)
{
	struct itimerspec it;
	int fd;

	memset(&it, 0, sizeof(it));
	it.it_value.tv_sec = ns / 1000000000;
	it.it_value.tv_nsec = ns % 1000000000;
	if ((fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) == -1 ||
	    timerfd_settime(fd, 0, &it, NULL) == -1)
		die("timerfd");
	ep_change(EPOLL_CTL_ADD, fd, EPOLLIN);
	return (fd);
}

/* A hundredth of the timers: descriptors are scarcer than memory. */
static double
ep_timers(const struct row *r, long n)
{
	static int fd[1000];
	double start = now();
	int i, k = r->nfds < 1000 ? r->nfds : 1000;

	while (n-- > 0) {
		for (i = 0; i < k; i++)
			fd[i] = ep_timer(3600000000000 + i);
		for (i = 0; i < k; i++)
			close(fd[i]);
	}
	return ((now() - start) * r->nfds / k);
}

/* Let all of them become due before the clock starts. */
static void
pass(void)
{
	const struct timespec ts = { 0, 3 * 1000 * 1000 };

	nanosleep(&ts, NULL);
}

static double
kq_expire(const struct row *r, long n)
{
	struct kevent ev[NEVENTS];
	double start, sum = 0;
	int got, i, k;

	while (n-- > 0) {
		for (i = 0; i < r->nfds; i++)
			change(i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
		pass();
		start = now();
		for (got = 0; got < r->nfds; got += k)
			if ((k = kevent(kq, NULL, 0, ev, NEVENTS, NULL)) == -1)
				die("kevent");
		sum += now() - start;
	}
	return (sum);
}

static double
ep_expire(const struct row *r, long n)
{
	struct epoll_event ev[NEVENTS];
	static int fd[1000];
	uint64_t count;
	double start, sum = 0;
	int got, i, k;

	while (n-- > 0) {
		for (i = 0; i < r->nfds; i++)
			fd[i] = ep_timer(1000000);
		pass();
		start = now();
		for (got = 0; got < r->nfds; got += k) {
			if ((k = epoll_wait(ep, ev, NEVENTS, -1)) == -1)
				die("epoll_wait");
			for (i = 0; i < k; i++)
				if (read(ev[i].data.fd, &count,
				    sizeof(count)) == -1)
					die("read");
		}
		sum += now() - start;
		for (i = 0; i < r->nfds; i++)
			close(fd[i]);
	}
	return (sum);
}

/*
 * Nothing to do, with everything registered.
 */
static double
kq_empty(const struct row *r, long n)
{
	struct kevent ev;
	double start;
	int i;

	for (i = 0; i < r->nfds; i++)
		change(sv[i][0], EVFILT_READ, EV_ADD | r->flags, 0, 0);
	start = now();
	while (n-- > 0)
		if (kevent(kq, NULL, 0, &ev, 1, &zero) != 0)
			die("kevent");
	start = now() - start;
	for (i = 0; i < r->nfds; i++)
		change(sv[i][0], EVFILT_READ, EV_DELETE, 0, 0);
	return (start);
}

static double
ep_empty(const struct row *r, long n)
{
	struct epoll_event ev;
	double start;
	int i;

	for (i = 0; i < r->nfds; i++)
		ep_change(EPOLL_CTL_ADD, sv[i][0], EPOLLIN | r->epflags);
	start = now();
	while (n-- > 0)
		if (epoll_wait(ep, &ev, 1, 0) != 0)
			die("epoll_wait");
	start = now() - start;
	for (i = 0; i < r->nfds; i++)
		ep_change(EPOLL_CTL_DEL, sv[i][0], 0);
	return (start);
}

/*
 * close(), beside the system call, of sockets that are watched or not.
 */
static double
closing(int watched, int ours, long n)
{
	static int fd[500];
	double start, sum = 0;
	int i;

	while (n-- > 0) {
		for (i = 0; i < 500; i++) {
			fd[i] = (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM,
			    0);
			if (watched && ours)
				change(fd[i], EVFILT_READ, EV_ADD, 0, 0);
			else if (watched)
				ep_change(EPOLL_CTL_ADD, fd[i], EPOLLIN);
		}
		start = now();
		for (i = 0; i < 500; i++)
			if (ours)
				close(fd[i]);
			else
				syscall(SYS_close, fd[i]);
		sum += now() - start;
	}
	return (sum);
}

static double
kq_close(const struct row *r, long n)
{
	return (closing(r->active, 1, n));
}

static double
ep_close(const struct row *r, long n)
{
	return (closing(r->active, 0, n));
}

/*
 * Files: each is registered, and each is written to in turn and its event
 * collected.  They are open on both sides, for the writing; by hand the path is
 * watched.  In memory, so that the writing itself is as short as it can be.
 */
static char filedir[] = "/dev/shm/bench.XXXXXX";
static int *files, nfiles;

static const char *
file_name(int i)
{
	static char name[sizeof(filedir) + 16];

	snprintf(name, sizeof(name), "%s/%d", filedir, i);
	return (name);
}

static void
close_files(void)
{
	if (files == NULL)
		return;
	while (nfiles-- > 0) {
		close(files[nfiles]);
		unlink(file_name(nfiles));
	}
	rmdir(filedir);
	free(files);
	files = NULL;
}

static void
open_files(int n)
{
	static int registered;
	struct rlimit rl;
	rlim_t need = (rlim_t)n + 1000;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < need) {
		rl.rlim_cur = rl.rlim_max < need ? rl.rlim_max : need;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	memset(strrchr(filedir, '.') + 1, 'X', 6);
	if (mkdtemp(filedir) == NULL)
		die("mkdtemp");
	/* Whoever ends the program leaves none of them behind. */
	if (!registered)
		registered = atexit(close_files) == 0;
	if ((files = calloc(n, sizeof(*files))) == NULL)
		die("calloc");
	for (nfiles = 0; nfiles < n; nfiles++)
		if ((files[nfiles] = open(file_name(nfiles), O_RDWR | O_CREAT |
		    O_EXCL | O_CLOEXEC, 0600)) == -1)
			die("open");
}

static double
kq_files(const struct row *r, long n)
{
	double start, sum = 0;
	int i;

	while (n-- > 0) {
		start = now();
		for (i = 0; i < r->nfds; i++)
			change(files[i], EVFILT_VNODE, EV_ADD | EV_CLEAR,
			    NOTE_WRITE, 0);
		sum += now() - start;
		for (i = 0; i < r->nfds; i++)
			change(files[i], EVFILT_VNODE, EV_DELETE, 0, 0);
	}
	return (sum);
}

static int
ep_inotify(void)
{
	int fd;

	if ((fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1)
		die("inotify_init1");
	ep_change(EPOLL_CTL_ADD, fd, EPOLLIN);
	return (fd);
}

static double
ep_files(const struct row *r, long n)
{
	double start, sum = 0;
	int *wd, fd, i;

	if ((wd = calloc(r->nfds, sizeof(*wd))) == NULL)
		die("calloc");
	fd = ep_inotify();
	while (n-- > 0) {
		start = now();
		for (i = 0; i < r->nfds; i++)
			if ((wd[i] = inotify_add_watch(fd, file_name(i),
			    IN_MODIFY)) == -1)
				die("inotify_add_watch");
		sum += now() - start;
		for (i = 0; i < r->nfds; i++)
			inotify_rm_watch(fd, wd[i]);
	}
	close(fd);
	free(wd);
	return (sum);
}

static double
kq_touch(const struct row *r, long n)
{
	struct kevent ev;
	double start;
	int i;

	for (i = 0; i < r->nfds; i++)
		change(files[i], EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE,
		    0);
	start = now();
	while (n-- > 0)
		for (i = 0; i < r->nfds; i++)
			if (pwrite(files[i], "x", 1, 0) != 1 ||
			    kevent(kq, NULL, 0, &ev, 1, NULL) != 1 ||
			    ev.ident != (uintptr_t)files[i])
				die("touch");
	return (now() - start);
}

static double
ep_touch(const struct row *r, long n)
{
	union {
		struct inotify_event ie;
		char space[4096];
	} buf;
	struct epoll_event ev;
	double start;
	int *bywd, fd, i, wd;

	fd = ep_inotify();
	/* A new instance counts its watches from 1. */
	if ((bywd = calloc(r->nfds + 1, sizeof(*bywd))) == NULL)
		die("calloc");
	for (i = 0; i < r->nfds; i++) {
		wd = inotify_add_watch(fd, file_name(i), IN_MODIFY);
		if (wd < 1 || wd > r->nfds)
			die("inotify_add_watch");
		bywd[wd] = files[i];
	}
	start = now();
	while (n-- > 0)
		for (i = 0; i < r->nfds; i++)
			if (pwrite(files[i], "x", 1, 0) != 1 ||
			    epoll_wait(ep, &ev, 1, -1) != 1 ||
			    read(fd, &buf, sizeof(buf)) !=
			    (ssize_t)sizeof(buf.ie) ||
			    bywd[buf.ie.wd] != files[i])
				die("touch");
	start = now() - start;
	close(fd);
	free(bywd);
	return (start);
}

/*
 * Children: watched while they live, collected with their status and reaped
 * when all of them are dead.  Both parts count; forking and dying do not.
 */
enum { NCHILDREN = 500 };

static pid_t child[NCHILDREN];
static int gate[2];

static void
bear(void)
{
	char c;
	int i;

	if (pipe(gate) == -1)
		die("pipe");
	for (i = 0; i < NCHILDREN; i++) {
		if ((child[i] = fork()) == -1)
			die("fork");
		if (child[i] == 0)
			_exit(read(gate[0], &c, 1) == 1 ? i & 0x7f : 0xff);
	}
}

static void
let_die(void)
{
	siginfo_t info;
	int i;

	for (i = 0; i < NCHILDREN; i++)
		if (write(gate[1], "", 1) != 1)
			die("write");
	for (i = 0; i < NCHILDREN; i++)
		if (waitid(P_PID, child[i], &info, WEXITED | WNOWAIT) == -1)
			die("waitid");
	close(gate[0]);
	close(gate[1]);
}

static double
kq_exits(const struct row *r, long n)
{
	struct kevent ev[NEVENTS];
	double start, sum = 0;
	int got, i, k, status;

	(void)r;
	while (n-- > 0) {
		bear();
		start = now();
		for (i = 0; i < NCHILDREN; i++) {
			EV_SET(&ev[0], child[i], EVFILT_PROC, EV_ADD,
			    NOTE_EXIT, 0, (void *)(intptr_t)i);
			if (kevent(kq, ev, 1, NULL, 0, NULL) == -1)
				die("kevent");
		}
		sum += now() - start;
		let_die();
		start = now();
		for (got = 0; got < NCHILDREN; got += k) {
			if ((k = kevent(kq, NULL, 0, ev, NEVENTS, NULL)) == -1)
				die("kevent");
			for (i = 0; i < k; i++) {
				status = (int)ev[i].data;
				if (!WIFEXITED(status) || WEXITSTATUS(status) !=
				    ((intptr_t)ev[i].udata & 0x7f) ||
				    waitpid((pid_t)ev[i].ident, NULL, 0) == -1)
					die("exit");
			}
		}
		sum += now() - start;
	}
	return (sum);
}

static double
ep_exits(const struct row *r, long n)
{
	static int fd[NCHILDREN];
	struct epoll_event ev[NEVENTS];
	siginfo_t info;
	double start, sum = 0;
	int got, i, j, k;

	(void)r;
	while (n-- > 0) {
		bear();
		start = now();
		for (i = 0; i < NCHILDREN; i++) {
			fd[i] = (int)syscall(SYS_pidfd_open, child[i], 0);
			ev[0].events = EPOLLIN;
			ev[0].data.fd = i;
			if (fd[i] == -1 ||
			    epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], ev) == -1)
				die("pidfd_open");
		}
		sum += now() - start;
		let_die();
		start = now();
		for (got = 0; got < NCHILDREN; got += k) {
			if ((k = epoll_wait(ep, ev, NEVENTS, -1)) == -1)
				die("epoll_wait");
			for (i = 0; i < k; i++) {
				j = ev[i].data.fd;
				/* 3 is P_PIDFD, which older headers lack. */
				if (waitid((idtype_t)3, fd[j], &info,
				    WEXITED) == -1 ||
				    info.si_code != CLD_EXITED ||
				    info.si_status != (j & 0x7f))
					die("exit");
				close(fd[j]);
			}
		}
		sum += now() - start;
	}
	return (sum);
}

/*
 * A signal to the own process, sent and collected.
 */
static double
kq_signal(const struct row *r, long n)
{
	struct kevent ev;
	pid_t pid = getpid();
	double start;

	signal(SIGUSR1, SIG_IGN);
	change(SIGUSR1, EVFILT_SIGNAL, EV_ADD | r->flags, 0, 0);
	start = now();
	while (n-- > 0)
		if (kill(pid, SIGUSR1) == -1 ||
		    kevent(kq, NULL, 0, &ev, 1, NULL) != 1 || ev.data != 1)
			die("signal");
	start = now() - start;
	change(SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0);
	signal(SIGUSR1, SIG_DFL);
	return (start);
}

static double
ep_signal(const struct row *r, long n)
{
	struct signalfd_siginfo info;
	struct epoll_event ev;
	pid_t pid = getpid();
	sigset_t set, old;
	double start;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	/*
	 * The system call: the library leaves a signal that signalfd() has
	 * named to the program, also in the rounds of the other side.
	 */
	if (sigprocmask(SIG_BLOCK, &set, &old) == -1)
		die("sigprocmask");
	fd = (int)syscall(SYS_signalfd4, -1, &set, 8,
	    SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd == -1)
		die("signalfd");
	ep_change(EPOLL_CTL_ADD, fd, EPOLLIN | r->epflags);
	start = now();
	while (n-- > 0)
		if (kill(pid, SIGUSR1) == -1 ||
		    epoll_wait(ep, &ev, 1, -1) != 1 ||
		    read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info) ||
		    info.ssi_signo != SIGUSR1)
			die("signal");
	start = now() - start;
	close(fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return (start);
}

#define	DISPATCH(name, n, active, flags, epflags)			\
	{ name, kq_dispatch, ep_dispatch, n, active, flags, epflags,	\
	    AF_UNIX, 0 }
#define	ECHO(name, domain, flags, epflags)				\
	{ name, kq_echo, ep_echo, 64, 64, flags, epflags, domain, 0 }

static const struct row rows[] = {
	DISPATCH("level, 1 of 1 ready", 1, 1, 0, 0),
	DISPATCH("level, 1 of 100 ready", 100, 1, 0, 0),
	DISPATCH("level, 100 of 100 ready", 100, 100, 0, 0),
	DISPATCH("level, 1 of 1000 ready", 1000, 1, 0, 0),
	DISPATCH("level, 1000 of 1000 ready", 1000, 1000, 0, 0),
	DISPATCH("EV_CLEAR, 1 of 1 ready", 1, 1, EV_CLEAR, EPOLLET),
	DISPATCH("EV_CLEAR, 1 of 100 ready", 100, 1, EV_CLEAR, EPOLLET),
	DISPATCH("EV_CLEAR, 100 of 100 ready", 100, 100, EV_CLEAR, EPOLLET),
	DISPATCH("EV_CLEAR, 1 of 1000 ready", 1000, 1, EV_CLEAR, EPOLLET),
	DISPATCH("EV_CLEAR, 1000 of 1000 ready", 1000, 1000, EV_CLEAR,
	    EPOLLET),
	ECHO("echo TCP, level", AF_INET, 0, 0),
	ECHO("echo TCP, EV_CLEAR, READ+WRITE", AF_INET, EV_CLEAR,
	    EPOLLET | EPOLLOUT),
	ECHO("echo AF_UNIX, level", AF_UNIX, 0, 0),
	ECHO("echo AF_UNIX, EV_CLEAR, READ+WRITE", AF_UNIX, EV_CLEAR,
	    EPOLLET | EPOLLOUT),
	{ "EV_ADD and EV_DELETE", kq_adddel, ep_adddel, 1, 1, 0, 0, AF_UNIX,
	    0 },
	DISPATCH("EV_DISPATCH round", 100, 1, EV_DISPATCH, EPOLLONESHOT),
	DISPATCH("EV_ONESHOT round", 100, 1, EV_ONESHOT, EPOLLONESHOT),
	{ "USER trigger and collect", kq_user, ep_user, 0, 1, EV_CLEAR, 0, 0,
	    0 },
	{ "timer add and delete, 100,000", kq_timers, ep_timers, 100000, 0, 0,
	    0, 0, 100000 },
	{ "timer expiry, 1000 together", kq_expire, ep_expire, 1000, 0, 0, 0,
	    0, 1000 },
	{ "empty poll, 1000 registered", kq_empty, ep_empty, 1000, 1, 0, 0,
	    AF_UNIX, 0 },
	{ "close(), not watched", kq_close, ep_close, 0, 0, 0, 0, 0, 500 },
	{ "close(), watched", kq_close, ep_close, 0, 1, 0, 0, 0, 500 },
	{ "SIGNAL kill() and collect", kq_signal, ep_signal, 0, 1, 0, 0, 0,
	    0 },
	{ "PROC NOTE_EXIT, 500 children", kq_exits, ep_exits, 0, 0, 0, 0, 0,
	    NCHILDREN },
	{ "VNODE EV_ADD, 1000 files", kq_files, ep_files, 1000, 0, 0, 0,
	    FILES, 1000 },
	{ "VNODE write, collect; 1000 files", kq_touch, ep_touch, 1000, 0, 0,
	    0, FILES, 1000 },
	{ "VNODE EV_ADD, 10,000 files", kq_files, ep_files, 10000, 0, 0, 0,
	    FILES, 10000 },
	{ "VNODE write, collect; 10,000 files", kq_touch, ep_touch, 10000, 0,
	    0, 0, FILES, 10000 },
};

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return ((x > y) - (x < y));
}

static double
run(const struct row *r, int ours, long n)
{
	double ns;

	if ((kq = kqueue()) == -1 || (ep = epoll_create1(0)) == -1)
		die("kqueue");
	ns = ours ? r->kq_run(r, n) : r->ep_run(r, n);
	close(kq);
	close(ep);
	return (ns);
}

static void
measure(const struct row *r)
{
	double ours[NREPS], theirs[NREPS], ratio[NREPS], ops;
	double start;
	long n = 1;
	int i;

	if (r->domain == FILES)
		open_files(r->nfds);
	else if (r->domain != 0)
		open_sockets(r->nfds, r->domain);
	/*
	 * So many rounds that what is measured takes a while, or else its
	 * preparation takes too long: a single round of a thousand descriptors
	 * would show the first look at each, and nothing else.
	 */
	for (;; n *= 2) {
		start = now();
		if (run(r, 1, n) > ROUND_NS || now() - start > MOST_NS)
			break;
	}
	(void)run(r, 0, n);
	for (i = 0; i < NREPS; i++) {
		if (i % 2 == 0)
			ours[i] = run(r, 1, n);
		theirs[i] = run(r, 0, n);
		if (i % 2 == 1)
			ours[i] = run(r, 1, n);
		ratio[i] = ours[i] / theirs[i];
	}
	if (r->domain == FILES)
		close_files();
	else if (r->domain != 0)
		close_sockets(r->nfds);
	qsort(ours, NREPS, sizeof(ours[0]), compare);
	qsort(theirs, NREPS, sizeof(theirs[0]), compare);
	qsort(ratio, NREPS, sizeof(ratio[0]), compare);
	ops = (double)n * (r->ops != 0 ? r->ops : r->active);
	printf("| %-36s | %7.0f | %7.0f | %5.2f |\n", r->name,
	    theirs[NREPS / 2] / ops, ours[NREPS / 2] / ops,
	    ratio[NREPS / 2]);
	fflush(stdout);
}

/*
 * Operations whose system calls are counted.  Those that the program itself
 * makes are named, and are taken off the count.
 */
static void
op_empty(void)
{
	struct kevent ev;

	(void)kevent(kq, NULL, 0, &ev, 1, &zero);
}

static void
collect(int n)
{
	struct kevent ev[NEVENTS];

	if (kevent(kq, NULL, 0, ev, NEVENTS, NULL) != n)
		die("kevent: another number of events");
}

static void
prep_sockets(void)
{
	open_sockets(16, AF_UNIX);
}

static void
prep_ready(void)
{
	int i;

	prep_sockets();
	for (i = 0; i < 16; i++) {
		if (write(sv[i][1], message, SIZE) != SIZE)
			die("write");
		change(sv[i][0], EVFILT_READ, EV_ADD, 0, 0);
	}
}

static void
op_collect(void)
{
	collect(16);
}

static void
op_addfirst(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	change(fd, EVFILT_READ, EV_ADD, 0, 0);
	close(fd);
}

static void
op_addagain(void)
{
	change(sv[0][0], EVFILT_READ, EV_ADD, 0, 0);
	change(sv[0][0], EVFILT_READ, EV_DELETE, 0, 0);
}

static void
prep_quiet(void)
{
	prep_sockets();
	change(sv[0][0], EVFILT_READ, EV_ADD, 0, 0);
}

static void
op_disable(void)
{
	change(sv[0][0], EVFILT_READ, EV_DISABLE, 0, 0);
	change(sv[0][0], EVFILT_READ, EV_ENABLE, 0, 0);
}

static void
prep_dispatch(void)
{
	prep_sockets();
	if (write(sv[0][1], message, SIZE) != SIZE)
		die("write");
	change(sv[0][0], EVFILT_READ, EV_ADD | EV_DISPATCH, 0, 0);
}

static void
op_dispatch(void)
{
	collect(1);
	change(sv[0][0], EVFILT_READ, EV_ENABLE, 0, 0);
}

static void
prep_oneshot(void)
{
	prep_sockets();
	if (write(sv[0][1], message, SIZE) != SIZE)
		die("write");
}

static void
op_oneshot(void)
{
	change(sv[0][0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	collect(1);
}

static void
prep_nested(void)
{
	prep_sockets();
	change(sv[0][0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	change(sv[0][0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	collect(1);
}

static void
op_nested(void)
{
	struct iovec iov = { message, SIZE };
	char buf[SIZE];
	struct iovec in = { buf, SIZE };

	(void)!writev(sv[0][1], &iov, 1);
	collect(1);
	(void)!readv(sv[0][0], &in, 1);
}

static void
prep_user(void)
{
	change(1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
}

static void
op_user(void)
{
	change(1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	collect(1);
}

static void
op_user100(void)
{
	int i;

	for (i = 0; i < 100; i++)
		change(1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	collect(1);
}

static void
prep_timer(void)
{
	change(0, EVFILT_TIMER, EV_ADD, 0, 1800000);
}

static void
op_timerlate(void)
{
	change(1, EVFILT_TIMER, EV_ADD, 0, 3600000);
	change(1, EVFILT_TIMER, EV_DELETE, 0, 0);
}

static void
op_timers(void)
{
	int i;

	for (i = 1; i <= 10; i++)
		change(i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	pass();
	collect(10);
}

static void
prep_signal(void)
{
	signal(SIGUSR1, SIG_IGN);
	change(SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0);
}

static void
op_signal(void)
{
	kill(getpid(), SIGUSR1);
	collect(1);
}

static void
op_proc(void)
{
	siginfo_t info;
	pid_t pid;

	if ((pid = fork()) == -1)
		die("fork");
	if (pid == 0)
		_exit(0);
	/* Dead before it is watched, so that nothing sleeps. */
	(void)waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	change(pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	collect(1);
	(void)waitpid(pid, NULL, 0);
}

static int file;

static void
prep_vnode(void)
{
	char name[] = "/tmp/bench.XXXXXX";

	if ((file = mkstemp(name)) == -1)
		die("mkstemp");
	unlink(name);
	change(file, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0);
}

static void
op_vnode(void)
{
	struct iovec iov = { message, SIZE };

	(void)!writev(file, &iov, 1);
	collect(1);
}

static void
op_vnodeadd(void)
{
	change(file, EVFILT_VNODE, EV_DELETE, 0, 0);
	change(file, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0);
}

static void
op_kqueue(void)
{
	close(kqueue());
}

static const struct op {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
	const char *own;	/* the program's calls, as name=count,... */
	const char *budget;	/* what is allowed, in words */
} ops[] = {
	{ "empty-poll", NULL, op_empty, "", "1" },
	{ "collect-16-ready", prep_ready, op_collect, "", "1 + 16" },
	{ "add-first-and-close", NULL, op_addfirst, "socket=1,close=1",
	    "2 + 1" },
	{ "add-again-and-delete", prep_sockets, op_addagain, "", "1 + 1" },
	{ "disable-and-enable", prep_quiet, op_disable, "", "1 + 1" },
	{ "dispatch-round", prep_dispatch, op_dispatch, "", "1 + 1 + 1" },
	{ "oneshot-round", prep_oneshot, op_oneshot, "", "1 + 1 + 1" },
	{ "read-and-write-cleared", prep_nested, op_nested,
	    "writev=1,readv=1", "2 + 1" },
	{ "user-trigger-collect", prep_user, op_user, "", "1 + 1" },
	{ "user-100-triggers-collect", prep_user, op_user100, "", "1 + 1" },
	{ "timer-add-delete-later", prep_timer, op_timerlate, "", "0" },
	{ "timer-10-due-together", prep_timer, op_timers,
	    "clock_nanosleep=1", "1 + 1 + 1" },
	{ "signal-collect", prep_signal, op_signal, "kill=1,getpid=1", "2" },
	{ "exit-add-collect", NULL, op_proc,
	    "clone=1,waitid=1,wait4=1", "add 2, collect 3" },
	{ "vnode-collect", prep_vnode, op_vnode, "writev=1", "2 + 1" },
	{ "vnode-delete-and-add", prep_vnode, op_vnodeadd, "", "2 + 2" },
	{ "kqueue-close", NULL, op_kqueue, "", "1 + 1" },
};

static int
syscalls(int argc, char *argv[])
{
	size_t i;
	long n;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (argc < 2) {
			printf("%s\t%s\t%s\n", ops[i].name, ops[i].budget,
			    ops[i].own);
			continue;
		}
		if (strcmp(argv[0], ops[i].name) != 0)
			continue;
		if ((kq = kqueue()) == -1)
			die("kqueue");
		if (ops[i].prepare != NULL)
			ops[i].prepare();
		for (n = atol(argv[1]); n > 0; n--)
			ops[i].run();
		return (0);
	}
	return (argc < 2 ? 0 : 2);
}

int
main(int argc, char *argv[])
{
	struct rlimit rl;
	struct utsname un;
	size_t i;
	int a;

	if (argc > 1 && strcmp(argv[1], "syscalls") == 0)
		return (syscalls(argc - 2, argv + 2));

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < 4096) {
		rl.rlim_cur = rl.rlim_max < 4096 ? rl.rlim_max : 4096;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	(void)uname(&un);
	printf("libkqueue %s, %s %s %s, %ld processors; nanoseconds for one "
	    "operation, median of %d\n\n", libkqueue_version(), un.sysname,
	    un.release, un.machine, sysconf(_SC_NPROCESSORS_ONLN), NREPS);
	printf("| %-36s | %7s | %7s | %5s |\n", "operation", "by hand",
	    "kqueue", "ratio");
	printf("|%.38s|%.9s|%.9s|%.7s|\n",
	    "--------------------------------------", "--------:",
	    "--------:", "------:");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (a = 1; a < argc && strstr(rows[i].name, argv[a]) == NULL;)
			a++;
		if (argc == 1 || a < argc)
			measure(&rows[i]);
	}
	return (0);
}
