/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_SIGNAL: the clauses SIG, and that a program's own signals go on as
 * without us.
 */
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <spawn.h>

#include "kq_test.h"

/* siginterrupt() */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* Not in the headers under every condition. */
typedef void (*handler_t)(int);
handler_t sysv_signal(int, handler_t);
handler_t bsd_signal(int, handler_t);

static volatile sig_atomic_t hits;
static siginfo_t lastinfo;

static void
on_signal(int sig)
{
	(void)sig;
	hits++;
}

static void
on_info(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	(void)ctx;
	lastinfo = *si;
	hits++;
}

#define	SEND(sig)	ATF_REQUIRE_EQ(0, kill(getpid(), sig))
#define	ADD(kq, sig)	KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_ADD, 0, 0)
#define	DELETE(kq, sig)	KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_DELETE, 0, 0)
#define	COUNT(kq, sig, n) KQ_EXPECT(kq, sig, EVFILT_SIGNAL, .data = (n),	\
    .flags = EV_CLEAR, .fflags = 0)

static void
block(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	ATF_REQUIRE_EQ(0, sigprocmask(how, &set, NULL));
}

static bool
isblocked(int sig)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return (sigismember(&set, sig) == 1);
}

/* The kernel's view: SigBlk, SigIgn and SigCgt of a thread of ours. */
struct status {
	unsigned long long	blk, ign, cgt;
};

static struct status
status(const char *task)
{
	struct status st = { 0, 0, 0 };
	char line[256], path[64];
	FILE *fp;

	snprintf(path, sizeof(path), "/proc/%s/status", task);
	if ((fp = fopen(path, "r")) == NULL)
		return (st);
	while (fgets(line, sizeof(line), fp) != NULL) {
		(void)sscanf(line, "SigBlk: %llx", &st.blk);
		(void)sscanf(line, "SigIgn: %llx", &st.ign);
		(void)sscanf(line, "SigCgt: %llx", &st.cgt);
	}
	fclose(fp);
	/*
	 * The thread library has handlers of its own from the first thread on,
	 * where these signals may have been ignored before.
	 */
	st.cgt &= ~(3ull << 31);
	st.ign &= ~(3ull << 31);
	return (st);
}

#define	SAME(a, b)							\
do {									\
	ATF_CHECK_EQ((a).blk, (b).blk);					\
	ATF_CHECK_EQ((a).ign, (b).ign);					\
	ATF_CHECK_EQ((a).cgt, (b).cgt);					\
} while (0)

/* Threads that exist and wait to be told to end. */
static pthread_barrier_t ready, leave;

static void *
idle(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&leave);
	return (NULL);
}

#define	NTHREADS	8

static void
threads_start(pthread_t *t)
{
	int i;

	pthread_barrier_init(&ready, NULL, NTHREADS + 1);
	pthread_barrier_init(&leave, NULL, NTHREADS + 1);
	for (i = 0; i < NTHREADS; i++)
		ATF_REQUIRE_EQ(0, pthread_create(&t[i], NULL, idle, NULL));
	pthread_barrier_wait(&ready);
}

static void
threads_end(pthread_t *t)
{
	int i;

	pthread_barrier_wait(&leave);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
}

/* A child sends the parent n signals, one after the other was taken. */
static void
paced(int kq, int sig, int n)
{
	int go[2], i, total;
	struct kevent kev;
	pid_t pid;
	char c;

	ATF_REQUIRE_EQ(0, pipe(go));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		for (i = 0; i < n; i++) {
			if (read(go[0], &c, 1) != 1)
				_exit(1);
			kill(getppid(), sig);
		}
		_exit(0);
	}
	total = 0;
	for (i = 0; i < n; i++) {
		ATF_REQUIRE_EQ(1, write(go[1], "x", 1));
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		ATF_REQUIRE_EQ(sig, (int)kev.ident);
		total += (int)kev.data;
	}
	ATF_CHECK_EQ(n, total);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	close(go[0]);
	close(go[1]);
}

KQ_TC(ignored, "SIG-3: a signal that is ignored is counted")
{
	int kq = KQ_OPEN();

	signal(SIGUSR1, SIG_IGN);
	ADD(kq, SIGUSR1);
	KQ_EXPECT_NOTHING(kq);
	SEND(SIGUSR1);
	KQ_POLL_READABLE(kq);
	COUNT(kq, SIGUSR1, 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	SEND(SIGUSR1);
	SEND(SIGUSR1);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 3);
	paced(kq, SIGUSR1, 200);
}

