/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every system call and every allocation of the library fails once.
 *
 * A scenario makes a kqueue, adds knotes, lets their events come, collects,
 * and ends.  It is run with its first call failing, with its second, and so
 * on, with each errno that the kernel can give for that call; each time in a
 * child process that never had a kqueue, so that what is made once fails too.
 * Wanted: a documented errno or none, nothing half done, the same change
 * working right after, events from all that was added, no descriptor left,
 * and the whole scenario working in the same process afterwards.
 */
#include "kq_test.h"

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "fault.h"

#define	MAXADD	6

/* Signals come all the time. */
static bool storm;

struct run {
	struct kevent	r_add[MAXADD];
	int		r_nadd;
	unsigned	r_silent;	/* bits of those that make no event */
	int		r_fd[8];	/* what the scenario has opened */
	int		r_nfd;
	int		r_pipe[2];
	pid_t		r_pid;
	int		r_inner;	/* a nested kqueue, made by us */
};

struct scenario {
	const char	*s_name;
	void		(*s_setup)(struct run *);
	void		(*s_fire)(struct run *);
	void		(*s_end)(struct run *);
};

static void
run_add(struct run *r, uintptr_t ident, int filter, unsigned flags,
    unsigned fflags, intptr_t data)
{
	EV_SET(&r->r_add[r->r_nadd], ident, (short)filter,
	    (unsigned short)(EV_ADD | flags), fflags, data, r);
	r->r_nadd++;
}

static int
run_fd(struct run *r, int fd)
{
	CHECK(fd >= 0, "no descriptor: %s", strerror(errno));
	r->r_fd[r->r_nfd++] = fd;
	return (fd);
}

static void
setup_socket(struct run *r)
{
	int sv[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0, "socketpair");
	run_fd(r, sv[0]);
	run_fd(r, sv[1]);
	run_add(r, (uintptr_t)sv[0], EVFILT_READ, 0, 0, 0);
	run_add(r, (uintptr_t)sv[0], EVFILT_WRITE, EV_CLEAR, 0, 0);
	run_add(r, (uintptr_t)sv[1], EVFILT_WRITE, EV_ONESHOT, 0, 0);
	run_add(r, (uintptr_t)sv[1], EVFILT_EXCEPT, 0, NOTE_OOB, 0);
	r->r_silent = 1u << 3;
}

static void
fire_socket(struct run *r)
{
	CHECK(write(r->r_fd[1], "x", 1) == 1, "write");
}

static void
setup_pipe(struct run *r)
{
	int p[2];

	CHECK(pipe(p) == 0, "pipe");
	run_fd(r, p[0]);
	run_fd(r, p[1]);
	run_add(r, (uintptr_t)p[0], EVFILT_READ, EV_CLEAR, 0, 0);
	run_add(r, (uintptr_t)p[1], EVFILT_WRITE, 0, 0, 0);
}

/* A listening socket, a TCP connection, and a regular file at its offset. */
static void
setup_tcp(struct run *r)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd, s;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = run_fd(r, socket(AF_INET, SOCK_STREAM, 0));
	CHECK(bind(s, (void *)&sin, len) == 0 && listen(s, 5) == 0 &&
	    getsockname(s, (void *)&sin, &len) == 0, "listen");
	fd = run_fd(r, socket(AF_INET, SOCK_STREAM, 0));
	/* A signal does not end it. */
	CHECK(connect(fd, (void *)&sin, len) == 0 || errno == EINTR, "connect");
	run_add(r, (uintptr_t)s, EVFILT_READ, EV_CLEAR, 0, 0);
	run_add(r, (uintptr_t)fd, EVFILT_WRITE, EV_DISPATCH, NOTE_LOWAT, 1);
	fd = run_fd(r, open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	CHECK(write(fd, "abc", 3) == 3 && lseek(fd, 1, SEEK_SET) == 1, "file");
	run_add(r, (uintptr_t)fd, EVFILT_READ, 0, 0, 0);
}

static void
setup_timer(struct run *r)
{
	run_add(r, 1, EVFILT_TIMER, 0, 0, 1);
	run_add(r, 2, EVFILT_TIMER, EV_ONESHOT, 0, 2);
	run_add(r, 3, EVFILT_TIMER, 0, 0, 3600 * 1000);
	r->r_silent = 1u << 2;
}

static void
setup_user(struct run *r)
{
	run_add(r, 1, EVFILT_USER, EV_CLEAR, NOTE_FFNOP, 0);
	run_add(r, 2, EVFILT_USER, 0, NOTE_FFNOP, 0);
	r->r_silent = 3;
}

static void
setup_nested(struct run *r)
{
	struct kevent kev;

	/* Made before anything fails, as the other objects. */
	kq_fault_pause();
	r->r_inner = run_fd(r, kqueue());
	EV_SET(&kev, 7, EVFILT_USER, EV_ADD, 0, 0, NULL);
	CHECK(kevent(r->r_inner, &kev, 1, NULL, 0, NULL) == 0, "inner");
	run_add(r, (uintptr_t)r->r_inner, EVFILT_READ, 0, 0, 0);
}

