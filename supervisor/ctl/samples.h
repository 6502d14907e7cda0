#ifndef SUPERVISOR_CTL_SAMPLES_H
#define SUPERVISOR_CTL_SAMPLES_H

#include <stddef.h>

/* The text format of Prometheus, version 0.0.4, line by line as it comes in. */

#define SAMPLES_LINE_MAX 4096
#define SAMPLES_LABELS_MAX 16

/* One line; it lives until the next. */
struct sample {
	const char *name;
	double value;
	size_t labels;
	struct {
		const char *name;
		const char *value;
	} label[SAMPLES_LABELS_MAX];
};

struct samples {
	void (*take)(void *arg, const struct sample *sample);
	void *arg;
	const char *error; /* what is wrong with the line, as a phrase */
	unsigned long line;
	size_t used;
	char text[SAMPLES_LINE_MAX + 1];
};

/* Each sample goes to take(arg, ...). */
void samples_init(
    struct samples *samples, void (*take)(void *arg, const struct sample *sample), void *arg);

/* The next bytes.  Returns 0, or -1 with the error and its line; then for ever. */
int samples_feed(struct samples *samples, const char *data, size_t length);

/* No more is coming; the last line must have had its end.  Returns the same. */
int samples_end(struct samples *samples);

/* The value of a label; NULL if the sample has none of this name. */
const char *sample_label(const struct sample *sample, const char *name);

#endif
