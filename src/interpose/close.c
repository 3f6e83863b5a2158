/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close(), dup() and their family.
 *
 * On a BSD the kernel removes the knotes of a descriptor that is closed.  Linux
 * tells nobody, so we stand in front of libc's functions and tell the core
 * (kq_fdclosing() before, kq_fdclosed() after the real call).
 *
 *  - For a number that nobody watches the cost is kq_fdinteresting(), a look
 *    into a table.
 *  - All of it is async-signal-safe, as close() is: no lock is waited for, no
 *    memory allocated, no symbol looked up.
 *  - What is a cancellation point in libc is one here.  A cancellation is acted
 *    upon before the core is told, never between the two halves of a close: a
 *    watched number is either closed and forgotten, or neither.
 *  - The library's own descriptors are stepped over.  A program that closes all
 *    it finds is told EBADF for them, as if they did not exist.
 *  - A kqueue is close-on-exec under every number: its state dies at exec, and
 *    a spawned child must not have it.
 *
 * A vfork() child shares our memory but not our descriptors; the core knows
 * (it compares pids), says "not internal" and does nothing, so the child gets
 * what the kernel gives.
 */
/* Here the names mean what they say, not their 64-bit versions. */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#include "kqueue_var.h"

#undef fcntl64				/* musl before 1.2.4 */

#ifndef CLOSE_RANGE_UNSHARE
#define	CLOSE_RANGE_UNSHARE	(1u << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define	CLOSE_RANGE_CLOEXEC	(1u << 2)
#endif
#ifndef SYS_close_range
#define	SYS_close_range		436
#endif
#ifdef SYS_fcntl64
#define	KQ_SYS_FCNTL	SYS_fcntl64
#else
#define	KQ_SYS_FCNTL	SYS_fcntl
#endif

/* Numbers from here on cannot be in the core's table. */
#define	FDTAB_MAX	(1u << 30)
#define	FDTAB_MASK	0xffffu		/* it comes in blocks of 65536 */

/*
 * Not in libc's headers, not in every libc, or declared under a condition.
 * Those that a program may have brought along for want of libc's are weak: in
 * a static program the two would collide.
 */
int	close_range(unsigned int, unsigned int, int) __attribute__((__weak__));
void	closefrom(int) __attribute__((__weak__));
int	fcntl64(int, int, ...);
#if defined(__GLIBC__) && defined(__TIMESIZE) && __TIMESIZE == 32
#define	KQ_FCNTL_TIME64
int	__fcntl_time64(int, int, ...);
#endif

/* Absent from a static program. */
#pragma weak dlsym

/*
 * The next definitions, NULL: the system call.  Written once, by the
 * constructor; relaxed, for a function's address brings nothing with it.
 */
static _Atomic(int (*)(int)) next_close;
static _Atomic(int (*)(int)) next_dup;
static _Atomic(int (*)(int, int)) next_dup2;
static _Atomic(int (*)(int, int, int)) next_dup3;
static _Atomic(int (*)(int, int, ...)) next_fcntl;
static _Atomic(int (*)(int, int, ...)) next_fcntl64;
#ifdef KQ_FCNTL_TIME64
static _Atomic(int (*)(int, int, ...)) next_fcntl_time64;
#endif
static _Atomic(int (*)(unsigned int, unsigned int, int)) next_close_range;
static _Atomic(void (*)(int)) next_closefrom;
static _Atomic(int (*)(int, int)) next_shutdown;

#define	NEXT(name)	atomic_load_explicit(&next_##name, memory_order_relaxed)

static _Atomic int interposed = -1;	/* KQI_*, or -1: not looked at */

/* A number that no program closes; and whether close() got it. */
#define	PROBE_FD	(INT_MIN + 0x6b71)
static _Atomic bool probe_seen;

/* stdio.c is not part of every build. */
#pragma weak kq_stdio_present

