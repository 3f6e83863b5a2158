/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random sequences of operations, for the library and for the model; the first
 * difference is shrunk to a short sequence and printed as a C program.
 *
 * An operation names descriptors by number and is meaningful in every state (a
 * closed number is a test too), so any part of a sequence is a sequence.
 * Sequences run in children: a crash or a sleep that does not end is a
 * difference like another.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"

#define	D_OPS		120	/* in a sequence */
#define	D_CHANGES	4	/* in a call */
#define	D_TEXT		1024
#define	D_FILL		0	/* write until it would block */

int	kqueue_freebsd(void);
/* Not every libc declares it. */
int	close_range(unsigned int, unsigned int, int);

enum d_kind {
	D_KEVENT, D_POLL, D_WRITE, D_READ, D_SHUTDOWN, D_CLOSE, D_DUP, D_DUP2,
	D_ADVANCE, D_SOCK, D_PIPE, D_NULL, D_KQ,
	D_UNKNOWN	/* a file that the model is not told of */
};

struct d_op {
	enum d_kind	o_kind;
	int		o_fd;
	int		o_arg;		/* bytes, how, to, ms, height, nevents */
	int		o_arg2;		/* dialect, kind of close, timeout */
	int		o_nchanges;
	struct kevent	o_change[D_CHANGES];
};

/* What parent and child share. */
struct d_shared {
	uint64_t	s_sequence;	/* the one at work */
	uint64_t	s_done;		/* operations */
	int		s_nops;
	struct d_op	s_ops[D_OPS];
	char		s_text[D_TEXT];	/* the difference */
	int		s_at;		/* and the operation that made it */
};

static struct d_shared *d_shared;
static FILE *d_print;		/* the sequence is printed as it runs */
static bool d_timers;
static unsigned int d_patience = 30;	/* seconds, for a call that sleeps */
static bool d_shrinks = true;

/*
 * Chance.
 */

static uint64_t d_state;

static uint64_t
d_next(void)
{
	d_state ^= d_state >> 12;
	d_state ^= d_state << 25;
	d_state ^= d_state >> 27;
	return (d_state * UINT64_C(2685821657736338717));
}

static void
d_seed(uint64_t seed, uint64_t sequence)
{
	int i;

	d_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^
	    (sequence + 1) * UINT64_C(0xd1342543de82ef95);
	if (d_state == 0)
		d_state = 1;
	for (i = 0; i < 8; i++)
		(void)d_next();
}

static int
d_below(int n)
{
	return ((int)((d_next() >> 33) % (uint64_t)n));
}

static bool
d_chance(int percent)
{
	return (d_below(100) < percent);
}

/*
 * Printing.
 */

