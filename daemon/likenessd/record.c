/* SPDX-License-Identifier: Apache-2.0 */

#include "record.h"
#include "build-config.h"
#include "clock.h"
#include "log.h"
#include "tally.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

struct Record {
        RecordSetup setup;
        Tally tally;                   /* since the last entry "health" */
};

static json_t *json_done(json_t *j) {
        json_decref(j);
        return NULL;
}
DEFINE_CLEANUP(json_t *, json_done);

int record_new(Record **ret, const RecordSetup *setup) {
        json_t *claims;
        Record *r;
        int k;

        claims = json_pack("{s:s, s:s, s:b}", "software", VERSION, "mode",
                        mode_to_string(setup->configuration->mode), "demo", setup->demo);
        if (!claims)
                return -ENOMEM;
        k = ledger_append(setup->ledger, "started", claims, NULL);
        if (k < 0)
                return k;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->setup = *setup;
        *ret = r;
        return 0;
}

Record *record_free(Record *r) {
        free(r);
        return NULL;
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
        int k;

        k = support_code_new(a->support_code);
        if (k < 0)
                return k;

        claims = attempt_claims(r, a);
        if (!claims || json_object_set_new(claims, "challenge",
                                       json_string(challenge_to_string(a->request->challenge))) < 0)
                return -ENOMEM;

        k = ledger_append(r->setup.ledger, "opened", TAKE_PTR(claims), NULL);
        if (k < 0)
                return k;

        a->opening = ledger_sequence(r->setup.ledger);
        a->opened_usec = now_monotonic_usec();
        r->tally.checks++;
        log_info("%s: opened for uid %u%s", a->support_code, a->caller, r->setup.demo ? " (demo)" : "");
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

int record_close(Record *r, const Attempt *a, const Closing *closing, char **ret_receipt) {
        _cleanup_(json_donep) json_t *claims = NULL, *more = NULL;
        int k;

        claims = attempt_claims(r, a);
        more = json_pack("{s:I, s:s, s:b, s:s, s:b}", "opening", (json_int_t) a->opening, "cause",
                        cause_to_string(closing->cause), "preview", false, "examiner-ended", "process", "face-seen",
                        closing->face_seen);
        if (!claims || !more || json_object_update(claims, more) < 0)
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
        /* neither reasons nor durations: a log is read by more people than a receipt */
        log_info("%s: closed: %s%s%s", a->support_code, cause_to_string(closing->cause), closing->decision ? " " : "",
                        closing->decision ? verdict_to_string(closing->decision->verdict) : "");
        return 0;
}

int record_health(Record *r) {
        _cleanup_(json_donep) json_t *claims = NULL, *more = NULL;
        int k;

        claims = json_pack("{s:s, s:s, s:o}", "software", VERSION, "mode", mode_to_string(r->setup.configuration->mode),
                        "models", models_claim(r->setup.manifest));
        more = tally_claims(&r->tally);
        if (!claims || !more || json_object_update(claims, more) < 0)
                return -ENOMEM;

        k = ledger_append(r->setup.ledger, "health", TAKE_PTR(claims), NULL);
        if (k < 0)
                return k;

        r->tally = (Tally) {};
        return 0;
}

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

static int read_closing(json_t *claims, RecordedAnswer *ret) {
        const char *cause = NULL, *verdict = NULL, *support_code = NULL;
        json_t *reasons = NULL;
        json_int_t caller = 0;
        int binding = 0, v;

        if (json_unpack(claims, "{s:s, s?s, s?o, s:I, s?b, s:s}", "cause", &cause, "verdict", &verdict, "reasons",
                            &reasons, "caller", &caller, "binding", &binding, "support-code", &support_code) < 0 ||
            strlen(support_code) >= SUPPORT_CODE_SIZE)
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

        k = read_closing(claims, &answer);
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
