/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_READ and EVFILT_WRITE on regular files and directories: clauses
 * READ-33 to READ-39 and WRITE-17, on the file system of the test and tmpfs.
 */
#include <sys/syscall.h>

#include <pthread.h>

#include "place_test.h"

/* A new file of ten bytes; the offset is 0. */
static int
file_make(const char *name)
{
	int fd;

	ATF_REQUIRE((fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644)) != -1);
	ATF_REQUIRE_EQ(10, pwrite(fd, "0123456789", 10, 0));
	return (fd);
}

#define	SEEK(fd, off)	ATF_REQUIRE_EQ(off, lseek(fd, off, SEEK_SET))

FILE_TC(level, "READ-33: data is the size minus the offset, as of the call")
{
	char buf[4];
	int kq = KQ_OPEN();
	int fd = file_make("file");

	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .flags = 0, .fflags = 0, .data = 10);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
	ATF_REQUIRE_EQ(4, read(fd, buf, 4));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 6);
	SEEK(fd, 9);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
	ATF_REQUIRE_EQ(5, pwrite(fd, "abcde", 5, 10));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 6);
}

FILE_TC(negative, "READ-33: data is negative where the offset is beyond the end")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	SEEK(fd, 15);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .flags = 0, .data = -5);
	ATF_REQUIRE_EQ(0, ftruncate(fd, 0));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = -15);
}

FILE_TC(large, "READ-33: data beyond 2 GB, either sign")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	if (sizeof(intptr_t) < 8)
		atf_tc_skip("data has 32 bits");
	ATF_REQUIRE_EQ(0, ftruncate(fd, (off_t)5000000000));
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = (intptr_t)5000000000);
	SEEK(fd, (off_t)4999999999);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
	/* 2^32 is 0 in an int. */
	SEEK(fd, (off_t)5000000000 - (off_t)4294967296);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = (intptr_t)4294967296);
	ATF_REQUIRE_EQ(0, ftruncate(fd, 0));
	SEEK(fd, (off_t)5000000000);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = -(intptr_t)5000000000);
}

FILE_TC(end, "READ-34: at the end of the file: not ready, and no EV_EOF")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	/* Reading up to it ends it as well. */
	SEEK(fd, 0);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_POLL_READABLE(kq);
	SEEK(fd, 10);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

FILE_TC(empty, "READ-34: an empty file is at its end")
{
	int kq = KQ_OPEN();
	int fd = open("empty", O_RDWR | O_CREAT, 0600);

	ATF_REQUIRE(fd != -1);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
}

FILE_TC(growth, "READ-34: growth and truncation make it ready")
{
	char buf[16];
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int other = open("file", O_WRONLY | O_APPEND);

	ATF_REQUIRE(other != -1);
	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(3, write(other, "abc", 3));
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 3);
	ATF_REQUIRE_EQ(3, read(fd, buf, sizeof(buf)));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, ftruncate(other, 100));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 87);
	SEEK(fd, 100);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, truncate("file", 40));
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = -60);
}

FILE_TC(clear, "READ-33, SCAN-16: EV_CLEAR: an event for each change")
{
	char c;
	int kq = KQ_OPEN();
	int fd = file_make("file");

	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .flags = EV_CLEAR, .data = 10);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(1, read(fd, &c, 1));
	KQ_EXPECT_NOTHING(kq);
	/* Within: the level holds, so that is an event, too. */
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 9);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 10));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
	KQ_EXPECT_NOTHING(kq);
	SEEK(fd, 11);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	KQ_EXPECT_NOTHING(kq);
	/* REG-19 */
	SEEK(fd, 1);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
}

FILE_TC(oneshot, "SCAN-7: EV_ONESHOT: one event, for what is or what comes")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
	KQ_EXPECT_NOTHING(kq);
	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	/* Within is no growth. */
	ATF_REQUIRE_EQ(2, pwrite(fd, "ab", 2, 0));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(2, pwrite(fd, "ab", 2, 10));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 2);
	ATF_REQUIRE_EQ(2, pwrite(fd, "ab", 2, 12));
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, fd, EVFILT_READ, EV_DELETE, 0, 0);
}

FILE_TC(dispatch, "SCAN-7: EV_DISPATCH: one event, and again after EV_ENABLE")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 10));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
}

FILE_TC(disabled, "REG-24, REG-26: growth while disabled is not lost")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 10));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
}

FILE_TC(seek, "READ-35: a seek does not notify; adding again looks again")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	SEEK(fd, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
}

