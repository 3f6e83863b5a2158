/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a descriptor is, and the counts that it offers.
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx_sys.h"

#ifndef STATX_TYPE
#include <linux/stat.h>		/* musl before 1.2.4 has no statx() */
#endif
#define	MQUEUE_MAGIC	0x19800202u	/* in no header */
#ifndef PIDFS_MAGIC
#define	PIDFS_MAGIC	0x50494446u	/* "PIDF", Linux 6.9 */
#endif

static int64_t
lx_stamp(int64_t sec, long nsec)
{
	/* Only compared; a wrap in the year 2262 does no harm. */
	return ((int64_t)((uint64_t)sec * 1000000000u + (uint64_t)nsec));
}

/*
 * Where statx() (Linux 4.11) is missing or forbidden.  Or there is no memory for
 * the path, which fstat() does not need.
 */
static int
lx_inode_fstat(int fd, struct lx_inode *ip)
{
	struct stat st;
	int error, saved;

	saved = errno;
	error = fstat(fd, &st) == -1 ? errno : 0;
	errno = saved;
	if (error != 0)
		return (error);
	ip->in_dev = st.st_dev;
	ip->in_ino = st.st_ino;
	ip->in_size = (int64_t)st.st_size;
	ip->in_mtime = lx_stamp(st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	ip->in_ctime = lx_stamp(st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	ip->in_nlink = (uint32_t)st.st_nlink;
	ip->in_mode = st.st_mode;
	ip->in_uid = st.st_uid;
	ip->in_gid = st.st_gid;
	return (0);
}

int
lx_inode(int fd, struct lx_inode *ip)
{
	struct statx stx;
	int error;

	memset(ip, 0, sizeof(*ip));
	error = lx_error(LX_SYS(SYS_statx, fd, "",
	    AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stx));
	if (error == EBADF)
		return (error);
	if (error != 0)
		return (lx_inode_fstat(fd, ip));
	ip->in_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	ip->in_ino = stx.stx_ino;
	ip->in_size = (int64_t)stx.stx_size;
	ip->in_mtime = lx_stamp(stx.stx_mtime.tv_sec, stx.stx_mtime.tv_nsec);
	ip->in_ctime = lx_stamp(stx.stx_ctime.tv_sec, stx.stx_ctime.tv_nsec);
	ip->in_nlink = stx.stx_nlink;
	ip->in_mode = stx.stx_mode;
	ip->in_uid = stx.stx_uid;
	ip->in_gid = stx.stx_gid;
	return (0);
}

int
lx_fd_type(int fd, unsigned int *typep)
{
	struct lx_inode in;
	int error;

	error = lx_inode(fd, &in);
	*typep = in.in_mode & S_IFMT;
	return (error);
}

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

	domain = AF_UNSPEC;
	len = sizeof(domain);
	(void)LX_SYS(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	type = SOCK_DGRAM;
	len = sizeof(type);
	(void)LX_SYS(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len);
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

/*
 * What looks like a regular file or a directory, and what it is; the file
 * system tells.  None of these has a device behind it, so where there is one
 * nothing has to be asked.
 */
static enum lx_kind
lx_filekind(int fd, const struct lx_inode *ip)
{
	struct statfs sf;
	enum lx_kind kind;
	int saved;

	kind = S_ISDIR(ip->in_mode) ? LX_KIND_DIR : LX_KIND_FILE;
	if (major(ip->in_dev) != 0)
		return (kind);
	saved = errno;
	memset(&sf, 0, sizeof(sf));
	(void)fstatfs(fd, &sf);
	errno = saved;
	switch ((unsigned long)sf.f_type) {
	case PROC_SUPER_MAGIC:
		return (LX_KIND_PROC);
	case MQUEUE_MAGIC:
		return (kind == LX_KIND_DIR ? kind : LX_KIND_MQUEUE);
	case PIDFS_MAGIC:
		/* From Linux 6.9 to 6.11 a pidfd was a regular file. */
		return (LX_KIND_PIDFD);
	default:
		return (kind);
	}
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
lx_fdkind_inode(int fd, enum lx_kind *kindp, struct lx_inode *ip)
{
	int error;

	*kindp = LX_KIND_UNKNOWN;
	if ((error = lx_inode(fd, ip)) != 0)
		return (error);
	switch (ip->in_mode & S_IFMT) {
	case S_IFSOCK:
		*kindp = lx_sockkind(fd);
		break;
	case S_IFIFO:
		*kindp = lx_pipekind(fd);
		break;
	case S_IFREG:
	case S_IFDIR:
		*kindp = lx_filekind(fd, ip);
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
lx_fdkind(int fd, enum lx_kind *kindp)
{
	struct lx_inode in;

	return (lx_fdkind_inode(fd, kindp, &in));
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

bool
lx_dev_gone(int fd)
{
	char ifr[256];		/* struct ifreq is far below */

	/* A tun device, which says ERR alone.  Others say HUP. */
	return (LX_SYS(SYS_ioctl, fd, TUNGETIFF, ifr) == -EBADFD);
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
	struct lx_inode in;
	off_t off;
	int error, saved;

	*np = 0;
	if ((error = lx_inode(fd, &in)) != 0)
		return (error);
	saved = errno;
	if ((off = lseek(fd, 0, SEEK_CUR)) == -1)
		error = errno;
	else
		*np = in.in_size - (int64_t)off;
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
	/* 64 bits at most, so that errno stays as it was. */
	*np = strtoull(p + strlen("eventfd-count:"), NULL, 16);
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
