/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signals of this process: counted for EVFILT_SIGNAL, and still the
 * program's.
 *
 * What BSD does in the kernel, seeing each signal without taking part in its
 * fate, is done here by what the program has made of the signal:
 *
 *  caught	The kernel has our counting handler, which calls the program's.
 *		Flags and mask are the program's, so SA_RESTART, EINTR, SA_ONSTACK
 *		... are as without us.
 *  ignored	(SIG_IGN, or SIG_DFL where that means so.)  No handler may be
 *		had, for it would make poll() fail with EINTR.  The signal is
 *		blocked in every thread ("forced"), so that the kernel queues it,
 *		and read from a signalfd.
 *  blocked	By the program, in every thread.  Read from a signalfd too, so
 *		that the next one is not merged with it; and kept ("owed").
 *		Before anybody unblocks it, waits for it or opens a signalfd of
 *		his own for it, it is queued again, and not counted again.
 *  else	It is fatal or stops the process: left alone.
 *
 * A watched SIGCHLD that is set to SIG_IGN would not be sent at all.  The
 * kernel then has SIG_DFL with SA_NOCLDWAIT: sent, and nobody becomes a zombie.
 *
 * The program must not see any of this.  Whatever reads or sets a disposition
 * or a mask is therefore interposed, and answers from sig_disp and thr.
 *
 * Forcing reaches the threads that exist by a real-time signal (sig_rt) whose
 * handler edits the mask that it returns to; new threads inherit theirs.  The
 * program cannot block sig_rt meanwhile (thr.hidden is what it believes).
 *
 * Locks: siglock() is taken with all signals blocked, since sigaction() may be
 * called by a handler, and is the innermost lock but the arena's.  Waiting for
 * it is done with the thread's own mask, so that broadcasts get through.
 * The counting handler and the collection take no lock.
 *
 * Exported (libkqueue.map): sigaction signal bsd_signal ssignal sysv_signal
 * __sysv_signal sigset sighold sigrelse sigignore siginterrupt sigprocmask
 * pthread_sigmask sigblock sigsetmask siggetmask sigpending sigwait
 * sigwaitinfo sigtimedwait sigsuspend ppoll pselect epoll_pwait signalfd
 * raise kill killpg sigqueue pthread_kill
 *
 * In the static archive too; there the system calls take libc's place.
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
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "kqueue_var.h"
#include "lx_proc.h"

#define	BIT(sig)	LX_SIGBIT(sig)
#define	ALL		(~(uint64_t)0)

/* Declared by no header, or under a condition. */
typedef void (*handler_t)(int);
handler_t bsd_signal(int, handler_t);
handler_t ssignal(int, handler_t);
handler_t sysv_signal(int, handler_t);
handler_t __sysv_signal(int, handler_t);
int	sigblock(int);
int	sigsetmask(int);
int	siggetmask(void);

/*
 * Of these a program may have a definition of its own; see closefrom.c.
 */
#pragma weak bsd_signal
#pragma weak ssignal
#pragma weak sysv_signal
#pragma weak sigblock
#pragma weak sigsetmask
#pragma weak siggetmask
#pragma weak sigset
#pragma weak sighold
#pragma weak sigrelse
#pragma weak sigignore
/* Strong in libc.a, where it may have been linked before us. */
#pragma weak raise
/* Beside epoll_wait() in musl's, which a program may need. */
#pragma weak epoll_pwait
#pragma weak siginterrupt

/* What the program believes of a watched signal. */
struct disp {
	_Atomic(uintptr_t) d_handler;	/* also taken back by SA_RESETHAND */
	_Atomic int	d_flags;
	uint64_t	d_mask;		/* [siglock] */
	bool		d_changed;	/* [siglock] the kernel has another */
};

/* A consumed signal that is still the program's. */
struct owed {
	_Atomic int	o_state;	/* 0 free, 1 being filled, 2 full */
	uint32_t	o_seq;
	siginfo_t	o_info;
};
#define	NOWED	96

struct sigsink {
	struct sigsink	*ss_next;	/* constant once it can be found */
	_Atomic uint64_t ss_ring;
	_Atomic uint32_t ss_users;	/* ringing just now; SINK_CLOSING */
	_Atomic int	ss_bell;	/* descriptor + 1 */
	bool		ss_used;	/* [siglock] */
	_Atomic int	ss_sfd;		/* descriptor + 1 [written: siglock] */
	uint64_t	ss_read;	/* [siglock] */
	uint64_t	ss_installed;	/* [siglock] */
};
#define	SINK_CLOSING	0x80000000u

static bool	sig_constructed;	/* by the constructor, once */
static _Atomic uint32_t sig_word;	/* siglock */
static _Atomic int sig_pid;	/* [a, set under siglock] whose all this is */
static _Atomic uint64_t sig_watched;
static _Atomic uint64_t sig_forced;
static _Atomic uint64_t sig_read;	/* may be taken from a signalfd */
static _Atomic uint64_t sig_ignored;	/* watched, and ignored */
static _Atomic uint64_t sig_progfd;	/* in a signalfd of the program */
/* The program's signalfds; what finds no place counts as open for ever. */
#define	NPROGFD	16
static struct progfd {
	int		 pf_fd;		/* [siglock] + 1; 0: free */
	uint64_t	 pf_bits;	/* [siglock] */
} sig_progfds[NPROGFD];
static uint64_t	sig_progever;		/* [siglock] those without a place */
static _Atomic uint32_t sig_epoch;	/* counts sig_forced leaving 0 */
static int	sig_refs[LX_NSIG + 1];	/* [siglock] */
static int	sig_open[LX_NSIG + 1];	/* [siglock] threads about to take it */
static _Atomic uint64_t sig_counts[LX_NSIG + 1];
static _Atomic int sig_resent[LX_NSIG + 1];
static struct disp sig_disp[LX_NSIG + 1];
static struct owed sig_owed[NOWED];
static _Atomic uint32_t sig_owedseq;
static _Atomic int sig_nowed;
static _Atomic int sig_collecting;
static _Atomic(struct sigsink *) sig_sinks;
static uint64_t	sig_interrupt;		/* siginterrupt() */

/* The broadcast. */
#define	BC_MAX	256			/* threads at a time */
static int	sig_rt;			/* [siglock] 0: not chosen */
static bool	sig_rtset;		/* [siglock] its handler is installed */
static _Atomic uint64_t sig_rtbit;
static _Atomic uint64_t bc_prev;	/* sig_forced before */
static uint32_t	bc_seq;			/* [siglock] */
static _Atomic uint32_t bc_acks[BC_MAX];

/* What we do to the thread's mask.  Touched with all signals blocked. */
static __thread struct {
	uint64_t	forced;		/* blocked for our sake alone */
	uint64_t	hidden;		/* blocked only as far as it believes */
	uint32_t	epoch;
} thr __attribute__((__tls_model__("initial-exec")));

/* The next definitions, NULL: the system call. */
static _Atomic(int (*)(int, const struct sigaction *, struct sigaction *))
    next_sigaction;
static _Atomic(int (*)(int, const sigset_t *, sigset_t *)) next_pthread_sigmask;
static _Atomic(int (*)(sigset_t *)) next_sigpending;
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
static _Atomic(int (*)(int)) next_raise;
static _Atomic(int (*)(pid_t, int)) next_kill;
static _Atomic(int (*)(pid_t, int, const union sigval)) next_sigqueue;
static _Atomic(int (*)(pthread_t, int)) next_pthread_kill;

