/* SPDX-License-Identifier: BSD-2-Clause */
/* EVFILT_AIO, and filters that are none: clauses AIO-1 and AIO-2. */
#include "kq_test.h"

KQ_TC(enxio, "AIO-1: registering EVFILT_AIO fails with ENXIO")
{
	int kq = KQ_OPEN();

	KQ_CHANGE_ERROR(kq, ENXIO, 1, EVFILT_AIO, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENXIO, 0, EVFILT_AIO, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_CHANGE_ERROR(kq, ENXIO, 0, EVFILT_AIO, EV_ADD | EV_DISABLE, 0, 0);
	/* Any number, it is no descriptor. */
	KQ_CHANGE_ERROR(kq, ENXIO, UINTPTR_MAX, EVFILT_AIO, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(nothing_left, "REG-10: nothing stays registered")
{
	int kq = KQ_OPEN();

	KQ_CHANGE_ERROR(kq, ENXIO, 1, EVFILT_AIO, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_AIO, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_AIO, EV_ENABLE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_AIO, EV_DISABLE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_AIO, 0, 0, 0);
}

KQ_TC(others_go_on, "CALL-9: the changes beside it are applied")
{
	struct kevent in[2], out[2];
	int kq = KQ_OPEN();

	EV_SET(&in[0], 1, EVFILT_AIO, EV_ADD, 0, 0, NULL);
	EV_SET(&in[1], 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	ATF_REQUIRE_EQ(1, kevent(kq, in, 2, out, 2, NULL));
	ATF_CHECK_EQ(EV_ERROR, out[0].flags);
	ATF_CHECK_EQ(ENXIO, out[0].data);
	KQ_EXPECT(kq, 1, EVFILT_USER);
}

KQ_TC(unknown_filter, "REG-2, AIO-2: numbers that are no filter here: EINVAL")
{
	static const int filters[] = { -11, -12, -13, -14, -17, -128, 0, 1, 9,
	    EVFILT_MARKER, INT16_MAX, INT16_MIN };
	int kq = KQ_OPEN();
	int fds[2];
	size_t i;

	ATF_REQUIRE_EQ(0, pipe(fds));
	for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		KQ_CHANGE_ERROR(kq, EINVAL, fds[0], (short)filters[i], EV_ADD,
		    0, 0);
		/* REG-1: before anything else is looked at. */
		KQ_CHANGE_ERROR(kq, EINVAL, 999999, (short)filters[i],
		    EV_DELETE, 0, 0);
	}
	KQ_EXPECT_NOTHING(kq);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, enxio);
	ATF_TP_ADD_TC(tp, nothing_left);
	ATF_TP_ADD_TC(tp, others_go_on);
	ATF_TP_ADD_TC(tp, unknown_filter);
	return (atf_no_error());
}
