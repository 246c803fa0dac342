/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oci/imgconfig.h"

#include <errno.h>
#include <string.h>

#include "codec/json.h"

static int get_copy(struct json_object *o, const char *key, char **ret, struct error *err)
{
	const char *s = NULL;
	int r = json_get_string(o, key, &s, err);

	if (r == 0)
		*ret = xstrdup(s ? s : "");
	return r;
}

static int get_platform_part(struct json_object *o, const char *key, char buf[32],
			     struct error *err)
{
	const char *s;
	int r = json_get_string(o, key, &s, err);

	if (r < 0)
		return r;
	if (s && str_copy(buf, 32, s) < 0)
		return error_set(err, -EINVAL, "member \"%s\" is too long", key);
	return 0;
}

/* Objects whose keys are the values: Volumes, ExposedPorts; Labels as "name=value". */
static int get_keys(struct json_object *o, const char *key, struct strv *ret, struct error *err)
{
	struct json_object *map;
	int r = json_get_object(o, key, &map, err);

	if (r < 0 || !map)
		return r;
	if (json_object_object_length(map) > IMGCONFIG_ITEMS_MAX)
		return error_set(err, -EFBIG, "member \"%s\" has more than %d entries", key,
				 IMGCONFIG_ITEMS_MAX);
	json_object_object_foreach(map, name, value)
	{
		(void)value; /* {} in both documents */
		strv_add(ret, name);
	}
	return 0;
}

static int get_labels(struct json_object *o, struct strv *ret, struct error *err)
{
	struct json_object *map;
	int r = json_get_object(o, "Labels", &map, err);

	if (r < 0 || !map)
		return r;
	if (json_object_object_length(map) > IMGCONFIG_ITEMS_MAX)
		return error_set(err, -EFBIG, "more than %d labels", IMGCONFIG_ITEMS_MAX);
	json_object_object_foreach(map, name, value)
	{
		if (value && !json_object_is_type(value, json_type_string))
			return error_set(err, -EINVAL, "label '%.100s' is not a string", name);
		strv_addf(ret, "%s=%s", name, value ? json_object_get_string(value) : "");
	}
	return 0;
}

/* Entries are made "NAME=value": execve(2) takes anything, programs do not. */
static int get_env(struct json_object *o, struct strv *ret, struct error *err)
{
	struct strv raw = { 0 };
	int r = json_get_strv(o, "Env", IMGCONFIG_ITEMS_MAX, &raw, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < raw.n; i++) {
		if (!raw.v[i][0] || raw.v[i][0] == '=')
			continue; /* has no name: nobody could ask for it */
		strv_addf(ret, "%s%s", raw.v[i], strchr(raw.v[i], '=') ? "" : "=");
	}
	strv_done(&raw);
	return 0;
}

static int parse_run(struct json_object *o, struct imgconfig *c, struct error *err)
{
	struct json_object *run;
	int r = json_get_object(o, "config", &run, err);

	if (r == 0)
		r = get_copy(run, "User", &c->user, err);
	if (r == 0)
		r = get_copy(run, "WorkingDir", &c->working_dir, err);
	if (r == 0)
		r = get_copy(run, "StopSignal", &c->stop_signal, err);
	if (r == 0)
		r = json_get_strv(run, "Entrypoint", IMGCONFIG_ITEMS_MAX, &c->entrypoint, err);
	if (r == 0)
		r = json_get_strv(run, "Cmd", IMGCONFIG_ITEMS_MAX, &c->cmd, err);
	if (r == 0)
		r = get_env(run, &c->env, err);
	if (r == 0)
		r = get_labels(run, &c->labels, err);
	if (r == 0)
		r = get_keys(run, "Volumes", &c->volumes, err);
	if (r == 0)
		r = get_keys(run, "ExposedPorts", &c->exposed_ports, err);
	return r;
}

static int parse_diff_ids(struct json_object *o, struct imgconfig *c, struct error *err)
{
	struct json_object *rootfs;
	struct strv ids = { 0 };
	const char *type;
	int r = json_get_object(o, "rootfs", &rootfs, err);

	if (r < 0)
		return r;
	r = json_get_string(rootfs, "type", &type, err);
	if (r < 0)
		return r;
	if (!type || !str_eq(type, "layers"))
		return error_set(err, -EINVAL, "rootfs is not made of layers");
	r = json_get_strv(rootfs, "diff_ids", IMGCONFIG_LAYERS_MAX, &ids, err);
	if (r < 0)
		return r;
	c->diff_ids = xcalloc(ids.n ? ids.n : 1, sizeof(*c->diff_ids));
	for (size_t i = 0; i < ids.n; i++) {
		r = digest_parse(ids.v[i], &c->diff_ids[i]);
		if (r < 0) {
			error_set(err, r, "bad diff_id '%.80s'", ids.v[i]);
			break;
		}
	}
	c->n_diff_ids = ids.n;
	strv_done(&ids);
	return r;
}

static int fill(struct json_object *o, struct imgconfig *c, struct error *err)
{
	const char *created = NULL;
	int r;

	if (!json_object_is_type(o, json_type_object))
		return error_set(err, -EINVAL, "not a JSON object");
	r = get_platform_part(o, "os", c->platform.os, err);
	if (r == 0)
		r = get_platform_part(o, "architecture", c->platform.arch, err);
	if (r == 0)
		r = get_platform_part(o, "variant", c->platform.variant, err);
	if (r == 0)
		r = json_get_string(o, "created", &created, err);
	if (r < 0)
		return r;
	platform_normalize(&c->platform);
	c->created = created ? xstrdup(created) : NULL;
	r = parse_run(o, c, err);
	return r < 0 ? r : parse_diff_ids(o, c, err);
}

int imgconfig_parse(const char *json, size_t len, struct imgconfig *ret, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct imgconfig c = { 0 };
	int r;

	if (len > IMGCONFIG_SIZE_MAX)
		return error_set(err, -EFBIG, "image config of %zu bytes is larger than %d", len,
				 IMGCONFIG_SIZE_MAX);
	r = json_parse(json, len, &o, err);
	if (r == 0)
		r = fill(o, &c, err);
	if (r < 0) {
		imgconfig_done(&c);
		error_prefix(err, "image config");
		return r;
	}
	*ret = c;
	return 0;
}

int imgconfig_check_layers(const struct imgconfig *c, size_t n_layers, struct error *err)
{
	if (c->n_diff_ids != n_layers)
		return error_set(err, -EBADMSG,
				 "image config names %zu layers, the manifest has %zu",
				 c->n_diff_ids, n_layers);
	return 0;
}

void imgconfig_done(struct imgconfig *c)
{
	free(c->created);
	free(c->user);
	free(c->working_dir);
	free(c->stop_signal);
	strv_done(&c->entrypoint);
	strv_done(&c->cmd);
	strv_done(&c->env);
	strv_done(&c->labels);
	strv_done(&c->volumes);
	strv_done(&c->exposed_ports);
	free(c->diff_ids);
	*c = (struct imgconfig){ 0 };
}
