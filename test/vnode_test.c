/* SPDX-License-Identifier: BSD-2-Clause */
/* EVFILT_VNODE: clauses VN-1 to VN-15, on the file system of the test and tmpfs. */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "place_test.h"

#define	NOTE_ALL	(NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | \
			    NOTE_LINK | NOTE_RENAME | NOTE_REVOKE)

/* A new file of three bytes. */
static int
file_make(const char *name)
{
	int fd;

	ATF_REQUIRE((fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644)) != -1);
	ATF_REQUIRE_EQ(3, write(fd, "abc", 3));
	return (fd);
}

static int
dir_make(const char *name)
{
	int fd;

	ATF_REQUIRE_EQ(0, mkdir(name, 0755));
	ATF_REQUIRE((fd = open(name, O_RDONLY | O_DIRECTORY)) != -1);
	return (fd);
}

static void
file_touch(const char *name)
{
	close(file_make(name));
}

/* The process's inotify instances, and the watches in them. */
static int
inotify_count(int *watchesp)
{
	char line[256], path[64];
	struct dirent *de;
	ssize_t len;
	FILE *fp;
	DIR *dir;
	int n;

	n = *watchesp = 0;
	ATF_REQUIRE((dir = opendir("/proc/self/fd")) != NULL);
	while ((de = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/fd/%.20s",
		    de->d_name);
		len = readlink(path, line, sizeof(line));
		if (len != 18 || memcmp(line, "anon_inode:inotify", 18) != 0)
			continue;
		n++;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%.20s",
		    de->d_name);
		if ((fp = fopen(path, "r")) == NULL)
			continue;
		while (fgets(line, sizeof(line), fp) != NULL)
			*watchesp += strncmp(line, "inotify ", 8) == 0;
		fclose(fp);
	}
	closedir(dir);
	return (n);
}

static int
inotify_instances(void)
{
	int watches;

	return (inotify_count(&watches));
}

static int
inotify_watches(void)
{
	int watches;

	(void)inotify_count(&watches);
	return (watches);
}

#define	WATCH(kq, fd, mask)						\
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, mask, 0)

#define	EXPECT_NOTES(kq, fd, notes)					\
	KQ_EXPECT(kq, fd, EVFILT_VNODE, .fflags = (notes), .data = 0)

/* One operation on a new watched file, and exactly these notes. */
#define	EXPECT_AFTER(kq, fd, notes, ...) do {				\
	ATF_REQUIRE_MSG((__VA_ARGS__) != -1, "%s: %s", #__VA_ARGS__,	\
	    strerror(errno));						\
	EXPECT_NOTES(kq, fd, notes);					\
	KQ_EXPECT_NOTHING(kq);						\
} while (0)

#define	EXPECT_NONE_AFTER(kq, ...) do {					\
	ATF_REQUIRE_MSG((__VA_ARGS__) != -1, "%s: %s", #__VA_ARGS__,	\
	    strerror(errno));						\
	KQ_EXPECT_NOTHING(kq);						\
} while (0)

/*
 * What can be watched.
 */

KQ_TC(unsupported, "VN-1: sockets, pipes, kqueues and the like: EOPNOTSUPP")
{
	int kq = KQ_OPEN(), inner = KQ_OPEN();
	int fds[2], sock;

	ATF_REQUIRE_EQ(0, pipe(fds));
	ATF_REQUIRE((sock = socket(AF_UNIX, SOCK_STREAM, 0)) != -1);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, fds[0], EVFILT_VNODE, EV_ADD, NOTE_ALL,
	    0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, sock, EVFILT_VNODE, EV_ADD, NOTE_ALL,
	    0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, inner, EVFILT_VNODE, EV_ADD, NOTE_ALL,
	    0);
	close(fds[1]);
	KQ_CHANGE_ERROR(kq, EBADF, fds[1], EVFILT_VNODE, EV_ADD, NOTE_ALL, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(character_device, "VN-2: character devices: EOPNOTSUPP")
{
	int kq = KQ_OPEN();
	int fd;

	ATF_REQUIRE((fd = open("/dev/null", O_RDWR)) != -1);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, fd, EVFILT_VNODE, EV_ADD, NOTE_ALL, 0);
}

KQ_TC(procfs, "VN-1: files of procfs, which tells of nothing: EOPNOTSUPP")
{
	int kq = KQ_OPEN();
	int fd;

	ATF_REQUIRE((fd = open("/proc/self/status", O_RDONLY)) != -1);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, fd, EVFILT_VNODE, EV_ADD, NOTE_ALL, 0);
}

FILE_TC(fifo, "VN-2: a FIFO is a file, too")
{
	int kq = KQ_OPEN();
	int fd;

	ATF_REQUIRE_EQ(0, mkfifo("fifo", 0600));
	ATF_REQUIRE((fd = open("fifo", O_RDWR | O_NONBLOCK)) != -1);
	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, chmod("fifo", 0644));
	EXPECT_AFTER(kq, fd, NOTE_RENAME, rename("fifo", "fifo2"));
	EXPECT_AFTER(kq, fd, NOTE_DELETE, unlink("fifo2"));
	/* Beside what reading from it says. */
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(1, write(fd, "x", 1));
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
}

FILE_TC(symlink_itself, "VN-1: a symbolic link by O_PATH and O_NOFOLLOW")
{
	int kq = KQ_OPEN();
	int fd;

	ATF_REQUIRE_EQ(0, symlink("nowhere", "sym"));
	ATF_REQUIRE((fd = open("sym", O_PATH | O_NOFOLLOW)) != -1);
	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_RENAME, rename("sym", "sym2"));
	EXPECT_AFTER(kq, fd, NOTE_LINK, link("sym2", "sym3"));
	EXPECT_NONE_AFTER(kq, unlink("sym2"));
	EXPECT_AFTER(kq, fd, NOTE_DELETE, unlink("sym3"));
}

FILE_TC(nameless, "VN-1: files that have lost their name or never had one")
{
	int kq = KQ_OPEN();
	int fd;

	fd = file_make("gone");
	ATF_REQUIRE_EQ(0, unlink("gone"));
	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, write(fd, "d", 1));
	if ((fd = open(".", O_TMPFILE | O_RDWR, 0600)) != -1) {
		WATCH(kq, fd, NOTE_ALL);
		EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND,
		    write(fd, "d", 1));
		EXPECT_AFTER(kq, fd, NOTE_ATTRIB, fchmod(fd, 0644));
	}
}

/*
 * VN-9, line by line.
 */

FILE_TC(write_within, "VN-9: writing within the file: WRITE")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_WRITE, pwrite(fd, "x", 1, 1));
	EXPECT_AFTER(kq, fd, NOTE_WRITE, pwrite(fd, "xyz", 3, 0));
}

FILE_TC(write_beyond, "VN-9: writing beyond the end: WRITE and EXTEND")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, write(fd, "d", 1));
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, pwrite(fd, "z", 1, 99));
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND,
	    posix_fallocate(fd, 0, 5000));
}

FILE_TC(truncate_shorter, "VN-9: truncating: WRITE")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_WRITE, ftruncate(fd, 1));
	EXPECT_AFTER(kq, fd, NOTE_WRITE, truncate("file", 0));
}

FILE_TC(truncate_open, "VN-9: open with O_TRUNC: WRITE")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_WRITE, open("file", O_WRONLY | O_TRUNC));
}

FILE_TC(truncate_longer, "VN-9: truncating to more: WRITE and EXTEND")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, ftruncate(fd, 100));
}

FILE_TC(truncate_same, "VN-9: truncating to the size it has: nothing")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	atf_tc_expect_fail("Linux reports it like a write, and stamps mtime");
	EXPECT_NONE_AFTER(kq, ftruncate(fd, 3));
}

FILE_TC(attributes, "VN-9: chmod, chown, utimes, extended attributes: ATTRIB")
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, chmod("file", 0600));
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, fchmod(fd, 0600));
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, chown("file", geteuid(), getegid()));
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, futimens(fd, times));
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, utimensat(AT_FDCWD, "file", NULL, 0));
	if (setxattr("file", "user.test", "x", 1, 0) == 0) {
		EXPECT_NOTES(kq, fd, NOTE_ATTRIB);
		EXPECT_AFTER(kq, fd, NOTE_ATTRIB,
		    removexattr("file", "user.test"));
	}
}

FILE_TC(attribute_mtime, "VN-15: setting the modification time alone: ATTRIB")
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 2000, 0 } };
	struct kevent kev;
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ATTRIB);
	ATF_REQUIRE_EQ(0, futimens(fd, times));
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
	ATF_CHECK((kev.fflags & NOTE_ATTRIB) != 0);
	KQ_EXPECT_NOTHING(kq);
	/* A write in between is no attribute. */
	EXPECT_NONE_AFTER(kq, pwrite(fd, "x", 1, 0));
}

/* Wait until whatever is stamped now gets another time than fd has. */
static void
stamps_differ(int fd)
{
	struct stat now, then;
	int other;

	other = file_make("stamped");
	ATF_REQUIRE_EQ(0, fstat(fd, &then));
	do {
		ATF_REQUIRE_EQ(0, futimens(other, NULL));
		ATF_REQUIRE_EQ(0, fstat(other, &now));
	} while (now.st_ctim.tv_sec == then.st_ctim.tv_sec &&
	    now.st_ctim.tv_nsec / 10000000 == then.st_ctim.tv_nsec / 10000000);
	close(other);
}

