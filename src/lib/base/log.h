/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/dcode.h"

/*
 * Talk on stderr: warnings (something asked for is not done as asked, promise 2) and debug lines.
 * Errors are not logged but returned (base/error.h). The level and strictness are the process's
 * only globals.
 */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,	 /* default */
	LOG_LEVEL_DEBUG, /* CARREL_DEBUG=1 */
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "carrel: warning: TEXT [D-nn]". Text as in base/error.h. */
void log_warn(enum dcode dcode, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "carrel: debug: MODULE: TEXT"; never secrets. */
void log_debug(const char *module, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
