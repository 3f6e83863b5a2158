/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the tests of files: cases that are run twice, on the file system of the
 * test and on tmpfs; mounts of the case's own; and limits of the user's.
 */
#ifndef _PLACE_TEST_H_
#define	_PLACE_TEST_H_

#include "kq_test.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <ftw.h>
#include <linux/magic.h>
#include <sched.h>

static char place_tmpfs[] = "/dev/shm/kqueue_test.XXXXXX";
static pid_t place_owner;

static int
place_remove(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path);
	return (0);
}

/* Also after a failure, which exits. */
static void
place_clean(void)
{
	if (getpid() == place_owner)
		(void)nftw(place_tmpfs, place_remove, 16,
		    FTW_DEPTH | FTW_PHYS);
}

/* Run it in the directory of the case, and in one on tmpfs. */
static void
place_each(void (*body)(void))
{
	struct statfs sf;
	int start;

	ATF_REQUIRE((start = open(".", O_RDONLY | O_DIRECTORY)) != -1);
	body();
	if (statfs("/dev/shm", &sf) == -1 || sf.f_type != TMPFS_MAGIC ||
	    mkdtemp(place_tmpfs) == NULL)
		return;
	place_owner = getpid();
	atexit(place_clean);
	ATF_REQUIRE_EQ(0, chdir(place_tmpfs));
	body();
	ATF_REQUIRE_EQ(0, fchdir(start));
	close(start);
}

/* Mounts of our own from here on. */
static void
mounts_apart(void)
{
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		atf_tc_skip("no mount namespace: %s", strerror(errno));
}

/*
 * Limits, in a user namespace that has its own.
 */

static void
limit_put(const char *path, const char *text)
{
	int fd;

	if ((fd = open(path, O_WRONLY)) == -1 ||
	    write(fd, text, strlen(text)) == -1)
		atf_tc_skip("%s: %s", path, strerror(errno));
	close(fd);
}

static void
limit_set(const char *name, const char *value)
{
	char map[32], path[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) == -1)
		atf_tc_skip("no user namespace: %s", strerror(errno));
	limit_put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	limit_put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	limit_put("/proc/self/gid_map", map);
	snprintf(path, sizeof(path), "/proc/sys/user/%s", name);
	limit_put(path, value);
}

#define	FILE_TC(name, text)						\
	static void name##_there(void);					\
	KQ_TC(name, text)						\
	{								\
		place_each(name##_there);				\
	}								\
	static void							\
	name##_there(void)

#endif /* !_PLACE_TEST_H_ */