static void
d_say(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

static void
d_say(const char *format, ...)
{
	va_list ap;

	if (d_print == NULL)
		return;
	va_start(ap, format);
	vfprintf(d_print, format, ap);
	va_end(ap);
}

static const char d_head[] =
    "#include <sys/event.h>\n"
    "#include <sys/socket.h>\n"
    "#include <errno.h>\n#include <fcntl.h>\n#include <poll.h>\n"
    "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
    "#include <string.h>\n#include <unistd.h>\n\n"
    "int\tkqueue_freebsd(void);\n\n"
    "static struct kevent ch[4], ev[64];\n"
    "static int fds[2], n;\n"
    "static char buf[1 << 20];\n\n"
    "/* A call that has to give between lo and hi. */\n"
    "static void\n"
    "call(int kq, int nch, int nev, int lo, int hi, int block)\n"
    "{\n"
    "\tstruct timespec ts = { block ? 10 : 0, 0 };\n"
    "\tint i;\n\n"
    "\tn = kevent(kq, ch, nch, ev, nev, &ts);\n"
    "\tprintf(\"kevent(%d): %d\\n\", kq, n < 0 ? -errno : n);\n"
    "\tfor (i = 0; i < n; i++)\n"
    "\t\tprintf(\"\\tident %lu filter %d flags %#x fflags %#x data %ld "
    "udata %p\\n\",\n"
    "\t\t    (unsigned long)ev[i].ident, ev[i].filter, ev[i].flags,\n"
    "\t\t    ev[i].fflags, (long)ev[i].data, ev[i].udata);\n"
    "\tif (n < lo || n > hi) {\n"
    "\t\tprintf(\"wanted %d to %d\\n\", lo, hi);\n"
    "\t\texit(1);\n"
    "\t}\n"
    "}\n\n"
    "static void\n"
    "readable(int kq, int lo, int hi)\n"
    "{\n"
    "\tstruct pollfd pfd = { .fd = kq, .events = POLLIN };\n"
    "\tint r = poll(&pfd, 1, 0);\n\n"
    "\tprintf(\"poll(%d): %d\\n\", kq, r);\n"
    "\tif (r < lo || r > hi)\n"
    "\t\texit(1);\n"
    "}\n\n"
    "int\n"
    "main(void)\n"
    "{\n"
    "\tsigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, "
    "NULL);\n"
    "\tclose_range(3, 200, 0);\n";

static const char *
d_filter(short filter)
{
	static char text[16];

	switch (filter) {
	case EVFILT_READ:
		return ("EVFILT_READ");
	case EVFILT_WRITE:
		return ("EVFILT_WRITE");
	case EVFILT_TIMER:
		return ("EVFILT_TIMER");
	case EVFILT_USER:
		return ("EVFILT_USER");
	case EVFILT_EXCEPT:
		return ("EVFILT_EXCEPT");
	default:
		snprintf(text, sizeof(text), "%d", filter);
		return (text);
	}
}

static const char *
d_flags(unsigned int flags)
{
	static const struct {
		unsigned int	bit;
		const char	*name;
	} names[] = {
		{ EV_ADD, "EV_ADD" }, { EV_DELETE, "EV_DELETE" },
		{ EV_ENABLE, "EV_ENABLE" }, { EV_DISABLE, "EV_DISABLE" },
		{ EV_ONESHOT, "EV_ONESHOT" }, { EV_CLEAR, "EV_CLEAR" },
		{ EV_RECEIPT, "EV_RECEIPT" }, { EV_DISPATCH, "EV_DISPATCH" },
	};
	static char text[160];
	size_t i;

	text[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((flags & names[i].bit) == 0)
			continue;
		if (text[0] != '\0')
			strcat(text, " | ");
		strcat(text, names[i].name);
		flags &= ~names[i].bit;
	}
	if (flags != 0 || text[0] == '\0')
		sprintf(text + strlen(text), "%s%#x",
		    text[0] != '\0' ? " | " : "", flags);
	return (text);
}

static void
d_saychange(int i, const struct kevent *kev)
{
	d_say("\tEV_SET(&ch[%d], %ju, %s, %s,\n\t    %#x, %jd, (void *)%#jx);\n",
	    i, (uintmax_t)kev->ident, d_filter(kev->filter),
	    d_flags(kev->flags), kev->fflags, (intmax_t)kev->data,
	    (uintmax_t)(uintptr_t)kev->udata);
}

/*
 * Execution.  Every function does the operation for the library, tells the
 * model, and returns what is wrong, or NULL.
 */

static struct m_file *
d_file(int fd)
{
	return (fd >= 0 && fd < M_FDS ? m_fd[fd] : NULL);
}

static bool
d_is(int fd, enum m_type type)
{
	return (d_file(fd) != NULL && d_file(fd)->f_type == type);
}

static const char *d_wrong(const char *format, ...)
    __attribute__((__format__(__printf__, 1, 2)));

static const char *
d_wrong(const char *format, ...)
{
	static char text[D_TEXT];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return (text);
}

/* The changes that the model knows. */
static int
d_changes(const struct d_op *o, struct kevent *kev)
{
	int i, n;

	n = 0;
	for (i = 0; i < o->o_nchanges; i++) {
		if (m_modelled(o->o_fd, &o->o_change[i]))
			kev[n++] = o->o_change[i];
	}
	return (n);
}

/*
 * CALL-7 to CALL-13: what the changes are answered with.  Returns what kevent()
 * has to return, -errno, or -1000 if it goes on to collect.
 */
static int
d_answers(struct m_file *kq, const struct kevent *kev, int n, int nevents,
    struct kevent *want)
{
	struct kevent change;
	int error, i, nwant;

	nwant = 0;
	for (i = 0; i < n; i++) {
		change = kev[i];
		change.flags &= (unsigned short)~EV_SYSFLAGS;
		error = m_change(kq, &change);
		if (error == M_SKIPPED ||
		    (error == 0 && (change.flags & EV_RECEIPT) == 0))
			continue;
		if (nwant == nevents)
			return (-error);	/* CALL-12; CALL-13: 0 */
		change.flags = EV_ERROR;
		change.data = error;
		want[nwant++] = change;
	}
	return (nwant > 0 ? nwant : -1000);
}

static const char *
d_comparenswers(const struct kevent *got, const struct kevent *want, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (got[i].ident != want[i].ident ||
		    got[i].filter != want[i].filter ||
		    got[i].flags != EV_ERROR || got[i].data != want[i].data ||
		    got[i].udata != want[i].udata)
			return (d_wrong("answer %d: ident %ju filter %d flags "
			    "%#x data %jd, wanted ident %ju filter %d data %jd",
			    i, (uintmax_t)got[i].ident, got[i].filter,
			    got[i].flags, (intmax_t)got[i].data,
			    (uintmax_t)want[i].ident, want[i].filter,
			    (intmax_t)want[i].data));
	}
	return (NULL);
}

