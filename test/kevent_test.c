/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contract of kevent(): clauses CALL-1 to CALL-27.  CALL-8 (fflags of an
 * error entry are unreliable) is observed by never looking at them.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "kq_test.h"

#define	MANY		10000

/* Below 64 KiB: recognised as unreadable without touching it. */
#define	BADPTR		((void *)8)

#define	USER(kev, id, fl, ff)						\
	EV_SET(kev, id, EVFILT_USER, fl, ff, 0, NULL)

/* kevent() with everything, 0 timeout; the result, or minus the errno. */
static int
call(int kq, const struct kevent *cl, int ncl, struct kevent *el, int nel)
{
	struct timespec ts = { 0, 0 };
	int n;

	n = kevent(kq, cl, ncl, el, nel, &ts);
	return (n == -1 ? -errno : n);
}

/* Is there such a user event?  EV_ADD's udata and fflags are left alone. */
static bool
user_exists(int kq, uintptr_t id)
{
	return (kq_test_change(kq, id, EVFILT_USER, 0, 0, 0, NULL) == 0);
}

/* A thread that calls kevent(); the result is the count, or minus the errno. */
struct sleeper {
	pthread_t		thread;
	atomic_int		tid;
	atomic_bool		done;
	int			kq;
	const struct kevent	*changes;
	int			nchanges;
	const struct timespec	*timeout;
	int			signo;		/* to block, or 0 */
	struct kevent		kev;
};

static void *
sleeper_main(void *arg)
{
	struct sleeper *sl = arg;
	sigset_t set;
	int n;

	if (sl->signo != 0) {
		sigemptyset(&set);
		sigaddset(&set, sl->signo);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	}
	atomic_store(&sl->tid, (int)syscall(SYS_gettid));
	n = kevent(sl->kq, sl->changes, sl->nchanges, &sl->kev, 1, sl->timeout);
	if (n == -1)
		n = -errno;
	atomic_store(&sl->done, true);
	return ((void *)(intptr_t)n);
}

/* Returns when the process or thread sleeps in the kernel, or is gone. */
static void
wait_asleep(const char *path)
{
	char buf[512], *state;
	ssize_t n;
	int fd;

	for (;;) {
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			return;
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		if (n <= 0)
			return;
		buf[n] = '\0';
		state = strrchr(buf, ')');
		if (state != NULL && state[1] == ' ' &&
		    (state[2] == 'S' || state[2] == 'Z'))
			return;
		sched_yield();
	}
}

static void
sleeper_wait_asleep(struct sleeper *sl)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
	    atomic_load(&sl->tid));
	wait_asleep(path);
}

/* Starts it with the fields from kq on already set, and sees it asleep. */
static void
sleeper_start(struct sleeper *sl)
{
	ATF_REQUIRE_EQ(pthread_create(&sl->thread, NULL, sleeper_main, sl), 0);
	while (atomic_load(&sl->tid) == 0)
		sched_yield();
	sleeper_wait_asleep(sl);
}

static int
sleeper_join(struct sleeper *sl)
{
	void *value;

	ATF_REQUIRE_EQ(pthread_join(sl->thread, &value), 0);
	return ((int)(intptr_t)value);
}

static int
child_code(pid_t pid)
{
	int status;

	ATF_REQUIRE(pid > 0);
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

KQ_TC(bad_timeout_pointer, "CALL-1: unreadable timeout, EFAULT, no change")
{
	struct kevent ch, ev;
	int kq = KQ_OPEN();

	USER(&ch, 1, EV_ADD, 0);
	ATF_REQUIRE_ERRNO(EFAULT, kevent(kq, &ch, 1, &ev, 1, BADPTR) == -1);
	ATF_REQUIRE_ERRNO(EFAULT, kevent(kq, &ch, 1, NULL, 0, BADPTR) == -1);
	ATF_REQUIRE(!user_exists(kq, 1));
}

KQ_TC(bad_timeout_before_descriptor, "CALL-1: EFAULT comes before EBADF")
{
	struct kevent ev;

	ATF_REQUIRE_ERRNO(EFAULT, kevent(-1, NULL, 0, &ev, 1, BADPTR) == -1);
}

KQ_TC(not_open, "CALL-2: a number that is not open is EBADF")
{
	struct kevent ch, ev, old;
	int fd;

	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	close(fd);
	USER(&ch, 1, EV_ADD, 0);
	memset(&ev, 0x5a, sizeof(ev));
	old = ev;
	ATF_REQUIRE_EQ(call(-1, &ch, 1, &ev, 1), -EBADF);
	ATF_REQUIRE_EQ(call(fd, &ch, 1, &ev, 1), -EBADF);
	ATF_REQUIRE_EQ(call(INT_MAX, &ch, 1, &ev, 1), -EBADF);
	ATF_REQUIRE_EQ(call(INT_MIN, &ch, 1, &ev, 1), -EBADF);
	ATF_REQUIRE_EQ(call(fd, NULL, 0, NULL, 0), -EBADF);
	ATF_REQUIRE_EQ(memcmp(&ev, &old, sizeof(ev)), 0);
}

KQ_TC(not_a_kqueue, "CALL-2: another object is EBADF")
{
	struct kevent ch, ev;
	int i, n, fd[6];

	n = 0;
	ATF_REQUIRE((fd[n++] = open("/dev/null", O_RDWR)) >= 0);
	ATF_REQUIRE_EQ(pipe(&fd[n]), 0);
	n += 2;
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, &fd[n]), 0);
	n += 2;
	ATF_REQUIRE((fd[n++] = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	USER(&ch, 1, EV_ADD, 0);
	for (i = 0; i < n; i++) {
		ATF_CHECK_EQ(call(fd[i], &ch, 1, &ev, 1), -EBADF);
		ATF_CHECK_EQ(call(fd[i], NULL, 0, NULL, 0), -EBADF);
	}
	for (i = 0; i < n; i++)
		close(fd[i]);
}

KQ_TC(array_order, "CALL-3: changes are applied in array order")
{
	struct kevent ch[6];
	int kq = KQ_OPEN();

	USER(&ch[0], 1, EV_ADD, 0);
	USER(&ch[1], 1, EV_DELETE, 0);
	USER(&ch[2], 1, EV_ADD, NOTE_FFCOPY | 1);
	USER(&ch[3], 1, 0, NOTE_FFCOPY | 2);
	USER(&ch[4], 1, 0, NOTE_FFOR | 4);
	USER(&ch[5], 1, 0, NOTE_FFAND | NOTE_TRIGGER | 0xe);
	ATF_REQUIRE_EQ(call(kq, ch, 6, NULL, 0), 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 6);
}

KQ_TC(array_order_across_blocks, "CALL-3: order holds beyond any block")
{
	struct kevent ch[301];
	int i, kq = KQ_OPEN();

	/* Each pair only works after the one before it. */
	for (i = 0; i < 300; i += 2) {
		USER(&ch[i], 1, EV_ADD, 0);
		USER(&ch[i + 1], 1, EV_DELETE, 0);
	}
	USER(&ch[300], 1, EV_DELETE, 0);
	ATF_REQUIRE_EQ(call(kq, ch, 300, NULL, 0), 0);
	ATF_REQUIRE_EQ(call(kq, ch, 301, NULL, 0), -ENOENT);
}

KQ_TC(null_changelist, "CALL-3: an unreadable changelist is EFAULT")
{
	struct kevent ev;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(call(kq, NULL, 1, &ev, 1), -EFAULT);
	ATF_REQUIRE_EQ(call(kq, BADPTR, 1, &ev, 1), -EFAULT);
	ATF_REQUIRE_EQ(call(kq, NULL, 1, NULL, 0), -EFAULT);
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(unreadable_block, "CALL-3: EFAULT, the blocks before it stay applied")
{
	const struct rlimit nocore = { 0, 0 };
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const int n = (int)(page / sizeof(struct kevent));
	struct kevent *ch;
	pid_t pid;
	char *mem;
	int i, kq;

	mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ATF_REQUIRE(mem != MAP_FAILED);
	ATF_REQUIRE_EQ(mprotect(mem + page, page, PROT_NONE), 0);
	ch = (struct kevent *)(void *)(mem + page) - n;
	for (i = 0; i < n; i++)
		USER(&ch[i], (uintptr_t)i, EV_ADD, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &nocore);
		if ((kq = kqueue()) == -1)
			_exit(2);
		_exit(call(kq, ch, n + 1, NULL, 0) == -EFAULT &&
		    user_exists(kq, 0) ? 0 : 1);
	}
	atf_tc_expect_fail("CALL-3: a bad pointer above 64 KiB faults, as with "
	    "any function of libc");
	ATF_REQUIRE_EQ(child_code(pid), 0);
}

KQ_TC(no_changes, "CALL-4: nchanges 0, changelist may be anything")
{
	struct kevent ev;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, &ev, 1), 1);
	ATF_REQUIRE_EQ(call(kq, BADPTR, 0, &ev, 1), 1);
	ATF_REQUIRE_EQ(call(kq, (void *)UINTPTR_MAX, 0, &ev, 1), 1);
	ATF_REQUIRE_EQ(call(kq, BADPTR, 0, NULL, 0), 0);
}

