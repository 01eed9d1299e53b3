/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
#include "camera-report.h"
#include "cause.h"
#include "examiner-protocol.h"
#include "findings.h"
#include "macro.h"

#include <systemd/sd-event.h>

/* The daemon's end of the link to one examiner (or decoder): connects, attaches the lifeline, passes orders on, accepts
 * the closed list of messages and nothing else, and sees the process gone, with all that it may have forked. Whatever the
 * other side does, it is told to end after EXAMINER_SILENCE_USEC without a word. */

/* Where instances come from. The strings are borrowed. */
typedef struct ExaminerPlace {
        const char *socket;            /* connecting starts one */
        const char *group;             /* directory of the control group that all of them run in, which is watched
                                        * beside the process; NULL: the process alone is */
} ExaminerPlace;

typedef struct ExaminerLink ExaminerLink;

/* Called from the event loop, never from within a call of this interface. The link may be freed from `gone` only. `decoded`,
 * `findings` and `inspected` answer an order: whoever never gives it leaves its handler out. */
typedef struct ExaminerLinkHandlers {
        void (*ready)(ExaminerLink *l, void *userdata);        /* attached: an order can be given */
        void (*stage)(ExaminerLink *l, Stage stage, void *userdata);
        void (*prompt)(ExaminerLink *l, Prompt prompt, uint32_t progress, void *userdata);
        void (*decoded)(ExaminerLink *l, DecodeOutcome outcome, uint32_t width, uint32_t height, void *userdata);
        void (*findings)(ExaminerLink *l, const Findings *f, void *userdata);
        /* A report of each camera, in their order. */
        void (*inspected)(ExaminerLink *l, const CameraReport *reports, void *userdata);
        /* The link broke or was broken off because of what came over it, or (CAUSE_EXAMINER_UNWATCHED) its control
         * group cannot be watched; it is ending. `what` is for the log. */
        void (*failed)(ExaminerLink *l, Cause cause, const char *what, void *userdata);
        /* Nothing is left. If that takes longer than EXAMINER_GONE_USEC this is called with `stuck`, and once more
         * without when there is nothing left after all. */
        void (*gone)(ExaminerLink *l, bool stuck, void *userdata);
} ExaminerLinkHandlers;

typedef struct ExamineOrder {
        int reference;                 /* sealed memfd of raw RGB; stays the caller's */
        uint32_t width, height;
        const CameraCandidate *cameras; /* the best first */
        size_t n_cameras;              /* 1 to CAMERA_CANDIDATES_MAX */
        bool software;                 /* those without hardware behind them may be used */
        unsigned view;                 /* CameraView */
        Challenge challenge;
        Pace pace;
        int no_match_below, match_from; /* similarity, thousandths */
        uint64_t time_limit_usec;
} ExamineOrder;

/* Connects to the socket, which starts a process. `handlers` and `userdata` must outlive the link. */
int examiner_link_new(
                ExaminerLink **ret,
                sd_event *event,
                const ExaminerPlace *place,
                bool demo,
                const ExaminerLinkHandlers *handlers,
                void *userdata);
ExaminerLink *examiner_link_free(ExaminerLink *l);
DEFINE_CLEANUP(ExaminerLink *, examiner_link_free);

/* Orders, once `ready` was called. The descriptors are duplicated. */
int examiner_link_decode(ExaminerLink *l, int picture, int pixels);
int examiner_link_examine(ExaminerLink *l, const ExamineOrder *order);
/* 1 to CAMERA_CANDIDATES_MAX cameras. */
int examiner_link_inspect(ExaminerLink *l, const CameraCandidate *cameras, size_t n, bool software);

/* Ends the process, by closing the lifeline; `gone` follows. May be called again. */
void examiner_link_end(ExaminerLink *l);

/* In `gone`, unless stuck: how it was seen that nothing is left. */
Ended examiner_link_ended(const ExaminerLink *l);
