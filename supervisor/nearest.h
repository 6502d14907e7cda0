#ifndef SUPERVISOR_NEAREST_H
#define SUPERVISOR_NEAREST_H

#include <stddef.h>

struct flag;

/* A word that is longer than this is no flag with a slip in it. */
#define NEAREST_WORD_MAX 40

/*
 * How many letters at least have to be added, taken away, replaced, or swapped with the one after
 * them, to make b of a.  Both have at most NEAREST_WORD_MAX.
 */
unsigned int nearest_distance(const char *a, const char *b);

/*
 * The flag that was meant by a name, without dashes, that is none: what it abbreviates, or what
 * differs from it in a letter out of three at most.  NULL if there is none, or several.
 */
const struct flag *nearest_flag(const char *name);

/* Room for a hint. */
#define NEAREST_HINT_MAX 80

/* Write "did you mean DASHES FLAG? " for this name if there is one, else nothing.  Returns `to`. */
char *nearest_hint(char *to, size_t size, const char *dashes, const char *name);

#endif
