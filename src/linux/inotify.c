/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inotify(7), and the name of a file, which goes with it.
 *
 * What inotify does not do as one would expect:
 * a) A watch belongs to an inode, not to the name that it was added by: a
 *    second add on the same inode returns the same number.
 * b) Removing a watch makes one more report (IN_IGNORED).
 * c) IN_DELETE_SELF means that the inode loses its last cached name.  With an
 *    open descriptor that is not when the last link goes, but if the file had
 *    two names it may come while it is still open, and ends the watch.
 * d) rmdir() says nothing on the directory that goes, only on its parent.
 * e) Reports on what happens to the files of a watched directory carry a
 *    name and look else like reports on the directory.
 * f) Setting the modification time alone is IN_MODIFY.
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/inotify.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lx_sys.h"

int
lx_inotify(int *fdp)
{
	long fd;

	fd = LX_SYS(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC);
	*fdp = fd < 0 ? -1 : (int)fd;
	return (lx_error(fd));
}

static uint32_t
lx_inotify_mask(uint32_t what)
{
	uint32_t mask;

	mask = 0;
	if ((what & LX_INO_MODIFY) != 0)
		mask |= IN_MODIFY;
	if ((what & LX_INO_ATTRIB) != 0)
		mask |= IN_ATTRIB;
	if ((what & LX_INO_MOVE) != 0)
		mask |= IN_MOVE_SELF;
	if ((what & LX_INO_ENTRY) != 0)
		mask |= IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
	if ((what & LX_INO_RMDIR) != 0)
		mask |= IN_DELETE;
	/* A watch must ask for something; this tells of its end at least. */
	if (mask == 0)
		mask = IN_DELETE_SELF;
	return (mask);
}

/*
 * thread-self, not self: where the main thread has ended, or has a descriptor
 * table of its own, /proc/self is of no use to the others.
 */
static void
lx_fd_path(int fd, const char *rest, char *path, size_t len)
{
	(void)snprintf(path, len, "/proc/thread-self/fd/%d%s", fd, rest);
}

int
lx_inotify_add(int ifd, int fd, bool parent, uint32_t what, bool more,
    int *wdp)
{
	char path[48];
	long wd;

	lx_fd_path(fd, parent ? "/.." : "", path, sizeof(path));
	wd = LX_SYS(SYS_inotify_add_watch, ifd, path, lx_inotify_mask(what) |
	    (more ? IN_MASK_ADD : 0));
	*wdp = wd < 0 ? -1 : (int)wd;
	return (lx_error(wd));
}

void
lx_inotify_remove(int ifd, int wd)
{
	/* EINVAL: the kernel removed it before us. */
	(void)LX_SYS(SYS_inotify_rm_watch, ifd, wd);
}

int
lx_inotify_read(int ifd, void *buf, size_t len, size_t *lenp, bool *morep)
{
	int error;

	error = lx_read(ifd, buf, len, lenp);
	/* The kernel fills the buffer while the next report fits. */
	*morep = error == 0 &&
	    len - *lenp < sizeof(struct inotify_event) + NAME_MAX + 1;
	return (error);
}

const void *
lx_inotify_next(const void *p, const void *end, struct lx_inoevent *ev)
{
	struct inotify_event ie;
	const char *s = p;

	if ((size_t)((const char *)end - s) < sizeof(ie))
		return (NULL);
	memcpy(&ie, s, sizeof(ie));
	ev->ie_wd = ie.wd;
	ev->ie_what = 0;
	ev->ie_name = ie.len != 0 ? s + sizeof(ie) : "";
	if ((ie.mask & IN_Q_OVERFLOW) != 0)
		ev->ie_what |= LX_INO_OVERFLOW;
	if ((ie.mask & IN_IGNORED) != 0)
		ev->ie_what |= LX_INO_END;
	if ((ie.mask & IN_UNMOUNT) != 0)
		ev->ie_what |= LX_INO_UNMOUNT;
	if ((ie.mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM |
	    IN_MOVED_TO)) != 0) {
		ev->ie_what |= LX_INO_ENTRY;
		if ((ie.mask & IN_ISDIR) != 0 &&
		    (ie.mask & (IN_CREATE | IN_DELETE)) != 0)
			ev->ie_what |= LX_INO_SUBDIR;
		if ((ie.mask & IN_ISDIR) != 0 && (ie.mask & IN_DELETE) != 0)
			ev->ie_what |= LX_INO_RMDIR;
	} else if (ie.len == 0) {
		if ((ie.mask & IN_MODIFY) != 0)
			ev->ie_what |= LX_INO_MODIFY;
		if ((ie.mask & IN_ATTRIB) != 0)
			ev->ie_what |= LX_INO_ATTRIB;
		if ((ie.mask & IN_MOVE_SELF) != 0)
			ev->ie_what |= LX_INO_MOVE;
	}
	return (s + sizeof(ie) + ie.len);
}

size_t
lx_fd_basename(int fd, char *buf, size_t len, const char **namep)
{
	char path[48], *p;
	long n;

	lx_fd_path(fd, "", path, sizeof(path));
	n = LX_SYS(SYS_readlinkat, AT_FDCWD, path, buf, len - 1);
	buf[n < 0 ? 0 : n] = '\0';
	p = strrchr(buf, '/');
	*namep = p == NULL ? buf : p + 1;
	return (strlen(*namep));
}
