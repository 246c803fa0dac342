/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

/* All that carrel.conf(5) tells. */
static const char *const keys[] = { "cgroup" };

static const char blanks[] = " \t\r";

/* Without the blanks at both ends into buf. */
static int take(const char *s, size_t n, char *buf, size_t size)
{
	while (n && strchr(blanks, *s)) {
		s++;
		n--;
	}
	while (n && strchr(blanks, s[n - 1]))
		n--;
	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return 0;
}

static int parse_line(const char *s, size_t n, unsigned line, conf_fn fn, void *data,
		      struct error *err)
{
	char key[CONF_KEY_MAX], value[CONF_VALUE_MAX];
	const char *eq = memchr(s, '=', n);
	size_t skip = 0;

	if (memchr(s, '\0', n))
		return error_set(err, -EINVAL, "line %u has a NUL byte", line);
	while (skip < n && strchr(blanks, s[skip]))
		skip++;
	if (skip == n || s[skip] == '#')
		return 0;
	if (!eq)
		return error_set(err, -EINVAL, "line %u is not \"key = value\"", line);
	if (take(s, (size_t)(eq - s), key, sizeof(key)) < 0 ||
	    take(eq + 1, n - (size_t)(eq + 1 - s), value, sizeof(value)) < 0)
		return error_set(err, -EINVAL, "line %u is too long", line);
	if (!*key)
		return error_set(err, -EINVAL, "line %u has no key", line);
	return fn(key, value, line, data, err);
}

int conf_parse(const char *text, size_t len, conf_fn fn, void *data, struct error *err)
{
	unsigned line = 1;
	int r = 0;

	for (size_t pos = 0; pos < len && r >= 0; line++) {
		const char *end = memchr(text + pos, '\n', len - pos);
		size_t n = end ? (size_t)(end - text) - pos : len - pos;

		r = parse_line(text + pos, n, line, fn, data, err);
		pos += n + 1;
	}
	return r < 0 ? r : 0;
}

int conf_read(const char *path, conf_fn fn, void *data, struct error *err)
{
	/* Not blocking: it may be a FIFO by mistake. */
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	size_t len;
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is not a file", path);
	r = fd_read_to_end(fd, CONF_SIZE_MAX, &text, &len);
	if (r < 0)
		return error_code(err, r, "read %s", path);
	r = conf_parse(text, len, fn, data, err);
	if (r < 0)
		error_prefix(err, "%s", path);
	return r;
}

struct wanted {
	const char *key;
	char *value;
};

static int take_key(const char *key, const char *value, unsigned line, void *data,
		    struct error *err)
{
	struct wanted *w = data;
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		known = known || str_eq(keys[i], key);
	if (!known)
		return error_set(err, -EINVAL, "line %u: the key '%s' is not known", line, key);
	if (str_eq(key, w->key)) {
		free(w->value);
		w->value = *value ? xstrdup(value) : NULL;
	}
	return 0;
}

static char *user_file(void)
{
	const char *xdg = secure_getenv("XDG_CONFIG_HOME");
	_cleanup_(freep) char *home = NULL;

	if (xdg && path_is_absolute(xdg))
		return xasprintf("%s/carrel/carrel.conf", xdg);
	home = dirs_home(NULL);
	return home ? xasprintf("%s/.config/carrel/carrel.conf", home) : NULL;
}

int conf_get(const char *key, char **ret, struct error *err)
{
	_cleanup_(freep) char *user = user_file();
	struct wanted w = { .key = key };
	int r = 0;

	/* The user's own one comes second and wins. */
	r = conf_read("/etc/carrel/carrel.conf", take_key, &w, err);
	if (r == 0 && user)
		r = conf_read(user, take_key, &w, err);
	if (r < 0) {
		free(w.value);
		return r;
	}
	*ret = w.value;
	return 0;
}
