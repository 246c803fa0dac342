/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "runtime/live.h"
#include "runtime/pidtree.h"

enum {
	FILE_MAX = 64 << 10,
};

/* The number at s, up to the first byte that is no digit. */
static uint64_t number_at(const char *s)
{
	char text[24];
	uint64_t n = 0;
	size_t len = strspn(s, "0123456789");

	if (len > 0 && len < sizeof(text)) {
		memcpy(text, s, len);
		text[len] = '\0';
		ignore_result(num_u64(text, &n)); /* too long a number counts as 0 */
	}
	return n;
}

void usage_parse_io_stat(const char *text, struct usage *u)
{
	for (const char *p = text; (p = strstr(p, "rbytes=")); p += 7)
		u->read += number_at(p + 7);
	for (const char *p = text; (p = strstr(p, "wbytes=")); p += 7)
		u->written += number_at(p + 7);
}

/* "  eth0: RX-BYTES 7 fields TX-BYTES ..." below two lines of heading. */
void usage_parse_net_dev(const char *text, struct usage *u)
{
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		size_t line = strcspn(p, "\n");
		const char *colon = memchr(p, ':', line), *s;

		p += strspn(p, " ");
		if (!colon || str_starts(p, "lo:"))
			continue;
		s = colon + 1;
		for (int i = 0; i <= 8; i++) {
			s += strspn(s, " ");
			if (i == 0)
				u->rx += number_at(s);
			if (i == 8)
				u->tx += number_at(s);
			s += strspn(s, "0123456789");
		}
	}
}

uint64_t usage_cpu_percent(const struct usage *before, const struct usage *now)
{
	uint64_t wall = now->when_ns - before->when_ns;

	if (now->when_ns <= before->when_ns || now->cpu_ns <= before->cpu_ns)
		return 0;
	/* In microseconds: the product stays in range for a year of a thousand processors. */
	return (now->cpu_ns - before->cpu_ns) / 1000 * 10000 / (wall / 1000 ? wall / 1000 : 1);
}

uint64_t usage_memory_percent(const struct usage *now)
{
	uint64_t limit = now->memory_limit;

	return limit ? (now->memory * 10000 + limit / 2) / limit : 0;
}

enum part {
	PART_CPU = 1 << 0,
	PART_MEMORY = 1 << 1,
	PART_IO = 1 << 2,
	PART_PIDS = 1 << 3,
};

static bool read_number(int dirfd, const char *file, uint64_t *ret)
{
	char text[64];
	int n = cgroupfs_read(dirfd, file, text, sizeof(text));

	if (n <= 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return num_u64(text, ret) == 0;
}

/* What of it the cgroup's files tell: those of a controller that is off are not there. */
static unsigned from_cgroup(int fd, struct usage *u)
{
	_cleanup_(freep) char *text = xmalloc(FILE_MAX);
	unsigned got = 0;
	uint64_t n;

	if (cgroupfs_read(fd, "cpu.stat", text, FILE_MAX) > 0 &&
	    cgroupfs_key(text, "usage_usec", &n) == 0) {
		u->cpu_ns = n * 1000;
		got |= PART_CPU;
	}
	if (read_number(fd, "memory.current", &u->memory)) {
		got |= PART_MEMORY;
		/* As docker: what the kernel can drop at once is not in use. */
		if (cgroupfs_read(fd, "memory.stat", text, FILE_MAX) > 0 &&
		    cgroupfs_key(text, "inactive_file", &n) == 0)
			u->memory -= n < u->memory ? n : u->memory;
		if (read_number(fd, "memory.max", &n) && n < u->memory_limit)
			u->memory_limit = n;
	}
	if (cgroupfs_read(fd, "io.stat", text, FILE_MAX) >= 0) {
		usage_parse_io_stat(text, u);
		got |= PART_IO;
	}
	if (read_number(fd, "pids.current", &u->pids))
		got |= PART_PIDS;
	return got;
}

static bool read_proc(const char *dir, const char *name, char *buf, size_t size)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[LIVE_DIR_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/%.15s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && cgroupfs_pread(fd, buf, size) > 0;
}

/* The number behind "KEY:" and blanks. */
static bool colon_key(const char *text, const char *key, uint64_t *ret)
{
	const char *p = strstr(text, key);

	if (!p || (p != text && p[-1] != '\n'))
		return false;
	p += strlen(key);
	*ret = number_at(p + strspn(p, " \t"));
	return true;
}

static void add_process(const struct pidtree_proc *p, unsigned want, struct usage *u)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), tick = (uint64_t)sysconf(_SC_CLK_TCK), n;
	char text[4096], dir[LIVE_DIR_MAX];

	if (want & PART_CPU)
		u->cpu_ns += p->stat.ticks * (1000000000 / (tick ? tick : 100));
	if (want & PART_PIDS)
		u->pids += p->stat.threads;
	if (want & PART_MEMORY) {
		if (read_proc(live_dir(p->pid, dir), "smaps_rollup", text, sizeof(text)) &&
		    colon_key(text, "Pss:", &n))
			u->memory += n * 1024;
		else
			u->memory += p->stat.rss_pages * page;
	}
	/* Of the process, which sums it up whoever of its threads has ended; a thread has its own.
	 */
	(void)snprintf(dir, sizeof(dir), "/proc/%d", p->pid);
	if ((want & PART_IO) && read_proc(dir, "io", text, sizeof(text))) {
		if (colon_key(text, "read_bytes:", &n))
			u->read += n;
		if (colon_key(text, "write_bytes:", &n))
			u->written += n;
	}
}

int usage_read(pid_t init, int cgroup_fd, bool host_net, struct usage *ret, struct error *err)
{
	_cleanup_(pidtree_done) struct pidtree tree = { 0 };
	_cleanup_(freep) char *text = xmalloc(FILE_MAX);
	unsigned want = PART_CPU | PART_MEMORY | PART_IO | PART_PIDS;
	struct usage u = { 0 };
	struct sysinfo host;
	struct timespec now;
	char dir[LIVE_DIR_MAX];
	int r;

	if (sysinfo(&host) == 0)
		u.memory_limit = (uint64_t)host.totalram * host.mem_unit;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	u.when_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (cgroup_fd >= 0)
		want &= ~from_cgroup(cgroup_fd, &u);
	/* Without the io controller a cgroup is still a cgroup: that alone is not worth a word. */
	u.summed = want & ~(unsigned)PART_IO;
	u.summed_memory = want & PART_MEMORY;
	if (want) {
		r = pidtree_read(init, &tree, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < tree.n; i++)
		add_process(&tree.procs[i], want, &u);
	if (!host_net && read_proc(live_dir(init, dir), "net/dev", text, FILE_MAX))
		usage_parse_net_dev(text, &u);
	*ret = u;
	return 0;
}
