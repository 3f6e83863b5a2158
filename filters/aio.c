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

/* There never is a knote, so nothing else is asked of it. */
const struct filterops aio_filtops = {
	.f_attach = filt_aioattach,
};