FILE_TC(unlinked, "READ-36: unlink does nothing; the file goes on growing")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, link("file", "file2"));
	ATF_REQUIRE_EQ(0, unlink("file"));
	ATF_REQUIRE_EQ(0, unlink("file2"));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 10));
	KQ_EXPECT(kq, fd, EVFILT_READ, .flags = 0, .data = 1);
}

FILE_TC(oldapi, "READ-37: the select() bit of DragonFly is ignored")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, NOTE_OLDAPI, 0);
	KQ_EXPECT_NOTHING(kq);
}

FILE_TC(directory, "READ-38, WRITE-17: directories can be registered")
{
	int kq = KQ_OPEN();
	int fd;

	ATF_REQUIRE_EQ(0, mkdir("dir", 0755));
	ATF_REQUIRE((fd = open("dir", O_RDONLY | O_DIRECTORY)) != -1);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, fd, EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_WRITE, .flags = 0, .data = 0);
}

KQ_TC(procfs, "READ-39: files and directories of procfs: EOPNOTSUPP")
{
	static const char *const path[] = { "/proc/self/status", "/proc/self" };
	int kq = KQ_OPEN();
	int fd, i;

	for (i = 0; i < 2; i++) {
		ATF_REQUIRE((fd = open(path[i], O_RDONLY)) != -1);
		KQ_CHANGE_ERROR(kq, EOPNOTSUPP, fd, EVFILT_READ, EV_ADD, 0, 0);
		KQ_CHANGE_ERROR(kq, ENOENT, fd, EVFILT_READ, EV_DELETE, 0, 0);
		close(fd);
	}
}

FILE_TC(write_always, "WRITE-17: writing to a file is always possible, data 0")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int ro = open("file", O_RDONLY);
	int i;

	KQ_CHANGE(kq, fd, EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_POLL_READABLE(kq);
	for (i = 0; i < 3; i++)
		KQ_EXPECT(kq, fd, EVFILT_WRITE, .flags = 0, .fflags = 0,
		    .data = 0);
	KQ_CHANGE(kq, fd, EVFILT_WRITE, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
	/* REG-8 */
	KQ_CHANGE(kq, ro, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, ro, EVFILT_WRITE, .flags = EV_CLEAR, .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, ro, EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_EXPECT(kq, ro, EVFILT_WRITE, .data = 0);
}

FILE_TC(both, "READ and WRITE on one file, each by its own")
{
	struct kevent kev[3];
	int kq = KQ_OPEN();
	int fd = file_make("file");

	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, EVFILT_WRITE, EV_ADD | EV_ONESHOT, 0, 0);
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	KQ_MATCH(&kev[0], fd, EVFILT_READ, .data = 10);
	KQ_MATCH(&kev[1], fd, EVFILT_WRITE, .data = 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 10);
	SEEK(fd, 10);
	KQ_EXPECT_NOTHING(kq);
}

FILE_TC(rotation, "SCAN-9, SCAN-10: level files take turns, one event per call")
{
	struct kevent kev[8];
	struct timespec zero = { 0, 0 };
	int fds[4], seen[4] = { 0 };
	char name[16];
	int kq = KQ_OPEN();
	int i, j;

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fds[i] = file_make(name);
		KQ_CHANGE(kq, fds[i], EVFILT_READ, EV_ADD, 0, 0);
	}
	ATF_REQUIRE_EQ(4, kevent(kq, NULL, 0, kev, 8, &zero));
	for (i = 0; i < 8; i++) {
		ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, kev, 1, &zero));
		for (j = 0; j < 4; j++)
			seen[j] += kev[0].ident == (uintptr_t)fds[j];
	}
	for (j = 0; j < 4; j++)
		ATF_CHECK_EQ(2, seen[j]);
}

FILE_TC(several, "KQ-19: descriptors with offsets of their own, two kqueues")
{
	struct kevent kev[3];
	int kq = KQ_OPEN(), kq2 = KQ_OPEN();
	int one = file_make("file");
	int two = open("file", O_RDONLY);

	ATF_REQUIRE(two != -1);
	SEEK(one, 10);
	SEEK(two, 5);
	KQ_CHANGE(kq, one, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, two, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq2, one, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, two, EVFILT_READ, .data = 5);
	KQ_EXPECT_NOTHING(kq2);
	ATF_REQUIRE_EQ(1, pwrite(one, "x", 1, 10));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	KQ_EXPECT(kq2, one, EVFILT_READ, .data = 1);
	close(two);
	KQ_EXPECT(kq, one, EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, one, EVFILT_READ, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_EXPECT(kq2, one, EVFILT_READ, .data = 1);
}

FILE_TC(closed, "REG-31: close removes the knotes of a file")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int keep = dup(fd);

	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_POLL_READABLE(kq);
	close(fd);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, pwrite(keep, "x", 1, 0));
	KQ_EXPECT_NOTHING(kq);
}

