/*
 * Prints what a shell needs to complete the flags of udp46, and commands and flags of udp46ctl:
 * from their own tables, so that none is ever missing.  It runs when they are built, and is not
 * installed.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/settings.h"
#include "supervisor/options.h"

/* What a value can be completed from. */
enum value {
	VALUE_NONE, /* the flag has none */
	VALUE_BOOL, /* optional, after "=" */
	VALUE_WORD, /* of a list */
	VALUE_FILE,
	VALUE_FOLDER,
	VALUE_USER,
	VALUE_FREE,
};

/* A flag of either program. */
struct item {
	const char *name, *argument, *help;
	char letter; /* that stands for it, or NUL */
	int repeatable;
	const char *const *words; /* that its value is one of, or NULL */
	size_t nwords;
};

#define ITEMS_MAX 64

static struct {
	const char *name;
	size_t nitems, ncommands;
	struct item items[ITEMS_MAX];
} program;

static void
add(const struct item *item)
{
	if (program.nitems == ITEMS_MAX)
		errx(1, "%s has more flags than expected", program.name);
	program.items[program.nitems++] = *item;
}

/* ---- udp46 ---- */

static const struct {
	const char *flag;
	const char *const *words;
} lists[] = {
	{ "segment-offload", options_offloads },
	{ "fragment", options_fragments },
	{ "log-level", options_levels },
	{ "log-format", options_formats },
};

static const struct {
	const char *flag;
	char letter;
} letters[] = {
	{ "check", 'n' },
	{ "version", 'V' },
	{ "help", 'h' },
};

static void
take_udp46(void)
{
	const struct flag *flag;
	size_t i, j;

	for (i = 0; i < OPTIONS_FLAGS; i++) {
		flag = &options_flags[i];
		struct item item = { .name = flag->name,
			.argument = flag->argument,
			.help = flag->help,
			.repeatable = flag->kind == FLAG_LISTEN || flag->kind == FLAG_SOURCES };

		for (j = 0; j < sizeof(letters) / sizeof(letters[0]); j++)
			if (strcmp(letters[j].flag, flag->name) == 0)
				item.letter = letters[j].letter;
		for (j = 0; j < sizeof(lists) / sizeof(lists[0]); j++)
			if (strcmp(lists[j].flag, flag->name) == 0)
				item.words = lists[j].words;
		while (item.words != NULL && item.words[item.nwords] != NULL)
			item.nwords++;
		add(&item);
	}
}

/* ---- udp46ctl ---- */

/* These two are commands as well. */
static const struct item others[] = {
	{ .name = "help", .help = "print a summary of commands and flags", .letter = 'h' },
	{ .name = "version", .help = "print version, commit and date", .letter = 'V' },
};

static void
take_udp46ctl(void)
{
	size_t i;

	program.ncommands = CTL_COMMAND_MAX;
	for (i = 0; i < SETTINGS_FLAGS; i++) {
		struct item item = { .name = settings_flags[i].name,
			.argument = settings_flags[i].argument,
			.help = settings_flags[i].help };

		if (strcmp(item.name, "state") == 0) {
			item.words = session_state_names;
			item.nwords = SESSION_CLOSED;
		} else if (strcmp(item.name, "sort") == 0) {
			item.words = row_key_names;
			item.nwords = ROW_KEY_MAX;
		}
		add(&item);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		add(&others[i]);
}

/* ---- what both have ---- */

static enum value
find_value(const struct item *item)
{
	if (item->argument == NULL)
		return (VALUE_NONE);
	if (item->argument[0] == '[')
		return (VALUE_BOOL);
	if (item->words != NULL)
		return (VALUE_WORD);
	if (strcmp(item->argument, "PATH") == 0)
		return (VALUE_FILE);
	if (strcmp(item->argument, "DIR") == 0)
		return (VALUE_FOLDER);
	return (strcmp(item->argument, "NAME") == 0 ? VALUE_USER : VALUE_FREE);
}

static void
print_words(const struct item *item)
{
	size_t i;

	for (i = 0; i < item->nwords; i++)
		printf("%s%s", i == 0 ? "" : " ", item->words[i]);
}

static void
print_commands(void)
{
	size_t i;

	for (i = 0; i < program.ncommands; i++)
		printf("%s%s", i == 0 ? "" : " ", settings_commands[i].name);
}

/* With the name of the program for each '%'. */
static void
print_template(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '%')
			fputs(program.name, stdout);
		else
			putchar(*text);
	}
}

