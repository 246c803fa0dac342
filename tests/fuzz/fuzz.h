/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Each fuzz_X.c has one. With libFuzzer, or with fuzz_main.c over the files of corpus/X. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
