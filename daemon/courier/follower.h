/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"
#include "position.h"

#include <stddef.h>

/* Reads the entries of a ledger that is being written, in order, each once it is whole and on disk. Reads only. */

typedef struct Follower Follower;

typedef struct FollowerLine {
        const char *text;              /* owned by the follower, until the next call */
        size_t size;
} FollowerLine;

typedef enum FollowerPlace {
        FOLLOWER_FOUND,                /* behind the position's entry, or at the beginning if there is none */
        FOLLOWER_RETIRED,              /* the position's entry is not there any more: at the first one that is */
        FOLLOWER_REPLACED,             /* another entry, or none, is where it was: at the first one */
} FollowerPlace;

/* `path`, the ledger's directory, is borrowed. -ENOMEM. */
int follower_new(Follower **ret, const char *path);
Follower *follower_free(Follower *f);
DEFINE_CLEANUP(Follower *, follower_free);

/* Opens the directory anew and goes behind the position's entry, less up to `again` entries of the same file. A
 * FollowerPlace, or a negative errno (not logged): -ENOENT if there is no directory. */
int follower_seek(Follower *f, const Position *position, unsigned again);

/* The next entry, which stays the next one until follower_advance(): 1, 0 if there is none now, -ESTALE if the file was
 * removed or cut off: seek again; or another negative errno. Not logged. */
int follower_next(Follower *f, FollowerLine *ret);
void follower_advance(Follower *f);
