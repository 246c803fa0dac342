/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/inspect.h"
#include "cli/limitopt.h"
#include "cli/output.h"

enum {
	SHM_SIZE_USUAL = 64 << 20,
};

struct inspect_options {
	const char *type;
};

static const struct opt options[] = {
	{ "type", 0, OPT_STRING, offsetof(struct inspect_options, type), "container|image",
	  "only the one or the other" },
	{ NULL },
};

static const struct opt no_options[] = {
	{ NULL },
};

/* An object in docker's order and spelling; members that docker has and we cannot fill are left
 * out. */

static void open_object(struct str_buf *b, const char *key)
{
	json_add_key(b, key);
	str_buf_addc(b, '{');
}

static void add_number(struct str_buf *b, const char *key, long long n)
{
	json_add_key(b, key);
	str_buf_addf(b, "%lld", n);
}

static void add_state(struct str_buf *b, const struct container *c)
{
	const struct container_state *st = &c->state;
	bool running = st->status == CONTAINER_RUNNING;

	open_object(b, "State");
	output_json_member(b, "Status", ctrcmd_status(c));
	json_add_bool(b, "Running", running);
	json_add_bool(b, "Paused", c->paused);
	json_add_bool(b, "OOMKilled", st->oom_killed);
	add_number(b, "Pid", running ? st->pid : 0);
	add_number(b, "ExitCode", running ? 0 : st->exit_code);
	output_json_member(b, "Error", st->error);
	output_json_member(b, "StartedAt", output_time(st->started));
	output_json_member(b, "FinishedAt", output_time(st->finished));
	str_buf_addc(b, '}');
}

static void add_labels(struct str_buf *b, const struct strv *labels)
{
	open_object(b, "Labels");
	for (size_t i = 0; i < labels->n; i++) {
		size_t n = strcspn(labels->v[i], "=");
		_cleanup_(freep) char *key = xstrndup(labels->v[i], n);

		output_json_member(b, key, labels->v[i] + n + (labels->v[i][n] == '='));
	}
	str_buf_addc(b, '}');
}

static void add_config(struct str_buf *b, const struct container *c, const struct ctrconf *rec)
{
	char host[ID_SHORT_LEN + 1];

	ignore_result(str_print(host, sizeof(host), "%.*s", ID_SHORT_LEN, c->id)); /* fits */
	open_object(b, "Config");
	output_json_member(b, "Hostname", *rec->hostname ? rec->hostname : host);
	output_json_member(b, "User", rec->user);
	json_add_bool(b, "Tty", rec->tty);
	json_add_bool(b, "OpenStdin", rec->open_stdin);
	json_add_strv(b, "Env", &rec->env);
	json_add_strv(b, "Cmd", &rec->cmd);
	output_json_member(b, "Image", rec->image);
	output_json_member(b, "WorkingDir", rec->cwd);
	json_add_strv(b, "Entrypoint", &rec->entrypoint);
	add_labels(b, &rec->labels);
	output_json_member(b, "StopSignal", rec->stop_signal);
	str_buf_addc(b, '}');
}

static void add_throttles(struct str_buf *b, const char *key, enum limits_throttle_kind kind,
			  const struct limits *l)
{
	bool first = true;

	json_add_key(b, key);
	str_buf_addc(b, '[');
	for (size_t i = 0; i < l->n_throttles; i++) {
		const struct limits_throttle *t = &l->throttles[i];

		if (t->kind != kind)
			continue;
		str_buf_adds(b, first ? "{" : ",{");
		output_json_member(b, "Path", t->device);
		add_number(b, "Rate", (long long)t->rate);
		str_buf_addc(b, '}');
		first = false;
	}
	str_buf_addc(b, ']');
}

/* Where none was asked for it is as much swap as memory (cgroup_value.h). */
static long long memory_swap(const struct limits *l)
{
	if (l->memory_swap)
		return l->memory_swap;
	return l->memory > INT64_MAX / 2 ? INT64_MAX : 2 * (long long)l->memory;
}

