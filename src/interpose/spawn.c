/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * New programs and processes.
 *
 * A new program inherits the mask of the thread that calls exec, and what is
 * ignored.  While a signal is watched both may be ours (sigstate.h): here the
 * program's are put in place first.  A posix_spawn() is told the mask in its
 * attributes, so that the caller's stays; for exec and popen() the thread's is
 * changed for the moment.  system() is made of posix_spawn().
 *
 * Forks are counted for EVFILT_PROC on the own process.
 *
 * In a vfork() child all this changes the child only, and no memory but what
 * program_mask() writes, which is the same for both.
 *
 * Not for the static archive, where nothing could be called next.
 *
 * Exported (libkqueue.map): execve execv execvp execvpe execl execlp execle
 * fexecve execveat posix_spawn posix_spawnp system popen _Fork
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _FORTIFY_SOURCE
#undef _GNU_SOURCE
#define	_GNU_SOURCE

#include "interpose.h"

#include <sys/wait.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kqueue_var.h"
#include "lx_proc.h"

/* Not in every libc. */
int	execveat(int, const char *, char *const [], char *const [], int);
pid_t	_Fork(void);

extern char **environ;

typedef char *const *args_t;

static _Atomic(int (*)(const char *, args_t, args_t)) next_execve;
static _Atomic(int (*)(const char *, args_t, args_t)) next_execvpe;
static _Atomic(int (*)(int, args_t, args_t)) next_fexecve;
static _Atomic(int (*)(int, const char *, args_t, args_t, int)) next_execveat;
typedef int spawn_t(pid_t *, const char *, const posix_spawn_file_actions_t *,
    const posix_spawnattr_t *, args_t, args_t);
static _Atomic(spawn_t *) next_posix_spawn;
static _Atomic(spawn_t *) next_posix_spawnp;
static _Atomic(int (*)(const char *)) next_system;
static _Atomic(FILE *(*)(const char *, const char *)) next_popen;
static _Atomic(pid_t (*)(void)) next__Fork;

/* Absent from libc (execveat() and _Fork() may be): as in an older kernel. */
#define	CALL(name, ...)							\
	(FOUND(name) != NULL ? NEXT(name)(__VA_ARGS__) :		\
	    (errno = ENOSYS, -1))

__attribute__((__constructor__(101))) static void
spawn_constructor(void)
{
	int saved;

	saved = errno;
	RESOLVE(execve);
	RESOLVE(execvpe);
	RESOLVE(fexecve);
	RESOLVE(execveat);
	RESOLVE(posix_spawn);
	RESOLVE(posix_spawnp);
	RESOLVE(system);
	RESOLVE(popen);
	RESOLVE(_Fork);
	errno = saved;
}

#define	EXEC(call)							\
__extension__ ({							\
	struct sigspawn kq_ss;						\
	bool kq_needed;							\
	int kq_ret;							\
									\
	if ((kq_needed = sigspawn_needed()))				\
		sigspawn_begin(&kq_ss, true);				\
	kq_ret = call;							\
	if (kq_needed)							\
		sigspawn_end(&kq_ss, 0);				\
	kq_ret;								\
})

int
execve(const char *path, char *const argv[], char *const envp[])
{
	return (EXEC(FOUND(execve)(path, argv, envp)));
}

int
execv(const char *path, char *const argv[])
{
	return (EXEC(FOUND(execve)(path, argv, environ)));
}

int
execvpe(const char *file, char *const argv[], char *const envp[])
{
	return (EXEC(FOUND(execvpe)(file, argv, envp)));
}

int
execvp(const char *file, char *const argv[])
{
	return (EXEC(FOUND(execvpe)(file, argv, environ)));
}

int
fexecve(int fd, char *const argv[], char *const envp[])
{
	return (EXEC(FOUND(fexecve)(fd, argv, envp)));
}

int
execveat(int fd, const char *path, char *const argv[], char *const envp[],
    int flags)
{
	return (EXEC(CALL(execveat, fd, path, argv, envp, flags)));
}

/* The arguments as an array, on the caller's stack. */
#define	EXECL(ret, arg0, getenvp, call)					\
do {									\
	va_list kq_ap;							\
	size_t kq_i, kq_n;						\
	char **kq_argv;							\
									\
	va_start(kq_ap, arg0);						\
	for (kq_n = 1; va_arg(kq_ap, char *) != NULL; kq_n++)		\
		continue;						\
	va_end(kq_ap);							\
	kq_argv = __builtin_alloca((kq_n + 1) * sizeof(*kq_argv));	\
	va_start(kq_ap, arg0);						\
	kq_argv[0] = (char *)(uintptr_t)arg0;				\
	for (kq_i = 1; kq_i <= kq_n; kq_i++)				\
		kq_argv[kq_i] = va_arg(kq_ap, char *);			\
	getenvp;							\
	va_end(kq_ap);							\
	ret = call;							\
} while (0)

int
execl(const char *path, const char *arg0, ...)
{
	int ret;

	EXECL(ret, arg0, (void)0, execv(path, kq_argv));
	return (ret);
}

int
execlp(const char *file, const char *arg0, ...)
{
	int ret;

	EXECL(ret, arg0, (void)0, execvp(file, kq_argv));
	return (ret);
}

int
execle(const char *path, const char *arg0, ...)
{
	char **envp;
	int ret;

	EXECL(ret, arg0, envp = va_arg(kq_ap, char **),
	    execve(path, kq_argv, envp));
	return (ret);
}

