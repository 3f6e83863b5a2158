/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_PROC: the clauses PROC.
 */
#include <sys/mount.h>
#include <sys/prctl.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "child_test.h"

KQ_TC(exit_child, "PROC-8: a child's exit, its status, and it stays reapable")
{
	struct child ch = child_start();
	int kq = KQ_OPEN(), st;

	ADD(kq, ch.pid, NOTE_EXIT);
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch, 'q');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 7 << 8,
	    .flags = ENDED);
	KQ_CHANGE_ERROR(kq, ENOENT, ch.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(ch.pid, waitpid(ch.pid, &st, 0));
	ATF_CHECK_EQ(7 << 8, st);
	KQ_CHANGE_ERROR(kq, ESRCH, ch.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	close(ch.to);
	close(ch.from);
}

KQ_TC(exit_signal, "PROC-8: the status of a killed child")
{
	struct child ch = child_start();
	int kq = KQ_OPEN();

	ADD(kq, ch.pid, NOTE_EXIT);
	ATF_REQUIRE(ch.pid > 1);
	ATF_REQUIRE_EQ(0, kill(ch.pid, SIGKILL));
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .data = SIGKILL);
	child_end(&ch);
}

KQ_TC(zombie, "PROC-2: a zombie with NOTE_EXIT is pending, without it ESRCH")
{
	struct child ch = child_start();
	siginfo_t si;
	int kq = KQ_OPEN();

	child_tell(&ch, 'q');
	ATF_REQUIRE_EQ(0, waitid(P_PID, (id_t)ch.pid, &si, WEXITED | WNOWAIT));
	KQ_CHANGE_ERROR(kq, ESRCH, ch.pid, EVFILT_PROC, EV_ADD, NOTE_FORK, 0);
	ADD(kq, ch.pid, NOTE_EXIT);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 7 << 8,
	    .flags = ENDED);
	child_end(&ch);
}

KQ_TC(no_process, "PROC-1, PROC-3: ESRCH where there is no process")
{
	static const intptr_t idents[] = { 0, -1, INT_MAX, INTPTR_MAX,
	    (intptr_t)1 << 22 };
	struct child ch = child_start();
	int kq = KQ_OPEN();
	unsigned int i;

	for (i = 0; i < sizeof(idents) / sizeof(idents[0]); i++)
		KQ_CHANGE_ERROR(kq, ESRCH, idents[i], EVFILT_PROC, EV_ADD,
		    NOTE_EXIT, 0);
	child_end(&ch);
	KQ_CHANGE_ERROR(kq, ESRCH, ch.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
}

static pthread_barrier_t barrier;

static void *
tid_thread(void *arg)
{
	*(int *)arg = (int)syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return (NULL);
}

KQ_TC(thread_id, "PROC-1: threads are not processes")
{
	int kq = KQ_OPEN(), tid;
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, tid_thread, &tid));
	pthread_barrier_wait(&barrier);
	KQ_CHANGE_ERROR(kq, ESRCH, tid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
}

KQ_TC(without_exit, "PROC-9: every knote fires at the exit")
{
	struct child ch = child_start();
	int kq = KQ_OPEN();

	ADD(kq, ch.pid, 0);
	child_tell(&ch, 'q');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = 0, .data = 7 << 8,
	    .flags = ENDED);
	KQ_CHANGE_ERROR(kq, ENOENT, ch.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	child_end(&ch);
}

KQ_TC(freebsd_without_exit, "PROC-9: FreeBSD tells of what was asked for")
{
	struct child ch = child_start();
	int kq;

	ATF_REQUIRE((kq = kqueue_freebsd()) != -1);
	ADD(kq, ch.pid, 0);
	child_tell(&ch, 'q');
	child_end(&ch);
	KQ_EXPECT_NOTHING(kq);
	/* It is gone all the same. */
	KQ_CHANGE_ERROR(kq, ENOENT, ch.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	ch = child_start();
	ADD(kq, ch.pid, NOTE_EXIT);
	child_tell(&ch, 'q');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 7 << 8,
	    .flags = EV_EOF | EV_ONESHOT | EV_CLEAR);
	child_end(&ch);
	close(kq);
}

