/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "registry/certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, so that it does not depend on the file system which certificate is shown. */
static int list(int fd, struct strv *ret)
{
	int own = fd_dup(fd);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *d;

	if (!dir) {
		fd_close(own);
		return -errno;
	}
	while ((d = readdir(dir)) && ret->n < CERTS_FILES_MAX)
		if (d->d_name[0] != '.')
			strv_add(ret, d->d_name);
	(void)closedir(dir); /* it was read */
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

static int load(int dir, const char *name, char **ret, size_t *ret_len, struct error *err)
{
	_cleanup_(fd_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, "open %s", name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is no file", name);
	r = fd_read_to_end(fd, CERTS_FILE_MAX, ret, ret_len);
	return r < 0 ? error_code(err, r, "read %s", name) : 0;
}

static int add_authority(int dir, const char *name, struct certs *c, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r = load(dir, name, &text, &len, err);

	if (r < 0)
		return r;
	str_buf_add(&c->authorities, text, len);
	str_buf_addc(&c->authorities, '\n');
	return 0;
}

static int add_pair(int dir, const char *name, struct certs *c, struct error *err)
{
	_cleanup_(freep) char *key = xasprintf("%.*s.key", (int)(strlen(name) - 5), name);
	int r;

	if (c->cert)
		return 0;
	if (faccessat(dir, key, F_OK, 0) < 0)
		return error_set(err, -ENOENT, "%s has no %s beside it", name, key);
	r = load(dir, name, &c->cert, &c->cert_len, err);
	return r < 0 ? r : load(dir, key, &c->key, &c->key_len, err);
}

int certs_load_dir(const char *path, struct certs *ret, struct error *err)
{
	_cleanup_(fd_closep) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = 0;

	if (dir < 0)
		return 0;
	if (list(dir, &names) < 0)
		return error_sys(err, "read %s", path);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		if (str_ends(names.v[i], ".crt"))
			r = add_authority(dir, names.v[i], ret, err);
		else if (str_ends(names.v[i], ".cert"))
			r = add_pair(dir, names.v[i], ret, err);
	}
	if (r == 0)
		r = str_buf_end(&ret->authorities);
	if (r < 0)
		error_prefix(err, "certificates in %s", path);
	return r;
}

int certs_load(const char *host, struct certs *ret, struct error *err)
{
	_cleanup_(freep) char *home = dirs_home(NULL);
	char *places[] = {
		home ? xasprintf("%s/.config/containers/certs.d/%s", home, host) : NULL,
		xasprintf("/etc/containers/certs.d/%s", host),
		xasprintf("/etc/docker/certs.d/%s", host),
	};
	int r = 0;

	*ret = (struct certs){ 0 };
	str_buf_init(&ret->authorities, (size_t)CERTS_FILE_MAX * 8);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (r == 0 && !ret->authorities.len && !ret->cert && places[i])
			r = certs_load_dir(places[i], ret, err);
		free(places[i]);
	}
	return r;
}

int certs_add_bundle(struct certs *c, const char *path, struct error *err)
{
	int r;

	if (access(path, F_OK) < 0)
		return 0;
	r = add_authority(AT_FDCWD, path, c, err);
	if (r == 0 && str_buf_end(&c->authorities) < 0)
		r = error_set(err, -EFBIG, "%s is too big", path);
	return r;
}

void certs_done(struct certs *c)
{
	if (c->key)
		explicit_bzero(c->key, c->key_len);
	free(TAKE_PTR(c->key));
	free(TAKE_PTR(c->cert));
	str_buf_done(&c->authorities);
}
