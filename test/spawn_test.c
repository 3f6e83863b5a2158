/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIG-9: new programs and processes, by every function that makes them, get the
 * program's mask and dispositions while signals are watched, and all that they
 * were promised without us.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>

#include "place_test.h"

/* Absent from musl's archive. */
int	execveat(int, const char *, char *const [], char *const [], int)
	    __attribute__((__weak__));

static volatile sig_atomic_t hits;

static void
on_signal(int sig)
{
	(void)sig;
	hits++;
}

#define	SEND(sig)	ATF_REQUIRE_EQ(0, kill(getpid(), sig))
#define	ADD(kq, sig)	KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_ADD, 0, 0)
#define	COUNT(kq, sig, n) KQ_EXPECT(kq, sig, EVFILT_SIGNAL, .data = (n))
#define	BIT(sig)	(1ull << ((sig) - 1))

/* The masks in /proc/PID/status. */
struct status {
	unsigned long long	blk, ign, cgt;
};

static struct status
status_read(FILE *fp)
{
	struct status st = { ~0ull, ~0ull, ~0ull };
	char line[256];

	while (fp != NULL && fgets(line, sizeof(line), fp) != NULL) {
		(void)sscanf(line, "SigBlk: %llx", &st.blk);
		(void)sscanf(line, "SigIgn: %llx", &st.ign);
		(void)sscanf(line, "SigCgt: %llx", &st.cgt);
	}
	/* glibc's posix_spawn() has its own two ignored. */
	st.ign &= ~(3ull << 31);
	return (st);
}

static struct status
status_self(void)
{
	FILE *fp = fopen("/proc/thread-self/status", "r");
	struct status st = status_read(fp);

	fclose(fp);
	return (st);
}

#define	SAME(a, b)							\
do {									\
	ATF_CHECK_EQ_MSG((a).blk, (b).blk, "%llx", (b).blk);		\
	ATF_CHECK_EQ_MSG((a).ign, (b).ign, "%llx", (b).ign);		\
} while (0)

/* What signals are made: ignored, caught, blocked, SIGCHLD ignored. */
static struct status
setup(int kq)
{
	struct status before;
	sigset_t set;

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_signal);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	before = status_self();
	ADD(kq, SIGUSR1);
	ADD(kq, SIGUSR2);
	ADD(kq, SIGCHLD);
	ADD(kq, SIGHUP);
	ADD(kq, SIGWINCH);
	return (before);
}

/* All is as it was, and counted. */
#define	UNCHANGED(kq)							\
do {									\
	sigset_t kq_set;						\
	struct sigaction kq_sa;						\
									\
	sigprocmask(SIG_BLOCK, NULL, &kq_set);				\
	ATF_CHECK_EQ(0, sigismember(&kq_set, SIGUSR1));			\
	ATF_CHECK_EQ(0, sigismember(&kq_set, SIGCHLD));			\
	ATF_CHECK_EQ(1, sigismember(&kq_set, SIGHUP));			\
	sigaction(SIGINT, NULL, &kq_sa);				\
	ATF_CHECK(kq_sa.sa_handler == SIG_DFL);				\
	KQ_CHANGE(kq, SIGCHLD, EVFILT_SIGNAL, EV_DELETE, 0, 0);		\
	SEND(SIGUSR1);							\
	COUNT(kq, SIGUSR1, 1);						\
	ADD(kq, SIGCHLD);						\
} while (0)

static char *argv_grep[] = { (char *)(uintptr_t)"grep",
    (char *)(uintptr_t)"Sig", (char *)(uintptr_t)"/proc/self/status", NULL };
static char *argv_bad[] = { (char *)(uintptr_t)"no", NULL };
static char grep_path[64];

static void
find_grep(void)
{
	snprintf(grep_path, sizeof(grep_path), "%s/grep",
	    access("/bin/grep", X_OK) == 0 ? "/bin" : "/usr/bin");
	if (access(grep_path, X_OK) != 0)
		atf_tc_skip("no grep");
}

/*
 * By pointers, since a compiler that counts coverage would call others.
 */
