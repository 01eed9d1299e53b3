/* SPDX-License-Identifier: Apache-2.0 */

#include "findings.h"
#include "camera-identity.h"

#define FRAMES_MAX 1000000U
#define MODEL_MAX 63U

bool findings_valid(const Findings *f) {
        return (unsigned) f->outcome < _OUTCOME_MAX && (unsigned) f->reason < _REASON_MAX &&
               f->model <= MODEL_MAX && f->frames_captured <= FRAMES_MAX &&
               f->frames_used <= f->frames_captured && f->frames_matched <= f->frames_used &&
               f->similarity >= -1000 && f->similarity <= 1000 && f->liveness <= 1000 &&
               (f->attack_signs & ~(unsigned) _ATTACK_SIGN_ALL) == 0 && f->camera < CAMERA_CANDIDATES_MAX;
}
