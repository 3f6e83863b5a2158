/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux, as lx.h shows it: signals and processes.  The rules are those of
 * lx.h: 0 or a positive errno, errno stays as it was, all async-signal-safe.
 *
 * The last block is what src/interpose offers to the filters.
 */
#ifndef _KQ_LX_PROC_H_
#define	_KQ_LX_PROC_H_

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Not instrumented: runs in handlers, and before a sanitizer is set up.
 */
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define	LX_BARE	__attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef LX_BARE
#define	LX_BARE	__attribute__((no_sanitize_thread, no_sanitize_address,	\
		    no_sanitize_undefined))
#endif

/*
 * Signals and threads (signalfd.c).  A set is the kernel's: bit signo - 1.
 */
#define	LX_NSIG		64
#define	LX_SIGBIT(sig)	((uint64_t)1 << ((sig) - 1))

uint64_t lx_sigset(const sigset_t *);
void	lx_sigset_put(uint64_t set, sigset_t *);
/* The sets of a signal frame (the third argument of a handler). */
uint64_t lx_ucontext_mask(void *ctx);
void	lx_ucontext_setmask(void *ctx, uint64_t set);
/* Exchange the thread's mask, the thread library's own signals included. */
void	lx_sigmask(uint64_t set, uint64_t *oldp);
void	lx_sigmask_get(uint64_t *setp);
/* What is blocked and pending for the process or this thread. */
uint64_t lx_sigpending(void);
/*
 * The kernel's table, past every libc and sanitizer.  restart and others of
 * SA_* are in flags; handler may be SIG_DFL.
 */
int	lx_sigaction(int sig, const struct sigaction *, struct sigaction *oldp);
/* A nonblocking signalfd; or give the existing one another set. */
int	lx_signalfd(int *fdp);
int	lx_signalfd_set(int fd, uint64_t set);

/* What was fetched from a signalfd. */
struct lx_siginfo {
	int	ls_signo;
	int	ls_code;
	siginfo_t ls_info;		/* as a handler would have got it */
};
/* Up to max signals; *np is 0 when none is pending. */
int	lx_signalfd_read(int fd, struct lx_siginfo *, int max, int *np);
/* Queue a signal to this process, or to one thread of it (tid != 0). */
int	lx_sigqueue(int tid, const siginfo_t *);
/* The same with a number for the handler (si_value), and a code of its own. */
int	lx_sigtell(int tid, int sig, uintptr_t value);
#define	LX_SI_TELL	(-0x6b71)

int	lx_gettid(void);
/*
 * Open dir/n/file for reading; dir begins and ends with "/".  At most 63
 * characters in all.
 */
int	lx_procfile(const char *dir, int n, const char *file, int *fdp);
/* The number of threads, 0 when /proc cannot tell. */
int	lx_nthreads(void);
/*
 * Call fn for each thread id of this process, in the kernel's order; ENOENT
 * without /proc.
 */
int	lx_threads(void (*fn)(int tid, void *arg), void *arg);
/*
 * The mask of one of our threads; ESRCH when it is gone.  Where it cannot be
 * had, for want of a descriptor, say, the thread may block nothing.
 */
int	lx_thread_mask(int tid, uint64_t *setp);

/*
 * Processes (pidfd.c).
 */
/* ESRCH for a pid that is no process, also for a thread's. */
int	lx_pidfd(int pid, int *fdp);
/*
 * The wait status of a process that ended.  *statusp is 0 and *surep false
 * where nobody may know it yet; true is final.
 */
void	lx_pidfd_status(int fd, int pid, int *statusp, bool *surep);
/* Has it been waited for?  Its number may then be another's. */
bool	lx_pidfd_reaped(int fd);
/*
 * Call fn for each process with its parent, by /proc.
 */