static int (*volatile p_execl)(const char *, const char *, ...) = execl;
static int (*volatile p_execlp)(const char *, const char *, ...) = execlp;
static int (*volatile p_execle)(const char *, const char *, ...) = execle;
static int (*volatile p_execv)(const char *, char *const []) = execv;
static int (*volatile p_execvp)(const char *, char *const []) = execvp;
static int (*volatile p_execve)(const char *, char *const [],
    char *const []) = execve;

#define	NEXEC	9

/* Execute grep, or something that does not exist. */
static int
exec_how(int how, bool good, int fd)
{
	const char *path = good ? grep_path : "/nonexistent/no";
	const char *file = good ? "grep" : "no-such-program";
	char **argv = good ? argv_grep : argv_bad;

	switch (how) {
	case 0:
		return (p_execl(path, "grep", "Sig", "/proc/self/status",
		    (char *)NULL));
	case 1:
		return (p_execlp(file, "grep", "Sig", "/proc/self/status",
		    (char *)NULL));
	case 2:
		return (p_execle(path, "grep", "Sig", "/proc/self/status",
		    (char *)NULL, environ));
	case 3:
		return (p_execv(path, argv));
	case 4:
		return (p_execvp(file, argv));
	case 5:
		return (p_execve(path, argv, environ));
	case 6:
		return (execvpe(file, argv, environ));
	case 7:
		return (fexecve(good ? fd : -1, argv, environ));
	default:
		if (execveat == NULL) {
			errno = ENOSYS;
			return (-1);
		}
		return (execveat(AT_FDCWD, path, argv, environ, 0));
	}
}

KQ_TC(exec_fails, "SIG-9: an exec that fails changes nothing, watched or not")
{
	int how, kq = KQ_OPEN(), pass;

	for (pass = 0; pass < 2; pass++) {
		if (pass == 1)
			(void)setup(kq);
		for (how = 0; how < NEXEC; how++) {
			errno = 0;
			ATF_CHECK_EQ(-1, exec_how(how, false, -1));
			ATF_CHECK_MSG(errno == (how == 7 ? EINVAL : ENOENT) ||
			    (how == 7 && errno == EBADF) ||
			    (how == 8 && errno == ENOSYS),
			    "%d: errno %d", how, errno);
		}
	}
	UNCHANGED(kq);
}

KQ_TC(exec_vfork, "SIG-9: every exec function, in a vfork() child")
{
	int fd, fds[2], how, kq = KQ_OPEN(), st;
	struct status a, b;
	pid_t pid;
	FILE *fp;

	find_grep();
	a = setup(kq);
	ATF_REQUIRE((fd = open(grep_path, O_RDONLY | O_CLOEXEC)) != -1);
	for (how = 0; how < NEXEC; how++) {
		ATF_REQUIRE_EQ(0, pipe2(fds, O_CLOEXEC));
		ATF_REQUIRE((pid = vfork()) != -1);
		if (pid == 0) {
			dup2(fds[1], 1);
			(void)exec_how(how, true, fd);
			_exit(errno == ENOSYS ? 126 : 127);
		}
		close(fds[1]);
		ATF_REQUIRE((fp = fdopen(fds[0], "r")) != NULL);
		b = status_read(fp);
		fclose(fp);
		ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
		if (WEXITSTATUS(st) == 126)
			continue;	/* a libc without execveat() */
		ATF_CHECK_EQ_MSG(0, st, "%d: status %d", how, st);
		SAME(a, b);
		UNCHANGED(kq);
	}
	close(fd);
}

