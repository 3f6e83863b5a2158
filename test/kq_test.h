/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every test program shares: cases with a descriptor check around them,
 * and checks that fail at the line of the case.
 *
 *	KQ_TC(readd_keeps_deadline, "TIMER-7: EV_ADD does not restart it")
 *	{
 *		int kq = KQ_OPEN();
 *
 *		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 20);
 *		KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
 *		KQ_EXPECT_NOTHING(kq);
 *	}
 *
 * The macros belong to the main thread of the case: threads return a value,
 * children _exit() one.
 */
#ifndef _KQ_TEST_H_
#define	_KQ_TEST_H_

#include <sys/event.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <atf-c.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rounds.h"

/* KQ_EXPECT's defaults are overridden by what the case names. */
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
#pragma GCC diagnostic ignored "-Wunused-function"

/* Reached by failures only. */
#define	KQ_PATIENCE	8

/* The flags that a test may look at (REG-11). */
#define	KQ_FLAGS	(EV_EOF | EV_ERROR | EV_ONESHOT | EV_CLEAR |	\
			    EV_DISPATCH | EV_NODATA | EV_HUP)

#define	KQ_ANY		(-1LL)
#define	KQ_ANYDATA	INTPTR_MIN
#define	KQ_ANYPTR	((void *)-1)

struct kq_want {
	long long	flags;	/* exact, within KQ_FLAGS */
	long long	fflags;
	intptr_t	data;
	void		*udata;
};

static int kq_test_opened[4096];
static int kq_test_nopened;

static bool
kq_test_islib(int fd)
{
	char path[64], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((n = readlink(path, link, sizeof(link) - 1)) < 0)
		return (false);
	link[n] = '\0';
	return (strncmp(link, "anon_inode:", 11) == 0);
}

/* The number of open descriptors of the kinds that the library uses. */
static int
kq_test_count(void)
{
	struct dirent *de;
	DIR *dir;
	int n;

	n = 0;
	if ((dir = opendir("/proc/self/fd")) == NULL)
		return (0);
	while ((de = readdir(dir)) != NULL) {
		if (de->d_name[0] != '.' && kq_test_islib(atoi(de->d_name)))
			n++;
	}
	closedir(dir);
	return (n);
}

static int
kq_test_remember(int kq)
{
	if (kq >= 0 && kq_test_nopened < 4096)
		kq_test_opened[kq_test_nopened++] = kq;
	return (kq);
}

/* Close what KQ_OPEN() opened; nothing of the library may stay behind. */
static void
kq_test_end(int before)
{
	int i, after;

	for (i = 0; i < kq_test_nopened; i++) {
		if (kq_test_islib(kq_test_opened[i]))
			(void)close(kq_test_opened[i]);
	}
	after = kq_test_count();
	ATF_CHECK_MSG(after <= before,
	    "descriptors leaked: %d before, %d after", before, after);
}

#define	KQ_TC_HEAD(name, text, var, value)				\
	ATF_TC(name);							\
	ATF_TC_HEAD(name, tc)						\
	{								\
		atf_tc_set_md_var(tc, "descr", "%s", text);		\
		atf_tc_set_md_var(tc, "timeout", "60");			\
		if (var[0] != '\0')					\
			atf_tc_set_md_var(tc, var, "%s", value);	\
	}								\
	static void name##_case(const atf_tc_t *);			\
	ATF_TC_BODY(name, tc)						\
	{								\
		int kq_before = kq_test_count();			\
									\
		name##_case(tc);					\
		kq_test_end(kq_before);					\
	}								\
	static void							\
	name##_case(const atf_tc_t *tc __attribute__((__unused__)))

/* A case; text begins with the clause.  Its body follows in braces. */
#define	KQ_TC(name, text)	KQ_TC_HEAD(name, text, "", "")

/* The same with one more piece of metadata, as "require.user", "root". */
#define	KQ_TC_MD(name, text, var, value) KQ_TC_HEAD(name, text, var, value)

#define	KQ_OPEN()		kq_test_open(__FILE__, __LINE__)

static int
kq_test_open(const char *file, int line)
{
	int kq;

	if ((kq = kqueue()) == -1)
		atf_tc_fail("%s:%d: kqueue: %s", file, line, strerror(errno));
	return (kq_test_remember(kq));
}

/* One change; 0 or the errno that it failed with. */
static int
kq_test_change(int kq, uintptr_t ident, int filter, unsigned flags,
    unsigned fflags, intptr_t data, void *udata)
{
	struct kevent kev;

	EV_SET(&kev, ident, (short)filter, (unsigned short)flags, fflags,
	    data, udata);
	if (kevent(kq, &kev, 1, NULL, 0, NULL) == -1)
		return (errno);
	return (0);
}

/* A change that has to succeed. */
#define	KQ_CHANGE(kq, ident, filter, flags, fflags, data)		\
	KQ_CHANGE_UDATA(kq, ident, filter, flags, fflags, data, NULL)

#define	KQ_CHANGE_UDATA(kq, ident, filter, flags, fflags, data, udata)	\
do {									\
	int kq_error = kq_test_change(kq, (uintptr_t)(ident), filter,	\
	    flags, fflags, data, udata);				\
	if (kq_error != 0)						\
		atf_tc_fail("%s:%d: change: %s", __FILE__, __LINE__,	\
		    strerror(kq_error));				\
} while (0)

