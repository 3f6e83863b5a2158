/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel that refuses: what the interposed functions do where a system call
 * is missing, or a seccomp filter answers with an errno.  Each case is a child,
 * for a filter stays.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>

#include "kq_test.h"

int	close_range(unsigned int, unsigned int, int);
void	closefrom(int);
#ifndef SYS_close_range
#define	SYS_close_range	436
#endif
#ifndef SYS_clone3
#define	SYS_clone3	435
#endif

/*
 * From now on this thread's call fails, if the argument has one of these bits;
 * false where that cannot be had.
 */
static bool
refuse_if(long nr, int arg, unsigned bits, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    (unsigned)offsetof(struct seccomp_data, args) +
		    8 * (unsigned)arg),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
		    SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 6, code };

	return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
}

/* Always. */
static bool
refuse(long nr, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
		    SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, code };

	return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
}

#define	REFUSE(nr, error)						\
do {									\
	if (!refuse(nr, error))						\
		return (-1);						\
} while (0)
/* Directories are not opened, so that /proc does not list. */
#define	REFUSE_DIRECTORIES(error)					\
do {									\
	if (!refuse_if(SYS_openat, 2, O_DIRECTORY, error))		\
		return (-1);						\
} while (0)
#define	WANT(e)								\
do {									\
	if (!(e))							\
		return (__LINE__);					\
} while (0)

/* Run it in a child: 0, the line that failed, or -1 for a skip. */
#define	CHILD(fn)	child(fn, __FILE__, __LINE__)

static void
child(int (*fn)(void), const char *file, int line)
{
	int fds[2], result, st;
	pid_t pid;

	ATF_REQUIRE_EQ(0, pipe(fds));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		/* Where no test closes it. */
		if (dup2(fds[1], 900) == -1)
			_exit(1);
		result = fn();
		_exit(write(900, &result, sizeof(result)) ==
		    sizeof(result) ? 0 : 1);
	}
	close(fds[1]);
	result = 0;
	st = read(fds[0], &result, sizeof(result)) == sizeof(result);
	close(fds[0]);
	ATF_REQUIRE_EQ_MSG(1, st, "%s:%d: no answer", file, line);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	if (result == -1)
		atf_tc_skip("no seccomp filters");
	ATF_REQUIRE_EQ_MSG(0, st, "%s:%d: status %#x", file, line, st);
	ATF_REQUIRE_EQ_MSG(0, result, "%s:%d: line %d", file, line, result);
}

static bool
isopen(int fd)
{
	return (fcntl(fd, F_GETFD) != -1);
}

/* 20 .. 700 closed but for what is the library's, by one of two functions. */
static int
closes_all(void)
{
	struct kevent kev;
	int fds[2], i, kq;

	WANT(pipe(fds) == 0);
	WANT((kq = kqueue()) != -1 && dup2(kq, 15) == 15);
	close(kq);
	kq = 15;
	for (i = 20; i < 700; i += 7)
		WANT(dup2(fds[0], i) == i);
	WANT(kq_test_change(kq, 27, EVFILT_READ, EV_ADD, 0, 0, NULL) == 0);
	WANT(kq_test_change(kq, (uintptr_t)fds[0], EVFILT_READ, EV_ADD, 0, 0,
	    NULL) == 0);
	/* The library's own descriptors are far up. */
	WANT(kq_test_change(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0,
	    NULL) == 0);
	WANT(dup2(900, 16) == 16);
	closefrom(20);
	for (i = 20; i < 700; i += 7)
		WANT(!isopen(i));
	WANT(!isopen(900));
	WANT(isopen(fds[0]));
	WANT(isopen(kq));
	WANT(dup2(16, 900) == 900);
	/* Its knote is gone with it; the others work. */
	WANT(kq_test_change(kq, 27, EVFILT_READ, EV_DELETE, 0, 0, NULL) !=
	    0);
	WANT(kq_test_change(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL) ==
	    0);
	WANT(kq_test_collect(kq, &kev, 1) == 1 && kev.filter == EVFILT_USER);
	WANT(write(fds[1], "x", 1) == 1);
	WANT(kq_test_collect(kq, &kev, 1) == 1 && kev.filter == EVFILT_READ);
	return (0);
}

static int
no_close_range(void)
{
	int fds[2];

	REFUSE(SYS_close_range, ENOSYS);
	WANT(pipe(fds) == 0);
	WANT(close_range(700, 800, 0) == -1 && errno == ENOSYS);
	return (closes_all());
}

static int
forbidden_close_range(void)
{
	REFUSE(SYS_close_range, EPERM);
	return (closes_all());
}

