/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer-user: a periodic timer, a timer that fires once, and user events
 * that another thread triggers, all collected in one loop.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK = 1, DEADLINE = 2 };	/* timers */
enum { MAIL = 1, DONE = 2 };		/* user events */
enum { NLETTERS = 3 };

static int kq;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
change(uintptr_t ident, int filter, unsigned short flags, unsigned int fflags,
    int data)
{
	struct kevent ev;

	EV_SET(&ev, ident, filter, flags, fflags, data, NULL);
	if (kevent(kq, &ev, 1, NULL, 0, NULL) == -1)
		die("kevent");
}

/* Posts letters 1, 2 and 4 at its own pace; unread ones are collected. */
static void *
postman(void *arg)
{
	struct kevent ev;
	int i, mykq;

	/* A kqueue of its own is this thread's alarm clock. */
	if ((mykq = kqueue()) == -1)
		die("kqueue");
	EV_SET(&ev, 1, EVFILT_TIMER, EV_ADD, 0, 30, NULL);
	for (i = 0; i < NLETTERS; i++) {
		if (kevent(mykq, &ev, i == 0, &ev, 1, NULL) != 1)
			die("kevent");
		change(MAIL, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFOR |
		    1u << i, 0);
	}
	close(mykq);
	return (arg);
}

int
main(void)
{
	struct kevent ev;
	pthread_t thread;
	unsigned int letters = 0;
	int deadline = 0, ticks = 0;

	if ((kq = kqueue()) == -1)
		die("kqueue");
	change(TICK, EVFILT_TIMER, EV_ADD, 0, 20);
	change(DEADLINE, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 150);
	change(MAIL, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	change(DONE, EVFILT_USER, EV_ADD | EV_ONESHOT, 0, 0);
	if (pthread_create(&thread, NULL, postman, NULL) != 0)
		return (1);

	for (;;) {
		if (kevent(kq, NULL, 0, &ev, 1, NULL) != 1)
			die("kevent");
		if (ev.filter == EVFILT_TIMER && ev.ident == TICK) {
			printf("timer: tick, %lld since the last look\n",
			    (long long)ev.data);
			ticks += (int)ev.data;
		} else if (ev.filter == EVFILT_TIMER) {
			printf("timer: the deadline, after %d ticks\n", ticks);
			deadline = 1;
		} else if (ev.ident == MAIL) {
			printf("user: mail, bits 0x%x\n", ev.fflags);
			letters |= ev.fflags;
		} else {
			printf("user: done\n");
			break;
		}
		if (deadline && letters == (1u << NLETTERS) - 1)
			change(DONE, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	}
	pthread_join(thread, NULL);
	return (ticks >= 5 ? 0 : 1);
}
