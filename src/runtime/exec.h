/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/command.h"

/*
 * The last steps of every program that starts inside a container, by run and by exec, in the one
 * order that is right (DESIGN 4.7). Called as root of N, inside all namespaces and the final root.
 * Never returns: the program runs, or a struct error goes to x->report and the process ends with
 * the error's exit status.
 */
void exec_program(const struct command *x) __attribute__((noreturn));

/* Tell the parent and end. */
void exec_fail(int report, const struct error *err) __attribute__((noreturn));
/* Wait for one byte of the parent. End of file: it has ended or given up, there is nobody to tell,
 * and neither is there anything left to do. */
void exec_wait(int report);

/*
 * Is the running binary out of reach for a container's root? Else "/proc/self/exe" as entry point
 * would hand it a file of the user's to write to (CVE-2019-5736), and the program is started by
 * way of libexec/carrel/init from where nothing can be written.
 */
bool exec_own_binary_is_safe(void);
