/* SPDX-License-Identifier: Apache-2.0 */

/* The customer chose another way. There is no camera in it and nothing to wait for, so nothing stands in its way: no limit,
 * no running check, no stuck examiner; only what cannot be recorded cannot be declined. */

#include "errors.h"
#include "verifier-private.h"

#include <errno.h>

static int reply_declined(sd_bus_message *m, const RecordedAnswer *answer) {
        return sd_bus_reply_method_return(m, "a{sv}", 2, "receipt", "s", answer->receipt, "support-code", "s",
                        answer->support_code);
}

/* The same decline again is answered with its receipt; a nonce that a check has used is none for a decline. 1 if that was
 * done, 0 if the nonce is new. */
static int decline_again(
                Verifier *v, sd_bus_message *m, const char *nonce, uid_t uid, sd_bus_error *error) {

        RecordedAnswer answer = {};
        int r;

        if (!nonce)
                return 0;
        if (verifier_nonce_is_running(v, nonce))
                return sd_bus_error_set(error, LIKENESS_ERROR_BAD_REQUEST, "nonce: was used already; take a new one");
        r = record_find(signing_record(v->setup.signing), nonce, &answer);
        if (r <= 0)
                return r;

        if (answer.caller == uid && answer.decision.verdict == VERDICT_DECLINED)
                r = reply_declined(m, &answer);
        else
                r = sd_bus_error_set(error, LIKENESS_ERROR_BAD_REQUEST, "nonce: was used already; take a new one");
        recorded_answer_done(&answer);
        return r < 0 ? r : 1;
}

static int decline_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        _cleanup_(request_freep) Request *request = NULL;
        RecordedAnswer answer = {};
        Verifier *v = userdata;
        uid_t uid;
        int r;

        r = verifier_check_able(v, error);
        if (r < 0)
                return r;
        r = request_read_decline(m, &request, error);
        if (r < 0)
                return r;
        r = verifier_sender_uid(m, &uid);
        if (r < 0)
                return r;
        r = decline_again(v, m, request->nonce, uid, error);
        if (r != 0)
                return r;

        r = record_declined(signing_record(v->setup.signing), request, uid, &answer);
        if (r < 0)
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_RECORD));
        r = reply_declined(m, &answer);
        recorded_answer_done(&answer);
        return r;
}

int verifier_method_decline(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_DECLINE, decline_authorised, v);
}