KQ_TC(exec_self, "SIG-9: a process that watches is replaced by a program")
{
	int fds[2], how, kq, st;
	struct status a, b;
	pid_t pid;
	FILE *fp;

	find_grep();
	for (how = 3; how < 7; how++) {
		ATF_REQUIRE_EQ(0, pipe2(fds, O_CLOEXEC));
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0) {
			kq = kqueue();
			a = setup(kq);
			dup2(fds[1], 1);
			dprintf(1, "SigBlk:\t%llx\nSigIgn:\t%llx\n", a.blk,
			    a.ign);
			(void)exec_how(how, true, -1);
			_exit(127);
		}
		close(fds[1]);
		ATF_REQUIRE((fp = fdopen(fds[0], "r")) != NULL);
		memset(&a, 0, sizeof(a));
		ATF_CHECK_EQ(2, fscanf(fp, "SigBlk: %llx SigIgn: %llx", &a.blk,
		    &a.ign));
		b = status_read(fp);
		fclose(fp);
		ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
		ATF_CHECK_EQ(0, st);
		SAME(a, b);
	}
}

/* What a spawned grep finds of its signals. */
static struct status
spawned(const posix_spawnattr_t *attr, bool p, int line)
{
	posix_spawn_file_actions_t fa;
	struct status st = { 0, 0, 0 };
	int error, fds[2], status;
	pid_t pid;
	FILE *fp;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return (st);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
	error = p ? posix_spawnp(&pid, "grep", &fa, attr, argv_grep, environ) :
	    posix_spawn(&pid, grep_path, &fa, attr, argv_grep, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	if (error != 0)
		atf_tc_fail("line %d: %s", line, strerror(error));
	fp = fdopen(fds[0], "r");
	st = status_read(fp);
	fclose(fp);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		atf_tc_fail("line %d: status %#x", line, status);
	return (st);
}

KQ_TC(spawn, "SIG-9: posix_spawn with each attribute")
{
	struct sched_param sp = { 0 };
	struct status a, b;
	posix_spawnattr_t attr;
	sigset_t set;
	short flags;
	int kq = KQ_OPEN(), pass;
	pid_t pid;

	find_grep();
	signal(SIGUSR1, SIG_IGN);
	a = spawned(NULL, true, __LINE__);
	ATF_CHECK((a.ign & BIT(SIGUSR1)) != 0);
	a = setup(kq);
	for (pass = 0; pass < 2; pass++) {
		b = spawned(NULL, pass == 1, __LINE__);
		SAME(a, b);
		ATF_REQUIRE_EQ(0, posix_spawnattr_init(&attr));
		b = spawned(&attr, pass == 1, __LINE__);
		SAME(a, b);
		/* The object is not changed by its use. */
		posix_spawnattr_getflags(&attr, &flags);
		ATF_CHECK_EQ(0, flags);
		/* Another process group, the ids, the scheduler's. */
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
		    POSIX_SPAWN_RESETIDS | POSIX_SPAWN_SETSCHEDULER);
		posix_spawnattr_setpgroup(&attr, 0);
		posix_spawnattr_setschedpolicy(&attr, SCHED_OTHER);
		posix_spawnattr_setschedparam(&attr, &sp);
		b = spawned(&attr, pass == 1, __LINE__);
		SAME(a, b);
		/* A mask of its own. */
		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
		posix_spawnattr_setsigmask(&attr, &set);
		b = spawned(&attr, pass == 1, __LINE__);
		ATF_CHECK_EQ(BIT(SIGUSR2), b.blk);
		ATF_CHECK_EQ(a.ign, b.ign);
		/* Defaults for what is ignored and watched. */
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
		posix_spawnattr_setsigdefault(&attr, &set);
		b = spawned(&attr, pass == 1, __LINE__);
		ATF_CHECK_EQ(a.blk, b.blk);
		ATF_CHECK_EQ(a.ign & ~BIT(SIGUSR1), b.ign);
		posix_spawnattr_destroy(&attr);
	}
	ATF_CHECK_EQ(ENOENT, posix_spawn(&pid, "/nonexistent/no", NULL, NULL,
	    argv_bad, environ));
	ATF_CHECK_EQ(ENOENT, posix_spawnp(&pid, "no-such-program", NULL, NULL,
	    argv_bad, environ));
	UNCHANGED(kq);
	close(kq);
	ATF_CHECK_EQ(ENOENT, posix_spawn(&pid, "/nonexistent/no", NULL, NULL,
	    argv_bad, environ));
}

