/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/box.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/hostdiag.h"

enum {
	NSSWITCH_MAX = 64 << 10,
	PLACES_MAX = 40,
};

/* What may be read. A file is followed to where it leads today; what is missing is left out. */
static const char *const readable[] = {
	/* The resolver. Files, not /etc: the rest of it is nobody's business. */
	"/etc/gai.conf",
	"/etc/host.conf",
	"/etc/hosts",
	"/etc/nsswitch.conf",
	"/etc/protocols",
	"/etc/resolv.conf",
	"/etc/services",
	/* Daemons that modules of the name service ask: sockets, and caches beside them. */
	"/run/avahi-daemon",
	"/run/systemd/resolve",
	"/var/lib/sss/mc",
	"/var/lib/sss/pipes",
	"/var/run/nscd",
	/* Certificates: Debian and SUSE, Red Hat, Arch. */
	"/etc/ca-certificates",
	"/etc/pki",
	"/etc/ssl",
	"/usr/local/share/ca-certificates",
	"/usr/share/ca-certificates",
	"/usr/share/pki",
	"/usr/share/ssl",
	"/var/lib/ca-certificates",
	"/etc/localtime",
};

struct place {
	char path[PATH_MAX];
	int tree; /* detached mount of it */
};

struct box {
	struct place *places;
	unsigned n;
};

static int write_own(const char *file, const char *text, struct error *err)
{
	int r = path_write_text(AT_FDCWD, file, text);

	return r < 0 ? error_code(err, r, "write %s", file) : 0;
}