__attribute__((__constructor__(101))) static void
sigaction_constructor(void)
{
	int saved;

	saved = errno;
	/* fork(), and what calls it inside libc; also in a static program. */
	(void)pthread_atfork(NULL, kq_selfforked, NULL);
	RESOLVE(sigaction);
	RESOLVE(pthread_sigmask);
	RESOLVE(sigpending);
	RESOLVE(sigtimedwait);
	RESOLVE(sigsuspend);
	RESOLVE(ppoll);
	RESOLVE(pselect);
	RESOLVE(epoll_pwait);
	RESOLVE(signalfd);
	RESOLVE(raise);
	RESOLVE(kill);
	RESOLVE(sigqueue);
	RESOLVE(pthread_kill);
	(void)pthread_atfork(NULL, NULL, sig_forkchild);
	sig_constructed = true;
	errno = saved;
}

/* The thread library's own signals. */
LX_BARE static uint64_t
internal(void)
{
	uint64_t bits;
	int sig;

	bits = 0;
	for (sig = 32; sig < SIGRTMIN; sig++)
		bits |= BIT(sig);
	return (bits);
}

static bool
watchable(int sig)
{
	return (sig >= 1 && sig <= LX_NSIG && sig != SIGKILL &&
	    sig != SIGSTOP && (internal() & BIT(sig)) == 0);
}

/* Is doing nothing the default? */
static bool
quiet(int sig)
{
	return (sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH ||
	    sig == SIGCONT);
}

LX_BARE static int
real_sigaction(int sig, const struct sigaction *sa, struct sigaction *osa)
{
	int error;

	if (KQ_LIKELY(NEXT(sigaction) != NULL))
		return (NEXT(sigaction)(sig, sa, osa));
	if (sig < 1 || sig > LX_NSIG || (internal() & BIT(sig)) != 0)
		error = EINVAL;
	else
		error = lx_sigaction(sig, sa, osa);
	if (error != 0) {
		errno = error;
		return (-1);
	}
	return (0);
}

/*
 * The lock.  *minep becomes the thread's mask, which sigunlock() puts back,
 * changed or not.
 */
static void
siglock(uint64_t *minep)
{
	uint32_t zero;
	int round;

	for (round = 0;; round++) {
		lx_sigmask(ALL, minep);
		zero = 0;
		/* Acquire: pairs with sigunlock(). */
		if (atomic_compare_exchange_strong_explicit(&sig_word, &zero,
		    1, memory_order_acquire, memory_order_relaxed))
			return;
		lx_sigmask(*minep, NULL);
		lx_yield(round);
	}
}

static void	mask_settle(void);

static void
sigunlock(uint64_t mine)
{
	atomic_store_explicit(&sig_word, 0, memory_order_release);
	lx_sigmask(mine, NULL);
	/* Somebody may have taken us for a thread that blocks everything. */
	if (KQ_UNLIKELY((atomic_load(&sig_read) & ~mine) != 0))
		mask_settle();
}

/* This process, not a vfork() child that shares our memory? */
static bool
ours(void)
{
	return (sig_pid == lx_getpid());
}

/*
 * Masks.  These two are called with all signals blocked, or by the handler of
 * the broadcast.
 */

/* What the program has blocked where the kernel has k; forced as of then. */
LX_BARE static uint64_t
program_mask(uint64_t k, uint64_t forced)
{
	uint32_t epoch;

	epoch = atomic_load_explicit(&sig_epoch, memory_order_relaxed);
	if (thr.epoch != epoch) {
		/*
		 * Never reached.  A thread that was born since inherited what
		 * is forced, but never sig_rt.
		 */
		thr.epoch = epoch;
		thr.hidden = 0;
		if ((k & atomic_load_explicit(&sig_rtbit,
		    memory_order_relaxed)) != 0)
			forced = 0;
		thr.forced = k & forced;
	}
	return ((k & ~thr.forced) | thr.hidden);
}

/* What the kernel shall have where the program has p. */
LX_BARE static uint64_t
kernel_mask(uint64_t p, uint64_t forced)
{
	uint64_t rt;

	rt = forced == 0 ? 0 :
	    atomic_load_explicit(&sig_rtbit, memory_order_relaxed);
	thr.forced = forced & ~p;
	thr.hidden = rt & p;
	return ((p | forced) & ~rt);
}

LX_BARE static void
rt_handler(int sig, siginfo_t *si, void *ctx)
{
	uintptr_t value;
	uint64_t p;

	(void)sig;
	if (si->si_code != SI_QUEUE || si->si_pid != sig_pid)
		return;
	value = (uintptr_t)si->si_value.sival_ptr;
	p = program_mask(lx_ucontext_mask(ctx), atomic_load(&bc_prev));
	lx_ucontext_setmask(ctx, kernel_mask(p, atomic_load(&sig_forced)));
	atomic_store(&bc_acks[value % BC_MAX], (uint32_t)(value / BC_MAX));
}

/* [siglock] Choose a signal that nobody uses, and have a handler for it. */
static void
rt_choose(void)
{
	struct sigaction sa;
	int sig;

	for (sig = SIGRTMAX - 1; sig >= SIGRTMIN; sig--) {
		if (sig != sig_rt &&
		    (atomic_load(&sig_watched) & BIT(sig)) == 0 &&
		    lx_sigaction(sig, NULL, &sa) == 0 &&
		    sa.sa_handler == SIG_DFL)
			break;
	}
	sig_rt = sig < SIGRTMIN ? 0 : sig;
	atomic_store(&sig_rtbit, sig_rt == 0 ? 0 : BIT(sig_rt));
}

static bool
rt_install(void)
{
	struct sigaction sa;

	if (sig_rt == 0)
		return (false);
	if (sig_rtset)
		return (true);
	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = rt_handler;
	sa.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
	lx_sigset_put(ALL, &sa.sa_mask);
	/* Past the sanitizers, which put off what a handler does. */
	sig_rtset = lx_sigaction(sig_rt, &sa, NULL) == 0;
	return (sig_rtset);
}

static void
rt_remove(void)
{
	struct sigaction sa;

	if (!sig_rtset)
		return;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	(void)lx_sigaction(sig_rt, &sa, NULL);
	sig_rtset = false;
}

struct bcast {
	int	b_self;
	int	b_n;			/* told */
	int	b_new;
	int	b_tid[BC_MAX];
	bool	b_missed;
};

static void
bcast_thread(int tid, void *arg)
{
	struct bcast *b = arg;
	uint64_t mask;
	int i;

	if (tid == b->b_self)
		return;
	for (i = 0; i < b->b_n; i++) {
		if (b->b_tid[i] == tid)
			return;
	}
	if (b->b_n == BC_MAX) {
		b->b_missed = true;
		return;
	}
	/* Nothing can be done to a thread that blocks sig_rt. */
	if (lx_thread_mask(tid, &mask) != 0 || (mask & BIT(sig_rt)) != 0)
		return;
	atomic_store(&bc_acks[b->b_n], bc_seq - 1);
	if (lx_sigtell(tid, sig_rt, (uintptr_t)bc_seq * BC_MAX +
	    (uintptr_t)b->b_n) != 0)
		return;
	b->b_tid[b->b_n++] = tid;
	b->b_new++;
}

/*
 * [siglock] Have every other thread's mask follow sig_forced, which was prev.
 * False if one of them did not answer.
 */
