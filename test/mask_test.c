/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIG-7: a program's masks, dispositions and waits are its own while signals
 * are watched, through every function that reads or changes them.  What a case
 * expects is what the manual pages promise without a kqueue; the same is
 * checked with the signal watched and unwatched.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "kq_test.h"

/* sighold() and the others that POSIX has marked obsolescent. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* Not in the headers under every condition, or in every libc. */
typedef void (*handler_t)(int);
handler_t ssignal(int, handler_t);
handler_t bsd_signal(int, handler_t);
handler_t sysv_signal(int, handler_t);
handler_t __sysv_signal(int, handler_t);
int	sigblock(int);
int	sigsetmask(int);
int	siggetmask(void);
#ifndef SIG_HOLD
#define	SIG_HOLD	((handler_t)2)
#endif

#define	M(sig)		(1 << ((sig) - 1))

/* Also read by other threads than the one that handles. */
static _Atomic int hits;

static void
on_signal(int sig)
{
	(void)sig;
	hits++;
}

static void
on_other(int sig)
{
	(void)sig;
}

static sigset_t
set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig != 0)
		sigaddset(&set, sig);
	return (set);
}

static bool
isblocked(int sig)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return (sigismember(&set, sig) == 1);
}

static bool
ispending(int sig)
{
	sigset_t set;

	sigpending(&set);
	return (sigismember(&set, sig) == 1);
}

static void
mask(int how, int sig)
{
	sigset_t set = set_of(sig);

	ATF_REQUIRE_EQ(0, sigprocmask(how, &set, NULL));
}

#define	SEND(sig)	ATF_REQUIRE_EQ(0, kill(getpid(), sig))
#define	ADD(kq, sig)	KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_ADD, 0, 0)
#define	DELETE(kq, sig)	KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_DELETE, 0, 0)
#define	COUNT(kq, sig, n) KQ_EXPECT(kq, sig, EVFILT_SIGNAL, .data = (n))

/* Twice, the second time with the signal watched. */
#define	BOTH(kq, sig)							\
	for (int kq_pass = 0; kq_pass < 2; kq_pass++,			\
	    kq_pass == 1 ? (void)kq_test_change(kq, sig, EVFILT_SIGNAL,	\
	    EV_ADD, 0, 0, NULL) : (void)0)

KQ_TC(systemv, "SIG-7: sigset, sighold, sigrelse and sigignore")
{
	int kq = KQ_OPEN();

	BOTH(kq, SIGUSR1) {
		hits = 0;
		ATF_CHECK(sigset(SIGUSR1, on_signal) == SIG_DFL);
		SEND(SIGUSR1);
		ATF_CHECK_EQ(1, hits);
		ATF_CHECK_EQ(0, sighold(SIGUSR1));
		ATF_CHECK(isblocked(SIGUSR1));
		SEND(SIGUSR1);
		ATF_CHECK_EQ(1, hits);
		ATF_CHECK(ispending(SIGUSR1));
		ATF_CHECK_EQ(0, sigrelse(SIGUSR1));
		ATF_CHECK(!isblocked(SIGUSR1));
		ATF_CHECK_EQ(2, hits);
		/* SIG_HOLD blocks and leaves the handler. */
		ATF_CHECK(sigset(SIGUSR1, SIG_HOLD) == on_signal);
		ATF_CHECK(isblocked(SIGUSR1));
		ATF_CHECK(sigset(SIGUSR1, SIG_HOLD) == SIG_HOLD);
		/* A disposition unblocks; the old answer is that it was held. */
		ATF_CHECK(sigset(SIGUSR1, on_other) == SIG_HOLD);
		ATF_CHECK(!isblocked(SIGUSR1));
		ATF_CHECK(sigset(SIGUSR1, on_signal) == on_other);
		ATF_CHECK_EQ(0, sigignore(SIGUSR1));
		SEND(SIGUSR1);
		ATF_CHECK_EQ(2, hits);
		ATF_CHECK(!isblocked(SIGUSR1));
		ATF_CHECK(!ispending(SIGUSR1));
		ATF_CHECK(sigset(SIGUSR1, SIG_DFL) == SIG_IGN);
	}
	COUNT(kq, SIGUSR1, 3);
	ATF_CHECK_ERRNO(EINVAL, sigset(0, on_signal) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, sigset(65, SIG_HOLD) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, sigset(SIGKILL, on_signal) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, sighold(0) == -1);
	ATF_CHECK_ERRNO(EINVAL, sigrelse(65) == -1);
	ATF_CHECK_ERRNO(EINVAL, sigignore(SIGSTOP) == -1);
}

KQ_TC(bsdmasks, "SIG-7: sigblock, sigsetmask and siggetmask of 4.2BSD")
{
	int kq = KQ_OPEN(), old;

	old = siggetmask();
	BOTH(kq, SIGUSR1) {
		ATF_CHECK_EQ(old, sigblock(M(SIGUSR1)));
		ATF_CHECK_EQ(old | M(SIGUSR1), siggetmask());
		ATF_CHECK_EQ(old | M(SIGUSR1), sigblock(M(SIGUSR2)));
		ATF_CHECK(isblocked(SIGUSR1) && isblocked(SIGUSR2));
		ATF_CHECK_EQ(old | M(SIGUSR1) | M(SIGUSR2),
		    sigsetmask(old | M(SIGHUP)));
		ATF_CHECK(!isblocked(SIGUSR1) && isblocked(SIGHUP));
		ATF_CHECK_EQ(old | M(SIGHUP), sigsetmask(old));
		ATF_CHECK_EQ(old, siggetmask());
	}
}

