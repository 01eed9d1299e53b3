/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vision/vision.h"

/* Turns what single frames show into calm advice: an obstacle must last before it is spoken about, and a prompt stays
 * long enough to be read. Pure bookkeeping over the caller's clock. */
typedef struct Guidance {
        Prompt shown;
        Prompt candidate;
        uint64_t shown_since, candidate_since, last;
        uint64_t held_up[_REASON_MAX]; /* microseconds that each obstacle lasted */
        bool relaxed;
} Guidance;

/* Starts with PROMPT_LOOK_AT_CAMERA shown at `now` (microseconds). `relaxed` doubles the times. */
void guidance_init(Guidance *g, bool relaxed, uint64_t now);

/* Takes in what a frame showed; true if another prompt (`g->shown`) is to be given now. */
bool guidance_update(Guidance *g, const Observation *seen, uint64_t now);

/* The obstacle that took the most time so far; REASON_NONE if there was none. */
Reason guidance_obstacle(const Guidance *g);
