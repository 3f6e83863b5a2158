/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of stdio and of directories that close a descriptor.
 *
 * Inside libc they do not call close() by its name, so they are told apart
 * here.  freopen() is the wickedest: it puts the new file under the number of
 * the old one with dup3(), and a kqueue that watched the old one never learns.
 *
 * Not for the static archive; see interpose.h.  None is async-signal-safe, so
 * what the constructor did not find yet may be looked up at the call.
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>

#include "kqueue_var.h"

#undef freopen64			/* musl before 1.2.4 */

/* Not in every libc; see closefrom.c on the weak ones. */
int	fcloseall(void) __attribute__((__weak__));
FILE	*freopen64(const char *__restrict, const char *__restrict,
	    FILE *__restrict);

/* close.c looks whether we are here. */
const bool kq_stdio_present = true;

static _Atomic(int (*)(FILE *)) next_fclose;
static _Atomic(int (*)(void)) next_fcloseall;
static _Atomic(FILE *(*)(const char *, const char *, FILE *)) next_freopen;
static _Atomic(FILE *(*)(const char *, const char *, FILE *)) next_freopen64;
static _Atomic(int (*)(DIR *)) next_closedir;
static _Atomic(int (*)(FILE *)) next_pclose;

__attribute__((__constructor__(101))) static void
stdio_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(fclose);
	RESOLVE(fcloseall);
	RESOLVE(freopen);
	RESOLVE(freopen64);
	RESOLVE(closedir);
	RESOLVE(pclose);
	errno = saved;
}

/* The descriptor of a stream if the core has to do with it, or -1. */
static int
stream_fd(FILE *fp)
{
	int fd, saved;

	/* A stream without a descriptor is no error of the caller's. */
	saved = errno;
	fd = fileno(fp);
	errno = saved;
	if (KQ_LIKELY(fd < 0 || !kq_fdinteresting(fd)))
		return (-1);
	/* Not the program's, whatever it made a stream of. */
	return (kq_fdinternal(fd) ? -1 : fd);
}

/*
 * The second half of a close; also if the thread is cancelled in the first,
 * where libc waits for a full pipe or a child.
 */
static void
closed(void *arg)
{
	int saved;

	saved = errno;
	kq_fdclosed(*(const int *)arg);
	errno = saved;
}

static int
close_stream(int (*next)(FILE *), FILE *fp)
{
	volatile int ret;
	int fd;

	if (KQ_LIKELY((fd = stream_fd(fp)) == -1))
		return (next(fp));
	kq_fdclosing(fd);
	pthread_cleanup_push(closed, &fd);
	ret = next(fp);
	pthread_cleanup_pop(1);
	return (ret);
}

int
fclose(FILE *fp)
{
	return (close_stream(FOUND(fclose), fp));
}

int
pclose(FILE *fp)
{
	return (close_stream(FOUND(pclose), fp));
}

static FILE *
reopen(FILE *(*next)(const char *, const char *, FILE *), const char *path,
    const char *mode, FILE *fp)
{
	FILE *volatile ret;
	int fd;

#ifndef __GLIBC__
	/* musl sets the flags of what is open; glibc opens it again. */
	if (path == NULL)
		return (next(path, mode, fp));
#endif
	/* Even if it fails, the old file is closed. */
	if (KQ_LIKELY((fd = stream_fd(fp)) == -1))
		return (next(path, mode, fp));
	kq_fdclosing(fd);
	pthread_cleanup_push(closed, &fd);
	ret = next(path, mode, fp);
	pthread_cleanup_pop(1);
	return (ret);
}

FILE *
freopen(const char *__restrict path, const char *__restrict mode,
    FILE *__restrict fp)
{
	return (reopen(FOUND(freopen), path, mode, fp));
}

FILE *
freopen64(const char *__restrict path, const char *__restrict mode,
    FILE *__restrict fp)
{
	FILE *(*next)(const char *, const char *, FILE *);

	/* A libc without the 64-bit name has 64 bits under the plain one. */
	if ((next = FOUND(freopen64)) == NULL)
		next = FOUND(freopen);
	return (reopen(next, path, mode, fp));
}

int
closedir(DIR *dir)
{
	/* The headers say that it is not NULL, glibc answers EINVAL. */
	DIR *volatile given = dir;
	volatile int ret;
	int fd;

	if (given == NULL || KQ_LIKELY(!kq_fdinteresting(fd = dirfd(dir))) ||
	    kq_fdinternal(fd))
		return (FOUND(closedir)(given));
	kq_fdclosing(fd);
	pthread_cleanup_push(closed, &fd);
	ret = FOUND(closedir)(dir);
	pthread_cleanup_pop(1);
	return (ret);
}

/*
 * glibc's flushes all streams and makes them unbuffered, but leaves their
 * descriptors open, so there is nothing to forget: the knotes live on.
 */
int
fcloseall(void)
{
	int (*next)(void);

	if ((next = FOUND(fcloseall)) != NULL)
		return (next());
	return (fflush(NULL));
}
