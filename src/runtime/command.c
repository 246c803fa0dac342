/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/command.h"

#include "base/fd.h"
#include "base/str.h"
#include "initctl.h"

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *env_get(char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; envp && *envp; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

static void fill_environment(struct command *x, char *const *envp, const char *home)
{
	size_t n = 0;

	while (envp && envp[n])
		n++;
	x->envp = xcalloc(n + 2, sizeof(*x->envp));
	for (size_t i = 0; i < n; i++)
		x->envp[i] = envp[i];
	if (!env_get(envp, "HOME"))
		x->envp[n] = x->home = xasprintf("HOME=%s", home);
}

static void fill_candidates(struct command *x, const char *word, const char *path)
{
	if (strchr(word, '/')) {
		x->candidates[x->n_candidates++] = xstrdup(word);
		return;
	}
	while (*word && *path && x->n_candidates < COMMAND_CANDIDATES_MAX) {
		size_t n = strcspn(path, ":");

		/* Empty and relative entries mean the working directory: never searched. */
		if (n && path[0] == '/')
			x->candidates[x->n_candidates++] = xasprintf("%.*s/%s", (int)n, path, word);
		path += n + (path[n] == ':');
	}
}

bool command_is_answered(const struct command *x)
{
	return x->single && x->user->uid == 0 && !(x->flags & (CTR_REAL_IDS | CTR_SECCOMP_OFF));
}

void command_fill(struct command *x, char *const *argv, char *const *envp, const char *home)
{
	const char *path = env_get(envp, "PATH");

	x->argv = argv;
	fill_environment(x, envp, home);
	fill_candidates(x, argv[0], path ? path : default_path);
}

void command_helper_argv(struct command *x, const char *mode)
{
	size_t n = 0;

	while (x->argv[n])
		n++;
	x->helper_argv = xcalloc(n + INITCTL_ARG_ARGV + 1, sizeof(*x->helper_argv));
	x->helper_argv[0] = (char *)"carrel-init";
	x->helper_argv[INITCTL_ARG_MODE] = (char *)mode;
	for (size_t i = 0; i < n; i++)
		x->helper_argv[INITCTL_ARG_ARGV + i] = x->argv[i];
}

void command_done(struct command *x)
{
	for (unsigned i = 0; i < x->n_candidates; i++)
		free(x->candidates[i]);
	free(x->helper_argv);
	free(x->envp);
	free(x->home);
	fd_close(x->helper);
	*x = (struct command){ .helper = -1 };
}
