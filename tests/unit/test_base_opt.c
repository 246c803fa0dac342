/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <stddef.h>

#include "base/num.h"
#include "base/opt.h"

struct fill {
	bool interactive, tty, all;
	const char *name, *verify;
	struct strv env;
	uint64_t size;
};

static int call_size(const char *value, void *data, struct error *err)
{
	struct fill *f = data;
	int r = num_size(value, &f->size);

	return r < 0 ? error_set(err, r, "bad size '%s'", value) : 0;
}

static const struct opt table[] = {
	{ "interactive", 'i', OPT_FLAG, offsetof(struct fill, interactive), NULL,
	  "keep the standard input open" },
	{ "tty", 't', OPT_FLAG, offsetof(struct fill, tty), NULL, "give it a terminal" },
	{ "all", 0, OPT_FLAG, offsetof(struct fill, all), NULL, NULL },
	{ "verify", 0, OPT_SWITCH, offsetof(struct fill, verify), NULL, "three states" },
	{ "name", 0, OPT_STRING, offsetof(struct fill, name), "NAME", "name of the container" },
	{ "env", 'e', OPT_LIST, offsetof(struct fill, env), "NAME=VALUE",
	  "set an environment variable, many words follow so that the line is wrapped at least "
	  "once and again for the sake of this test" },
	{ "size-of-something-long", 's', OPT_CALL, 0, "BYTES", "how large", call_size },
	{ "publish", 'p', OPT_REFUSED, 0, NULL, "ports are published from version 0.3 on",
	  .takes_value = true },
	{ "rm-all", 0, OPT_REFUSED, 0, NULL, "never" },
	{ 0 },
};

/* argv is permuted in place, so each call has its own. */
struct run {
	struct fill f;
	char *argv[16], **args;
	int r, argc;
	bool help;
	struct error err;
};

static void parse(struct run *p, enum opt_parse_flags flags, const char *const *words)
{
	strv_done(&p->f.env);
	*p = (struct run){ .argc = 1, .argv = { (char *)"carrel" } };
	for (; *words; words++)
		p->argv[p->argc++] = (char *)*words;
	p->r = opt_parse(table, p->argc, p->argv, flags, &p->f, &p->args, &p->help, &p->err);
}

#define PARSE(p, flags, ...) parse(p, flags, (const char *const[]){ __VA_ARGS__, NULL })

static void test_forms(void **state)
{
	struct run p = { 0 };

	(void)state;
	PARSE(&p, 0, "-it", "-eA=1", "-e", "B=2", "-e=C=3", "--env", "D=4", "--env=E=5", "--name=x",
	      "--name", "-y", "-s2k");
	assert_int_equal(p.r, 0);
	assert_true(p.f.interactive && p.f.tty && !p.f.all);
	assert_int_equal(p.f.env.n, 5);
	assert_string_equal(p.f.env.v[0], "A=1");
	assert_string_equal(p.f.env.v[2], "C=3");
	assert_string_equal(p.f.env.v[4], "E=5");
	assert_string_equal(p.f.name, "-y"); /* a value may look like an option */
	assert_int_equal(p.f.size, 2048);
	assert_null(p.args[0]);

	PARSE(&p, 0, "-ite", "A=1", "--interactive=false", "--all=True", "-t=0");
	assert_int_equal(p.r, 0);
	assert_true(!p.f.interactive && p.f.all && !p.f.tty);
	assert_string_equal(p.f.env.v[0], "A=1");
	assert_null(p.f.verify);
	strv_done(&p.f.env);
}

static void test_switch(void **state)
{
	struct run p = { 0 };

	(void)state;
	PARSE(&p, 0, "--verify", "false");
	assert_int_equal(p.r, 0);
	assert_string_equal(p.f.verify, "true");
	assert_string_equal(p.args[0], "false"); /* an operand */
	PARSE(&p, 0, "--verify=0");
	assert_int_equal(p.r, 0);
	assert_string_equal(p.f.verify, "false");
	PARSE(&p, 0, "--verify=maybe");
	assert_int_equal(p.r, -EINVAL);
}

