/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyring-outcome.h"
#include "macro.h"

#include <systemd/sd-event.h>

/* One request to likeness-keyring, without blocking: connects, asks, and tells the answer from the event
 * loop. */

/* Longer than the helper waits for another helper (3 s) and needs for itself (tens of milliseconds). */
#define KEYRING_CLIENT_TIMEOUT_USEC (UINT64_C(10) * 1000 * 1000)

typedef struct KeyringClient KeyringClient;

typedef struct KeyringAnswer {
        KeyringOutcome outcome;
        int fd;                        /* with KEYRING_DONE the key, a sealed memfd; else -1. Closed after the handler,
                                        * unless that takes it with take_fd(&answer->fd) */
        KeyringProtection protection;
        char key_id[KEYRING_KEY_ID_SIZE];     /* of the current key, or "" */
        char pending_id[KEYRING_KEY_ID_SIZE]; /* of the pending key, or "" */
} KeyringAnswer;

/* Called once, from the event loop. May free the client. */
typedef void (*KeyringHandler)(KeyringAnswer *answer, void *userdata);

/* Asks the helper behind `socket_path`; `demo` says whether likenessd was started with --demo. `key_id` is
 * the key that the operation names (see keyring-protocol.h), NULL or "" for none. Everything that goes wrong
 * with the helper is an outcome; a negative errno is returned only for what is wrong here (-ENOMEM, -EINVAL
 * for a malformed key id, errors of sd-event). `event` is referenced. */
int keyring_client_new(
                KeyringClient **ret,
                sd_event *event,
                const char *socket_path,
                bool demo,
                KeyringOperation operation,
                const char *key_id,
                KeyringHandler handler,
                void *userdata);

/* Also gives up a request that is under way; the handler is not called any more. */
KeyringClient *keyring_client_free(KeyringClient *c);
DEFINE_CLEANUP(KeyringClient *, keyring_client_free);
