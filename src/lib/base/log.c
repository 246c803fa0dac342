/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/str.h"

static enum log_level log_level = LOG_LEVEL_WARN;

void log_set_level(enum log_level level)
{
	log_level = level;
}

enum log_level log_get_level(void)
{
	return log_level;
}

/* One write(2) per line: helpers share the terminal. Control characters never reach it raw. */
__attribute__((format(printf, 4, 0))) static void
log_line(const char *kind, const char *what, const char *tail, const char *fmt, va_list ap)
{
	char text[1024], line[1280];
	int n;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	str_make_shown(text);
	n = snprintf(line, sizeof(line), "carrel: %s: %s%s%s%s\n", kind, what, text,
		     *tail ? " " : "", tail);
	if (n > 0)
		ignore_result(
			fd_write_all(2, line,
				     (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1));
}

void log_warn(enum dcode dcode, const char *fmt, ...)
{
	const struct dcode_row *row = dcode_get(dcode);
	char tail[16] = "";
	va_list ap;

	if (log_level < LOG_LEVEL_WARN)
		return;
	if (row)
		(void)snprintf(tail, sizeof(tail), "[%s]", row->name);
	va_start(ap, fmt);
	log_line("warning", "", tail, fmt, ap);
	va_end(ap);
}

void log_debug(const char *module, const char *fmt, ...)
{
	char what[64];
	va_list ap;

	if (log_level < LOG_LEVEL_DEBUG)
		return;
	(void)snprintf(what, sizeof(what), "%s: ", module);
	va_start(ap, fmt);
	log_line("debug", what, "", fmt, ap);
	va_end(ap);
}
