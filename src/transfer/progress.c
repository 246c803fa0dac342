/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum {
	SHORT_HEX = 12,
	BAR_MAX = 40,
	BAR_MIN = 5,
	LINE_FIXED = 44, /* columns of a row beside its bar */
	ROW_MAX = 256,
	TEXT_MAX = 64 << 10,
};

static bool terminal_can(void)
{
	const char *term = secure_getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && !str_eq(term, "dumb");
}

int progress_parse(const char *s, enum progress_mode *ret, struct error *err)
{
	if (!s || str_eq(s, "auto"))
		*ret = terminal_can() ? PROGRESS_TTY : PROGRESS_PLAIN;
	else if (str_eq(s, "plain"))
		*ret = PROGRESS_PLAIN;
	else if (str_eq(s, "none"))
		*ret = PROGRESS_NONE;
	else
		return error_set(err, -EINVAL, "--progress is auto, plain or none, not %s", s);
	return 0;
}

void progress_init(struct progress *p, enum progress_mode mode, size_t n)
{
	*p = (struct progress){ .mode = mode,
				.n = n,
				.rows = xcalloc(n ? n : 1, sizeof(*p->rows)) };
}

void progress_done(struct progress *p)
{
	free(p->rows);
	*p = (struct progress){ 0 };
}

static void emit(struct str_buf *b)
{
	/* Talk: a reader of stderr that went away must not end a pull. */
	if (b->len)
		ignore_result(fd_write_all(STDERR_FILENO, b->s, b->len));
	str_buf_done(b);
}

static void add_size(struct str_buf *b, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1000 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1000;
		u++;
	}
	str_buf_addf(b, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

static void add_bar(struct str_buf *b, const struct progress_row *row, unsigned width)
{
	uint64_t got = row->received < row->size ? row->received : row->size;
	unsigned fill = row->size ? (unsigned)((double)got / (double)row->size * width) : width;

	if (width)
		str_buf_addc(b, '[');
	for (unsigned i = 0; i < width; i++)
		str_buf_addc(b, i < fill ? '=' : i == fill ? '>' : ' ');
	if (width)
		str_buf_adds(b, "] ");
	add_size(b, got);
	str_buf_addc(b, '/');
	add_size(b, row->size);
}

static void add_text(struct str_buf *b, const struct progress_row *row, unsigned width)
{
	str_buf_addf(b, "%.*s  ", SHORT_HEX, row->digest.hex);
	switch (row->state) {
	case PROGRESS_WAITING:
		str_buf_adds(b, "waiting");
		break;
	case PROGRESS_RUNNING:
		add_bar(b, row, width);
		break;
	case PROGRESS_DONE:
		str_buf_adds(b, "done  ");
		add_size(b, row->size);
		break;
	case PROGRESS_EXISTS:
		str_buf_adds(b, "exists");
		break;
	}
}

/* One line of the screen, never two: the cursor goes up by as many lines as there are rows. */
static void add_row(struct str_buf *b, const struct progress_row *row, unsigned columns)
{
	unsigned width = columns > LINE_FIXED + BAR_MIN ? columns - LINE_FIXED : 0;
	struct str_buf line;

	str_buf_init(&line, ROW_MAX);
	add_text(&line, row, width < BAR_MAX ? width : BAR_MAX);
	str_buf_adds(b, "\r\033[K");
	str_buf_add(b, line.s, line.len < columns ? line.len : columns);
	str_buf_addc(b, '\n');
	str_buf_done(&line);
}

/* Rows that fit: a cursor cannot be moved above the top of the screen. */
static void window(unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize w = { 0 };
	unsigned columns = 80, rows = 24;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		columns = w.ws_col;
		rows = w.ws_row;
	}
	*ret_rows = rows > 2 ? rows - 2 : 1;
	*ret_columns = columns;
}

void progress_draw(struct progress *p)
{
	unsigned rows, columns;
	size_t skip = 0, shown;
	struct str_buf b;

	if (p->mode != PROGRESS_TTY || !p->n)
		return;
	window(&rows, &columns);
	/* A terminal made narrower has broken the old rows: what is above them is anybody's guess.
	 */
	if (columns < p->columns)
		p->drawn = 0;
	p->columns = columns;
	/* With more layers than lines: what is finished at the top goes first. */
	shown = p->n < rows ? p->n : rows;
	while (p->n - skip > shown && p->rows[skip].state >= PROGRESS_DONE)
		skip++;
	str_buf_init(&b, TEXT_MAX);
	if (p->drawn)
		str_buf_addf(&b, "\033[%zuA%s", p->drawn, shown < p->drawn ? "\033[J" : "");
	for (size_t i = 0; i < shown; i++)
		add_row(&b, &p->rows[skip + i], columns);
	p->drawn = shown;
	emit(&b);
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	char text[1024];
	struct str_buf b;
	va_list ap;

	if (p->mode == PROGRESS_NONE)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut is good enough */
	va_end(ap);
	str_buf_init(&b, TEXT_MAX);
	str_buf_addf(&b, "%s\n", text);
	emit(&b);
	p->drawn = 0;
}

void progress_set(struct progress *p, size_t row, enum progress_state state)
{
	struct str_buf b;

	p->rows[row].state = state;
	if (p->mode != PROGRESS_PLAIN || state == PROGRESS_WAITING)
		return;
	str_buf_init(&b, TEXT_MAX);
	str_buf_addf(&b, "layer %.*s: ", SHORT_HEX, p->rows[row].digest.hex);
	if (state == PROGRESS_RUNNING) {
		str_buf_adds(&b, "fetching ");
		add_size(&b, p->rows[row].size);
	} else {
		str_buf_adds(&b, state == PROGRESS_DONE ? "done" : "exists");
	}
	str_buf_addc(&b, '\n');
	emit(&b);
}
