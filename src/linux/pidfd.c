/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pidfd_open(2), and how a process ended.
 *
 * A pidfd is readable from the moment when the last thread is gone, and says
 * HUP from the reaping on; it means its process for ever, whoever gets the
 * number next.  Who may know the wait status, and when:
 *  - the parent, until it reaps: waitid() with WNOWAIT, which leaves the
 *    zombie as it is;
 *  - anybody, from the reaping on: PIDFD_GET_INFO (Linux 6.15), also when
 *    nobody waits since SIGCHLD is ignored;
 *  - who might ptrace it (same user, or privileged), before the reaping: the
 *    last field of /proc/PID/stat, which is 0 for others.
 */
#define	_GNU_SOURCE
#include "lx_proc.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "lx.h"
#include "lx_sys.h"

#ifndef SYS_pidfd_open
#define	SYS_pidfd_open	434
#endif
#ifndef P_PIDFD
#define	P_PIDFD		3
#endif

#ifndef __WALL
#define	__WALL		0x40000000
#endif

/* struct pidfd_info as of Linux 6.13; 6.15 gave the last word its meaning. */
struct info {
	uint64_t	i_mask;
	uint64_t	i_cgroup;
	uint32_t	i_ids[11];
	int32_t		i_status;
};
#define	INFO_GET	_IOWR(0xff, 11, struct info)
#define	INFO_EXIT	((uint64_t)1 << 3)

int
lx_pidfd(int pid, int *fdp)
{
	long ret;

	ret = LX_SYS(SYS_pidfd_open, pid, 0);
	/* A thread that leads no process: EINVAL, or ENOENT since 6.9. */
	if (ret == -EINVAL || ret == -ENOENT)
		ret = -ESRCH;
	/* Before Linux 5.3. */
	if (ret == -ENOSYS)
		ret = -EOPNOTSUPP;
	return (lx_newfd(ret, fdp));
}

bool
lx_pidfd_reaped(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct timespec ts = { 0, 0 };
	struct info info;

	memset(&info, 0, sizeof(info));
	info.i_mask = INFO_EXIT;
	if (LX_SYS(SYS_ioctl, fd, INFO_GET, &info) == 0)
		return ((info.i_mask & INFO_EXIT) != 0);
	/* Before 6.13: HUP since 6.9, else nothing tells. */
	return (LX_SYS(SYS_ppoll, &pfd, 1, &ts, NULL, 8) == 1 &&
	    (pfd.revents & POLLHUP) != 0);
}

static bool
status_reaped(int fd, int *statusp)
{
	struct info info;

	memset(&info, 0, sizeof(info));
	info.i_mask = INFO_EXIT;
	if (LX_SYS(SYS_ioctl, fd, INFO_GET, &info) != 0 ||
	    (info.i_mask & INFO_EXIT) == 0)
		return (false);
	*statusp = info.i_status;
	return (true);
}

static bool
status_child(int fd, int pid, int *statusp)
{
	siginfo_t si;
	long ret;

	memset(&si, 0, sizeof(si));
	ret = LX_SYS(SYS_waitid, P_PIDFD, fd, &si,
	    WEXITED | WNOHANG | WNOWAIT, NULL);
	if (ret == -EINVAL)		/* before 5.4 */
		ret = LX_SYS(SYS_waitid, P_PID, pid, &si,
		    WEXITED | WNOHANG | WNOWAIT, NULL);
	if (ret != 0 || si.si_pid == 0)
		return (false);
	if (si.si_code == CLD_EXITED)
		*statusp = (si.si_status & 0xff) << 8;
	else
		*statusp = si.si_status | (si.si_code == CLD_DUMPED ? 0x80 : 0);
	return (true);
}

/*
 * The last field of /proc/PID/stat.  False if the number is not, or may not
 * be, that of the process; *statusp is 0 also where we may not know.
 */
static bool
status_stat(int fd, int pid, int *statusp)
{
	char buf[1024], *s;
	size_t len;
	int n, pfd;

	if (lx_procfile("/proc/", pid, "stat", &pfd) != 0)
		return (false);
	(void)lx_read(pfd, buf, sizeof(buf) - 1, &len);
	lx_close(pfd);
	buf[len] = '\0';
	if (len == 0 || (s = strrchr(buf, ')')) == NULL || strlen(s) < 3 ||
	    (s[2] != 'Z' && s[2] != 'X'))
		return (false);
	/* Not waited for afterwards: then the number was its own before. */
	if (lx_pidfd_reaped(fd))
		return (false);
	if ((s = strrchr(buf, ' ')) == NULL)
		return (false);
	for (n = 0, s++; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + *s - '0';
	*statusp = n;
	return (true);
}

void
lx_pidfd_status(int fd, int pid, int *statusp, bool *surep)
{
	int round;

	*statusp = 0;
	*surep = true;
	/*
	 * Where nobody waits the process is first dead and then released, and
	 * for a moment between them none of these know.
	 */
	for (round = 0; round < 40; round++) {
		if (status_child(fd, pid, statusp) ||
		    status_reaped(fd, statusp))
			return;
		if (status_stat(fd, pid, statusp)) {
			/* 0 may be the status, or none of our business. */
			if (*statusp == 0)
				*surep = status_reaped(fd, statusp);
			return;
		}
		lx_yield(round);
	}
	*surep = false;
}

/* The state of a child of the kinds that flags says, as lx_child() tells it. */
static int
child_state(int pid, int flags)
{
	siginfo_t si;
	long ret;

	memset(&si, 0, sizeof(si));
	ret = LX_SYS(SYS_waitid, P_PID, pid, &si,
	    WEXITED | WNOHANG | WNOWAIT | flags, NULL);
	if (ret != 0)
		return (ESRCH);
	return (si.si_pid == 0 ? 0 : EBUSY);
}

int
lx_child(int pid)
{
	int error;

	error = child_state(pid, 0);
	if (error == ESRCH && child_state(pid, __WALL) != ESRCH)
		error = EBUSY;
	return (error);
}
