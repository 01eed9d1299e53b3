/* SPDX-License-Identifier: Apache-2.0 */

#include "session-times.h"
#include "clock.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>

void session_times_log(const SessionTimes *t, const char *support_code) {
        const uint64_t times[] = {
                t->authorised_usec,
                t->opened_usec,
                t->ready_usec,
                t->stage_usec[STAGE_MODELS_LOADED],
                t->stage_usec[STAGE_CAMERA_OPENED],
                t->stage_usec[STAGE_FIRST_FRAME],
                t->stage_usec[STAGE_LAST_FRAME],
                t->found_usec,
                t->ended_usec,
                now_monotonic_usec(),
        };
        static const char *const names[ELEMENTSOF(times)] = {
                "authorised",  "opened",     "examiner-ready", "models-loaded", "camera-opened",
                "first-frame", "last-frame", "findings",       "processes-gone",
                "closed",
        };
        char text[512];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(times) && n < sizeof(text); i++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, " %s=%" PRIu64, names[i],
                                times[i] > t->called_usec ? times[i] - t->called_usec : 0);
        log_debug("%s: timing:%s frames-captured=%" PRIu32 " frames-used=%" PRIu32, support_code, text,
                        t->frames_captured, t->frames_used);
}
