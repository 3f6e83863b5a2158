/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close_range() and closefrom().
 *
 * The library's own descriptors are stepped over, the watched ones closed one
 * by one, and the kernel closes what is between.  The rules of close.c are
 * those of this file.
 *
 * Exported (libkqueue.map): close_range closefrom
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "kqueue_var.h"

#ifndef CLOSE_RANGE_UNSHARE
#define	CLOSE_RANGE_UNSHARE	(1u << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define	CLOSE_RANGE_CLOEXEC	(1u << 2)
#endif
#ifndef SYS_close_range
#define	SYS_close_range		436
#endif

/* Numbers from here on cannot be in the core's table. */
#define	FDTAB_MAX	(1u << 30)
#define	FDTAB_MASK	0xffffu		/* it comes in blocks of 65536 */

/*
 * Not in libc's headers, not in every libc, or declared under a condition.
 * Weak, since a program may have brought them along for want of libc's: in a
 * static program the two would collide.
 */
int	close_range(unsigned int, unsigned int, int) __attribute__((__weak__));
void	closefrom(int) __attribute__((__weak__));

static _Atomic(int (*)(unsigned int, unsigned int, int)) next_close_range;
static _Atomic(void (*)(int)) next_closefrom;

__attribute__((__constructor__(101))) static void
closefrom_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(close_range);
	RESOLVE(closefrom);
	errno = saved;
}

static int
real_close_range(unsigned int first, unsigned int last, int flags)
{
	int (*fn)(unsigned int, unsigned int, int);

	if (KQ_LIKELY((fn = NEXT(close_range)) != NULL))
		return (fn(first, last, flags));
	return ((int)syscall(SYS_close_range, first, last, flags));
}

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