static int
no_close_range_no_proc(void)
{
	struct rlimit rl;

	/* Up to this it is tried. */
	WANT(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	if (rl.rlim_cur > 65536)
		rl.rlim_cur = 65536;
	WANT(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	REFUSE(SYS_close_range, ENOSYS);
	REFUSE_DIRECTORIES(ENOENT);
	return (closes_all());
}

static int
with_close_range(void)
{
	return (closes_all());
}

KQ_TC(closefrom_new, "REG-32: closefrom(): all but what is the library's")
{
	CHILD(with_close_range);
}

KQ_TC(closefrom_old, "REG-32: closefrom() without close_range(2)")
{
	CHILD(no_close_range);
}

KQ_TC(closefrom_forbidden, "REG-32: closefrom() where close_range is forbidden")
{
	CHILD(forbidden_close_range);
}

KQ_TC(closefrom_proc, "REG-32: closefrom() without close_range and /proc")
{
	CHILD(no_close_range_no_proc);
}

static int
range_refused(void)
{
	int fds[2], kq;

	WANT((kq = kqueue()) != -1 && pipe(fds) == 0);
	WANT(kq_test_change(kq, (uintptr_t)fds[0], EVFILT_READ, EV_ADD, 0, 0,
	    NULL) == 0);
	REFUSE(SYS_close_range, EPERM);
	WANT(close_range((unsigned)fds[0], (unsigned)fds[1], 0) == -1 &&
	    errno == EPERM);
	/* Nothing was closed, nothing forgotten. */
	WANT(isopen(fds[0]) && isopen(fds[1]));
	return (kq_test_change(kq, (uintptr_t)fds[0], EVFILT_READ, EV_DELETE,
	    0, 0, NULL));
}

KQ_TC(close_range_refused, "REG-32: close_range() that fails closes nothing")
{
	CHILD(range_refused);
}

static volatile sig_atomic_t hits;

static void
on_signal(int sig)
{
	(void)sig;
	hits++;
}

static bool
kernel_blocks(int sig)
{
	uint64_t set = 0;

	(void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &set, sizeof(set));
	return ((set & (uint64_t)1 << (sig - 1)) != 0);
}

/* Once the signal stayed blocked after the failure. */
static int
no_sigaction(void)
{
	struct kevent kev;
	struct sigaction sa;
	int kq;

	WANT((kq = kqueue()) != -1);
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	signal(SIGCHLD, SIG_IGN);
	WANT(kq_test_change(kq, SIGUSR2, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    0);
	REFUSE(SYS_rt_sigaction, EPERM);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    EPERM);
	WANT(kq_test_change(kq, SIGCHLD, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    EPERM);
	WANT(!kernel_blocks(SIGCHLD));
	/* A change fails, and what was goes on. */
	WANT(signal(SIGUSR2, SIG_IGN) == SIG_ERR && errno == EPERM);
	WANT(sigaction(SIGUSR2, NULL, &sa) == 0);
	WANT(sa.sa_handler == on_signal);
	WANT(kill(getpid(), SIGUSR2) == 0 && hits == 1);
	WANT(kq_test_collect(kq, &kev, 1) == 1 && kev.data == 1);
	WANT(!kernel_blocks(SIGUSR2));
	return (0);
}

/* Actions are told, but not set. */
static int
no_sigaction_set(void)
{
	int kq;

	WANT((kq = kqueue()) != -1);
	signal(SIGUSR1, on_signal);
	signal(SIGCHLD, SIG_IGN);
	if (!refuse_if(SYS_rt_sigaction, 1, ~0u, EPERM))
		return (-1);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    EPERM);
	WANT(kq_test_change(kq, SIGCHLD, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    EPERM);
	WANT(!kernel_blocks(SIGCHLD));
	WANT(kq_test_change(kq, SIGCHLD, EVFILT_SIGNAL, EV_DELETE, 0, 0,
	    NULL) == ENOENT);
	WANT(kill(getpid(), SIGUSR1) == 0 && hits == 1);
	return (0);
}

KQ_TC(sigaction_refused, "SIG-7: EV_ADD fails where sigaction() does")
{
	CHILD(no_sigaction);
	hits = 0;
	CHILD(no_sigaction_set);
}

static pthread_barrier_t ready;

static void *
idle(void *arg)
{
	pthread_barrier_wait(&ready);
	for (;;)
		pause();
	return (arg);
}

/* Other threads cannot be looked at, or be told. */
static int
with_threads(int how)
{
	struct kevent kev;
	pthread_t t;
	int kq;

	pthread_barrier_init(&ready, NULL, 2);
	WANT(pthread_create(&t, NULL, idle, NULL) == 0);
	pthread_barrier_wait(&ready);
	WANT((kq = kqueue()) != -1);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_signal);
	if (how == 0)
		REFUSE_DIRECTORIES(ENOENT);
	else if (how == 1)
		REFUSE(SYS_getdents64, EPERM);
	else
		REFUSE(SYS_rt_tgsigqueueinfo, EAGAIN);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    0);
	WANT(kq_test_change(kq, SIGUSR2, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    0);
	/* What is caught needs nobody's mask. */
	WANT(raise(SIGUSR2) == 0 && hits == 1);
	WANT(kq_test_collect(kq, &kev, 1) == 1 && kev.ident == SIGUSR2);
	/* And what is ignored counts where it is sent to a thread. */
	WANT(raise(SIGUSR1) == 0);
	WANT(kq_test_collect(kq, &kev, 1) == 1 && kev.ident == SIGUSR1);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0,
	    NULL) == 0);
	WANT(!kernel_blocks(SIGUSR1));
	return (0);
}

