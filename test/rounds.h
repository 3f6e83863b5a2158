/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _ROUNDS_H_
#define	_ROUNDS_H_

/*
 * How often to try what depends on chance, where a processor runs the program as
 * it is: n.  A build with KQ_SLOW takes that part of it, for sanitizers and
 * emulators; with ThreadSanitizer's shadow memory a fork alone takes some 20 ms.
 */
#ifndef KQ_SLOW
#if defined(__SANITIZE_THREAD__)
#define	KQ_SLOW	10
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define	KQ_SLOW	10
#endif
#endif
#endif
#ifndef KQ_SLOW
#define	KQ_SLOW	1
#endif
#define	KQ_ROUNDS(n)	((n) / KQ_SLOW)

#endif /* !_ROUNDS_H_ */
