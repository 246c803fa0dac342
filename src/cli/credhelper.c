/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/credhelper.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "codec/json.h"
#include "oci/reference.h"
#include "registry/authfile.h"

enum {
	FILE_MAX = 1 << 20,
	ANSWER_MAX = 64 << 10,
	NAME_LEN_MAX = 128,
};

/* Exit status of the child. */
enum {
	UNKNOWN = 0,
	GIVEN,	 /* the memory file has credentials */
	IN_FILE, /* or a fault, which is transfer's to tell */
};

struct job {
	int auth_fd, out;
	pid_t parent;
	const struct reference *ref;
	bool ask_helpers;
};

/* Docker Hub has the name of 2013 here as well. */
static const char *server_of(const char *domain)
{
	return str_eq(domain, "docker.io") ? "https://index.docker.io/v1/" : domain;
}

/* A word of a file that becomes part of a program's name. */
static bool is_plain(const char *name)
{
	size_t n =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

	return n > 0 && n < NAME_LEN_MAX && !name[n];
}

static int choose(struct json_object *config, const char *server, const char **ret)
{
	struct json_object *each = NULL;
	struct error err = { 0 };
	int r;

	*ret = NULL;
	r = json_get_object(config, "credHelpers", &each, &err);
	if (r == 0)
		r = json_get_string(each, server, ret, &err);
	if (r == 0 && !*ret)
		r = json_get_string(config, "credsStore", ret, &err);
	if (r == 0 && *ret && !**ret)
		*ret = NULL;
	if (r == 0 && *ret && !is_plain(*ret))
		r = error_set(&err, -EINVAL, "%s is no name of a helper", *ret);
	if (r < 0)
		log_warn(DCODE_NONE, "credentials file: %s", err.text);
	return r;
}

/* "/dir/docker-credential-NAME" of the first directory in $PATH that has it. */
static char *find_program(const char *name)
{
	const char *path = secure_getenv("PATH");

	for (const char *p = path ? path : ""; *p;) {
		size_t n = strcspn(p, ":");
		char *file = xasprintf("%.*s/docker-credential-%s", (int)n, p, name);

		if (path_is_absolute(file) && access(file, X_OK) == 0)
			return file;
		free(file);
		p += n + (p[n] == ':');
	}
	return NULL;
}

/* What it says on `get`, and its exit status. */
static int talk(char *program, const char *server, char **ret, int *ret_status, struct error *err)
{
	_cleanup_(fd_closep) int in = fd_memfd("server", server, strlen(server));
	char get[] = "get", *argv[] = { program, get, NULL };
	struct proc_fd fds[] = { { in, STDIN_FILENO }, { -1, STDOUT_FILENO } };
	struct proc_spec spec = {
		.dirfd = -1,
		.path = program,
		.argv = argv,
		.fds = fds,
		.n_fds = ARRAY_SIZE(fds),
		.flags = PROC_PDEATHSIG,
	};
	struct proc p;
	int pipe[2], r;

	r = in < 0 ? in : fd_pipe(pipe);
	if (r < 0)
		return error_code(err, r, "start %s", program);
	fds[1].from = pipe[1];
	r = proc_spawn(&spec, &p, err);
	fd_close(pipe[1]);
	if (r == 0) {
		r = fd_read_to_end(pipe[0], ANSWER_MAX, ret, NULL);
		if (r < 0)
			error_code(err, r, "read from %s", program);
		fd_close(TAKE_FD(pipe[0])); /* one that writes on ends by it */
		if (proc_wait(&p, ret_status) < 0)
			r = error_set(err, -EIO, "wait for %s", program);
		proc_done(&p);
	}
	fd_close(pipe[0]);
	return r;
}

static char *base64(const char *s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(s), o = 0;
	char *out = xmalloc((n + 2) / 3 * 4 + 1);

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)s[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)(unsigned char)s[i + 1] << 8;
		if (i + 2 < n)
			v |= (unsigned char)s[i + 2];
		out[o++] = digits[v >> 18];
		out[o++] = digits[v >> 12 & 63];
		out[o++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		out[o++] = i + 2 < n ? digits[v & 63] : '=';
	}
	out[o] = '\0';
	return out;
}