static void add_limits(struct str_buf *b, const struct limits *l)
{
	/* docker shows either --cpus or the two that it stands for. */
	bool nano = l->nano_cpus > 0;

	add_number(b, "CpuShares", (long long)l->cpu_shares);
	add_number(b, "Memory", (long long)l->memory);
	add_number(b, "NanoCpus", (long long)l->nano_cpus);
	add_number(b, "BlkioWeight", l->blkio_weight);
	add_throttles(b, "BlkioDeviceReadBps", LIMITS_READ_BPS, l);
	add_throttles(b, "BlkioDeviceWriteBps", LIMITS_WRITE_BPS, l);
	add_throttles(b, "BlkioDeviceReadIOps", LIMITS_READ_IOPS, l);
	add_throttles(b, "BlkioDeviceWriteIOps", LIMITS_WRITE_IOPS, l);
	add_number(b, "CpuPeriod", nano ? 0 : (long long)l->cpu_period_us);
	add_number(b, "CpuQuota", nano ? 0 : (long long)l->cpu_quota_us);
	output_json_member(b, "CpusetCpus", l->cpuset_cpus ? l->cpuset_cpus : "");
	output_json_member(b, "CpusetMems", l->cpuset_mems ? l->cpuset_mems : "");
	add_number(b, "MemoryReservation", (long long)l->memory_reservation);
	add_number(b, "MemorySwap", memory_swap(l));
	add_number(b, "PidsLimit", l->pids);
}

static long long limit_number(rlim_t v)
{
	return v == RLIM_INFINITY ? -1 : (long long)v;
}

static void add_ulimits(struct str_buf *b, const struct strv *ulimits)
{
	json_add_key(b, "Ulimits");
	str_buf_addc(b, '[');
	for (size_t i = 0; i < ulimits->n; i++) {
		struct ctr_rlimit v;

		/* Of our own record, where it was checked before it was written. */
		if (limitopt_ulimit(ulimits->v[i], &v, NULL) < 0)
			continue;
		str_buf_adds(b, b->s[b->len - 1] == '[' ? "{" : ",{");
		output_json_member(b, "Name", limitopt_ulimit_name(v.resource));
		add_number(b, "Hard", limit_number(v.value.rlim_max));
		add_number(b, "Soft", limit_number(v.value.rlim_cur));
		str_buf_addc(b, '}');
	}
	str_buf_addc(b, ']');
}

static void add_host_config(struct str_buf *b, const struct ctrconf *rec)
{
	struct strv security = { 0 };

	if (rec->no_new_privs)
		strv_add(&security, "no-new-privileges");
	if (rec->seccomp_off)
		strv_add(&security, "seccomp=unconfined");
	open_object(b, "HostConfig");
	output_json_member(b, "NetworkMode", net_mode_name(rec->net));
	json_add_bool(b, "AutoRemove", rec->remove);
	json_add_strv(b, "CapAdd", &rec->cap_add);
	json_add_strv(b, "CapDrop", &rec->cap_drop);
	json_add_bool(b, "ReadonlyRootfs", rec->read_only);
	json_add_strv(b, "SecurityOpt", &security);
	json_add_bool(b, "Init", rec->init);
	add_number(b, "OomScoreAdj", rec->oom_score_adj);
	add_number(b, "ShmSize", (long long)(rec->shm_size ? rec->shm_size : SHM_SIZE_USUAL));
	add_limits(b, &rec->limits);
	add_ulimits(b, &rec->ulimits);
	str_buf_addc(b, '}');
	strv_done(&security);
}

/* The words behind the target, as docker has them. */
static void add_mode(struct str_buf *b, const struct ctrconf_mount *m)
{
	static const struct {
		enum ctr_mount_flags flag;
		const char *word;
	} words[] = {
		{ CTR_MOUNT_RO, "ro" },
		{ CTR_MOUNT_NOEXEC, "noexec" },
		{ CTR_MOUNT_NOSUID, "nosuid" },
		{ CTR_MOUNT_NODEV, "nodev" },
	};
	char mode[64] = "";
	size_t n = 0;

	for (size_t i = 0; m->kind == CTR_MOUNT_BIND && i < ARRAY_SIZE(words); i++)
		if (m->flags & words[i].flag)
			n += (size_t)snprintf(mode + n, sizeof(mode) - n, "%s%s", n ? "," : "",
					      words[i].word);
	output_json_member(b, "Mode", n ? mode : m->options);
}

