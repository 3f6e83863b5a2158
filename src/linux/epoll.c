/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll(7), and its traps that the rest has to know:
 *
 *  a)	An entry belongs to the (descriptor, open file) pair: it outlives
 *	close() while a dup is open, and can then not be removed by number.
 *  b)	A second ADD of the pair is EEXIST: one entry serves all filters.
 *  c)	HUP and ERR are reported whether asked for or not; only a one-shot
 *	entry that fired is silent.
 *  d)	A MOD looks at once and reports again what holds (so it re-arms).
 *  e)	EPOLLET reports on every arrival on top of unread data.
 *  f)	Cancellation inside epoll_wait() can lose what was fetched: the
 *	buffer has to be looked at in a cleanup handler.
 *  g)	close() of the set does not wake its waiters.
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

#include "lx_proc.h"
#include "lx_sys.h"

#ifndef SYS_epoll_pwait2
#define	SYS_epoll_pwait2	441	/* Linux 5.11 */
#endif

_Static_assert(LX_IN == EPOLLIN && LX_PRI == EPOLLPRI && LX_OUT == EPOLLOUT &&
    LX_ERR == EPOLLERR && LX_HUP == EPOLLHUP && LX_RDHUP == EPOLLRDHUP &&
    LX_ONESHOT == EPOLLONESHOT && LX_EDGE == (uint32_t)EPOLLET, "epoll bits");
_Static_assert(sizeof(struct lx_event) == sizeof(struct epoll_event) &&
    offsetof(struct lx_event, le_data) == offsetof(struct epoll_event, data),
    "struct epoll_event");
_Static_assert(LX_IN == POLLIN && LX_OUT == POLLOUT && LX_PRI == POLLPRI &&
    LX_ERR == POLLERR && LX_HUP == POLLHUP && LX_RDHUP == POLLRDHUP,
    "poll bits");

int
lx_epoll_create(int *fdp)
{
	long ret;

	ret = LX_SYS(SYS_epoll_create1, EPOLL_CLOEXEC);
	*fdp = ret < 0 ? -1 : (int)ret;
	return (lx_error(ret));
}

static int
lx_epoll_ctl(int epfd, int op, int fd, uint32_t events, uint64_t data)
{
	struct lx_event ev = { .le_events = events, .le_data = data };

	return (lx_error(LX_SYS(SYS_epoll_ctl, epfd, op, fd, &ev)));
}

int
lx_epoll_add(int epfd, int fd, uint32_t events, uint64_t data)
{
	return (lx_epoll_ctl(epfd, EPOLL_CTL_ADD, fd, events, data));
}

int
lx_epoll_mod(int epfd, int fd, uint32_t events, uint64_t data)
{
	return (lx_epoll_ctl(epfd, EPOLL_CTL_MOD, fd, events, data));
}

int
lx_epoll_del(int epfd, int fd)
{
	return (lx_epoll_ctl(epfd, EPOLL_CTL_DEL, fd, 0, 0));
}

int
lx_epoll_poll(int epfd, struct lx_event *ev, int max)
{
#ifdef SYS_epoll_wait
	/* The one without a signal mask is a sixth faster. */
	return ((int)LX_SYS(SYS_epoll_wait, epfd, ev, max, 0));
#else
	return ((int)LX_SYS(SYS_epoll_pwait, epfd, ev, max, 0, NULL,
	    _NSIG / 8));
#endif
}

/*
 * libc's own wrappers, because only they are cancellation points that return
 * or are cancelled, but never both.  glibc has epoll_pwait2() since 2.35, musl
 * has not; without it, or on a kernel before 5.11, ppoll() sleeps with the same
 * resolution.
 */
extern int epoll_pwait2(int, struct epoll_event *, int,
    const struct timespec *, const sigset_t *) __attribute__((__weak__));

/*
 * Where RLIMIT_NOFILE is 0, as sandboxes have it, poll() refuses even one
 * descriptor.  What is left counts in milliseconds, which never return early
 * when they are rounded up; who wants to wait longer than this asks again.
 */
#define	LX_MAXMS	1000000000

