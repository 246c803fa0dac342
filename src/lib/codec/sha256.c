/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "codec/sha256.h"

#include <errno.h>
#include <openssl/evp.h>

int sha256_init(struct sha256 *h)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		return -EIO;
	}
	h->ctx = ctx;
	return 0;
}

int sha256_again(struct sha256 *h)
{
	return EVP_DigestInit_ex(h->ctx, NULL, NULL) == 1 ? 0 : -EIO;
}

int sha256_add(struct sha256 *h, const void *p, size_t n)
{
	return EVP_DigestUpdate(h->ctx, p, n) == 1 ? 0 : -EIO;
}

int sha256_end(struct sha256 *h, uint8_t ret[32])
{
	return EVP_DigestFinal_ex(h->ctx, ret, NULL) == 1 ? 0 : -EIO;
}

void sha256_done(struct sha256 *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

int sha256_of(const void *p, size_t n, uint8_t ret[32])
{
	_cleanup_(sha256_done) struct sha256 h = { 0 };
	int r = sha256_init(&h);

	if (r == 0)
		r = sha256_add(&h, p, n);
	if (r == 0)
		r = sha256_end(&h, ret);
	return r;
}
