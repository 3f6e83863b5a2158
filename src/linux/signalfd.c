/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals as the kernel has them: masks, signalfd(2), and the threads of this
 * process with the masks that they have.
 *
 * What to know of signalfd:
 *  a. it fetches, and so takes away: a handler or sigwait() sees nothing;
 *  b. it shows signals of the process and of the thread that looks, never
 *     those sent to another thread;
 *  c. every arrival of any signal makes epoll look at it again, and what a
 *     thread is about to take is readable for a moment too;
 *  d. a blocked signal is queued although it is ignored, but whether it is
 *     blocked is asked of the main thread first (sig_ignored()).
 */
#define	_GNU_SOURCE
#include "lx_proc.h"

#include <sys/signalfd.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "lx.h"
#include "lx_sys.h"

#define	KSIGSET		sizeof(uint64_t)

/* libc's type is longer than what the kernel takes, and of longs. */
LX_BARE uint64_t
lx_sigset(const sigset_t *set)
{
	uint64_t bits;

	__builtin_memcpy(&bits, set, sizeof(bits));
	return (bits);
}

LX_BARE void
lx_sigset_put(uint64_t bits, sigset_t *set)
{
	volatile unsigned long *w = (volatile unsigned long *)(void *)set;
	size_t i;

	for (i = 0; i < sizeof(*set) / sizeof(*w); i++)
		w[i] = 0;
	__builtin_memcpy(set, &bits, sizeof(bits));
}

LX_BARE uint64_t
lx_ucontext_mask(void *ctx)
{
	return (lx_sigset(&((ucontext_t *)ctx)->uc_sigmask));
}

LX_BARE void
lx_ucontext_setmask(void *ctx, uint64_t bits)
{
	/* The kernel's frame has eight bytes here, libc's type more. */
	__builtin_memcpy(&((ucontext_t *)ctx)->uc_sigmask, &bits, sizeof(bits));
}

void
lx_sigmask(uint64_t set, uint64_t *oldp)
{
	(void)LX_SYS(SYS_rt_sigprocmask, SIG_SETMASK, &set, oldp, KSIGSET);
}

void
lx_sigmask_get(uint64_t *setp)
{
	(void)LX_SYS(SYS_rt_sigprocmask, SIG_SETMASK, NULL, setp, KSIGSET);
}

uint64_t
lx_sigpending(void)
{
	uint64_t set = 0;

	(void)LX_SYS(SYS_rt_sigpending, &set, KSIGSET);
	return (set);
}

/* struct sigaction of the kernel, but for MIPS, where nothing is built. */
struct ksigaction {
	void		(*ka_handler)(int);
	unsigned long	 ka_flags;
	void		(*ka_restorer)(void);
	uint64_t	 ka_mask;
};

#ifdef __x86_64__
/* Debuggers and unwinders know these very bytes. */
void	lx_sigreturn(void);
__asm__(
	".text\n"
	".hidden lx_sigreturn\n"
	".globl lx_sigreturn\n"
	".type lx_sigreturn, @function\n"
	"nop\n"
	"lx_sigreturn:\n"
	"\tmovq $15, %rax\n"
	"\tsyscall\n"
	".size lx_sigreturn, .-lx_sigreturn\n"
);
#define	KA_RESTORER	0x04000000ul
#endif

LX_BARE int
lx_sigaction(int sig, const struct sigaction *sa, struct sigaction *oldp)
{
	struct ksigaction ka, oka;
	long ret;

	if (sa != NULL) {
		ka.ka_restorer = NULL;
		ka.ka_handler = sa->sa_handler;
		ka.ka_flags = (unsigned long)sa->sa_flags;
		ka.ka_mask = lx_sigset(&sa->sa_mask);
#ifdef __x86_64__
		ka.ka_flags |= KA_RESTORER;
		ka.ka_restorer = lx_sigreturn;
#endif
	}
	ret = LX_SYS(SYS_rt_sigaction, sig, sa == NULL ? NULL : &ka,
	    oldp == NULL ? NULL : &oka, KSIGSET);
	if (ret == 0 && oldp != NULL) {
		oldp->sa_restorer = NULL;
		oldp->sa_handler = oka.ka_handler;
		oldp->sa_flags = (int)oka.ka_flags;
#ifdef __x86_64__
		oldp->sa_flags &= ~(int)KA_RESTORER;
#endif
		lx_sigset_put(oka.ka_mask, &oldp->sa_mask);
	}
	return (lx_error(ret));
}

int
lx_signalfd(int *fdp)
{
	uint64_t none = 0;

	return (lx_newfd(LX_SYS(SYS_signalfd4, -1, &none, KSIGSET,
	    SFD_CLOEXEC | SFD_NONBLOCK), fdp));
}