/* The file "begun" tells that it has come to that; then in is its input. */
static void
actions_begin(posix_spawn_file_actions_t *fa, const char *in)
{
	posix_spawn_file_actions_init(fa);
	posix_spawn_file_actions_addopen(fa, 0, "begun", O_WRONLY | O_CREAT,
	    0600);
	posix_spawn_file_actions_addopen(fa, 0, in, O_RDONLY, 0);
}

/* What grep has that is started with this standard input. */
static struct status
grep_status(const char *in, pid_t *pidp)
{
	posix_spawn_file_actions_t fa;
	struct status st;
	int fds[2];
	pid_t pid;
	FILE *fp;

	ATF_REQUIRE_EQ(0, pipe2(fds, O_CLOEXEC));
	actions_begin(&fa, in);
	posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
	ATF_REQUIRE_EQ(0, posix_spawn(&pid, grep_path, &fa, NULL, argv_grep,
	    environ));
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	ATF_REQUIRE((fp = fdopen(fds[0], "r")) != NULL);
	st = status_read(fp);
	fclose(fp);
	if (pidp != NULL)
		*pidp = pid;
	return (st);
}

KQ_TC(spawn_child_ignored, "SIG-9: SIGCHLD that is ignored is inherited so")
{
	int kq = KQ_OPEN();
	struct status b;
	pid_t pid;

	find_grep();
	(void)setup(kq);
	signal(SIGCHLD, SIG_IGN);
	b = grep_status("/dev/null", &pid);
	ATF_CHECK((b.ign & BIT(SIGCHLD)) != 0);
	ATF_CHECK_ERRNO(ECHILD, waitpid(pid, NULL, 0) == -1);
	/* Its end counts, and the program believes what it said. */
	COUNT(kq, SIGCHLD, 1);
	ATF_CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

/*
 * A thread that starts a program, and is held up in it: the FIFO "held" is its
 * standard input, and has to be opened first.
 */
struct starter {
	pthread_t	 st_thread;
	struct status	 st_after;	/* the thread's, afterwards */
	_Atomic int	 st_step;	/* 1: started; 2: it may end */
};

static void *
starter_main(void *arg)
{
	struct starter *st = arg;
	pid_t pid;

	(void)grep_status("held", &pid);
	(void)waitpid(pid, NULL, 0);
	st->st_after = status_self();
	st->st_step = 1;
	while (st->st_step == 1)
		sched_yield();
	return (NULL);
}

/*
 * Start it, and wait until the library has done its part, and SIGCHLD is ignored as
 * far as the kernel knows.
 */
static void
held_begin(pthread_t *t, void *(*fn)(void *), void *arg)
{
	ATF_REQUIRE_EQ(0, mkfifo("held", 0600));
	(void)unlink("begun");
	ATF_REQUIRE_EQ(0, pthread_create(t, NULL, fn, arg));
	while (access("begun", F_OK) == -1)
		sched_yield();
	ATF_REQUIRE((status_self().ign & BIT(SIGCHLD)) != 0);
}

/* Let it go on until it says that it has. */
static void
held_release(_Atomic int *done)
{
	int fd;

	ATF_REQUIRE((fd = open("held", O_WRONLY)) != -1);
	while (*done == 0)
		sched_yield();
	close(fd);
	unlink("held");
}

static void
starter_begin(struct starter *st)
{
	st->st_step = 0;
	held_begin(&st->st_thread, starter_main, st);
}

static void
starter_release(struct starter *st)
{
	held_release(&st->st_step);
}

static void
starter_end(struct starter *st)
{
	st->st_step = 2;
	pthread_join(st->st_thread, NULL);
}

/* No new child: what is counted is another's end. */
static void *
starter_fails(void *arg)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	actions_begin(&fa, "held");
	ATF_CHECK_EQ(ENOENT, posix_spawn(&pid, "/nonexistent/no", &fa, NULL,
	    argv_bad, environ));
	posix_spawn_file_actions_destroy(&fa);
	*(_Atomic int *)arg = 1;
	return (NULL);
}

