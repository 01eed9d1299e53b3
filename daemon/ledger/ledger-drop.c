/* SPDX-License-Identifier: Apache-2.0 */

/* Retention: whole segments are dropped, the oldest first. What is left begins with a signed summary of what came before. */

#include "ledger-internal.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define DAY_SEC UINT64_C(86400)
/* On a terminal with few checks a segment would take months to fill, and its first entry be kept as long. */
#define SEGMENT_SEC (7 * DAY_SEC)
/* What is looked through for nonces and attempts, whatever the clock says. */
#define SEGMENTS_LEFT 2U

/* Begins a new segment if the last one has been in use for long. */
static int close_old_segment(Ledger *l, uint64_t now) {
        _cleanup_(json_decrefp) json_t *summary = NULL;
        int r;

        r = ledger_read_summary(l, l->segments.n - 1, &summary);
        if (r < 0)
                return r;
        return l->entries > 1 && entry_number(summary, "time") + SEGMENT_SEC < now ? ledger_begin_segment(l) : 0;
}

/* How many segments can go, and the highest time of their entries: those behind which there are enough others, with no
 * attempt that is open or in no export, and with nothing newer than `before`. */
static int count_droppable(const Ledger *l, uint64_t before, size_t *ret_n, uint64_t *ret_latest) {
        uint64_t open = l->opening ? entry_number(l->opening, "sequence") : 0;
        size_t n = 0;

        for (; n + SEGMENTS_LEFT < l->segments.n; n++) {
                _cleanup_(json_decrefp) json_t *summary = NULL;
                uint64_t next = l->segments.firsts[n + 1];
                int r;

                if ((l->unexported > 0 && l->unexported < next) || (open > 0 && open < next))
                        break;
                r = ledger_read_summary(l, n + 1, &summary);
                if (r < 0)
                        return r;
                if (entry_number(summary, "latest") >= before)
                        break;
                *ret_latest = entry_number(summary, "latest");
        }

        *ret_n = n;
        return 0;
}

/* The record comes first: entries that are gone, and nobody says why, are what a thief leaves. After a crash in between
 * they are recorded and dropped once more. */
static int drop(Ledger *l, size_t n, uint64_t latest) {
        uint64_t begin = l->segments.firsts[0], first = l->segments.firsts[n];
        json_t *claims;
        int r;

        claims = json_pack("{s:I, s:I, s:I}", "first", (json_int_t) first, "entries", (json_int_t) (first - begin), "latest",
                           (json_int_t) latest);
        if (!claims)
                return -ENOMEM;
        r = ledger_append_own(l, "dropped", claims);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                r = segment_remove(l->directory, l->segments.firsts[0]);
                if (r < 0)
                        return log_message_errno(LOG_WARNING, r, MESSAGE_LEDGER_NOT_DROPPED,
                                                 "Cannot drop old entries of the ledger in %s: %m", l->path);
                l->segments.n--;
                memmove(l->segments.firsts, l->segments.firsts + 1, l->segments.n * sizeof(*l->segments.firsts));
        }
        log_message(LOG_NOTICE, MESSAGE_LEDGER_DROPPED,
                    "entries %" PRIu64 " to %" PRIu64 " of the ledger were exported and are older than KeepDays=: dropped",
                    begin, first - 1);
        return 0;
}

int ledger_drop(Ledger *l, unsigned days) {
        uint64_t now = (uint64_t) time(NULL), latest = 0;
        size_t n;
        int r;

        if (l->failed)
                return -ENOTRECOVERABLE;
        /* nothing is deleted because somebody set a clock forward */
        if (!entry_clock_synchronised() || now < days * DAY_SEC)
                return 0;

        r = close_old_segment(l, now);
        if (r >= 0)
                r = count_droppable(l, now - days * DAY_SEC, &n, &latest);
        if (r < 0 || n == 0)
                return r;
        r = drop(l, n, latest);
        return r < 0 ? r : (int) n;
}
