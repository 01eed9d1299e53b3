/* SPDX-License-Identifier: Apache-2.0 */

#include "prompts.h"
#include "macro.h"

static const char *const text_table[_PROMPT_MAX] = {
        [PROMPT_LOOK_AT_CAMERA] = "Please look at the camera.",
        [PROMPT_ONE_PERSON] = "One person at a time, please.",
        [PROMPT_COME_CLOSER] = "Please come a little closer.",
        [PROMPT_MOVE_BACK] = "Please move back a little.",
        [PROMPT_FACE_CAMERA] = "Please face the camera.",
        [PROMPT_HOLD_STILL] = "Please hold still for a moment.",
        [PROMPT_MORE_LIGHT] = "It is too dark. Please find more light.",
        [PROMPT_LIGHT_BEHIND] = "The light behind you is too strong. Please turn a little away from it.",
        [PROMPT_UNCOVER_FACE] = "Please uncover your face: no mask, no dark glasses.",
        [PROMPT_STARTING_AGAIN] = "Another face came into view. Starting again.",
        [PROMPT_CHECKING] = "Thank you. Just a moment.",
        [PROMPT_CAMERA_WAKING] = "The camera is starting. Please wait a moment.",
};

const char *prompt_text(Prompt p) {
        return (unsigned) p < ELEMENTSOF(text_table) ? text_table[p] : NULL;
}
