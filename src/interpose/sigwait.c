/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting with another mask, or for a signal.
 *
 * What the wait unblocks must not be taken from a signalfd meanwhile, and what
 * was taken has to come back before (sig_opening(), sig_closing()).  What is
 * forced stays blocked: it is ignored, and would end no wait.
 *
 * Exported (libkqueue.map): sigwait sigwaitinfo sigtimedwait sigsuspend ppoll
 * pselect epoll_pwait signalfd
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _FORTIFY_SOURCE
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "lx.h"
#include "sigstate.h"

/* Beside epoll_wait() in musl's archive, which a program may need. */
#pragma weak epoll_pwait

static _Atomic(int (*)(const sigset_t *, siginfo_t *, const struct timespec *))
    next_sigtimedwait;
static _Atomic(int (*)(const sigset_t *)) next_sigsuspend;
static _Atomic(int (*)(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *)) next_ppoll;
static _Atomic(int (*)(int, fd_set *, fd_set *, fd_set *,
    const struct timespec *, const sigset_t *)) next_pselect;
static _Atomic(int (*)(int, struct epoll_event *, int, int,
    const sigset_t *)) next_epoll_pwait;
static _Atomic(int (*)(int, const sigset_t *, int)) next_signalfd;

__attribute__((__constructor__(101))) static void
sigwait_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(sigtimedwait);
	RESOLVE(sigsuspend);
	RESOLVE(ppoll);
	RESOLVE(pselect);
	RESOLVE(epoll_pwait);
	RESOLVE(signalfd);
	errno = saved;
}

/* A wait with another mask. */
struct temporary {
	uint64_t	t_bits;		/* for sig_closing() */
	uint64_t	t_program;	/* the mask to come back to */
	sigset_t	t_copy;
};

static void
temporary_end(const struct temporary *t)
{
	sig_closing(t->t_bits, 0);
}

/*
 * What was queued again for a thread that was cancelled before it had it is
 * lost with the thread, and does not arrive any more.  It may even have been
 * delivered: below the cancellation, in a frame that is never returned to.
 */
static void
sigwait_lost(uint64_t bits)
{
	int sig;

	bits &= sig_thr.given;
	for (sig = 1; bits != 0 && sig <= LX_NSIG; sig++) {
		if ((bits & BIT(sig)) != 0)
			(void)sig_arrived(sig);
	}
}

/*
 * Cleanup handlers of an asynchronous cancellation: musl has the thread go on
 * in them from whatever instruction it was at, with the stack as it was there,
 * which need not be aligned as the compiler expects of a function's.
 */
#if defined(__x86_64__) || defined(__i386__)
#define	ASYNC_CLEANUP	__attribute__((__force_align_arg_pointer__))
#else
#define	ASYNC_CLEANUP
#endif

/*
 * A cancelled thread does not return from the handler that interrupted the
 * system call: it would end with the mask of the wait, and be taken for one
 * that does not block the signals.
 */
ASYNC_CLEANUP static void
temporary_cancelled(void *arg)
{
	struct temporary *t = arg;
	sigset_t set;

	lx_sigset_put(t->t_program, &set);
	(void)sig_domask(SIG_SETMASK, &set, NULL);
	temporary_end(t);
	sigwait_lost(t->t_bits);
}

/* The mask for the kernel in place of mask, in t_copy where it differs. */
static const sigset_t *
temporary(const sigset_t *mask, struct temporary *t)
{
	uint64_t f, k, m, watched;

	t->t_bits = 0;
	watched = atomic_load(&sig_watched);
	if (KQ_LIKELY(watched == 0) || mask == NULL || !sig_ours())
		return (mask);
	m = lx_sigset(mask);
	f = atomic_load(&sig_forced);
	if ((watched & ~m & ~f) != 0) {
		lx_sigmask_get(&k);
		if ((t->t_bits = watched & ~m & ~f & k) != 0) {
			lx_sigmask(ALL, &k);
			t->t_program = sig_programmask(k, f);
			lx_sigmask(k, NULL);
			sig_opening(t->t_bits, true, false);
		}
	}
	t->t_copy = *mask;
	lx_sigset_put(f == 0 ? m : (m | f) & ~atomic_load(&sig_rtbit),
	    &t->t_copy);
	return (&t->t_copy);
}

#define	TEMPORARILY(ret, mask, call)					\
do {									\
	struct temporary kq_t;						\
	const sigset_t *volatile kq_mask = temporary(mask, &kq_t);	\
									\
	if (KQ_LIKELY(kq_t.t_bits == 0)) {				\
		ret = call;						\
	} else {							\
		pthread_cleanup_push(temporary_cancelled, &kq_t);	\
		ret = call;						\
		pthread_cleanup_pop(0);					\
		temporary_end(&kq_t);					\
	}								\
} while (0)

int
sigsuspend(const sigset_t *mask)
{
	int ret;

	TEMPORARILY(ret, mask, NEXT(sigsuspend) != NULL ?
	    NEXT(sigsuspend)(kq_mask) :
	    CANCELABLE(SYS_rt_sigsuspend, kq_mask, sizeof(uint64_t)));
	return (ret);
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts,
    const sigset_t *mask)
{
	struct timespec copy;
	int ret;

	if (ts != NULL)
		copy = *ts;	/* the system call writes what is left */
	TEMPORARILY(ret, mask, NEXT(ppoll) != NULL ?
	    NEXT(ppoll)(fds, n, ts, kq_mask) :
	    CANCELABLE(SYS_ppoll, fds, n, ts == NULL ? NULL : &copy,
	    kq_mask, sizeof(uint64_t)));
	return (ret);
}

