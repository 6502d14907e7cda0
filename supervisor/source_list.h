#ifndef SUPERVISOR_SOURCE_LIST_H
#define SUPERVISOR_SOURCE_LIST_H

#include <stdint.h>

struct source_table;

/* More than that are refused. */
#define SOURCE_PREFIXES_MAX 1000000

/* Room for "255.255.255.255/32". */
#define SOURCE_PREFIX_STRLEN 19

/* Addresses that may, or may not, open sessions. */
struct source_prefix {
	uint32_t address; /* host byte order, host bits are 0 */
	uint32_t line;	  /* of a file of prefixes; 0: of the options */
	uint8_t length;	  /* 0 to 32 */
	uint8_t allow;
	uint8_t pad[2];
};

/* What has to be done to a list, one after the other. */
enum source_work { SOURCE_SORT, SOURCE_LAY_OUT, SOURCE_INDEX, SOURCE_DONE };

#define SOURCE_PASSES 5

/*
 * Prefixes that become a table: first all are added, then it is built, some of the work at a
 * time.  Of those that an address is in the longest counts; of an address that is in none, that
 * it is allowed, unless any prefix is.  All zero is an empty list.
 */
struct source_list {
	struct source_prefix *prefix;
	uint32_t count;
	uint32_t room;
	int allows; /* there is an allowed one */
	uint32_t keys[SOURCE_PASSES]
		     [256]; /* for each pass of sorting: how often each key is there */

	enum source_work work;
	uint32_t pass;
	uint32_t next;		     /* to go on from */
	struct source_prefix *other; /* where this pass sorts to */
	struct {
		uint32_t last; /* address */
		int allow;
	} around[33]; /* the prefixes that the next one may be in */
	uint32_t depth;
	uint32_t range;		    /* that the next block begins in, or later */
	struct source_table *table; /* once it is laid out */
};

/*
 * Read "192.0.2.0/24", or an address alone, which is a prefix of 32 bits.  Sets address and
 * length and returns NULL, or returns what is wrong, in memory that the next call uses again.
 */
const char *source_prefix_parse(const char *text, struct source_prefix *prefix);

/* Write it into buf (SOURCE_PREFIX_STRLEN bytes), and return that. */
char *source_prefix_format(const struct source_prefix *prefix, char *buf);

/* Add one.  Returns 0, or -1 with errno: ENOMEM, or E2BIG if there are too many already. */
int source_list_add(struct source_list *list, const struct source_prefix *prefix);

/*
 * Do some of the work that is left: at most 0.3 ms.  Returns 1 when list->table is complete, 0
 * when there is more to do, or -1 with errno: ENOMEM, or EEXIST if one prefix is both allowed and
 * denied, by those that are then copied to conflict[0] and conflict[1].
 */
int source_list_build(struct source_list *list, struct source_prefix conflict[2]);

/* Free all that it has, and make it empty. */
void source_list_free(struct source_list *list);

#endif