KQ_TC(negative_nchanges, "CALL-5: nchanges < 0 is EINVAL")
{
	struct kevent ch, ev;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0);
	USER(&ch, 2, EV_ADD, 0);
	ATF_REQUIRE_EQ(call(kq, &ch, -1, &ev, 1), -EINVAL);
	ATF_REQUIRE_EQ(call(kq, &ch, INT_MIN, &ev, 1), -EINVAL);
	ATF_REQUIRE_EQ(call(kq, &ch, -1, NULL, 0), -EINVAL);
	ATF_REQUIRE(!user_exists(kq, 2));
	/* Nor was anything collected. */
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(result_flags_are_removed, "CALL-6: EV_EOF and its like are not input")
{
	struct kevent ev;
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR | EV_EOF | EV_ERROR |
	    EV_NODATA | EV_HUP | EV_FLAG1, 0, 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, &ev, 1), 1);
	KQ_MATCH(&ev, p[0], EVFILT_READ, .flags = EV_CLEAR, .data = 1);
	ATF_REQUIRE_EQ(ev.flags & EV_SYSFLAGS, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_SYSFLAGS, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, &ev, 1), 1);
	ATF_REQUIRE_EQ(ev.flags & EV_SYSFLAGS, 0);
	close(p[0]);
	close(p[1]);
}

KQ_TC(result_flags_alone, "CALL-6: a change of EV_ERROR alone is one of 0")
{
	int kq = KQ_OPEN();

	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_ERROR | EV_EOF, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ERROR | EV_EOF, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = 0);
}

KQ_TC(feed_back_an_event, "CALL-6: an event received may be fed back")
{
	struct kevent ev, again;
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, &kq);
	close(p[1]);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, &ev, 1), 1);
	KQ_MATCH(&ev, p[0], EVFILT_READ,
	    .flags = EV_CLEAR | EV_EOF | EV_NODATA, .udata = &kq);
	/* Its EV_ADD hits the same knote and re-arms it (REG-19). */
	ATF_REQUIRE_EQ(call(kq, &ev, 1, NULL, 0), 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, &again, 1), 1);
	ATF_REQUIRE_EQ(again.ident, ev.ident);
	ATF_REQUIRE_EQ(again.flags, ev.flags);
	ATF_REQUIRE(again.udata == &kq);
	KQ_EXPECT_NOTHING(kq);
	close(p[0]);
}

KQ_TC(error_entry, "CALL-7: copy of the change, EV_ERROR exactly, data errno")
{
	struct kevent ch[3], ev[4];
	int fd, i, kq = KQ_OPEN();

	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	close(fd);
	EV_SET(&ch[0], 77, EVFILT_USER, EV_DELETE | EV_CLEAR | EV_RECEIPT, 0,
	    1234, &ch[0]);
	EV_SET(&ch[1], (uintptr_t)fd, EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 99,
	    &ch[1]);
	EV_SET(&ch[2], UINTPTR_MAX, 42, EV_ADD | EV_EOF, 0, -7, &ch[2]);
	memset(ev, 0x5a, sizeof(ev));
	ATF_REQUIRE_EQ(call(kq, ch, 3, ev, 4), 3);
	for (i = 0; i < 3; i++) {
		ATF_CHECK_EQ(ev[i].ident, ch[i].ident);
		ATF_CHECK_EQ(ev[i].filter, ch[i].filter);
		ATF_CHECK_EQ(ev[i].flags, EV_ERROR);
		ATF_CHECK(ev[i].udata == ch[i].udata);
	}
	ATF_CHECK_EQ(ev[0].data, ENOENT);
	ATF_CHECK_EQ(ev[1].data, EBADF);
	ATF_CHECK_EQ(ev[2].data, EINVAL);
	/* The changelist is the caller's. */
	ATF_CHECK_EQ(ch[0].flags, EV_DELETE | EV_CLEAR | EV_RECEIPT);
	ATF_CHECK_EQ(ch[0].data, 1234);
}

KQ_TC(changes_after_an_error, "CALL-9: the others are applied all the same")
{
	struct kevent ch[5], ev[3];
	int kq = KQ_OPEN();

	USER(&ch[0], 100, EV_DELETE, 0);
	USER(&ch[1], 1, EV_ADD, 0);
	USER(&ch[2], 101, EV_ENABLE, 0);
	USER(&ch[3], 2, EV_ADD, 0);
	USER(&ch[4], 102, EV_DISABLE, 0);
	ATF_REQUIRE_EQ(call(kq, ch, 5, ev, 3), 3);
	ATF_CHECK_EQ(ev[0].ident, 100);
	ATF_CHECK_EQ(ev[1].ident, 101);
	ATF_CHECK_EQ(ev[2].ident, 102);
	ATF_REQUIRE(user_exists(kq, 1));
	ATF_REQUIRE(user_exists(kq, 2));
}

KQ_TC(receipt, "CALL-10: EV_RECEIPT forces an entry with data 0")
{
	struct kevent ch, ev;
	int kq = KQ_OPEN();

	EV_SET(&ch, 1, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 5, &kq);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, &ev, 1), 1);
	ATF_REQUIRE_EQ(ev.ident, 1);
	ATF_REQUIRE_EQ(ev.filter, EVFILT_USER);
	ATF_REQUIRE_EQ(ev.flags, EV_ERROR);
	ATF_REQUIRE_EQ(ev.data, 0);
	ATF_REQUIRE(ev.udata == &kq);
	/* Every kind of change can have one. */
	USER(&ch, 1, EV_RECEIPT, 0);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, &ev, 1), 1);
	ATF_REQUIRE_EQ(ev.data, 0);
	USER(&ch, 1, EV_DELETE | EV_RECEIPT, 0);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, &ev, 1), 1);
	ATF_REQUIRE_EQ(ev.flags, EV_ERROR);
	ATF_REQUIRE_EQ(ev.data, 0);
	ATF_REQUIRE(!user_exists(kq, 1));
}

