/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

/* Scope-bound ownership: `_cleanup_(freep) char *s = NULL;`, handed over with TAKE_PTR(s). */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _nodiscard_  __attribute__((warn_unused_result))
#define _unused_     __attribute__((unused))

/* For a result that is known to be harmless; the reason stands beside it. */
#define ignore_result(e) ((void)!(e))

#define TAKE_PTR(p)                        \
	({                                 \
		__typeof__(p) *_pp = &(p); \
		__typeof__(p) _v = *_pp;   \
		*_pp = NULL;               \
		_v;                        \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* For _cleanup_(): frees the pointer that p points to. */
static inline void freep(void *p)
{
	free(*(void **)p);
}

/*
 * Out of memory is fatal: one line on stderr and exit 125 (style rule 45). Sizes that come from
 * outside are compared with a named limit before they get here.
 */
void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *xrealloc_array(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap)
	__attribute__((format(printf, 1, 0), returns_nonnull));

/*
 * Room for one more element: doubles *cap when *cap == n. Returns the (moved) array.
 *	v->items = array_grow(v->items, v->n, &v->cap, sizeof(*v->items));
 */
void *array_grow(void *items, size_t n, size_t *cap, size_t size) __attribute__((returns_nonnull));
