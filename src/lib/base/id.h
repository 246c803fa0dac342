/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/mem.h"

enum {
	ID_LEN = 64,	   /* a container id: 64 hex digits, as docker's */
	ID_SHORT_LEN = 12, /* what tables print */
	ID_TEMP_LEN = 16,
	ID_BOOT_LEN = 36, /* /proc/sys/kernel/random/boot_id */
	ID_NODE_LEN = 16,
	ID_NODE_MACHINE_LEN = 8, /* the part of a node name that outlives a reboot */
};

/* Random bytes of the kernel; blocks never after boot. Fatal when the kernel has none. */
void id_random(void *p, size_t n);
/* n random bytes as 2n hex digits into buf[2n + 1]. Returns buf. */
char *id_hex(char *buf, size_t n);
/* ID_TEMP_LEN hex digits for staging and temporary names. */
char *id_temp(char buf[ID_TEMP_LEN + 1]);

/*
 * Boot id of this kernel ("" where /proc hides it), and a short name for "this node in this boot"
 * (two hashes: machine-id and host name, boot id): staging names and records carry it, because
 * homes are shared by many nodes and a sweep may touch only its own node's things. Same first half
 * and another second half: the same machine, before its last boot.
 */
int id_boot(char buf[ID_BOOT_LEN + 1]) _nodiscard_;
char *id_node(char buf[ID_NODE_LEN + 1]);
