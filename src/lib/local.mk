# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libbase.a
libbase_a_CPPFLAGS = $(INC_LIB)
libbase_a_SOURCES = \
	src/lib/base/autogroup.c src/lib/base/autogroup.h \
	src/lib/base/cgroupfs.c src/lib/base/cgroupfs.h \
	src/lib/base/conf.c src/lib/base/conf.h \
	src/lib/base/dcode.c src/lib/base/dcode.h \
	src/lib/base/account.c src/lib/base/account.h \
	src/lib/base/dirs.c src/lib/base/dirs.h \
	src/lib/base/clock.h \
	src/lib/base/error.c src/lib/base/error.h \
	src/lib/base/exitcode.h \
	src/lib/base/fd.c src/lib/base/fd.h \
	src/lib/base/file.c src/lib/base/file.h \
	src/lib/base/id.c src/lib/base/id.h \
	src/lib/base/landlock.c src/lib/base/landlock.h \
	src/lib/base/lock.c src/lib/base/lock.h \
	src/lib/base/log.c src/lib/base/log.h \
	src/lib/base/loop.c src/lib/base/loop.h \
	src/lib/base/mem.c src/lib/base/mem.h \
	src/lib/base/num.c src/lib/base/num.h \
	src/lib/base/opt.c src/lib/base/opt.h \
	src/lib/base/path.c src/lib/base/path.h \
	src/lib/base/proc.c src/lib/base/proc.h \
	src/lib/base/procstat.c src/lib/base/procstat.h \
	src/lib/base/rtnl.c src/lib/base/rtnl.h \
	src/lib/base/sandbox.c src/lib/base/sandbox.h \
	src/lib/base/str.c src/lib/base/str.h \
	src/lib/base/sys.c src/lib/base/sys.h \
	src/lib/base/timefmt.c src/lib/base/timefmt.h \
	src/lib/initctl.h src/lib/netctl.h src/lib/superctl.h src/lib/transferctl.h \
	src/lib/watchctl.h

noinst_LIBRARIES += libcodec.a
libcodec_a_CPPFLAGS = $(INC_LIB) $(JSONC_CFLAGS) $(CRYPTO_CFLAGS) $(ZLIB_CFLAGS) $(ISAL_CFLAGS) \
	$(ZSTD_CFLAGS)
libcodec_a_SOURCES = \
	src/lib/codec/compress.h \
	src/lib/codec/inflate.c src/lib/codec/inflate.h src/lib/codec/inflate_ops.h \
	src/lib/codec/json.c src/lib/codec/json.h \
	src/lib/codec/sha256.c src/lib/codec/sha256.h
if HAVE_ISAL
libcodec_a_SOURCES += src/lib/codec/inflate_isal.c
else
libcodec_a_SOURCES += src/lib/codec/inflate_zlib.c
endif
if HAVE_ZSTD
libcodec_a_SOURCES += src/lib/codec/inflate_zstd.c src/lib/codec/compress_zstd.c
else
libcodec_a_SOURCES += src/lib/codec/inflate_nozstd.c src/lib/codec/compress_nozstd.c
endif
# What a program links that uses all of it; the CLI uses json alone.
CODEC_LIBS = libcodec.a libbase.a $(JSONC_LIBS) $(CRYPTO_LIBS) $(ISAL_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)

noinst_LIBRARIES += liboci.a
liboci_a_CPPFLAGS = $(INC_LIB) $(JSONC_CFLAGS)
liboci_a_SOURCES = \
	src/lib/oci/digest.c src/lib/oci/digest.h \
	src/lib/oci/imgconfig.c src/lib/oci/imgconfig.h \
	src/lib/oci/manifest.c src/lib/oci/manifest.h \
	src/lib/oci/platform.c src/lib/oci/platform.h \
	src/lib/oci/reference.c src/lib/oci/reference.h

if HAVE_CMOCKA
oci_tests = test_json test_reference test_platform test_manifest test_imgconfig
check_PROGRAMS += $(oci_tests)
TESTS += $(oci_tests)
oci_test_ldadd = liboci.a libcodec.a libbase.a $(JSONC_LIBS) $(CMOCKA_LIBS)
test_json_SOURCES = tests/unit/test_json.c
test_json_CPPFLAGS = $(INC_LIB) $(JSONC_CFLAGS) $(CMOCKA_CFLAGS)
test_json_LDADD = $(oci_test_ldadd)
test_reference_SOURCES = tests/unit/test_reference.c
test_reference_CPPFLAGS = $(INC_LIB) $(CMOCKA_CFLAGS)
test_reference_LDADD = $(oci_test_ldadd)
test_platform_SOURCES = tests/unit/test_platform.c
test_platform_CPPFLAGS = $(INC_LIB) $(CMOCKA_CFLAGS)
test_platform_LDADD = $(oci_test_ldadd)
test_manifest_SOURCES = tests/unit/test_manifest.c
test_manifest_CPPFLAGS = $(INC_LIB) $(CMOCKA_CFLAGS)
test_manifest_LDADD = $(oci_test_ldadd)
test_imgconfig_SOURCES = tests/unit/test_imgconfig.c
test_imgconfig_CPPFLAGS = $(INC_LIB) $(CMOCKA_CFLAGS)
test_imgconfig_LDADD = $(oci_test_ldadd)
endif

