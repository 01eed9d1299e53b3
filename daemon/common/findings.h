/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

/* What an examiner tells the daemon, and all that it tells: how the examination ended, in enumerations and
 * bounded integers. The daemon turns it into a verdict (decision.c); scores stay inside the daemon. */

/* How an examination, or the decoding of a caller's picture, ended. */
typedef enum Outcome {
        OUTCOME_EXAMINED,              /* enough evidence was seen: the scores hold */
        OUTCOME_TIME_RAN_OUT,          /* the time limit or the recording ended first; scores of what was seen */
        OUTCOME_REFERENCE_UNUSABLE,    /* `reason` says why */
        OUTCOME_CAMERA_NONE,           /* there is no such device */
        OUTCOME_CAMERA_BUSY,           /* another program holds it */
        OUTCOME_CAMERA_DENIED,         /* the examiner may not open it */
        OUTCOME_CAMERA_REFUSED,        /* no hardware is behind it */
        OUTCOME_CAMERA_CHANGED,        /* what was opened, or is there in the end, is not the camera that was chosen */
        OUTCOME_CAMERA_FORMAT,         /* it offers no picture format that we can use */
        OUTCOME_CAMERA_SILENT,         /* it was opened and delivers no picture */
        OUTCOME_CAMERA_STUCK,          /* its driver does not come back from opening, reading or closing */
        OUTCOME_CAMERA_LOST,           /* it delivered pictures and then went away */
        OUTCOME_CAMERA_DAMAGED,        /* none of its pictures can be decoded */
        OUTCOME_CAMERA_SIZE,           /* its pictures have another size than it was set to */
        OUTCOME_CAMERA_FROZEN,         /* it delivers the same picture again and again */
        OUTCOME_CAMERA_COVERED,        /* something is in front of its lens */
        OUTCOME_MODEL_MISSING,         /* `model` is its index in the manifest */
        OUTCOME_MODEL_ALTERED,         /* its SHA-256 is not the manifest's */
        OUTCOME_MODEL_UNUSABLE,        /* it has the right hash but does not load */
        OUTCOME_MANIFEST_UNUSABLE,
        OUTCOME_INTERNAL_ERROR,
        _OUTCOME_MAX,
} Outcome;

/* Where an examination stands; sent once each, in this order, for the session's bookkeeping and timing. */
typedef enum Stage {
        STAGE_MODELS_LOADED,
        STAGE_CAMERA_OPENED,
        STAGE_FIRST_FRAME,
        STAGE_FACE_SEEN,               /* from here on an abort counts as an attempt */
        STAGE_LAST_FRAME,              /* no further frame is needed */
        _STAGE_MAX,
} Stage;

typedef struct Findings {
        Outcome outcome;
        Reason reason;                 /* what held the examination up longest, or why the reference is unusable */
        uint32_t model;                /* with OUTCOME_MODEL_*: index in the manifest, 0 to 63 */
        uint32_t frames_captured;      /* 0 to 1,000,000 */
        uint32_t frames_used;          /* frames of the last tracked face that passed the quality measures */
        uint32_t frames_matched;       /* of these, those that were compared with the reference */
        int32_t similarity;            /* fused cosine similarity in thousandths, -1000 to 1000 */
        uint32_t liveness;             /* fused passive liveness in thousandths, 0 (attack) to 1000 (live) */
        uint32_t attack_signs;         /* AttackSign flags: strong single signs of an attack */
        uint32_t camera;               /* index of the candidate that was used, 0 to CAMERA_CANDIDATES_MAX - 1 */
} Findings;

/* Strong single signs of a presentation attack: any one is a veto. */
typedef enum AttackSign {
        ATTACK_SIGN_REPEATS = 1 << 0,  /* pictures come back exactly after others: a loop */
        _ATTACK_SIGN_ALL = (1 << 1) - 1,
} AttackSign;

/* True if every member is within the range stated above; what comes from an examiner is untrusted until then. */
bool findings_valid(const Findings *f);
