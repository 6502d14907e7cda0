#ifndef SUPERVISOR_OPTIONS_TOGETHER_H
#define SUPERVISOR_OPTIONS_TOGETHER_H

#include <stddef.h>
#include <stdint.h>

struct options;
struct sockaddr_in;

/* What is wrong: the flags that the message names, or NULL. */
struct blame {
	const char *flag[2];
	uint32_t nth[2]; /* from 0, of a flag that is repeated; prefixes are counted together */
};

/* Where to listen if no --listen says that; the array must stay. */
void options_listen_otherwise(const struct sockaddr_in *listen, uint32_t n);

/*
 * Judge what the options mean together, each of them being right by itself.  Returns 0, or -1
 * with a message in `error` and *blame set.
 */
int options_together(struct options *options, struct blame *blame, char *error, size_t size);

#endif