static int
lx_epoll_millis(const struct timespec *ts)
{
	if (ts->tv_sec >= LX_MAXMS / 1000)
		return (LX_MAXMS);
	return ((int)ts->tv_sec * 1000 + (int)((ts->tv_nsec + 999999) /
	    1000000));
}

/* As epoll_pwait2(), errno and all. */
static int
lx_epoll_ppoll(int epfd, struct lx_event *ev, int max,
    const struct timespec *ts)
{
	struct pollfd pfd = { .fd = epfd, .events = POLLIN };
	struct timespec left = *ts;
	int n;

	n = ppoll(&pfd, 1, &left, NULL);
	if (n == -1 && errno == EINVAL)
		return (epoll_wait(epfd, (struct epoll_event *)(void *)ev, max,
		    lx_epoll_millis(ts)));
	if (n <= 0)
		return (n);
	/* EBADF of what was closed comes from this. */
	if ((n = lx_epoll_poll(epfd, ev, max)) >= 0)
		return (n);
	errno = -n;
	return (-1);
}

int
lx_epoll_wait(int epfd, struct lx_event *ev, int max,
    const struct timespec *ts, int *np)
{
	static _Atomic bool no_pwait2;
	struct epoll_event *eev = (struct epoll_event *)(void *)ev;
	int error, n, saved;

	saved = errno;
	if (ts == NULL)
		n = epoll_wait(epfd, eev, max, -1);
	else if (epoll_pwait2 == NULL || no_pwait2)
		n = lx_epoll_ppoll(epfd, ev, max, ts);
	else if ((n = epoll_pwait2(epfd, eev, max, ts, NULL)) == -1 &&
	    errno == ENOSYS) {
		no_pwait2 = true;
		n = lx_epoll_ppoll(epfd, ev, max, ts);
	}
	error = n == -1 ? errno : 0;
	errno = saved;
	*np = n == -1 ? 0 : n;
	return (error);
}

/*
 * An entry is found by number and file.  A process of its own descriptor table
 * but our memory puts one dup after the other under the number, there, and
 * tries; nothing changes in our table.  No signal may come meanwhile: its
 * handler would run in the child too.  Sanitizers keep books per thread, which
 * the child must not write into.
 */
struct lx_orphan {
	int	lo_epfd;
	int	lo_fd;
	int	lo_dir;		/* /proc/self/fd, or -1 */
	int	lo_max;		/* without it: all numbers below */
	int	lo_error;
};

/* Does the number mean the file?  Then its entry is gone, and so is lo_fd. */
LX_BARE static bool
lx_orphantry(struct lx_orphan *lo, int fd)
{
	if (fd == lo->lo_fd || fd == lo->lo_epfd || fd == lo->lo_dir ||
	    LX_SYS(SYS_dup3, fd, lo->lo_fd, 0) < 0 ||
	    LX_SYS(SYS_epoll_ctl, lo->lo_epfd, EPOLL_CTL_DEL, lo->lo_fd,
	    NULL) != 0)
		return (false);
	lo->lo_error = 0;
	return (true);
}

LX_BARE static int
lx_orphanchild(void *arg)
{
	struct lx_orphan *lo = arg;
	union {
		char buf[1024];
		long align;
	} u;
	const char *p;
	long i, len;
	unsigned short reclen;
	int fd;

	if (lo->lo_dir == -1) {
		for (fd = 0; fd < lo->lo_max && !lx_orphantry(lo, fd); fd++)
			continue;
		return (0);
	}
	/* Only what is open: struct linux_dirent64, its name at offset 19. */
	while ((len = LX_SYS(SYS_getdents64, lo->lo_dir, u.buf,
	    sizeof(u.buf))) > 0) {
		for (i = 0; i < len; i += reclen) {
			p = u.buf + i;
			__builtin_memcpy(&reclen, p + 16, sizeof(reclen));
			p += 19;
			/* "." and ".."; the others are numbers. */
			if (*p == '.')
				continue;
			for (fd = 0; *p != '\0'; p++)
				fd = fd * 10 + (*p - '0');
			if (lx_orphantry(lo, fd))
				return (0);
		}
	}
	return (0);
}