int
lx_signalfd_set(int fd, uint64_t set)
{
	return (lx_error(LX_SYS(SYS_signalfd4, fd, &set, KSIGSET, 0)));
}

/* Which of its fields the kernel has filled: siginfo_layout() there. */
static void
siginfo_convert(const struct signalfd_siginfo *ssi, struct lx_siginfo *ls)
{
	siginfo_t *si = &ls->ls_info;
	int code, sig;

	code = ssi->ssi_code;
	sig = (int)ssi->ssi_signo;
	memset(ls, 0, sizeof(*ls));
	ls->ls_signo = si->si_signo = sig;
	ls->ls_code = si->si_code = code;
	si->si_errno = ssi->ssi_errno;
	if (code == SI_TIMER) {
		si->si_timerid = (int)ssi->ssi_tid;
		si->si_overrun = (int)ssi->ssi_overrun;
		si->si_value.sival_ptr = (void *)(uintptr_t)ssi->ssi_ptr;
		return;
	}
	if (code > 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
	    sig == SIGFPE || sig == SIGTRAP)) {
		si->si_addr = (void *)(uintptr_t)ssi->ssi_addr;
		return;
	}
	/* POLL_*: SIGIO's, and those of any signal of F_SETSIG. */
	if (code == SI_SIGIO || (code > 0 && code <= POLL_HUP &&
	    sig != SIGCHLD && sig != SIGSYS)) {
		si->si_band = (long)ssi->ssi_band;
		si->si_fd = ssi->ssi_fd;
		return;
	}
	si->si_pid = (pid_t)ssi->ssi_pid;
	si->si_uid = ssi->ssi_uid;
	if (sig == SIGCHLD && code > 0) {
		si->si_status = ssi->ssi_status;
		si->si_utime = (clock_t)ssi->ssi_utime;
		si->si_stime = (clock_t)ssi->ssi_stime;
	} else if (code < 0)
		si->si_value.sival_ptr = (void *)(uintptr_t)ssi->ssi_ptr;
}

int
lx_signalfd_read(int fd, struct lx_siginfo *ls, int max, int *np)
{
	struct signalfd_siginfo ssi[16];
	long ret;
	int i, n;

	*np = 0;
	if (max > 16)
		max = 16;
	ret = LX_SYS(SYS_read, fd, ssi, (size_t)max * sizeof(ssi[0]));
	if (ret < 0)
		return (ret == -EAGAIN ? 0 : (int)-ret);
	n = (int)((size_t)ret / sizeof(ssi[0]));
	for (i = 0; i < n; i++)
		siginfo_convert(&ssi[i], &ls[i]);
	*np = n;
	return (0);
}

int
lx_sigqueue(int tid, const siginfo_t *si)
{
	int pid;

	pid = lx_getpid();
	if (tid != 0)
		return (lx_error(LX_SYS(SYS_rt_tgsigqueueinfo, pid, tid,
		    si->si_signo, si)));
	return (lx_error(LX_SYS(SYS_rt_sigqueueinfo, pid, si->si_signo, si)));
}

int
lx_sigtell(int tid, int sig, uintptr_t value)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_signo = sig;
	si.si_code = LX_SI_TELL;
	si.si_pid = lx_getpid();
	si.si_uid = (uid_t)LX_SYS(SYS_getuid);
	si.si_value.sival_ptr = (void *)value;
	return (lx_sigqueue(tid, &si));
}

int
lx_gettid(void)
{
	return ((int)LX_SYS(SYS_gettid));
}

int
lx_nthreads(void)
{
	struct stat st;
	int n, saved;

	/* A directory's links are itself, "." and each directory in it. */
	saved = errno;
	n = stat("/proc/self/task", &st) == 0 ? (int)st.st_nlink - 2 : 0;
	errno = saved;
	return (n);
}

struct kdirent {
	uint64_t	d_ino;
	int64_t		d_off;
	unsigned short	d_reclen;
	unsigned char	d_type;
	char		d_name[];
};

