/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
#include "findings.h"
#include "macro.h"

/* The one job of an examiner: a reference, a camera, and what was found. It runs on a thread of its own, so that the
 * link keeps answering whatever a driver does, and reports through an eventfd that the main loop watches. */

typedef struct Examination Examination;

/* What to examine. */
typedef struct ExaminationOrder {
        int reference;                 /* sealed memfd with raw RGB, rows without padding; taken over */
        uint32_t width, height;        /* of the reference, 1 to PIXELS_SIDE_MAX */
        CameraCandidate cameras[CAMERA_CANDIDATES_MAX]; /* the best first; taken over */
        size_t n_cameras;              /* at least one */
        bool software;                 /* those without hardware behind them may be used */
        unsigned view;                 /* CameraView */
        Pace pace;
        int no_match_below, match_from; /* similarity, thousandths */
        uint64_t time_limit_usec;
} ExaminationOrder;

/* What the main loop has to tell; everything that happened since the last call of examination_take_report(). */
typedef struct ExaminationReport {
        unsigned stages;               /* bit 1 << Stage for each stage that was reached */
        bool prompted;                 /* `prompt` and `progress` are new */
        Prompt prompt;
        uint32_t progress;
        bool done;                     /* `findings` hold */
        Findings findings;
} ExaminationReport;

typedef struct ExaminationSetup {
        const char *manifest;          /* borrowed for the life of the examination */
        const char *models;
        bool demo;                     /* a recording may stand in for a camera */
} ExaminationSetup;

/* Starts the thread, which loads the networks at once. */
int examination_new(Examination **ret, const ExaminationSetup *setup);
/* Stops the thread and waits for it. */
Examination *examination_free(Examination *e);
DEFINE_CLEANUP(Examination *, examination_free);

/* Hands over the order; its members are the examination's from here on. */
void examination_start(Examination *e, const ExaminationOrder *order);

/* How long the thread has been in a call that a camera's driver may not come back from; 0 if it is in none. */
uint64_t examination_in_driver_usec(const Examination *e);

/* Readable whenever there is something to take. Owned by the examination. */
int examination_get_fd(const Examination *e);
/* Takes it: what is told once is not told again. */
void examination_take_report(Examination *e, ExaminationReport *ret);

/* Frees what an order that was not handed over has. */
void examination_order_done(ExaminationOrder *order);
