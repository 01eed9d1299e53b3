/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "examiner-link.h"

/* Has cameras inspected by an examiner of its own, outside of any check: no picture is taken, so it is no attempt. */

typedef struct CameraInspection CameraInspection;

typedef struct CameraInspectionHandlers {
        /* How it ended: a report of each camera in their order, or NULL if the examiner failed (it was logged). Called
         * once: when nothing is left of the examiner, or when that takes too long (`stuck`). */
        void (*done)(CameraInspection *i, const CameraReport *reports, bool stuck, void *userdata);
        /* Nothing is left. The inspection may be freed from here only. */
        void (*gone)(CameraInspection *i, void *userdata);
} CameraInspectionHandlers;

/* Starts an examiner; 0, or a negative errno if there is none to connect to. `cameras`, 1 to CAMERA_CANDIDATES_MAX of
 * them, are copied; `handlers` and `userdata` must outlive it. The handlers are called from the event loop. */
int camera_inspection_new(
                CameraInspection **ret,
                sd_event *event,
                const ExaminerPlace *place,
                bool demo,
                const CameraCandidate *cameras,
                size_t n,
                bool software,
                const CameraInspectionHandlers *handlers,
                void *userdata);
CameraInspection *camera_inspection_free(CameraInspection *i);
DEFINE_CLEANUP(CameraInspection *, camera_inspection_free);

/* Breaks it off; `done` without reports follows. */
void camera_inspection_end(CameraInspection *i);
/* Whether it was. */
bool camera_inspection_was_stuck(const CameraInspection *i);
