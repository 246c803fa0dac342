/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/* error_code() and, where the file system refuses writing, the host finding behind it. */
int store_error(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A record that cannot be read, named by fmt: torn (-EINVAL), newer (-EPROTONOSUPPORT), other. */
int store_error_record(struct error *err, int code, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Only what a full or read-only disk says: for calls that may be refused for reasons of their own.
 */
void store_error_full(struct error *err, int code);