/* On one line, with a backslash before each of these characters, and '\'' for a quotation mark. */
static void
print_escaped(const char *text, const char *special)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (*text == '\n')
			putchar(' ');
		else
			printf("%s%c", strchr(special, *text) != NULL ? "\\" : "", *text);
	}
}

/* ---- bash ---- */

static const char bash_begin[] =
    "# bash completion for %(8), made from its own tables.\n"
    "\n"
    "_%()\n"
    "{\n"
    "\tlocal commands=$_%_commands given\n"
    "\tlocal word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} equals=\n"
    "\n"
    "\t# \"--flag=value\" is three words here.\n"
    "\tif [[ $word == = ]]; then\n"
    "\t\tword= equals=1\n"
    "\telif [[ $flag == = ]]; then\n"
    "\t\tflag=${COMP_WORDS[COMP_CWORD - 2]} equals=1\n"
    "\tfi\n"
    "\t[[ $flag == -[!-]* ]] && flag=-$flag\n"
    "\tCOMPREPLY=()\n"
    "\tcase $flag$equals in\n";

static const char bash_end[] =
    "\tesac\n"
    "\t[[ $equals ]] && return\n"
    "\t# One command, wherever it stands.\n"
    "\tfor given in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
    "\t\t[[ \" $commands \" == *\" $given \"* ]] && commands=\n"
    "\tdone\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$commands $_%_flags\" -- \"$word\")\n"
    "}\n"
    "complete -F _% %\n";

/* What compgen(1) is asked for. */
static void
print_bash_choice(const struct item *item)
{
	switch (find_value(item)) {
	case VALUE_BOOL:
		fputs("-W 'true false'", stdout);
		break;
	case VALUE_WORD:
		fputs("-W '", stdout);
		print_words(item);
		putchar('\'');
		break;
	case VALUE_FILE:
		fputs("-f", stdout);
		break;
	case VALUE_FOLDER:
		fputs("-d", stdout);
		break;
	case VALUE_USER:
		fputs("-u", stdout);
		break;
	default:
		break;
	}
}

static void
print_bash_flag(const struct item *item)
{
	enum value value = find_value(item);

	if (value == VALUE_NONE)
		return;
	if (value == VALUE_BOOL)
		printf("\t--%s1)\n", item->name);
	else
		printf("\t--%s | --%s1)\n", item->name, item->name);
	if (value == VALUE_FILE || value == VALUE_FOLDER)
		fputs("\t\tcompopt -o filenames 2>/dev/null\n", stdout);
	if (value != VALUE_FREE) {
		fputs("\t\tmapfile -t COMPREPLY < <(compgen ", stdout);
		print_bash_choice(item);
		fputs(" -- \"$word\")\n", stdout);
	}
	fputs("\t\treturn\n\t\t;;\n", stdout);
}

static void
print_bash(void)
{
	const struct item *item;
	size_t i;

	print_template(bash_begin);
	for (i = 0; i < program.nitems; i++)
		print_bash_flag(&program.items[i]);
	print_template(bash_end);
	print_template("_%_commands='");
	print_commands();
	print_template("'\n_%_flags='");
	for (i = 0; i < program.nitems; i++) {
		item = &program.items[i];
		printf("%s--%s", i == 0 ? "" : "\n\t", item->name);
		if (item->letter != '\0')
			printf("\n\t-%c", item->letter);
	}
	fputs("'\n", stdout);
}

/* ---- zsh ---- */

/* What comes after ":MESSAGE:", see _arguments in zshcompsys(1). */
static void
print_zsh_choice(const struct item *item)
{
	switch (find_value(item)) {
	case VALUE_BOOL:
		fputs("(true false)", stdout);
		break;
	case VALUE_WORD:
		putchar('(');
		print_words(item);
		putchar(')');
		break;
	case VALUE_FILE:
		fputs("_files", stdout);
		break;
	case VALUE_FOLDER:
		fputs("_files -/", stdout);
		break;
	case VALUE_USER:
		fputs("_users", stdout);
		break;
	default:
		putchar(' ');
		break;
	}
}

