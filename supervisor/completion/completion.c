/*
 * Prints what a shell needs to complete the flags of udp46: from the table of flags itself, so
 * that none is ever missing.  It runs when udp46 is built, and is not installed.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const char *const *
find_words(const struct flag *flag)
{
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strcmp(lists[i].flag, flag->name) == 0)
			return (lists[i].words);
	return (NULL);
}

static char
find_letter(const struct flag *flag)
{
	size_t i;

	for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (strcmp(letters[i].flag, flag->name) == 0)
			return (letters[i].letter);
	return ('\0');
}

static enum value
find_value(const struct flag *flag)
{
	if (flag->argument == NULL)
		return (VALUE_NONE);
	if (flag->argument[0] == '[')
		return (VALUE_BOOL);
	if (find_words(flag) != NULL)
		return (VALUE_WORD);
	if (strcmp(flag->argument, "PATH") == 0)
		return (VALUE_FILE);
	if (strcmp(flag->argument, "DIR") == 0)
		return (VALUE_FOLDER);
	return (strcmp(flag->argument, "NAME") == 0 ? VALUE_USER : VALUE_FREE);
}

static int
is_repeatable(const struct flag *flag)
{
	return (flag->kind == FLAG_LISTEN || flag->kind == FLAG_SOURCES);
}

static void
print_words(const struct flag *flag)
{
	const char *const *words = find_words(flag);
	size_t i;

	for (i = 0; words != NULL && words[i] != NULL; i++)
		printf("%s%s", i == 0 ? "" : " ", words[i]);
}

/* With a backslash before each of these characters, and '\'' for a quotation mark. */
static void
print_escaped(const char *text, const char *special)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			printf("%s%c", strchr(special, *text) != NULL ? "\\" : "", *text);
	}
}

/* ---- bash ---- */

static const char bash_begin[] =
    "# bash completion for udp46(8), made from its table of flags.\n"
    "\n"
    "_udp46()\n"
    "{\n"
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
    "\tmapfile -t COMPREPLY < <(compgen -W \"$_udp46_flags\" -- \"$word\")\n"
    "}\n"
    "complete -F _udp46 udp46\n";

/* What compgen(1) is asked for. */
static void
print_bash_choice(const struct flag *flag)
{
	switch (find_value(flag)) {
	case VALUE_BOOL:
		fputs("-W 'true false'", stdout);
		break;
	case VALUE_WORD:
		fputs("-W '", stdout);
		print_words(flag);
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
print_bash_flag(const struct flag *flag)
{
	enum value value = find_value(flag);

	if (value == VALUE_NONE)
		return;
	if (value == VALUE_BOOL)
		printf("\t--%s1)\n", flag->name);
	else
		printf("\t--%s | --%s1)\n", flag->name, flag->name);
	if (value == VALUE_FILE || value == VALUE_FOLDER)
		fputs("\t\tcompopt -o filenames 2>/dev/null\n", stdout);
	if (value != VALUE_FREE) {
		fputs("\t\tmapfile -t COMPREPLY < <(compgen ", stdout);
		print_bash_choice(flag);
		fputs(" -- \"$word\")\n", stdout);
	}
	fputs("\t\treturn\n\t\t;;\n", stdout);
}

static void
print_bash(void)
{
	size_t i;

	fputs(bash_begin, stdout);
	for (i = 0; i < OPTIONS_FLAGS; i++)
		print_bash_flag(&options_flags[i]);
	fputs(bash_end, stdout);
	fputs("_udp46_flags='", stdout);
	for (i = 0; i < OPTIONS_FLAGS; i++)
		printf("%s--%s", i == 0 ? "" : "\n\t", options_flags[i].name);
	for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		printf("\n\t-%c", letters[i].letter);
	fputs("'\n", stdout);
}

/* ---- zsh ---- */

/* What comes after ":MESSAGE:", see _arguments in zshcompsys(1). */
static void
print_zsh_choice(const struct flag *flag)
{
	switch (find_value(flag)) {
	case VALUE_BOOL:
		fputs("(true false)", stdout);
		break;
	case VALUE_WORD:
		putchar('(');
		print_words(flag);
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
print_zsh_flag(const struct flag *flag)
{
	enum value value = find_value(flag);
	char letter = find_letter(flag);

	fputs(" \\\n\t", stdout);
	if (letter != '\0')
		printf("'(-%c --%s)'{-%c,--%s}'[", letter, flag->name, letter, flag->name);
	else
		printf("'%s--%s%s[", is_repeatable(flag) ? "*" : "", flag->name,
		    value == VALUE_NONE	      ? ""
			: value == VALUE_BOOL ? "=-"
					      : "=");
	print_escaped(flag->help, "[]:\\");
	putchar(']');
	if (value != VALUE_NONE) {
		fputs(value == VALUE_BOOL ? "::" : ":", stdout);
		print_escaped(value == VALUE_BOOL ? "BOOL" : flag->argument, ":\\");
		putchar(':');
		print_zsh_choice(flag);
	}
	putchar('\'');
}

static void
print_zsh(void)
{
	size_t i;

	fputs("#compdef udp46\n"
	      "# zsh completion for udp46(8), made from its table of flags.\n"
	      "\n"
	      "_arguments",
	    stdout);
	for (i = 0; i < OPTIONS_FLAGS; i++)
		print_zsh_flag(&options_flags[i]);
	putchar('\n');
}

/* ---- fish ---- */

/* See complete(1) of fish. */
static void
print_fish_choice(const struct flag *flag)
{
	switch (find_value(flag)) {
	case VALUE_WORD:
		fputs(" -x -a '", stdout);
		print_words(flag);
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
print_fish(void)
{
	const struct flag *flag;
	size_t i;

	fputs("# fish completion for udp46(8), made from its table of flags.\n"
	      "\n"
	      "complete -c udp46 -f\n",
	    stdout);
	for (i = 0; i < OPTIONS_FLAGS; i++) {
		flag = &options_flags[i];
		fputs("complete -c udp46", stdout);
		if (find_letter(flag) != '\0')
			printf(" -s %c", find_letter(flag));
		printf(" -l %s", flag->name);
		print_fish_choice(flag);
		fputs(" -d '", stdout);
		print_escaped(flag->help, "\\");
		fputs("'\n", stdout);
	}
}

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
	size_t i;

	for (i = 0; argc == 2 && i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(argv[1], shells[i].shell) != 0)
			continue;
		shells[i].print();
		if (fflush(stdout) == EOF)
			err(1, "standard output");
		return (0);
	}
	fprintf(stderr, "usage: completion bash | zsh | fish\n");
	return (2);
}
