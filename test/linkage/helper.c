/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library that was linked with libc alone and closes for its callers; and
 * one that uses kqueue() on behalf of a program that does not know of it.
 */
#include <sys/event.h>

#include <unistd.h>

int	helper_close(int);
int	helper_dup2(int, int);
int	helper_kqueue(void);

int
helper_close(int fd)
{
	return (close(fd));
}

int
helper_dup2(int oldfd, int newfd)
{
	return (dup2(oldfd, newfd));
}

#ifdef HELPER_KQUEUE
int
helper_kqueue(void)
{
	return (kqueue());
}
#endif
