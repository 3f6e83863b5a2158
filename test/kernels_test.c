/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels other than the one at hand, and answers that it gives rarely.
 *
 * The program is linked with libkqueue-faults.a.  A case says what the kernel
 * answers to some calls of the library (kq_fault_kernel()) and checks what a
 * user of kqueue sees then; the rest is asked of the real one.
 */
#include "sock_test.h"
#include "place_test.h"

#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <grp.h>
#include <linux/filter.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "fault.h"

/* Not in the headers of every libc; the numbers are the same everywhere. */
#ifndef SYS_pidfd_open
#define	SYS_pidfd_open	434
#endif
#ifndef SYS_listmount
#define	SYS_listmount	458
#endif

#define	R	EVFILT_READ
#define	W	EVFILT_WRITE

/*
 * A call, by its number and perhaps one of its arguments, and the answer: a
 * result, or a negative errno.
 */
struct rule {
	long	r_nr;
	int	r_arg;		/* from 0; -1: whatever its arguments are */
	long	r_value;
	long	r_ret;
};

static struct rule rules[4];
static int nrules;
static int answered;		/* how often the case has answered */

static bool
by_rules(long nr, const long arg[6], long *retp)
{
	int i;

	for (i = 0; i < nrules; i++) {
		if (rules[i].r_nr != nr || (rules[i].r_arg >= 0 &&
		    arg[rules[i].r_arg] != rules[i].r_value))
			continue;
		answered++;
		*retp = rules[i].r_ret;
		return (true);
	}
	return (false);
}

static void
set_rules(const struct rule *list, size_t n)
{
	ATF_REQUIRE(n <= sizeof(rules) / sizeof(rules[0]));
	for (nrules = 0; nrules < (int)n; nrules++)
		rules[nrules] = list[nrules];
}

/* From here on, in this thread, until KERNEL_END(). */
#define	KERNEL(...)							\
do {									\
	const struct rule list_[] = { __VA_ARGS__ };			\
									\
	set_rules(list_, sizeof(list_) / sizeof(list_[0]));		\
	KERNEL_BY(by_rules);						\
} while (0)
#define	KERNEL_BY(answer)						\
do {									\
	answered = 0;							\
	kq_fault_kernel(answer);					\
} while (0)

/* The real one again; what was played has been asked for. */
#define	KERNEL_END()							\
do {									\
	kq_fault_kernel(NULL);						\
	ATF_CHECK_MSG(answered > 0, "%s:%d: nobody asked", __FILE__,	\
	    __LINE__);							\
} while (0)

/* What the kernel at hand says. */
static long
real(long nr, const long arg[6])
{
	int saved = errno;
	long ret;

	ret = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (ret == -1) {
		ret = -errno;
		errno = saved;
	}
	return (ret);
}

/*
 * TCP: the cause of an error (DESIGN.md 6, READ-4).
 */

/* struct tcp_info as of Linux 4.18, the fields that are looked at. */
struct told {
	uint8_t		t_state;
	uint8_t		t_castate;
	uint8_t		t_retransmits;
	uint8_t		t_probes;
	uint8_t		t_backoff;
	uint8_t		t_more[3];
	uint32_t	t_rto;		/* us */
	uint32_t	t_sizes[8];
	uint32_t	t_last_sent;	/* data; ms ago */
	uint32_t	t_last_ack_sent;
	uint32_t	t_last_data;
	uint32_t	t_last_ack;
	uint32_t	t_metrics[10];
	uint32_t	t_total_retrans;
	uint64_t	t_rates[4];
	uint32_t	t_segs_out;
	uint32_t	t_segs_in;
	uint32_t	t_unsent;	/* bytes */
	uint32_t	t_even_more[3];
	uint64_t	t_times[4];
	uint32_t	t_delivered;
};
_Static_assert(offsetof(struct told, t_total_retrans) == 100 &&
    offsetof(struct told, t_last_ack) == 56 &&
    offsetof(struct told, t_rto) == 8 &&
    offsetof(struct told, t_last_sent) == 44 &&
    offsetof(struct told, t_segs_in) == 140 &&
    offsetof(struct told, t_unsent) == 144 &&
    offsetof(struct told, t_delivered) == 192, "struct tcp_info");

/* How a connection died, and what the socket carries. */
struct death {
	struct told	d_told;
	int		d_info;		/* errno of TCP_INFO, or 0 */
	int		d_syncnt;	/* TCP_SYNCNT, or a negative errno */
	int		d_keepcnt;	/* TCP_KEEPCNT, or a negative errno */
	int		d_error;
	int		d_patience;	/* TCP_USER_TIMEOUT, or a negative errno */
	const char	*d_retries;	/* the sysctl, if it can be had */
};

#define	DEAD_OF(...)	{ .t_state = TCP_CLOSE, __VA_ARGS__ }

static const struct death deaths[] = {
	/* Never connected: refused; unanswered; no way there. */
	{ DEAD_OF(.t_segs_in = 1), 0, 6, 9, .d_error = ECONNREFUSED },
	{ DEAD_OF(.t_total_retrans = 6), 0, 6, 9, .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_total_retrans = 2), 0, 2, 9, .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_total_retrans = 1), 0, 2, 9, .d_error = EHOSTUNREACH },
	/* How often is not told: the kernel's default. */
	{ DEAD_OF(.t_total_retrans = 6), 0, -ENOPROTOOPT, 9,
	    .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_total_retrans = 5), 0, -ENOPROTOOPT, 9,
	    .d_error = EHOSTUNREACH },
	{ DEAD_OF(.t_total_retrans = 6), 0, 0, 9, .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_total_retrans = 0), 0, 0, 9, .d_error = EHOSTUNREACH },
	/* Connected: reset, or nobody answers any more. */
	{ DEAD_OF(.t_delivered = 1), 0, 6, 9, .d_error = ECONNRESET },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 14), 0, 6, 9,
	    .d_error = ECONNRESET },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 15), 0, 6, 9,
	    .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_delivered = 1, .t_probes = 3), 0, 6, 3,
	    .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_delivered = 1, .t_probes = 9), 0, 6, -ENOPROTOOPT,
	    .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_delivered = 1, .t_probes = 8), 0, 6, -ENOPROTOOPT,
	    .d_error = ECONNRESET },
	/* It shut its window: that is probed as often as data is sent again. */
	{ DEAD_OF(.t_delivered = 1, .t_unsent = 1, .t_probes = 15), 0, 6, 9,
	    .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_delivered = 1, .t_unsent = 1, .t_probes = 14), 0, 6, 9,
	    .d_error = ECONNRESET },
	/* A distant peer: fewer tries take as long, which is 924.6 s. */
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 12, .t_last_ack = 924600),
	    0, 6, 9, .d_error = ETIMEDOUT },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 12, .t_last_ack = 924599),
	    0, 6, 9, .d_error = ECONNRESET },
	{ DEAD_OF(.t_delivered = 1, .t_last_ack = 924600), 0, 6, 9,
	    .d_error = ECONNRESET },
	/* Another patience: the socket's, the system's. */
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 2, .t_last_ack = 1000), 0,
	    6, 9, .d_error = ETIMEDOUT, .d_patience = 1000 },
	/* The last of three tries 400 ms ago, after 200 and 400, at least. */
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 2, .t_rto = 800000,
	    .t_last_sent = 400, .t_last_ack = 100), 0, 6, 9,
	    .d_error = ETIMEDOUT, .d_patience = 1125 },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 2, .t_rto = 800000,
	    .t_last_sent = 400, .t_last_ack = 100), 0, 6, 9,
	    .d_error = ECONNRESET, .d_patience = 1126 },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 255, .t_rto = 120000000),
	    0, 6, 9, .d_error = ETIMEDOUT, .d_patience = 135000 },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 255, .t_rto = 120000000),
	    0, 6, 9, .d_error = ECONNRESET, .d_patience = 135001 },
	{ DEAD_OF(.t_delivered = 1, .t_unsent = 1, .t_last_sent = 1000), 0, 6, 9,
	    .d_error = ETIMEDOUT, .d_patience = 1000 },
	{ DEAD_OF(.t_delivered = 1, .t_unsent = 1, .t_last_sent = 999,
	    .t_probes = 15), 0, 6, 9, .d_error = ECONNRESET,
	    .d_patience = 1000 },
	{ DEAD_OF(.t_delivered = 1, .t_probes = 1, .t_last_ack = 1000,
	    .t_last_data = 1000), 0, 6, 9, .d_error = ETIMEDOUT,
	    .d_patience = 1000 },
	{ DEAD_OF(.t_delivered = 1, .t_probes = 9, .t_last_ack = 999,
	    .t_last_data = 1000), 0, 6, 9, .d_error = ECONNRESET,
	    .d_patience = 1000 },
	{ DEAD_OF(.t_delivered = 1, .t_probes = 9, .t_last_ack = 1000,
	    .t_last_data = 999), 0, 6, 9, .d_error = ECONNRESET,
	    .d_patience = 1000 },
	{ DEAD_OF(.t_delivered = 1, .t_last_ack = 1000, .t_last_data = 1000), 0,
	    6, 9, .d_error = ECONNRESET, .d_patience = 1000 },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 2, .t_last_ack = 999), 0,
	    6, 9, .d_error = ECONNRESET, .d_patience = 1000 },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 15), 0, 6, 9,
	    .d_error = ETIMEDOUT, .d_patience = -ENOPROTOOPT },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 3), 0, 6, 9,
	    .d_error = ETIMEDOUT, .d_retries = "3\n" },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 2, .t_last_ack = 3000), 0,
	    6, 9, .d_error = ETIMEDOUT, .d_retries = "3\n" },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 2, .t_last_ack = 2999), 0,
	    6, 9, .d_error = ECONNRESET, .d_retries = "3\n" },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 254,
	    .t_last_ack = 29724600), 0, 6, 9, .d_error = ETIMEDOUT,
	    .d_retries = "1000" },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 15), 0, 6, 9,
	    .d_error = ETIMEDOUT, .d_retries = "" },
	{ DEAD_OF(.t_delivered = 1, .t_retransmits = 15), 0, 6, 9,
	    .d_error = ETIMEDOUT, .d_retries = "x" },
	/* Not dead, or nothing is told. */
	{ { .t_state = TCP_ESTABLISHED, .t_delivered = 1 }, 0, 6, 9,
	    .d_error = 0 },
	{ { .t_state = TCP_CLOSE }, ENOPROTOOPT, 6, 9, .d_error = 0 },
};
static const struct death *death;

#define	RETRIES_FD	12345	/* what the library has the sysctl by */

static bool
died(long nr, const long arg[6], long *retp)
{
	const char *s = death->d_retries;
	int value;

	if (nr == SYS_openat &&
	    strstr((const char *)arg[1], "tcp_retries2") != NULL) {
		*retp = s == NULL ? -ENOENT : RETRIES_FD;
		return (true);
	}
	if (nr == SYS_read && arg[0] == RETRIES_FD) {
		*retp = (long)strlen(s);
		memcpy((void *)arg[1], s, strlen(s));
		return (true);
	}
	if (nr == SYS_close && arg[0] == RETRIES_FD) {
		*retp = 0;
		return (true);
	}
	if (nr != SYS_getsockopt || arg[1] != IPPROTO_TCP)
		return (false);
	answered++;
	if (arg[2] == TCP_INFO) {
		*retp = -death->d_info;
		memcpy((void *)arg[3], &death->d_told, sizeof(death->d_told));
		return (true);
	}
	value = arg[2] == TCP_SYNCNT ? death->d_syncnt :
	    arg[2] == TCP_USER_TIMEOUT ? death->d_patience : death->d_keepcnt;
	*retp = value < 0 ? value : 0;
	memcpy((void *)arg[3], &value, sizeof(value));
	return (true);
}