static bool
broadcast(uint64_t prev)
{
	struct bcast b;
	uint64_t mask;
	bool all;
	int first, i, round;

	if (lx_nthreads() == 1 || !rt_install())
		return (true);
	atomic_store(&bc_prev, prev);
	b.b_self = lx_gettid();
	all = true;
	b.b_n = 0;
	do {
		/* Again until a look at all threads finds no new one. */
		if (b.b_n == BC_MAX)
			b.b_n = 0;
		if (b.b_n == 0)
			bc_seq = (bc_seq + 1) & 0x3fffff;
		first = b.b_n;
		b.b_new = 0;
		b.b_missed = false;
		if (lx_threads(bcast_thread, &b) != 0)
			return (false);
		for (i = first; i < b.b_n; i++) {
			for (round = 0; round < 4000; round++) {
				if (atomic_load(&bc_acks[i]) == bc_seq ||
				    lx_thread_mask(b.b_tid[i], &mask) != 0)
					break;
				lx_yield(round);
			}
			/* Stopped by a debugger, say: it will, later. */
			if (round == 4000)
				all = false;
		}
	} while (b.b_new > 0);
	return (all);
}

/* [siglock] Change sig_forced, for this thread and all others. */
static void
force(uint64_t add, uint64_t del, uint64_t *minep)
{
	uint64_t now, p, prev;
	bool all;

	prev = atomic_load(&sig_forced);
	now = (prev | add) & ~del;
	if (now == prev)
		return;
	if (prev == 0) {
		rt_choose();
		(void)atomic_fetch_add(&sig_epoch, 1);
	}
	p = program_mask(*minep, prev);
	atomic_store(&sig_forced, now);
	*minep = kernel_mask(p, now);
	all = broadcast(prev);
	/* Removed only when nobody can have it pending, for it would kill. */
	if (now == 0 && all)
		rt_remove();
}

/*
 * Owed signals.
 */
static void
owed_put(const siginfo_t *si)
{
	struct owed *o;
	int i, zero;

	for (i = 0; i < NOWED; i++) {
		o = &sig_owed[i];
		/* The kernel has one of a standard signal pending, too. */
		if (si->si_signo < 32 && atomic_load(&o->o_state) == 2 &&
		    o->o_info.si_signo == si->si_signo)
			return;
	}
	for (i = 0; i < NOWED; i++) {
		o = &sig_owed[i];
		zero = 0;
		if (!atomic_compare_exchange_strong(&o->o_state, &zero, 1))
			continue;
		o->o_info = *si;
		o->o_seq = atomic_fetch_add(&sig_owedseq, 1);
		(void)atomic_fetch_add(&sig_nowed, 1);
		atomic_store(&o->o_state, 2);
		return;
	}
	/* More than NOWED are lost for the program: kqueue.3, CAVEATS. */
}

static uint64_t
owed_set(void)
{
	uint64_t bits;
	int i;

	bits = 0;
	for (i = 0; i < NOWED; i++) {
		if (atomic_load(&sig_owed[i].o_state) == 2)
			bits |= BIT(sig_owed[i].o_info.si_signo);
	}
	return (bits);
}

/*
 * [siglock] Queue again what was taken: to this thread, which is about to look
 * for it, with all that the sender said of it; or to the process.
 */
static void
owed_giveback(uint64_t bits, bool process)
{
	struct owed *best, *o;
	siginfo_t si;
	int i, round;

	/* Whoever reads just now may still add to it. */
	for (round = 0; round < 200 && atomic_load(&sig_collecting) != 0;
	    round++)
		lx_yield(round);
	while (atomic_load(&sig_nowed) > 0) {
		best = NULL;
		for (i = 0; i < NOWED; i++) {
			o = &sig_owed[i];
			if (atomic_load(&o->o_state) == 2 &&
			    (bits & BIT(o->o_info.si_signo)) != 0 &&
			    (best == NULL ||
			    (int32_t)(o->o_seq - best->o_seq) < 0))
				best = o;
		}
		if (best == NULL)
			return;
		si = best->o_info;
		(void)atomic_fetch_sub(&sig_nowed, 1);
		atomic_store(&best->o_state, 0);
		(void)atomic_fetch_add(&sig_resent[si.si_signo], 1);
		if (!process) {
			(void)lx_sigqueue(lx_gettid(), &si);
			continue;
		}
		/* Only the main thread may say SI_USER and the like. */
		if (lx_sigqueue(0, &si) == EPERM) {
			si.si_code = SI_QUEUE;
			(void)lx_sigqueue(0, &si);
		}
	}
}

static void
owed_drop(uint64_t bits)
{
	struct owed *o;
	int i, two;

	for (i = 0; i < NOWED; i++) {
		o = &sig_owed[i];
		two = 2;
		if (atomic_load(&o->o_state) == 2 &&
		    (bits & BIT(o->o_info.si_signo)) != 0 &&
		    atomic_compare_exchange_strong(&o->o_state, &two, 0))
			(void)atomic_fetch_sub(&sig_nowed, 1);
	}
}

/*
 * Sinks, counting.
 */
void
sigsink_ring(uint64_t set, const struct sigsink *except)
{
	struct sigsink *s;
	uint32_t users;
	int fd;

	for (s = atomic_load_explicit(&sig_sinks, memory_order_acquire);
	    s != NULL; s = s->ss_next) {
		if (s == except || (atomic_load(&s->ss_ring) & set) == 0)
			continue;
		users = atomic_fetch_add(&s->ss_users, 1);
		if ((users & SINK_CLOSING) == 0 &&
		    (fd = atomic_load(&s->ss_bell)) > 0)
			lx_eventfd_ring(fd - 1);
		users = atomic_fetch_sub(&s->ss_users, 1);
		if (users == (SINK_CLOSING | 1) &&
		    (fd = atomic_exchange(&s->ss_bell, 0)) > 0) {
			fdtab_disown(fd - 1);
			(void)atomic_fetch_and(&s->ss_users, ~SINK_CLOSING);
		}
	}
}

/* One arrived; true if it is a new one. */
static bool
arrived(int sig)
{
	int n;

	n = atomic_load(&sig_resent[sig]);
	while (n > 0) {
		if (atomic_compare_exchange_weak(&sig_resent[sig], &n, n - 1))
			return (false);
	}
	(void)atomic_fetch_add(&sig_counts[sig], 1);
	return (true);
}

/* The forks of this process, for EVFILT_PROC without the connector. */
static _Atomic uint64_t sig_forks;

uint64_t
kq_selfforks(void)
{
	return (atomic_load(&sig_forks));
}

void
kq_selfforked(void)
{
	(void)atomic_fetch_add(&sig_forks, 1);
	if (sig_pid != 0)
		sigsink_ring(SIGSINK_FORKBIT, NULL);
}

uint64_t
sigwatch_count(int sig)
{
	return (watchable(sig) ? atomic_load(&sig_counts[sig]) : 0);
}

/* The counting handler. */
__attribute__((__no_sanitize__("undefined"))) static void
wrapper(int sig, siginfo_t *si, void *ctx)
{
	struct disp *d = &sig_disp[sig];
	uintptr_t fn;

	if (arrived(sig))
		sigsink_ring(BIT(sig), NULL);
	fn = atomic_load(&d->d_handler);
	if ((atomic_load(&d->d_flags) & (int)SA_RESETHAND) != 0)
		fn = atomic_exchange(&d->d_handler, (uintptr_t)SIG_DFL);
	/* A handler of one argument does not mind the others. */
	if (fn != (uintptr_t)SIG_DFL && fn != (uintptr_t)SIG_IGN)
		((void (*)(int, siginfo_t *, void *))fn)(sig, si, ctx);
}