KQ_TC(interrupt, "SIG-7: siginterrupt() is kept by later signal() calls")
{
	int kq = KQ_OPEN();
	struct sigaction sa;

	BOTH(kq, SIGUSR1) {
		signal(SIGUSR1, on_signal);
		sigaction(SIGUSR1, NULL, &sa);
		ATF_CHECK_EQ(SA_RESTART, sa.sa_flags & SA_RESTART);
		ATF_CHECK_EQ(0, siginterrupt(SIGUSR1, 1));
		sigaction(SIGUSR1, NULL, &sa);
		ATF_CHECK_EQ(0, sa.sa_flags & SA_RESTART);
		ATF_CHECK(sa.sa_handler == on_signal);
		ATF_CHECK(signal(SIGUSR1, on_other) == on_signal);
		sigaction(SIGUSR1, NULL, &sa);
		ATF_CHECK_EQ(0, sa.sa_flags & SA_RESTART);
		ATF_CHECK_EQ(0, siginterrupt(SIGUSR1, 0));
		sigaction(SIGUSR1, NULL, &sa);
		ATF_CHECK_EQ(SA_RESTART, sa.sa_flags & SA_RESTART);
	}
	ATF_CHECK_ERRNO(EINVAL, siginterrupt(0, 1) == -1);
	ATF_CHECK_ERRNO(EINVAL, siginterrupt(65, 1) == -1);
}

KQ_TC(signals, "SIG-7: signal() by its other names, and what they refuse")
{
	int kq = KQ_OPEN();
	struct sigaction sa;

	BOTH(kq, SIGUSR1) {
		ATF_CHECK(ssignal(SIGUSR1, on_signal) == SIG_DFL);
		ATF_CHECK(bsd_signal(SIGUSR1, on_other) == on_signal);
		sigaction(SIGUSR1, NULL, &sa);
		ATF_CHECK_EQ(SA_RESTART, sa.sa_flags & (SA_RESTART |
		    SA_NODEFER | (int)SA_RESETHAND));
		ATF_CHECK(__sysv_signal(SIGUSR1, on_signal) == on_other);
		sigaction(SIGUSR1, NULL, &sa);
		ATF_CHECK_EQ(SA_NODEFER | (int)SA_RESETHAND, sa.sa_flags &
		    (SA_RESTART | SA_NODEFER | (int)SA_RESETHAND));
		hits = 0;
		SEND(SIGUSR1);
		ATF_CHECK_EQ(1, hits);
		ATF_CHECK(sysv_signal(SIGUSR1, SIG_IGN) == SIG_DFL);
		ATF_CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
	}
	COUNT(kq, SIGUSR1, 1);
	ATF_CHECK_ERRNO(EINVAL, signal(0, on_signal) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, signal(65, on_signal) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, signal(SIGKILL, on_signal) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, signal(SIGUSR1, SIG_ERR) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, sysv_signal(-1, on_signal) == SIG_ERR);
	ATF_CHECK_ERRNO(EINVAL, sigaction(65, NULL, &sa) == -1);
	ATF_CHECK_ERRNO(EINVAL, sigaction(-1, NULL, &sa) == -1);
	ATF_CHECK_ERRNO(EINVAL, sigaction(32, NULL, &sa) == -1);
}

KQ_TC(procmask, "SIG-7: sigprocmask(): old masks, what is refused, errno")
{
	int i, kq = KQ_OPEN();
	sigset_t all, old, set;

	sigfillset(&all);
	BOTH(kq, SIGUSR1) {
		for (i = 0; i < 2; i++) {
			signal(SIGUSR1, i == 0 ? SIG_IGN : on_signal);
			mask(SIG_SETMASK, SIGUSR2);
			set = set_of(SIGUSR1);
			errno = 77;
			ATF_CHECK_EQ(0, sigprocmask(SIG_BLOCK, &set, &old));
			ATF_CHECK_EQ(77, errno);
			ATF_CHECK_EQ(0, sigismember(&old, SIGUSR1));
			ATF_CHECK_EQ(1, sigismember(&old, SIGUSR2));
			ATF_CHECK_EQ(0, sigprocmask(SIG_UNBLOCK, &set, &old));
			ATF_CHECK_EQ(1, sigismember(&old, SIGUSR1));
			ATF_CHECK(!isblocked(SIGUSR1) && isblocked(SIGUSR2));
			ATF_CHECK_EQ(0, sigprocmask(SIG_SETMASK, &all, NULL));
			ATF_CHECK(isblocked(SIGUSR1) && isblocked(SIGTERM));
			ATF_CHECK(isblocked(SIGRTMAX) &&
			    isblocked(SIGRTMAX - 1));
			/* Nobody blocks these. */
			ATF_CHECK(!isblocked(SIGKILL) && !isblocked(SIGSTOP));
			ATF_CHECK_EQ(EINVAL, pthread_sigmask(99, &set, &old));
			ATF_CHECK_ERRNO(EINVAL,
			    sigprocmask(99, &set, &old) == -1);
			/* Without a set it does not matter. */
			ATF_CHECK_EQ(0, sigprocmask(SIG_BLOCK, NULL, &old));
			ATF_CHECK_EQ(1, sigismember(&old, SIGHUP));
			mask(SIG_SETMASK, 0);
			ATF_CHECK(!isblocked(SIGRTMAX - 1));
		}
		signal(SIGUSR1, SIG_DFL);
	}
}

