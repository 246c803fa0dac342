# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libbase.a
libbase_a_CPPFLAGS = $(INC_LIB)
libbase_a_SOURCES = \
	src/lib/base/dcode.c src/lib/base/dcode.h \
	src/lib/base/dirs.c src/lib/base/dirs.h \
	src/lib/base/error.c src/lib/base/error.h \
	src/lib/base/fd.c src/lib/base/fd.h \
	src/lib/base/file.c src/lib/base/file.h \
	src/lib/base/id.c src/lib/base/id.h \
	src/lib/base/lock.c src/lib/base/lock.h \
	src/lib/base/log.c src/lib/base/log.h \
	src/lib/base/loop.c src/lib/base/loop.h \
	src/lib/base/mem.c src/lib/base/mem.h \
	src/lib/base/num.c src/lib/base/num.h \
	src/lib/base/opt.c src/lib/base/opt.h \
	src/lib/base/path.c src/lib/base/path.h \
	src/lib/base/proc.c src/lib/base/proc.h \
	src/lib/base/sandbox.h \
	src/lib/base/str.c src/lib/base/str.h \
	src/lib/base/sys.c src/lib/base/sys.h \
	src/lib/base/timefmt.c src/lib/base/timefmt.h \
	src/lib/netctl.h src/lib/transferctl.h