FILE_TC(attribute_renamed, "VN-9: a write and a rename between two looks: no ATTRIB")
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 2000, 0 } };
	struct kevent kev;
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ATTRIB);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	stamps_differ(fd);
	EXPECT_NONE_AFTER(kq, rename("file", "file2"));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_ATTRIB | NOTE_WRITE, 0);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	stamps_differ(fd);
	EXPECT_AFTER(kq, fd, NOTE_WRITE, rename("file2", "file3"));
	/* A time that no write since the last look can have left. */
	ATF_REQUIRE_EQ(0, futimens(fd, times));
	ATF_REQUIRE_EQ(0, rename("file3", "file4"));
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
	ATF_CHECK((kev.fflags & NOTE_ATTRIB) != 0);
	KQ_EXPECT_NOTHING(kq);
}

FILE_TC(link_unlink, "VN-9: link: LINK; unlink: nothing, then DELETE")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_LINK, link("file", "file2"));
	EXPECT_NONE_AFTER(kq, unlink("file"));
	EXPECT_AFTER(kq, fd, NOTE_DELETE, unlink("file2"));
}

FILE_TC(rename_file, "VN-9: rename: RENAME")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	ATF_REQUIRE_EQ(0, mkdir("dir", 0755));
	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_RENAME, rename("file", "file2"));
	EXPECT_AFTER(kq, fd, NOTE_RENAME, rename("file2", "dir/file"));
}

FILE_TC(rename_over, "VN-9: rename over a target: DELETE on its last link")
{
	int kq = KQ_OPEN();
	int from = file_make("from");
	int to = file_make("to");
	struct kevent kev[3];
	int i;

	WATCH(kq, from, NOTE_ALL);
	WATCH(kq, to, NOTE_ALL);
	ATF_REQUIRE_EQ(0, rename("from", "to"));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	i = kev[0].ident == (uintptr_t)from ? 0 : 1;
	KQ_MATCH(&kev[i], from, EVFILT_VNODE, .fflags = NOTE_RENAME);
	KQ_MATCH(&kev[1 - i], to, EVFILT_VNODE, .fflags = NOTE_DELETE);
	KQ_EXPECT_NOTHING(kq);
	/* Where another link is left, hammer2 says nothing. */
	close(to);
	to = file_make("to2");
	ATF_REQUIRE_EQ(0, link("to2", "to3"));
	WATCH(kq, to, NOTE_ALL);
	EXPECT_AFTER(kq, from, NOTE_RENAME, rename("to", "to2"));
}

FILE_TC(rename_over_directory, "VN-9: a directory renamed over another: DELETE")
{
	int kq = KQ_OPEN();
	int to;

	ATF_REQUIRE_EQ(0, mkdir("from", 0755));
	to = dir_make("to");
	WATCH(kq, to, NOTE_ALL);
	EXPECT_AFTER(kq, to, NOTE_DELETE, rename("from", "to"));
}

FILE_TC(dir_entries, "VN-9: what comes, goes and is renamed in it: WRITE")
{
	int kq = KQ_OPEN();
	int dir = dir_make("dir");

	file_touch("out");
	WATCH(kq, dir, NOTE_ALL);
	EXPECT_AFTER(kq, dir, NOTE_WRITE, open("dir/new", O_CREAT, 0600));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, mkfifo("dir/fifo", 0600));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, symlink("x", "dir/sym"));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, link("dir/new", "dir/new2"));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, rename("dir/new", "dir/new3"));
	/* Two names of one file: POSIX has rename() do nothing. */
	EXPECT_NONE_AFTER(kq, rename("dir/new3", "dir/new2"));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, rename("dir/fifo", "dir/new2"));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, unlink("dir/new2"));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, rename("out", "dir/in"));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, rename("dir/in", "out"));
}

FILE_TC(dir_mkdir_rmdir, "VN-9: mkdir and rmdir in it: WRITE and LINK")
{
	int kq = KQ_OPEN();
	int dir = dir_make("dir");

	WATCH(kq, dir, NOTE_ALL);
	EXPECT_AFTER(kq, dir, NOTE_WRITE | NOTE_LINK, mkdir("dir/sub", 0700));
	EXPECT_AFTER(kq, dir, NOTE_WRITE, rename("dir/sub", "dir/sub2"));
	EXPECT_AFTER(kq, dir, NOTE_WRITE | NOTE_LINK, rmdir("dir/sub2"));
}

FILE_TC(dir_not_inside, "VN-9: what is done to the files in it: nothing")
{
	char c;
	int kq = KQ_OPEN();
	int dir = dir_make("dir");
	int fd = file_make("dir/file");

	WATCH(kq, dir, NOTE_ALL);
	EXPECT_NONE_AFTER(kq, write(fd, "x", 1));
	EXPECT_NONE_AFTER(kq, ftruncate(fd, 0));
	EXPECT_NONE_AFTER(kq, chmod("dir/file", 0600));
	EXPECT_NONE_AFTER(kq, utimensat(AT_FDCWD, "dir/file", NULL, 0));
	EXPECT_NONE_AFTER(kq, pread(fd, &c, 1, 0));
	EXPECT_NONE_AFTER(kq, close(open("dir/file", O_RDWR)));
}

FILE_TC(dir_itself, "VN-9: chmod and rename of a directory: ATTRIB, RENAME")
{
	int kq = KQ_OPEN();
	int dir = dir_make("dir");

	WATCH(kq, dir, NOTE_ALL);
	EXPECT_AFTER(kq, dir, NOTE_ATTRIB, chmod("dir", 0700));
	EXPECT_AFTER(kq, dir, NOTE_ATTRIB, utimensat(AT_FDCWD, "dir", NULL, 0));
	EXPECT_AFTER(kq, dir, NOTE_RENAME, rename("dir", "dir2"));
}

FILE_TC(dir_rmdir, "VN-9: rmdir of a watched directory: DELETE")
{
	int kq = KQ_OPEN();
	int dir = dir_make("dir");

	WATCH(kq, dir, NOTE_ALL);
	/* A namesake elsewhere, and others beside it, are not meant. */
	ATF_REQUIRE_EQ(0, mkdir("other", 0755));
	ATF_REQUIRE_EQ(0, mkdir("other/dir", 0755));
	EXPECT_NONE_AFTER(kq, rmdir("other/dir"));
	EXPECT_NONE_AFTER(kq, rmdir("other"));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("dir"));
	EXPECT_NONE_AFTER(kq, mkdir("dir", 0755));
	EXPECT_NONE_AFTER(kq, rmdir("dir"));
	/* VN-13: it is there while it is open, but goes once. */
	EXPECT_AFTER(kq, dir, NOTE_ATTRIB, fchmod(dir, 0700));
}

FILE_TC(dir_rmdir_parent, "VN-9: rmdir where the parent is watched as well")
{
	struct kevent kev[3];
	int kq = KQ_OPEN();
	int parent = dir_make("parent");
	int dir = dir_make("parent/dir");
	int i;

	WATCH(kq, dir, NOTE_DELETE);
	WATCH(kq, parent, NOTE_ALL);
	ATF_REQUIRE_EQ(0, rmdir("parent/dir"));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	i = kev[0].ident == (uintptr_t)dir ? 0 : 1;
	KQ_MATCH(&kev[i], dir, EVFILT_VNODE, .fflags = NOTE_DELETE);
	KQ_MATCH(&kev[1 - i], parent, EVFILT_VNODE,
	    .fflags = NOTE_WRITE | NOTE_LINK);
	KQ_EXPECT_NOTHING(kq);
	/* The parent's own watch outlives the child's. */
	KQ_CHANGE(kq, dir, EVFILT_VNODE, EV_DELETE, 0, 0);
	EXPECT_AFTER(kq, parent, NOTE_WRITE | NOTE_LINK,
	    mkdir("parent/dir", 0755));
	/* And the child's that of the parent, whatever that asks for. */
	close(dir);
	ATF_REQUIRE((dir = open("parent/dir", O_RDONLY | O_DIRECTORY)) != -1);
	WATCH(kq, dir, NOTE_DELETE);
	KQ_CHANGE(kq, parent, EVFILT_VNODE, EV_ADD, NOTE_ATTRIB, 0);
	EXPECT_AFTER(kq, parent, NOTE_ATTRIB, chmod("parent", 0700));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("parent/dir"));
	close(dir);
	dir = dir_make("parent/dir");
	WATCH(kq, dir, NOTE_DELETE);
	KQ_CHANGE(kq, parent, EVFILT_VNODE, EV_DELETE, 0, 0);
	EXPECT_NONE_AFTER(kq, chmod("parent", 0755));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("parent/dir"));
}

FILE_TC(dir_moved_parent, "VN-9: moved out of a directory that is watched")
{
	struct kevent kev[3];
	int kq = KQ_OPEN();
	int parent = dir_make("parent");
	int dir = dir_make("parent/dir");

	WATCH(kq, dir, NOTE_DELETE);
	WATCH(kq, parent, NOTE_WRITE);
	EXPECT_AFTER(kq, parent, NOTE_WRITE, rename("parent/dir", "dir"));
	/* Its namesake in the old place is not meant. */
	ATF_REQUIRE_EQ(0, mkdir("parent/dir", 0755));
	ATF_REQUIRE_EQ(0, rmdir("parent/dir"));
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 3));
	KQ_MATCH(&kev[0], parent, EVFILT_VNODE,
	    .fflags = NOTE_WRITE | NOTE_LINK);
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("dir"));
	EXPECT_AFTER(kq, parent, NOTE_WRITE, mkfifo("parent/f", 0600));
}

