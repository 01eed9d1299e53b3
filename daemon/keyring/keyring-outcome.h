/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyring-protocol.h"

#include <stdbool.h>

/* A short word for an outcome, "password-wrong", and what it means and what to do, for the administrator;
 * static. */
const char *keyring_outcome_to_string(KeyringOutcome outcome);
const char *keyring_outcome_message(KeyringOutcome outcome);

/* "none", "host", "tpm" */
const char *keyring_protection_to_string(KeyringProtection protection);

/* True for the text of a key id: KEYRING_KEY_ID_SIZE bytes, of which the last is a NUL and the others
 * base64url. */
bool keyring_key_id_valid(const char *id);

/* True if it is valid, or nothing but NULs. */
bool keyring_key_id_valid_or_empty(const char *id);
