/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests/cli/test_rootfs.py, inside a container:
 *	tree ops DIR	does to DIR what programs do to files; prints the outcome of each step
 *	tree list DIR	prints everything that a program can see of each entry, sorted
 * The lines of two drivers of the root file system must be the same.
 *	tree -f ...	in the place of fuse-overlayfs: says what it could do that it should not
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void say(const char *what, int r)
{
	printf("%s: %s\n", what, r < 0 ? strerrorname_np(errno) : "ok");
}

static int put(const char *path, const char *text, int flags, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, mode);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

static int touch_at(const char *path, time_t when)
{
	const struct timespec t[2] = { { when, 123456789 }, { when, 987654321 } };

	return utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW);
}

static int as_user(uid_t uid, int (*f)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(uid) < 0 || setuid(uid) < 0)
			_exit(255);
		_exit(f() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static int write_private(void)
{
	return put("low/private", "x", O_APPEND, 0644);
}

static int write_own(void)
{
	return put("own/made", "x", O_EXCL, 0640);
}

static int unlink_sticky(void)
{
	return unlink("sticky/root");
}

static int chown_away(void)
{
	return chown("own/made", 44, 44);
}

static void files(void)
{
	say("create", put("new", "new\n", O_EXCL, 0640));
	say("create again", put("new", "new\n", O_EXCL, 0640));
	say("append to lower", put("low/append", "more\n", O_APPEND, 0));
	say("truncate lower", truncate("low/cut", 3));
	say("grow", truncate("new", 10));
	say("overwrite lower", put("low/over", "over", O_TRUNC, 0));
	say("unlink lower", unlink("low/gone"));
	say("make it again", put("low/gone", "back", O_EXCL, 0600));
	say("unlink lower for good", unlink("low/gone2"));
	say("rename lower", rename("low/move", "low/moved"));
	say("rename over lower", rename("new", "low/covered"));
	say("rename into upper", rename("low/moved", "own-moved"));
	say("exchange", renameat2(AT_FDCWD, "low/append", AT_FDCWD, "low/cut", RENAME_NOREPLACE));
	say("write lower by name of another", put("low/link2", "linked", O_TRUNC, 0));
	say("link", link("low/over", "low/over-link"));
	say("link of upper", link("own-moved", "own-link"));
	say("symlink", symlink("../no/where", "link"));
	say("symlink over", symlink("x", "low/over"));
	say("unlink lower symlink", unlink("low/symlink"));
	say("fifo", mkfifo("fifo", 0622));
	say("device", mknod("device", S_IFCHR | 0666, makedev(1, 3)));
	say("block device", mknod("block", S_IFBLK | 0666, makedev(8, 0)));
	say("whiteout name", put(".hidden", "h", O_EXCL, 0600));
	say("no such", unlink("low/never"));
	say("rmdir of a file", rmdir("low/over"));
	say("unlink of a directory", unlink("low/dir"));
	say("open directory to write", put("low/dir", "", 0, 0));
}

static void sparse(void)
{
	int fd = open("sparse", O_RDWR | O_CREAT | O_EXCL, 0600);
	char *p;

	say("sparse", fd);
	say("write far", (int)pwrite(fd, "end", 3, 8 << 20));
	say("punch", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 16));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say("map", p == MAP_FAILED ? -1 : 0);
	if (p != MAP_FAILED) {
		memcpy(p + 100, "mapped", 6);
		say("unmap", munmap(p, 4096));
	}
	close(fd);
	fd = open("low/map", O_RDWR);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say("map of lower", p == MAP_FAILED ? -1 : 0);
	if (p != MAP_FAILED) {
		p[0] = 'M';
		say("unmap of lower", munmap(p, 4096));
	}
	close(fd);
}

static void unlinked(void)
{
	int fd = open("gone-open", O_RDWR | O_CREAT | O_EXCL, 0600);
	char text[4] = "";

	say("write", (int)write(fd, "abc", 3));
	say("unlink of an open file", unlink("gone-open"));
	say("read it", (int)pread(fd, text, 3, 0));
	say(text, 0);
	close(fd);
	fd = open("low/read-open", O_RDONLY);
	say("write what is open", put("low/read-open", "new", O_TRUNC, 0));
	say("unlink what is open", unlink("low/read-open"));
	close(fd);
}

