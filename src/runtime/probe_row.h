/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "runtime/probe.h"

/* The probes themselves, by subject: probe_ns.c, probe_store.c, probe_net.c. */
int probe_kernel(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_userns(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_subids(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_idmap(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_proc(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_seccomp(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_cgroup(const struct probe_host *h, struct probe_result *ret, struct error *err);

int probe_store_write(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_store_fs(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_overlay(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_layers(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_runtime_dir(const struct probe_host *h, struct probe_result *ret, struct error *err);

int probe_netns(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_tun(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_ping(const struct probe_host *h, struct probe_result *ret, struct error *err);

/* In a child: into U. */
int probe_enter(struct error *err) _nodiscard_;

void probe_say(struct probe_result *ret, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Not all of it is there, but something: level PROBE_DEGRADED. */
void probe_degraded(struct probe_result *ret, enum dcode dcode, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
