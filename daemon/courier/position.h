/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "entry.h"
#include "receipt.h"

#include <stdbool.h>
#include <stdint.h>

/* How far the courier has come: the last entry that the journal took. */
typedef struct Position {
        uint64_t sequence;             /* 0: none yet */
        char hash[RECEIPT_HASH_SIZE];  /* of its JWS; "" with a sequence: begin at that entry, whatever it is */
        char boot[BOOT_ID_SIZE];       /* in which it was handed over */
} Position;

/* Reads "position" in the open directory. 1, 0 if there is none, -EBADMSG if it is none of ours, or another negative
 * errno (not logged). */
int position_load(int directory, Position *ret);

/* Writes it beside and puts it in its place, so that there is always a whole one after a crash of the courier; with
 * `sync` also after one of the machine. Negative errno on failure (not logged). */
int position_save(int directory, const Position *position, bool sync);
