/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * The client half of rootcaller_drop() (userns.h): ask the mapper that listens at `path` to write
 * the id map of this process, which has just made its user namespace. D-18.
 */
int rootcaller_ask(const char *path, struct error *err) _nodiscard_;
