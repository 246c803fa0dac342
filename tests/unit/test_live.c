/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/live.h"

static void *stay(void *arg)
{
	(void)arg;
	(void)pause();
	return NULL;
}

/* Never returns. */
static void live_headless(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, stay, NULL) != 0)
		_exit(1);
	pthread_exit(NULL);
}

static char state_of(pid_t pid)
{
	char path[32], text[512] = "";
	const char *p;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return '\0';
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	(void)fclose(f);
	p = strrchr(text, ')');
	return p ? p[2] : '\0';
}

static void test_live(void **state)
{
	char dir[LIVE_DIR_MAX], want[LIVE_DIR_MAX];
	pid_t pid, tid;

	(void)state;
	assert_int_equal(live_thread(getpid()), getpid());
	(void)snprintf(want, sizeof(want), "/proc/%d", getpid());
	assert_string_equal(live_dir(getpid(), dir), want);
	pid = fork();
	if (pid == 0)
		live_headless();
	while (state_of(pid) != 'Z') /* it ends by itself: there is nothing to wait for */
		;
	tid = live_thread(pid);
	assert_true(tid > 0 && tid != pid);
	(void)snprintf(want, sizeof(want), "/proc/%d/task/%d", pid, tid);
	assert_string_equal(live_dir(pid, dir), want);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(live_thread(pid), -ESRCH);
	(void)snprintf(want, sizeof(want), "/proc/%d", pid);
	assert_string_equal(live_dir(pid, dir), want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