if HAVE_CMOCKA
base_tests = test_base_account test_base_fd test_base_landlock test_base_loop test_base_num test_base_opt \
	test_base_path test_base_proc test_base_procstat test_base_str
base_test_cppflags = $(INC_LIB) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
base_test_ldadd = libbase.a $(CMOCKA_LIBS)
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)

test_base_account_SOURCES = tests/unit/test_base_account.c tests/unit/cm.h
test_base_account_CPPFLAGS = $(base_test_cppflags)
test_base_account_LDADD = $(base_test_ldadd)
test_base_fd_SOURCES = tests/unit/test_base_fd.c tests/unit/cm.h tests/unit/tempdir.h
test_base_fd_CPPFLAGS = $(base_test_cppflags)
test_base_fd_LDADD = $(base_test_ldadd)
test_base_landlock_SOURCES = tests/unit/test_base_landlock.c tests/unit/tempdir.h
test_base_landlock_CPPFLAGS = $(base_test_cppflags)
test_base_landlock_LDADD = $(base_test_ldadd)
test_base_loop_SOURCES = tests/unit/test_base_loop.c
test_base_loop_CPPFLAGS = $(base_test_cppflags)
test_base_loop_LDADD = $(base_test_ldadd)
test_base_num_SOURCES = tests/unit/test_base_num.c
test_base_num_CPPFLAGS = $(base_test_cppflags)
test_base_num_LDADD = $(base_test_ldadd)
test_base_opt_SOURCES = tests/unit/test_base_opt.c
test_base_opt_CPPFLAGS = $(base_test_cppflags)
test_base_opt_LDADD = $(base_test_ldadd)
test_base_path_SOURCES = tests/unit/test_base_path.c
test_base_path_CPPFLAGS = $(base_test_cppflags)
test_base_path_LDADD = $(base_test_ldadd)
test_base_proc_SOURCES = tests/unit/test_base_proc.c
test_base_proc_CPPFLAGS = $(base_test_cppflags)
test_base_proc_CFLAGS = $(AM_CFLAGS) -Wno-write-strings
test_base_proc_LDADD = $(base_test_ldadd)
test_base_procstat_SOURCES = tests/unit/test_base_procstat.c
test_base_procstat_CPPFLAGS = $(base_test_cppflags)
test_base_procstat_LDADD = $(base_test_ldadd)
test_base_str_SOURCES = tests/unit/test_base_str.c
test_base_str_CPPFLAGS = $(base_test_cppflags)
test_base_str_LDADD = $(base_test_ldadd)
endif

# The parsers over their corpora; all of them also build against libFuzzer.
fuzz_oci = tests/fuzz/fuzz_conf tests/fuzz/fuzz_manifest tests/fuzz/fuzz_reference tests/fuzz/fuzz_inflate
check_PROGRAMS += $(fuzz_oci)
TESTS += $(fuzz_oci)
EXTRA_DIST += tests/fuzz/corpus/conf tests/fuzz/corpus/manifest tests/fuzz/corpus/reference tests/fuzz/corpus/inflate
fuzz_oci_frame = tests/fuzz/fuzz_main.c tests/fuzz/fuzz.h
fuzz_oci_cppflags = $(INC_LIB) -I$(top_srcdir)/tests/fuzz
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c $(fuzz_oci_frame)
tests_fuzz_fuzz_conf_CPPFLAGS = $(fuzz_oci_cppflags)
tests_fuzz_fuzz_conf_LDADD = libbase.a
tests_fuzz_fuzz_manifest_SOURCES = tests/fuzz/fuzz_manifest.c $(fuzz_oci_frame)
tests_fuzz_fuzz_manifest_CPPFLAGS = $(fuzz_oci_cppflags)
tests_fuzz_fuzz_manifest_LDADD = liboci.a libcodec.a libbase.a $(JSONC_LIBS)
tests_fuzz_fuzz_reference_SOURCES = tests/fuzz/fuzz_reference.c $(fuzz_oci_frame)
tests_fuzz_fuzz_reference_CPPFLAGS = $(fuzz_oci_cppflags)
tests_fuzz_fuzz_reference_LDADD = liboci.a libcodec.a libbase.a $(JSONC_LIBS)
tests_fuzz_fuzz_inflate_SOURCES = tests/fuzz/fuzz_inflate.c $(fuzz_oci_frame)
tests_fuzz_fuzz_inflate_CPPFLAGS = $(fuzz_oci_cppflags)
tests_fuzz_fuzz_inflate_LDADD = $(CODEC_LIBS)

# The leaves of base for static programs that run inside images: no sanitizer, which cannot be
# linked statically.
PLAIN_CFLAGS = -std=gnu11 -g $(CARREL_WARN)
noinst_LIBRARIES += libplain.a
libplain_a_SOURCES = src/lib/base/autogroup.c src/lib/base/dcode.c src/lib/base/error.c \
	src/lib/base/fd.c src/lib/base/mem.c src/lib/base/num.c src/lib/base/path.c src/lib/base/proc.c \
	src/lib/base/procstat.c src/lib/base/str.c src/lib/base/sys.c
libplain_a_CPPFLAGS = $(INC_LIB)
libplain_a_CFLAGS = $(PLAIN_CFLAGS)