KQ_TC(tcp_deaths, "READ-4, READ-10, READ-11: why a connection is dead")
{
	int kq = KQ_OPEN(), sv[2];
	size_t i;

	tcp_pair(sv);
	sock_reset(sv[1]);
	sock_poll(sv[0], POLLHUP);
	for (i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		printf("row %zu\n", i);
		death = &deaths[i];
		KERNEL_BY(died);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
		KQ_EXPECT_NOW(kq, sv[0], R, .flags = EV_EOF | EV_NODATA |
		    EV_HUP, .fflags = death->d_error);
		KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
		KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_ONESHOT, 0, 0);
		KQ_EXPECT_NOW(kq, sv[0], W, .flags = EV_EOF | EV_NODATA |
		    EV_HUP | EV_ONESHOT, .fflags = death->d_error);
		KERNEL_END();
	}
	close(sv[0]);
}

/*
 * The space to send (WRITE-1).
 */

/* No SO_MEMINFO; and by the time of the look there is more than fits. */
static bool
by_full(long nr, const long arg[6], long *retp)
{
	if (nr == SYS_ioctl && (arg[1] == TIOCOUTQ || arg[1] == FIONREAD)) {
		*(int *)arg[2] = 1 << 30;
		*retp = 0;
	} else if (nr == SYS_getsockopt && arg[2] == SO_MEMINFO)
		*retp = -ENOPROTOOPT;
	else
		return (false);
	answered++;
	return (true);
}

KQ_TC(no_meminfo, "WRITE-1: no SO_MEMINFO: buffer size less what is queued")
{
	int kq = KQ_OPEN(), size, sv[2];

	unix_pair(SOCK_STREAM, sv);
	size = sock_option(sv[0], SO_SNDBUF);
	KERNEL({ SYS_getsockopt, 2, SO_MEMINFO, -ENOPROTOOPT });
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = 0, .data = size);
	sock_write(sv[0], 1000);
	{
		struct kevent kev;

		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		ATF_CHECK_MSG(kev.data <= size - 1000 && kev.data > 0,
		    "data %jd of %d", (intmax_t)kev.data, size);
	}
	KERNEL_END();
	/* Nothing tells: ready, and no number. */
	KERNEL({ SYS_getsockopt, 2, SO_MEMINFO, -ENOPROTOOPT },
	    { SYS_getsockopt, 2, SO_SNDBUF, -ENOPROTOOPT });
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = 0, .data = 0);
	KERNEL_END();
	KERNEL({ SYS_getsockopt, 2, SO_MEMINFO, -ENOPROTOOPT },
	    { SYS_ioctl, 1, TIOCOUTQ, -ENOTTY });
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = 0, .data = 0);
	KERNEL_END();
	/* More than fits, as the last packet may: nothing is free. */
	KERNEL_BY(by_full);
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = 0, .data = 0);
	KERNEL_END();
	pair_close(sv);
}

/* An emulator that takes any option for an int. */
static bool
by_int(long nr, const long arg[6], long *retp)
{
	if (nr != SYS_getsockopt || arg[2] != SO_MEMINFO)
		return (false);
	answered++;
	*(int *)arg[3] = 0;
	*(socklen_t *)arg[4] = sizeof(int);
	*retp = 0;
	return (true);
}

KQ_TC(int_meminfo, "WRITE-1: SO_MEMINFO that is cut off")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KERNEL_BY(by_int);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = 0,
	    .data = sock_option(sv[0], SO_SNDBUF));
	KERNEL_END();
	pair_close(sv);
}

KQ_TC(no_meminfo_lowat, "WRITE-7: no SO_MEMINFO: NOTE_LOWAT is reached")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KERNEL({ SYS_getsockopt, 2, SO_MEMINFO, -ENOPROTOOPT });
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, 1000);
	KQ_EXPECT(kq, sv[0], W, .flags = 0);
	KERNEL_END();
	pair_close(sv);
}

/*
 * The connections that wait at an AF_UNIX listener, of which sock_diag tells
 * (READ-20).
 */

static int diag_fd = -1;	/* the netlink socket that is asked */
static long diag_ret;		/* what a read of it returns */
static bool diag_once;		/* ... the first time only */
static uint32_t diag_buf[64];	/* ... and brings */

/* struct nlmsghdr and struct unix_diag_msg, then the attributes. */
enum { NLHDR = 4, DIAGMSG = 4, ATTRS = NLHDR + DIAGMSG };
#define	RTA(type, len)	((uint32_t)(type) << 16 | (uint32_t)(len))
#define	RQLEN		4u	/* UNIX_DIAG_RQLEN */
#define	BY_FAMILY	20u	/* SOCK_DIAG_BY_FAMILY */
#define	NLERROR		2u	/* NLMSG_ERROR */

static bool
by_diag(long nr, const long arg[6], long *retp)
{
	if (nr == SYS_socket && arg[0] == AF_NETLINK) {
		*retp = diag_fd = (int)real(nr, arg);
		return (true);
	}
	if (nr != SYS_read || (int)arg[0] != diag_fd ||
	    (diag_once && answered > 0))
		return (false);
	answered++;
	*retp = diag_ret;
	if (diag_ret > 0)
		memcpy((void *)arg[1], diag_buf, (size_t)diag_ret);
	return (true);
}

/* An answer of words 32-bit words, its header of type and length len. */
static void
diag_answer(unsigned type, int words, unsigned len)
{
	diag_buf[0] = len;
	/* The type is the lower half, wherever that is. */
	memcpy(&diag_buf[1], &(uint16_t){ (uint16_t)type }, sizeof(uint16_t));
	diag_ret = words * 4;
}

/* struct rtattr has its length first. */
static void
diag_attr(int at, unsigned len, unsigned type)
{
	uint16_t rta[2] = { (uint16_t)len, (uint16_t)type };

	memcpy(&diag_buf[at], rta, sizeof(rta));
}

KQ_TC(backlog_diag, "READ-20: what sock_diag may answer of a listener")
{
	struct sockaddr_storage ss;
	int c[2], i, kq = KQ_OPEN(), ls;
	socklen_t len;

	ls = listener_open(L_UNIX, 5, &ss, &len);
	for (i = 0; i < 2; i++)
		c[i] = listener_client(L_UNIX, ls, &ss, len, 0);
	KQ_CHANGE(kq, ls, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 2);

#define	TOLD(n)								\
	KERNEL_BY(by_diag);						\
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = (n));		\
	KERNEL_END()

	/* One that is not known stands before it: 7. */
	diag_answer(BY_FAMILY, ATTRS + 5, (ATTRS + 5) * 4);
	diag_attr(ATTRS, 5, 99);
	diag_attr(ATTRS + 2, 12, RQLEN);
	diag_buf[ATTRS + 3] = 7;
	TOLD(7);
	/* From here on nothing is told, and one there is. */
	diag_attr(ATTRS, 3, 99);
	TOLD(1);
	diag_attr(ATTRS, 0, RQLEN);
	TOLD(1);
	/* The numbers, the attribute, all of them are cut off. */
	diag_attr(ATTRS, 12, RQLEN);
	diag_answer(BY_FAMILY, ATTRS + 2, (ATTRS + 3) * 4);
	TOLD(1);
	diag_ret = ATTRS * 4 + 3;
	TOLD(1);
	diag_answer(BY_FAMILY, ATTRS + 3, ATTRS * 4);
	TOLD(1);
	diag_attr(ATTRS, 12, RQLEN - 1);
	diag_answer(BY_FAMILY, ATTRS + 3, (ATTRS + 3) * 4);
	TOLD(1);
	/* The kernel has no unix_diag; an empty answer; an error. */
	diag_attr(ATTRS, 12, RQLEN);
	diag_answer(NLERROR, ATTRS + 3, (ATTRS + 3) * 4);
	TOLD(1);
	diag_ret = 8;
	TOLD(1);
	diag_ret = 0;
	TOLD(1);
	diag_ret = -ENOBUFS;
	TOLD(1);
	/* Closed by another thread; no such sockets; or it is not asked. */
	KERNEL({ SYS_statx, -1, 0, -EBADF });
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 1);
	KERNEL_END();
	KERNEL({ SYS_socket, 0, AF_NETLINK, -EPROTONOSUPPORT });
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 1);
	KERNEL_END();
	KERNEL({ SYS_write, -1, 0, -ECONNREFUSED });
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 1);
	KERNEL_END();
	KERNEL({ SYS_write, -1, 0, 4 });
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 1);
	KERNEL_END();
	/* There is none, for another thread takes them, and then there are. */
	diag_answer(BY_FAMILY, ATTRS + 3, (ATTRS + 3) * 4);
	diag_attr(ATTRS, 12, RQLEN);
	diag_buf[ATTRS + 1] = 0;
	diag_once = true;
	TOLD(2);
	TOLD(2);
	for (i = 0; i < 2; i++)
		close(c[i]);
	close(ls);
}

KQ_TC(no_fionread, "READ-1: what TCP has, where FIONREAD does not say it")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 3);
	sock_await(sv[0], 3);
	KERNEL({ SYS_ioctl, 1, FIONREAD, -ENOTTY });
	KQ_EXPECT_NOW(kq, sv[0], R, .flags = 0, .data = 3);
	KERNEL_END();
	KERNEL({ SYS_ioctl, 1, FIONREAD, -ENOTTY },
	    { SYS_getsockopt, 2, SO_ACCEPTCONN, -ENOPROTOOPT });
	KQ_EXPECT_NOW(kq, sv[0], R, .flags = 0, .data = 3);
	KERNEL_END();
	pair_close(sv);
}

KQ_TC(seqpacket_write, "WRITE-1: to look at a socket of packets sends none")
{
	int kq = KQ_OPEN(), sv[2];
	struct kevent kev;
	char c;

	unix_pair(SOCK_SEQPACKET, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
	KQ_MATCH(&kev, sv[0], W, .flags = 0);
	ATF_CHECK(kev.data > 0);
	ATF_CHECK_ERRNO(EAGAIN, recv(sv[1], &c, 1, MSG_DONTWAIT) == -1);
	/* And of a stream, if its type is not told. */
	pair_close(sv);
	unix_pair(SOCK_STREAM, sv);
	KERNEL({ SYS_getsockopt, 2, SO_TYPE, -ENOPROTOOPT });
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = 0);
	KERNEL_END();
	pair_close(sv);
}

KQ_TC(backlog_tcp, "READ-20: without TCP_INFO there is one connection at least")
{
	struct sockaddr_storage ss;
	int c[2], i, kq = KQ_OPEN(), ls;
	socklen_t len;

	ls = listener_open(L_TCP, 5, &ss, &len);
	for (i = 0; i < 2; i++)
		c[i] = listener_client(L_TCP, ls, &ss, len, (unsigned)i + 1);
	KERNEL({ SYS_getsockopt, 2, TCP_INFO, -ENOPROTOOPT });
	KQ_CHANGE(kq, ls, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 1);
	KERNEL_END();
	/* shutdown() by another thread: it listens no more. */
	death = &deaths[0];
	KERNEL_BY(died);
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 1);
	KERNEL_END();
	KQ_EXPECT_NOW(kq, ls, R, .flags = 0, .data = 2);
	for (i = 0; i < 2; i++)
		close(c[i]);
	close(ls);
}

