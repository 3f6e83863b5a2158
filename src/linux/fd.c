/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors in general.
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/resource.h>
#include <sys/types.h>

#include <fcntl.h>
#include <linux/kcmp.h>

#include "lx_sys.h"

#ifndef F_DUPFD_QUERY
#define	F_DUPFD_QUERY	(1024 + 3)	/* Linux 6.10 */
#endif

void
lx_close(int fd)
{
	/* An error leaves the number closed all the same. */
	(void)LX_SYS(SYS_close, fd);
}

/*
 * From 1024 on select() cannot use a number, so nobody misses it; where the
 * limit is lower, its upper quarter is taken.  Much higher numbers would make
 * the kernel grow the table, and every fork() copy it.
 */
static long
lx_fd_base(void)
{
	uint64_t limit[2];		/* struct rlimit64 */

	if (LX_SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit) == 0 &&
	    limit[0] < 1280)
		return ((long)(limit[0] - limit[0] / 4));
	return (1024);
}

int
lx_fd_dup(int fd, int *newfdp)
{
	long ret;

	ret = LX_SYS(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lx_fd_base());
	*newfdp = ret < 0 ? -1 : (int)ret;
	return (lx_error(ret));
}

void
lx_fd_high(int *fdp)
{
	int fd;

	if (*fdp >= lx_fd_base() || lx_fd_dup(*fdp, &fd) != 0)
		return;
	lx_close(*fdp);
	*fdp = fd;
}

/*
 * The signal of F_SETSIG is kept per open file and has no effect without
 * O_ASYNC, which epoll and its like do not support.  61 is a real-time signal
 * that nobody would choose here.
 */
#define	LX_TAG	61

void
lx_fd_tag(int fd)
{
	(void)LX_SYS(SYS_fcntl, fd, F_SETSIG, LX_TAG);
}

bool
lx_fd_istagged(int fd)
{
	return (LX_SYS(SYS_fcntl, fd, F_GETSIG) == LX_TAG);
}

bool
lx_fd_isopen(int fd)
{
	return (LX_SYS(SYS_fcntl, fd, F_GETFD) >= 0);
}

bool
lx_fd_same(int fd1, int fd2)
{
	long ret, pid;

	ret = LX_SYS(SYS_fcntl, fd1, F_DUPFD_QUERY, fd2);
	if (ret >= 0)
		return (ret == 1);
	pid = LX_SYS(SYS_getpid);
	return (LX_SYS(SYS_kcmp, pid, pid, KCMP_FILE, fd1, fd2) == 0);
}

int
lx_write(int fd, const void *buf, size_t len)
{
	long ret;

	ret = LX_SYS(SYS_write, fd, buf, len);
	if (ret < 0)
		return ((int)-ret);
	return ((size_t)ret == len ? 0 : EIO);
}

int
lx_read(int fd, void *buf, size_t len, size_t *lenp)
{
	long ret;

	ret = LX_SYS(SYS_read, fd, buf, len);
	*lenp = ret < 0 ? 0 : (size_t)ret;
	return (lx_error(ret));
}
