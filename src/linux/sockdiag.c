/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sockets tell without losing anything: send space, accept backlog, the
 * error of a dead connection.
 */
#define	_GNU_SOURCE
#include "lx.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <string.h>

#include "lx_sys.h"

#ifndef SO_MEMINFO
#define	SO_MEMINFO	55	/* Linux 4.12 */
#endif
#define	LX_TCP_ESTABLISHED	1
#define	LX_TCP_CLOSE		7
#define	LX_TCP_LISTEN		10

static int
lx_getint(int fd, int level, int name, int *np)
{
	socklen_t len;

	len = sizeof(*np);
	return (lx_error(LX_SYS(SYS_getsockopt, fd, level, name, np, &len)));
}

/* Where there is no SO_MEMINFO, or an emulator takes it for an int. */
static int
lx_sock_spaceold(int fd, int *np)
{
	int error, size, used;

	if ((error = lx_getint(fd, SOL_SOCKET, SO_SNDBUF, &size)) == 0 &&
	    (error = lx_outq(fd, &used)) == 0 && size > used)
		*np = size - used;
	return (error);
}

/*
 * The buffer's size and what is in it, in one call.  TCP accounts what waits
 * for acknowledgement in WMEM_QUEUED, the others in WMEM_ALLOC only.
 */
int
lx_sock_space(int fd, int *np)
{
	uint32_t mem[SK_MEMINFO_DROPS + 1];
	uint32_t used;
	socklen_t len;
	int error;

	memset(mem, 0, sizeof(mem));
	*np = 0;
	len = sizeof(mem);
	error = lx_error(LX_SYS(SYS_getsockopt, fd, SOL_SOCKET, SO_MEMINFO,
	    mem, &len));
	if (error != 0 || len <= SK_MEMINFO_WMEM_QUEUED * sizeof(mem[0]))
		return (lx_sock_spaceold(fd, np));
	used = mem[SK_MEMINFO_WMEM_QUEUED];
	if (mem[SK_MEMINFO_WMEM_ALLOC] > used)
		used = mem[SK_MEMINFO_WMEM_ALLOC];
	if (mem[SK_MEMINFO_SNDBUF] > used)
		*np = (int)(mem[SK_MEMINFO_SNDBUF] - used);
	return (0);
}

bool
lx_sock_listening(int fd)
{
	int on;

	return (lx_getint(fd, SOL_SOCKET, SO_ACCEPTCONN, &on) == 0 && on != 0);
}

static int
lx_tcp_info(int fd, struct tcp_info *ti)
{
	socklen_t len;

	memset(ti, 0, sizeof(*ti));
	len = sizeof(*ti);
	return (lx_error(LX_SYS(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, ti,
	    &len)));
}