/* Is the signal blocked in every thread?  mine is the mask of this one. */
struct blocked {
	int		b_self;
	uint64_t	b_set;
};

static void
blocked_thread(int tid, void *arg)
{
	struct blocked *b = arg;
	uint64_t mask;

	if (tid != b->b_self && b->b_set != 0 &&
	    lx_thread_mask(tid, &mask) == 0)
		b->b_set &= mask;
}

static uint64_t
allblock(uint64_t set, uint64_t mine)
{
	struct blocked b;

	set &= mine;
	if (set == 0 || lx_nthreads() == 1)
		return (set);
	b.b_self = lx_gettid();
	b.b_set = set;
	if (lx_threads(blocked_thread, &b) != 0)
		return (0);
	return (b.b_set);
}

/*
 * [siglock] Forget the program's signalfds that are closed by now.  A dup of a
 * closed one is not known.
 */
static void
progfd_look(void)
{
	enum lx_kind kind;
	struct progfd *pf;
	uint64_t bits;

	if (KQ_LIKELY(atomic_load(&sig_progfd) == 0))
		return;
	bits = sig_progever;
	for (pf = sig_progfds; pf < sig_progfds + NPROGFD; pf++) {
		if (pf->pf_fd == 0)
			continue;
		if (lx_fdkind(pf->pf_fd - 1, &kind) == 0 &&
		    kind == LX_KIND_SIGNALFD)
			bits |= pf->pf_bits;
		else
			pf->pf_fd = 0;
	}
	atomic_store(&sig_progfd, bits);
}

/* [siglock] The program has a signalfd. */
static void
progfd_add(int fd, uint64_t bits)
{
	struct progfd *pf, *place;

	place = NULL;
	for (pf = sig_progfds; pf < sig_progfds + NPROGFD; pf++) {
		if (pf->pf_fd == fd + 1) {
			place = pf;
			break;
		}
		if (pf->pf_fd == 0 && place == NULL)
			place = pf;
	}
	if (place == NULL)
		sig_progever |= bits;
	else {
		place->pf_fd = fd + 1;
		place->pf_bits = bits;
	}
	(void)atomic_fetch_or(&sig_progfd, bits);
}

/* [siglock] Find out which of cand may be read, and tell the signalfds. */
static void
read_eval(uint64_t cand, uint64_t mine)
{
	struct sigsink *s;
	uint64_t forced, rest, set, want;
	int sig;

	cand &= ALL;
	progfd_look();
	set = cand & atomic_load(&sig_watched) & ~atomic_load(&sig_progfd);
	for (sig = 1; sig <= LX_NSIG; sig++) {
		if ((set & BIT(sig)) != 0 && sig_open[sig] > 0)
			set &= ~BIT(sig);
	}
	forced = set & atomic_load(&sig_forced);
	rest = set & ~forced;
	if (rest != 0) {
		/* First announced, then looked at: see sigunlock(). */
		(void)atomic_fetch_or(&sig_read, rest);
		rest = allblock(rest, mine);
	}
	want = (atomic_load(&sig_read) & ~cand) | forced | rest;
	atomic_store(&sig_read, want);
	for (s = atomic_load(&sig_sinks); s != NULL; s = s->ss_next) {
		set = s->ss_read & want;
		if (atomic_load(&s->ss_sfd) == 0 || set == s->ss_installed)
			continue;
		s->ss_installed = set;
		(void)lx_signalfd_set(atomic_load(&s->ss_sfd) - 1, set);
	}
}

/* Read and count what a signalfd has; the set of them. */
static uint64_t
collect(int fd)
{
	struct lx_siginfo ls[8];
	uint64_t bit, bits, again;
	int i, n;

	bits = again = 0;
	(void)atomic_fetch_add(&sig_collecting, 1);
	do {
		if (lx_signalfd_read(fd, ls, 8, &n) != 0)
			break;
		for (i = 0; i < n; i++) {
			bit = BIT(ls[i].ls_signo);
			if (arrived(ls[i].ls_signo))
				bits |= bit;
			/* Blocked for our sake: nobody else wants it. */
			if ((atomic_load(&sig_forced) & bit) != 0 &&
			    (thr.epoch != atomic_load(&sig_epoch) ||
			    (thr.forced & bit) != 0))
				continue;
			owed_put(&ls[i].ls_info);
			again |= bit;
		}
	} while (n == 8);
	(void)atomic_fetch_sub(&sig_collecting, 1);
	/* Did it look blocked only because a thread was in between? */
	if (KQ_UNLIKELY(again != 0) && lx_nthreads() != 1 &&
	    (again & ~atomic_load(&sig_forced)) != 0) {
		uint64_t mine;

		siglock(&mine);
		again &= ~atomic_load(&sig_forced);
		read_eval(again, mine);
		again &= ~atomic_load(&sig_read);
		if (again != 0)
			owed_giveback(again, true);
		sigunlock(mine);
	}
	return (bits);
}

void
sigsink_collect(struct sigsink *s)
{
	uint64_t bits;
	int fd;

	if ((fd = atomic_load(&s->ss_sfd)) == 0)
		return;
	if ((bits = collect(fd - 1)) != 0)
		sigsink_ring(bits, s);
}

/* After a signal was sent by ourselves: before the next can merge with it. */
static void
collect_now(int sig)
{
	struct sigsink *s;
	uint64_t bits;
	int fd, saved;

	if (sig < 1 || sig > LX_NSIG ||
	    (atomic_load(&sig_read) & BIT(sig)) == 0 || !ours())
		return;
	saved = errno;
	bits = 0;
	for (s = atomic_load(&sig_sinks); s != NULL && bits == 0;
	    s = s->ss_next) {
		if ((s->ss_read & BIT(sig)) != 0 &&
		    (fd = atomic_load(&s->ss_sfd)) > 0)
			bits |= collect(fd - 1);
	}
	if (bits != 0)
		sigsink_ring(bits, NULL);
	errno = saved;
}

int
sigsink_get(struct sigsink **sp)
{
	struct sigsink *s;
	uint64_t mine;
	int error, fd;

	if ((error = fdtab_own(lx_eventfd, &fd)) != 0)
		return (error);
	siglock(&mine);
	if (sig_pid != lx_getpid()) {
		sigunlock(mine);
		sig_forkchild();
		siglock(&mine);
		sig_pid = lx_getpid();
	}
	for (s = atomic_load(&sig_sinks); s != NULL; s = s->ss_next) {
		if (!s->ss_used && atomic_load(&s->ss_users) == 0)
			break;
	}
	if (s == NULL) {
		if ((s = arena_alloc(sizeof(*s))) == NULL) {
			sigunlock(mine);
			fdtab_disown(fd);
			return (ENOMEM);
		}
		s->ss_next = atomic_load(&sig_sinks);
		atomic_store_explicit(&sig_sinks, s, memory_order_release);
	}
	s->ss_used = true;
	s->ss_read = s->ss_installed = 0;
	atomic_store(&s->ss_bell, fd + 1);
	sigunlock(mine);
	*sp = s;
	return (0);
}