KQ_TC(entries_in_change_order, "CALL-10: errors and receipts, in order, mixed")
{
	static const struct {
		uintptr_t	id;
		int		error;
	} want[] = { { 1, 0 }, { 50, ENOENT }, { 3, 0 }, { 51, ENOENT },
	    { 52, ENOENT }, { 5, 0 } };
	struct kevent ch[8], ev[8];
	int i, kq = KQ_OPEN();

	USER(&ch[0], 1, EV_ADD | EV_RECEIPT, 0);
	USER(&ch[1], 50, EV_DELETE, 0);
	USER(&ch[2], 2, EV_ADD, 0);
	USER(&ch[3], 3, EV_ADD | EV_RECEIPT, 0);
	USER(&ch[4], 51, EV_DELETE | EV_RECEIPT, 0);
	USER(&ch[5], 4, EV_ADD, 0);
	USER(&ch[6], 52, EV_ENABLE, 0);
	USER(&ch[7], 5, EV_ADD | EV_RECEIPT, 0);
	ATF_REQUIRE_EQ(call(kq, ch, 8, ev, 8), 6);
	for (i = 0; i < 6; i++) {
		ATF_CHECK_EQ(ev[i].ident, want[i].id);
		ATF_CHECK_EQ(ev[i].flags, EV_ERROR);
		ATF_CHECK_EQ(ev[i].data, want[i].error);
	}
	for (i = 1; i <= 5; i++)
		ATF_CHECK(user_exists(kq, (uintptr_t)i));
}

KQ_TC(entry_means_no_waiting, "CALL-11: an entry, and the call returns at once")
{
	struct kevent ch, ev[2];
	int kq = KQ_OPEN();

	USER(&ch, 1, EV_DELETE, 0);
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, ev, 2, NULL), 1);
	ATF_REQUIRE_EQ(ev[0].data, ENOENT);
	USER(&ch, 1, EV_ADD | EV_RECEIPT, 0);
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, ev, 2, NULL), 1);
	ATF_REQUIRE_EQ(ev[0].data, 0);
}

KQ_TC(entry_means_no_events, "CALL-11: an entry, and no event is collected")
{
	struct kevent ch, ev[4];
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0);
	USER(&ch, 2, EV_ADD | EV_ONESHOT | EV_RECEIPT, NOTE_TRIGGER);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, ev, 4), 1);
	ATF_REQUIRE_EQ(ev[0].flags, EV_ERROR);
	USER(&ch, 3, EV_DELETE, 0);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, ev, 4), 1);
	ATF_REQUIRE_EQ(ev[0].flags, EV_ERROR);
	/* Both events are still there. */
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 4), 2);
	KQ_MATCH(&ev[0], 1, EVFILT_USER);
	KQ_MATCH(&ev[1], 2, EVFILT_USER);
}

KQ_TC(no_room_for_an_error, "CALL-12: no room, -1 with the change's errno")
{
	struct kevent ch[5], ev[2], old;
	int fd, kq = KQ_OPEN();

	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	close(fd);
	USER(&ch[0], 1, EV_ADD, 0);
	USER(&ch[1], 50, EV_DELETE, 0);
	USER(&ch[2], 2, EV_ADD, 0);
	EV_SET(&ch[3], (uintptr_t)fd, EVFILT_READ, EV_ADD, 0, 0, NULL);
	USER(&ch[4], 3, EV_ADD, 0);
	memset(ev, 0x5a, sizeof(ev));
	old = ev[1];
	ATF_REQUIRE_EQ(call(kq, ch, 5, ev, 1), -EBADF);
	ATF_REQUIRE(user_exists(kq, 1));
	ATF_REQUIRE(user_exists(kq, 2));
	ATF_REQUIRE(!user_exists(kq, 3));
	ATF_REQUIRE_EQ(memcmp(&ev[1], &old, sizeof(old)), 0);
}

KQ_TC(no_room_at_all, "CALL-12: nevents 0, -1 with the first error's errno")
{
	struct kevent ch[3], ev, old;
	int kq = KQ_OPEN();

	USER(&ch[0], 1, EV_ADD, 0);
	USER(&ch[1], 50, EV_DELETE, 0);
	USER(&ch[2], 2, EV_ADD, 0);
	memset(&ev, 0x5a, sizeof(ev));
	old = ev;
	ATF_REQUIRE_EQ(call(kq, ch, 3, &ev, 0), -ENOENT);
	ATF_REQUIRE_EQ(memcmp(&ev, &old, sizeof(old)), 0);
	ATF_REQUIRE(user_exists(kq, 1));
	ATF_REQUIRE(!user_exists(kq, 2));
	ATF_REQUIRE_EQ(call(kq, ch, 3, NULL, 0), -ENOENT);
	EV_SET(&ch[0], 1, 42, EV_ADD, 0, 0, NULL);
	ATF_REQUIRE_EQ(call(kq, ch, 3, NULL, 0), -EINVAL);
}

KQ_TC(error_entry_without_list, "CALL-12: an entry for NULL is EFAULT")
{
	struct kevent ch;
	int kq = KQ_OPEN();

	USER(&ch, 50, EV_DELETE, 0);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, NULL, 1), -EFAULT);
}

KQ_TC(no_room_for_a_receipt, "CALL-13: no room for a receipt, stop, return 0")
{
	struct kevent ch[3];
	int kq = KQ_OPEN();

	USER(&ch[0], 1, EV_ADD, 0);
	USER(&ch[1], 2, EV_ADD | EV_RECEIPT, 0);
	USER(&ch[2], 3, EV_ADD, 0);
	ATF_REQUIRE_EQ(call(kq, ch, 3, NULL, 0), 0);
	ATF_REQUIRE(user_exists(kq, 1));
	ATF_REQUIRE(user_exists(kq, 2));
	ATF_REQUIRE(!user_exists(kq, 3));
}

KQ_TC(no_room_for_the_second_receipt, "CALL-13: the list is full, return 0")
{
	struct kevent ch[3], ev[2], old;
	int kq = KQ_OPEN();

	USER(&ch[0], 1, EV_ADD | EV_RECEIPT, 0);
	USER(&ch[1], 2, EV_ADD | EV_RECEIPT, 0);
	USER(&ch[2], 3, EV_ADD, 0);
	memset(ev, 0x5a, sizeof(ev));
	old = ev[1];
	ATF_REQUIRE_EQ(call(kq, ch, 3, ev, 1), 0);
	ATF_REQUIRE(user_exists(kq, 1));
	ATF_REQUIRE(user_exists(kq, 2));
	ATF_REQUIRE(!user_exists(kq, 3));
	ATF_REQUIRE_EQ(memcmp(&ev[1], &old, sizeof(old)), 0);
}

KQ_TC(same_array, "CALL-14: one array for changes and events")
{
	struct kevent kev[10];
	int i, kq = KQ_OPEN();

	for (i = 0; i < 10; i++)
		EV_SET(&kev[i], (uintptr_t)i, EVFILT_USER,
		    (i % 3 == 0 ? EV_DELETE : EV_ADD | EV_RECEIPT), 0, 0,
		    &kev[i]);
	ATF_REQUIRE_EQ(call(kq, kev, 10, kev, 10), 10);
	for (i = 0; i < 10; i++) {
		ATF_CHECK_EQ(kev[i].ident, (uintptr_t)i);
		ATF_CHECK_EQ(kev[i].flags, EV_ERROR);
		ATF_CHECK_EQ(kev[i].data, i % 3 == 0 ? ENOENT : 0);
		ATF_CHECK(kev[i].udata == &kev[i]);
		ATF_CHECK_EQ(user_exists(kq, (uintptr_t)i), i % 3 != 0);
	}
}

