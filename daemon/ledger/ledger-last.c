/* SPDX-License-Identifier: Apache-2.0 */

/* The newest entry of a kind, for those that are rare. */

#include "ledger-internal.h"

#include <errno.h>
#include <jose/b64.h>

#define SEGMENTS_MAX 64U
#define WORD_MAX 64U

/* The characters that every line with a word contains, by where the word begins in the three bytes that become four
 * characters. Most segments have no such line, and looking for these is 100 times faster than decoding them. */
typedef struct Traces {
        char text[3][WORD_MAX * 2];
        size_t size[3];
} Traces;

static int make_traces(const char *word, Traces *ret) {
        size_t size = strlen(word);

        if (size < 3 || size > WORD_MAX)
                return -EINVAL;
        for (size_t i = 0; i < 3; i++) {
                size_t skip = i == 0 ? 0 : i + 1, n;   /* those that also depend on the bytes before … */
                char padded[WORD_MAX + 3] = { 0 }, encoded[WORD_MAX * 2];

                (void) memcpy(padded + i, word, size);
                n = jose_b64_enc_buf(padded, size + i, encoded, sizeof(encoded));
                n -= (size + i) % 3 != 0;              /* … or behind */
                ret->size[i] = n - skip;
                (void) memcpy(ret->text[i], encoded + skip, n - skip);
        }
        return 0;
}

static bool has_trace(const Traces *traces, const char *text, size_t size) {
        for (size_t i = 0; i < 3; i++)
                if (memmem(text, size, traces->text[i], traces->size[i]))
                        return true;
        return false;
}

/* The last line of the kind in one segment: 1, 0 or a negative errno. */
static int find_line(const SegmentText *text, const Traces *traces, const char *entry, SegmentLine *ret) {
        SegmentLine line;
        size_t offset = 0;
        int found = 0;

        while (segment_next_line(text, &offset, &line)) {
                _cleanup_(json_decrefp) json_t *claims = NULL;
                int r;

                if (!has_trace(traces, line.text, line.size))
                        continue;
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
        Traces traces;
        int r;

        r = make_traces(entry, &traces);
        if (r < 0)
                return r;

        for (size_t n = 1; n <= l->segments.n && n <= SEGMENTS_MAX; n++) {
                _cleanup_(segment_text_done) SegmentText text = { 0 };
                size_t i = l->segments.n - n;
                SegmentLine line = { 0 };

                r = segment_read(l->directory, l->segments.firsts[i], n == 1 ? l->size : UINT64_MAX, &text);
                if (r >= 0 && has_trace(&traces, text.text, text.size))
                        r = find_line(&text, &traces, entry, &line);
                if (r < 0)
                        return r;
                if (r > 0) {
                        r = receipt_verify(l->keys, signer_typ(l->signer), line.text, line.size, ret_claims);
                        return r >= 0 ? 1 : r == -ENOMEM ? r : -EUCLEAN;
                }
        }
        return 0;
}
