/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/oom.h"

#include <string.h>
#include <unistd.h>

enum {
	EVENTS_MAX = 1024,
};

bool oom_in_events(const char *text, size_t len)
{
	static const char key[] = "oom_kill ";
	const char *end = text + len;

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((eol ? eol : end) - text);

		/* "oom_group_kill" is another line. A number begins with 0 only when it is 0. */
		if (n > sizeof(key) - 1 && memcmp(text, key, sizeof(key) - 1) == 0)
			return text[sizeof(key) - 1] != '0';
		text += n + 1;
	}
	return false;
}

bool oom_happened(int events_fd)
{
	char text[EVENTS_MAX];
	ssize_t n = events_fd < 0 ? -1 : pread(events_fd, text, sizeof(text), 0);

	return n > 0 && oom_in_events(text, (size_t)n);
}