KQ_TC(freebsd_fork_exit, "PROC-9: FreeBSD, a fork and an exit not asked for")
{
	struct child ch;
	int kq, other = KQ_OPEN();

	need_connector(other);
	ATF_REQUIRE((kq = kqueue_freebsd()) != -1);
	ch = child_start();
	ADD(kq, ch.pid, NOTE_FORK);
	child_tell(&ch, 'f');
	child_tell(&ch, 'q');
	child_end(&ch);
	/* The last event, but the status is for who asked. */
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK, .data = 0,
	    .flags = EV_EOF | EV_ONESHOT | EV_CLEAR);
	KQ_CHANGE_ERROR(kq, ENOENT, ch.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	ch = child_start();
	ADD(kq, ch.pid, NOTE_FORK | NOTE_EXIT);
	child_tell(&ch, 'f');
	child_tell(&ch, 'q');
	child_end(&ch);
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK | NOTE_EXIT,
	    .data = 7 << 8);
	/* Fork, and be told; then end unasked. */
	ch = child_start();
	ADD(kq, ch.pid, NOTE_FORK);
	child_tell(&ch, 'f');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	child_tell(&ch, 'q');
	child_end(&ch);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, ch.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	close(kq);
}

KQ_TC(disabled, "PROC-11: an exit while disabled is kept")
{
	struct child ch = child_start();
	int kq = KQ_OPEN();

	ADD(kq, ch.pid, NOTE_EXIT);
	KQ_CHANGE(kq, ch.pid, EVFILT_PROC, EV_DISABLE, NOTE_EXIT, 0);
	child_tell(&ch, 'q');
	child_end(&ch);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, ch.pid, EVFILT_PROC, EV_ENABLE, NOTE_EXIT, 0);
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXIT);
}

KQ_TC(two_kqueues, "PROC-8: each kqueue is told")
{
	struct child ch = child_start();
	int kq1 = KQ_OPEN(), kq2 = KQ_OPEN();

	ADD(kq1, ch.pid, NOTE_EXIT);
	ADD(kq2, ch.pid, NOTE_EXIT);
	child_tell(&ch, 'q');
	KQ_EXPECT(kq1, ch.pid, EVFILT_PROC, .data = 7 << 8);
	KQ_EXPECT(kq2, ch.pid, EVFILT_PROC, .data = 7 << 8);
	child_end(&ch);
}

KQ_TC(autoreap, "PROC-8: the status also where SIGCHLD is ignored")
{
	struct child ch;
	int i, kq = KQ_OPEN();

	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < 50; i++) {
		ch = child_start();
		ADD(kq, ch.pid, NOTE_EXIT);
		child_tell(&ch, 'q');
		KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .data = 7 << 8);
		close(ch.to);
		close(ch.from);
	}
}

KQ_TC(reaped, "PROC-8: the status when the parent reaps at once")
{
	struct child ch;
	int i, kq = KQ_OPEN();

	for (i = 0; i < 50; i++) {
		ch = child_start();
		ADD(kq, ch.pid, NOTE_EXIT);
		child_tell(&ch, 'q');
		child_end(&ch);
		KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .data = 7 << 8);
	}
}

KQ_TC(grandchild, "PROC-8: the exit of somebody else's child")
{
	int a[2], end[2], go[2], i, kq = KQ_OPEN();
	pid_t pid, gpid;
	char c;

	for (i = 0; i < 50; i++) {
		ATF_REQUIRE_EQ(0, pipe(a));
		ATF_REQUIRE_EQ(0, pipe(go));
		ATF_REQUIRE_EQ(0, pipe(end));
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0) {
			close(go[1]);
			close(end[1]);
			if ((gpid = fork()) == 0) {
				(void)!read(go[0], &c, 1);
				_exit(9);
			}
			(void)!write(a[1], &gpid, sizeof(gpid));
			/* Every other time it stays a zombie. */
			if (i % 2 == 0 && gpid != -1)
				(void)waitpid(gpid, NULL, 0);
			(void)!read(end[0], &c, 1);
			_exit(0);
		}
		ATF_REQUIRE_EQ((ssize_t)sizeof(gpid), read(a[0], &gpid,
		    sizeof(gpid)));
		ATF_REQUIRE(gpid > 1);
		ADD(kq, gpid, NOTE_EXIT);
		close(go[1]);
		KQ_EXPECT(kq, gpid, EVFILT_PROC, .fflags = NOTE_EXIT,
		    .data = 9 << 8);
		close(end[1]);
		ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
		close(go[0]);
		close(end[0]);
		close(a[0]);
		close(a[1]);
	}
}

KQ_TC(init, "PROC-4, PROC-12: pid 1 and the own process may be watched")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, NOTE_EXIT);
	ADD(kq, getpid(), NOTE_EXIT);
	KQ_EXPECT_NOTHING(kq);
}

