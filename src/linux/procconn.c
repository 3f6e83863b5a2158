/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proc connector: a netlink group that hears of every fork, exec and exit.
 *
 *  a. Messages are put into the socket's buffer by the very system call that
 *     they are about, before it returns and before a new child runs.
 *  b. The buffer is finite; what does not fit is lost, and ENOBUFS says so
 *     once.  A filter in the socket keeps unrelated processes out of it.
 *  c. A new thread arrives as FORK too: its pid differs from its tgid.  The
 *     end of each thread arrives as EXIT.
 *  d. Listening may be refused (EPERM), impossible (ECONNREFUSED in another
 *     network namespace, EPROTONOSUPPORT without the code), or answered by
 *     silence (another pid or user namespace).  So it is tried: a process that
 *     sets its own name must hear of it, at once (a).
 *  e. The pids are those of the initial namespace.
 */
#define	_GNU_SOURCE
#include "lx_proc.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <string.h>

#include "lx.h"
#include "lx_sys.h"

/* The header's enum moved in Linux 6.6, the numbers did not. */
#define	WHAT_FORK	0x00000001u
#define	WHAT_EXEC	0x00000002u
#define	WHAT_COMM	0x00000200u
#define	WHAT_EXIT	0x80000000u

/* Offsets in a message, for the filter. */
#define	OFF_EVENT	(NLMSG_HDRLEN + (int)sizeof(struct cn_msg))
#define	OFF_WHAT	OFF_EVENT
#define	OFF_DATA	(OFF_EVENT + 16)
#define	OFF_PID		(OFF_DATA + 0)	/* FORK: the parent's */
#define	OFF_TGID	(OFF_DATA + 4)
#define	OFF_CPID	(OFF_DATA + 8)	/* FORK: the child's */
#define	OFF_CTGID	(OFF_DATA + 12)

#define	PASS		0xffffffffu

static void
put(struct sock_filter *f, int *np, unsigned int code, uint32_t k,
    unsigned int jt, unsigned int jf)
{
	f[*np].code = (uint16_t)code;
	f[*np].jt = (uint8_t)jt;
	f[*np].jf = (uint8_t)jf;
	f[*np].k = k;
	(*np)++;
}

static int
install(int fd, struct sock_filter *f, int n)
{
	struct sock_fprog prog = { (unsigned short)n, f };

	return (lx_error(LX_SYS(SYS_setsockopt, fd, SOL_SOCKET,
	    SO_ATTACH_FILTER, &prog, sizeof(prog))));
}

/*
 * As many pids are compared one by one; of more, a hash of ten bits is looked up,
 * and lets some others pass: what each fork of any process costs, and each change
 * of the filter, has a bound.
 */
#define	FILTER_PIDS	64
#define	FILTER_BITS	1024
#define	FILTER_WORDS	(FILTER_BITS / 32)
#define	FILTER_MUL	0x9e3779b1u
#define	FILTER_SHIFT	22
#define	FILTER_LEN	(4 * FILTER_PIDS + 32)
_Static_assert(4 * FILTER_PIDS >= 2 * (3 * FILTER_WORDS + 11), "either kind");

/* Pass if the pid at off is one of these. */
static void
put_pids(struct sock_filter *f, int *np, int off, const int *pids, int npids)
{
	int i;

	put(f, np, BPF_LD | BPF_W | BPF_ABS, (uint32_t)off, 0, 0);
	for (i = 0; i < npids; i++) {
		put(f, np, BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)pids[i]),
		    0, 1);
		put(f, np, BPF_RET | BPF_K, PASS, 0, 0);
	}
}