KQ_TC(default_ignored, "SIG-3: ignored by default: CHLD, URG, WINCH, CONT")
{
	static const int sigs[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
	int kq = KQ_OPEN();
	unsigned int i;

	for (i = 0; i < 4; i++) {
		ADD(kq, sigs[i]);
		SEND(sigs[i]);
		COUNT(kq, sigs[i], 1);
		ATF_CHECK(!isblocked(sigs[i]));
		DELETE(kq, sigs[i]);
	}
}

KQ_TC(ignored_threads, "SIG-3: with threads that existed before")
{
	pthread_t t[NTHREADS];
	struct status before;
	int kq = KQ_OPEN();

	signal(SIGUSR1, SIG_IGN);
	threads_start(t);
	before = status("thread-self");
	ADD(kq, SIGUSR1);
	paced(kq, SIGUSR1, 500);
	DELETE(kq, SIGUSR1);
	SAME(before, status("thread-self"));
	threads_end(t);
}

static void *
add_thread(void *arg)
{
	int kq = *(int *)arg;

	return ((void *)(intptr_t)kq_test_change(kq, SIGUSR1, EVFILT_SIGNAL,
	    EV_ADD, 0, 0, NULL));
}

KQ_TC(ignored_other, "SIG-3: registered by a thread that is not the main one")
{
	int kq = KQ_OPEN();
	pthread_t t;
	void *ret;

	signal(SIGUSR1, SIG_IGN);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, add_thread, &kq));
	pthread_join(t, &ret);
	ATF_REQUIRE_EQ(NULL, ret);
	paced(kq, SIGUSR1, 200);
}

KQ_TC(caught, "SIG-3, SIG-7: the handler runs, and it is counted")
{
	int kq = KQ_OPEN();

	signal(SIGUSR1, on_signal);
	ADD(kq, SIGUSR1);
	SEND(SIGUSR1);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(2, hits);
	COUNT(kq, SIGUSR1, 2);
	KQ_EXPECT_NOTHING(kq);
	raise(SIGUSR1);
	pthread_kill(pthread_self(), SIGUSR1);
	ATF_CHECK_EQ(4, hits);
	COUNT(kq, SIGUSR1, 2);
}

KQ_TC(caught_info, "SIG-7: what the handler is told, and what is read back")
{
	struct sigaction old, sa;
	int kq = KQ_OPEN();
	union sigval value = { .sival_int = 42 };

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_info;
	sa.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaddset(&sa.sa_mask, SIGHUP);
	ADD(kq, SIGUSR1);
	ATF_REQUIRE_EQ(0, sigaction(SIGUSR1, &sa, &old));
	ATF_CHECK(old.sa_handler == SIG_DFL);
	ATF_REQUIRE_EQ(0, sigqueue(getpid(), SIGUSR1, value));
	ATF_CHECK_EQ(1, hits);
	ATF_CHECK_EQ(42, lastinfo.si_value.sival_int);
	ATF_CHECK_EQ(getpid(), lastinfo.si_pid);
	COUNT(kq, SIGUSR1, 1);
	ATF_REQUIRE_EQ(0, sigaction(SIGUSR1, NULL, &old));
	ATF_CHECK(old.sa_sigaction == on_info);
	ATF_CHECK_EQ(SA_SIGINFO | SA_NODEFER,
	    old.sa_flags & (SA_SIGINFO | SA_NODEFER | SA_RESTART));
	ATF_CHECK_EQ(1, sigismember(&old.sa_mask, SIGHUP));
	ATF_CHECK_EQ(0, sigismember(&old.sa_mask, SIGUSR1));
}

KQ_TC(changes, "SIG-3: the disposition changes after the registration")
{
	int kq = KQ_OPEN();

	ADD(kq, SIGUSR1);
	ATF_CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	ATF_CHECK(signal(SIGUSR1, on_signal) == SIG_IGN);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(1, hits);
	COUNT(kq, SIGUSR1, 1);
	ATF_CHECK(signal(SIGUSR1, SIG_IGN) == on_signal);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(1, hits);
	COUNT(kq, SIGUSR1, 1);
	ATF_CHECK(bsd_signal(SIGUSR1, on_signal) == SIG_IGN);
	SEND(SIGUSR1);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(3, hits);
	COUNT(kq, SIGUSR1, 2);
	ATF_CHECK(signal(SIGUSR1, SIG_DFL) == on_signal);
	ATF_CHECK(signal(SIGUSR1, SIG_DFL) == SIG_DFL);
}

