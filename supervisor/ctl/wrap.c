#include <stdarg.h>
#include <string.h>

#include "supervisor/ctl/wrap.h"
#include "supervisor/visible.h"

#define TEXT_MAX 2048

void
wrap_print(FILE *to, const char *label, const char *format, ...)
{
	char text[TEXT_MAX], shown[VISIBLE_SIZE(TEXT_MAX)];
	const char *word = shown;
	size_t column = WRAP_INDENT, length;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	visible(shown, sizeof(shown), text);
	fprintf(to, "%-*s", WRAP_INDENT, label);
	for (; *word != '\0'; word += length, word += strspn(word, " ")) {
		length = strcspn(word, " ");
		if (column > WRAP_INDENT && column + 1 + length > WRAP_WIDTH) {
			fprintf(to, "\n%*s", WRAP_INDENT, "");
			column = WRAP_INDENT;
		} else if (column > WRAP_INDENT) {
			fputc(' ', to);
			column++;
		}
		fprintf(to, "%.*s", (int)length, word);
		column += length;
	}
	fputc('\n', to);
}
