/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "supervisor/logfile.h"

struct fixture {
	struct logfile log;
	struct logfile_line line;
	char *text; /* of the file, after read_back() */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	/* appending, as the real one is */
	f->log.fd = memfd_create("log", MFD_CLOEXEC);
	f->line.stream = "stdout";
	*state = f;
	return f->log.fd < 0 || fcntl(f->log.fd, F_SETFL, O_APPEND) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fd_close(f->log.fd);
	free(f->text);
	free(f);
	return 0;
}

static void read_back(struct fixture *f)
{
	assert_int_equal(lseek(f->log.fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_to_end(f->log.fd, 64 << 20, &f->text, NULL), 0);
}

/* The "log" member of record n, as it stands in the file. */
static char *record(struct fixture *f, unsigned n)
{
	static const char head[] = "{\"log\":\"";
	char *s = f->text, *end;

	for (; n; n--) {
		s = strchr(s, '\n');
		assert_non_null(s);
		s++;
	}
	assert_memory_equal(s, head, strlen(head));
	s += strlen(head);
	end = strstr(s, "\",\"stream\":\"stdout\",\"time\":\"2");
	assert_non_null(end);
	return strndup(s, (size_t)(end - s));
}

static void assert_record(struct fixture *f, unsigned n, const char *want)
{
	char *s = record(f, n);

	assert_string_equal(s, want);
	free(s);
}

static void lines(void **state)
{
	struct fixture *f = *state;

	logfile_add(&f->log, &f->line, "one\ntw", 6);
	logfile_add(&f->log, &f->line, "o\n\"\\\t\x7f\n", 7);
	logfile_add(&f->log, &f->line, "rest", 4);
	logfile_flush(&f->log, &f->line);
	logfile_flush(&f->log, &f->line);
	read_back(f);
	assert_record(f, 0, "one\\n");
	assert_record(f, 1, "two\\n");
	assert_record(f, 2, "\\\"\\\\\\u0009\\u007f\\n");
	assert_record(f, 3, "rest");
	assert_int_equal(f->log.lost, 0);
}

static void not_utf8(void **state)
{
	static const char text[] = "a\xff\xc3(\xe2\x82\xac\xed\xa0\x80\xf0\x9f\x98\x80\n";
	struct fixture *f = *state;

	logfile_add(&f->log, &f->line, text, sizeof(text) - 1);
	read_back(f);
	assert_record(f, 0, "a\\ufffd\\ufffd(\xe2\x82\xac\\ufffd\\ufffd\\ufffd\xf0\x9f\x98\x80\\n");
}

/* A line of 16 KiB and more goes out in pieces, and no piece ends inside a character. */
static void long_lines(void **state)
{
	struct fixture *f = *state;
	size_t n = LOGFILE_LINE_MAX + 100;
	char *text = malloc(n), *s;

	memset(text, 'x', n);
	memcpy(text + LOGFILE_LINE_MAX - 2, "\xe2\x82\xac", 3);
	text[n - 1] = '\n';
	for (size_t i = 0; i < n; i += 7) /* in small bites, as pipes deliver */
		logfile_add(&f->log, &f->line, text + i, n - i < 7 ? n - i : 7);
	read_back(f);
	s = record(f, 0);
	assert_int_equal(strlen(s), LOGFILE_LINE_MAX - 2);
	free(s);
	s = record(f, 1);
	assert_memory_equal(s, "\xe2\x82\xac", 3);
	assert_string_equal(s + strlen(s) - 3, "x\\n");
	free(s);
	free(text);
}

/* A full disk: the record is taken back and counted. */
static void torn(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, limit;
	char big[9000];

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	logfile_add(&f->log, &f->line, "kept\n", 5);
	limit = (struct rlimit){ .rlim_cur = 5000, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\n';
	logfile_add(&f->log, &f->line, big, sizeof(big));
	assert_int_equal(f->log.lost, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	logfile_add(&f->log, &f->line, "again\n", 6);
	read_back(f);
	assert_record(f, 0, "kept\\n");
	assert_non_null(
		strstr(f->text, "\n{\"log\":\"records lost here: 1\\n\",\"stream\":\"carrel\","));
	assert_record(f, 2, "again\\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines, setup, teardown),
		cmocka_unit_test_setup_teardown(not_utf8, setup, teardown),
		cmocka_unit_test_setup_teardown(long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(torn, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
