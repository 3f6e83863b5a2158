/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dup(), dup2(), dup3() and fcntl().
 *
 * A new number of a watched descriptor means what the old one means; what had
 * the number before is closed; a number of the library's own gives way.  A
 * kqueue stays close-on-exec under every number that it gets.  The rules of
 * close.c are those of this file.
 *
 * Exported (libkqueue.map): dup dup2 dup3 fcntl fcntl64 __fcntl_time64
 */
/* Here the names mean what they say, not their 64-bit versions. */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#include "kqueue_var.h"

#undef fcntl64				/* musl before 1.2.4 */

#ifdef SYS_fcntl64
#define	KQ_SYS_FCNTL	SYS_fcntl64
#else
#define	KQ_SYS_FCNTL	SYS_fcntl
#endif

/* Not in libc's headers, or not in every libc's. */
int	fcntl64(int, int, ...);
#if defined(__GLIBC__) && defined(__TIMESIZE) && __TIMESIZE == 32
#define	KQ_FCNTL_TIME64
int	__fcntl_time64(int, int, ...);
#endif

static _Atomic(int (*)(int)) next_dup;
static _Atomic(int (*)(int, int)) next_dup2;
static _Atomic(int (*)(int, int, int)) next_dup3;
static _Atomic(int (*)(int, int, ...)) next_fcntl;
static _Atomic(int (*)(int, int, ...)) next_fcntl64;
#ifdef KQ_FCNTL_TIME64
static _Atomic(int (*)(int, int, ...)) next___fcntl_time64;
#endif

__attribute__((__constructor__(101))) static void
dup_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(dup);
	RESOLVE(dup2);
	RESOLVE(dup3);
	RESOLVE(fcntl);
	RESOLVE(fcntl64);
#ifdef KQ_FCNTL_TIME64
	RESOLVE(__fcntl_time64);
#endif
	errno = saved;
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
			/* EINVAL: there is no room up where ours belong. */
			errno = error == EINVAL ? EMFILE : error;
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
#define	NEXT___fcntl_time64	NEXT(__fcntl_time64)

FCNTL(fcntl)
FCNTL(fcntl64)
#ifdef KQ_FCNTL_TIME64
FCNTL(__fcntl_time64)
#endif
