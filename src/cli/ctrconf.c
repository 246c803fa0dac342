/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/ctrconf.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/limitrec.h"
#include "cli/output.h"
#include "codec/json.h"

/* The simple members, in the order of the document. */
enum field_kind {
	FIELD_STRING,
	FIELD_STRV,
	FIELD_BOOL,
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
};

#define FIELD(name, kind)                                   \
	{                                                   \
#name, kind, offsetof(struct ctrconf, name) \
	}

static const struct field fields[] = {
	FIELD(image, FIELD_STRING),	  FIELD(image_id, FIELD_STRING),
	FIELD(user, FIELD_STRING),	  FIELD(cwd, FIELD_STRING),
	FIELD(stop_signal, FIELD_STRING), FIELD(hostname, FIELD_STRING),
	FIELD(layers, FIELD_STRV),	  FIELD(entrypoint, FIELD_STRV),
	FIELD(cmd, FIELD_STRV),		  FIELD(env, FIELD_STRV),
	FIELD(labels, FIELD_STRV),	  FIELD(cap_add, FIELD_STRV),
	FIELD(cap_drop, FIELD_STRV),	  FIELD(tty, FIELD_BOOL),
	FIELD(open_stdin, FIELD_BOOL),	  FIELD(remove, FIELD_BOOL),
	FIELD(init, FIELD_BOOL),	  FIELD(read_only, FIELD_BOOL),
	FIELD(no_new_privs, FIELD_BOOL),  FIELD(seccomp_off, FIELD_BOOL),
	FIELD(here_home, FIELD_STRING),	  FIELD(here, FIELD_BOOL),
	FIELD(user_asked, FIELD_BOOL),	  FIELD(real_ids, FIELD_BOOL),
	FIELD(volumes, FIELD_STRV),
};

static const char *const net_names[] = {
	[NET_NONE] = "none",
	[NET_PRIVATE] = "private",
	[NET_HOST] = "host",
};

/* Names that docker and podman users type for what is `private` here. */
static const char *const private_aliases[] = { "bridge", "default", "slirp4netns", "pasta" };

const char *net_mode_name(enum net_mode mode)
{
	return net_names[mode];
}

int net_mode_parse(const char *s, enum net_mode *ret, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(net_names); i++)
		if (str_eq(s, net_names[i])) {
			*ret = (enum net_mode)i;
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(private_aliases); i++)
		if (str_eq(s, private_aliases[i])) {
			*ret = NET_PRIVATE;
			return 0;
		}
	error_set(err, -EINVAL, "network mode '%s' is not known", s);
	error_hint(err, "this version has none, private and host");
	return -EINVAL;
}

static void *field_of(const struct ctrconf *rec, const struct field *f)
{
	return (char *)rec + f->offset;
}

void ctrconf_done(struct ctrconf *rec)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		void *p = field_of(rec, &fields[i]);

		if (fields[i].kind == FIELD_STRING)
			freep(p);
		else if (fields[i].kind == FIELD_STRV)
			strv_done(p);
	}
	for (size_t i = 0; i < rec->n_mounts; i++) {
		free(rec->mounts[i].source);
		free(rec->mounts[i].target);
		free(rec->mounts[i].options);
	}
	free(rec->mounts);
	limits_done(&rec->limits);
	strv_done(&rec->ulimits);
	*rec = (struct ctrconf){ 0 };
}

void ctrconf_add_mount(struct ctrconf *rec, const struct ctrconf_mount *m)
{
	rec->mounts =
		array_grow(rec->mounts, rec->n_mounts, &rec->cap_mounts, sizeof(*rec->mounts));
	rec->mounts[rec->n_mounts++] = *m;
}

/*
 * JSON holds no bytes that are not UTF-8, and words and paths have them: each such byte is U+FDD0,
 * which is no character for ever, and two hex digits. That character itself is written so, too.
 */
#define ESCAPE "\xef\xb7\x90"

