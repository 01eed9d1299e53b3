/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The bus object's inside, shared by the files that hold its methods (verifier.c: checks; verifier-ledger.c: the
 * ledger and the key; verifier-properties.c). */

#include "audience.h"
#include "authority.h"
#include "sleep.h"
#include "verifier.h"

#define WAITING_MAX 16U

typedef struct Listing Listing;

/* Begin() or Verify(), authorised. */
typedef struct Waiting {
        sd_bus_message *message;
        uint64_t called_usec;
        AuthorityHandler handler;
} Waiting;

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
        CameraWatch *cameras;          /* NULL: `recording` stands in for them */
        CameraCandidates recording;

        Listing *listing;              /* ListCameras(), under way instead of a check */
        Waiting waiting[WAITING_MAX];  /* for its end */
        size_t n_waiting;
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
/* -errno with `error` set if no examiner can be started now. */
int verifier_check_can_examine(const Verifier *v, sd_bus_error *error);
/* Neither a check nor anything else that an examiner was started for is under way any more. */
void verifier_rest(Verifier *v);

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

/* verifier-cameras.c */
/* Takes stock of the cameras and chooses those of the caller's seat that policy permits; -errno with `error` set if
 * there is none. */
int verifier_choose_cameras(Verifier *v, sd_bus_message *m, sd_bus_error *error);
void verifier_forget_cameras(Verifier *v);
const CameraCandidates *verifier_cameras(const Verifier *v);

/* verifier-listing.c */
int verifier_method_list_cameras(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* Ends what is under way; its caller is told so. */
void verifier_end_listing(Verifier *v, Cause cause);
/* A check goes first: ends what is under way, and its caller is told Busy. */
void verifier_overtake_listing(Verifier *v);
void verifier_forget_listing(Verifier *v);
/* Its caller was answered, and its examiner does not end. */
bool verifier_listing_is_stuck(const Verifier *v);

/* verifier-waiting.c */
/* Has the listing of cameras end that is under way, and calls `handler` once more (with a message that was not read yet)
 * when its examiner is gone, or when it is known not to go. 1, or Busy in `error` if too many wait already. */
int verifier_wait(Verifier *v, sd_bus_message *m, uint64_t called_usec, AuthorityHandler handler, sd_bus_error *error);
/* Their turn has come. */
void verifier_wake(Verifier *v);
/* Their messages are not answered. */
void verifier_forget_waiting(Verifier *v);

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
void verifier_learn(Verifier *v, const SessionResult *result);
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