void *
kq_next(const char *name, const void *self)
{
	void *p;

	if (dlsym == NULL)
		return (NULL);
	/*
	 * Where we stand behind libc there is nothing next; then whoever calls
	 * us nevertheless (by dlopen() with RTLD_DEEPBIND) wants libc's.
	 */
	p = dlsym(RTLD_NEXT, name);
	if (p == NULL || p == self)
		p = dlsym(RTLD_DEFAULT, name);
	return (p == self ? NULL : p);
}

/*
 * Does the program's close() reach us?  Called through the name as the program
 * would, for what the name finds need not be ours: a sanitizer's definition
 * stands before ours and calls it.  The name is looked up from the program's
 * place: under RTLD_DEEPBIND, ours would find ourselves.
 */
static int
probe(void)
{
	int (*volatile fn)(int);
	void *(*open_program)(const char *, int);
	void *p, *program;
	int bits, saved;

	fn = close;
	/* A linker warns of static programs that name dlopen(). */
	open_program = dlsym == NULL ? NULL :
	    (void *(*)(const char *, int))dlsym(RTLD_DEFAULT, "dlopen");
	if (open_program != NULL &&
	    (program = open_program(NULL, RTLD_LAZY)) != NULL) {
		/* Not closed: the program's own handle counts nothing. */
		if ((p = dlsym(program, "close")) != NULL)
			fn = (int (*)(int))p;
	}
	saved = errno;
	(void)fn(PROBE_FD);		/* EBADF, from us or the kernel */
	errno = saved;
	bits = 0;
	if (atomic_load(&probe_seen))
		bits = KQI_CLOSE;
	if (bits != 0 && &kq_stdio_present != NULL && dlsym != NULL &&
	    dlsym(RTLD_NEXT, "fclose") != NULL)
		bits |= KQI_STDIO;
	return (bits);
}

