# SPDX-License-Identifier: Apache-2.0
# The black box tests as a folder: a new file needs no line here.
EXTRA_DIST += tests/cli tests/fault tests/attacks tests/tree tests/lab
dist-hook:
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +

# The scripts below run in the build directory and read these.
AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; export srcdir; \
	BUSYBOX='$(BUSYBOX)'; export BUSYBOX; \
	CARREL_PYTHON='$(CARREL_PYTHON)'; export CARREL_PYTHON; \
	CLANG_FORMAT='$(CLANG_FORMAT)'; export CLANG_FORMAT; \
	MANDOC='$(MANDOC)'; export MANDOC; \
	CC='$(CC)'; export CC; \
	LIB_CFLAGS='$(JSONC_CFLAGS) $(LIBCAP_CFLAGS) $(CURL_CFLAGS) $(SLIRP_CFLAGS)'; \
	export LIB_CFLAGS; \
	SANITIZED='$(CARREL_SAN)'; export SANITIZED; \
	INSTALLED_PROGRAMS='$(bin_PROGRAMS) $(carrellibexec_PROGRAMS)'; export INSTALLED_PROGRAMS;
TEST_EXTENSIONS = .sh
dist_check_SCRIPTS = \
	tests/lint/docs.sh \
	tests/lint/headers.sh \
	tests/lint/hello-image.sh \
	tests/lint/needed.sh \
	tests/lint/paths.sh \
	tests/lint/source.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += tests/lint/docs.py tests/lint/headers.py tests/lint/needed.py tests/lint/source.py .clang-format

# make check-perf [PERF_ARGS="--only start --rounds 50"]: carrel beside its peers, one table. It
# measures what is installed in the prefix.
EXTRA_PROGRAMS = tests/perf/interleave
tests_perf_interleave_SOURCES = tests/perf/interleave.c
tests_perf_interleave_CPPFLAGS = $(INC_LIB)
tests_perf_interleave_LDADD = libbase.a
EXTRA_DIST += tests/perf/perf.py
CLEANFILES += tests/perf/interleave
.PHONY: check-perf
check-perf: tests/perf/interleave
	$(CARREL_PYTHON) $(srcdir)/tests/perf/perf.py --interleave tests/perf/interleave \
		--prefix $(DESTDIR)$(prefix) $(PERF_ARGS)

# make check-lab [LAB_ARGS="-k no-overlay"]: whole hosts, see tests/lab/README.md. It tests what is
# installed in the prefix.
.PHONY: check-lab
check-lab:
	CARREL_PREFIX='$(DESTDIR)$(prefix)' PYTHONDONTWRITEBYTECODE=1 $(CARREL_PYTHON) -m pytest -q \
		-n 2 --dist loadgroup --tb=short -p no:cacheprovider $(LAB_ARGS) $(srcdir)/tests/lab
