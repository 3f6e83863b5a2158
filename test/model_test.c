/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library against the model of test/model, with seeds that do not change.
 * "make soak" runs other ones.
 */
#include "model/model.c"
#include "model/clock.c"
#include "model/driver.c"

#include <atf-c.h>

#include "rounds.h"

#define	MODEL_OPS	KQ_ROUNDS(UINT64_C(100000))	/* in each case */

/* A case; what differs is on standard output, as a C program. */
#define	MODEL_TC(name, seed)						\
	ATF_TC(name);							\
	ATF_TC_HEAD(name, tc)						\
	{								\
		atf_tc_set_md_var(tc, "descr", "%s",			\
		    "random operations, seed " #seed);			\
		atf_tc_set_md_var(tc, "timeout", "600");		\
	}								\
	ATF_TC_BODY(name, tc)						\
	{								\
		uint64_t first = 0;					\
									\
		(void)tc;						\
		if (d_drive(seed, MODEL_OPS, &first, stdout) != 0)	\
			atf_tc_fail("the library differs from the "	\
			    "model: %s", d_shared->s_text);		\
		printf("%ju operations\n", (uintmax_t)d_shared->s_done); \
	}

MODEL_TC(seed_1, 1)
MODEL_TC(seed_2, 2)
MODEL_TC(seed_3, 3)
MODEL_TC(seed_4, 4)
MODEL_TC(seed_5, 5)

/* What the driver finds it also shrinks: see that it does. */
ATF_TC(shrinks);
ATF_TC_HEAD(shrinks, tc)
{
	atf_tc_set_md_var(tc, "descr", "%s",
	    "a sequence that fails is shrunk to what makes it fail");
}
ATF_TC_BODY(shrinks, tc)
{
	struct d_op ops[D_OPS] = { 0 };
	int i, n = 0;

	(void)tc;
	d_shared = mmap(NULL, sizeof(*d_shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ATF_REQUIRE(d_shared != MAP_FAILED);
	for (i = 0; i < 10; i++)
		ops[n++] = (struct d_op){ .o_kind = D_SOCK };
	ops[n++] = (struct d_op){ .o_kind = D_KQ };
	for (i = 0; i < 10; i++)
		ops[n++] = (struct d_op){ .o_kind = D_POLL };
	/* A descriptor that the model knows nothing of. */
	ops[n++] = (struct d_op){ .o_kind = D_UNKNOWN };
	ops[n++] = (struct d_op){ .o_kind = D_PIPE };
	ops[n++] = (struct d_op){ .o_kind = D_POLL };
	ATF_REQUIRE_EQ(1, d_replay(ops, n, NULL));
	d_shrink(ops, &n);
	ATF_REQUIRE_EQ(2, n);
	ATF_CHECK_EQ(D_UNKNOWN, ops[0].o_kind);
	ATF_CHECK_EQ(D_PIPE, ops[1].o_kind);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, seed_1);
	ATF_TP_ADD_TC(tp, seed_2);
	ATF_TP_ADD_TC(tp, seed_3);
	ATF_TP_ADD_TC(tp, seed_4);
	ATF_TP_ADD_TC(tp, seed_5);
	ATF_TP_ADD_TC(tp, shrinks);
	return (atf_no_error());
}