static void
d_settle(void)
{
	clock_find();
	clock_settle();
}

static const char *
d_kevent(const struct d_op *o)
{
	struct kevent change[D_CHANGES], got[M_EVENTS], want[D_CHANGES];
	struct timespec ts = { 0, 0 };
	struct m_file *kq;
	const char *text;
	int answer, error, i, least, most, n, nchanges;
	bool block, timer;

	if (!d_is(o->o_fd, F_KQ)) {
		/* CALL-2 */
		n = kevent(o->o_fd, NULL, 0, got, 1, &ts);
		error = errno;
		d_say("\tcall(%d, 0, 1, -1, -1, 0);\n", o->o_fd);
		return (n == -1 && error == EBADF ? NULL :
		    d_wrong("kevent() on what is no kqueue: %d", n));
	}
	kq = d_file(o->o_fd);
	nchanges = d_changes(o, change);
	for (i = 0; i < nchanges; i++)
		d_saychange(i, &change[i]);
	m_passing = o->o_arg > 0;
	answer = d_answers(kq, change, nchanges, o->o_arg, want);
	m_passing = false;
	least = m_pending(kq, MUST);
	most = m_pending(kq, MAY);
	if (least > o->o_arg)
		least = o->o_arg;
	if (most > o->o_arg)
		most = o->o_arg;
	if (answer != -1000)
		least = most = answer < 0 ? -1 : answer;
	/* Sleep only where there is something. */
	block = o->o_arg2 != 0 && answer == -1000 && least > 0;
	d_say("\tcall(%d, %d, %d, %d, %d, %d);\n", o->o_fd, nchanges,
	    o->o_arg, least, most, block);

	memset(got, 0xa5, sizeof(got));
	errno = 0;
	timer = false;
	for (i = 0; i < nchanges; i++)
		timer |= change[i].filter == EVFILT_TIMER;
	/* A timerfd that is armed for the past fires when it is settled. */
	if (timer && answer == -1000) {
		n = kevent(o->o_fd, change, nchanges, NULL, 0, &ts);
		if (n != 0)
			return (d_wrong("kevent: %d (%s)", n, strerror(errno)));
		nchanges = 0;
		d_settle();
	}
	n = kevent(o->o_fd, change, nchanges, got, o->o_arg, block ? NULL : &ts);
	error = n == -1 ? errno : 0;
	d_timers |= timer;
	if (d_timers)
		d_settle();
	if (answer == -1000)
		return (n == -1 ? d_wrong("kevent: %s", strerror(error)) :
		    m_collected(kq, got, n, o->o_arg));
	if (answer < 0)
		return (n == -1 && error == -answer ? NULL :
		    d_wrong("kevent: %d (%s), wanted %s", n, strerror(error),
		    strerror(-answer)));
	if (n != answer)
		return (d_wrong("kevent: %d (%s), wanted %d answers", n,
		    strerror(error), answer));
	if ((text = d_comparenswers(got, want, n)) != NULL)
		return (text);
	return (NULL);
}

/* KQ-16, KQ-17 */
static const char *
d_poll(void)
{
	struct pollfd pfd;
	int fd, least, most, n;

	for (fd = 3; fd < M_FDS; fd++) {
		if (!d_is(fd, F_KQ))
			continue;
		pfd = (struct pollfd){ .fd = fd, .events = POLLIN };
		n = poll(&pfd, 1, 0);
		least = m_pending(d_file(fd), MUST) > 0;
		most = m_pending(d_file(fd), MAY) > 0;
		d_say("\treadable(%d, %d, %d);\n", fd, least, most);
		if (n < least)
			return (d_wrong("poll: kqueue %d is not readable", fd));
		if (n > most)
			return (d_wrong("poll: kqueue %d is readable", fd));
	}
	return (NULL);
}

static char d_buf[65536];

