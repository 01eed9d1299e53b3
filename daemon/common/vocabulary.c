/* SPDX-License-Identifier: Apache-2.0 */

#include "vocabulary.h"
#include "macro.h"

#include <errno.h>

static const char *const verdict_table[_VERDICT_MAX] = {
        [VERDICT_MATCH] = "match",
        [VERDICT_NO_MATCH] = "no-match",
        [VERDICT_NOT_LIVE] = "not-live",
        [VERDICT_REFERENCE_UNUSABLE] = "reference-unusable",
        [VERDICT_INCONCLUSIVE] = "inconclusive",
        [VERDICT_EXHAUSTED] = "exhausted",
        [VERDICT_DECLINED] = "declined",
};

static const char *const reason_table[_REASON_MAX] = {
        [REASON_CARD_NOT_FOUND] = "card-not-found",
        [REASON_CARD_WRONG_KIND] = "card-wrong-kind",
        [REASON_CARD_WRONG_SIDE] = "card-wrong-side",
        [REASON_CARD_GLARE] = "card-glare",
        [REASON_PORTRAIT_TOO_SMALL] = "portrait-too-small",
        [REASON_PORTRAIT_BLURRED] = "portrait-blurred",
        [REASON_PORTRAIT_SEVERAL] = "portrait-several",
        [REASON_PORTRAIT_NONE] = "portrait-none",
        [REASON_NOT_A_CARD] = "not-a-card",
        [REASON_DOCUMENT_EXPIRED] = "document-expired",
        [REASON_MRZ_UNREADABLE] = "mrz-unreadable",
        [REASON_MRZ_INVALID] = "mrz-invalid",
        [REASON_NO_FACE] = "no-face",
        [REASON_SEVERAL_FACES] = "several-faces",
        [REASON_TOO_DARK] = "too-dark",
        [REASON_BACKLIT] = "backlit",
        [REASON_TOO_FAR] = "too-far",
        [REASON_TURNED_AWAY] = "turned-away",
        [REASON_FACE_COVERED] = "face-covered",
        [REASON_FACE_CHANGED] = "face-changed",
        [REASON_CHALLENGE_NOT_COMPLETED] = "challenge-not-completed",
        [REASON_LIGHT_TOO_WEAK] = "light-too-weak",
        [REASON_ATTACK_SUSPECTED] = "attack-suspected",
        [REASON_NOT_CERTAIN] = "not-certain",
        [REASON_TIME_RAN_OUT] = "time-ran-out",
};

static const char *const prompt_table[_PROMPT_MAX] = {
        [PROMPT_LOOK_AT_CAMERA] = "look-at-camera",
        [PROMPT_ONE_PERSON] = "one-person",
        [PROMPT_COME_CLOSER] = "come-closer",
        [PROMPT_MOVE_BACK] = "move-back",
        [PROMPT_FACE_CAMERA] = "face-camera",
        [PROMPT_HOLD_STILL] = "hold-still",
        [PROMPT_MORE_LIGHT] = "more-light",
        [PROMPT_LIGHT_BEHIND] = "light-behind",
        [PROMPT_UNCOVER_FACE] = "uncover-face",
        [PROMPT_STARTING_AGAIN] = "starting-again",
        [PROMPT_CHECKING] = "checking",
        [PROMPT_CAMERA_WAKING] = "camera-waking",
};

static const char *const challenge_table[_CHALLENGE_MAX] = {
        [CHALLENGE_NONE] = "none",
        [CHALLENGE_LIGHT] = "light",
        [CHALLENGE_TURN] = "turn",
        [CHALLENGE_AUTO] = "auto",
};

static const char *const pace_table[_PACE_MAX] = {
        [PACE_NORMAL] = "normal",
        [PACE_RELAXED] = "relaxed",
};

static const char *const decline_cause_table[_DECLINE_MAX] = {
        [DECLINE_REFUSED] = "refused",
        [DECLINE_UNABLE] = "unable",
        [DECLINE_AFTER_FAILURE] = "after-failure",
};

static const char *const alternative_table[_ALTERNATIVE_MAX] = {
        [ALTERNATIVE_MOBILE_ID] = "mobile-id",
        [ALTERNATIVE_REGISTER_TRANSCRIPT] = "register-transcript",
        [ALTERNATIVE_OTHER] = "other",
        [ALTERNATIVE_NONE] = "none",
};

static const char *word(const char *const *table, size_t n, int value) {
        return value >= 0 && (size_t) value < n ? table[value] : NULL;
}

static int value(const char *const *table, size_t n, const char *s) {
        for (size_t i = 0; s && i < n; i++)
                if (table[i] && streq(table[i], s))
                        return (int) i;

        return -EINVAL;
}

const char *verdict_to_string(Verdict v) {
        return word(verdict_table, ELEMENTSOF(verdict_table), (int) v);
}

const char *reason_to_string(Reason r) {
        return word(reason_table, ELEMENTSOF(reason_table), (int) r);
}

const char *prompt_to_string(Prompt p) {
        return word(prompt_table, ELEMENTSOF(prompt_table), (int) p);
}

const char *challenge_to_string(Challenge c) {
        return word(challenge_table, ELEMENTSOF(challenge_table), (int) c);
}

const char *pace_to_string(Pace p) {
        return word(pace_table, ELEMENTSOF(pace_table), (int) p);
}

const char *decline_cause_to_string(DeclineCause c) {
        return word(decline_cause_table, ELEMENTSOF(decline_cause_table), (int) c);
}

const char *alternative_to_string(Alternative a) {
        return word(alternative_table, ELEMENTSOF(alternative_table), (int) a);
}

int verdict_from_string(const char *s) {
        return value(verdict_table, ELEMENTSOF(verdict_table), s);
}

int reason_from_string(const char *s) {
        return value(reason_table, ELEMENTSOF(reason_table), s);
}

int challenge_from_string(const char *s) {
        return value(challenge_table, ELEMENTSOF(challenge_table), s);
}

int pace_from_string(const char *s) {
        return value(pace_table, ELEMENTSOF(pace_table), s);
}

int decline_cause_from_string(const char *s) {
        return value(decline_cause_table, ELEMENTSOF(decline_cause_table), s);
}

int alternative_from_string(const char *s) {
        return value(alternative_table, ELEMENTSOF(alternative_table), s);
}
