/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-watch.h"
#include "configuration.h"
#include "examiner-link.h"
#include "macro.h"
#include "record.h"
#include "request.h"

#include <sys/types.h>
#include <systemd/sd-event.h>

/* One verification, from its opening entry to its closing entry, as an explicit state machine:
 *
 *   new ─▶ decoding ─▶ examining ─▶ ending ─▶ closed
 *            └────────────────────────▲
 *
 * "Ending" is where nothing is wanted any more but to see both processes gone; whatever caused it (a verdict, a
 * cancelled call, a dead examiner) is set once, before, and what is said to the caller is said only after. */

typedef enum SessionState {
        SESSION_NEW,
        SESSION_DECODING,              /* a decoder turns the caller's picture into pixels; the examiner starts */
        SESSION_EXAMINING,
        SESSION_ENDING,
        SESSION_CLOSED,
        _SESSION_STATE_MAX,
} SessionState;

typedef struct Session Session;

/* How a closed session is answered: a verdict, or the error of a check that could not be carried out. */
typedef struct SessionResult {
        Cause cause;
        Decision decision;             /* with CAUSE_VERDICT */
        const char *error;             /* else: a D-Bus error name */
        char *message;                 /* … and what to do, in words; owned by the session */
        char *receipt;                 /* may be empty; owned by the session */
        const char *support_code;
        bool binding;
        bool able;                     /* the examiner was confined and had its models, whatever came of it */
        unsigned attempt, attempts_left; /* `attempt` 0: nothing is said of attempts */
        uint64_t duration_usec;        /* rounded to 100 ms: a finer time would tell about the person; 0: not known */
} SessionResult;

typedef struct SessionHandlers {
        /* `remaining_usec` until the examination's time limit */
        void (*prompt)(Session *s, Prompt prompt, uint32_t progress, uint64_t remaining_usec, void *userdata);
        /* Called exactly once, from the event loop; the session may be freed from here unless it is stuck. */
        void (*closed)(Session *s, const SessionResult *result, void *userdata);
        /* A stuck session's processes have ended after all: now it may be freed. */
        void (*unstuck)(Session *s, void *userdata);
} SessionHandlers;

/* All of it is borrowed and must outlive the session. */
typedef struct SessionSetup {
        sd_event *event;
        const Configuration *configuration;
        const Manifest *manifest;
        const Policy *policy;
        Record *record;
        ExaminerPlace examiner, decoder;
        const CameraCandidate *cameras; /* the best first */
        size_t n_cameras;              /* 1 to CAMERA_CANDIDATES_MAX */
        CameraWatch *watch;            /* where they are from; NULL for a recording */
        bool demo;
} SessionSetup;

/* Takes over `request` if it succeeds. Nothing is started yet. */
int session_new(
                Session **ret,
                const SessionSetup *setup,
                Request *request,
                uid_t caller,
                const SessionHandlers *handlers,
                void *userdata);
Session *session_free(Session *s);
DEFINE_CLEANUP(Session *, session_free);

/* Records the opening and starts the processes. After a failure the session was never opened. */
int session_start(Session *s);

/* Ends a session early: CAUSE_CANCELLED, CAUSE_CALLER_GONE, CAUSE_INTERRUPTED or CAUSE_SUSPENDED. `closed` follows; too late
 * is ignored. */
void session_end(Session *s, Cause cause);

/* Ends it because of what happened to the terminal's cameras; `what` is for the log. */
void session_cameras_changed(Session *s, CameraChange change, const char *what);

/* Who asked for it, and with which nonce (NULL if none; owned by the session). */
uid_t session_get_caller(const Session *s);
const char *session_get_nonce(const Session *s);

/* True if processes of a closed session are still there: then nothing else may start. */
bool session_is_stuck(const Session *s);

/* When the check was asked for, for the timing in the debug log: CLOCK_MONOTONIC microseconds of the call and of its
 * authorisation. */
void session_set_times(Session *s, uint64_t called_usec, uint64_t authorised_usec);
