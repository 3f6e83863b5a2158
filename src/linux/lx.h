/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux, as the rest of the library sees it: plain functions, a block per
 * kernel facility, that know neither knote nor filter.
 *
 * All return 0 or a positive errno unless said otherwise and leave errno as
 * it was; results come back through pointers, which stand last.  None is a
 * cancellation point but lx_epoll_wait(), and all are async-signal-safe.
 */
#ifndef _KQ_LX_H_
#define	_KQ_LX_H_

#include <sys/types.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#pragma GCC visibility push(hidden)

/*
 * Descriptors in general (fd.c).
 */

/* Close a descriptor of the library's own; not the interposed close(). */
void	lx_close(int fd);
/*
 * Move an own descriptor to a high number, out of the way of the program's
 * (and of select()); *fdp stays as it is when there is no room up there.
 */
void	lx_fd_high(int *fdp);
/* A high number more for an own descriptor. */
int	lx_fd_dup(int fd, int *newfdp);
/*
 * Mark an open file as the library's own: dups and forked children have the
 * mark too, and no other file of the program has it.
 */
void	lx_fd_tag(int fd);
bool	lx_fd_istagged(int fd);
/* Is the number open? */
bool	lx_fd_isopen(int fd);
/* Do two numbers mean one open file?  false when the kernel cannot tell. */
bool	lx_fd_same(int fd1, int fd2);
/* write() without cancellation; 0 or errno.  A short count is EIO. */
int	lx_write(int fd, const void *buf, size_t len);
/* read() without cancellation. */
int	lx_read(int fd, void *buf, size_t len, size_t *lenp);

/*
 * epoll (epoll.c).  The bits are the kernel's, checked there.
 */
#define	LX_IN		0x0001u
#define	LX_PRI		0x0002u
#define	LX_OUT		0x0004u
#define	LX_ERR		0x0008u
#define	LX_HUP		0x0010u
#define	LX_RDHUP	0x2000u
#define	LX_ONESHOT	(1u << 30)
#define	LX_EDGE		(1u << 31)

/* struct epoll_event. */
struct lx_event {
	uint32_t le_events;
	uint64_t le_data;
}
#if defined(__x86_64__)
__attribute__((__packed__))
#endif
;

int	lx_epoll_create(int *fdp);
int	lx_epoll_add(int epfd, int fd, uint32_t events, uint64_t data);
int	lx_epoll_mod(int epfd, int fd, uint32_t events, uint64_t data);
int	lx_epoll_del(int epfd, int fd);
/*
 * What is ready now; never sleeps.  The number of reports, or a negative errno:
 * this one is on the shortest path, and has nothing to return through a
 * pointer.
 */
int	lx_epoll_poll(int epfd, struct lx_event *ev, int max);
/*
 * Sleep until something is ready, at most for ts (NULL: without limit), with
 * the resolution of ts.  A cancellation point.  EINTR after a handler.
 */
int	lx_epoll_wait(int epfd, struct lx_event *ev, int max,
	    const struct timespec *ts, int *np);
/*
 * Remove the entry of fd whose number was closed, and perhaps reused, while a
 * dup of its file is open in this process.  Takes 50 us, and 1 us for each open
 * descriptor that has to be tried; ENOENT: there is no such dup.
 */
int	lx_epoll_orphan(int epfd, int fd);
/* poll() one descriptor without sleeping: its LX_* bits, 0 if it is closed. */
uint32_t lx_poll(int fd, uint32_t events);

/*
 * eventfd (eventfd.c): the bell.
 */
int	lx_eventfd(int *fdp);
/* Also where the descriptor limit is reached, if the hard limit is higher. */
int	lx_eventfd_beyond(int *fdp);
void	lx_eventfd_ring(int fd);	/* an edge, and readable from now on */
void	lx_eventfd_drain(int fd);	/* not readable any more */

/*
 * timerfd (timerfd.c), on CLOCK_MONOTONIC; times are in nanoseconds.
 */
