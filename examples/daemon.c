/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon config: the signal side of a daemon, without a signal handler.
 * SIGHUP reads the configuration again, SIGCHLD tells of the worker, which
 * is started again, SIGTERM ends it all.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
configure(const char *name)
{
	char line[80] = "";
	FILE *fp;

	if ((fp = fopen(name, "r")) != NULL) {
		if (fgets(line, sizeof(line), fp) != NULL)
			line[strcspn(line, "\n")] = '\0';
		fclose(fp);
	}
	printf("configured: %s\n", line);
}

/* The worker ignores what the daemon ignores; SIGUSR1 ends it at any time. */
static pid_t
work(void)
{
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0)
		for (;;)
			pause();
	printf("worker %ld\n", (long)pid);
	return (pid);
}

int
main(int argc, char *argv[])
{
	struct kevent ch[3], ev;
	pid_t pid, worker;
	int kq, status, stop = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		return (2);
	/* The filter sees ignored signals too; SIGCHLD must stay default. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	kq = kqueue();
	EV_SET(&ch[0], SIGHUP, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL);
	EV_SET(&ch[1], SIGTERM, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL);
	EV_SET(&ch[2], SIGCHLD, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL);
	if (kq == -1 || kevent(kq, ch, 3, NULL, 0, NULL) == -1) {
		perror("daemon: kqueue");
		return (1);
	}
	configure(argv[1]);
	worker = work();

	while (!stop || worker != -1) {
		if (kevent(kq, NULL, 0, &ev, 1, NULL) != 1)
			return (1);
		printf("signal: %s, %lld since the last look\n",
		    strsignal((int)ev.ident), (long long)ev.data);
		switch (ev.ident) {
		case SIGHUP:
			configure(argv[1]);
			break;
		case SIGTERM:
			stop = 1;
			if (worker != -1)
				kill(worker, SIGUSR1);
			break;
		case SIGCHLD:
			/* Signals merge: ask until nobody is left. */
			while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
				if (pid == worker)
					worker = stop ? -1 : work();
			break;
		}
	}
	return (0);
}
