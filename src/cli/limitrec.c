/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/limitrec.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/output.h"
#include "codec/json.h"

enum number_kind {
	NUMBER_U64,
	NUMBER_I64,
	NUMBER_U32,
};

#define NUMBER(name, kind)                                 \
	{                                                  \
#name, kind, offsetof(struct limits, name) \
	}

/* Written where they are not 0. */
static const struct number {
	const char *key;
	enum number_kind kind;
	size_t offset;
} numbers[] = {
	NUMBER(memory, NUMBER_U64),
	NUMBER(memory_swap, NUMBER_I64),
	NUMBER(memory_reservation, NUMBER_U64),
	NUMBER(nano_cpus, NUMBER_U64),
	NUMBER(cpu_quota_us, NUMBER_U64),
	NUMBER(cpu_period_us, NUMBER_U64),
	NUMBER(cpu_shares, NUMBER_U64),
	NUMBER(pids, NUMBER_I64),
	NUMBER(blkio_weight, NUMBER_U32),
};

static int64_t get(const struct limits *l, const struct number *n)
{
	const void *p = (const char *)l + n->offset;

	switch (n->kind) {
	case NUMBER_U64:
	case NUMBER_I64: /* what was asked for fits (limitopt.c) */
		return *(const int64_t *)p;
	case NUMBER_U32:
		return *(const uint32_t *)p;
	}
	return 0;
}

static int set(struct limits *l, const struct number *n, int64_t v)
{
	void *p = (char *)l + n->offset;

	if (n->kind != NUMBER_I64 && v < 0)
		return -EINVAL;
	switch (n->kind) {
	case NUMBER_U64:
	case NUMBER_I64:
		*(int64_t *)p = v;
		return 0;
	case NUMBER_U32:
		if (v > UINT32_MAX)
			return -EINVAL;
		*(uint32_t *)p = (uint32_t)v;
		return 0;
	}
	return -EINVAL;
}

static void format_throttles(const struct limits *l, struct str_buf *out)
{
	json_add_key(out, "throttles");
	str_buf_addc(out, '[');
	for (size_t i = 0; i < l->n_throttles; i++) {
		const struct limits_throttle *t = &l->throttles[i];

		str_buf_adds(out, i ? ",{" : "{");
		output_json_member(out, "kind", limits_throttle_name(t->kind));
		output_json_member(out, "device", t->device);
		json_add_key(out, "rate");
		str_buf_addf(out, "%" PRIu64 "}", t->rate);
	}
	str_buf_addc(out, ']');
}

void limitrec_format(const struct limits *l, struct str_buf *out)
{
	if (!limits_any(l) && !l->pids && !l->memory_swap)
		return;
	json_add_key(out, "limits");
	str_buf_addc(out, '{');
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int64_t v = get(l, &numbers[i]);

		if (v == 0)
			continue;
		json_add_key(out, numbers[i].key);
		str_buf_addf(out, "%" PRId64, v);
	}
	if (l->cpuset_cpus)
		output_json_member(out, "cpuset_cpus", l->cpuset_cpus);
	if (l->cpuset_mems)
		output_json_member(out, "cpuset_mems", l->cpuset_mems);
	if (l->n_throttles)
		format_throttles(l, out);
	str_buf_addc(out, '}');
}

static int get_word(struct json_object *o, const char *key, char **ret, struct error *err)
{
	const char *s;
	int r = json_get_string(o, key, &s, err);

	if (r == 0 && s)
		*ret = xstrdup(s);
	return r;
}

static int parse_throttle(struct json_object *o, struct limits *l, struct error *err)
{
	struct limits_throttle t = { 0 };
	const char *kind, *device;
	bool found;
	int r;

	r = json_get_string(o, "kind", &kind, err);
	if (r == 0)
		r = json_get_string(o, "device", &device, err);
	if (r == 0)
		r = json_get_u64(o, "rate", &t.rate, &found, err);
	if (r < 0)
		return r;
	while (kind && t.kind < LIMITS_THROTTLE_KINDS &&
	       !str_eq(kind, limits_throttle_name(t.kind)))
		t.kind++;
	if (!kind || !device || t.kind == LIMITS_THROTTLE_KINDS || t.rate == 0)
		return error_set(err, -EINVAL, "a throttle that is not complete");
	t.device = xstrdup(device);
	limits_add_throttle(l, &t);
	return 0;
}

static int parse_throttles(struct json_object *o, struct limits *l, struct error *err)
{
	struct json_object *list;
	int r = json_get_array(o, "throttles", LIMITS_THROTTLES_MAX, &list, err);

	if (r < 0 || !list)
		return r;
	for (size_t i = 0; i < json_object_array_length(list) && r == 0; i++)
		r = parse_throttle(json_object_array_get_idx(list, i), l, err);
	return r;
}

int limitrec_parse(struct json_object *doc, struct limits *ret, struct error *err)
{
	_cleanup_(limits_done) struct limits l = { 0 };
	struct json_object *o;
	int r;

	r = json_get_object(doc, "limits", &o, err);
	if (r < 0 || !o)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && r == 0; i++) {
		int64_t v = 0;

		r = json_get_i64(o, numbers[i].key, &v, err);
		if (r == 0 && set(&l, &numbers[i], v) < 0)
			r = error_set(err, -EINVAL, "limit %s is out of range", numbers[i].key);
	}
	if (r == 0)
		r = get_word(o, "cpuset_cpus", &l.cpuset_cpus, err);
	if (r == 0)
		r = get_word(o, "cpuset_mems", &l.cpuset_mems, err);
	if (r == 0)
		r = parse_throttles(o, &l, err);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct limits){ 0 };
	return 0;
}
