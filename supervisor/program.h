#ifndef SUPERVISOR_PROGRAM_H
#define SUPERVISOR_PROGRAM_H

#include <stdint.h>

/*
 * The program as it was started, which a newer one on disk may take the place of.
 */

/* Keep copies of argv, and the path of what runs.  Before anything else touches either. */
void program_init(int argc, char **argv);

/*
 * Open what is at that path now, if it can be trusted as much as what runs: a regular file that
 * belongs to root, or to us, and that nobody else may write to.  Returns its descriptor, or -1 with
 * *wrong.  See path_resolution(7).
 */
int program_open(const char **wrong);
const char *program_path(void);

/*
 * Execute it in our place, with the arguments that we had, and `first` before them unless NULL.  It
 * gets these descriptors in the way of sd_listen_fds(3) and no others beside the standard ones: all
 * are closed.  Its names are for whoever reads them; each is short.  Returns only if that failed,
 * with errno.  See execveat(2).
 */
void program_execute(
    int program, const char *first, const int *fds, const char *const *names, uint32_t count);

#endif