void
sigsink_put(struct sigsink *s)
{
	uint64_t mine;
	int fd, sfd;

	siglock(&mine);
	atomic_store(&s->ss_ring, 0);
	s->ss_read = 0;
	sfd = atomic_exchange(&s->ss_sfd, 0);
	s->ss_used = false;
	if (atomic_fetch_or(&s->ss_users, SINK_CLOSING) == 0 &&
	    (fd = atomic_exchange(&s->ss_bell, 0)) > 0) {
		fdtab_disown(fd - 1);
		(void)atomic_fetch_and(&s->ss_users, ~SINK_CLOSING);
	}
	sigunlock(mine);
	if (sfd > 0)
		fdtab_disown(sfd - 1);
}

int
sigsink_bell(struct sigsink *s)
{
	return (atomic_load(&s->ss_bell) - 1);
}

int
sigsink_signalfd(struct sigsink *s, int *fdp)
{
	int error, fd;

	if ((fd = atomic_load(&s->ss_sfd)) == 0) {
		if ((error = fdtab_own(lx_signalfd, &fd)) != 0)
			return (error);
		atomic_store(&s->ss_sfd, ++fd);
	}
	*fdp = fd - 1;
	return (0);
}

void
sigsink_set(struct sigsink *s, uint64_t ring, uint64_t read)
{
	uint64_t mine, set;

	atomic_store(&s->ss_ring, ring);
	if (s->ss_read == read)
		return;
	siglock(&mine);
	s->ss_read = read;
	set = read & atomic_load(&sig_read);
	if (atomic_load(&s->ss_sfd) != 0 && set != s->ss_installed) {
		s->ss_installed = set;
		(void)lx_signalfd_set(atomic_load(&s->ss_sfd) - 1, set);
	}
	sigunlock(mine);
}

/*
 * Dispositions.
 */
static bool
caught(int sig)
{
	uintptr_t fn;

	fn = atomic_load(&sig_disp[sig].d_handler);
	return (fn != (uintptr_t)SIG_DFL && fn != (uintptr_t)SIG_IGN);
}

static void
disp_get(int sig, struct sigaction *sa)
{
	struct disp *d = &sig_disp[sig];

	memset(sa, 0, sizeof(*sa));
	sa->sa_handler = (handler_t)atomic_load(&d->d_handler);
	sa->sa_flags = atomic_load(&d->d_flags);
	lx_sigset_put(d->d_mask, &sa->sa_mask);
}

static void
disp_put(int sig, const struct sigaction *sa)
{
	struct disp *d = &sig_disp[sig];

	atomic_store(&d->d_flags, sa->sa_flags);
	atomic_store(&d->d_handler, (uintptr_t)sa->sa_handler);
	d->d_mask = lx_sigset(&sa->sa_mask);
}

/*
 * [siglock] Have the kernel follow sig_disp[sig].  fresh: it has the program's
 * action as yet, and what needs no change is left alone (setting SIG_IGN would
 * drop what is pending).  0 or errno.
 */
static int
disp_install(int sig, bool fresh, uint64_t *minep)
{
	struct disp *d = &sig_disp[sig];
	struct sigaction sa;
	uint64_t bit;
	bool ignore;
	int saved;

	bit = BIT(sig);
	saved = errno;
	disp_get(sig, &sa);
	ignore = sa.sa_handler == SIG_IGN ||
	    (sa.sa_handler == SIG_DFL && quiet(sig));
	if (ignore) {
		(void)atomic_fetch_or(&sig_ignored, bit);
		/* Blocked before it is ignored, so that none is missed. */
		if (allblock(bit, *minep) == 0)
			force(bit, 0, minep);
	} else
		(void)atomic_fetch_and(&sig_ignored, ~bit);
	if (caught(sig)) {
		/*
		 * What the kernel resets to an ignored default would be lost:
		 * there the handler stays and does it by itself.
		 */
		if (quiet(sig))
			sa.sa_flags &= ~(int)SA_RESETHAND;
		sa.sa_flags |= SA_SIGINFO;
		sa.sa_sigaction = wrapper;
		d->d_changed = true;
		fresh = false;
	} else if (sig == SIGCHLD && sa.sa_handler == SIG_IGN) {
		sa.sa_handler = SIG_DFL;
		sa.sa_flags |= SA_NOCLDWAIT;
		d->d_changed = true;
		fresh = false;
	} else
		d->d_changed = false;
	if (!fresh && real_sigaction(sig, &sa, NULL) != 0) {
		saved = errno;
		return (saved);
	}
	if (!ignore)
		force(0, bit, minep);
	errno = saved;
	return (0);
}

/*
 * [siglock] What is pending already was sent before the registration, and does
 * not count (SIG-8): it is owed, as if it had been read.
 */
static void
drain(int sig)
{
	struct lx_siginfo ls[8];
	uint64_t bits;
	int fd, i, n;

	if (syscall(SYS_rt_sigpending, &bits, sizeof(bits)) == -1 ||
	    (bits & BIT(sig)) == 0 || lx_signalfd(&fd) != 0)
		return;
	if (lx_signalfd_set(fd, BIT(sig)) == 0) {
		do {
			if (lx_signalfd_read(fd, ls, 8, &n) != 0)
				break;
			for (i = 0; i < n; i++)
				owed_put(&ls[i].ls_info);
		} while (n == 8);
	}
	lx_close(fd);
}

int
sigwatch_add(int sig)
{
	struct sigaction sa;
	uint64_t mine;
	int error, saved;

	if (!watchable(sig))
		return (0);
	error = 0;
	saved = errno;
	siglock(&mine);
	if (sig_refs[sig]++ > 0)
		goto done;
	if (real_sigaction(sig, NULL, &sa) != 0) {
		error = errno;
		sig_refs[sig]--;
		goto done;
	}
	if (sa.sa_sigaction != wrapper)
		disp_put(sig, &sa);
	atomic_store(&sig_resent[sig], 0);
	(void)atomic_fetch_or(&sig_watched, BIT(sig));
	if ((error = disp_install(sig, true, &mine)) != 0) {
		(void)atomic_fetch_and(&sig_watched, ~BIT(sig));
		sig_refs[sig]--;
	} else if ((mine & BIT(sig)) != 0 &&
	    allblock(BIT(sig), mine) != 0)
		drain(sig);
	read_eval(BIT(sig), mine);
done:
	sigunlock(mine);
	errno = saved;
	return (error);
}

void
sigwatch_del(int sig)
{
	struct sigaction sa;
	uint64_t mine;
	int saved;

	if (!watchable(sig))
		return;
	saved = errno;
	siglock(&mine);
	if (sig_refs[sig] == 0 || --sig_refs[sig] > 0)
		goto done;
	(void)atomic_fetch_and(&sig_watched, ~BIT(sig));
	read_eval(BIT(sig), mine);
	disp_get(sig, &sa);
	if (sig_disp[sig].d_changed)
		(void)real_sigaction(sig, &sa, NULL);
	sig_disp[sig].d_changed = false;
	owed_giveback(BIT(sig), true);
	(void)atomic_fetch_and(&sig_ignored, ~BIT(sig));
	force(0, BIT(sig), &mine);
done:
	sigunlock(mine);
	errno = saved;
}

/*
 * What the program calls.
 */

/* The kernel's answer to the program. */
static void
unwrap(int sig, struct sigaction *osa)
{
	if (osa != NULL && sig >= 1 && sig <= LX_NSIG &&
	    osa->sa_sigaction == wrapper)
		disp_get(sig, osa);
}

