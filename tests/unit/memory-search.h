/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks for a secret in all writable memory of this process. The secret itself is only here in a masked form, and so are
 * pieces of it ("windows"), for free() overwrites the first 16 bytes of what it takes back. */

#define WINDOW_SIZE 10
#define SECRET_TEXT_WINDOWS 4          /* of 43 characters of base64url */
#define SECRET_NUMBER_WINDOWS 3        /* of 32 bytes, in either order of bytes */
#define SECRET_WINDOWS (SECRET_TEXT_WINDOWS + 2 * SECRET_NUMBER_WINDOWS)

typedef struct Secret {
        uint8_t masked[SECRET_WINDOWS][WINDOW_SIZE];
} Secret;

typedef struct Hits {
        size_t n;                      /* all */
        size_t text;                   /* those of the text */
        uintptr_t at[32];              /* the first ones */
} Hits;

/* Takes at least 40 characters and 32 bytes. */
void secret_set(Secret *s, const char *text, size_t text_size, const uint8_t *number, size_t number_size);
void memory_search(const Secret *s, Hits *ret);
void hits_print(const Hits *h);

/* True if the mapping of this address has all of these flags of /proc/self/smaps, separated by spaces. */
bool memory_has_flags(uintptr_t address, const char *flags);
