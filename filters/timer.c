/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_TIMER: periods and deadlines.
 *
 * BSD: a callout per knote, armed again at each expiration (TIMER-1 to
 * TIMER-15).  Linux: one timerfd for the heap of deadlines (timerheap.c).  The
 * difference: a timer that is due is not armed again until it was delivered or
 * enabled; the expirations that a BSD would have counted are found by dividing
 * the time since by the period.  So a timer that nobody collects costs nothing,
 * and there is no drift (spec section 17, TIMER-4).
 *
 * kn_deadline is the next expiration that is not counted in kn_data yet, 0 for
 * a one-shot timer whose only one is counted.
 */
#include <limits.h>

#include "filter.h"

#define	NSEC		INT64_C(1000000000)

/* FreeBSD's; the header has them under that dialect only. */
#define	FT_SECONDS	0x01u
#define	FT_MSECONDS	0x02u
#define	FT_USECONDS	0x04u
#define	FT_NSECONDS	0x08u
#define	FT_ABSTIME	0x10u
#define	FT_UNITS	0x0fu

/* 1 ms, what DragonFly calls the next tick: 10 ms there. */
#define	FT_TICK	INT64_C(1000000)

/* TIMER-6: far enough that now + max does not overflow: 146 years. */
#define	FT_MAX	(INT64_MAX / 2)

/* data units of ns nanoseconds each, clamped. */
static int64_t
timer_scale(int64_t data, int64_t ns)
{
	return (data > FT_MAX / ns ? FT_MAX : data * ns);
}

/*
 * The period, or for NOTE_ABSTIME the time, in nanoseconds.  EINVAL as the
 * dialect says; *periodp is at least 1 where it has to be.
 */
static int
timer_period(const struct dialect *d, unsigned int fflags,
    unsigned int flags, int64_t data, int64_t *periodp)
{
	int64_t ns;

	ns = 1000000;
	if (d->d_timer_units) {
		if ((fflags & ~(FT_UNITS | FT_ABSTIME)) != 0)
			return (EINVAL);
		switch (fflags & FT_UNITS) {
		case 0:
		case FT_MSECONDS:
			break;
		case FT_SECONDS:
			ns = NSEC;
			break;
		case FT_USECONDS:
			ns = 1000;
			break;
		case FT_NSECONDS:
			ns = 1;
			break;
		default:
			return (EINVAL);
		}
	}
	if (d->d_timer_einval) {
		if (data < 0)
			return (EINVAL);
		if (data == 0 && (flags & EV_ONESHOT) == 0 &&
		    (fflags & FT_ABSTIME) == 0)
			data = 1;
		*periodp = timer_scale(data, ns);
		return (0);
	}
	/* TIMER-5 */
	*periodp = data <= 0 ? FT_TICK : timer_scale(data, ns);
	return (0);
}

/* A deadline from now on, and whether the timer fires again and again. */
static bool
timer_isabs(const struct knote *kn)
{
	return (kn->kn_kq->kq_dialect->d_timer_units &&
	    (kn->kn_sfflags & FT_ABSTIME) != 0);
}

static bool
timer_isperiodic(const struct knote *kn)
{
	return ((kn->kn_flags & EV_ONESHOT) == 0 && !timer_isabs(kn));
}

static int64_t
timer_knperiod(const struct knote *kn)
{
	int64_t period = 1;

	/* Was checked when it was stored. */
	(void)timer_period(kn->kn_kq->kq_dialect, kn->kn_sfflags, kn->kn_flags,
	    kn->kn_sdata, &period);
	assert(period > 0);
	return (period);
}

/* Count what has expired until now, and move the deadline past it. */
static void
timer_count(struct knote *kn, int64_t now)
{
	int64_t n, period;

	if (kn->kn_deadline == 0 || kn->kn_deadline > now)
		return;
	if (!timer_isperiodic(kn)) {
		kn->kn_data++;
		kn->kn_deadline = 0;
		return;
	}
	period = timer_knperiod(kn);
	n = (now - kn->kn_deadline) / period + 1;
	kn->kn_deadline += n * period;
	/* data may have 32 bits. */
	kn->kn_data = n > (int64_t)INTPTR_MAX - kn->kn_data ? INTPTR_MAX :
	    kn->kn_data + (intptr_t)n;
}