KQ_TC(same_array_few_errors, "CALL-14: an entry never destroys a later change")
{
	struct kevent kev[100];
	int i, kq = KQ_OPEN();

	/* Entries land on changes that have been read before. */
	for (i = 0; i < 100; i++)
		USER(&kev[i], (uintptr_t)i, i % 7 == 6 ? EV_DELETE : EV_ADD, 0);
	ATF_REQUIRE_EQ(call(kq, kev, 100, kev, 100), 14);
	for (i = 0; i < 14; i++) {
		ATF_CHECK_EQ(kev[i].ident, (uintptr_t)(i * 7 + 6));
		ATF_CHECK_EQ(kev[i].data, ENOENT);
	}
	for (i = 0; i < 100; i++)
		ATF_CHECK_EQ(user_exists(kq, (uintptr_t)i), i % 7 != 6);
}

KQ_TC(same_array_events, "CALL-14: events overwrite the changes that made them")
{
	struct kevent kev[20];
	int i, kq = KQ_OPEN();

	for (i = 0; i < 20; i++)
		EV_SET(&kev[i], (uintptr_t)i, EVFILT_USER, EV_ADD | EV_ONESHOT,
		    NOTE_TRIGGER | NOTE_FFCOPY | (unsigned)i, 0, &kev[i]);
	ATF_REQUIRE_EQ(call(kq, kev, 20, kev, 20), 20);
	for (i = 0; i < 20; i++)
		KQ_MATCH(&kev[i], i, EVFILT_USER, .flags = EV_ONESHOT,
		    .fflags = i, .udata = &kev[i]);
}

KQ_TC(overlapping_arrays, "CALL-14: the arrays may overlap")
{
	struct kevent kev[64];
	int i, kq = KQ_OPEN();

	for (i = 0; i < 60; i++)
		USER(&kev[4 + i], (uintptr_t)i, i % 2 ? EV_DELETE :
		    EV_ADD | EV_RECEIPT, 0);
	ATF_REQUIRE_EQ(call(kq, &kev[4], 60, kev, 60), 60);
	for (i = 0; i < 60; i++) {
		ATF_CHECK_EQ(kev[i].ident, (uintptr_t)i);
		ATF_CHECK_EQ(kev[i].data, i % 2 ? ENOENT : 0);
	}
}

static struct kevent many[MANY], many_events[MANY];

KQ_TC(many_changes, "CALL-3: 10,000 changes and 10,000 events in one call")
{
	int i, kq = KQ_OPEN();

	for (i = 0; i < MANY; i++)
		EV_SET(&many[i], (uintptr_t)i, EVFILT_USER, EV_ADD | EV_ONESHOT,
		    NOTE_TRIGGER | NOTE_FFCOPY | (unsigned)i, 0, &many[i]);
	ATF_REQUIRE_EQ(call(kq, many, MANY, many_events, MANY), MANY);
	for (i = 0; i < MANY; i++)
		KQ_MATCH(&many_events[i], i, EVFILT_USER, .fflags = i,
		    .udata = &many[i]);
	KQ_EXPECT_NOTHING(kq);
	/* All of them were one-shot. */
	for (i = 0; i < MANY; i++)
		USER(&many[i], (uintptr_t)i, EV_DELETE, 0);
	ATF_REQUIRE_EQ(call(kq, many, MANY, many_events, MANY), MANY);
	for (i = 0; i < MANY; i++) {
		if (many_events[i].ident != (uintptr_t)i ||
		    many_events[i].flags != EV_ERROR ||
		    many_events[i].data != ENOENT)
			atf_tc_fail("entry %d: ident %ju data %jd", i,
			    (uintmax_t)many_events[i].ident,
			    (intmax_t)many_events[i].data);
	}
}

KQ_TC(many_in_one_array, "CALL-14: 10,000 of both in the same array")
{
	int i, kq = KQ_OPEN();

	for (i = 0; i < MANY; i++)
		USER(&many[i], (uintptr_t)i, EV_ADD | EV_RECEIPT, NOTE_TRIGGER);
	ATF_REQUIRE_EQ(call(kq, many, MANY, many, MANY), MANY);
	for (i = 0; i < MANY; i++) {
		if (many[i].ident != (uintptr_t)i ||
		    many[i].flags != EV_ERROR || many[i].data != 0)
			atf_tc_fail("receipt %d: ident %ju data %jd", i,
			    (uintmax_t)many[i].ident, (intmax_t)many[i].data);
	}
	for (i = 0; i < MANY; i++)
		USER(&many[i], (uintptr_t)i, 0, NOTE_FFCOPY | (unsigned)i);
	ATF_REQUIRE_EQ(call(kq, many, MANY, many, MANY), MANY);
	for (i = 0; i < MANY; i++)
		KQ_MATCH(&many[i], i, EVFILT_USER, .fflags = i);
}

KQ_TC(no_events_wanted, "CALL-15: nevents 0 returns 0 whatever the timeout")
{
	struct timespec ts = { 3600, 0 };
	struct kevent ch;
	int kq = KQ_OPEN();

	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, NULL, 0, NULL), 0);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, NULL, 0, &ts), 0);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, BADPTR, 0, NULL), 0);
	USER(&ch, 1, EV_ADD | EV_ONESHOT, NOTE_TRIGGER);
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, NULL, 0, NULL), 0);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, NULL, 0, NULL), 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(negative_nevents, "CALL-16: nevents < 0 is EINVAL, no change applied")
{
	struct kevent ch, ev;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0);
	USER(&ch, 2, EV_ADD, 0);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, &ev, -1), -EINVAL);
	ATF_REQUIRE_EQ(call(kq, &ch, 1, &ev, INT_MIN), -EINVAL);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, NULL, -1), -EINVAL);
	ATF_REQUIRE(!user_exists(kq, 2));
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(null_timeout_waits, "CALL-17: NULL waits for the event")
{
	struct kevent ch, ev;
	int64_t start;
	int kq = KQ_OPEN();

	EV_SET(&ch, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 30, NULL);
	start = kq_test_now();
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, &ev, 1, NULL), 1);
	ATF_REQUIRE(kq_test_now() - start >= 30 * 1000 * 1000);
	KQ_MATCH(&ev, 1, EVFILT_TIMER, .data = 1);
}

KQ_TC(zero_timeout_polls, "CALL-17: {0,0} looks and returns")
{
	struct kevent ev;
	int p[2], i, kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	for (i = 0; i < 1000; i++)
		ATF_REQUIRE_EQ(call(kq, NULL, 0, &ev, 1), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	for (i = 0; i < 1000; i++)
		ATF_REQUIRE_EQ(call(kq, NULL, 0, &ev, 1), 1);
	close(p[0]);
	close(p[1]);
}

KQ_TC(invalid_timeout, "CALL-18: EINVAL before any change")
{
	static const struct timespec bad[] = { { -1, 0 }, { -1, 999999999 },
	    { 0, -1 }, { 0, 1000000000 }, { 1, LONG_MAX }, { 1, LONG_MIN },
	    { -1000000, 1000000000 } };
	struct kevent ch, ev;
	size_t i;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0);
	USER(&ch, 2, EV_ADD, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		ATF_CHECK_MSG(kevent(kq, &ch, 1, &ev, 1, &bad[i]) == -1 &&
		    errno == EINVAL, "timeout %zu: %s", i, strerror(errno));
	}
	ATF_REQUIRE(!user_exists(kq, 2));
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(largest_nanoseconds, "CALL-18: tv_nsec up to 999999999 is valid")
{
	struct timespec ts = { 0, 999999999 };
	struct kevent ev;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &ev, 1, &ts), 1);
}