/* Idempotent; early, for other constructors may call us. */
__attribute__((__constructor__(101))) static void
close_constructor(void)
{
	int saved;

	if (atomic_load(&interposed) != -1)
		return;
	saved = errno;
#define	RESOLVE(name)							\
	atomic_store(&next_##name,					\
	    (__typeof__(NEXT(name)))kq_next(#name, (const void *)name))
	RESOLVE(close);
	RESOLVE(dup);
	RESOLVE(dup2);
	RESOLVE(dup3);
	RESOLVE(fcntl);
	RESOLVE(fcntl64);
	RESOLVE(close_range);
	RESOLVE(closefrom);
	RESOLVE(shutdown);
#undef RESOLVE
#ifdef KQ_FCNTL_TIME64
	atomic_store(&next_fcntl_time64, (int (*)(int, int, ...))
	    kq_next("__fcntl_time64", (const void *)__fcntl_time64));
#endif
	atomic_store(&interposed, probe());
	errno = saved;
}

int
kq_interposed(void)
{
	if (KQ_UNLIKELY(atomic_load_explicit(&interposed,
	    memory_order_relaxed) == -1))
		close_constructor();
	return (atomic_load_explicit(&interposed, memory_order_relaxed));
}

/*
 * The real calls.  In a static program, and before the constructor ran, the
 * system call; it is made a cancellation point by hand.
 */
static int
real_close(int fd)
{
	int (*fn)(int);

	if (KQ_LIKELY((fn = NEXT(close)) != NULL))
		return (fn(fd));
	pthread_testcancel();
	return ((int)syscall(SYS_close, fd));
}

static int
real_dup(int fd)
{
	int (*fn)(int);

	if (KQ_LIKELY((fn = NEXT(dup)) != NULL))
		return (fn(fd));
	return ((int)syscall(SYS_dup, fd));
}

static int
real_dup3(int oldfd, int newfd, int flags)
{
	int (*fn)(int, int, int);

	if (KQ_LIKELY((fn = NEXT(dup3)) != NULL))
		return (fn(oldfd, newfd, flags));
	return ((int)syscall(SYS_dup3, oldfd, newfd, flags));
}

static bool
isopen(int fd)
{
	/* Not fcntl(): a sanitizer need not know of it. */
	return (syscall(KQ_SYS_FCNTL, fd, F_GETFD) != -1);
}

static int
real_dup2(int oldfd, int newfd)
{
	int (*fn)(int, int);

	if (KQ_LIKELY((fn = NEXT(dup2)) != NULL))
		return (fn(oldfd, newfd));
	/* dup3() calls this EINVAL. */
	if (oldfd == newfd)
		return (isopen(oldfd) ? newfd : -1);
	return ((int)syscall(SYS_dup3, oldfd, newfd, 0));
}

static int
real_close_range(unsigned int first, unsigned int last, int flags)
{
	int (*fn)(unsigned int, unsigned int, int);

	if (KQ_LIKELY((fn = NEXT(close_range)) != NULL))
		return (fn(first, last, flags));
	return ((int)syscall(SYS_close_range, first, last, flags));
}

static int
raw_fcntl(int fd, int cmd, void *arg)
{
	int ret, type;

	/* F_OFD_SETLKW is its neighbour; these two can sleep. */
	if (cmd != F_SETLKW && cmd != F_OFD_SETLKW)
		return ((int)syscall(KQ_SYS_FCNTL, fd, cmd, arg));
	(void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = (int)syscall(KQ_SYS_FCNTL, fd, cmd, arg);
	(void)pthread_setcanceltype(type, NULL);
	return (ret);
}

/* Is the number a kqueue, as far as one can see from outside? */
static bool
iskqueue(int fd)
{
	enum lx_kind kind;

	return (fdtab_kqueue(fd) != NULL && lx_fdkind(fd, &kind) == 0 &&
	    kind == LX_KIND_EPOLL);
}

/*
 * A number that the core has something to do with is closed.  No cancellation
 * is acted upon in here.
 */
__attribute__((__noinline__)) static int
close_watched(int fd)
{
	int ret, saved, state;

	if (kq_fdinternal(fd)) {
		errno = EBADF;
		return (-1);
	}
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	kq_fdclosing(fd);
	ret = real_close(fd);
	saved = errno;
	kq_fdclosed(fd);
	(void)pthread_setcancelstate(state, NULL);
	errno = saved;
	return (ret);
}

int
close(int fd)
{
	if (KQ_UNLIKELY(kq_fdinteresting(fd))) {
		pthread_testcancel();
		return (close_watched(fd));
	}
	if (KQ_UNLIKELY(fd == PROBE_FD)) {
		atomic_store(&probe_seen, true);
		errno = EBADF;
		return (-1);
	}
	return (real_close(fd));
}

/* A new number means what fd means. */
static int
duplicated(int fd, int newfd)
{
	int saved;

	if (newfd == -1)
		return (-1);
	saved = errno;
	kq_fddup(fd, newfd);
	errno = saved;
	return (newfd);
}

int
dup(int fd)
{
	if (KQ_LIKELY(!kq_fdinteresting(fd)))
		return (real_dup(fd));
	if (iskqueue(fd))
		return (duplicated(fd, (int)syscall(KQ_SYS_FCNTL, fd,
		    F_DUPFD_CLOEXEC, 0)));
	return (duplicated(fd, real_dup(fd)));
}

/* dup2() or dup3() (three) where one of the numbers is interesting. */
static int
replace(int oldfd, int newfd, int flags, bool three)
{
	int error, ret, saved;
	bool watched;

	/* What fails, or does nothing, leaves the new number as it is. */
	if (oldfd == newfd || (flags & ~O_CLOEXEC) != 0 || !isopen(oldfd))
		return (three ? real_dup3(oldfd, newfd, flags) :
		    real_dup2(oldfd, newfd));
	watched = kq_fdinteresting(newfd);
	if (watched && kq_fdinternal(newfd)) {
		/* The program may choose numbers as it likes: give way. */
		if ((error = kq_fdvacate(newfd)) != 0) {
			errno = error;
			return (-1);
		}
	}
	if (iskqueue(oldfd)) {
		flags |= O_CLOEXEC;
		three = true;
	}
	if (watched)
		kq_fdclosing(newfd);
	ret = three ? real_dup3(oldfd, newfd, flags) :
	    real_dup2(oldfd, newfd);
	saved = errno;
	if (watched)
		kq_fdclosed(newfd);
	if (ret != -1)
		kq_fddup(oldfd, newfd);
	errno = saved;
	return (ret);
}

int
dup2(int oldfd, int newfd)
{
	if (KQ_UNLIKELY(kq_fdinteresting(oldfd) || kq_fdinteresting(newfd)))
		return (replace(oldfd, newfd, 0, false));
	return (real_dup2(oldfd, newfd));
}

int
dup3(int oldfd, int newfd, int flags)
{
	if (KQ_UNLIKELY(kq_fdinteresting(oldfd) || kq_fdinteresting(newfd)))
		return (replace(oldfd, newfd, flags, true));
	return (real_dup3(oldfd, newfd, flags));
}

static int
do_fcntl(int (*fn)(int, int, ...), int fd, int cmd, void *arg)
{
	bool ours;

	ours = false;
	if (KQ_UNLIKELY((cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ||
	    cmd == F_SETFD) && kq_fdinteresting(fd))) {
		if (cmd != F_SETFD)
			ours = true;
		if (cmd == F_DUPFD && iskqueue(fd))
			cmd = F_DUPFD_CLOEXEC;
		if (cmd == F_SETFD && (kq_fdinternal(fd) || iskqueue(fd)))
			arg = (void *)((uintptr_t)arg | FD_CLOEXEC);
	}
	if (fn == NULL)
		fd = ours ? duplicated(fd, raw_fcntl(fd, cmd, arg)) :
		    raw_fcntl(fd, cmd, arg);
	else
		fd = ours ? duplicated(fd, fn(fd, cmd, arg)) :
		    fn(fd, cmd, arg);
	return (fd);
}

/*
 * The third argument is an int, a pointer or absent.  Fetched as a pointer it
 * arrives whole in all three cases under every Linux calling convention; libc
 * does the same.
 */
#define	FCNTL(name)							\
int									\
name(int fd, int cmd, ...)						\
{									\
	va_list ap;							\
	void *arg;							\
									\
	va_start(ap, cmd);						\
	arg = va_arg(ap, void *);					\
	va_end(ap);							\
	return (do_fcntl(NEXT_##name, fd, cmd, arg));			\
}
#define	NEXT_fcntl		NEXT(fcntl)
/* A libc without the 64-bit name has 64 bits under the plain one. */
#define	NEXT_fcntl64		(NEXT(fcntl64) != NULL ? NEXT(fcntl64) : \
				    NEXT(fcntl))
#define	NEXT___fcntl_time64	NEXT(fcntl_time64)

FCNTL(fcntl)
FCNTL(fcntl64)
#ifdef KQ_FCNTL_TIME64
FCNTL(__fcntl_time64)
#endif

/* The lowest number in [fd, last] that the core has to do with, or -1. */
static int
next_interesting(unsigned int fd, unsigned int last)
{
	if (last >= FDTAB_MAX)
		last = FDTAB_MAX - 1;
	for (; fd <= last; fd++) {
		if (fdtab_peek((int)fd) == NULL)
			fd |= FDTAB_MASK;
		else if (kq_fdinteresting((int)fd))
			return ((int)fd);
	}
	return (-1);
}

/* Is this the process's only thread? */
static bool
onlythread(void)
{
	struct stat st;

	return (stat("/proc/self/task", &st) == 0 && st.st_nlink == 3);
}

/*
 * The watched numbers go one by one, as by close(); then the kernel closes what
 * is between the library's own.
 */
static int
close_range_watched(unsigned int first, unsigned int last, int flags)
{
	int fd;

	/* Find out whether the call exists and takes these flags. */
	if (real_close_range(UINT_MAX, UINT_MAX,
	    flags & (int)~CLOSE_RANGE_UNSHARE) == -1)
		return (-1);
	for (fd = next_interesting(first, last); fd != -1;
	    fd = next_interesting((unsigned int)fd + 1, last)) {
		if (!kq_fdinternal(fd))
			(void)close_watched(fd);
	}
	for (fd = next_interesting(first, last); fd != -1;
	    fd = next_interesting((unsigned int)fd + 1, last)) {
		if (!kq_fdinternal(fd))
			continue;
		if ((unsigned int)fd > first && real_close_range(first,
		    (unsigned int)fd - 1, flags) == -1)
			return (-1);
		first = (unsigned int)fd + 1;
		if ((unsigned int)fd == last)
			return (0);
	}
	return (real_close_range(first, last, flags));
}

int
close_range(unsigned int first, unsigned int last, int flags)
{
	/*
	 * Marking closes nothing.  With UNSHARE a thread among others gets a
	 * table of its own and closes there: what the others have, and the
	 * kqueues watch, stays open.
	 */
	if (first > last || (flags & (int)CLOSE_RANGE_CLOEXEC) != 0 ||
	    next_interesting(first, last) == -1 ||
	    ((flags & (int)CLOSE_RANGE_UNSHARE) != 0 && !onlythread()))
		return (real_close_range(first, last, flags));
	return (close_range_watched(first, last, flags));
}

/* An entry of a directory, as the system call gives it. */
struct entry {
	uint64_t	e_ino;
	int64_t		e_off;
	unsigned short	e_len;
	unsigned char	e_type;
	char		e_name[];
};

/*
 * closefrom() on a kernel before 5.9, or under a filter that refuses
 * close_range(): by the list of what is open.  opendir() would allocate.
 */
static void
closefrom_slow(int lowfd)
{
	union {
		struct entry	entry;
		char		bytes[2048];
	} buf;
	struct entry *e;
	const char *p;
	long n, off;
	int dir, fd;
	bool any;

	dir = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1) {
		/* Without /proc, all below the limit may be open. */
		n = sysconf(_SC_OPEN_MAX);
		for (fd = lowfd; fd < n; fd++)
			(void)close(fd);
		return;
	}
	do {
		any = false;
		(void)syscall(SYS_lseek, dir, 0, SEEK_SET);
		while ((n = syscall(SYS_getdents64, dir, buf.bytes,
		    sizeof(buf.bytes))) > 0) {
			for (off = 0; off < n; off += e->e_len) {
				e = (struct entry *)(void *)(buf.bytes + off);
				fd = 0;
				for (p = e->e_name; *p >= '0' && *p <= '9'; p++)
					fd = fd * 10 + (*p - '0');
				if (p == e->e_name || *p != '\0' ||
				    fd < lowfd || fd == dir)
					continue;
				if (close(fd) == 0)
					any = true;
			}
		}
		/* The list shrank under the reader: it may have missed some. */
	} while (any);
	(void)syscall(SYS_close, dir);
}

void
closefrom(int lowfd)
{
	void (*fn)(int);

	if (lowfd < 0)
		lowfd = 0;
	if ((fn = NEXT(closefrom)) != NULL &&
	    next_interesting((unsigned int)lowfd, UINT_MAX) == -1) {
		fn(lowfd);
		return;
	}
	if (close_range_watched((unsigned int)lowfd, UINT_MAX, 0) == -1)
		closefrom_slow(lowfd);
}

int
shutdown(int fd, int how)
{
	int (*fn)(int, int);
	int ret, saved;

	if (KQ_LIKELY((fn = NEXT(shutdown)) != NULL))
		ret = fn(fd, how);
	else
		ret = (int)syscall(SYS_shutdown, fd, how);
	if (ret == 0) {
		/* Also for a number that is not watched: a dup may be. */
		saved = errno;
		kq_fdshutdown(fd, how);
		errno = saved;
	}
	return (ret);
}
