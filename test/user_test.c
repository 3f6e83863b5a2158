/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_USER: the trigger, the algebra of fflags, and that the kqueue is
 * readable exactly while something is pending.
 */
#include "kq_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

/* What kqueue() is to a program compiled for FreeBSD's dialect. */
int	kqueue_freebsd(void);

/* A change that has to fail with error. */
#define	REFUSED(kq, error, ident, flags, fflags)			\
	ATF_REQUIRE_EQ(error, kq_test_change(kq, (uintptr_t)(ident),	\
	    EVFILT_USER, flags, fflags, 0, NULL))

#define	ADD(kq, ident, flags)						\
	KQ_CHANGE(kq, ident, EVFILT_USER, EV_ADD | (flags), 0, 0)
#define	TRIGGER(kq, ident, fflags, data)				\
	KQ_CHANGE(kq, ident, EVFILT_USER, 0, NOTE_TRIGGER | (fflags), data)

#define	OPEN_FREEBSD()	open_freebsd(__FILE__, __LINE__)

static int
open_freebsd(const char *file, int line)
{
	int kq;

	if ((kq = kqueue_freebsd()) == -1)
		atf_tc_fail("%s:%d: kqueue_freebsd: %s", file, line,
		    strerror(errno));
	return (kq_test_remember(kq));
}

KQ_TC(ident_is_arbitrary, "USER-1: any number names one, descriptors or not")
{
	static const uintptr_t ident[] = { 0, 1, 3, 12345, INT_MAX,
	    (uintptr_t)INT_MAX + 1, UINTPTR_MAX };
	int kq = KQ_OPEN();
	size_t i;

	for (i = 0; i < sizeof(ident) / sizeof(ident[0]); i++)
		ADD(kq, ident[i], EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < sizeof(ident) / sizeof(ident[0]); i++) {
		TRIGGER(kq, ident[i], 0, 0);
		KQ_EXPECT(kq, ident[i], EVFILT_USER, .flags = EV_CLEAR);
		KQ_EXPECT_NOTHING(kq);
	}
}

KQ_TC(ident_is_no_timer, "USER-1, REG-6: the same number in another filter")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_CLEAR);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(two_queues, "USER-1: in two queues it is two of them")
{
	int a = KQ_OPEN();
	int b = KQ_OPEN();

	ADD(a, 1, EV_CLEAR);
	ADD(b, 1, EV_CLEAR);
	TRIGGER(a, 1, NOTE_FFCOPY | 5, 0);
	KQ_EXPECT_NOTHING(b);
	KQ_EXPECT(a, 1, EVFILT_USER, .fflags = 5);
	TRIGGER(b, 1, 0, 0);
	KQ_EXPECT_NOTHING(a);
	KQ_EXPECT(b, 1, EVFILT_USER, .fflags = 0);
}

KQ_TC(first_add_fflags, "USER-2: fflags begin at 0 and the first EV_ADD counts")
{
	static const struct {
		unsigned ctrl, stored;
	} first[] = {
		{ NOTE_FFNOP, 0 },
		{ NOTE_FFAND, 0 },
		{ NOTE_FFOR, 0x00abcdef },
		{ NOTE_FFCOPY, 0x00abcdef },
	};
	int kq = KQ_OPEN();
	size_t i;

	for (i = 0; i < 4; i++) {
		/* 0x3e000000 are bits that belong to nobody. */
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, first[i].ctrl |
		    0x00abcdef, 0);
		KQ_EXPECT_NOTHING(kq);
		TRIGGER(kq, i, 0, 0);
		KQ_EXPECT(kq, i, EVFILT_USER, .fflags = first[i].stored);
		KQ_CHANGE(kq, i, EVFILT_USER, EV_DELETE, 0, 0);

		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, first[i].ctrl |
		    0x3eabcdef, 0);
		TRIGGER(kq, i, 0, 0);
		KQ_EXPECT(kq, i, EVFILT_USER, .fflags = first[i].stored);
		KQ_CHANGE(kq, i, EVFILT_USER, EV_DELETE, 0, 0);
	}
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(first_add_data, "USER-2: data of the first EV_ADD is stored")
{
	static const intptr_t data[] = { 0, 1, -1, 77, INTPTR_MAX,
	    INTPTR_MIN + 1 };
	int kq = KQ_OPEN();
	size_t i;

	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT,
		    NOTE_TRIGGER, data[i]);
		KQ_EXPECT(kq, 1, EVFILT_USER, .data = data[i]);
	}
}

