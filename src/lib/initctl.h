/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command line of libexec/carrel/init, which the runtime executes inside the container from a
 * place that nothing inside can write:
 *	init exec PATH ARGV0 ARG...	execute PATH at once
 *	init "nice N" PATH ARGV0 ARG...	the same, in a session of that nice value
 *	init init PATH ARGV0 ARG...	as pid 1: start PATH, reap, hand signals on, end with its
 *					status
 * Descriptor 3 takes one struct error where PATH cannot be executed; it is closed by the exec.
 */
#define INITCTL_NICE "nice "

enum {
	INITCTL_REPORT_FD = 3,
	INITCTL_ARG_MODE = 1,
	INITCTL_ARG_PATH = 2,
	INITCTL_ARG_ARGV = 3,
};
