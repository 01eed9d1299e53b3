/* SPDX-License-Identifier: Apache-2.0 */

#include "record-private.h"
#include "build-config.h"
#include "clock.h"
#include "entry.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

static uint64_t window_msec(const Record *r) {
        return (uint64_t) r->setup.configuration->attempt_window_sec * 1000;
}

int record_new(Record **ret, const RecordSetup *setup) {
        _cleanup_(record_freep) Record *r = NULL;
        json_t *claims;
        int k;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->setup = *setup;
        k = attempts_new(&r->attempts);
        if (k >= 0)
                k = attempts_read(r->attempts, setup->ledger, window_msec(r));
        if (k < 0)
                return k;

        claims = json_pack("{s:s, s:s, s:b}", "software", VERSION, "mode",
                        mode_to_string(setup->configuration->mode), "demo", setup->demo);
        if (!claims)
                return -ENOMEM;
        k = ledger_append(setup->ledger, "started", claims, NULL);
        if (k < 0)
                return k;

        *ret = TAKE_PTR(r);
        return 0;
}

Record *record_free(Record *r) {
        if (!r)
                return NULL;

        attempts_free(r->attempts);
        free(r);
        return NULL;
}

Permission record_permits(const Record *r, const Request *q, uint64_t *ret_wait_sec) {
        const Configuration *c = r->setup.configuration;
        uint64_t now = entry_boot_time(), wait = 0, more;

        if (c->mode == MODE_ENFORCE) {
                wait = attempts_wait(r->attempts, NULL, c->terminal_attempts_per_hour, now);
                more = q->operator_id ?
                                attempts_wait(r->attempts, q->operator_id, c->operator_attempts_per_hour, now) : 0;
                wait = more > wait ? more : wait;
        }
        if (wait > 0) {
                *ret_wait_sec = (wait + 999) / 1000;
                return PERMISSION_WAIT;
        }

        if (q->transaction && attempts_standing(r->attempts, q->transaction, now, window_msec(r)).left == 0)
                return PERMISSION_EXHAUSTED;
        return PERMISSION_GIVEN;
}

/* No letters that look or sound alike; 32 of them, so that a random byte fits without bias. */
static int support_code_new(char ret[static SUPPORT_CODE_SIZE]) {
        static const char letters[32 + 1] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
        uint8_t random[8];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -EIO;

        for (size_t i = 0, j = 0; i < sizeof(random); i++) {
                if (i == 4)
                        ret[j++] = '-';
                ret[j++] = letters[random[i] & 31];
        }
        ret[SUPPORT_CODE_SIZE - 1] = '\0';
        return 0;
}

/* What opening and closing have in common. Absent strings are left out ("s*" of jansson). */
static json_t *attempt_claims(const Record *r, const Attempt *a) {
        const Request *q = a->request;

        return json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:I, s:s, s:s, s:s, s:s}", "support-code", a->support_code,
                        "nonce", q->nonce, "transaction", q->transaction, "operator", q->operator_id, "notice",
                        q->notice, "caller", (json_int_t) a->caller, "document", q->document, "reference-source",
                        "supplied", "mode", mode_to_string(r->setup.configuration->mode), "software", VERSION);
}

int record_open(Record *r, Attempt *a) {
        _cleanup_(json_donep) json_t *claims = NULL;
        uint64_t now;
        int k;

        k = support_code_new(a->support_code);
        if (k < 0)
                return k;

        claims = attempt_claims(r, a);
        if (!claims || json_object_set_new(claims, "challenge",
                                       json_string(challenge_to_string(a->request->challenge))) < 0)
                return -ENOMEM;

        /* counted first: an opening that is written and not counted would be a try for nothing */
        now = entry_boot_time();
        k = attempts_open(r->attempts, 0, a->request->transaction, a->request->operator_id, now);
        if (k < 0)
                return k;
        k = ledger_append(r->setup.ledger, "opened", TAKE_PTR(claims), NULL);
        if (k < 0) {
                attempts_take_back(r->attempts);
                return k;
        }

        a->opening = ledger_sequence(r->setup.ledger);
        attempts_number_last(r->attempts, a->opening);
        a->number = attempts_standing(r->attempts, a->request->transaction, now, window_msec(r)).number;
        a->opened_usec = now_monotonic_usec();
        r->tally.checks++;
        return 0;
}

