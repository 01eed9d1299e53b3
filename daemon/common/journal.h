/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stddef.h>

/* The sending side of the journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). sd_journal_sendv()
 * will not do: it says that all is well when there is no journal to send to, it blocks as soon as 512 messages wait for
 * a journald that is stopped, and it knows only the socket /run/systemd/journal/socket. */

#define JOURNAL_FIELDS_MAX 16U

typedef struct Journal Journal;

typedef struct JournalField {
        const char *name;              /* of capital letters, digits and "_" */
        const char *value;             /* any bytes */
        size_t size;
} JournalField;

/* `path` of the socket is borrowed. Nothing is connected yet. -ENOMEM, -ENAMETOOLONG. */
int journal_new(Journal **ret, const char *path);
Journal *journal_free(Journal *j);
DEFINE_CLEANUP(Journal *, journal_free);

/* Hands one entry of at most JOURNAL_FIELDS_MAX fields over and never waits. 0 when journald's queue has taken it;
 * -EAGAIN if that is full: journal_fd() becomes writable when it is not any more; -ENOENT, -ECONNREFUSED or another
 * negative errno if there is nobody to take it. -EMSGSIZE if it is too large. Not logged. */
int journal_send(Journal *j, const JournalField *fields, size_t n_fields);

/* The connected socket, or -1. */
int journal_fd(const Journal *j);
