/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/logout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/account.h"
#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"

enum {
	CONF_FILE_MAX = 64 << 10,
	CONF_FILES_MAX = 256,
	NAME_MAX_LEN = 256,
};

/* The line at *next, which is cut off there and moves on; NULL after the last. */
static char *take_line(char **next)
{
	char *line = *next, *end;

	if (!line)
		return NULL;
	end = line + strcspn(line, "\n");
	*next = *end ? end + 1 : NULL;
	*end = '\0';
	return line;
}

/* --- places --- */

/* "user-1000.slice": the number between the two words. */
static bool unit_number(const char *name, size_t len, const char *begin, const char *end,
			uint32_t *ret)
{
	size_t b = strlen(begin), e = strlen(end);
	char number[12];

	if (len <= b + e || len - b - e >= sizeof(number) || strncmp(name, begin, b) != 0 ||
	    strncmp(name + len - e, end, e) != 0)
		return false;
	memcpy(number, name + b, len - b - e);
	number[len - b - e] = '\0';
	return num_u32(number, ret) == 0;
}

/* The innermost service on the way. */
static bool find_unit(const char *path, char unit[LOGOUT_UNIT_MAX])
{
	bool found = false;

	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len > 8 && len < LOGOUT_UNIT_MAX && strncmp(p + len - 8, ".service", 8) == 0) {
			if (unit)
				(void)snprintf(unit, LOGOUT_UNIT_MAX, "%.*s", (int)len, p);
			found = true;
		}
		p += len + (p[len] == '/');
	}
	return found;
}

/* A user slice has both; what is below them has any name. */
enum logout_place logout_place(const char *path, uid_t *ret_uid, char unit[LOGOUT_UNIT_MAX])
{
	bool in_slice = false;
	uint32_t uid = 0, n;

	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (unit_number(p, len, "user@", ".service", &n)) {
			*ret_uid = n;
			return find_unit(p + len, unit) ? LOGOUT_UNIT : LOGOUT_MANAGER;
		}
		if (in_slice && len > 14 && str_starts(p, "session-") &&
		    strncmp(p + len - 6, ".scope", 6) == 0) {
			*ret_uid = uid;
			return LOGOUT_SESSION;
		}
		in_slice = unit_number(p, len, "user-", ".slice", &uid);
		p += len + (p[len] == '/');
	}
	return LOGOUT_STAYS;
}

/* The first line of /proc/self/cgroup that tells: v2's, or that of systemd's own v1 hierarchy. */
static enum logout_place own_place(uid_t *ret_uid, char unit[LOGOUT_UNIT_MAX])
{
	_cleanup_(fd_closep) int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[CGROUPFS_TEXT_MAX], *line, *next = text;

	if (proc < 0 || cgroupfs_read(proc, "cgroup", text, sizeof(text)) < 0)
		return LOGOUT_STAYS;
	while ((line = take_line(&next))) {
		const char *path = strstr(line, ":/");
		enum logout_place place =
			path ? logout_place(path + 2, ret_uid, unit) : LOGOUT_STAYS;

		if (place != LOGOUT_STAYS)
			return place;
	}
	return LOGOUT_STAYS;
}

/* --- logind's configuration --- */

static void add_words(char *list, size_t size, const char *words)
{
	size_t len = strlen(list);

	if (!*words)
		*list = '\0';
	else if (len + strlen(words) + 2 <= size)
		(void)snprintf(list + len, size - len, "%s%s", len ? " " : "", words);
}

static bool is_yes(const char *value)
{
	static const char *const words[] = { "1", "yes", "y", "true", "t", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

/* Between blanks, in place. */
static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r");
	n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
	return s;
}

void logout_conf_parse(const char *text, struct logout_conf *conf)
{
	_cleanup_(freep) char *copy = xstrdup(text);
	char *line, *next = copy;

	while ((line = take_line(&next))) {
		char *value = strchr(line, '='), *key;

		if (!value)
			continue;
		*value++ = '\0';
		key = trim(line);
		value = trim(value);
		if (str_eq(key, "KillUserProcesses"))
			conf->kill = is_yes(value);
		else if (str_eq(key, "KillOnlyUsers"))
			add_words(conf->only, sizeof(conf->only), value);
		else if (str_eq(key, "KillExcludeUsers"))
			add_words(conf->exclude, sizeof(conf->exclude), value);
	}
}

bool logout_conf_kills(const struct logout_conf *conf, const char *user)
{
	if (!conf->kill || cgroupfs_has_word(conf->exclude, user))
		return false;
	return !*conf->only || cgroupfs_has_word(conf->only, user);
}

/* Where there is none, or it is none of ours to read, systemd's default holds. */
static int read_conf(const char *path, struct logout_conf *conf)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(freep) char *text = NULL;

	if (fd < 0)
		return -errno;
	if (fd_read_to_end(fd, CONF_FILE_MAX, &text, NULL) == 0)
		logout_conf_parse(text, conf);
	return 0;
}