static void test_operands(void **state)
{
	struct run p = { 0 };

	(void)state;
	PARSE(&p, 0, "a", "-i", "-", "b", "--name", "n", "c", "--", "-t", "--", "d");
	assert_int_equal(p.r, 0);
	assert_true(p.f.interactive && !p.f.tty);
	for (int i = 0; i < 7; i++)
		assert_string_equal(p.args[i],
				    ((const char *[]){ "a", "-", "b", "c", "-t", "--", "d" })[i]);
	assert_null(p.args[7]);

	PARSE(&p, OPT_STOP_AT_ARG, "-i", "image", "-t", "--", "-e", "x");
	assert_int_equal(p.r, 0);
	assert_true(p.f.interactive && !p.f.tty);
	for (int i = 0; i < 5; i++)
		assert_string_equal(p.args[i],
				    ((const char *[]){ "image", "-t", "--", "-e", "x" })[i]);
	assert_null(p.args[5]);

	PARSE(&p, OPT_STOP_AT_ARG, "--", "-t");
	assert_int_equal(p.r, 0);
	assert_string_equal(p.args[0], "-t");
	assert_null(p.args[1]);
}

static void test_refused(void **state)
{
	static const struct {
		const char *word, *text;
		int r;
	} rows[] = {
		{ "--nope", "unknown option --nope", -EINVAL },
		{ "--nope=5", "unknown option --nope", -EINVAL },
		{ "--nam", "unknown option --nam",
		  -EINVAL }, /* no abbreviations: they break later */
		{ "--=x", "unknown option --", -EINVAL },
		{ "-x", "unknown option -x", -EINVAL },
		{ "-ix", "unknown option -x", -EINVAL },
		{ "--name", "--name needs a value", -EINVAL },
		{ "-e", "-e needs a value", -EINVAL },
		{ "-ie", "-e needs a value", -EINVAL },
		{ "--all=maybe", "--all is true or false, not 'maybe'", -EINVAL },
		{ "-s5x", "--size-of-something-long: bad size '5x'", -EINVAL },
		{ "-p80:80", "--publish is not supported by this version", -EOPNOTSUPP },
		{ "--publish=80", "--publish is not supported by this version", -EOPNOTSUPP },
		{ "--rm-all", "--rm-all is not supported by this version", -EOPNOTSUPP },
	};
	struct run p = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		PARSE(&p, 0, rows[i].word);
		assert_int_equal(p.r, rows[i].r);
		assert_string_equal(p.err.text, rows[i].text);
		assert_int_equal(error_exit_status(&p.err), 125);
	}
	PARSE(&p, 0, "--publish", "80:80");
	assert_string_equal(p.err.hint, "ports are published from version 0.3 on");
	PARSE(&p, 0, "--nope");
	assert_non_null(strstr(p.err.hint, "--help"));
}

static void test_help_flag(void **state)
{
	struct run p = { 0 };

	(void)state;
	PARSE(&p, 0, "--help", "--nope");
	assert_int_equal(p.r, 0);
	assert_true(p.help);
	PARSE(&p, 0, "-ih");
	assert_int_equal(p.r, 0);
	assert_true(p.help);
	PARSE(&p, OPT_STOP_AT_ARG, "image", "--help");
	assert_false(p.help);
}

static void test_help_text(void **state)
{
	_cleanup_(str_buf_done) struct str_buf out;
	size_t lines = 0;

	(void)state;
	str_buf_init(&out, 65536);
	opt_print_help(table, &out);
	assert_int_equal(str_buf_end(&out), 0);
	for (const char *s = out.s; *s; lines++) {
		size_t n = strcspn(s, "\n");

		assert_in_range(n, 1, 79);
		assert_true(s[n - 1] != ' ');
		s += n + 1;
	}
	assert_true(lines >= 8);
	assert_non_null(
		strstr(out.s, "  -i, --interactive           keep the standard input open\n"));
	assert_non_null(strstr(out.s, "\n      --name NAME             name of the container\n"));
	assert_non_null(strstr(out.s, "--size-of-something-long BYTES\n"));
	assert_null(strstr(out.s, "--all"));
	assert_null(strstr(out.s, "publish"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	  cmocka_unit_test(test_switch),
		cmocka_unit_test(test_operands),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_help_flag), cmocka_unit_test(test_help_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
