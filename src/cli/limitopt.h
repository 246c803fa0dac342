/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/ctrconf.h"
#include "runtime/ctr.h"

/* The options about resources, as typed: those of docker, with its rules and defaults. */
struct limit_options {
	const char *memory, *memory_swap, *memory_reservation;
	const char *cpus, *cpu_shares, *cpu_period, *cpu_quota, *cpuset_cpus, *cpuset_mems;
	const char *pids, *blkio_weight;
	const char *shm_size, *oom_score_adj;
	struct strv read_bps, write_bps, read_iops, write_iops, ulimit;
};

void limit_options_done(struct limit_options *o);

/* Rows for the table of a command whose struct `type` has these options as member `m`: what can be
 * changed on a running container, too, and what a container is made with. */
#define LIMIT_OPTION_ROWS(type, m)                                                          \
	{                                                                                   \
		"memory",   'm',                                                            \
		OPT_STRING, offsetof(type, m.memory),                                       \
		"SIZE",	    "memory limit; at least 6m"                                     \
	},                                                                                  \
		{ "memory-swap", 0,                                                         \
		  OPT_STRING,	 offsetof(type, m.memory_swap),                             \
		  "SIZE",	 "limit of memory and swap together; -1: unlimited swap" }, \
		{ "memory-reservation",                                                     \
		  0,                                                                        \
		  OPT_STRING,                                                               \
		  offsetof(type, m.memory_reservation),                                     \
		  "SIZE",                                                                   \
		  "soft limit, for when memory is short" },                                 \
		{ "cpus",     0,                                                            \
		  OPT_STRING, offsetof(type, m.cpus),                                       \
		  "N",	      "time of so many CPUs, as in 1.5" },                          \
		{ "cpu-shares", 'c',                                                        \
		  OPT_STRING,	offsetof(type, m.cpu_shares),                               \
		  "N",		"weight beside others, 2 to 262144; 1024 is usual" },       \
		{ "cpu-period",	  0,                                                        \
		  OPT_STRING,	  offsetof(type, m.cpu_period),                             \
		  "MICROSECONDS", "period of --cpu-quota; 100000 is usual" },               \
		{ "cpu-quota",	  0,                                                        \
		  OPT_STRING,	  offsetof(type, m.cpu_quota),                              \
		  "MICROSECONDS", "CPU time in each period" },                              \
		{ "cpuset-cpus", 0,                                                         \
		  OPT_STRING,	 offsetof(type, m.cpuset_cpus),                             \
		  "LIST",	 "only these CPUs, as in 0-3,6" },                          \
		{ "cpuset-mems", 0,                                                         \
		  OPT_STRING,	 offsetof(type, m.cpuset_mems),                             \
		  "LIST",	 "memory of these NUMA nodes only" },                       \
		{ "pids-limit", 0,                                                          \
		  OPT_STRING,	offsetof(type, m.pids),                                     \
		  "N",		"at most so many processes and threads; -1: unlimited" },   \
	{                                                                                   \
		"blkio-weight", 0, OPT_STRING, offsetof(type, m.blkio_weight), "N",         \
			"weight of its disk traffic, 10 to 1000"                            \
	}

#define LIMIT_OPTION_ROWS_FIXED(type, m)                                                           \
	{ "device-read-bps", 0,                                                                    \
	  OPT_LIST,	     offsetof(type, m.read_bps),                                           \
	  "DEVICE:RATE",     "bytes read from a block device each second" },                       \
		{ "device-write-bps",	0, OPT_LIST, offsetof(type, m.write_bps), "DEVICE:RATE",   \
		  "bytes written to it" },                                                         \
		{ "device-read-iops", 0, OPT_LIST, offsetof(type, m.read_iops), "DEVICE:RATE",     \
		  "reads from it" },                                                               \
		{ "device-write-iops", 0, OPT_LIST, offsetof(type, m.write_iops), "DEVICE:RATE",   \
		  "writes to it" },                                                                \
		{ "oom-score-adj",                                                                 \
		  0,                                                                               \
		  OPT_STRING,                                                                      \
		  offsetof(type, m.oom_score_adj),                                                 \
		  "N",                                                                             \
		  "-1000 to 1000: the more, the sooner the kernel ends it" },                      \
		{ "ulimit",	      0,                                                           \
		  OPT_LIST,	      offsetof(type, m.ulimit),                                    \
		  "NAME=SOFT[:HARD]", "limit of each process: nofile, core, ...; -1: unlimited" }, \
	{                                                                                          \
		"shm-size", 0, OPT_STRING, offsetof(type, m.shm_size), "SIZE",                     \
			"size of /dev/shm; default 64m"                                            \
	}

/*
 * In-out: what is not named keeps its value, so that an update sees the whole. Only what is wrong
 * by itself is refused here; the host is asked by enforce.h.
 */
int limitopt_parse(const struct limit_options *o, struct limits *l, struct error *err) _nodiscard_;
/* The rest: throttles, shm-size, oom-score-adj, ulimits. For a new container. */
int limitopt_parse_fixed(const struct limit_options *o, struct ctrconf *rec,
			 struct error *err) _nodiscard_;

/* "nofile=1024:2048" */
int limitopt_ulimit(const char *s, struct ctr_rlimit *ret, struct error *err) _nodiscard_;
const char *limitopt_ulimit_name(int resource);
/* "1024:2048", -1 for no limit. Returns buf. */
char *limitopt_ulimit_text(const struct rlimit *l, char buf[48]);
