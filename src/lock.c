/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mutex on a futex whose word also says that work was left for the holder.
 *
 * Whoever may not wait (a signal handler, close()) sets KQL_DEFER when it
 * finds the lock held.  Because the bit is in the same word that the holder
 * swaps to zero, it cannot release the lock without having seen it.
 */
#include "kqueue_var.h"

/* Initial-exec: reached from signal handlers, where no TLS may be allocated. */
__thread int kq_nheld __attribute__((__tls_model__("initial-exec")));

void
kq_lock_slow(struct kq_lock *l)
{
	uint32_t w;

	w = atomic_load_explicit(&l->l_word, memory_order_relaxed);
	for (;;) {
		if ((w & KQL_LOCKED) == 0) {
			/*
			 * Acquire: pairs with the release of the last holder.
			 * KQL_WAIT stays for those who sleep beside us.
			 */
			if (atomic_compare_exchange_weak_explicit(&l->l_word,
			    &w, w | KQL_LOCKED | KQL_WAIT,
			    memory_order_acquire, memory_order_relaxed))
				return;
			continue;
		}
		if ((w & KQL_WAIT) == 0 &&
		    !atomic_compare_exchange_weak_explicit(&l->l_word, &w,
		    w | KQL_WAIT, memory_order_relaxed, memory_order_relaxed))
			continue;
		lx_futex_wait(&l->l_word, w | KQL_WAIT);
		w = atomic_load_explicit(&l->l_word, memory_order_relaxed);
	}
}

bool
kq_lock_try(struct kq_lock *l)
{
	uint32_t w;

	w = atomic_load_explicit(&l->l_word, memory_order_relaxed);
	while ((w & KQL_LOCKED) == 0) {
		if (atomic_compare_exchange_weak_explicit(&l->l_word, &w,
		    w | KQL_LOCKED, memory_order_acquire,
		    memory_order_relaxed)) {
			kq_nheld++;
			atomic_store_explicit(&l->l_owner, kq_self(),
			    memory_order_relaxed);
			return (true);
		}
	}
	return (false);
}

bool
kq_lock_try_or_defer(struct kq_lock *l)
{
	uint32_t w;

	w = atomic_load_explicit(&l->l_word, memory_order_relaxed);
	for (;;) {
		if ((w & KQL_LOCKED) == 0) {
			if (kq_lock_try(l))
				return (true);
			w = atomic_load_explicit(&l->l_word,
			    memory_order_relaxed);
			continue;
		}
		/* Release: what was left is seen by the holder's acquire. */
		if (atomic_compare_exchange_weak_explicit(&l->l_word, &w,
		    w | KQL_DEFER, memory_order_release,
		    memory_order_relaxed))
			return (false);
	}
}

bool
kq_lock_release(struct kq_lock *l)
{
	uint32_t w;

	atomic_store_explicit(&l->l_owner, NULL, memory_order_relaxed);
	w = atomic_load_explicit(&l->l_word, memory_order_relaxed);
	for (;;) {
		if (KQ_UNLIKELY((w & KQL_DEFER) != 0)) {
			/* Acquire: pairs with kq_lock_try_or_defer(). */
			(void)atomic_fetch_and_explicit(&l->l_word,
			    ~KQL_DEFER, memory_order_acquire);
			atomic_store_explicit(&l->l_owner, kq_self(),
			    memory_order_relaxed);
			return (false);
		}
		/* Release: pairs with every acquire above. */
		if (atomic_compare_exchange_weak_explicit(&l->l_word, &w, 0,
		    memory_order_release, memory_order_relaxed))
			break;
	}
	kq_nheld--;
	if (KQ_UNLIKELY((w & KQL_WAIT) != 0))
		lx_futex_wake(&l->l_word, 1);
	return (true);
}

void
kq_unlock(struct kq_lock *l)
{
	while (!kq_lock_release(l))
		continue;
}
