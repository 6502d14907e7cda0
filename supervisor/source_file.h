#ifndef SUPERVISOR_SOURCE_FILE_H
#define SUPERVISOR_SOURCE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct source_list;

/* The longest line, its end not counted. */
#define SOURCE_LINE_MAX 255

/* Room for what is wrong with a line. */
#define SOURCE_ERROR_MAX 160

/*
 * The text of a source file, as it is read: "allow PREFIX" or "deny PREFIX" a line, blank lines,
 * and comments from "#" on.  All zero but for `list` at first.
 */
struct source_file {
	struct source_list *list; /* that the prefixes are added to */
	uint32_t line;		  /* number of the last one that was complete */
	uint32_t length;	  /* of what there is of the next */
	char text[SOURCE_LINE_MAX + 1];
	char
	    error[SOURCE_ERROR_MAX]; /* what is wrong with line number `line`, and the remedy */
};

/*
 * Take the next bytes of the file.  Returns 0, or -1 with file->error set, after which nothing
 * more may be given to it.
 */
int source_file_take(struct source_file *file, const char *bytes, size_t count);

/* There are no more: the last line may have no end.  Returns as source_file_take(). */
int source_file_end(struct source_file *file);

#endif
