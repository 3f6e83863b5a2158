/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_FS: clauses FS-1 to FS-4.  What mounts does so in a mount namespace
 * of its own.
 */
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <pthread.h>
#include <sched.h>

#include "place_test.h"

static void
space_enter(void)
{
	mounts_apart();
	ATF_REQUIRE_EQ(0, mkdir("mnt", 0755));
	ATF_REQUIRE_EQ(0, mkdir("mnt2", 0755));
}

static int
fs_mount(const char *where)
{
	return (mount("none", where, "tmpfs", 0, ""));
}

#define	MOUNT_TC(name, text)						\
	KQ_TC_MD(name, text, "require.user", "root")

#define	EXPECT_VQ(kq, ident, bits)					\
	KQ_EXPECT(kq, ident, EVFILT_FS, .flags = EV_CLEAR,		\
	    .fflags = (bits), .data = 0)

KQ_TC(quiet, "FS-1: any ident, any fflags; nothing happens, nothing comes")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 0, EVFILT_FS, EV_ADD, 0, 0);
	KQ_CHANGE(kq, UINTPTR_MAX, EVFILT_FS, EV_ADD, 0xffffffffu, 7);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_FS, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 0, EVFILT_FS, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 0, EVFILT_FS, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, UINTPTR_MAX, EVFILT_FS, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 5, EVFILT_FS, EV_ADD, 0, 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

MOUNT_TC(mounted, "FS-2: VQ_MOUNT and VQ_UNMOUNT, EV_CLEAR by itself")
{
	int kq;

	space_enter();
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, mount("mnt", "mnt2", NULL, MS_BIND, NULL));
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	ATF_REQUIRE_EQ(0, umount("mnt2"));
	EXPECT_VQ(kq, 1, VQ_UNMOUNT);
	ATF_REQUIRE_EQ(0, umount2("mnt", MNT_DETACH));
	EXPECT_VQ(kq, 1, VQ_UNMOUNT);
	KQ_EXPECT_NOTHING(kq);
}

/*
 * The library finds out about much by /proc.  What it cannot know without is
 * refused, and the rest goes on.
 */
MOUNT_TC(no_proc, "Without /proc: EOPNOTSUPP for files and mounts, others work")
{
	int dir, fd, file, kq, p[2];

	space_enter();
	kq = KQ_OPEN();
	ATF_REQUIRE((file = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	ATF_REQUIRE((dir = open("mnt", O_RDONLY | O_DIRECTORY)) != -1);
	ATF_REQUIRE((fd = eventfd(5, EFD_NONBLOCK)) != -1);
	ATF_REQUIRE_EQ(0, pipe(p));
	ATF_REQUIRE_EQ(0, fs_mount("/proc"));
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, 1, EVFILT_FS, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_FS, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, file, EVFILT_VNODE, EV_ADD,
	    NOTE_WRITE, 0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, dir, EVFILT_VNODE, EV_ADD,
	    NOTE_DELETE, 0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, file, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, file, EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, file, EVFILT_WRITE, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, file, EVFILT_WRITE, .data = 0);
	/* READ-49: ready, and the counter cannot be seen. */
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, fd, EVFILT_WRITE, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, fd, EVFILT_WRITE, .data = 1);
	ATF_REQUIRE_EQ(0, close(fd));
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(3, write(p[1], "abc", 3));
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 3);
	ATF_REQUIRE_EQ(0, close(p[1]));
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_EOF, .data = 3);
	/* And with it again, all works that was refused. */
	ATF_REQUIRE_EQ(0, umount("/proc"));
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, file, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0);
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(1, write(file, "x", 1));
	KQ_EXPECT(kq, file, EVFILT_VNODE);
	ATF_REQUIRE_EQ(0, fs_mount("mnt2"));
	EXPECT_VQ(kq, 1, VQ_MOUNT);
}

MOUNT_TC(accumulate, "FS-2: the bits are collected until delivery")
{
	int kq;

	space_enter();
	kq = KQ_OPEN();
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, fs_mount("mnt2"));
	ATF_REQUIRE_EQ(0, umount("mnt"));
	EXPECT_VQ(kq, 1, VQ_MOUNT | VQ_UNMOUNT);
	KQ_EXPECT_NOTHING(kq);
	/* Disabled in between (REG-24). */
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_DISABLE, 0, 0);
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, umount("mnt"));
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ENABLE, 0, 0);
	EXPECT_VQ(kq, 1, VQ_MOUNT | VQ_UNMOUNT);
}

MOUNT_TC(replaced, "FS-2: an unmount and a mount that look the same after it")
{
	int kq;

	space_enter();
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, umount("mnt"));
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	EXPECT_VQ(kq, 1, VQ_MOUNT | VQ_UNMOUNT);
	KQ_EXPECT_NOTHING(kq);
}

