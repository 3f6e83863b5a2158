/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files share that stand in front of libc's entry points.
 *
 * A definition here has libc's name and no symbol version (libkqueue.map), does
 * its part and calls the next definition of the name: libc's, or that of a
 * sanitizer between us, whose books stay right.  The next one is looked up by
 * the constructor, for dlsym() takes locks and a handler may call close().
 *
 * Not async-signal-safe, and not in the static archive: stdio.c.  There
 * nothing can be called next, for the archive of libc has one definition of
 * fclose(), and we would be in its place.
 */
#ifndef _KQ_INTERPOSE_H_
#define	_KQ_INTERPOSE_H_

#include <stdatomic.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/*
 * What of the program's calls reaches us; 0 if close() does not.  Not for
 * signal handlers.
 */
#define	KQI_CLOSE	1	/* close(), dup() and their family */
#define	KQI_STDIO	2	/* fclose() and the others of stdio.c */
int	kq_interposed(void);

/*
 * The definition of name behind ours, which is self; NULL where there is none
 * (a static program).  Not for signal handlers.
 */
void	*kq_next(const char *name, const void *self);

/*
 * Each file has an atomic next_NAME for the functions that it stands in front
 * of, which its constructor resolves; NULL: the system call.  Relaxed, for a
 * function's address brings nothing with it.
 */
#define	NEXT(name)	atomic_load_explicit(&next_##name, memory_order_relaxed)
#define	RESOLVE(name)							\
	atomic_store_explicit(&next_##name,				\
	    (__typeof__(NEXT(name)))kq_next(#name, (const void *)name),	\
	    memory_order_relaxed)
/*
 * For functions of which no system call can take the place: what the
 * constructor, which need not have run yet, did not find is looked up now.
 */
#define	FOUND(name)							\
	__extension__ ({						\
		if (__builtin_expect(NEXT(name) == NULL, 0))		\
			RESOLVE(name);					\
		NEXT(name);						\
	})

/*
 * The system call as a cancellation point, where there is no next function.
 * Wants <pthread.h>, <sys/syscall.h> and <unistd.h>.
 */
#define	CANCELABLE(...)							\
__extension__ ({							\
	int kq_type;							\
	long kq_ret;							\
									\
	(void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS,	\
	    &kq_type);							\
	kq_ret = syscall(__VA_ARGS__);					\
	(void)pthread_setcanceltype(kq_type, NULL);			\
	(int)kq_ret;							\
})

/*
 * close() for a number that the core has something to do with.  No cancellation
 * is acted upon in here.
 */
int	close_watched(int fd);

/* Defined where stdio.c is part of the build. */
extern const bool kq_stdio_present;

#pragma GCC visibility pop

#endif /* !_KQ_INTERPOSE_H_ */
