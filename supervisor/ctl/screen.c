#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/frame.h"
#include "supervisor/ctl/line.h"
#include "supervisor/ctl/screen.h"
#include "supervisor/ctl/settings.h"
#include "supervisor/ctl/units.h"
#include "supervisor/visible.h"

/* Lines: what is the case; then two of a verdict; then titles; then sessions. */
#define VERDICT_LINE 4
#define TITLE_LINE 6
#define FIRST_LINE 7

#define TEXT_MAX 1024

int
screen_open(struct fault *fault)
{
	const char *name = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return (fault_set(fault, FAULT_OURS,
		    "top: wants a terminal: --json is for programs, and status is one screen"));
	if (newterm(NULL, stdout, stdin) == NULL || cursor_address == NULL) {
		endwin();
		return (fault_set(fault, FAULT_OURS,
		    "top: TERM=%s: cannot place a cursor there: want xterm or the like, or --json",
		    name == NULL ? "" : name));
	}
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	curs_set(0);
	set_escdelay(50);
	return (0);
}

void
screen_close(void)
{
	endwin();
}

void
screen_forget(void)
{
	clearok(curscr, TRUE);
}

size_t
screen_rows(void)
{
	return (LINES > FIRST_LINE ? (size_t)(LINES - FIRST_LINE) : 0);
}

/* A line, cut to the width; what the server said is escaped. */
static void __attribute__((format(printf, 2, 3))) put_line(int line, const char *format, ...)
{
	char text[TEXT_MAX], shown[VISIBLE_SIZE(TEXT_MAX)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (line < LINES)
		mvaddnstr(line, 0, visible(shown, sizeof(shown), text), COLS);
}

/* In two lines if it takes more than one. */
static void
put_verdict(const char *text)
{
	char shown[VISIBLE_SIZE(TEXT_MAX)];
	size_t width = COLS > 0 ? (size_t)COLS : 1, cut;

	visible(shown, sizeof(shown), text);
	cut = strlen(shown);
	if (cut > width) {
		for (cut = width; cut > width / 2 && shown[cut] != ' '; cut--)
			;
	}
	if (VERDICT_LINE < LINES)
		mvaddnstr(VERDICT_LINE, 0, shown, (int)cut);
	cut += strspn(shown + cut, " ");
	if (VERDICT_LINE + 1 < LINES)
		mvaddnstr(VERDICT_LINE + 1, 0, shown + cut, COLS);
}

static double
rate(const struct reading *r, double was, double is)
{
	return (numbers_rate(&r->before, &r->now, was, is));
}

static void
draw_program(const struct frame *f, const struct settings *s)
{
	const struct numbers *n = &f->reading.now;
	double wall = (double)f->wall / SECOND;
	char up[UNITS_SIZE], at[UNITS_SIZE], age[UNITS_SIZE];

	put_line(0, "udp46 %s  up %s  %s  every %g s  by %s%s", n->version,
	    units_long(up, wall - n->started), units_time(at, f->wall),
	    (double)s->interval / SECOND, row_key_names[s->sort],
	    s->reverse ? " reversed" : "");
	if (n->last_reply == 0)
		put_line(1, "%s  no reply yet  path MTU %.0f", n->upstream, n->path_mtu);
	else
		put_line(1, "%s  last reply %s ago  path MTU %.0f", n->upstream,
		    units_long(age, wall - n->last_reply), n->path_mtu);
	put_line(2, "%.0f of %.0f sessions: %.0f assured, %.0f replied, %.0f unreplied%s",
	    n->active, n->capacity, counts_get(&n->sessions, "assured"),
	    counts_get(&n->sessions, "replied"), counts_get(&n->sessions, "unreplied"),
	    f->partial ? "; not all shown" : "");
}

static void
draw_traffic(const struct reading *r)
{
	const struct numbers *b = &r->before, *n = &r->now;
	char text[6][UNITS_SIZE], restarts[UNITS_SIZE];
	size_t d;

	for (d = 0; d < DIRECTION_MAX; d++) {
		units_short(text[2 * d], rate(r, b->datagrams[d], n->datagrams[d]));
		units_short(text[2 * d + 1], 8 * rate(r, b->bytes[d], n->bytes[d]));
	}
	units_short(text[4], rate(r, counts_sum(&b->drops), counts_sum(&n->drops)));
	units_short(text[5], rate(r, counts_sum(&b->errors), counts_sum(&n->errors)));
	put_line(3,
	    "up %s/s %s bit/s  down %s/s %s bit/s  drops %s/s  errors %s/s  restarts %s",
	    text[0], text[1], text[2], text[3], text[4], text[5],
	    units_exact(restarts, counts_sum(&n->restarts)));
}

static void
draw_rows(const struct frame *f, size_t first)
{
	char line[LINE_SIZE], title[LINE_SIZE + 1];
	int width = COLS < LINE_WIDE ? LINE_NARROW : LINE_WIDE;
	size_t i;

	if (TITLE_LINE < LINES) {
		snprintf(title, sizeof(title), "%-*.*s", COLS < LINE_SIZE ? COLS : LINE_SIZE,
		    width, line_of_rates(line, NULL, 0));
		attron(A_REVERSE);
		put_line(TITLE_LINE, "%s", title);
		attroff(A_REVERSE);
	}
	for (i = 0; i < screen_rows() && first + i < f->rows.count; i++)
		put_line(FIRST_LINE + (int)i, "%.*s", width,
		    line_of_rates(line, &f->rows.row[first + i], f->wall));
}

void
screen_draw(const struct frame *f, const struct settings *s, size_t first, const char *message)
{
	const struct verdict *v = &f->verdict;
	char text[TEXT_MAX];

	erase();
	draw_program(f, s);
	draw_traffic(&f->reading);
	if (*message == '\0')
		snprintf(text, sizeof(text), "%s%s%s", verdict_level_names[v->level],
		    v->text[0] == '\0' ? "" : ": ", v->text);
	else
		strlcpy(text, message, sizeof(text));
	if (*message != '\0' || v->level != VERDICT_OK)
		attron(A_BOLD);
	put_verdict(text);
	attroff(A_BOLD);
	draw_rows(f, first);
	refresh();
}

void
screen_draw_help(void)
{
	static const char *const help[] = {
		"Keys of udp46ctl top",
		"",
		"  q           quit",
		"  space       read again now",
		"  s, d        change the interval",
		"  r b p       sort by rate (bytes a second), bytes, packets",
		"  i a c       sort by idle time, age, client",
		"  < >         sort by the key before, after",
		"  R           the other way round",
		"  up, down    one session; also k and j",
		"  page up, page down, home",
		"  ctrl-L      draw the screen anew",
		"  h, ?        this text; any key leaves it",
		"",
		"UP/S and DOWN/S are datagrams a second to the upstream and to the client,",
		"PORT is the source port that the upstream sees.  IDLE: since either was heard.",
	};
	size_t i;

	erase();
	for (i = 0; i < sizeof(help) / sizeof(help[0]); i++)
		put_line((int)i, "%s", help[i]);
	refresh();
}