static const char *
d_write(const struct d_op *o)
{
	struct m_file *f = d_file(o->o_fd);
	long n, total;

	if (f == NULL || (f->f_type != F_SOCK && f->f_type != F_PIPEW))
		return (NULL);
	/* Little enough that there is room, or too much. */
	if (f->f_full || (o->o_arg != D_FILL && f->f_peer != NULL &&
	    f->f_peer->f_bytes > 1500))
		return (NULL);
	if (o->o_arg != D_FILL) {
		d_say("\twrite(%d, buf, %d);\n", o->o_fd, o->o_arg);
		n = write(o->o_fd, d_buf, (size_t)o->o_arg);
		m_wrote(o->o_fd, n, false);
		return (NULL);
	}
	d_say("\twhile (write(%d, buf, 4096) > 0)\n\t\tcontinue;\n", o->o_fd);
	total = 0;
	while ((n = write(o->o_fd, d_buf, 4096)) > 0)
		total += n;
	m_wrote(o->o_fd, total, n == -1 && errno == EAGAIN);
	return (NULL);
}

static const char *
d_read(const struct d_op *o)
{
	struct m_file *f = d_file(o->o_fd);
	bool full;
	long n, total;
	int error;

	if (f == NULL || (f->f_type != F_SOCK && f->f_type != F_PIPER))
		return (NULL);
	/* Of a full one everything, as half full is the kernel's affair. */
	full = f->f_peer != NULL && f->f_peer->f_full;
	if (!full) {
		d_say("\tn = read(%d, buf, %d);\n", o->o_fd, o->o_arg);
		n = read(o->o_fd, d_buf, (size_t)o->o_arg);
		error = n == -1 ? errno : 0;
		m_readn(o->o_fd, n > 0 ? n : 0, false, error);
		return (NULL);
	}
	d_say("\twhile (read(%d, buf, 65536) > 0)\n\t\tcontinue;\n", o->o_fd);
	total = 0;
	while ((n = read(o->o_fd, d_buf, sizeof(d_buf))) > 0)
		total += n;
	m_readn(o->o_fd, total, true, n == -1 ? errno : 0);
	return (NULL);
}

static const char *
d_shutdown(const struct d_op *o)
{
	if (!d_is(o->o_fd, F_SOCK))
		return (NULL);
	d_say("\tshutdown(%d, %d);\n", o->o_fd, o->o_arg);
	if (shutdown(o->o_fd, o->o_arg) == 0)
		m_shutdown(o->o_fd, o->o_arg);
	return (NULL);
}

static const char *
d_close(const struct d_op *o)
{
	int error;

	if (d_file(o->o_fd) == NULL)
		return (NULL);
	if (o->o_arg2 != 0) {
		d_say("\tclose_range(%d, %d, 0);\n", o->o_fd, o->o_fd);
		error = close_range((unsigned int)o->o_fd,
		    (unsigned int)o->o_fd, 0);
	} else {
		d_say("\tclose(%d);\n", o->o_fd);
		error = close(o->o_fd);
	}
	m_close(o->o_fd);
	return (error == 0 ? NULL : d_wrong("close: %s", strerror(errno)));
}

static const char *
d_number(int fd, int wanted)
{
	return (fd == wanted ? NULL : d_wrong("got number %d, wanted %d: %s",
	    fd, wanted, strerror(errno)));
}

static int
d_lowest(int from)
{
	while (m_fd[from] != NULL)
		from++;
	return (from);
}

static const char *
d_dup(const struct d_op *o)
{
	int fd, lowest;

	if (d_file(o->o_fd) == NULL || m_free() < 1)
		return (NULL);
	lowest = d_lowest(3);
	d_say("\tdup(%d);\t/* %d */\n", o->o_fd, lowest);
	fd = o->o_arg2 != 0 ? fcntl(o->o_fd, F_DUPFD_CLOEXEC, 0) :
	    dup(o->o_fd);
	m_dup2(o->o_fd, lowest);
	return (d_number(fd, lowest));
}

static const char *
d_dup2(const struct d_op *o)
{
	if (d_file(o->o_fd) == NULL || o->o_arg < 3 || o->o_arg >= M_FDS)
		return (NULL);
	d_say("\tdup2(%d, %d);\n", o->o_fd, o->o_arg);
	m_dup2(o->o_fd, o->o_arg);
	return (d_number(dup2(o->o_fd, o->o_arg), o->o_arg));
}

static const char *
d_advance(const struct d_op *o)
{
	d_say("\tusleep(%d000 + 300);\n", o->o_arg);
	m_advance(o->o_arg);
	clock_advance(o->o_arg);
	return (NULL);
}

