/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum {
	TABLE_GAP = 3,
	JSON_INDENT = 4,
};

void table_init(struct table *t, size_t columns)
{
	*t = (struct table){ .columns = columns };
}

void table_done(struct table *t)
{
	strv_done(&t->cells);
}

void table_add(struct table *t, const char *cell)
{
	char *s = xstrdup(cell);

	str_make_shown(s);
	strv_add_take(&t->cells, s);
}

void table_addf(struct table *t, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	table_add(t, buf);
}

/* Columns on the screen: bytes that continue a UTF-8 character have no width. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t max = 0;

	for (size_t i = column; i < t->cells.n; i += t->columns) {
		size_t n = width(t->cells.v[i]);

		if (n > max)
			max = n;
	}
	return max;
}

void table_print(const struct table *t, FILE *to)
{
	_cleanup_(freep) size_t *widths = xcalloc(t->columns, sizeof(*widths));

	for (size_t c = 0; c < t->columns; c++)
		widths[c] = column_width(t, c);
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t c = i % t->columns;
		const char *s = t->cells.v[i];

		(void)fputs(s, to);
		if (c + 1 == t->columns)
			(void)fputc('\n', to);
		else
			(void)fprintf(to, "%*s", (int)(widths[c] - width(s)) + TABLE_GAP, "");
	}
}

static int format_refuse(const char *format, const char *hint, struct error *err)
{
	error_set(err, -EINVAL, "--format: '%s' is not known", format);
	error_hint(err, "%s", hint);
	return -EINVAL;
}

int output_format_parse(const char *format, struct error *err)
{
	if (!format || str_eq(format, "table"))
		return 0;
	if (str_eq(format, "json"))
		return 1;
	return format_refuse(format, "this version has `table` and `json`", err);
}

int output_format_json(const char *format, struct error *err)
{
	if (!format)
		return 0;
	if (str_eq(format, "json"))
		return 1;
	return format_refuse(format, "this version has only --format json", err);
}

void output_json_member(struct str_buf *b, const char *key, const char *value)
{
	if (b->len && b->s[b->len - 1] != '{')
		str_buf_addc(b, ',');
	str_buf_add_json(b, key, strlen(key));
	str_buf_addc(b, ':');
	str_buf_add_json(b, value, strlen(value));
}

void json_add_key(struct str_buf *b, const char *key)
{
	if (b->len && b->s[b->len - 1] != '{' && b->s[b->len - 1] != '[')
		str_buf_addc(b, ',');
	str_buf_add_json(b, key, strlen(key));
	str_buf_addc(b, ':');
}

void json_add_strv(struct str_buf *b, const char *key, const struct strv *v)
{
	json_add_key(b, key);
	str_buf_addc(b, '[');
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			str_buf_addc(b, ',');
		str_buf_add_json(b, v->v[i], strlen(v->v[i]));
	}
	str_buf_addc(b, ']');
}

void json_add_bool(struct str_buf *b, const char *key, bool value)
{
	json_add_key(b, key);
	str_buf_adds(b, value ? "true" : "false");
}

static void new_line(FILE *to, unsigned depth)
{
	(void)fprintf(to, "\n%*s", (int)depth * JSON_INDENT, "");
}

void output_json_indented(const char *s, FILE *to)
{
	bool in_string = false;
	unsigned depth = 0;

	for (; *s; s++) {
		bool opens = !in_string && (*s == '{' || *s == '[');

		if (in_string || *s == '"') {
			if (*s == '\\' && s[1])
				(void)fputc(*s++, to);
			else if (*s == '"')
				in_string = !in_string;
		} else if (strchr(" \t\r\n", *s)) {
			continue;
		} else if ((*s == '}' || *s == ']') && depth) {
			new_line(to, --depth);
		}
		(void)fputc(*s, to);
		if (opens && (s[1] == '}' || s[1] == ']'))
			(void)fputc(*++s, to);
		else if (opens)
			new_line(to, ++depth);
		else if (!in_string && *s == ',')
			new_line(to, depth);
		else if (!in_string && *s == ':')
			(void)fputc(' ', to);
	}
	(void)fputc('\n', to);
}

const char *output_time(const char *when)
{
	return *when ? when : "0001-01-01T00:00:00Z";
}

static char *scaled(unsigned long long bytes, double base, const char *const units[7], int digits,
		    char buf[16])
{
	double v = (double)bytes;
	size_t u = 0;

	while (v >= base && u < 6) {
		v /= base;
		u++;
	}
	(void)snprintf(buf, 16, "%.*g%s", digits, v, units[u]);
	return buf;
}

char *output_size(unsigned long long bytes, char buf[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };

	return scaled(bytes, 1000, units, 3, buf);
}

char *output_bytes(unsigned long long bytes, char buf[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	return scaled(bytes, 1024, units, 4, buf);
}

int output_failed(int code, struct error *err)
{
	if (code != -EPIPE)
		return error_code(err, code, "write to standard output");
	error_set(err, code, "%s", "");
	error_exit(err, 128 + SIGPIPE);
	return code;
}

int output_text(const char *s, struct error *err)
{
	return fputs(s, stdout) < 0 ? output_failed(errno ? -errno : -EIO, err) : 0;
}

int output_flush(struct error *err)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	if (fflush(stdout) != 0)
		return output_failed(errno ? -errno : -EIO, err);
	if (!ferror(stdout))
		return 0;
	/* It failed before, in the middle. */
	return output_failed(poll(&p, 1, 0) == 1 && (p.revents & POLLERR) ? -EPIPE : -EIO, err);
}

int output_close(struct error *err)
{
	int r = output_flush(err);

	if (r < 0)
		return r;
	/* Network file systems report a full disk at close. */
	if (close(STDOUT_FILENO) < 0)
		return error_sys(err, "close standard output");
	return 0;
}
