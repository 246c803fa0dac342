/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/proc.h"
#include "base/str.h"

/*
 * Private network: one netstack process for a container's network namespace. Called by the process
 * that will supervise (root in U), in three steps beside those of the container: start before
 * ctr_create(), so that the program loads meanwhile; join when the namespaces are there; ready
 * waits until the interface is configured and packets flow. The helper lives until ret->control_fd
 * is closed (it sees EOF), so it cannot outlive its supervisor. D-07, D-13.
 */
struct net_helper {
	struct proc proc;
	int control_fd;
};

int net_private_start(int libexec_fd, struct net_helper *ret, struct error *err) _nodiscard_;
int net_private_join(struct net_helper *h, int userns_fd, int netns_fd,
		     struct error *err) _nodiscard_;
int net_private_ready(struct net_helper *h, struct error *err) _nodiscard_;
void net_helper_done(struct net_helper *h);

/* Contents of the container's files. private: nameserver is the netstack's; host: the host's own
 * file; search and options lines are carried. */
void net_resolv_conf(bool private_net, struct str_buf *out);
void net_hosts(const char *hostname, bool private_net, struct str_buf *out);