KQ_TC(trigger_in_first_add, "USER-3: NOTE_TRIGGER in the first EV_ADD triggers")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR,
	    NOTE_TRIGGER | NOTE_FFCOPY | 0x12, 3);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x12, .data = 3);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(freebsd_trigger_in_first_add, "USER-3: freebsd: there it is ignored")
{
	int kq = OPEN_FREEBSD();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	/* The second one is heard. */
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(ready_while_triggered, "USER-4: not ready before the trigger, then ready")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFCOPY | 1, 9);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_CLEAR, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(event_fields, "USER-5: 24 bits of fflags, the last data, udata")
{
	int kq = KQ_OPEN();
	int tag;

	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR,
	    NOTE_FFCOPY | 0x10, 1, &tag);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, 0, NOTE_FFOR | 0x01, 2, &tag);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, 0,
	    NOTE_TRIGGER | NOTE_FFOR | 0x3e000000 | 0x00800000, -42, &tag);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_CLEAR, .fflags = 0x00800011,
	    .data = -42, .udata = &tag);
}

static unsigned
algebra(unsigned stored, unsigned fflags)
{
	switch (fflags & NOTE_FFCTRLMASK) {
	case NOTE_FFAND:
		return (stored & fflags & NOTE_FFLAGSMASK);
	case NOTE_FFOR:
		return (stored | (fflags & NOTE_FFLAGSMASK));
	case NOTE_FFCOPY:
		return (fflags & NOTE_FFLAGSMASK);
	}
	return (stored);
}

KQ_TC(fflags_algebra, "USER-6: FFNOP, FFAND, FFOR, FFCOPY, in every pair")
{
	static const unsigned ctrl[] = { NOTE_FFNOP, NOTE_FFAND, NOTE_FFOR,
	    NOTE_FFCOPY };
	static const unsigned bits[] = { 0, 0x00ffffff, 0x00a5a5a5,
	    0x005a5a0f, 0x00800001 };
	int kq = KQ_OPEN();
	unsigned fflags, stored;
	int i, j;

	/* A level one: nothing but the changes touches what is stored. */
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER | NOTE_FFCOPY |
	    0x00123456, 0);
	stored = 0x00123456;
	for (i = 0; i < 20; i++) {
		for (j = 0; j < 20; j++) {
			fflags = ctrl[i / 5] | bits[i % 5];
			KQ_CHANGE(kq, 1, EVFILT_USER, 0, fflags, i);
			stored = algebra(stored, fflags);
			KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = stored,
			    .data = i);

			fflags = ctrl[j / 5] | bits[j % 5];
			KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD,
			    NOTE_TRIGGER | fflags, j);
			stored = algebra(stored, fflags);
			KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = stored,
			    .data = j);
		}
	}
}

KQ_TC(fflags_before_trigger, "USER-6: changes before the trigger add up")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_CLEAR);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFOR | 0x0f, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFOR | 0xf0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFAND | 0x3c, 0);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, NOTE_FFOR | 0x100, 0);
	/* And those after it, before it is collected. */
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFAND | 0x134, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x134);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(freebsd_algebra, "USER-6: freebsd: the same algebra")
{
	int kq = OPEN_FREEBSD();

	ADD(kq, 1, 0);
	TRIGGER(kq, 1, NOTE_FFCOPY | 0x0f, 1);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x0f, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFOR | 0xf0, 2);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0xff, .data = 2);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFAND | 0x3c, 3);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x3c, .data = 3);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFNOP | 0x01, 4);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x3c, .data = 4);
}

KQ_TC(every_change_stores_data, "USER-6: also a pure EV_ENABLE stores data")
{
	static const unsigned flags[] = { 0, EV_ADD, EV_ENABLE,
	    EV_ADD | EV_ENABLE };
	int kq = KQ_OPEN();
	size_t i;

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 100);
	for (i = 0; i < 4; i++) {
		KQ_CHANGE(kq, 1, EVFILT_USER, flags[i], 0, i);
		KQ_EXPECT(kq, 1, EVFILT_USER, .data = (intptr_t)i);
	}
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 50);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 51);
	KQ_EXPECT(kq, 1, EVFILT_USER, .data = 51);
}

