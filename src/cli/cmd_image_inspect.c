/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/inspect.h"
#include "cli/output.h"
#include "codec/json.h"
#include "storage/image.h"

static const struct opt options[] = {
	{ NULL },
};

/* Names as docker shows them. */
static void add_names(struct str_buf *b, const char *key, const struct strv *names)
{
	struct strv shown = { 0 };

	for (size_t i = 0; i < names->n; i++) {
		char text[REFERENCE_STR_MAX];
		struct reference r;

		/* A name that was pulled by its digest is no tag. */
		if (reference_parse(names->v[i], &r, NULL) < 0 ||
		    (!r.tag[0] && str_eq(key, "RepoTags")))
			continue;
		strv_add(&shown, reference_familiar(&r, text));
	}
	json_add_strv(b, key, &shown);
	strv_done(&shown);
}

static void add_layers(struct str_buf *b, const struct image *i)
{
	char text[DIGEST_STR_MAX];
	struct strv layers = { 0 };

	for (size_t k = 0; k < i->n_layers; k++)
		strv_add(&layers, digest_format(&i->layers[k], text));
	json_add_key(b, "RootFS");
	str_buf_addc(b, '{');
	output_json_member(b, "Type", "layers");
	json_add_strv(b, "Layers", &layers);
	str_buf_addc(b, '}');
	strv_done(&layers);
}

/* The config's own members, as the document has them. */
static int add_config(struct str_buf *b, const char *text, size_t len, struct error *err)
{
	_cleanup_(json_putp) struct json_object *doc = NULL;
	struct json_object *config = NULL;
	const char *author = NULL;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_get_object(doc, "config", &config, err);
	if (r == 0)
		r = json_get_string(doc, "author", &author, err);
	if (r < 0)
		return r;
	output_json_member(b, "Author", author ? author : "");
	json_add_key(b, "Config");
	str_buf_add_json_text(b, config ? json_object_to_json_string_ext(
						  config, JSON_C_TO_STRING_PLAIN |
								  JSON_C_TO_STRING_NOSLASHESCAPE)
					: "{}");
	return 0;
}

static int add_image(struct str_buf *b, struct store *s, const struct image *i, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	char id[DIGEST_STR_MAX];
	size_t len;
	int r;

	r = store_blob_read(s, &i->config, IMGCONFIG_SIZE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	str_buf_addc(b, '{');
	output_json_member(b, "Id", digest_format(&i->config, id));
	add_names(b, "RepoTags", &i->names);
	add_names(b, "RepoDigests", &i->digests);
	output_json_member(b, "Created", output_time(i->created));
	output_json_member(b, "Os", i->platform.os);
	output_json_member(b, "Architecture", i->platform.arch);
	if (i->platform.variant[0])
		output_json_member(b, "Variant", i->platform.variant);
	json_add_key(b, "Size");
	str_buf_addf(b, "%llu", (unsigned long long)i->size);
	add_layers(b, i);
	r = add_config(b, text, len, err);
	if (r < 0) {
		error_prefix(err, "image %.12s: config", i->config.hex);
		error_hint(err, "it is damaged; pull the image again: that writes it anew");
	}
	str_buf_addc(b, '}');
	return r;
}

int inspect_image(struct cli *cli, const char *name, struct str_buf *out, struct error *err)
{
	struct store *s;
	struct image i;
	int r;

	r = cli_store(cli, STORE_READONLY, &s, err);
	if (r == -ENOENT) {
		error_set(err, r, "no such image: %s", name);
		error_hint(err, "nothing was pulled yet: `carrel pull %s`", name);
	}
	if (r == 0)
		r = image_find(s, name, &i, err);
	if (r < 0)
		return r;
	r = image_load_names(s, &i, err);
	if (r == 0)
		r = add_image(out, s, &i, err);
	image_done(&i);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	return inspect_run(cli, argc, argv, inspect_image, err);
}

const struct command cmd_image_inspect = {
	.name = "image inspect",
	.group = GROUP_IMAGE,
	.summary = "print what is known about images, as JSON",
	.usage = "IMAGE...",
	.options = options,
	.run = run,
};