/* Two names with one FNV-1a hash in 32 bits, by which names are looked up. */
#define	NAME		"costarring"
#define	NAME_ALIKE	"liquid"

FILE_TC(dir_rmdir_alike, "VN-9: rmdir of one whose name only looks the same")
{
	int kq = KQ_OPEN();
	int dir = dir_make(NAME);
	int other = dir_make(NAME_ALIKE);

	WATCH(kq, dir, NOTE_DELETE);
	EXPECT_NONE_AFTER(kq, rmdir(NAME_ALIKE));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir(NAME));
	/* The same where both are watched. */
	dir = dir_make(NAME);
	other = dir_make(NAME_ALIKE);
	WATCH(kq, dir, NOTE_DELETE);
	WATCH(kq, other, NOTE_DELETE);
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir(NAME));
	EXPECT_AFTER(kq, other, NOTE_DELETE, rmdir(NAME_ALIKE));
}

FILE_TC(dir_moved_rmdir, "VN-9: a directory removed under another parent")
{
	int kq = KQ_OPEN();
	int dir;

	ATF_REQUIRE_EQ(0, mkdir("a", 0755));
	ATF_REQUIRE_EQ(0, mkdir("b", 0755));
	dir = dir_make("a/dir");
	WATCH(kq, dir, NOTE_DELETE | NOTE_RENAME);
	EXPECT_AFTER(kq, dir, NOTE_RENAME, rename("a/dir", "b/dir2"));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("b/dir2"));
	/* Both before anybody looks. */
	close(dir);
	dir = dir_make("a/dir");
	WATCH(kq, dir, NOTE_DELETE);
	ATF_REQUIRE_EQ(0, rename("a/dir", "b/dir2"));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("b/dir2"));
	/* The old parent may go as well. */
	close(dir);
	dir = dir_make("a/dir");
	WATCH(kq, dir, NOTE_DELETE);
	EXPECT_NONE_AFTER(kq, rename("a/dir", "b/dir3"));
	EXPECT_NONE_AFTER(kq, rmdir("a"));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("b/dir3"));
}

FILE_TC(nothing, "VN-9: reading, opening, closing, mmap stores: nothing")
{
	char c, *p;
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_NONE_AFTER(kq, pread(fd, &c, 1, 0));
	EXPECT_NONE_AFTER(kq, close(open("file", O_RDWR)));
	p = mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ATF_REQUIRE(p != MAP_FAILED);
	p[0] = 'z';
	EXPECT_NONE_AFTER(kq, munmap(p, 3));
}

FILE_TC(failed, "VN-11: operations that fail: nothing")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int dir = dir_make("dir");

	file_touch("dir/file");
	WATCH(kq, fd, NOTE_ALL);
	WATCH(kq, dir, NOTE_ALL);
	ATF_REQUIRE_EQ(-1, link("file", "dir/file"));
	ATF_REQUIRE_EQ(-1, unlink("dir/none"));
	ATF_REQUIRE_EQ(-1, rmdir("dir"));
	ATF_REQUIRE_EQ(-1, mkdir("dir/file", 0755));
	ATF_REQUIRE_EQ(-1, rename("file", "dir"));
	ATF_REQUIRE_EQ(-1, ftruncate(fd, -1));
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC_MD(dir_rmdir_hidden, "VN-9: rmdir in a directory that may not be read",
    "require.user", "unprivileged")
{
	int kq = KQ_OPEN();
	int dir;

	ATF_REQUIRE_EQ(0, mkdir("parent", 0755));
	dir = dir_make("parent/dir");
	ATF_REQUIRE_EQ(0, chmod("parent", 0300));
	/* CAVEATS: the removal is not heard, all else is. */
	WATCH(kq, dir, NOTE_ALL);
	EXPECT_AFTER(kq, dir, NOTE_WRITE | NOTE_LINK,
	    mkdir("parent/dir/sub", 0700));
	EXPECT_AFTER(kq, dir, NOTE_WRITE | NOTE_LINK,
	    rmdir("parent/dir/sub"));
	EXPECT_AFTER(kq, dir, NOTE_RENAME, rename("parent/dir", "parent/dir2"));
	/* Moved to where one may look, it is. */
	EXPECT_AFTER(kq, dir, NOTE_RENAME, rename("parent/dir2", "dir3"));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("dir3"));
}

FILE_TC(dir_root, "VN-9: the root directory, which nothing can remove")
{
	int kq = KQ_OPEN();
	int dir = open("/", O_RDONLY | O_DIRECTORY);

	ATF_REQUIRE(dir != -1);
	WATCH(kq, dir, NOTE_DELETE);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, dir, EVFILT_VNODE, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
	/* It is above itself, and nevertheless given up. */
	ATF_CHECK_EQ(0, inotify_watches());
	close(dir);
}

KQ_TC_MD(unmount, "VN-9: forced unmount: REVOKE", "require.user", "root")
{
	int kq = KQ_OPEN();
	int fd;

	mounts_apart();
	ATF_REQUIRE_EQ(0, mkdir("mnt", 0755));
	ATF_REQUIRE_EQ(0, mount("none", "mnt", "tmpfs", 0, ""));
	fd = file_make("mnt/file");
	WATCH(kq, fd, NOTE_ALL);
	ATF_REQUIRE_EQ(0, umount2("mnt", MNT_DETACH));
	atf_tc_expect_fail("Linux keeps a file system whose files are open");
	if (!kq_test_readable(kq, 0))
		atf_tc_fail("nothing was reported");
	EXPECT_NOTES(kq, fd, NOTE_REVOKE);
}

KQ_TC_MD(unmount_closed, "VN-7, READ-36: an unmount after a close nobody saw",
    "require.user", "root")
{
	struct kevent kev[5];
	int kq = KQ_OPEN();
	int fd[3], i, n;

	mounts_apart();
	ATF_REQUIRE_EQ(0, mkdir("mnt", 0755));
	ATF_REQUIRE_EQ(0, mount("none", "mnt", "tmpfs", 0, ""));
	fd[0] = file_make("mnt/file");
	fd[1] = file_make("mnt/file2");
	fd[2] = dir_make("mnt/dir");
	WATCH(kq, fd[0], NOTE_ALL);
	/* Told all the same, but without the note. */
	WATCH(kq, fd[1], NOTE_WRITE);
	KQ_CHANGE(kq, fd[1], EVFILT_READ, EV_ADD, 0, 0);
	WATCH(kq, fd[2], NOTE_DELETE);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < 3; i++)
		ATF_REQUIRE_EQ(0, syscall(SYS_close, fd[i]));
	ATF_REQUIRE_EQ(0, umount("mnt"));
	ATF_REQUIRE_EQ(4, n = KQ_COLLECT(kq, kev, 5));
	for (i = 0; i < n; i++) {
		if (kev[i].filter == EVFILT_READ)
			KQ_MATCH(&kev[i], fd[1], EVFILT_READ,
			    .flags = EV_EOF | EV_NODATA | EV_ONESHOT);
		else
			KQ_MATCH(&kev[i], kev[i].ident, EVFILT_VNODE,
			    .flags = EV_EOF | EV_NODATA | EV_CLEAR,
			    .fflags = kev[i].ident == (uintptr_t)fd[0] ?
			    NOTE_REVOKE : 0);
	}
	/* The numbers are as good as new. */
	ATF_REQUIRE_EQ(fd[0], file_make("file"));
	WATCH(kq, fd[0], NOTE_ALL);
	EXPECT_AFTER(kq, fd[0], NOTE_WRITE, pwrite(fd[0], "x", 1, 0));
}

KQ_TC_MD(overlay, "VN-9: rmdir where the file system keeps the link count",
    "require.user", "root")
{
	int kq = KQ_OPEN();
	int dir;

	mounts_apart();
	ATF_REQUIRE_EQ(0, mkdir("mnt", 0755));
	ATF_REQUIRE_EQ(0, mount("none", "mnt", "tmpfs", 0, ""));
	ATF_REQUIRE_EQ(0, chdir("mnt"));
	ATF_REQUIRE_EQ(0, mkdir("low", 0755));
	ATF_REQUIRE_EQ(0, mkdir("low/dir", 0755));
	ATF_REQUIRE_EQ(0, mkdir("up", 0755));
	ATF_REQUIRE_EQ(0, mkdir("up/dir", 0755));
	ATF_REQUIRE_EQ(0, mkdir("work", 0755));
	ATF_REQUIRE_EQ(0, mkdir("all", 0755));
	if (mount("none", "all", "overlay", 0,
	    "lowerdir=low,upperdir=up,workdir=work") == -1)
		atf_tc_skip("no overlay: %s", strerror(errno));
	ATF_REQUIRE((dir = open("all/dir", O_RDONLY | O_DIRECTORY)) != -1);
	WATCH(kq, dir, NOTE_DELETE);
	EXPECT_NONE_AFTER(kq, mkdir("all/other", 0755));
	EXPECT_NONE_AFTER(kq, rmdir("all/other"));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("all/dir"));
	KQ_CHANGE(kq, dir, EVFILT_VNODE, EV_DELETE, 0, 0);
	close(dir);
}

KQ_TC_MD(mask_no_proc, "VN-3: without /proc no more can be asked for",
    "require.user", "root")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_WRITE);
	mounts_apart();
	ATF_REQUIRE_EQ(0, mount("none", "/proc", "tmpfs", 0, ""));
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, fd, EVFILT_VNODE, EV_ADD,
	    NOTE_WRITE | NOTE_RENAME, 0);
	EXPECT_NONE_AFTER(kq, rename("file", "file2"));
	EXPECT_AFTER(kq, fd, NOTE_WRITE, pwrite(fd, "x", 1, 0));
	ATF_REQUIRE_EQ(0, umount("/proc"));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE | NOTE_RENAME, 0);
	EXPECT_AFTER(kq, fd, NOTE_RENAME, rename("file2", "file"));
}