static void add_mounts(struct str_buf *b, const struct ctrconf *rec)
{
	json_add_key(b, "Mounts");
	str_buf_addc(b, '[');
	for (size_t i = 0; i < rec->n_mounts; i++) {
		const struct ctrconf_mount *m = &rec->mounts[i];

		str_buf_adds(b, i ? ",{" : "{");
		output_json_member(b, "Type", m->kind == CTR_MOUNT_BIND ? "bind" : "tmpfs");
		output_json_member(b, "Source", m->source);
		output_json_member(b, "Destination", m->target);
		add_mode(b, m);
		json_add_bool(b, "RW", !(m->flags & CTR_MOUNT_RO));
		str_buf_addc(b, '}');
	}
	str_buf_addc(b, ']');
}

static void add_container(struct str_buf *b, const struct container *c, const struct ctrconf *rec,
			  const char *store)
{
	const struct strv *cmd = rec->entrypoint.n ? &rec->entrypoint : &rec->cmd;
	_cleanup_(freep) char *name = xasprintf("/%s", c->name);
	_cleanup_(freep) char *log = xasprintf("%s/containers/%s/log", store, c->id);
	struct strv args = { 0 };

	strv_copy(&args, rec->entrypoint.v);
	strv_copy(&args, rec->cmd.v);
	str_buf_addc(b, '{');
	output_json_member(b, "Id", c->id);
	output_json_member(b, "Created", output_time(c->created));
	output_json_member(b, "Path", cmd->n ? cmd->v[0] : "");
	if (args.n) {
		struct strv rest = { .v = args.v + 1, .n = args.n - 1 };

		json_add_strv(b, "Args", &rest);
	}
	add_state(b, c);
	output_json_member(b, "Image", rec->image_id);
	output_json_member(b, "LogPath", log);
	output_json_member(b, "Name", name);
	add_host_config(b, rec);
	add_mounts(b, rec);
	add_config(b, c, rec);
	str_buf_addc(b, '}');
	strv_done(&args);
}

int inspect_container(struct cli *cli, const char *name, struct str_buf *out, struct error *err)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	struct container c;
	int r;

	r = ctrcmd_find(cli, name, &c, err);
	if (r < 0)
		return r;
	r = ctrcmd_record(&c, &rec, err);
	if (r == 0)
		add_container(out, &c, &rec, cli->store->path);
	container_done(&c);
	return r;
}

/* docker's order: a container hides an image of the same name. */
static int inspect_either(struct cli *cli, const char *name, struct str_buf *out, struct error *err)
{
	int r;

	r = inspect_container(cli, name, out, err);
	if (r != -ENOENT)
		return r;
	error_clear(err);
	r = inspect_image(cli, name, out, err);
	if (r != -ENOENT)
		return r;
	error_set(err, r, "no such container or image: %s", name);
	error_hint(err, "`carrel ps -a` and `carrel images` list them");
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct inspect_options o = { 0 };
	inspect_fn fn = inspect_either;
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (o.type && str_eq(o.type, "container")) {
		fn = inspect_container;
	} else if (o.type && str_eq(o.type, "image")) {
		fn = inspect_image;
	} else if (o.type) {
		error_set(err, -EINVAL, "--type: '%s' is not known", o.type);
		error_hint(err, "this version has `container` and `image`");
		return -EINVAL;
	}
	return inspect_print(cli, args, fn, err);
}

static int run_container(struct cli *cli, int argc, char **argv, struct error *err)
{
	return inspect_run(cli, argc, argv, inspect_container, err);
}

const struct command cmd_container_inspect = {
	.name = "container inspect",
	.group = GROUP_CONTAINER,
	.summary = "print what is known about containers, as JSON",
	.usage = "CONTAINER...",
	.options = no_options,
	.run = run_container,
};

const struct command cmd_inspect = {
	.name = "inspect",
	.group = GROUP_CONTAINER,
	.summary = "print what is known about containers or images, as JSON",
	.usage = "[OPTIONS] NAME...",
	.options = options,
	.run = run,
};
