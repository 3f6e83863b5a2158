/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exhaustion: no descriptor, no memory, no epoll watch left.  The errno is the
 * documented one, nothing is half registered, nothing is lost, and it goes on
 * when there is room again.  And a great many descriptors.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <pthread.h>
#include <stdatomic.h>

#include "kq_test.h"

/* The change fails with error. */
#define	REFUSED(kq, error, id, filt, fl)				\
	ATF_REQUIRE_EQ(kq_test_change(kq, (uintptr_t)(id), filt, fl, 0,	\
	    0, NULL), error)

static int filler[70000];
static int nfiller;

static void
set_limit(rlim_t n)
{
	struct rlimit rl;

	ATF_REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = n;
	ATF_REQUIRE_EQ(setrlimit(RLIMIT_NOFILE, &rl), 0);
}

/* Take every descriptor that there is. */
static void
fill_table(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) != -1)
		filler[nfiller++] = fd;
	ATF_REQUIRE_EQ(errno, EMFILE);
}

static void
give(int n)
{
	while (n-- > 0)
		ATF_REQUIRE_EQ(close(filler[--nfiller]), 0);
}

static void
give_all(void)
{
	give(nfiller);
}

KQ_TC(emfile_kqueue, "KQ-2: no descriptor for a kqueue")
{
	int i, kq;

	kq = KQ_OPEN();
	set_limit(64);
	fill_table();
	for (i = 0; i < 100; i++)
		ATF_REQUIRE_ERRNO(EMFILE, kqueue() == -1);
	ATF_REQUIRE_ERRNO(EMFILE, dup(kq) == -1);
	ATF_REQUIRE_ERRNO(EMFILE, fcntl(kq, F_DUPFD, 0) == -1);
	give(1);
	ATF_REQUIRE((i = kqueue()) != -1);
	ATF_REQUIRE_EQ(close(i), 0);
	ATF_REQUIRE((i = dup(kq)) != -1);
	ATF_REQUIRE_EQ(close(i), 0);
	KQ_EXPECT_NOTHING(kq);
	give_all();
}

static void
check_emfile(int filter, unsigned fflags, intptr_t data)
{
	int i, kq, p[2];

	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	fill_table();
	for (i = 0; i < 10; i++) {
		ATF_REQUIRE_EQ(kq_test_change(kq, 77, filter, EV_ADD, fflags,
		    data, NULL), EMFILE);
		REFUSED(kq, ENOENT, 77, filter, EV_DELETE);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	}
	give(1);
	KQ_CHANGE(kq, 77, filter, EV_ADD, fflags, data);
	if (filter == EVFILT_USER)
		KQ_CHANGE(kq, 77, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_EXPECT(kq, 77, filter);
	give_all();
	ATF_REQUIRE_EQ(close(kq), 0);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	ATF_REQUIRE_EQ(close(p[1]), 0);
}

KQ_TC(emfile_user, "EVFILT_USER when no descriptor is left")
{
	set_limit(64);
	check_emfile(EVFILT_USER, 0, 0);
}

KQ_TC(emfile_timer, "EVFILT_TIMER when no descriptor is left")
{
	set_limit(64);
	check_emfile(EVFILT_TIMER, 0, 1);
}

KQ_TC(emfile_nested, "READ and WRITE in two modes when no descriptor is left")
{
	int error, kq, sv[2];

	set_limit(64);
	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	fill_table();
	error = kq_test_change(kq, (uintptr_t)sv[0], EVFILT_WRITE,
	    EV_ADD | EV_CLEAR, 0, 0, NULL);
	if (error != 0) {
		ATF_REQUIRE_EQ(error, EMFILE);
		REFUSED(kq, ENOENT, sv[0], EVFILT_WRITE, EV_DELETE);
		KQ_EXPECT_NOTHING(kq);
		ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
		KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 1);
		KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_DELETE, 0, 0);
		give(2);
		KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 1);
		KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_DISABLE, 0, 0);
		KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	}
	KQ_EXPECT(kq, sv[0], EVFILT_WRITE);
	KQ_EXPECT_NOTHING(kq);
	give_all();
}

