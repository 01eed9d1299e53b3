/* SPDX-License-Identifier: Apache-2.0 */

#include "health.h"
#include "log.h"

#include <errno.h>
#include <time.h>

#define ACCURACY_USEC (UINT64_C(1) * USEC_PER_SEC)

struct Health {
        Signing *signing;
        Verifier *verifier;
        sd_event_source *timer;
        uint64_t interval_usec;
};

static void on_fitness(const char *camera, void *userdata) {
        Health *h = userdata;
        Record *record = signing_record(h->signing);
        int r;

        if (!record)
                return;
        r = record_health(record, camera);
        if (r < 0)
                log_debug_errno(r, "the entry \"health\" cannot be written: %m"); /* the ledger said why */
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
        Health *h = userdata;
        Record *record = signing_record(h->signing);
        int r;

        if (record) {
                r = record_drop(record);
                if (r < 0)
                        log_debug_errno(r, "old entries of the ledger cannot be dropped: %m"); /* the ledger said why */
                verifier_tell_fitness(h->verifier, on_fitness, h);
        }

        r = sd_event_source_set_time_relative(s, h->interval_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return r < 0 ? log_error_errno(r, "no timer for the next entry \"health\": %m") : 0;
}

int health_new(Health **ret, sd_event *event, Signing *signing, Verifier *verifier, uint64_t interval_sec) {
        _cleanup_(health_freep) Health *h = calloc(1, sizeof(*h));
        uint64_t first = interval_sec < HEALTH_FIRST_SEC ? interval_sec : HEALTH_FIRST_SEC;
        int r;

        if (!h)
                return -ENOMEM;
        h->signing = signing;
        h->verifier = verifier;
        h->interval_usec = interval_sec * USEC_PER_SEC;
        r = sd_event_add_time_relative(event, &h->timer, CLOCK_BOOTTIME, first * USEC_PER_SEC, ACCURACY_USEC, on_time,
                                       h);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(h);
        return 0;
}

Health *health_free(Health *h) {
        if (!h)
                return NULL;
        sd_event_source_disable_unref(h->timer);
        free(h);
        return NULL;
}