static json_t *reasons_claim(const Decision *d) {
        json_t *reasons = json_array();

        for (size_t i = 0; reasons && i < d->n_reasons; i++)
                if (json_array_append_new(reasons, json_string(reason_to_string(d->reasons[i]))) < 0)
                        reasons = json_done(reasons);
        return reasons;
}

static json_t *models_claim(const Manifest *m) {
        json_t *models = json_object();

        for (size_t i = 0; models && i < m->n_models; i++) {
                char hex[MODEL_SHA256_TEXT];

                model_sha256_text(&m->models[i], hex);
                if (json_object_set_new(models, m->models[i].name, json_string(hex)) < 0)
                        models = json_done(models);
        }
        return models;
}

/* What only a check that came to a verdict can say. "o" takes the reference, and fails on NULL. */
static json_t *verdict_claims(const Record *r, const Decision *d, bool binding) {
        return json_pack("{s:s, s:o, s:b, s:s, s:s, s:{s:s, s:s, s:s}, s:{s:f, s:s}, s:o}", "verdict",
                        verdict_to_string(d->verdict), "reasons", reasons_claim(d), "binding", binding,
                        "document-authenticity", "not-checked", "document-binding", "not-asked", "evidence", "passive",
                        passive_to_string(d->passive), "light", "not-done", "turn", "not-done", "policy",
                        "false-match-rate", r->setup.policy->false_match_rate, "population",
                        r->setup.policy->population, "models", models_claim(r->setup.manifest));
}

/* Where the transaction stands, with this attempt and how it ended. */
static json_t *standing_claims(Record *r, Attempt *a, const Closing *closing) {
        uint64_t now = entry_boot_time();

        attempts_close(r->attempts, a->opening, attempt_use(closing->cause,
                        closing->decision ? closing->decision->verdict : _VERDICT_MAX, closing->face_seen));
        a->left = attempts_standing(r->attempts, a->request->transaction, now, window_msec(r)).left;

        return json_pack("{s:I, s:I, s:I}", "attempt", (json_int_t) a->number, "attempts-left", (json_int_t) a->left,
                        "attempts-last-hour", (json_int_t) attempts_last_hour(r->attempts, NULL, now));
}

/* Which camera it was, for those who compare receipts of this terminal. */
static int add_camera(const Record *r, json_t *claims, const char *name) {
        char identity[RECEIPT_HASH_SIZE];

        terminal_secret_identify(r->setup.secret, name, identity);
        return json_object_set_new(claims, "camera-identity", json_string(identity)) < 0 ? -ENOMEM : 0;
}

int record_close(Record *r, Attempt *a, const Closing *closing, char **ret_receipt) {
        _cleanup_(json_donep) json_t *claims = NULL, *more = NULL;
        int k;

        claims = attempt_claims(r, a);
        more = json_pack("{s:I, s:s, s:b, s:b}", "opening", (json_int_t) a->opening, "cause",
                        cause_to_string(closing->cause), "preview", false, "face-seen", closing->face_seen);
        if (!claims || !more || json_object_update(claims, more) < 0)
                return -ENOMEM;
        if (closing->camera && add_camera(r, claims, closing->camera) < 0)
                return -ENOMEM;
        if (closing->ended != ENDED_NOTHING &&
            json_object_set_new(claims, "examiner-ended", json_string(ended_to_string(closing->ended))) < 0)
                return -ENOMEM;
        more = json_done(more);

        more = standing_claims(r, a, closing);
        if (!more || json_object_update(claims, more) < 0)
                return -ENOMEM;
        more = json_done(more);

        if (closing->decision) {
                more = verdict_claims(r, closing->decision, closing->binding);
                if (!more || json_object_update(claims, more) < 0)
                        return -ENOMEM;
        }

        k = ledger_append(r->setup.ledger, "closed", TAKE_PTR(claims), ret_receipt);
        if (k < 0)
                return k;

        tally_close(&r->tally, closing->cause, closing->decision, now_monotonic_usec() - a->opened_usec);
        return 0;
}