KQ_TC(resethand, "SIG-3: System V's signal() handles one and counts on")
{
	int kq = KQ_OPEN();

	sysv_signal(SIGURG, on_signal);
	ADD(kq, SIGURG);
	SEND(SIGURG);
	SEND(SIGURG);
	ATF_CHECK_EQ(1, hits);
	COUNT(kq, SIGURG, 2);
	ATF_CHECK(signal(SIGURG, SIG_DFL) == SIG_DFL);
}

static atomic_bool stop;

static void *
interrupter(void *arg)
{
	pthread_t t = *(pthread_t *)arg;

	while (!atomic_load(&stop))
		pthread_kill(t, SIGUSR1);
	return (NULL);
}

KQ_TC(restart, "SIG-7: SA_RESTART is what the program made it")
{
	struct sigaction sa;
	pthread_t self = pthread_self(), t;
	int fds[2], kq = KQ_OPEN();
	struct timespec ts = { KQ_PATIENCE, 0 };
	char c;

	ATF_REQUIRE_EQ(0, pipe(fds));
	ADD(kq, SIGUSR1);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	ATF_REQUIRE_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, interrupter, &self));
	ATF_CHECK_ERRNO(EINTR, read(fds[0], &c, 1) == -1);
	ATF_CHECK_ERRNO(EINTR, nanosleep(&ts, NULL) == -1);
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	ATF_REQUIRE_EQ(0, siginterrupt(SIGUSR1, 0));
	ATF_REQUIRE_EQ(0, sigaction(SIGUSR1, NULL, &sa));
	ATF_CHECK_EQ(SA_RESTART, sa.sa_flags & SA_RESTART);
	close(fds[0]);
	close(fds[1]);
}

KQ_TC(ignored_nointr, "SIG-7: an ignored signal interrupts nothing")
{
	struct pollfd pfd;
	int fds[2], kq = KQ_OPEN();
	pid_t pid;
	int i;

	ATF_REQUIRE_EQ(0, pipe(fds));
	signal(SIGUSR1, SIG_IGN);
	ADD(kq, SIGUSR1);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		for (i = 0; i < 1000; i++)
			kill(getppid(), SIGUSR1);
		_exit(write(fds[1], "x", 1) == 1 ? 0 : 1);
	}
	pfd.fd = fds[0];
	pfd.events = POLLIN;
	ATF_CHECK_EQ(1, poll(&pfd, 1, KQ_PATIENCE * 1000));
	ATF_CHECK_EQ(pid, waitpid(pid, NULL, 0));
	KQ_EXPECT(kq, SIGUSR1, EVFILT_SIGNAL);
	close(fds[0]);
	close(fds[1]);
}

KQ_TC(blocked, "SIG-3, SIG-6: what the program blocks counts at each send")
{
	int kq = KQ_OPEN();
	sigset_t set;

	signal(SIGUSR1, on_signal);
	block(SIG_BLOCK, SIGUSR1);
	ADD(kq, SIGUSR1);
	SEND(SIGUSR1);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 2);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	paced(kq, SIGUSR1, 100);
	ATF_CHECK_EQ(0, hits);
	/* It is pending all the same, and taken once; no second count. */
	ATF_REQUIRE_EQ(0, sigpending(&set));
	ATF_CHECK_EQ(1, sigismember(&set, SIGUSR1));
	block(SIG_UNBLOCK, SIGUSR1);
	ATF_CHECK_EQ(1, hits);
	KQ_EXPECT_NOTHING(kq);
	SEND(SIGUSR1);
	ATF_CHECK_EQ(2, hits);
	COUNT(kq, SIGUSR1, 1);
}

KQ_TC(blocked_default, "SIG-3: a blocked fatal signal counts, and kills later")
{
	int status_, kq;
	struct kevent kev;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		kq = kqueue();
		block(SIG_BLOCK, SIGTERM);
		if (kq_test_change(kq, SIGTERM, EVFILT_SIGNAL, EV_ADD, 0, 0,
		    NULL) != 0)
			_exit(1);
		kill(getpid(), SIGTERM);
		kill(getpid(), SIGTERM);
		if (kq_test_collect(kq, &kev, 1) != 1 || kev.data != 2)
			_exit(2);
		block(SIG_UNBLOCK, SIGTERM);
		_exit(3);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status_, 0));
	ATF_CHECK(WIFSIGNALED(status_) && WTERMSIG(status_) == SIGTERM);
}

