/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyring-protocol.h"

#include <stdbool.h>
#include <sys/types.h>

/* The one request of one helper. */

typedef struct ServiceSetup {
        const char *state;             /* the state directory */
        uid_t peer;                    /* likenessd's user: nobody else is answered */
        bool demo;
        KeyringProtection protection;  /* what guards the password */
} ServiceSetup;

/* Reads the request from the connected socket `fd`, carries it out, and answers. 0, or a negative errno if
 * the answer could not be sent; what the request came to is the peer's to hear. */
int service_run(int fd, const ServiceSetup *setup);