int	lx_timerfd(int *fdp);
/* Fire at the absolute time; 0 disarms.  Clears the readability as well. */
int	lx_timerfd_arm(int fd, int64_t ns);
int64_t	lx_now(void);			/* CLOCK_MONOTONIC */
int64_t	lx_now_real(void);		/* CLOCK_REALTIME */
/* When so much time will have passed; INT64_MAX (in 292 years) is never. */
int64_t	lx_deadline(const struct timespec *);
/* What is left until then, or as much as can be said; false: nothing. */
bool	lx_timeleft(int64_t deadline, struct timespec *left);

/*
 * Waiting for other threads (futex.c); the futex is private to the process.
 */
void	lx_futex_wait(_Atomic uint32_t *word, uint32_t val);
void	lx_futex_wake(_Atomic uint32_t *word, int n);
/* Let others run; from the 20th round on for 50 us at least. */
void	lx_yield(int round);

/*
 * Memory (mem.c).
 */
/* Zeroed pages that a forked child finds zeroed again where wipe is set. */
int	lx_map(size_t len, bool wipe, void **pp);
void	lx_unmap(void *p, size_t len);
size_t	lx_pagesize(void);
int	lx_getpid(void);		/* the kernel's answer, never cached */

/*
 * What a descriptor is (fdkind.c).
 */
enum lx_kind {
	LX_KIND_UNKNOWN,	/* not looked at yet */
	LX_KIND_TCP,		/* IPv4 or IPv6 stream, and MPTCP */
	LX_KIND_UNIX,		/* AF_UNIX stream or seqpacket */
	LX_KIND_STREAM,		/* another connection-oriented socket */
	LX_KIND_DGRAM,		/* UDP, AF_UNIX datagram, raw, netlink ... */
	LX_KIND_PIPE,
	LX_KIND_FIFO,		/* a named pipe */
	LX_KIND_TTY,		/* terminal, either end of a pty */
	LX_KIND_PTM,		/* the master side of a pty */
	LX_KIND_FILE,		/* regular file */
	LX_KIND_DIR,
	LX_KIND_PROC,		/* those two in procfs: inotify is silent */
	LX_KIND_CHR,		/* another character device */
	LX_KIND_BLK,
	LX_KIND_LINK,		/* symbolic link (O_PATH) */
	LX_KIND_EVENTFD,
	LX_KIND_TIMERFD,
	LX_KIND_SIGNALFD,
	LX_KIND_INOTIFY,
	LX_KIND_PIDFD,
	LX_KIND_EPOLL,
	LX_KIND_MQUEUE,
	LX_KIND_ANON,		/* another anonymous inode */
	LX_KIND_KQUEUE		/* one of ours; only the caller can tell */
};

/* What stat(2) says of an object, as far as it tells changes apart. */
struct lx_inode {
	uint64_t	in_dev;
	uint64_t	in_ino;
	int64_t		in_size;
	int64_t		in_mtime;	/* nanoseconds */
	int64_t		in_ctime;
	uint32_t	in_nlink;
	uint32_t	in_mode;
	uint32_t	in_uid;
	uint32_t	in_gid;
};

/* By one system call.  EBADF if the number is closed. */
int	lx_inode(int fd, struct lx_inode *);
/* EBADF if the number is closed; then the kind is UNKNOWN. */
int	lx_fdkind(int fd, enum lx_kind *kindp);
/* Both, and what stat says is asked once. */
int	lx_fdkind_inode(int fd, enum lx_kind *kindp, struct lx_inode *);
/* S_IFMT of the object (0: an anonymous inode), with one call. */
int	lx_fd_type(int fd, unsigned int *typep);

/*
 * Counts (fdkind.c, sockdiag.c).
 */