KQ_TC(fatal, "SIG-7: a fatal signal stays fatal")
{
	int status_;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (kq_test_change(kqueue(), SIGTERM, EVFILT_SIGNAL, EV_ADD,
		    0, 0, NULL) != 0)
			_exit(1);
		kill(getpid(), SIGTERM);
		_exit(2);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status_, 0));
	ATF_CHECK(WIFSIGNALED(status_) && WTERMSIG(status_) == SIGTERM);
}

KQ_TC(waits, "SIG-7: sigwait, sigsuspend, ppoll and signalfd go on")
{
	struct signalfd_siginfo ssi;
	struct timespec ts = { KQ_PATIENCE, 0 };
	int fd, kq = KQ_OPEN(), sig;
	sigset_t none, set;
	siginfo_t si;

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	signal(SIGUSR1, on_signal);
	block(SIG_BLOCK, SIGUSR1);
	ADD(kq, SIGUSR1);
	/* Collected first, and waited for then. */
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	ATF_REQUIRE_EQ(0, sigwait(&set, &sig));
	ATF_CHECK_EQ(SIGUSR1, sig);
	/* Waited for, and collected then. */
	SEND(SIGUSR1);
	ATF_REQUIRE_EQ(SIGUSR1, sigtimedwait(&set, &si, &ts));
	ATF_CHECK_EQ(getpid(), si.si_pid);
	COUNT(kq, SIGUSR1, 1);
	KQ_EXPECT_NOTHING(kq);
	ts.tv_sec = 0;
	ATF_CHECK_ERRNO(EAGAIN, sigtimedwait(&set, &si, &ts) == -1);
	ts.tv_sec = KQ_PATIENCE;

	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	ATF_CHECK_EQ(0, hits);
	ATF_CHECK_ERRNO(EINTR, sigsuspend(&none) == -1);
	ATF_CHECK_EQ(1, hits);
	SEND(SIGUSR1);
	ATF_CHECK_ERRNO(EINTR, ppoll(NULL, 0, &ts, &none) == -1);
	ATF_CHECK_EQ(2, hits);
	COUNT(kq, SIGUSR1, 1);
	KQ_EXPECT_NOTHING(kq);

	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	ATF_REQUIRE((fd = signalfd(-1, &set, SFD_NONBLOCK)) != -1);
	ATF_REQUIRE_EQ((ssize_t)sizeof(ssi), read(fd, &ssi, sizeof(ssi)));
	ATF_CHECK_EQ(SIGUSR1, (int)ssi.ssi_signo);
	close(fd);
}

static void *
waiter(void *arg)
{
	sigset_t *set = arg;
	int i, sig;

	for (i = 0; i < 100; i++) {
		if (sigwait(set, &sig) != 0)
			return ((void *)1);
		pthread_barrier_wait(&ready);
	}
	return (NULL);
}

KQ_TC(sigwait_thread, "SIG-7: a thread in sigwait() takes every one")
{
	int i, kq = KQ_OPEN();
	sigset_t set;
	pthread_t t;
	void *ret;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pthread_barrier_init(&ready, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, waiter, &set));
	ADD(kq, SIGTERM);
	for (i = 0; i < 100; i++) {
		SEND(SIGTERM);
		COUNT(kq, SIGTERM, 1);
		pthread_barrier_wait(&ready);
	}
	pthread_join(t, &ret);
	ATF_CHECK_EQ(NULL, ret);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(directed, "SIG-5: raise() and pthread_kill() are seen")
{
	pthread_t t[NTHREADS];
	int kq = KQ_OPEN();

	signal(SIGUSR1, SIG_IGN);
	threads_start(t);
	ADD(kq, SIGUSR1);
	raise(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	ATF_REQUIRE_EQ(0, pthread_kill(t[3], SIGUSR1));
	COUNT(kq, SIGUSR1, 1);
	signal(SIGUSR1, on_signal);
	ATF_REQUIRE_EQ(0, pthread_kill(t[3], SIGUSR1));
	COUNT(kq, SIGUSR1, 1);
	threads_end(t);
	ATF_CHECK_EQ(1, hits);
}

/* Count one, which takes it from the kernel, and then take it oneself. */
static siginfo_t
counted_info(int kq, int sig)
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	sigset_t set;
	siginfo_t si;

	COUNT(kq, sig, 1);
	memset(&si, 0, sizeof(si));
	sigemptyset(&set);
	sigaddset(&set, sig);
	ATF_REQUIRE_EQ(sig, sigtimedwait(&set, &si, &ts));
	return (si);
}

