/* SPDX-License-Identifier: Apache-2.0 */

/* The audit's bookkeeping of attempts: every opening is closed once, and a closing says the same as its opening. */

#include "audit-private.h"

#include <inttypes.h>

/* An opening that turns up behind its closing (collectors) must not be counted as open. */
static bool closed_before(const Audit *a, uint64_t opening) {
        size_t n = a->n_closed < CLOSED_MAX ? a->n_closed : CLOSED_MAX;

        for (size_t i = 0; i < n; i++)
                if (a->closed[(a->n_closed - 1 - i) % CLOSED_MAX] == opening)
                        return true;
        return false;
}

static void drop(Audit *a, size_t i) {
        json_decref(a->open[i].claims);
        a->n_open--;
        memmove(&a->open[i], &a->open[i + 1], (a->n_open - i) * sizeof(Opening));
}

static void unclosed(Audit *a, size_t i, const char *when) {
        /* a collector may have lost the closing, and says so by a hole */
        audit_found(a, AUDIT_UNCLOSED, a->setup.collected && a->n_holes > 0, a->open[i].sequence,
                        "the attempt that was opened here was never closed%s", when);
        drop(a, i);
}

static void remember(Audit *a, uint64_t sequence, const json_t *claims) {
        if (a->n_open == OPEN_MAX)
                unclosed(a, 0, "");
        a->open[a->n_open++] = (Opening) { sequence, json_incref((json_t *) claims) };
        if (sequence > a->last_opened)
                a->last_opened = sequence;
}

void audit_opened(Audit *a, const Entry *e) {
        if (!closed_before(a, e->sequence))
                remember(a, e->sequence, e->claims);
}

/* What a closing repeats of its opening; a claim may be absent from both. */
static void compare(Audit *a, const Entry *e, const json_t *opening) {
        static const char *const copied[] = { "support-code", "nonce", "transaction", "operator", "notice", "caller" };

        for (size_t i = 0; i < ELEMENTSOF(copied); i++) {
                const json_t *ours = json_object_get(e->claims, copied[i]), *theirs = json_object_get(opening, copied[i]);

                if (ours != theirs && (!ours || !theirs || !json_equal(ours, theirs)))
                        audit_error(a, AUDIT_CLOSING_DIFFERS, e->sequence,
                                        "\"%s\" differs from that of the opening, entry %" PRIu64, copied[i],
                                        audit_count(e->claims, "opening"));
        }
}

void audit_closed(Audit *a, const Entry *e) {
        uint64_t opening = audit_count(e->claims, "opening");

        for (size_t i = 0; i < a->n_open; i++)
                if (a->open[i].sequence == opening) {
                        if (a->open[i].claims)
                                compare(a, e, a->open[i].claims);
                        drop(a, i);
                        a->closed[a->n_closed++ % CLOSED_MAX] = opening;
                        return;
                }

        if (closed_before(a, opening))
                audit_error(a, AUDIT_CLOSED_TWICE, e->sequence,
                                "closes the attempt that entry %" PRIu64 " opened, which was closed before", opening);
        else if (audit_missing(a, opening) || (a->setup.collected && opening < a->summary.first))
                a->closed[a->n_closed++ % CLOSED_MAX] = opening;        /* that entry's absence is told already */
        else
                audit_error(a, AUDIT_NOT_OPENED, e->sequence,
                                "closes an attempt that entry %" PRIu64 " did not open", opening);
}

void audit_started(Audit *a, const Entry *e) {
        while (a->n_open > 0)
                unclosed(a, 0, ", although the service was started again since");
}

void audit_segment(Audit *a, const Entry *e, bool beginning) {
        uint64_t open = audit_count(e->claims, "open");
        bool known = false;

        if (audit_count(e->claims, "first") != e->sequence || audit_count(e->claims, "entries") != e->sequence - 1)
                audit_error(a, AUDIT_SEGMENT, e->sequence, "the segment's summary does not fit its place");

        for (size_t i = 0; i < a->n_open; i++)
                known |= a->open[i].sequence == open;
        if (beginning) {
                if (open > 0)
                        remember(a, open, NULL);
        } else if (open > 0 && !known && !audit_missing(a, open) && !a->setup.collected)
                audit_error(a, AUDIT_SEGMENT, e->sequence,
                                "the segment's summary names entry %" PRIu64 " as open, which it is not", open);
        else if (open == 0 && a->n_open > 0 && a->n_holes == 0)
                audit_error(a, AUDIT_SEGMENT, e->sequence, "the segment's summary leaves out that entry %" PRIu64 " is open",
                                a->open[0].sequence);
}

void audit_attempts_end(Audit *a) {
        size_t i = 0;

        /* only the last attempt of all may still be running */
        while (i < a->n_open)
                if (a->open[i].sequence == a->last_opened)
                        a->summary.running = a->open[i++].sequence;
                else
                        unclosed(a, i, "");
}
