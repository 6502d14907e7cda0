#ifndef SUPERVISOR_CTL_FRAME_H
#define SUPERVISOR_CTL_FRAME_H

#include <stdint.h>

#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/row.h"
#include "supervisor/ctl/verdict.h"

struct http_client;
struct settings;

/* What `top` shows at one moment, with what it has to compare it with. */
struct frame {
	unsigned long number;	/* 0: nothing was read yet */
	struct reading reading; /* the last two */
	struct verdict verdict;
	struct rows rows;      /* those that match the filter, with rates, in order */
	int64_t rows_at, wall; /* when they were read: clock_now, and the wall clock */
	int partial;	       /* there are more: only the busiest were asked for */
	int whole;	       /* all that matched were read */
};

/*
 * Read the next one; without success, all stays as it was.  Returns 0, or -1 and *fault.
 */
int frame_read(struct frame *frame, const struct settings *settings,
    const struct http_client *client, struct fault *fault);

void frame_free(struct frame *frame);

#endif