#define	MANY	1000

KQ_TC(thousand, "PROC-8: a thousand processes at a time")
{
	static pid_t pids[MANY];
	static struct kevent kev[MANY];
	int go[2], i, j, kq = KQ_OPEN(), many = KQ_ROUNDS(MANY);
	int n, st, total;
	char c;

	ATF_REQUIRE_EQ(0, pipe(go));
	for (i = 0; i < many; i++) {
		if ((pids[i] = fork()) == 0) {
			close(go[1]);
			(void)!read(go[0], &c, 1);
			leave(i % 100);
		}
		ATF_REQUIRE(pids[i] != -1);
		ADD(kq, pids[i], NOTE_EXIT);
	}
	close(go[1]);
	for (total = 0; total < many; total += n) {
		n = KQ_COLLECT(kq, kev, MANY);
		ATF_REQUIRE(n > 0);
		for (i = 0; i < n; i++) {
			for (j = 0; j < many &&
			    pids[j] != (pid_t)kev[i].ident; j++)
				continue;
			ATF_REQUIRE(j < many);
			ATF_CHECK_EQ((j % 100) << 8, (int)kev[i].data);
			ATF_REQUIRE_EQ(pids[j], waitpid(pids[j], &st, 0));
			pids[j] = -2;
		}
	}
	KQ_EXPECT_NOTHING(kq);
	close(go[0]);
}

KQ_TC(fork_exec, "PROC-6, PROC-7, PROC-10: forks and execs of a child")
{
	struct child ch;
	int kq = KQ_OPEN();

	need_connector(kq);
	ch = child_start();
	ADD(kq, ch.pid, NOTE_FORK | NOTE_EXEC | NOTE_EXIT);
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch, 'f');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK, .data = 0,
	    .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	/* REG-16: another mask; the forks are heard of once all the same. */
	ADD(kq, ch.pid, NOTE_FORK);
	ADD(kq, ch.pid, NOTE_EXEC | NOTE_EXIT);
	child_tell(&ch, 'f');
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch, 'x');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXEC, .data = 0);
	close(ch.to);
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 0,
	    .flags = ENDED);
	close(ch.from);
	ATF_REQUIRE_EQ(ch.pid, waitpid(ch.pid, NULL, 0));

	ch = child_start();
	ADD(kq, ch.pid, NOTE_FORK | NOTE_EXIT);
	child_tell(&ch, 'f');
	child_tell(&ch, 'q');
	child_end(&ch);
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK | NOTE_EXIT,
	    .data = 7 << 8, .flags = ENDED);
}

KQ_TC(unrelated, "PROC-17: unrelated forks lose nothing")
{
	struct child ch, noise;
	int i, kq = KQ_OPEN();

	need_connector(kq);
	ch = child_start();
	noise = child_start();
	ADD(kq, ch.pid, NOTE_FORK);
	for (i = 0; i < KQ_ROUNDS(3000); i++)
		child_tell(&noise, 'f');
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch, 'f');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	child_end(&noise);
	child_end(&ch);
}

KQ_TC(own, "PROC-6: the own process; threads are no forks")
{
	int kq = KQ_OPEN(), tid;
	pthread_t t;
	pid_t pid;

	ADD(kq, getpid(), NOTE_FORK | NOTE_EXEC);
	pthread_barrier_init(&barrier, NULL, 2);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, tid_thread, &tid));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(0);
	KQ_EXPECT(kq, getpid(), EVFILT_PROC, .fflags = NOTE_FORK);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

#define	MANYFORKS	100

