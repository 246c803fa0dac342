/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/* error_code() and, where the file system refuses writing, the host finding behind it. */
int store_error(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
