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
void
lx_fd_high(int *fdp)
{
	struct rlimit rl;
	long fd, base;

	base = 1024;
	if (LX_SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &rl) == 0 &&
	    sizeof(rl.rlim_cur) == 8 && rl.rlim_cur < 1280)
		base = (long)(rl.rlim_cur - rl.rlim_cur / 4);
	if (*fdp >= base)
		return;
	if ((fd = LX_SYS(SYS_fcntl, *fdp, F_DUPFD_CLOEXEC, base)) < 0)
		return;
	lx_close(*fdp);
	*fdp = (int)fd;
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

	if (fd1 == fd2)
		return (true);
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
