/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventfd(2) as a bell: every write is a fresh edge for an EPOLLET entry,
 * whether or not the last one was read, and 2^64 rings do not overflow it.
 */
#include "lx.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

#include "lx_sys.h"

int
lx_eventfd(int *fdp)
{
	return (lx_newfd(LX_SYS(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK),
	    fdp));
}

int
lx_eventfd_beyond(int *fdp)
{
	uint64_t limit[2], more[2];	/* struct rlimit64 */
	int error;

	if ((error = lx_eventfd(fdp)) != EMFILE || LX_SYS(SYS_prlimit64, 0,
	    RLIMIT_NOFILE, NULL, limit) != 0 || limit[0] >= limit[1])
		return (error);
	/* For a moment, other threads have one more too. */
	more[0] = limit[0] + 8 < limit[1] ? limit[0] + 8 : limit[1];
	more[1] = limit[1];
	if (LX_SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, more, NULL) != 0)
		return (error);
	error = lx_eventfd(fdp);
	(void)LX_SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
	return (error);
}

void
lx_eventfd_ring(int fd)
{
	static const uint64_t one = 1;

	/* Fails only where the program closed our descriptor. */
	(void)lx_write(fd, &one, sizeof(one));
}

void
lx_eventfd_drain(int fd)
{
	uint64_t n;
	size_t len;

	/* EAGAIN: it was empty, as wanted. */
	(void)lx_read(fd, &n, sizeof(n), &len);
}