/*
 * Masks and the life of an event.
 */

FILE_TC(mask, "VN-3, VN-4: what was not asked for is not reported")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	struct kevent kev;

	WATCH(kq, fd, NOTE_ATTRIB);
	EXPECT_NONE_AFTER(kq, write(fd, "d", 1));
	EXPECT_NONE_AFTER(kq, link("file", "file2"));
	EXPECT_NONE_AFTER(kq, rename("file", "file3"));
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, fchmod(fd, 0600));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0);
	EXPECT_NONE_AFTER(kq, fchmod(fd, 0644));
	ATF_REQUIRE_EQ(1, write(fd, "e", 1));
	/* The whole set comes, here with EXTEND. */
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
	ATF_CHECK_EQ(NOTE_WRITE | NOTE_EXTEND, kev.fflags);
}

FILE_TC(mask_empty, "VN-3: a mask of 0 is accepted and never fires")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int dir = dir_make("dir");

	WATCH(kq, fd, 0);
	WATCH(kq, dir, 0);
	EXPECT_NONE_AFTER(kq, write(fd, "d", 1));
	EXPECT_NONE_AFTER(kq, fchmod(fd, 0600));
	EXPECT_NONE_AFTER(kq, rename("file", "dir/file"));
	EXPECT_NONE_AFTER(kq, unlink("dir/file"));
	EXPECT_NONE_AFTER(kq, rmdir("dir"));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0);
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, write(fd, "d", 1));
}

FILE_TC(mask_changed, "REG-16, REG-18: an operation counts under its mask")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ATTRIB);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	/* The write was before the mask had it. */
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE | NOTE_LINK, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, link("file", "file2"));
	/* The link was while it had it, and stays. */
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_RENAME, 0);
	EXPECT_NOTES(kq, fd, NOTE_LINK);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC_MD(mask_refused, "VN-3: no more can be asked of what may not be read",
    "require.user", "unprivileged")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_WRITE);
	ATF_REQUIRE_EQ(0, chmod("file", 0));
	KQ_CHANGE_ERROR(kq, EACCES, fd, EVFILT_VNODE, EV_ADD, NOTE_RENAME, 0);
	/* The mask is what it was. */
	EXPECT_NONE_AFTER(kq, rename("file", "file2"));
	EXPECT_AFTER(kq, fd, NOTE_WRITE, pwrite(fd, "x", 1, 0));
	ATF_REQUIRE_EQ(0, chmod("file2", 0600));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_RENAME, 0);
	EXPECT_AFTER(kq, fd, NOTE_RENAME, rename("file2", "file"));
}

FILE_TC(mask_delete, "REG-16: NOTE_DELETE joins the mask of a directory")
{
	int kq = KQ_OPEN();
	int dir = dir_make("dir");

	WATCH(kq, dir, NOTE_ATTRIB);
	/* The namesakes of this one are made and removed. */
	EXPECT_NONE_AFTER(kq, mkdir("dir2", 0755));
	EXPECT_NONE_AFTER(kq, rmdir("dir2"));
	KQ_CHANGE(kq, dir, EVFILT_VNODE, EV_ADD, NOTE_DELETE, 0);
	EXPECT_NONE_AFTER(kq, chmod("dir", 0700));
	EXPECT_AFTER(kq, dir, NOTE_DELETE, rmdir("dir"));
}

FILE_TC(registration_grown, "VN-8: nor what nobody had asked about")
{
	int kq = KQ_OPEN();
	int one = file_make("file");
	int two = dup(one);

	WATCH(kq, one, NOTE_LINK);
	EXPECT_NONE_AFTER(kq, write(one, "defg", 4));
	/* The growth was before this one came. */
	WATCH(kq, two, NOTE_WRITE | NOTE_EXTEND);
	EXPECT_AFTER(kq, two, NOTE_WRITE, pwrite(one, "x", 1, 0));
	KQ_CHANGE(kq, two, EVFILT_VNODE, EV_ADD, NOTE_RENAME, 0);
	EXPECT_NONE_AFTER(kq, ftruncate(one, 2));
	KQ_CHANGE(kq, one, EVFILT_VNODE, EV_ADD, NOTE_EXTEND, 0);
	EXPECT_AFTER(kq, one, NOTE_WRITE | NOTE_EXTEND, pwrite(one, "xyz", 3,
	    0));
}

FILE_TC(registration, "VN-8: what was before the registration does not count")
{
	int kq = KQ_OPEN();
	int one = file_make("file");
	int two;

	WATCH(kq, one, NOTE_ALL);
	ATF_REQUIRE_EQ(1, write(one, "d", 1));
	ATF_REQUIRE_EQ(0, link("file", "file2"));
	ATF_REQUIRE((two = open("file", O_RDWR)) != -1);
	WATCH(kq, two, NOTE_ALL);
	EXPECT_NOTES(kq, one, NOTE_WRITE | NOTE_EXTEND | NOTE_LINK);
	KQ_EXPECT_NOTHING(kq);
}

FILE_TC(accumulate, "VN-5, VN-14: several operations are one event")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int i;

	WATCH(kq, fd, NOTE_ALL);
	for (i = 0; i < 100; i++) {
		ATF_REQUIRE_EQ(1, write(fd, "d", 1));
		ATF_REQUIRE_EQ(0, fchmod(fd, 0600));
	}
	ATF_REQUIRE_EQ(0, rename("file", "file2"));
	ATF_REQUIRE_EQ(0, unlink("file2"));
	EXPECT_NOTES(kq, fd, NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB |
	    NOTE_RENAME | NOTE_DELETE);
	KQ_EXPECT_NOTHING(kq);
}

FILE_TC(accumulate_link, "VN-14, VN-15: a link and attributes at once")
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	ATF_REQUIRE_EQ(0, link("file", "file2"));
	EXPECT_AFTER(kq, fd, NOTE_LINK | NOTE_ATTRIB, fchmod(fd, 0600));
	ATF_REQUIRE_EQ(0, link("file", "file3"));
	EXPECT_AFTER(kq, fd, NOTE_LINK | NOTE_ATTRIB, futimens(fd, times));
	/* A write makes its times itself. */
	ATF_REQUIRE_EQ(0, link("file", "file4"));
	EXPECT_AFTER(kq, fd, NOTE_LINK | NOTE_WRITE, pwrite(fd, "x", 1, 0));
	/* Not everybody can give a file away. */
	if (geteuid() == 0) {
		ATF_REQUIRE_EQ(0, link("file", "file5"));
		EXPECT_AFTER(kq, fd, NOTE_LINK | NOTE_ATTRIB,
		    fchown(fd, 12345, (gid_t)-1));
		ATF_REQUIRE_EQ(0, link("file", "file6"));
		EXPECT_AFTER(kq, fd, NOTE_LINK | NOTE_ATTRIB,
		    fchown(fd, (uid_t)-1, 12345));
	}
}

FILE_TC(level, "VN-6: without EV_CLEAR the bits stay for ever")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int i;

	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_ALL, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_NOTES(kq, fd, NOTE_WRITE);
		KQ_POLL_READABLE(kq);
	}
	ATF_REQUIRE_EQ(0, fchmod(fd, 0600));
	for (i = 0; i < 3; i++)
		EXPECT_NOTES(kq, fd, NOTE_WRITE | NOTE_ATTRIB);
}

FILE_TC(oneshot, "VN-6, SCAN-7: EV_ONESHOT is gone after its delivery")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_ONESHOT, NOTE_ALL, 0);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	EXPECT_NOTES(kq, fd, NOTE_WRITE);
	KQ_CHANGE_ERROR(kq, ENOENT, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
	EXPECT_NONE_AFTER(kq, pwrite(fd, "x", 1, 0));
	KQ_POLL_SILENT(kq);
}

FILE_TC(dispatch, "SCAN-17: EV_DISPATCH keeps the bits, with EV_CLEAR it does not")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int two;

	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_DISPATCH, NOTE_ALL, 0);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	EXPECT_NOTES(kq, fd, NOTE_WRITE);
	EXPECT_NONE_AFTER(kq, fchmod(fd, 0600));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ENABLE, NOTE_ALL, 0);
	EXPECT_NOTES(kq, fd, NOTE_WRITE | NOTE_ATTRIB);
	KQ_EXPECT_NOTHING(kq);

	two = file_make("file2");
	KQ_CHANGE(kq, two, EVFILT_VNODE, EV_ADD | EV_DISPATCH | EV_CLEAR,
	    NOTE_ALL, 0);
	ATF_REQUIRE_EQ(1, pwrite(two, "x", 1, 0));
	EXPECT_NOTES(kq, two, NOTE_WRITE);
	EXPECT_NONE_AFTER(kq, fchmod(two, 0600));
	KQ_CHANGE(kq, two, EVFILT_VNODE, EV_ENABLE, NOTE_ALL, 0);
	EXPECT_NOTES(kq, two, NOTE_ATTRIB);
}

