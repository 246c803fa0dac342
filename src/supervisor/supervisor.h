/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "superctl.h"
#include "supervisor/logfile.h"
#include "supervisor/start.h"

enum {
	SUPER_CLIENTS_MAX = 16,
	SUPER_OUTPUTS = 2,
};

enum client_state {
	CLIENT_FREE = 0,
	CLIENT_NEW = 1 << 0,   /* connected, has not said HELLO */
	CLIENT_WATCH = 1 << 1, /* may resize */
	CLIENT_TYPE = 1 << 2,  /* may send stdin, too */
};

struct super;

struct client {
	struct loop_source source;
	struct super *super;
	enum client_state state;
	bool output;   /* wants it */
	bool lossless; /* the `run` that waits: output waits for it. Others lose what they do not
			* read in time, and are told how much. */
	bool blocked;  /* its socket is full */
	bool once;     /* stdin ends with it */
	uint32_t lost;
};

/* A message that is being handed out: read once, logged once, sent to each. */
struct output {
	struct loop_source source; /* fd -1 when it has ended */
	struct super *super;
	struct logfile_line line;
	uint32_t waiting; /* bit n: client n has not got the chunk yet */
	size_t left;	  /* once pid 1 has ended: what is read at most */
	size_t len;
	struct {
		struct superctl_head head;
		char data[SUPERCTL_DATA_MAX];
	} chunk;
};

/* What was received for the container and not yet taken by it. */
struct input {
	struct loop_source source; /* fd -1: none */
	bool end;		   /* close after the rest */
	size_t off, len;
	char data[SUPERCTL_DATA_MAX];
};

struct super {
	struct loop loop;
	struct super_start start;
	struct loop_source init, listen;
	struct loop_source term, stop;		  /* SIGTERM, and when pid 1 is killed after it */
	struct loop_source server, watchdog, net; /* fd -1: none, or reaped */
	bool exited;
	int status;
	struct logfile log;
	struct output outputs[SUPER_OUTPUTS];
	struct input input;
	struct client clients[SUPER_CLIENTS_MAX];
	struct {
		struct superctl_head head;
		char data[SUPERCTL_DATA_MAX];
	} request;
};

/* clients.c */
int clients_init(struct super *s) _nodiscard_;
/* Send the chunk of an output to all who want it; sets o->waiting. */
void clients_send_output(struct super *s, struct output *o);
/* Tell the exit status; clients that are not lossless and full are not waited for. */
void clients_send_exit(struct super *s);
/* Read from clients again, or stop: stdin has room. */
void clients_update(struct super *s);

/* streams.c */
int streams_init(struct super *s) _nodiscard_;
/* The lossless clients have the chunk: read on. */
void output_resume(struct super *s, struct output *o);
/* Pid 1 has ended. */
void outputs_begin_end(struct super *s);
/* After the end of pid 1: take what is left. True when there is nothing more. */
bool outputs_drained(struct super *s);
void input_add(struct super *s, const char *p, size_t n);
void input_end(struct super *s);
static inline bool input_is_full(const struct super *s)
{
	return s->input.len > 0;
}
