/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's functions before its constructors have run, as another
 * library's constructor may call them: here from the program's own
 * .preinit_array, which the dynamic linker runs before all of them.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <spawn.h>

#include "kq_test.h"

int	close_range(unsigned int, unsigned int, int);
void	closefrom(int);

static volatile sig_atomic_t hits;

static void
on_signal(int sig)
{
	(void)sig;
	hits++;
}

/* The step that failed, 0; -1: it did not run. */
static int early_step = -1, early_errno;

#define	STEP(e)								\
do {									\
	early_step++;							\
	if (!(e)) {							\
		early_errno = errno;					\
		return;							\
	}								\
} while (0)

static void
early_steps(char **envp)
{
	static char sh[] = "sh", c[] = "-c", cmd[] = "exit 4",
	    *argv[] = { sh, c, cmd, NULL };
	struct sigaction sa, old;
	struct kevent kev;
	sigset_t set;
	FILE *fp;
	int fd, fds[2], kq, st;
	pid_t pid;

	early_step = 0;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	STEP(sigaction(SIGUSR1, &sa, NULL) == 0);
	STEP(sigaction(SIGUSR1, NULL, &old) == 0 &&
	    old.sa_handler == on_signal);
	STEP(sigaction(SIGKILL, &sa, NULL) == -1 && errno == EINVAL);
	STEP(sigaction(65, &sa, NULL) == -1 && errno == EINVAL);
	STEP(signal(SIGUSR2, SIG_IGN) == SIG_DFL);
	STEP(kill(getpid(), SIGUSR1) == 0 && hits == 1);
	STEP(raise(SIGUSR1) == 0 && hits == 2);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	STEP(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	STEP(raise(SIGUSR1) == 0 && hits == 2);
	STEP(sigpending(&set) == 0 && sigismember(&set, SIGUSR1) == 1);
	sigemptyset(&set);
	STEP(sigprocmask(SIG_SETMASK, &set, NULL) == 0 && hits == 3);
	/* Descriptors. */
	STEP(pipe(fds) == 0);
	STEP((fd = dup(fds[0])) != -1 && close(fd) == 0);
	STEP(close(fd) == -1 && errno == EBADF);
	STEP(dup2(fds[0], fd) == fd && dup2(fd, fd) == fd);
	STEP(dup3(fds[1], fd, O_CLOEXEC) == fd);
	STEP(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	STEP(close_range((unsigned)fd, (unsigned)fd, 0) == 0 ||
	    errno == ENOSYS);
	/* What only libc can do. */
	STEP((fp = fdopen(fds[0], "r")) != NULL && fclose(fp) == 0);
	STEP(close(fds[0]) == -1 && errno == EBADF);
	STEP(close(fds[1]) == 0);
	STEP(posix_spawnp(&pid, "sh", NULL, NULL, argv, envp) == 0);
	STEP(waitpid(pid, &st, 0) == pid && st == 4 << 8);
	STEP(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, envp) == 0);
	STEP(waitpid(pid, &st, 0) == pid && st == 4 << 8);
	STEP((fp = popen("exit 2", "r")) != NULL);
	STEP(pclose(fp) == 2 << 8);
	STEP(system("exit 3") == 3 << 8);
	STEP((pid = vfork()) != -1);
	if (pid == 0) {
		(void)execv("/bin/sh", argv);
		_exit(127);
	}
	STEP(waitpid(pid, &st, 0) == pid && st == 4 << 8);
	/* And a kqueue. */
	STEP((kq = kqueue()) != -1);
	STEP(kq_test_change(kq, 1, EVFILT_USER, EV_ADD, 0, 0, NULL) == 0 &&
	    kq_test_change(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL) ==
	    0 && kq_test_collect(kq, &kev, 1) == 1);
	STEP(close(kq) == 0);
	early_step = 0;
}

/* The sanitizers are not set up so early. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define	EARLY	0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define	EARLY	0
#endif
#endif
#ifndef EARLY
#define	EARLY	1
#endif

static void
early(int argc, char **argv, char **envp)
{
	char **e;

	(void)argc;
	(void)argv;
	/* libc has no environment yet. */
	for (e = envp; EARLY && *e != NULL; e++) {
		if (strcmp(*e, "KQ_EARLY=1") == 0)
			early_steps(envp);
	}
}

__attribute__((__section__(".preinit_array"), __used__)) static void
(*const early_entry)(int, char **, char **) = early;

KQ_TC(before_constructor, "SIG-7: what a constructor before ours may do")
{
	int kq;

	if (getenv("KQ_EARLY") == NULL) {
		char self[4096], *argv[] = { self, (char *)(uintptr_t)
		    "before_constructor", NULL };
		posix_spawn_file_actions_t fa;
		ssize_t n;
		pid_t pid;
		int st;

		n = readlink("/proc/self/exe", self, sizeof(self) - 1);
		ATF_REQUIRE(n > 0);
		self[n] = '\0';
		setenv("KQ_EARLY", "1", 1);
		posix_spawn_file_actions_init(&fa);
		posix_spawn_file_actions_addopen(&fa, 1, "out",
		    O_WRONLY | O_CREAT, 0600);
		ATF_REQUIRE_EQ(0, posix_spawn(&pid, self, &fa, NULL, argv,
		    environ));
		posix_spawn_file_actions_destroy(&fa);
		ATF_REQUIRE_EQ(pid, waitpid(pid, &st, 0));
		if (st == 99 << 8)
			atf_tc_skip("no .preinit_array, or a sanitizer");
		ATF_CHECK_EQ_MSG(0, st, "step %d", WEXITSTATUS(st));
		return;
	}
	if (early_step != 0)
		_exit(early_step == -1 ? 99 : early_step);
	/* Later all goes on as usual. */
	kq = KQ_OPEN();
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, kill(getpid(), SIGUSR1));
	if (hits != 4)
		_exit(98);
	KQ_EXPECT(kq, SIGUSR1, EVFILT_SIGNAL, .data = 1);
	_exit(0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, before_constructor);

	return (atf_no_error());
}