/* In the order of precedence: a name in one hides the same in those behind it. */
static const char *const conf_dirs[] = {
	"/etc/systemd",
	"/run/systemd",
	"/usr/local/lib/systemd",
	"/usr/lib/systemd",
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect_names(const char *dir, struct strv *names)
{
	_cleanup_(freep) char *path = xasprintf("%s/logind.conf.d", dir);
	DIR *d = opendir(path);
	const struct dirent *e;

	while (d && names->n < CONF_FILES_MAX && (e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n > 5 && str_eq(e->d_name + n - 5, ".conf"))
			strv_add(names, e->d_name);
	}
	if (d)
		(void)closedir(d);
}

/* The first of the directories that has it. */
static void read_first(const char *name, struct logout_conf *conf)
{
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(conf_dirs) && r < 0; i++) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", conf_dirs[i], name);

		r = read_conf(path, conf);
	}
}

/* As systemd reads it: logind.conf, then the drop-ins of all directories by their names. What it
 * was built to do where nobody says anything is no in every distribution that says so. */
static void load_conf(struct logout_conf *conf)
{
	_cleanup_(strv_done) struct strv names = { 0 };

	ignore_result(str_copy(conf->exclude, sizeof(conf->exclude), "root")); /* it fits */
	read_first("logind.conf", conf);
	for (size_t i = 0; i < ARRAY_SIZE(conf_dirs); i++)
		collect_names(conf_dirs[i], &names);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), compare_names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(freep) char *name = xasprintf("logind.conf.d/%s", names.v[i]);

		if (i == 0 || !str_eq(names.v[i], names.v[i - 1]))
			read_first(name, conf);
	}
}

/* --- the verdict --- */

static bool lingers(const char *user)
{
	char path[NAME_MAX_LEN + 32];

	return str_print(path, sizeof(path), "/var/lib/systemd/linger/%s", user) == 0 &&
	       access(path, F_OK) == 0;
}

int logout_check_place(enum logout_place place, uid_t uid, struct error *err)
{
	_cleanup_(account_done) struct account a = { 0 };
	struct logout_conf conf = { 0 };

	/* One without a name has no linger file, and is in no list. */
	if (place == LOGOUT_STAYS || account_get(uid, &a) < 0)
		return 0;
	if (place == LOGOUT_MANAGER) {
		if (lingers(a.name))
			return 0;
		error_set(err, -EOPNOTSUPP,
			  "it ends with the last session of %s, who does not linger", a.name);
		error_host(err, DCODE_NO_LINGER);
		return -EOPNOTSUPP;
	}
	load_conf(&conf);
	if (!logout_conf_kills(&conf, a.name))
		return 0;
	error_set(err, -EOPNOTSUPP,
		  "it ends at logout, when logind kills what is in the session "
		  "(KillUserProcesses)");
	error_hint(err,
		   "with `loginctl enable-linger %s` and a limit, as --pids-limit 2048, it "
		   "gets a scope of its own, which stays",
		   a.name);
	error_host(err, DCODE_NO_LINGER);
	return -EOPNOTSUPP;
}

int logout_check(const char *path, struct error *err)
{
	char unit[LOGOUT_UNIT_MAX];
	uid_t uid = 0;
	enum logout_place place = path ? logout_place(path, &uid, unit) : own_place(&uid, unit);

	if (place == LOGOUT_UNIT) {
		error_set(err, -EOPNOTSUPP, "it ends with %s, unless that has KillMode=process",
			  unit);
		error_hint(err,
			   path ? "start it from a login"
				: "start it from a login, or with a limit, as --pids-limit 2048: "
				  "then it gets a scope of its own");
		error_host(err, DCODE_NO_LINGER);
		return -EOPNOTSUPP;
	}
	return logout_check_place(place, uid, err);
}