static void
fire_nested(struct run *r)
{
	struct kevent kev;

	EV_SET(&kev, 7, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	CHECK(kevent(r->r_inner, &kev, 1, NULL, 0, NULL) == 0, "trigger");
}

static void
setup_vnode(struct run *r)
{
	int fd;

	fd = run_fd(r, open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	run_add(r, (uintptr_t)fd, EVFILT_VNODE, EV_CLEAR, NOTE_WRITE |
	    NOTE_EXTEND | NOTE_ATTRIB, 0);
	(void)mkdir("dir", 0700);
	(void)rmdir("dir/sub");
	fd = run_fd(r, open("dir", O_RDONLY | O_DIRECTORY));
	run_add(r, (uintptr_t)fd, EVFILT_VNODE, 0, NOTE_WRITE | NOTE_LINK, 0);
}

static void
fire_vnode(struct run *r)
{
	CHECK(write(r->r_fd[0], "x", 1) == 1, "write");
	CHECK(mkdir("dir/sub", 0700) == 0, "mkdir");
}

static void
setup_signal(struct run *r)
{
	run_add(r, SIGUSR1, EVFILT_SIGNAL, 0, 0, 0);
	run_add(r, SIGCHLD, EVFILT_SIGNAL, EV_DISABLE, 0, 0);
	r->r_silent = 2;
	(void)signal(SIGUSR1, SIG_IGN);
}

static void
fire_signal(struct run *r)
{
	(void)r;
	CHECK(kill(getpid(), SIGUSR1) == 0, "kill");
}

static void
proc_child(struct run *r)
{
	char c;

	CHECK(pipe(r->r_pipe) == 0, "pipe");
	if ((r->r_pid = fork()) == 0) {
		(void)close(r->r_pipe[1]);
		while (read(r->r_pipe[0], &c, 1) == -1 && errno == EINTR)
			continue;
		_exit(3);
	}
	CHECK(r->r_pid > 0, "fork");
	run_fd(r, r->r_pipe[0]);
	run_fd(r, r->r_pipe[1]);
}

static void
setup_proc(struct run *r)
{
	proc_child(r);
	run_add(r, (uintptr_t)r->r_pid, EVFILT_PROC, 0, NOTE_EXIT, 0);
}

static void
setup_procfork(struct run *r)
{
	proc_child(r);
	run_add(r, (uintptr_t)r->r_pid, EVFILT_PROC, 0, NOTE_EXIT | NOTE_FORK |
	    NOTE_EXEC, 0);
}

static void
fire_proc(struct run *r)
{
	CHECK(write(r->r_pipe[1], "x", 1) == 1, "write");
}

static void
end_proc(struct run *r)
{
	int status;

	while (waitpid(r->r_pid, &status, 0) == -1)
		CHECK(errno == EINTR, "waitpid: %s", strerror(errno));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3, "status");
}

static void
setup_fs(struct run *r)
{
	static bool own;

	/* A place of our own to mount in, if we may. */
	if (!own && unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL,
	    MS_REC | MS_PRIVATE, NULL) == 0)
		own = true;
	run_add(r, 0, EVFILT_FS, 0, 0, 0);
	(void)mkdir("mnt", 0700);
	if (!own)
		r->r_silent = 1;
}

static void
fire_fs(struct run *r)
{
	if (r->r_silent == 0 && mount("none", "mnt", "tmpfs", 0, NULL) == -1)
		r->r_silent = 1;
}

static void
end_fs(struct run *r)
{
	(void)r;
	(void)umount("mnt");
}

/* A file whose number was closed unseen and used again, and that speaks. */
static void
setup_orphan(struct run *r)
{
	int p[2], q[2];

	CHECK(pipe(p) == 0 && pipe(q) == 0, "pipe");
	run_fd(r, p[0]);
	run_fd(r, p[1]);
	run_fd(r, q[0]);
	run_fd(r, q[1]);
	run_add(r, (uintptr_t)p[0], EVFILT_READ, 0, 0, 0);
	r->r_silent = 1;
	run_add(r, (uintptr_t)q[0], EVFILT_READ, 0, 0, 0);
}

static void
fire_orphan(struct run *r)
{
	int p[2];

	run_fd(r, dup(r->r_fd[0]));
	CHECK(pipe(p) == 0, "pipe");
	run_fd(r, p[1]);
	CHECK(syscall(SYS_close, r->r_fd[0]) == 0, "close");
	CHECK(syscall(SYS_dup3, p[0], r->r_fd[0], 0) == r->r_fd[0], "dup3");
	CHECK(close(p[0]) == 0, "close");
	CHECK(write(r->r_fd[1], "x", 1) == 1 && write(r->r_fd[3], "y", 1) == 1,
	    "write");
}

static const struct scenario scn_orphan = { "orphan", setup_orphan,
    fire_orphan, NULL };
static const struct scenario scn_socket = { "socket", setup_socket,
    fire_socket, NULL };
static const struct scenario scn_pipe = { "pipe", setup_pipe, fire_socket,
    NULL };
static const struct scenario scn_tcp = { "tcp", setup_tcp, NULL, NULL };
static const struct scenario scn_timer = { "timer", setup_timer, NULL, NULL };
static const struct scenario scn_user = { "user", setup_user, NULL, NULL };
static const struct scenario scn_nested = { "nested", setup_nested,
    fire_nested, NULL };
static const struct scenario scn_vnode = { "vnode", setup_vnode, fire_vnode,
    NULL };
static const struct scenario scn_signal = { "signal", setup_signal,
    fire_signal, NULL };
static const struct scenario scn_proc = { "proc", setup_proc, fire_proc,
    end_proc };
static const struct scenario scn_procfork = { "procfork", setup_procfork,
    fire_proc, end_proc };
static const struct scenario scn_fs = { "fs", setup_fs, fire_fs, end_fs };

static int
count_fds(void)
{
	struct dirent *de;
	DIR *dir;
	int n;

	n = 0;
	CHECK((dir = opendir("/proc/self/fd")) != NULL, "opendir");
	while ((de = readdir(dir)) != NULL)
		n++;
	closedir(dir);
	return (n);
}

/* What kqueue() and kevent() are documented to fail with for want of things. */
static bool
documented(int error)
{
	long nr = kq_fault_state()->kf_nr;

	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EINTR:
		return (true);
	case EACCES:
	case ENOSPC:
		return (nr != -1);
	/* There is no /proc; no process can be followed, or not by us. */
	case EOPNOTSUPP:
		return (nr == SYS_inotify_add_watch || nr == SYS_openat ||
		    nr == SYS_socket || nr == SYS_sendto || nr == SYS_recvfrom);
	case EPERM:
		return (nr == SYS_socket || nr == SYS_bind || nr == SYS_sendto);
	default:
		return (false);
	}
}

static const char *
what_failed(void)
{
	static char text[64];
	const struct kq_fault *kf = kq_fault_state();

	snprintf(text, sizeof(text), "%s %ld, point %lu, errno %d (%s)",
	    kf->kf_nr == -1 ? "allocation" : "call", kf->kf_nr, kf->kf_count,
	    kf->kf_error, strerror(kf->kf_error));
	return (text);
}

