/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <sys/utsname.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "oci/platform.h"

struct version_options {
	const char *format;
};

static const struct opt options[] = {
	{ "format", 'f', OPT_STRING, offsetof(struct version_options, format), "json",
	  "print JSON instead of lines" },
	{ NULL },
};

static void print_json(const char *platform, const struct utsname *u)
{
	_cleanup_(str_buf_done) struct str_buf out;

	str_buf_init(&out, 4096);
	str_buf_adds(&out, "{\"Client\":{\"Version\":");
	str_buf_add_json(&out, PACKAGE_VERSION, strlen(PACKAGE_VERSION));
	str_buf_adds(&out, ",\"OsArch\":");
	str_buf_add_json(&out, platform, strlen(platform));
	str_buf_adds(&out, ",\"KernelVersion\":");
	str_buf_add_json(&out, u->release, strlen(u->release));
	str_buf_adds(&out, "}}");
	puts(out.s);
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct version_options o = { 0 };
	char name[100], **args;
	struct platform host;
	struct utsname u;
	int r, json;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ 0 }, &o, &args, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	json = output_format_json(o.format, err);
	if (json < 0)
		return json;
	if (uname(&u) < 0)
		return error_sys(err, "ask the kernel for its name");
	platform_host(&host); /* as images are named */
	platform_format(&host, name);
	if (json) {
		print_json(name, &u);
		return 0;
	}
	printf("Version:  %s\nOS/Arch:  %s\nKernel:   %s\n", PACKAGE_VERSION, name, u.release);
	return 0;
}

const struct command cmd_version = {
	.name = "version",
	.group = GROUP_HOST,
	.summary = "print the version, the platform and the kernel",
	.usage = "[OPTIONS]",
	.options = options,
	.any_caller = true,
	.run = run,
};
