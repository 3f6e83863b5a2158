/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close(), and what the functions of its family have in common: dup() and its
 * like are in dup.c, close_range() and closefrom() in closefrom.c.
 *
 * On a BSD the kernel removes the knotes of a descriptor that is closed.  Linux
 * tells nobody, so we stand in front of libc's functions and tell the core
 * (kq_fdclosing() before, kq_fdclosed() after the real call).
 *
 *  - For a number that nobody watches the cost is kq_fdinteresting(), a look
 *    into a table.
 *  - All of it is async-signal-safe, as close() is: no lock is waited for, no
 *    memory allocated, no symbol looked up.
 *  - What is a cancellation point in libc is one here.  A cancellation is acted
 *    upon before the core is told, never between the two halves of a close: a
 *    watched number is either closed and forgotten, or neither.
 *  - The library's own descriptors are stepped over.  A program that closes all
 *    it finds is told EBADF for them, as if they did not exist.
 *  - A kqueue is close-on-exec under every number: its state dies at exec, and
 *    a spawned child must not have it.
 *
 * A vfork() child shares our memory but not our descriptors; the core knows
 * (it compares pids), says "not internal" and does nothing, so the child gets
 * what the kernel gives.
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/syscall.h>

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "kqueue_var.h"

/* Absent from a static program. */
#pragma weak dlsym

static _Atomic(int (*)(int)) next_close;
static _Atomic int interposed = -1;	/* KQI_*, or -1: not looked at */

/* A number that no program closes; and whether close() got it. */
#define	PROBE_FD	(INT_MIN + 0x6b71)
static _Atomic bool probe_seen;

/* stdio.c is not part of every build. */
#pragma weak kq_stdio_present

void *
kq_next(const char *name, const void *self)
{
	void *p;

	if (dlsym == NULL)
		return (NULL);
	/*
	 * Where we stand behind libc there is nothing next; then whoever calls
	 * us nevertheless (by dlopen() with RTLD_DEEPBIND) wants libc's.
	 */
	p = dlsym(RTLD_NEXT, name);
	if (p == NULL || p == self)
		p = dlsym(RTLD_DEFAULT, name);
	return (p == self ? NULL : p);
}

/*
 * Does the program's close() reach us?  Called through the name as the program
 * would, for what the name finds need not be ours: a sanitizer's definition
 * stands before ours and calls it.  The name is looked up from the program's
 * place: under RTLD_DEEPBIND, ours would find ourselves.
 */
static int
probe(void)
{
	int (*volatile fn)(int);
	void *(*open_program)(const char *, int);
	void *p, *program;
	int bits, saved;

	fn = close;
	/* A linker warns of static programs that name dlopen(). */
	open_program = dlsym == NULL ? NULL :
	    (void *(*)(const char *, int))dlsym(RTLD_DEFAULT, "dlopen");
	if (open_program != NULL &&
	    (program = open_program(NULL, RTLD_LAZY)) != NULL) {
		/* Not closed: the program's own handle counts nothing. */
		if ((p = dlsym(program, "close")) != NULL)
			fn = (int (*)(int))p;
	}
	saved = errno;
	(void)fn(PROBE_FD);		/* EBADF, from us or the kernel */
	errno = saved;
	bits = 0;
	if (atomic_load(&probe_seen))
		bits = KQI_CLOSE;
	if (bits != 0 && &kq_stdio_present != NULL && dlsym != NULL &&
	    dlsym(RTLD_NEXT, "fclose") != NULL)
		bits |= KQI_STDIO;
	return (bits);
}

/* Idempotent; early, for other constructors may call us. */
__attribute__((__constructor__(101))) static void
close_constructor(void)
{
	int saved;

	if (atomic_load(&interposed) != -1)
		return;
	saved = errno;
	RESOLVE(close);
	atomic_store(&interposed, probe());
	errno = saved;
}

int
kq_interposed(void)
{
	if (KQ_UNLIKELY(atomic_load_explicit(&interposed,
	    memory_order_relaxed) == -1))
		close_constructor();
	return (atomic_load_explicit(&interposed, memory_order_relaxed));
}

/*
 * In a static program, and before the constructor ran, the system call; it is
 * made a cancellation point by hand.
 */
static int
real_close(int fd)
{
	int (*fn)(int);

	if (KQ_LIKELY((fn = NEXT(close)) != NULL))
		return (fn(fd));
	pthread_testcancel();
	return ((int)syscall(SYS_close, fd));
}

__attribute__((__noinline__)) int
close_watched(int fd)
{
	int ret, saved, state;

	if (kq_fdinternal(fd)) {
		errno = EBADF;
		return (-1);
	}
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	kq_fdclosing(fd);
	ret = real_close(fd);
	saved = errno;
	kq_fdclosed(fd);
	(void)pthread_setcancelstate(state, NULL);
	errno = saved;
	return (ret);
}

int
close(int fd)
{
	if (KQ_UNLIKELY(kq_fdinteresting(fd))) {
		pthread_testcancel();
		return (close_watched(fd));
	}
	if (KQ_UNLIKELY(fd == PROBE_FD)) {
		atomic_store(&probe_seen, true);
		errno = EBADF;
		return (-1);
	}
	return (real_close(fd));
}