KQ_TC(told_timer, "SIG-7: a timer's signal still says which and how often")
{
	struct itimerspec its = { { 0, 0 }, { 0, 1 } };
	struct sigevent se;
	int kq = KQ_OPEN();
	timer_t first, t;
	siginfo_t si;

	block(SIG_BLOCK, SIGUSR1);
	ADD(kq, SIGUSR1);
	memset(&se, 0, sizeof(se));
	se.sigev_notify = SIGEV_SIGNAL;
	se.sigev_signo = SIGUSR1;
	se.sigev_value.sival_int = 4711;
	ATF_REQUIRE_EQ(0, timer_create(CLOCK_MONOTONIC, &se, &first));
	ATF_REQUIRE_EQ(0, timer_create(CLOCK_MONOTONIC, &se, &t));
	ATF_REQUIRE_EQ(0, timer_settime(t, 0, &its, NULL));
	si = counted_info(kq, SIGUSR1);
	ATF_CHECK_EQ(SI_TIMER, si.si_code);
	ATF_CHECK_EQ(4711, si.si_value.sival_int);
	/* The kernel counts from 0. */
	ATF_CHECK(si.si_timerid > 0);
	ATF_CHECK_EQ(0, si.si_overrun);
	ATF_REQUIRE_EQ(0, timer_delete(t));
	ATF_REQUIRE_EQ(0, timer_delete(first));
}

KQ_TC(told_io, "SIG-7: SIGIO and F_SETSIG's signal still name the descriptor")
{
	const int sigs[] = { SIGIO, SIGUSR1, SIGRTMIN + 3 };
	int kq = KQ_OPEN(), p[2];
	siginfo_t si;
	size_t i;

	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		block(SIG_BLOCK, sigs[i]);
		ADD(kq, sigs[i]);
		ATF_REQUIRE_EQ(0, pipe(p));
		ATF_REQUIRE_EQ(0, fcntl(p[0], F_SETSIG, sigs[i]));
		ATF_REQUIRE_EQ(0, fcntl(p[0], F_SETOWN, getpid()));
		ATF_REQUIRE_EQ(0, fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
		ATF_REQUIRE_EQ(1, write(p[1], "x", 1));
		si = counted_info(kq, sigs[i]);
		ATF_CHECK_EQ(POLL_IN, si.si_code);
		ATF_CHECK_EQ(p[0], si.si_fd);
		ATF_CHECK_EQ(POLLIN, si.si_band & POLLIN);
		close(p[0]);
		close(p[1]);
		DELETE(kq, sigs[i]);
	}
}

KQ_TC(told_fault, "SIG-7: a signal of memory or arithmetic still has its address")
{
	const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	int kq = KQ_OPEN();
	siginfo_t si;
	size_t i;

	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		block(SIG_BLOCK, sigs[i]);
		ADD(kq, sigs[i]);
		/* As the kernel says it of what is not this thread's doing. */
		memset(&si, 0, sizeof(si));
		si.si_signo = sigs[i];
		si.si_code = 1;
		si.si_addr = &si;
		ATF_REQUIRE_EQ(0, syscall(SYS_rt_sigqueueinfo, getpid(),
		    sigs[i], &si));
		si = counted_info(kq, sigs[i]);
		ATF_CHECK_EQ(1, si.si_code);
		ATF_CHECK_EQ((void *)&si, si.si_addr);
		DELETE(kq, sigs[i]);
	}
}

KQ_TC(told_child, "SIG-7: SIGCHLD still says who and how, and so does a sender")
{
	union sigval value = { .sival_int = 4711 };
	int kq = KQ_OPEN();
	siginfo_t si;
	pid_t pid;

	block(SIG_BLOCK, SIGCHLD);
	ADD(kq, SIGCHLD);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(5);
	si = counted_info(kq, SIGCHLD);
	ATF_CHECK_EQ(CLD_EXITED, si.si_code);
	ATF_CHECK_EQ(pid, si.si_pid);
	ATF_CHECK_EQ((int)getuid(), (int)si.si_uid);
	ATF_CHECK_EQ(5, si.si_status);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	ATF_REQUIRE_EQ(0, sigqueue(getpid(), SIGCHLD, value));
	si = counted_info(kq, SIGCHLD);
	ATF_CHECK_EQ(SI_QUEUE, si.si_code);
	ATF_CHECK_EQ(getpid(), si.si_pid);
	ATF_CHECK_EQ(4711, si.si_value.sival_int);
	SEND(SIGCHLD);
	si = counted_info(kq, SIGCHLD);
	ATF_CHECK_EQ(SI_USER, si.si_code);
	ATF_CHECK_EQ(getpid(), si.si_pid);
}

