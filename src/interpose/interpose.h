/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files share that stand in front of libc's entry points.
 *
 * A definition here has libc's name and no symbol version (libkqueue.map), does
 * its part and calls the next definition of the name: libc's, or that of a
 * sanitizer between us, whose books stay right.  The next one is looked up by
 * the constructor, for dlsym() takes locks and a handler may call close().
 *
 * Not async-signal-safe, and not in the static archive: stdio.c.  There
 * nothing can be called next, for the archive of libc has one definition of
 * fclose(), and we would be in its place.
 */
#ifndef _KQ_INTERPOSE_H_
#define	_KQ_INTERPOSE_H_

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/*
 * What of the program's calls reaches us; 0 if close() does not.  Not for
 * signal handlers.
 */
#define	KQI_CLOSE	1	/* close() and the others of close.c */
#define	KQI_STDIO	2	/* fclose() and the others of stdio.c */
int	kq_interposed(void);

/*
 * The definition of name behind ours, which is self; NULL where there is none
 * (a static program).  Not for signal handlers.
 */
void	*kq_next(const char *name, const void *self);

/* Defined where stdio.c is part of the build. */
extern const bool kq_stdio_present;

#pragma GCC visibility pop

#endif /* !_KQ_INTERPOSE_H_ */