KQ_TC(never_early, "CALL-19: a finite wait never ends early; CALL-20: with 0")
{
	static const long ns[] = { 1, 1000, 50000, 999999, 1000000, 1000001,
	    1999999, 10000000, 12345678, 50000000 };
	struct timespec ts;
	struct kevent ev;
	int64_t start, spent;
	size_t i;
	int j, p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
		for (j = 0; j < 20; j++) {
			ts.tv_sec = 0;
			ts.tv_nsec = ns[i];
			start = kq_test_now();
			ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &ev, 1, &ts), 0);
			spent = kq_test_now() - start;
			ATF_REQUIRE_MSG(spent >= ns[i],
			    "%ld ns ended after %jd ns", ns[i],
			    (intmax_t)spent);
		}
	}
	close(p[0]);
	close(p[1]);
}

KQ_TC(never_early_seconds, "CALL-19: nor does one with seconds in it")
{
	struct timespec ts = { 1, 5000000 };
	struct kevent ev;
	int64_t start;
	int kq = KQ_OPEN();

	start = kq_test_now();
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &ev, 1, &ts), 0);
	ATF_REQUIRE(kq_test_now() - start >= 1005000000);
}

KQ_TC(timeout_is_the_callers, "CALL-19: the timeout structure is not written")
{
	struct timespec ts = { 0, 3000000 };
	struct kevent ev;
	int kq = KQ_OPEN();

	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &ev, 1, &ts), 0);
	ATF_REQUIRE_EQ(ts.tv_sec, 0);
	ATF_REQUIRE_EQ(ts.tv_nsec, 3000000);
}

static void
check_long_wait(const struct timespec *timeout)
{
	struct sleeper sl = { .kq = KQ_OPEN(), .timeout = timeout };

	KQ_CHANGE(sl.kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	sleeper_start(&sl);
	KQ_CHANGE(sl.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, 1, EVFILT_USER);
}

KQ_TC(wait_of_100_days, "CALL-19: a wait of 100 days is one")
{
	static const struct timespec ts = { 100 * 86400, 0 };

	check_long_wait(&ts);
}

KQ_TC(wait_of_ages, "CALL-19: so is the longest that can be said")
{
	struct timespec ts;

	ts.tv_sec = (time_t)(sizeof(time_t) == 8 ? INT64_MAX : INT32_MAX);
	ts.tv_nsec = 0;
	check_long_wait(&ts);
	ts.tv_nsec = 999999999;
	check_long_wait(&ts);
	ts.tv_sec = (time_t)(sizeof(time_t) == 8 ? INT64_MAX / 1000000000 + 1 :
	    INT32_MAX - 1);
	check_long_wait(&ts);
	ts.tv_sec = (time_t)INT32_MAX;
	check_long_wait(&ts);
}

KQ_TC(timeout_is_no_error, "CALL-20: the result is 0, nothing written")
{
	struct timespec ts = { 0, 1000 };
	struct kevent ev, old;
	int kq = KQ_OPEN();

	memset(&ev, 0x5a, sizeof(ev));
	old = ev;
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, &ev, 1, &ts), 0);
	ATF_REQUIRE_EQ(memcmp(&ev, &old, sizeof(old)), 0);
}

static atomic_int handled;

static void
handler(int signo __attribute__((__unused__)))
{
	atomic_fetch_add(&handled, 1);
}

static void
catch(int signo, int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	sa.sa_flags = flags;
	sigemptyset(&sa.sa_mask);
	ATF_REQUIRE_EQ(sigaction(signo, &sa, NULL), 0);
}

/* A handler that runs before the sleep ends none: ask until one does. */
static int
interrupt(struct sleeper *sl, int signo)
{
	while (!atomic_load(&sl->done)) {
		/* It may end meanwhile; some libcs call that an error. */
		(void)pthread_kill(sl->thread, signo);
		sched_yield();
	}
	return (sleeper_join(sl));
}