KQ_TC(fork_many, "PROC-6: more processes than a filter names one by one")
{
	struct timespec patience = { KQ_PATIENCE, 0 };
	static struct child ch[3], late;
	static pid_t pids[MANYFORKS];
	static bool heard[MANYFORKS];
	int end[2], go[2], i, j, kq = KQ_OPEN();
	struct kevent kev;
	char c = 0;

	need_connector(kq);
	for (i = 0; i < 3; i++)
		ch[i] = child_start();
	/* Behind those, who would keep them open. */
	ATF_REQUIRE_EQ(0, pipe(go));
	ATF_REQUIRE_EQ(0, pipe(end));
	ADD(kq, ch[0].pid, NOTE_FORK);
	for (i = 0; i < MANYFORKS; i++) {
		if ((pids[i] = fork()) == 0) {
			close(end[1]);
			(void)!read(go[0], &c, 1);
			if (fork() == 0)
				leave(0);
			(void)!read(end[0], &c, 1);
			leave(0);
		}
		ATF_REQUIRE(pids[i] != -1);
		ADD(kq, pids[i], NOTE_FORK);
		if (i == MANYFORKS / 2)
			ADD(kq, ch[1].pid, NOTE_FORK);
	}
	/* Others may pass now; this one is nobody's. */
	child_tell(&ch[2], 'f');
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < 2; i++) {
		child_tell(&ch[i], 'f');
		KQ_EXPECT(kq, ch[i].pid, EVFILT_PROC, .fflags = NOTE_FORK);
	}
	/* Nor is a new one's own start that of another with its number. */
	late = child_start();
	ADD(kq, late.pid, NOTE_FORK);
	child_tell(&late, 'f');
	KQ_EXPECT(kq, late.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	KQ_CHANGE(kq, late.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	child_end(&late);
	/* Each of them is heard of, once. */
	for (i = 0; i < MANYFORKS; i++)
		ATF_REQUIRE_EQ(1, write(go[1], &c, 1));
	for (i = 0; i < MANYFORKS; i++) {
		ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, &kev, 1, &patience));
		ATF_CHECK_EQ(NOTE_FORK, kev.fflags);
		for (j = 0; j < MANYFORKS && pids[j] != (pid_t)kev.ident; j++)
			continue;
		ATF_REQUIRE(j < MANYFORKS && !heard[j]);
		heard[j] = true;
	}
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < MANYFORKS; i++)
		KQ_CHANGE(kq, pids[i], EVFILT_PROC, EV_DELETE, 0, 0);
	child_tell(&ch[2], 'f');
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < 2; i++) {
		child_tell(&ch[i], 'f');
		KQ_EXPECT(kq, ch[i].pid, EVFILT_PROC, .fflags = NOTE_FORK);
	}
	close(end[1]);
	for (i = 0; i < MANYFORKS; i++)
		ATF_REQUIRE_EQ(pids[i], waitpid(pids[i], NULL, 0));
	close(end[0]);
	close(go[0]);
	close(go[1]);
	for (i = 3; i-- > 0;)
		child_end(&ch[i]);
}

/* The case again in a child that did how(); 0, the exit code, or a signal. */
static int
elsewhere(int flags, int (*fn)(void))
{
	pid_t pid;
	int st;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (unshare(flags) != 0)
			_exit(77);
		/* A pid namespace is for the children. */
		if ((flags & CLONE_NEWPID) != 0) {
			if ((pid = fork()) != 0) {
				if (pid == -1 || waitpid(pid, &st, 0) != pid)
					_exit(98);
				_exit(WIFEXITED(st) ? WEXITSTATUS(st) : 99);
			}
			(void)mount("proc", "/proc", "proc", 0, NULL);
		}
		_exit(fn());
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		atf_tc_skip("no namespaces here");
	return (st);
}

