/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * soak [seconds [seed [operations [fast]]]]: the library against the model, with
 * a seed of the moment, until a difference, the time, or an interruption.  With
 * a fourth argument a difference is not shrunk.
 */
#include "model.c"
#include "clock.c"
#include "driver.c"

#include <time.h>

int
main(int argc, char **argv)
{
	uint64_t first = 0, nops, seed, total = 0;
	time_t end = 0;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) :
	    (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	nops = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	d_shrinks = argc <= 4;
	if (argc > 1 && atol(argv[1]) > 0)
		end = time(NULL) + atol(argv[1]);
	printf("seed %ju\n", (uintmax_t)seed);
	while ((end == 0 || time(NULL) < end) && (nops == 0 || total < nops)) {
		if (d_drive(seed, 20000, &first, stdout) != 0)
			return (1);
		total += d_shared->s_done;
	}
	printf("%ju operations\n", (uintmax_t)total);
	return (0);
}
