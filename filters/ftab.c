/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table by number, of what the watches of a kqueue are found by: the number
 * of an inotify watch, or a directory's name beside the number of its parent's.
 * Several entries may have one number.  The caller has the lock.
 */
#include "fnode.h"

static struct fkey **
ftab_head(const struct ftab *ft, uint64_t key)
{
	return (&ft->ft_heads[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 &
	    (ft->ft_size - 1)]);
}

struct fkey *
ftab_first(const struct ftab *ft, uint64_t key)
{
	struct fkey *fk;

	if (ft->ft_size == 0)
		return (NULL);
	for (fk = *ftab_head(ft, key); fk != NULL; fk = fk->fk_next) {
		if (fk->fk_key == key)
			return (fk);
	}
	return (NULL);
}

struct fkey *
ftab_next(struct fkey *fk)
{
	uint64_t key = fk->fk_key;

	while ((fk = fk->fk_next) != NULL && fk->fk_key != key)
		continue;
	return (fk);
}

int
ftab_room(struct ftab *ft)
{
	struct ftab old = *ft;
	struct fkey *fk, **head;
	uint32_t i;

	if (ft->ft_n < ft->ft_size)
		return (0);
	ft->ft_size = old.ft_size == 0 ? 16 : old.ft_size * 2;
	ft->ft_heads = ft->ft_size == 0 ? NULL :
	    arena_alloc(ft->ft_size * sizeof(*ft->ft_heads));
	if (ft->ft_heads == NULL) {
		*ft = old;
		return (old.ft_size == 0 ? ENOMEM : 0);
	}
	for (i = 0; i < old.ft_size; i++) {
		while ((fk = old.ft_heads[i]) != NULL) {
			old.ft_heads[i] = fk->fk_next;
			head = ftab_head(ft, fk->fk_key);
			fk->fk_next = *head;
			*head = fk;
		}
	}
	arena_free(old.ft_heads, old.ft_size * sizeof(*old.ft_heads));
	return (0);
}

void
ftab_insert(struct ftab *ft, struct fkey *fk, uint64_t key)
{
	struct fkey **head = ftab_head(ft, key);

	fk->fk_key = key;
	fk->fk_next = *head;
	*head = fk;
	ft->ft_n++;
}

void
ftab_remove(struct ftab *ft, struct fkey *fk)
{
	struct fkey **fkp;

	for (fkp = ftab_head(ft, fk->fk_key); *fkp != fk;
	    fkp = &(*fkp)->fk_next)
		continue;
	*fkp = fk->fk_next;
	ft->ft_n--;
}

void
ftab_free(struct ftab *ft)
{
	arena_free(ft->ft_heads, ft->ft_size * sizeof(*ft->ft_heads));
	ft->ft_heads = NULL;
	ft->ft_size = 0;
}