KQ_TC(two_kqueues, "SIG-10: each kqueue counts")
{
	int kq1 = KQ_OPEN(), kq2 = KQ_OPEN(), kq3 = KQ_OPEN();

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_signal);
	ADD(kq1, SIGUSR1);
	ADD(kq2, SIGUSR1);
	ADD(kq2, SIGUSR2);
	ADD(kq3, SIGUSR2);
	SEND(SIGUSR1);
	COUNT(kq1, SIGUSR1, 1);
	KQ_POLL_READABLE(kq2);
	KQ_POLL_SILENT(kq3);
	SEND(SIGUSR1);
	COUNT(kq2, SIGUSR1, 2);
	COUNT(kq1, SIGUSR1, 1);
	SEND(SIGUSR2);
	COUNT(kq3, SIGUSR2, 1);
	COUNT(kq2, SIGUSR2, 1);
	KQ_EXPECT_NOTHING(kq1);
	close(kq1);
	SEND(SIGUSR1);
	COUNT(kq2, SIGUSR1, 1);
}

KQ_TC(disabled, "REG-24: EV_DISABLE counts on")
{
	int i, kq = KQ_OPEN();

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_signal);
	for (i = 0; i < 2; i++) {
		int sig = i == 0 ? SIGUSR1 : SIGUSR2;

		ADD(kq, sig);
		KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_DISABLE, 0, 0);
		SEND(sig);
		SEND(sig);
		KQ_EXPECT_NOTHING(kq);
		SEND(sig);
		KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_ENABLE, 0, 0);
		COUNT(kq, sig, 3);
		SEND(sig);
		COUNT(kq, sig, 1);
	}
}

KQ_TC(retroactive, "SIG-8: signals from before do not count")
{
	int kq = KQ_OPEN();
	sigset_t set;
	int sig;

	block(SIG_BLOCK, SIGUSR1);
	SEND(SIGUSR1);
	ADD(kq, SIGUSR1);
	KQ_EXPECT_NOTHING(kq);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ATF_REQUIRE_EQ(0, sigwait(&set, &sig));
}

KQ_TC(oneshot, "SIG-2: EV_ONESHOT and EV_DISPATCH")
{
	int kq = KQ_OPEN();

	signal(SIGUSR1, SIG_IGN);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD | EV_ONESHOT, 0, 0);
	SEND(SIGUSR1);
	SEND(SIGUSR1);
	KQ_EXPECT(kq, SIGUSR1, EVFILT_SIGNAL, .data = 2);
	KQ_CHANGE_ERROR(kq, ENOENT, SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD | EV_DISPATCH, 0, 0);
	SEND(SIGUSR1);
	KQ_EXPECT(kq, SIGUSR1, EVFILT_SIGNAL, .data = 1);
	SEND(SIGUSR1);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, SIGUSR1, EVFILT_SIGNAL, .data = 1);
}

KQ_TC(realtime, "SIG-6: real-time signals count one by one")
{
	int i, kq = KQ_OPEN();

	signal(SIGRTMIN + 1, SIG_IGN);
	block(SIG_BLOCK, SIGRTMIN + 2);
	signal(SIGRTMIN + 2, on_signal);
	ADD(kq, SIGRTMIN + 1);
	ADD(kq, SIGRTMIN + 2);
	paced(kq, SIGRTMIN + 1, 100);
	for (i = 0; i < 20; i++)
		SEND(SIGRTMIN + 2);
	COUNT(kq, SIGRTMIN + 2, 20);
	block(SIG_UNBLOCK, SIGRTMIN + 2);
	ATF_CHECK_EQ(20, hits);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(idents, "SIG-1: senseless idents are accepted and never fire")
{
	static const intptr_t idents[] = { 0, -1, 65, 1000, INTPTR_MAX,
	    SIGKILL, SIGSTOP, 32, 33 };
	int kq = KQ_OPEN();
	unsigned int i;

	for (i = 0; i < sizeof(idents) / sizeof(idents[0]); i++)
		ADD(kq, idents[i]);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < sizeof(idents) / sizeof(idents[0]); i++)
		DELETE(kq, idents[i]);
}

KQ_TC(child_ignored, "SIG-3: SIGCHLD set to SIG_IGN: counted, no zombies")
{
	int kq = KQ_OPEN();
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	ADD(kq, SIGCHLD);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(0);
	COUNT(kq, SIGCHLD, 1);
	ATF_CHECK_ERRNO(ECHILD, waitpid(pid, NULL, 0) == -1);
	ATF_CHECK(signal(SIGCHLD, SIG_IGN) == SIG_IGN);
}

