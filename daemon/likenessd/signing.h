/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"
#include "problem.h"
#include "record.h"

#include <systemd/sd-event.h>

/* Brings the key and the ledger together: fetches the key from likeness-keyring, opens the ledger with it, and changes
 * the key when it is asked to. Without a key or a ledger there is no record, and without a record no check. */

typedef struct Signing Signing;

/* All of it is borrowed and must outlive the object. */
typedef struct SigningSetup {
        const char *keyring_socket;
        const char *state;             /* directory: the ledger is in "ledger", a demonstration's in "ledger-demo" */
        const Configuration *configuration;
        const Policy *policy;
        const Manifest *manifest;
        const char *problem;           /* words, if it is known already that no check can be made; or NULL */
        bool demo;
} SigningSetup;

typedef struct SigningHandlers {
        /* The key came, or will not come; called once. */
        void (*settled)(Signing *s, void *userdata);
        /* How a rotation ended: the new key's id, or NULL with words. */
        void (*rotated)(Signing *s, const char *key_id, const char *problem, void *userdata);
} SigningHandlers;

/* Asks for the key; `settled` follows from the event loop. */
int signing_new(
                Signing **ret,
                sd_event *event,
                const SigningSetup *setup,
                const SigningHandlers *handlers,
                void *userdata);
Signing *signing_free(Signing *s);
DEFINE_CLEANUP(Signing *, signing_free);

/* The record, or NULL: then signing_problem() says why, and what to do. */
Record *signing_record(Signing *s);
const char *signing_problem(const Signing *s);

/* Whether the key or the ledger keeps the service from recording anything. */
Problems signing_problems(const Signing *s);

/* NULL as long as there is none. */
Ledger *signing_ledger(Signing *s);

/* RFC 7638 thumbprint of the current key; NULL as long as there is none. */
const char *signing_key_id(const Signing *s);

/* What guards the key at rest: "tpm", "host" or "none"; "" as long as there is no key. */
const char *signing_key_protection(const Signing *s);

/* The public keys as a JWK set in JSON text, to be freed; an empty set if there is no key. -ENOMEM. */
int signing_public_keys(Signing *s, char **ret);

/* Starts to change the key; `rotated` follows. -EBUSY if a change is under way, -ENOKEY without a key. */
int signing_rotate(Signing *s);
