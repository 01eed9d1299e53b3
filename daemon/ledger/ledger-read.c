/* SPDX-License-Identifier: Apache-2.0 */

/* Reading back: an answer by its nonce, and a copy for others. */

#include "ledger-internal.h"

#include <errno.h>
#include <jose/b64.h>
#include <time.h>

/* A nonce is looked for in this many segments whatever their clock says, and in no more than that many. */
#define NONCE_SEGMENTS_MIN 2U
#define NONCE_SEGMENTS_MAX 64U

/* Nonces of this many characters are looked for quickly. */
#define NONCE_SIZE_MIN 8U
#define NONCE_SIZE_MAX 128U

/* How far back a search goes. */
typedef struct Window {
        uint64_t seconds;
        uint64_t now;                  /* seconds of the epoch */
        uint64_t boot_now;             /* milliseconds since the boot */
        const char *boot;
} Window;

/* How many of a segment's bytes belong to the ledger as it is now. */
static uint64_t segment_size(const Ledger *l, size_t i) {
        return i + 1 == l->segments.n ? l->size : UINT64_MAX;
}

/* Whether an entry is of the last `seconds`. Within one boot the boot's own time tells; else the wall clock, unless it was
 * known to be wrong: then the entry counts, for an answer too old is better than a second check. */
static bool window_has(const Window *w, const json_t *claims) {
        uint64_t time = entry_number(claims, "time");

        if (streq(entry_text(claims, "boot"), w->boot))
                return entry_number(claims, "boot-time") + w->seconds * 1000 >= w->boot_now;
        return time + w->seconds >= w->now || !streq(entry_text(claims, "clock"), "synchronised");
}

static bool closes_nonce(const json_t *claims, const char *nonce) {
        return (entry_is(claims, "closed") || entry_is(claims, "declined")) && streq(entry_text(claims, "nonce"), nonce);
}

/* A text that every line with the nonce contains, for a quick look: three bytes at a time become four characters, so that
 * there are three ways in which it can be encoded, of which the characters at both ends also depend on its neighbours. */
typedef struct Pattern {
        char text[3][NONCE_SIZE_MAX * 2];
        size_t size[3];                /* 0: nothing to look for, every line counts */
} Pattern;

static void make_pattern(const char *nonce, Pattern *ret) {
        static const char plain[] = JOSE_B64_MAP;  /* what is in JSON as it is */
        size_t size = strlen(nonce);

        *ret = (Pattern) { 0 };
        if (size < NONCE_SIZE_MIN || size > NONCE_SIZE_MAX || strspn(nonce, plain) != size)
                return;

        for (size_t i = 0; i < 3; i++) {
                char padded[NONCE_SIZE_MAX + 3] = { 0 }, encoded[NONCE_SIZE_MAX * 2];
                size_t n, skip = i == 0 ? 0 : i + 1;

                (void) memcpy(padded + i, nonce, size);
                n = jose_b64_enc_buf(padded, size + i, encoded, sizeof(encoded));
                n -= (size + i) % 3 != 0;      /* the last character has bits of what follows */
                ret->size[i] = n - skip;
                (void) memcpy(ret->text[i], encoded + skip, n - skip);
        }
}

static bool may_contain(const char *text, size_t size, const Pattern *pattern) {
        for (size_t i = 0; i < 3; i++)
                if (memmem(text, size, pattern->text[i], pattern->size[i]))
                        return true;
        return false;
}

/* The newest closing with the nonce in one segment: 1, 0 or a negative errno. */
static int find_in_segment(
                const Ledger *l,
                size_t i,
                const char *nonce,
                const Window *window,
                char **ret_jws,
                json_t **ret_claims) {

        _cleanup_(segment_text_done) SegmentText text = { 0 };
        _cleanup_(json_decrefp) json_t *found = NULL;
        _cleanup_free_ char *jws = NULL;
        SegmentLine line, found_line = { 0 };
        Pattern pattern;
        size_t offset = 0;
        int r;

        r = segment_read(l->directory, l->segments.firsts[i], segment_size(l, i), &text);
        if (r < 0)
                return r;
        make_pattern(nonce, &pattern);
        if (!may_contain(text.text, text.size, &pattern))
                return 0;

        while (segment_next_line(&text, &offset, &line)) {
                _cleanup_(json_decrefp) json_t *claims = NULL;

                if (!may_contain(line.text, line.size, &pattern))
                        continue;
                if (receipt_read(line.text, line.size, NULL, &claims) < 0)
                        return -EUCLEAN;
                if (closes_nonce(claims, nonce) && window_has(window, claims)) {
                        json_decref(found);
                        found = TAKE_PTR(claims);
                        found_line = line;
                }
        }
        if (!found)
                return 0;

        /* what is handed out as an answer is checked, whoever wrote to the file meanwhile */
        json_decrefp(&found);
        r = receipt_verify(l->keys, signer_typ(l->signer), found_line.text, found_line.size, &found);
        if (r < 0)
                return r == -ENOMEM ? r : -EUCLEAN;
        jws = strndup(found_line.text, found_line.size);
        if (!jws)
                return -ENOMEM;
        *ret_jws = TAKE_PTR(jws);
        *ret_claims = TAKE_PTR(found);
        return 1;
}

