/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/loop.h"
#include "base/proc.h"
#include "oci/imgconfig.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/registry.h"
#include "runtime/userns.h"
#include "storage/store.h"
#include "transfer/progress.h"
#include "transfer/unpack.h"
#include "transfer/wire.h"

/* The coordinator of a pull or import (wire.h). Private to this folder. */
struct pull_options {
	const char *root;
	struct reference ref;
	struct platform platform;
	bool platform_asked; /* by --platform: not only this machine's */
	enum registry_tls tls;
	int auth_fd;   /* -1 = none; closed once the fetcher has it */
	int layout_fd; /* import; -1 = from the registry */
	const char *layout;
	enum progress_mode progress;
	bool again;    /* an image that is here, by its digest: only what it lacks, no name */
	bool ids_told; /* a container is to follow, which warns of a map with one id */
};

/* A document of the image, verified. */
struct pull_doc {
	char *text;
	size_t len;
	struct digest digest;
	char content_type[128];
};

struct pull_image {
	struct pull_doc manifest_doc, config_doc;
	struct digest index; /* unset = none */
	struct manifest manifest;
	struct imgconfig config;
};

/* One distinct layer that is not in the store yet. */
struct pull_layer {
	struct pull *pull;
	const struct descriptor *desc;
	const struct digest *diff_id;
	size_t number; /* its row and its name in staging */
	unsigned slot;
	bool fetched, unpacked;
	char name[16];
	struct proc unpacker;
	struct loop_source result; /* pipe of the unpacker */
};

struct pull {
	const struct pull_options *options;
	struct wire *wire;
	struct loop loop;
	struct loop_source control, fetcher_end, signals, timer;
	struct proc fetcher;
	struct idmap map;
	struct store *store;
	char staging_name[STORE_STAGING_NAME_MAX];
	int staging_fd, staging_lock;
	struct pull_image image;
	struct progress progress;

	bool told; /* an answer to a document's ask */
	struct wire_tell tell;

	_Atomic uint64_t *taken; /* bomb.h: shared with the unpackers */
	struct pull_layer *layers;
	size_t n_layers, next_layer, n_published;
	struct pull_layer *slots[WIRE_SLOTS];
	uint64_t squashed, setid_less;
	struct error err; /* of a handler that ended the loop */
};

int pull_run(const struct pull_options *options, struct digest *ret_id,
	     struct error *err) _nodiscard_;

/* documents.c: manifest, config and what they promise. */
int pull_resolve(struct pull *p, struct error *err) _nodiscard_;
void pull_image_done(struct pull_image *i);

/* layers.c: everything that is not there yet, at most WIRE_SLOTS at a time. */
int pull_layers(struct pull *p, struct error *err) _nodiscard_;
void pull_layers_abort(struct pull *p);
int pull_layer_fetched(struct pull *p, const struct wire_tell *t, struct error *err) _nodiscard_;

/* One round of events; handlers' errors come back here. */
int pull_wait(struct pull *p, struct error *err) _nodiscard_;
int pull_ask(struct pull *p, const struct wire_ask *ask, struct error *err) _nodiscard_;