/* A domain that the library has never heard of. */
static bool
by_domain(long nr, const long arg[6], long *retp)
{
	if (nr != SYS_getsockopt || arg[1] != SOL_SOCKET ||
	    arg[2] != SO_DOMAIN)
		return (false);
	answered++;
	*(int *)arg[3] = 12345;
	*retp = 0;
	return (true);
}

KQ_TC(other_domain, "READ-20, READ-4: stream sockets of a domain not known")
{
	struct sockaddr_storage ss;
	int c[2], i, kq = KQ_OPEN(), ls, sv[2];
	socklen_t len;

	ls = listener_open(L_UNIX, 5, &ss, &len);
	KERNEL_BY(by_domain);
	KQ_CHANGE(kq, ls, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	/* Two wait, and there is nobody to ask for how many. */
	for (i = 0; i < 2; i++)
		c[i] = listener_client(L_UNIX, ls, &ss, len, 0);
	KQ_EXPECT(kq, ls, R, .flags = 0, .data = 1);
	for (i = 0; i < 2; i++)
		close(c[i]);
	close(ls);
	/* A connection: data, room, and its end. */
	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 3);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 3);
	close(sv[1]);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_HUP, .fflags = 0,
	    .data = 3);
	KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, sv[0], W, .flags = EV_EOF | EV_NODATA | EV_HUP,
	    .fflags = 0);
	KERNEL_END();
	close(sv[0]);
}

/*
 * What a descriptor is, where the kernel says it in another way.
 */

static int stat_fd = -1;	/* of this number statx() says ... */
static unsigned stat_mode;	/* ... this S_IFMT */

static bool
by_statx(long nr, const long arg[6], long *retp)
{
	uint16_t *modep;

	if (nr != SYS_statx || (int)arg[0] != stat_fd)
		return (false);
	answered++;
	/* struct statx: stx_mode. */
	modep = (uint16_t *)(void *)((char *)arg[4] + 28);
	if ((*retp = real(nr, arg)) == 0)
		*modep = (uint16_t)((*modep & ~S_IFMT) | stat_mode);
	return (true);
}

/* A child that lives until the other end of the pipe is closed. */
static pid_t
child_start(int *endp, int status)
{
	int p[2];
	pid_t pid;
	char c;

	ATF_REQUIRE_EQ(0, pipe(p));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		close(p[1]);
		(void)!read(p[0], &c, 1);
		if (status < 0)
			kill(getpid(), -status);
		_exit(status);
	}
	close(p[0]);
	*endp = p[1];
	return (pid);
}

KQ_TC(pidfd_file, "READ-47: a pidfd that is a regular file (Linux 6.9 to 6.11)")
{
	int end, kq = KQ_OPEN();
	pid_t pid;

	pid = child_start(&end, 0);
	stat_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (stat_fd == -1)
		atf_tc_skip("no pidfd_open()");
	stat_mode = S_IFREG;
	KERNEL_BY(by_statx);
	KQ_CHANGE(kq, stat_fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	close(end);
	KQ_EXPECT(kq, stat_fd, R, .flags = 0, .data = 1);
	/* It has no name in a file system. */
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, stat_fd, EVFILT_VNODE, EV_ADD,
	    NOTE_WRITE, 0);
	KERNEL_END();
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	close(stat_fd);
}

KQ_TC(block_device, "READ-44, WRITE-19: a block device is always ready")
{
	int kq = KQ_OPEN();

	ATF_REQUIRE((stat_fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	sock_write(stat_fd, 3);
	stat_mode = S_IFBLK;
	KERNEL_BY(by_statx);
	KQ_CHANGE(kq, stat_fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, stat_fd, R, .flags = 0, .fflags = 0, .data = 0);
	KQ_CHANGE(kq, stat_fd, R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, stat_fd, W, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, stat_fd, W, .flags = 0, .fflags = 0, .data = 0);
	KERNEL_END();
	close(stat_fd);
}

KQ_TC(no_statx, "EXC-1: a closed number, where statx() is missing too")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KERNEL({ SYS_statx, -1, 0, -ENOSYS });
	KQ_CHANGE(kq, sv[0], EVFILT_EXCEPT, EV_ADD, NOTE_OOB, 0);
	close(sv[1]);
	KQ_CHANGE_ERROR(kq, EBADF, sv[1], EVFILT_EXCEPT, EV_ADD, NOTE_OOB, 0);
	KERNEL_END();
	close(sv[0]);
}

/* SCTP has these. */
static int asked_tcp;

static bool
by_inet(long nr, const long arg[6], long *retp)
{
	if (nr == SYS_getsockopt && arg[1] == IPPROTO_TCP)
		asked_tcp++;
	if (!by_domain(nr, arg, retp))
		return (false);
	*(int *)arg[3] = answered % 2 == 0 ? AF_INET : AF_INET6;
	return (true);
}

KQ_TC(inet_seqpacket, "READ-4: an Internet socket of packets is no TCP")
{
	int i, kq = KQ_OPEN(), sv[2];

	for (i = 0; i < 2; i++) {
		unix_pair(SOCK_SEQPACKET, sv);
		if (i == 0)
			KERNEL_BY(by_inet);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		sock_write(sv[1], 5);
		KQ_EXPECT_NOW(kq, sv[0], R, .flags = 0, .data = 5);
		/* What is not read by then makes it an error. */
		sock_write(sv[0], 1);
		close(sv[1]);
		KQ_EXPECT_NOW(kq, sv[0], R, .flags = EV_EOF | EV_HUP,
		    .fflags = 0, .data = 5);
		close(sv[0]);
	}
	KERNEL_END();
	/* The error of TCP's is not to be had. */
	ATF_CHECK_EQ(0, asked_tcp);
}

KQ_TC(pipe_space, "WRITE-12: a pipe's space is never below 0, or not known")
{
	int kq = KQ_OPEN(), p[2];

	ATF_REQUIRE_EQ(0, pipe(p));
	KQ_CHANGE(kq, p[1], W, EV_ADD, 0, 0);
	/* Pages of a large block that was spliced in count once. */
	KERNEL_BY(by_full);
	KQ_EXPECT_NOW(kq, p[1], W, .flags = 0, .data = 0);
	KERNEL_END();
	KERNEL({ SYS_fcntl, 1, F_GETPIPE_SZ, -EPERM });
	KQ_EXPECT_NOW(kq, p[1], W, .flags = 0, .data = 0);
	KERNEL_END();
	KERNEL({ SYS_ioctl, 1, FIONREAD, -ENOTTY });
	KQ_EXPECT_NOW(kq, p[1], W, .flags = 0, .data = 0);
	KERNEL_END();
	KQ_EXPECT_NOW(kq, p[1], W, .flags = 0, .data = fcntl(p[1],
	    F_GETPIPE_SZ));
	close(p[0]);
	close(p[1]);
}

/* A file of the case's own stands for one of /proc, whose name ends so. */
static const char *file_name, *file_instead;

static bool
endswith(const char *s, const char *end)
{
	return (strlen(s) >= strlen(end) &&
	    strcmp(s + strlen(s) - strlen(end), end) == 0);
}

static bool
by_file(long nr, const long arg[6], long *retp)
{
	const char *path = (const char *)arg[1];
	int saved = errno;

	if (nr != SYS_openat || strncmp(path, "/proc/", 6) != 0 ||
	    !endswith(path, file_name))
		return (false);
	answered++;
	*retp = syscall(SYS_openat, AT_FDCWD, file_instead,
	    O_RDONLY | O_CLOEXEC);
	if (*retp == -1)
		*retp = -errno;
	errno = saved;
	return (true);
}

static void
file_write(const char *name, const char *text)
{
	FILE *fp;

	ATF_REQUIRE((fp = fopen(name, "w")) != NULL);
	ATF_REQUIRE(fputs(text, fp) >= 0);
	ATF_REQUIRE_EQ(0, fclose(fp));
}

KQ_TC(eventfd_info, "READ-49: an eventfd whose counter is not to be seen")
{
	char name[32];
	int fd, kq = KQ_OPEN();

	ATF_REQUIRE((fd = eventfd(5, EFD_NONBLOCK)) != -1);
	snprintf(name, sizeof(name), "/fdinfo/%d", fd);
	file_name = name;
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = 0, .data = 5);
	/* One without that line; one that cannot be read; none. */
	file_instead = "info";
	file_write("info", "pos:\t0\nflags:\t02\n");
	KERNEL_BY(by_file);
	KQ_EXPECT_NOW(kq, fd, R, .flags = 0, .data = 1);
	file_write("info", "pos:\t0\neventfd-count: 7\n");
	KQ_EXPECT_NOW(kq, fd, R, .flags = 0, .data = 7);
	file_instead = ".";
	KQ_EXPECT_NOW(kq, fd, R, .flags = 0, .data = 1);
	file_instead = "none";
	KQ_EXPECT_NOW(kq, fd, R, .flags = 0, .data = 1);
	KQ_CHANGE(kq, fd, R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, fd, W, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, fd, W, .flags = 0, .data = 1);
	KERNEL_END();
	close(fd);
}

KQ_TC(mqueue_count, "READ-48, WRITE-20: a message queue that does not count")
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 8 };
	char name[32];
	int kq = KQ_OPEN();
	mqd_t mq;

	snprintf(name, sizeof(name), "/kernels.%d", (int)getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600,
	    &attr);
	if (mq == (mqd_t)-1)
		atf_tc_skip("mq_open: %s", strerror(errno));
	mq_unlink(name);
	ATF_REQUIRE_EQ(0, mq_send(mq, "x", 1, 0));
	ATF_REQUIRE_EQ(0, mq_send(mq, "x", 1, 0));
	KQ_CHANGE(kq, mq, W, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, mq, W, .flags = 0, .data = 2);
	KERNEL({ SYS_mq_getsetattr, -1, 0, -ENOSYS });
	KQ_EXPECT_NOW(kq, mq, W, .flags = 0, .data = 1);
	KERNEL_END();
	KQ_CHANGE(kq, mq, W, EV_DELETE, 0, 0);
	/* The size that the kernel gives the file is not what is in it. */
	KQ_CHANGE(kq, mq, R, EV_ADD, 0, 0);
	KERNEL({ SYS_ioctl, 1, FIONREAD, -ENOTTY });
	KQ_EXPECT_NOW(kq, mq, R, .flags = 0, .data = 2);
	KERNEL_END();
	KERNEL({ SYS_ioctl, 1, FIONREAD, -ENOTTY },
	    { SYS_mq_getsetattr, -1, 0, -ENOSYS });
	KQ_EXPECT_NOW(kq, mq, R, .flags = 0, .data = 1);
	KERNEL_END();
	mq_close(mq);
}

/*
 * The ways to a process's status (PROC-8).
 */

static const char *stat_text;		/* of /proc/PID/stat; NULL: the real one */
static bool stat_reaped;		/* the pidfd says HUP */
static long wait_ret;			/* of waitid(); 1: ask */
static long info_status;		/* of PIDFD_GET_INFO; -1: there is none */

/* Is this PIDFD_GET_INFO?  Its size has grown. */
static bool
isinfo(long nr, const long arg[6])
{
	return (nr == SYS_ioctl && ((unsigned long)arg[1] & 0xffff) == 0xff0b);
}

