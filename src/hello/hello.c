/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

/*
 * The program of the embedded image: prints, on one screen, what isolation it sees. It asks the
 * kernel only (no configuration, no argument), so that it tells the same story in any container of
 * any tool, and on the bare host.
 */
enum {
	TEXT_MAX = 1 << 20,
	LINE_MAX_WIDTH = 78,
	LABEL_WIDTH = 13,
	VALUE_WIDTH = LINE_MAX_WIDTH - LABEL_WIDTH,
};

static char *read_text(const char *path)
{
	char *text;

	return path_load(AT_FDCWD, path, TEXT_MAX, &text, NULL) < 0 ? xstrdup("") : text;
}

/* The value after "Key:" in /proc/self/status, up to the end of its line; owned by the caller. */
static char *status_value(const char *status, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = status; line && *line;) {
		const char *end = strchr(line, '\n');

		if (strncmp(line, key, n) == 0 && line[n] == ':') {
			const char *v = line + n + 1;
			size_t len;

			v += strspn(v, " \t");
			len = strcspn(v, "\n");
			while (len > 0 && v[len - 1] == ' ')
				len--;
			return xstrndup(v, len);
		}
		line = end ? end + 1 : NULL;
	}
	return xstrdup("?");
}

/* One row; long values are broken at blanks. */
static void row(const char *label, const char *value)
{
	const char *p = value;

	do {
		size_t n = strlen(p);

		if (n > VALUE_WIDTH) {
			n = VALUE_WIDTH;
			while (n > 0 && p[n] != ' ')
				n--;
			if (n == 0)
				n = VALUE_WIDTH;
		}
		printf("%-*s%.*s\n", LABEL_WIDTH, p == value ? label : "", (int)n, p);
		p += n;
		p += strspn(p, " ");
	} while (*p);
}

static void row_buf(const char *label, struct str_buf *b)
{
	row(label, b->s ? b->s : "none");
	str_buf_done(b);
	str_buf_init(b, TEXT_MAX);
}

/* "         0          1      65536" -> "0 is 1 outside, 65536 ids"; several lines: joined by ';'.
 */
static void show_map(const char *label, const char *path)
{
	_cleanup_(freep) char *text = read_text(path);
	_cleanup_(str_buf_done) struct str_buf b;
	const char *p = text;

	str_buf_init(&b, TEXT_MAX);
	while (*(p += strspn(p, " \n"))) {
		const char *field[3];
		int len[3];

		for (int i = 0; i < 3; i++) {
			p += strspn(p, " ");
			field[i] = p;
			len[i] = (int)strcspn(p, " \n");
			p += len[i];
		}
		str_buf_addf(&b, "%s%.*s here is %.*s one level up, %.*s ids", b.len ? "; " : "",
			     len[0], field[0], len[1], field[1], len[2], field[2]);
	}
	row_buf(label, &b);
}

static void show_identity(const char *status)
{
	_cleanup_(freep) char *groups = status_value(status, "Groups");
	_cleanup_(str_buf_done) struct str_buf b;
	struct utsname u;

	str_buf_init(&b, TEXT_MAX);
	str_buf_addf(&b, "uid %u, gid %u, groups %s", (unsigned)getuid(), (unsigned)getgid(),
		     *groups ? groups : "none");
	row_buf("user", &b);
	show_map("uid map", "/proc/self/uid_map");
	show_map("gid map", "/proc/self/gid_map");
	if (uname(&u) == 0) {
		str_buf_addf(&b, "%s, Linux %s on %s", u.nodename, u.release, u.machine);
		row_buf("hostname", &b);
	}
}

static void show_processes(void)
{
	_cleanup_(str_buf_done) struct str_buf b;
	DIR *d = opendir("/proc");
	unsigned n = 0;

	str_buf_init(&b, TEXT_MAX);
	if (d) {
		const struct dirent *e;
		uint64_t pid;

		while ((e = readdir(d)))
			n += num_u64(e->d_name, &pid) == 0;
		closedir(d);
		str_buf_addf(&b, "%u visible, this one is %d", n, (int)getpid());
	} else {
		str_buf_addf(&b, "no /proc; this one is %d", (int)getpid());
	}
	row_buf("processes", &b);
}

static void show_namespaces(void)
{
	static const char *const names[] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" };
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, TEXT_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64], target[64];
		ssize_t n = -1;

		if (str_print(path, sizeof(path), "/proc/self/ns/%s", names[i]) == 0)
			n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		/* "mnt:[4026531841]" */
		target[n] = '\0';
		str_buf_addf(&b, "%s%s", b.len ? " " : "", target);
	}
	row_buf("namespaces", &b);
}

/* Fields of one line of /proc/self/mountinfo: mount point, options and file system type. */
struct mount_line {
	const char *point, *options, *type;
	int point_len, options_len, type_len;
};

static void mount_parse(const char *line, const char *end, struct mount_line *ret)
{
	const char *p = line;

	*ret = (struct mount_line){ .point = "", .options = "", .type = "" };
	for (int field = 0; p < end; field++) {
		int len = (int)strcspn(p, " \n");

		if (field == 4) {
			ret->point = p;
			ret->point_len = len;
		} else if (field == 5) {
			ret->options = p;
			ret->options_len = len;
		} else if (field > 5 && len == 1 && *p == '-') {
			ret->type = p + 2;
			ret->type_len = (int)strcspn(p + 2, " \n");
			return;
		}
		p += len + 1;
	}
}

