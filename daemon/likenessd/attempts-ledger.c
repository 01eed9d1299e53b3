/* SPDX-License-Identifier: Apache-2.0 */

/* The attempts of the time before this start, from the ledger. */

#include "attempts.h"
#include "entry.h"
#include "macro.h"

#include <errno.h>

/* Each attempt has two entries. */
#define SEGMENTS_MAX (2 * ATTEMPTS_MAX / LEDGER_SEGMENT_ENTRIES + 1)

typedef struct Reading {
        Attempts *attempts;
        uint64_t window;
        char boot[BOOT_ID_SIZE];       /* of the entry before, and its time; "" before the first */
        uint64_t time;
} Reading;

static const char *text_or_null(const json_t *claims, const char *name) {
        return json_string_value(json_object_get(claims, name));
}

/* An entry that says nothing of a face (written at the start after a crash) may have had one: it counts, or killing the
 * service would be a way out. So does a cause or a verdict that this version does not know. */
static AttemptUse use_of(const json_t *claims) {
        int cause = cause_from_string(entry_text(claims, "cause"));
        int verdict = verdict_from_string(entry_text(claims, "verdict"));

        if (cause < 0 || (cause == CAUSE_VERDICT && verdict < 0))
                return USES_TRY;
        return attempt_use((Cause) cause, (Verdict) verdict, !json_is_false(json_object_get(claims, "face-seen")));
}

static int read_entry(const json_t *claims, void *userdata) {
        Reading *r = userdata;
        const char *boot = entry_text(claims, "boot");
        uint64_t now = entry_number(claims, "boot-time");

        if (strlen(boot) >= BOOT_ID_SIZE)
                return -EUCLEAN;
        if (r->boot[0] != '\0' && !streq(boot, r->boot))
                attempts_rebooted(r->attempts, r->time, r->window);
        memcpy(r->boot, boot, strlen(boot) + 1);
        r->time = now;

        if (entry_is(claims, "opened"))
                return attempts_open(r->attempts, entry_number(claims, "sequence"), text_or_null(claims, "transaction"),
                                text_or_null(claims, "operator"), now);
        if (entry_is(claims, "closed"))
                attempts_close(r->attempts, entry_number(claims, "opening"), use_of(claims));
        return 0;
}

int attempts_read(Attempts *a, Ledger *ledger, uint64_t window) {
        Reading reading = { .attempts = a, .window = window };
        char boot[BOOT_ID_SIZE];
        int r;

        r = ledger_read_recent(ledger, SEGMENTS_MAX, window / 1000, read_entry, &reading);
        if (r < 0)
                return r;

        r = entry_boot_id(boot);
        if (r < 0)
                return r;
        if (reading.boot[0] != '\0' && !streq(boot, reading.boot))
                attempts_rebooted(a, reading.time, window);
        return 0;
}