static char *escape(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = strlen(s);
	struct str_buf b;

	str_buf_init(&b, n * (sizeof(ESCAPE) + 1) + 1);
	while (n) {
		size_t len = str_utf8_len(p, n);

		if (len == 0 || str_starts((const char *)p, ESCAPE)) {
			len = 1;
			str_buf_addf(&b, ESCAPE "%02x", *p);
		} else {
			str_buf_add(&b, p, len);
		}
		p += len;
		n -= len;
	}
	return str_buf_take(&b);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: it only gets shorter. */
static int unescape(char *s)
{
	char *to = s;

	while (*s) {
		int high, low;

		if (!str_starts(s, ESCAPE)) {
			*to++ = *s++;
			continue;
		}
		s += sizeof(ESCAPE) - 1;
		high = hex_digit(s[0]);
		low = high < 0 ? -1 : hex_digit(s[1]);
		if (low < 0 || (high | low) == 0)
			return -EINVAL;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = '\0';
	return 0;
}

static void format_word(struct str_buf *out, const char *key, const char *value)
{
	_cleanup_(freep) char *s = escape(value);

	output_json_member(out, key, s);
}

static void format_words(struct str_buf *out, const char *key, const struct strv *v)
{
	_cleanup_(strv_done) struct strv escaped = { 0 };

	for (size_t i = 0; i < v->n; i++)
		strv_add_take(&escaped, escape(v->v[i]));
	json_add_strv(out, key, &escaped);
}

static void format_mounts(const struct ctrconf *rec, struct str_buf *out)
{
	json_add_key(out, "mounts");
	str_buf_addc(out, '[');
	for (size_t i = 0; i < rec->n_mounts; i++) {
		const struct ctrconf_mount *m = &rec->mounts[i];

		str_buf_adds(out, i ? ",{" : "{");
		output_json_member(out, "type", m->kind == CTR_MOUNT_BIND ? "bind" : "tmpfs");
		format_word(out, "source", m->source);
		format_word(out, "target", m->target);
		format_word(out, "options", m->options);
		json_add_key(out, "flags");
		str_buf_addf(out, "%u}", (unsigned)m->flags);
	}
	str_buf_addc(out, ']');
}

/* A reader of version 1 would start the container without them. */
static bool has_resources(const struct ctrconf *rec)
{
	return limits_any(&rec->limits) || rec->limits.pids || rec->limits.memory_swap ||
	       rec->ulimits.n || rec->shm_size || rec->oom_asked;
}

static void format_resources(const struct ctrconf *rec, struct str_buf *out)
{
	limitrec_format(&rec->limits, out);
	if (rec->ulimits.n)
		json_add_strv(out, "ulimits", &rec->ulimits);
	if (rec->shm_size) {
		json_add_key(out, "shm_size");
		str_buf_addf(out, "%" PRIu64, rec->shm_size);
	}
	if (rec->oom_asked) {
		json_add_key(out, "oom_score_adj");
		str_buf_addf(out, "%" PRId64, rec->oom_score_adj);
	}
}

void ctrconf_format(const struct ctrconf *rec, struct str_buf *out)
{
	bool resources = has_resources(rec);

	/* A reader of version 1 would make root of somebody who wants to be himself. */
	str_buf_addf(out, "{\"version\":%d", resources || rec->here ? CTRCONF_VERSION : 1);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const void *p = field_of(rec, f);

		switch (f->kind) {
		case FIELD_STRING:
			format_word(out, f->key, *(char *const *)p ? *(char *const *)p : "");
			break;
		case FIELD_STRV:
			format_words(out, f->key, p);
			break;
		case FIELD_BOOL:
			json_add_bool(out, f->key, *(const bool *)p);
			break;
		}
	}
	output_json_member(out, "network", net_mode_name(rec->net));
	json_add_key(out, "caps");
	str_buf_addf(out, "%" PRIu64, rec->caps);
	format_mounts(rec, out);
	if (resources)
		format_resources(rec, out);
	str_buf_addc(out, '}');
}

static int get_string(struct json_object *o, const char *key, char **ret, struct error *err)
{
	const char *s;
	int r;

	r = json_get_string(o, key, &s, err);
	if (r < 0)
		return r;
	*ret = xstrdup(s ? s : "");
	r = unescape(*ret);
	return r < 0 ? error_code(err, r, "member %s", key) : 0;
}

static int get_words(struct json_object *o, const char *key, struct strv *ret, struct error *err)
{
	int r;

	r = json_get_strv(o, key, CTRCONF_ITEMS_MAX, ret, err);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		r = unescape(ret->v[i]);
		if (r < 0)
			error_code(err, r, "member %s", key);
	}
	return r;
}

