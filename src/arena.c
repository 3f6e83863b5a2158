/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the library: zeroed pieces of pages that a forked child finds
 * zeroed again (MADV_WIPEONFORK).  So a child sees no half-changed list and no
 * locked lock, and the parent's malloc is never used under a lock of ours.
 *
 * Pieces up to 64 KiB come from chunks and go to free lists by power of two;
 * larger ones are mapped each.  The arena lock is taken under kq_lock.
 */
#include <string.h>

#include "kqueue_var.h"

#define	ARENA_MINSHIFT	6		/* 64 bytes, a cache line */
#define	ARENA_MAXSHIFT	16
#define	ARENA_CHUNK	((size_t)1 << 20)

static int
arena_shift(size_t len)
{
	int shift;

	for (shift = ARENA_MINSHIFT; ((size_t)1 << shift) < len; shift++)
		continue;
	return (shift);
}

static size_t
arena_pages(size_t len)
{
	size_t page = lx_pagesize();

	return ((len + page - 1) / page * page);
}

static void *
arena_map(size_t len)
{
	void *p;

	if (lx_map(len, true, &p) != 0)
		return (NULL);
	kqkeep_map(p, len);
	return (p);
}

void *
arena_alloc(size_t len)
{
	struct kqroot *root;
	size_t size;
	void *next, *p;
	int shift;

	if ((root = kqroot_peek()) == NULL || len > SIZE_MAX / 4)
		return (NULL);
	shift = arena_shift(len);
	if (shift > ARENA_MAXSHIFT)
		return (arena_map(arena_pages(len)));
	size = (size_t)1 << shift;
	/* A handler that interrupted this thread right here gets none. */
	if (kq_lock_mine(&root->r_lock))
		return (NULL);
	kq_lock(&root->r_lock);
	/* Acquire: pairs with arena_free(). */
	p = atomic_load_explicit(&root->r_classes[shift], memory_order_acquire);
	while (p != NULL) {
		/* Only we take away, so the next one stays the next one. */
		memcpy(&next, p, sizeof(next));
		if (!atomic_compare_exchange_weak_explicit(
		    &root->r_classes[shift], &p, next, memory_order_acquire,
		    memory_order_acquire))
			continue;
		kq_unlock(&root->r_lock);
		memset(p, 0, size);
		return (p);
	}
	if (root->r_chunkleft < size) {
		/* What is left of the old chunk is given up. */
		if ((p = arena_map(ARENA_CHUNK)) == NULL) {
			kq_unlock(&root->r_lock);
			return (NULL);
		}
		root->r_chunk = p;
		root->r_chunkleft = ARENA_CHUNK;
	}
	p = root->r_chunk;
	root->r_chunk += size;
	root->r_chunkleft -= size;
	kq_unlock(&root->r_lock);
	return (p);
}

void
arena_free(void *p, size_t len)
{
	struct kqroot *root;
	void *head;
	int shift;

	if (p == NULL || (root = kqroot_peek()) == NULL)
		return;
	shift = arena_shift(len);
	if (shift > ARENA_MAXSHIFT) {
		len = arena_pages(len);
		kqkeep_unmap(p, len);
		lx_unmap(p, len);
		return;
	}
	head = atomic_load_explicit(&root->r_classes[shift],
	    memory_order_relaxed);
	do {
		memcpy(p, &head, sizeof(head));
		/* Release: whoever takes it finds the link. */
	} while (!atomic_compare_exchange_weak_explicit(
	    &root->r_classes[shift], &head, p, memory_order_release,
	    memory_order_relaxed));
}

void *
arena_grow(void *old, size_t oldlen, size_t newlen)
{
	void *p;

	if ((p = arena_alloc(newlen)) == NULL)
		return (NULL);
	if (old != NULL) {
		memcpy(p, old, oldlen);
		arena_free(old, oldlen);
	}
	return (p);
}
