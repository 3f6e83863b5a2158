/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _CHILD_TEST_H_
#define	_CHILD_TEST_H_

/*
 * Child processes that do what they are told, for tests of EVFILT_PROC.
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kq_test.h"

/* What kqueue() is to a program compiled for FreeBSD's dialect. */
int	kqueue_freebsd(void);

#define	ENDED	(EV_EOF | EV_NODATA | EV_ONESHOT | EV_CLEAR)
#define	ADD(kq, pid, fflags)						\
	KQ_CHANGE(kq, pid, EVFILT_PROC, EV_ADD, fflags, 0)

/*
 * The end of a process of which there are thousands; a build that measures
 * coverage would have each of them write down what it ran.
 */
static void
leave(int status)
{
	for (;;)
		(void)syscall(SYS_exit_group, status);
}

/* A child that does what it is told over a pipe, a letter each. */
struct child {
	pid_t	pid;
	int	to, from;
};

/* The pipes of the one that 'k' makes, to it and from it. */
static int kid_to[2], kid_from[2];

static void
child_main(int in, int out)
{
	pid_t pid;
	char c;

	while (read(in, &c, 1) == 1) {
		switch (c) {
		case 'f':		/* fork, and reap */
			if ((pid = fork()) == 0)
				leave(4);
			if (pid == -1 || waitpid(pid, NULL, 0) != pid)
				_exit(100);
			break;
		case 'g':		/* a child that forks */
			if ((pid = fork()) == 0) {
				if ((pid = fork()) == 0)
					leave(6);
				if (pid != -1)
					(void)waitpid(pid, NULL, 0);
				leave(5);
			}
			if (pid == -1 || waitpid(pid, NULL, 0) != pid)
				_exit(100);
			break;
		case 'k':		/* a child to be told things, too */
			if ((pid = fork()) == 0) {
				in = kid_to[0];
				out = kid_from[1];
				continue;
			}
			if (pid == -1 ||
			    write(out, &pid, sizeof(pid)) != sizeof(pid))
				_exit(103);
			continue;
		case 'w':		/* reap it */
			if (waitpid(-1, NULL, 0) == -1)
				_exit(104);
			break;
		case 'x':		/* exec ourselves, as cat */
			dup2(in, 0);
			dup2(out, 1);
			execlp("cat", "cat", (char *)NULL);
			_exit(101);
		case 'q':
			_exit(7);
		default:
			break;
		}
		if (write(out, &c, 1) != 1)
			_exit(102);
	}
	_exit(0);
}

static struct child
child_start(void)
{
	struct child ch;
	int a[2], b[2];

	ATF_REQUIRE_EQ(0, pipe(a));
	ATF_REQUIRE_EQ(0, pipe(b));
	ATF_REQUIRE((ch.pid = fork()) != -1);
	if (ch.pid == 0) {
		close(a[1]);
		close(b[0]);
		child_main(a[0], b[1]);
	}
	close(a[0]);
	close(b[1]);
	ch.to = a[1];
	ch.from = b[0];
	return (ch);
}

static void
child_tell(struct child *ch, char c)
{
	char answer;

	ATF_REQUIRE_EQ(1, write(ch->to, &c, 1));
	if (c != 'q' && c != 'x')
		ATF_REQUIRE_EQ(1, read(ch->from, &answer, 1));
}

static void
child_end(struct child *ch)
{
	close(ch->to);
	close(ch->from);
	ATF_REQUIRE_EQ(ch->pid, waitpid(ch->pid, NULL, 0));
}

/* Have ch make a child, that *kidp tells things; ch must be young. */
static void
child_kid(struct child *ch, struct child *kidp)
{
	char c = 'k';

	ATF_REQUIRE_EQ(1, write(ch->to, &c, 1));
	ATF_REQUIRE_EQ((ssize_t)sizeof(kidp->pid), read(ch->from, &kidp->pid,
	    sizeof(kidp->pid)));
	ATF_REQUIRE(kidp->pid > 1);
	kidp->to = kid_to[1];
	kidp->from = kid_from[0];
}

/* A child that can have a kid. */
static struct child
child_parent(void)
{
	ATF_REQUIRE_EQ(0, pipe(kid_to));
	ATF_REQUIRE_EQ(0, pipe(kid_from));
	return (child_start());
}

/* The proc connector, or the case ends here. */
static void
need_connector(int kq)
{
	struct child ch = child_start();
	int error;

	error = kq_test_change(kq, (uintptr_t)ch.pid, EVFILT_PROC, EV_ADD,
	    NOTE_FORK, 0, NULL);
	if (error == 0)
		KQ_CHANGE(kq, ch.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	child_end(&ch);
	if (error != 0)
		atf_tc_skip("no proc connector: %s", strerror(error));
}

#endif /* !_CHILD_TEST_H_ */
