/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "receipt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The files of a ledger: their names, their bytes, their lines. */

#define SEGMENT_SIZE_MAX (UINT64_C(64) * 1024 * 1024)      /* bytes; a larger file is none of ours */

/* The sequence numbers of the first entries of a directory's segments, ascending. */
typedef struct SegmentList {
        uint64_t *firsts;
        size_t n;
} SegmentList;

/* A segment's bytes in memory. */
typedef struct SegmentText {
        char *text;
        size_t size;
} SegmentText;

/* A line without its newline. */
typedef struct SegmentLine {
        const char *text;
        size_t size;
        size_t offset;                 /* in the file */
} SegmentLine;

int segment_list(int directory, SegmentList *ret);
int segment_list_add(SegmentList *list, uint64_t first);
void segment_list_done(SegmentList *list);

/* Opens a segment with these flags (O_CLOEXEC, O_NOFOLLOW and mode 0600 are added); a regular file, or -EUCLEAN. */
int segment_open(int directory, uint64_t first, int flags);
int segment_remove(int directory, uint64_t first);

/* Reads the first `size` bytes of a segment, or all that there is with UINT64_MAX. */
int segment_read(int directory, uint64_t first, uint64_t size, SegmentText *ret);
void segment_text_done(SegmentText *text);

/* The first line only: true, or false if there is none that is whole. For files that nobody should read whole. */
int segment_read_first_line(int directory, uint64_t first, SegmentText *ret);

/* The next whole line from `offset` on, which moves behind it; false if no whole line is left. */
bool segment_next_line(const SegmentText *text, size_t *offset, SegmentLine *ret);

/* Writes all bytes; at `offset`, or wherever the descriptor stands (the end, with O_APPEND) if it is negative. A first
 * write that takes fewer bytes than all is gone on with. */
int write_whole(int fd, const char *bytes, size_t size, int64_t offset);
