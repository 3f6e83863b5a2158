/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect() and setsockopt(), which change what a socket's knotes say without
 * an edge that epoll could report: AF_UNIX wakes nobody on the connecting side
 * (WRITE-3), and nothing tells of a new SO_RCVLOWAT (READ-1).
 *
 * libkqueue.map names them in its list.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <stdatomic.h>
#include <unistd.h>

#include "interpose.h"
#include "kqueue_var.h"

/* The next definitions, NULL: the system call.  Written by the constructor. */
static _Atomic(int (*)(int, const struct sockaddr *, socklen_t)) next_connect;
static _Atomic(int (*)(int, int, int, const void *, socklen_t)) next_setsockopt;

__attribute__((__constructor__(101))) static void
socket_constructor(void)
{
	atomic_store(&next_connect,
	    (int (*)(int, const struct sockaddr *, socklen_t))kq_next("connect",
	    (const void *)connect));
	atomic_store(&next_setsockopt,
	    (int (*)(int, int, int, const void *, socklen_t))kq_next(
	    "setsockopt", (const void *)setsockopt));
}

int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	int (*fn)(int, const struct sockaddr *, socklen_t);
	int ret, saved;

	fn = atomic_load_explicit(&next_connect, memory_order_relaxed);
	if (KQ_LIKELY(fn != NULL))
		ret = fn(fd, sa, len);
	else
		ret = (int)syscall(SYS_connect, fd, sa, len);
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

	fn = atomic_load_explicit(&next_setsockopt, memory_order_relaxed);
	if (KQ_LIKELY(fn != NULL))
		ret = fn(fd, level, name, value, len);
	else
		ret = (int)syscall(SYS_setsockopt, fd, level, name, value, len);
	/* Also for a number that is not watched: a dup may be. */
	if (ret == 0 && KQ_UNLIKELY(level == SOL_SOCKET && name == SO_RCVLOWAT))
		kq_fdsockopt();
	return (ret);
}
