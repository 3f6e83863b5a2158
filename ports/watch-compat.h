/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FreeBSD's fdclosedir(), which glibc lacks: frees a DIR and leaves its
 * descriptor open.  The DIR gets a duplicate for that, as @parcel/watcher
 * does by itself on macOS.
 */
#include <sys/types.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

static inline DIR *
compat_fdopendir(int fd)
{
	DIR *dir;
	int copy;

	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		return (NULL);
	if ((dir = fdopendir(copy)) == NULL)
		(void)close(copy);
	return (dir);
}

#define	fdopendir(fd)	compat_fdopendir(fd)
#define	fdclosedir(dir)	closedir(dir)