KQ_TC(ignored_blocked, "SIG-7: what is ignored and blocked vanishes unblocked")
{
	int kq = KQ_OPEN();

	signal(SIGUSR1, SIG_IGN);
	mask(SIG_BLOCK, SIGUSR1);
	ADD(kq, SIGUSR1);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	/* Linux keeps it pending as long as it is blocked. */
	ATF_CHECK(ispending(SIGUSR1));
	mask(SIG_UNBLOCK, SIGUSR1);
	ATF_CHECK(!ispending(SIGUSR1));
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	ATF_CHECK(!ispending(SIGUSR1));
	ATF_CHECK(!isblocked(SIGUSR1));
	signal(SIGUSR1, on_signal);
	ATF_CHECK_EQ(0, hits);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(1, hits);
	COUNT(kq, SIGUSR1, 1);
}

static int wait_ep = -1;

/* One wait with a mask that is empty, which a signal or the clock ends. */
static int
wait_with(int how, const sigset_t *set, const struct timespec *ts)
{
	struct epoll_event ev;

	switch (how) {
	case 0:
		return (ppoll(NULL, 0, ts, set));
	case 1:
		return (pselect(0, NULL, NULL, NULL, ts, set));
	case 2:
		return (epoll_pwait(wait_ep, &ev, 1, ts == NULL ? -1 :
		    (int)ts->tv_sec * 1000, set));
	default:
		/* It has to have one, as the compiler knows. */
		return (set == NULL ? -1 : sigsuspend(set));
	}
}

KQ_TC(masked_waits, "SIG-7: ppoll, pselect, epoll_pwait and sigsuspend")
{
	struct timespec patience = { KQ_PATIENCE, 0 }, zero = { 0, 0 };
	sigset_t none = set_of(0), usr2 = set_of(SIGUSR2);
	int how, kq = KQ_OPEN();

	ATF_REQUIRE((wait_ep = epoll_create1(0)) != -1);
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	for (how = 0; how < 3; how++) {
		/* Nothing is watched, nothing pends. */
		ATF_CHECK_EQ(0, wait_with(how, &none, &zero));
		ATF_CHECK_EQ(0, wait_with(how, NULL, &zero));
	}
	BOTH(kq, SIGUSR1) {
		for (how = 0; how < 4; how++) {
			mask(SIG_BLOCK, SIGUSR1);
			hits = 0;
			SEND(SIGUSR1);
			ATF_CHECK_EQ(0, hits);
			/* Counted and taken before, or not. */
			if (kq_pass == 1 && how % 2 == 0)
				COUNT(kq, SIGUSR1, 1);
			ATF_CHECK_ERRNO(EINTR,
			    wait_with(how, &none, &patience) == -1);
			ATF_CHECK_EQ(1, hits);
			if (kq_pass == 1 && how % 2 == 1)
				COUNT(kq, SIGUSR1, 1);
			ATF_CHECK(isblocked(SIGUSR1));
			/* It came once. */
			mask(SIG_UNBLOCK, SIGUSR1);
			ATF_CHECK_EQ(1, hits);
			if (kq_pass == 1)
				KQ_EXPECT_NOTHING(kq);
			if (how < 3) {
				ATF_CHECK_EQ(0, wait_with(how, &none, &zero));
				ATF_CHECK_EQ(0, wait_with(how, &usr2, &zero));
				ATF_CHECK_EQ(0, wait_with(how, NULL, &zero));
			}
		}
	}
	/* An ignored one ends no wait. */
	ADD(kq, SIGUSR2);
	for (how = 0; how < 3; how++) {
		SEND(SIGUSR2);
		ATF_CHECK_EQ(0, wait_with(how, &none, &zero));
		COUNT(kq, SIGUSR2, 1);
	}
	close(wait_ep);
}

KQ_TC(waitinfo, "SIG-7: sigwaitinfo() and sigtimedwait() tell all")
{
	struct timespec bad = { 0, -1 }, zero = { 0, 0 };
	union sigval value = { .sival_int = 4711 };
	int kq = KQ_OPEN();
	sigset_t set = set_of(SIGUSR1);
	siginfo_t si;

	mask(SIG_BLOCK, SIGUSR1);
	BOTH(kq, SIGUSR1) {
		ATF_REQUIRE_EQ(0, sigqueue(getpid(), SIGUSR1, value));
		if (kq_pass == 1)
			COUNT(kq, SIGUSR1, 1);
		memset(&si, 0, sizeof(si));
		ATF_REQUIRE_EQ(SIGUSR1, sigwaitinfo(&set, &si));
		ATF_CHECK_EQ(SI_QUEUE, si.si_code);
		ATF_CHECK_EQ(4711, si.si_value.sival_int);
		ATF_CHECK_EQ(getpid(), si.si_pid);
		ATF_CHECK_EQ((int)getuid(), (int)si.si_uid);
		ATF_CHECK_ERRNO(EAGAIN, sigtimedwait(&set, NULL, &zero) == -1);
		ATF_CHECK_ERRNO(EINVAL, sigtimedwait(&set, NULL, &bad) == -1);
	}
	KQ_EXPECT_NOTHING(kq);
}