KQ_TC(given_back, "SIG-7: EV_DELETE and close give masks and actions back")
{
	struct status a, b;
	pthread_t t[NTHREADS];
	int i, kq;

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_signal);
	signal(SIGCHLD, SIG_IGN);
	block(SIG_BLOCK, SIGHUP);
	threads_start(t);
	a = status("thread-self");
	for (i = 0; i < 2; i++) {
		kq = KQ_OPEN();
		ADD(kq, SIGUSR1);
		ADD(kq, SIGUSR2);
		ADD(kq, SIGCHLD);
		ADD(kq, SIGHUP);
		ADD(kq, SIGWINCH);
		ATF_CHECK(!isblocked(SIGUSR1));
		ATF_CHECK(isblocked(SIGHUP));
		if (i == 0) {
			DELETE(kq, SIGUSR1);
			DELETE(kq, SIGUSR2);
			DELETE(kq, SIGCHLD);
			DELETE(kq, SIGHUP);
			DELETE(kq, SIGWINCH);
		}
		close(kq);
		b = status("thread-self");
		SAME(a, b);
	}
	threads_end(t);
}

static void *
blocks_thread(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&leave);
	(void)arg;
	return ((void *)(intptr_t)!isblocked(SIGUSR1));
}

KQ_TC(mixed_masks, "SIG-7: each thread gets its own mask back")
{
	struct status st;
	int kq = KQ_OPEN();
	pthread_t t;
	void *ret;

	signal(SIGUSR1, SIG_IGN);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&leave, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, blocks_thread, NULL));
	pthread_barrier_wait(&ready);
	ADD(kq, SIGUSR1);
	ATF_CHECK(!isblocked(SIGUSR1));
	DELETE(kq, SIGUSR1);
	st = status("thread-self");
	ATF_CHECK_EQ(0, st.blk & 1ull << (SIGUSR1 - 1));
	pthread_barrier_wait(&leave);
	pthread_join(t, &ret);
	ATF_CHECK_EQ(NULL, ret);
}

/* What a new program finds; the line of the status that begins so. */
static unsigned long long
reported(FILE *fp, const char *what)
{
	unsigned long long bits = ~0ull;
	char line[256];

	while (fgets(line, sizeof(line), fp) != NULL) {
		if (strncmp(line, what, strlen(what)) == 0)
			bits = strtoull(line + 7, NULL, 16);
	}
	return (bits);
}

KQ_TC(children, "SIG-9: fork, exec, posix_spawn and popen inherit the program's")
{
	static char grep[] = "grep", sig[] = "Sig", file[] =
	    "/proc/self/status", *argv[] = { grep, sig, file, NULL };
	posix_spawn_file_actions_t fa;
	struct status a, b;
	int fds[2], i, kq = KQ_OPEN(), st;
	unsigned long long bits;
	pid_t pid;
	FILE *fp;

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_signal);
	signal(SIGCHLD, SIG_DFL);
	block(SIG_BLOCK, SIGHUP);
	a = status("thread-self");
	ADD(kq, SIGUSR1);
	ADD(kq, SIGUSR2);
	ADD(kq, SIGCHLD);
	ADD(kq, SIGHUP);

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		b = status("thread-self");
		if (a.blk == b.blk && a.ign == b.ign && a.cgt == b.cgt)
			_exit(0);
		dprintf(2, "blocked %llx ignored %llx caught %llx, wanted "
		    "%llx %llx %llx\n", b.blk, b.ign, b.cgt, a.blk, a.ign,
		    a.cgt);
		_exit(1);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	ATF_CHECK_EQ_MSG(0, st, "status %#x", st);

	for (i = 0; i < 3; i++) {
		ATF_REQUIRE_EQ(0, pipe(fds));
		if (i == 0) {
			posix_spawn_file_actions_init(&fa);
			posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
			ATF_REQUIRE_EQ(0, posix_spawnp(&pid, "grep", &fa, NULL,
			    argv, environ));
			posix_spawn_file_actions_destroy(&fa);
		} else {
			pid = i == 1 ? fork() : vfork();
			ATF_REQUIRE(pid != -1);
			if (pid == 0) {
				dup2(fds[1], 1);
				execlp("grep", "grep", "Sig",
				    "/proc/self/status", (char *)NULL);
				_exit(127);
			}
		}
		close(fds[1]);
		fp = fdopen(fds[0], "r");
		ATF_REQUIRE(fp != NULL);
		bits = reported(fp, "SigBlk:");
		fclose(fp);
		ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
		ATF_CHECK_EQ_MSG(a.blk, bits, "%d: %llx", i, bits);
	}
	ATF_REQUIRE((fp = popen("exec grep Sig /proc/self/status", "r")) !=
	    NULL);
	bits = reported(fp, "SigIgn:") & 1ull << (SIGUSR1 - 1);
	pclose(fp);
	ATF_CHECK(bits != 0);
	ATF_CHECK_EQ(3 << 8, system("exit 3"));
	/* And here nothing changed. */
	SEND(SIGUSR1);
	ATF_CHECK(!isblocked(SIGUSR1));
	KQ_CHANGE(kq, SIGCHLD, EVFILT_SIGNAL, EV_DELETE, 0, 0);
	COUNT(kq, SIGUSR1, 1);
}

