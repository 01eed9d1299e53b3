/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The bus object's inside, shared by the files that hold its methods (verifier.c: checks; verifier-ledger.c: the
 * ledger and the key; verifier-properties.c). */

#include "audience.h"
#include "authority.h"
#include "sleep.h"
#include "verifier.h"

struct Verifier {
        VerifierSetup setup;
        sd_bus *bus;
        sd_event *event;
        Authority *authority;
        Sleep *sleep;
        sd_bus_slot *object, *sessions;
        sd_bus_message *rotation;      /* RotateKey(), to be answered */
        bool stopping;
        bool camera_missing, rate_limited; /* was said */
        Problems learnt;               /* by the last check */

        /* the one check */
        Session *session;
        Audience *audience;            /* NULL when it was told: what is left are stuck processes */
        char *camera;
};

/* What an authorised call asks for, before it is known whether a check is needed for it. */
typedef struct Call {
        sd_bus_message *message;
        uint64_t called_usec;
        bool begin;                    /* answered with the session's object, then told by signals */
        uid_t uid;
        const char *nonce;
        int *reference;                /* the request's, closed before anybody is told an answer; NULL if there is none */
} Call;

/* verifier.c */
void verifier_audience_left(Audience *a, void *userdata);
/* -errno with `error` set if another check is under way. */
int verifier_check_idle(const Verifier *v, sd_bus_error *error);

/* verifier-answers.c */
int verifier_sender_uid(sd_bus_message *m, uid_t *ret);
int verifier_add_to_audience(Audience *a, const Call *call);
/* Begin() is answered at once with the object; Verify() and GetResult() when there is a result. */
int verifier_reply_first(const Audience *a, const Call *call);
bool verifier_nonce_is_running(const Verifier *v, const char *nonce);
/* A nonce that was used is never checked again: its caller joins the running check or is told its answer. 1 if that was
 * done, 0 if the nonce is new. */
int verifier_answer_again(Verifier *v, const Call *call, sd_bus_error *error);
/* Whether there may be another attempt: 0, or 1 if the answer was "exhausted", or RateLimited in `error`. */
int verifier_check_attempts(Verifier *v, const Request *request, const Call *call, sd_bus_error *error);

/* verifier-decline.c */
int verifier_method_decline(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* verifier-configuration.c */
int verifier_method_reload_configuration(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* verifier-ledger.c */
int verifier_method_checkpoint(sd_bus_message *m, void *userdata, sd_bus_error *error);
int verifier_method_export_ledger(sd_bus_message *m, void *userdata, sd_bus_error *error);
int verifier_method_rotate_key(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* verifier-problems.c */
/* What a check's end says of the terminal. */
void verifier_learn(Verifier *v, Cause cause);
/* Appends the words, the weightiest first. */
int verifier_append_problems(const Verifier *v, sd_bus_message *reply);

/* verifier-properties.c: one getter for all; sd-bus asks for them by name */
int verifier_get_property(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error);

/* -errno with `error` set if nothing can be recorded now. */
int verifier_check_able(const Verifier *v, sd_bus_error *error);
