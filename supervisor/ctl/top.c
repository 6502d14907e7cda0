/*
 * Reading and keys take turns: a key ends a reading that is under way, and what is typed into a
 * question never stops the next one.
 */
#include <curses.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/duration.h"
#include "supervisor/ctl/frame.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/report.h"
#include "supervisor/ctl/screen.h"
#include "supervisor/ctl/settings.h"
#include "supervisor/ctl/top.h"
#include "supervisor/ctl/units.h"

#define ANSWER_MAX 16
#define CTRL_L ('L' & 0x1f)
#define ESCAPE 033
#define JSON_LIMIT 20
#define SHORTEST (100 * MILLISECOND)
#define FIRST_INTERVAL SECOND /* the first rates are waited for */

struct top {
	struct settings settings;
	struct http_client *client;
	struct frame frame;
	struct fault fault;
	int is_faulty; /* the last reading failed */
	int64_t due;
	size_t first;
	int quit, help, asking;
	char answer[ANSWER_MAX + 1], note[64];
};

/* ---- JSON ---- */

static void
print_frame(const struct frame *f, const struct settings *s)
{
	struct json_object *o = json_object_new_object(), *rows = json_object_new_array();
	size_t i, limit = s->limit == 0 ? JSON_LIMIT : (size_t)s->limit;

	for (i = 0; i < f->rows.count && i < limit; i++)
		json_object_array_add(rows, report_row(&f->rows.row[i], 1));
	json_object_object_add(o, "time", json_object_new_int64(f->wall / SECOND));
	json_object_object_add(o, "status", report_reading(&f->reading, &f->verdict));
	json_object_object_add(o, "sessions", rows);
	report_print(o);
	fflush(stdout);
}

/* The first reading is only there to be compared with. */
static int
run_json(const struct settings *s, struct http_client *client, struct fault *fault)
{
	static struct frame frame;
	uint64_t done = 0;
	int status;

	while ((status = frame_read(&frame, s, client, fault)) == 0) {
		if (frame.number > 1) {
			print_frame(&frame, s);
			if (ferror(stdout) || (s->count != 0 && ++done == s->count))
				break;
		}
		(void)poll(NULL, 0, (int)(s->interval / MILLISECOND));
	}
	frame_free(&frame);
	return (status);
}

/* ---- keys ---- */

static void
sort_by(struct top *t, int key)
{
	t->settings.sort = (enum row_key)((key + ROW_KEY_MAX) % ROW_KEY_MAX);
	rows_sort(&t->frame.rows, t->settings.sort, t->settings.reverse);
	t->first = 0;
}

static void
scroll_to(struct top *t, long to)
{
	long last = (long)t->frame.rows.count - (long)screen_rows();

	t->first = (size_t)(to > last ? (last > 0 ? last : 0) : to > 0 ? to : 0);
}

/* A number of seconds, or a duration as flags have it. */
static void
take_answer(struct top *t)
{
	char text[ANSWER_MAX + 2];
	int64_t interval;

	t->asking = 0;
	if (t->answer[0] == '\0')
		return;
	snprintf(text, sizeof(text), "%s%s", t->answer,
	    t->answer[strspn(t->answer, "0123456789.")] == '\0' ? "s" : "");
	if (duration_parse(text, &interval) != NULL || interval < SHORTEST) {
		snprintf(t->note, sizeof(t->note), "%s: want a number of seconds, at least 0.1",
		    t->answer);
		return;
	}
	t->settings.interval = interval;
	t->due = clock_now();
}

static void
take_letter(struct top *t, int key)
{
	size_t used = strlen(t->answer);

	if (key == '\r' || key == '\n' || key == KEY_ENTER)
		take_answer(t);
	else if (key == ESCAPE)
		t->asking = 0;
	else if (key == KEY_BACKSPACE || key == '\b' || key == 0177)
		t->answer[used == 0 ? 0 : used - 1] = '\0';
	else if (key > ' ' && key < 0177 && used < ANSWER_MAX) {
		t->answer[used] = (char)key;
		t->answer[used + 1] = '\0';
	}
}

/* ---- what each key does ---- */

static void
move_by(struct top *t, int key)
{
	long first = (long)t->first, page = (long)screen_rows();

	switch (key) {
	case KEY_UP:
	case 'k':
		scroll_to(t, first - 1);
		break;
	case KEY_DOWN:
	case 'j':
		scroll_to(t, first + 1);
		break;
	case KEY_PPAGE:
		scroll_to(t, first - page);
		break;
	case KEY_NPAGE:
		scroll_to(t, first + page);
		break;
	default:
		scroll_to(t, 0);
	}
}