/* What a stranger's kernel says: it is nobody's child, and may not be known. */
static bool
by_stranger(long nr, const long arg[6], long *retp)
{
	struct pollfd *pfd;
	uint64_t mask;
	int32_t status;

	if (nr == SYS_waitid && wait_ret != 1) {
		answered++;
		*retp = wait_ret;
		return (true);
	}
	if (isinfo(nr, arg)) {
		answered++;
		if (info_status == -1) {
			*retp = -ENOTTY;
			return (true);
		}
		/* struct pidfd_info: the mask, and the status after 60 bytes. */
		mask = 1 << 3;
		status = (int32_t)info_status;
		memcpy((char *)arg[2], &mask, sizeof(mask));
		memcpy((char *)arg[2] + 60, &status, sizeof(status));
		*retp = 0;
		return (true);
	}
	if (nr == SYS_ppoll && arg[1] == 1 && stat_reaped) {
		answered++;
		pfd = (struct pollfd *)arg[0];
		pfd->revents = POLLIN | POLLHUP;
		*retp = 1;
		return (true);
	}
	return (stat_text != NULL && by_file(nr, arg, retp));
}

struct status {
	const char	*s_text;
	bool		s_reaped;
	long		s_wait;
	long		s_info;
	int		s_status;	/* what kevent() says */
};

static const struct status statuses[] = {
	/* The parent, by waitid(); everybody, since the reaping. */
	{ NULL, false, 1, -1, 7 << 8 },
	{ NULL, false, -ECHILD, 3 << 8, 3 << 8 },
	/* Who may know: the last field of /proc/PID/stat. */
	{ "1 (a) Z 1 1 1024\n", false, -ECHILD, -1, 1024 },
	{ "1 (a) b) Z) X 1 1 9", false, -ECHILD, -1, 9 },
	{ "1 (a) Z 1 1 9;\n", false, -ECHILD, -1, 9 },
	/* Its parent, who cannot wait for it quite yet. */
	{ "1 (a) Z 1 1 9\n", false, 0, -1, 9 },
	/* Who may not: 0, and for ever. */
	{ "1 (a) Z 1 1 0\n", false, -ECHILD, -1, 0 },
	/* No zombie yet, nothing in it, or cut off. */
	{ "1 (a) R 1 1 1024\n", false, -ECHILD, -1, 0 },
	{ "", false, -ECHILD, -1, 0 },
	{ "1 (a", false, -ECHILD, -1, 0 },
	{ "1 (a)", false, -ECHILD, -1, 0 },
	{ "(a)-Z", false, -ECHILD, -1, 0 },
	/* Reaped, and the number is another's already, dead as well. */
	{ "1 (a) Z 1 1 1024\n", true, -ECHILD, -1, 0 },
};

KQ_TC(statuses, "PROC-8: what may tell how a process ended")
{
	int end, kq = KQ_OPEN();
	char name[32];
	pid_t pid;
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		printf("row %zu\n", i);
		pid = child_start(&end, 7);
		KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
		stat_text = statuses[i].s_text;
		stat_reaped = statuses[i].s_reaped;
		wait_ret = statuses[i].s_wait;
		info_status = statuses[i].s_info;
		if (stat_text != NULL)
			file_write("stat", stat_text);
		snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
		file_name = name;
		file_instead = "stat";
		close(end);
		KERNEL_BY(by_stranger);
		KQ_EXPECT(kq, pid, EVFILT_PROC, .flags = EV_EOF | EV_NODATA |
		    EV_CLEAR | EV_ONESHOT, .fflags = NOTE_EXIT,
		    .data = statuses[i].s_status);
		kq_fault_kernel(NULL);
		ATF_CHECK(answered > 0 || wait_ret == 1);
		ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	}
}

KQ_TC(status_later, "PROC-8: a status that is known by the time of delivery")
{
	int end, kq = KQ_OPEN();
	pid_t pid;

	pid = child_start(&end, 7);
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	/* Recorded while nobody may know, and then it is waited for. */
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_DISABLE, NOTE_EXIT, 0);
	wait_ret = -ECHILD;
	info_status = -1;
	stat_reaped = false;
	stat_text = "";
	file_write("stat", "");
	file_name = "/stat";
	file_instead = "stat";
	KERNEL_BY(by_stranger);
	close(end);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT_NOTHING(kq);
	info_status = 9;
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ENABLE, NOTE_EXIT, 0);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 9);
	KERNEL_END();
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

static int wait_code;

/* Before Linux 5.4 waitid() takes no pidfd; and how it says that one ended. */
static bool
by_waitid(long nr, const long arg[6], long *retp)
{
	siginfo_t *si;

	/* Nor does anything else tell. */
	if (wait_code == 0 && (isinfo(nr, arg) || nr == SYS_openat)) {
		*retp = nr == SYS_openat ? -ENOENT : -ENOTTY;
		return (true);
	}
	if (nr != SYS_waitid)
		return (false);
	answered++;
	if (arg[0] == 3 && wait_code == 0) {	/* P_PIDFD */
		*retp = -EINVAL;
		return (true);
	}
	*retp = real(nr, arg);
	si = (siginfo_t *)arg[2];
	if (wait_code != 0 && si->si_pid != 0)
		si->si_code = wait_code;
	return (true);
}

KQ_TC(status_waitid, "PROC-8: waitid() of Linux 5.3, and a core dump")
{
	int end, kq = KQ_OPEN(), status;
	pid_t pid;

	pid = child_start(&end, 7);
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	close(end);
	wait_code = 0;
	KERNEL_BY(by_waitid);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 7 << 8);
	KERNEL_END();
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	/* Somebody else waits for it before we ask. */
	KERNEL_BY(by_waitid);
	KQ_CHANGE_ERROR(kq, ESRCH, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	kq_fault_kernel(NULL);
	pid = child_start(&end, -SIGTERM);
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	close(end);
	wait_code = CLD_DUMPED;
	KERNEL_BY(by_waitid);
	{
		struct kevent kev;

		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		status = (int)kev.data;
		ATF_CHECK(WIFSIGNALED(status) && WCOREDUMP(status));
		ATF_CHECK_EQ(SIGTERM, WTERMSIG(status));
	}
	KERNEL_END();
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

KQ_TC(pidfd_refused, "PROC-1: what pidfd_open() says, in BSD's words")
{
	static const struct {
		long	ret;
		int	error;
	} t[] = { { -EINVAL, ESRCH }, { -ENOENT, ESRCH }, { -ESRCH, ESRCH },
	    { -ENOSYS, EOPNOTSUPP }, { -ENODEV, ENOMEM }, { -EMFILE, EMFILE } };
	int kq = KQ_OPEN();
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		KERNEL({ SYS_pidfd_open, -1, 0, t[i].ret });
		KQ_CHANGE_ERROR(kq, t[i].error, getpid(), EVFILT_PROC, EV_ADD,
		    NOTE_EXIT, 0);
		KERNEL_END();
		KQ_CHANGE_ERROR(kq, ENOENT, getpid(), EVFILT_PROC, EV_DELETE,
		    0, 0);
	}
}

/*
 * The proc connector (PROC-17), which no privilege is needed to play.
 */

enum { CONN_FORK = 1, CONN_EXEC = 2, CONN_UID = 4 };
#define	CONN_COMM	0x200u
#define	CONN_EXIT	0x80000000u

/* What is put into the socket that stands for the connector's. */
struct message {
	int		m_error;	/* errno of the recvfrom(), or 0 */
	uint32_t	m_from;		/* the sender's netlink address */
	uint32_t	m_fromlen;
	uint32_t	m_len;
	char		m_head[36];	/* struct nlmsghdr and struct cn_msg */
	uint32_t	m_what;
	uint32_t	m_more[3];
	uint32_t	m_ids[4];
};
enum { MESSAGE = 36 + 8 * 4, FROMLEN = 12 };

static int conn_fd = -1;		/* where the case writes them */
static int conn_comms;			/* how often it hears of its own name */
static int conn_between;		/* what has execed until it listens */
static long conn_error[2];		/* a call that is refused, and how */

static void
conn_put(struct message *m)
{
	int saved = errno;

	/* From wherever; the case would hang otherwise. */
	if (write(conn_fd, m, sizeof(*m)) != sizeof(*m))
		abort();
	errno = saved;
}

static void
conn_say(uint32_t what, int a, int b, int c, int d)
{
	struct message m;

	memset(&m, 0, sizeof(m));
	m.m_fromlen = FROMLEN;
	m.m_len = MESSAGE;
	m.m_what = what;
	m.m_ids[0] = (uint32_t)a;
	m.m_ids[1] = (uint32_t)b;
	m.m_ids[2] = (uint32_t)c;
	m.m_ids[3] = (uint32_t)d;
	conn_put(&m);
}

static long
conn_receive(const long arg[6])
{
	struct message m;
	uint32_t *sa;
	int saved = errno;
	ssize_t n;

	n = recv((int)arg[0], &m, sizeof(m), MSG_DONTWAIT);
	errno = saved;
	if (n != sizeof(m))
		return (-EAGAIN);
	if (m.m_error != 0)
		return (-m.m_error);
	memcpy((void *)arg[1], m.m_head, m.m_len);
	if (arg[4] != 0) {
		sa = (uint32_t *)arg[4];
		memset(sa, 0, FROMLEN);
		*(uint16_t *)(void *)sa = AF_NETLINK;
		sa[1] = m.m_from;
		*(socklen_t *)arg[5] = m.m_fromlen;
	}
	return ((long)m.m_len);
}

static bool
by_connector(long nr, const long arg[6], long *retp)
{
	int i, saved, sv[2];

	if (nr == conn_error[0] && (nr != SYS_socket || arg[0] == AF_NETLINK)) {
		answered++;
		*retp = -conn_error[1];
		return (true);
	}
	switch (nr) {
	case SYS_socket:
		if (arg[0] != AF_NETLINK)
			return (false);
		answered++;
		saved = errno;
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0, sv) == -1)
			abort();
		if (conn_fd != -1)
			(void)syscall(SYS_close, conn_fd);
		conn_fd = sv[1];
		errno = saved;
		*retp = sv[0];
		return (true);
	case SYS_bind:
	case SYS_sendto:
		*retp = 0;
		return (true);
	case SYS_setsockopt:
		*retp = arg[2] == SO_ATTACH_FILTER ? 0 : -EPERM;
		return (true);
	case SYS_prctl:
		for (i = 0; arg[0] == PR_SET_NAME && i < conn_comms; i++)
			conn_say(CONN_COMM, getpid(), getpid(), 0, 0);
		for (i = 0; arg[0] == PR_SET_NAME && conn_between != 0 &&
		    i < 2; i++)
			conn_say(CONN_EXEC, conn_between, conn_between, 0, 0);
		*retp = 0;
		return (true);
	case SYS_recvfrom:
		*retp = conn_receive(arg);
		return (true);
	default:
		return (false);
	}
}

static void
conn_start(long nr, int error, int comms)
{
	conn_error[0] = nr;
	conn_error[1] = error;
	conn_comms = comms;
	conn_between = 0;
	KERNEL_BY(by_connector);
}

static void
conn_end(void)
{
	KERNEL_END();
	if (conn_fd != -1)
		ATF_REQUIRE_EQ(0, close(conn_fd));
	conn_fd = -1;
}

