/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmap(2) and MADV_WIPEONFORK (Linux 4.14).
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/mman.h>

#include "lx_sys.h"

#ifndef MADV_WIPEONFORK
#define	MADV_WIPEONFORK	18
#endif

int
lx_map(size_t len, bool wipe, void **pp)
{
	void *p;
	int error, saved;

	*pp = NULL;
	saved = errno;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		errno = saved;
		return (ENOMEM);
	}
	if (wipe) {
		error = lx_error(LX_SYS(SYS_madvise, p, len, MADV_WIPEONFORK));
		/*
		 * EINVAL: an emulator or a kernel before 4.14.  fork() still
		 * runs the handler that forgets all.
		 */
		if (error != 0 && error != EINVAL && error != ENOSYS) {
			lx_unmap(p, len);
			return (ENOMEM);
		}
	}
	*pp = p;
	return (0);
}

void
lx_unmap(void *p, size_t len)
{
	(void)LX_SYS(SYS_munmap, p, len);
}

size_t
lx_pagesize(void)
{
	static size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return (size);
}

int
lx_getpid(void)
{
	return ((int)LX_SYS(SYS_getpid));
}
