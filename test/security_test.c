/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What somebody can do who controls idents, counts, peers, files or signals:
 * the points of SECURITY.md, a case for each.
 */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>

#include "kq_test.h"

#define	NELEM(a)	(sizeof(a) / sizeof((a)[0]))

/* A field of /proc/self/status in KiB. */
static long
status_kb(const char *field)
{
	char line[256];
	FILE *fp;
	long kb = -1;
	size_t len = strlen(field);

	ATF_REQUIRE((fp = fopen("/proc/self/status", "r")) != NULL);
	while (fgets(line, sizeof(line), fp) != NULL) {
		if (strncmp(line, field, len) == 0 && line[len] == ':')
			kb = atol(line + len + 1);
	}
	fclose(fp);
	return (kb);
}

/* All the filters work after what was done to the kqueue. */
static void
still_works(int kq)
{
	int p[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, 77, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_EXPECT(kq, 77, EVFILT_TIMER, .data = 1);
	KQ_CHANGE(kq, 77, EVFILT_USER, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_CHANGE(kq, 77, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 77, EVFILT_USER);
	close(p[0]);
	close(p[1]);
	KQ_EXPECT_NOTHING(kq);
}

static int
child_code(pid_t pid)
{
	int status;

	ATF_REQUIRE(pid > 0);
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return (1000 + WTERMSIG(status));
	return (WEXITSTATUS(status));
}

KQ_TC(any_change, "every filter number, odd idents, all flags: errno or nothing")
{
	static const uintptr_t ids[] = { 4000, INT_MAX, (uintptr_t)INT_MAX + 1,
	    UINT32_MAX, UINTPTR_MAX - 1, UINTPTR_MAX };
	static const intptr_t data[] = { 0, -1, INTPTR_MIN, INTPTR_MAX };
	unsigned int flags;
	size_t i, j;
	int error, filter, kq;

	kq = KQ_OPEN();
	for (filter = -20; filter <= 3; filter++) {
		for (i = 0; i < NELEM(ids); i++) {
			for (j = 0; j < NELEM(data); j++) {
				for (flags = 0; flags < 0x10000; flags += 0x11) {
					error = kq_test_change(kq, ids[i],
					    filter, flags, 0xffffffff,
					    data[j], (void *)UINTPTR_MAX);
					ATF_REQUIRE(error >= 0 && error < 134);
					if (filter >= 0)
						ATF_REQUIRE_EQ(error, EINVAL);
				}
			}
		}
	}
	ATF_REQUIRE_EQ(close(kq), 0);
	still_works(KQ_OPEN());
}

KQ_TC(closed_idents_cost_nothing, "idents that are closed leave no memory")
{
	static const short filters[] = { EVFILT_READ, EVFILT_WRITE,
	    EVFILT_EXCEPT, EVFILT_VNODE };
	long before;
	uint64_t fd;
	size_t i;
	int kq;

	kq = KQ_OPEN();
	before = status_kb("VmSize");
	for (i = 0; i < NELEM(filters); i++) {
		for (fd = 1 << 20; fd <= INT_MAX; fd += 1 << 20)
			KQ_CHANGE_ERROR(kq, EBADF, fd, filters[i], EV_ADD, 1, 0);
		KQ_CHANGE_ERROR(kq, EBADF, INT_MAX, filters[i], EV_ADD, 1, 0);
	}
	ATF_CHECK_MSG(status_kb("VmSize") - before < 4096, "%ld KiB more",
	    status_kb("VmSize") - before);
	still_works(kq);
}

KQ_TC(own_descriptors, "the library's own descriptors are EBADF as idents")
{
	static const short filters[] = { EVFILT_READ, EVFILT_WRITE,
	    EVFILT_EXCEPT, EVFILT_VNODE };
	size_t i;
	int fd, found, kq;

	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	found = 0;
	for (fd = 3; fd < 4096; fd++) {
		if (fd == kq || !kq_test_islib(fd))
			continue;
		found++;
		for (i = 0; i < NELEM(filters); i++) {
			KQ_CHANGE_ERROR(kq, EBADF, fd, filters[i], EV_ADD, 1,
			    0);
			KQ_CHANGE_ERROR(kq, EBADF, fd, filters[i], EV_DELETE,
			    0, 0);
		}
	}
	ATF_REQUIRE_MSG(found >= 2, "%d found", found);
	still_works(kq);
}

KQ_TC(counts, "INT_MIN is EINVAL, INT_MAX writes what there is and no more")
{
	struct timespec ts = { 0, 0 };
	struct kevent kev[3];
	int kq;

	kq = KQ_OPEN();
	memset(kev, 0x55, sizeof(kev));
	ATF_REQUIRE_ERRNO(EINVAL,
	    kevent(kq, kev, INT_MIN, NULL, 0, &ts) == -1);
	ATF_REQUIRE_ERRNO(EINVAL,
	    kevent(kq, NULL, 0, kev, INT_MIN, &ts) == -1);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, kev, INT_MAX, &ts), 2);
	ATF_CHECK_EQ(kev[2].udata, (void *)(UINTPTR_MAX / 255 * 0x55));
	ATF_CHECK_EQ(kev[2].ident, UINTPTR_MAX / 255 * 0x55);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, kev, INT_MAX, &ts), 0);
}