/* The same by hash. */
static void
put_hash(struct sock_filter *f, int *np, int off, const int *pids, int npids)
{
	uint32_t h, words[FILTER_WORDS];
	int i;

	memset(words, 0, sizeof(words));
	for (i = 0; i < npids; i++) {
		h = htonl((uint32_t)pids[i]) * FILTER_MUL >> FILTER_SHIFT;
		words[h / 32] |= (uint32_t)1 << h % 32;
	}
	put(f, np, BPF_LD | BPF_W | BPF_ABS, (uint32_t)off, 0, 0);
	put(f, np, BPF_ALU | BPF_MUL | BPF_K, FILTER_MUL, 0, 0);
	put(f, np, BPF_ALU | BPF_RSH | BPF_K, FILTER_SHIFT, 0, 0);
	put(f, np, BPF_ST, 0, 0, 0);
	put(f, np, BPF_ALU | BPF_AND | BPF_K, 31, 0, 0);
	put(f, np, BPF_MISC | BPF_TAX, 0, 0, 0);
	put(f, np, BPF_LD | BPF_MEM, 0, 0, 0);
	put(f, np, BPF_ALU | BPF_RSH | BPF_K, 5, 0, 0);
	for (i = 0; i < FILTER_WORDS; i++) {
		put(f, np, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)i, 0, 2);
		put(f, np, BPF_LD | BPF_IMM, words[i], 0, 0);
		put(f, np, BPF_JMP | BPF_JA,
		    (uint32_t)(3 * (FILTER_WORDS - 1 - i)), 0, 0);
	}
	put(f, np, BPF_ALU | BPF_RSH | BPF_X, 0, 0, 0);
	put(f, np, BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
	put(f, np, BPF_RET | BPF_K, PASS, 0, 0);
}

static void
put_any(struct sock_filter *f, int *np, int off, const int *pids, int npids)
{
	if (npids <= FILTER_PIDS)
		put_pids(f, np, off, pids, npids);
	else
		put_hash(f, np, off, pids, npids);
}

int
lx_procconn_filter(int fd, const int *pids, int npids)
{
	struct sock_filter f[FILTER_LEN];
	int n;

	n = 0;
	/* Loads are big-endian, so the constants are turned around. */
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, OFF_WHAT, 0, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_FORK), 3, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_EXEC), 6, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_EXIT), 5, 0);
	put(f, &n, BPF_RET | BPF_K, 0, 0, 0);
	/* FORK: threads are not processes. */
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, (uint32_t)OFF_CPID, 0, 0);
	put(f, &n, BPF_MISC | BPF_TAX, 0, 0, 0);
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, (uint32_t)OFF_CTGID, 0, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_X, 0, 4, 5);
	/* EXEC, EXIT: of a leader, too. */
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, (uint32_t)OFF_PID, 0, 0);
	put(f, &n, BPF_MISC | BPF_TAX, 0, 0, 0);
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, (uint32_t)OFF_TGID, 0, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1);
	put(f, &n, BPF_JMP | BPF_JA, 1, 0, 0);
	put(f, &n, BPF_RET | BPF_K, 0, 0, 0);
	if (npids < 0) {
		put(f, &n, BPF_RET | BPF_K, PASS, 0, 0);
		return (install(fd, f, n));
	}
	put_any(f, &n, OFF_TGID, pids, npids);
	/* A number that is given to a new process: the old one is gone. */
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, OFF_WHAT, 0, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_FORK), 1, 0);
	put(f, &n, BPF_RET | BPF_K, 0, 0, 0);
	put_any(f, &n, OFF_CTGID, pids, npids);
	put(f, &n, BPF_RET | BPF_K, 0, 0, 0);
	return (install(fd, f, n));
}

/* Nothing but COMM of this very thread. */
static int
filter_test(int fd, int tid)
{
	struct sock_filter f[8];
	int n;

	n = 0;
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, OFF_WHAT, 0, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_COMM), 0, 3);
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, (uint32_t)OFF_PID, 0, 0);
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)tid), 0, 1);
	put(f, &n, BPF_RET | BPF_K, PASS, 0, 0);
	put(f, &n, BPF_RET | BPF_K, 0, 0, 0);
	return (install(fd, f, n));
}

static int
listen_to(int fd)
{
	struct {
		struct nlmsghdr	nl;
		/* struct cn_msg, which ends with an array of no length. */
		struct cb_id	id;
		uint32_t	seq;
		uint32_t	ack;
		uint16_t	len;
		uint16_t	flags;
		uint32_t	op;
	} __attribute__((__packed__)) msg;
	_Static_assert(sizeof(msg) == sizeof(msg.nl) + sizeof(struct cn_msg) +
	    sizeof(msg.op), "struct cn_msg");
	struct sockaddr_nl sa;

	memset(&msg, 0, sizeof(msg));
	msg.nl.nlmsg_len = sizeof(msg);
	msg.nl.nlmsg_type = NLMSG_DONE;
	msg.id.idx = CN_IDX_PROC;
	msg.id.val = CN_VAL_PROC;
	msg.len = sizeof(msg.op);
	msg.op = PROC_CN_MCAST_LISTEN;
	memset(&sa, 0, sizeof(sa));
	sa.nl_family = AF_NETLINK;
	return (lx_error(LX_SYS(SYS_sendto, fd, &msg, sizeof(msg), 0, &sa,
	    sizeof(sa))));
}