KQ_TC(conn_refused, "PROC-17: why nobody tells of forks and execs")
{
	static const struct {
		long	nr;
		int	error;
		int	want;
	} t[] = {
		/* Not in the kernel, or not of this kind. */
		{ SYS_socket, EPROTONOSUPPORT, EOPNOTSUPP },
		{ SYS_socket, EAFNOSUPPORT, EOPNOTSUPP },
		{ SYS_socket, EMFILE, EMFILE },
		{ SYS_bind, ENOENT, EOPNOTSUPP },
		{ SYS_bind, EINVAL, EOPNOTSUPP },
		/* No privilege, or a policy. */
		{ SYS_bind, EPERM, EPERM },
		{ SYS_bind, EACCES, EPERM },
		/* Another network namespace. */
		{ SYS_sendto, ECONNREFUSED, EOPNOTSUPP },
		{ SYS_sendto, ENOBUFS, ENOMEM },
		{ SYS_setsockopt, ENOMEM, ENOMEM },
		/* It cannot be tried out. */
		{ SYS_prctl, EPERM, EOPNOTSUPP },
		{ SYS_recvfrom, EAGAIN, EOPNOTSUPP },
	};
	int end, kq = KQ_OPEN();
	pid_t pid;
	size_t i;

	pid = child_start(&end, 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		printf("row %zu\n", i);
		conn_start(t[i].nr, t[i].error, 1);
		KQ_CHANGE_ERROR(kq, t[i].want, pid, EVFILT_PROC, EV_ADD,
		    NOTE_FORK, 0);
		KQ_CHANGE_ERROR(kq, t[i].want, pid, EVFILT_PROC, EV_ADD,
		    NOTE_TRACK, 0);
		KQ_CHANGE_ERROR(kq, ENOENT, pid, EVFILT_PROC, EV_DELETE, 0, 0);
		conn_end();
	}
	/* Silence: another pid or user namespace. */
	conn_start(-1, 0, 0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, pid, EVFILT_PROC, EV_ADD, NOTE_FORK, 0);
	conn_end();
	/* The exit needs none of it. */
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	close(end);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 0);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

/* The name cannot be read, or set. */
static int prctl_refused;

static bool
by_prctl(long nr, const long arg[6], long *retp)
{
	if (nr == SYS_prctl && arg[0] == prctl_refused) {
		answered++;
		*retp = -EPERM;
		return (true);
	}
	return (by_connector(nr, arg, retp));
}

KQ_TC(conn_name, "PROC-17: a policy that lets nobody set a name")
{
	static const int t[] = { PR_GET_NAME, PR_SET_NAME };
	int i, kq = KQ_OPEN();

	for (i = 0; i < 2; i++) {
		prctl_refused = t[i];
		conn_start(-1, 0, 1);
		kq_fault_kernel(by_prctl);
		KQ_CHANGE_ERROR(kq, EOPNOTSUPP, getppid(), EVFILT_PROC, EV_ADD,
		    NOTE_EXEC, 0);
		conn_end();
	}
}

KQ_TC(conn_events, "PROC-6, PROC-7: which messages of the connector count")
{
	struct message m;
	int end, kq = KQ_OPEN();
	pid_t pid;

	pid = child_start(&end, 7);
	/* What it did before it is watched does not count. */
	conn_start(-1, 0, 2);
	conn_between = pid;
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_FORK | NOTE_EXEC |
	    NOTE_EXIT, 0);
	KQ_EXPECT_NOTHING(kq);
#define	EXPECT_PROC(notes)						\
	KQ_EXPECT_NOW(kq, pid, EVFILT_PROC, .flags = EV_CLEAR,		\
	    .fflags = (notes), .data = 0)
	conn_say(CONN_FORK, pid, pid, 1 << 22, 1 << 22);
	EXPECT_PROC(NOTE_FORK);
	conn_say(CONN_EXEC, pid, pid, 0, 0);
	EXPECT_PROC(NOTE_EXEC);
	/* Any thread may fork; but a new thread is no process. */
	conn_say(CONN_FORK, pid + 1, pid, 1 << 22, 1 << 22);
	EXPECT_PROC(NOTE_FORK);
	conn_say(CONN_FORK, pid, pid, 1 << 22, pid);
	KQ_EXPECT_NOTHING(kq);
	/* The end of a thread; another process; what is not asked for. */
	conn_say(CONN_EXIT, pid + 1, pid, 0, 0);
	conn_say(CONN_EXEC, pid + 1, pid + 1, 0, 0);
	conn_say(CONN_UID, pid, pid, 0, 0);
	conn_say(CONN_COMM, pid, pid, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	/* Cut off; from another than the kernel; from who knows whom. */
	memset(&m, 0, sizeof(m));
	m.m_fromlen = FROMLEN;
	m.m_len = MESSAGE - 1;
	m.m_what = CONN_EXEC;
	m.m_ids[0] = m.m_ids[1] = (uint32_t)pid;
	conn_put(&m);
	m.m_len = MESSAGE;
	m.m_from = 4711;
	conn_put(&m);
	m.m_from = 0;
	m.m_fromlen = 0;
	conn_put(&m);
	KQ_EXPECT_NOTHING(kq);
	/* Interrupted, and then it comes. */
	m.m_error = EINTR;
	conn_put(&m);
	m.m_error = 0;
	m.m_fromlen = FROMLEN;
	conn_put(&m);
	EXPECT_PROC(NOTE_EXEC);
	/* Its own socket cannot lose what others do: there was nothing. */
	m.m_error = ENOBUFS;
	conn_put(&m);
	KQ_EXPECT_NOTHING(kq);
	conn_end();
	close(end);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 7 << 8);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

/* The connector tells of the end, and nothing else does. */
static bool
by_exit(long nr, const long arg[6], long *retp)
{
	return (by_stranger(nr, arg, retp) || by_connector(nr, arg, retp));
}

KQ_TC(conn_status, "PROC-8: the connector knows the status of a stranger")
{
	int end, kq = KQ_OPEN();
	pid_t pid;

	pid = child_start(&end, 7);
	wait_ret = -ECHILD;
	info_status = -1;
	stat_reaped = false;
	stat_text = "";
	file_write("stat", "");
	file_name = "/stat";
	file_instead = "stat";
	conn_start(-1, 0, 1);
	kq_fault_kernel(by_exit);
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_FORK | NOTE_EXIT, 0);
	conn_say(CONN_EXIT, pid, pid, 5 << 8, 0);
	/* Of a thread. */
	conn_say(CONN_EXIT, pid + 1, pid, 9 << 8, 0);
	KQ_EXPECT_NOTHING(kq);
	close(end);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 5 << 8);
	conn_end();
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

KQ_TC(conn_lost, "PROC-17: lost messages, and a process table cut off")
{
	struct message m;
	int end, kq = KQ_OPEN();
	pid_t pid;

	pid = child_start(&end, 7);
	wait_ret = 1;
	stat_text = "";
	file_name = "/stat";
	file_instead = "stat";
	conn_start(-1, 0, 1);
	kq_fault_kernel(by_exit);
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_TRACK | NOTE_EXIT, 0);
	memset(&m, 0, sizeof(m));
	m.m_error = ENOBUFS;
	file_write("stat", "1 (a");
	conn_put(&m);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_TRACKERR);
	file_write("stat", "1 (a) S");
	conn_put(&m);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_TRACKERR);
	KQ_EXPECT_NOTHING(kq);
	info_status = -1;
	kq_fault_kernel(by_connector);
	close(end);
	KQ_EXPECT(kq, pid, EVFILT_PROC, .fflags = NOTE_EXIT, .data = 7 << 8);
	conn_end();
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

/*
 * Threads and their masks (SIG-7), by /proc.
 */

static _Atomic int hits;
static pthread_barrier_t ready;
static int leave[2];		/* a pipe, closed when a thread shall end */

static void
on_signal(int sig)
{
	(void)sig;
	hits++;
}

static void
set_blocked(bool on)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ATF_REQUIRE_EQ(0, pthread_sigmask(on ? SIG_BLOCK : SIG_UNBLOCK, &set,
	    NULL));
}

/* Is there.  poll() ends with every signal, so that TSan runs its handler. */
static void *
idle_thread(void *arg)
{
	struct pollfd pfd = { .fd = leave[0] };

	pthread_barrier_wait(&ready);
	while (poll(&pfd, 1, -1) == -1)
		continue;
	return (arg);
}

static pthread_t
idle_start(void)
{
	pthread_t t;

	ATF_REQUIRE_EQ(0, pipe(leave));
	ATF_REQUIRE_EQ(0, pthread_barrier_init(&ready, NULL, 2));
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, idle_thread, NULL));
	pthread_barrier_wait(&ready);
	return (t);
}

static void
idle_end(pthread_t t)
{
	ATF_REQUIRE_EQ(0, close(leave[1]));
	ATF_REQUIRE_EQ(0, pthread_join(t, NULL));
	ATF_REQUIRE_EQ(0, close(leave[0]));
}

/*
 * This thread blocks the signal, the other does not: that one's handler runs
 * every time, whatever /proc says.
 */
static void
others_handler(bool (*answer)(long, const long [6], long *))
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct kevent kev;
	int64_t limit;
	pthread_t t;
	int i, kq, n;

	kq = KQ_OPEN();
	signal(SIGUSR1, on_signal);
	set_blocked(false);
	hits = 0;
	t = idle_start();
	set_blocked(true);
	answered = 0;
	kq_fault_kernel(answer);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0);
	limit = kq_test_now() + KQ_PATIENCE * INT64_C(1000000000);
	for (i = 0; i < 200; i++) {
		ATF_REQUIRE_EQ(0, kill(getpid(), SIGUSR1));
		n = kevent(kq, NULL, 0, &kev, 1, &ts);
		ATF_REQUIRE_EQ_MSG(1, n, "signal %d is not counted", i);
		ATF_CHECK_EQ(1, kev.data);
		while (hits <= i && kq_test_now() < limit)
			(void)sched_yield();
		ATF_REQUIRE_EQ_MSG(i + 1, hits, "signal %d is lost", i);
	}
	kq_fault_kernel(NULL);
	ATF_CHECK(answer == NULL || answered > 0);
	idle_end(t);
	close(kq);
}

/* No descriptor is left for the status of a thread. */
static bool
by_nostatus(long nr, const long arg[6], long *retp)
{
	if (nr != SYS_openat || !endswith((const char *)arg[1], "/status"))
		return (false);
	answered++;
	*retp = -EMFILE;
	return (true);
}

KQ_TC(mask_emfile, "SIG-7: no descriptor to look at a thread: its handler runs")
{
	others_handler(by_nostatus);
}

KQ_TC(mask_cut, "SIG-7: a status without masks, or cut off: its handler runs")
{
	file_name = "/status";
	file_instead = "status";
	file_write("status", "Name:\tx\nState:\tS (sleeping)\n");
	others_handler(by_file);
	file_write("status", "");
	others_handler(by_file);
	/* It cannot be read. */
	file_instead = ".";
	others_handler(by_file);
	file_instead = "status";
	/* The number is not all there. */
	file_write("status", "Name:\tx\nSigBlk:\tffffffff");
	others_handler(by_file);
}

/*
 * This thread and the other block the signal, which is read then: each counts.
 */
static void
blocked_by_all(bool (*answer)(long, const long [6], long *))
{
	pthread_t t;
	int i, kq;

	kq = KQ_OPEN();
	set_blocked(true);
	t = idle_start();
	answered = 0;
	kq_fault_kernel(answer);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0);
	kq_fault_kernel(NULL);
	ATF_CHECK(answer == NULL || answered > 0);
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE_EQ(0, kill(getpid(), SIGUSR1));
		KQ_EXPECT(kq, SIGUSR1, EVFILT_SIGNAL, .data = 1);
	}
	idle_end(t);
	close(kq);
}

/* A status whose line of masks begins after n characters. */
static void
status_write(int n, unsigned long long mask)
{
	FILE *fp;
	int i;

	ATF_REQUIRE((fp = fopen("status", "w")) != NULL);
	fputs("Name:\tx\nGroups:\t", fp);
	for (i = 15; i < n; i++)
		putc(' ', fp);
	fprintf(fp, "\nSigBlk:\t%016llX\nSigIgn:\t0\n", mask);
	ATF_REQUIRE_EQ(0, fclose(fp));
}

