/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <jansson.h>

/* The one object that signs, and the one place where a private key is. A key held by a TPM or HSM can take its place
 * behind this interface. */

typedef struct Signer Signer;

/* The header parameter "typ" of what is signed. A receipt of a demonstration can never pass for a real one. */
#define RECEIPT_TYP "likeness-receipt+jwt"
#define DEMO_TYP "likeness-demo+jwt"

/* Reads a private key from `fd`, a sealed memfd that holds one JWK (EC, P-256, with "d"; text, at most 4 KiB), as
 * likeness-keyring makes it. The descriptor stays the caller's. `protection` ("tpm", "host", "none") says what guards
 * the key at rest, and is copied. -EBADMSG (logged) for anything else than such a key, or one whose halves do not match.
 * The key is kept in locked pages of its own (RLIMIT_MEMLOCK: one page) that a fork does not inherit. */
int signer_new(Signer **ret, int fd, const char *typ, const char *protection);
/* Wipes the key. */
Signer *signer_free(Signer *s);
DEFINE_CLEANUP(Signer *, signer_free);

/* RFC 7638 thumbprint (SHA-256, base64url, 43 characters); owned by the signer, as is the next. */
const char *signer_key_id(const Signer *s);
const char *signer_protection(const Signer *s);
const char *signer_typ(const Signer *s);

/* The public key as a JWK with "kid", "alg" and "use"; a new reference. NULL if out of memory. */
json_t *signer_public_key(const Signer *s);

/* Signs `claims` (an object, left alone) as a compact JWS: ES256, with "typ" and "kid" in the protected header, which was
 * verified before it is given. -EMSGSIZE if that is longer than RECEIPT_SIZE_MAX, -EINVAL if the claims are no object,
 * -ENOMEM, -EIO if libjose fails. */
int signer_sign(const Signer *s, const json_t *claims, char **ret_jws);

/* Gives jansson allocators that wipe what they free, so that no copy of a key stays in the heap, and that end the process
 * (with status 1) where there is no memory, because jansson cannot go on then. Once, at start, before any other use of
 * jansson; without it signer_new() refuses every key (-EINVAL, logged). */
void signer_wipe_json(void);
