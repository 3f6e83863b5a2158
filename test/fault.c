/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library that fails on purpose: what libkqueue-faults.a has beside the
 * objects of libkqueue.a.
 *
 * With -DKQ_FAULTS every call of src/linux comes here (lx_sys.h).  The calls
 * that are made through libc, the allocations and the functions around the
 * locks come here because the objects are linked with --wrap.
 *
 * The whole suite can be linked with it (KQ_LIBS=libkqueue-faults.a) and run as
 * on an older kernel, KQ_FAULT_ABSENT=0x3ff, or with delays at random,
 * KQ_FAULT_DELAY=number.
 *
 * A call is failed only in ways in which the kernel fails it in a correct
 * program: no EFAULT, and no EBADF for a number that is open.
 */
#define	_GNU_SOURCE
#include "fault.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lx_sys.h"

#ifndef F_DUPFD_QUERY
#define	F_DUPFD_QUERY	(1024 + 3)
#endif
#ifndef MADV_WIPEONFORK
#define	MADV_WIPEONFORK	18
#endif
#ifndef SYS_epoll_pwait2
#define	SYS_epoll_pwait2 441
#endif
#ifndef SYS_listmount
#define	SYS_listmount	458
#endif
#ifndef SYS_close_range
#define	SYS_close_range	436
#endif
#ifndef SYS_pidfd_open
#define	SYS_pidfd_open	434
#endif

#define	ANY	(-1)
#define	NERRORS	6

/* The errnos of a call; the second argument tells those of one number apart. */
static const struct {
	long	nr;
	long	cmd;
	int	errors[NERRORS];
} fault_table[] = {
	{ SYS_mmap, ANY, { ENOMEM, EAGAIN } },
	{ SYS_madvise, ANY, { ENOMEM, EAGAIN, EINVAL } },
	{ SYS_clone, ANY, { EAGAIN, ENOMEM } },
	{ SYS_epoll_create1, ANY, { EMFILE, ENFILE, ENOMEM } },
	{ SYS_epoll_ctl, EPOLL_CTL_ADD, { ENOMEM, ENOSPC } },
	{ SYS_epoll_pwait2, ANY, { EINTR } },
	{ SYS_eventfd2, ANY, { EMFILE, ENFILE, ENODEV, ENOMEM } },
	{ SYS_timerfd_create, ANY, { EMFILE, ENFILE, ENODEV, ENOMEM } },
	{ SYS_signalfd4, -1, { EMFILE, ENFILE, ENODEV, ENOMEM } },
	{ SYS_inotify_init1, ANY, { EMFILE, ENFILE, ENOMEM } },
	{ SYS_inotify_add_watch, ANY, { ENOMEM, ENOSPC, EACCES, ENOENT } },
	{ SYS_inotify_rm_watch, ANY, { EINVAL } },
	{ SYS_pidfd_open, ANY, { EMFILE, ENFILE, ENODEV, ENOMEM } },
	{ SYS_openat, ANY, { EMFILE, ENFILE, ENOMEM, ENOENT, EACCES } },
	{ SYS_getdents64, ANY, { ENOMEM, ENOENT } },
	{ SYS_readlinkat, ANY, { ENOENT, EACCES, ENOMEM } },
	{ SYS_statx, ANY, { ENOMEM, ENOSYS } },
	{ SYS_kcmp, ANY, { EPERM, ENOSYS } },
	{ SYS_prlimit64, ANY, { EPERM } },
	{ SYS_socket, ANY, { EMFILE, ENFILE, ENOMEM, ENOBUFS, EACCES,
	    EPROTONOSUPPORT } },
	{ SYS_bind, ANY, { EPERM, ENOMEM } },
	{ SYS_sendto, ANY, { ENOBUFS, ENOMEM, ECONNREFUSED, EPERM } },
	{ SYS_recvfrom, ANY, { EAGAIN, ENOBUFS } },
	{ SYS_getsockopt, SO_MEMINFO, { ENOPROTOOPT } },
	{ SYS_setsockopt, SO_ATTACH_FILTER, { ENOMEM } },
	{ SYS_setsockopt, SO_RCVBUFFORCE, { EPERM } },
	{ SYS_getpeername, ANY, { ENOBUFS } },
	{ SYS_rt_sigqueueinfo, ANY, { EAGAIN } },
	{ SYS_rt_tgsigqueueinfo, ANY, { EAGAIN } },
	{ SYS_futex, ANY, { EINTR, EAGAIN } },
#ifdef SYS_poll
	{ SYS_poll, ANY, { EINTR } },
#endif
	{ SYS_ppoll, ANY, { EINTR } },
	{ SYS_listmount, ANY, { ENOMEM } },
	{ SYS_fcntl, F_DUPFD_CLOEXEC, { EMFILE } },
	{ SYS_fcntl, F_DUPFD_QUERY, { EINVAL } },
	{ SYS_fcntl, F_GETPIPE_SZ, { EBADF } },
	{ SYS_ioctl, FIONREAD, { ENOTTY, EINVAL, EIO } },
	{ SYS_ioctl, TIOCOUTQ, { ENOTTY, EINVAL } },
	/* The number is closed all the same. */
	{ SYS_close, ANY, { EINTR, EIO } },
};