static int
sigaction_unwatched(int sig, const struct sigaction *sa, struct sigaction *osa)
{
	struct sigaction copy;
	uint64_t mine;
	bool again;

	if (KQ_UNLIKELY(sa != NULL && sig >= SIGRTMIN && sig <= LX_NSIG &&
	    atomic_load(&sig_rtbit) == BIT(sig) &&
	    atomic_load(&sig_forced) != 0 && ours())) {
		/* The program wants this one: take another. */
		siglock(&mine);
		if (sig_rt == sig) {
			again = sig_rtset;
			rt_remove();
			rt_choose();
			if (again)
				(void)rt_install();
		}
		sigunlock(mine);
	}
	if (sa != NULL)
		copy = *sa;	/* osa may be the same */
	if (real_sigaction(sig, sa, osa) != 0)
		return (-1);
	unwrap(sig, osa);
	/* Watched meanwhile: then it was not ours to set. */
	if (KQ_UNLIKELY(sa != NULL && sig <= LX_NSIG &&
	    (atomic_load(&sig_watched) & BIT(sig)) != 0 && ours()))
		return (sigaction(sig, &copy, NULL));
	return (0);
}

static int
do_sigaction(int sig, const struct sigaction *sa, struct sigaction *osa)
{
	struct sigaction old;
	struct sigsink *s;
	uint64_t bits, mine;
	int error, fd;

	if (KQ_LIKELY(sig < 1 || sig > LX_NSIG ||
	    (atomic_load(&sig_watched) & BIT(sig)) == 0))
		return (sigaction_unwatched(sig, sa, osa));
	if (!ours()) {
		/* A vfork() child: the table is the parent's. */
		if (real_sigaction(sig, sa, osa) != 0)
			return (-1);
		unwrap(sig, osa);
		return (0);
	}
	siglock(&mine);
	if ((atomic_load(&sig_watched) & BIT(sig)) == 0) {
		sigunlock(mine);
		return (sigaction_unwatched(sig, sa, osa));
	}
	error = 0;
	bits = 0;
	disp_get(sig, &old);
	if (sa != NULL) {
		/* What was ignored so far is not for the handler. */
		if ((atomic_load(&sig_ignored) & BIT(sig)) != 0) {
			for (s = atomic_load(&sig_sinks); s != NULL;
			    s = s->ss_next) {
				if ((s->ss_read & BIT(sig)) != 0 &&
				    (fd = atomic_load(&s->ss_sfd)) > 0)
					bits |= collect(fd - 1);
			}
		}
		disp_put(sig, sa);
		if ((error = disp_install(sig, false, &mine)) != 0) {
			disp_put(sig, &old);
			(void)disp_install(sig, false, &mine);
		}
		read_eval(BIT(sig), mine);
	}
	sigunlock(mine);
	if (bits != 0)
		sigsink_ring(bits, NULL);
	if (error != 0) {
		errno = error;
		return (-1);
	}
	if (osa != NULL)
		*osa = old;
	return (0);
}

/* A sanitizer's runtime calls this while it sets itself up. */
LX_BARE int
sigaction(int sig, const struct sigaction *restrict sa,
    struct sigaction *restrict osa)
{
	if (KQ_UNLIKELY(!sig_constructed))
		return (real_sigaction(sig, sa, osa));
	return (do_sigaction(sig, sa, osa));
}

static handler_t
set_handler(int sig, handler_t fn, int flags, bool self)
{
	struct sigaction osa, sa;

	if (fn == SIG_ERR || sig < 1 || sig > LX_NSIG) {
		errno = EINVAL;
		return (SIG_ERR);
	}
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = fn;
	sa.sa_flags = flags;
	(void)sigemptyset(&sa.sa_mask);
	if (self)
		(void)sigaddset(&sa.sa_mask, sig);
	if (sigaction(sig, &sa, &osa) != 0)
		return (SIG_ERR);
	return (osa.sa_handler);
}

static handler_t
signal_bsd(int sig, handler_t fn)
{
	int flags;

	flags = SA_RESTART;
	if (sig >= 1 && sig <= LX_NSIG && (sig_interrupt & BIT(sig)) != 0)
		flags = 0;
#ifdef __GLIBC__
	return (set_handler(sig, fn, flags, true));
#else
	return (set_handler(sig, fn, flags, false));
#endif
}

#undef signal
handler_t
signal(int sig, handler_t fn)
{
	return (signal_bsd(sig, fn));
}

handler_t
bsd_signal(int sig, handler_t fn)
{
	return (signal_bsd(sig, fn));
}

handler_t
ssignal(int sig, handler_t fn)
{
	return (signal_bsd(sig, fn));
}

handler_t
sysv_signal(int sig, handler_t fn)
{
	return (set_handler(sig, fn, (int)(SA_RESETHAND | SA_NODEFER), false));
}

handler_t
__sysv_signal(int sig, handler_t fn)
{
	return (sysv_signal(sig, fn));
}

int
siginterrupt(int sig, int flag)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) != 0)
		return (-1);
	if (flag) {
		sig_interrupt |= BIT(sig);
		sa.sa_flags &= ~SA_RESTART;
	} else {
		sig_interrupt &= ~BIT(sig);
		sa.sa_flags |= SA_RESTART;
	}
	return (sigaction(sig, &sa, NULL));
}

int
sigignore(int sig)
{
	return (set_handler(sig, SIG_IGN, 0, false) == SIG_ERR ? -1 : 0);
}

/*
 * Masks.
 */

/*
 * A thread is about to have these unblocked for a while (temporary) or for
 * good: nobody takes them away any more, and what was taken comes back.
 */
static void
opening(uint64_t bits, bool temporary, bool wait)
{
	uint64_t ign, mine;
	int sig;

	siglock(&mine);
	for (sig = 1; temporary && sig <= LX_NSIG; sig++) {
		if ((bits & BIT(sig)) != 0)
			sig_open[sig]++;
	}
	ign = bits & atomic_load(&sig_ignored);
	if (!wait && !temporary && (ign & ~atomic_load(&sig_forced)) != 0)
		force(ign, 0, &mine);	/* no longer blocked by all */
	/* Out of sig_read first: the mask is about to change. */
	(void)atomic_fetch_and(&sig_read, ~bits);
	if (temporary)
		read_eval(bits, mine);
	else
		read_eval(bits, mine & ~bits);
	if (!wait) {
		/* An ignored one that is unblocked just vanishes. */
		owed_drop(ign);
		bits &= ~ign;
	}
	owed_giveback(bits, false);
	sigunlock(mine);
}

/* The end of a temporary one; also look at what may be read of more. */
static void
closing(uint64_t bits, uint64_t more)
{
	uint64_t mine;
	int sig;

	if (!ours())
		return;
	siglock(&mine);
	for (sig = 1; sig <= LX_NSIG; sig++) {
		if ((bits & BIT(sig)) != 0 && sig_open[sig] > 0)
			sig_open[sig]--;
	}
	read_eval(bits | more, mine);
	sigunlock(mine);
}

/* Is somebody about to read what this thread does not block? */
static void
mask_settle(void)
{
	uint64_t bits, k, mine;

	lx_sigmask_get(&k);
	bits = atomic_load(&sig_read) & ~k;
	if (bits == 0)
		return;
	siglock(&mine);
	bits = atomic_load(&sig_read) & ~mine;
	read_eval(bits, mine);
	owed_giveback(bits & ~atomic_load(&sig_read), false);
	atomic_store_explicit(&sig_word, 0, memory_order_release);
	lx_sigmask(mine, NULL);
}

static uint64_t
mask_apply(int how, uint64_t p, uint64_t set)
{
	switch (how) {
	case SIG_BLOCK:
		return (p | set);
	case SIG_UNBLOCK:
		return (p & ~set);
	default:
		return (set);
	}
}

