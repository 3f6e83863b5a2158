/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in for ATF's C library, for where there is none: another libc,
 * another architecture.  It speaks atf-test-program(1)'s language, so that
 * Kyua runs these programs as any other, with its time limits, directories
 * and users; it isolates nothing by itself.
 *
 * Everything is static: one program, one source file.
 */
#ifndef _COMPAT_ATF_C_H_
#define	_COMPAT_ATF_C_H_

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define	ATF_UNUSED	__attribute__((__unused__))
#define	ATF_PRINTF(f, a) __attribute__((__format__(__printf__, f, a)))

#define	ATF_MAXMD	16	/* properties of a case */
#define	ATF_MAXTC	512	/* cases of a program */
#define	ATF_MAXCFG	32	/* -v options */

typedef struct atf_tc {
	const char	*ident;
	void		(*head)(struct atf_tc *);
	void		(*body)(const struct atf_tc *);
	void		(*cleanup)(const struct atf_tc *);
	int		nmd;
	char		*mdname[ATF_MAXMD];
	char		*mdvalue[ATF_MAXMD];
} atf_tc_t;

typedef struct atf_tp {
	atf_tc_t	*tcs[ATF_MAXTC];
	int		ntcs;
} atf_tp_t;

typedef struct atf_error *atf_error_t;

static const char *atf_resfile;		/* NULL: standard output */
static int atf_resfd = -1;
static char atf_expected[1024];		/* why failures are expected */
static bool atf_expecting;
static int atf_nfailed, atf_nexpected;
static char *atf_cfg[ATF_MAXCFG];
static int atf_ncfg;

ATF_UNUSED static atf_error_t
atf_no_error(void)
{
	return (NULL);
}

ATF_UNUSED static bool
atf_is_error(const atf_error_t error)
{
	return (error != NULL);
}

/*
 * Results.  A result replaces what was written before: expect_exit() and the
 * like are written when they are announced.
 */