KQ_TC(spawn_child_dies, "SIG-3: a child that ends while a program is started")
{
	_Atomic int done = 0;
	int kq = KQ_OPEN();
	pthread_t t;
	pid_t pid;

	find_grep();
	(void)setup(kq);
	signal(SIGCHLD, SIG_IGN);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	held_begin(&t, starter_fails, &done);
	ATF_REQUIRE_EQ(0, kill(pid, SIGKILL));
	/* Nobody waits for it: its number is nobody's any more. */
	while (kill(pid, 0) == 0)
		sched_yield();
	KQ_EXPECT_NOTHING(kq);
	held_release(&done);
	COUNT(kq, SIGCHLD, 1);
	pthread_join(t, NULL);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(spawn_and_action, "SIG-9: an action that is set while a program starts")
{
	struct starter st;
	int kq = KQ_OPEN();

	find_grep();
	(void)setup(kq);
	signal(SIGCHLD, SIG_IGN);
	starter_begin(&st);
	signal(SIGCHLD, on_signal);
	starter_release(&st);
	hits = 0;
	SEND(SIGCHLD);
	while (hits == 0)
		sched_yield();
	starter_end(&st);

	/* Ignored again, and watched no more. */
	signal(SIGCHLD, SIG_IGN);
	starter_begin(&st);
	KQ_CHANGE(kq, SIGCHLD, EVFILT_SIGNAL, EV_DELETE, 0, 0);
	starter_release(&st);
	ATF_CHECK((status_self().ign & BIT(SIGCHLD)) != 0);
	starter_end(&st);
}

KQ_TC(spawn_and_add, "SIG-3: a signal that is watched while a program starts")
{
	struct starter st;
	int kq = KQ_OPEN();

	find_grep();
	signal(SIGUSR1, SIG_IGN);
	ADD(kq, SIGCHLD);
	signal(SIGCHLD, SIG_IGN);
	starter_begin(&st);
	ADD(kq, SIGUSR1);
	starter_release(&st);
	KQ_CHANGE(kq, SIGCHLD, EVFILT_SIGNAL, EV_DELETE, 0, 0);
	/* The thread would take it, if it did not block it as all others do. */
	ATF_CHECK((st.st_after.blk & BIT(SIGUSR1)) != 0);
	SEND(SIGUSR1);
	COUNT(kq, SIGUSR1, 1);
	starter_end(&st);
}

/* A child that has ended before its parent goes on. */
KQ_TC(spawn_short, "SIG-3: a program that is done before posix_spawn() is")
{
	struct sched_param none = { .sched_priority = 0 };
	char name[] = "true", *argv[] = { name, NULL };
	posix_spawnattr_t attr;
	int i, kq = KQ_OPEN();
	cpu_set_t cpus;
	pid_t pid;
	FILE *fp;

	(void)setup(kq);
	signal(SIGCHLD, SIG_IGN);
	/* One processor, which the child has whenever it wants. */
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	ATF_REQUIRE_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSCHEDULER);
	posix_spawnattr_setschedpolicy(&attr, SCHED_OTHER);
	posix_spawnattr_setschedparam(&attr, &none);
	/* Not in musl, which means that of threads. */
	ATF_REQUIRE_EQ(0, syscall(SYS_sched_setscheduler, 0, SCHED_IDLE,
	    &none));
	for (i = 0; i < KQ_ROUNDS(40); i++) {
		ATF_REQUIRE_EQ(0, posix_spawnp(&pid, name, NULL, &attr, argv,
		    environ));
		COUNT(kq, SIGCHLD, 1);
	}
	posix_spawnattr_destroy(&attr);
	for (i = 0; i < KQ_ROUNDS(40); i++) {
		ATF_REQUIRE((fp = popen("exit 0", "w")) != NULL);
		COUNT(kq, SIGCHLD, 1);
		ATF_CHECK_ERRNO(ECHILD, pclose(fp) == -1);
	}
	KQ_EXPECT_NOTHING(kq);
	/* One that lives on is not counted yet. */
	ATF_REQUIRE((fp = popen("read x", "w")) != NULL);
	KQ_EXPECT_NOTHING(kq);
	ATF_CHECK_ERRNO(ECHILD, pclose(fp) == -1);
	COUNT(kq, SIGCHLD, 1);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC_MD(spawn_no_proc, "SIG-3: a program that is done at once, without /proc",
    "require.user", "root")
{
	char name[] = "true", *argv[] = { name, NULL };
	int i, kq = KQ_OPEN();
	pid_t pid;

	(void)setup(kq);
	signal(SIGCHLD, SIG_IGN);
	mounts_apart();
	ATF_REQUIRE_EQ(0, mount("none", "/proc", "tmpfs", 0, ""));
	for (i = 0; i < KQ_ROUNDS(40); i++) {
		ATF_REQUIRE_EQ(0, posix_spawnp(&pid, name, NULL, NULL, argv,
		    environ));
		COUNT(kq, SIGCHLD, 1);
	}
	KQ_EXPECT_NOTHING(kq);
}

static void *
start_many(void *arg)
{
	struct status b;
	int i;

	for (i = 0; i < KQ_ROUNDS(60); i++) {
		b = grep_status("/dev/null", NULL);
		if ((b.ign & BIT(SIGCHLD)) == 0)
			++*(int *)arg;
	}
	return (NULL);
}

KQ_TC(spawn_threads, "SIG-9: threads that start programs, SIGCHLD ignored")
{
	int bad[3] = { 0, 0, 0 }, i, kq = KQ_OPEN();
	pthread_t t[3];

	find_grep();
	(void)setup(kq);
	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < 3; i++)
		ATF_REQUIRE_EQ(0, pthread_create(&t[i], NULL, start_many,
		    &bad[i]));
	for (i = 0; i < 3; i++) {
		pthread_join(t[i], NULL);
		ATF_CHECK_EQ(0, bad[i]);
	}
	ATF_CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

/* Signals in a shell: "SigBlk..." of grep, executed by it. */
#define	COMMAND		"exec grep Sig /proc/self/status"

KQ_TC(popened, "SIG-9: popen(), to read and to write")
{
	int kq = KQ_OPEN(), pass;
	struct status a, b;
	FILE *fp;

	find_grep();
	for (pass = 0; pass < 2; pass++) {
		if (pass == 1) {
			a = setup(kq);
			ATF_REQUIRE((fp = popen(COMMAND, "r")) != NULL);
			b = status_read(fp);
			ATF_CHECK_EQ(0, pclose(fp));
			SAME(a, b);
		}
		ATF_REQUIRE((fp = popen("read x; exit $x", "w")) != NULL);
		ATF_CHECK(fputs("7\n", fp) >= 0);
		ATF_CHECK_EQ(7 << 8, pclose(fp));
		ATF_CHECK_ERRNO(EINVAL, popen("true", "x") == NULL);
	}
	UNCHANGED(kq);
}

KQ_TC(systems, "SIG-9: system(): status, INT, QUIT and CHLD")
{
	int kq = KQ_OPEN(), pass, st;
	struct sigaction sa;
	char command[128];

	ATF_CHECK(system(NULL) != 0);
	for (pass = 0; pass < 2; pass++) {
		if (pass == 1)
			(void)setup(kq);
		ATF_CHECK_EQ(0, system("true"));
		ATF_CHECK_EQ(3 << 8, system("exit 3"));
		ATF_CHECK_EQ(127 << 8, system("no-such-program 2>/dev/null"));
		st = system("kill -KILL $$");
		ATF_CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
		/* The caller is safe from these, and the command is not. */
		ATF_CHECK_EQ(0, system("kill -INT $PPID; kill -QUIT $PPID"));
		st = system("kill -INT $$");
		ATF_CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGINT);
		sigaction(SIGINT, NULL, &sa);
		ATF_CHECK(sa.sa_handler == SIG_DFL);
		sigaction(SIGQUIT, NULL, &sa);
		ATF_CHECK(sa.sa_handler == SIG_DFL);
	}
	ATF_CHECK(system(NULL) != 0);
	/* What was ignored before is ignored in the command. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	ATF_CHECK_EQ(0, system("kill -INT $$; kill -QUIT $$"));
	signal(SIGQUIT, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	/* The mask that a command finds; its end waits for its caller. */
	snprintf(command, sizeof(command), "test $(sed -n 's/SigBlk:.//p' "
	    "/proc/self/status) = %016llx", BIT(SIGHUP));
	ATF_CHECK_EQ(0, system(command));
	/* Nobody to wait for. */
	signal(SIGCHLD, SIG_IGN);
	ATF_CHECK_ERRNO(ECHILD, system("true") == -1);
	signal(SIGCHLD, SIG_DFL);
	UNCHANGED(kq);
}