int	lx_fionread(int fd, int *np);		/* bytes to read */
int	lx_outq(int fd, int *np);		/* TIOCOUTQ: bytes not yet out */
int	lx_pipe_space(int fd, int *np);		/* about free, page slots */
int	lx_file_left(int fd, int64_t *np);	/* size minus offset */
int	lx_eventfd_count(int fd, uint64_t *np);
/* poll() says ERR of a character device: is there no device any more? */
bool	lx_dev_gone(int fd);
int	lx_mq_count(int fd, long *curp, long *maxp);
int	lx_sock_space(int fd, int *np);		/* free send buffer */
bool	lx_sock_listening(int fd);
/* Waiting connections: TCP exact, AF_UNIX by sock_diag, else 1. */
int	lx_sock_backlog(int fd, enum lx_kind kind, int *np);
int	lx_sock_rcvlowat(int fd, int *np);
/*
 * What a TCP socket holds, past the urgent mark too, where FIONREAD stops; not
 * copied.
 */
int	lx_tcp_unread(int fd, int *np);
/* Did this side end its sending?  Leaves the socket's error alone. */
bool	lx_sock_sendclosed(int fd);
/*
 * The error that a closed TCP socket carries, without taking it (the table of
 * DESIGN.md 6): ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ECONNRESET or 0.
 */
int	lx_tcp_error(int fd);

/*
 * inotify (inotify.c).
 */
#define	LX_INO_MODIFY	0x0001u	/* contents or size, or only mtime */
#define	LX_INO_ATTRIB	0x0002u	/* attributes or link count */
#define	LX_INO_MOVE	0x0004u	/* the object got another name */
#define	LX_INO_ENTRY	0x0008u	/* directory: an entry came or went */
#define	LX_INO_SUBDIR	0x0010u	/* ... a directory was made or removed */
#define	LX_INO_RMDIR	0x0020u	/* ... the directory ie_name was removed */
#define	LX_INO_UNMOUNT	0x0040u	/* its file system is gone */
#define	LX_INO_END	0x0080u	/* the kernel ended the watch */
#define	LX_INO_OVERFLOW	0x0100u	/* reports were lost, of any watch */

struct lx_inoevent {
	int		 ie_wd;
	uint32_t	 ie_what;	/* LX_INO_*, 0: nothing of interest */
	const char	*ie_name;	/* in the buffer, or "" */
};

int	lx_inotify(int *fdp);
/*
 * Watch what fd is, or the directory above it.  more: beside what the inode
 * is watched for already, otherwise instead of it.
 */
int	lx_inotify_add(int ifd, int fd, bool parent, uint32_t what, bool more,
	    int *wdp);
void	lx_inotify_remove(int ifd, int wd);
/* EAGAIN when there is nothing; *morep: there may be more than was read. */
int	lx_inotify_read(int ifd, void *buf, size_t len, size_t *lenp,
	    bool *morep);
/* The report at p, and where the next one is; NULL at the end. */
const void *lx_inotify_next(const void *p, const void *end,
	    struct lx_inoevent *);

/* The last part of the path that the descriptor has now; its length. */
size_t	lx_fd_basename(int fd, char *buf, size_t len, const char **namep);

/*
 * Mounts (mountinfo.c).
 */
int	lx_mounts_open(int *fdp);
/* Have the epoll set, which is for nothing else, tell of changes. */
int	lx_mounts_watch(int epfd, int fd);
/* Have it tell of a change once more. */
int	lx_mounts_again(int epfd, int fd);
/* Did it?  Asking takes the answer. */
bool	lx_mounts_changed(int epfd);
/*
 * A number for each mount of the file, as far as ids has room; *np is how many
 * there are.  The next mount may get the number of one that is gone.
 */
int	lx_mounts_lines(int fd, uint64_t *ids, size_t max, size_t *np);
/*
 * Where the caller sees mounts: its mount namespace and its root.  False when
 * that cannot be known.
 */
struct lx_place {
	uint64_t	lp_space;
	uint64_t	lp_dev;
	uint64_t	lp_ino;
};
bool	lx_mounts_place(struct lx_place *);
/*
 * The same list of what the caller sees, and no number comes a second time
 * (Linux 6.8).
 */
int	lx_mounts_unique(uint64_t *ids, size_t max, size_t *np);

#pragma GCC visibility pop

#endif /* !_KQ_LX_H_ */
