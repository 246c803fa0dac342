/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

/*
 * carrel-host(7) from the rows of base/dcode.c: hostman <TEMPLATE >PAGE. The line @CODES@ of the
 * template becomes the list of all codes; the other lines stay.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dcode.h"
#include "base/str.h"

enum {
	LINE_MAX_LEN = 512,
	WIDTH = 78,
};

static bool ends_sentence(const char *word, size_t n)
{
	while (n && (word[n - 1] == ')' || word[n - 1] == '"'))
		n--;
	return n && strchr(".?!", word[n - 1]);
}

static void put_word(const char *word, size_t n, size_t column)
{
	/* A line that begins with one of these would be a request. */
	if (column == 0 && (*word == '.' || *word == '\''))
		fputs("\\&", stdout);
	for (size_t i = 0; i < n; i++) {
		if (word[i] == '\\')
			fputs("\\e", stdout);
		else
			putchar(word[i]);
	}
}

/* Filled lines, and a new one for each sentence, as mdoc has it. */
static void put_text(const char *s)
{
	size_t column = 0;

	while (*s) {
		size_t n = strcspn(s, " ");

		if (column && column + 1 + n > WIDTH) {
			putchar('\n');
			column = 0;
		} else if (column) {
			putchar(' ');
			column++;
		}
		put_word(s, n, column);
		column += n;
		if (ends_sentence(s, n) && s[n]) {
			putchar('\n');
			column = 0;
		}
		s += n + strspn(s + n, " ");
	}
	putchar('\n');
}

static void put_part(const char *label, const char *s)
{
	char text[2048];

	if (!s)
		return;
	if (str_print(text, sizeof(text), "%s: %s.", label, s) < 0)
		abort();
	puts(".Pp");
	put_text(text);
}

static void put_row(const struct dcode_row *row)
{
	printf(".It %s %s\n", row->name, row->title);
	put_text(row->manual);
	put_part("Lost", row->lost);
	put_part("Instead", row->fallback);
	put_part("Remedy", row->fix);
	put_part("Probe", row->probe);
}

static void put_codes(void)
{
	puts(".Bl -tag -width Ds");
	for (int i = DCODE_NONE + 1; i < DCODE_MAX; i++) {
		const struct dcode_row *row = dcode_get((enum dcode)i);

		if (row)
			put_row(row);
	}
	puts(".El");
}

int main(void)
{
	char line[LINE_MAX_LEN];
	bool found = false;

	while (fgets(line, sizeof(line), stdin)) {
		if (!str_eq(line, "@CODES@\n")) {
			fputs(line, stdout);
			continue;
		}
		put_codes();
		found = true;
	}
	if (!found || fflush(stdout) != 0) {
		fputs("hostman: no line @CODES@, or the page cannot be written\n", stderr);
		return 1;
	}
	return 0;
}
