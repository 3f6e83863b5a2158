/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The quirk register as data: a column per system (spec section 17).
 */
#define	_GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

const struct dialect dialect_dragonfly = {
	.d_name = "dragonfly",
	.d_stripflags = 0,
	.d_delete_wins = false,
	.d_skips_zero = false,
	.d_both_einval = false,
	.d_timer_restarts = false,
	.d_timer_units = false,
	.d_timer_addonly = false,
	.d_timer_einval = false,
	.d_user_firsttrigger = true,
	.d_user_udata = false,
	.d_user_keepfflags = false,
	.d_user_rawfflags = false,
	.d_proc_needsexit = false,
	.d_nodata = true,
	.d_self_einval = false,
	.d_backlog_max = 0,		/* the register suggests: not capped */
	.d_badfilter_errno = EOPNOTSUPP,
};

const struct dialect dialect_freebsd = {
	.d_name = "freebsd",
	.d_stripflags = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE |
	    EV_NODATA | EV_HUP,
	.d_delete_wins = true,
	.d_skips_zero = true,
	.d_both_einval = true,
	.d_timer_restarts = true,
	.d_timer_units = true,
	.d_timer_addonly = true,
	.d_timer_einval = true,
	.d_user_firsttrigger = false,
	.d_user_udata = true,
	.d_user_keepfflags = true,
	.d_user_rawfflags = true,
	.d_proc_needsexit = true,
	.d_nodata = false,
	.d_self_einval = true,
	.d_backlog_max = 0,
	.d_badfilter_errno = EINVAL,
};

const struct dialect *
dialect_choose(const struct dialect *requested)
{
	const char *name;

	/* The environment of a set-user-ID program is somebody else's. */
	name = secure_getenv("KQUEUE_DIALECT");
	if (name == NULL)
		return (requested);
	if (strcmp(name, dialect_freebsd.d_name) == 0)
		return (&dialect_freebsd);
	if (strcmp(name, dialect_dragonfly.d_name) == 0)
		return (&dialect_dragonfly);
	return (requested);
}
