#ifndef SUPERVISOR_CONFIG_FILE_H
#define SUPERVISOR_CONFIG_FILE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The longest line, its end not counted: a name, and a path of which every byte is escaped. */
#define CONFIG_LINE_MAX (4 * PATH_MAX + 64)

/* The largest file: as many listeners as there can be fit in, as --check prints them. */
#define CONFIG_FILE_MAX (4 << 20)

/* Room for what is wrong with a line. */
#define CONFIG_ERROR_MAX 256

/* An option that stands in the file. */
struct config_line {
	const char *name;
	const char *value; /* NULL: none */
	uint32_t number;   /* from 1 */
};

/*
 * The text of a configuration file, as options: a name and a value a line, blank lines, and
 * comments from a "#" on that is first or after a blank.  A value that has blanks and the like is
 * in quotation marks, in which \" and \\ are these characters and \ooo is a byte.  All zero at
 * first.
 */
struct config_file {
	char *text; /* that names and values are in; allocated */
	struct config_line *line;
	uint32_t count;
	uint32_t
	    number; /* of the line that is wrong; 0: all of the file is, or cannot be read */
	char error[CONFIG_ERROR_MAX]; /* what is wrong, and the remedy */
};

/*
 * Read a text, which is the file's from then on; there is room for a NUL at its end.  Returns 0,
 * or -1 with file->error and file->number set.
 */
int config_file_parse(struct config_file *file, char *text, size_t length);

/* Read the file of that path.  Never waits for one.  Returns as config_file_parse(). */
int config_file_read(struct config_file *file, const char *path);

/* Write a value so that it is read as the same. */
void config_file_print_value(FILE *out, const char *value);

/* Free what it has. */
void config_file_free(struct config_file *file);

#endif
