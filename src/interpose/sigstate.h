/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signals of this process: counted for EVFILT_SIGNAL, and still the
 * program's.
 *
 * What BSD does in the kernel, seeing each signal without taking part in its
 * fate, is done here by what the program has made of the signal:
 *
 *  caught	The kernel has our counting handler, which calls the program's.
 *		Flags and mask are the program's, so SA_RESTART, EINTR and
 *		SA_ONSTACK ... are as without us.
 *  ignored	(SIG_IGN, or SIG_DFL where that means so.)  No handler may
 *		be had, for poll() would fail with EINTR.  The signal is
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
 * or a mask is therefore interposed, and answers from sig_disp and sig_thr.
 *
 * Forcing reaches the threads that exist by a real-time signal (sig_rtbit)
 * whose handler edits the mask that it returns to; new threads inherit theirs.
 * The program cannot block that signal meanwhile (sig_thr.hidden is what it
 * believes).
 *
 * The files, each with the state that it alone changes:
 *
 *  sigwatch.c	  what is watched, and the lock
 *  sigaction.c	  dispositions, the counting handler; sigaction()
 *  sigforce.c	  forced signals, the masks of other threads
 *  sigread.c	  which signals a signalfd may take
 *  sigsink.c	  counting, and the bell and signalfd of each kqueue
 *  sigowed.c	  what was taken and is the program's
 *  sigmask.c	  sigprocmask() and its like
 *  sigwait.c	  waiting with another mask, or for a signal
 *  sigsend.c	  sending to oneself
 *  sigcompat.c	  signal(), System V's and 4.2BSD's functions
 *  sigspawn.c	  what a child and a new program get
 *
 * Letters in the comments of shared state:
 *	S	siglock()
 *	a	atomic
 *	A	atomic, changed under siglock() only
 *	t	the thread's own, touched with all signals blocked
 *
 * siglock() is taken with all signals blocked, since sigaction() may be called
 * by a handler, and is the innermost lock but the arena's.  Waiting for it is
 * done with the thread's own mask, so that broadcasts get through.  The
 * counting handler and the collection take no lock.
 *
 * In the static archive all this is too; there the system calls take libc's
 * place (NEXT() is NULL, interpose.h).
 */
#ifndef _KQ_SIGSTATE_H_
#define	_KQ_SIGSTATE_H_

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kqueue_var.h"
#include "lx_proc.h"

#pragma GCC visibility push(hidden)

#define	BIT(sig)	LX_SIGBIT(sig)
#define	ALL		(~(uint64_t)0)

typedef void (*handler_t)(int);

/*
 * sigwatch.c
 */
extern _Atomic int sig_pid;		/* [A] whose all this is; 0: nobody's */
extern _Atomic uint64_t sig_watched;	/* [A] */
/* [A] Raised before a signal becomes watched, and before it ceases to be. */
extern _Atomic uint32_t sig_changes;

/*
 * Take the lock.  *minep becomes the thread's mask, which sigunlock() puts
 * back, changed or not.
 */
void	siglock(uint64_t *minep);
void	sigunlock(uint64_t mine);
void	sigunlock_settled(uint64_t mine);	/* sig_masksettle() was here */
/* Forget all: for sig_forkchild(). */
void	sigwatch_reset(void);

/* This process, not a vfork() child that shares our memory? */
static inline bool
sig_ours(void)
{
	return (atomic_load(&sig_pid) == lx_getpid());
}

/*
 * sigaction.c
 */
extern _Atomic uint64_t sig_ignored;	/* [A] watched, and ignored */

/* The thread library's own signals. */
uint64_t sig_internal(void);
/* Learn the program's action of a signal that becomes watched; 0 or errno. */
int	disp_learn(int sig);
/*
 * [siglock] Have the kernel follow what the program wants of a watched signal.
 * fresh: it has the program's action as yet, and what needs no change is left
 * alone (setting SIG_IGN would drop what is pending).  Masks may be forced or
 * freed, this thread's being *minep.  0 or errno.
 */
int	disp_install(int sig, bool fresh, uint64_t *minep);
/* Give the kernel the program's own action back, where it has another. */
void	disp_restore(int sig);
/*
 * A watched SIGCHLD that the program has set to SIG_IGN: is the kernel's
 * disposition ours?  Then it gets SIG_IGN (true) while any thread starts a
 * program, which would inherit ours; and back.
 */
bool	disp_chldhidden(void);
bool	disp_showchld(void);
void	disp_hidechld(void);
/* Give back all, and forget: for sig_forkchild(). */
void	disp_reset(void);

/*
 * sigforce.c
 */
extern _Atomic uint64_t sig_forced;	/* [A] blocked in every thread */
extern _Atomic uint64_t sig_rtbit;	/* [A] the broadcasts' signal, or 0 */
extern _Atomic uint32_t sig_epoch;	/* [A] counts sig_forced leaving 0 */

/* What we do to the thread's mask. */
struct sigthread {
	uint64_t	forced;		/* [t] blocked for our sake alone */
	uint64_t	hidden;		/* [t] blocked as far as it believes */
	uint32_t	epoch;		/* [t] sig_epoch as of then */
	uint64_t	given;		/* [t] queued again for this thread, which
					 * has not had them yet */
};
extern __thread struct sigthread sig_thr
    __attribute__((__tls_model__("initial-exec")));

