/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/dcode.h"
#include "base/exitcode.h"

/*
 * What went wrong, told once. A plain struct of fixed size and below PIPE_BUF, so that a child
 * writes it to its error pipe with one atomic write(2) and the parent prints it as its own.
 */
enum {
	ERROR_TEXT_MAX = 640,
	ERROR_HINT_MAX = 320,
};

struct error {
	int code;	  /* negative errno, 0 = no error set */
	int exit_status;  /* 0 = EXIT_OURS */
	int show_errno;	  /* the printer adds strerror(-code) */
	enum dcode dcode; /* DCODE_NONE, or the host finding behind it */
	char text[ERROR_TEXT_MAX];
	char hint[ERROR_HINT_MAX];
};

/*
 * All setters accept err == NULL and return `code`, so that `return error_set(...)` is the idiom.
 * text: lower case, no full stop, names the object, says what was attempted ("mount proc on
 * /proc"), never "failed to". error_sys() reads errno before anything else can change it;
 * error_code() takes a -errno already in hand. A later setter replaces an earlier text and hint.
 */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int error_sys(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int error_code(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Add "context: " in front; once per layer and only where it knows more than the callee did. */
void error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the user can do: a command, a file or the administrator's line. Last one wins. */
void error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Name the host finding behind the error; its table row gives the hint if none is set yet. */
void error_host(struct error *err, enum dcode dcode);

/* Exit status that main() shall end with: EXIT_CANNOT_EXEC, EXIT_NOT_FOUND. */
void error_exit(struct error *err, int exit_status);
int error_exit_status(const struct error *err);

/* From another process, which may have written anything into it: texts end, codes are codes. */
void error_import(struct error *err, const struct error *from);

bool error_is_set(const struct error *err);
void error_clear(struct error *err);

/*
 * "carrel: TEXT: STRERROR [D-nn]" and, where there is a hint, "carrel: hint: HINT". Control
 * characters in the text (it may quote hostile names) are printed as \xNN. main() only.
 */
void error_print(const struct error *err, FILE *to);

/* One line without a newline into buf, for logs and state files. Returns buf. */
char *error_format(const struct error *err, char *buf, size_t size);