static _Atomic unsigned fault_absent;
static _Atomic unsigned long fault_nabsent;
static _Atomic unsigned fault_seed;

static __thread struct {
	unsigned	what;
	unsigned long	nth;
	int		which;
	struct kq_fault	state;
} fault;
static __thread unsigned fault_on;
static __thread uint32_t fault_random;
static __thread unsigned long fault_points, fault_at;
static __thread int fault_signal;
static __thread bool (*fault_answer)(long, const long [6], long *);

void
kq_fault_arm(unsigned what, unsigned long nth, int which)
{
	fault.what = what;
	fault.nth = nth;
	fault.which = which;
	fault.state = (struct kq_fault){ .kf_nr = -1 };
	fault_on = 1;
}

void
kq_fault_pause(void)
{
	fault_on = 0;
}

void
kq_fault_resume(void)
{
	fault_on = 1;
}

const struct kq_fault *
kq_fault_state(void)
{
	return (&fault.state);
}

void
kq_fault_absent(unsigned what)
{
	atomic_store(&fault_absent, what);
}

unsigned long
kq_fault_absences(void)
{
	return (atomic_load(&fault_nabsent));
}

void
kq_fault_delay(unsigned seed)
{
	atomic_store(&fault_seed, seed);
}

void
kq_fault_interrupt(unsigned long nth, int sig)
{
	fault_points = 0;
	fault_signal = sig;
	fault_at = nth;
}

void
kq_fault_kernel(bool (*answer)(long, const long [6], long *))
{
	fault_answer = answer;
}

/* What the answer itself asks of the library is answered by the kernel. */
static bool
fault_answered(long nr, const long arg[6], long *retp)
{
	bool (*answer)(long, const long [6], long *);
	bool answered;

	if ((answer = fault_answer) == NULL)
		return (false);
	fault_answer = NULL;
	answered = answer(nr, arg, retp);
	fault_answer = answer;
	return (answered);
}

/* The handler runs before this returns. */
static void
fault_interrupt(void)
{
	if (++fault_points == fault_at)
		(void)lx_sys6(SYS_tgkill, lx_sys6(SYS_getpid, 0, 0, 0, 0, 0, 0),
		    lx_sys6(SYS_gettid, 0, 0, 0, 0, 0, 0), fault_signal, 0, 0,
		    0);
}

/* For the programs of the suite that know nothing of this. */
__attribute__((__constructor__(101))) static void
fault_constructor(void)
{
	const char *s;

	if ((s = getenv("KQ_FAULT_ABSENT")) != NULL)
		kq_fault_absent((unsigned)strtoul(s, NULL, 0));
	if ((s = getenv("KQ_FAULT_DELAY")) != NULL)
		kq_fault_delay((unsigned)strtoul(s, NULL, 0));
}

