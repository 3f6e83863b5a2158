/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo-client [-v] port [ms]: loads an echo server on the loopback interface
 * with 64 connections, for a second or so, and prints what it measured.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NCONN = 64, SIZE = 64 };

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1e6 + ts.tv_nsec / 1e3);	/* microseconds */
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

int
main(int argc, char *argv[])
{
	static const char message[SIZE];
	static double sent[4 * NCONN];
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct kevent ch[2], ev[NCONN];
	char buf[SIZE];
	double start, sum = 0, trip, worst = 0;
	int fd, i, kq, n, over = 0, trips = 0, verbose;

	if ((verbose = argc > 1 && strcmp(argv[1], "-v") == 0))
		argv++, argc--;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(argc > 1 ? atoi(argv[1]) : 7);
	kq = kqueue();
	/* Connected: WRITE says so, once.  Then READ tells of each reply. */
	for (i = 0; i < NCONN; i++) {
		if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
		    fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
			die("socket");
		/* A failure is reported as an end of file. */
		(void)connect(fd, (struct sockaddr *)&sin, sizeof(sin));
		EV_SET(&ch[0], fd, EVFILT_WRITE, EV_ADD | EV_ONESHOT, 0, 0, 0);
		EV_SET(&ch[1], fd, EVFILT_READ, EV_ADD, NOTE_LOWAT, SIZE, 0);
		if (kevent(kq, ch, 2, NULL, 0, NULL) == -1)
			die("kevent");
	}
	EV_SET(&ch[0], 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
	    argc > 2 ? atoi(argv[2]) : 1000, NULL);
	n = kevent(kq, ch, 1, NULL, 0, NULL);

	for (start = now(); n != -1 && !over;) {
		n = kevent(kq, NULL, 0, ev, NCONN, NULL);
		for (i = 0; i < n; i++) {
			fd = (int)ev[i].ident;
			if (verbose)
				printf("%s %d, data %lld\n", ev[i].filter ==
				    EVFILT_TIMER ? "timer" : ev[i].filter ==
				    EVFILT_READ ? "read:" : "write:", fd,
				    (long long)ev[i].data);
			if ((over |= ev[i].filter == EVFILT_TIMER))
				break;
			if (ev[i].flags & EV_EOF)
				die("the server is gone");
			if (ev[i].filter == EVFILT_READ) {
				if (read(fd, buf, SIZE) != SIZE)
					die("read");
				trip = now() - sent[fd];
				worst = trip > worst ? trip : worst;
				sum += trip;
				trips++;
			}
			sent[fd] = now();
			if (write(fd, message, SIZE) != SIZE)
				die("write");
		}
	}
	printf("%d connections, %d round trips of %d bytes, %.0f a second; "
	    "%.0f us each, at worst %.0f us\n", NCONN, trips, SIZE,
	    trips / (now() - start) * 1e6, sum / trips, worst);
	return (trips < NCONN);
}
