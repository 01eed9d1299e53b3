/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Between likenessd and likeness-keyring: one request, one reply, over one connected AF_UNIX stream socket
 * per request. Both are structures of fixed size in the machine's byte order, without padding; what is not
 * used is zero. With the outcome KEYRING_DONE, and only then, the reply carries one descriptor (SCM_RIGHTS):
 * a memfd with all of KEYRING_SEALS that holds one private key as JWK text, at most KEYRING_KEY_SIZE_MAX
 * bytes, without a NUL at the end.
 *
 * A terminal has one current key, and at most one pending key while it rotates. What a reply says is on
 * disk.
 *
 *   LOAD     → the current key. A terminal that was never provisioned gets its first one, but only if the request names no
 *              key: a daemon whose ledger has entries names the key of the last one, and then no key is ever made.
 *   ROTATE   → a new key, which is pending from now on; the request names the current one. KEYRING_UNFINISHED if there is
 *              a pending key already.
 *   COMMIT   the pending key, named in the request, becomes the current one, and is returned; the old one is wiped.
 *              Naming the key that is current is no error, so that it can be repeated.
 *   DISCARD  the pending key, named in the request, is wiped; → the current key. Can be repeated, too.
 *
 * Rotation that survives a crash at any moment: ROTATE; write the entry "key-changed" with the old key;
 * COMMIT. At every start: LOAD; if the reply names a pending key, ask the ledger: COMMIT if its
 * "key-changed" names that key as the new one, DISCARD if not. So a key that the ledger announced is never
 * lost, and one that it did not announce is never used. */

#define KEYRING_REQUEST_MAGIC UINT32_C(0x314b514c) /* "LQK1" */
#define KEYRING_REPLY_MAGIC UINT32_C(0x314b524c)   /* "LRK1" */

#define KEYRING_KEY_ID_SIZE 44                     /* RFC 7638 thumbprint: 43 characters of base64url and a NUL */
#define KEYRING_KEY_SIZE_MAX 4096
#define KEYRING_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

typedef enum KeyringOperation {
        KEYRING_LOAD,
        KEYRING_ROTATE,
        KEYRING_COMMIT,
        KEYRING_DISCARD,
        _KEYRING_OPERATION_MAX,
} KeyringOperation;

/* What guards the keys at rest; the claim "key-protection". */
typedef enum KeyringProtection {
        KEYRING_PROTECTION_NONE,
        KEYRING_PROTECTION_HOST,
        KEYRING_PROTECTION_TPM,
        _KEYRING_PROTECTION_MAX,
} KeyringProtection;

typedef enum KeyringOutcome {
        KEYRING_DONE,
        KEYRING_PASSWORD_WRONG,        /* the keyring is whole, the password does not open it */
        KEYRING_MISSING,               /* this terminal was provisioned, its keyring is gone */
        KEYRING_DAMAGED,               /* the keyring is not the one that was written last */
        KEYRING_RECORD_DAMAGED,        /* the record of provisioning is damaged, or missing beside a keyring */
        KEYRING_CREDENTIAL_MISSING,
        KEYRING_CREDENTIAL_UNREADABLE, /* or empty, too short, too long */
        KEYRING_BUSY,                  /* another request took too long */
        KEYRING_DISK_FULL,
        KEYRING_DISK,                  /* the state directory cannot be read or written */
        KEYRING_STATE_UNSAFE,          /* the state directory is open to others */
        KEYRING_UNFINISHED,            /* there is a pending key already; the reply names it */
        KEYRING_OTHER_KEY,             /* the key that the request names is not there; the reply names what is */
        KEYRING_OTHER_MODE,            /* only one of helper and likenessd was started with --demo */
        KEYRING_REFUSED,               /* the request is malformed, or not from likenessd's user */
        KEYRING_INTERNAL_ERROR,
        _KEYRING_WIRE_MAX,

        /* never sent: what keeps the client from getting an answer */
        KEYRING_UNREACHABLE = _KEYRING_WIRE_MAX,
        KEYRING_SILENT,                /* no answer in time */
        KEYRING_BROKEN,                /* it hung up, or answered in another form */
        _KEYRING_OUTCOME_MAX,
} KeyringOutcome;

typedef struct KeyringRequest {
        uint32_t magic;
        uint32_t operation;            /* KeyringOperation */
        uint32_t demo;                 /* 1 if likenessd was started with --demo, else 0: both must be, or none */
        char key_id[KEYRING_KEY_ID_SIZE]; /* "" or a key's id; NUL-terminated */
} KeyringRequest;

typedef struct KeyringReply {
        uint32_t magic;
        uint32_t outcome;              /* KeyringOutcome below _KEYRING_WIRE_MAX */
        uint32_t protection;           /* KeyringProtection */
        char key_id[KEYRING_KEY_ID_SIZE];     /* of the current key, "" if that is not known */
        char pending_id[KEYRING_KEY_ID_SIZE]; /* of the pending key, "" if there is none */
} KeyringReply;

_Static_assert(sizeof(KeyringRequest) == 12 + KEYRING_KEY_ID_SIZE, "the request has padding");
_Static_assert(sizeof(KeyringReply) == 12 + 2 * KEYRING_KEY_ID_SIZE, "the reply has padding");