KQ_TC(udata_stays, "USER-6: a change does not touch udata")
{
	int kq = KQ_OPEN();
	int a, b;

	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD, 0, 0, &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &b);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, &b);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0, NULL);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &a);
}

KQ_TC(freebsd_udata_changes, "USER-6: freebsd: every change stores udata")
{
	int kq = OPEN_FREEBSD();
	int a, b;

	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD, 0, 0, &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &b);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &b);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, &a);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &a);
}

KQ_TC(clear_resets_trigger, "USER-7: EV_CLEAR in a change resets the trigger")
{
	static const unsigned flags[] = { EV_CLEAR, EV_ADD | EV_CLEAR,
	    EV_ENABLE | EV_CLEAR };
	int kq = KQ_OPEN();
	size_t i;

	ADD(kq, 1, 0);
	for (i = 0; i < 3; i++) {
		TRIGGER(kq, 1, 0, 0);
		KQ_CHANGE(kq, 1, EVFILT_USER, flags[i], 0, 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
	}
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = 0);
	/* Also after it has been delivered. */
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_CLEAR, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(clear_beats_trigger, "USER-7: NOTE_TRIGGER with EV_CLEAR is no trigger")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(clear_keeps_fflags, "USER-7: EV_CLEAR in a change keeps fflags")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, 0);
	TRIGGER(kq, 1, NOTE_FFCOPY | 0x55, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_CLEAR, NOTE_FFOR | 0x0a, 0);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x5f);
}

KQ_TC(freebsd_clear_resets_trigger, "USER-7: freebsd: the same")
{
	int kq = OPEN_FREEBSD();

	ADD(kq, 1, 0);
	TRIGGER(kq, 1, NOTE_FFCOPY | 0x55, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x55);
}

KQ_TC(delivery_clears_fflags, "USER-8: delivery with EV_CLEAR clears all three")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_FFCOPY | 0x0f, 7);
	TRIGGER(kq, 1, 0, 7);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x0f, .data = 7);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, NOTE_FFOR | 0x10, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x10, .data = 0);
	TRIGGER(kq, 1, NOTE_FFNOP, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0, .data = 0);
}

KQ_TC(freebsd_delivery_keeps_fflags, "USER-8: freebsd: delivery keeps fflags")
{
	int kq = OPEN_FREEBSD();

	ADD(kq, 1, EV_CLEAR);
	TRIGGER(kq, 1, NOTE_FFCOPY | 0x0f, 7);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x0f, .data = 7);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, NOTE_FFNOP, 8);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x0f, .data = 8);
	TRIGGER(kq, 1, NOTE_FFOR | 0x10, 9);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x1f, .data = 9);
}

KQ_TC(level, "USER-9: without EV_CLEAR every call returns it")
{
	int kq = KQ_OPEN();
	int i;

	ADD(kq, 1, 0);
	TRIGGER(kq, 1, NOTE_FFCOPY | 3, 4);
	for (i = 0; i < 5; i++) {
		KQ_POLL_READABLE(kq);
		KQ_EXPECT(kq, 1, EVFILT_USER, .flags = 0, .fflags = 3,
		    .data = 4);
	}
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_CLEAR, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(level_deleted, "USER-9: EV_DELETE ends it, and the kqueue is silent")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, 0);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(oneshot, "USER-10: EV_ONESHOT is deleted after one delivery")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_ONESHOT);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, NOTE_FFCOPY | 6, 2);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_ONESHOT, .fflags = 6,
	    .data = 2);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	REFUSED(kq, ENOENT, 1, 0, NOTE_TRIGGER);
	REFUSED(kq, ENOENT, 1, EV_DELETE, 0);
	/* A new one knows nothing of it. */
	ADD(kq, 1, 0);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = 0, .fflags = 0, .data = 0);
}

