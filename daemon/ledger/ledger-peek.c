/* SPDX-License-Identifier: Apache-2.0 */

#include "ledger-internal.h"

#include <errno.h>
#include <fcntl.h>

static int peek_line(const SegmentLine *line, char *ret_key_id) {
        _cleanup_(json_decrefp) json_t *header = NULL, *claims = NULL;
        const char *key;

        if (receipt_read(line->text, line->size, &header, &claims) < 0)
                return -EUCLEAN;
        key = entry_next_key(header, claims);
        if (!key || strlen(key) != RECEIPT_HASH_SIZE - 1) /* a thumbprint is a SHA-256 as well */
                return -EUCLEAN;

        memcpy(ret_key_id, key, RECEIPT_HASH_SIZE);
        return 0;
}

/* 1 with the key, 0 if the segment has no whole line (a torn beginning), or a negative errno. */
static int peek_segment(int directory, uint64_t first, char *ret_key_id) {
        _cleanup_(segment_text_done) SegmentText text = { 0 };
        SegmentLine line, last = { 0 };
        size_t offset = 0;
        int r;

        r = segment_read(directory, first, UINT64_MAX, &text);
        if (r < 0)
                return r;
        while (segment_next_line(&text, &offset, &line))
                last = line;
        if (!last.text)
                return 0;

        r = peek_line(&last, ret_key_id);
        return r < 0 ? r : 1;
}

int ledger_peek_key(const char *directory, char *ret_key_id) {
        _cleanup_(segment_list_done) SegmentList segments = { 0 };
        _cleanup_close_ int fd = -1;
        int r;

        ret_key_id[0] = '\0';

        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        r = segment_list(fd, &segments);
        if (r < 0)
                return r;

        for (size_t n = segments.n; n > 0; n--) {
                r = peek_segment(fd, segments.firsts[n - 1], ret_key_id);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return 0;
}
