/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mounts of a mount namespace, and the news of changes to them.
 *
 * What /proc/PID/mountinfo does not do as one would expect:
 * a) EPOLLPRI and EPOLLERR are said once per change and file, to whoever asks
 *    first: a poll() of an epoll set that has the file consumes them.  So the
 *    file, which is always readable, is watched for EPOLLIN with EPOLLET
 *    in an epoll set of its own, whose first report is fetched at once; what
 *    remains are the wakeups.
 * b) The wakeup comes for remounts and for changed propagation too.
 * c) The mount number in the file is used again at once.  listmount() (Linux
 *    6.8) has numbers that are unique until the next boot, but looks at the
 *    caller's namespace, below its root, whichever the file belongs to.
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <string.h>

#include "lx_sys.h"

#ifndef SYS_listmount
/* The number is the same everywhere but on alpha. */
#ifdef __alpha__
#define	SYS_listmount	568
#else
#define	SYS_listmount	458
#endif
#endif

#define	LX_LISTMOUNT_ROOT	UINT64_MAX

int
lx_mounts_open(int *fdp)
{
	long fd;

	fd = LX_SYS(SYS_openat, AT_FDCWD, "/proc/thread-self/mountinfo",
	    O_RDONLY | O_CLOEXEC, 0);
	/* There is no /proc. */
	if (fd == -ENOENT)
		fd = -EOPNOTSUPP;
	return (lx_newfd(fd, fdp));
}

int
lx_mounts_again(int epfd, int fd)
{
	return (lx_epoll_mod(epfd, fd, LX_IN | LX_EDGE, 0));
}

int
lx_mounts_watch(int epfd, int fd)
{
	struct lx_event ev;
	int error;

	if ((error = lx_epoll_add(epfd, fd, LX_IN | LX_EDGE, 0)) != 0)
		return (error);
	/* What is not fetched here is one look too many, later. */
	(void)lx_epoll_poll(epfd, &ev, 1);
	return (0);
}

bool
lx_mounts_changed(int epfd)
{
	struct lx_event ev;

	return (lx_epoll_poll(epfd, &ev, 1) > 0);
}

bool
lx_mounts_place(struct lx_place *lp)
{
	struct stat root, space;
	int saved;
	bool known;

	saved = errno;
	memset(lp, 0, sizeof(*lp));
	known = stat("/proc/thread-self/ns/mnt", &space) == 0 &&
	    stat("/", &root) == 0;
	if (known) {
		lp->lp_space = space.st_ino;
		lp->lp_dev = root.st_dev;
		lp->lp_ino = root.st_ino;
	}
	errno = saved;
	return (known);
}

/* struct mnt_id_req, first version. */
struct lx_mntreq {
	uint32_t	mr_size;
	uint32_t	mr_spare;
	uint64_t	mr_id;
	uint64_t	mr_last;
};

int
lx_mounts_unique(uint64_t *ids, size_t max, size_t *np)
{
	struct lx_mntreq req;
	uint64_t block[64];
	long i, n;

	*np = 0;
	memset(&req, 0, sizeof(req));
	req.mr_size = sizeof(req);
	req.mr_id = LX_LISTMOUNT_ROOT;
	do {
		n = LX_SYS(SYS_listmount, &req, block,
		    sizeof(block) / sizeof(block[0]), 0);
		if (n < 0)
			return ((int)-n);
		for (i = 0; i < n; i++, (*np)++) {
			if (*np < max)
				ids[*np] = block[i];
		}
		if (n > 0)
			req.mr_last = block[n - 1];
	} while (n == (long)(sizeof(block) / sizeof(block[0])));
	return (0);
}

/*
 * What stands for a mount when there are no unique numbers: a hash over the
 * fields of its line that neither a remount nor a move nor changed propagation
 * alter.  "36 35 98:0 /root /point opts shared:1 - ext4 /dev/sda1 opts":
 * number, device, root, and type.
 */
struct lx_mntline {
	uint64_t	ml_hash;
	int		ml_field;	/* of the line, from 0 */
	int		ml_after;	/* fields since the "-", or -1 */
	int		ml_len;		/* of the field so far */
	bool		ml_dash;	/* it began with '-' */
};

static void
lx_mntline_reset(struct lx_mntline *ml)
{
	ml->ml_hash = UINT64_C(14695981039346656037);
	ml->ml_field = 0;
	ml->ml_after = -1;
	ml->ml_len = 0;
	ml->ml_dash = false;
}

/* Take one more character; true at the end of the line. */
static bool
lx_mntline_char(struct lx_mntline *ml, char c)
{
	bool counts;

	if (c == '\n')
		return (true);
	counts = ml->ml_field == 0 || ml->ml_field == 2 || ml->ml_field == 3 ||
	    ml->ml_after == 0;
	if (counts) {
		ml->ml_hash ^= (unsigned char)c;
		ml->ml_hash *= UINT64_C(1099511628211);
	}
	if (c != ' ') {
		if (ml->ml_len++ == 0)
			ml->ml_dash = c == '-';
		return (false);
	}
	if (ml->ml_after >= 0)
		ml->ml_after++;
	else if (ml->ml_field > 5 && ml->ml_dash && ml->ml_len == 1)
		ml->ml_after = 0;
	ml->ml_field++;
	ml->ml_len = 0;
	ml->ml_dash = false;
	return (false);
}

int
lx_mounts_lines(int fd, uint64_t *ids, size_t max, size_t *np)
{
	struct lx_mntline ml;
	char buf[2048];
	long i, n;

	*np = 0;
	lx_mntline_reset(&ml);
	/* Cannot fail for this file, but where read() does. */
	(void)LX_SYS(SYS_lseek, fd, 0L, SEEK_SET);
	for (;;) {
		n = LX_SYS(SYS_read, fd, buf, sizeof(buf));
		if (n < 0)
			return ((int)-n);
		if (n == 0)
			return (0);
		for (i = 0; i < n; i++) {
			if (!lx_mntline_char(&ml, buf[i]))
				continue;
			if (*np < max)
				ids[*np] = ml.ml_hash;
			(*np)++;
			lx_mntline_reset(&ml);
		}
	}
}