static void *
sleeping_thread(void *arg)
{
	struct kevent kev;
	int kq = *(int *)arg;

	return ((void *)(intptr_t)(kevent(kq, NULL, 0, &kev, 1, NULL) == -1 ?
	    errno : 0));
}

/* Wait until the only other thread sleeps. */
static void
wait_asleep(DIR *dir)
{
	char path[300], buf[512], *p;
	struct dirent *de;
	bool asleep;
	int fd;
	ssize_t n;

	for (asleep = false; !asleep; ) {
		rewinddir(dir);
		while ((de = readdir(dir)) != NULL) {
			if (de->d_name[0] == '.' || atoi(de->d_name) == getpid())
				continue;
			snprintf(path, sizeof(path), "/proc/self/task/%s/stat",
			    de->d_name);
			if ((fd = open(path, O_RDONLY)) == -1)
				continue;
			n = read(fd, buf, sizeof(buf) - 1);
			buf[n < 0 ? 0 : n] = '\0';
			if ((p = strrchr(buf, ')')) != NULL && p[2] == 'S')
				asleep = true;
			close(fd);
		}
	}
}

static void
check_sleeper(bool with_bell)
{
	pthread_t thread;
	void *ret;
	DIR *dir;
	int kq;

	ATF_REQUIRE((dir = opendir("/proc/self/task")) != NULL);
	kq = KQ_OPEN();
	if (with_bell)
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(pthread_create(&thread, NULL, sleeping_thread, &kq), 0);
	wait_asleep(dir);
	fill_table();
	ATF_REQUIRE_EQ(close(kq), 0);
	ATF_REQUIRE_EQ(pthread_join(thread, &ret), 0);
	ATF_REQUIRE_EQ((int)(intptr_t)ret, EBADF);
	give_all();
	closedir(dir);
}

KQ_TC(emfile_sleeper, "KQ-11: a sleeper is woken when no descriptor is left")
{
	set_limit(64);
	check_sleeper(true);
	check_sleeper(false);
}