static int
no_proc(void)
{
	return (with_threads(0));
}

static int
no_list(void)
{
	return (with_threads(1));
}

static int
no_queue(void)
{
	return (with_threads(2));
}

KQ_TC(threads_unseen, "SIG-3: signals without a /proc that lists the threads")
{
	CHILD(no_proc);
	CHILD(no_list);
}

KQ_TC(threads_untold, "SIG-3: signals where other threads cannot be told")
{
	CHILD(no_queue);
}

static int
no_eventfd(void)
{
	int kq;

	WANT((kq = kqueue()) != -1);
	WANT(kq_test_change(kq, 1, EVFILT_USER, EV_ADD, 0, 0, NULL) == 0);
	REFUSE(SYS_eventfd2, EMFILE);
	signal(SIGUSR1, SIG_IGN);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    EMFILE);
	return (kernel_blocks(SIGUSR1));
}

static int
no_signalfd(void)
{
	sigset_t set;
	int kq;

	WANT((kq = kqueue()) != -1);
	REFUSE(SYS_signalfd4, EMFILE);
	signal(SIGUSR1, SIG_IGN);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    EMFILE);
	/* What was registered in part is gone. */
	sigemptyset(&set);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0,
	    NULL) == ENOENT);
	return (kernel_blocks(SIGUSR1));
}

KQ_TC(no_descriptors, "SIG-2: EV_ADD fails without a descriptor to hear by")
{
	CHILD(no_eventfd);
	CHILD(no_signalfd);
}

static int
no_waits(void)
{
	sigset_t set;
	int kq, sig;

	WANT((kq = kqueue()) != -1);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    0);
	REFUSE(SYS_rt_sigtimedwait, EPERM);
	REFUSE(SYS_rt_sigpending, EPERM);
	REFUSE(SYS_rt_sigqueueinfo, EPERM);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	errno = 77;
	WANT(sigwait(&set, &sig) == EPERM && errno == 77);
	WANT(sigwaitinfo(&set, NULL) == -1 && errno == EPERM);
	WANT(sigpending(&set) == -1 && errno == EPERM);
	WANT(sigqueue(getpid(), SIGUSR1, (union sigval){ 0 }) == -1 &&
	    errno == EPERM);
	return (0);
}

KQ_TC(waits_refused, "SIG-7: sigwait() and sigpending() that fail say why")
{
	CHILD(no_waits);
}

static int
no_fork(void)
{
	struct sigaction sa;
	int kq;

	WANT((kq = kqueue()) != -1);
	WANT(kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL) ==
	    0);
	REFUSE(SYS_clone, EAGAIN);
	REFUSE(SYS_clone3, EAGAIN);
#ifdef SYS_vfork
	REFUSE(SYS_vfork, EAGAIN);
#endif
#ifdef SYS_fork
	REFUSE(SYS_fork, EAGAIN);
#endif
	WANT(system("true") == -1 && errno == EAGAIN);
	WANT(sigaction(SIGINT, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL);
	WANT(!kernel_blocks(SIGCHLD));
	WANT(popen("true", "r") == NULL);
	WANT(!kernel_blocks(SIGUSR1));
	return (0);
}

KQ_TC(system_no_fork, "SIG-9: system() and popen() where no process is to be had")
{
	CHILD(no_fork);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, closefrom_new);
	ATF_TP_ADD_TC(tp, closefrom_old);
	ATF_TP_ADD_TC(tp, closefrom_forbidden);
	ATF_TP_ADD_TC(tp, closefrom_proc);
	ATF_TP_ADD_TC(tp, close_range_refused);
	ATF_TP_ADD_TC(tp, sigaction_refused);
	ATF_TP_ADD_TC(tp, threads_unseen);
	ATF_TP_ADD_TC(tp, threads_untold);
	ATF_TP_ADD_TC(tp, no_descriptors);
	ATF_TP_ADD_TC(tp, waits_refused);
	ATF_TP_ADD_TC(tp, system_no_fork);

	return (atf_no_error());
}