static int
number(const char *s)
{
	int n;

	if (*s < '1' || *s > '9')
		return (-1);
	for (n = 0; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + *s - '0';
	return (n);
}

/* The numbers among the names of a directory. */
static int
numbers(const char *path, void (*fn)(int, void *), void *arg)
{
	union {
		char		 buf[4096];
		struct kdirent	 align;
	} u;
	struct kdirent *de;
	long len, off;
	int fd, n;

	fd = (int)LX_SYS(SYS_openat, AT_FDCWD, path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return (-fd);
	while ((len = LX_SYS(SYS_getdents64, fd, u.buf, sizeof(u.buf))) > 0) {
		for (off = 0; off < len; off += de->d_reclen) {
			de = (struct kdirent *)(void *)(u.buf + off);
			if ((n = number(de->d_name)) > 0)
				fn(n, arg);
		}
	}
	lx_close(fd);
	return (lx_error(len));
}

int
lx_threads(void (*fn)(int, void *), void *arg)
{
	return (numbers("/proc/self/task", fn, arg));
}

int
lx_procfile(const char *dir, int n, const char *file, int *fdp)
{
	char path[64];
	size_t len;
	long fd;
	int i;

	i = (int)sizeof(path) - (int)strlen(file) - 1;
	memcpy(&path[i], file, strlen(file) + 1);
	path[--i] = '/';
	for (; n > 0; n /= 10)
		path[--i] = (char)('0' + n % 10);
	len = strlen(dir);
	memcpy(&path[i -= (int)len], dir, len);
	fd = LX_SYS(SYS_openat, AT_FDCWD, &path[i], O_RDONLY | O_CLOEXEC, 0);
	*fdp = (int)fd;
	return (fd < 0 ? (int)-fd : 0);
}

struct processes {
	void	(*p_fn)(int, int, void *);
	void	*p_arg;
};

static void
process(int pid, void *arg)
{
	struct processes *p = arg;
	char buf[512], *s;
	size_t len;
	int fd;

	if (lx_procfile("/proc/", pid, "stat", &fd) != 0)
		return;
	(void)lx_read(fd, buf, sizeof(buf) - 1, &len);
	lx_close(fd);
	buf[len] = '\0';
	/* "pid (name) state ppid"; the name may contain anything. */
	if ((s = strrchr(buf, ')')) == NULL || strlen(s) < 5)
		return;
	p->p_fn(pid, number(s + 4), p->p_arg);
}

int
lx_processes(void (*fn)(int, int, void *), void *arg)
{
	struct processes p = { fn, arg };

	return (numbers("/proc", process, &p));
}

struct children {
	void	(*c_fn)(int, void *);
	void	*c_arg;
	int	 c_error;
};

/* The numbers in the file "children" of a thread. */
static void
children_made(int tid, void *arg)
{
	struct children *c = arg;
	char buf[512];
	size_t i, len;
	int error, fd, n;

	error = lx_procfile("/proc/self/task/", tid, "children", &fd);
	if (error != 0) {
		/* A thread may have ended; this one has not. */
		if (tid == lx_gettid())
			c->c_error = error;
		return;
	}
	n = 0;
	while (lx_read(fd, buf, sizeof(buf), &len) == 0 && len > 0) {
		for (i = 0; i < len; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				n = n * 10 + buf[i] - '0';
				continue;
			}
			if (n > 0)
				c->c_fn(n, c->c_arg);
			n = 0;
		}
	}
	lx_close(fd);
}

static void
children_mine(int pid, int ppid, void *arg)
{
	struct children *c = arg;

	if (ppid == lx_getpid())
		c->c_fn(pid, c->c_arg);
}

int
lx_children(int tid, void (*fn)(int, void *), void *arg)
{
	struct children c = { fn, arg, 0 };
	int error;

	error = 0;
	if (tid == 0)
		error = lx_threads(children_made, &c);
	else
		children_made(tid, &c);
	if (error == 0)
		error = c.c_error;
	if (error == ENOENT)
		error = lx_processes(children_mine, &c);
	return (error);
}

/*
 * The line "SigBlk:" stands behind one with all the groups of the process, which
 * may be thousands.
 */
static int
status_blocked(int fd, uint64_t *setp)
{
	enum { TAIL = 64 };		/* more than the line */
	char buf[4096], *s;
	size_t have, len;
	int error;
	char c;

	for (have = 0;;) {
		error = lx_read(fd, buf + have, sizeof(buf) - 1 - have, &len);
		if (error != 0 || len == 0)
			return (error);
		have += len;
		buf[have] = '\0';
		if ((s = strstr(buf, "\nSigBlk:\t")) != NULL &&
		    strchr(s + 1, '\n') != NULL)
			break;
		if (have > TAIL) {
			memmove(buf, buf + have - TAIL, TAIL);
			have = TAIL;
		}
	}
	for (s += 9; (c = *s) != '\n'; s++)
		*setp = *setp << 4 |
		    (uint64_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	return (0);
}

int
lx_thread_mask(int tid, uint64_t *setp)
{
	int error, fd;

	*setp = 0;
	error = lx_procfile("/proc/self/task/", tid, "status", &fd);
	if (error != 0)
		return (error == ENOENT ? ESRCH : 0);
	error = status_blocked(fd, setp);
	lx_close(fd);
	return (error == ESRCH ? error : 0);
}
