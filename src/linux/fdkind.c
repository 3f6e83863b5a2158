/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a descriptor is, and the counts that it offers.
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>

#include "lx_sys.h"

#ifndef STATX_TYPE
#include <linux/stat.h>		/* musl before 1.2.4 has no statx() */
#endif

/* What /proc/self/fd/N points to, cut to fit; "" if that cannot be read. */
static void
lx_fd_name(int fd, char *name, size_t len)
{
	char path[32];
	long n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = LX_SYS(SYS_readlinkat, AT_FDCWD, path, name, len - 1);
	name[n < 0 ? 0 : n] = '\0';
}

static enum lx_kind
lx_sockkind(int fd)
{
	int domain, type;
	socklen_t len;

	len = sizeof(domain);
	if (LX_SYS(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		domain = AF_UNSPEC;
	len = sizeof(type);
	if (LX_SYS(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return (LX_KIND_DGRAM);
	if (domain == AF_UNIX)
		return (LX_KIND_UNIX);
	if ((domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM)
		return (LX_KIND_TCP);
	return (LX_KIND_STREAM);
}

/* All anonymous inodes share one, so the name has to tell. */
static enum lx_kind
lx_anonkind(int fd)
{
	static const struct {
		const char *name;
		enum lx_kind kind;
	} table[] = {
		{ "anon_inode:[eventfd]", LX_KIND_EVENTFD },
		{ "anon_inode:[timerfd]", LX_KIND_TIMERFD },
		{ "anon_inode:[signalfd]", LX_KIND_SIGNALFD },
		{ "anon_inode:inotify", LX_KIND_INOTIFY },
		{ "anon_inode:[pidfd]", LX_KIND_PIDFD },
		{ "anon_inode:[eventpoll]", LX_KIND_EPOLL },
		{ "pidfd:", LX_KIND_PIDFD },	/* pidfs, Linux 6.9 */
	};
	char name[64];
	size_t i;

	lx_fd_name(fd, name, sizeof(name));
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strncmp(name, table[i].name, strlen(table[i].name)) == 0)
			return (table[i].kind);
	}
	return (LX_KIND_ANON);
}

/* A POSIX message queue looks like a regular file, but for its attributes. */
static enum lx_kind
lx_filekind(int fd)
{
	long cur, max;

	return (lx_mq_count(fd, &cur, &max) == 0 ? LX_KIND_MQUEUE :
	    LX_KIND_FILE);
}

static enum lx_kind
lx_chrkind(int fd)
{
	unsigned int ptn;
	char termios[256];
	long ret;

	/* Only the master side of a pty has a number to give. */
	if (LX_SYS(SYS_ioctl, fd, TIOCGPTN, &ptn) == 0)
		return (LX_KIND_PTM);
	/*
	 * struct termios as the kernel has it is far below 256 bytes.  EIO: it
	 * was hung up.
	 */
	ret = LX_SYS(SYS_ioctl, fd, TCGETS, termios);
	if (ret == 0 || ret == -EIO)
		return (LX_KIND_TTY);
	return (LX_KIND_CHR);
}

static enum lx_kind
lx_pipekind(int fd)
{
	char name[16];

	lx_fd_name(fd, name, sizeof(name));
	return (strncmp(name, "pipe:", 5) == 0 ? LX_KIND_PIPE : LX_KIND_FIFO);
}

int
lx_fd_type(int fd, unsigned int *typep)
{
	struct lx_stat ls;
	int error;

	error = lx_stat(fd, &ls);
	*typep = error == 0 ? ls.ls_mode & S_IFMT : 0;
	return (error);
}

int
lx_stat(int fd, struct lx_stat *ls)
{
	struct statx stx;
	struct stat st;
	int error, saved;

	error = lx_error(LX_SYS(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE |
	    STATX_INO | STATX_SIZE, &stx));
	if (error == 0) {
		ls->ls_mode = stx.stx_mode;
		ls->ls_ino = stx.stx_ino;
		ls->ls_size = (int64_t)stx.stx_size;
		return (0);
	}
	if (error == EBADF)
		return (error);
	/*
	 * Before Linux 4.11, or forbidden.  Or there is no memory for the path,
	 * which fstat() does not need.
	 */
	saved = errno;
	error = fstat(fd, &st) == -1 ? errno : 0;
	errno = saved;
	ls->ls_mode = st.st_mode;
	ls->ls_ino = st.st_ino;
	ls->ls_size = st.st_size;
	return (error);
}

int
lx_fdkind(int fd, enum lx_kind *kindp)
{
	unsigned int type;
	int error;

	*kindp = LX_KIND_UNKNOWN;
	if ((error = lx_fd_type(fd, &type)) != 0)
		return (error);
	switch (type) {
	case S_IFSOCK:
		*kindp = lx_sockkind(fd);
		break;
	case S_IFIFO:
		*kindp = lx_pipekind(fd);
		break;
	case S_IFREG:
		*kindp = lx_filekind(fd);
		/* From Linux 6.9 to 6.11 a pidfd was a regular file. */
		if (*kindp == LX_KIND_FILE && lx_anonkind(fd) == LX_KIND_PIDFD)
			*kindp = LX_KIND_PIDFD;
		break;
	case S_IFDIR:
		*kindp = LX_KIND_DIR;
		break;
	case S_IFCHR:
		*kindp = lx_chrkind(fd);
		break;
	case S_IFBLK:
		*kindp = LX_KIND_BLK;
		break;
	case S_IFLNK:
		*kindp = LX_KIND_LINK;
		break;
	default:
		*kindp = lx_anonkind(fd);
		break;
	}
	return (0);
}

int
lx_fionread(int fd, int *np)
{
	return (lx_error(LX_SYS(SYS_ioctl, fd, FIONREAD, np)));
}

int
lx_outq(int fd, int *np)
{
	return (lx_error(LX_SYS(SYS_ioctl, fd, TIOCOUTQ, np)));
}

/* The buffer counts in page slots, so this is an approximation. */
int
lx_pipe_space(int fd, int *np)
{
	int error, used;
	long size;

	*np = 0;
	size = LX_SYS(SYS_fcntl, fd, F_GETPIPE_SZ);
	if (size < 0)
		return ((int)-size);
	if ((error = lx_fionread(fd, &used)) != 0)
		return (error);
	*np = (int)size > used ? (int)size - used : 0;
	return (0);
}

int
lx_file_left(int fd, int64_t *np)
{
	struct lx_stat ls;
	off_t off;
	int error, saved;

	*np = 0;
	if ((error = lx_stat(fd, &ls)) != 0)
		return (error);
	saved = errno;
	if ((off = lseek(fd, 0, SEEK_CUR)) == -1)
		error = errno;
	else
		*np = ls.ls_size - (int64_t)off;
	errno = saved;
	return (error);
}

/* From fdinfo: reading the descriptor would take the counter. */
int
lx_eventfd_count(int fd, uint64_t *np)
{
	char path[40], buf[512], *p;
	size_t len;
	long info;
	int error;

	*np = 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = LX_SYS(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (info < 0)
		return ((int)-info);
	error = lx_read((int)info, buf, sizeof(buf) - 1, &len);
	lx_close((int)info);
	if (error != 0)
		return (error);
	buf[len] = '\0';
	if ((p = strstr(buf, "eventfd-count:")) == NULL)
		return (EINVAL);
	for (p += strlen("eventfd-count:"); *p == ' ' || *p == '\t'; p++)
		continue;
	for (; *p != '\n' && *p != '\0'; p++) {
		*np = *np * 16 + (uint64_t)(*p <= '9' ? *p - '0' :
		    (*p | 0x20) - 'a' + 10);
	}
	return (0);
}

int
lx_mq_count(int fd, long *curp, long *maxp)
{
	struct mq_attr attr;
	int error;

	*curp = *maxp = 0;
	error = lx_error(LX_SYS(SYS_mq_getsetattr, fd, NULL, &attr));
	if (error == 0) {
		*curp = attr.mq_curmsgs;
		*maxp = attr.mq_maxmsg;
	}
	return (error);
}
