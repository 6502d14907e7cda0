#ifndef COMMON_FILTER_H
#define COMMON_FILTER_H

#include <stddef.h>
#include <stdint.h>

/* Compare argument `arg`, masked with `mask`, with `value`. */
struct filter_condition {
	uint8_t arg;
	uint64_t mask;
	uint64_t value;
};

/* As many as a rule may have. */
#define FILTER_CONDITIONS 3

/*
 * One system call that a process may make, or has refused with `error` (0: allowed).  All
 * conditions must hold; rows of one call are ORed.
 */
struct filter_rule {
	int number;
	int error;
	int conditions;
	struct filter_condition condition[FILTER_CONDITIONS];
	int self; /* the first argument must be the process's own pid */
};

/* What every child needs, and what this kind needs. */
#define FILTER_TABLES 2

/* Tables of rules, and what becomes of every other call: errno, or 0 to kill. */
struct filter {
	struct {
		const struct filter_rule *rules;
		size_t count;
	} tables[FILTER_TABLES];
	int otherwise;
};

extern const struct filter relay_filter;
extern const struct filter metrics_filter;
extern const struct filter resolver_filter;
extern const struct filter writer_filter;
extern const struct filter ctl_filter;

/* What the writer of the state file holds, and nothing else: the new file and its folder. */
#define WRITER_FILE 0
#define WRITER_FOLDER 1

/*
 * Put the calling process under the filter, for good; a call of another architecture's kills
 * too.  Returns 0, or -1 with errno.  See seccomp_load(3).
 */
int filter_enter(const struct filter *filter);

#endif