/* A change that has to fail with error, and leave errno and entry alike. */
#define	KQ_CHANGE_ERROR(kq, error, id, filt, fl, ff, value)		\
do {									\
	struct kevent kq_in, kq_out;					\
	int kq_error = kq_test_change(kq, (uintptr_t)(id), filt, fl,	\
	    ff, value, NULL);						\
									\
	if (kq_error != (error))					\
		atf_tc_fail("%s:%d: errno %d (%s), wanted %d",		\
		    __FILE__, __LINE__, kq_error, strerror(kq_error),	\
		    (error));						\
	EV_SET(&kq_in, (uintptr_t)(id), filt, fl, ff, value, NULL);	\
	memset(&kq_out, 0, sizeof(kq_out));				\
	if (kevent(kq, &kq_in, 1, &kq_out, 1, NULL) != 1 ||		\
	    kq_out.flags != EV_ERROR || kq_out.data != (error) ||	\
	    kq_out.ident != (uintptr_t)(id))				\
		atf_tc_fail("%s:%d: error entry: flags %#x data %ld",	\
		    __FILE__, __LINE__, kq_out.flags,			\
		    (long)kq_out.data);					\
} while (0)

/* Collect up to n events, waiting for the first. */
static int
kq_test_collect(int kq, struct kevent *kev, int n)
{
	struct timespec ts = { KQ_PATIENCE, 0 };

	return (kevent(kq, NULL, 0, kev, n, &ts));
}

#define	KQ_COLLECT(kq, kev, n)						\
	kq_test_collected(kq_test_collect(kq, kev, n), __FILE__, __LINE__)

static int
kq_test_collected(int n, const char *file, int line)
{
	if (n == -1)
		atf_tc_fail("%s:%d: kevent: %s", file, line, strerror(errno));
	return (n);
}

static void
kq_test_match(const struct kevent *kev, uintptr_t ident, int filter,
    const struct kq_want *want, const char *file, int line)
{
	if (kev->ident != ident || kev->filter != filter ||
	    ((kev->flags & EV_ERROR) != 0 && want->flags == KQ_ANY) ||
	    (want->flags != KQ_ANY &&
	    (unsigned)want->flags != (kev->flags & KQ_FLAGS)) ||
	    (want->fflags != KQ_ANY && (unsigned)want->fflags != kev->fflags) ||
	    (want->data != KQ_ANYDATA && want->data != kev->data) ||
	    (want->udata != KQ_ANYPTR && want->udata != kev->udata))
		atf_tc_fail("%s:%d: got ident %ju filter %d flags %#x fflags "
		    "%#x data %jd udata %p, wanted ident %ju filter %d flags "
		    "%#llx fflags %#llx data %jd udata %p", file, line,
		    (uintmax_t)kev->ident, kev->filter, kev->flags,
		    kev->fflags, (intmax_t)kev->data, kev->udata,
		    (uintmax_t)ident, filter, want->flags, want->fflags,
		    (intmax_t)want->data, want->udata);
}

#define	KQ_WANT(...)	(&(struct kq_want){ .flags = KQ_ANY,		\
	.fflags = KQ_ANY, .data = KQ_ANYDATA, .udata = KQ_ANYPTR,	\
	__VA_ARGS__ })

/* One event of an array: KQ_MATCH(&kev[0], fd, EVFILT_READ, .data = 1). */
#define	KQ_MATCH(kev, ident, filter, ...)				\
	kq_test_match(kev, (uintptr_t)(ident), filter,			\
	    KQ_WANT(__VA_ARGS__), __FILE__, __LINE__)

/* Exactly one event is delivered, with these fields; others are free. */
#define	KQ_EXPECT(kq, ident, filter, ...)				\
do {									\
	struct kevent kq_kev[2];					\
	int kq_n = KQ_COLLECT(kq, kq_kev, 2);				\
									\
	if (kq_n != 1)							\
		atf_tc_fail("%s:%d: %d events, wanted 1", __FILE__,	\
		    __LINE__, kq_n);					\
	KQ_MATCH(&kq_kev[0], ident, filter, ##__VA_ARGS__);		\
} while (0)

/* Nothing is delivered, twice, and the second look is no surprise. */
#define	KQ_EXPECT_NOTHING(kq)						\
do {									\
	struct kevent kq_kev[2];					\
	struct timespec kq_ts = { 0, 0 };				\
	int kq_i, kq_n;							\
									\
	for (kq_i = 0; kq_i < 2; kq_i++) {				\
		kq_n = kevent(kq, NULL, 0, kq_kev, 2, &kq_ts);		\
		if (kq_n == -1)						\
			atf_tc_fail("%s:%d: kevent: %s", __FILE__,	\
			    __LINE__, strerror(errno));			\
		if (kq_n != 0)						\
			atf_tc_fail("%s:%d: unexpected event: ident %ju "\
			    "filter %d flags %#x fflags %#x data %jd",	\
			    __FILE__, __LINE__,				\
			    (uintmax_t)kq_kev[0].ident,			\
			    kq_kev[0].filter, kq_kev[0].flags,		\
			    kq_kev[0].fflags, (intmax_t)kq_kev[0].data);\
	}								\
} while (0)

/* What poll(2) says of the kqueue's descriptor. */
static bool
kq_test_readable(int kq, int ms)
{
	struct pollfd pfd = { .fd = kq, .events = POLLIN };

	return (poll(&pfd, 1, ms) == 1 && (pfd.revents & POLLIN) != 0);
}

#define	KQ_POLL_READABLE(kq)						\
do {									\
	if (!kq_test_readable(kq, KQ_PATIENCE * 1000))			\
		atf_tc_fail("%s:%d: the kqueue is not readable",	\
		    __FILE__, __LINE__);				\
} while (0)

#define	KQ_POLL_SILENT(kq)						\
do {									\
	if (kq_test_readable(kq, 0))					\
		atf_tc_fail("%s:%d: the kqueue is readable",		\
		    __FILE__, __LINE__);				\
} while (0)

/* CLOCK_MONOTONIC in nanoseconds. */
static int64_t
kq_test_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

#endif /* !_KQ_TEST_H_ */
