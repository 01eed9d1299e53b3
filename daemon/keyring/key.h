/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyring-protocol.h"

/* One private key as the keyring holds it. Copies that jansson makes are wiped if signer_wipe_json() was
 * called. */

#define KEY_TEXT_SIZE 1024             /* an EC P-256 JWK takes about 190 */

typedef struct Key {
        char id[KEYRING_KEY_ID_SIZE];  /* RFC 7638 thumbprint; "" if there is no key */
        char text[KEY_TEXT_SIZE];      /* compact JWK with "d", NUL-terminated */
} Key;

/* Makes a new EC P-256 key. 0, -ENOMEM, or -EIO if the library refuses. */
int key_generate(Key *ret);

/* Takes a private key from its text (untrusted) and finds its id; -EBADMSG if it is no EC P-256 private
 * key. */
int key_parse(const char *text, Key *ret);
