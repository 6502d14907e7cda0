#ifndef SUPERVISOR_VERSION_H
#define SUPERVISOR_VERSION_H

/* Of this build: as the makefile and git say. */
extern const char version[];
extern const char version_commit[];
extern const char version_date[];

#endif