static pthread_barrier_t ready, leave;

static void *
sigwaiter(void *arg)
{
	sigset_t set = set_of(SIGUSR1);
	int error, sig;

	(void)arg;
	pthread_barrier_wait(&ready);
	errno = 77;
	error = sigwait(&set, &sig);
	return ((void *)(intptr_t)(error != 0 || sig != SIGUSR1 ||
	    errno != 77));
}

KQ_TC(sigwait_goes_on, "SIG-7: sigwait() does not return for a handler")
{
	int kq = KQ_OPEN();
	pthread_t t;
	void *ret;
	int i;

	signal(SIGUSR2, on_signal);
	mask(SIG_BLOCK, SIGUSR1);
	pthread_barrier_init(&ready, NULL, 2);
	BOTH(kq, SIGUSR1) {
		hits = 0;
		ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, sigwaiter, NULL));
		pthread_barrier_wait(&ready);
		for (i = 1; i <= 20; i++) {
			ATF_REQUIRE_EQ(0, pthread_kill(t, SIGUSR2));
			while (hits < i)
				sched_yield();
		}
		SEND(SIGUSR1);
		pthread_join(t, &ret);
		ATF_CHECK_EQ(NULL, ret);
	}
	COUNT(kq, SIGUSR1, 1);
}

/* Every signal, as a thread that sees to them all does. */
static void *
allwaiter(void *arg)
{
	struct timespec hour = { 3600, 0 };
	int how = *(int *)arg, sig;
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	pthread_barrier_wait(&ready);
	if (how == 0)
		return ((void *)(intptr_t)(sigwait(&set, &sig) != 0 ? -1 :
		    sig));
	return ((void *)(intptr_t)sigtimedwait(&set, NULL,
	    how == 1 ? NULL : &hour));
}

KQ_TC(sigwait_all, "SIG-7: who waits for every signal gets the program's only")
{
	int how, i, kq = KQ_OPEN();
	pthread_t t;
	void *ret;

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	mask(SIG_BLOCK, SIGHUP);
	ADD(kq, SIGUSR1);
	pthread_barrier_init(&ready, NULL, 2);
	for (how = 0; how < 3; how++) {
		ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, allwaiter, &how));
		pthread_barrier_wait(&ready);
		for (i = 0; i < 50; i++) {
			ADD(kq, SIGUSR2);
			DELETE(kq, SIGUSR2);
		}
		SEND(SIGHUP);
		pthread_join(t, &ret);
		ATF_CHECK_EQ_MSG(SIGHUP, (int)(intptr_t)ret, "%d: %d", how,
		    (int)(intptr_t)ret);
		if ((intptr_t)ret != SIGHUP)
			break;
	}
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
}

static void *
cancelled(void *arg)
{
	int how = *(int *)arg;
	sigset_t none = set_of(0), usr1 = set_of(SIGUSR1);

	pthread_barrier_wait(&ready);
	for (;;) {
		if (how < 4)
			(void)wait_with(how, &none, NULL);
		else
			(void)sigtimedwait(&usr1, NULL, NULL);
	}
	return (NULL);
}

KQ_TC(cancelled_waits, "SIG-3: a cancelled wait leaves its signals counted")
{
	int before, how, i, kq = KQ_OPEN();
	pthread_t t;
	void *ret;

	ATF_REQUIRE((wait_ep = epoll_create1(0)) != -1);
	signal(SIGUSR1, on_signal);
	mask(SIG_BLOCK, SIGUSR1);
	ADD(kq, SIGUSR1);
	pthread_barrier_init(&ready, NULL, 2);
	for (how = 0; how < 5; how++) {
		ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, cancelled, &how));
		pthread_barrier_wait(&ready);
		/* Before the wait or in it. */
		for (i = 0; i < how * 10; i++)
			sched_yield();
		ATF_REQUIRE_EQ(0, pthread_cancel(t));
		pthread_join(t, &ret);
		ATF_CHECK_EQ(PTHREAD_CANCELED, ret);
		SEND(SIGUSR1);
		SEND(SIGUSR1);
		COUNT(kq, SIGUSR1, 2);
	}
	/* The waits have taken what was left from those before. */
	before = hits;
	mask(SIG_UNBLOCK, SIGUSR1);
	ATF_CHECK_EQ(before + 1, hits);
	close(wait_ep);
}

