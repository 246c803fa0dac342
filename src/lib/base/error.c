/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

_Static_assert(sizeof(struct error) <= 1024, "an error must fit one atomic pipe write");

static int error_fill(struct error *err, int code, int show_errno, const char *fmt, va_list ap)
{
	if (!err)
		return code;
	*err = (struct error){ .code = code, .show_errno = show_errno };
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	return code;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_fill(err, code, 0, fmt, ap);
	va_end(ap);
	return code;
}

int error_sys(struct error *err, const char *fmt, ...)
{
	int code = errno ? -errno : -EIO;
	va_list ap;

	va_start(ap, fmt);
	error_fill(err, code, 1, fmt, ap);
	va_end(ap);
	return code;
}

int error_code(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_fill(err, code, 1, fmt, ap);
	va_end(ap);
	return code;
}

void error_prefix(struct error *err, const char *fmt, ...)
{
	char rest[ERROR_TEXT_MAX];
	size_t room;
	va_list ap;
	int n;

	if (!err || !err->code)
		return;
	memcpy(rest, err->text, sizeof(rest));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(err->text) - 2)
		return;
	room = sizeof(err->text) - (size_t)n - 2;
	memcpy(err->text + n, ": ", 2);
	memcpy(err->text + n + 2, rest, room);
	err->text[sizeof(err->text) - 1] = '\0';
}

void error_hint(struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}

void error_host(struct error *err, enum dcode dcode)
{
	const struct dcode_row *row = dcode_get(dcode);

	if (!err || !row)
		return;
	err->dcode = dcode;
	if (!err->hint[0])
		error_hint(err, "%s", row->fix);
}

void error_exit(struct error *err, int exit_status)
{
	if (err)
		err->exit_status = exit_status;
}

int error_exit_status(const struct error *err)
{
	return err && err->exit_status ? err->exit_status : EXIT_OURS;
}

bool error_is_set(const struct error *err)
{
	return err && err->code != 0;
}

void error_clear(struct error *err)
{
	if (err)
		*err = (struct error){ 0 };
}

char *error_format(const struct error *err, char *buf, size_t size)
{
	const struct dcode_row *row = dcode_get(err->dcode);
	const char *why = err->show_errno ? strerror(-err->code) : NULL;

	(void)snprintf(buf, size, "%s%s%s%s%s%s", err->text, why ? ": " : "", why ? why : "",
		       row ? " [" : "", row ? row->name : "", row ? "]" : "");
	return buf;
}

/* Names in the text may come from an image or a registry: no escape sequence reaches the tty. */
static void print_safe(const char *s, FILE *to)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			(void)fprintf(to, "\\x%02x", c);
		else
			(void)fputc(c, to);
	}
}

void error_print(const struct error *err, FILE *to)
{
	char line[ERROR_TEXT_MAX + 128];

	if (!error_is_set(err))
		return;
	(void)fputs("carrel: ", to);
	print_safe(error_format(err, line, sizeof(line)), to);
	(void)fputc('\n', to);
	if (!err->hint[0])
		return;
	(void)fputs("carrel: hint: ", to);
	print_safe(err->hint, to);
	(void)fputc('\n', to);
}
