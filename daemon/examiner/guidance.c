/* SPDX-License-Identifier: Apache-2.0 */

#include "guidance.h"

/* A blink, a nod or a hand passing is over in less time than this. */
#define PERSIST_USEC (UINT64_C(300) * USEC_PER_MSEC)
/* Three to four words are read, or heard, in about a second. */
#define SHOWN_USEC (UINT64_C(1000) * USEC_PER_MSEC)
/* A gap between frames counts at most this much, so that a stall is not blamed on the customer. */
#define GAP_USEC (UINT64_C(200) * USEC_PER_MSEC)

void guidance_init(Guidance *g, bool relaxed, uint64_t now) {
        *g = (Guidance) {
                .shown = PROMPT_LOOK_AT_CAMERA,
                .candidate = PROMPT_LOOK_AT_CAMERA,
                .shown_since = now,
                .candidate_since = now,
                .last = now,
                .relaxed = relaxed,
        };
}

static Prompt prompt_for(const Observation *seen) {
        if (seen->restarted)
                return PROMPT_STARTING_AGAIN;
        if (seen->too_close)
                return PROMPT_MOVE_BACK;
        if (seen->hold_still)
                return PROMPT_HOLD_STILL;

        switch (seen->obstacle) {
        case REASON_NONE:
                return PROMPT_CHECKING;
        case REASON_SEVERAL_FACES:
                return PROMPT_ONE_PERSON;
        case REASON_TOO_FAR:
                return PROMPT_COME_CLOSER;
        case REASON_TURNED_AWAY:
                return PROMPT_FACE_CAMERA;
        case REASON_TOO_DARK:
                return PROMPT_MORE_LIGHT;
        case REASON_BACKLIT:
                return PROMPT_LIGHT_BEHIND;
        case REASON_FACE_COVERED:
                return PROMPT_UNCOVER_FACE;
        case REASON_FACE_CHANGED:
                return PROMPT_STARTING_AGAIN;
        default:
                return PROMPT_LOOK_AT_CAMERA;
        }
}

bool guidance_update(Guidance *g, const Observation *seen, uint64_t now) {
        uint64_t factor = g->relaxed ? 2 : 1;
        uint64_t gap = now - g->last < GAP_USEC ? now - g->last : GAP_USEC;
        Prompt prompt = prompt_for(seen);

        g->last = now;
        g->held_up[seen->obstacle] += gap;
        if (seen->restarted)
                g->held_up[REASON_FACE_CHANGED] += USEC_PER_SEC;

        if (prompt != g->candidate) {
                g->candidate = prompt;
                g->candidate_since = now;
        }

        /* A new face is told at once: the customer sees the progress fall back and must know why. */
        if (prompt == g->shown ||
            (!seen->restarted && (now - g->candidate_since < PERSIST_USEC * factor ||
                                  now - g->shown_since < SHOWN_USEC * factor)))
                return false;

        g->shown = prompt;
        g->shown_since = now;
        return true;
}

Reason guidance_obstacle(const Guidance *g) {
        Reason longest = REASON_NONE;

        for (size_t i = REASON_NONE + 1; i < _REASON_MAX; i++)
                if (g->held_up[i] > (longest == REASON_NONE ? 0 : g->held_up[longest]))
                        longest = (Reason) i;

        return longest;
}
