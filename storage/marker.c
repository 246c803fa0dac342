/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/marker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/path.h"
#include "base/str.h"
#include "storage/fault.h"
#include "storage/textrec.h"

static const char marker_name[] = "version";

/* Parents before children. volumes/ and cache/ come with the commands that need them. */
static const char *const dirs[] = {
	"blobs", "blobs/sha256", "layers",  "images", "refs",
	"names", "containers",	 "staging", "trash",
};

static bool uuid_is_valid(const char *s)
{
	return strlen(s) == STORE_UUID_LEN && strspn(s, "0123456789abcdef-") == STORE_UUID_LEN;
}

int marker_read(int root_fd, const char *path, char uuid[STORE_UUID_LEN + 1], struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	struct textrec rec;
	size_t len;
	int r;

	r = path_read(root_fd, marker_name, 4096, &text, &len);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return store_error(err, r, "read %s/%s", path, marker_name);
	r = textrec_parse(text, len, "store", STORE_VERSION, &rec);
	if (r == -EPROTONOSUPPORT) {
		error_set(err, r,
			  "the store %s was made by a newer carrel (this one knows format "
			  "%d)",
			  path, STORE_VERSION);
		error_hint(err, "update carrel, or use another store by --root or CARREL_ROOT");
		return r;
	}
	if (r == 0)
		r = textrec_get(&rec, "uuid", uuid, STORE_UUID_LEN + 1);
	if (r < 0 || !uuid_is_valid(uuid)) {
		error_set(err, -EINVAL, "%s/%s is not the marker of a carrel store", path,
			  marker_name);
		error_hint(err, "use another directory by --root or CARREL_ROOT");
		return -EINVAL;
	}
	return 0;
}

/* Ours, or the rest of a creation that was killed. */
static bool is_own_name(const char *name)
{
	if (str_eq(name, marker_name) || str_starts(name, ".tmp-"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (str_eq(name, dirs[i]))
			return true;
	return false;
}

static int check_empty(int root_fd, const char *path, struct error *err)
{
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		r = error_sys(err, "read the directory %s", path);
		fd_close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || is_own_name(e->d_name))
			continue;
		r = error_set(err, -ENOTEMPTY, "%s is neither empty nor a carrel store (it has %s)",
			      path, e->d_name);
		error_hint(err, "name an empty or new directory by --root or CARREL_ROOT");
	}
	(void)closedir(d);
	return r;
}

/* Opaque directories are user xattrs: without them an image would be unpacked wrongly. */
static int check_xattr(int root_fd, const char *path, struct error *err)
{
	int r = 0;

	if (fsetxattr(root_fd, "user.carrel.probe", "y", 1, 0) < 0)
		r = -errno;
	else
		ignore_result(fremovexattr(root_fd, "user.carrel.probe")); /* a racer did it */
	if (r != -EOPNOTSUPP)
		return r < 0 ? store_error(err, r, "set an attribute on %s", path) : 0;
	error_set(err, r, "the file system of %s keeps no user attributes", path);
	error_host(err, DCODE_STORE_FS);
	return r;
}

static char *make_uuid(char buf[STORE_UUID_LEN + 1])
{
	char hex[33];

	id_hex(hex, 16);
	hex[12] = '4'; /* RFC 4122: version 4, variant 10 */
	hex[16] = "89ab"[hex[16] & 3];
	ignore_result(str_print(buf, STORE_UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
				hex + 12, hex + 16, hex + 20)); /* fits by its lengths */
	return buf;
}

static int write_marker(int root_fd, const char *path, struct error *err)
{
	char text[512], uuid[STORE_UUID_LEN + 1], device[32];
	struct textrec_writer w;
	struct stat st;
	size_t len;
	int r;

	if (fstat(root_fd, &st) < 0)
		return error_sys(err, "look at %s", path);
	r = str_print(device, sizeof(device), "%u:%u", major(st.st_dev), minor(st.st_dev));
	textrec_begin(&w, text, sizeof(text), "store", STORE_VERSION);
	textrec_add(&w, "uuid", make_uuid(uuid));
	textrec_add(&w, "device", device);
	if (r == 0)
		r = textrec_end(&w, &len);
	if (r == 0)
		r = file_publish(root_fd, marker_name, text, len, 0644, FILE_DURABLE | FILE_EXCL);
	if (r < 0 && r != -EEXIST)
		return store_error(err, r, "make the store %s", path);
	return 0;
}

int marker_make(int root_fd, const char *path, struct error *err)
{
	int r;

	r = check_empty(root_fd, path, err);
	/* Somebody was faster and has begun to use the store: what was seen is of theirs. */
	if (r == -ENOTEMPTY && faccessat(root_fd, marker_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		error_clear(err);
		return 0;
	}
	if (r == 0)
		r = check_xattr(root_fd, path, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(root_fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return store_error(err, -errno, "make %s/%s", path, dirs[i]);
	return write_marker(root_fd, path, err);
}