KQ_TC(oneshot_withdrawn, "USER-10: a withdrawn trigger is delivered or is not")
{
	int kq = KQ_OPEN();
	struct timespec ts = { 0, 0 };
	struct kevent kev;
	int n;

	ADD(kq, 1, EV_ONESHOT);
	TRIGGER(kq, 1, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_CLEAR, 0, 0);
	ATF_REQUIRE((n = kevent(kq, NULL, 0, &kev, 1, &ts)) >= 0);
	/* Either way the knote is there exactly if it was not delivered. */
	if (n == 1) {
		REFUSED(kq, ENOENT, 1, EV_DELETE, 0);
	} else {
		TRIGGER(kq, 1, 0, 0);
		KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_ONESHOT);
	}
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(dispatch_stays_triggered, "USER-11: EV_ENABLE delivers it again")
{
	int kq = KQ_OPEN();
	int i;

	ADD(kq, 1, EV_DISPATCH);
	TRIGGER(kq, 1, NOTE_FFCOPY | 1, 0);
	for (i = 0; i < 3; i++) {
		KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_DISPATCH,
		    .fflags = 1);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
		KQ_POLL_READABLE(kq);
	}
}

KQ_TC(dispatch_enable_clear, "USER-11: EV_ENABLE|EV_CLEAR does not")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_DISPATCH);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE | EV_CLEAR, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(dispatch_clear, "USER-11: EV_DISPATCH|EV_CLEAR: the trigger is reset")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_DISPATCH | EV_CLEAR);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_DISPATCH | EV_CLEAR);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	/* Disabled again, it remembers the next one. */
	TRIGGER(kq, 1, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(triggers_merge, "USER-12: a thousand triggers are one event")
{
	int kq = KQ_OPEN();
	int i;

	ADD(kq, 1, EV_CLEAR);
	for (i = 0; i < 1000; i++)
		TRIGGER(kq, 1, NOTE_FFOR | (1u << i % 24), i);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0x00ffffff, .data = 999);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	/* And the next is a new one. */
	TRIGGER(kq, 1, 0, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(triggers_of_many, "USER-12: and those of ten thousand, ten thousand")
{
	int kq = KQ_OPEN();
	struct kevent kev[64];
	int i, j, n;

	for (i = 0; i < 10000; i++)
		ADD(kq, i, EV_CLEAR);
	for (j = 0; j < 2; j++) {
		for (i = 0; i < 10000; i++)
			TRIGGER(kq, 9999 - i, 0, 0);
	}
	for (i = 0; i < 10000; i += n) {
		n = KQ_COLLECT(kq, kev, 64);
		ATF_REQUIRE(n >= 1 && i + n <= 10000);
		/* In the order of activation, SCAN-1. */
		for (j = 0; j < n; j++)
			KQ_MATCH(&kev[j], 9999 - (i + j), EVFILT_USER);
	}
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(disabled_remembers, "USER-13: disabled, it remembers the trigger")
{
	static const unsigned flags[] = { 0, EV_CLEAR, EV_ONESHOT,
	    EV_DISPATCH };
	int kq = KQ_OPEN();
	size_t i;

	for (i = 0; i < 4; i++) {
		ADD(kq, i, flags[i] | EV_DISABLE);
		TRIGGER(kq, i, NOTE_FFCOPY | 0x11, 0);
		KQ_POLL_SILENT(kq);
		KQ_EXPECT_NOTHING(kq);
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ENABLE, 0, 5);
		KQ_POLL_READABLE(kq);
		KQ_EXPECT(kq, i, EVFILT_USER, .flags = flags[i],
		    .fflags = 0x11, .data = 5);
		(void)kq_test_change(kq, i, EVFILT_USER, EV_DELETE, 0, 0,
		    NULL);
		KQ_EXPECT_NOTHING(kq);
	}
}

KQ_TC(disabled_while_pending, "USER-13: and so does one that was pending")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_CLEAR);
	TRIGGER(kq, 1, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);

	/* Enabled before anybody looked, it is still one event. */
	TRIGGER(kq, 1, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(not_there, "USER-14: a trigger for one that does not exist is ENOENT")
{
	int kq = KQ_OPEN();

	REFUSED(kq, ENOENT, 1, 0, NOTE_TRIGGER);
	REFUSED(kq, ENOENT, 1, EV_ENABLE, NOTE_TRIGGER);
	REFUSED(kq, ENOENT, 1, EV_CLEAR, 0);
	REFUSED(kq, ENOENT, 1, EV_DELETE, NOTE_TRIGGER);
	ADD(kq, 1, 0);
	REFUSED(kq, ENOENT, 2, 0, NOTE_TRIGGER);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, NOTE_TRIGGER, 0);
	REFUSED(kq, ENOENT, 1, 0, NOTE_TRIGGER);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

/* What a thread returns when something went wrong: the words. */
static void *
because(const char *why)
{
	return ((void *)(uintptr_t)why);
}

struct pair {
	int	ours, theirs;	/* kqueues: we wait in one, they in the other */
	int	rounds;
};

/* Answer every event in theirs with a trigger in ours. */
static void *
answer(void *arg)
{
	struct pair *pair = arg;
	struct kevent kev;
	int i;

	for (i = 0; i < pair->rounds; i++) {
		if (kevent(pair->theirs, NULL, 0, &kev, 1, NULL) != 1 ||
		    kev.ident != 1 || kev.filter != EVFILT_USER)
			return (because("kevent"));
		if (kev.data != i)
			return (because("out of turn"));
		if (kq_test_change(pair->ours, 1, EVFILT_USER, 0,
		    NOTE_TRIGGER, i, NULL) != 0)
			return (because("trigger"));
	}
	return (NULL);
}

KQ_TC(wakes_a_sleeper, "USER-15: a trigger wakes a thread asleep in kevent()")
{
	struct pair pair = { KQ_OPEN(), KQ_OPEN(), 3000 };
	struct kevent kev;
	pthread_t thread;
	void *error;
	int i;

	ADD(pair.ours, 1, EV_CLEAR);
	ADD(pair.theirs, 1, EV_CLEAR);
	ATF_REQUIRE_EQ(0, pthread_create(&thread, NULL, answer, &pair));
	/* One of the two is always on its way to sleep. */
	for (i = 0; i < pair.rounds; i++) {
		TRIGGER(pair.theirs, 1, 0, i);
		ATF_REQUIRE_EQ(1, KQ_COLLECT(pair.ours, &kev, 1));
		KQ_MATCH(&kev, 1, EVFILT_USER, .data = i);
	}
	ATF_REQUIRE_EQ(0, pthread_join(thread, &error));
	ATF_REQUIRE_MSG(error == NULL, "%s", (const char *)error);
	KQ_EXPECT_NOTHING(pair.ours);
	KQ_EXPECT_NOTHING(pair.theirs);
}

#define	NTRIGGERERS	4
#define	NTRIGGERS	3000

struct triggerer {
	int	kq, bit;
};

static void *
trigger_often(void *arg)
{
	struct triggerer *t = arg;
	int i;

	for (i = 0; i < NTRIGGERS; i++) {
		if (kq_test_change(t->kq, 1, EVFILT_USER, 0, NOTE_TRIGGER |
		    (i + 1 == NTRIGGERS ? NOTE_FFOR | 1u << t->bit : 0), 0,
		    NULL) != 0)
			return (because("trigger"));
	}
	return (NULL);
}

KQ_TC(many_triggerers, "USER-15: the last trigger of each of them is heard")
{
	struct triggerer triggerer[NTRIGGERERS];
	pthread_t thread[NTRIGGERERS];
	int kq = KQ_OPEN();
	struct kevent kev;
	unsigned seen;
	void *error;
	int i;

	ADD(kq, 1, EV_CLEAR);
	for (i = 0; i < NTRIGGERERS; i++) {
		triggerer[i] = (struct triggerer){ kq, i };
		ATF_REQUIRE_EQ(0, pthread_create(&thread[i], NULL,
		    trigger_often, &triggerer[i]));
	}
	for (seen = 0; seen != (1u << NTRIGGERERS) - 1;) {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		KQ_MATCH(&kev, 1, EVFILT_USER);
		/* A bit is said once: with the delivery it is cleared. */
		ATF_REQUIRE_EQ(0, seen & kev.fflags);
		seen |= kev.fflags;
	}
	for (i = 0; i < NTRIGGERERS; i++) {
		ATF_REQUIRE_EQ(0, pthread_join(thread[i], &error));
		ATF_REQUIRE_MSG(error == NULL, "%s", (const char *)error);
	}
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

static int handler_kq;
static volatile sig_atomic_t handler_error, handler_ran;

static void
handler(int sig)
{
	int error;

	(void)sig;
	error = kq_test_change(handler_kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0,
	    NULL);
	if (error != 0)
		handler_error = error;
	handler_ran++;
}

KQ_TC(from_a_handler, "USER-15: a signal handler may trigger")
{
	struct sigaction sa = { .sa_handler = handler };
	int i;

	handler_kq = KQ_OPEN();
	ADD(handler_kq, 1, EV_CLEAR);
	ATF_REQUIRE_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	for (i = 0; i < 100; i++) {
		ATF_REQUIRE_EQ(0, raise(SIGUSR1));
		ATF_REQUIRE_EQ(i + 1, handler_ran);
		ATF_REQUIRE_EQ(0, handler_error);
		KQ_EXPECT(handler_kq, 1, EVFILT_USER);
	}
	KQ_EXPECT_NOTHING(handler_kq);
}

KQ_TC(handler_interrupts_kevent, "USER-15: also one that interrupts kevent()")
{
	struct sigaction sa = { .sa_handler = handler };
	struct itimerval often = { { 0, 500 }, { 0, 500 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	struct timespec hour = { 3600, 0 }, now = { 0, 0 };
	struct kevent kev;
	int got, i, n;

	handler_kq = KQ_OPEN();
	ADD(handler_kq, 1, EV_CLEAR);
	ATF_REQUIRE_EQ(0, sigaction(SIGALRM, &sa, NULL));
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	/* The signal comes anywhere in it: asleep, locked, on the way out. */
	for (got = 0, i = 0; got < 200; i++) {
		n = kevent(handler_kq, NULL, 0, &kev, 1,
		    i % 4 == 0 ? &hour : &now);
		if (n == -1)
			ATF_REQUIRE_EQ(EINTR, errno);
		else
			got += n;
	}
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
	ATF_REQUIRE_EQ(0, handler_error);
	ATF_REQUIRE(got <= handler_ran);
	/* The last one may be left, and the queue is in order. */
	(void)kevent(handler_kq, NULL, 0, &kev, 1, &now);
	KQ_EXPECT_NOTHING(handler_kq);
	KQ_POLL_SILENT(handler_kq);
	TRIGGER(handler_kq, 1, 0, 0);
	KQ_EXPECT(handler_kq, 1, EVFILT_USER);
}

KQ_TC(poll_follows, "USER-4, KQ-17: readable exactly while one is pending")
{
	int kq = KQ_OPEN();
	int i;

	KQ_POLL_SILENT(kq);
	ADD(kq, 1, EV_CLEAR);
	KQ_POLL_SILENT(kq);
	for (i = 0; i < 10; i++) {
		TRIGGER(kq, 1, 0, 0);
		KQ_POLL_READABLE(kq);
		KQ_POLL_READABLE(kq);
		KQ_EXPECT(kq, 1, EVFILT_USER);
		KQ_POLL_SILENT(kq);
	}
}

KQ_TC(poll_deleted, "USER-4, KQ-17: silent when the pending one is deleted")
{
	int kq = KQ_OPEN();
	int i;

	ADD(kq, 2, EV_CLEAR);
	for (i = 0; i < 10; i++) {
		ADD(kq, 1, EV_CLEAR);
		TRIGGER(kq, 1, 0, 0);
		KQ_POLL_READABLE(kq);
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
		KQ_POLL_SILENT(kq);
		/* The next trigger has to make it readable again. */
		TRIGGER(kq, 2, 0, 0);
		KQ_POLL_READABLE(kq);
		KQ_EXPECT(kq, 2, EVFILT_USER);
		KQ_POLL_SILENT(kq);
	}
}

KQ_TC(poll_one_of_two_deleted, "USER-4, KQ-17: readable while another is left")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_CLEAR);
	ADD(kq, 2, EV_CLEAR);
	TRIGGER(kq, 1, 0, 0);
	TRIGGER(kq, 2, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 2, EVFILT_USER);
	KQ_POLL_SILENT(kq);
}

KQ_TC(poll_short_eventlist, "USER-4, KQ-17: readable while some are left")
{
	int kq = KQ_OPEN();
	struct kevent kev;
	int i;

	for (i = 0; i < 5; i++)
		ADD(kq, i, EV_CLEAR);
	for (i = 0; i < 5; i++)
		TRIGGER(kq, i, 0, 0);
	for (i = 0; i < 5; i++) {
		KQ_POLL_READABLE(kq);
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		KQ_MATCH(&kev, i, EVFILT_USER);
	}
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(poll_level_beside_clear, "USER-9, KQ-17: readable while one is level")
{
	int kq = KQ_OPEN();
	struct kevent kev[4];
	int i;

	ADD(kq, 1, 0);
	ADD(kq, 2, EV_CLEAR);
	TRIGGER(kq, 1, 0, 0);
	for (i = 0; i < 5; i++) {
		TRIGGER(kq, 2, 0, 0);
		KQ_POLL_READABLE(kq);
		ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 4));
		KQ_POLL_READABLE(kq);
		KQ_EXPECT(kq, 1, EVFILT_USER);
		KQ_POLL_READABLE(kq);
	}
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
	TRIGGER(kq, 2, 0, 0);
	KQ_POLL_READABLE(kq);
}

KQ_TC(poll_oneshot_dispatch, "USER-10, USER-11, KQ-17: silent after delivery")
{
	int kq = KQ_OPEN();

	ADD(kq, 1, EV_ONESHOT);
	ADD(kq, 2, EV_DISPATCH);
	KQ_POLL_SILENT(kq);
	TRIGGER(kq, 1, 0, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_POLL_SILENT(kq);
	TRIGGER(kq, 2, 0, 0);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 2, EVFILT_USER);
	KQ_POLL_SILENT(kq);
	TRIGGER(kq, 2, 0, 0);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_POLL_READABLE(kq);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ident_is_arbitrary);
	ATF_TP_ADD_TC(tp, ident_is_no_timer);
	ATF_TP_ADD_TC(tp, two_queues);
	ATF_TP_ADD_TC(tp, first_add_fflags);
	ATF_TP_ADD_TC(tp, first_add_data);
	ATF_TP_ADD_TC(tp, trigger_in_first_add);
	ATF_TP_ADD_TC(tp, freebsd_trigger_in_first_add);
	ATF_TP_ADD_TC(tp, ready_while_triggered);
	ATF_TP_ADD_TC(tp, event_fields);
	ATF_TP_ADD_TC(tp, fflags_algebra);
	ATF_TP_ADD_TC(tp, fflags_before_trigger);
	ATF_TP_ADD_TC(tp, freebsd_algebra);
	ATF_TP_ADD_TC(tp, every_change_stores_data);
	ATF_TP_ADD_TC(tp, udata_stays);
	ATF_TP_ADD_TC(tp, freebsd_udata_changes);
	ATF_TP_ADD_TC(tp, clear_resets_trigger);
	ATF_TP_ADD_TC(tp, clear_beats_trigger);
	ATF_TP_ADD_TC(tp, clear_keeps_fflags);
	ATF_TP_ADD_TC(tp, freebsd_clear_resets_trigger);
	ATF_TP_ADD_TC(tp, delivery_clears_fflags);
	ATF_TP_ADD_TC(tp, freebsd_delivery_keeps_fflags);
	ATF_TP_ADD_TC(tp, level);
	ATF_TP_ADD_TC(tp, level_deleted);
	ATF_TP_ADD_TC(tp, oneshot);
	ATF_TP_ADD_TC(tp, oneshot_withdrawn);
	ATF_TP_ADD_TC(tp, dispatch_stays_triggered);
	ATF_TP_ADD_TC(tp, dispatch_enable_clear);
	ATF_TP_ADD_TC(tp, dispatch_clear);
	ATF_TP_ADD_TC(tp, triggers_merge);
	ATF_TP_ADD_TC(tp, triggers_of_many);
	ATF_TP_ADD_TC(tp, disabled_remembers);
	ATF_TP_ADD_TC(tp, disabled_while_pending);
	ATF_TP_ADD_TC(tp, not_there);
	ATF_TP_ADD_TC(tp, wakes_a_sleeper);
	ATF_TP_ADD_TC(tp, many_triggerers);
	ATF_TP_ADD_TC(tp, from_a_handler);
	ATF_TP_ADD_TC(tp, handler_interrupts_kevent);
	ATF_TP_ADD_TC(tp, poll_follows);
	ATF_TP_ADD_TC(tp, poll_deleted);
	ATF_TP_ADD_TC(tp, poll_one_of_two_deleted);
	ATF_TP_ADD_TC(tp, poll_short_eventlist);
	ATF_TP_ADD_TC(tp, poll_level_beside_clear);
	ATF_TP_ADD_TC(tp, poll_oneshot_dispatch);

	return (atf_no_error());
}
