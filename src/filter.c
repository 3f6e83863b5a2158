/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT number -> filterops: the one place where src names the filters.
 */
#include "filter.h"

const struct filterops *const filter_table[EVFILT_SYSCOUNT] = {
	[~EVFILT_READ] = &read_filtops,
	[~EVFILT_WRITE] = &write_filtops,
	[~EVFILT_AIO] = &aio_filtops,
	[~EVFILT_VNODE] = &vnode_filtops,
	[~EVFILT_PROC] = &proc_filtops,
	[~EVFILT_SIGNAL] = &sig_filtops,
	[~EVFILT_TIMER] = &timer_filtops,
	[~EVFILT_EXCEPT] = &except_filtops,
	[~EVFILT_USER] = &user_filtops,
	[~EVFILT_FS] = &fs_filtops,
};

void
filter_store(struct knote *kn, const struct kevent *kev)
{
	kn->kn_sfflags = kev->fflags;
	kn->kn_sdata = kev->data;
	kn->kn_udata = kev->udata;
}