int box_enter(struct error *err)
{
	char uid[48], gid[48];
	int r;

	(void)snprintf(uid, sizeof(uid), "%u %u 1", geteuid(), geteuid());
	(void)snprintf(gid, sizeof(gid), "%u %u 1", getegid(), getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return hostdiag_userns(-errno, err);
	/* An unprivileged group map wants setgroups(2) off first. */
	r = write_own("/proc/self/setgroups", "deny", err);
	if (r == 0)
		r = write_own("/proc/self/uid_map", uid, err);
	if (r == 0)
		r = write_own("/proc/self/gid_map", gid, err);
	if (r < 0)
		return r;
	/* Ubuntu's restriction lets the namespace be made and then takes its capabilities away. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return hostdiag_no_power(-errno, err);
	return 0;
}

/* Found by its name from then on: glibc looks among what is loaded before it opens a file. */
static void load_module(const char *name)
{
	char so[64];

	if (str_print(so, sizeof(so), "libnss_%s.so.2", name) == 0 && !dlopen(so, RTLD_NOW))
		log_debug("transfer", "name service: %s", dlerror());
}

/* The words of a "hosts:" line. Those in brackets say what to do; no module is called like them. */
static void load_modules(char *words)
{
	words[strcspn(words, "#\n")] = '\0';
	for (words += strspn(words, " \t"); *words; words += strspn(words, " \t")) {
		char *word = words;

		words += strcspn(words, " \t");
		if (*words)
			*words++ = '\0';
		if (!strpbrk(word, "[=]/"))
			load_module(word);
	}
}

static void load_name_service(void)
{
	_cleanup_(freep) char *text = NULL;

	/* Ending a thread wants it. */
	(void)dlopen("libgcc_s.so.1", RTLD_NOW);
	if (path_load(AT_FDCWD, "/etc/nsswitch.conf", NSSWITCH_MAX, &text, NULL) < 0)
		return;
	for (char *line = text; *line;) {
		char *next = line + strcspn(line, "\n");

		next += *next == '\n';
		line += strspn(line, " \t");
		if (strncmp(line, "hosts:", 6) == 0)
			load_modules(line + 6);
		line = next;
	}
}

static void add_place(struct box *b, const char *path)
{
	struct place *p = &b->places[b->n];
	_cleanup_(freep) char *full = xasprintf("/%s", path);

	if (b->n == PLACES_MAX || path_normalize(full, p->path, sizeof(p->path)) < 0)
		return;
	/* Recursive: mounts of a parent namespace below it are locked to it. */
	p->tree = (int)syscall(SYS_open_tree, AT_FDCWD, path,
			       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (p->tree < 0) {
		log_debug("transfer", "%s: %s", path, strerror(errno));
		return;
	}
	b->n++;
}

static void add_places(struct box *b)
{
	const char *bundle = secure_getenv("SSL_CERT_FILE");

	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		add_place(b, readable[i]);
#if LIBCURL_VERSION_NUM >= 0x074600
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	if (v->age >= CURLVERSION_SEVENTH && v->cainfo)
		add_place(b, v->cainfo);
	if (v->age >= CURLVERSION_SEVENTH && v->capath)
		add_place(b, v->capath);
#endif
	if (bundle && bundle[0])
		add_place(b, bundle);
}

/* Where it will lie: an empty file or directory. All of them before the first mount, so that
 * nothing is ever made in a directory of the host. */
static int make_target(int root, const struct place *p, struct error *err)
{
	_cleanup_(fd_closep) int dir = -1, file = -1;
	_cleanup_(freep) char *parent = xstrdup(p->path);
	char *name = strrchr(parent, '/');
	struct stat st;

	if (fstat(p->tree, &st) < 0)
		return error_sys(err, "look at %s", p->path);
	*name++ = '\0';
	dir = path_mkdir_in_root(root, S_ISDIR(st.st_mode) ? p->path : parent, 0755);
	if (dir < 0)
		return error_code(err, dir, "make %s in the network process's root", p->path);
	if (S_ISDIR(st.st_mode))
		return 0;
	file = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);
	return file < 0 ? error_sys(err, "make %s in the network process's root", p->path) : 0;
}

static int attach(int root, const struct place *p, struct error *err)
{
	_cleanup_(fd_closep) int target = path_open_in_root(root, p->path, O_PATH, 0);

	/* Below a directory that is there already, and a link in it leads elsewhere. */
	if (target < 0)
		return 0;
	if (syscall(SYS_move_mount, p->tree, "", target, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_sys(err, "mount %s in the network process's root", p->path);
	return 0;
}

static int fill(int root, const struct box *b, struct error *err)
{
	int r = 0;

	for (unsigned i = 0; i < b->n && r == 0; i++)
		r = make_target(root, &b->places[i], err);
	for (unsigned i = 0; i < b->n && r == 0; i++)
		r = attach(root, &b->places[i], err);
	return r;
}

/* A layout is not below the root: it is read by its descriptor only. By its name once more, because
 * the one that is open is on a mount of the parent's namespace. */
static int cut_layout(const char *path, int *fd, struct error *err)
{
	_cleanup_(fd_closep) int tree = -1;
	struct stat a, b;

	if (*fd < 0)
		return 0;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return error_sys(err, "clone image layout %s", path);
	if (fstat(tree, &a) < 0 || fstat(*fd, &b) < 0 || a.st_dev != b.st_dev ||
	    a.st_ino != b.st_ino)
		return error_set(err, -ESTALE, "image layout %s has just been replaced", path);
	fd_close(*fd);
	*fd = TAKE_FD(tree);
	return 0;
}

static int make_root(struct box *b, struct error *err)
{
	_cleanup_(fd_closep) int root = -1;
	int r;

	/* Any directory will do; nothing is written to it. */
	if (mount("box", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=755") < 0)
		return error_sys(err, "mount an empty root");
	root = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, "open the empty root");
	r = fill(root, b, err);
	if (r < 0)
		return r;
	if (fchdir(root) < 0 || sys_pivot_root(".", ".") < 0)
		return error_sys(err, "enter the network process's root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return error_sys(err, "leave the host's files");
	return 0;
}

static int make_readonly(struct error *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC,
	};

	/* Before 5.12 the filter's rules and the files' modes have to do. */
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) < 0 && errno != ENOSYS)
		return error_sys(err, "make the network process's root read-only");
	return 0;
}

int box_close(const char *layout, int *layout_fd, struct error *err)
{
	struct box b = { 0 };
	int r;

	r = cut_layout(layout, layout_fd, err);
	if (r < 0)
		return r;
	b.places = xcalloc(PLACES_MAX, sizeof(*b.places));
	if (*layout_fd < 0) {
		load_name_service();
		add_places(&b);
	}
	r = make_root(&b, err);
	for (unsigned i = 0; i < b.n; i++)
		fd_close(b.places[i].tree);
	free(b.places);
	return r < 0 ? r : make_readonly(err);
}