static void
print_zsh_flag(const struct item *item)
{
	enum value value = find_value(item);
	char letter = item->letter;

	fputs(" \\\n\t", stdout);
	if (letter != '\0')
		printf("'(-%c --%s)'{-%c,--%s}'[", letter, item->name, letter, item->name);
	else
		printf("'%s--%s%s[", item->repeatable ? "*" : "", item->name,
		    value == VALUE_NONE	      ? ""
			: value == VALUE_BOOL ? "=-"
					      : "=");
	print_escaped(item->help, "[]:\\");
	putchar(']');
	if (value != VALUE_NONE) {
		fputs(value == VALUE_BOOL ? "::" : ":", stdout);
		print_escaped(value == VALUE_BOOL ? "BOOL" : item->argument, ":\\");
		putchar(':');
		print_zsh_choice(item);
	}
	putchar('\'');
}

static void
print_zsh(void)
{
	size_t i;

	print_template("#compdef %\n"
		       "# zsh completion for %(8), made from its own tables.\n"
		       "\n"
		       "_arguments");
	if (program.ncommands > 0) {
		fputs(" \\\n\t'1:command:(", stdout);
		print_commands();
		fputs(")'", stdout);
	}
	for (i = 0; i < program.nitems; i++)
		print_zsh_flag(&program.items[i]);
	putchar('\n');
}

/* ---- fish ---- */

/* See complete(1) of fish. */
static void
print_fish_choice(const struct item *item)
{
	switch (find_value(item)) {
	case VALUE_WORD:
		fputs(" -x -a '", stdout);
		print_words(item);
		putchar('\'');
		break;
	case VALUE_FILE:
		fputs(" -r -F", stdout);
		break;
	case VALUE_FOLDER:
		fputs(" -x -a '(__fish_complete_directories)'", stdout);
		break;
	case VALUE_USER:
		fputs(" -x -a '(__fish_complete_users)'", stdout);
		break;
	case VALUE_FREE:
		fputs(" -x", stdout);
		break;
	default:
		break;
	}
}

static void
print_fish_commands(void)
{
	size_t i;

	for (i = 0; i < program.ncommands; i++) {
		print_template("complete -c % -n __fish_use_subcommand -a ");
		printf("%s -d '", settings_commands[i].name);
		print_escaped(settings_commands[i].help, "\\");
		fputs("'\n", stdout);
	}
}

static void
print_fish(void)
{
	const struct item *item;
	size_t i;

	print_template("# fish completion for %(8), made from its own tables.\n"
		       "\n"
		       "complete -c % -f\n");
	print_fish_commands();
	for (i = 0; i < program.nitems; i++) {
		item = &program.items[i];
		print_template("complete -c %");
		if (item->letter != '\0')
			printf(" -s %c", item->letter);
		printf(" -l %s", item->name);
		print_fish_choice(item);
		fputs(" -d '", stdout);
		print_escaped(item->help, "\\");
		fputs("'\n", stdout);
	}
}

static const struct {
	const char *program;
	void (*take)(void);
} programs[] = {
	{ "udp46", take_udp46 },
	{ "udp46ctl", take_udp46ctl },
};

static const struct {
	const char *shell;
	void (*print)(void);
} shells[] = {
	{ "bash", print_bash },
	{ "zsh", print_zsh },
	{ "fish", print_fish },
};

int
main(int argc, char *argv[])
{
	void (*print)(void) = NULL;
	size_t i;

	for (i = 0; argc == 3 && i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(argv[1], programs[i].program) == 0) {
			program.name = programs[i].program;
			programs[i].take();
		}
	for (i = 0; argc == 3 && i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(argv[2], shells[i].shell) == 0)
			print = shells[i].print;
	if (program.name == NULL || print == NULL) {
		fprintf(stderr, "usage: completion udp46 | udp46ctl bash | zsh | fish\n");
		return (2);
	}
	print();
	if (fflush(stdout) == EOF)
		err(1, "standard output");
	return (0);
}
