/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
#include "camera-report.h"
#include "macro.h"

/* Opens cameras one after the other and asks what they can do, on a thread of its own: a driver that does not come back
 * holds nobody up. */

typedef struct InspectionOrder {
        CameraCandidate cameras[CAMERA_CANDIDATES_MAX]; /* taken over */
        size_t n_cameras;              /* at least one */
        bool software;                 /* those without hardware behind them are opened as well */
} InspectionOrder;

typedef struct Inspection Inspection;

/* Begins with the first camera. 0, or a negative errno, and then `order` stays the caller's. */
int inspection_new(Inspection **ret, const InspectionOrder *order);
/* What a driver does not give back is left behind: the process must end. */
Inspection *inspection_free(Inspection *i);
DEFINE_CLEANUP(Inspection *, inspection_free);

/* Readable when the next camera is begun, and when all are done. Owned by the inspection. */
int inspection_get_fd(const Inspection *i);
/* True when all are done: the reports hold. */
bool inspection_is_done(Inspection *i);
/* The camera that is being opened does not answer: it is OUTCOME_CAMERA_STUCK, and the next one is begun. Ignored if it
 * has answered since inspection_is_done() was asked last: that is to be asked first. 0, or a negative errno if no thread
 * can be started. */
int inspection_skip(Inspection *i);

/* Of the nth camera, when done. */
const CameraReport *inspection_get_report(const Inspection *i, size_t n);
size_t inspection_count(const Inspection *i);

/* Frees what an order that was not taken over has. */
void inspection_order_done(InspectionOrder *order);
