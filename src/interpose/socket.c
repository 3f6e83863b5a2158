/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What changes what a socket's knotes say without an edge that epoll could
 * report: accept() leaves others waiting (READ-21), AF_UNIX wakes nobody on the
 * connecting side (WRITE-3), nothing tells of a new SO_RCVLOWAT (READ-1), and
 * that this side ended its sending (WRITE-4) cannot be asked for.
 *
 * Exported (libkqueue.map): accept accept4 connect setsockopt shutdown
 */
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include <sys/socket.h>
#include <sys/syscall.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "interpose.h"
#include "kqueue_var.h"

static _Atomic(int (*)(int, struct sockaddr *, socklen_t *)) next_accept;
static _Atomic(int (*)(int, struct sockaddr *, socklen_t *, int)) next_accept4;
static _Atomic(int (*)(int, const struct sockaddr *, socklen_t)) next_connect;
static _Atomic(int (*)(int, int, int, const void *, socklen_t)) next_setsockopt;
static _Atomic(int (*)(int, int)) next_shutdown;

__attribute__((__constructor__(101))) static void
socket_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(accept);
	RESOLVE(accept4);
	RESOLVE(connect);
	RESOLVE(setsockopt);
	RESOLVE(shutdown);
	errno = saved;
}

/*
 * Where there is no next function.  In functions of their own: a frame with an
 * object that is pointed to would leave its red zones in the stack of a
 * cancelled thread.
 */
__attribute__((__noinline__)) static int
socket_accept4(int fd, struct sockaddr *sa, socklen_t *lenp, int flags)
{
	return (CANCELABLE(SYS_accept4, fd, sa, lenp, flags));
}

__attribute__((__noinline__)) static int
socket_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return (CANCELABLE(SYS_connect, fd, sa, len));
}

/* To be told of it is worth a look only where a backlog is compared. */
static int
accepted(int fd, int ret)
{
	int saved;

	if (ret != -1 && KQ_UNLIKELY(kq_listening())) {
		saved = errno;
		kq_fdaccepted(fd);
		errno = saved;
	}
	return (ret);
}

int
accept(int fd, struct sockaddr *restrict sa, socklen_t *restrict lenp)
{
	int (*fn)(int, struct sockaddr *, socklen_t *);

	if (KQ_LIKELY((fn = NEXT(accept)) != NULL))
		return (accepted(fd, fn(fd, sa, lenp)));
	return (accepted(fd, socket_accept4(fd, sa, lenp, 0)));
}

int
accept4(int fd, struct sockaddr *restrict sa, socklen_t *restrict lenp,
    int flags)
{
	int (*fn)(int, struct sockaddr *, socklen_t *, int);

	if (KQ_LIKELY((fn = NEXT(accept4)) != NULL))
		return (accepted(fd, fn(fd, sa, lenp, flags)));
	return (accepted(fd, socket_accept4(fd, sa, lenp, flags)));
}

int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	int (*fn)(int, const struct sockaddr *, socklen_t);
	int ret, saved;

	if (KQ_LIKELY((fn = NEXT(connect)) != NULL))
		ret = fn(fd, sa, len);
	else
		ret = socket_connect(fd, sa, len);
	if (ret == 0 && KQ_UNLIKELY(kq_fdinteresting(fd))) {
		saved = errno;
		kq_fdconnected(fd);
		errno = saved;
	}
	return (ret);
}

int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int (*fn)(int, int, int, const void *, socklen_t);
	int ret;

	if (KQ_LIKELY((fn = NEXT(setsockopt)) != NULL))
		ret = fn(fd, level, name, value, len);
	else
		ret = (int)syscall(SYS_setsockopt, fd, level, name, value, len);
	/* Also for a number that is not watched: a dup may be. */
	if (ret == 0 && KQ_UNLIKELY(level == SOL_SOCKET && name == SO_RCVLOWAT))
		kq_fdsockopt();
	return (ret);
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