KQ_TC(mask_status, "SIG-6, SIG-7: masks behind much else, in any letters")
{
	int n;

	file_name = "/status";
	file_instead = "status";
	/* Wherever a read ends: before the line, within it, after it. */
	for (n = 4060; n < 4100; n++) {
		status_write(n, 1ull << (SIGUSR1 - 1));
		blocked_by_all(by_file);
	}
	status_write(10000, 1ull << (SIGUSR1 - 1));
	blocked_by_all(by_file);
	/* All but the signal. */
	status_write(10000, ~(1ull << (SIGUSR1 - 1)));
	others_handler(by_file);
}

KQ_TC_MD(mask_groups, "SIG-6, SIG-7: a process of thousands of groups",
    "require.user", "root")
{
	static gid_t groups[5000];
	size_t i;

	for (i = 0; i < 5000; i++)
		groups[i] = (gid_t)(1000000000 + i);
	ATF_REQUIRE_EQ(0, setgroups(5000, groups));
	others_handler(NULL);
	blocked_by_all(NULL);
}

/* The other thread has ended since it was listed. */
static int gone_error;

static bool
by_gone(long nr, const long arg[6], long *retp)
{
	if (nr == SYS_openat && endswith((const char *)arg[1], "/status")) {
		answered++;
		*retp = gone_error == ENOENT ? -ENOENT : real(nr, arg);
		return (true);
	}
	/* Nobody else reads so much. */
	if (nr != SYS_read || arg[2] < 3000)
		return (false);
	*retp = -gone_error;
	return (true);
}

KQ_TC(mask_gone, "SIG-6: a thread that ends keeps nothing from being counted")
{
	gone_error = ENOENT;
	blocked_by_all(by_gone);
	gone_error = ESRCH;
	blocked_by_all(by_gone);
}

KQ_TC(signalfd_error, "SIG-6: a signalfd that cannot be read now is read later")
{
	int kq = KQ_OPEN(), sig = SIGRTMIN + 4;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	ATF_REQUIRE_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	KQ_CHANGE(kq, sig, EVFILT_SIGNAL, EV_ADD, 0, 0);
	/* Eight at a time. */
	KERNEL({ SYS_read, 2, 8 * sizeof(struct signalfd_siginfo), -ENOMEM });
	ATF_REQUIRE_EQ(0, kill(getpid(), sig));
	KQ_EXPECT_NOTHING(kq);
	KERNEL_END();
	ATF_REQUIRE_EQ(0, kill(getpid(), sig));
	KQ_EXPECT(kq, sig, EVFILT_SIGNAL, .data = 2);
}

KQ_TC(threads_unlisted, "SIG-7: the list of threads cannot be read to its end")
{
	static const struct rule t[] = {
		{ SYS_getdents64, -1, 0, -ENOENT },
	};

	set_rules(t, 1);
	others_handler(by_rules);
}

/*
 * Numbers that were closed behind the library's back (REG-33, SCAN-18), and
 * kqueues whose number is not known.
 */

struct orphan {
	int	o_kq;
	int	o_old[2];	/* the pipe whose read end was closed */
	int	o_new[2];	/* ... and the one that got its number */
	int	o_dup;		/* of the old read end, or -1 */
};

static void
orphan_make(struct orphan *o, bool dup_here, int *endp, pid_t *pidp)
{
	int q[2];

	o->o_kq = KQ_OPEN();
	ATF_REQUIRE_EQ(0, pipe(o->o_old));
	KQ_CHANGE(o->o_kq, o->o_old[0], R, EV_ADD, 0, 0);
	o->o_dup = -1;
	if (dup_here)
		ATF_REQUIRE((o->o_dup = dup(o->o_old[0])) != -1);
	else
		*pidp = child_start(endp, 0);
	ATF_REQUIRE_EQ(0, pipe(q));
	ATF_REQUIRE_EQ(0, syscall(SYS_close, o->o_old[0]));
	ATF_REQUIRE_EQ(o->o_old[0], syscall(SYS_dup3, q[0], o->o_old[0], 0));
	o->o_new[0] = o->o_old[0];
	o->o_new[1] = q[1];
	close(q[0]);
}

/* The new file is added, or not; the old one speaks, and nobody hears it. */
static void
orphan_speaks(struct orphan *o, bool add)
{
	struct kevent kev[2];
	int i;

	if (add)
		KQ_CHANGE(o->o_kq, o->o_new[0], R, EV_ADD, 0, 0);
	sock_write(o->o_old[1], 3);
	for (i = 0; i < 3; i++)
		ATF_CHECK_EQ(0, kevent(o->o_kq, NULL, 0, kev, 2,
		    &(struct timespec){ 0, 0 }));
	if (!add)
		KQ_CHANGE(o->o_kq, o->o_new[0], R, EV_ADD, 0, 0);
}

/* The new one does. */
static void
orphan_end(struct orphan *o)
{
	sock_write(o->o_new[1], 2);
	KQ_EXPECT(o->o_kq, o->o_new[0], R, .flags = 0, .data = 2);
	close(o->o_old[1]);
	close(o->o_new[0]);
	close(o->o_new[1]);
	if (o->o_dup != -1)
		close(o->o_dup);
	close(o->o_kq);
}

KQ_TC(orphan_no_proc, "REG-33: an entry left behind is found without /proc")
{
	struct rlimit rl;
	struct orphan o;
	int i;

	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	for (i = 0; i < 4; i++) {
		orphan_make(&o, true, NULL, NULL);
		KERNEL({ SYS_openat, -1, 0, -ENOENT });
		orphan_speaks(&o, i % 2 == 0);
		KERNEL_END();
		/* The entry is gone, so it is no busy kqueue either. */
		KQ_POLL_SILENT(o.o_kq);
		orphan_end(&o);
		/* With few numbers to try. */
		rl.rlim_cur = 200;
		if (i == 1)
			ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	}
}

KQ_TC(orphan_dir, "SCAN-18: /proc/self/fd gets the number that was closed")
{
	int i, kq = KQ_OPEN(), more[100], other, p[2];
	struct kevent kev[2];

	ATF_REQUIRE_EQ(0, pipe(p));
	KQ_CHANGE(kq, p[0], R, EV_ADD, 0, 0);
	/* The dup is listed after more than are read at a time. */
	for (i = 0; i < 100; i++)
		ATF_REQUIRE((more[i] = open("/dev/null", O_RDONLY)) != -1);
	ATF_REQUIRE((other = dup(p[0])) != -1);
	sock_write(p[1], 1);
	ATF_REQUIRE_EQ(0, syscall(SYS_close, p[0]));
	/* There is no higher one to be had. */
	KERNEL({ SYS_fcntl, 1, F_DUPFD_CLOEXEC, -EMFILE });
	(void)kevent(kq, NULL, 0, kev, 2, &(struct timespec){ 0, 0 });
	KQ_EXPECT_NOTHING(kq);
	KERNEL_END();
	KQ_POLL_SILENT(kq);
	/* It was closed again. */
	ATF_CHECK_ERRNO(EBADF, fcntl(p[0], F_GETFD) == -1);
	for (i = 0; i < 100; i++)
		close(more[i]);
	close(other);
	close(p[1]);
}

/* No dup can be found: its file is silent all the same. */
static void
orphan_unfound(const struct rule *list, int n, bool dup_here)
{
	struct orphan o;
	int end, i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		orphan_make(&o, dup_here, &end, &pid);
		set_rules(list, (size_t)n);
		answered = 0;
		kq_fault_kernel(n > 0 ? by_rules : NULL);
		orphan_speaks(&o, i == 0);
		kq_fault_kernel(NULL);
		ATF_CHECK(n == 0 || answered > 0);
		orphan_end(&o);
		if (!dup_here) {
			close(end);
			ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
		}
	}
}

KQ_TC(orphan_elsewhere, "REG-33: only a child has what was closed here")
{
	static const struct rule t[] = { { SYS_openat, -1, 0, -ENOENT } };
	struct rlimit rl;

	orphan_unfound(NULL, 0, false);
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = 200;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	orphan_unfound(t, 1, false);
}

KQ_TC(orphan_getdents, "REG-33: the list of descriptors cannot be read")
{
	static const struct rule t[] = {
		{ SYS_getdents64, -1, 0, -ENOMEM },
	};

	orphan_unfound(t, 1, true);
}

KQ_TC_MD(orphan_nproc, "REG-33: no process can be made to look for the file",
    "require.user", "unprivileged")
{
	struct rlimit rl = { 0, 0 };

	/* One there may be too many of, since this one counts. */
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NPROC, &rl));
	orphan_unfound(NULL, 0, true);
}

KQ_TC(closed_hangup, "SCAN-18: closed unseen, and then the peer goes")
{
	int kq = KQ_OPEN(), other, sv[2];
	struct kevent kev[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = EV_CLEAR);
	ATF_REQUIRE((other = dup(sv[0])) != -1);
	ATF_REQUIRE_EQ(0, syscall(SYS_close, sv[0]));
	close(sv[1]);
	ATF_CHECK_EQ(0, kevent(kq, NULL, 0, kev, 2, &(struct timespec){ 0, 0 }));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	close(other);
}

KQ_TC(same_by_kcmp, "KQ-9: a dup made unseen, before Linux 6.10")
{
	int kq = KQ_OPEN(), other, p[2];
	struct kevent kev;

	ATF_REQUIRE_EQ(0, pipe(p));
	KQ_CHANGE(kq, p[0], R, EV_ADD, 0, 0);
	sock_write(p[1], 3);
	ATF_REQUIRE((other = (int)syscall(SYS_dup, kq)) != -1);
	/* Nothing tells: it is no kqueue. */
	KERNEL({ SYS_fcntl, 1, 1024 + 3, -EINVAL },
	    { SYS_kcmp, -1, 0, -EPERM });
	ATF_REQUIRE_ERRNO(EBADF, kevent(other, NULL, 0, &kev, 1,
	    &(struct timespec){ 0, 0 }) == -1);
	KERNEL_END();
	if (syscall(SYS_kcmp, getpid(), getpid(), 0, kq, other) != 0)
		atf_tc_skip("no kcmp()");
	KERNEL({ SYS_fcntl, 1, 1024 + 3, -EINVAL });
	KQ_EXPECT_NOW(other, p[0], R, .data = 3);
	KERNEL_END();
	close(other);
	close(p[0]);
	close(p[1]);
}

/* EMFILE for one more, and the limit cannot be read, or changed. */
static bool limit_get;

static bool
by_limit(long nr, const long arg[6], long *retp)
{
	if (nr == SYS_eventfd2)
		*retp = -EMFILE;
	else if (nr == SYS_prlimit64 && limit_get == (arg[2] == 0))
		*retp = -EPERM;
	else
		return (false);
	answered++;
	return (true);
}


static void
about_to_wait(void)
{
	pthread_barrier_wait(&ready);
}

static void *
waiting_thread(void *arg)
{
	struct kevent kev;
	int kq = *(int *)arg;

	return ((void *)(intptr_t)(kevent(kq, NULL, 0, &kev, 1, NULL) == -1 ?
	    errno : 0));
}

