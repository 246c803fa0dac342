/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "supervisor/logfile.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/timefmt.h"

/* #syscalls: write fstat newfstatat ftruncate clock_gettime */

static void push(struct logfile *log)
{
	if (log->len && !log->failed)
		log->failed = fd_write_all(log->fd, log->buf, log->len) < 0;
	log->len = 0;
}

static void put(struct logfile *log, const char *p, size_t n)
{
	while (n) {
		size_t room = sizeof(log->buf) - log->len;
		size_t k = n < room ? n : room;

		memcpy(log->buf + log->len, p, k);
		log->len += k;
		p += k;
		n -= k;
		if (log->len == sizeof(log->buf))
			push(log);
	}
}

static void puts_(struct logfile *log, const char *s)
{
	put(log, s, strlen(s));
}

/* Length of the well-formed UTF-8 sequence at p, 0 where there is none; *ret_short: the bytes
 * could be the beginning of one that is cut off. */
static size_t utf8_len(const unsigned char *p, size_t n, bool *ret_short)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	*ret_short = false;
	if (len == 0 || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (i >= n) {
			*ret_short = true;
			return 0;
		}
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates and what is beyond Unicode. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static void put_control(struct logfile *log, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char s[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	put(log, s, sizeof(s));
}

/* Most of what is ever logged: ASCII that stands for itself. */
static size_t plain_len(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

/* The inside of a JSON string. */
static void put_text(struct logfile *log, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;

	while (n) {
		size_t len = plain_len(p, n);
		bool cut;

		if (len) {
			put(log, (const char *)p, len);
			p += len;
			n -= len;
			continue;
		}
		len = utf8_len(p, n, &cut);
		if (len == 0) {
			puts_(log, "\\ufffd");
			len = 1;
		} else if (*p == '\n') {
			puts_(log, "\\n");
		} else if (*p == '"' || *p == '\\') {
			char s[2] = { '\\', (char)*p };

			put(log, s, sizeof(s));
		} else if (*p < 0x20 || *p == 0x7f) {
			put_control(log, *p);
		} else {
			put(log, (const char *)p, len);
		}
		p += len;
		n -= len;
	}
}

/* All of it or nothing. */
static bool try_record(struct logfile *log, const char *text, size_t n, const char *stream)
{
	char when[TIMEFMT_MAX];
	struct stat st;

	/* The size before: a record that the disk takes only in part is taken back. */
	if (fstat(log->fd, &st) < 0)
		return false;
	log->failed = false;
	puts_(log, "{\"log\":\"");
	put_text(log, text, n);
	puts_(log, "\",\"stream\":\"");
	puts_(log, stream);
	puts_(log, "\",\"time\":\"");
	puts_(log, timefmt_now(when));
	puts_(log, "\"}\n");
	push(log);
	if (log->failed)
		ignore_result(ftruncate(log->fd, st.st_size)); /* readers skip a torn line, too */
	return !log->failed;
}

static void tell_lost(struct logfile *log)
{
	char text[80];

	if (log->lost == log->told)
		return;
	ignore_result(str_print(text, sizeof(text), "records lost here: %" PRIu64 "\n",
				log->lost - log->told)); /* it fits */
	if (try_record(log, text, strlen(text), LOGFILE_OWN))
		log->told = log->lost;
}

static void write_record(struct logfile *log, const struct logfile_line *line, size_t n)
{
	tell_lost(log);
	if (!try_record(log, line->text, n, line->stream))
		log->lost++;
}

/* How much of a full line goes out now: a character that is cut at the end waits for its rest. */
static size_t whole_characters(const struct logfile_line *line)
{
	size_t n = line->len;

	for (size_t back = 1; back <= 3 && back < n; back++) {
		bool cut;

		if (utf8_len((const unsigned char *)line->text + n - back, back, &cut) == 0 && cut)
			return n - back;
	}
	return n;
}

void logfile_add(struct logfile *log, struct logfile_line *line, const char *p, size_t n)
{
	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t want = nl ? (size_t)(nl - p) + 1 : n;
		size_t room = sizeof(line->text) - line->len;
		size_t k = want < room ? want : room, out;

		memcpy(line->text + line->len, p, k);
		line->len += k;
		p += k;
		n -= k;
		if (line->text[line->len - 1] == '\n')
			out = line->len;
		else if (line->len == sizeof(line->text))
			out = whole_characters(line);
		else
			continue;
		write_record(log, line, out);
		line->len -= out;
		memmove(line->text, line->text + out, line->len);
	}
}

void logfile_flush(struct logfile *log, struct logfile_line *line)
{
	if (line->len)
		write_record(log, line, line->len);
	line->len = 0;
}