FILE_TC(disabled, "REG-24: a disabled knote goes on accumulating")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_DISABLE, NOTE_ALL, 0);
	EXPECT_NONE_AFTER(kq, pwrite(fd, "x", 1, 0));
	EXPECT_NONE_AFTER(kq, fchmod(fd, 0600));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ENABLE, NOTE_ALL, 0);
	EXPECT_NOTES(kq, fd, NOTE_WRITE | NOTE_ATTRIB);
	/* REG-16: a mask of 0 with EV_ENABLE is a mask of 0. */
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ENABLE, 0, 0);
	EXPECT_NONE_AFTER(kq, pwrite(fd, "x", 1, 0));
}

FILE_TC(poller, "KQ-17: the kqueue is readable while something is pending")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	KQ_POLL_READABLE(kq);
	KQ_POLL_READABLE(kq);
	EXPECT_NOTES(kq, fd, NOTE_WRITE);
	KQ_POLL_SILENT(kq);
	/* Nor does a removal make it so. */
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
	WATCH(kq, fd, NOTE_ALL);
	close(fd);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

FILE_TC(after_unlink, "VN-13: the watch is on the file, not on its name")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_RENAME, rename("file", "file2"));
	file_touch("file");
	KQ_EXPECT_NOTHING(kq);
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, write(fd, "d", 1));
	EXPECT_AFTER(kq, fd, NOTE_DELETE, unlink("file2"));
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, write(fd, "d", 1));
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, fchmod(fd, 0600));
}

FILE_TC(after_unlink_linked, "VN-13: the same for a file that had two names")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_LINK, link("file", "file2"));
	EXPECT_NONE_AFTER(kq, unlink("file"));
	/* The kernel ends its watch with this. */
	EXPECT_AFTER(kq, fd, NOTE_DELETE, unlink("file2"));
	EXPECT_AFTER(kq, fd, NOTE_WRITE | NOTE_EXTEND, write(fd, "d", 1));
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, fchmod(fd, 0600));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
}

FILE_TC(after_unlink_added, "VN-13, VN-8: one more knote before anybody looked")
{
	struct kevent kev[3];
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int two = dup(fd);

	WATCH(kq, fd, NOTE_ALL);
	EXPECT_AFTER(kq, fd, NOTE_LINK, link("file", "file2"));
	EXPECT_NONE_AFTER(kq, unlink("file"));
	ATF_REQUIRE_EQ(0, unlink("file2"));
	/* The kernel may have ended its watch, and this makes another. */
	WATCH(kq, two, NOTE_ALL);
	EXPECT_NOTES(kq, fd, NOTE_DELETE);
	KQ_EXPECT_NOTHING(kq);
	/* From here on they have one. */
	ATF_REQUIRE_EQ(1, write(fd, "d", 1));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	KQ_MATCH(&kev[0], kev[0].ident, EVFILT_VNODE,
	    .fflags = NOTE_WRITE | NOTE_EXTEND);
	KQ_MATCH(&kev[1], fd + two - (int)kev[0].ident, EVFILT_VNODE,
	    .fflags = NOTE_WRITE | NOTE_EXTEND);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, two, EVFILT_VNODE, EV_DELETE, 0, 0);
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, fchmod(fd, 0600));
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
}

FILE_TC(other_process, "VN-12: the watching process and others count alike")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int status;
	pid_t pid;

	WATCH(kq, fd, NOTE_ALL);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(pwrite(fd, "x", 1, 0) == 1 ? 0 : 1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	EXPECT_NOTES(kq, fd, NOTE_WRITE);
	KQ_EXPECT_NOTHING(kq);
}

/*
 * Several.
 */

FILE_TC(two_masks, "KQ-19: descriptors and kqueues on one file, each its mask")
{
	int kq = KQ_OPEN(), kq2 = KQ_OPEN();
	int one = file_make("file");
	int two = open("file", O_RDONLY);

	ATF_REQUIRE(two != -1);
	WATCH(kq, one, NOTE_ATTRIB);
	WATCH(kq, two, NOTE_LINK);
	WATCH(kq2, one, NOTE_WRITE);
	EXPECT_AFTER(kq, one, NOTE_ATTRIB, fchmod(one, 0600));
	KQ_EXPECT_NOTHING(kq2);
	EXPECT_AFTER(kq, two, NOTE_LINK, link("file", "file2"));
	KQ_EXPECT_NOTHING(kq2);
	EXPECT_AFTER(kq2, one, NOTE_WRITE, pwrite(one, "x", 1, 0));
	KQ_EXPECT_NOTHING(kq);
	/* The end of one is nothing to the others. */
	KQ_CHANGE(kq, one, EVFILT_VNODE, EV_DELETE, 0, 0);
	EXPECT_NONE_AFTER(kq, fchmod(one, 0644));
	EXPECT_AFTER(kq, two, NOTE_LINK, link("file", "file3"));
	close(two);
	EXPECT_NONE_AFTER(kq, link("file", "file4"));
	EXPECT_AFTER(kq2, one, NOTE_WRITE, pwrite(one, "x", 1, 0));
}

FILE_TC(order, "SCAN-2: the knotes of one file, the latest first")
{
	struct kevent kev[3];
	int kq = KQ_OPEN();
	int one = file_make("file");
	int two = dup(one);

	WATCH(kq, one, NOTE_ALL);
	WATCH(kq, two, NOTE_ALL);
	ATF_REQUIRE_EQ(1, pwrite(one, "x", 1, 0));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	KQ_MATCH(&kev[0], two, EVFILT_VNODE, .fflags = NOTE_WRITE);
	KQ_MATCH(&kev[1], one, EVFILT_VNODE, .fflags = NOTE_WRITE);
}

FILE_TC(order_files, "SCAN-1: different files in the order of what was done")
{
	struct kevent kev[4];
	int kq = KQ_OPEN();
	int fd[3], i;
	char name[16];

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fd[i] = file_make(name);
		WATCH(kq, fd[i], NOTE_ALL);
	}
	ATF_REQUIRE_EQ(1, pwrite(fd[1], "x", 1, 0));
	ATF_REQUIRE_EQ(1, pwrite(fd[2], "x", 1, 0));
	ATF_REQUIRE_EQ(1, pwrite(fd[0], "x", 1, 0));
	ATF_REQUIRE_EQ(1, pwrite(fd[1], "x", 1, 0));
	ATF_REQUIRE_EQ(3, KQ_COLLECT(kq, kev, 4));
	KQ_MATCH(&kev[0], fd[1], EVFILT_VNODE, .fflags = NOTE_WRITE);
	KQ_MATCH(&kev[1], fd[2], EVFILT_VNODE, .fflags = NOTE_WRITE);
	KQ_MATCH(&kev[2], fd[0], EVFILT_VNODE, .fflags = NOTE_WRITE);
}

FILE_TC(with_read, "READ and VNODE on one descriptor do not disturb each other")
{
	struct kevent kev[3];
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int i;

	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	WATCH(kq, fd, NOTE_ATTRIB);
	EXPECT_AFTER(kq, fd, NOTE_ATTRIB, fchmod(fd, 0600));
	ATF_REQUIRE_EQ(1, pwrite(fd, "xyzw", 4, 0) == 4);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0);
	ATF_REQUIRE_EQ(1, pwrite(fd, "v", 1, 4));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	i = kev[0].filter == EVFILT_READ ? 0 : 1;
	KQ_MATCH(&kev[i], fd, EVFILT_READ, .data = 2);
	KQ_MATCH(&kev[1 - i], fd, EVFILT_VNODE,
	    .fflags = NOTE_WRITE | NOTE_EXTEND);
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_DELETE, 0, 0);
	EXPECT_AFTER(kq, fd, NOTE_WRITE, pwrite(fd, "v", 1, 0));
}

FILE_TC(closed, "REG-31, REG-33: close removes it, and a new file starts afresh")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int keep = dup(fd), fd2;

	WATCH(kq, fd, NOTE_ALL);
	ATF_REQUIRE_EQ(1, pwrite(keep, "x", 1, 0));
	close(fd);
	KQ_EXPECT_NOTHING(kq);
	EXPECT_NONE_AFTER(kq, pwrite(keep, "x", 1, 0));
	fd2 = file_make("file2");
	ATF_REQUIRE_EQ(fd, fd2);
	EXPECT_NONE_AFTER(kq, pwrite(fd2, "x", 1, 0));
	WATCH(kq, fd2, NOTE_ALL);
	EXPECT_NONE_AFTER(kq, pwrite(keep, "x", 1, 0));
	EXPECT_AFTER(kq, fd2, NOTE_WRITE, pwrite(fd2, "x", 1, 0));
}

