/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The text of a carrel.conf(5): lines "key = value", blanks around both are dropped, empty lines
 * and lines that begin with '#' are skipped. A value goes to the end of its line.
 */
enum {
	CONF_SIZE_MAX = 64 << 10,
	CONF_KEY_MAX = 64,
	CONF_VALUE_MAX = 4096,
};

/* A negative return ends the reading. */
typedef int (*conf_fn)(const char *key, const char *value, unsigned line, void *data,
		       struct error *err);

/* Pure: calls fn for each entry, in order. -EINVAL with the line for what is no entry. */
int conf_parse(const char *text, size_t len, conf_fn fn, void *data, struct error *err) _nodiscard_;
/* The same of a file. 0 also where it does not exist. */
int conf_read(const char *path, conf_fn fn, void *data, struct error *err) _nodiscard_;

/*
 * The value of a key: $XDG_CONFIG_HOME/carrel/carrel.conf (~/.config), else
 * /etc/carrel/carrel.conf, else NULL. A file with an unknown key or a broken line is an error,
 * whichever key is asked for: a misspelt line shall not be silence.
 */
int conf_get(const char *key, char **ret, struct error *err) _nodiscard_;
