/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that leave errno alone and are no cancellation points.  libc's
 * wrappers of close, read, write ... are both, and some are interposed by us.
 */
#ifndef _KQ_LX_SYS_H_
#define	_KQ_LX_SYS_H_

#include <sys/syscall.h>

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* Run a system call: its result, or a negative errno. */
#define	LX_SYS(...)							\
__extension__ ({							\
	int lx_saved_ = errno;						\
	long lx_ret_ = syscall(__VA_ARGS__);				\
									\
	if (lx_ret_ == -1) {						\
		lx_ret_ = -errno;					\
		errno = lx_saved_;					\
	}								\
	lx_ret_;							\
})

/* The errno of a result, or 0. */
static inline int
lx_error(long ret)
{
	return (ret < 0 ? (int)-ret : 0);
}

#endif /* !_KQ_LX_SYS_H_ */