static void *
systems_thread(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 10; i++) {
		if (system("exit 5") != 5 << 8)
			return ((void *)1);
	}
	return (NULL);
}

KQ_TC(system_threads, "SIG-9: system() in threads: the last gives INT back")
{
	int i, kq = KQ_OPEN();
	struct sigaction sa;
	pthread_t t[3];
	void *ret;

	(void)setup(kq);
	for (i = 0; i < 3; i++)
		ATF_REQUIRE_EQ(0, pthread_create(&t[i], NULL, systems_thread,
		    NULL));
	for (i = 0; i < 3; i++) {
		pthread_join(t[i], &ret);
		ATF_CHECK_EQ(NULL, ret);
	}
	sigaction(SIGINT, NULL, &sa);
	ATF_CHECK(sa.sa_handler == SIG_DFL);
	UNCHANGED(kq);
}

static int cancel_pipe[2];

static void *
cancelled_thread(void *arg)
{
	char command[64];

	(void)arg;
	snprintf(command, sizeof(command), "echo >&%d; exec sleep 1000",
	    cancel_pipe[1]);
	return ((void *)(intptr_t)system(command));
}

KQ_TC(system_cancelled, "SIG-9: a cancelled system() leaves nothing behind")
{
	int kq = KQ_OPEN();
	struct sigaction sa;
	pthread_t t;
	void *ret;
	char c;

	(void)setup(kq);
	ATF_REQUIRE_EQ(0, pipe(cancel_pipe));
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, cancelled_thread, NULL));
	/* The command runs. */
	ATF_REQUIRE_EQ(1, read(cancel_pipe[0], &c, 1));
	ATF_REQUIRE_EQ(0, pthread_cancel(t));
	pthread_join(t, &ret);
	ATF_CHECK_EQ(PTHREAD_CANCELED, ret);
	/* It is dead, and no zombie. */
	ATF_CHECK_ERRNO(ECHILD, waitpid(-1, NULL, WNOHANG) == -1);
	close(cancel_pipe[1]);
	ATF_CHECK_EQ(0, read(cancel_pipe[0], &c, 1));
	close(cancel_pipe[0]);
	sigaction(SIGQUIT, NULL, &sa);
	ATF_CHECK(sa.sa_handler == SIG_DFL);
	UNCHANGED(kq);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, exec_fails);
	ATF_TP_ADD_TC(tp, exec_vfork);
	ATF_TP_ADD_TC(tp, exec_self);
	ATF_TP_ADD_TC(tp, spawn);
	ATF_TP_ADD_TC(tp, spawn_child_ignored);
	ATF_TP_ADD_TC(tp, spawn_child_dies);
	ATF_TP_ADD_TC(tp, spawn_and_action);
	ATF_TP_ADD_TC(tp, spawn_and_add);
	ATF_TP_ADD_TC(tp, spawn_short);
	ATF_TP_ADD_TC(tp, spawn_no_proc);
	ATF_TP_ADD_TC(tp, spawn_threads);
	ATF_TP_ADD_TC(tp, popened);
	ATF_TP_ADD_TC(tp, systems);
	ATF_TP_ADD_TC(tp, system_threads);
	ATF_TP_ADD_TC(tp, system_cancelled);

	return (atf_no_error());
}