static const char *
d_open(const struct d_op *o)
{
	struct m_file *f;
	int fd[2], lowest, second;

	if (m_free() < 2)
		return (NULL);
	lowest = d_lowest(3);
	second = d_lowest(lowest + 1);
	switch (o->o_kind) {
	case D_SOCK:
		d_say("\tsocketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, "
		    "fds);\t/* %d, %d */\n", lowest, second);
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
		    fd) != 0)
			return (d_wrong("socketpair: %s", strerror(errno)));
		f = m_open(lowest, F_SOCK, NULL);
		f->f_peer = m_open(second, F_SOCK, f);
		return (d_number(fd[0], lowest));
	case D_PIPE:
		d_say("\tpipe2(fds, O_NONBLOCK);\t/* %d, %d */\n", lowest,
		    second);
		if (pipe2(fd, O_NONBLOCK) != 0)
			return (d_wrong("pipe: %s", strerror(errno)));
		f = m_open(lowest, F_PIPER, NULL);
		f->f_peer = m_open(second, F_PIPEW, f);
		return (d_number(fd[0], lowest));
	case D_NULL:
		d_say("\topen(\"/dev/null\", O_RDWR);\t/* %d */\n", lowest);
		(void)m_open(lowest, F_NULL, NULL);
		return (d_number(open("/dev/null", O_RDWR), lowest));
	default:
		d_say("\t%s();\t/* %d */\n", o->o_arg2 != 0 ?
		    "kqueue_freebsd" : "kqueue", lowest);
		f = m_open(lowest, F_KQ, NULL);
		f->f_height = o->o_arg;
		f->f_freebsd = o->o_arg2 != 0;
		return (d_number(f->f_freebsd ? kqueue_freebsd() : kqueue(),
		    lowest));
	}
}

static const char *
d_do(const struct d_op *o)
{
	switch (o->o_kind) {
	case D_KEVENT:
		return (d_kevent(o));
	case D_POLL:
		return (d_poll());
	case D_WRITE:
		return (d_write(o));
	case D_READ:
		return (d_read(o));
	case D_SHUTDOWN:
		return (d_shutdown(o));
	case D_CLOSE:
		return (d_close(o));
	case D_DUP:
		return (d_dup(o));
	case D_DUP2:
		return (d_dup2(o));
	case D_ADVANCE:
		return (d_advance(o));
	case D_UNKNOWN:
		(void)open("/", O_RDONLY);
		return (NULL);
	default:
		return (d_open(o));
	}
}

/* From nothing, or to it: close what is open, the kqueues among it. */
static void
d_clean(void)
{
	int fd;

	for (fd = 3; fd < M_FDS; fd++) {
		if (m_fd[fd] != NULL)
			(void)close(fd);
	}
	m_reset();
	d_timers = false;
}

/* 0, or the sequence has failed and s_text says how. */
static int
d_run(const struct d_op *ops, int n)
{
	const char *text;
	int i;

	d_clean();
	for (i = 0; i < n; i++) {
		d_shared->s_at = i;
		d_shared->s_done++;
		alarm(d_patience);
		text = d_do(&ops[i]);
		if (text != NULL) {
			snprintf(d_shared->s_text, D_TEXT, "%s", text);
			return (1);
		}
	}
	return (0);
}

/*
 * Making sequences.
 */

/* What a sequence is about. */
struct d_profile {
	int	p_users;	/* percent of changes that are about these */
	int	p_timers;
	int	p_kqueues;	/* how many */
	int	p_modes;	/* percent with CLEAR, ONESHOT, DISPATCH */
	int	p_lists;	/* the longest event list */
	int	p_calls;	/* percent of operations that are kevent() */
	bool	p_freebsd;
	bool	p_fds;
};

static void
d_profile(struct d_profile *p)
{
	p->p_users = d_chance(40) ? 100 : d_below(60);
	p->p_timers = d_chance(50) ? d_below(50) : 0;
	p->p_kqueues = 1 + d_below(3);
	p->p_modes = d_chance(30) ? 0 : d_below(100);
	p->p_lists = d_chance(50) ? M_EVENTS : 1 + d_below(5);
	p->p_calls = 30 + d_below(40);
	p->p_freebsd = d_chance(30);
	p->p_fds = p->p_users < 100 || d_chance(20);
	if (p->p_users == 100 && p->p_fds)
		p->p_users = d_below(20);
}

/* A number, mostly one that is open and of that type (F_NONE: any). */
static int
d_pick(enum m_type type, enum m_type type2)
{
	int fd, i;

	for (i = 0; i < 40; i++) {
		fd = 3 + d_below(M_FDS - 3);
		if (d_file(fd) != NULL && (type == F_NONE ||
		    m_fd[fd]->f_type == type || m_fd[fd]->f_type == type2))
			return (fd);
	}
	return (3 + d_below(M_FDS - 3));
}