static int parse_field(struct json_object *doc, const struct field *f, struct ctrconf *rec,
		       struct error *err)
{
	void *p = field_of(rec, f);

	switch (f->kind) {
	case FIELD_STRING:
		return get_string(doc, f->key, p, err);
	case FIELD_STRV:
		return get_words(doc, f->key, p, err);
	case FIELD_BOOL:
		return json_get_bool(doc, f->key, p, err);
	}
	return -EINVAL;
}

static int parse_mount(struct json_object *o, struct ctrconf *rec, struct error *err)
{
	struct ctrconf_mount m = { 0 };
	const char *type;
	uint64_t flags = 0;
	bool found;
	int r;

	r = json_get_string(o, "type", &type, err);
	if (r == 0 && (!type || (!str_eq(type, "bind") && !str_eq(type, "tmpfs"))))
		r = error_set(err, -EINVAL, "a mount without a known type");
	if (r == 0)
		r = json_get_u64(o, "flags", &flags, &found, err);
	if (r == 0)
		r = get_string(o, "source", &m.source, err);
	if (r == 0)
		r = get_string(o, "target", &m.target, err);
	if (r == 0)
		r = get_string(o, "options", &m.options, err);
	m.kind = r == 0 && str_eq(type, "tmpfs") ? CTR_MOUNT_TMPFS : CTR_MOUNT_BIND;
	m.flags = (enum ctr_mount_flags)flags;
	ctrconf_add_mount(rec, &m);
	return r;
}

static int parse_mounts(struct json_object *doc, struct ctrconf *rec, struct error *err)
{
	struct json_object *list;
	int r;

	r = json_get_array(doc, "mounts", CTRCONF_ITEMS_MAX, &list, err);
	if (r < 0 || !list)
		return r;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		r = parse_mount(json_object_array_get_idx(list, i), rec, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_resources(struct json_object *doc, struct ctrconf *rec, struct error *err)
{
	bool found;
	int r;

	r = limitrec_parse(doc, &rec->limits, err);
	if (r == 0)
		r = json_get_strv(doc, "ulimits", CTRCONF_ITEMS_MAX, &rec->ulimits, err);
	if (r == 0)
		r = json_get_u64(doc, "shm_size", &rec->shm_size, &found, err);
	rec->oom_asked = json_has(doc, "oom_score_adj");
	return r < 0 ? r : json_get_i64(doc, "oom_score_adj", &rec->oom_score_adj, err);
}

static int parse_rest(struct json_object *doc, struct ctrconf *rec, struct error *err)
{
	const char *net;
	bool found;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		r = parse_field(doc, &fields[i], rec, err);
		if (r < 0)
			return r;
	}
	r = json_get_string(doc, "network", &net, err);
	if (r == 0)
		r = net_mode_parse(net ? net : "none", &rec->net, err);
	if (r == 0)
		r = json_get_u64(doc, "caps", &rec->caps, &found, err);
	if (r == 0)
		r = parse_mounts(doc, rec, err);
	return r < 0 ? r : parse_resources(doc, rec, err);
}

int ctrconf_stop_signal(const struct ctrconf *rec, int *ret, struct error *err)
{
	return signal_parse(*rec->stop_signal ? rec->stop_signal : "SIGTERM", ret, err);
}

int ctrconf_parse(const char *text, size_t len, struct ctrconf *ret, struct error *err)
{
	_cleanup_(json_putp) struct json_object *doc = NULL;
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	uint64_t version = 0;
	bool found;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_get_u64(doc, "version", &version, &found, err);
	if (r == 0 && (version < 1 || version > CTRCONF_VERSION))
		r = error_set(err, -EINVAL, "record version %" PRIu64 " is not known", version);
	if (r == 0)
		r = parse_rest(doc, &rec, err);
	if (r < 0) {
		error_prefix(err, "read the container's config");
		return r;
	}
	*ret = rec;
	rec = (struct ctrconf){ 0 };
	return 0;
}