KQ_TC(close_emfile, "KQ-11: closed with no descriptor left: waiters wake")
{
	struct rlimit rl;
	int i, kq, p[2];
	pthread_t t;
	void *ret;

	/* There is room up to the hard limit. */
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = 200;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	ATF_REQUIRE_EQ(0, pthread_barrier_init(&ready, NULL, 2));
	/* What is always ready serves as the bell. */
	ATF_REQUIRE_EQ(0, pipe(p));
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE((kq = kqueue()) != -1);
		kq_fault_beforewait(about_to_wait);
		ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, waiting_thread,
		    &kq));
		pthread_barrier_wait(&ready);
		limit_get = i == 0;
		KERNEL_BY(by_limit);
		ATF_REQUIRE_EQ(0, close(kq));
		KERNEL_END();
		ATF_REQUIRE_EQ(0, pthread_join(t, &ret));
		ATF_CHECK_EQ(EBADF, (int)(intptr_t)ret);
	}
	close(p[0]);
	close(p[1]);
}

/*
 * Waiting without epoll_pwait2(), before Linux 5.11.
 */

static int wait_kq;

static void
close_unseen(void)
{
	(void)syscall(SYS_close, wait_kq);
}

KQ_TC(old_wait_closed, "KQ-11: closed unseen before a wait of Linux 5.10")
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct kevent kev;

	kq_fault_absent(KQ_NO_EPOLL_PWAIT2);
	ATF_REQUIRE((wait_kq = kqueue()) != -1);
	kq_fault_beforewait(close_unseen);
	ATF_REQUIRE_ERRNO(EBADF, kevent(wait_kq, NULL, 0, &kev, 1, &ts) == -1);
}

KQ_TC(old_wait_signal, "CALL-9: a handler ends the wait, before Linux 5.11")
{
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } }, off;
	struct timespec ts = { KQ_PATIENCE, 0 };
	int kq = KQ_OPEN();
	struct kevent kev;

	kq_fault_absent(KQ_NO_EPOLL_PWAIT2);
	signal(SIGALRM, on_signal);
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &it, NULL));
	ATF_CHECK_ERRNO(EINTR, kevent(kq, NULL, 0, &kev, 1, &ts) == -1);
	memset(&off, 0, sizeof(off));
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
	/* And nothing else does: here the time is up. */
	ts.tv_sec = 0;
	ts.tv_nsec = 1000000;
	ATF_CHECK_EQ(0, kevent(kq, NULL, 0, &kev, 1, &ts));
}

KQ_TC(no_wipe, "KQ-12: no MADV_WIPEONFORK: a child has no kqueues")
{
	struct timespec ts = { 0, 0 };
	struct kevent kev;
	int kq, status;
	pid_t pid;

	KERNEL({ SYS_madvise, -1, 0, -ENOSYS });
	kq = KQ_OPEN();
	KERNEL_END();
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(kevent(kq, NULL, 0, &kev, 1, &ts) == -1 &&
		    errno == EBADF ? 0 : 1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_EQ(0, status);
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

/*
 * Files.
 */

static uint32_t vnode_mask;		/* what inotify says instead of MODIFY */

static bool
by_inotify(long nr, const long arg[6], long *retp)
{
	struct inotify_event ie;
	char *p;
	long off;

	/* Nobody else reads so much. */
	if (nr != SYS_read || arg[2] < 1000)
		return (false);
	*retp = real(nr, arg);
	for (off = 0; off < *retp; off += (long)(sizeof(ie) + ie.len)) {
		p = (char *)arg[1] + off;
		memcpy(&ie, p, sizeof(ie));
		if (ie.mask != IN_MODIFY)
			continue;
		answered++;
		ie.mask = vnode_mask;
		memcpy(p, &ie, sizeof(ie));
	}
	return (true);
}

KQ_TC(unmounted, "VN-7, READ-36: the file system goes away under the file")
{
	int fd, kq = KQ_OPEN();

	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	vnode_mask = IN_UNMOUNT;
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_REVOKE |
	    NOTE_WRITE, 0);
	KQ_EXPECT_NOTHING(kq);
	KERNEL_BY(by_inotify);
	sock_write(fd, 3);
	KQ_EXPECT(kq, fd, EVFILT_VNODE, .flags = EV_EOF | EV_NODATA |
	    EV_CLEAR, .fflags = NOTE_REVOKE);
	KERNEL_END();
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KERNEL_BY(by_inotify);
	sock_write(fd, 3);
	KQ_EXPECT(kq, fd, R, .flags = EV_EOF | EV_NODATA | EV_ONESHOT);
	KERNEL_END();
	close(fd);
}

static atomic_bool has_instance, has_none;

/* It has one, and takes its time with it; or in the end it has none. */
static bool
by_founder(long nr, const long arg[6], long *retp)
{
	const struct timespec ts = { 0, 300000000 };

	if (nr != SYS_inotify_init1)
		return (false);
	*retp = real(nr, arg);
	atomic_store(&has_instance, true);
	(void)nanosleep(&ts, NULL);
	return (true);
}

static bool
by_nofounder(long nr, const long arg[6], long *retp)
{
	if (!by_founder(nr, arg, retp))
		return (false);
	(void)close((int)*retp);
	*retp = -EMFILE;
	atomic_store(&has_none, true);
	return (true);
}

/* Nothing is left as long as the founder may have one. */
static bool
by_seeker(long nr, const long arg[6], long *retp)
{
	(void)arg;
	if (nr != SYS_inotify_init1 || atomic_load(&has_none))
		return (false);
	answered++;
	*retp = -EMFILE;
	return (true);
}

static int founder_kq, founder_fd;

static void *
founder_main(void *arg)
{
	int error;

	kq_fault_kernel(*(bool (**)(long, const long [6], long *))arg);
	error = kq_test_change(founder_kq, (uintptr_t)founder_fd, EVFILT_VNODE,
	    EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL);
	kq_fault_kernel(NULL);
	return ((void *)(intptr_t)error);
}

/* kq watches file while a thread with another kernel does; what that thread got. */
static int
seek(int kq, int fd, bool (*founder)(long, const long [6], long *))
{
	pthread_t t;
	void *ret;

	founder_kq = KQ_OPEN();
	ATF_REQUIRE((founder_fd = open("file", O_RDWR)) != -1);
	ATF_REQUIRE_EQ(0, pthread_create(&t, NULL, founder_main, &founder));
	while (!atomic_load(&has_instance))
		sched_yield();
	KERNEL_BY(by_seeker);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0);
	KERNEL_END();
	ATF_REQUIRE_EQ(0, pthread_join(t, &ret));
	sock_write(fd, 3);
	KQ_EXPECT(kq, fd, EVFILT_VNODE, .fflags = NOTE_WRITE | NOTE_EXTEND);
	return ((int)(intptr_t)ret);
}

KQ_TC(share_gone, "DESIGN 9: who has none in the end is not waited for")
{
	int error, fd, kq = KQ_OPEN();

	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	/* It shares ours, or has come too early for that. */
	error = seek(kq, fd, by_nofounder);
	ATF_CHECK_MSG(error == 0 || error == EMFILE, "%s", strerror(error));
	close(founder_fd);
	close(fd);
}

KQ_TC(share_slow, "DESIGN 9: who wants to share waits for whoever has it")
{
	int fd, kq = KQ_OPEN();

	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	ATF_REQUIRE_EQ(0, seek(kq, fd, by_founder));
	KQ_EXPECT(founder_kq, founder_fd, EVFILT_VNODE,
	    .fflags = NOTE_WRITE | NOTE_EXTEND);
	close(founder_fd);
	close(fd);
}

KQ_TC(share_nobody, "DESIGN 9: no instance, and nobody who has one: EMFILE")
{
	int asked, fd, kq[2] = { KQ_OPEN(), KQ_OPEN() };

	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	KERNEL({ SYS_inotify_init1, -1, 0, -EMFILE });
	KQ_CHANGE_ERROR(kq[0], EMFILE, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0);
	asked = answered;
	KERNEL_END();
	/* One that was there and is gone is not waited for. */
	KQ_CHANGE(kq[1], fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0);
	ATF_REQUIRE_EQ(0, close(kq[1]));
	KERNEL({ SYS_inotify_init1, -1, 0, -EMFILE },
	    { SYS_nanosleep, -1, 0, -EINTR });
	KQ_CHANGE_ERROR(kq[0], EMFILE, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0);
	ATF_CHECK_EQ(asked, answered);
	KERNEL_END();
	close(fd);
}

/* The number is closed between two calls; or statx() was the last to see it. */
static int stat_instead;

static bool
by_stat_of(long nr, const long arg[6], long *retp)
{
	long other[6];

	if (nr != SYS_statx || (int)arg[0] != stat_fd)
		return (false);
	answered++;
	memcpy(other, arg, sizeof(other));
	other[0] = stat_instead;
	*retp = real(nr, other);
	return (true);
}

KQ_TC(file_closing, "SCAN-18: a file that another thread closes while we look")
{
	int kq = KQ_OPEN();

	ATF_REQUIRE((stat_instead = open("file", O_RDWR | O_CREAT, 0600)) !=
	    -1);
	sock_write(stat_instead, 3);
	ATF_REQUIRE((stat_fd = open("file", O_RDONLY)) != -1);
	KQ_CHANGE(kq, stat_fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, stat_fd, R, .flags = 0, .data = 3);
	KERNEL({ SYS_statx, 0, stat_fd, -EBADF });
	ATF_CHECK_EQ(0, KQ_COLLECT_NOW(kq));
	KERNEL_END();
	sock_write(stat_instead, 3);
	KQ_EXPECT_NOW(kq, stat_fd, R, .flags = 0, .data = 6);
	ATF_REQUIRE_EQ(0, syscall(SYS_close, stat_fd));
	KERNEL_BY(by_stat_of);
	ATF_CHECK_EQ(0, KQ_COLLECT_NOW(kq));
	KERNEL_END();
	close(stat_instead);
}

/*
 * Mounts (FS-2, FS-4).  The wakeup is real, the lists are not.
 */

static const char *mounts_text;		/* of mountinfo */
static size_t mounts_pos;
static int mounts_fd;			/* the library's, when it is read */
static long mounts_error;		/* of the read, or 0 */
static uint64_t mounts_ids[200];	/* of listmount() */
static size_t mounts_n;

/* The lines, and an error for them. */
static bool
by_lines(long nr, const long arg[6], long error, long *retp)
{
	size_t n;

	if (nr == SYS_lseek) {
		mounts_fd = (int)arg[0];
		mounts_pos = 0;
	}
	if (nr != SYS_read || (int)arg[0] != mounts_fd)
		return (false);
	answered++;
	*retp = error;
	if (error != 0)
		return (true);
	n = strlen(mounts_text + mounts_pos);
	if (n > (size_t)arg[2])
		n = (size_t)arg[2];
	memcpy((void *)arg[1], mounts_text + mounts_pos, n);
	mounts_pos += n;
	*retp = (long)n;
	return (true);
}

static bool
by_mountinfo(long nr, const long arg[6], long *retp)
{
	if (nr == SYS_listmount) {
		*retp = -ENOSYS;
		return (true);
	}
	return (by_lines(nr, arg, mounts_error, retp));
}

static bool
by_listmount(long nr, const long arg[6], long *retp)
{
	const uint64_t *req = (const uint64_t *)arg[0];
	size_t i, n;

	if (nr != SYS_listmount)
		return (by_lines(nr, arg, 0, retp));
	answered++;
	if (mounts_error != 0) {
		*retp = mounts_error;
		return (true);
	}
	/* Those that follow mr_last, the third word. */
	for (i = 0; i < mounts_n && req[2] != 0 && mounts_ids[i] != req[2];)
		i++;
	if (req[2] != 0)
		i++;
	n = i > mounts_n ? 0 : mounts_n - i;
	if (n > (size_t)arg[2])
		n = (size_t)arg[2];
	memcpy((void *)arg[1], &mounts_ids[i], n * sizeof(mounts_ids[0]));
	*retp = (long)n;
	return (true);
}

