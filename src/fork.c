/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a forked child keeps: nothing (KQ-13).
 *
 * The arena is zeroed in the child by the kernel, so whatever any thread of
 * the parent was doing cannot be seen there, and no lock is taken.  What the
 * kernel does not do is close our descriptors and unmap the arena: for that,
 * the numbers and the mappings are also listed here, in ordinary memory.  The
 * work is done by the atfork handler, or where none ran (_Fork(), a raw
 * clone()) by the first call that finds the root wiped.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "kqueue_var.h"

/* A bit per number; blocks are mapped on demand and never given back. */
#define	KEEP_SHIFT	20
#define	KEEP_WORDS	(((size_t)1 << KEEP_SHIFT) / 64)
static _Atomic(_Atomic uint64_t *) keep_fds[1024];
static _Atomic int keep_maxfd;		/* highest number ever entered, + 1 */

#define	KEEP_MAPS	4096		/* beyond, a child keeps empty maps */
static struct {
	_Atomic(void *) km_addr;
	size_t km_len;
} keep_maps[KEEP_MAPS];

_Atomic(struct kqroot *) kq_root;

static _Atomic uint64_t *
keep_word(int fd, bool make)
{
	_Atomic uint64_t *block, *expected;
	void *p;

	block = atomic_load(&keep_fds[(unsigned int)fd >> KEEP_SHIFT]);
	if (block == NULL) {
		if (!make || lx_map(KEEP_WORDS * 8, false, &p) != 0)
			return (NULL);
		expected = NULL;
		block = p;
		if (!atomic_compare_exchange_strong(
		    &keep_fds[(unsigned int)fd >> KEEP_SHIFT], &expected,
		    block)) {
			lx_unmap(p, KEEP_WORDS * 8);
			block = expected;
		}
	}
	return (&block[((size_t)fd & (KEEP_WORDS * 64 - 1)) / 64]);
}

int
kqkeep_fd(int fd, bool ours)
{
	_Atomic uint64_t *word;
	int max;

	if ((word = keep_word(fd, ours)) == NULL)
		return (ENOMEM);
	if (!ours) {
		(void)atomic_fetch_and(word, ~((uint64_t)1 << (fd & 63)));
		return (0);
	}
	(void)atomic_fetch_or(word, (uint64_t)1 << (fd & 63));
	max = atomic_load(&keep_maxfd);
	while (max <= fd &&
	    !atomic_compare_exchange_weak(&keep_maxfd, &max, fd + 1))
		continue;
	return (0);
}

int
kqkeep_maxfd(void)
{
	return (atomic_load(&keep_maxfd));
}

/* Beyond KEEP_MAPS a child keeps an empty map. */
void
kqkeep_map(void *p, size_t len)
{
	void *expected;
	int i;

	for (i = 0; i < KEEP_MAPS; i++) {
		expected = NULL;
		if (atomic_load_explicit(&keep_maps[i].km_addr,
		    memory_order_relaxed) == NULL &&
		    atomic_compare_exchange_strong(&keep_maps[i].km_addr,
		    &expected, p)) {
			keep_maps[i].km_len = len;
			break;
		}
	}
}

void
kqkeep_unmap(void *p, size_t len)
{
	int i;

	(void)len;
	for (i = 0; i < KEEP_MAPS; i++) {
		if (atomic_load_explicit(&keep_maps[i].km_addr,
		    memory_order_relaxed) == p) {
			keep_maps[i].km_len = 0;
			atomic_store(&keep_maps[i].km_addr, NULL);
			break;
		}
	}
}

/*
 * Close exactly the listed numbers and unmap the arena; the root's page stays.
 * A number may have been closed where we could not see it and be the program's
 * by now, so the file has to bear our mark.
 */
void
kq_forkchild(void)
{
	_Atomic uint64_t *block;
	uint64_t bits;
	size_t len;
	void *p;
	int fd, i, max;

	max = atomic_load(&keep_maxfd);
	for (fd = 0; fd < max; fd += 64) {
		block = keep_word(fd, false);
		if (block == NULL) {
			fd += (int)(KEEP_WORDS - 1) * 64;
			continue;
		}
		bits = atomic_exchange(block, 0);
		while (bits != 0) {
			i = __builtin_ctzll(bits);
			bits &= bits - 1;
			if (lx_fd_istagged(fd + i))
				lx_close(fd + i);
		}
	}
	for (i = 0; i < KEEP_MAPS; i++) {
		p = atomic_load(&keep_maps[i].km_addr);
		len = keep_maps[i].km_len;
		if (p == NULL || len == 0)
			continue;
		atomic_store(&keep_maps[i].km_addr, NULL);
		keep_maps[i].km_len = 0;
		lx_unmap(p, len);
	}
}

/* The atfork handler of the child. */
static void
kqroot_child(void)
{
	struct kqroot *root;

	root = atomic_load_explicit(&kq_root, memory_order_relaxed);
	if (root == NULL)
		return;
	/* A kernel without MADV_WIPEONFORK leaves it to us. */
	memset((void *)root, 0, sizeof(*root));
	kq_forkchild();
}

__attribute__((__constructor__)) static void
kqroot_constructor(void)
{
	/* ENOMEM: the wiped root tells the child. */
	(void)pthread_atfork(NULL, NULL, kqroot_child);
}

struct kqroot *
kqroot_peek(void)
{
	struct kqroot *root;

	root = atomic_load_explicit(&kq_root, memory_order_acquire);
	if (root == NULL || atomic_load_explicit(&root->r_magic,
	    memory_order_acquire) != KQ_MAGIC)
		return (NULL);
	return (root);
}

int
kqroot_get(struct kqroot **rootp)
{
	struct kqroot *expected, *root;
	uint32_t magic;
	void *p;
	int error;

	root = atomic_load_explicit(&kq_root, memory_order_acquire);
	if (root == NULL) {
		if ((error = lx_map(sizeof(*root), true, &p)) != 0)
			return (error);
		expected = NULL;
		root = p;
		/* Release: the pages are mapped before they can be found. */
		if (!atomic_compare_exchange_strong_explicit(&kq_root,
		    &expected, root, memory_order_acq_rel,
		    memory_order_acquire)) {
			lx_unmap(p, sizeof(*root));
			root = expected;
		}
	}
	for (;;) {
		/* Acquire: pairs with the store of KQ_MAGIC below. */
		magic = atomic_load_explicit(&root->r_magic,
		    memory_order_acquire);
		if (KQ_LIKELY(magic == KQ_MAGIC)) {
			*rootp = root;
			return (0);
		}
		if (magic == 0 && atomic_compare_exchange_strong(
		    &root->r_magic, &magic, 1))
			break;
		(void)sched_yield();
	}
	/* A new root, or the first look of a child whose handler did not run. */
	kq_forkchild();
	root->r_pid = lx_getpid();
	atomic_store(&root->r_sockchanges, 1);
	atomic_store_explicit(&root->r_magic, KQ_MAGIC, memory_order_release);
	*rootp = root;
	return (0);
}