static void
check_interrupted(int flags, const struct timespec *timeout)
{
	struct sleeper sl = { .timeout = timeout };
	struct kevent ch[2];

	sl.kq = KQ_OPEN();
	catch(SIGUSR1, flags);
	USER(&ch[0], 1, EV_ADD, 0);
	USER(&ch[1], 2, EV_ADD | EV_DISABLE, NOTE_TRIGGER);
	sl.changes = ch;
	sl.nchanges = 2;
	sleeper_start(&sl);
	ATF_REQUIRE_EQ(interrupt(&sl, SIGUSR1), -EINTR);
	ATF_REQUIRE(atomic_load(&handled) >= 1);
	/* The changes of the call have been applied. */
	KQ_CHANGE(sl.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(sl.kq, 1, EVFILT_USER);
	ATF_REQUIRE(user_exists(sl.kq, 2));
}

KQ_TC(interrupted, "CALL-21: a caught signal ends the sleep, EINTR")
{
	static const struct timespec ts = { 3600, 0 };

	check_interrupted(0, NULL);
	check_interrupted(0, &ts);
}

KQ_TC(interrupted_restart, "CALL-21: never restarted, even with SA_RESTART")
{
	static const struct timespec ts = { 3600, 0 };

	check_interrupted(SA_RESTART, NULL);
	check_interrupted(SA_RESTART, &ts);
}

/* Signals that have no handler to run in the thread, and then an event. */
static void
check_not_interrupted(int signo, int block)
{
	struct sleeper sl = { .signo = block };
	int i;

	sl.kq = KQ_OPEN();
	KQ_CHANGE(sl.kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	sleeper_start(&sl);
	for (i = 0; i < 100; i++) {
		ATF_REQUIRE_EQ(pthread_kill(sl.thread, signo), 0);
		sleeper_wait_asleep(&sl);
	}
	ATF_REQUIRE(!atomic_load(&sl.done));
	KQ_CHANGE(sl.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, 1, EVFILT_USER);
}

KQ_TC(ignored_signal, "CALL-21: an ignored signal does not interrupt")
{
	ATF_REQUIRE(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	check_not_interrupted(SIGUSR1, 0);
	/* SIGURG's default is to be ignored. */
	check_not_interrupted(SIGURG, 0);
}

KQ_TC(blocked_signal, "CALL-21: a blocked signal does not interrupt")
{
	catch(SIGUSR1, 0);
	check_not_interrupted(SIGUSR1, SIGUSR1);
	ATF_REQUIRE_EQ(atomic_load(&handled), 0);
}

struct storm {
	pthread_t	victim;
	atomic_bool	stop;
};

static void *
storm_main(void *arg)
{
	struct storm *st = arg;

	while (!atomic_load(&st->stop)) {
		pthread_kill(st->victim, SIGUSR1);
		sched_yield();
	}
	return (NULL);
}

KQ_TC(events_before_eintr, "CALL-21: EINTR never hides collected events")
{
	struct storm st = { .victim = pthread_self() };
	struct kevent ev[2];
	pthread_t thread;
	int i, n, p[2], kq = KQ_OPEN();
	char c;

	ATF_REQUIRE_EQ(pipe(p), 0);
	catch(SIGUSR1, SA_RESTART);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(pthread_create(&thread, NULL, storm_main, &st), 0);
	for (i = 0; i < 5000; i++) {
		KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
		n = kevent(kq, NULL, 0, ev, 2, NULL);
		ATF_REQUIRE_MSG(n == 1, "user event %d: %d, %s", i, n,
		    strerror(errno));
		KQ_MATCH(&ev[0], 1, EVFILT_USER);
		ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
		n = kevent(kq, NULL, 0, ev, 2, NULL);
		ATF_REQUIRE_MSG(n == 1, "pipe %d: %d, %s", i, n,
		    strerror(errno));
		KQ_MATCH(&ev[0], p[0], EVFILT_READ, .data = 1);
		ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	}
	atomic_store(&st.stop, true);
	ATF_REQUIRE_EQ(pthread_join(thread, NULL), 0);
	close(p[0]);
	close(p[1]);
}

KQ_TC(stopped_and_continued, "CALL-21: SIGSTOP and SIGCONT do not interrupt")
{
	struct kevent ch, ev;
	char path[64], c = 'x';
	pid_t pid;
	int i, n, kq, status, p[2], ready[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(pipe(ready), 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if ((kq = kqueue()) == -1)
			_exit(200);
		EV_SET(&ch, (uintptr_t)p[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
		if (kevent(kq, &ch, 1, NULL, 0, NULL) == -1)
			_exit(201);
		if (write(ready[1], &c, 1) != 1)
			_exit(202);
		n = kevent(kq, NULL, 0, &ev, 1, NULL);
		_exit(n == -1 ? errno : n == 1 && ev.data == 1 ? 0 : 203);
	}
	close(ready[1]);
	ATF_REQUIRE_EQ(read(ready[0], &c, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	atf_tc_expect_fail("epoll_wait() fails with EINTR after SIGCONT");
	for (i = 0; i < 50; i++) {
		wait_asleep(path);
		ATF_REQUIRE_EQ(kill(pid, SIGSTOP), 0);
		ATF_REQUIRE_EQ(waitpid(pid, &status, WUNTRACED), pid);
		ATF_REQUIRE_MSG(WIFSTOPPED(status), "round %d: exit %d", i,
		    WEXITSTATUS(status));
		ATF_REQUIRE_EQ(kill(pid, SIGCONT), 0);
		ATF_REQUIRE_EQ(waitpid(pid, &status, WCONTINUED), pid);
		ATF_REQUIRE_MSG(WIFCONTINUED(status), "round %d: exit %d", i,
		    WEXITSTATUS(status));
	}
	wait_asleep(path);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(child_code(pid), 0);
	close(ready[0]);
	close(p[0]);
	close(p[1]);
}

/* Of libc, where it has one, and of the kernel. */
extern int epoll_pwait2(int, struct epoll_event *, int,
    const struct timespec *, const sigset_t *) __attribute__((__weak__));

static bool
have_pwait2(void)
{
	/* test/fault.h takes it away. */
	return (getenv("KQ_FAULT_ABSENT") == NULL && epoll_pwait2 != NULL &&
	    (epoll_pwait2(-1, NULL, 0, NULL, NULL) == 0 || errno != ENOSYS));
}

KQ_TC(stopped_during_a_timeout, "CALL-21: SIGSTOP shortens no finite wait")
{
	struct timespec ts = { 0, 200 * 1000 * 1000 };
	struct kevent ev;
	char path[64], c = 'x';
	int64_t start;
	pid_t pid;
	int kq, n, status, ready[2];

	ATF_REQUIRE_EQ(pipe(ready), 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if ((kq = kqueue()) == -1)
			_exit(200);
		if (write(ready[1], &c, 1) != 1)
			_exit(202);
		start = kq_test_now();
		n = kevent(kq, NULL, 0, &ev, 1, &ts);
		if (n != 0)
			_exit(n == -1 ? errno : 203);
		_exit(kq_test_now() - start >= ts.tv_nsec ? 0 : 204);
	}
	close(ready[1]);
	ATF_REQUIRE_EQ(read(ready[0], &c, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	wait_asleep(path);
	/* Where there is no epoll_pwait2(), ppoll() sleeps, which goes on. */
	if (have_pwait2())
		atf_tc_expect_fail("epoll_wait() fails with EINTR after "
		    "SIGCONT");
	ATF_REQUIRE_EQ(kill(pid, SIGSTOP), 0);
	ATF_REQUIRE_EQ(waitpid(pid, &status, WUNTRACED), pid);
	/* On a slow machine the wait may be over by now. */
	if (WIFSTOPPED(status)) {
		ATF_REQUIRE_EQ(kill(pid, SIGCONT), 0);
		ATF_REQUIRE_EQ(child_code(pid), 0);
	} else
		ATF_REQUIRE_EQ(WEXITSTATUS(status), 0);
	close(ready[0]);
}

KQ_TC(unwritable_eventlist, "CALL-22: eventlist not writable, EFAULT")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, NULL, 1), -EFAULT);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, BADPTR, 1), -EFAULT);
	/* A level event is still there. */
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(unwritable_eventlist_consumes, "CALL-22: the events are consumed")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, NULL, 2), -EFAULT);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE(!user_exists(kq, 1));
	ATF_REQUIRE(user_exists(kq, 2));
}

KQ_TC(elements_beyond, "CALL-23: elements beyond the result are not touched")
{
	struct kevent ev[8], old[8];
	int i, kq = KQ_OPEN();

	for (i = 0; i < 3; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	memset(ev, 0x5a, sizeof(ev));
	memcpy(old, ev, sizeof(old));
	ATF_REQUIRE_EQ(call(kq, NULL, 0, ev, 8), 3);
	ATF_REQUIRE_EQ(memcmp(&ev[3], &old[3], 5 * sizeof(ev[0])), 0);
	memset(ev, 0x5a, sizeof(ev));
	ATF_REQUIRE_EQ(call(kq, NULL, 0, ev, 2), 2);
	ATF_REQUIRE_EQ(memcmp(&ev[2], &old[2], 6 * sizeof(ev[0])), 0);
}

KQ_TC(at_most_nevents, "CALL-23: at most nevents")
{
	struct kevent ev[8];
	int i, kq = KQ_OPEN();

	for (i = 0; i < 8; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER,
		    0);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, ev, 3), 3);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, ev, 4), 4);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, ev, 8), 1);
	ATF_REQUIRE_EQ(call(kq, NULL, 0, ev, 8), 0);
}

KQ_TC(once_per_call, "CALL-24: one event per knote, however much room")
{
	struct kevent ev[200];
	int i, p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	for (i = 0; i < 10; i++)
		ATF_REQUIRE_EQ(call(kq, NULL, 0, ev, 200), 3);
	close(p[0]);
	close(p[1]);
}

#define	NKNOTES		8

struct poker {
	int		kq;
	int		fd;
	atomic_bool	stop;
};