int
lx_procconn(int *fdp)
{
	char buf[512], name[16];
	struct sockaddr_nl sa;
	int error, fd, ret;

	*fdp = -1;
	ret = (int)LX_SYS(SYS_socket, AF_NETLINK,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	if (ret < 0) {
		fd = -1;
		error = -ret;
		goto fail;
	}
	fd = ret;
	memset(&sa, 0, sizeof(sa));
	sa.nl_family = AF_NETLINK;
	sa.nl_groups = CN_IDX_PROC;
	if ((error = filter_test(fd, lx_gettid())) != 0 ||
	    (error = lx_error(LX_SYS(SYS_bind, fd, &sa, sizeof(sa)))) != 0 ||
	    (error = listen_to(fd)) != 0)
		goto fail;
	memset(name, 0, sizeof(name));
	error = EOPNOTSUPP;
	if (LX_SYS(SYS_prctl, PR_GET_NAME, name, 0, 0, 0) != 0 ||
	    LX_SYS(SYS_prctl, PR_SET_NAME, name, 0, 0, 0) != 0 ||
	    LX_SYS(SYS_recvfrom, fd, buf, sizeof(buf), MSG_DONTWAIT, NULL,
	    NULL) <= 0)
		goto fail;
	if ((error = lx_procconn_filter(fd, NULL, 0)) != 0)
		goto fail;
	/* What came between two filters is not wanted. */
	while (LX_SYS(SYS_recvfrom, fd, buf, sizeof(buf), MSG_DONTWAIT, NULL,
	    NULL) > 0)
		continue;
	*fdp = fd;
	return (0);

fail:
	if (fd != -1)
		lx_close(fd);
	switch (error) {
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
	case ECONNREFUSED:
	case ENOENT:
	case EINVAL:
		return (EOPNOTSUPP);
	case EACCES:
		return (EPERM);
	case ENOBUFS:
		return (ENOMEM);
	default:
		return (error);
	}
}

void
lx_procconn_buffer(int fd)
{
	int size = 16 << 20;

	if (LX_SYS(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) != 0)
		(void)LX_SYS(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size));
}

static bool
convert(const char *buf, long len, struct lx_procev *lp)
{
	uint32_t ids[4], what;

	if (len < OFF_DATA + 16)
		return (false);
	memcpy(&what, buf + OFF_WHAT, sizeof(what));
	memcpy(ids, buf + OFF_DATA, sizeof(ids));
	memset(lp, 0, sizeof(*lp));
	lp->lp_pid = (int)ids[1];
	switch (what) {
	case WHAT_FORK:
		lp->lp_what = LX_PROC_FORK;
		lp->lp_child = (int)ids[3];
		return (ids[2] == ids[3]);
	case WHAT_EXEC:
		lp->lp_what = LX_PROC_EXEC;
		return (true);
	case WHAT_EXIT:
		lp->lp_what = LX_PROC_EXIT;
		lp->lp_status = (int)ids[2];
		return (ids[0] == ids[1]);
	default:
		return (false);
	}
}

int
lx_procconn_read(int fd, struct lx_procev *lp, int max, int *np)
{
	struct sockaddr_nl sa;
	socklen_t salen;
	char buf[512];
	long ret;

	*np = 0;
	while (*np < max) {
		salen = sizeof(sa);
		ret = LX_SYS(SYS_recvfrom, fd, buf, sizeof(buf), MSG_DONTWAIT,
		    &sa, &salen);
		if (ret == -EINTR)
			continue;
		if (ret == -EAGAIN)
			return (0);
		if (ret < 0)
			return ((int)-ret);
		/* From the kernel alone. */
		if (salen == sizeof(sa) && sa.nl_pid == 0 &&
		    convert(buf, ret, &lp[*np]))
			(*np)++;
	}
	return (0);
}
