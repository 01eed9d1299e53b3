/* SPDX-License-Identifier: Apache-2.0 */

/* Answers that need no new check: of a nonce that was used, of a transaction that has used up its tries. */

#include "errors.h"
#include "log.h"
#include "verifier-private.h"

#include <errno.h>
#include <inttypes.h>

int verifier_sender_uid(sd_bus_message *m, uid_t *ret) {
        sd_bus_creds *creds = NULL;
        int r;

        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret);
        sd_bus_creds_unref(creds);
        return r;
}

int verifier_add_to_audience(Audience *a, const Call *call) {
        return call->begin ? audience_add_listener(a, call->message) : audience_add_call(a, call->message);
}

int verifier_reply_first(const Audience *a, const Call *call) {
        return call->begin ? sd_bus_reply_method_return(call->message, "o", audience_path(a)) : 1;
}

/* Tells what was recorded, in the form in which it was told. */
static int tell_recorded(Verifier *v, const Call *call, const RecordedAnswer *answer) {
        _cleanup_(audience_freep) Audience *audience = NULL;
        int r;

        const SessionResult result = {
                .cause = answer->cause,
                .decision = answer->decision,
                .error = cause_error(answer->cause),
                .message = (char *) cause_message(answer->cause),
                .receipt = answer->receipt,
                .support_code = answer->support_code,
                .binding = answer->binding,
                .attempt = answer->attempt,
                .attempts_left = answer->attempts_left,
        };

        r = audience_new(&audience, v->bus, verifier_audience_left, v);
        if (r < 0)
                return r;
        r = verifier_add_to_audience(audience, call);
        if (r < 0)
                return r;
        if (call->reference)
                *call->reference = safe_close(*call->reference);
        r = verifier_reply_first(audience, call);
        if (r < 0)
                return r;

        audience_finish(audience, &result);
        return 1;
}

bool verifier_nonce_is_running(const Verifier *v, const char *nonce) {
        const char *running = v->session && v->audience ? session_get_nonce(v->session) : NULL;

        return nonce && running && streq(nonce, running);
}

int verifier_answer_again(Verifier *v, const Call *call, sd_bus_error *error) {
        RecordedAnswer answer = {};
        int r;

        if (verifier_nonce_is_running(v, call->nonce)) {
                if (session_get_caller(v->session) != call->uid)
                        return verifier_check_idle(v, error);
                r = verifier_add_to_audience(v->audience, call);
                return r < 0 ? r : verifier_reply_first(v->audience, call);
        }
        if (!call->nonce)
                return 0;

        r = record_find(signing_record(v->setup.signing), call->nonce, &answer);
        if (r <= 0)
                return r;

        if (answer.caller == call->uid)
                r = tell_recorded(v, call, &answer);
        else
                r = sd_bus_error_set(error, LIKENESS_ERROR_BAD_REQUEST, "nonce: was used already; take a new one");
        recorded_answer_done(&answer);
        return r;
}

int verifier_check_attempts(Verifier *v, const Request *request, const Call *call, sd_bus_error *error) {
        Record *record = signing_record(v->setup.signing);
        RecordedAnswer answer = {};
        uint64_t wait_sec = 0;
        int r;

        switch (record_permits(record, request, &wait_sec)) {
        case PERMISSION_GIVEN:
                v->rate_limited = false;
                return 0;
        case PERMISSION_WAIT:
                if (!v->rate_limited)
                        log_message(LOG_WARNING, MESSAGE_RATE_LIMITED,
                                    "checks are refused: there were too many within the last hour (asked by uid %u)",
                                    call->uid);
                v->rate_limited = true;
                return sd_bus_error_setf(error, LIKENESS_ERROR_RATE_LIMITED,
                                "There were too many checks within the last hour; wait %" PRIu64 " seconds. The customer "
                                "can choose another way at any time (Decline).", wait_sec);
        default:
                break;
        }

        r = record_exhausted(record, request, call->uid, &answer);
        if (r < 0) {
                record_end_if_open(record, v->event, r);
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_RECORD));
        }
        r = tell_recorded(v, call, &answer);
        recorded_answer_done(&answer);
        return r;
}