static void
atf_result(const char *what, const char *reason)
{
	char buf[4096], *p;
	int n;

	n = snprintf(buf, sizeof(buf), "%s%s%s", what,
	    reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
	if (n >= (int)sizeof(buf) - 1)
		n = (int)sizeof(buf) - 2;
	/* A result is one line. */
	for (p = buf; p < buf + n; p++) {
		if (*p == '\n')
			*p = ' ';
	}
	buf[n++] = '\n';
	if (atf_resfile == NULL)
		atf_resfd = STDOUT_FILENO;
	else if (atf_resfd == -1)
		atf_resfd = open(atf_resfile,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	else if (ftruncate(atf_resfd, 0) == -1 ||
	    lseek(atf_resfd, 0, SEEK_SET) == -1)
		_exit(EXIT_FAILURE);
	if (write(atf_resfd, buf, (size_t)n) != n)
		_exit(EXIT_FAILURE);
}

__attribute__((__noreturn__)) static void
atf_finish(const char *what, const char *reason, int status)
{
	atf_result(what, reason);
	exit(status);
}

__attribute__((__noreturn__)) ATF_UNUSED static void
atf_tc_pass(void)
{
	char buf[128];

	if (atf_expecting && atf_nexpected > 0) {
		snprintf(buf, sizeof(buf), "%d checks failed as expected; see "
		    "output for more details", atf_nexpected);
		strncat(atf_expected, ": ",
		    sizeof(atf_expected) - strlen(atf_expected) - 1);
		strncat(atf_expected, buf,
		    sizeof(atf_expected) - strlen(atf_expected) - 1);
		atf_finish("expected_failure", atf_expected, EXIT_SUCCESS);
	}
	if (atf_expecting)
		atf_finish("failed", "Test case was expecting a failure but "
		    "none were raised", EXIT_FAILURE);
	if (atf_nfailed > 0) {
		snprintf(buf, sizeof(buf), "%d checks failed; see output for "
		    "more details", atf_nfailed);
		atf_finish("failed", buf, EXIT_FAILURE);
	}
	atf_finish("passed", NULL, EXIT_SUCCESS);
}

__attribute__((__noreturn__)) ATF_PRINTF(1, 2) ATF_UNUSED static void
atf_tc_fail(const char *fmt, ...)
{
	char msg[2048], both[3200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (!atf_expecting)
		atf_finish("failed", msg, EXIT_FAILURE);
	snprintf(both, sizeof(both), "%s: %s", atf_expected, msg);
	atf_finish("expected_failure", both, EXIT_SUCCESS);
}

ATF_PRINTF(1, 2) ATF_UNUSED static void
atf_tc_fail_nonfatal(const char *fmt, ...)
{
	va_list ap;

	if (atf_expecting) {
		atf_nexpected++;
		fprintf(stderr, "*** Expected check failure: %s: ",
		    atf_expected);
	} else {
		atf_nfailed++;
		fprintf(stderr, "*** Check failed: ");
	}
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

__attribute__((__noreturn__)) ATF_PRINTF(1, 2) ATF_UNUSED static void
atf_tc_skip(const char *fmt, ...)
{
	char msg[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	atf_finish("skipped", msg, EXIT_SUCCESS);
}

/* Expectations. */
ATF_UNUSED static void
atf_tc_expect_pass(void)
{
	if (atf_expecting && atf_nexpected == 0)
		atf_finish("failed", "Test case was expecting a failure but "
		    "none were raised", EXIT_FAILURE);
	atf_expecting = false;
}

ATF_PRINTF(1, 2) ATF_UNUSED static void
atf_tc_expect_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(atf_expected, sizeof(atf_expected), fmt, ap);
	va_end(ap);
	atf_expecting = true;
	atf_nexpected = 0;
}

#define	ATF_EXPECT(fmt, what) do {					\
	char atf_msg[1024];						\
	va_list atf_ap;							\
									\
	va_start(atf_ap, fmt);						\
	vsnprintf(atf_msg, sizeof(atf_msg), fmt, atf_ap);		\
	va_end(atf_ap);							\
	atf_result(what, atf_msg);					\
} while (0)

ATF_PRINTF(1, 2) ATF_UNUSED static void
atf_tc_expect_death(const char *fmt, ...)
{
	ATF_EXPECT(fmt, "expected_death");
}

ATF_PRINTF(1, 2) ATF_UNUSED static void
atf_tc_expect_timeout(const char *fmt, ...)
{
	ATF_EXPECT(fmt, "expected_timeout");
}

ATF_PRINTF(2, 3) ATF_UNUSED static void
atf_tc_expect_exit(int status, const char *fmt, ...)
{
	char what[64];

	snprintf(what, sizeof(what), "expected_exit(%d)", status);
	if (status == -1)
		what[sizeof("expected_exit") - 1] = '\0';
	ATF_EXPECT(fmt, what);
}

ATF_PRINTF(2, 3) ATF_UNUSED static void
atf_tc_expect_signal(int signo, const char *fmt, ...)
{
	char what[64];

	snprintf(what, sizeof(what), "expected_signal(%d)", signo);
	if (signo == -1)
		what[sizeof("expected_signal") - 1] = '\0';
	ATF_EXPECT(fmt, what);
}

/* Properties and configuration. */
ATF_UNUSED static const char *
atf_tc_get_ident(const atf_tc_t *tc)
{
	return (tc->ident);
}

ATF_PRINTF(3, 4) ATF_UNUSED static atf_error_t
atf_tc_set_md_var(atf_tc_t *tc, const char *name, const char *fmt, ...)
{
	char value[2048];
	va_list ap;
	int i;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	/* The last value counts. */
	for (i = 0; i < tc->nmd; i++) {
		if (strcmp(tc->mdname[i], name) == 0)
			break;
	}
	if (i == ATF_MAXMD) {
		fprintf(stderr, "%s: too many properties\n", tc->ident);
		exit(EXIT_FAILURE);
	}
	if (i == tc->nmd) {
		tc->mdname[i] = strdup(name);
		tc->nmd++;
	} else
		free(tc->mdvalue[i]);
	tc->mdvalue[i] = strdup(value);
	return (NULL);
}

ATF_UNUSED static const char *
atf_tc_get_config_var_wd(const atf_tc_t *tc ATF_UNUSED, const char *name,
    const char *value)
{
	size_t len;
	int i;

	len = strlen(name);
	for (i = atf_ncfg - 1; i >= 0; i--) {
		if (strncmp(atf_cfg[i], name, len) == 0 &&
		    atf_cfg[i][len] == '=')
			return (atf_cfg[i] + len + 1);
	}
	return (value);
}

ATF_UNUSED static bool
atf_tc_has_config_var(const atf_tc_t *tc, const char *name)
{
	return (atf_tc_get_config_var_wd(tc, name, NULL) != NULL);
}

ATF_UNUSED static const char *
atf_tc_get_config_var(const atf_tc_t *tc, const char *name)
{
	const char *value;

	if ((value = atf_tc_get_config_var_wd(tc, name, NULL)) == NULL)
		atf_tc_fail("no configuration variable %s", name);
	return (value);
}

ATF_UNUSED static void
atf_tc_require_prog(const char *prog)
{
	char dirs[4096], path[8192], *dir, *last;
	const char *env;

	if (strchr(prog, '/') != NULL) {
		if (access(prog, X_OK) == 0)
			return;
		atf_tc_skip("The required program %s could not be found", prog);
	}
	env = getenv("PATH");
	snprintf(dirs, sizeof(dirs), "%s", env == NULL ? "/usr/bin:/bin" : env);
	for (dir = strtok_r(dirs, ":", &last); dir != NULL;
	    dir = strtok_r(NULL, ":", &last)) {
		snprintf(path, sizeof(path), "%s/%s", dir, prog);
		if (access(path, X_OK) == 0)
			return;
	}
	atf_tc_skip("The required program %s could not be found in the PATH",
	    prog);
}

/* Cases. */
#define	ATF_TC_NAME(tc)		(atf_tc_##tc)
#define	ATF_TC_HEAD_NAME(tc)	(atf_head_##tc)
#define	ATF_TC_BODY_NAME(tc)	(atf_body_##tc)
#define	ATF_TC_CLEANUP_NAME(tc)	(atf_cleanup_##tc)

#define	ATF_TC_WITHOUT_HEAD(tc)						\
	static void atf_body_##tc(const atf_tc_t *);			\
	static atf_tc_t atf_tc_##tc = {					\
		.ident = #tc, .body = atf_body_##tc			\
	}

#define	ATF_TC(tc)							\
	static void atf_head_##tc(atf_tc_t *);				\
	static void atf_body_##tc(const atf_tc_t *);			\
	static atf_tc_t atf_tc_##tc = {					\
		.ident = #tc, .head = atf_head_##tc,			\
		.body = atf_body_##tc					\
	}

#define	ATF_TC_WITH_CLEANUP(tc)						\
	static void atf_head_##tc(atf_tc_t *);				\
	static void atf_body_##tc(const atf_tc_t *);			\
	static void atf_cleanup_##tc(const atf_tc_t *);			\
	static atf_tc_t atf_tc_##tc = {					\
		.ident = #tc, .head = atf_head_##tc,			\
		.body = atf_body_##tc, .cleanup = atf_cleanup_##tc	\
	}