/* Triggers and writes as fast as it can; 0, or the errno of a failure. */
static void *
poker_main(void *arg)
{
	struct poker *pk = arg;
	int error, i;

	for (i = 0; !atomic_load(&pk->stop); i++) {
		error = kq_test_change(pk->kq, (uintptr_t)(i % NKNOTES),
		    EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
		if (error != 0)
			return ((void *)(intptr_t)error);
		/* A full pipe is full of news as well. */
		if (write(pk->fd, "x", 1) == -1 && errno != EAGAIN)
			return ((void *)(intptr_t)errno);
	}
	return (NULL);
}

KQ_TC(once_per_call_in_a_race, "CALL-24: one event per knote under triggers")
{
	struct kevent ev[64];
	struct poker pk;
	pthread_t thread;
	void *value;
	char buf[65536];
	int i, j, n, p[2], seen[NKNOTES + 1];

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE(fcntl(p[1], F_SETFL, O_NONBLOCK) != -1);
	pk.kq = KQ_OPEN();
	pk.fd = p[1];
	atomic_init(&pk.stop, false);
	for (i = 0; i < NKNOTES; i++)
		KQ_CHANGE(pk.kq, i, EVFILT_USER, EV_ADD |
		    (i % 2 ? EV_CLEAR : 0), 0, 0);
	KQ_CHANGE(pk.kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(pthread_create(&thread, NULL, poker_main, &pk), 0);
	for (i = 0; i < 5000; i++) {
		memset(seen, 0, sizeof(seen));
		n = KQ_COLLECT(pk.kq, ev, 64);
		ATF_REQUIRE(n >= 1 && n <= NKNOTES + 1);
		for (j = 0; j < n; j++) {
			if (ev[j].filter == EVFILT_READ) {
				ATF_REQUIRE_EQ(ev[j].ident, (uintptr_t)p[0]);
				ATF_REQUIRE_EQ(seen[NKNOTES]++, 0);
			} else {
				ATF_REQUIRE(ev[j].ident < NKNOTES);
				ATF_REQUIRE_EQ(seen[ev[j].ident]++, 0);
			}
		}
		if (seen[NKNOTES] != 0)
			ATF_REQUIRE(read(p[0], buf, sizeof(buf)) > 0);
	}
	atomic_store(&pk.stop, true);
	ATF_REQUIRE_EQ(pthread_join(thread, &value), 0);
	ATF_REQUIRE_EQ((intptr_t)value, 0);
	close(p[0]);
	close(p[1]);
}

KQ_TC(sleeper_sees_added, "CALL-25: a sleeper sees what others add")
{
	struct sleeper sl = { .kq = KQ_OPEN() };
	int p[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	sleeper_start(&sl);
	KQ_CHANGE(sl.kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, p[0], EVFILT_READ, .data = 1);
	close(p[0]);
	close(p[1]);
}

KQ_TC(sleeper_sees_added_unready, "CALL-25: what is added may get ready later")
{
	struct sleeper sl = { .kq = KQ_OPEN() };
	int p[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	sleeper_start(&sl);
	KQ_CHANGE(sl.kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	sleeper_wait_asleep(&sl);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, p[0], EVFILT_READ, .data = 1);
	close(p[0]);
	close(p[1]);
}

KQ_TC(sleeper_sees_added_user, "CALL-25: a triggered user event, added")
{
	struct sleeper sl = { .kq = KQ_OPEN() };

	sleeper_start(&sl);
	KQ_CHANGE(sl.kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, 1, EVFILT_USER);
}

KQ_TC(sleeper_sees_added_timer, "CALL-25: a timer, also an earlier one")
{
	struct sleeper sl = { .kq = KQ_OPEN() };

	KQ_CHANGE(sl.kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	sleeper_start(&sl);
	KQ_CHANGE(sl.kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 10);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, 2, EVFILT_TIMER, .data = 1);
}

KQ_TC(sleeper_sees_enabled, "CALL-25: a sleeper sees what others enable")
{
	struct sleeper sl = { .kq = KQ_OPEN() };
	int p[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_CHANGE(sl.kq, p[0], EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0);
	sleeper_start(&sl);
	KQ_CHANGE(sl.kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, p[0], EVFILT_READ, .data = 1);
	close(p[0]);
	close(p[1]);
}

KQ_TC(sleeper_sees_triggered, "CALL-25: a sleeper sees what others trigger")
{
	struct sleeper sl = { .kq = KQ_OPEN() };

	KQ_CHANGE(sl.kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	sleeper_start(&sl);
	KQ_CHANGE(sl.kq, 1, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFCOPY | 5, 0);
	ATF_REQUIRE_EQ(sleeper_join(&sl), 1);
	KQ_MATCH(&sl.kev, 1, EVFILT_USER, .fflags = 5);
}

KQ_TC(sleepers_share_events, "CALL-25: eight sleepers, one one-shot event each")
{
	struct sleeper sl[8];
	int i, kq = KQ_OPEN();
	bool seen[8] = { false };

	for (i = 0; i < 8; i++) {
		memset(&sl[i], 0, sizeof(sl[i]));
		sl[i].kq = kq;
		sleeper_start(&sl[i]);
	}
	for (i = 0; i < 8; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER,
		    0);
	for (i = 0; i < 8; i++) {
		ATF_REQUIRE_EQ(sleeper_join(&sl[i]), 1);
		ATF_REQUIRE(sl[i].kev.ident < 8);
		ATF_REQUIRE(!seen[sl[i].kev.ident]);
		seen[sl[i].kev.ident] = true;
	}
	KQ_EXPECT_NOTHING(kq);
}

#define	NWORKERS	4
#define	NROUNDS		2000
#define	STOP		UINTPTR_MAX

struct worker {
	int		kq;
	int		number;
	pthread_t	thread;
};

/* Adds a one-shot and a knote that it deletes again, per round. */
static void *
changer_main(void *arg)
{
	struct worker *w = arg;
	uintptr_t id;
	int error, i;

	for (i = 0; i < NROUNDS; i++) {
		id = (uintptr_t)(w->number * NROUNDS + i);
		if ((error = kq_test_change(w->kq, id, EVFILT_USER,
		    EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0, NULL)) != 0)
			return ((void *)(intptr_t)error);
		if ((error = kq_test_change(w->kq, id, EVFILT_TIMER, EV_ADD, 0,
		    3600 * 1000, NULL)) != 0)
			return ((void *)(intptr_t)error);
		if ((error = kq_test_change(w->kq, id, EVFILT_TIMER,
		    EV_DISABLE, 0, 3600 * 1000, NULL)) != 0)
			return ((void *)(intptr_t)error);
		if ((error = kq_test_change(w->kq, id, EVFILT_TIMER,
		    EV_DELETE, 0, 0, NULL)) != 0)
			return ((void *)(intptr_t)error);
	}
	return (NULL);
}

static atomic_uchar delivered[NWORKERS * NROUNDS];

/* Collects until it sees STOP; 0, or what went wrong. */
static void *
collector_main(void *arg)
{
	struct worker *w = arg;
	struct kevent ev[3];
	bool stop;
	int i, n;

	for (stop = false; !stop; ) {
		if ((n = kevent(w->kq, NULL, 0, ev, 3, NULL)) < 1)
			return ((void *)(intptr_t)(n == -1 ? errno : 1000));
		for (i = 0; i < n; i++) {
			if (ev[i].filter != EVFILT_USER)
				return ((void *)(intptr_t)1001);
			if (ev[i].ident == STOP)
				stop = true;
			else
				atomic_fetch_add(&delivered[ev[i].ident], 1);
		}
	}
	return (NULL);
}

KQ_TC(many_threads, "CALL-25: threads that change and collect on one queue")
{
	struct worker changer[NWORKERS], collector[NWORKERS];
	struct kevent ev;
	void *value;
	int i, n, kq = KQ_OPEN();

	for (i = 0; i < NWORKERS; i++) {
		collector[i] = (struct worker){ .kq = kq };
		ATF_REQUIRE_EQ(pthread_create(&collector[i].thread, NULL,
		    collector_main, &collector[i]), 0);
		changer[i] = (struct worker){ .kq = kq, .number = i };
		ATF_REQUIRE_EQ(pthread_create(&changer[i].thread, NULL,
		    changer_main, &changer[i]), 0);
	}
	for (i = 0; i < NWORKERS; i++) {
		ATF_REQUIRE_EQ(pthread_join(changer[i].thread, &value), 0);
		ATF_CHECK_EQ((intptr_t)value, 0);
	}
	KQ_CHANGE(kq, STOP, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	for (i = 0; i < NWORKERS; i++) {
		ATF_REQUIRE_EQ(pthread_join(collector[i].thread, &value), 0);
		ATF_CHECK_EQ((intptr_t)value, 0);
	}
	/* What the collectors have left when the last of them stopped. */
	KQ_CHANGE(kq, STOP, EVFILT_USER, EV_DELETE, 0, 0);
	while ((n = call(kq, NULL, 0, &ev, 1)) == 1)
		atomic_fetch_add(&delivered[ev.ident], 1);
	ATF_REQUIRE_EQ(n, 0);
	for (i = 0; i < NWORKERS * NROUNDS; i++) {
		n = atomic_load(&delivered[i]);
		ATF_REQUIRE_MSG(n == 1, "event %d delivered %d times", i, n);
	}
}

KQ_TC(no_rollback, "CALL-26: a failed change does not undo earlier ones")
{
	struct kevent ch[4];
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD, 0, 0);
	USER(&ch[0], 1, EV_ADD, 0);
	USER(&ch[1], 2, EV_DELETE, 0);
	EV_SET(&ch[2], (uintptr_t)p[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	USER(&ch[3], 50, EV_DELETE, 0);
	ATF_REQUIRE_EQ(call(kq, ch, 4, NULL, 0), -ENOENT);
	ATF_REQUIRE(user_exists(kq, 1));
	ATF_REQUIRE(!user_exists(kq, 2));
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close(p[0]);
	close(p[1]);
}

KQ_TC(filter_zero, "CALL-27: filter 0 is EINVAL")
{
	int kq = KQ_OPEN();

	KQ_CHANGE_ERROR(kq, EINVAL, 0, 0, 0, 0, 0);
	KQ_CHANGE_ERROR(kq, EINVAL, 0, 0, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, EINVAL, 0, 0, EV_DELETE, 0, 0);
}

/* What kqueue() is to a program compiled for FreeBSD's dialect. */
int	kqueue_freebsd(void);

KQ_TC(freebsd_filter_zero, "CALL-27: FreeBSD skips a change of filter 0")
{
	struct kevent in[3], out[3];
	int kq;

	ATF_REQUIRE((kq = kqueue_freebsd()) != -1);
	EV_SET(&in[0], 1, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 0, NULL);
	/* No receipt, and no error either. */
	EV_SET(&in[1], 1, 0, EV_ADD | EV_RECEIPT, 0, 0, NULL);
	EV_SET(&in[2], 2, EVFILT_USER, EV_DELETE, 0, 0, NULL);
	ATF_REQUIRE_EQ(2, kevent(kq, in, 3, out, 3, NULL));
	ATF_CHECK_EQ(EVFILT_USER, out[0].filter);
	ATF_CHECK_EQ(0, out[0].data);
	ATF_CHECK_EQ(EVFILT_USER, out[1].filter);
	ATF_CHECK_EQ(ENOENT, out[1].data);
	/* Where it is the only one, nothing was asked for. */
	ATF_CHECK_EQ(0, kevent(kq, &in[1], 1, NULL, 0, NULL));
	ATF_REQUIRE_EQ(0, close(kq));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, bad_timeout_pointer);
	ATF_TP_ADD_TC(tp, bad_timeout_before_descriptor);
	ATF_TP_ADD_TC(tp, not_open);
	ATF_TP_ADD_TC(tp, not_a_kqueue);
	ATF_TP_ADD_TC(tp, array_order);
	ATF_TP_ADD_TC(tp, array_order_across_blocks);
	ATF_TP_ADD_TC(tp, null_changelist);
	ATF_TP_ADD_TC(tp, unreadable_block);
	ATF_TP_ADD_TC(tp, no_changes);
	ATF_TP_ADD_TC(tp, negative_nchanges);
	ATF_TP_ADD_TC(tp, result_flags_are_removed);
	ATF_TP_ADD_TC(tp, result_flags_alone);
	ATF_TP_ADD_TC(tp, feed_back_an_event);
	ATF_TP_ADD_TC(tp, error_entry);
	ATF_TP_ADD_TC(tp, changes_after_an_error);
	ATF_TP_ADD_TC(tp, receipt);
	ATF_TP_ADD_TC(tp, entries_in_change_order);
	ATF_TP_ADD_TC(tp, entry_means_no_waiting);
	ATF_TP_ADD_TC(tp, entry_means_no_events);
	ATF_TP_ADD_TC(tp, no_room_for_an_error);
	ATF_TP_ADD_TC(tp, no_room_at_all);
	ATF_TP_ADD_TC(tp, error_entry_without_list);
	ATF_TP_ADD_TC(tp, no_room_for_a_receipt);
	ATF_TP_ADD_TC(tp, no_room_for_the_second_receipt);
	ATF_TP_ADD_TC(tp, same_array);
	ATF_TP_ADD_TC(tp, same_array_few_errors);
	ATF_TP_ADD_TC(tp, same_array_events);
	ATF_TP_ADD_TC(tp, overlapping_arrays);
	ATF_TP_ADD_TC(tp, many_changes);
	ATF_TP_ADD_TC(tp, many_in_one_array);
	ATF_TP_ADD_TC(tp, no_events_wanted);
	ATF_TP_ADD_TC(tp, negative_nevents);
	ATF_TP_ADD_TC(tp, null_timeout_waits);
	ATF_TP_ADD_TC(tp, zero_timeout_polls);
	ATF_TP_ADD_TC(tp, invalid_timeout);
	ATF_TP_ADD_TC(tp, largest_nanoseconds);
	ATF_TP_ADD_TC(tp, never_early);
	ATF_TP_ADD_TC(tp, never_early_seconds);
	ATF_TP_ADD_TC(tp, timeout_is_the_callers);
	ATF_TP_ADD_TC(tp, wait_of_100_days);
	ATF_TP_ADD_TC(tp, wait_of_ages);
	ATF_TP_ADD_TC(tp, timeout_is_no_error);
	ATF_TP_ADD_TC(tp, interrupted);
	ATF_TP_ADD_TC(tp, interrupted_restart);
	ATF_TP_ADD_TC(tp, ignored_signal);
	ATF_TP_ADD_TC(tp, blocked_signal);
	ATF_TP_ADD_TC(tp, events_before_eintr);
	ATF_TP_ADD_TC(tp, stopped_and_continued);
	ATF_TP_ADD_TC(tp, stopped_during_a_timeout);
	ATF_TP_ADD_TC(tp, unwritable_eventlist);
	ATF_TP_ADD_TC(tp, unwritable_eventlist_consumes);
	ATF_TP_ADD_TC(tp, elements_beyond);
	ATF_TP_ADD_TC(tp, at_most_nevents);
	ATF_TP_ADD_TC(tp, once_per_call);
	ATF_TP_ADD_TC(tp, once_per_call_in_a_race);
	ATF_TP_ADD_TC(tp, sleeper_sees_added);
	ATF_TP_ADD_TC(tp, sleeper_sees_added_unready);
	ATF_TP_ADD_TC(tp, sleeper_sees_added_user);
	ATF_TP_ADD_TC(tp, sleeper_sees_added_timer);
	ATF_TP_ADD_TC(tp, sleeper_sees_enabled);
	ATF_TP_ADD_TC(tp, sleeper_sees_triggered);
	ATF_TP_ADD_TC(tp, sleepers_share_events);
	ATF_TP_ADD_TC(tp, many_threads);
	ATF_TP_ADD_TC(tp, no_rollback);
	ATF_TP_ADD_TC(tp, filter_zero);
	ATF_TP_ADD_TC(tp, freebsd_filter_zero);
	return (atf_no_error());
}