/*
 * With all signals blocked, or in the broadcast's handler: what the program has
 * blocked where the kernel has k and this much was forced; and what the kernel
 * shall have where the program has p.
 */
uint64_t sig_programmask(uint64_t k, uint64_t forced);
uint64_t sig_kernelmask(uint64_t p, uint64_t forced);
/* [siglock] Change sig_forced, for this thread (*minep) and all others. */
void	sig_force(uint64_t add, uint64_t del, uint64_t *minep);
/* [siglock] The program wants this signal: the broadcasts use another. */
void	sig_rtyield(int sig);
/*
 * What a wait of this thread took: was that a broadcast, which it has now
 * followed, and the program is not to see?
 */
bool	sig_rttaken(int sig, const siginfo_t *);
/* Forget all: for sig_forkchild(). */
void	sigforce_reset(void);

/* Does the kernel's mask of this thread need a second look? */
static inline bool
sig_masktouched(void)
{
	return (atomic_load(&sig_watched) != 0 || sig_thr.forced != 0 ||
	    sig_thr.hidden != 0);
}

/*
 * sigread.c
 */
extern _Atomic uint64_t sig_read;	/* [A] may be taken from a signalfd */

/* Of the set, what every thread blocks; mine is the mask of this one. */
uint64_t sig_allblock(uint64_t set, uint64_t mine);
/* [siglock] Find out which of cand may be read, and tell the signalfds. */
void	sig_readeval(uint64_t cand, uint64_t mine);
/* [siglock] Read these no more. */
void	sig_readstop(uint64_t bits);
/*
 * [siglock] Threads that are about to take these themselves: they are not read
 * meanwhile.  n is 1 or -1.
 */
void	sig_readopen(uint64_t bits, int n);
/* [siglock] The program has a signalfd; what it had in it before. */
uint64_t sig_progfdadd(int fd, uint64_t bits);
/* Forget all: for sig_forkchild(). */
void	sigread_reset(void);

/*
 * sigsink.c
 */
struct sigsink {
	struct sigsink	*ss_next;	/* constant once it can be found */
	_Atomic uint64_t ss_ring;	/* [a] */
	_Atomic uint32_t ss_users;	/* [a] ringing just now; SINK_CLOSING */
	_Atomic int	ss_bell;	/* [a] descriptor + 1 */
	bool		ss_used;	/* [S] */
	_Atomic int	ss_sfd;		/* [A] descriptor + 1 */
	_Atomic uint64_t ss_read;	/* [A] */
	uint64_t	ss_installed;	/* [S] what the signalfd has */
};
extern _Atomic(struct sigsink *) sig_sinks;	/* [A] never shrinks */

/* One arrived; true if it is a new one, which is counted. */
bool	sig_arrived(int sig);
/* The next n arrivals are our own doing; n < 0: forget that. */
void	sig_resend(int sig, int n);
/* Count one that is never sent. */
void	sig_count(int sig);
/*
 * Count what has arrived of one signal at the signalfds, and whatever else they
 * have: those of the set that is returned have to be rung for.  Also under
 * siglock(), but sig_collectsettle() after it, which takes the lock: what
 * looked blocked only because a thread was in between is given back.
 */
uint64_t sig_collect(int sig, uint64_t *againp);
void	sig_collectsettle(uint64_t again);
/* After a signal was sent by ourselves: before the next can merge with it. */
void	sig_collectnow(int sig);
/* Wait, not for ever, for those who just now read from a signalfd. */
void	sig_collected(void);
/* [siglock] Have the signalfds follow sig_read. */
void	sigsink_install(void);
/* Forget all: for sig_forkchild(). */
void	sigsink_reset(void);

/*
 * sigowed.c
 */
/* Keep one that was taken; lock-free. */
void	owed_put(const siginfo_t *);
/* The signals of which some are kept for this thread. */
uint64_t owed_set(void);
/*
 * [siglock] Queue again what was taken: to this thread, which is about to look
 * for it, with all that the sender said of it; or to those it was sent to.
 */
void	owed_giveback(uint64_t bits, bool process);
void	owed_drop(uint64_t bits);
/*
 * [siglock] What is pending already was sent before the registration, and does
 * not count (SIG-8): it is owed, as if it had been read.
 */
void	owed_drain(int sig);
/* Forget all: for sig_forkchild(). */
void	owed_reset(void);

/*
 * sigmask.c
 */
/* sigprocmask(), but for errno; 0 or errno. */
int	sig_domask(int how, const sigset_t *, sigset_t *old);
/*
 * A thread is about to have these unblocked for a while (temporary) or for
 * good, or to wait for them: nobody takes them away any more, and what was
 * taken comes back.  Each temporary one ends with sig_closing(), which also
 * looks at what may be read of more.
 */
void	sig_opening(uint64_t bits, bool temporary, bool wait);
void	sig_closing(uint64_t bits, uint64_t more);
/* Is somebody about to read what this thread does not block? */
void	sig_masksettle(void);

#pragma GCC visibility pop

#endif /* !_KQ_SIGSTATE_H_ */