/* Ask sock_diag for the receive queue of one AF_UNIX socket, by inode. */
static int
lx_unix_backlog(int fd, int *np)
{
	struct {
		struct nlmsghdr nlh;
		struct unix_diag_req udr;
	} req;
	_Alignas(struct nlmsghdr) char buf[1024];
	struct unix_diag_rqlen rqlen;
	struct nlmsghdr *nlh;
	struct rtattr {
		unsigned short rta_len, rta_type;
	} rta;
	struct lx_inode in;
	size_t len, off;
	long nl;
	int error;

	if ((error = lx_inode(fd, &in)) != 0)
		return (error);
	nl = LX_SYS(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG);
	if (nl < 0)
		return ((int)-nl);
	memset(&req, 0, sizeof(req));
	req.nlh.nlmsg_len = sizeof(req);
	req.nlh.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	req.nlh.nlmsg_flags = NLM_F_REQUEST;
	req.udr.sdiag_family = AF_UNIX;
	req.udr.udiag_states = (uint32_t)-1;
	req.udr.udiag_ino = (uint32_t)in.in_ino;
	req.udr.udiag_show = UDIAG_SHOW_RQLEN;
	req.udr.udiag_cookie[0] = req.udr.udiag_cookie[1] = (uint32_t)-1;
	len = 0;
	if ((error = lx_write((int)nl, &req, sizeof(req))) == 0)
		error = lx_read((int)nl, buf, sizeof(buf), &len);
	lx_close((int)nl);
	if (error != 0)
		return (error);
	nlh = (struct nlmsghdr *)(void *)buf;
	if (len < sizeof(*nlh) || nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return (EOPNOTSUPP);
	off = NLMSG_ALIGN(sizeof(*nlh)) +
	    NLMSG_ALIGN(sizeof(struct unix_diag_msg));
	while (off + sizeof(rta) <= len && off < nlh->nlmsg_len) {
		memcpy(&rta, buf + off, sizeof(rta));
		if (rta.rta_len < sizeof(rta))
			break;
		if (rta.rta_type == UNIX_DIAG_RQLEN &&
		    off + sizeof(rta) + sizeof(rqlen) <= len) {
			memcpy(&rqlen, buf + off + sizeof(rta), sizeof(rqlen));
			*np = (int)rqlen.udiag_rqueue;
			return (0);
		}
		off += NLMSG_ALIGN(rta.rta_len);
	}
	return (EOPNOTSUPP);
}

int
lx_sock_backlog(int fd, enum lx_kind kind, int *np)
{
	struct tcp_info ti;
	int error;

	*np = 1;
	if (kind == LX_KIND_TCP) {
		if ((error = lx_tcp_info(fd, &ti)) == 0 &&
		    ti.tcpi_state == LX_TCP_LISTEN)
			*np = (int)ti.tcpi_unacked;
		return (error);
	}
	if (kind == LX_KIND_UNIX)
		return (lx_unix_backlog(fd, np));
	return (EOPNOTSUPP);
}

int
lx_sock_rcvlowat(int fd, int *np)
{
	*np = 1;
	return (lx_getint(fd, SOL_SOCKET, SO_RCVLOWAT, np));
}

/*
 * An empty send says EPIPE on a stream that was shut down for sending and
 * sends nothing on another.  It takes a pending error, if there is one, so the
 * caller asks only when epoll reported none.  On a seqpacket socket it would
 * be a message.
 */
bool
lx_sock_sendclosed(int fd)
{
	int type;

	if (lx_getint(fd, SOL_SOCKET, SO_TYPE, &type) != 0 ||
	    type != SOCK_STREAM)
		return (false);
	return (LX_SYS(SYS_sendto, fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT, NULL,
	    0) == -EPIPE);
}

int
lx_tcp_unread(int fd, int *np)
{
	long ret;

	/* With MSG_TRUNC nothing is copied, so the size may be anything. */
	ret = LX_SYS(SYS_recvfrom, fd, NULL, INT32_MAX, MSG_PEEK | MSG_TRUNC |
	    MSG_DONTWAIT, NULL, NULL);
	*np = ret < 0 ? 0 : (int)ret;
	return (lx_error(ret));
}

/* net.ipv4.tcp_retries2 of where we are. */
static uint32_t
tcp_retries(void)
{
	char buf[16];
	uint32_t n;
	size_t i, len;
	long fd;
	int error;

	n = 15;
	fd = LX_SYS(SYS_openat, AT_FDCWD, "/proc/sys/net/ipv4/tcp_retries2",
	    O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return (n);
	error = lx_read((int)fd, buf, sizeof(buf), &len);
	lx_close((int)fd);
	if (error != 0 || len == 0 || buf[0] < '0' || buf[0] > '9')
		return (n);
	for (i = n = 0; i < len && buf[i] >= '0' && buf[i] <= '9'; i++)
		n = n * 10 + (uint32_t)buf[i] - '0';
	return (n);
}

/*
 * How long the kernel sends data again, in ms: as long as so many tries would
 * take, from 200 ms on, each twice as long as the last up to two minutes.  With
 * a distant peer those are fewer tries.
 */
static uint32_t
tcp_patience(uint32_t retries)
{
	enum { FIRST = 200, LAST = 120000, DOUBLED = 9 };

	if (retries <= DOUBLED)
		return (((2u << retries) - 1) * FIRST);
	if (retries > UINT8_MAX)
		retries = UINT8_MAX;
	return (((2u << DOUBLED) - 1) * FIRST + (retries - DOUBLED) * LAST);
}

/*
 * How long, in ms, what was sent has been sent again: each time the kernel waited
 * twice as long as before, and up to an eighth longer, since timers are late.
 */
static uint32_t
tcp_retried(const struct tcp_info *ti)
{
	uint32_t rto, ms;

	rto = ti->tcpi_rto / 1000;
	ms = ti->tcpi_last_data_sent + rto;
	if (ti->tcpi_retransmits < 32)
		ms -= rto >> ti->tcpi_retransmits;
	ms += ms / 8;
	/* Unless it waited as long as it ever does; or the peer was heard since. */
	return (ms > ti->tcpi_last_ack_recv ? ms : ti->tcpi_last_ack_recv);
}

/*
 * Did the kernel give up on the peer?  It does so after a number of tries without
 * an answer, or after a time; which the program can set.  It may hear the peer
 * all the while, if that acknowledges nothing or takes nothing.
 */
static bool
tcp_gaveup(int fd, const struct tcp_info *ti)
{
	uint32_t allowed, retries, silence;
	int value;

	if (lx_getint(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value) != 0)
		value = 0;
	allowed = (uint32_t)value;
	if (ti->tcpi_retransmits > 0) {
		if (allowed > 0)
			return (tcp_retried(ti) >= allowed);
		retries = tcp_retries();
		return (ti->tcpi_retransmits >= retries ||
		    tcp_retried(ti) >= tcp_patience(retries));
	}
	/* The peer's window is shut, and probed. */
	if (ti->tcpi_notsent_bytes > 0)
		return (allowed > 0 ? ti->tcpi_last_data_sent >= allowed :
		    ti->tcpi_probes >= tcp_retries());
	/* Keep-alives. */
	if (allowed > 0) {
		silence = ti->tcpi_last_ack_recv;
		if (silence > ti->tcpi_last_data_recv)
			silence = ti->tcpi_last_data_recv;
		return (ti->tcpi_probes > 0 && silence >= allowed);
	}
	if (lx_getint(fd, IPPROTO_TCP, TCP_KEEPCNT, &value) != 0)
		value = 9;
	return (ti->tcpi_probes >= value);
}

/*
 * DESIGN.md 6.  The kernel keeps the error in a field that every way of
 * reading clears, but what led to it can still be seen: tcpi_delivered
 * counts acknowledged segments, the SYN's among them.
 */
int
lx_tcp_error(int fd)
{
	struct tcp_info ti;
	int retries;

	if (lx_tcp_info(fd, &ti) != 0 || ti.tcpi_state != LX_TCP_CLOSE)
		return (0);
	if (ti.tcpi_delivered == 0) {
		if (ti.tcpi_segs_in >= 1)
			return (ECONNREFUSED);
		if (lx_getint(fd, IPPROTO_TCP, TCP_SYNCNT, &retries) != 0 ||
		    retries == 0)
			retries = 6;
		return (ti.tcpi_total_retrans >= (uint32_t)retries ?
		    ETIMEDOUT : EHOSTUNREACH);
	}
	return (tcp_gaveup(fd, &ti) ? ETIMEDOUT : ECONNRESET);
}