MOUNT_TC(vanished, "FS-2: a mount that is gone before anybody looks")
{
	int kq;

	space_enter();
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	ATF_REQUIRE_EQ(0, umount("mnt"));
	atf_tc_expect_fail("Linux tells of a change, and nothing has changed");
	if (!kq_test_readable(kq, 0))
		atf_tc_fail("the kqueue is not readable");
	ATF_CHECK_EQ(1, kevent(kq, NULL, 0, &(struct kevent){ 0 }, 1,
	    &(struct timespec){ 0, 0 }));
}

MOUNT_TC(remounted, "FS-4: a remount, a move, changed propagation: nothing")
{
	int kq;

	space_enter();
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, mount(NULL, "mnt", NULL, MS_REMOUNT | MS_RDONLY,
	    NULL));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, mount(NULL, "mnt", NULL, MS_SHARED, NULL));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, mount("mnt", "mnt2", NULL, MS_MOVE, NULL));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(-1, umount("mnt"));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, umount("mnt2"));
	EXPECT_VQ(kq, 1, VQ_UNMOUNT);
}

MOUNT_TC(poller, "KQ-17: the kqueue is readable until the event is collected")
{
	int kq, outer;

	space_enter();
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	outer = KQ_OPEN();
	KQ_CHANGE(outer, kq, EVFILT_READ, EV_ADD, 0, 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(outer);
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	/* Looking takes nothing away. */
	KQ_POLL_READABLE(kq);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(outer, kq, EVFILT_READ, .data = 1);
	KQ_POLL_READABLE(kq);
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(outer);
}

MOUNT_TC(several, "FS-1, KQ-19: several idents and several kqueues")
{
	struct kevent kev[3];
	int kq, kq2;

	space_enter();
	kq = KQ_OPEN();
	kq2 = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	KQ_CHANGE(kq2, 1, EVFILT_FS, EV_ADD | EV_ONESHOT, 0, 0);
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	KQ_EXPECT(kq2, 1, EVFILT_FS, .flags = EV_CLEAR | EV_ONESHOT,
	    .fflags = VQ_MOUNT);
	KQ_CHANGE_ERROR(kq2, ENOENT, 1, EVFILT_FS, EV_DELETE, 0, 0);
	/* Who comes later is not told. */
	KQ_CHANGE(kq, 2, EVFILT_FS, EV_ADD, 0, 0);
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	ATF_REQUIRE_EQ(0, umount("mnt"));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	KQ_MATCH(&kev[0], kev[0].ident, EVFILT_FS, .fflags = VQ_UNMOUNT);
	KQ_MATCH(&kev[1], 3 - kev[0].ident, EVFILT_FS, .fflags = VQ_UNMOUNT);
	/* Whichever goes, the others stay. */
	KQ_CHANGE(kq, 3, EVFILT_FS, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 4, EVFILT_FS, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 3, EVFILT_FS, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	KQ_MATCH(&kev[0], kev[0].ident, EVFILT_FS, .fflags = VQ_MOUNT);
	KQ_MATCH(&kev[1], 6 - kev[0].ident, EVFILT_FS, .fflags = VQ_MOUNT);
	ATF_REQUIRE_EQ(0, umount("mnt"));
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 3));
	KQ_CHANGE(kq, 4, EVFILT_FS, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	EXPECT_VQ(kq, 2, VQ_MOUNT);
	KQ_CHANGE(kq, 2, EVFILT_FS, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(0, umount("mnt"));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

MOUNT_TC(elsewhere, "FS-3: a namespace that the process has left")
{
	int go[2], kq, status;
	pid_t pid;
	char c;

	space_enter();
	ATF_REQUIRE_EQ(0, pipe(go));
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(read(go[0], &c, 1) == 1 && fs_mount("mnt") == 0 &&
		    umount("mnt") == 0 && fs_mount("mnt") == 0 ? 0 : 1);
	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNS));
	/* CAVEATS: not what is done here, but there. */
	ATF_REQUIRE_EQ(0, fs_mount("mnt2"));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, write(go[1], "x", 1));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	/* From here on it is this one. */
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, umount("mnt2"));
	EXPECT_VQ(kq, 1, VQ_UNMOUNT);
	KQ_EXPECT_NOTHING(kq);
	close(go[0]);
	close(go[1]);
}

