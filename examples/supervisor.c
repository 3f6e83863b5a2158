/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supervisor times command ...: runs the command, starts it again when it
 * ends, so many times in all, and prints what its process tree does.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int kq;

static int
add(uintptr_t ident, int filter, unsigned int fflags, int data)
{
	struct kevent ev;

	EV_SET(&ev, ident, filter, EV_ADD | EV_ONESHOT * (filter ==
	    EVFILT_TIMER), fflags, data, NULL);
	return (kevent(kq, &ev, 1, NULL, 0, NULL));
}

/* The child waits at a pipe until it is watched: nothing is missed. */
static pid_t
start(char *argv[])
{
	pid_t pid = -1;
	int gate[2];
	char c;

	if (pipe(gate) == -1)
		exit(1);
	if ((pid = fork()) == 0) {
		close(gate[1]);
		if (read(gate[0], &c, 1) == 0)
			execvp(argv[0], argv);
		_exit(127);
	}
	close(gate[0]);
	if (add(pid, EVFILT_PROC, NOTE_EXIT | NOTE_FORK | NOTE_EXEC |
	    NOTE_TRACK, 0) == -1) {
		perror("cannot follow the tree");
		if (add(pid, EVFILT_PROC, NOTE_EXIT, 0) == -1)
			exit(1);
	}
	close(gate[1]);
	printf("%ld started\n", (long)pid);
	return (pid);
}

int
main(int argc, char *argv[])
{
	struct kevent ev;
	pid_t child;
	int alive = 1, status, times;

	setvbuf(stdout, NULL, _IOLBF, 0);
	kq = kqueue();
	if (argc < 3 || (times = atoi(argv[1])) < 1)
		return (2);
	child = start(&argv[2]);

	/* alive counts the tree; the last time, wait for all of it. */
	while (times > 0 || alive > 0) {
		if (kevent(kq, NULL, 0, &ev, 1, NULL) != 1)
			return (1);
		if (ev.filter == EVFILT_TIMER) {
			printf("timer: the pause is over\n");
			child = start(&argv[2]);
			alive++;
			continue;
		}
		printf("proc: %ld", (long)ev.ident);
		printf("%s%s%s%s", ev.fflags & NOTE_CHILD ? " is new" : "",
		    ev.fflags & NOTE_FORK ? " forked" : "",
		    ev.fflags & NOTE_TRACKERR ? " (not followed)" : "",
		    ev.fflags & NOTE_EXEC ? " runs a program" : "");
		alive += (ev.fflags & NOTE_CHILD) != 0;
		if ((ev.fflags & NOTE_EXIT) == 0) {
			printf("\n");
			continue;
		}
		status = (int)ev.data;
		printf(WIFEXITED(status) ? " exited with %d\n" :
		    " was killed by signal %d\n", WIFEXITED(status) ?
		    WEXITSTATUS(status) : WTERMSIG(status));
		alive--;
		if ((pid_t)ev.ident == child) {
			while (waitpid(child, NULL, 0) == -1)
				continue;
			if (--times > 0)
				add(1, EVFILT_TIMER, 0, 50);
		}
	}
	return (0);
}
