/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

/* OCI platform: GOOS/GOARCH[/variant] ("linux/amd64", "linux/arm64/v8"). */
struct platform {
	char os[32];
	char arch[32];
	char variant[32]; /* "" = any */
};

/* "linux/arm64", "arm64", "linux" (this machine's), "linux/arm/v7"; normalised as containerd does
 * (x86_64 -> amd64, aarch64 -> arm64, arm64/v8 -> arm64). */
int platform_parse(const char *s, struct platform *ret, struct error *err) _nodiscard_;
/* The same normalisation for a platform that a document gave. */
void platform_normalize(struct platform *p);
/* Of this machine (uname). */
void platform_host(struct platform *ret);
/* Can `have` run where `want` is asked for? An empty variant matches each. */
bool platform_match(const struct platform *want, const struct platform *have);
/* The same for what a config says, where an empty part says nothing: nobody can tell. */
bool platform_allows(const struct platform *want, const struct platform *have);
char *platform_format(const struct platform *p, char buf[100]);
