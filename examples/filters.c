/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filters: asks the system which filters it has, by adding one event of each
 * kind to a kqueue, and prints the answers in words.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int kq;

static void
ask(const char *name, uintptr_t ident, int filter, unsigned int fflags,
    int number, const char *what)
{
	const struct timespec now = { 0, 0 };
	struct kevent change, answer;

	/* EV_RECEIPT: the answer comes as data, which is 0 for yes. */
	EV_SET(&change, ident, filter, EV_ADD | EV_RECEIPT, fflags, number,
	    NULL);
	if (kevent(kq, &change, 1, &answer, 1, &now) != 1) {
		perror("filters: kevent");
		exit(1);
	}
	if (answer.data == 0)
		printf("%-8s yes  %s\n", name, what);
	else
		printf("%-8s no   %s: %s\n", name, what,
		    strerror((int)answer.data));
	change.flags = EV_DELETE;
	(void)kevent(kq, &change, 1, NULL, 0, &now);
}

int
main(void)
{
	int dir, fds[2], sock[2];

	if ((kq = kqueue()) == -1 || pipe(fds) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == -1 ||
	    (dir = open(".", O_RDONLY)) == -1) {
		perror("filters");
		return (1);
	}

	ask("read", fds[0], EVFILT_READ, 0, 0, "a pipe");
	ask("write", fds[1], EVFILT_WRITE, 0, 0, "a pipe");
#ifdef EVFILT_EXCEPT
	ask("except", sock[0], EVFILT_EXCEPT, NOTE_OOB, 0, "a socket");
#endif
	ask("vnode", dir, EVFILT_VNODE, NOTE_WRITE, 0, "a directory");
	ask("proc", getpid(), EVFILT_PROC, NOTE_EXIT, 0, "this process");
	ask("track", getpid(), EVFILT_PROC, NOTE_EXIT | NOTE_FORK | NOTE_EXEC |
	    NOTE_TRACK, 0, "this process and its children");
	ask("signal", SIGHUP, EVFILT_SIGNAL, 0, 0, "SIGHUP");
	ask("timer", 1, EVFILT_TIMER, 0, 1000, "a second");
#ifdef EVFILT_USER
	ask("user", 1, EVFILT_USER, 0, 0, "number 1");
#endif
#ifdef EVFILT_FS
	ask("fs", 1, EVFILT_FS, 0, 0, "mounts and unmounts");
#endif
	ask("aio", 1, EVFILT_AIO, 0, 0, "asynchronous input and output");
	return (0);
}
