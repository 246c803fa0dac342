/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * docker's json-file log: {"log":"text\n","stream":"stdout","time":"..."} per line; longer lines
 * are cut into pieces of 16 KiB without a newline. Where records were lost and there is space
 * again, one of the stream LOGFILE_OWN says so. No allocation.
 */
enum {
	LOGFILE_LINE_MAX = 16 << 10,
	LOGFILE_BUF_MAX = 4 << 10,
};

#define LOGFILE_OWN "carrel"

/* One stream's unfinished line. */
struct logfile_line {
	const char *stream;
	size_t len;
	char text[LOGFILE_LINE_MAX];
};

struct logfile {
	int fd;
	uint64_t lost; /* records that the disk did not take */
	uint64_t told; /* of those: there is a record of the loss */
	bool failed;   /* of the record that is being written */
	size_t len;
	char buf[LOGFILE_BUF_MAX];
};

/* Add what a stream said; whole lines go to the file at once. */
void logfile_add(struct logfile *log, struct logfile_line *line, const char *p, size_t n);
/* The unfinished rest, at the end of the stream. */
void logfile_flush(struct logfile *log, struct logfile_line *line);