/* One change; nobody but the fault may make it fail. */
static int
change(int kq, const struct kevent *kev, const char *name)
{
	struct kevent out;
	bool before;
	int n;

	before = kq_fault_state()->kf_fired;
	n = kevent(kq, kev, 1, &out, 1, &(struct timespec){ 0, 0 });
	if (n == -1) {
		CHECK(errno == EINTR && kq_fault_state()->kf_fired && !before,
		    "%s: kevent: %s", name, strerror(errno));
		return (EINTR);
	}
	/* An event is no answer; it comes again, or is level. */
	if (n == 0 || (out.flags & EV_ERROR) == 0)
		return (0);
	return ((int)out.data);
}

static void
add(int kq, const struct kevent *kev, const char *name)
{
	struct kevent del, kev2, out;
	bool before;
	int error;

	before = kq_fault_state()->kf_fired;
	/* EV_RECEIPT: answer this, and collect nothing. */
	kev2 = *kev;
	kev2.flags |= EV_RECEIPT;
	if ((error = change(kq, &kev2, name)) == 0)
		return;
	CHECK(kq_fault_state()->kf_fired && !before,
	    "%s: filter %d: %s, and nothing failed", name, kev->filter,
	    strerror(error));
	CHECK(documented(error), "%s: filter %d: %s after %s", name,
	    kev->filter, strerror(error), what_failed());
	del = *kev;
	del.flags = EV_DELETE;
	CHECK(kevent(kq, &del, 1, &out, 1, NULL) == 1 &&
	    out.flags == EV_ERROR && out.data == ENOENT,
	    "%s: filter %d is half registered after %s: data %ld", name,
	    kev->filter, what_failed(), (long)out.data);
	error = change(kq, &kev2, name);
	CHECK(error == 0, "%s: filter %d: %s again after %s", name,
	    kev->filter, strerror(error), what_failed());
}

/* Until each of those that speak has spoken. */
static void
collect(struct run *r, int kq, const char *name)
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct kevent kev[4];
	unsigned all, seen;
	bool before;
	int i, j, n, round;

	all = (1u << r->r_nadd) - 1;
	round = 0;
	for (seen = r->r_silent; seen != all;) {
		/* Level ones come every time. */
		CHECK(++round < 1000, "%s: no event (%#x of %#x) after %s",
		    name, seen, all, what_failed());
		before = kq_fault_state()->kf_fired;
		n = kevent(kq, NULL, 0, kev, 4, &ts);
		if (n == -1 && errno == EINTR && storm)
			continue;
		if (n == -1) {
			CHECK(documented(errno) && !before &&
			    kq_fault_state()->kf_fired, "%s: kevent: %s, %s",
			    name, strerror(errno), what_failed());
			continue;
		}
		CHECK(n > 0, "%s: no event (%#x of %#x) after %s", name, seen,
		    all, what_failed());
		for (i = 0; i < n; i++) {
			CHECK((kev[i].flags & EV_ERROR) == 0, "%s: EV_ERROR",
			    name);
			for (j = 0; j < r->r_nadd; j++) {
				if (kev[i].ident == r->r_add[j].ident &&
				    kev[i].filter == r->r_add[j].filter)
					break;
			}
			CHECK(j < r->r_nadd, "%s: unknown event", name);
			CHECK((r->r_silent & 1u << j) == 0,
			    "%s: an event of what is silent, %d", name, j);
			seen |= 1u << j;
		}
	}
}

static void
run_once(const struct scenario *s)
{
	struct timespec zero = { 0, 0 };
	struct run r = { .r_nadd = 0 };
	struct kevent kev, out[8];
	int again, error, i, kq, n;

	kq_fault_pause();
	s->s_setup(&r);
	kq_fault_resume();
	kq = kqueue();
	if (kq == -1) {
		CHECK(kq_fault_state()->kf_fired && documented(errno),
		    "%s: kqueue: %s after %s", s->s_name, strerror(errno),
		    what_failed());
		kq = kqueue();
		CHECK(kq != -1, "%s: kqueue again: %s after %s", s->s_name,
		    strerror(errno), what_failed());
	}
	for (i = 0; i < r.r_nadd; i++)
		add(kq, &r.r_add[i], s->s_name);
	kq_fault_pause();
	if (s->s_fire != NULL)
		s->s_fire(&r);
	kq_fault_resume();
	collect(&r, kq, s->s_name);

	/* The same kqueue by another number, with one knote more. */
	if ((again = dup(kq)) != -1) {
		EV_SET(&kev, 77, EVFILT_USER, EV_ADD, 0, 0, NULL);
		add(again, &kev, s->s_name);
		EV_SET(&kev, 77, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
		error = change(kq, &kev, s->s_name);
		CHECK(error == 0, "%s: trigger: %s after %s", s->s_name,
		    strerror(error), what_failed());
		CHECK(close(again) == 0 || errno == EINTR || errno == EIO,
		    "close");
	}
	/* One watched descriptor goes away, and its knotes with it. */
	if (r.r_nfd > 0 && s->s_end == NULL)
		CHECK(close(r.r_fd[--r.r_nfd]) == 0, "close");
	for (i = 0; i < r.r_nadd; i++) {
		kev = r.r_add[i];
		kev.flags = EV_DELETE;
		error = change(kq, &kev, s->s_name);
		CHECK(error == 0 || error == ENOENT || error == EBADF,
		    "%s: delete: %s after %s", s->s_name, strerror(error),
		    what_failed());
		if (i == 0 && s == &scn_timer)
			CHECK(error == 0, "%s: delete: %s after %s", s->s_name,
			    strerror(error), what_failed());
	}
	/* What is left can only be the user event. */
	while ((n = kevent(kq, NULL, 0, out, 8, &zero)) == -1)
		CHECK(documented(errno) && kq_fault_state()->kf_fired,
		    "%s: kevent: %s", s->s_name, strerror(errno));
	CHECK(n == 0 || (n == 1 && out[0].filter == EVFILT_USER),
	    "%s: %d events after all was deleted, %s", s->s_name, n,
	    what_failed());
	CHECK(close(kq) == 0, "%s: close: %s", s->s_name, strerror(errno));
	kq_fault_pause();
	if (s->s_end != NULL)
		s->s_end(&r);
	while (r.r_nfd > 0)
		(void)close(r.r_fd[--r.r_nfd]);
	kq_fault_resume();
}

/*
 * In a child: 0, 1 after a failed check, 2 if the scenario has no nth point, 3
 * if that has no such errno.
 */
static int
run_child(const struct scenario *s, unsigned what, unsigned long nth,
    int which)
{
	struct kq_fault kf;
	pid_t pid;
	int after, before, status;

	if ((pid = fork()) == -1)
		atf_tc_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		(void)alarm(20);
		before = count_fds();
		kq_fault_arm(what, nth, which);
		run_once(s);
		kf = *kq_fault_state();
		kq_fault_pause();
		after = count_fds();
		CHECK(after == before, "%s: %d descriptors before, %d after %s",
		    s->s_name, before, after, what_failed());
		if (nth != 0 && kf.kf_nr == 0)
			_exit(2);
		/* It is as good as new. */
		if (kf.kf_fired) {
			kq_fault_arm(what, 0, 0);
			run_once(s);
			kq_fault_pause();
			after = count_fds();
			CHECK(after == before, "%s: %d descriptors before, %d "
			    "after", s->s_name, before, after);
		}
		_exit(kf.kf_nomore ? 3 : kf.kf_count < nth ? 2 : 0);
	}
	while (waitpid(pid, &status, 0) == -1)
		continue;
	if (!WIFEXITED(status)) {
		fprintf(stderr, "%s: point %lu, errno number %d: signal %d\n",
		    s->s_name, nth, which, WTERMSIG(status));
		return (1);
	}
	return (WEXITSTATUS(status));
}