KQ_TC(emfile_pending, "nothing is lost when user space has to remember events")
{
	struct kevent kev[16];
	struct timespec ts = { 0, 0 };
	int i, kq, n, p[10][2], seen;

	set_limit(64);
	kq = KQ_OPEN();
	for (i = 0; i < 10; i++) {
		ATF_REQUIRE_EQ(pipe(p[i]), 0);
		KQ_CHANGE(kq, p[i][0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
		ATF_REQUIRE_EQ(write(p[i][1], "x", 1), 1);
	}
	fill_table();
	seen = 0;
	for (i = 0; i < 5; i++) {
		n = kevent(kq, NULL, 0, kev, 1, &ts);
		ATF_REQUIRE_EQ(n, 1);
		seen += n;
		KQ_POLL_READABLE(kq);
	}
	seen += kevent(kq, NULL, 0, kev, 16, &ts);
	ATF_REQUIRE_EQ(seen, 10);
	KQ_EXPECT_NOTHING(kq);
	give_all();
}

KQ_TC(emfile_sleeper_hard, "KQ-11: nor is there one beyond the soft limit")
{
	struct rlimit rl = { 64, 64 };
	int p[2];

	ATF_REQUIRE_EQ(setrlimit(RLIMIT_NOFILE, &rl), 0);
	check_sleeper(true);
	/* Then any descriptor that is ready has to do. */
	ATF_REQUIRE_EQ(pipe(p), 0);
	check_sleeper(false);
}

KQ_TC(emfile_pending_nested, "nor of what a nested set has told at once")
{
	enum { N = 5 };
	struct kevent kev;
	struct timespec ts = { 0, 0 };
	int i, kq, n, seen[N][2], sv[N][2];

	memset(seen, 0, sizeof(seen));
	set_limit(64);
	kq = KQ_OPEN();
	for (i = 0; i < N; i++) {
		ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv[i]));
		KQ_CHANGE(kq, sv[i][0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
		KQ_CHANGE(kq, sv[i][0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
		ATF_REQUIRE_EQ(write(sv[i][1], "x", 1), 1);
	}
	fill_table();
	for (n = 0; n < 2 * N; n++) {
		KQ_POLL_READABLE(kq);
		ATF_REQUIRE_EQ_MSG(kevent(kq, NULL, 0, &kev, 1, &ts), 1,
		    "only %d of %d events", n, 2 * N);
		for (i = 0; i < N && sv[i][0] != (int)kev.ident; i++)
			continue;
		ATF_REQUIRE(i < N);
		ATF_REQUIRE_EQ(0, seen[i][kev.filter == EVFILT_WRITE]++);
	}
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	give_all();
}

KQ_TC(emfile_enabled, "REG-26: a timer that fell due while it was disabled")
{
	struct timespec ts = { 0, 0 };
	struct kevent kev;
	int kq, other, p[2];

	set_limit(64);
	kq = KQ_OPEN();
	other = KQ_OPEN();
	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	/* It has fallen due, and this one is later. */
	KQ_CHANGE(other, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 2);
	KQ_EXPECT(other, 2, EVFILT_TIMER, .data = 1);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	/* Fetched, and disabled before it can be delivered. */
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	fill_table();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 1);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &kev, 1, &ts), 1);
	ATF_REQUIRE(kev.filter == EVFILT_TIMER && kev.data == 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	give_all();
}

/* What goes wrong with a limit of 0 can be written down only afterwards. */
#define	WANT(cond)							\
do {									\
	if (!(cond))							\
		return (#cond);						\
} while (0)

static const char *
wait_for_all(int kq, int p[2], int go)
{
	struct timespec ts = { 0, 20000000 };
	struct kevent kev;
	int64_t start;

	start = kq_test_now();
	WANT(kevent(kq, NULL, 0, &kev, 1, &ts) == 0);
	WANT(kq_test_now() - start >= ts.tv_nsec);
	ts.tv_sec = INT32_MAX;
	EV_SET(&kev, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	WANT(kevent(kq, &kev, 1, &kev, 1, &ts) == 1);
	WANT(kev.filter == EVFILT_USER);
	EV_SET(&kev, 3, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5, NULL);
	WANT(kevent(kq, &kev, 1, &kev, 1, &ts) == 1);
	WANT(kev.filter == EVFILT_TIMER);
	WANT(write(p[1], "abc", 3) == 3);
	WANT(kevent(kq, NULL, 0, &kev, 1, &ts) == 1);
	WANT(kev.filter == EVFILT_READ && kev.data == 3);
	EV_SET(&kev, p[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	WANT(kevent(kq, &kev, 1, NULL, 0, NULL) == 0);
	EV_SET(&kev, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0, NULL);
	WANT(kevent(kq, &kev, 1, &kev, 1, &ts) == 1);
	WANT(kev.filter == EVFILT_READ && kev.data == 3);
	EV_SET(&kev, p[1], EVFILT_WRITE, EV_ADD | EV_ONESHOT, 0, 0, NULL);
	WANT(kevent(kq, &kev, 1, &kev, 1, &ts) == 1);
	WANT(kev.filter == EVFILT_WRITE && kev.data > 0);
	(void)close(go);
	WANT(kevent(kq, NULL, 0, &kev, 1, NULL) == 1);
	WANT(kev.filter == EVFILT_PROC && kev.fflags == NOTE_EXIT &&
	    kev.data == 3 << 8);
	return (NULL);
}

KQ_TC(limit_zero, "CALL-19: a process that may open nothing any more waits")
{
	const char *wrong;
	struct rlimit rl;
	int go[2], kq, p[2];
	pid_t pid;

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(pipe(go), 0);
	if ((pid = fork()) == 0) {
		(void)close(go[1]);
		_exit(read(go[0], p, 1) == 0 ? 3 : 4);
	}
	(void)close(go[0]);
	kq = KQ_OPEN();
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	/* With or without its forks. */
	if (kq_test_change(kq, (uintptr_t)pid, EVFILT_PROC, EV_ADD,
	    NOTE_EXIT | NOTE_FORK, 0, NULL) != 0)
		KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0);
	ATF_REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
	set_limit(0);
	wrong = wait_for_all(kq, p, go[1]);
	set_limit(rl.rlim_cur);
	ATF_REQUIRE_MSG(wrong == NULL, "%s", wrong);
}

KQ_TC(many_numbers, "thousands of descriptors")
{
	struct kevent kev[64];
	struct rlimit rl;
	bool *seen;
	int fd, i, kq, n, p[2], total;

	ATF_REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
	set_limit(rl.rlim_max);
	ATF_REQUIRE_EQ(pipe(p), 0);
	kq = KQ_OPEN();
	total = rl.rlim_max > 10000 ? 9000 : (int)rl.rlim_max - 100;
	ATF_REQUIRE((seen = calloc((size_t)total + 1000, 1)) != NULL);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1000000);
	for (i = 0; i < total; i++) {
		ATF_REQUIRE((fd = dup(p[0])) != -1);
		filler[nfiller++] = fd;
		KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	}
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	for (i = 0; i < total; i += n) {
		n = KQ_COLLECT(kq, kev, 64);
		ATF_REQUIRE(n > 0);
		while (n > 0 && kev[n - 1].ident == 0)
			n--;
		for (fd = 0; fd < n; fd++) {
			ATF_REQUIRE_EQ(kev[fd].filter, EVFILT_READ);
			ATF_REQUIRE(!seen[kev[fd].ident]);
			seen[kev[fd].ident] = true;
		}
	}
	KQ_EXPECT_NOTHING(kq);
	/* Every second is closed; the rest lives. */
	for (i = 0; i < total; i += 2)
		ATF_REQUIRE_EQ(close(filler[i]), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	memset(seen, 0, (size_t)total + 1000);
	for (i = 1; i < total; i += 2)
		seen[filler[i]] = true;
	for (i = 0; i < total / 2; i += n) {
		n = KQ_COLLECT(kq, kev, 64);
		ATF_REQUIRE(n > 0);
		for (fd = 0; fd < n; fd++) {
			ATF_REQUIRE(seen[kev[fd].ident]);
			seen[kev[fd].ident] = false;
		}
	}
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	for (i = 1; i < total; i += 2)
		ATF_REQUIRE_EQ(close(filler[i]), 0);
	KQ_EXPECT_NOTHING(kq);
	free(seen);
}

KQ_TC(highest_numbers, "the highest numbers that there are")
{
	struct rlimit rl;
	int high, kq, kqhigh, p[2];

	ATF_REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
	set_limit(rl.rlim_max);
	high = rl.rlim_max > 1 << 20 ? (1 << 20) : (int)rl.rlim_max - 1;
	ATF_REQUIRE_EQ(pipe(p), 0);
	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(dup2(p[0], high), high);
	KQ_CHANGE(kq, high, EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, high, EVFILT_READ, .data = 1);
	kqhigh = high - 1;
	ATF_REQUIRE_EQ(dup2(kq, kqhigh), kqhigh);
	ATF_REQUIRE_EQ(close(kq), 0);
	KQ_EXPECT(kqhigh, high, EVFILT_READ, .data = 1);
	ATF_REQUIRE_EQ(close(high), 0);
	KQ_EXPECT_NOTHING(kqhigh);
	KQ_CHANGE(kqhigh, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kqhigh, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kqhigh, 1, EVFILT_USER);
	ATF_REQUIRE_EQ(close(kqhigh), 0);
	REFUSED(kqhigh, EBADF, 1, EVFILT_USER, EV_ADD);
	kq = KQ_OPEN();
	REFUSED(kq, EBADF, high, EVFILT_READ, EV_ADD);
	REFUSED(kq, EBADF, INT_MAX, EVFILT_READ, EV_ADD);
	REFUSED(kq, EBADF, (uintptr_t)-1, EVFILT_READ, EV_ADD);
	REFUSED(kq, EBADF, (uintptr_t)INT_MAX + 1, EVFILT_READ, EV_ADD);
	KQ_EXPECT_NOTHING(kq);
}

/* The address space in bytes. */
static size_t
vmsize(void)
{
	char line[256];
	FILE *fp;
	size_t kb;

	kb = 0;
	ATF_REQUIRE((fp = fopen("/proc/self/status", "r")) != NULL);
	while (fgets(line, sizeof(line), fp) != NULL)
		(void)sscanf(line, "VmSize: %zu", &kb);
	fclose(fp);
	return (kb * 1024);
}

static void
limit_memory(rlim_t more)
{
	struct rlimit rl;

	ATF_REQUIRE_EQ(getrlimit(RLIMIT_AS, &rl), 0);
	rl.rlim_cur = more == RLIM_INFINITY ? rl.rlim_max : vmsize() + more;
	ATF_REQUIRE_EQ(setrlimit(RLIMIT_AS, &rl), 0);
}

KQ_TC(enomem_first, "KQ-2: no memory for the first kqueue of all")
{
	int kq;

	limit_memory(0);
	ATF_REQUIRE_ERRNO(ENOMEM, kqueue() == -1);
	ATF_REQUIRE_ERRNO(ENOMEM, kqueue() == -1);
	limit_memory(RLIM_INFINITY);
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
}

KQ_TC(enomem_knotes, "REG-36: no memory for another knote")
{
	struct kevent kev[64];
	struct timespec ts = { 0, 0 };
	uintptr_t i, n;
	int error, got, kq, round, total;

	kq = KQ_OPEN();
	KQ_CHANGE(kq, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	n = 1;
	for (round = 0; round < 3; round++) {
		limit_memory(1 << 20);
		while ((error = kq_test_change(kq, n, EVFILT_USER,
		    EV_ADD | EV_CLEAR, 0, 0, NULL)) == 0)
			n++;
		ATF_REQUIRE_EQ(error, ENOMEM);
		REFUSED(kq, ENOENT, n, EVFILT_USER, EV_DELETE);
		/* Those that are there work. */
		KQ_CHANGE(kq, n - 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
		KQ_EXPECT(kq, n - 1, EVFILT_USER);
		limit_memory(RLIM_INFINITY);
		KQ_CHANGE(kq, n, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
		n++;
	}
	for (i = 0; i < n; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	total = 0;
	while ((got = kevent(kq, NULL, 0, kev, 64, &ts)) > 0)
		total += got;
	ATF_REQUIRE_EQ(total, (int)n);
	for (i = 0; i < n; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_DELETE, 0, 0);
}

KQ_TC(enomem_timers, "TIMER-12: no memory for another timer")
{
	uintptr_t i, n;
	int error, kq;

	kq = KQ_OPEN();
	KQ_CHANGE(kq, 0, EVFILT_TIMER, EV_ADD, 0, 1000000);
	limit_memory(1 << 20);
	for (n = 1; (error = kq_test_change(kq, n, EVFILT_TIMER, EV_ADD, 0,
	    1000000, NULL)) == 0; n++)
		continue;
	ATF_REQUIRE_EQ(error, ENOMEM);
	REFUSED(kq, ENOENT, n, EVFILT_TIMER, EV_DELETE);
	KQ_EXPECT_NOTHING(kq);
	limit_memory(RLIM_INFINITY);
	KQ_CHANGE(kq, n, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_EXPECT(kq, n, EVFILT_TIMER, .data = 1);
	for (i = 0; i < n; i++)
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(enomem_descriptors, "no memory for another watched descriptor")
{
	struct kevent kev[64];
	struct rlimit rl;
	int error, fd, i, kq, n, p[2], seen, watched;

	ATF_REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
	set_limit(rl.rlim_max);
	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(pipe(p), 0);
	while (nfiller < 18000 && (fd = dup(p[0])) != -1)
		filler[nfiller++] = fd;
	KQ_CHANGE(kq, filler[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	limit_memory(256 * 1024);
	error = 0;
	for (i = 1; i < nfiller; i++) {
		if ((error = kq_test_change(kq, (uintptr_t)filler[i],
		    EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, NULL)) != 0)
			break;
	}
	watched = i;
	if (error != 0) {
		ATF_REQUIRE_EQ(error, ENOMEM);
		REFUSED(kq, ENOENT, filler[i], EVFILT_READ, EV_DELETE);
	}
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	for (seen = 0; seen < watched; seen += n) {
		n = KQ_COLLECT(kq, kev, 64);
		ATF_REQUIRE(n > 0);
	}
	ATF_REQUIRE_EQ(seen, watched);
	KQ_EXPECT_NOTHING(kq);
	limit_memory(RLIM_INFINITY);
	if (error != 0) {
		KQ_CHANGE(kq, filler[i], EVFILT_READ, EV_ADD, 0, 0);
		KQ_EXPECT(kq, filler[i], EVFILT_READ, .data = 1);
	}
	give_all();
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(enomem_close, "closing needs no memory")
{
	int i, kq[50], p[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	for (i = 0; i < 50; i++) {
		kq[i] = KQ_OPEN();
		KQ_CHANGE(kq[i], p[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_CHANGE(kq[i], 1, EVFILT_USER, EV_ADD, 0, 0);
	}
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	limit_memory(0);
	ATF_REQUIRE_EQ(close(p[0]), 0);
	for (i = 0; i < 50; i++) {
		KQ_EXPECT_NOTHING(kq[i]);
		ATF_REQUIRE_EQ(close(kq[i]), 0);
		REFUSED(kq[i], EBADF, 1, EVFILT_USER, EV_ADD);
	}
	limit_memory(RLIM_INFINITY);
}

#define	MAX_WATCHES	"/proc/sys/fs/epoll/max_user_watches"

static long
max_watches(long n)
{
	char buf[64];
	FILE *fp;
	long old;

	old = -1;
	if ((fp = fopen(MAX_WATCHES, "r")) == NULL)
		return (-1);
	if (fgets(buf, sizeof(buf), fp) != NULL)
		old = atol(buf);
	fclose(fp);
	if (n >= 0) {
		if ((fp = fopen(MAX_WATCHES, "w")) == NULL)
			return (-1);
		fprintf(fp, "%ld\n", n);
		if (fclose(fp) != 0)
			return (-1);
	}
	return (old);
}

static long watches_before;

static void
restore_watches(void)
{
	(void)max_watches(watches_before);
}

KQ_TC_MD(max_user_watches, "no epoll watch left", "require.user", "root")
{
	struct kevent kev[4];
	struct timespec ts = { 0, 0 };
	int error, error2, kq, n, p[2], q[2];

	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(pipe(q), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	if ((watches_before = max_watches(-1)) == -1)
		atf_tc_skip("no " MAX_WATCHES);
	/* A failing check exits. */
	atexit(restore_watches);
	if (max_watches(0) == -1)
		atf_tc_skip("cannot write " MAX_WATCHES);
	error = kq_test_change(kq, (uintptr_t)q[0], EVFILT_READ, EV_ADD, 0, 0,
	    NULL);
	error2 = kq_test_change(kq, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
	n = kq_test_change(kq, (uintptr_t)q[0], EVFILT_READ, EV_DELETE, 0, 0,
	    NULL);
	restore_watches();
	ATF_REQUIRE_EQ_MSG(error, ENOMEM, "%s", strerror(error));
	ATF_REQUIRE_EQ_MSG(error2, ENOMEM, "%s", strerror(error2));
	ATF_REQUIRE_EQ(n, ENOENT);
	REFUSED(kq, ENOENT, 1, EVFILT_USER, EV_DELETE);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(write(q[1], "x", 1), 1);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, kev, 4, &ts), 1);
	KQ_CHANGE(kq, q[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, kev, 4, &ts), 2);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, kev, 4, &ts), 3);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, emfile_kqueue);
	ATF_TP_ADD_TC(tp, emfile_user);
	ATF_TP_ADD_TC(tp, emfile_timer);
	ATF_TP_ADD_TC(tp, emfile_nested);
	ATF_TP_ADD_TC(tp, emfile_sleeper);
	ATF_TP_ADD_TC(tp, emfile_sleeper_hard);
	ATF_TP_ADD_TC(tp, emfile_pending);
	ATF_TP_ADD_TC(tp, emfile_pending_nested);
	ATF_TP_ADD_TC(tp, emfile_enabled);
	ATF_TP_ADD_TC(tp, limit_zero);
	ATF_TP_ADD_TC(tp, many_numbers);
	ATF_TP_ADD_TC(tp, highest_numbers);
	ATF_TP_ADD_TC(tp, enomem_first);
	ATF_TP_ADD_TC(tp, enomem_knotes);
	ATF_TP_ADD_TC(tp, enomem_timers);
	ATF_TP_ADD_TC(tp, enomem_descriptors);
	ATF_TP_ADD_TC(tp, enomem_close);
	ATF_TP_ADD_TC(tp, max_user_watches);
	return (atf_no_error());
}