KQ_TC(signalfds, "SIG-7: a signalfd of the program's gets what it asks for")
{
	sigset_t both, usr1 = set_of(SIGUSR1), usr2 = set_of(SIGUSR2);
	struct signalfd_siginfo ssi;
	int fd[40], i, kq = KQ_OPEN();

	both = usr1;
	sigaddset(&both, SIGUSR2);
	sigprocmask(SIG_BLOCK, &both, NULL);
	ADD(kq, SIGUSR1);
	ADD(kq, SIGUSR2);
	/* What was counted is read all the same, and no more is taken. */
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	ATF_REQUIRE((fd[0] = signalfd(-1, &usr1, SFD_NONBLOCK)) != -1);
	ATF_CHECK_EQ((ssize_t)sizeof(ssi), read(fd[0], &ssi, sizeof(ssi)));
	ATF_CHECK_EQ(SIGUSR1, (int)ssi.ssi_signo);
	SEND(SIGUSR1);
	ATF_CHECK_EQ((ssize_t)sizeof(ssi), read(fd[0], &ssi, sizeof(ssi)));
	/* It changes its mind. */
	ATF_REQUIRE_EQ(fd[0], signalfd(fd[0], &usr2, SFD_NONBLOCK));
	SEND(SIGUSR2);
	ATF_CHECK_EQ((ssize_t)sizeof(ssi), read(fd[0], &ssi, sizeof(ssi)));
	ATF_CHECK_EQ(SIGUSR2, (int)ssi.ssi_signo);
	SEND(SIGUSR1);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 2);
	close(fd[0]);
	/* More than the library keeps in mind: they all go on. */
	for (i = 0; i < 40; i++)
		ATF_REQUIRE((fd[i] = signalfd(-1, &usr2, SFD_NONBLOCK)) != -1);
	for (i = 0; i < 40; i++) {
		SEND(SIGUSR2);
		ATF_CHECK_EQ((ssize_t)sizeof(ssi),
		    read(fd[i], &ssi, sizeof(ssi)));
		close(fd[i]);
	}
	ATF_CHECK_ERRNO(EINVAL, signalfd(-1, &usr1, ~0) == -1);
	ATF_CHECK_ERRNO(EBADF, signalfd(1000, &usr1, 0) == -1);
}

/* A handler that does what handlers may do. */

static void
busy_handler(int sig)
{
	struct sigaction sa;
	sigset_t old, set = set_of(SIGUSR2);

	errno = 0;
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	(void)sigpending(&set);
	(void)sigaction(sig, NULL, &sa);
	(void)kill(getpid(), SIGWINCH);
	if (sa.sa_handler == busy_handler && sigismember(&old, sig) == 1 &&
	    isblocked(SIGUSR2) && signal(SIGHUP, SIG_IGN) == on_other &&
	    signal(SIGHUP, on_other) == SIG_IGN)
		hits++;
}

KQ_TC(in_handler, "SIG-7: masks and dispositions in a handler")
{
	int kq = KQ_OPEN();

	signal(SIGHUP, on_other);
	signal(SIGUSR1, busy_handler);
	BOTH(kq, SIGUSR1) {
		if (kq_pass == 1) {
			ADD(kq, SIGWINCH);
			ADD(kq, SIGHUP);
		}
		hits = 0;
		SEND(SIGUSR1);
		ATF_CHECK_EQ(1, hits);
		/* The handler's changes end with it. */
		ATF_CHECK(!isblocked(SIGUSR1) && !isblocked(SIGUSR2));
	}
	ATF_CHECK_EQ(2, KQ_COLLECT(kq, (struct kevent[4]){ 0 }, 4));
}

KQ_TC(sent, "SIG-5: killpg, sigqueue and pthread_kill, and what they refuse")
{
	union sigval value = { .sival_int = 1 };
	int kq, st;
	struct kevent kev;
	pid_t pid;

	ATF_CHECK_ERRNO(EINVAL, killpg(-1, SIGUSR1) == -1);
	ATF_CHECK_ERRNO(EINVAL, kill(getpid(), 65) == -1);
	ATF_CHECK_ERRNO(EINVAL, kill(getpid(), -1) == -1);
	ATF_CHECK_ERRNO(EINVAL, sigqueue(getpid(), 65, value) == -1);
	ATF_CHECK_ERRNO(EINVAL, raise(65) == -1);
	ATF_CHECK_EQ(0, raise(0));
	ATF_CHECK_EQ(0, kill(getpid(), 0));
	ATF_CHECK_EQ(EINVAL, pthread_kill(pthread_self(), 65));
	ATF_CHECK_EQ(0, pthread_kill(pthread_self(), 0));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (setpgid(0, 0) != 0)
			_exit(1);
		kq = kqueue();
		signal(SIGUSR1, SIG_IGN);
		if (kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0,
		    NULL) != 0)
			_exit(2);
		if (killpg(getpgrp(), SIGUSR1) != 0 || killpg(0, SIGUSR1) != 0)
			_exit(3);
		if (sigqueue(getpid(), SIGUSR1, value) != 0)
			_exit(4);
		if (kq_test_collect(kq, &kev, 1) != 1 || kev.data != 3)
			_exit(5);
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	ATF_CHECK_EQ(0, st);
}

/* What a vfork() child does to its signals is its own. */
static int
vforked(void)
{
	struct sigaction sa;
	sigset_t old, set = set_of(SIGUSR2);
	struct timespec zero = { 0, 0 };

	memset(&sa, 0, sizeof(sa));
	if (sigaction(SIGUSR1, NULL, &sa) != 0 || sa.sa_handler != on_signal)
		return (1);
	if (signal(SIGUSR1, SIG_DFL) != on_signal ||
	    signal(SIGUSR1, SIG_IGN) != SIG_DFL)
		return (2);
	sa.sa_handler = on_other;
	if (sigaction(SIGUSR2, &sa, NULL) != 0)
		return (3);
	if (sigaction(SIGKILL, &sa, NULL) != -1)
		return (4);
	if (sigprocmask(SIG_SETMASK, &set, &old) != 0 || !isblocked(SIGUSR2))
		return (5);
	if (sigismember(&old, SIGHUP) != 1)
		return (6);
	/* Its own, and ignored now.  (musl's raise() means the parent here.) */
	if (kill(getpid(), SIGUSR1) != 0 || kill(getpid(), SIGUSR2) != 0)
		return (7);
	if (sigtimedwait(&set, NULL, &zero) != SIGUSR2)
		return (8);
	sigemptyset(&set);
	if (ppoll(NULL, 0, &zero, &set) != 0)
		return (9);
	if (sigprocmask(SIG_SETMASK, &old, NULL) != 0)
		return (10);
	return (0);
}