int	lx_processes(void (*fn)(int pid, int ppid, void *arg), void *arg);
/*
 * Call fn for each child of this process, zombies included, or for those that
 * one thread made.  Without CONFIG_PROC_CHILDREN they are searched in all of
 * /proc, and a thread is given those of all.
 */
int	lx_children(int tid, void (*fn)(int pid, void *arg), void *arg);
/*
 * Of a child: 0 if it is alive and will send SIGCHLD, ESRCH if it is gone, EBUSY
 * if it is a zombie, or will send something else (clone(2)).
 */
int	lx_child(int pid);

/*
 * The proc connector (procconn.c).
 */
#define	LX_PROC_FORK	1
#define	LX_PROC_EXEC	2
#define	LX_PROC_EXIT	3

struct lx_procev {
	int	lp_what;		/* LX_PROC_* */
	int	lp_pid;			/* process; FORK: the parent */
	int	lp_child;		/* FORK */
	int	lp_status;		/* EXIT: wait status */
};

/*
 * A socket that gets nothing yet, after a test that it would: EPERM,
 * EOPNOTSUPP (another pid or network namespace, or not in the kernel) ...
 */
int	lx_procconn(int *fdp);
/* Let pass what concerns these pids; all of it if n is negative. */
int	lx_procconn_filter(int fd, const int *pids, int n);
/*
 * Fetch up to max events, without sleeping.  *np is 0 when there are none.
 * ENOBUFS: some were lost.
 */
int	lx_procconn_read(int fd, struct lx_procev *, int max, int *np);
/* A buffer as large as we may have. */
void	lx_procconn_buffer(int fd);

/*
 * The signals of this process: src/interpose, whose sigstate.h tells how.
 */
struct sigsink;

/* Signals are counted from sigwatch_add() to sigwatch_del(), which nest. */
int	sigwatch_add(int sig);
void	sigwatch_del(int sig);
uint64_t sigwatch_count(int sig);
/*
 * Where a kqueue hears of them: an eventfd that rings and a signalfd that
 * becomes readable when one of set arrives.
 */
int	sigsink_get(struct sigsink **);
void	sigsink_put(struct sigsink *);
int	sigsink_bell(struct sigsink *);
int	sigsink_signalfd(struct sigsink *, int *fdp);
/* ring: those whose arrival rings the bell; read: the signalfd's. */
void	sigsink_set(struct sigsink *, uint64_t ring, uint64_t read);
/* Count what has arrived at the sink's signalfd. */
void	sigsink_collect(struct sigsink *);

/* Ring every sink whose ring set has one of these. */
void	sigsink_ring(uint64_t set, const struct sigsink *except);

/*
 * The forks of this process, counted; each rings the sinks that ask for
 * SIGSINK_FORKBIT, the bit of a signal that is never a program's.
 */
#define	SIGSINK_FORKBIT	LX_SIGBIT(33)
uint64_t kq_selfforks(void);
void	kq_selfforked(void);

/*
 * For spawn.c: the mask and the dispositions that a new program shall have.
 * sigspawn_begin() gives SIG_IGN back to the kernel and, with mask, the
 * program's mask to the thread; sigspawn_end() undoes it.  Meanwhile children
 * end without SIGCHLD: one is counted then.  pid is that of the new child; 0 if
 * there is none, and -1 if it is not known.
 */
struct sigspawn {
	uint64_t ss_mask;		/* the thread's, the kernel's view */
	uint64_t ss_program;		/* what the program believes it is */
	bool	ss_chld;		/* SIGCHLD was given back */
	struct sigchildren *ss_children; /* those to look for, or NULL */
	uint64_t ss_count;		/* of SIGCHLD, when they were seen */
};
bool	sigspawn_needed(void);
void	sigspawn_begin(struct sigspawn *, bool mask);
void	sigspawn_end(struct sigspawn *, int pid);
/* In a forked child: every mask and disposition becomes the program's. */
void	sig_forkchild(void);

#pragma GCC visibility pop

#endif /* !_KQ_LX_PROC_H_ */