/* The answer in the form of config.json. "<token>" as user: the secret is an identity token. */
static int rewrite(const char *answer, const char *server, int out, struct error *err)
{
	_cleanup_(json_putp) struct json_object *said = NULL, *file = json_object_new_object();
	struct json_object *auths = json_object_new_object(), *entry = json_object_new_object();
	const char *user = NULL, *secret = NULL, *text;
	int r;

	json_object_object_add(file, "auths", auths);
	json_object_object_add(auths, server, entry);
	r = json_parse(answer, strlen(answer), &said, err);
	if (r == 0)
		r = json_get_string(said, "Username", &user, err);
	if (r == 0)
		r = json_get_string(said, "Secret", &secret, err);
	if (r < 0)
		return r;
	if (!user || !secret)
		return error_set(err, -EINVAL, "the answer has no Username and Secret");
	if (str_eq(user, "<token>")) {
		json_object_object_add(entry, "identitytoken", json_object_new_string(secret));
	} else {
		_cleanup_(freep) char *pair = xasprintf("%s:%s", user, secret);
		_cleanup_(freep) char *auth = base64(pair);

		json_object_object_add(entry, "auth", json_object_new_string(auth));
	}
	text = json_object_to_json_string(file);
	r = fd_write_all(out, text, strlen(text));
	return r < 0 ? error_code(err, r, "hand the credentials over") : 0;
}

static int ask(const char *name, const char *server, int out)
{
	_cleanup_(freep) char *program = find_program(name), *answer = NULL;
	struct error err = { 0 };
	int r, status = 0;

	if (!program) {
		log_warn(DCODE_NONE,
			 "docker-credential-%s, which keeps the login for %s, is not in PATH", name,
			 server);
		return UNKNOWN;
	}
	r = talk(program, server, &answer, &status, &err);
	/* The only words that the protocol fixes. */
	if (r == 0 && status != 0 && strstr(answer, "credentials not found"))
		return UNKNOWN;
	if (r == 0 && status != 0)
		r = error_set(&err, -EIO, "it ended with status %d", status);
	if (r == 0)
		r = rewrite(answer, server, out, &err);
	if (r == 0)
		return GIVEN;
	log_warn(DCODE_NONE, "docker-credential-%s gives no login for %s: %s", name, server,
		 err.text);
	return UNKNOWN;
}

/* Whether the file itself has a login. */
static int look(const char *text, size_t len, const struct reference *ref)
{
	struct authfile_login login = { 0 };
	int r = authfile_find(text, len, ref, &login, NULL);
	bool has = login.basic || login.identity;

	authfile_login_done(&login);
	return r < 0 || has ? IN_FILE : UNKNOWN;
}

static int child_main(void *arg)
{
	const struct job *j = arg;
	_cleanup_(json_putp) struct json_object *config = NULL;
	_cleanup_(freep) char *text = NULL;
	const char *name, *server = server_of(j->ref->domain);
	int r = UNKNOWN;
	size_t len;

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    getppid() != j->parent)
		return UNKNOWN;
	if (fd_read_to_end(j->auth_fd, FILE_MAX, &text, &len) < 0)
		return IN_FILE;
	if (j->ask_helpers && json_parse(text, len, &config, NULL) == 0 &&
	    choose(config, server, &name) == 0 && name)
		r = ask(name, server, j->out);
	return r == GIVEN ? r : look(text, len, j->ref);
}

bool credhelper_look(int auth_fd, const struct reference *ref, bool ask_helpers, int *ret_given)
{
	_cleanup_(fd_closep) int out = -1;
	struct job j = {
		.auth_fd = auth_fd, .parent = getpid(), .ref = ref, .ask_helpers = ask_helpers
	};
	struct proc p;
	struct stat st;
	int r, status = 0;

	*ret_given = -1;
	if (fstat(auth_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return true;		   /* what can be read once is transfer's */
	(void)lseek(auth_fd, 0, SEEK_SET); /* an earlier pull may have read it */
	out = memfd_create("carrel-auth", MFD_CLOEXEC);
	if (out < 0)
		return true;
	j.out = out;
	r = proc_clone(0, -1, child_main, &j, &p);
	if (r == 0) {
		r = proc_wait(&p, &status);
		proc_done(&p);
	}
	(void)lseek(auth_fd, 0, SEEK_SET); /* the child has moved it */
	if (r == 0 && status == GIVEN && lseek(out, 0, SEEK_SET) == 0)
		*ret_given = TAKE_FD(out);
	return r < 0 || status != UNKNOWN;
}