/* Into the heap, unless it is disabled or has nothing to come. */
static int
timer_start(struct knote *kn)
{
	int error;

	if (kn->kn_deadline == 0 || (kn->kn_status & KN_DISABLED) != 0)
		return (0);
	if ((error = timerheap_insert(kn->kn_kq, kn,
	    kn->kn_deadline)) != 0)
		return (error);
	return (timerheap_arm(kn->kn_kq));
}

static void
timer_setdeadline(struct knote *kn, int64_t period)
{
	int64_t now;

	now = lx_now();
	if (!timer_isabs(kn))
		kn->kn_deadline = now + period;
	else {
		/* TIMER-14: converted once, at registration. */
		period -= lx_now_real();
		kn->kn_deadline = period <= 0 ? now : now + period;
	}
	if (kn->kn_deadline <= 0)
		kn->kn_deadline = 1;
}

static int
filt_timerattach(struct knote *kn)
{
	int64_t period;
	int error;

	if ((error = timer_period(kn->kn_kq->kq_dialect, kn->kn_sfflags,
	    kn->kn_flags, kn->kn_sdata, &period)) != 0 ||
	    (error = timerheap_need(kn->kn_kq)) != 0)
		return (error);
	/* TIMER-2 */
	if (!timer_isabs(kn))
		kn->kn_flags |= EV_CLEAR;
	timer_setdeadline(kn, period);
	if ((error = timer_start(kn)) != 0)
		timerheap_remove(kn->kn_kq, kn);
	return (error);
}

static void
filt_timerdetach(struct knote *kn)
{
	timerheap_remove(kn->kn_kq, kn);
	timerheap_settle(kn->kn_kq);
}

static bool
filt_timer(struct knote *kn, long hint)
{
	(void)hint;
	return (kn->kn_data != 0);
}

static int
filt_timermodify(struct knote *kn, const struct kevent *kev)
{
	const struct dialect *d = kn->kn_kq->kq_dialect;
	int64_t now, period;
	int error;

	if (d->d_timer_addonly && (kev->flags & EV_ADD) == 0) {
		kn->kn_udata = kev->udata;
		return (0);
	}
	if ((error = timer_period(d, kev->fflags, kn->kn_flags, kev->data,
	    &period)) != 0)
		return (error);
	/*
	 * What expired so far did so with the old period, and others that did
	 * so earlier come first (SCAN-1).
	 */
	now = lx_now();
	if (kn->kn_heap != 0 && kn->kn_deadline <= now)
		timerheap_expire(kn->kn_kq, now, INT_MAX);
	timer_count(kn, now);
	filter_store(kn, kev);
	if (!d->d_timer_restarts) {
		/* TIMER-7: the new period counts after the next expiration. */
		if (kn->kn_data != 0)
			return (0);
		return (timer_start(kn));
	}
	timerheap_remove(kn->kn_kq, kn);
	kn->kn_data = 0;
	if ((kn->kn_status & KN_QUEUED) != 0)
		knote_dequeue(kn);
	kn->kn_status &= (unsigned short)~KN_ACTIVE;
	timer_setdeadline(kn, period);
	error = timer_start(kn);
	timerheap_settle(kn->kn_kq);
	return (error);
}

static int
filt_timerenable(struct knote *kn, bool enable)
{
	if (!enable) {
		timerheap_remove(kn->kn_kq, kn);
		timerheap_settle(kn->kn_kq);
		return (0);
	}
	/* TIMER-9: it went on meanwhile. */
	timer_count(kn, lx_now());
	if (kn->kn_data != 0) {
		knote_activate(kn);
		return (0);
	}
	return (timer_start(kn));
}

static bool
filt_timerprocess(struct knote *kn, struct kevent *kev)
{
	timer_count(kn, lx_now());
	if (kn->kn_data == 0) {
		/* Not due any more: it was changed while it was pending. */
		(void)timer_start(kn);
		return (false);
	}
	/* TIMER-10 */
	if ((kn->kn_flags & EV_ONESHOT) != 0)
		kn->kn_data = 1;
	kev->flags = kn->kn_flags;
	kev->fflags = 0;
	kev->data = kn->kn_data;
	return (true);
}

/* The heap has room, since this one was in it; arming can only be in vain. */
static void
filt_timerdelivered(struct knote *kn)
{
	(void)timer_start(kn);
}

const struct filterops timer_filtops = {
	.f_attach = filt_timerattach,
	.f_detach = filt_timerdetach,
	.f_event = filt_timer,
	.f_modify = filt_timermodify,
	.f_enable = filt_timerenable,
	.f_process = filt_timerprocess,
	.f_delivered = filt_timerdelivered,
};