static unsigned int
d_userfflags(void)
{
	static const unsigned int control[] = { NOTE_FFNOP, NOTE_FFAND,
		NOTE_FFOR, NOTE_FFCOPY };

	return (control[d_below(4)] | (d_chance(50) ? NOTE_TRIGGER : 0) |
	    (unsigned int)d_below(0x1000000));
}

static unsigned int
d_addflags(const struct d_profile *p)
{
	unsigned int flags = EV_ADD;

	if (d_chance(p->p_modes)) {
		flags |= d_chance(60) ? EV_CLEAR : 0;
		flags |= d_chance(25) ? EV_ONESHOT : 0;
		flags |= d_chance(30) ? EV_DISPATCH : 0;
	}
	flags |= d_chance(8) ? EV_DISABLE : 0;
	flags |= d_chance(5) ? EV_ENABLE : 0;
	flags |= d_chance(3) ? EV_RECEIPT : 0;
	flags |= d_chance(2) ? EV_DELETE : 0;
	flags |= d_chance(3) ? (unsigned int)EV_SYSFLAGS : 0;
	return (flags);
}

static unsigned int
d_changeflags(const struct d_profile *p)
{
	switch (d_below(10)) {
	case 0:
		return (0);
	case 1:
	case 2:
		return (EV_ENABLE);
	case 3:
		return (EV_DISABLE);
	case 4:
		return (EV_DELETE);
	case 5:
		return (EV_ENABLE | EV_DISABLE |
		    (unsigned int)d_below(4) * EV_ADD);
	case 6:
		return (d_chance(50) ? EV_CLEAR : EV_ENABLE | EV_CLEAR);
	default:
		return (d_addflags(p));
	}
}

static void
d_change(const struct d_profile *p, struct kevent *kev)
{
	static const short odd[] = { 0, 1, -11, -100, EVFILT_MARKER };
	unsigned int fflags = 0, flags;
	intptr_t data = 0;
	uintptr_t ident;
	short filter;

	flags = d_chance(60) ? d_addflags(p) : d_changeflags(p);
	if (d_chance(p->p_timers)) {
		filter = EVFILT_TIMER;
		ident = (uintptr_t)d_below(6);
		data = d_chance(90) ? 1 + d_below(30) : d_below(3) - 1;
		if (p->p_freebsd && d_chance(20)) {
			fflags = (unsigned int)d_below(8);
			if (fflags == 4)
				data *= 1000;
		}
	} else if (d_chance(p->p_users)) {
		filter = EVFILT_USER;
		ident = (uintptr_t)d_below(8);
		fflags = d_userfflags();
		data = d_below(1000);
		if (d_chance(40) && (flags & EV_ADD) != 0)
			flags = 0;
	} else if (d_chance(2)) {
		filter = odd[d_below(5)];
		ident = (uintptr_t)d_below(10);
	} else {
		filter = d_chance(65) ? EVFILT_READ : d_chance(90) ?
		    EVFILT_WRITE : EVFILT_EXCEPT;
		ident = (uintptr_t)d_pick(F_NONE, F_NONE);
		if (d_chance(1))
			ident |= (uintptr_t)INT_MAX + 1;
		if (filter == EVFILT_EXCEPT)
			fflags = d_chance(70) ? NOTE_OOB : 0;
		else if (filter == EVFILT_READ && d_chance(10)) {
			fflags = NOTE_LOWAT;
			data = d_below(400) - 5;
		} else if (d_chance(20))
			data = d_below(100);
	}
	EV_SET(kev, ident, filter, (unsigned short)flags, fflags, data,
	    (void *)(uintptr_t)d_below(1 << 20));
}

static void
d_makekevent(const struct d_profile *p, struct d_op *o)
{
	int i;

	o->o_fd = d_chance(98) ? d_pick(F_KQ, F_KQ) : d_below(M_FDS);
	o->o_nchanges = d_chance(50) ? 0 : 1 + d_below(D_CHANGES);
	for (i = 0; i < o->o_nchanges; i++)
		d_change(p, &o->o_change[i]);
	o->o_arg = o->o_nchanges != 0 && d_chance(60) ? 0 :
	    d_chance(50) ? M_EVENTS : d_below(p->p_lists + 1);
	o->o_arg2 = d_chance(20);
}

static int
d_count(enum m_type type)
{
	int fd, n;

	n = 0;
	for (fd = 3; fd < M_FDS; fd++)
		n += d_is(fd, type);
	return (n);
}

