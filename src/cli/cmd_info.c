/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/landlock.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "runtime/probe.h"
#include "runtime/userns.h"
#include "storage/container.h"
#include "storage/image.h"

enum {
	INFO_JSON_MAX = 64 << 10,
};

struct info_options {
	const char *format;
};

static const struct opt options[] = {
	{ "format", 'f', OPT_STRING, offsetof(struct info_options, format), "json",
	  "print JSON instead of lines" },
	{ NULL },
};

struct info {
	char *store;
	char uuid[37], runtime[4096];
	size_t images, containers, running;
	struct utsname uts;
	uint32_t ids;	  /* of the map that containers get; 0 = none */
	char no_ids[128]; /* why */
	enum dcode one;	  /* why there is one only */
	const char *driver;
	enum dcode no_overlay; /* why it is another one */
};

/* Found by doing: what the files say is not yet a map. */
static void count_ids(struct info *i)
{
	struct error err = { 0 };
	struct idmap map;

	if (userns_try(&map, &err) == 0) {
		i->ids = idmap_count(&map);
		i->one = map.why;
		return;
	}
	const struct dcode_row *row = dcode_get(err.dcode);

	ignore_result(str_print(i->no_ids, sizeof(i->no_ids), "none [%s]", /* it fits */
				row ? row->name : "?"));
}

/* What joins the layers here. */
static void find_driver(struct info *i)
{
	struct probe_host host = { .store = i->store };
	struct probe_result overlay, fuse = { .level = PROBE_LOST };
	const struct dcode_row *row;

	probe_run("overlay", &host, &overlay);
	if (overlay.level == PROBE_OK) {
		i->driver = "overlay";
		return;
	}
	i->no_overlay = overlay.dcode;
	row = dcode_get(overlay.dcode);
	/* Its place is to blame, or the driver: only then is there another. */
	if (row && str_eq(row->probe, "overlay"))
		probe_run("fuse", &host, &fuse);
	i->driver = fuse.level == PROBE_OK ? "fuse-overlayfs" : "none";
}

static int count(struct info *i, struct store *s, struct error *err)
{
	struct container *containers;
	struct image *images;
	int r;

	r = image_list(s, &images, &i->images, err);
	if (r < 0)
		return r;
	image_list_done(images, i->images);
	r = container_list(s, &containers, &i->containers, err);
	if (r < 0)
		return r;
	for (size_t k = 0; k < i->containers; k++)
		i->running += containers[k].state.status == CONTAINER_RUNNING;
	container_list_done(containers, i->containers);
	return 0;
}

static int look(struct cli *cli, struct info *i, struct error *err)
{
	struct store *s;
	int r;

	i->store = dirs_store(cli->root, err);
	if (!i->store)
		return -EINVAL;
	if (uname(&i->uts) < 0)
		return error_sys(err, "ask the kernel for its name");
	count_ids(i);
	find_driver(i);
	r = cli_store(cli, STORE_READONLY, &s, err);
	if (r == -ENOENT) {
		error_clear(err); /* nothing was ever stored */
		return 0;
	}
	if (r < 0)
		return r;
	ignore_result(str_copy(i->uuid, sizeof(i->uuid), s->uuid)); /* of the same size */
	if (s->runtime_path)
		ignore_result(str_copy(i->runtime, sizeof(i->runtime), s->runtime_path));
	return count(i, s, err);
}

static const char *tier(const struct info *i)
{
	if (i->ids > 1)
		return "A";
	return i->ids ? "B" : "none";
}

static int print_json(const struct info *i, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, INFO_JSON_MAX);
	str_buf_addc(&b, '{');
	output_json_member(&b, "Version", PACKAGE_VERSION);
	output_json_member(&b, "Store", i->store);
	output_json_member(&b, "StoreId", i->uuid);
	output_json_member(&b, "RuntimeDir", i->runtime);
	output_json_member(&b, "Driver", i->driver);
	output_json_member(&b, "Tier", tier(i));
	str_buf_addf(&b, ",\"Ids\":%u,\"Images\":%zu,\"Containers\":%zu,\"ContainersRunning\":%zu",
		     i->ids, i->images, i->containers, i->running);
	str_buf_addf(&b, ",\"Landlock\":%d", landlock_version());
	output_json_member(&b, "KernelVersion", i->uts.release);
	output_json_member(&b, "Architecture", i->uts.machine);
	str_buf_addc(&b, '}');
	if (str_buf_end(&b) < 0)
		return error_code(err, -EFBIG, "make the JSON document");
	puts(b.s);
	return 0;
}

static void print_text(const struct info *i)
{
	const struct dcode_row *why = dcode_get(i->no_overlay);

	printf("Version:     %s\n", PACKAGE_VERSION);
	printf("Store:       %s%s\n", i->store, *i->uuid ? "" : " (not made yet)");
	if (*i->uuid)
		printf("Store id:    %s\n", i->uuid);
	if (*i->runtime)
		printf("Runtime dir: %s\n", i->runtime);
	printf("Driver:      %s%s%s%s\n", i->driver, why ? " [" : "", why ? why->name : "",
	       why ? "]" : "");
	printf("Images:      %zu\n", i->images);
	printf("Containers:  %zu, %zu running\n", i->containers, i->running);
	if (i->ids == 1 && dcode_get(i->one))
		printf("Ids:         1 (tier B) [%s]\n", dcode_get(i->one)->name);
	else if (i->ids)
		printf("Ids:         %u (tier %s)\n", i->ids, tier(i));
	else
		printf("Ids:         %s\n", i->no_ids);
	printf("Kernel:      %s, %s\n", i->uts.release, i->uts.machine);
	/* The second line behind what pull confines; nothing is lost but that. */
	if (landlock_version())
		printf("Landlock:    version %d\n", landlock_version());
	else
		printf("Landlock:    none\n");
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct info_options o = { 0 };
	struct info i = { 0 };
	char **args;
	int r, json;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ 0 }, &o, &args, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	json = output_format_json(o.format, err);
	if (json < 0)
		return json;
	r = look(cli, &i, err);
	if (r == 0 && json)
		r = print_json(&i, err);
	else if (r == 0)
		print_text(&i);
	free(i.store);
	return r;
}

const struct command cmd_info = {
	.name = "info",
	.group = GROUP_HOST,
	.summary = "show where things lie, how many there are, and the kernel",
	.usage = "[OPTIONS]",
	.options = options,
	.run = run,
};