/*
 * vfork(), but with the memory alone shared.  Not libc's clone(), after which
 * TSan takes the parent for the child.
 */
LX_BARE __attribute__((__noinline__)) static long
lx_orphanrun(struct lx_orphan *lo)
{
#ifdef LX_INLINE
	long pid;

	pid = lx_sys6(SYS_clone, CLONE_VM | CLONE_VFORK, 0, 0, 0, 0, 0);
	if (pid == 0) {
		(void)lx_orphanchild(lo);
		(void)lx_sys6(SYS_exit, 0, 0, 0, 0, 0, 0);
	}
	return (pid);
#else
	_Alignas(64) char stack[16384];
	int pid;

	pid = clone(lx_orphanchild, stack + sizeof(stack) - 64,
	    CLONE_VM | CLONE_VFORK, lo);
	return (pid == -1 ? -errno : pid);
#endif
}

int
lx_epoll_orphan(int epfd, int fd)
{
	struct lx_orphan lo = { epfd, fd, -1, 65536, ENOENT };
	uint64_t all, limit[2], old;
	long pid;
	int saved;

	saved = errno;
	/* No descriptor left, or no /proc: then try them all. */
	lo.lo_dir = (int)LX_SYS(SYS_openat, AT_FDCWD, "/proc/self/fd",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lo.lo_dir < 0)
		lo.lo_dir = -1;
	/* The very number in question may have been the lowest free one. */
	if (lo.lo_dir == fd)
		lx_fd_high(&lo.lo_dir);
	if (lo.lo_dir == fd) {
		lx_close(fd);
		lo.lo_dir = -1;
	}
	if (LX_SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit) == 0 &&
	    limit[0] < (uint64_t)lo.lo_max)
		lo.lo_max = (int)limit[0];
	all = UINT64_MAX;
	(void)LX_SYS(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, _NSIG / 8);
	if ((pid = lx_orphanrun(&lo)) < 0)
		lo.lo_error = (int)-pid;
	else
		(void)LX_SYS(SYS_wait4, pid, NULL, __WCLONE, NULL);
	if (lo.lo_dir != -1)
		lx_close(lo.lo_dir);
	(void)LX_SYS(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, _NSIG / 8);
	errno = saved;
	return (lo.lo_error);
}

/* Without poll(), see lx_epoll_millis(); select() does not mind. */
static uint32_t
lx_select(int fd, uint32_t events)
{
	static const uint32_t what[3] = { LX_IN, LX_OUT, LX_PRI };
	struct timespec zero = { 0, 0 };
	uint64_t bit, set[3][128];
	uint32_t revents;
	size_t i, w;

	w = (size_t)fd / 64;
	if (fd < 0 || w >= 128)
		return (0);
	bit = UINT64_C(1) << fd % 64;
	memset(set, 0, sizeof(set));
	for (i = 0; i < 3; i++)
		set[i][w] = (events & what[i]) != 0 ? bit : 0;
	if (LX_SYS(SYS_pselect6, fd + 1, set[0], set[1], set[2], &zero,
	    NULL) <= 0)
		return (0);
	for (revents = 0, i = 0; i < 3; i++)
		revents |= set[i][w] != 0 ? what[i] : 0;
	return (revents);
}

uint32_t
lx_poll(int fd, uint32_t events)
{
	struct pollfd pfd;
	struct timespec zero = { 0, 0 };
	long ret;

	pfd.fd = fd;
	pfd.events = (short)(events & 0xffff);
	pfd.revents = 0;
#ifdef SYS_poll
	(void)zero;
	ret = LX_SYS(SYS_poll, &pfd, 1, 0);
#else
	ret = LX_SYS(SYS_ppoll, &pfd, 1, &zero, NULL, 0);
#endif
	if (ret == -EINVAL)
		return (lx_select(fd, events));
	if (ret != 1 || (pfd.revents & POLLNVAL) != 0)
		return (0);
	return ((uint32_t)(unsigned short)pfd.revents);
}