static int
no_connector(void)
{
	struct kevent kev;
	int error, kq;
	pid_t pid;

	kq = kqueue();
	if ((pid = fork()) == 0) {
		(void)pause();
		_exit(0);
	}
	if (pid == -1)
		return (1);
	/* At once, and clearly; the exit does not need it. */
	error = kq_test_change(kq, (uintptr_t)pid, EVFILT_PROC, EV_ADD,
	    NOTE_FORK, 0, NULL);
	if (error != EOPNOTSUPP && error != EPERM)
		return (2);
	error = kq_test_change(kq, (uintptr_t)pid, EVFILT_PROC, EV_ADD,
	    NOTE_TRACK, 0, NULL);
	if (error != EOPNOTSUPP && error != EPERM)
		return (3);
	if (kq_test_change(kq, (uintptr_t)pid, EVFILT_PROC, EV_ADD, NOTE_EXIT,
	    0, NULL) != 0)
		return (4);
	/* Nor does it come later, and then nothing has changed. */
	error = kq_test_change(kq, (uintptr_t)pid, EVFILT_PROC, EV_ADD,
	    NOTE_FORK, 0, NULL);
	if (error != EOPNOTSUPP && error != EPERM)
		return (8);
	(void)kill(pid, SIGTERM);
	if (kq_test_collect(kq, &kev, 1) != 1 || kev.data != SIGTERM ||
	    kev.fflags != NOTE_EXIT || waitpid(pid, NULL, 0) != pid)
		return (5);
	/* And neither do the forks of our own. */
	if (kq_test_change(kq, (uintptr_t)getpid(), EVFILT_PROC, EV_ADD,
	    NOTE_FORK | NOTE_EXEC, 0, NULL) != 0)
		return (6);
	if ((pid = fork()) == 0)
		_exit(0);
	if (pid == -1 || kq_test_collect(kq, &kev, 1) != 1 ||
	    kev.fflags != NOTE_FORK || waitpid(pid, NULL, 0) != pid)
		return (7);
	/* It can be given up, and had again; each fork is told of once. */
	if (kq_test_change(kq, (uintptr_t)getpid(), EVFILT_PROC, EV_ADD,
	    NOTE_FORK, 0, NULL) != 0 || kevent(kq, NULL, 0, &kev, 1,
	    &(struct timespec){ 0, 0 }) != 0)
		return (9);
	if (kq_test_change(kq, (uintptr_t)getpid(), EVFILT_PROC, EV_DELETE, 0,
	    0, NULL) != 0)
		return (10);
	if ((pid = fork()) == 0)
		_exit(0);
	if (pid == -1 || waitpid(pid, NULL, 0) != pid ||
	    kq_test_change(kq, (uintptr_t)getpid(), EVFILT_PROC, EV_ADD,
	    NOTE_FORK, 0, NULL) != 0 || kevent(kq, NULL, 0, &kev, 1,
	    &(struct timespec){ 0, 0 }) != 0)
		return (11);
	if ((pid = fork()) == 0)
		_exit(0);
	if (pid == -1 || waitpid(pid, NULL, 0) != pid ||
	    kq_test_collect(kq, &kev, 1) != 1 || kev.fflags != NOTE_FORK)
		return (12);
	/* With the kqueue, all of it goes. */
	if (close(kq) != 0 || kq_test_count() != 0)
		return (13);
	return (0);
}

KQ_TC_MD(net_namespace, "PROC-17: in another network namespace",
    "require.user", "root")
{
	ATF_CHECK_EQ(0, elsewhere(CLONE_NEWNET, no_connector));
}

KQ_TC_MD(pid_namespace, "PROC-17: in another pid namespace",
    "require.user", "root")
{
	ATF_CHECK_EQ(0, elsewhere(CLONE_NEWPID | CLONE_NEWNS, no_connector));
}

KQ_TC_MD(unprivileged, "PROC-4: whoever we are, exits of anybody",
    "require.user", "unprivileged")
{
	struct child ch = child_start();
	int kq = KQ_OPEN();

	ADD(kq, ch.pid, NOTE_EXIT);
	ADD(kq, 1, NOTE_EXIT);
	child_tell(&ch, 'q');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .data = 7 << 8);
	child_end(&ch);
}

/* One pid again and again: the next process with a number is another one. */
static int
same_pid(void)
{
	struct kevent kev;
	int i, kq, st;
	pid_t first, pid;
	FILE *fp;

	kq = kqueue();
	first = 0;
	for (i = 0; i < 20; i++) {
		if (i > 0) {
			if ((fp = fopen("/proc/sys/kernel/ns_last_pid",
			    "w")) == NULL)
				return (77);
			fprintf(fp, "%d", (int)first - 1);
			if (fclose(fp) != 0)
				return (77);
		}
		if ((pid = fork()) == 0) {
			(void)pause();
			_exit(0);
		}
		if (pid == -1)
			return (1);
		if (i == 0)
			first = pid;
		else if (pid != first)
			return (2);
		if (kq_test_change(kq, (uintptr_t)pid, EVFILT_PROC, EV_ADD,
		    NOTE_EXIT, 0, NULL) != 0)
			return (3);
		(void)kill(pid, i % 2 == 0 ? SIGTERM : SIGKILL);
		if (waitpid(pid, &st, 0) != pid)
			return (4);
		if (kq_test_collect(kq, &kev, 1) != 1 || kev.data != st)
			return (5);
	}
	return (0);
}

/*
 * As nobody, who may not know how root's processes end before somebody has
 * reaped them: 0, or where.  A letter has gpid end, another has it reaped.
 */
