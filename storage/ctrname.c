/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/ctrname.h"

#include <string.h>

#include "base/id.h"
#include "base/str.h"

static const char *const adjectives[] = {
	"able",	  "amber",   "bold",	"brave",  "bright", "brisk",   "calm",	"clear",
	"clever", "crisp",   "curious", "daring", "deft",   "eager",   "early", "fair",
	"fine",	  "fond",    "frank",	"free",	  "fresh",  "gentle",  "glad",	"golden",
	"grand",  "green",   "happy",	"hardy",  "honest", "humble",  "jolly", "keen",
	"kind",	  "large",   "light",	"lively", "loyal",  "lucid",   "lucky", "merry",
	"mild",	  "modest",  "neat",	"nimble", "noble",  "patient", "plain", "polite",
	"proud",  "prudent", "quick",	"quiet",  "rapid",  "ready",   "rosy",	"serene",
	"sharp",  "silver",  "smart",	"steady", "sunny",  "swift",   "tidy",	"wise",
};

/* What stands in a library and who works there. */
static const char *const nouns[] = {
	"alcove",  "almanac",  "archive", "atlas",   "author",	"binder",  "book",    "booklet",
	"canon",   "catalog",  "chapter", "chart",   "clerk",	"codex",   "copyist", "curator",
	"desk",	   "diary",    "drawer",  "edition", "editor",	"essay",   "fable",   "folio",
	"gallery", "glossary", "index",	  "ink",     "inkwell", "journal", "ladder",  "lamp",
	"lectern", "ledger",   "legend",  "letter",  "lexicon", "library", "lyric",   "map",
	"margin",  "memoir",   "novel",	  "octavo",  "page",	"papyrus", "parable", "pencil",
	"poem",	   "preface",  "primer",  "quarto",  "quill",	"reader",  "reprint", "saga",
	"scholar", "scribe",   "scroll",  "shelf",   "sonnet",	"stanza",  "tome",    "volume",
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool ctrname_is_valid(const char *name)
{
	if (!is_word(*name) || strlen(name) > 255)
		return false;
	for (; *name; name++)
		if (!is_word(*name) && !strchr("_.-", *name))
			return false;
	return true;
}

int ctrname_generate(unsigned attempt, char *buf, size_t size)
{
	const char *a, *n;
	unsigned short r[3];

	id_random(r, sizeof(r));
	a = adjectives[r[0] % ARRAY_SIZE(adjectives)];
	n = nouns[r[1] % ARRAY_SIZE(nouns)];
	if (attempt == 0)
		return str_print(buf, size, "%s_%s", a, n);
	return str_print(buf, size, "%s_%s%u", a, n, r[2] % (attempt > 3 ? 65536U : 100U));
}