KQ_TC(forged_udata, "udata is carried, and never looked at")
{
	static const uintptr_t values[] = { 0, 1, 65536, 0xdeadbeef,
	    UINTPTR_MAX / 2, UINTPTR_MAX };
	size_t i;
	int kq, p[2];

	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(pipe(p), 0);
	for (i = 0; i < NELEM(values); i++) {
		KQ_CHANGE_UDATA(kq, p[1], EVFILT_WRITE, EV_ADD | EV_ONESHOT, 0,
		    0, (void *)values[i]);
		KQ_EXPECT(kq, p[1], EVFILT_WRITE, .udata = (void *)values[i]);
		KQ_CHANGE_UDATA(kq, i, EVFILT_USER, EV_ADD | EV_ONESHOT,
		    NOTE_TRIGGER, 0, (void *)values[i]);
		KQ_EXPECT(kq, i, EVFILT_USER, .udata = (void *)values[i]);
	}
}

KQ_TC(forged_epoll_data, "reports with a forged cookie reach no memory")
{
	struct timespec ts = { 0, 0 };
	struct epoll_event ev;
	struct kevent kev[4];
	uint64_t gen, kqslot, slot;
	int kq, other, p[2];

	/* Who has the descriptor can add to the set behind our back. */
	kq = KQ_OPEN();
	other = KQ_OPEN();
	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	KQ_CHANGE(other, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	memset(&ev, 0, sizeof(ev));
	ev.events = EPOLLOUT;
	ATF_REQUIRE_EQ(epoll_ctl(kq, EPOLL_CTL_ADD, p[1], &ev), 0);
	for (kqslot = 0; kqslot < 8; kqslot++) {
		for (slot = 0; slot < 256; slot++) {
			for (gen = 0; gen < 3; gen++) {
				ev.data.u64 = kqslot << 44 | slot << 20 | gen;
				ATF_REQUIRE_EQ(epoll_ctl(kq, EPOLL_CTL_MOD,
				    p[1], &ev), 0);
				/* No knote of the pipe is ready. */
				ATF_REQUIRE_EQ(kevent(kq, NULL, 0, kev, 4,
				    &ts), 0);
			}
		}
		ev.data.u64 = UINT64_MAX - kqslot;
		ATF_REQUIRE_EQ(epoll_ctl(kq, EPOLL_CTL_MOD, p[1], &ev), 0);
		ATF_REQUIRE_EQ(kevent(kq, NULL, 0, kev, 4, &ts), 0);
	}
	ATF_REQUIRE_EQ(epoll_ctl(kq, EPOLL_CTL_DEL, p[1], NULL), 0);
	KQ_EXPECT_NOTHING(other);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	still_works(kq);
	still_works(other);
}

KQ_TC(million, "2^20 registrations, and the memory of them is used again")
{
	const uintptr_t n = (uintptr_t)KQ_ROUNDS(1 << 20);
	uintptr_t i;
	long once;
	int kq, round;

	once = 0;
	for (round = 0; round < 3; round++) {
		kq = KQ_OPEN();
		for (i = 0; i < n; i++)
			KQ_CHANGE(kq, i * 4099, EVFILT_USER, EV_ADD, 0, 0);
		KQ_CHANGE(kq, 5 * 4099, EVFILT_USER, 0, NOTE_TRIGGER, 0);
		KQ_EXPECT(kq, 5 * 4099, EVFILT_USER);
		ATF_REQUIRE_EQ(close(kq), 0);
		if (round == 0)
			once = status_kb("VmSize");
	}
	ATF_CHECK_MSG(status_kb("VmSize") - once < 16384, "%ld KiB, once %ld",
	    status_kb("VmSize"), once);
}

KQ_TC(other_kqueue, "a change in one kqueue cannot touch a knote of another")
{
	int kq, other, p[2];

	kq = KQ_OPEN();
	other = KQ_OPEN();
	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(other, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(other, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(other, ENOENT, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_EXPECT_NOTHING(other);
}

/* In the child: the number is an epoll set without us, and no kqueue. */
static int
stranger(int fd)
{
	struct timespec ts = { 0, 0 };
	struct kevent kev;
	int mine;

	if (kevent(fd, NULL, 0, &kev, 1, &ts) != -1 || errno != EBADF)
		return (1);
	if (kq_test_change(fd, 1, EVFILT_USER, EV_ADD, 0, 0, NULL) != EBADF)
		return (2);
	if ((mine = kqueue()) == -1 || kevent(mine, NULL, 0, &kev, 1, &ts) != 0)
		return (3);
	return (0);
}

KQ_TC(sent_elsewhere, "a kqueue sent to another process is no kqueue there")
{
	char control[CMSG_SPACE(sizeof(int))], c = 'x';
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	pid_t pid;
	int fd, kq, sv[2];

	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	if ((pid = fork()) == 0) {
		if (recvmsg(sv[1], &msg, 0) != 1 ||
		    (cmsg = CMSG_FIRSTHDR(&msg)) == NULL)
			_exit(10);
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
		_exit(stranger(fd));
	}
	memset(control, 0, sizeof(control));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &kq, sizeof(kq));
	ATF_REQUIRE_EQ(sendmsg(sv[0], &msg, 0), 1);
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	still_works(kq);
}

KQ_TC(signal_storm, "a storm of signals costs neither events nor the stack")
{
	struct kevent kev;
	sigset_t set;
	pid_t pid;
	int i, kq;
	intptr_t sum;

	kq = KQ_OPEN();
	ATF_REQUIRE(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0);
	if ((pid = fork()) == 0) {
		for (i = 0; i < 20000; i++)
			(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	for (sum = 0;;) {
		ATF_REQUIRE_EQ(KQ_COLLECT(kq, &kev, 1), 1);
		if (kev.filter == EVFILT_PROC)
			break;
		ATF_REQUIRE(kev.data > 0);
		sum += kev.data;
	}
	ATF_CHECK_MSG(sum > 0 && sum <= 20000, "%jd", (intmax_t)sum);
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(sigprocmask(SIG_SETMASK, NULL, &set), 0);
	ATF_CHECK(!sigismember(&set, SIGUSR1));
}

KQ_TC(peer_resets, "peers that connect and reset at once")
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct linger linger = { 1, 0 };
	struct kevent kev;
	socklen_t len = sizeof(sin);
	pid_t pid;
	int c, i, kq, n, s;

	kq = KQ_OPEN();
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ATF_REQUIRE((s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) != -1);
	ATF_REQUIRE_EQ(bind(s, (struct sockaddr *)&sin, sizeof(sin)), 0);
	/* Room for all: who finds none tries again after a second. */
	ATF_REQUIRE_EQ(listen(s, 512), 0);
	ATF_REQUIRE_EQ(getsockname(s, (struct sockaddr *)&sin, &len), 0);
	KQ_CHANGE(kq, s, EVFILT_READ, EV_ADD, 0, 0);
	if ((pid = fork()) == 0) {
		close(s);
		for (i = 0; i < 400; i++) {
			c = socket(AF_INET, SOCK_STREAM, 0);
			(void)connect(c, (struct sockaddr *)&sin, len);
			(void)setsockopt(c, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger));
			close(c);
		}
		_exit(0);
	}
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	for (n = 0;;) {
		ATF_REQUIRE_EQ(KQ_COLLECT(kq, &kev, 1), 1);
		if (kev.filter == EVFILT_PROC)
			break;
		if ((int)kev.ident != s) {
			/* Gone, or about to be: close() removes both. */
			close((int)kev.ident);
			continue;
		}
		while ((c = accept(s, NULL, NULL)) != -1) {
			n++;
			KQ_CHANGE(kq, c, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
			KQ_CHANGE(kq, c, EVFILT_WRITE, EV_ADD | EV_DISPATCH, 0,
			    0);
		}
	}
	ATF_CHECK(n > 0);
	ATF_REQUIRE_EQ(child_code(pid), 0);
	KQ_CHANGE(kq, s, EVFILT_READ, EV_DELETE, 0, 0);
	close(kq);
	still_works(KQ_OPEN());
}

KQ_TC_MD(no_proc, "without /proc all but what needs it works", "require.user",
    "root")
{
	char dir[] = "kqueue-root.XXXXXX";
	pid_t pid;
	int p[2];

	ATF_REQUIRE(mkdtemp(dir) != NULL);
	ATF_REQUIRE_EQ(pipe(p), 0);
	if ((pid = fork()) == 0) {
		struct kevent kev;
		struct timespec ts = { KQ_PATIENCE, 0 };
		int fd, kq;

		if (chroot(dir) == -1 || chdir("/") == -1)
			_exit(1);
		if ((kq = kqueue()) == -1)
			_exit(2);
		if (kq_test_change(kq, (uintptr_t)p[0], EVFILT_READ,
		    EV_ADD | EV_CLEAR, 0, 0, NULL) != 0 ||
		    write(p[1], "x", 1) != 1 ||
		    kevent(kq, NULL, 0, &kev, 1, &ts) != 1 || kev.data != 1)
			_exit(3);
		if (kq_test_change(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
		    1, NULL) != 0 || kevent(kq, NULL, 0, &kev, 1, &ts) != 1)
			_exit(4);
		if ((fd = open("file", O_CREAT | O_RDWR, 0600)) == -1)
			_exit(5);
		/* A link in the way of the name is not followed. */
		if (kq_test_change(kq, (uintptr_t)fd, EVFILT_VNODE,
		    EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL) == 0 &&
		    (write(fd, "x", 1) != 1 ||
		    kevent(kq, NULL, 0, &kev, 1, &ts) != 1 ||
		    (kev.fflags & NOTE_WRITE) == 0))
			_exit(6);
		_exit(0);
	}
	ATF_CHECK_EQ(child_code(pid), 0);
}

KQ_TC(planted_names, "names in the directory cannot misdirect a watch")
{
	int fd, kq;

	kq = KQ_OPEN();
	ATF_REQUIRE((fd = open("a", O_CREAT | O_RDWR, 0600)) != -1);
	ATF_REQUIRE_EQ(symlink("b", "link"), 0);
	/* The name changes its meaning; the descriptor does not. */
	ATF_REQUIRE_EQ(rename("a", "moved"), 0);
	ATF_REQUIRE_EQ(symlink("/etc/passwd", "a"), 0);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR,
	    NOTE_WRITE | NOTE_DELETE, 0);
	ATF_REQUIRE_EQ(unlink("a"), 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(fd, "x", 1), 1);
	KQ_EXPECT(kq, fd, EVFILT_VNODE, .fflags = NOTE_WRITE | NOTE_EXTEND);
	ATF_REQUIRE_EQ(unlink("moved"), 0);
	KQ_EXPECT(kq, fd, EVFILT_VNODE, .fflags = NOTE_DELETE);
	close(fd);
}

/* An answer of ENOSYS or EPERM instead of the system call. */
static int
forbid(const int *calls, size_t n, int error)
{
	struct sock_filter filter[64];
	struct sock_fprog prog;
	size_t i, k;

	k = 0;
	filter[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	for (i = 0; i < n; i++) {
		filter[k++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
		filter[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		    SECCOMP_RET_ERRNO | (unsigned)error);
	}
	filter[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)k;
	prog.filter = filter;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return (errno);
	return (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1 ?
	    errno : 0);
}

KQ_TC(seccomp, "a filter of system calls gives errors, never a crash")
{
	static const int calls[] = { SYS_eventfd2, SYS_timerfd_create,
	    SYS_inotify_init1, SYS_signalfd4, SYS_socket, 434 /* pidfd_open */,
	    441 /* epoll_pwait2 */, 436 /* close_range */ };
	static const int errors[] = { EPERM, ENOSYS };
	/* The last two have a replacement for ENOSYS alone. */
	static const size_t ncalls[] = { NELEM(calls) - 2, NELEM(calls) };
	struct kevent kev;
	struct timespec ts = { 0, 1000000 };
	size_t i;
	pid_t pid;
	int error, filter, kq, p[2];

	for (i = 0; i < NELEM(errors); i++) {
		ATF_REQUIRE_EQ(pipe(p), 0);
		if ((pid = fork()) == 0) {
			if (forbid(calls, ncalls[i], errors[i]) != 0)
				_exit(77);
			if ((kq = kqueue()) == -1)
				_exit(1);
			for (filter = -1; filter >= -EVFILT_SYSCOUNT;
			    filter--) {
				error = kq_test_change(kq,
				    filter == EVFILT_PROC ?
				    (uintptr_t)getppid() : (uintptr_t)p[0],
				    filter, EV_ADD, 1, 1000, NULL);
				if (error < 0 || error > 133)
					_exit(2);
			}
			if (write(p[1], "x", 1) != 1 ||
			    kevent(kq, NULL, 0, &kev, 1, &ts) != 1 ||
			    kev.filter != EVFILT_READ)
				_exit(3);
			_exit(close(kq) == 0 ? 0 : 4);
		}
		error = child_code(pid);
		if (error == 77)
			atf_tc_skip("no seccomp filters");
		ATF_CHECK_EQ_MSG(error, 0, "errno %d", errors[i]);
		close(p[0]);
		close(p[1]);
	}
}

/* Does the kqueue of this image answer as FreeBSD's do?  (REG-28) */
static int
is_freebsd(void)
{
	int kq;

	if ((kq = kqueue()) == -1)
		return (200);
	return (kq_test_change(kq, 1, EVFILT_USER,
	    EV_ADD | EV_ENABLE | EV_DISABLE, 0, 0, NULL) == EINVAL ? 1 : 0);
}

#define	ASK_DIALECT	"KQ_SECURITY_ASK"

static int
ask_dialect(const char *path)
{
	pid_t pid;

	if ((pid = fork()) == 0) {
		/* An unprivileged user, for whom the file's owner is another. */
		if (setgid(65534) == -1 || setuid(65534) == -1)
			_exit(201);
		setenv(ASK_DIALECT, "1", 1);
		setenv("KQUEUE_DIALECT", "freebsd", 1);
		execl(path, path, "-l", (char *)NULL);
		_exit(202);
	}
	return (child_code(pid));
}

KQ_TC_MD(setuid_environment, "the environment of a set-user-ID program is "
    "not asked", "require.user", "root")
{
	char buf[65536], self[PATH_MAX];
	ssize_t n;
	int in, out;

	ATF_REQUIRE((n = readlink("/proc/self/exe", self,
	    sizeof(self) - 1)) > 0);
	self[n] = '\0';
	/* Beside the program, whose run path may be relative to it. */
	ATF_REQUIRE((size_t)n + 8 < sizeof(self));
	ATF_REQUIRE((in = open(self, O_RDONLY)) != -1);
	strcat(self, ".setuid");
	(void)unlink(self);
	ATF_REQUIRE((out = open(self, O_CREAT | O_WRONLY | O_EXCL, 0700)) != -1);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		ATF_REQUIRE_EQ(write(out, buf, (size_t)n), n);
	ATF_REQUIRE_EQ(fchmod(out, 0755), 0);
	close(in);
	close(out);
	n = ask_dialect(self);
	if (n == 202 || n == 127) {
		(void)unlink(self);
		atf_tc_skip("the unprivileged user cannot execute the program");
	}
	ATF_CHECK_EQ_MSG(n, 1, "%zd: the environment names the dialect", n);
	ATF_REQUIRE_EQ(chmod(self, 04755), 0);
	n = ask_dialect(self);
	(void)unlink(self);
	/* A run path of $ORIGIN is not followed there: no library. */
	if (n == 127)
		atf_tc_skip("the loader finds no library for set-user-ID");
	ATF_CHECK_EQ_MSG(n, 0, "%zd", n);
}

/* The copy that setuid_environment executes answers and ends here. */
__attribute__((__constructor__)) static void
answer_dialect(void)
{
	if (getenv(ASK_DIALECT) != NULL)
		_exit(is_freebsd());
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, any_change);
	ATF_TP_ADD_TC(tp, closed_idents_cost_nothing);
	ATF_TP_ADD_TC(tp, own_descriptors);
	ATF_TP_ADD_TC(tp, counts);
	ATF_TP_ADD_TC(tp, forged_udata);
	ATF_TP_ADD_TC(tp, forged_epoll_data);
	ATF_TP_ADD_TC(tp, million);
	ATF_TP_ADD_TC(tp, other_kqueue);
	ATF_TP_ADD_TC(tp, sent_elsewhere);
	ATF_TP_ADD_TC(tp, signal_storm);
	ATF_TP_ADD_TC(tp, peer_resets);
	ATF_TP_ADD_TC(tp, no_proc);
	ATF_TP_ADD_TC(tp, planted_names);
	ATF_TP_ADD_TC(tp, seccomp);
	ATF_TP_ADD_TC(tp, setuid_environment);
	return (atf_no_error());
}
