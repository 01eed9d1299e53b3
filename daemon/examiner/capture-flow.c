/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-flow.h"
#include "macro.h"

/* A moment in which the machine was busy with something else leaves one or two frames behind. */
#define USELESS_MIN 3

void flow_start(Flow *f, uint64_t now) {
        *f = (Flow) { .started = now };
}

void flow_arrived(Flow *f, FrameFault fault, uint64_t now) {
        f->arrived = now;
        if (f->useless_since == 0)
                f->useless_since = now;
        f->useless[fault]++;
}

void flow_usable(Flow *f, uint64_t now) {
        f->usable = now;
        f->useless_since = 0;
        memset(f->useless, 0, sizeof(f->useless));
}

/* What most of them had. Those that passed but became no picture count as damaged: the decoder threw them away. */
static Outcome outcome_of_useless(const Flow *f) {
        uint32_t damaged = f->useless[FRAME_WHOLE] + f->useless[FRAME_DAMAGED];

        if (f->useless[FRAME_OTHER_SIZE] > damaged && f->useless[FRAME_OTHER_SIZE] >= f->useless[FRAME_STALE])
                return OUTCOME_CAMERA_SIZE;
        return f->useless[FRAME_STALE] > damaged ? OUTCOME_CAMERA_FROZEN : OUTCOME_CAMERA_DAMAGED;
}

static uint32_t count_useless(const Flow *f) {
        uint32_t n = 0;

        for (size_t i = 0; i < _FRAME_FAULT_MAX; i++)
                n += f->useless[i];
        return n;
}

Outcome flow_judge(const Flow *f, uint64_t now, uint64_t *ret_again) {
        if (f->arrived == 0) {
                *ret_again = f->started + FLOW_FIRST_USEC;
                return now >= *ret_again ? OUTCOME_CAMERA_SILENT : OUTCOME_EXAMINED;
        }

        *ret_again = f->arrived + FLOW_QUIET_USEC;
        if (now >= *ret_again)
                return OUTCOME_CAMERA_LOST;
        if (f->useless_since > 0 && count_useless(f) >= USELESS_MIN && now >= f->useless_since + FLOW_QUIET_USEC)
                return outcome_of_useless(f);
        return OUTCOME_EXAMINED;
}
