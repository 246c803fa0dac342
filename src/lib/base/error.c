/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/str.h"

_Static_assert(sizeof(struct error) <= 1024, "an error must fit one atomic pipe write");

__attribute__((format(printf, 4, 0))) static int
error_fill(struct error *err, int code, int show_errno, const char *fmt, va_list ap)
{
	struct error fresh = { .code = code, .show_errno = show_errno };

	if (!err)
		return code;
	/* Not straight into *err: the arguments may quote its old text. */
	(void)vsnprintf(fresh.text, sizeof(fresh.text), fmt, ap);
	*err = fresh;
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

/* A long prefix (it may quote a path) is cut, so that the cause behind it is still told. */
void error_prefix(struct error *err, const char *fmt, ...)
{
	char prefix[ERROR_TEXT_MAX / 2], rest[ERROR_TEXT_MAX];
	va_list ap;

	if (!err || !err->code)
		return;
	memcpy(rest, err->text, sizeof(rest));
	va_start(ap, fmt);
	(void)vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	ignore_result(str_print(err->text, sizeof(err->text), "%s: %s", prefix, rest)); /* cut */
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

	/* A limit of the process's own is no finding about the host, wherever it is met. */
	if (!err || !row || err->code == -EMFILE)
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

void error_import(struct error *err, const struct error *from)
{
	if (!err)
		return;
	*err = *from;
	err->text[sizeof(err->text) - 1] = '\0';
	err->hint[sizeof(err->hint) - 1] = '\0';
	if (err->code >= 0 || err->code < -4095)
		err->code = -EPROTO;
	err->exit_status &= 0xff;
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
static void add_safe(struct str_buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = strlen((const char *)s), len = str_shown_len(s, n);

		if (len) {
			str_buf_add(out, s, len);
			s += len;
			continue;
		}
		len = str_utf8_len(s, n);
		do
			str_buf_addf(out, "\\x%02x", *s++);
		while (len-- > 1);
	}
}

/* Else it is a limit of our own. */
static bool has_file_limit(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_FSIZE, &l) == 0 && l.rlim_cur != RLIM_INFINITY;
}

/* Where a limit of the caller's process is the cause, no other advice helps. */
static const char *hint_of(const struct error *err)
{
	if (err->show_errno && err->code == -EMFILE)
		return "the limit of open files is too low: ulimit -n shows it";
	if (err->show_errno && err->code == -EFBIG && has_file_limit())
		return "the limit of file sizes may be too low: ulimit -f shows it";
	return err->hint;
}

void error_print(const struct error *err, FILE *to)
{
	_cleanup_(str_buf_done) struct str_buf out = { 0 };
	char line[ERROR_TEXT_MAX + 128];

	if (!error_is_set(err))
		return;
	str_buf_init(&out, sizeof(*err) * 5);
	str_buf_adds(&out, "carrel: ");
	add_safe(&out, error_format(err, line, sizeof(line)));
	str_buf_addc(&out, '\n');
	if (*hint_of(err)) {
		str_buf_adds(&out, "carrel: hint: ");
		add_safe(&out, hint_of(err));
		str_buf_addc(&out, '\n');
	}
	/* One write: several processes share the terminal. */
	(void)fwrite(out.s, 1, out.len, to);
}