static void directories(void)
{
	say("mkdir", mkdir("own", 0755));
	say("own chown", chown("own", 33, 33));
	say("rmdir full", rmdir("low/dir"));
	say("empty it", unlink("low/dir/a"));
	say("empty it more", unlink("low/dir/b"));
	say("empty its dir", rmdir("low/dir/sub"));
	say("rmdir lower", rmdir("low/dir"));
	say("mkdir over lower", mkdir("low/dir", 0711));
	say("file in it", put("low/dir/c", "c", O_EXCL, 0600));
	say("rename dir of upper", rename("own", "own2"));
	say("rename dir back", rename("own2", "own"));
	say("mkdir deep", mkdir("low/merged/deep", 0755));
	say("file to dir", unlink("low/file-dir"));
	say("file to dir, made", mkdir("low/file-dir", 0755));
	say("dir to file", rmdir("low/dir-file"));
	say("dir to file, made", put("low/dir-file", "f", O_EXCL, 0600));
	say("rename onto a full dir", rename("low/dir", "low/merged"));
	say("setgid dir", chmod("low/setgid", 02775));
	say("file in it", put("low/setgid/f", "", O_EXCL, 0600));
	say("dir in it", mkdir("low/setgid/d", 0755));
}

static void owners(void)
{
	say("chown lower", chown("low/owned", 33, 34));
	say("chown symlink", lchown("link", 33, 34));
	say("chmod suid", chmod("low/owned", 04755));
	say("write to suid by root", put("low/owned", "x", O_APPEND, 0));
	say("chmod lower suid", chmod("low/suid", 06711));
	say("chown of suid", chown("low/suid", 1000, 1000));
	say("foreign file", as_user(33, write_private));
	say("own directory", as_user(33, write_own));
	say("foreign in sticky", as_user(33, unlink_sticky));
	say("give away", as_user(33, chown_away));
	say("beyond the map", chown("low/owned", 4000000, -1));
}

static void xattrs(void)
{
	/* VFS_CAP_REVISION_2, cap_net_bind_service permitted and effective */
	static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 4 };

	say("set xattr", setxattr("low/xattr", "user.note", "hello", 5, 0));
	say("create xattr again", setxattr("low/xattr", "user.note", "x", 1, XATTR_CREATE));
	say("remove xattr", removexattr("low/xattr", "user.low"));
	say("remove no xattr", removexattr("low/xattr", "user.none"));
	say("xattr of directory", setxattr("own", "user.dir", "", 0, 0));
	say("xattr of symlink", lsetxattr("link", "user.link", "x", 1, 0));
	say("xattr of fifo", setxattr("fifo", "user.fifo", "x", 1, 0));
	say("trusted", setxattr("low/xattr", "trusted.x", "x", 1, 0));
	say("capability", setxattr("low/cap", "security.capability", cap, sizeof(cap), 0));
	say("write drops it", setxattr("low/cap2", "security.capability", cap, sizeof(cap), 0));
	say("written", put("low/cap2", "x", O_APPEND, 0));
}

static void times(void)
{
	say("times of lower", touch_at("low/times", 1000000000));
	say("times of upper", touch_at("own/made", 1100000000));
	say("times of symlink", touch_at("link", 1200000000));
	say("times of dir", touch_at("low/merged", 1300000000));
	say("before 1970", touch_at("fifo", -1000));
}

static int ops(const char *dir)
{
	if (chdir(dir) < 0)
		return 1;
	umask(022);
	files();
	sparse();
	unlinked();
	directories();
	owners();
	xattrs();
	times();
	return 0;
}

static void show_xattrs(const char *path)
{
	char names[4096], *sorted[64];
	ssize_t n = llistxattr(path, names, sizeof(names));
	size_t k = 0;

	for (char *s = names; n > 0 && s < names + n && k < 64; s += strlen(s) + 1) {
		size_t i = k++;

		for (; i > 0 && strcmp(sorted[i - 1], s) > 0; i--)
			sorted[i] = sorted[i - 1];
		sorted[i] = s;
	}
	for (size_t i = 0; i < k; i++) {
		unsigned char value[256];
		ssize_t len = lgetxattr(path, sorted[i], value, sizeof(value));

		printf(" %s=", sorted[i]);
		for (ssize_t j = 0; j < len; j++)
			printf("%02x", value[j]);
	}
}

static void show_content(const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	int fd = open(path, O_RDONLY);
	static unsigned char buf[1 << 16];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			hash = (hash ^ buf[i]) * UINT64_C(0x100000001b3);
	printf(" hash=%016lx", (unsigned long)hash);
	close(fd);
}

