/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo-server [port [idle-ms]]: sends back what TCP clients on the loopback
 * interface send.  A client that says nothing for a while is dropped.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct client {
	char buf[4096];
	ssize_t len, sent;
	int spoke;	/* since the last tick of its timer */
} clients[1024];
static int kq;

static void
change(int ident, int filter, unsigned short flags, int data)
{
	struct kevent ev;

	EV_SET(&ev, ident, filter, flags, 0, data, NULL);
	if (kevent(kq, &ev, 1, NULL, 0, NULL) == -1)
		exit((perror("echo-server: kevent"), 1));
}

/* While not all has gone out, listen to WRITE and not to READ. */
static int
serve(int fd, int filter, struct client *c)
{
	ssize_t n;

	if (filter == EVFILT_READ) {
		c->spoke = 1, c->sent = 0;
		if ((c->len = read(fd, c->buf, sizeof(c->buf))) <= 0)
			return (0);
	}
	n = send(fd, c->buf + c->sent, c->len - c->sent, MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN)
		return (0);
	c->sent += n == -1 ? 0 : n;
	if (filter == EVFILT_READ && c->sent < c->len) {
		change(fd, EVFILT_READ, EV_DISABLE, 0);
		change(fd, EVFILT_WRITE, EV_ADD, 0);
	} else if (filter == EVFILT_WRITE && c->sent == c->len) {
		change(fd, EVFILT_WRITE, EV_DELETE, 0);
		change(fd, EVFILT_READ, EV_ENABLE, 0);
	}
	return (1);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct kevent ev;
	socklen_t len = sizeof(sin);
	int fd, idle = argc > 2 ? atoi(argv[2]) : 10000, s, silent, timer;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0);
	kq = kqueue();
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s, (struct sockaddr *)&sin, len) == -1 ||
	    listen(s, 128) == -1 ||
	    getsockname(s, (struct sockaddr *)&sin, &len) == -1)
		return (perror("echo-server"), 1);
	change(s, EVFILT_READ, EV_ADD, 0);
	printf("port %d\n", ntohs(sin.sin_port));

	while (fflush(stdout), kevent(kq, NULL, 0, &ev, 1, NULL) == 1) {
		fd = (int)ev.ident;
		timer = ev.filter == EVFILT_TIMER;
		silent = timer && !clients[fd].spoke;
		printf("%s: %s %d, data %lld%s%s\n", timer ? "timer" :
		    ev.filter == EVFILT_READ ? "read" : "write",
		    fd == s ? "listener" : "client", fd, (long long)ev.data,
		    ev.flags & EV_EOF ? ", end of file" : "",
		    silent ? ", silent: dropped" : "");
		if (fd == s) {
			if ((fd = accept(s, NULL, NULL)) == -1 || fd > 1023)
				break;
			fcntl(fd, F_SETFL, O_NONBLOCK);
			change(fd, EVFILT_READ, EV_ADD, 0);
			change(fd, EVFILT_TIMER, EV_ADD, idle);
			clients[fd].spoke = 1;
			continue;
		}
		clients[fd].spoke &= !timer;
		if (silent || (!timer && !serve(fd, ev.filter, &clients[fd]))) {
			/* close() removes READ and WRITE, not the timer. */
			change(fd, EVFILT_TIMER, EV_DELETE, 0);
			close(fd);
		}
	}
	return (1);
}