static void
sort_by_letter(struct top *t, int key)
{
	static const char letters[] = "rbpiac"; /* as enum row_key */

	_Static_assert(sizeof(letters) - 1 == ROW_KEY_MAX, "");
	sort_by(t, (int)(strchr(letters, key) - letters));
}

static void
sort_beside(struct top *t, int key)
{
	sort_by(t, (int)t->settings.sort + (key == '>' ? 1 : -1));
}

static void
turn_round(struct top *t, int key)
{
	(void)key;
	t->settings.reverse = !t->settings.reverse;
	sort_by(t, (int)t->settings.sort);
}

static void
quit(struct top *t, int key)
{
	(void)key;
	t->quit = 1;
}

static void
read_again(struct top *t, int key)
{
	(void)key;
	t->due = clock_now();
}

static void
ask_interval(struct top *t, int key)
{
	(void)key;
	t->asking = 1;
	t->answer[0] = '\0';
}

static void
show_help(struct top *t, int key)
{
	(void)key;
	t->help = 1;
}

static void
draw_anew(struct top *t, int key)
{
	(void)t;
	(void)key;
	screen_forget();
}

/* Each has its line in the manual and in screen_draw_help(). */
static const struct {
	int key;
	void (*act)(struct top *t, int key);
} keys[] = {
	{ 'q', quit },
	{ ' ', read_again },
	{ 's', ask_interval },
	{ 'd', ask_interval },
	{ 'r', sort_by_letter },
	{ 'b', sort_by_letter },
	{ 'p', sort_by_letter },
	{ 'i', sort_by_letter },
	{ 'a', sort_by_letter },
	{ 'c', sort_by_letter },
	{ '<', sort_beside },
	{ '>', sort_beside },
	{ 'R', turn_round },
	{ KEY_UP, move_by },
	{ 'k', move_by },
	{ KEY_DOWN, move_by },
	{ 'j', move_by },
	{ KEY_PPAGE, move_by },
	{ KEY_NPAGE, move_by },
	{ KEY_HOME, move_by },
	{ CTRL_L, draw_anew },
	{ 'h', show_help },
	{ '?', show_help },
};

static void
take_command(struct top *t, int key)
{
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].key == key) {
			keys[i].act(t, key);
			return;
		}
	snprintf(t->note, sizeof(t->note), "no such key: h says which there are");
}

static void
take_key(struct top *t, int key)
{
	if (key == ERR)
		return;
	t->note[0] = '\0';
	if (key == KEY_RESIZE)
		scroll_to(t, (long)t->first);
	else if (t->help)
		t->help = 0;
	else if (t->asking)
		take_letter(t, key);
	else
		take_command(t, key);
}

/* ---- the loop ---- */

static void
read_frame(struct top *t)
{
	int64_t interval = t->settings.interval;
	int status = frame_read(&t->frame, &t->settings, t->client, &t->fault);

	/* A key was pressed: it comes first. */
	if (status == -1 && t->fault.kind == FAULT_CANCELLED)
		return;
	t->is_faulty = status == -1;
	if (t->frame.number == 1 && interval > FIRST_INTERVAL)
		interval = FIRST_INTERVAL;
	t->due = clock_after(clock_now(), interval);
	scroll_to(t, (long)t->first);
}

static void
draw(const struct top *t)
{
	char message[FAULT_TEXT_MAX + 64] = "";

	if (t->help) {
		screen_draw_help();
		return;
	}
	if (t->asking)
		snprintf(message, sizeof(message), "Seconds between two readings (now %g): %s_",
		    (double)t->settings.interval / SECOND, t->answer);
	else if (t->note[0] != '\0')
		strlcpy(message, t->note, sizeof(message));
	else if (t->is_faulty)
		snprintf(message, sizeof(message), "CRITICAL: %s", t->fault.text);
	screen_draw(&t->frame, &t->settings, t->first, message);
}

static int
run_screen(const struct settings *s, struct http_client *client, struct fault *fault)
{
	static struct top t;
	uint64_t last = s->count == 0 ? 0 : s->count + 1; /* the first is not counted */

	t = (struct top){ .settings = *s, .client = client };
	client->interrupt = STDIN_FILENO;
	while (!t.quit) {
		if (clock_now() >= t.due)
			read_frame(&t);
		if (t.frame.number == 0 && t.is_faulty)
			break;
		if (t.frame.number > 0)
			draw(&t);
		if (last != 0 && t.frame.number >= last)
			break;
		timeout(clock_timeout(t.due, clock_now()));
		take_key(&t, getch());
	}
	screen_close();
	frame_free(&t.frame);
	*fault = t.fault;
	return (t.frame.number == 0 && t.is_faulty ? -1 : 0);
}

int
top_run(const struct settings *s, struct http_client *client, struct fault *fault)
{
	return (s->json ? run_json(s, client, fault) : run_screen(s, client, fault));
}