KQ_TC(rt_taken, "SIG-7: the program may use every real-time signal")
{
	pthread_t t[NTHREADS];
	int kq = KQ_OPEN(), sig;

	signal(SIGUSR1, SIG_IGN);
	threads_start(t);
	ADD(kq, SIGUSR1);
	for (sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		hits = 0;
		ATF_REQUIRE(signal(sig, on_signal) == SIG_DFL);
		SEND(sig);
		ATF_CHECK_EQ(1, hits);
		signal(sig, SIG_DFL);
	}
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	threads_end(t);
}

KQ_TC(merged, "SIG-6: sends of another process merge in the kernel")
{
	int kq = KQ_OPEN();
	struct kevent kev;
	pid_t pid;

	atf_tc_expect_fail("standard signals merge before we see them");
	signal(SIGUSR1, SIG_IGN);
	ADD(kq, SIGUSR1);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		kill(getppid(), SIGUSR1);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
	ATF_CHECK_EQ(2, kev.data);
}

/* Once a signal that had been in a signalfd was never read again. */
KQ_TC(signalfd_closed, "SIG-3: ignored, after a signalfd that is closed")
{
	int fd, kq;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	block(SIG_BLOCK, SIGUSR1);
	ATF_REQUIRE((fd = signalfd(-1, &set, SFD_NONBLOCK)) != -1);
	ATF_REQUIRE_EQ(0, close(fd));
	block(SIG_UNBLOCK, SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	kq = KQ_OPEN();
	ADD(kq, SIGUSR1);
	ATF_REQUIRE_EQ(0, kill(getpid(), SIGUSR1));
	COUNT(kq, SIGUSR1, 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ignored);
	ATF_TP_ADD_TC(tp, default_ignored);
	ATF_TP_ADD_TC(tp, ignored_threads);
	ATF_TP_ADD_TC(tp, ignored_other);
	ATF_TP_ADD_TC(tp, caught);
	ATF_TP_ADD_TC(tp, caught_info);
	ATF_TP_ADD_TC(tp, changes);
	ATF_TP_ADD_TC(tp, resethand);
	ATF_TP_ADD_TC(tp, restart);
	ATF_TP_ADD_TC(tp, ignored_nointr);
	ATF_TP_ADD_TC(tp, blocked);
	ATF_TP_ADD_TC(tp, blocked_default);
	ATF_TP_ADD_TC(tp, fatal);
	ATF_TP_ADD_TC(tp, waits);
	ATF_TP_ADD_TC(tp, sigwait_thread);
	ATF_TP_ADD_TC(tp, directed);
	ATF_TP_ADD_TC(tp, told_timer);
	ATF_TP_ADD_TC(tp, told_io);
	ATF_TP_ADD_TC(tp, told_fault);
	ATF_TP_ADD_TC(tp, told_child);
	ATF_TP_ADD_TC(tp, two_kqueues);
	ATF_TP_ADD_TC(tp, disabled);
	ATF_TP_ADD_TC(tp, retroactive);
	ATF_TP_ADD_TC(tp, oneshot);
	ATF_TP_ADD_TC(tp, realtime);
	ATF_TP_ADD_TC(tp, idents);
	ATF_TP_ADD_TC(tp, child_ignored);
	ATF_TP_ADD_TC(tp, given_back);
	ATF_TP_ADD_TC(tp, mixed_masks);
	ATF_TP_ADD_TC(tp, children);
	ATF_TP_ADD_TC(tp, rt_taken);
	ATF_TP_ADD_TC(tp, merged);

	ATF_TP_ADD_TC(tp, signalfd_closed);
	return (atf_no_error());
}
