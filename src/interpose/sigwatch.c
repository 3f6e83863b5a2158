/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is watched of the signals, and the lock of all that sigstate.h tells of.
 */
#include "sigstate.h"

_Atomic int sig_pid;
_Atomic uint64_t sig_watched;
_Atomic uint32_t sig_changes;
static _Atomic uint32_t sig_word;	/* [a] siglock() */
static int	sig_refs[LX_NSIG + 1];	/* [S] */

static bool
watchable(int sig)
{
	return (sig >= 1 && sig <= LX_NSIG && sig != SIGKILL &&
	    sig != SIGSTOP && (sig_internal() & BIT(sig)) == 0);
}

void
siglock(uint64_t *minep)
{
	uint32_t zero;
	int round;

	for (round = 0;; round++) {
		lx_sigmask(ALL, minep);
		zero = 0;
		/* Acquire: pairs with sigunlock(). */
		if (atomic_compare_exchange_strong_explicit(&sig_word, &zero,
		    1, memory_order_acquire, memory_order_relaxed))
			return;
		lx_sigmask(*minep, NULL);
		lx_yield(round);
	}
}

void
sigunlock_settled(uint64_t mine)
{
	atomic_store_explicit(&sig_word, 0, memory_order_release);
	lx_sigmask(mine, NULL);
}

void
sigunlock(uint64_t mine)
{
	sigunlock_settled(mine);
	/* Somebody may have taken us for a thread that blocks everything. */
	if (KQ_UNLIKELY((atomic_load(&sig_read) & ~mine) != 0))
		sig_masksettle();
}

int
sigwatch_add(int sig)
{
	uint64_t mine;
	int error, saved;

	if (!watchable(sig))
		return (0);
	error = 0;
	saved = errno;
	siglock(&mine);
	if (sig_refs[sig]++ > 0)
		goto done;
	(void)atomic_fetch_add(&sig_changes, 1);
	/* First: a sigaction() that does not see this yet is learned of. */
	(void)atomic_fetch_or(&sig_watched, BIT(sig));
	sig_resend(sig, -1);
	if ((error = disp_learn(sig)) != 0 ||
	    (error = disp_install(sig, true, &mine)) != 0) {
		(void)atomic_fetch_and(&sig_watched, ~BIT(sig));
		(void)atomic_fetch_and(&sig_ignored, ~BIT(sig));
		sig_force(0, BIT(sig), &mine);
		sig_refs[sig]--;
	} else if ((mine & BIT(sig)) != 0 &&
	    sig_allblock(BIT(sig), mine) != 0)
		owed_drain(sig);
	sig_readeval(BIT(sig), mine);
done:
	sigunlock(mine);
	errno = saved;
	return (error);
}

void
sigwatch_del(int sig)
{
	uint64_t mine;
	int saved;

	if (!watchable(sig))
		return;
	saved = errno;
	siglock(&mine);
	if (sig_refs[sig] == 0 || --sig_refs[sig] > 0)
		goto done;
	(void)atomic_fetch_add(&sig_changes, 1);
	sig_readstop(BIT(sig));
	disp_restore(sig);
	owed_giveback(BIT(sig), true);
	/* Only now: who unblocks what is not watched does not ask for it. */
	(void)atomic_fetch_and(&sig_watched, ~BIT(sig));
	(void)atomic_fetch_and(&sig_ignored, ~BIT(sig));
	sig_force(0, BIT(sig), &mine);
done:
	sigunlock(mine);
	errno = saved;
}

void
sigwatch_reset(void)
{
	int sig;

	for (sig = 1; sig <= LX_NSIG; sig++)
		sig_refs[sig] = 0;
	atomic_store(&sig_watched, 0);
	atomic_store(&sig_pid, 0);
	atomic_store(&sig_word, 0);
}