/* Times: where they were set, not where the test itself took place. */
static void show(const char *path, const struct stat *st)
{
	printf("%s mode=%06o owner=%u:%u", path, st->st_mode, st->st_uid, st->st_gid);
	if (st->st_mtime < 1700000001)
		printf(" mtime=%ld.%09ld", st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (!S_ISDIR(st->st_mode))
		printf(" links=%lu size=%ld rdev=%u:%u", (unsigned long)st->st_nlink,
		       (long)st->st_size, major(st->st_rdev), minor(st->st_rdev));
	if (S_ISREG(st->st_mode)) {
		printf(" holes=%d", st->st_blocks * 512 < st->st_size);
		show_content(path);
	}
	if (S_ISLNK(st->st_mode)) {
		char to[4096] = "";

		if (readlink(path, to, sizeof(to) - 1) >= 0)
			printf(" -> %s", to);
	}
	show_xattrs(path);
	putchar('\n');
}

static int list(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n;

	if (lstat(path, &st) < 0) {
		printf("%s listed, but %s\n", path, strerrorname_np(errno));
		return 0;
	}
	show(path, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char below[4096];

		if (strcmp(names[i]->d_name, ".") == 0 || strcmp(names[i]->d_name, "..") == 0)
			continue;
		if (names[i]->d_type != DT_UNKNOWN)
			printf("d_type=%u ", names[i]->d_type);
		(void)snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name);
		list(below);
	}
	return n < 0;
}

static void try(const char *what, long r)
{
	if (r >= 0)
		fprintf(stderr, " %s", what);
}

static long connect_to(int family, const void *addr, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM, 0);

	return fd < 0 ? -1 : connect(fd, addr, len);
}

/* More than the names that must be there: . .. and what is said. */
static long count_above(const char *path, int n)
{
	DIR *d = opendir(path);

	while (d && readdir(d))
		n--;
	if (d)
		closedir(d);
	return n < 0 ? 0 : -1;
}

/* As a program that a container has taken over would. */
static int boxed(void)
{
	const struct sockaddr_in peer = { .sin_family = AF_INET,
					  .sin_port = htons(80),
					  .sin_addr.s_addr = htonl(0xc6120002) };
	const struct sockaddr_un bus = { .sun_family = AF_UNIX,
					 .sun_path = "/run/dbus/system_bus_socket" };
	struct {
		struct file_handle head;
		unsigned char data[128];
	} handle = { .head.handle_bytes = 128 };
	int mount_id, proc = open("/proc/1/ns/user", O_RDONLY);

	fputs("boxed:", stderr);
	try("read-passwd", open("/etc/passwd", O_RDONLY));
	try("read-home", open("/home", O_RDONLY));
	try("read-sys", open("/sys", O_RDONLY));
	try("see-processes", getpid() == 1 && kill(2, 0) < 0 ? -1 : 0);
	try("more-descriptors", count_above("/proc/self/fd", 2 + 5 + 1));
	try("write-root", open("/x", O_WRONLY | O_CREAT, 0600));
	try("write-usr", open("/usr/x", O_WRONLY | O_CREAT, 0600));
	try("write-layer", open("/layers/0/x", O_WRONLY | O_CREAT, 0600));
	try("remove-from-layer", rmdir("/layers/0/bin"));
	try("read-config", open("/rw/../config", O_RDONLY));
	try("device", mknod("/rw/null", S_IFCHR | 0666, makedev(1, 3)));
	try("connect", connect_to(AF_INET, &peer, sizeof(peer)));
	try("connect-bus", connect_to(AF_UNIX, &bus, sizeof(bus)));
	try("mount", mount("x", "/rw", "tmpfs", 0, NULL));
	try("remount", mount(NULL, "/layers/0", NULL, MS_REMOUNT | MS_BIND, NULL));
	try("unmount", umount2("/layers/0", MNT_DETACH));
	try("unshare", unshare(CLONE_NEWUSER));
	try("setns", setns(proc, 0));
	try("chroot", chroot("/rw"));
	if (name_to_handle_at(AT_FDCWD, "/usr", &handle.head, &mount_id, 0) == 0)
		try("open-by-handle", open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY));
	try("hostname", sethostname("x", 1));
	try("setid", setresuid(1, 1, 1));
	try("keyring", syscall(SYS_keyctl, 0, -3, 0));
	fputs(" end\n", stderr);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "-f") == 0)
		return boxed();
	if (argc == 3 && strcmp(argv[1], "ops") == 0)
		return ops(argv[2]);
	if (argc == 3 && strcmp(argv[1], "list") == 0)
		return list(argv[2]);
	return 2;
}