int
pselect(int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict e,
    const struct timespec *restrict ts, const sigset_t *restrict mask)
{
	struct { const sigset_t *set; size_t len; } arg;
	struct timespec copy;
	int ret;

	if (ts != NULL)
		copy = *ts;
	TEMPORARILY(ret, mask, NEXT(pselect) != NULL ?
	    NEXT(pselect)(n, r, w, e, ts, kq_mask) :
	    (arg.set = kq_mask, arg.len = sizeof(uint64_t),
	    CANCELABLE(SYS_pselect6, n, r, w, e, ts == NULL ? NULL : &copy,
	    &arg)));
	return (ret);
}

int
epoll_pwait(int epfd, struct epoll_event *ev, int max, int ms,
    const sigset_t *mask)
{
	int ret;

	TEMPORARILY(ret, mask, NEXT(epoll_pwait) != NULL ?
	    NEXT(epoll_pwait)(epfd, ev, max, ms, kq_mask) :
	    CANCELABLE(SYS_epoll_pwait, epfd, ev, max, ms, kq_mask,
	    sizeof(uint64_t)));
	return (ret);
}

/* After a wait for set, with what sig_opening() was told before. */
__attribute__((__noinline__)) static int
sigwaited(int ret, uint64_t bits, const sigset_t *set)
{
	uint64_t late;
	int saved;

	/* It may be watched since we began to wait. */
	late = atomic_load(&sig_watched) & lx_sigset(set);
	if (KQ_LIKELY((bits | late) == 0) || !sig_ours())
		return (ret);
	saved = errno;
	if (ret > 0 && ((bits | late) & BIT(ret)) != 0 && sig_arrived(ret))
		sigsink_ring(BIT(ret), NULL);
	sig_closing(bits, late);
	errno = saved;
	return (ret);
}

ASYNC_CLEANUP static void
sigwait_cancelled(void *arg)
{
	uint64_t bits = *(uint64_t *)arg;

	sig_closing(bits, 0);
	sigwait_lost(bits);
}

/* Without the broadcasts, which a set of all signals has in it. */
static int
sigwait_wait(const sigset_t *set, siginfo_t *si, const struct timespec *ts)
{
	struct timespec left;
	siginfo_t local;
	int64_t deadline;
	int ret;

	if (si == NULL)
		si = &local;
	deadline = ts != NULL && atomic_load(&sig_forced) != 0 ?
	    lx_deadline(ts) : 0;
	while ((ret = NEXT(sigtimedwait) != NULL ?
	    NEXT(sigtimedwait)(set, si, ts) : CANCELABLE(SYS_rt_sigtimedwait,
	    set, si, ts, sizeof(uint64_t))) > 0 && sig_rttaken(ret, si)) {
		if (deadline == 0)
			continue;
		if (!lx_timeleft(deadline, &left))
			left.tv_sec = 0;
		ts = &left;
	}
	return (ret);
}

int
sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict si,
    const struct timespec *restrict ts)
{
	uint64_t bits;
	int ret;

	bits = KQ_LIKELY(atomic_load(&sig_watched) == 0) ? 0 :
	    lx_sigset(set) & atomic_load(&sig_watched);
	if (bits != 0 && !sig_ours())
		bits = 0;
	if (bits != 0)
		sig_opening(bits, true, true);
	pthread_cleanup_push(sigwait_cancelled, &bits);
	ret = sigwait_wait(set, si, ts);
	pthread_cleanup_pop(0);
	return (sigwaited(ret, bits, set));
}

int
sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict si)
{
	return (sigtimedwait(set, si, NULL));
}

int
sigwait(const sigset_t *restrict set, int *restrict sigp)
{
	siginfo_t si;
	int ret, saved;

	saved = errno;
	do {
		ret = sigtimedwait(set, &si, NULL);
	} while (ret == -1 && errno == EINTR);
	if (ret == -1) {
		ret = errno;
		errno = saved;
		return (ret);
	}
	errno = saved;
	*sigp = ret;
	return (0);
}

/* What the program reads by itself is not read by us any more. */
int
signalfd(int fd, const sigset_t *set, int flags)
{
	uint64_t bits, mine, old;
	int ret, saved;

	bits = lx_sigset(set);
	if (NEXT(signalfd) != NULL)
		ret = NEXT(signalfd)(fd, set, flags);
	else
		ret = (int)syscall(SYS_signalfd4, fd, &bits, sizeof(bits),
		    flags);
	if (ret == -1 || (sig_pid != 0 && !sig_ours()))
		return (ret);
	saved = errno;
	siglock(&mine);
	old = sig_progfdadd(ret, bits);
	if (((bits | old) & atomic_load(&sig_watched)) != 0) {
		sig_readeval(bits | old, mine);
		owed_giveback(bits, true);
	}
	sigunlock(mine);
	errno = saved;
	return (ret);
}