/* The next operation; the model tells what there is. */
static void
d_make(const struct d_profile *p, struct d_op *o)
{
	int i;

	memset(o, 0, sizeof(*o));
	if (d_count(F_KQ) < p->p_kqueues && d_chance(30)) {
		o->o_kind = D_KQ;
		o->o_arg = d_below(3);
		o->o_arg2 = p->p_freebsd;
		return;
	}
	if (d_chance(p->p_calls)) {
		o->o_kind = D_KEVENT;
		d_makekevent(p, o);
		return;
	}
	o->o_arg2 = d_chance(20);
	if ((p->p_timers > 0 && d_chance(25)) || d_chance(2)) {
		o->o_kind = D_ADVANCE;
		o->o_arg = d_below(d_chance(80) ? 12 : 100);
		return;
	}
	i = d_below(100);
	if (!p->p_fds || i < 20) {
		o->o_kind = i < 90 ? D_POLL : D_DUP;
		o->o_fd = d_pick(F_KQ, F_KQ);
	} else if (i < 30) {
		o->o_kind = d_chance(65) ? D_SOCK : d_chance(85) ? D_PIPE :
		    D_NULL;
	} else if (i < 52) {
		o->o_kind = D_WRITE;
		o->o_fd = d_pick(F_SOCK, F_PIPEW);
		o->o_arg = d_chance(5) ? D_FILL : 1 + d_below(200);
	} else if (i < 72) {
		o->o_kind = D_READ;
		o->o_fd = d_pick(F_SOCK, F_PIPER);
		o->o_arg = d_chance(50) ? 4000 : 1 + d_below(200);
	} else if (i < 77) {
		o->o_kind = D_SHUTDOWN;
		o->o_fd = d_pick(F_SOCK, F_SOCK);
		o->o_arg = d_below(3);
	} else if (i < 87) {
		o->o_kind = D_CLOSE;
		o->o_fd = d_pick(F_NONE, F_NONE);
		if (d_is(o->o_fd, F_KQ) && d_chance(70))
			o->o_fd = d_pick(F_SOCK, F_PIPEW);
	} else if (i < 92) {
		o->o_kind = D_DUP;
		o->o_fd = d_pick(F_NONE, F_NONE);
	} else if (i < 95) {
		o->o_kind = D_DUP2;
		o->o_fd = d_pick(F_NONE, F_NONE);
		o->o_arg = d_pick(F_NONE, F_NONE);
	} else
		o->o_kind = D_POLL;
}

/* One random sequence, made while it runs. */
static int
d_sequence(uint64_t seed, uint64_t sequence)
{
	struct d_shared *s = d_shared;
	struct d_profile p;
	const char *text;

	d_seed(seed, sequence);
	d_profile(&p);
	d_clean();
	s->s_sequence = sequence;
	for (s->s_nops = 0; s->s_nops < D_OPS;) {
		d_make(&p, &s->s_ops[s->s_nops]);
		s->s_at = s->s_nops++;
		s->s_done++;
		if ((text = d_do(&s->s_ops[s->s_at])) != NULL) {
			snprintf(s->s_text, D_TEXT, "%s", text);
			return (1);
		}
	}
	return (0);
}

/*
 * Children.
 */

/* Fork; the child closes all but 0 to 2. */
static pid_t
d_fork(void)
{
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) != 0)
		return (pid);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close_range(3, ~0U, 0);
	return (0);
}

static const char d_asleep[] = "slept for ever";

