/* SPDX-License-Identifier: Apache-2.0 */

/* Checks that wait a moment: a listing of cameras is under way, which a customer need not wait for. It is ended, and they
 * begin when no examiner of it has a camera open any more. */

#include "errors.h"
#include "verifier-private.h"

int verifier_wait(
                Verifier *v,
                sd_bus_message *m,
                uint64_t called_usec,
                AuthorityHandler handler,
                sd_bus_error *error) {

        if (v->n_waiting >= WAITING_MAX)
                return sd_bus_error_set(error, LIKENESS_ERROR_BUSY,
                                "Too many checks wait to begin on this terminal; try again in a moment.");

        v->waiting[v->n_waiting++] = (Waiting) {
                .message = sd_bus_message_ref(m),
                .called_usec = called_usec,
                .handler = handler,
        };
        verifier_overtake_listing(v);
        return 1;
}

void verifier_wake(Verifier *v) {
        Waiting all[WAITING_MAX];
        size_t n = v->n_waiting;

        /* whoever must wait again is not in the way of those that follow */
        for (size_t i = 0; i < n; i++)
                all[i] = v->waiting[i];
        v->n_waiting = 0;

        for (size_t i = 0; i < n; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = all[i].message;
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;


                authority_answer(m, all[i].handler(m, all[i].called_usec, v, &error), &error);
        }
}

void verifier_forget_waiting(Verifier *v) {
        while (v->n_waiting > 0)
                sd_bus_message_unref(v->waiting[--v->n_waiting].message);
}
