/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/mem.h"

/*
 * Strict numbers: the whole string, decimal digits only, no sign, no blanks, no overflow. -EINVAL
 * or -ERANGE, the output untouched.
 */
int num_u64(const char *s, uint64_t *ret) _nodiscard_;
int num_u32(const char *s, uint32_t *ret) _nodiscard_;
/* With an optional leading '-'. */
int num_i64(const char *s, int64_t *ret) _nodiscard_;
/* Octal file modes: "1777", "0755". */
int num_mode(const char *s, uint32_t *ret) _nodiscard_;
/* The digits at *s, which goes behind them; not beyond `end`. */
int num_scan(const char **s, const char *end, uint64_t *ret) _nodiscard_;
/* A kernel's name for itself: "6.18.3-amd64" -> 6018; 0 where it is no such name. */
uint32_t num_release(const char *release);
/* docker's sizes: 512, 10b, 10k, 10m, 1.5g, .5g, 10t (also K, Kb, KiB, "10 k"): powers of 1024. */
int num_size(const char *s, uint64_t *ret) _nodiscard_;