void record_end_if_open(const Record *r, sd_event *event, int error) {
        if (ledger_failed(r->setup.ledger))
                return;
        log_error_errno(error, "an attempt cannot be closed; the service ends, and its next start closes it: %m");
        (void) sd_event_exit(event, error);
}

int record_health(Record *r, const char *camera) {
        _cleanup_(json_donep) json_t *claims = NULL, *more = NULL;
        int k;

        claims = json_pack("{s:s, s:s, s:s, s:o}", "software", VERSION, "mode",
                        mode_to_string(r->setup.configuration->mode), "camera", camera, "models",
                        models_claim(r->setup.manifest));
        more = tally_claims(&r->tally);
        if (!claims || !more || json_object_update(claims, more) < 0)
                return -ENOMEM;

        k = ledger_append(r->setup.ledger, "health", TAKE_PTR(claims), NULL);
        if (k < 0)
                return k;

        r->tally = (Tally) {};
        return 0;
}

int record_drop(Record *r) {
        int k = ledger_drop(r->setup.ledger, r->setup.configuration->keep_days);

        return k < 0 ? k : 0;
}

int record_exhausted(Record *r, const Request *q, uid_t caller, RecordedAnswer *ret) {
        const Decision decision = { .verdict = VERDICT_EXHAUSTED };
        Attempt attempt = { .request = q, .caller = caller };
        const Closing closing = {
                .cause = CAUSE_VERDICT,
                .decision = &decision,
                .binding = r->setup.configuration->mode == MODE_ENFORCE && !r->setup.demo,
        };
        RecordedAnswer answer = {
                .cause = CAUSE_VERDICT,
                .decision = decision,
                .binding = closing.binding,
                .caller = caller,
        };
        int k;

        k = record_open(r, &attempt);
        if (k < 0)
                return k;
        k = record_close(r, &attempt, &closing, &answer.receipt);
        if (k < 0)
                return k;

        answer.attempt = attempt.number;
        answer.attempts_left = attempt.left;
        memcpy(answer.support_code, attempt.support_code, sizeof(answer.support_code));
        *ret = answer;
        return 0;
}

/* That a customer is unable to be checked is nobody's business: it is recorded as any other choice of another way. */
static const char *recorded_decline_cause(DeclineCause c) {
        return decline_cause_to_string(c == DECLINE_UNABLE ? DECLINE_REFUSED : c);
}

int record_declined(Record *r, const Request *q, uid_t caller, RecordedAnswer *ret) {
        RecordedAnswer answer = {
                .cause = CAUSE_VERDICT,
                .decision = { .verdict = VERDICT_DECLINED },
                .caller = caller,
        };
        json_t *claims;
        int k;

        k = support_code_new(answer.support_code);
        if (k < 0)
                return k;
        claims = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:I, s:s, s:s}", "support-code", answer.support_code, "nonce",
                        q->nonce, "transaction", q->transaction, "operator", q->operator_id, "notice", q->notice,
                        "caller", (json_int_t) caller, "cause", recorded_decline_cause(q->decline_cause), "alternative",
                        alternative_to_string(q->alternative));
        if (!claims)
                return -ENOMEM;
        k = ledger_append(r->setup.ledger, "declined", claims, &answer.receipt);
        if (k < 0)
                return k;

        *ret = answer;
        return 0;
}
