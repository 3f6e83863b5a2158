/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switches of libkqueue-faults.a, a build of the library whose system
 * calls and allocations can be made to fail (fault.c).
 */
#ifndef _KQ_FAULT_H_
#define	_KQ_FAULT_H_

#include <stdbool.h>

/* Which points count (kq_fault_arm()). */
#define	KQ_FAULT_SYS	1u	/* system calls */
#define	KQ_FAULT_ALLOC	2u	/* arena_alloc() and arena_grow() */

/* What a kernel does not have (kq_fault_absent()). */
#define	KQ_NO_PIDFD_INFO	0x0001u	/* ioctl of pidfds, Linux 6.13 */
#define	KQ_NO_EPOLL_PWAIT2	0x0002u	/* 5.11 */
#define	KQ_NO_DUPFD_QUERY	0x0004u	/* 6.10 */
#define	KQ_NO_CLOSE_RANGE	0x0008u	/* 5.9 */
#define	KQ_NO_STATX		0x0010u	/* 4.11 */
#define	KQ_NO_KCMP		0x0020u	/* CONFIG_KCMP */
#define	KQ_NO_LISTMOUNT		0x0040u	/* 6.8 */
#define	KQ_NO_WIPEONFORK	0x0080u	/* 4.14 */
#define	KQ_NO_PIDFD_OPEN	0x0100u	/* 5.3 */
#define	KQ_NO_PROC_CHILDREN	0x0200u	/* CONFIG_PROC_CHILDREN */
#define	KQ_NO_ALL		0x03ffu

/*
 * The checks of a child of such a test: a line on stderr, which Kyua shows.
 * Wants <stdio.h> and <unistd.h>.
 */
#define	CHECK(cond, ...)						\
do {									\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);		\
		fprintf(stderr, __VA_ARGS__);				\
		fprintf(stderr, "\n");					\
		_exit(1);						\
	}								\
} while (0)

struct kq_fault {
	unsigned long	kf_count;	/* points passed since it was armed */
	bool		kf_fired;	/* the call was made to fail */
	bool		kf_nomore;	/* the call has no such errno: it ran */
	long		kf_nr;		/* SYS_*, or -1: an allocation */
	int		kf_error;
};

/*
 * Of this thread's points, have the nth fail, once, with the errno number
 * which of those that the kernel can give there, from 0.  nth 0: just count.
 */
void	kq_fault_arm(unsigned what, unsigned long nth, int which);
/* Stop counting, and go on. */
void	kq_fault_pause(void);
void	kq_fault_resume(void);
/* What has happened so far. */
const struct kq_fault *kq_fault_state(void);
/* KQ_NO_*: for the whole process. */
void	kq_fault_absent(unsigned what);
/* Calls that were answered so. */
unsigned long kq_fault_absences(void);
/*
 * Have a signal interrupt this thread at its nth point from now, from 1: where
 * the library calls the kernel, allocates, or releases a lock.  0: do not.
 */
void	kq_fault_interrupt(unsigned long nth, int sig);
/*
 * Another kernel: this thread's calls of src/linux are offered to answer()
 * first, and true says that it has answered, with *retp: a result, or a negative
 * errno.  NULL: ask the kernel at hand again.
 */
void	kq_fault_kernel(bool (*answer)(long nr, const long arg[6], long *retp));
/* Called once, just before the next wait that may sleep. */
void	kq_fault_beforewait(void (*)(void));
/* Delay every thread at random at calls and locks; 0: do not. */
void	kq_fault_delay(unsigned seed);

#endif /* !_KQ_FAULT_H_ */
