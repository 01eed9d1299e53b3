/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyring-protocol.h"
#include "macro.h"

/* The keyring's password: the credential CREDENTIAL_NAME, which systemd decrypts for the helper's unit
 * alone. */

#define CREDENTIAL_NAME "likeness-keyring"
#define PASSWORD_SIZE_MIN 16           /* bytes; a line break at the end does not count */
#define PASSWORD_SIZE_MAX 1024

/* Reads the password from CREDENTIALS_DIRECTORY. If it begins with "tpm:" or "host:", as likeness-key-setup makes it, that
 * is no part of the password but says what the credential was encrypted with, and is written to `*protection`, which stays
 * as it is otherwise. KEYRING_DONE with a string that password_free() wipes; KEYRING_CREDENTIAL_MISSING or
 * KEYRING_CREDENTIAL_UNREADABLE, logged; KEYRING_INTERNAL_ERROR. */
KeyringOutcome password_read(char **ret, KeyringProtection *protection);

/* The demonstration's: its keyring is as open as its keys are worthless. */
KeyringOutcome password_for_demo(char **ret);

char *password_free(char *password);
DEFINE_CLEANUP(char *, password_free);
