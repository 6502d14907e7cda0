#ifndef SUPERVISOR_CTL_REPORT_H
#define SUPERVISOR_CTL_REPORT_H

struct json_object;
struct reading;
struct row;
struct verdict;

/* The same as JSON, for programs; strings of the server in their visible form.  NULL: no memory. */
struct json_object *report_reading(
    const struct reading *reading, const struct verdict *verdict);
struct json_object *report_drops(const struct reading *reading);
/* With `rates` also what it is doing now. */
struct json_object *report_row(const struct row *row, int rates);

/* Write one as a line, and free it. */
void report_print(struct json_object *object);

#endif