#define	ATF_TC_HEAD(tc, var)						\
	static void atf_head_##tc(atf_tc_t *var ATF_UNUSED)
#define	ATF_TC_BODY(tc, var)						\
	static void atf_body_##tc(const atf_tc_t *var ATF_UNUSED)
#define	ATF_TC_CLEANUP(tc, var)						\
	static void atf_cleanup_##tc(const atf_tc_t *var ATF_UNUSED)

#define	ATF_TP_ADD_TCS(tp)						\
	static atf_error_t atf_tp_add_tcs(atf_tp_t *);			\
									\
	int								\
	main(int argc, char **argv)					\
	{								\
		return (atf_tp_main(argc, argv, atf_tp_add_tcs));	\
	}								\
	static atf_error_t						\
	atf_tp_add_tcs(atf_tp_t *tp)

#define	ATF_TP_ADD_TC(tp, tc)	atf_tp_add_tc(tp, &atf_tc_##tc)

/* Checks. */
#define	ATF_REQUIRE_MSG(e, ...) do {					\
	if (!(e))							\
		atf_tc_fail_at(__FILE__, __LINE__, true, __VA_ARGS__);	\
} while (0)

#define	ATF_CHECK_MSG(e, ...) do {					\
	if (!(e))							\
		atf_tc_fail_at(__FILE__, __LINE__, false, __VA_ARGS__);	\
} while (0)

#define	ATF_REQUIRE(e)	ATF_REQUIRE_MSG(e, "%s", #e " not met")
#define	ATF_CHECK(e)	ATF_CHECK_MSG(e, "%s", #e " not met")

