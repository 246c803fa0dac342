/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "runtime/probe.h"

/* The probes themselves, one file per subject. */
/* probe_who.c */
int probe_passwd(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_groups(const struct probe_host *h, struct probe_result *ret, struct error *err);

/* probe_ns.c */
int probe_kernel(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_userns(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_subids(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_idmap(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_proc(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_seccomp(const struct probe_host *h, struct probe_result *ret, struct error *err);

/* probe_store.c */
int probe_store_write(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_store_fs(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_overlay(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_fuse(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_mount_flags(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_layers(const struct probe_host *h, struct probe_result *ret, struct error *err);

/* probe_net.c */
int probe_netns(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_tun(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_veth(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_ping(const struct probe_host *h, struct probe_result *ret, struct error *err);

/* probe_limits.c */
int probe_nproc(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_cgroup(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_linger(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_batch(const struct probe_host *h, struct probe_result *ret, struct error *err);

/* probe_paths.c */
int probe_home(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_runtime_dir(const struct probe_host *h, struct probe_result *ret, struct error *err);
int probe_tmp(const struct probe_host *h, struct probe_result *ret, struct error *err);

/* In a child: into U. */
int probe_enter(struct error *err) _nodiscard_;

void probe_say(struct probe_result *ret, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Not all of it is there, but something: level PROBE_DEGRADED. */
void probe_degraded(struct probe_result *ret, enum dcode dcode, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* There is nothing to look at. */
void probe_skip(struct probe_result *ret, const char *why);

/* One member of the facts each. */
void probe_fact(struct probe_result *ret, const char *key, const char *value);
void probe_fact_u64(struct probe_result *ret, const char *key, uint64_t value);
void probe_fact_bool(struct probe_result *ret, const char *key, bool value);

/*
 * The verdict on a place: facts, and "NAME: ext4, 41 GB free, nosuid" as the detail. path exists;
 * name is what people know it by. probe_paths.c
 */
int probe_place(const char *path, const char *name, struct probe_result *ret,
		struct error *err) _nodiscard_;
/* The store's directory for trials, or the nearest one above that exists. probe_store.c */
void probe_nearest(const char *store, char *buf, size_t size);
/* "NFS" for the f_type of a file system whose server is elsewhere, else NULL. */
const char *probe_remote(long type);
