/* SPDX-License-Identifier: Apache-2.0 */

/* Reading answers back. */

#include "record-private.h"

#include <errno.h>

static int read_reasons(json_t *reasons, Decision *ret) {
        json_t *word;
        size_t i;

        json_array_foreach(reasons, i, word) {
                int reason = reason_from_string(json_string_value(word));

                if (reason < 0 || ret->n_reasons >= DECISION_REASONS_MAX)
                        return -EBADMSG;
                ret->reasons[ret->n_reasons++] = (Reason) reason;
        }
        return 0;
}

/* What an entry "declined" says to whom asked again. */
static int read_declined(json_t *claims, RecordedAnswer *ret) {
        const char *support_code = NULL;
        json_int_t caller = 0;

        if (json_unpack(claims, "{s:I, s:s}", "caller", &caller, "support-code", &support_code) < 0 ||
            strlen(support_code) >= SUPPORT_CODE_SIZE)
                return -EBADMSG;

        ret->cause = CAUSE_VERDICT;
        ret->decision.verdict = VERDICT_DECLINED;
        ret->caller = (uid_t) caller;
        memcpy(ret->support_code, support_code, strlen(support_code) + 1);
        return 0;
}

static int read_closing(json_t *claims, RecordedAnswer *ret) {
        const char *cause = NULL, *verdict = NULL, *support_code = NULL;
        json_t *reasons = NULL;
        json_int_t caller = 0, attempt = 0, left = 0;
        int binding = 0, v;

        if (json_unpack(claims, "{s:s, s?s, s?o, s:I, s?b, s:s, s?I, s?I}", "cause", &cause, "verdict", &verdict, "reasons",
                            &reasons, "caller", &caller, "binding", &binding, "support-code", &support_code,
                            "attempt", &attempt, "attempts-left", &left) < 0 ||
            strlen(support_code) >= SUPPORT_CODE_SIZE || attempt < 0 || attempt > UINT32_MAX || left < 0 ||
            left > UINT32_MAX)
                return -EBADMSG;

        v = cause_from_string(cause);
        if (v < 0)
                return -EBADMSG;
        ret->cause = (Cause) v;
        if (ret->cause == CAUSE_VERDICT) {
                v = verdict_from_string(verdict);
                if (v < 0)
                        return -EBADMSG;
                ret->decision.verdict = (Verdict) v;
                if (read_reasons(reasons, &ret->decision) < 0)
                        return -EBADMSG;
        }

        ret->caller = (uid_t) caller;
        ret->binding = binding;
        ret->attempt = (unsigned) attempt;
        ret->attempts_left = (unsigned) left;
        memcpy(ret->support_code, support_code, strlen(support_code) + 1);
        return 0;
}

int record_find(Record *r, const char *nonce, RecordedAnswer *ret) {
        _cleanup_(json_donep) json_t *claims = NULL;
        RecordedAnswer answer = {};
        int k;

        k = ledger_find_nonce(r->setup.ledger, nonce, NONCE_WINDOW_SEC, &answer.receipt, &claims);
        if (k <= 0)
                return k;

        k = entry_is(claims, "declined") ? read_declined(claims, &answer) : read_closing(claims, &answer);
        if (k < 0) {
                recorded_answer_done(&answer);
                return k;
        }

        *ret = answer;
        return 1;
}

void recorded_answer_done(RecordedAnswer *a) {
        free(TAKE_PTR(a->receipt));
}
