/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a forked child and a new program get of the signals: the program's masks
 * and dispositions, not those that the kernel has for our sake.  Also in the
 * static archive, where spawn.c is not.
 */
#include "sigstate.h"

#include <limits.h>
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

/*
 * While the kernel has SIG_IGN for SIGCHLD, children end without a word.  So
 * there is a list of them, and who is missing afterwards is counted: once, as
 * the kernel merges signals that are pending.
 */
#define	CHILDREN_LEN	((size_t)64 << 10)	/* mapped, used as needed */

struct sigchildren {
	int	sc_n;
	int	sc_pid[];
};
#define	CHILDREN_MAX							\
	((int)((CHILDREN_LEN - sizeof(struct sigchildren)) / sizeof(int)))

static void
children_add(int pid, void *arg)
{
	struct sigchildren *sc = arg;

	if (sc->sc_n < CHILDREN_MAX)
		sc->sc_pid[sc->sc_n++] = pid;
}

/* Of this thread's children now: is one of them not in the list? */
struct newborn {
	struct sigchildren	*nb_before;
	int			 nb_n;		/* those of before */
	bool			 nb_found;
};

static void
children_newborn(int pid, void *arg)
{
	struct newborn *nb = arg;
	int i;

	for (i = 0; i < nb->nb_n; i++) {
		if (nb->nb_before->sc_pid[i] == pid)
			return;
	}
	nb->nb_found = true;
	children_add(pid, nb->nb_before);
}

/* Keep those that are alive; is any gone since, and nothing was counted? */
static bool
children_missed(struct sigspawn *ss)
{
	struct sigchildren *sc = ss->ss_children;
	int error, i, n;
	bool gone;

	gone = false;
	for (i = n = 0; i < sc->sc_n; i++) {
		error = lx_child(sc->sc_pid[i]);
		if (error == ESRCH)
			gone = true;
		else if (error == 0)
			sc->sc_pid[n++] = sc->sc_pid[i];
	}
	sc->sc_n = n;
	if (!gone || (lx_sigpending() & BIT(SIGCHLD)) != 0)
		return (false);
	/* Whoever reads just now counts it soon. */
	sig_collected();
	return (sigwatch_count(SIGCHLD) == ss->ss_count);
}

static void
children_count(struct sigspawn *ss)
{
	if (children_missed(ss))
		sig_count(SIGCHLD);
	ss->ss_count = sigwatch_count(SIGCHLD);
}

static void
children_forget(struct sigspawn *ss)
{
	lx_unmap(ss->ss_children, CHILDREN_LEN);
	ss->ss_children = NULL;
}

static void
children_begin(struct sigspawn *ss)
{
	void *p;

	ss->ss_children = NULL;
	if (!sig_ours() || !disp_chldhidden())
		return;
	ss->ss_count = sigwatch_count(SIGCHLD);
	if (lx_map(CHILDREN_LEN, false, &p) == 0) {
		ss->ss_children = p;
		(void)lx_children(0, children_add, p);
	}
	/* Setting SIG_IGN drops what is pending. */
	sig_collectnow(SIGCHLD);
}

static void
children_end(struct sigspawn *ss, int pid)
{
	struct newborn nb = { ss->ss_children, ss->ss_children->sc_n, false };

	if (pid > 0)
		children_add(pid, ss->ss_children);
	else if (pid == -1 &&
	    lx_children(lx_gettid(), children_newborn, &nb) == 0 &&
	    !nb.nb_found)
		/* No process has this number: it has ended. */
		children_add(INT_MAX, ss->ss_children);
	children_count(ss);
	children_forget(ss);
}

void
sigspawn_begin(struct sigspawn *ss, bool mask)
{
	int saved;

	saved = errno;
	children_begin(ss);
	ss->ss_chld = disp_showchld();
	if (ss->ss_children != NULL && !ss->ss_chld)
		children_forget(ss);
	if (ss->ss_children != NULL)
		children_count(ss);
	lx_sigmask(ALL, &ss->ss_mask);
	ss->ss_program = sig_programmask(ss->ss_mask, atomic_load(&sig_forced));
	lx_sigmask(mask ? ss->ss_program : ss->ss_mask, NULL);
	errno = saved;
}

void
sigspawn_end(struct sigspawn *ss, int pid)
{
	int saved;
	bool ours;

	saved = errno;
	lx_sigmask(ALL, NULL);
	if ((ours = sig_ours())) {
		/* libc may have blocked what tells of changes for too long. */
		sig_thr.epoch = atomic_load(&sig_epoch);
		ss->ss_mask = sig_kernelmask(ss->ss_program,
		    atomic_load(&sig_forced));
	}
	lx_sigmask(ss->ss_mask, NULL);
	if (ours && (atomic_load(&sig_read) & ~ss->ss_mask) != 0)
		sig_masksettle();
	if (ss->ss_chld)
		disp_hidechld();
	if (ss->ss_children != NULL)
		children_end(ss, pid);
	errno = saved;
}

void
sig_forkchild(void)
{
	uint64_t k, p;
	int saved;

	saved = errno;
	lx_sigmask(ALL, &k);
	p = sig_programmask(k, atomic_load(&sig_forced));
	disp_reset();
	sigforce_reset();
	sigread_reset();
	owed_reset();
	sigsink_reset();
	sigwatch_reset();
	lx_sigmask(p, NULL);
	errno = saved;
}
