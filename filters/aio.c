/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_AIO: a number without a filter behind it.  DragonFly has had no POSIX
 * AIO for long and answers every registration with ENXIO (AIO-1).
 */
#include <sys/event.h>

#include "filter.h"

static int
filt_aioattach(struct knote *kn)
{
	(void)kn;
	return (ENXIO);
}

/* There never is a knote for these. */
static void
filt_aiodetach(struct knote *kn)
{
	(void)kn;
}

static bool
filt_aioevent(struct knote *kn, long hint)
{
	(void)kn;
	(void)hint;
	return (false);
}

static bool
filt_aioprocess(struct knote *kn, struct kevent *kev)
{
	(void)kn;
	(void)kev;
	return (false);
}

const struct filterops aio_filtops = {
	.f_attach = filt_aioattach,
	.f_detach = filt_aiodetach,
	.f_event = filt_aioevent,
	.f_process = filt_aioprocess,
};