/* The slow path of sigprocmask(): something is watched, or was. */
static void
mask_change(int how, const uint64_t *setp, uint64_t *oldp)
{
	uint64_t bits, f, k, np, p, set, watched;

	set = setp == NULL ? 0 : *setp & ~internal();
	set &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
	if (setp == NULL)
		how = SIG_BLOCK;
	watched = ours() ? atomic_load(&sig_watched) : 0;
	if (watched != 0 && setp != NULL) {
		/* Before anything is unblocked. */
		lx_sigmask(ALL, &k);
		p = program_mask(k, atomic_load(&sig_forced));
		lx_sigmask(k, NULL);
		bits = p & ~mask_apply(how, p, set) & watched;
		if (bits != 0)
			opening(bits, false, false);
	}
	lx_sigmask(ALL, &k);
	f = ours() ? atomic_load(&sig_forced) : 0;
	p = program_mask(k, f);
	if (oldp != NULL)
		*oldp = p & ~internal();
	np = mask_apply(how, p, set);
	for (;;) {
		if (!ours()) {
			/* The vfork() child's mask; the memory is not its. */
			lx_sigmask(setp == NULL ? k : np, NULL);
			return;
		}
		k = kernel_mask(np, f);
		lx_sigmask(k, NULL);
		if (KQ_LIKELY(atomic_load(&sig_forced) == f))
			break;
		/* Meanwhile more is forced, or less. */
		lx_sigmask(ALL, &k);
		f = atomic_load(&sig_forced);
	}
	bits = np & ~p & watched & ~f;
	if (bits != 0) {
		uint64_t mine;

		siglock(&mine);
		read_eval(bits, mine);
		sigunlock(mine);
	}
	if (KQ_UNLIKELY((atomic_load(&sig_read) & ~k) != 0))
		mask_settle();
}

static bool
mask_touched(void)
{
	return (atomic_load(&sig_watched) != 0 || thr.forced != 0 ||
	    thr.hidden != 0);
}

static int
do_sigmask(int how, const sigset_t *set, sigset_t *oset)
{
	uint64_t bits, old;
	int error;

	if (KQ_LIKELY(!mask_touched())) {
		if (NEXT(pthread_sigmask) != NULL)
			error = NEXT(pthread_sigmask)(how, set, oset);
		else {
			bits = set == NULL ? 0 : lx_sigset(set) & ~internal();
			old = 0;
			error = syscall(SYS_rt_sigprocmask, how,
			    set == NULL ? NULL : &bits, &old,
			    sizeof(old)) == -1 ? errno : 0;
			if (error == 0 && oset != NULL)
				lx_sigset_put(old, oset);
		}
		/* Has something been forced while we set it? */
		if (KQ_LIKELY(!mask_touched()) || set == NULL || error != 0)
			return (error);
		mask_change(SIG_BLOCK, NULL, NULL);
		return (0);
	}
	if (set != NULL && how != SIG_BLOCK && how != SIG_UNBLOCK &&
	    how != SIG_SETMASK)
		return (EINVAL);
	if (set != NULL)
		bits = lx_sigset(set);
	mask_change(how, set == NULL ? NULL : &bits, &old);
	if (oset != NULL)
		lx_sigset_put(old, oset);
	return (0);
}

int
pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict oset)
{
	int error, saved;

	saved = errno;
	error = do_sigmask(how, set, oset);
	errno = saved;
	return (error);
}

int
sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict oset)
{
	int error;

	if ((error = pthread_sigmask(how, set, oset)) != 0) {
		errno = error;
		return (-1);
	}
	return (0);
}

static int
mask_int(int how, int mask)
{
	sigset_t oset, set;

	lx_sigset_put((uint64_t)(unsigned int)mask, &set);
	(void)do_sigmask(how, &set, &oset);
	return ((int)(lx_sigset(&oset) & 0xffffffffu));
}

int
sigblock(int mask)
{
	return (mask_int(SIG_BLOCK, mask));
}

int
sigsetmask(int mask)
{
	return (mask_int(SIG_SETMASK, mask));
}

int
siggetmask(void)
{
	return (mask_int(SIG_BLOCK, 0));
}

static int
mask_one(int how, int sig, bool *wasp)
{
	sigset_t oset, set;
	int error;

	(void)sigemptyset(&set);
	if (sigaddset(&set, sig) != 0)
		return (-1);
	if ((error = do_sigmask(how, &set, &oset)) != 0) {
		errno = error;
		return (-1);
	}
	if (wasp != NULL)
		*wasp = sigismember(&oset, sig) == 1;
	return (0);
}

int
sighold(int sig)
{
	return (mask_one(SIG_BLOCK, sig, NULL));
}

int
sigrelse(int sig)
{
	return (mask_one(SIG_UNBLOCK, sig, NULL));
}

#ifndef SIG_HOLD
#define	SIG_HOLD	((handler_t)2)
#endif

handler_t
sigset(int sig, handler_t fn)
{
	struct sigaction osa;
	handler_t old;
	bool was;

	if (fn == SIG_HOLD) {
		if (sigaction(sig, NULL, &osa) != 0 ||
		    mask_one(SIG_BLOCK, sig, &was) != 0)
			return (SIG_ERR);
		return (was ? SIG_HOLD : osa.sa_handler);
	}
	if ((old = set_handler(sig, fn, 0, false)) == SIG_ERR ||
	    mask_one(SIG_UNBLOCK, sig, &was) != 0)
		return (SIG_ERR);
	return (was ? SIG_HOLD : old);
}

int
sigpending(sigset_t *set)
{
	uint64_t bits;

	if (NEXT(sigpending) != NULL) {
		if (NEXT(sigpending)(set) != 0)
			return (-1);
		bits = lx_sigset(set);
	} else {
		if (syscall(SYS_rt_sigpending, &bits, sizeof(bits)) == -1)
			return (-1);
		lx_sigset_put(bits, set);
	}
	if (KQ_UNLIKELY(mask_touched()))
		lx_sigset_put((bits | owed_set()) & ~thr.forced, set);
	return (0);
}

/*
 * Waiting with another mask, or for a signal.
 */
static void
closing_cleanup(void *arg)
{
	closing(*(uint64_t *)arg, 0);
}

/*
 * The mask for the kernel in place of mask, in copy where it differs; the set
 * to be given to closing().
 */
static const sigset_t *
temporary(const sigset_t *mask, sigset_t *copy, uint64_t *bitsp)
{
	uint64_t f, k, m, watched;

	*bitsp = 0;
	watched = atomic_load(&sig_watched);
	if (KQ_LIKELY(watched == 0) || mask == NULL || !ours())
		return (mask);
	m = lx_sigset(mask);
	f = atomic_load(&sig_forced);
	if ((watched & ~m & ~f) != 0) {
		lx_sigmask_get(&k);
		if ((*bitsp = watched & ~m & ~f & k) != 0)
			opening(*bitsp, true, false);
	}
	*copy = *mask;
	lx_sigset_put(f == 0 ? m : (m | f) & ~atomic_load(&sig_rtbit), copy);
	return (copy);
}

#define	TEMPORARILY(ret, mask, call)					\
do {									\
	sigset_t kq_copy;						\
	uint64_t kq_bits;						\
	const sigset_t *volatile kq_mask =				\
	    temporary(mask, &kq_copy, &kq_bits);			\
									\
	if (KQ_LIKELY(kq_bits == 0)) {					\
		ret = call;						\
	} else {							\
		pthread_cleanup_push(closing_cleanup, &kq_bits);	\
		ret = call;						\
		pthread_cleanup_pop(1);					\
	}								\
} while (0)

