/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"
#include "receipt.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads the lines of a ledger, one after the other, whatever its size: an exported file, or a directory of segments. */

typedef struct EntryReader EntryReader;

typedef struct EntryLine {
        const char *text;              /* owned by the reader, until the next call; not terminated by zero */
        size_t size;                   /* more than RECEIPT_SIZE_MAX: too long, and only its beginning is here */
        bool ended;                    /* a newline follows it */
} EntryLine;

/* `path` is a file, a directory with segments, or "-" for standard input. Negative errno on failure (not logged);
 * -ENODATA for a directory without segments. */
int entry_reader_new(EntryReader **ret, const char *path);
EntryReader *entry_reader_free(EntryReader *r);
DEFINE_CLEANUP(EntryReader *, entry_reader_free);

/* 1 with a line, 0 at the end, or a negative errno. */
int entry_reader_next(EntryReader *r, EntryLine *ret);