/* A mount namespace of the case's own, where something can be mounted. */
static void
space_enter(void)
{
	mounts_apart();
	ATF_REQUIRE_EQ(0, mkdir("mnt", 0755));
}

/* Something happens, and the list is looked at. */
static void
space_change(void)
{
	static bool on;

	if (on)
		ATF_REQUIRE_EQ(0, umount("mnt"));
	else
		ATF_REQUIRE_EQ(0, mount("none", "mnt", "tmpfs", 0, ""));
	on = !on;
}

#define	EXPECT_VQ(bits)							\
do {									\
	space_change();							\
	if ((bits) == 0)						\
		KQ_EXPECT_NOTHING(kq);					\
	else								\
		KQ_EXPECT(kq, 1, EVFILT_FS, .flags = EV_CLEAR,		\
		    .fflags = (bits), .data = 0);			\
} while (0)

#define	ROOTFS	"1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"

KQ_TC_MD(mount_lines, "FS-2, FS-4: what makes another mount of a line",
    "require.user", "root")
{
	static const struct {
		const char	*text;
		unsigned	bits;
	} t[] = {
		{ ROOTFS "2 1 8:2 /a /b rw - ext4 x rw\n", VQ_MOUNT },
		/* Remounted, moved, its propagation changed, renamed. */
		{ ROOTFS "2 1 8:2 /a /b ro - ext4 x ro\n", 0 },
		{ ROOTFS "2 1 8:2 /a /elsewhere ro - ext4 x ro\n", 0 },
		{ ROOTFS "2 1 8:2 /a /b rw shared:2 master:1 - ext4 x rw\n",
		    0 },
		{ ROOTFS "2 1 8:2 /a /b rw - ext4 y rw\n", 0 },
		{ ROOTFS "2 1 8:2 /a /b - - ext4 y rw\n", 0 },
		/* A tag that begins like the end of the tags. */
		{ ROOTFS "2 1 8:2 /a /b rw -x - ext4 x rw\n", 0 },
		{ ROOTFS "2 1 8:2 /a /b rw -x y - ext4 x rw\n", 0 },
		/* The number is used again: another root, type, device. */
		{ ROOTFS "2 1 8:2 /c /b rw - ext4 x rw\n",
		    VQ_MOUNT | VQ_UNMOUNT },
		{ ROOTFS "2 1 8:2 /c /b rw - xfs x rw\n",
		    VQ_MOUNT | VQ_UNMOUNT },
		{ ROOTFS "2 1 8:3 /c /b rw - xfs x rw\n",
		    VQ_MOUNT | VQ_UNMOUNT },
		/* The same again, in another order; and it is gone. */
		{ "2 1 8:3 /c /b rw - xfs x rw\n" ROOTFS, 0 },
		{ ROOTFS, VQ_UNMOUNT },
	};
	static char many[8192];
	int kq = KQ_OPEN();
	size_t i, len;

	space_enter();
	mounts_text = ROOTFS;
	mounts_error = 0;
	KERNEL_BY(by_mountinfo);
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		printf("row %zu\n", i);
		mounts_text = t[i].text;
		EXPECT_VQ(t[i].bits);
	}
	/* A hundred, which are several reads long. */
	for (i = len = 0; i < 100; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len,
		    "%zu 1 8:2 / /mnt%zu rw,relatime - ext4 /dev/x rw\n", i,
		    i);
	mounts_text = many;
	EXPECT_VQ(VQ_MOUNT | VQ_UNMOUNT);
	EXPECT_VQ(0);
	/* The last of them goes, and comes back. */
	many[len - 1] = '\0';
	EXPECT_VQ(VQ_UNMOUNT);
	many[len - 1] = '\n';
	EXPECT_VQ(VQ_MOUNT);
	/* It becomes another. */
	memcpy(strstr(many, "99 1 8:2"), "99 1 8:3", 8);
	EXPECT_VQ(VQ_MOUNT | VQ_UNMOUNT);
	KERNEL_END();
}

KQ_TC_MD(mqueue_dir, "VN-1: the directory of message queues is a directory",
    "require.user", "root")
{
	int fd, kq = KQ_OPEN();

	space_enter();
	if (mount("none", "mnt", "mqueue", 0, "") == -1)
		atf_tc_skip("mqueue: %s", strerror(errno));
	ATF_REQUIRE((fd = open("mnt", O_RDONLY | O_DIRECTORY)) != -1);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0);
	KQ_EXPECT_NOTHING(kq);
	close(creat("mnt/queue", 0600));
	KQ_EXPECT(kq, fd, EVFILT_VNODE, .fflags = NOTE_WRITE);
	ATF_REQUIRE_EQ(0, unlink("mnt/queue"));
	KQ_EXPECT(kq, fd, EVFILT_VNODE, .fflags = NOTE_WRITE);
	close(fd);
	ATF_REQUIRE_EQ(0, umount("mnt"));
}

KQ_TC_MD(mount_memory, "FS-2: no memory for the list: told as soon as there is",
    "require.user", "root")
{
	bool (*const by[])(long, const long [6], long *) = { by_mountinfo,
	    by_listmount };
	int i, kq = KQ_OPEN();

	space_enter();
	for (i = 0; i < 2; i++) {
		KERNEL_BY(by[i]);
		mounts_error = -ENOMEM;
		KQ_CHANGE_ERROR(kq, ENOMEM, 1, EVFILT_FS, EV_ADD, 0, 0);
		KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_FS, EV_DELETE, 0, 0);
		mounts_error = 0;
		mounts_text = "";
		mounts_n = 0;
		KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
		mounts_error = -ENOMEM;
		mounts_text = ROOTFS;
		mounts_ids[0] = 17;
		mounts_n = 1;
		space_change();
		ATF_CHECK_EQ(0, KQ_COLLECT_NOW(kq));
		mounts_error = 0;
		KQ_EXPECT(kq, 1, EVFILT_FS, .fflags = VQ_MOUNT);
		KQ_EXPECT_NOTHING(kq);
		KQ_CHANGE(kq, 1, EVFILT_FS, EV_DELETE, 0, 0);
		KERNEL_END();
	}
}

KQ_TC_MD(mount_blocks, "FS-2: as many mounts as listmount() gives at a time",
    "require.user", "root")
{
	static const struct {
		size_t		n;
		unsigned	bits;
	} t[] = { { 64, 0 }, { 65, VQ_MOUNT }, { 63, VQ_UNMOUNT },
	    { 64, VQ_MOUNT }, { 128, VQ_MOUNT }, { 129, VQ_MOUNT },
	    { 200, VQ_MOUNT }, { 64, VQ_UNMOUNT }, { 64, 0 },
	    { 0, VQ_UNMOUNT }, { 1, VQ_MOUNT } };
	int kq = KQ_OPEN();
	size_t i;

	space_enter();
	for (i = 0; i < 200; i++)
		mounts_ids[i] = 0x100000000 + i * 7;
	mounts_error = 0;
	mounts_text = ROOTFS;
	mounts_n = 64;
	KERNEL_BY(by_listmount);
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		printf("row %zu\n", i);
		mounts_n = t[i].n;
		EXPECT_VQ(t[i].bits);
	}
	KERNEL_END();
}

KQ_TC_MD(signals_no_proc, "SIG-3, SIG-7: signals of one thread, without /proc",
    "require.user", "root")
{
	int kq = KQ_OPEN();

	space_enter();
	ATF_REQUIRE_EQ(0, mount("none", "/proc", "tmpfs", 0, ""));
	signal(SIGUSR2, SIG_IGN);
	KQ_CHANGE(kq, SIGUSR2, EVFILT_SIGNAL, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, kill(getpid(), SIGUSR2));
	KQ_EXPECT(kq, SIGUSR2, EVFILT_SIGNAL, .data = 1);
	/* A blocked one is left to threads that nobody can know of. */
	signal(SIGUSR1, on_signal);
	set_blocked(true);
	KQ_CHANGE(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, kill(getpid(), SIGUSR1));
	KQ_EXPECT_NOTHING(kq);
	ATF_CHECK_EQ(0, hits);
	set_blocked(false);
	ATF_CHECK_EQ(1, hits);
	KQ_EXPECT(kq, SIGUSR1, EVFILT_SIGNAL, .data = 1);
	ATF_REQUIRE_EQ(0, umount("/proc"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, tcp_deaths);
	ATF_TP_ADD_TC(tp, no_meminfo);
	ATF_TP_ADD_TC(tp, int_meminfo);
	ATF_TP_ADD_TC(tp, no_meminfo_lowat);
	ATF_TP_ADD_TC(tp, backlog_diag);
	ATF_TP_ADD_TC(tp, no_fionread);
	ATF_TP_ADD_TC(tp, seqpacket_write);
	ATF_TP_ADD_TC(tp, backlog_tcp);
	ATF_TP_ADD_TC(tp, other_domain);
	ATF_TP_ADD_TC(tp, pidfd_file);
	ATF_TP_ADD_TC(tp, block_device);
	ATF_TP_ADD_TC(tp, no_statx);
	ATF_TP_ADD_TC(tp, inet_seqpacket);
	ATF_TP_ADD_TC(tp, pipe_space);
	ATF_TP_ADD_TC(tp, eventfd_info);
	ATF_TP_ADD_TC(tp, mqueue_count);
	ATF_TP_ADD_TC(tp, statuses);
	ATF_TP_ADD_TC(tp, status_later);
	ATF_TP_ADD_TC(tp, status_waitid);
	ATF_TP_ADD_TC(tp, pidfd_refused);
	ATF_TP_ADD_TC(tp, conn_refused);
	ATF_TP_ADD_TC(tp, conn_name);
	ATF_TP_ADD_TC(tp, conn_events);
	ATF_TP_ADD_TC(tp, conn_status);
	ATF_TP_ADD_TC(tp, conn_lost);
	ATF_TP_ADD_TC(tp, mask_emfile);
	ATF_TP_ADD_TC(tp, mask_cut);
	ATF_TP_ADD_TC(tp, mask_status);
	ATF_TP_ADD_TC(tp, mask_groups);
	ATF_TP_ADD_TC(tp, mask_gone);
	ATF_TP_ADD_TC(tp, signalfd_error);
	ATF_TP_ADD_TC(tp, threads_unlisted);
	ATF_TP_ADD_TC(tp, orphan_no_proc);
	ATF_TP_ADD_TC(tp, orphan_dir);
	ATF_TP_ADD_TC(tp, orphan_elsewhere);
	ATF_TP_ADD_TC(tp, orphan_getdents);
	ATF_TP_ADD_TC(tp, orphan_nproc);
	ATF_TP_ADD_TC(tp, closed_hangup);
	ATF_TP_ADD_TC(tp, same_by_kcmp);
	ATF_TP_ADD_TC(tp, close_emfile);
	ATF_TP_ADD_TC(tp, old_wait_closed);
	ATF_TP_ADD_TC(tp, old_wait_signal);
	ATF_TP_ADD_TC(tp, no_wipe);
	ATF_TP_ADD_TC(tp, unmounted);
	ATF_TP_ADD_TC(tp, share_slow);
	ATF_TP_ADD_TC(tp, share_gone);
	ATF_TP_ADD_TC(tp, share_nobody);
	ATF_TP_ADD_TC(tp, file_closing);
	ATF_TP_ADD_TC(tp, mount_lines);
	ATF_TP_ADD_TC(tp, mqueue_dir);
	ATF_TP_ADD_TC(tp, mount_memory);
	ATF_TP_ADD_TC(tp, mount_blocks);
	ATF_TP_ADD_TC(tp, signals_no_proc);
	return (atf_no_error());
}
