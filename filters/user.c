/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_USER: events that the program triggers itself.
 *
 * BSD: no object behind it; a trigger bit, 24 bits of fflags that changes
 * combine, and data (USER-1 to USER-15).  Linux: nothing is needed but the bell,
 * which lets a trigger wake a sleeper and be seen by poll().  kn_fflags and
 * kn_data are the stored values themselves, as in DragonFly's kernel; dialects
 * that keep them over EV_CLEAR have them in kn_sfflags and kn_sdata as well.
 */
#include "filter.h"

/* fflags after a change with the control bits of change (USER-6). */
static unsigned int
user_combine(unsigned int stored, unsigned int change)
{
	unsigned int bits = change & NOTE_FFLAGSMASK;

	switch (change & NOTE_FFCTRLMASK) {
	case NOTE_FFAND:
		return (stored & bits);
	case NOTE_FFOR:
		return (stored | bits);
	case NOTE_FFCOPY:
		return (bits);
	default:
		return (stored);
	}
}

static void
user_store(struct knote *kn, unsigned int fflags, intptr_t data)
{
	kn->kn_fflags = kn->kn_sfflags = fflags;
	kn->kn_data = kn->kn_sdata = data;
}

static int
filt_userattach(struct knote *kn)
{
	const struct dialect *d = kn->kn_kq->kq_dialect;
	unsigned int change = kn->kn_sfflags;
	int error;

	if ((error = kqueue_needbell(kn->kn_kq)) != 0)
		return (error);
	kn->kn_trigger = d->d_user_firsttrigger &&
	    (change & NOTE_TRIGGER) != 0;
	/* USER-2; FreeBSD keeps the word as it came, and shows 24 bits. */
	user_store(kn, d->d_user_rawfflags ? change & NOTE_FFLAGSMASK :
	    user_combine(0, change), kn->kn_sdata);
	return (0);
}

static void
filt_userdetach(struct knote *kn)
{
	kn->kn_trigger = false;
}

static bool
filt_user(struct knote *kn, long hint)
{
	(void)hint;
	return (kn->kn_trigger);
}

static int
filt_usermodify(struct knote *kn, const struct kevent *kev)
{
	const struct dialect *d = kn->kn_kq->kq_dialect;

	if ((kev->fflags & NOTE_TRIGGER) != 0)
		kn->kn_trigger = true;
	user_store(kn, user_combine(d->d_user_keepfflags ? kn->kn_sfflags :
	    kn->kn_fflags, kev->fflags), kev->data);
	if (d->d_user_udata)
		kn->kn_udata = kev->udata;
	/* USER-7: after the trigger, so both together do not trigger. */
	if ((kev->flags & EV_CLEAR) != 0) {
		kn->kn_trigger = false;
		kn->kn_data = kn->kn_sdata = 0;
	}
	return (0);
}

static bool
filt_userprocess(struct knote *kn, struct kevent *kev)
{
	bool keep = kn->kn_kq->kq_dialect->d_user_keepfflags;

	/* USER-10: a one-shot event is not looked at again. */
	if (!kn->kn_trigger && (kn->kn_flags & EV_ONESHOT) == 0)
		return (false);
	kev->flags = kn->kn_flags;
	kev->fflags = keep ? kn->kn_sfflags : kn->kn_fflags;
	kev->data = keep ? kn->kn_sdata : kn->kn_data;
	if ((kn->kn_flags & EV_CLEAR) != 0)
		kn->kn_trigger = false;
	return (true);
}

const struct filterops user_filtops = {
	.f_attach = filt_userattach,
	.f_detach = filt_userdetach,
	.f_event = filt_user,
	.f_modify = filt_usermodify,
	.f_process = filt_userprocess,
};