KQ_TC(vfork_child, "SIG-9: a vfork() child changes nothing of its parent's")
{
	struct sigaction sa;
	int kq = KQ_OPEN(), st;
	pid_t pid;

	signal(SIGUSR1, on_signal);
	signal(SIGURG, SIG_IGN);
	mask(SIG_SETMASK, SIGHUP);
	ADD(kq, SIGUSR1);
	ADD(kq, SIGUSR2);
	ADD(kq, SIGHUP);
	ADD(kq, SIGURG);
	ATF_REQUIRE((pid = vfork()) != -1);
	if (pid == 0)
		_exit(vforked());
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	ATF_CHECK_EQ_MSG(0, st, "step %d", WEXITSTATUS(st));
	KQ_EXPECT_NOTHING(kq);
	ATF_CHECK(isblocked(SIGHUP) && !isblocked(SIGUSR2) &&
	    !isblocked(SIGURG));
	ATF_CHECK_EQ(0, sigaction(SIGUSR1, NULL, &sa));
	ATF_CHECK(sa.sa_handler == on_signal);
	ATF_CHECK_EQ(0, sigaction(SIGUSR2, NULL, &sa));
	ATF_CHECK(sa.sa_handler == SIG_DFL);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(1, hits);
	COUNT(kq, SIGUSR1, 1);
	SEND(SIGURG);
	COUNT(kq, SIGURG, 1);
}

static void *
idle(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&leave);
	return ((void *)(intptr_t)isblocked(SIGUSR1));
}

/* Once a sigaction() took the lock of the signals a second time, for ever. */
KQ_TC(change_while_pending, "SIG-3: sigaction() while another signal is pending")
{
	int kq = KQ_OPEN(), st;
	struct kevent kev[2];
	pid_t pid;
	pthread_t t;

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_signal);
	mask(SIG_BLOCK, SIGUSR2);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&leave, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, idle, NULL));
	pthread_barrier_wait(&ready);
	ADD(kq, SIGUSR1);
	ADD(kq, SIGUSR2);
	/* From outside, so that they stay in the kernel. */
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(kill(getppid(), SIGUSR2) | kill(getppid(), SIGUSR1));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	ATF_REQUIRE_EQ(0, st);
	ATF_CHECK(signal(SIGUSR1, on_signal) == SIG_IGN);
	ATF_CHECK_EQ(0, hits);
	ATF_CHECK_EQ(2, KQ_COLLECT(kq, kev, 2));
	ATF_CHECK(kev[0].data == 1 && kev[1].data == 1);
	mask(SIG_UNBLOCK, SIGUSR2);
	ATF_CHECK_EQ(1, hits);
	pthread_barrier_wait(&leave);
	pthread_join(t, NULL);
}

#define	MANY	300

/* Once more than 256 threads were told of it again and again. */
KQ_TC(many_threads, "SIG-3: ignored, with hundreds of threads")
{
	static pthread_t t[MANY];
	int i, kq = KQ_OPEN(), n;
	pthread_attr_t attr;
	void *ret;

	signal(SIGUSR1, SIG_IGN);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	pthread_barrier_init(&ready, NULL, MANY + 1);
	pthread_barrier_init(&leave, NULL, MANY + 1);
	for (n = 0; n < MANY; n++)
		ATF_REQUIRE_EQ(0, pthread_create(&t[n], &attr, idle, NULL));
	pthread_barrier_wait(&ready);
	ADD(kq, SIGUSR1);
	for (i = 0; i < 100; i++) {
		SEND(SIGUSR1);
		COUNT(kq, SIGUSR1, 1);
	}
	pthread_barrier_wait(&leave);
	for (i = 0; i < n; i++) {
		pthread_join(t[i], &ret);
		ATF_CHECK_EQ(NULL, ret);
	}
	DELETE(kq, SIGUSR1);
	ATF_CHECK(!isblocked(SIGUSR1));
}

static atomic_bool stop;
static _Atomic int lost;
static __thread volatile sig_atomic_t mine;

static void
on_mine(int sig)
{
	(void)sig;
	mine++;
}

/* Sends to itself what it blocks, and wants it when it unblocks it. */
static void *
toggler(void *arg)
{
	sigset_t set = set_of(SIGUSR1);
	int n;

	(void)arg;
	for (n = 1; !atomic_load(&stop); n++) {
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		pthread_kill(pthread_self(), SIGUSR1);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		if (mine != n) {
			atomic_fetch_add(&lost, 1);
			break;
		}
	}
	return (NULL);
}

