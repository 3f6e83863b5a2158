/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch-run [-n times] file ... -- command ...: runs the command whenever
 * one of the files has changed.  Changes within a moment count as one.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOMENT = 1, MOMENT_MS = 50 };
static int kq;

static void
change(uintptr_t ident, int filter, unsigned short flags, unsigned int fflags,
    int data, void *udata)
{
	struct kevent ev;

	EV_SET(&ev, ident, filter, flags, fflags, data, udata);
	if (kevent(kq, &ev, 1, NULL, 0, NULL) == -1) {
		perror("watch-run: kevent");
		exit(1);
	}
}

/* Editors put a new file in the old one's place, hence DELETE and RENAME. */
static int
watch(char *name)
{
	int fd;

	if ((fd = open(name, O_RDONLY)) != -1)
		change(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_DELETE |
		    NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME, 0, name);
	return (fd);
}

int
main(int argc, char *argv[])
{
	struct kevent ev;
	pid_t pid;
	int changed = 0, i, running = 0, times = -1;

	if (argc > 2 && strcmp(argv[1], "-n") == 0)
		times = atoi(argv[2]), argc -= 2, argv += 2;
	kq = kqueue();
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (watch(argv[i]) == -1)
			perror(argv[i]);
	if (++i >= argc)
		return (2);
	argv += i;
	fprintf(stderr, "watch-run: watching\n");

	while (times != 0) {
		if (kevent(kq, NULL, 0, &ev, 1, NULL) != 1)
			return (1);
		if (ev.filter == EVFILT_VNODE) {
			fprintf(stderr, "vnode: %s changed (0x%x)\n",
			    (char *)ev.udata, ev.fflags);
			if (ev.fflags & (NOTE_DELETE | NOTE_RENAME)) {
				close((int)ev.ident);
				if (watch(ev.udata) == -1)
					fprintf(stderr, "it is gone\n");
			}
		} else if (ev.filter == EVFILT_TIMER) {
			fprintf(stderr, "timer: the moment is over\n");
			if ((pid = fork()) == 0) {
				execvp(argv[0], argv);
				_exit(127);
			}
			change(pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
			changed = 0;
			running = 1;
		} else {
			fprintf(stderr, "proc: exit status %d\n",
			    WEXITSTATUS((int)ev.data));
			while (waitpid((pid_t)ev.ident, NULL, 0) == -1)
				continue;
			running = 0;
			times--;
		}
		changed |= ev.filter == EVFILT_VNODE;
		if (changed && !running)
			change(MOMENT, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
			    MOMENT_MS, NULL);
	}
	return (0);
}
