/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a child has of its parent's kqueues: nothing, and what it does to them:
 * nothing.  KQ-13, KQ-14, REG-34.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>

#include "kq_test.h"

extern char **environ;
void	closefrom(int);

/* A parent's kqueue with something of each kind. */
struct parent {
	int	kq;
	int	other;		/* a dup of it */
	int	p[2];
	int64_t	due;
};

static void
parent_open(struct parent *pa)
{
	pa->kq = KQ_OPEN();
	ATF_REQUIRE((pa->other = dup(pa->kq)) != -1);
	ATF_REQUIRE_EQ(pipe(pa->p), 0);
	KQ_CHANGE(pa->kq, pa->p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(pa->kq, pa->p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(pa->kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(pa->kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	pa->due = kq_test_now() + 50 * 1000000;
	KQ_CHANGE(pa->kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 50);
	ATF_REQUIRE_EQ(write(pa->p[1], "x", 1), 1);
}

/* Everything arrives, once; and the registrations go on working. */
static void
parent_check(struct parent *pa)
{
	struct kevent kev[8];
	int i, n, seen;

	seen = 0;
	while (seen != 15) {
		n = KQ_COLLECT(pa->kq, kev, 8);
		ATF_REQUIRE_MSG(n > 0, "the parent lost events: %d", seen);
		for (i = 0; i < n; i++) {
			int bit = kev[i].filter == EVFILT_READ ? 1 :
			    kev[i].filter == EVFILT_WRITE ? 2 :
			    kev[i].filter == EVFILT_USER ? 4 : 8;

			ATF_REQUIRE_EQ((seen & bit), 0);
			seen |= bit;
			if (bit == 8)
				ATF_REQUIRE(kq_test_now() >= pa->due);
		}
	}
	KQ_EXPECT_NOTHING(pa->kq);
	ATF_REQUIRE_EQ(write(pa->p[1], "x", 1), 1);
	KQ_EXPECT(pa->other, pa->p[0], EVFILT_READ, .data = 2);
	ATF_REQUIRE_EQ(close(pa->p[0]), 0);
	ATF_REQUIRE_EQ(close(pa->p[1]), 0);
	ATF_REQUIRE_EQ(close(pa->kq), 0);
	ATF_REQUIRE_EQ(close(pa->other), 0);
}

static int
wait_child(pid_t pid)
{
	int status;

	ATF_REQUIRE_MSG(pid > 0, "no child: %s", strerror(errno));
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		atf_tc_fail("the child died of signal %d", WTERMSIG(status));
	return (WEXITSTATUS(status));
}

/* A line number where the child finds something wrong (modulo 256), or 0. */
#define	CHILD_REQUIRE(cond)						\
do {									\
	if (!(cond)) {							\
		dprintf(2, "child: line %d: %s: %s\n", __LINE__, #cond,	\
		    strerror(errno));					\
		return (1);						\
	}								\
} while (0)

static int
child_kqueue(void)
{
	struct kevent kev[2];
	struct timespec ts = { KQ_PATIENCE, 0 };
	int kq, p[2];

	CHILD_REQUIRE((kq = kqueue()) != -1);
	CHILD_REQUIRE(pipe(p) == 0);
	CHILD_REQUIRE(kq_test_change(kq, 5, EVFILT_USER, EV_ADD | EV_CLEAR, 0,
	    0, NULL) == 0);
	CHILD_REQUIRE(kq_test_change(kq, 5, EVFILT_USER, 0, NOTE_TRIGGER, 0,
	    NULL) == 0);
	CHILD_REQUIRE(kevent(kq, NULL, 0, kev, 2, &ts) == 1);
	CHILD_REQUIRE(kev[0].filter == EVFILT_USER && kev[0].ident == 5);
	CHILD_REQUIRE(kq_test_change(kq, 6, EVFILT_TIMER, EV_ADD | EV_ONESHOT,
	    0, 1, NULL) == 0);
	CHILD_REQUIRE(kevent(kq, NULL, 0, kev, 2, &ts) == 1);
	CHILD_REQUIRE(kev[0].filter == EVFILT_TIMER && kev[0].ident == 6);
	CHILD_REQUIRE(kq_test_change(kq, (uintptr_t)p[0], EVFILT_READ, EV_ADD,
	    0, 0, NULL) == 0);
	CHILD_REQUIRE(write(p[1], "abc", 3) == 3);
	CHILD_REQUIRE(kevent(kq, NULL, 0, kev, 2, &ts) == 1);
	CHILD_REQUIRE(kev[0].filter == EVFILT_READ && kev[0].data == 3);
	CHILD_REQUIRE(close(kq) == 0 && close(p[0]) == 0 && close(p[1]) == 0);
	return (0);
}

/* What every kind of child finds; gone: the numbers are closed already. */
static int
child_check(struct parent *pa, bool gone)
{
	struct kevent kev;
	struct timespec ts = { 0, 0 };
	int fd;

	CHILD_REQUIRE(kevent(pa->kq, NULL, 0, &kev, 1, &ts) == -1 &&
	    errno == EBADF);
	CHILD_REQUIRE(kevent(pa->other, NULL, 0, &kev, 1, &ts) == -1 &&
	    errno == EBADF);
	EV_SET(&kev, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	CHILD_REQUIRE(kevent(pa->kq, &kev, 1, NULL, 0, NULL) == -1 &&
	    errno == EBADF);
	CHILD_REQUIRE(fcntl(pa->p[0], F_GETFD) == 0);
	CHILD_REQUIRE(fcntl(pa->p[1], F_GETFD) == 0);
	if (gone) {
		/* KQ-13: the number is there for the next open(). */
		CHILD_REQUIRE(fcntl(pa->kq, F_GETFD) == -1);
		CHILD_REQUIRE(fcntl(pa->other, F_GETFD) == -1);
		CHILD_REQUIRE(kq_test_count() == 0);
		CHILD_REQUIRE((fd = open("/dev/null", O_RDONLY)) == pa->kq);
		CHILD_REQUIRE(kevent(pa->kq, NULL, 0, &kev, 1, &ts) == -1 &&
		    errno == EBADF);
		CHILD_REQUIRE(close(fd) == 0);
	}
	if (child_kqueue() != 0)
		return (1);
	CHILD_REQUIRE(kq_test_count() == 0);
	/* KQ-14: no effect on the parent's knotes. */
	CHILD_REQUIRE(close(pa->p[0]) == 0);
	CHILD_REQUIRE(dup2(2, pa->p[1]) == pa->p[1]);
	(void)close(pa->kq);
	closefrom(3);
	return (child_kqueue());
}

KQ_TC(fork, "KQ-13: the child of fork() has no kqueue")
{
	struct parent pa;
	pid_t pid;

	parent_open(&pa);
	if ((pid = fork()) == 0)
		_exit(child_check(&pa, true));
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
}

KQ_TC(fork_quiet, "KQ-13: a child that does nothing does nothing to us")
{
	struct parent pa;
	pid_t pid;

	parent_open(&pa);
	if ((pid = fork()) == 0)
		_exit(0);
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
}

KQ_TC(fork_first_close, "KQ-13: a child that first closes everything")
{
	struct parent pa;
	pid_t pid;

	parent_open(&pa);
	if ((pid = fork()) == 0) {
		closefrom(3);
		_exit(child_kqueue());
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
}

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
#define	HAVE__FORK
#endif
#endif
KQ_TC(_Fork, "KQ-13: the child of _Fork(), where no handler runs")
{
#ifdef HAVE__FORK
	struct parent pa;
	pid_t pid;

	parent_open(&pa);
	if ((pid = _Fork()) == 0)
		_exit(child_check(&pa, false));
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
#else
	atf_tc_skip("no _Fork()");
#endif
}

static pid_t
raw_fork(void)
{
	return ((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

KQ_TC(clone, "KQ-13: the child of a raw clone()")
{
	struct parent pa;
	pid_t pid;

	parent_open(&pa);
	if ((pid = raw_fork()) == 0)
		_exit(child_check(&pa, false));
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
}

KQ_TC(clone_reuse, "KQ-13: such a child keeps what it opened before it asked")
{
	struct parent pa;
	pid_t pid;

	parent_open(&pa);
	if ((pid = raw_fork()) == 0) {
		int fd;

		/* Closed already, or closed by this (KQ-13). */
		(void)close(pa.kq);
		(void)close(pa.other);
		if ((fd = open("/dev/null", O_RDONLY)) != pa.kq)
			_exit(3);
		if (epoll_create1(0) != pa.other)
			_exit(4);
		if (child_kqueue() != 0)
			_exit(5);
		if (fcntl(pa.kq, F_GETFD) == -1)
			_exit(6);
		if (fcntl(pa.other, F_GETFD) == -1)
			_exit(7);
		_exit(0);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
}

KQ_TC(vfork, "KQ-14: a vfork() child shares our memory, not our descriptors")
{
	struct parent pa;
	pid_t pid;
	int fd;

	parent_open(&pa);
	if ((pid = vfork()) == 0) {
		for (fd = 3; fd < 2000; fd++)
			(void)close(fd);
		_exit(0);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);

	parent_open(&pa);
	if ((pid = vfork()) == 0) {
		(void)dup2(0, pa.p[0]);
		(void)dup2(pa.kq, pa.p[1]);
		closefrom(3);
		_exit(0);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
}

KQ_TC(vfork_dup2, "KQ-14: a vfork() child may use any number")
{
	struct parent pa;
	pid_t pid;
	int fd, bad;

	parent_open(&pa);
	bad = 0;
	if ((pid = vfork()) == 0) {
		for (fd = 3; fd < 2000; fd++) {
			if (dup2(0, fd) != fd)
				_exit(1);
		}
		_exit(0);
	}
	ATF_REQUIRE_EQ(wait_child(pid), bad);
	parent_check(&pa);
}

/* Nothing but anonymous inodes of ours could be listed by these. */
#define	LIST	"n=0; for f in /proc/self/fd/*; do case `readlink $f` in "\
		"anon_inode:*) n=$((n+1));; esac; done; exit $n"

static const char *const list_argv[] = { "sh", "-c", LIST, NULL };

static char *const *
unconst(const char *const *argv)
{
	union {
		const char *const *in;
		char *const *out;
	} u = { .in = argv };

	return (u.out);
}

KQ_TC(exec, "nothing of ours is open after exec")
{
	struct parent pa;
	pid_t pid;
	int fd, status;

	parent_open(&pa);
	ATF_REQUIRE_EQ(dup2(pa.kq, 700), 700);
	ATF_REQUIRE((fd = fcntl(pa.kq, F_DUPFD, 0)) != -1);
	ATF_REQUIRE_EQ(fcntl(700, F_SETFD, 0), 0);
	ATF_REQUIRE_EQ(posix_spawn(&pid, "/bin/sh", NULL, NULL,
	    unconst(list_argv), environ), 0);
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	if ((pid = vfork()) == 0) {
		execv("/bin/sh", unconst(list_argv));
		_exit(99);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	if ((pid = fork()) == 0) {
		execv("/bin/sh", unconst(list_argv));
		_exit(99);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	if ((pid = raw_fork()) == 0) {
		execv("/bin/sh", unconst(list_argv));
		_exit(99);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	status = system(LIST);
	ATF_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ATF_REQUIRE_EQ(close(fd), 0);
	ATF_REQUIRE_EQ(close(700), 0);
	parent_check(&pa);
}

/* A daemon: daemon(3) forks, and replaces 0 to 2 behind our back. */
KQ_TC(daemon, "KQ-13: daemon(3)")
{
	struct parent pa;
	pid_t pid;
	char c;
	int answer[2];

	parent_open(&pa);
	ATF_REQUIRE_EQ(pipe(answer), 0);
	if ((pid = fork()) == 0) {
		struct kevent kev;
		struct timespec ts = { 0, 0 };
		int kq;

		kq = kqueue();
		if (kq_test_change(kq, 0, EVFILT_READ, EV_ADD, 0, 0, NULL) ==
		    12345)
			_exit(1);
		if (daemon(1, 0) != 0)
			_exit(1);
		c = kevent(kq, NULL, 0, &kev, 1, &ts) == -1 &&
		    errno == EBADF && fcntl(kq, F_GETFD) == -1 &&
		    child_kqueue() == 0 ? 'y' : 'n';
		if (write(answer[1], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	ATF_REQUIRE_EQ(close(answer[1]), 0);
	ATF_REQUIRE_EQ(read(answer[0], &c, 1), 1);
	ATF_REQUIRE_EQ(c, 'y');
	parent_check(&pa);
}

KQ_TC(fork_in_fork, "KQ-13: a child with kqueues of its own forks")
{
	struct parent pa;
	pid_t pid;

	parent_open(&pa);
	if ((pid = fork()) == 0) {
		struct parent pa2;
		pid_t pid2;
		int status;

		parent_open(&pa2);
		if ((pid2 = fork()) == 0) {
			struct kevent kev;
			struct timespec ts = { 0, 0 };

			if (kevent(pa2.kq, NULL, 0, &kev, 1, &ts) != -1 ||
			    errno != EBADF || fcntl(pa2.kq, F_GETFD) != -1)
				_exit(1);
			_exit(child_kqueue());
		}
		if (waitpid(pid2, &status, 0) != pid2 || status != 0)
			_exit(2);
		/* Aborts the child if it finds something wrong. */
		parent_check(&pa2);
		_exit(0);
	}
	ATF_REQUIRE_EQ(wait_child(pid), 0);
	parent_check(&pa);
}

static _Atomic int thread_ready;

static void *
sleeping_thread(void *arg)
{
	struct kevent kev;
	int kq = *(int *)arg;

	atomic_fetch_add(&thread_ready, 1);
	for (;;) {
		if (kevent(kq, NULL, 0, &kev, 1, NULL) != 1)
			return (strdup(strerror(errno)));
		if (kev.filter == EVFILT_USER)
			return (NULL);
	}
}

static _Atomic bool busy_stop;

static void *
busy_thread(void *arg)
{
	struct timespec ts = { 0, 0 };
	struct kevent kev[2];
	int kq = *(int *)arg;
	unsigned i;

	for (i = 0; !atomic_load(&busy_stop); i++) {
		EV_SET(&kev[0], 100 + i % 50, EVFILT_TIMER, EV_ADD, 0,
		    1000000, NULL);
		if (kevent(kq, kev, 1, kev, 2, &ts) == -1)
			return (strdup(strerror(errno)));
	}
	return (NULL);
}

static void *
forking_thread(void *arg)
{
	struct kevent kev;
	struct timespec ts = { 0, 0 };
	int i, kq = *(int *)arg, status;
	pid_t pid;

	for (i = 0; i < KQ_ROUNDS(200); i++) {
		pid = (i & 1) ? raw_fork() : fork();
		if (pid == 0) {
			if (kevent(kq, NULL, 0, &kev, 1, &ts) != -1 ||
			    errno != EBADF)
				_exit(1);
			_exit(child_kqueue());
		}
		if (pid == -1 || waitpid(pid, &status, 0) != pid ||
		    status != 0)
			return (strdup("child"));
	}
	return (NULL);
}

KQ_TC(fork_in_thread, "KQ-13: fork() in a thread while others use the kqueue")
{
	pthread_t sleeping[2], busy, forking;
	void *ret;
	int i, kq, kq2;

	kq = KQ_OPEN();
	kq2 = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(pthread_create(&sleeping[i], NULL,
		    sleeping_thread, &kq), 0);
	ATF_REQUIRE_EQ(pthread_create(&busy, NULL, busy_thread, &kq2), 0);
	while (atomic_load(&thread_ready) < 2)
		sched_yield();
	ATF_REQUIRE_EQ(pthread_create(&forking, NULL, forking_thread, &kq), 0);
	ATF_REQUIRE_EQ(pthread_join(forking, &ret), 0);
	ATF_REQUIRE_MSG(ret == NULL, "%s", (char *)ret);
	atomic_store(&busy_stop, true);
	ATF_REQUIRE_EQ(pthread_join(busy, &ret), 0);
	ATF_REQUIRE_MSG(ret == NULL, "%s", (char *)ret);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE_EQ(pthread_join(sleeping[i], &ret), 0);
		ATF_REQUIRE_MSG(ret == NULL, "%s", (char *)ret);
	}
}

/*
 * The program opens, closes and duplicates at random, sometimes where nobody
 * sees it; whatever it did, a child has all of the program's descriptors and
 * no kqueue.
 */
#define	SLOTS	24

enum what { NOTHING, FILE_FD, PIPE_FD, SOCKET_FD, EPOLL_FD, EVENT_FD, KQUEUE };

struct slot {
	int		fd;
	enum what	what;
	char		link[64];
};

static unsigned seed = 1;

static unsigned
rnd(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return ((seed >> 16) % n);
}

static void
read_link(int fd, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, buf, size - 1);
	buf[n < 0 ? 0 : n] = '\0';
}

static void
slot_close(struct slot *s, bool unseen)
{
	if (s->what == NOTHING)
		return;
	if (unseen)
		ATF_REQUIRE_EQ(syscall(SYS_close, s->fd), 0);
	else
		ATF_REQUIRE_EQ(close(s->fd), 0);
	s->what = NOTHING;
}

static void
slot_open(struct slot *s)
{
	int p[2];

	s->what = (enum what)(1 + rnd(6));
	switch (s->what) {
	case FILE_FD:
		s->fd = open("/dev/null", O_RDWR);
		break;
	case PIPE_FD:
		ATF_REQUIRE_EQ(pipe(p), 0);
		close(p[1]);
		s->fd = p[0];
		break;
	case SOCKET_FD:
		s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
		break;
	case EPOLL_FD:
		s->fd = epoll_create1(0);
		break;
	case EVENT_FD:
		s->fd = eventfd(0, 0);
		break;
	default:
		s->fd = kqueue();
		if (rnd(2))
			KQ_CHANGE(s->fd, 1, EVFILT_USER, EV_ADD, 0, 0);
		if (rnd(2))
			KQ_CHANGE(s->fd, 1, EVFILT_TIMER, EV_ADD, 0, 100000);
		break;
	}
	ATF_REQUIRE_MSG(s->fd != -1, "%d: %s", s->what, strerror(errno));
	read_link(s->fd, s->link, sizeof(s->link));
}

static int
random_child(const struct slot *slots, bool handler)
{
	struct kevent kev;
	struct timespec ts = { 0, 0 };
	char link[64];
	int i, own;

	own = 0;
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].what == EPOLL_FD || slots[i].what == EVENT_FD)
			own++;
		if (slots[i].what == KQUEUE) {
			CHILD_REQUIRE(kevent(slots[i].fd, NULL, 0, &kev, 1,
			    &ts) == -1 && errno == EBADF);
			CHILD_REQUIRE(!handler ||
			    fcntl(slots[i].fd, F_GETFD) == -1);
		}
	}
	/* Also after the child's first own kqueue. */
	if (child_kqueue() != 0)
		return (1);
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].what == NOTHING || slots[i].what == KQUEUE)
			continue;
		read_link(slots[i].fd, link, sizeof(link));
		if (strcmp(link, slots[i].link) != 0) {
			dprintf(2, "child: slot %d kind %d: number %d was %s, "
			    "is %s\n", i, slots[i].what, slots[i].fd,
			    slots[i].link, link);
			return (1);
		}
	}
	CHILD_REQUIRE(kq_test_count() == own);
	return (0);
}

static void
check_random(bool unseen)
{
	struct slot slots[SLOTS], *s;
	int i, round;
	pid_t pid;

	memset(slots, 0, sizeof(slots));
	for (round = 0; round < KQ_ROUNDS(1000); round++) {
		for (i = 0; i < 6; i++) {
			s = &slots[rnd(SLOTS)];
			slot_close(s, unseen && rnd(2));
			if (rnd(4) != 0)
				slot_open(s);
		}
		if (rnd(4) == 0) {
			/* A kqueue's number becomes a file's, or a dup's. */
			s = &slots[rnd(SLOTS)];
			if (s->what != NOTHING) {
				struct slot *from = &slots[rnd(SLOTS)];

				if (from->what != NOTHING && from != s) {
					ATF_REQUIRE_EQ(dup2(from->fd, s->fd),
					    s->fd);
					s->what = from->what;
					strcpy(s->link, from->link);
				}
			}
		}
		pid = (round & 1) ? raw_fork() : fork();
		if (pid == 0)
			_exit(random_child(slots, (round & 1) == 0));
		ATF_REQUIRE_EQ_MSG(wait_child(pid), 0, "round %d", round);
	}
	for (i = 0; i < SLOTS; i++)
		slot_close(&slots[i], false);
}

KQ_TC(random, "KQ-13: a child keeps the program's own, a thousand times")
{
	check_random(false);
}

KQ_TC(random_unseen, "KQ-13: the same where half of the closes are not seen")
{
	check_random(true);
}

KQ_TC(no_growth, "KQ-13: generations of children do not grow")
{
	char line[256];
	FILE *fp;
	long size, first;
	int generation, kq, status;
	pid_t pid;

	first = 0;
	for (generation = 0; generation < 60; generation++) {
		if ((kq = kqueue()) == -1 || kq_test_change(kq, 1, EVFILT_USER,
		    EV_ADD, 0, 0, NULL) != 0 || kq_test_change(kq, 1,
		    EVFILT_TIMER, EV_ADD, 0, 10000, NULL) != 0)
			_exit(1);
		size = -1;
		if ((fp = fopen("/proc/self/status", "r")) == NULL)
			_exit(1);
		while (fgets(line, sizeof(line), fp) != NULL)
			(void)sscanf(line, "VmSize: %ld", &size);
		fclose(fp);
		if (generation == 10)
			first = size;
		if (generation > 10 && size > first + 256) {
			dprintf(2, "generation %d: VmSize %ld, once %ld\n",
			    generation, size, first);
			_exit(2);
		}
		if ((pid = fork()) == -1)
			_exit(3);
		if (pid == 0)
			continue;
		if (waitpid(pid, &status, 0) != pid || status != 0) {
			if (generation == 0)
				atf_tc_fail("a child failed: %#x", status);
			_exit(4);
		}
		if (generation != 0)
			_exit(0);
		ATF_REQUIRE_EQ(close(kq), 0);
		return;
	}
	_exit(0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, fork);
	ATF_TP_ADD_TC(tp, fork_quiet);
	ATF_TP_ADD_TC(tp, fork_first_close);
	ATF_TP_ADD_TC(tp, _Fork);
	ATF_TP_ADD_TC(tp, clone);
	ATF_TP_ADD_TC(tp, clone_reuse);
	ATF_TP_ADD_TC(tp, vfork);
	ATF_TP_ADD_TC(tp, vfork_dup2);
	ATF_TP_ADD_TC(tp, exec);
	ATF_TP_ADD_TC(tp, daemon);
	ATF_TP_ADD_TC(tp, fork_in_fork);
	ATF_TP_ADD_TC(tp, fork_in_thread);
	ATF_TP_ADD_TC(tp, random);
	ATF_TP_ADD_TC(tp, random_unseen);
	ATF_TP_ADD_TC(tp, no_growth);
	return (atf_no_error());
}
