/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library knows of descriptor numbers: which are kqueues, which are
 * its own, which are watched and how often each was closed.  One table for the
 * process, read without a lock by kevent() and by every close().
 */
#include "kqueue_var.h"

struct fdent *
fdtab_get(int fd)
{
	struct fdent *block, *expected, *fe;
	struct kqroot *root;
	unsigned int i;

	if ((fe = fdtab_peek(fd)) != NULL)
		return (fe);
	if (fd < 0 || kqroot_get(&root) != 0)
		return (NULL);
	i = (unsigned int)fd >> FDTAB_SHIFT;
	if (i >= FDTAB_BLOCKS ||
	    (block = arena_alloc(FDTAB_SIZE * sizeof(*block))) == NULL)
		return (NULL);
	expected = NULL;
	/* Release: the block is zeroed before it can be found. */
	if (!atomic_compare_exchange_strong_explicit(&root->r_fdtab[i],
	    &expected, block, memory_order_acq_rel, memory_order_acquire)) {
		arena_free(block, FDTAB_SIZE * sizeof(*block));
		block = expected;
	}
	return (&block[(unsigned int)fd & (FDTAB_SIZE - 1)]);
}

int
fdtab_watch(int fd, struct kqueue *kq)
{
	struct fdent *fe;
	uint32_t ref;

	if ((fe = fdtab_get(fd)) == NULL)
		return (ENOMEM);
	ref = atomic_load(&fe->fe_ref);
	/* Stays set until the number is closed: a close too many is cheap. */
	while (ref != kq->kq_slot && ref != FE_MANY && ref != FE_INTERNAL) {
		if (atomic_compare_exchange_weak(&fe->fe_ref, &ref,
		    ref == FE_NONE ? kq->kq_slot : FE_MANY))
			break;
	}
	return (0);
}

int
fdtab_internal(int fd)
{
	struct fdent *fe;
	int error;

	if ((fe = fdtab_get(fd)) == NULL)
		return (ENOMEM);
	if ((error = kqkeep_fd(fd, true)) != 0)
		return (error);
	atomic_store(&fe->fe_ref, FE_INTERNAL);
	return (0);
}

void
fdtab_forget(int fd)
{
	struct fdent *fe;

	if ((fe = fdtab_peek(fd)) == NULL)
		return;
	atomic_store(&fe->fe_ref, FE_NONE);
	(void)kqkeep_fd(fd, false);
}

uint32_t
fdtab_gen(int fd)
{
	struct fdent *fe;

	fe = fdtab_peek(fd);
	return (fe == NULL ? 0 : atomic_load(&fe->fe_gen));
}

struct kqueue *
fdtab_kqueue(int fd)
{
	struct fdent *fe;

	fe = fdtab_peek(fd);
	/* Acquire: pairs with the store that entered the number. */
	return (fe == NULL ? NULL :
	    atomic_load_explicit(&fe->fe_kq, memory_order_acquire));
}

int
fdtab_own(int (*create)(int *), int *fdp)
{
	int error, fd;

	*fdp = -1;
	if ((error = create(&fd)) != 0)
		return (error);
	lx_fd_high(&fd);
	lx_fd_tag(fd);
	if ((error = fdtab_internal(fd)) != 0) {
		lx_close(fd);
		return (error);
	}
	*fdp = fd;
	return (0);
}

void
fdtab_disown(int fd)
{
	fdtab_forget(fd);
	lx_close(fd);
}