/* The process's root becomes a directory, with /proc in it or without. */
static void
root_changed(bool proc)
{
	int go[2], kq, root, status;
	pid_t pid;
	char c;

	space_enter();
	ATF_REQUIRE((root = open("/proc/self/root", O_RDONLY | O_DIRECTORY)) !=
	    -1);
	ATF_REQUIRE_EQ(0, mkdir("jail", 0755));
	ATF_REQUIRE_EQ(0, mkdir("jail/proc", 0755));
	ATF_REQUIRE_EQ(0, mkdir("jail/mnt", 0755));
	if (proc)
		ATF_REQUIRE_EQ(0, mount("/proc", "jail/proc", NULL, MS_BIND,
		    NULL));
	ATF_REQUIRE_EQ(0, fs_mount("mnt2"));
	ATF_REQUIRE_EQ(0, pipe(go));
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (read(go[0], &c, 1) != 1 || fs_mount("mnt") != 0 ||
		    read(go[0], &c, 1) != 1 || umount("mnt2") != 0)
			_exit(1);
		_exit(0);
	}
	ATF_REQUIRE_EQ(0, chroot("jail"));
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, write(go[1], "x", 1));
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, write(go[1], "x", 1));
	EXPECT_VQ(kq, 1, VQ_UNMOUNT);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	/* And what happens inside. */
	ATF_REQUIRE_EQ(0, fs_mount("/mnt"));
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	KQ_EXPECT_NOTHING(kq);
	/* ATF writes down the result where it was told to. */
	ATF_REQUIRE_EQ(0, fchdir(root));
	ATF_REQUIRE_EQ(0, chroot("."));
}

MOUNT_TC(chrooted, "FS-3: a root that has become another")
{
	root_changed(true);
}

MOUNT_TC(chrooted_no_proc, "FS-3: a root that has become another, without /proc")
{
	root_changed(false);
}

MOUNT_TC(other_process, "FS-3: whichever process does it")
{
	int kq, status;
	pid_t pid;

	space_enter();
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(fs_mount("mnt") == 0 ? 0 : 1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	EXPECT_VQ(kq, 1, VQ_MOUNT);
}

static void *
sleeper_main(void *arg)
{
	struct kevent kev;

	if (kq_test_collect(*(int *)arg, &kev, 1) != 1)
		return (NULL);
	return ((void *)(uintptr_t)kev.fflags);
}

MOUNT_TC(sleeper, "FS-2: a thread that sleeps in kevent() is woken")
{
	pthread_t thread;
	void *ret;
	int i, kq;

	space_enter();
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	for (i = 0; i < 20; i++) {
		ATF_REQUIRE_EQ(0, pthread_create(&thread, NULL, sleeper_main,
		    &kq));
		ATF_REQUIRE_EQ(0, i % 2 == 0 ? fs_mount("mnt") :
		    umount("mnt"));
		ATF_REQUIRE_EQ(0, pthread_join(thread, &ret));
		ATF_REQUIRE_EQ(i % 2 == 0 ? VQ_MOUNT : VQ_UNMOUNT,
		    (unsigned)(uintptr_t)ret);
	}
}

#define	MANY	200

MOUNT_TC(many, "A list of mounts that outgrows its room")
{
	char name[16];
	int i, kq;

	space_enter();
	ATF_REQUIRE_EQ(0, fs_mount("mnt"));
	kq = KQ_OPEN();
	KQ_CHANGE(kq, 1, EVFILT_FS, EV_ADD, 0, 0);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "mnt/%d", i);
		ATF_REQUIRE_EQ(0, mkdir(name, 0755));
		ATF_REQUIRE_EQ(0, fs_mount(name));
	}
	EXPECT_VQ(kq, 1, VQ_MOUNT);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "mnt/%d", i);
		ATF_REQUIRE_EQ(0, umount(name));
		if (i % 50 == 0)
			EXPECT_VQ(kq, 1, VQ_UNMOUNT);
	}
	EXPECT_VQ(kq, 1, VQ_UNMOUNT);
	KQ_EXPECT_NOTHING(kq);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, quiet);
	ATF_TP_ADD_TC(tp, mounted);
	ATF_TP_ADD_TC(tp, no_proc);
	ATF_TP_ADD_TC(tp, accumulate);
	ATF_TP_ADD_TC(tp, replaced);
	ATF_TP_ADD_TC(tp, vanished);
	ATF_TP_ADD_TC(tp, remounted);
	ATF_TP_ADD_TC(tp, poller);
	ATF_TP_ADD_TC(tp, several);
	ATF_TP_ADD_TC(tp, elsewhere);
	ATF_TP_ADD_TC(tp, chrooted);
	ATF_TP_ADD_TC(tp, chrooted_no_proc);
	ATF_TP_ADD_TC(tp, other_process);
	ATF_TP_ADD_TC(tp, sleeper);
	ATF_TP_ADD_TC(tp, many);
	return (atf_no_error());
}
