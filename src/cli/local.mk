# SPDX-License-Identifier: Apache-2.0
# The commands are a library, so that unit tests reach them; carrel is main.c and this table.
noinst_LIBRARIES += libcli.a
libcli_a_CPPFLAGS = $(INC_SRC) $(JSONC_CFLAGS)
libcli_a_SOURCES = \
	src/cli/attach.c src/cli/attach.h \
	src/cli/authfiles.c src/cli/authfiles.h \
	src/cli/cli.c src/cli/cli.h \
	src/cli/clistore.c \
	src/cli/cmd_attach.c \
	src/cli/cmd_complete.c \
	src/cli/cmd_doctor.c \
	src/cli/cmd_exec.c \
	src/cli/cmd_explain.c \
	src/cli/cmd_help.c \
	src/cli/cmd_image_inspect.c \
	src/cli/cmd_images.c \
	src/cli/cmd_info.c \
	src/cli/cmd_inspect.c \
	src/cli/cmd_kill.c \
	src/cli/cmd_logs.c \
	src/cli/cmd_options.c \
	src/cli/cmd_pause.c src/cli/cmd_unpause.c src/cli/pause.c \
	src/cli/cmd_ps.c \
	src/cli/cmd_pull.c \
	src/cli/cmd_rm.c \
	src/cli/cmd_rmi.c \
	src/cli/cmd_run.c \
	src/cli/cmd_start.c \
	src/cli/cmd_stats.c \
	src/cli/cmd_stop.c \
	src/cli/cmd_tag.c \
	src/cli/cmd_update.c \
	src/cli/cmd_version.c \
	src/cli/cmd_wait.c \
	src/cli/command.h \
	src/cli/credhelper.c src/cli/credhelper.h \
	src/cli/ctrcmd.c src/cli/ctrcmd.h \
	src/cli/commands.c src/cli/commands.h \
	src/cli/enforce.c src/cli/enforce.h \
	src/cli/envfile.c src/cli/envfile.h \
	src/cli/explain.c src/cli/explain.h \
	src/cli/fallback.c src/cli/fallback.h \
	src/cli/fetch.c src/cli/fetch.h \
	src/cli/help.c \
	src/cli/here.c src/cli/here.h \
	src/cli/hint.c \
	src/cli/inspect.c src/cli/inspect.h \
	src/cli/launch.c src/cli/launch.h \
	src/cli/limitopt.c src/cli/limitopt.h \
	src/cli/limitrec.c src/cli/limitrec.h \
	src/cli/mountopt.c src/cli/mountopt.h \
	src/cli/output.c src/cli/output.h \
	src/cli/ctrconf.c src/cli/ctrconf.h \
	src/cli/relay.c src/cli/relay.h \
	src/cli/request.c src/cli/request.h \
	src/cli/session.c src/cli/session.h \
	src/cli/signals.c src/cli/signals.h \
	src/cli/stdfd.c src/cli/stdfd.h \
	src/cli/supervised.c src/cli/supervised.h \
	src/cli/trash.c src/cli/trash.h \
	src/cli/tty.c src/cli/tty.h

bin_PROGRAMS += carrel
carrel_CPPFLAGS = $(INC_SRC) $(JSONC_CFLAGS)
carrel_SOURCES = src/cli/main.c
carrel_LDFLAGS = $(AM_LDFLAGS) $(CARREL_STATIC)
carrel_LDADD = libcli.a libnet.a libregistry.a libruntime.a libstorage.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) $(LIBCAP_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += test_cliwords
TESTS += test_cliwords
test_cliwords_SOURCES = tests/unit/test_cliwords.c
test_cliwords_CPPFLAGS = $(INC_SRC) $(JSONC_CFLAGS) $(CMOCKA_CFLAGS)
test_cliwords_LDADD = libcli.a libruntime.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) \
	$(CMOCKA_LIBS)
check_PROGRAMS += test_limitopt
TESTS += test_limitopt
test_limitopt_SOURCES = tests/unit/test_limitopt.c
test_limitopt_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(JSONC_CFLAGS) $(CMOCKA_CFLAGS)
test_limitopt_LDADD = libcli.a libruntime.a libstorage.a liboci.a libcodec.a libbase.a \
	$(JSONC_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += test_explain
TESTS += test_explain
test_explain_SOURCES = tests/unit/test_explain.c tests/unit/tempdir.h
test_explain_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(JSONC_CFLAGS) $(CMOCKA_CFLAGS)
test_explain_LDADD = libcli.a libruntime.a libstorage.a liboci.a libcodec.a libbase.a \
	$(JSONC_LIBS) $(CMOCKA_LIBS)
endif