static int
spawn(spawn_t *fn, pid_t *pidp, const char *path,
    const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *attr,
    char *const argv[], char *const envp[])
{
	posix_spawnattr_t copy;
	struct sigspawn ss;
	sigset_t mask;
	short flags;
	pid_t pid;
	int error;

	if (KQ_LIKELY(!sigspawn_needed())) {
		error = fn(pidp, path, fa, attr, argv, envp);
		if (error == 0)
			kq_selfforked();
		return (error);
	}
	if (attr != NULL)
		copy = *attr;
	else
		(void)posix_spawnattr_init(&copy);	/* never fails */
	sigspawn_begin(&ss, false);
	(void)posix_spawnattr_getflags(&copy, &flags);
	if ((flags & POSIX_SPAWN_SETSIGMASK) == 0) {
		lx_sigset_put(ss.ss_program, &mask);
		(void)posix_spawnattr_setsigmask(&copy, &mask);
		(void)posix_spawnattr_setflags(&copy,
		    (short)(flags | POSIX_SPAWN_SETSIGMASK));
	}
	error = fn(&pid, path, fa, &copy, argv, envp);
	if (error == 0 && pidp != NULL)
		*pidp = pid;
	sigspawn_end(&ss, error == 0 ? pid : 0);
	if (attr == NULL)
		(void)posix_spawnattr_destroy(&copy);
	if (error == 0)
		kq_selfforked();
	return (error);
}

int
posix_spawn(pid_t *restrict pidp, const char *restrict path,
    const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *restrict attr, char *const argv[restrict],
    char *const envp[restrict])
{
	return (spawn(FOUND(posix_spawn), pidp, path, fa, attr, argv, envp));
}

int
posix_spawnp(pid_t *restrict pidp, const char *restrict file,
    const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *restrict attr, char *const argv[restrict],
    char *const envp[restrict])
{
	return (spawn(FOUND(posix_spawnp), pidp, file, fa, attr, argv, envp));
}

/*
 * system().  INT and QUIT are ignored and CHLD is blocked meanwhile, by the
 * interposed functions, so a watched signal goes on being counted.
 */
static pthread_mutex_t system_lock = PTHREAD_MUTEX_INITIALIZER;
static int system_depth;
static struct sigaction system_int, system_quit;

static void
system_restore(void)
{
	(void)pthread_mutex_lock(&system_lock);
	if (--system_depth == 0) {
		(void)sigaction(SIGINT, &system_int, NULL);
		(void)sigaction(SIGQUIT, &system_quit, NULL);
	}
	(void)pthread_mutex_unlock(&system_lock);
}

struct system {
	pid_t		s_pid;
	sigset_t	s_mask;
};

static void
system_cancel(void *arg)
{
	struct system *s = arg;
	int state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	(void)kill(s->s_pid, SIGKILL);
	while (waitpid(s->s_pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	(void)pthread_setcancelstate(state, NULL);
	system_restore();
	(void)pthread_sigmask(SIG_SETMASK, &s->s_mask, NULL);
}

static int
do_system(const char *command)
{
	char sh[] = "sh", c[] = "-c";
	char *argv[4] = { sh, c, (char *)(uintptr_t)command, NULL };
	posix_spawnattr_t attr;
	struct sigaction sa;
	struct system s;
	sigset_t block, reset;
	int error, status;

	sa.sa_handler = SIG_IGN;
	sa.sa_flags = 0;
	(void)sigemptyset(&sa.sa_mask);
	(void)pthread_mutex_lock(&system_lock);
	if (system_depth++ == 0) {
		(void)sigaction(SIGINT, &sa, &system_int);
		(void)sigaction(SIGQUIT, &sa, &system_quit);
	}
	(void)sigemptyset(&reset);
	if (system_int.sa_handler != SIG_IGN)
		(void)sigaddset(&reset, SIGINT);
	if (system_quit.sa_handler != SIG_IGN)
		(void)sigaddset(&reset, SIGQUIT);
	(void)pthread_mutex_unlock(&system_lock);
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGCHLD);
	(void)pthread_sigmask(SIG_BLOCK, &block, &s.s_mask);

	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, &s.s_mask);
	(void)posix_spawnattr_setsigdefault(&attr, &reset);
	(void)posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn(&s.s_pid, "/bin/sh", NULL, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	/* As if the shell had ended with exit(127). */
	status = 127 << 8;
	if (error == 0) {
		pthread_cleanup_push(system_cancel, &s);
		while (waitpid(s.s_pid, &status, 0) == -1) {
			if (errno == EINTR)
				continue;
			error = errno;
			status = -1;
			break;
		}
		pthread_cleanup_pop(0);
	} else if (error == EAGAIN || error == ENOMEM)
		status = -1;
	system_restore();
	(void)pthread_sigmask(SIG_SETMASK, &s.s_mask, NULL);
	if (error != 0)
		errno = error;
	return (status);
}

int
system(const char *command)
{
	if (command == NULL)
		return (FOUND(system)(NULL));
	if (KQ_UNLIKELY(sigspawn_needed()))
		return (do_system(command));
	kq_selfforked();
	return (FOUND(system)(command));
}

FILE *
popen(const char *command, const char *mode)
{
	struct sigspawn ss;
	FILE *fp;

	if (KQ_LIKELY(!sigspawn_needed())) {
		fp = FOUND(popen)(command, mode);
	} else {
		sigspawn_begin(&ss, true);
		fp = FOUND(popen)(command, mode);
		sigspawn_end(&ss, fp != NULL ? -1 : 0);
	}
	if (fp != NULL)
		kq_selfforked();
	return (fp);
}

/* fork() without handlers. */
pid_t
_Fork(void)
{
	pid_t pid;

	pid = CALL(_Fork);
	if (pid == 0)
		sig_forkchild();
	else if (pid != -1)
		kq_selfforked();
	return (pid);
}