FILE_TC(closed_unseen, "REG-3, REG-33: closed behind our back, and used again")
{
	int kq = KQ_OPEN();
	int ended, fd, i, keep;

	for (i = 0; i < 6; i++) {
		fd = file_make("file");
		ATF_REQUIRE((keep = dup(fd)) != -1);
		WATCH(kq, fd, NOTE_ALL);
		ATF_REQUIRE_EQ(0, link("file", "file2"));
		EXPECT_NOTES(kq, fd, NOTE_LINK);
		ATF_REQUIRE_EQ(0, unlink("file2"));
		ATF_REQUIRE_EQ(0, syscall(SYS_close, fd));
		/* With its last name it may lose the kernel's watch, too. */
		ended = i % 2;
		if (ended != 0)
			ATF_REQUIRE_EQ(0, unlink("file"));
		/* Before or after something was done to it. */
		if (i >= 4)
			EXPECT_NONE_AFTER(kq, pwrite(keep, "x", 1, 0));
		ATF_REQUIRE_EQ(EBADF, kq_test_change(kq, (uintptr_t)fd,
		    EVFILT_VNODE, EV_ENABLE, NOTE_ALL, 0, NULL));
		ATF_REQUIRE_EQ(fd, file_make("other"));
		if (i >= 4)
			EXPECT_NONE_AFTER(kq, fchmod(keep, 0600));
		if (i >= 2)
			ATF_REQUIRE_EQ(ENOENT, kq_test_change(kq,
			    (uintptr_t)fd, EVFILT_VNODE, EV_ENABLE, NOTE_ALL,
			    0, NULL));
		WATCH(kq, fd, NOTE_ALL);
		EXPECT_NONE_AFTER(kq, pwrite(keep, "x", 1, 0));
		EXPECT_AFTER(kq, fd, NOTE_WRITE, pwrite(fd, "x", 1, 0));
		/* There is one, and no more. */
		KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
		KQ_CHANGE_ERROR(kq, ENOENT, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
		close(fd);
		close(keep);
	}
	KQ_POLL_SILENT(kq);
}

FILE_TC(closed_unseen_two, "REG-33: another descriptor of the file goes on")
{
	int kq = KQ_OPEN();
	int one = file_make("file");
	int two = dup(one);

	WATCH(kq, one, NOTE_ALL);
	WATCH(kq, two, NOTE_ALL);
	/* The one that is asked first. */
	ATF_REQUIRE_EQ(0, syscall(SYS_close, two));
	EXPECT_AFTER(kq, one, NOTE_WRITE, pwrite(one, "x", 1, 0));
	ATF_REQUIRE_EQ(two, file_make("other"));
	EXPECT_AFTER(kq, one, NOTE_WRITE | NOTE_EXTEND, pwrite(one, "x", 1, 9));
	WATCH(kq, two, NOTE_ALL);
	EXPECT_AFTER(kq, two, NOTE_ATTRIB, fchmod(two, 0600));
	EXPECT_AFTER(kq, one, NOTE_ATTRIB, fchmod(one, 0600));
	close(one);
	close(two);
}

static void *
woken_main(void *arg)
{
	struct kevent kev;
	int kq = *(int *)arg;

	if (kq_test_collect(kq, &kev, 1) != 1)
		return (NULL);
	return ((void *)(uintptr_t)kev.fflags);
}

FILE_TC(sleeper, "A thread that sleeps in kevent() is woken")
{
	pthread_t thread;
	void *ret;
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int i;

	WATCH(kq, fd, NOTE_ALL);
	for (i = 0; i < 50; i++) {
		ATF_REQUIRE_EQ(0, pthread_create(&thread, NULL, woken_main,
		    &kq));
		ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
		ATF_REQUIRE_EQ(0, pthread_join(thread, &ret));
		ATF_REQUIRE_EQ(NOTE_WRITE, (unsigned)(uintptr_t)ret);
	}
}

/*
 * Many.
 */

#define	MANY	10000

FILE_TC(many, "10,000 files in one kqueue, with one inotify instance")
{
	static int fds[MANY];
	static char seen[2 * MANY];
	struct kevent kev[100];
	struct rlimit rl;
	char name[16];
	int before, kq, i, j, many = KQ_ROUNDS(MANY), n, total;

	before = inotify_instances();
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_max < MANY + 500)
		atf_tc_skip("only %ju descriptors", (uintmax_t)rl.rlim_max);
	kq = KQ_OPEN();
	for (i = 0; i < many; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fds[i] = file_make(name);
		if (kq_test_change(kq, (uintptr_t)fds[i], EVFILT_VNODE,
		    EV_ADD | EV_CLEAR, NOTE_ALL, 0, NULL) == ENOSPC)
			atf_tc_skip("max_user_watches is too low");
	}
	ATF_CHECK_EQ(before + 1, inotify_instances());
	KQ_EXPECT_NOTHING(kq);
	i = many - 1;
	EXPECT_AFTER(kq, fds[i], NOTE_WRITE, pwrite(fds[i], "x", 1, 0));
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < many; i++)
		ATF_REQUIRE_EQ(1, pwrite(fds[i], "x", 1, 0));
	for (total = 0; total < many; total += n) {
		ATF_REQUIRE((n = KQ_COLLECT(kq, kev, 100)) > 0);
		for (j = 0; j < n; j++) {
			ATF_REQUIRE_EQ(NOTE_WRITE, kev[j].fflags);
			ATF_REQUIRE_EQ(0, seen[kev[j].ident]++);
		}
	}
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < many; i++)
		close(fds[i]);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

static int
queue_max(void)
{
	FILE *fp;
	int max;

	if ((fp = fopen("/proc/sys/fs/inotify/max_queued_events", "r")) ==
	    NULL || fscanf(fp, "%d", &max) != 1 || max > 1000000)
		atf_tc_skip("max_queued_events is unknown or too high");
	fclose(fp);
	return (max);
}

FILE_TC(overflow, "An overflow loses nothing that stat can still tell")
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
	struct kevent kev[16];
	int kq = KQ_OPEN();
	int noise[2], written, grown, linked, moded, timed, gone, dir, made;
	int removed, rd, quiet, stamped, i, n, max;
	int before = dir_make("before");

	max = queue_max();
	WATCH(kq, before, NOTE_ALL);
	EXPECT_AFTER(kq, before, NOTE_DELETE, rmdir("before"));
	stamped = file_make("stamped");
	WATCH(kq, stamped, NOTE_ALL);
	noise[0] = file_make("noise0");
	noise[1] = file_make("noise1");
	written = file_make("written");
	grown = file_make("grown");
	linked = file_make("linked");
	moded = file_make("moded");
	timed = file_make("timed");
	gone = file_make("gone");
	quiet = file_make("quiet");
	rd = file_make("rd");
	dir = dir_make("dir");
	made = dir_make("made");
	removed = dir_make("removed");
	WATCH(kq, noise[0], NOTE_ALL);
	WATCH(kq, noise[1], NOTE_ALL);
	WATCH(kq, written, NOTE_ALL);
	WATCH(kq, grown, NOTE_ALL);
	WATCH(kq, linked, NOTE_ALL);
	WATCH(kq, moded, NOTE_ALL);
	WATCH(kq, timed, NOTE_ALL);
	WATCH(kq, gone, NOTE_ALL);
	WATCH(kq, quiet, NOTE_ALL);
	WATCH(kq, dir, NOTE_ALL);
	WATCH(kq, made, NOTE_ALL);
	WATCH(kq, removed, NOTE_ALL);
	KQ_CHANGE(kq, rd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < max + 100; i++)
		ATF_REQUIRE_EQ(1, pwrite(noise[i & 1], "x", 1, 0));
	ATF_REQUIRE_EQ(1, pwrite(written, "x", 1, 0));
	ATF_REQUIRE_EQ(1, write(grown, "x", 1));
	ATF_REQUIRE_EQ(0, link("linked", "linked2"));
	ATF_REQUIRE_EQ(0, fchmod(moded, 0600));
	ATF_REQUIRE_EQ(0, fchmod(stamped, 0644));
	ATF_REQUIRE_EQ(0, futimens(timed, times));
	ATF_REQUIRE_EQ(0, unlink("gone"));
	ATF_REQUIRE_EQ(1, write(rd, "x", 1));
	ATF_REQUIRE_EQ(0, lseek(rd, 0, SEEK_SET));
	file_touch("dir/file");
	ATF_REQUIRE_EQ(0, mkdir("made/sub", 0700));
	ATF_REQUIRE_EQ(0, rmdir("removed"));
	ATF_REQUIRE((n = KQ_COLLECT(kq, kev, 16)) > 0);
	for (i = 0; i < n; i++) {
		int fd = (int)kev[i].ident;

		if (kev[i].filter == EVFILT_READ) {
			KQ_MATCH(&kev[i], rd, EVFILT_READ, .data = 4);
			rd = -1;
			continue;
		}
#define	GOT(var, bits) do {						\
	if (fd == var) {						\
		ATF_CHECK_EQ_MSG((unsigned)(bits), kev[i].fflags & (bits), \
		    "%s: %#x", #var, kev[i].fflags);			\
		var = -1;						\
	}								\
} while (0)
		GOT(noise[0], NOTE_WRITE);
		GOT(noise[1], NOTE_WRITE);
		GOT(written, NOTE_WRITE);
		GOT(grown, NOTE_WRITE | NOTE_EXTEND);
		GOT(linked, NOTE_LINK);
		GOT(moded, NOTE_ATTRIB);
		GOT(stamped, NOTE_ATTRIB);
		GOT(timed, NOTE_ATTRIB);
		GOT(gone, NOTE_DELETE);
		GOT(dir, NOTE_WRITE);
		GOT(made, NOTE_WRITE);
		GOT(removed, NOTE_DELETE);
		ATF_CHECK_MSG(fd != quiet, "quiet: %#x", kev[i].fflags);
		/* Once is enough. */
		ATF_CHECK_MSG(fd != before, "before: %#x", kev[i].fflags);
	}
#undef GOT
	ATF_CHECK_EQ(13, n);
	ATF_CHECK_EQ(-12, noise[0] + noise[1] + written + grown + linked +
	    moded + stamped + timed + gone + dir + made + removed);
	ATF_CHECK_EQ(-1, rd);
}

/*
 * Limits, in a user namespace that has its own.
 */

KQ_TC(no_instances, "An inotify instance cannot be had: EMFILE")
{
	int kq, fd;

	limit_set("max_inotify_instances", "0");
	kq = KQ_OPEN();
	fd = file_make("file");
	KQ_CHANGE_ERROR(kq, EMFILE, fd, EVFILT_VNODE, EV_ADD, NOTE_ALL, 0);
	KQ_CHANGE_ERROR(kq, EMFILE, fd, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, fd, EVFILT_VNODE, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, fd, EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_WRITE, .data = 0);
}

