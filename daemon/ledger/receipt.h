/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Reading receipts: what a carrier's back-end does, and what the ledger's audit does. schemas/receipt.schema.json
 * describes the claims. */

#define RECEIPT_SIZE_MAX 8192          /* bytes of a compact JWS; a longer one is none of ours */
#define RECEIPT_HASH_SIZE 44           /* base64url of a SHA-256 and the terminating zero */

/* Checks the signature of `jws` (untrusted, `size` bytes, need not end in zero) with the keys of the JWK set `keys`:
 * compact form, "alg" exactly ES256, "typ" exactly `typ`, "kid" that of a key of the set, no "crit" and no other header
 * parameter. Returns 0 with a new reference to the claims; -EBADMSG if it is no such JWS, -ENOKEY if no key of the set has
 * its kid, -EKEYREJECTED if the signature does not hold. */
int receipt_verify(const json_t *keys, const char *typ, const char *jws, size_t size, json_t **ret_claims);

/* Reads header and claims of a JWS without checking its signature: for lines whose hash is known to be in a chain with a
 * checked end. New references; -EBADMSG as above. With NULL for the header, that part is not looked at. */
int receipt_read(const char *jws, size_t size, json_t **ret_header, json_t **ret_claims);

/* Base64url (no padding) SHA-256 of the JWS's bytes: what the next entry's "previous" holds. */
void receipt_hash(const char *jws, size_t size, char ret[static RECEIPT_HASH_SIZE]);
