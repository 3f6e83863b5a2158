/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that leave errno alone and are no cancellation points, as
 * libc's wrappers of close, read, write ... are; some of these lead to ours.
 */
#ifndef _KQ_LX_SYS_H_
#define	_KQ_LX_SYS_H_

#include <sys/syscall.h>

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/*
 * Run a system call: its result, or a negative errno.  Where the instruction is
 * known it is used: that is a tenth of the work of libc's syscall().  It is
 * always inline, for a child that shares our stack (lx_orphanrun()) would
 * return from a function to whose frame the parent still has to come back.
 */
#if defined(__x86_64__) && defined(__LP64__)
#define	LX_INLINE
static inline __attribute__((__always_inline__)) long
lx_sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ __volatile__("syscall" : "=a" (ret) : "a" (n), "D" (a),
	    "S" (b), "d" (c), "r" (r10), "r" (r8), "r" (r9) :
	    "rcx", "r11", "memory");
	return (ret);
}
#elif defined(__aarch64__) && defined(__LP64__)
#define	LX_INLINE
static inline __attribute__((__always_inline__)) long
lx_sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ __volatile__("svc 0" : "+r" (x0) : "r" (x8), "r" (x1),
	    "r" (x2), "r" (x3), "r" (x4), "r" (x5) : "memory");
	return (x0);
}
#else
static inline long
lx_sys6(long n, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long ret = syscall(n, a, b, c, d, e, f);

	if (ret == -1) {
		ret = -errno;
		errno = saved;
	}
	return (ret);
}
#endif

/* The build whose calls can be made to fail (test/fault.c). */
#ifdef KQ_FAULTS
__attribute__((__visibility__("hidden")))
long	lx_fault(long n, long a, long b, long c, long d, long e, long f);
#define	LX_RUN	lx_fault
#else
#define	LX_RUN	lx_sys6
#endif

#define	LX_SYS(...)	LX_SYS_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define	LX_SYS_(n, a, b, c, d, e, f, ...)				\
	LX_RUN((long)(n), (long)(a), (long)(b), (long)(c), (long)(d),	\
	    (long)(e), (long)(f))

/* The errno of a result, or 0. */
static inline int
lx_error(long ret)
{
	return (ret < 0 ? (int)-ret : 0);
}

/*
 * The answer to a call that makes a descriptor: that or -1, and the errno.
 * ENODEV: there is no inode for it, which is as good as no memory.
 */
static inline int
lx_newfd(long ret, int *fdp)
{
	*fdp = ret < 0 ? -1 : (int)ret;
	return (ret == -ENODEV ? ENOMEM : lx_error(ret));
}

#endif /* !_KQ_LX_SYS_H_ */