static void show_mounts(void)
{
	_cleanup_(freep) char *text = read_text("/proc/self/mountinfo");
	_cleanup_(str_buf_done) struct str_buf ro;
	_cleanup_(str_buf_done) struct str_buf root;
	unsigned n = 0, n_ro = 0;

	str_buf_init(&ro, TEXT_MAX);
	str_buf_init(&root, TEXT_MAX);
	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n");
		struct mount_line m;
		bool is_ro;

		mount_parse(line, end, &m);
		is_ro = str_starts(m.options, "ro");
		n++;
		n_ro += is_ro;
		if (m.point_len == 1) {
			root.len = 0;
			str_buf_addf(&root, "%.*s, %s", m.type_len, m.type,
				     is_ro ? "read-only" : "writable");
		}
		line = *end ? end + 1 : end;
	}
	row_buf("root", &root);
	str_buf_addf(&ro, "%u, %u of them read-only", n, n_ro);
	row_buf("mounts", &ro);
}

static void show_capabilities(void)
{
	_cleanup_(str_buf_done) struct str_buf b;
	unsigned n = 0;
	int last = 0;

	str_buf_init(&b, TEXT_MAX);
	for (int c = 0; CAP_IS_SUPPORTED(c); c++) {
		char *name = cap_to_name(c);

		last = c;
		if (name && cap_get_bound(c) == 1) {
			n++;
			str_buf_addf(&b, " %s", str_starts(name, "cap_") ? name + 4 : name);
		}
		cap_free(name);
	}
	{
		_cleanup_(str_buf_done) struct str_buf all;

		str_buf_init(&all, TEXT_MAX);
		str_buf_addf(&all, "%u of %d:%s", n, last + 1, b.s ? b.s : " none");
		row_buf("capabilities", &all);
	}
}

static void show_seccomp(const char *status)
{
	_cleanup_(freep) char *mode = status_value(status, "Seccomp");
	_cleanup_(freep) char *filters = status_value(status, "Seccomp_filters");
	_cleanup_(freep) char *nnp = status_value(status, "NoNewPrivs");
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, TEXT_MAX);
	if (str_eq(mode, "2"))
		str_buf_addf(&b, "filtering, filters: %s", filters);
	else
		str_buf_adds(&b, str_eq(mode, "0") ? "off" : "unknown");
	str_buf_addf(&b, "; no_new_privs is %s", str_eq(nnp, "1") ? "on" : "off");
	row_buf("seccomp", &b);
}

static void add_limit(struct str_buf *b, const char *name, int resource)
{
	struct rlimit l;

	if (getrlimit(resource, &l) < 0)
		return;
	if (l.rlim_cur == RLIM_INFINITY)
		str_buf_addf(b, "%s%s unlimited", b->len ? ", " : "", name);
	else
		str_buf_addf(b, "%s%s %llu", b->len ? ", " : "", name,
			     (unsigned long long)l.rlim_cur);
}

static void show_limits(void)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, TEXT_MAX);
	add_limit(&b, "open files", RLIMIT_NOFILE);
	add_limit(&b, "processes", RLIMIT_NPROC);
	add_limit(&b, "core bytes", RLIMIT_CORE);
	add_limit(&b, "locked bytes", RLIMIT_MEMLOCK);
	row_buf("limits", &b);
}

static void show_network(void)
{
	_cleanup_(str_buf_done) struct str_buf b;
	struct ifaddrs *list = NULL;

	str_buf_init(&b, TEXT_MAX);
	if (getifaddrs(&list) == 0) {
		for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
			char text[INET6_ADDRSTRLEN];
			const void *a;

			if (!i->ifa_addr)
				continue;
			if (i->ifa_addr->sa_family == AF_INET)
				a = &((const struct sockaddr_in *)i->ifa_addr)->sin_addr;
			else if (i->ifa_addr->sa_family == AF_INET6)
				a = &((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr;
			else
				continue;
			if (!inet_ntop(i->ifa_addr->sa_family, a, text, sizeof(text)))
				continue;
			str_buf_addf(&b, "%s%s %s%s", b.len ? ", " : "", i->ifa_name, text,
				     i->ifa_flags & IFF_UP ? "" : " (down)");
		}
		freeifaddrs(list);
	}
	row_buf("network", &b);
}

static void show_devices(void)
{
	_cleanup_(str_buf_done) struct str_buf b;
	DIR *d = opendir("/dev");
	unsigned n = 0;

	str_buf_init(&b, TEXT_MAX);
	if (d) {
		const struct dirent *e;

		while ((e = readdir(d))) {
			struct stat st;

			/* Not d_type: nodes of a container are mounts over plain files. */
			if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			    !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
				continue;
			/* A host has hundreds; the first dozen tell enough. */
			if (n++ < 12)
				str_buf_addf(&b, "%s%s", b.len ? " " : "", e->d_name);
		}
		closedir(d);
	}
	if (n > 12)
		str_buf_addf(&b, " and %u more", n - 12);
	row_buf("devices", &b);
}

int main(void)
{
	_cleanup_(freep) char *status = read_text("/proc/self/status");

	puts("Hello from inside. This is what a program sees here:\n");
	show_identity(status);
	show_processes();
	show_namespaces();
	show_mounts();
	show_devices();
	show_capabilities();
	show_seccomp(status);
	show_limits();
	show_network();
	puts("\nLook around with a shell:  carrel run -it --rm hello sh");
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