int ledger_read_summary(const Ledger *l, size_t i, json_t **ret) {
        _cleanup_(segment_text_done) SegmentText text = { 0 };
        int r;

        r = segment_read_first_line(l->directory, l->segments.firsts[i], &text);
        if (r < 0)
                return r;
        return r > 0 && receipt_read(text.text, text.size, NULL, ret) >= 0 ? 0 : -EUCLEAN;
}

int ledger_find_nonce(Ledger *l, const char *nonce, uint64_t seconds, char **ret_jws, json_t **ret_claims) {
        const Window window = {
                .seconds = seconds < UINT32_MAX ? seconds : UINT32_MAX,
                .now = (uint64_t) time(NULL),
                .boot_now = entry_boot_time(),
                .boot = l->boot,
        };

        for (size_t n = 1; n <= l->segments.n && n <= NONCE_SEGMENTS_MAX; n++) {
                size_t i = l->segments.n - n;
                _cleanup_(json_decrefp) json_t *summary = NULL;
                int r;

                r = find_in_segment(l, i, nonce, &window, ret_jws, ret_claims);
                if (r != 0)
                        return r;
                r = ledger_read_summary(l, i, &summary);
                if (r < 0)
                        return r;
                /* what came before the summary is older than it */
                if (n >= NONCE_SEGMENTS_MIN && !window_has(&window, summary))
                        return 0;
        }
        return 0;
}

/* The first segment to read for everything of the last `seconds`. Only this boot's clock tells what is older than that. */
static int find_recent(const Ledger *l, unsigned segments, uint64_t seconds, size_t *ret) {
        uint64_t now = entry_boot_time();
        size_t i = l->segments.n;

        while (i > 0 && segments-- > 0) {
                _cleanup_(json_decrefp) json_t *summary = NULL;
                int r;

                i--;
                r = ledger_read_summary(l, i, &summary);
                if (r < 0)
                        return r;
                if (streq(entry_text(summary, "boot"), l->boot) &&
                    entry_number(summary, "boot-time") / 1000 + seconds + 1 < now / 1000)
                        break;
        }
        *ret = i;
        return 0;
}

static int read_segment(const Ledger *l, size_t i, LedgerHandler handler, void *userdata) {
        _cleanup_(segment_text_done) SegmentText text = { 0 };
        SegmentLine line;
        size_t offset = 0;
        int r;

        r = segment_read(l->directory, l->segments.firsts[i], segment_size(l, i), &text);
        if (r < 0)
                return r;

        while (segment_next_line(&text, &offset, &line)) {
                _cleanup_(json_decrefp) json_t *claims = NULL;

                r = receipt_read(line.text, line.size, NULL, &claims);
                if (r < 0)
                        return r == -ENOMEM ? r : -EUCLEAN;
                r = handler(claims, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ledger_read_recent(const Ledger *l, unsigned segments, uint64_t seconds, LedgerHandler handler, void *userdata) {
        size_t i;
        int r;

        r = find_recent(l, segments, seconds, &i);
        for (; r >= 0 && i < l->segments.n; i++)
                r = read_segment(l, i, handler, userdata);
        return r < 0 ? r : 0;
}

/* The segment where an export begins: the one that has the first entry, in order of sequence, with a time of `from` or
 * later. A summary holds the highest time before it, which never falls from one segment to the next, so that the first
 * summary with `from` or later comes right after that segment. */
int ledger_find_start(const Ledger *l, uint64_t from, size_t *ret) {
        size_t low = 1, high = l->segments.n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                _cleanup_(json_decrefp) json_t *summary = NULL;
                int r;

                r = ledger_read_summary(l, middle, &summary);
                if (r < 0)
                        return r;
                if (entry_number(summary, "latest") >= from)
                        high = middle;
                else
                        low = middle + 1;
        }
        *ret = low - 1;
        return 0;
}

int ledger_export(const Ledger *l, uint64_t from, int fd) {
        size_t start;
        int r;

        if (l->segments.n == 0)
                return 0;
        r = ledger_find_start(l, from, &start);
        if (r < 0)
                return r;

        for (size_t i = start; i < l->segments.n; i++) {
                _cleanup_(segment_text_done) SegmentText text = { 0 };

                r = segment_read(l->directory, l->segments.firsts[i], segment_size(l, i), &text);
                if (r < 0)
                        return r;
                if (text.size == 0 || text.text[text.size - 1] != '\n')
                        return -EUCLEAN;
                r = write_whole(fd, text.text, text.size, -1);
                if (r < 0)
                        return r;
        }
        return 0;
}
