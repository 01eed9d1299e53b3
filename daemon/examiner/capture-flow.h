/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "findings.h"

/* Whether a camera's pictures keep coming, by the clock alone: when each arrived, and what was wrong with it. */

#define FLOW_FIRST_USEC (UINT64_C(3000) * 1000)        /* cheap sensors need up to two seconds to wake */
#define FLOW_QUIET_USEC (UINT64_C(900) * 1000)         /* later, this is too long: with what follows it is a second */

typedef enum FrameFault {
        FRAME_WHOLE,
        FRAME_DAMAGED,                 /* marked as such by the driver, cut off, or no picture at all */
        FRAME_OTHER_SIZE,              /* not of the size that the camera was set to */
        FRAME_STALE,                   /* of before the camera was started, or with an earlier frame's time */
        _FRAME_FAULT_MAX,
} FrameFault;

typedef struct Flow {
        uint64_t started;              /* all times: CLOCK_MONOTONIC, microseconds */
        uint64_t arrived;              /* the newest frame, whatever it was; 0: none */
        uint64_t usable;               /* the newest that became a picture; 0: none */
        uint64_t useless_since;        /* the first that arrived after that one; 0: none */
        uint32_t useless[_FRAME_FAULT_MAX]; /* that arrived after it; FRAME_WHOLE: not decoded, or not yet */
} Flow;

/* A camera was started. */
void flow_start(Flow *f, uint64_t now);
/* A frame has come, whatever is wrong with it. */
void flow_arrived(Flow *f, FrameFault fault, uint64_t now);
/* One that arrived has become a picture. */
void flow_usable(Flow *f, uint64_t now);

/* OUTCOME_EXAMINED as long as all is well, else what is wrong: OUTCOME_CAMERA_SILENT, _LOST, _DAMAGED, _SIZE or _FROZEN
 * (always the same time). `ret_again`: when this may be another answer if nothing arrives. */
Outcome flow_judge(const Flow *f, uint64_t now, uint64_t *ret_again);
