/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a forked child and a new program get of the signals: the program's masks
 * and dispositions, not those that the kernel has for our sake.  Also in the
 * static archive, where spawn.c is not.
 */
#include "sigstate.h"

#include <pthread.h>

static _Atomic uint64_t sig_forks;	/* [a] */

__attribute__((__constructor__(101))) static void
sigspawn_constructor(void)
{
	int saved;

	saved = errno;
	/* fork(), and what calls it inside libc; also in a static program. */
	(void)pthread_atfork(NULL, kq_selfforked, NULL);
	(void)pthread_atfork(NULL, NULL, sig_forkchild);
	errno = saved;
}

uint64_t
kq_selfforks(void)
{
	return (atomic_load(&sig_forks));
}

void
kq_selfforked(void)
{
	(void)atomic_fetch_add(&sig_forks, 1);
	if (atomic_load(&sig_pid) != 0)
		sigsink_ring(SIGSINK_FORKBIT, NULL);
}

bool
sigspawn_needed(void)
{
	return (sig_masktouched());
}

void
sigspawn_begin(struct sigspawn *ss, bool mask)
{
	int saved;

	saved = errno;
	/* Setting SIG_IGN drops what is pending. */
	if ((atomic_load(&sig_ignored) & BIT(SIGCHLD)) != 0)
		sig_collectnow(SIGCHLD);
	lx_sigmask(ALL, &ss->ss_mask);
	ss->ss_chld = disp_showchld();
	ss->ss_program = sig_programmask(ss->ss_mask, atomic_load(&sig_forced));
	lx_sigmask(mask ? ss->ss_program : ss->ss_mask, NULL);
	errno = saved;
}

void
sigspawn_end(const struct sigspawn *ss)
{
	int saved;

	saved = errno;
	lx_sigmask(ALL, NULL);
	if (ss->ss_chld)
		disp_hidechld();
	lx_sigmask(ss->ss_mask, NULL);
	errno = saved;
}

void
sig_forkchild(void)
{
	uint64_t k, p, watched;
	int saved, sig;

	saved = errno;
	lx_sigmask(ALL, &k);
	p = sig_programmask(k, atomic_load(&sig_forced));
	watched = atomic_load(&sig_watched);
	for (sig = 1; sig <= LX_NSIG; sig++) {
		if ((watched & BIT(sig)) != 0)
			disp_restore(sig);
	}
	atomic_store(&sig_ignored, 0);
	sigforce_reset();
	sigread_reset();
	owed_reset();
	sigsink_reset();
	sigwatch_reset();
	lx_sigmask(p, NULL);
	errno = saved;
}
