/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tail-f file ...: prints what is appended to the files, until the last of
 * them is deleted.  READ tells of new data, VNODE of the file itself.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
	unsigned int bit;
	const char *word;
} words[] = {
	{ NOTE_DELETE, "deleted" }, { NOTE_WRITE, "written" },
	{ NOTE_EXTEND, "extended" }, { NOTE_ATTRIB, "attributes changed" },
	{ NOTE_LINK, "link count changed" }, { NOTE_RENAME, "renamed" },
	{ NOTE_REVOKE, "revoked" },
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* What is new goes to standard output; the words go to standard error. */
static void
copy(int fd)
{
	char buf[8192];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(STDOUT_FILENO, buf, n) != n)
			die("write");
}

int
main(int argc, char *argv[])
{
	struct kevent ch[2], ev;
	const char *name;
	size_t w;
	int fd, i, kq, left = 0;

	if ((kq = kqueue()) == -1)
		die("kqueue");
	for (i = 1; i < argc; i++) {
		if ((fd = open(argv[i], O_RDONLY)) == -1 ||
		    lseek(fd, 0, SEEK_END) == -1)
			die(argv[i]);
		EV_SET(&ch[0], fd, EVFILT_READ, EV_ADD, 0, 0, argv[i]);
		EV_SET(&ch[1], fd, EVFILT_VNODE, EV_ADD | EV_CLEAR,
		    NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB |
		    NOTE_LINK | NOTE_RENAME | NOTE_REVOKE, 0, argv[i]);
		if (kevent(kq, ch, 2, NULL, 0, NULL) == -1)
			die("kevent");
		left++;
	}
	fprintf(stderr, "tail-f: following %d files\n", left);

	while (left > 0) {
		if (kevent(kq, NULL, 0, &ev, 1, NULL) != 1)
			die("kevent");
		fd = (int)ev.ident;
		name = ev.udata;
		if (ev.filter == EVFILT_READ) {
			fprintf(stderr, "read: %s, %lld bytes from the "
			    "offset to the end\n", name, (long long)ev.data);
			if (ev.data < 0)	/* it became shorter */
				(void)lseek(fd, ev.data, SEEK_CUR);
			else
				copy(fd);
			continue;
		}
		fprintf(stderr, "vnode: %s", name);
		for (w = 0; w < sizeof(words) / sizeof(words[0]); w++)
			if (ev.fflags & words[w].bit)
				fprintf(stderr, ", %s", words[w].word);
		fprintf(stderr, "\n");
		if (ev.fflags & (NOTE_DELETE | NOTE_REVOKE)) {
			copy(fd);
			close(fd);	/* and its events with it */
			left--;
		}
	}
	return (0);
}