KQ_TC(toggled, "SIG-7: no own signal is lost while masks and knotes change")
{
	pthread_t t[2];
	int i, kq;

	signal(SIGUSR1, on_mine);
	signal(SIGUSR2, SIG_IGN);
	mask(SIG_BLOCK, SIGUSR1);
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(0, pthread_create(&t[i], NULL, toggler, NULL));
	for (i = 0; i < 300; i++) {
		kq = kqueue();
		ATF_REQUIRE_EQ(0, kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL,
		    EV_ADD, 0, 0, NULL));
		ATF_REQUIRE_EQ(0, kq_test_change(kq, SIGUSR2, EVFILT_SIGNAL,
		    EV_ADD, 0, 0, NULL));
		mask(SIG_UNBLOCK, SIGUSR2);
		mask(SIG_BLOCK, SIGUSR2);
		close(kq);
	}
	atomic_store(&stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	ATF_CHECK_EQ(0, atomic_load(&lost));
}

KQ_TC(rt_all_used, "SIG-7: a program that uses every real-time signal")
{
	int kq = KQ_OPEN(), sig;

	for (sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		signal(sig, on_signal);
	signal(SIGUSR1, SIG_IGN);
	ADD(kq, SIGUSR1);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	for (sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		hits = 0;
		SEND(sig);
		ATF_CHECK_EQ(1, hits);
	}
}

KQ_TC(rt_wanted, "SIG-7: a real-time signal that the library thought was free")
{
	int i, kq = KQ_OPEN(), sig;
	pthread_t t;

	signal(SIGUSR1, SIG_IGN);
	/* Alone, where it is chosen only, and with a thread to be told. */
	for (i = 0; i < 2; i++) {
		if (i == 1) {
			pthread_barrier_init(&ready, NULL, 2);
			pthread_barrier_init(&leave, NULL, 2);
			ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, idle,
			    NULL));
			pthread_barrier_wait(&ready);
		}
		ADD(kq, SIGUSR1);
		for (sig = SIGRTMAX; sig >= SIGRTMIN; sig--) {
			hits = 0;
			ATF_CHECK(signal(sig, on_signal) == SIG_DFL);
			SEND(sig);
			ATF_CHECK_EQ(1, hits);
		}
		SEND(SIGUSR1);
		COUNT(kq, SIGUSR1, 1);
		DELETE(kq, SIGUSR1);
		for (sig = SIGRTMAX; sig >= SIGRTMIN; sig--)
			ATF_CHECK(signal(sig, SIG_DFL) == on_signal);
	}
	pthread_barrier_wait(&leave);
	pthread_join(t, NULL);
}

KQ_TC(many_kept, "SIG-6: more blocked signals than are kept are all counted")
{
	int i, kq = KQ_OPEN(), sig = SIGRTMIN + 3;

	signal(sig, on_signal);
	mask(SIG_BLOCK, sig);
	ADD(kq, sig);
	for (i = 0; i < 120; i++)
		SEND(sig);
	COUNT(kq, sig, 120);
	mask(SIG_UNBLOCK, sig);
	/* CAVEATS: at most 96 are kept for the program. */
	ATF_CHECK_EQ(96, hits);
	KQ_EXPECT_NOTHING(kq);
}

static void *
sends_itself(void *arg)
{
	sigset_t set = set_of(SIGUSR1);
	siginfo_t si;
	bool pending;

	(void)arg;
	(void)pthread_kill(pthread_self(), SIGUSR1);
	pending = ispending(SIGUSR1);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&leave);
	/* It is still there, and says who sent it. */
	return ((void *)(intptr_t)(!pending ||
	    sigwaitinfo(&set, &si) != SIGUSR1 || si.si_pid != getpid()));
}

KQ_TC(own_pending, "SIG-7: a signal to a thread is pending for nobody else")
{
	int kq = KQ_OPEN();
	sigset_t set = set_of(SIGUSR1);
	struct timespec zero = { 0, 0 };
	pthread_t t;
	void *ret;

	mask(SIG_BLOCK, SIGUSR1);
	BOTH(kq, SIGUSR1) {
		pthread_barrier_init(&ready, NULL, 2);
		pthread_barrier_init(&leave, NULL, 2);
		ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, sends_itself,
		    NULL));
		pthread_barrier_wait(&ready);
		ATF_CHECK(!ispending(SIGUSR1));
		ATF_CHECK_ERRNO(EAGAIN, sigtimedwait(&set, NULL, &zero) == -1);
		pthread_barrier_wait(&leave);
		pthread_join(t, &ret);
		ATF_CHECK_EQ(NULL, ret);
	}
	COUNT(kq, SIGUSR1, 1);
}

static pid_t forked = -1;

static void
on_fork(int sig)
{
	(void)sig;
	forked = fork();
}

KQ_TC(fork_in_wait, "SIG-9: a handler that forks within sigsuspend()")
{
	int error, kq = KQ_OPEN(), st;
	sigset_t none = set_of(0);

	signal(SIGUSR1, on_fork);
	mask(SIG_BLOCK, SIGUSR1);
	ADD(kq, SIGUSR1);
	SEND(SIGUSR1);
	error = sigsuspend(&none) == -1 ? errno : 0;
	if (forked == 0) {
		/* The child comes back, too, with the mask from before. */
		signal(SIGUSR1, on_signal);
		if (error != EINTR || !isblocked(SIGUSR1) || raise(SIGUSR1) !=
		    0 || hits != 0)
			_exit(1);
		mask(SIG_UNBLOCK, SIGUSR1);
		_exit(hits == 1 ? 0 : 2);
	}
	ATF_CHECK_EQ(EINTR, error);
	ATF_REQUIRE(forked > 0);
	ATF_REQUIRE_EQ(forked, waitpid(forked, &st, 0));
	ATF_CHECK_EQ(0, st);
	COUNT(kq, SIGUSR1, 1);
	ATF_CHECK(isblocked(SIGUSR1));
}