/*
 * The errnos of a point: each of them, or where that is slow one by turns.  ret
 * is 2 if there is no such point, 3 if it has no such errno.
 */
static int
errno_first(unsigned long nth)
{
	return (kq_slow < 8 ? 0 : (int)(nth % 3));
}

static bool
errno_next(int *whichp, int ret)
{
	if (ret == 2)
		return (false);
	if (kq_slow < 8) {
		++*whichp;
		return (ret != 3);
	}
	if (ret != 3 || *whichp == 0)
		return (false);
	*whichp = 0;
	return (true);
}

static void
run_all(const struct scenario *s, unsigned what)
{
	unsigned long nth;
	int failed, ret, runs, which;

	failed = runs = 0;
	if (run_child(s, what, 0, 0) != 0)
		atf_tc_fail("%s fails without any fault", s->s_name);
	for (nth = 1, ret = 0; ret != 2; nth++) {
		which = errno_first(nth);
		do {
			ret = run_child(s, what, nth, which);
			if (ret == 2 || ret == 3)
				continue;
			runs++;
			if (ret != 0) {
				failed++;
				fprintf(stderr, "%s: point %lu, errno number "
				    "%d: failed\n", s->s_name, nth, which);
			}
		} while (errno_next(&which, ret));
	}
	ATF_CHECK_MSG(failed == 0, "%s: %d of %d runs failed", s->s_name,
	    failed, runs);
	ATF_CHECK(runs > 0);
	printf("%s: %d runs\n", s->s_name, runs);
}