/* 0, or how the child has failed. */
static int
d_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			return (1);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return (WEXITSTATUS(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(d_shared->s_text, D_TEXT, "%s", d_asleep);
	else
		snprintf(d_shared->s_text, D_TEXT, "died: wait status %#x",
		    (unsigned int)status);
	return (1);
}

static int
d_replay(const struct d_op *ops, int n, FILE *print)
{
	pid_t pid;

	if ((pid = d_fork()) == 0) {
		d_print = print;
		n = d_run(ops, n);
		fflush(NULL);
		_exit(n);
	}
	return (d_wait(pid));
}

/*
 * Shrinking: leave out as much as still fails.
 */

static bool
d_without(struct d_op *ops, int *np, int from, int count)
{
	struct d_op less[D_OPS];

	if (from + count > *np)
		return (false);
	memcpy(less, ops, (size_t)from * sizeof(*ops));
	memcpy(less + from, ops + from + count,
	    (size_t)(*np - from - count) * sizeof(*ops));
	if (!d_replay(less, *np - count, NULL))
		return (false);
	*np -= count;
	memcpy(ops, less, (size_t)*np * sizeof(*ops));
	return (true);
}

static bool
d_try(struct d_op *ops, int n, int i, const struct d_op *simpler)
{
	struct d_op old = ops[i];

	if (memcmp(&old, simpler, sizeof(old)) == 0)
		return (false);
	ops[i] = *simpler;
	if (d_replay(ops, n, NULL))
		return (true);
	ops[i] = old;
	return (false);
}

/* Simplify one operation. */
static bool
d_simplify(struct d_op *ops, int n, int i)
{
	struct d_op o;
	bool any = false;
	int bit, j;

	for (j = 0; j < ops[i].o_nchanges;) {
		o = ops[i];
		memmove(&o.o_change[j], &o.o_change[j + 1],
		    (size_t)(D_CHANGES - 1 - j) * sizeof(o.o_change[0]));
		o.o_nchanges--;
		memset(&o.o_change[D_CHANGES - 1], 0, sizeof(o.o_change[0]));
		if (d_try(ops, n, i, &o))
			any = true;
		else
			j++;
	}
	for (j = 0; j < ops[i].o_nchanges; j++) {
		for (bit = 0; bit < 32; bit++) {
			o = ops[i];
			o.o_change[j].flags &= (unsigned short)~(1u << bit);
			o.o_change[j].fflags &= ~(1u << bit);
			any |= d_try(ops, n, i, &o);
		}
		o = ops[i];
		o.o_change[j].udata = NULL;
		any |= d_try(ops, n, i, &o);
		o = ops[i];
		o.o_change[j].data = 0;
		any |= d_try(ops, n, i, &o);
	}
	o = ops[i];
	o.o_arg2 = 0;
	any |= d_try(ops, n, i, &o);
	if (ops[i].o_kind == D_KEVENT || ops[i].o_kind == D_WRITE) {
		o = ops[i];
		o.o_arg = ops[i].o_kind == D_KEVENT ? 0 : 1;
		any |= d_try(ops, n, i, &o);
	}
	return (any);
}

static void
d_shrink(struct d_op *ops, int *np)
{
	int count, from, i;
	bool any;

	do {
		any = false;
		for (count = *np / 2; count > 0; count /= 2) {
			for (from = *np - count; from >= 0; from -= count)
				any |= d_without(ops, np, from, count);
		}
		for (i = 0; i < *np; i++)
			any |= d_simplify(ops, *np, i);
	} while (any);
}

/* Shrink what failed, and print it. */
static void
d_report(uint64_t seed, FILE *out)
{
	struct d_shared *s = d_shared;
	struct d_op ops[D_OPS];
	char text[D_TEXT];
	int n;

	snprintf(text, sizeof(text), "%s", s->s_text);
	n = s->s_nops;
	memcpy(ops, s->s_ops, sizeof(ops));
	fprintf(out, "/*\n * seed %ju, sequence %ju, operation %d:\n * %s\n",
	    (uintmax_t)seed, (uintmax_t)s->s_sequence, s->s_at, text);
	if (!d_shrinks) {
		fprintf(out, " */\n");
		return;
	}
	/* What slept for ever would sleep so in each attempt. */
	if (strcmp(text, d_asleep) == 0)
		d_patience = 3;
	if (!d_replay(ops, n, NULL)) {
		fprintf(out, " * It does not fail alone.\n */\n");
		(void)d_replay(ops, n, out);
		return;
	}
	d_shrink(ops, &n);
	fprintf(out, " */\n%s", d_head);
	(void)d_replay(ops, n, out);
	fprintf(out, "\t/* %s */\n\treturn (0);\n}\n", s->s_text);
}

/*
 * Run sequences from first on until there were so many operations, or a
 * difference: 0 or 1.  Each child does a good many.
 */
static int
d_drive(uint64_t seed, uint64_t nops, uint64_t *firstp, FILE *out)
{
	struct d_shared *s;
	uint64_t next;
	pid_t pid;
	int i;

	if (d_shared == NULL) {
		s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (s == MAP_FAILED)
			return (1);
		d_shared = s;
	}
	s = d_shared;
	s->s_done = 0;
	for (next = *firstp; s->s_done < nops; next += 50) {
		if ((pid = d_fork()) == 0) {
			for (i = 0; i < 50; i++) {
				alarm(d_patience);
				if (d_sequence(seed, next + (uint64_t)i) != 0)
					_exit(1);
			}
			_exit(0);
		}
		if (d_wait(pid) != 0) {
			d_report(seed, out);
			return (1);
		}
	}
	*firstp = next;
	return (0);
}
