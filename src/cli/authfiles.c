/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/authfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/credhelper.h"
#include "oci/reference.h"

enum {
	ASKED_FOR = 0, /* place of $REGISTRY_AUTH_FILE */
};

static char *in_dir(const char *dir, const char *below)
{
	return dir && *dir ? xasprintf("%s/%s", dir, below) : NULL;
}

/* NULL: no such place. */
static char *name_of(size_t i)
{
	const char *asked = secure_getenv("REGISTRY_AUTH_FILE");
	const char *config = secure_getenv("XDG_CONFIG_HOME");
	_cleanup_(freep) char *home = dirs_home(NULL);

	switch (i) {
	case ASKED_FOR:
		return asked && *asked ? xstrdup(asked) : NULL;
	case 1:
		return in_dir(secure_getenv("XDG_RUNTIME_DIR"), "containers/auth.json");
	case 2:
		return config && *config ? in_dir(config, "containers/auth.json")
					 : in_dir(home, ".config/containers/auth.json");
	case 3:
		return in_dir(secure_getenv("DOCKER_CONFIG"), "config.json");
	default:
		return in_dir(home, ".docker/config.json");
	}
}

void authfiles_open(struct authfiles *f)
{
	for (size_t i = 0; i < AUTHFILES_MAX; i++) {
		char *name = f->names[i] = name_of(i);

		f->fds[i] = name ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -ENOENT;
		if (name && f->fds[i] < 0)
			f->fds[i] = -errno;
	}
	f->is_open = true;
}

void authfiles_close(struct authfiles *f)
{
	for (size_t i = 0; f->is_open && i < AUTHFILES_MAX; i++) {
		fd_close(f->fds[i]);
		free(TAKE_PTR(f->names[i]));
	}
	f->is_open = false;
}

static int tell_unreadable(const struct authfiles *f, size_t i, struct error *err)
{
	const char *name = f->names[i];
	int r = f->fds[i];

	if (i == ASKED_FOR && name) {
		error_code(err, r, "open credentials file %s", name);
		error_hint(err, "REGISTRY_AUTH_FILE names it");
		return r;
	}
	if (r != -ENOENT && r != -ENOTDIR && name)
		log_warn(DCODE_NONE, "credentials file %s is left out: %s", name, strerror(-r));
	return 0;
}

int authfiles_choose(struct authfiles *f, const char *reference, bool ask_helpers, int *ret,
		     struct error *err)
{
	struct reference ref;
	int r = reference_parse(reference, &ref, err);

	*ret = -1;
	for (size_t i = 0; r == 0 && i < AUTHFILES_MAX && *ret < 0; i++) {
		if (f->fds[i] < 0)
			r = tell_unreadable(f, i, err);
		else if (credhelper_look(f->fds[i], &ref, ask_helpers, ret))
			*ret = *ret < 0 ? fd_dup(f->fds[i]) : *ret;
	}
	return r;
}