KQ_TC(no_watches, "An inotify watch cannot be had: ENOSPC")
{
	int kq, one, two;

	limit_set("max_inotify_watches", "1");
	kq = KQ_OPEN();
	one = file_make("one");
	two = file_make("two");
	WATCH(kq, one, NOTE_ALL);
	KQ_CHANGE_ERROR(kq, ENOSPC, two, EVFILT_VNODE, EV_ADD, NOTE_ALL, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, two, EVFILT_VNODE, EV_DELETE, 0, 0);
	EXPECT_AFTER(kq, one, NOTE_WRITE, pwrite(one, "x", 1, 0));
	KQ_CHANGE(kq, one, EVFILT_VNODE, EV_DELETE, 0, 0);
	WATCH(kq, two, NOTE_ALL);
	EXPECT_AFTER(kq, two, NOTE_WRITE, pwrite(two, "x", 1, 0));
}

KQ_TC(no_watches_parent, "NOTE_DELETE on a directory takes two: ENOSPC")
{
	int kq, dir, two;

	limit_set("max_inotify_watches", "1");
	kq = KQ_OPEN();
	dir = dir_make("dir");
	two = dup(dir);
	KQ_CHANGE_ERROR(kq, ENOSPC, dir, EVFILT_VNODE, EV_ADD, NOTE_DELETE, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, dir, EVFILT_VNODE, EV_DELETE, 0, 0);
	WATCH(kq, dir, NOTE_WRITE);
	KQ_CHANGE_ERROR(kq, ENOSPC, two, EVFILT_VNODE, EV_ADD, NOTE_DELETE, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, two, EVFILT_VNODE, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOSPC, dir, EVFILT_VNODE, EV_ADD, NOTE_DELETE, 0);
	/* What was goes on. */
	EXPECT_AFTER(kq, dir, NOTE_WRITE | NOTE_LINK, mkdir("dir/sub", 0755));
	EXPECT_NONE_AFTER(kq, chmod("dir", 0700));
}

#define	SHARERS	20

KQ_TC(shared, "DESIGN 9: without instances the kqueues share one")
{
	int kq[SHARERS], fd[SHARERS];
	char name[16];
	int common, dir, i;

	limit_set("max_inotify_instances", "3");
	common = file_make("common");
	dir = dir_make("dir");
	close(KQ_OPEN());
	for (i = 0; i < SHARERS; i++) {
		kq[i] = KQ_OPEN();
		snprintf(name, sizeof(name), "f%d", i);
		fd[i] = file_make(name);
		WATCH(kq[i], fd[i], NOTE_ALL);
		WATCH(kq[i], common, i % 2 == 0 ? NOTE_ATTRIB : NOTE_WRITE);
		WATCH(kq[i], dir, NOTE_DELETE);
	}
	ATF_CHECK_EQ(3, inotify_instances());
	for (i = 0; i < SHARERS; i++)
		KQ_EXPECT_NOTHING(kq[i]);
	/* Each sees his own, whoever reads the report. */
	for (i = 0; i < SHARERS; i++)
		ATF_REQUIRE_EQ(1, pwrite(fd[i], "x", 1, 0));
	for (i = SHARERS - 1; i >= 0; i--) {
		KQ_POLL_READABLE(kq[i]);
		EXPECT_NOTES(kq[i], fd[i], NOTE_WRITE);
		KQ_EXPECT_NOTHING(kq[i]);
		KQ_POLL_SILENT(kq[i]);
	}
	/* And the common file, each by his mask. */
	ATF_REQUIRE_EQ(0, fchmod(common, 0600));
	for (i = 0; i < SHARERS; i++) {
		if (i % 2 == 0)
			EXPECT_NOTES(kq[i], common, NOTE_ATTRIB);
		KQ_EXPECT_NOTHING(kq[i]);
	}
	/* One asks for more, and for less again. */
	KQ_CHANGE(kq[7], common, EVFILT_VNODE, EV_ADD, NOTE_RENAME, 0);
	ATF_REQUIRE_EQ(1, pwrite(common, "x", 1, 0));
	EXPECT_AFTER(kq[7], common, NOTE_RENAME, rename("common", "common2"));
	KQ_CHANGE(kq[7], common, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0);
	for (i = 0; i < SHARERS; i++) {
		if (i % 2 != 0 && i != 7)
			EXPECT_NOTES(kq[i], common, NOTE_WRITE);
		KQ_EXPECT_NOTHING(kq[i]);
	}
	/* One leaves; the founder of the shared instance, another. */
	close(kq[5]);
	close(kq[0]);
	close(kq[1]);
	ATF_REQUIRE_EQ(1, pwrite(common, "x", 1, 0));
	for (i = 2; i < SHARERS; i++) {
		if (i == 5)
			continue;
		if (i % 2 != 0)
			EXPECT_NOTES(kq[i], common, NOTE_WRITE);
		KQ_EXPECT_NOTHING(kq[i]);
	}
	ATF_REQUIRE_EQ(0, rmdir("dir"));
	for (i = 2; i < SHARERS; i++) {
		if (i != 5)
			EXPECT_AFTER(kq[i], dir, NOTE_DELETE, 0);
	}
	for (i = 2; i < SHARERS; i++) {
		if (i != 5)
			close(kq[i]);
	}
	ATF_CHECK_EQ(0, inotify_instances());
}

struct sharer {
	int	kq;
	int	fd;
	int	rounds;
};

static void *
sharer_main(void *arg)
{
	struct sharer *sh = arg;
	struct kevent kev;
	int i;

	for (i = 0; i < sh->rounds; i++) {
		if (kq_test_change(sh->kq, (uintptr_t)sh->fd, EVFILT_VNODE,
		    EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL) != 0 ||
		    pwrite(sh->fd, "x", 1, 0) != 1 ||
		    kq_test_collect(sh->kq, &kev, 1) != 1 ||
		    kev.ident != (uintptr_t)sh->fd ||
		    (i % 7 == 0 && kq_test_change(sh->kq, (uintptr_t)sh->fd,
		    EVFILT_VNODE, EV_DELETE, 0, 0, NULL) != 0))
			return ((void *)(intptr_t)(i + 1));
	}
	return (NULL);
}

KQ_TC(shared_threads, "DESIGN 9: sharing kqueues at work in several threads")
{
	struct sharer sh[6];
	pthread_t thread[6];
	char name[16];
	void *ret;
	int i;

	limit_set("max_inotify_instances", "1");
	for (i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		sh[i] = (struct sharer){ KQ_OPEN(), file_make(name), 500 };
	}
	for (i = 0; i < 6; i++)
		ATF_REQUIRE_EQ(0, pthread_create(&thread[i], NULL, sharer_main,
		    &sh[i]));
	for (i = 0; i < 6; i++) {
		ATF_REQUIRE_EQ(0, pthread_join(thread[i], &ret));
		ATF_CHECK_EQ_MSG(NULL, ret, "thread %d: round %d", i,
		    (int)(intptr_t)ret);
	}
	ATF_CHECK_EQ(1, inotify_instances());
}

#define	RACERS	6

static pthread_barrier_t racer_barrier;

static void *
racer_main(void *arg)
{
	struct sharer *sh = arg;
	struct kevent kev;

	pthread_barrier_wait(&racer_barrier);
	if (kq_test_change(sh->kq, (uintptr_t)sh->fd, EVFILT_VNODE,
	    EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL) != 0)
		return ((void *)1);
	if (pwrite(sh->fd, "x", 1, 0) != 1 ||
	    kq_test_collect(sh->kq, &kev, 1) != 1 ||
	    kev.ident != (uintptr_t)sh->fd)
		return ((void *)2);
	return (NULL);
}

/* Several at once find that there is no instance left; 0, or where. */
static int
racer_child(const int *fds)
{
	struct sharer sh[RACERS + 3];
	pthread_t thread[RACERS];
	void *ret;
	int failed, i;

	pthread_barrier_init(&racer_barrier, NULL, RACERS);
	for (i = 0; i < RACERS + 3; i++) {
		sh[i] = (struct sharer){ kqueue(), fds[i], 0 };
		/* Those that can share. */
		if (i >= RACERS && kq_test_change(sh[i].kq,
		    (uintptr_t)sh[i].fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0,
		    NULL) != 0)
			return (3);
	}
	for (i = 0; i < RACERS; i++) {
		if (pthread_create(&thread[i], NULL, racer_main, &sh[i]) != 0)
			return (4);
	}
	failed = 0;
	for (i = 0; i < RACERS; i++) {
		if (pthread_join(thread[i], &ret) != 0 || ret != NULL)
			failed = 5 + (int)(intptr_t)ret;
	}
	/* In some order; the last ends the shared instance. */
	for (i = 0; i < RACERS + 3; i++)
		(void)close(sh[i].kq);
	return (failed != 0 ? failed : kq_test_count() == 0 ? 0 : 8);
}

KQ_TC(shared_race, "DESIGN 9: several threads begin to share at once")
{
	int fds[RACERS + 3];
	char name[16];
	int i, status;
	pid_t pid;

	limit_set("max_inotify_instances", "3");
	for (i = 0; i < RACERS + 3; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fds[i] = file_make(name);
	}
	for (i = 0; i < KQ_ROUNDS(200); i++) {
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0)
			_exit(racer_child(fds));
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_REQUIRE_MSG(status == 0, "round %d: status %#x", i,
		    (unsigned)status);
	}
}