#define	FAULTS(name)							\
	KQ_TC(name##_calls, "each system call fails: " #name)		\
	{								\
		run_all(&scn_##name, KQ_FAULT_SYS);			\
	}								\
	KQ_TC(name##_memory, "each allocation fails: " #name)		\
	{								\
		run_all(&scn_##name, KQ_FAULT_ALLOC);			\
	}

FAULTS(socket)
FAULTS(orphan)
FAULTS(pipe)
FAULTS(tcp)
FAULTS(timer)
FAULTS(user)
FAULTS(nested)
FAULTS(vnode)
FAULTS(signal)
FAULTS(proc)
FAULTS(fs)

/* NOTE_FORK needs a privilege in the first name space, or a tracer. */
static bool
can_procfork(void)
{
	return (run_child(&scn_procfork, KQ_FAULT_SYS, 0, 0) == 0);
}

KQ_TC(procfork_calls, "each system call fails: NOTE_FORK")
{
	if (!can_procfork())
		atf_tc_skip("processes cannot be followed here");
	run_all(&scn_procfork, KQ_FAULT_SYS);
}

KQ_TC(procfork_memory, "each allocation fails: NOTE_FORK")
{
	if (!can_procfork())
		atf_tc_skip("processes cannot be followed here");
	run_all(&scn_procfork, KQ_FAULT_ALLOC);
}

static const struct scenario *const scenarios[] = { &scn_socket, &scn_pipe,
    &scn_tcp, &scn_timer, &scn_user, &scn_nested, &scn_vnode, &scn_signal,
    &scn_proc, &scn_fs };
#define	NSCENARIOS	(sizeof(scenarios) / sizeof(scenarios[0]))

/* All of them on a kernel without something; how often it was missed. */
static int
run_absent(unsigned what)
{
	size_t i;
	pid_t pid;
	int status;

	if ((pid = fork()) == -1)
		atf_tc_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		(void)alarm(40);
		kq_fault_absent(what);
		kq_fault_arm(0, 0, 0);
		for (i = 0; i < NSCENARIOS; i++)
			run_once(scenarios[i]);
		_exit(kq_fault_absences() > 0 ? 0 : 2);
	}
	while (waitpid(pid, &status, 0) == -1)
		continue;
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) != 1,
	    "without %#x: status %#x", what, status);
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

KQ_TC(old_kernel, "what older kernels lack is done without")
{
	ATF_CHECK(run_absent(KQ_NO_EPOLL_PWAIT2));
	ATF_CHECK(run_absent(KQ_NO_STATX));
	ATF_CHECK(run_absent(KQ_NO_WIPEONFORK));
	/* Nothing here asks for these where they are not needed. */
	(void)run_absent(KQ_NO_PIDFD_INFO);
	(void)run_absent(KQ_NO_LISTMOUNT);
	(void)run_absent(KQ_NO_DUPFD_QUERY);
	(void)run_absent(KQ_NO_DUPFD_QUERY | KQ_NO_KCMP);
	ATF_CHECK(run_absent(KQ_NO_ALL & ~KQ_NO_PIDFD_OPEN));
}

KQ_TC(no_pidfd, "without pidfd_open() there is no EVFILT_PROC, and all else")
{
	int kq = KQ_OPEN();

	kq_fault_absent(KQ_NO_PIDFD_OPEN);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, getppid(), EVFILT_PROC, EV_ADD,
	    NOTE_EXIT, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, getppid(), EVFILT_PROC, EV_DELETE, 0, 0);
	kq_fault_absent(0);
	KQ_CHANGE(kq, getppid(), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	KQ_EXPECT_NOTHING(kq);
}

static volatile sig_atomic_t alarms;

static void
on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

KQ_TC(signals, "EINTR comes from waits only, and harms nothing")
{
	struct itimerval it = { { 0, 500 }, { 0, 500 } };
	struct sigaction sa;
	size_t i;
	pid_t pid;
	int round, status;

	if ((pid = fork()) == -1)
		atf_tc_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		memset(&sa, 0, sizeof(sa));
		sa.sa_handler = on_alarm;
		(void)sigaction(SIGALRM, &sa, NULL);
		storm = true;
		(void)setitimer(ITIMER_REAL, &it, NULL);
		for (round = 0; round < 20 || alarms < 100; round++) {
			for (i = 0; i < NSCENARIOS; i++)
				run_once(scenarios[i]);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1)
		continue;
	ATF_CHECK_MSG(status == 0, "status %#x", status);
}

/*
 * Threads that register, trigger, write, delete and collect on one kqueue, all
 * of them delayed at random: every byte that is written is seen.
 */
#define	DELAY_ROUNDS	300

struct delayed {
	int		d_kq;
	int		d_fd[2];
	_Atomic int	d_acked;
	_Atomic bool	d_stop;
};

static void *
delayed_changer(void *arg)
{
	struct delayed *d = arg;
	struct kevent kev[3];
	uintptr_t i;

	for (i = 0; !d->d_stop; i++) {
		EV_SET(&kev[0], 100 + i % 7, EVFILT_USER, EV_ADD | EV_ONESHOT,
		    NOTE_TRIGGER, 0, NULL);
		EV_SET(&kev[1], i % 5, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1,
		    NULL);
		EV_SET(&kev[2], (uintptr_t)d->d_fd[1], EVFILT_WRITE,
		    i % 2 == 0 ? EV_ADD | EV_ONESHOT : EV_ADD | EV_CLEAR, 0, 0,
		    NULL);
		if (kevent(d->d_kq, kev, 3, NULL, 0, NULL) == -1)
			return (d);
		EV_SET(&kev[0], (uintptr_t)d->d_fd[1], EVFILT_WRITE, EV_DELETE,
		    0, 0, NULL);
		if (kevent(d->d_kq, kev, 1, NULL, 0, NULL) == -1 &&
		    errno != ENOENT)
			return (d);
	}
	return (NULL);
}

static void *
delayed_collector(void *arg)
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct delayed *d = arg;
	struct kevent kev[4];
	char c;
	int i, n;

	while (!d->d_stop) {
		if ((n = kevent(d->d_kq, NULL, 0, kev, 4, &ts)) <= 0)
			return (d);
		for (i = 0; i < n; i++) {
			if (kev[i].filter != EVFILT_READ)
				continue;
			if (read(d->d_fd[0], &c, 1) == 1)
				d->d_acked++;
			else if (errno != EAGAIN)
				return (d);
		}
	}
	return (NULL);
}

static void
delayed_run(unsigned seed, unsigned flags)
{
	struct delayed d = { .d_acked = 0 };
	struct kevent kev;
	pthread_t t[4];
	void *ret;
	int64_t limit;
	int i;

	d.d_kq = KQ_OPEN();
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    d.d_fd) == 0);
	KQ_CHANGE(d.d_kq, d.d_fd[0], EVFILT_READ, EV_ADD | flags, 0, 0);
	kq_fault_delay(seed);
	for (i = 0; i < 4; i++)
		ATF_REQUIRE(pthread_create(&t[i], NULL, i < 2 ?
		    delayed_changer : delayed_collector, &d) == 0);
	limit = kq_test_now() + KQ_PATIENCE * INT64_C(1000000000);
	for (i = 0; i < DELAY_ROUNDS; i++) {
		ATF_REQUIRE(write(d.d_fd[1], "x", 1) == 1);
		while (d.d_acked <= i && kq_test_now() < limit)
			(void)sched_yield();
		if (d.d_acked <= i)
			break;
		if ((flags & EV_DISPATCH) != 0)
			KQ_CHANGE(d.d_kq, d.d_fd[0], EVFILT_READ, EV_ENABLE, 0,
			    0);
		limit = kq_test_now() + KQ_PATIENCE * INT64_C(1000000000);
	}
	ATF_CHECK_MSG(i == DELAY_ROUNDS, "seed %u: byte %d was not seen", seed,
	    i);
	d.d_stop = true;
	/* Level, so that both collectors see it and leave. */
	EV_SET(&kev, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	ATF_REQUIRE(kevent(d.d_kq, &kev, 1, NULL, 0, NULL) == 0);
	EV_SET(&kev, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	ATF_REQUIRE(kevent(d.d_kq, &kev, 1, NULL, 0, NULL) == 0);
	for (i = 0; i < 4; i++) {
		ATF_REQUIRE(pthread_join(t[i], &ret) == 0);
		ATF_CHECK_MSG(ret == NULL, "seed %u: thread %d", seed, i);
	}
	kq_fault_delay(0);
	ATF_REQUIRE(close(d.d_kq) == 0);
	(void)close(d.d_fd[0]);
	(void)close(d.d_fd[1]);
}

static int wait_kq, wait_new, wait_pipe[2];

/* The number of wait_kq becomes another kqueue, which has an event. */
static void
wait_renumber(void)
{
	struct kevent kev;

	(void)close(wait_kq);
	wait_new = kqueue();
	EV_SET(&kev, wait_pipe[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, NULL);
	(void)kevent(wait_new, &kev, 1, NULL, 0, NULL);
}

KQ_TC(wait_in_another, "KQ-11, SCAN-13: who waits for a dead one takes nothing")
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct kevent kev;

	ATF_REQUIRE_EQ(0, pipe(wait_pipe));
	ATF_REQUIRE_EQ(1, write(wait_pipe[1], "x", 1));
	ATF_REQUIRE((wait_kq = kqueue()) != -1);
	kq_fault_beforewait(wait_renumber);
	ATF_REQUIRE_ERRNO(EBADF, kevent(wait_kq, NULL, 0, &kev, 1, &ts) == -1);
	ATF_REQUIRE_EQ(wait_new, wait_kq);
	KQ_EXPECT(wait_new, wait_pipe[0], EVFILT_READ, .data = 1);
	close(wait_new);
	close(wait_pipe[0]);
	close(wait_pipe[1]);
}

static void
wait_replace(void)
{
	CHECK(close(wait_kq) == 0, "close: %s", strerror(errno));
	CHECK((wait_new = kqueue()) != -1, "kqueue: %s", strerror(errno));
}

KQ_TC(wait_in_idle, "KQ-11: ... nor sleeps in another that got the number")
{
	struct kevent kev;

	ATF_REQUIRE((wait_kq = kqueue()) != -1);
	kq_fault_beforewait(wait_replace);
	ATF_REQUIRE_ERRNO(EBADF, kevent(wait_kq, NULL, 0, &kev, 1, NULL) == -1);
	ATF_REQUIRE_EQ(wait_new, wait_kq);
	KQ_EXPECT_NOTHING(wait_new);
	KQ_POLL_SILENT(wait_new);
	close(wait_new);
}

KQ_TC(delays, "threads that are held up anywhere lose no event")
{
	delayed_run(1, 0);
	delayed_run(2, EV_CLEAR);
	delayed_run(3, EV_DISPATCH);
	delayed_run(4, 0);
	delayed_run(5, EV_CLEAR);
	delayed_run(6, EV_DISPATCH);
}

/*
 * What takes more than one process or kqueue.
 */

/* A directory, whose parent tells of its end, and which gets another name. */
static void
setup_dir(struct run *r)
{
	int fd;

	(void)mkdir("above", 0700);
	(void)mkdir("above/new", 0700);
	(void)rmdir("above/new/dir");
	(void)mkdir("above/dir", 0700);
	fd = run_fd(r, open("above/dir", O_RDONLY | O_DIRECTORY));
	run_add(r, (uintptr_t)fd, EVFILT_VNODE, EV_CLEAR, NOTE_DELETE |
	    NOTE_RENAME, 0);
}

static void
fire_dir(struct run *r)
{
	(void)r;
	CHECK(rename("above/dir", "above/new/dir") == 0, "rename");
}

/* Another kqueue has the only inotify instance: it is shared. */
static void
setup_shared(struct run *r)
{
	static bool limited;
	struct kevent kev;
	char map[32];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int fd, i;

	if (!limited) {
		static const char *const file[] = { "/proc/self/setgroups",
		    "/proc/self/uid_map", "/proc/self/gid_map",
		    "/proc/sys/user/max_inotify_instances" };

		if (unshare(CLONE_NEWUSER) == -1)
			_exit(77);
		for (i = 0; i < 4; i++) {
			snprintf(map, sizeof(map), "0 %u 1",
			    i == 1 ? (unsigned)uid : (unsigned)gid);
			if ((fd = open(file[i], O_WRONLY)) == -1 || write(fd,
			    i == 0 ? "deny" : i == 3 ? "1" : map,
			    i == 0 ? 4 : i == 3 ? 1 : strlen(map)) == -1)
				_exit(77);
			close(fd);
		}
		limited = true;
	}
	r->r_inner = run_fd(r, kqueue());
	fd = run_fd(r, open("other", O_RDWR | O_CREAT | O_TRUNC, 0600));
	EV_SET(&kev, (uintptr_t)fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, NULL);
	CHECK(kevent(r->r_inner, &kev, 1, NULL, 0, NULL) == 0, "other: %s",
	    strerror(errno));
	run_add(r, (uintptr_t)fd, EVFILT_VNODE, EV_CLEAR, NOTE_ATTRIB, 0);
	fd = run_fd(r, open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	run_add(r, (uintptr_t)fd, EVFILT_VNODE, EV_CLEAR, NOTE_WRITE, 0);
}

static void
fire_shared(struct run *r)
{
	struct kevent kev;

	CHECK(write(r->r_fd[2], "x", 1) == 1 && fchmod(r->r_fd[1], 0640) == 0,
	    "change");
	/* The other one reads the reports, and passes them on. */
	CHECK(kevent(r->r_inner, NULL, 0, &kev, 1,
	    &(struct timespec){ 0, 0 }) == 0, "an event of another mask");
}

/* Somebody else's child, which is reaped at the end. */
static void
setup_stranger(struct run *r)
{
	siginfo_t si;
	int up[2];
	pid_t pid;
	char c;

	CHECK(pipe(r->r_pipe) == 0 && pipe(up) == 0, "pipe");
	if ((r->r_pid = fork()) == 0) {
		(void)close(r->r_pipe[1]);
		if ((pid = fork()) == 0) {
			while (read(r->r_pipe[0], &c, 1) == -1 &&
			    errno == EINTR)
				continue;
			_exit(9);
		}
		if (write(up[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		/* Its letter is not ours; then the pipe's end is the end. */
		while (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) == -1 &&
		    errno == EINTR)
			continue;
		while (read(r->r_pipe[0], &c, 1) != 0)
			continue;
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		_exit(3);
	}
	CHECK(r->r_pid > 0, "fork");
	while (read(up[0], &pid, sizeof(pid)) == -1)
		CHECK(errno == EINTR, "read");
	(void)close(up[0]);
	(void)close(up[1]);
	(void)close(r->r_pipe[0]);
	run_add(r, (uintptr_t)pid, EVFILT_PROC, 0, NOTE_EXIT, 0);
}

static void
fire_stranger(struct run *r)
{
	CHECK(write(r->r_pipe[1], "x", 1) == 1, "write");
}

static void
end_stranger(struct run *r)
{
	(void)close(r->r_pipe[1]);
	end_proc(r);
}

/* What is asked for its count in another way than by FIONREAD. */
static void
setup_kinds(struct run *r)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[64];
	int fd, s, sv[2];

	fd = run_fd(r, eventfd(3, EFD_NONBLOCK));
	run_add(r, (uintptr_t)fd, EVFILT_READ, 0, 0, 0);
	run_add(r, (uintptr_t)fd, EVFILT_WRITE, EV_CLEAR, 0, 0);
	s = run_fd(r, socket(AF_UNIX, SOCK_STREAM, 0));
	(void)unlink("listener");
	strcpy(sun.sun_path, "listener");
	CHECK(bind(s, (void *)&sun, sizeof(sun)) == 0 && listen(s, 5) == 0,
	    "listen");
	fd = run_fd(r, socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(connect(fd, (void *)&sun, sizeof(sun)) == 0, "connect");
	run_add(r, (uintptr_t)s, EVFILT_READ, EV_CLEAR, 0, 0);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv) == 0, "socketpair");
	run_fd(r, sv[0]);
	run_fd(r, sv[1]);
	CHECK(write(sv[1], "abc", 3) == 3, "write");
	run_add(r, (uintptr_t)sv[0], EVFILT_READ, 0, 0, 0);
	fd = run_fd(r, posix_openpt(O_RDWR | O_NOCTTY));
	CHECK(unlockpt(fd) == 0 && ptsname_r(fd, name, sizeof(name)) == 0,
	    "pty");
	fd = run_fd(r, open(name, O_RDWR | O_NOCTTY));
	run_add(r, (uintptr_t)fd, EVFILT_WRITE, 0, 0, 0);
	CHECK(write(fd, "x", 1) == 1, "write");
	run_add(r, (uintptr_t)r->r_fd[r->r_nfd - 2], EVFILT_READ, EV_ONESHOT,
	    0, 0);
}

/* The own forks come from the connector, or from fork() itself. */
static void
setup_ownfork(struct run *r)
{
	run_add(r, (uintptr_t)getpid(), EVFILT_PROC, 0, NOTE_FORK, 0);
	/*
	 * That a message which epoll told of is not there is for the self-test;
	 * no kernel says that later, and then there would be no event.
	 */
	r->r_silent = 1;
}

static void
fire_ownfork(struct run *r)
{
	pid_t pid;

	(void)r;
	if ((pid = fork()) == 0)
		_exit(0);
	CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
}

static void
setup_proctrack(struct run *r)
{
	proc_child(r);
	run_add(r, (uintptr_t)r->r_pid, EVFILT_PROC, 0, NOTE_EXIT | NOTE_TRACK,
	    0);
}

static const struct scenario scn_ownfork = { "ownfork", setup_ownfork,
    fire_ownfork, NULL };
static const struct scenario scn_proctrack = { "proctrack", setup_proctrack,
    fire_proc, end_proc };
static const struct scenario scn_kinds = { "kinds", setup_kinds, NULL, NULL };
static const struct scenario scn_dir = { "dir", setup_dir, fire_dir, NULL };
static const struct scenario scn_shared = { "shared", setup_shared,
    fire_shared, NULL };
static const struct scenario scn_stranger = { "stranger", setup_stranger,
    fire_stranger, end_stranger };

FAULTS(kinds)
FAULTS(ownfork)

KQ_TC(proctrack_calls, "each system call fails: NOTE_TRACK")
{
	if (!can_procfork())
		atf_tc_skip("processes cannot be followed here");
	run_all(&scn_proctrack, KQ_FAULT_SYS);
}

KQ_TC(proctrack_memory, "each allocation fails: NOTE_TRACK")
{
	if (!can_procfork())
		atf_tc_skip("processes cannot be followed here");
	run_all(&scn_proctrack, KQ_FAULT_ALLOC);
}

FAULTS(dir)
FAULTS(stranger)

static bool
can_share(void)
{
	return (run_child(&scn_shared, KQ_FAULT_SYS, 0, 0) != 77);
}

KQ_TC(shared_calls, "each system call fails: a shared inotify instance")
{
	if (!can_share())
		atf_tc_skip("no limits of our own here");
	run_all(&scn_shared, KQ_FAULT_SYS);
}

KQ_TC(shared_memory, "each allocation fails: a shared inotify instance")
{
	if (!can_share())
		atf_tc_skip("no limits of our own here");
	run_all(&scn_shared, KQ_FAULT_ALLOC);
}

KQ_TC(stranger_old_kernel, "somebody else's child, without PIDFD_GET_INFO")
{
	pid_t pid;
	int status;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)alarm(20);
		kq_fault_absent(KQ_NO_PIDFD_INFO);
		kq_fault_arm(0, 0, 0);
		run_once(&scn_stranger);
		_exit(kq_fault_absences() > 0 ? 0 : 2);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(status == 0, "status %#x", (unsigned)status);
}

/*
 * NOTE_TRACK while what the collection needs fails: the child that was made is
 * told of, or there is NOTE_TRACKERR; and everybody's end is told of.  True if
 * the nth point was there, and had an errno of that number.
 */
static int
track_once(unsigned what, unsigned long nth, int which)
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct kevent kev[4];
	int before, down[2], end[2], i, kq, n, up[2];
	bool child, error, exited, gone;
	pid_t gpid, pid;
	char c;

	before = count_fds();
	CHECK(pipe(down) == 0 && pipe(end) == 0 && pipe(up) == 0, "pipe");
	if ((pid = fork()) == 0) {
		(void)close(down[1]);
		(void)close(end[1]);
		(void)!read(down[0], &c, 1);
		if ((gpid = fork()) == 0) {
			(void)close(up[1]);
			(void)!read(end[0], &c, 1);
			_exit(5);
		}
		(void)!write(up[1], &gpid, sizeof(gpid));
		(void)!read(down[0], &c, 1);
		(void)waitpid(gpid, NULL, 0);
		_exit(3);
	}
	CHECK(pid > 0 && (kq = kqueue()) != -1, "fork, kqueue");
	EV_SET(&kev[0], (uintptr_t)pid, EVFILT_PROC, EV_ADD, NOTE_TRACK |
	    NOTE_EXIT, 0, NULL);
	if (kevent(kq, kev, 1, NULL, 0, NULL) == -1)
		_exit(77);
	CHECK(write(down[1], "x", 1) == 1 &&
	    read(up[0], &gpid, sizeof(gpid)) == sizeof(gpid), "kid");
	kq_fault_arm(what, nth, which);
	child = error = exited = gone = false;
	while (!exited || (child && !gone)) {
		n = kevent(kq, NULL, 0, kev, 4, &ts);
		CHECK(n > 0 || (n == -1 && documented(errno)),
		    "%d events, child %d, error %d, exited %d, gone %d after "
		    "%s", n, child, error, exited, gone, what_failed());
		for (i = 0; i < n; i++) {
			CHECK((pid_t)kev[i].ident == gpid ||
			    (pid_t)kev[i].ident == pid, "unknown event");
			if ((pid_t)kev[i].ident == gpid) {
				child |= (kev[i].fflags & NOTE_CHILD) != 0;
				gone |= (kev[i].fflags & NOTE_EXIT) != 0;
			} else {
				error |= (kev[i].fflags & NOTE_TRACKERR) != 0;
				exited |= (kev[i].fflags & NOTE_EXIT) != 0;
			}
		}
		if (!child && !error) {
			/* Interrupted, or not read yet. */
			CHECK(!exited, "a lost child after %s", what_failed());
			continue;
		}
		(void)close(end[1]);
		(void)close(down[1]);
		end[1] = down[1] = -1;
	}
	kq_fault_pause();
	CHECK(child || kq_fault_state()->kf_fired, "no child");
	CHECK(waitpid(pid, NULL, 0) == pid, "waitpid");
	(void)close(kq);
	(void)close(down[0]);
	(void)close(end[0]);
	(void)close(up[0]);
	(void)close(up[1]);
	CHECK(count_fds() == before, "descriptors are left after %s",
	    what_failed());
	return (kq_fault_state()->kf_nomore ? 3 :
	    kq_fault_state()->kf_count < nth ? 2 : 0);
}

