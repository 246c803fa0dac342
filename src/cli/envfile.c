/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/envfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "cli/cli.h"

int env_set(const char *s, struct strv *ret, struct error *err)
{
	_cleanup_(freep) char *own = NULL;
	const char *value;

	if (!*s || *s == '=')
		return error_set(err, -EINVAL, "'%s' has no variable name", s);
	if (!strchr(s, '=')) {
		/* Not secure_getenv: the user asks for exactly this variable of their own. */
		value = getenv(s);
		if (!value)
			return 0;
		own = xasprintf("%s=%s", s, value);
		s = own;
	}
	strv_env_set(ret, s);
	return 0;
}

static int parse_line(const char *line, struct strv *ret, struct error *err)
{
	size_t name = strcspn(line, "=");

	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;
	name = strcspn(line, "=");
	if (strcspn(line, " \t") < name)
		return error_set(err, -EINVAL, "variable name '%.*s' has a blank", (int)name, line);
	return env_set(line, ret, err);
}

int envfile_parse(const char *text, size_t len, struct strv *ret, struct error *err)
{
	const char *end = text + len;
	unsigned number = 1;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < end; number++) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text);
		_cleanup_(freep) char *line = NULL;
		int r;

		if (memchr(text, '\0', n))
			return error_set(err, -EINVAL, "line %u has a NUL byte", number);
		line = xstrndup(text, n && text[n - 1] == '\r' ? n - 1 : n);
		r = parse_line(line, ret, err);
		if (r < 0) {
			error_prefix(err, "line %u", number);
			return r;
		}
		text += n + 1;
	}
	return 0;
}

int envfile_read(const char *path, struct strv *ret, struct error *err)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	if (fd < 0) {
		r = error_sys(err, "open env file %s", path);
		error_hint(err, "a file of NAME=VALUE lines on this machine, not in the image");
		cli_hint_access(err);
		return r;
	}
	r = fd_read_to_end(fd, ENVFILE_SIZE_MAX, &text, &len);
	if (r == -EFBIG) {
		error_set(err, r, "env file %s is larger than %d MiB", path,
			  ENVFILE_SIZE_MAX >> 20);
		error_hint(err, "a file of NAME=VALUE lines, all of which go to one program");
		return r;
	}
	if (r < 0)
		return error_code(err, r, "read env file %s", path);
	r = envfile_parse(text, len, ret, err);
	if (r < 0)
		error_prefix(err, "env file %s", path);
	return r;
}