/* The system call as a cancellation point, where there is no next function. */
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

/* After a wait for set, with what opening() was told before. */
__attribute__((__noinline__)) static int
sigwaited(int ret, uint64_t bits, const sigset_t *set)
{
	uint64_t late;
	int saved;

	/* It may be watched since we began to wait. */
	late = atomic_load(&sig_watched) & lx_sigset(set);
	if (KQ_LIKELY((bits | late) == 0) || !ours())
		return (ret);
	saved = errno;
	if (ret > 0 && ((bits | late) & BIT(ret)) != 0 && arrived(ret))
		sigsink_ring(BIT(ret), NULL);
	closing(bits, late);
	errno = saved;
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
	if (bits != 0 && !ours())
		bits = 0;
	if (bits != 0)
		opening(bits, true, true);
	pthread_cleanup_push(closing_cleanup, &bits);
	ret = NEXT(sigtimedwait) != NULL ? NEXT(sigtimedwait)(set, si, ts) :
	    CANCELABLE(SYS_rt_sigtimedwait, set, si, ts, sizeof(uint64_t));
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
	uint64_t bits, mine;
	int ret, saved;

	bits = lx_sigset(set);
	if (NEXT(signalfd) != NULL)
		ret = NEXT(signalfd)(fd, set, flags);
	else
		ret = (int)syscall(SYS_signalfd4, fd, &bits, sizeof(bits),
		    flags);
	if (ret == -1 || (sig_pid != 0 && !ours()))
		return (ret);
	saved = errno;
	siglock(&mine);
	progfd_add(ret, bits);
	if ((bits &= atomic_load(&sig_watched)) != 0) {
		read_eval(bits, mine);
		owed_giveback(bits, true);
	}
	sigunlock(mine);
	errno = saved;
	return (ret);
}

/*
 * Sending to oneself.
 */
int
raise(int sig)
{
	int ret;

	if (NEXT(raise) != NULL)
		ret = NEXT(raise)(sig);
	else
		ret = (int)syscall(SYS_tgkill, lx_getpid(), lx_gettid(), sig);
	collect_now(sig);
	return (ret);
}

int
kill(pid_t pid, int sig)
{
	int ret;

	if (NEXT(kill) != NULL)
		ret = NEXT(kill)(pid, sig);
	else
		ret = (int)syscall(SYS_kill, pid, sig);
	collect_now(sig);
	return (ret);
}

int
killpg(pid_t pgrp, int sig)
{
	if (pgrp < 0) {
		errno = EINVAL;
		return (-1);
	}
	return (kill(-pgrp, sig));
}

int
sigqueue(pid_t pid, int sig, const union sigval value)
{
	siginfo_t si;
	int ret;

	if (NEXT(sigqueue) != NULL)
		ret = NEXT(sigqueue)(pid, sig, value);
	else {
		memset(&si, 0, sizeof(si));
		si.si_signo = sig;
		si.si_code = SI_QUEUE;
		si.si_pid = lx_getpid();
		si.si_uid = getuid();
		si.si_value = value;
		ret = (int)syscall(SYS_rt_sigqueueinfo, pid, sig, &si);
	}
	collect_now(sig);
	return (ret);
}

/*
 * Another thread's private signals cannot be read.  If it is ignored there is
 * nothing to send, only to count.
 */
int
pthread_kill(pthread_t t, int sig)
{
	int ret;

	if (KQ_UNLIKELY(NEXT(pthread_kill) == NULL)) {
		/* Static: there is no other way to find the thread's id. */
		clockid_t clock;

		if ((ret = pthread_getcpuclockid(t, &clock)) != 0)
			return (ret);
		return (syscall(SYS_tgkill, lx_getpid(),
		    (int)~(clock >> 3), sig) == -1 ? errno : 0);
	}
	if (KQ_UNLIKELY(sig >= 1 && sig <= LX_NSIG &&
	    (atomic_load(&sig_forced) & BIT(sig)) != 0 && ours() &&
	    !pthread_equal(t, pthread_self()))) {
		if ((ret = NEXT(pthread_kill)(t, 0)) != 0)
			return (ret);
		(void)atomic_fetch_add(&sig_counts[sig], 1);
		sigsink_ring(BIT(sig), NULL);
		return (0);
	}
	ret = NEXT(pthread_kill)(t, sig);
	if (pthread_equal(t, pthread_self()))
		collect_now(sig);
	return (ret);
}

/*
 * For spawn.c.
 */
bool
sigspawn_needed(void)
{
	return (mask_touched());
}

void
sigspawn_begin(struct sigspawn *ss, bool mask)
{
	struct sigaction sa;
	int saved;

	saved = errno;
	/* Setting SIG_IGN drops what is pending. */
	if ((atomic_load(&sig_ignored) & BIT(SIGCHLD)) != 0)
		collect_now(SIGCHLD);
	lx_sigmask(ALL, &ss->ss_mask);
	ss->ss_chld = false;
	if ((atomic_load(&sig_watched) & BIT(SIGCHLD)) != 0 &&
	    sig_disp[SIGCHLD].d_changed && !caught(SIGCHLD)) {
		disp_get(SIGCHLD, &sa);
		ss->ss_chld = real_sigaction(SIGCHLD, &sa, NULL) == 0;
	}
	ss->ss_program = program_mask(ss->ss_mask, atomic_load(&sig_forced));
	lx_sigmask(mask ? ss->ss_program : ss->ss_mask, NULL);
	errno = saved;
}

void
sigspawn_end(const struct sigspawn *ss)
{
	struct sigaction sa;
	int saved;

	saved = errno;
	lx_sigmask(ALL, NULL);
	if (ss->ss_chld) {
		disp_get(SIGCHLD, &sa);
		sa.sa_handler = SIG_DFL;
		sa.sa_flags |= SA_NOCLDWAIT;
		(void)real_sigaction(SIGCHLD, &sa, NULL);
	}
	lx_sigmask(ss->ss_mask, NULL);
	errno = saved;
}

void
sig_forkchild(void)
{
	struct sigaction sa;
	uint64_t k, p, watched;
	int i, saved, sig;

	saved = errno;
	lx_sigmask(ALL, &k);
	p = program_mask(k, atomic_load(&sig_forced));
	watched = atomic_load(&sig_watched);
	for (sig = 1; sig <= LX_NSIG; sig++) {
		if ((watched & BIT(sig)) != 0 && sig_disp[sig].d_changed) {
			disp_get(sig, &sa);
			(void)real_sigaction(sig, &sa, NULL);
		}
		sig_disp[sig].d_changed = false;
		sig_refs[sig] = sig_open[sig] = 0;
		atomic_store(&sig_resent[sig], 0);
	}
	rt_remove();
	atomic_store(&sig_watched, 0);
	atomic_store(&sig_forced, 0);
	atomic_store(&sig_read, 0);
	atomic_store(&sig_ignored, 0);
	for (i = 0; i < NOWED; i++)
		atomic_store(&sig_owed[i].o_state, 0);
	atomic_store(&sig_nowed, 0);
	atomic_store(&sig_collecting, 0);
	atomic_store(&sig_sinks, NULL);
	thr.forced = thr.hidden = 0;
	sig_pid = 0;
	atomic_store(&sig_word, 0);
	lx_sigmask(p, NULL);
	errno = saved;
}