static int
track_child(unsigned what, unsigned long nth, int which)
{
	pid_t pid;
	int status;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)alarm(30);
		_exit(track_once(what, nth, which));
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_MSG(WIFEXITED(status), "signal %d", WTERMSIG(status));
	return (WEXITSTATUS(status));
}

static void
track_faults(unsigned what)
{
	unsigned long nth;
	int ret, which;

	if (track_child(what, 0, 0) == 77)
		atf_tc_skip("processes cannot be followed here");
	for (nth = 1, ret = 0; ret != 2; nth++) {
		which = errno_first(nth);
		do {
			ret = track_child(what, nth, which);
			ATF_CHECK_MSG(ret == 0 || ret == 2 || ret == 3,
			    "point %lu, errno number %d", nth, which);
		} while (errno_next(&which, ret));
	}
	ATF_CHECK(nth > 2);
}

KQ_TC(track_calls, "PROC-15: each system call fails while a child is tracked")
{
	track_faults(KQ_FAULT_SYS);
}

KQ_TC(track_memory, "PROC-15: each allocation fails while a child is tracked")
{
	track_faults(KQ_FAULT_ALLOC);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, old_kernel);
	ATF_TP_ADD_TC(tp, no_pidfd);
	ATF_TP_ADD_TC(tp, signals);
	ATF_TP_ADD_TC(tp, wait_in_another);
	ATF_TP_ADD_TC(tp, wait_in_idle);
	ATF_TP_ADD_TC(tp, delays);
	ATF_TP_ADD_TC(tp, socket_calls);
	ATF_TP_ADD_TC(tp, socket_memory);
	ATF_TP_ADD_TC(tp, orphan_calls);
	ATF_TP_ADD_TC(tp, orphan_memory);
	ATF_TP_ADD_TC(tp, pipe_calls);
	ATF_TP_ADD_TC(tp, pipe_memory);
	ATF_TP_ADD_TC(tp, tcp_calls);
	ATF_TP_ADD_TC(tp, tcp_memory);
	ATF_TP_ADD_TC(tp, timer_calls);
	ATF_TP_ADD_TC(tp, timer_memory);
	ATF_TP_ADD_TC(tp, user_calls);
	ATF_TP_ADD_TC(tp, user_memory);
	ATF_TP_ADD_TC(tp, nested_calls);
	ATF_TP_ADD_TC(tp, nested_memory);
	ATF_TP_ADD_TC(tp, vnode_calls);
	ATF_TP_ADD_TC(tp, vnode_memory);
	ATF_TP_ADD_TC(tp, signal_calls);
	ATF_TP_ADD_TC(tp, signal_memory);
	ATF_TP_ADD_TC(tp, proc_calls);
	ATF_TP_ADD_TC(tp, proc_memory);
	ATF_TP_ADD_TC(tp, procfork_calls);
	ATF_TP_ADD_TC(tp, procfork_memory);
	ATF_TP_ADD_TC(tp, fs_calls);
	ATF_TP_ADD_TC(tp, fs_memory);
	ATF_TP_ADD_TC(tp, ownfork_calls);
	ATF_TP_ADD_TC(tp, ownfork_memory);
	ATF_TP_ADD_TC(tp, proctrack_calls);
	ATF_TP_ADD_TC(tp, proctrack_memory);
	ATF_TP_ADD_TC(tp, kinds_calls);
	ATF_TP_ADD_TC(tp, kinds_memory);
	ATF_TP_ADD_TC(tp, dir_calls);
	ATF_TP_ADD_TC(tp, dir_memory);
	ATF_TP_ADD_TC(tp, stranger_calls);
	ATF_TP_ADD_TC(tp, stranger_memory);
	ATF_TP_ADD_TC(tp, shared_calls);
	ATF_TP_ADD_TC(tp, shared_memory);
	ATF_TP_ADD_TC(tp, stranger_old_kernel);
	ATF_TP_ADD_TC(tp, track_calls);
	ATF_TP_ADD_TC(tp, track_memory);
	return (atf_no_error());
}