FILE_TC(closed_unseen, "REG-33: a file closed behind our back, and used again")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int keep = dup(fd);
	int other;

	SEEK(fd, 10);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, syscall(SYS_close, fd));
	/* A copy that grows is not what was registered. */
	ATF_REQUIRE_EQ(1, pwrite(keep, "x", 1, 10));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(fd, other = file_make("other"));
	KQ_CHANGE(kq, other, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, other, EVFILT_READ, .data = 10);
	SEEK(other, 10);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, pwrite(other, "x", 1, 10));
	KQ_EXPECT(kq, other, EVFILT_READ, .data = 1);
	SEEK(other, 11);
	ATF_REQUIRE_EQ(1, pwrite(keep, "x", 1, 11));
	KQ_EXPECT_NOTHING(kq);
	/* There is one registration, and no more. */
	KQ_CHANGE(kq, other, EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, other, EVFILT_READ, EV_DELETE, 0, 0);
	/* What is written to needs no watch. */
	KQ_CHANGE(kq, other, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, other, EVFILT_WRITE, .data = 0);
	KQ_CHANGE(kq, other, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, other, EVFILT_WRITE, .data = 0);
	close(other);
	close(keep);
}

struct tail {
	int	kq;
	int	fd;
	size_t	want;
};

/* tail -f: sleep, read up to the end, sleep. */
static void *
tail_main(void *arg)
{
	struct tail *t = arg;
	struct kevent kev;
	char buf[64];
	size_t got;
	ssize_t n;

	for (got = 0; got < t->want;) {
		if (kq_test_collect(t->kq, &kev, 1) != 1 || kev.data <= 0)
			return ((void *)1);
		while ((n = read(t->fd, buf, sizeof(buf))) > 0)
			got += (size_t)n;
	}
	return (NULL);
}

FILE_TC(tail, "READ-34: tail -f, for level and EV_CLEAR knotes")
{
	struct tail t;
	pthread_t thread;
	void *ret;
	int fd, i, mode;

	for (mode = 0; mode < 2; mode++) {
		fd = file_make("file");
		ATF_REQUIRE((t.fd = open("file", O_RDONLY)) != -1);
		t.kq = KQ_OPEN();
		t.want = 10 + 300 * 7;
		KQ_CHANGE(t.kq, t.fd, EVFILT_READ,
		    EV_ADD | (mode != 0 ? EV_CLEAR : 0), 0, 0);
		ATF_REQUIRE_EQ(0, pthread_create(&thread, NULL, tail_main,
		    &t));
		for (i = 0; i < 300; i++)
			ATF_REQUIRE_EQ(7, pwrite(fd, "line 1\n", 7,
			    10 + i * 7));
		ATF_REQUIRE_EQ(0, pthread_join(thread, &ret));
		ATF_CHECK_EQ(NULL, ret);
		KQ_EXPECT_NOTHING(t.kq);
		close(fd);
		close(t.fd);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, level);
	ATF_TP_ADD_TC(tp, negative);
	ATF_TP_ADD_TC(tp, large);
	ATF_TP_ADD_TC(tp, end);
	ATF_TP_ADD_TC(tp, empty);
	ATF_TP_ADD_TC(tp, growth);
	ATF_TP_ADD_TC(tp, clear);
	ATF_TP_ADD_TC(tp, oneshot);
	ATF_TP_ADD_TC(tp, dispatch);
	ATF_TP_ADD_TC(tp, disabled);
	ATF_TP_ADD_TC(tp, seek);
	ATF_TP_ADD_TC(tp, unlinked);
	ATF_TP_ADD_TC(tp, oldapi);
	ATF_TP_ADD_TC(tp, directory);
	ATF_TP_ADD_TC(tp, procfs);
	ATF_TP_ADD_TC(tp, write_always);
	ATF_TP_ADD_TC(tp, both);
	ATF_TP_ADD_TC(tp, rotation);
	ATF_TP_ADD_TC(tp, several);
	ATF_TP_ADD_TC(tp, closed);
	ATF_TP_ADD_TC(tp, closed_unseen);
	ATF_TP_ADD_TC(tp, tail);
	return (atf_no_error());
}
