/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Lines of /proc/PID/mountinfo. */
enum {
	MOUNTINFO_SIZE_MAX = 16 << 20,
	MOUNTINFO_TYPE_MAX = 64,
	MOUNTINFO_TARGET_MAX = 4096,
	MOUNTINFO_OPTIONS_MAX = 256,
};

struct mountinfo {
	uint64_t id, parent;
	char target[MOUNTINFO_TARGET_MAX];   /* as seen from that process's root, \\040 and so on
						undone */
	char options[MOUNTINFO_OPTIONS_MAX]; /* of the mount: "rw,nosuid,relatime" */
	char type[MOUNTINFO_TYPE_MAX];
	char super[MOUNTINFO_OPTIONS_MAX]; /* of the file system: "rw,size=65536k"; "" if too long
					    */
};

/* One line without its newline. -EINVAL, also for one whose parts do not fit. */
int mountinfo_parse(const char *line, size_t len, struct mountinfo *ret) _nodiscard_;

/* The last line of the text that `want` accepts, which is the one on top. -ENOENT. */
int mountinfo_find(const char *text, bool (*want)(const struct mountinfo *m, const void *data),
		   const void *data, struct mountinfo *ret) _nodiscard_;

/* By mount id, and by target. */
int mountinfo_by_id(const char *text, uint64_t id, struct mountinfo *ret) _nodiscard_;
int mountinfo_by_target(const char *text, const char *target, struct mountinfo *ret) _nodiscard_;

/* The mount that fd lies on, as this process sees it. */
int mountinfo_of_fd(int fd, struct mountinfo *ret) _nodiscard_;

/* Is `word` one of the comma-separated options of the mount? */
bool mountinfo_has_option(const struct mountinfo *m, const char *word);
/* Bytes behind "size=" among those of the file system; 0: none. */
uint64_t mountinfo_size(const struct mountinfo *m);
