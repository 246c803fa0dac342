/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/str.h"
#include "transfer/pull.h"
#include "transfer/verify.h"

/* Called by the CLI only (lib/transferctl.h); no page of its own. */
struct arguments {
	const char *root, *reference, *platform, *tls_verify, *auth_fd, *progress, *layout, *layer;
	bool quiet, ids_told, again;
};

static const struct opt options[] = {
	{ "root", 0, OPT_STRING, offsetof(struct arguments, root), "PATH", "the store" },
	{ "reference", 0, OPT_STRING, offsetof(struct arguments, reference), "REF",
	  "name of the image" },
	{ "platform", 0, OPT_STRING, offsetof(struct arguments, platform), "OS/ARCH[/VARIANT]",
	  "default: this machine's" },
	{ "tls-verify", 0, OPT_STRING, offsetof(struct arguments, tls_verify), "BOOL",
	  "check certificates; false also allows plain HTTP" },
	{ "auth-fd", 0, OPT_STRING, offsetof(struct arguments, auth_fd), "N",
	  "descriptor of the credentials file" },
	{ "progress", 0, OPT_STRING, offsetof(struct arguments, progress), "auto|plain|none",
	  "how progress is shown" },
	{ "layout", 0, OPT_STRING, offsetof(struct arguments, layout), "DIR",
	  "image layout to import" },
	{ "layer", 0, OPT_STRING, offsetof(struct arguments, layer), "HEX", "layer to verify" },
	{ "ids-told", 0, OPT_FLAG, offsetof(struct arguments, ids_told), NULL,
	  "the caller warns where there is one id only" },
	{ "again", 0, OPT_FLAG, offsetof(struct arguments, again), NULL,
	  "an image of the store, by its digest: no name is written" },
	{ "quiet", 'q', OPT_FLAG, offsetof(struct arguments, quiet), NULL, "no progress" },
	{ NULL },
};

static int parse_tls(const char *s, enum registry_tls *ret, struct error *err)
{
	if (!s)
		*ret = REGISTRY_TLS_AUTO;
	else if (str_eq(s, "true") || str_eq(s, "1"))
		*ret = REGISTRY_TLS_VERIFY;
	else if (str_eq(s, "false") || str_eq(s, "0"))
		*ret = REGISTRY_TLS_OFF;
	else
		return error_set(err, -EINVAL, "--tls-verify is true or false, not %s", s);
	return 0;
}

static int parse_auth_fd(const char *s, int *ret, struct error *err)
{
	uint32_t fd;

	*ret = -1;
	if (!s)
		return 0;
	if (num_u32(s, &fd) < 0 || fd < 3 || fd > 1023 || fd_set_cloexec((int)fd, true) < 0)
		return error_set(err, -EINVAL, "--auth-fd %s is not an open descriptor", s);
	*ret = (int)fd;
	return 0;
}

static int fill(const struct arguments *a, bool import, struct pull_options *o, struct error *err)
{
	int r;

	if (!a->root || !a->reference || import != !!a->layout)
		return error_set(err, -EINVAL,
				 "usage: transfer pull|import --root PATH --reference REF ...");
	o->root = a->root;
	o->ids_told = a->ids_told;
	o->again = a->again;
	r = reference_parse(a->reference, &o->ref, err);
	if (r == 0 && a->again && !digest_is_set(&o->ref.digest))
		r = error_set(err, -EINVAL, "--again wants a name with a digest");
	if (r == 0)
		r = parse_tls(a->tls_verify, &o->tls, err);
	if (r == 0)
		r = parse_auth_fd(a->auth_fd, &o->auth_fd, err);
	if (r == 0)
		r = progress_parse(a->quiet ? "none" : a->progress, &o->progress, err);
	if (r < 0)
		return r;
	platform_host(&o->platform);
	o->platform_asked = a->platform;
	if (a->platform)
		r = platform_parse(a->platform, &o->platform, err);
	o->layout_fd = -1;
	o->layout = a->layout;
	if (r == 0 && import) {
		o->layout_fd = open(a->layout, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (o->layout_fd < 0)
			return error_sys(err, "open image layout %s", a->layout);
	}
	return r;
}

static int print_id(const struct digest *id, struct error *err)
{
	char s[DIGEST_STR_MAX];

	if (printf("%s\n", digest_format(id, s)) < 0 || fflush(stdout) != 0)
		return error_sys(err, "write the image id");
	return 0;
}

static int pull(const struct arguments *a, bool import, struct error *err)
{
	struct pull_options o = { 0 };
	struct digest id;
	int r;

	r = fill(a, import, &o, err);
	if (r == 0)
		r = pull_run(&o, &id, err);
	return r < 0 ? r : print_id(&id, err);
}

/* 1: it is not good. */
static int verify(const struct arguments *a, struct error *err)
{
	int r;

	if (!a->root || !a->layer || a->reference)
		return error_set(err, -EINVAL, "usage: transfer verify --root PATH --layer HEX");
	r = verify_run(a->root, a->layer, err);
	return r < 0 ? r : r == 0;
}

/* The exit status, or -errno. */
static int transfer(int argc, char **argv, struct error *err)
{
	struct arguments a = { 0 };
	bool help = false, is_verify, is_import;
	char **rest;
	int r;

	is_verify = argc > 1 && str_eq(argv[1], "verify");
	is_import = argc > 1 && str_eq(argv[1], "import");
	if (argc < 2 || !(is_verify || is_import || str_eq(argv[1], "pull")))
		return error_set(err, -EINVAL,
				 "transfer is called by carrel: use `carrel pull` instead");
	r = opt_parse(options, argc - 1, argv + 1, 0, &a, &rest, &help, err);
	if (r == 0 && (help || *rest))
		r = error_set(err, -EINVAL, "transfer is called by carrel: see carrel-pull(1)");
	if (r < 0)
		return r;
	return is_verify ? verify(&a, err) : pull(&a, is_import, err);
}

int main(int argc, char **argv)
{
	const char *debug = secure_getenv("CARREL_DEBUG");
	struct error err = { 0 };
	int r;

	if (fd_sanitize_std() < 0)
		return EXIT_OURS;
	proc_hear_write_errors();
	if (debug && str_eq(debug, "1"))
		log_set_level(LOG_LEVEL_DEBUG);
	r = transfer(argc, argv, &err);
	if (r >= 0)
		return r;
	error_print(&err, stderr);
	return error_exit_status(&err);
}
