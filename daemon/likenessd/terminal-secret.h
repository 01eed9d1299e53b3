/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "receipt.h"

#include <stdint.h>

/* 32 random bytes of this terminal, in the file "terminal-secret" beside its ledger. They make of a camera's name,
 * with its serial number, a value that is the same in all receipts of this terminal and tells nobody anything else:
 * not the serial number, not that another terminal has seen the same camera. */

#define TERMINAL_SECRET_SIZE 32U
#define TERMINAL_SECRET_FILE "terminal-secret"

typedef struct TerminalSecret {
        uint8_t bytes[TERMINAL_SECRET_SIZE];
} TerminalSecret;

/* Reads it, or makes it if the file is not there. All errors are logged: -EPERM if the file is another user's or
 * open to others, -EBADMSG if it is not 32 bytes long. */
int terminal_secret_load(const char *directory, TerminalSecret *ret);
/* Overwrites it, also where the compiler thinks that nobody will look. */
void terminal_secret_wipe(TerminalSecret *s);

/* base64url(HMAC-SHA-256(secret, name)), RFC 2104 and RFC 4648, without padding. */
void terminal_secret_identify(const TerminalSecret *s, const char *name, char ret[static RECEIPT_HASH_SIZE]);