struct remover {
	int	go[2];
	int	rounds;
};

/* Move a directory and remove it, again and again. */
static void *
remover_main(void *arg)
{
	struct remover *re = arg;
	char c;
	int i;

	for (i = 0; i < re->rounds; i++) {
		if (read(re->go[0], &c, 1) != 1 ||
		    rename("dir", "elsewhere/dir2") != 0 ||
		    rmdir("elsewhere/dir2") != 0)
			return ((void *)(intptr_t)(i + 1));
	}
	return (NULL);
}

FILE_TC(dir_moved_race, "VN-9: a directory is moved and removed while one looks")
{
	struct remover re = { .rounds = KQ_ROUNDS(1000) };
	struct kevent kev;
	pthread_t thread;
	void *ret;
	int kq = KQ_OPEN();
	int dir, i;
	unsigned notes;

	ATF_REQUIRE_EQ(0, mkdir("elsewhere", 0755));
	ATF_REQUIRE_EQ(0, pipe(re.go));
	ATF_REQUIRE_EQ(0, pthread_create(&thread, NULL, remover_main, &re));
	for (i = 0; i < re.rounds; i++) {
		dir = dir_make("dir");
		WATCH(kq, dir, NOTE_DELETE | NOTE_RENAME);
		ATF_REQUIRE_EQ(1, write(re.go[1], "g", 1));
		for (notes = 0; (notes & NOTE_DELETE) == 0;
		    notes |= kev.fflags) {
			ATF_REQUIRE_EQ_MSG(1, KQ_COLLECT(kq, &kev, 1),
			    "round %d: %#x", i, notes);
			ATF_REQUIRE_EQ(0, notes & kev.fflags);
		}
		ATF_REQUIRE_EQ(NOTE_DELETE | NOTE_RENAME, notes);
		close(dir);
	}
	ATF_REQUIRE_EQ(0, pthread_join(thread, &ret));
	ATF_CHECK_EQ(NULL, ret);
	close(re.go[0]);
	close(re.go[1]);
}

struct hammer {
	atomic_bool	stop;
	int		fd;
	int		kq;
};

static void *
hammer_write(void *arg)
{
	struct hammer *ha = arg;

	while (!atomic_load(&ha->stop)) {
		if (pwrite(ha->fd, "x", 1, 0) != 1 ||
		    fchmod(ha->fd, 0600) != 0)
			return ((void *)1);
	}
	return (NULL);
}

static void *
hammer_change(void *arg)
{
	struct hammer *ha = arg;
	int fd;

	while (!atomic_load(&ha->stop)) {
		if ((fd = dup(ha->fd)) == -1 || kq_test_change(ha->kq,
		    (uintptr_t)fd, EVFILT_VNODE, EV_ADD, NOTE_ALL, 0, NULL) != 0)
			return ((void *)2);
		close(fd);
	}
	return (NULL);
}

FILE_TC(hammer, "Writers, collectors and registrations at the same time")
{
	struct hammer ha = { .fd = file_make("file"), .kq = KQ_OPEN() };
	struct kevent kev[4];
	pthread_t writer, changer;
	void *ret;
	int i, n;

	WATCH(ha.kq, ha.fd, NOTE_ALL);
	ATF_REQUIRE_EQ(0, pthread_create(&writer, NULL, hammer_write, &ha));
	ATF_REQUIRE_EQ(0, pthread_create(&changer, NULL, hammer_change, &ha));
	for (i = 0; i < 2000; i++) {
		ATF_REQUIRE((n = KQ_COLLECT(ha.kq, kev, 4)) > 0);
		while (n-- > 0)
			ATF_REQUIRE_EQ(0, kev[n].fflags &
			    ~(unsigned)(NOTE_WRITE | NOTE_ATTRIB));
	}
	atomic_store(&ha.stop, true);
	ATF_REQUIRE_EQ(0, pthread_join(writer, &ret));
	ATF_CHECK_EQ(NULL, ret);
	ATF_REQUIRE_EQ(0, pthread_join(changer, &ret));
	ATF_CHECK_EQ(NULL, ret);
}

FILE_TC(forked, "KQ-13: a child has none of it, and does no harm")
{
	int kq = KQ_OPEN();
	int fd = file_make("file");
	int status;
	pid_t pid;

	WATCH(kq, fd, NOTE_ALL);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		struct kevent kev;
		int mine;

		if (kq_test_change(kq, (uintptr_t)fd, EVFILT_VNODE, EV_ADD,
		    NOTE_ALL, 0, NULL) != EBADF)
			_exit(1);
		if ((mine = kqueue()) == -1 || kq_test_change(mine,
		    (uintptr_t)fd, EVFILT_VNODE, EV_ADD, NOTE_ATTRIB, 0,
		    NULL) != 0 || fchmod(fd, 0600) != 0)
			_exit(2);
		if (kq_test_collect(mine, &kev, 1) != 1 ||
		    kev.fflags != NOTE_ATTRIB)
			_exit(3);
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, WEXITSTATUS(status));
	EXPECT_NOTES(kq, fd, NOTE_ATTRIB);
	EXPECT_AFTER(kq, fd, NOTE_WRITE, pwrite(fd, "x", 1, 0));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, unsupported);
	ATF_TP_ADD_TC(tp, character_device);
	ATF_TP_ADD_TC(tp, procfs);
	ATF_TP_ADD_TC(tp, fifo);
	ATF_TP_ADD_TC(tp, symlink_itself);
	ATF_TP_ADD_TC(tp, nameless);
	ATF_TP_ADD_TC(tp, write_within);
	ATF_TP_ADD_TC(tp, write_beyond);
	ATF_TP_ADD_TC(tp, truncate_shorter);
	ATF_TP_ADD_TC(tp, truncate_open);
	ATF_TP_ADD_TC(tp, truncate_longer);
	ATF_TP_ADD_TC(tp, truncate_same);
	ATF_TP_ADD_TC(tp, attributes);
	ATF_TP_ADD_TC(tp, attribute_mtime);
	ATF_TP_ADD_TC(tp, attribute_renamed);
	ATF_TP_ADD_TC(tp, link_unlink);
	ATF_TP_ADD_TC(tp, rename_file);
	ATF_TP_ADD_TC(tp, rename_over);
	ATF_TP_ADD_TC(tp, rename_over_directory);
	ATF_TP_ADD_TC(tp, dir_entries);
	ATF_TP_ADD_TC(tp, dir_mkdir_rmdir);
	ATF_TP_ADD_TC(tp, dir_not_inside);
	ATF_TP_ADD_TC(tp, dir_itself);
	ATF_TP_ADD_TC(tp, dir_rmdir);
	ATF_TP_ADD_TC(tp, dir_rmdir_parent);
	ATF_TP_ADD_TC(tp, dir_rmdir_alike);
	ATF_TP_ADD_TC(tp, dir_moved_rmdir);
	ATF_TP_ADD_TC(tp, dir_moved_parent);
	ATF_TP_ADD_TC(tp, nothing);
	ATF_TP_ADD_TC(tp, failed);
	ATF_TP_ADD_TC(tp, dir_rmdir_hidden);
	ATF_TP_ADD_TC(tp, dir_root);
	ATF_TP_ADD_TC(tp, unmount);
	ATF_TP_ADD_TC(tp, unmount_closed);
	ATF_TP_ADD_TC(tp, overlay);
	ATF_TP_ADD_TC(tp, mask_no_proc);
	ATF_TP_ADD_TC(tp, mask);
	ATF_TP_ADD_TC(tp, mask_empty);
	ATF_TP_ADD_TC(tp, mask_changed);
	ATF_TP_ADD_TC(tp, mask_refused);
	ATF_TP_ADD_TC(tp, mask_delete);
	ATF_TP_ADD_TC(tp, registration);
	ATF_TP_ADD_TC(tp, registration_grown);
	ATF_TP_ADD_TC(tp, accumulate);
	ATF_TP_ADD_TC(tp, accumulate_link);
	ATF_TP_ADD_TC(tp, level);
	ATF_TP_ADD_TC(tp, oneshot);
	ATF_TP_ADD_TC(tp, dispatch);
	ATF_TP_ADD_TC(tp, disabled);
	ATF_TP_ADD_TC(tp, poller);
	ATF_TP_ADD_TC(tp, after_unlink);
	ATF_TP_ADD_TC(tp, after_unlink_linked);
	ATF_TP_ADD_TC(tp, after_unlink_added);
	ATF_TP_ADD_TC(tp, other_process);
	ATF_TP_ADD_TC(tp, two_masks);
	ATF_TP_ADD_TC(tp, order);
	ATF_TP_ADD_TC(tp, order_files);
	ATF_TP_ADD_TC(tp, with_read);
	ATF_TP_ADD_TC(tp, closed);
	ATF_TP_ADD_TC(tp, closed_unseen);
	ATF_TP_ADD_TC(tp, closed_unseen_two);
	ATF_TP_ADD_TC(tp, sleeper);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, overflow);
	ATF_TP_ADD_TC(tp, no_instances);
	ATF_TP_ADD_TC(tp, no_watches);
	ATF_TP_ADD_TC(tp, no_watches_parent);
	ATF_TP_ADD_TC(tp, shared);
	ATF_TP_ADD_TC(tp, shared_threads);
	ATF_TP_ADD_TC(tp, shared_race);
	ATF_TP_ADD_TC(tp, dir_moved_race);
	ATF_TP_ADD_TC(tp, hammer);
	ATF_TP_ADD_TC(tp, forked);
	return (atf_no_error());
}