static void *
changer(void *arg)
{
	struct sigaction old, sa;
	int i;

	(void)arg;
	memset(&sa, 0, sizeof(sa));
	for (i = 0; !atomic_load(&stop); i++) {
		sa.sa_handler = i % 2 == 0 ? on_signal : on_other;
		if (sigaction(SIGUSR1, &sa, NULL) != 0 ||
		    sigaction(SIGUSR1, NULL, &old) != 0 ||
		    old.sa_handler != sa.sa_handler)
			return ((void *)1);
	}
	sa.sa_handler = on_signal;
	return ((void *)(intptr_t)sigaction(SIGUSR1, &sa, NULL));
}

KQ_TC(action_race, "SIG-7: dispositions change while knotes come and go")
{
	int i, kq;
	pthread_t t;
	void *ret;

	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, changer, NULL));
	for (i = 0; i < 2000; i++) {
		kq = kqueue();
		ATF_REQUIRE_EQ(0, kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL,
		    EV_ADD, 0, 0, NULL));
		close(kq);
	}
	kq = KQ_OPEN();
	ADD(kq, SIGUSR1);
	atomic_store(&stop, true);
	pthread_join(t, &ret);
	ATF_CHECK_EQ(NULL, ret);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(1, hits);
	COUNT(kq, SIGUSR1, 1);
}

static void *
raiser(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		(void)raise(SIGUSR1);
	return (NULL);
}

KQ_TC(ring_race, "SIG-3: kqueues are closed while their bells ring")
{
	int i, kq, kq1;
	pthread_t t;

	signal(SIGUSR1, on_other);
	kq1 = KQ_OPEN();
	ADD(kq1, SIGUSR1);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, raiser, NULL));
	for (i = 0; i < 2000; i++) {
		kq = kqueue();
		ATF_REQUIRE_EQ(0, kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL,
		    EV_ADD, 0, 0, NULL));
		close(kq);
	}
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	KQ_EXPECT(kq1, SIGUSR1, EVFILT_SIGNAL);
	SEND(SIGUSR1);
	COUNT(kq1, SIGUSR1, 1);
}

static void *
adder(void *arg)
{
	return ((void *)(intptr_t)kq_test_change(*(int *)arg, SIGUSR1,
	    EVFILT_SIGNAL, EV_ADD, 0, 0, NULL));
}

/* Once the creator got the mask back that it had before. */
KQ_TC(new_thread_adds, "SIG-3: a thread registers while it is being created")
{
	int i, kq = KQ_OPEN();
	pthread_t t;
	void *ret;

	signal(SIGUSR1, SIG_IGN);
	for (i = 0; i < 500; i++) {
		ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, adder, &kq));
		pthread_join(t, &ret);
		ATF_REQUIRE_EQ(NULL, ret);
		SEND(SIGUSR1);
		COUNT(kq, SIGUSR1, 1);
		DELETE(kq, SIGUSR1);
	}
}

KQ_TC(delete_pending, "SIG-7: EV_DELETE gives back what was taken")
{
	int kq = KQ_OPEN();

	signal(SIGUSR1, on_signal);
	mask(SIG_BLOCK, SIGUSR1);
	ADD(kq, SIGUSR1);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	DELETE(kq, SIGUSR1);
	ATF_CHECK(ispending(SIGUSR1));
	mask(SIG_UNBLOCK, SIGUSR1);
	ATF_CHECK_EQ(1, hits);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, systemv);
	ATF_TP_ADD_TC(tp, bsdmasks);
	ATF_TP_ADD_TC(tp, interrupt);
	ATF_TP_ADD_TC(tp, signals);
	ATF_TP_ADD_TC(tp, procmask);
	ATF_TP_ADD_TC(tp, ignored_blocked);
	ATF_TP_ADD_TC(tp, masked_waits);
	ATF_TP_ADD_TC(tp, waitinfo);
	ATF_TP_ADD_TC(tp, sigwait_goes_on);
	ATF_TP_ADD_TC(tp, sigwait_all);
	ATF_TP_ADD_TC(tp, cancelled_waits);
	ATF_TP_ADD_TC(tp, signalfds);
	ATF_TP_ADD_TC(tp, in_handler);
	ATF_TP_ADD_TC(tp, sent);
	ATF_TP_ADD_TC(tp, vfork_child);
	ATF_TP_ADD_TC(tp, change_while_pending);
	ATF_TP_ADD_TC(tp, many_threads);
	ATF_TP_ADD_TC(tp, toggled);
	ATF_TP_ADD_TC(tp, rt_all_used);
	ATF_TP_ADD_TC(tp, rt_wanted);
	ATF_TP_ADD_TC(tp, many_kept);
	ATF_TP_ADD_TC(tp, own_pending);
	ATF_TP_ADD_TC(tp, fork_in_wait);
	ATF_TP_ADD_TC(tp, action_race);
	ATF_TP_ADD_TC(tp, ring_race);
	ATF_TP_ADD_TC(tp, new_thread_adds);
	ATF_TP_ADD_TC(tp, delete_pending);

	return (atf_no_error());
}
