/* SPDX-License-Identifier: Apache-2.0 */

/* The newest entry of a kind, for those that are rare. */

#include "ledger-internal.h"

#include <errno.h>

#define SEGMENTS_MAX 64U

/* The last line of the kind in one segment: 1, 0 or a negative errno. */
static int find_line(const SegmentText *text, const char *entry, SegmentLine *ret) {
        SegmentLine line;
        size_t offset = 0;
        int found = 0;

        while (segment_next_line(text, &offset, &line)) {
                _cleanup_(json_decrefp) json_t *claims = NULL;
                int r;

                r = receipt_read(line.text, line.size, NULL, &claims);
                if (r < 0)
                        return r == -ENOMEM ? r : -EUCLEAN;
                if (entry_is(claims, entry)) {
                        *ret = line;
                        found = 1;
                }
        }
        return found;
}

int ledger_find_last(const Ledger *l, const char *entry, json_t **ret_claims) {
        for (size_t n = 1; n <= l->segments.n && n <= SEGMENTS_MAX; n++) {
                _cleanup_(segment_text_done) SegmentText text = { 0 };
                size_t i = l->segments.n - n;
                SegmentLine line = { 0 };
                int r;

                r = segment_read(l->directory, l->segments.firsts[i], n == 1 ? l->size : UINT64_MAX, &text);
                if (r >= 0)
                        r = find_line(&text, entry, &line);
                if (r < 0)
                        return r;
                if (r > 0) {
                        r = receipt_verify(l->keys, signer_typ(l->signer), line.text, line.size, ret_claims);
                        return r >= 0 ? 1 : r == -ENOMEM ? r : -EUCLEAN;
                }
        }
        return 0;
}
