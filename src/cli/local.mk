# SPDX-License-Identifier: Apache-2.0
# The commands are a library, so that unit tests reach them; carrel is main.c and this table.
noinst_LIBRARIES += libcli.a
libcli_a_CPPFLAGS = $(INC_SRC) $(JSONC_CFLAGS)
libcli_a_SOURCES = \
	src/cli/cli.c src/cli/cli.h \
	src/cli/cmd_help.c \
	src/cli/cmd_options.c \
	src/cli/cmd_version.c \
	src/cli/command.h \
	src/cli/commands.c src/cli/commands.h \
	src/cli/help.c \
	src/cli/output.c src/cli/output.h

bin_PROGRAMS += carrel
carrel_CPPFLAGS = $(INC_SRC) $(JSONC_CFLAGS)
carrel_SOURCES = src/cli/main.c
carrel_LDADD = libcli.a libbase.a