#define	ATF_REQUIRE_EQ(a, b)						\
	ATF_REQUIRE_MSG((a) == (b), "%s", #a " != " #b)
#define	ATF_CHECK_EQ(a, b)						\
	ATF_CHECK_MSG((a) == (b), "%s", #a " != " #b)
#define	ATF_REQUIRE_EQ_MSG(a, b, fmt, ...)				\
	ATF_REQUIRE_MSG((a) == (b), "%s: " fmt, #a " != " #b, ##__VA_ARGS__)
#define	ATF_CHECK_EQ_MSG(a, b, fmt, ...)				\
	ATF_CHECK_MSG((a) == (b), "%s: " fmt, #a " != " #b, ##__VA_ARGS__)
#define	ATF_REQUIRE_STREQ(a, b)						\
	ATF_REQUIRE_MSG(strcmp(a, b) == 0, "%s (%s != %s)",		\
	    #a " != " #b, a, b)
#define	ATF_CHECK_STREQ(a, b)						\
	ATF_CHECK_MSG(strcmp(a, b) == 0, "%s (%s != %s)",		\
	    #a " != " #b, a, b)
#define	ATF_REQUIRE_STREQ_MSG(a, b, fmt, ...)				\
	ATF_REQUIRE_MSG(strcmp(a, b) == 0, "%s: " fmt,			\
	    #a " != " #b, ##__VA_ARGS__)
#define	ATF_CHECK_STREQ_MSG(a, b, fmt, ...)				\
	ATF_CHECK_MSG(strcmp(a, b) == 0, "%s: " fmt,			\
	    #a " != " #b, ##__VA_ARGS__)
#define	ATF_REQUIRE_ERRNO(n, e)						\
	atf_tc_errno(__FILE__, __LINE__, true, (n), #e, (e))
#define	ATF_CHECK_ERRNO(n, e)						\
	atf_tc_errno(__FILE__, __LINE__, false, (n), #e, (e))

ATF_PRINTF(4, 5) ATF_UNUSED static void
atf_tc_fail_at(const char *file, int line, bool fatal, const char *fmt, ...)
{
	char msg[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (fatal)
		atf_tc_fail("%s:%d: %s", file, line, msg);
	atf_tc_fail_nonfatal("%s:%d: %s", file, line, msg);
}

ATF_UNUSED static void
atf_tc_errno(const char *file, int line, bool fatal, int wanted,
    const char *text, bool value)
{
	int error = errno;

	if (!value)
		atf_tc_fail_at(file, line, fatal, "Expected true value in %s",
		    text);
	else if (error != wanted)
		atf_tc_fail_at(file, line, fatal,
		    "Expected errno %d, got %d, in %s", wanted, error, text);
}

/* The program. */
ATF_UNUSED static atf_error_t
atf_tp_add_tc(atf_tp_t *tp, atf_tc_t *tc)
{
	if (tp->ntcs == ATF_MAXTC) {
		fprintf(stderr, "%s: too many cases\n", tc->ident);
		exit(EXIT_FAILURE);
	}
	if (tc->head != NULL)
		tc->head(tc);
	tp->tcs[tp->ntcs++] = tc;
	return (NULL);
}

static int
atf_tp_list(const atf_tp_t *tp)
{
	const atf_tc_t *tc;
	int i, j;

	printf("Content-Type: application/X-atf-tp; version=\"1\"\n\n");
	for (i = 0; i < tp->ntcs; i++) {
		tc = tp->tcs[i];
		printf("%sident: %s\n", i == 0 ? "" : "\n", tc->ident);
		if (tc->cleanup != NULL)
			printf("has.cleanup: true\n");
		for (j = 0; j < tc->nmd; j++)
			printf("%s: %s\n", tc->mdname[j], tc->mdvalue[j]);
	}
	return (EXIT_SUCCESS);
}

ATF_UNUSED static int
atf_tp_main(int argc, char **argv, atf_error_t (*add)(atf_tp_t *))
{
	static atf_tp_t tp;
	const atf_tc_t *tc;
	char *part;
	bool list;
	int ch, i;

	list = false;
	while ((ch = getopt(argc, argv, "lr:s:v:")) != -1) {
		switch (ch) {
		case 'l':
			list = true;
			break;
		case 'r':
			atf_resfile = optarg;
			break;
		case 's':
			break;
		case 'v':
			if (atf_ncfg < ATF_MAXCFG)
				atf_cfg[atf_ncfg++] = optarg;
			break;
		default:
			return (EXIT_FAILURE);
		}
	}
	(void)add(&tp);
	if (list)
		return (atf_tp_list(&tp));
	if (optind != argc - 1) {
		fprintf(stderr, "usage: %s -l | [-r result] [-v name=value] "
		    "case[:body | :cleanup]\n", argv[0]);
		return (EXIT_FAILURE);
	}
	if ((part = strchr(argv[optind], ':')) != NULL)
		*part++ = '\0';
	tc = NULL;
	for (i = 0; i < tp.ntcs && tc == NULL; i++) {
		if (strcmp(tp.tcs[i]->ident, argv[optind]) == 0)
			tc = tp.tcs[i];
	}
	if (tc == NULL) {
		fprintf(stderr, "%s: no such case: %s\n", argv[0],
		    argv[optind]);
		return (EXIT_FAILURE);
	}
	if (part != NULL && strcmp(part, "cleanup") == 0) {
		if (tc->cleanup != NULL)
			tc->cleanup(tc);
		return (EXIT_SUCCESS);
	}
	umask(0022);
	tc->body(tc);
	atf_tc_pass();
}

#endif /* !_COMPAT_ATF_C_H_ */