/* Now and then let others go first, shortly or for long. */
static void
fault_wait(void)
{
	struct timespec ts = { 0, 0 };
	unsigned seed;

	if ((seed = atomic_load_explicit(&fault_seed,
	    memory_order_relaxed)) == 0)
		return;
	if (fault_random == 0)
		fault_random = (uint32_t)(seed ^
		    (uint32_t)(uintptr_t)&fault_random) | 1;
	/* Marsaglia's xorshift. */
	fault_random ^= fault_random << 13;
	fault_random ^= fault_random >> 17;
	fault_random ^= fault_random << 5;
	if (fault_random % 64 == 0) {
		ts.tv_nsec = fault_random / 64 % 100000;
		(void)lx_sys6(SYS_nanosleep, (long)&ts, 0, 0, 0, 0, 0);
	} else if (fault_random % 4 == 0)
		(void)lx_sys6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

/* The errno that the point fails with, or 0. */
static int
fault_point(unsigned what, long nr, long cmd)
{
	const int *errors;
	size_t i;

	fault_wait();
	fault_interrupt();
	if (!fault_on || (fault.what & what) == 0)
		return (0);
	errors = NULL;
	for (i = 0; i < sizeof(fault_table) / sizeof(fault_table[0]); i++) {
		if (fault_table[i].nr == nr &&
		    (fault_table[i].cmd == ANY || fault_table[i].cmd == cmd))
			errors = fault_table[i].errors;
	}
	/* Nothing that this call could fail with: it does not count. */
	if (what == KQ_FAULT_SYS && errors == NULL)
		return (0);
	if (++fault.state.kf_count != fault.nth)
		return (0);
	fault.state.kf_nr = nr;
	if (what == KQ_FAULT_ALLOC) {
		fault.state.kf_nomore = fault.which > 0;
		fault.state.kf_error = ENOMEM;
	} else {
		fault.state.kf_nomore = fault.which >= NERRORS ||
		    errors[fault.which] == 0;
		fault.state.kf_error = fault.state.kf_nomore ? 0 :
		    errors[fault.which];
	}
	if (fault.state.kf_nomore)
		return (0);
	fault.state.kf_fired = true;
	return (fault.state.kf_error);
}

static bool
fault_endswith(const char *s, const char *end)
{
	size_t len = strlen(s);

	return (len >= strlen(end) &&
	    strcmp(s + len - strlen(end), end) == 0);
}

/* Does the kernel that is played have the call? */
static int
fault_missing(long nr, long cmd, long arg)
{
	unsigned absent;
	int error;

	absent = atomic_load_explicit(&fault_absent, memory_order_relaxed);
	if (absent == 0)
		return (0);
	error = 0;
	if ((nr == SYS_epoll_pwait2 && (absent & KQ_NO_EPOLL_PWAIT2) != 0) ||
	    (nr == SYS_close_range && (absent & KQ_NO_CLOSE_RANGE) != 0) ||
	    (nr == SYS_statx && (absent & KQ_NO_STATX) != 0) ||
	    (nr == SYS_kcmp && (absent & KQ_NO_KCMP) != 0) ||
	    (nr == SYS_listmount && (absent & KQ_NO_LISTMOUNT) != 0) ||
	    (nr == SYS_pidfd_open && (absent & KQ_NO_PIDFD_OPEN) != 0))
		error = ENOSYS;
	else if (nr == SYS_fcntl && cmd == F_DUPFD_QUERY &&
	    (absent & KQ_NO_DUPFD_QUERY) != 0)
		error = EINVAL;
	else if (nr == SYS_madvise && arg == MADV_WIPEONFORK &&
	    (absent & KQ_NO_WIPEONFORK) != 0)
		error = EINVAL;
	else if (nr == SYS_openat && (absent & KQ_NO_PROC_CHILDREN) != 0 &&
	    fault_endswith((const char *)cmd, "/children"))
		error = ENOENT;
	/* PIDFD_GET_INFO, whatever its size. */
	else if (nr == SYS_ioctl && (absent & KQ_NO_PIDFD_INFO) != 0 &&
	    ((unsigned long)cmd & 0xffff) == 0xff0b)
		error = ENOTTY;
	if (error != 0)
		(void)atomic_fetch_add(&fault_nabsent, 1);
	return (error);
}

static bool
fault_ispoll(long nr)
{
#ifdef SYS_poll
	if (nr == SYS_poll)
		return (true);
#endif
	return (nr == SYS_ppoll);
}

long
lx_fault(long nr, long a, long b, long c, long d, long e, long f)
{
	const long arg[6] = { a, b, c, d, e, f };
	long cmd, ret;
	int error;

	if (fault_answered(nr, arg, &ret))
		return (ret);
	if ((error = fault_missing(nr, b, c)) != 0)
		return (-error);
	/* Which argument says what is wanted of the call. */
	cmd = nr == SYS_signalfd4 ? a : nr == SYS_getsockopt ||
	    nr == SYS_setsockopt ? c : b;
	error = fault_point(KQ_FAULT_SYS, nr, cmd);
	if (error != 0 && nr != SYS_close && !fault_ispoll(nr))
		return (-error);
	ret = lx_sys6(nr, a, b, c, d, e, f);
	/* A poll() that finds something does not look at signals. */
	return (error != 0 && (ret == 0 || nr == SYS_close) ? -error : ret);
}

/*
 * What is called through libc.
 */

void	*__real_mmap(void *, size_t, int, int, int, off_t);
void	*__wrap_mmap(void *, size_t, int, int, int, off_t);
int	__wrap_epoll_wait(int, struct epoll_event *, int, int);
int	__real_epoll_wait(int, struct epoll_event *, int, int);
int	__wrap_epoll_pwait2(int, struct epoll_event *, int,
	    const struct timespec *, const sigset_t *);
int	__real_epoll_pwait2(int, struct epoll_event *, int,
	    const struct timespec *, const sigset_t *)
	    __attribute__((__weak__));
int	__wrap_ppoll(struct pollfd *, nfds_t, const struct timespec *,
	    const sigset_t *);
int	__real_ppoll(struct pollfd *, nfds_t, const struct timespec *,
	    const sigset_t *);
long	__wrap_syscall(long, ...);
long	__real_syscall(long, ...);
void	*__wrap_dlsym(void *, const char *);
void	*__real_dlsym(void *, const char *);

void *
__wrap_mmap(void *p, size_t len, int prot, int flags, int fd, off_t off)
{
	int error;

	if ((error = fault_point(KQ_FAULT_SYS, SYS_mmap, ANY)) != 0) {
		errno = error;
		return (MAP_FAILED);
	}
	return (__real_mmap(p, len, prot, flags, fd, off));
}

static _Atomic(void (*)(void)) fault_hook;

void
kq_fault_beforewait(void (*hook)(void))
{
	atomic_store(&fault_hook, hook);
}

static void
fault_beforewait(void)
{
	void (*hook)(void);

	if ((hook = atomic_exchange(&fault_hook, NULL)) != NULL)
		hook();
}

int
__wrap_epoll_wait(int epfd, struct epoll_event *ev, int max, int ms)
{
	int error;

	if ((error = fault_point(KQ_FAULT_SYS, SYS_epoll_pwait2, ANY)) != 0) {
		errno = error;
		return (-1);
	}
	if (ms != 0)
		fault_beforewait();
	return (__real_epoll_wait(epfd, ev, max, ms));
}

int
__wrap_epoll_pwait2(int epfd, struct epoll_event *ev, int max,
    const struct timespec *ts, const sigset_t *set)
{
	int error;

	if ((error = fault_missing(SYS_epoll_pwait2, 0, 0)) == 0)
		error = fault_point(KQ_FAULT_SYS, SYS_epoll_pwait2, ANY);
	/* There are libcs without it. */
	if (error == 0 && __real_epoll_pwait2 == NULL)
		error = ENOSYS;
	if (error != 0) {
		errno = error;
		return (-1);
	}
	fault_beforewait();
	return (__real_epoll_pwait2(epfd, ev, max, ts, set));
}

int
__wrap_ppoll(struct pollfd *pfd, nfds_t n, const struct timespec *ts,
    const sigset_t *set)
{
	int error;

	if ((error = fault_point(KQ_FAULT_SYS, SYS_ppoll, ANY)) != 0) {
		errno = error;
		return (-1);
	}
	fault_beforewait();
	return (__real_ppoll(pfd, n, ts, set));
}

/* The calls that the library makes for the program: only missing, not failed. */
long
__wrap_syscall(long nr, ...)
{
	va_list ap;
	long a[6];
	int error, i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	fault_wait();
	if ((error = fault_missing(nr, a[1], a[2])) != 0) {
		errno = error;
		return (-1);
	}
	return (__real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

/* Such a libc would have no close_range() of its own. */
void *
__wrap_dlsym(void *handle, const char *name)
{
	if (strcmp(name, "close_range") == 0 &&
	    (atomic_load(&fault_absent) & KQ_NO_CLOSE_RANGE) != 0)
		return (NULL);
	return (__real_dlsym(handle, name));
}

/*
 * Memory and locks.
 */

#pragma GCC visibility push(hidden)
struct kq_lock;
struct kqueue;
void	*__real_arena_alloc(size_t);
void	*__wrap_arena_alloc(size_t);
void	*__real_arena_grow(void *, size_t, size_t);
void	*__wrap_arena_grow(void *, size_t, size_t);
bool	__real_kq_lock_try(struct kq_lock *);
bool	__wrap_kq_lock_try(struct kq_lock *);
bool	__real_kq_lock_release(struct kq_lock *);
bool	__wrap_kq_lock_release(struct kq_lock *);
int	__real_kqueue_enter(int, struct kqueue **);
int	__wrap_kqueue_enter(int, struct kqueue **);
#pragma GCC visibility pop

void *
__wrap_arena_alloc(size_t len)
{
	if (fault_point(KQ_FAULT_ALLOC, -1, ANY) != 0)
		return (NULL);
	return (__real_arena_alloc(len));
}

void *
__wrap_arena_grow(void *old, size_t oldlen, size_t newlen)
{
	if (fault_point(KQ_FAULT_ALLOC, -1, ANY) != 0)
		return (NULL);
	return (__real_arena_grow(old, oldlen, newlen));
}

/* kq_lock() is inline: what stands before and after it is delayed instead. */
bool
__wrap_kq_lock_try(struct kq_lock *l)
{
	fault_wait();
	return (__real_kq_lock_try(l));
}

bool
__wrap_kq_lock_release(struct kq_lock *l)
{
	bool released;

	fault_wait();
	fault_interrupt();
	released = __real_kq_lock_release(l);
	fault_wait();
	return (released);
}

int
__wrap_kqueue_enter(int fd, struct kqueue **kqp)
{
	fault_wait();
	return (__real_kqueue_enter(fd, kqp));
}
