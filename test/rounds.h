/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _ROUNDS_H_
#define	_ROUNDS_H_

#include <stdlib.h>

/*
 * How often to try what depends on chance, where a processor runs the program as
 * it is: n.  With KQ_SLOW in the environment that part of it, for sanitizers,
 * emulators and what is about something else; with ThreadSanitizer's shadow
 * memory a fork alone takes some 20 ms.
 */
#if defined(__SANITIZE_THREAD__)
#define	KQ_SLOW	10
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define	KQ_SLOW	10
#endif
#endif
#ifndef KQ_SLOW
#define	KQ_SLOW	1
#endif

static int kq_slow = KQ_SLOW;

__attribute__((__constructor__, __unused__)) static void
kq_rounds_init(void)
{
	const char *s = getenv("KQ_SLOW");

	if (s != NULL && atoi(s) >= 1)
		kq_slow = atoi(s);
}

#define	KQ_ROUNDS(n)	((n) / kq_slow)

#endif /* !_ROUNDS_H_ */