static int
stranger_child(pid_t gpid, int to, int from)
{
	struct kevent kev;
	int kq, tracker;
	char c;

	if (setgid(65534) == -1 || setuid(65534) == -1 ||
	    (kq = kqueue()) == -1 || (tracker = kqueue()) == -1)
		return (10);
	if (kq_test_change(kq, (uintptr_t)gpid, EVFILT_PROC,
	    EV_ADD | EV_DISABLE, NOTE_EXIT, 0, NULL) != 0)
		return (11);
	/* Who tracks is told by the kernel's messages, if he may be. */
	if (kq_test_change(tracker, (uintptr_t)gpid, EVFILT_PROC, EV_ADD,
	    NOTE_EXIT | NOTE_TRACK, 0, NULL) != 0 && close(tracker) == 0)
		tracker = -1;
	if (write(to, "e", 1) != 1)
		return (12);
	/* It has ended, and the kqueue has had the time to see that. */
	if (read(from, &c, 1) != 1 || kevent(kq, NULL, 0, &kev, 1,
	    &(struct timespec){ 0, 0 }) != 0)
		return (13);
	if (tracker != -1 && (kq_test_collect(tracker, &kev, 1) != 1 ||
	    kev.fflags != NOTE_EXIT || kev.data != 9 << 8))
		return (18);
	if (write(to, "r", 1) != 1 || read(from, &c, 1) != 1)
		return (14);
	if (kq_test_change(kq, (uintptr_t)gpid, EVFILT_PROC, EV_ENABLE,
	    NOTE_EXIT, 0, NULL) != 0)
		return (15);
	if (kq_test_collect(kq, &kev, 1) != 1)
		return (16);
	return (kev.fflags == NOTE_EXIT && kev.data == 9 << 8 ? 0 : 17);
}

KQ_TC_MD(stranger, "PROC-8: somebody else's status, known when he was reaped",
    "require.user", "root")
{
	siginfo_t si;
	pid_t pid, gpid;
	int end[2], from[2], status, to[2];
	char c;

	ATF_REQUIRE_EQ(0, pipe(end));
	ATF_REQUIRE_EQ(0, pipe(from));
	ATF_REQUIRE_EQ(0, pipe(to));
	ATF_REQUIRE((gpid = fork()) != -1);
	if (gpid == 0) {
		close(end[1]);
		(void)!read(end[0], &c, 1);
		_exit(9);
	}
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		close(end[1]);
		_exit(stranger_child(gpid, to[1], from[0]));
	}
	ATF_REQUIRE_EQ(1, read(to[0], &c, 1));
	ATF_REQUIRE_EQ(1, write(end[1], "x", 1));
	ATF_REQUIRE_EQ(0, waitid(P_PID, (id_t)gpid, &si, WEXITED | WNOWAIT));
	ATF_REQUIRE_EQ(1, write(from[1], "x", 1));
	ATF_REQUIRE_EQ(1, read(to[0], &c, 1));
	ATF_REQUIRE_EQ(gpid, waitpid(gpid, NULL, 0));
	ATF_REQUIRE_EQ(1, write(from[1], "x", 1));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(status == 0, "status %#x", (unsigned)status);
}

KQ_TC_MD(pid_reuse, "PROC-8: a number that is used again is another process",
    "require.user", "root")
{
	ATF_CHECK_EQ(0, elsewhere(CLONE_NEWPID | CLONE_NEWNS, same_pid));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, exit_child);
	ATF_TP_ADD_TC(tp, exit_signal);
	ATF_TP_ADD_TC(tp, zombie);
	ATF_TP_ADD_TC(tp, no_process);
	ATF_TP_ADD_TC(tp, thread_id);
	ATF_TP_ADD_TC(tp, without_exit);
	ATF_TP_ADD_TC(tp, freebsd_without_exit);
	ATF_TP_ADD_TC(tp, freebsd_fork_exit);
	ATF_TP_ADD_TC(tp, disabled);
	ATF_TP_ADD_TC(tp, two_kqueues);
	ATF_TP_ADD_TC(tp, autoreap);
	ATF_TP_ADD_TC(tp, reaped);
	ATF_TP_ADD_TC(tp, grandchild);
	ATF_TP_ADD_TC(tp, init);
	ATF_TP_ADD_TC(tp, thousand);
	ATF_TP_ADD_TC(tp, fork_exec);
	ATF_TP_ADD_TC(tp, unrelated);
	ATF_TP_ADD_TC(tp, own);
	ATF_TP_ADD_TC(tp, fork_many);
	ATF_TP_ADD_TC(tp, net_namespace);
	ATF_TP_ADD_TC(tp, pid_namespace);
	ATF_TP_ADD_TC(tp, unprivileged);
	ATF_TP_ADD_TC(tp, stranger);
	ATF_TP_ADD_TC(tp, pid_reuse);

	return (atf_no_error());
}
