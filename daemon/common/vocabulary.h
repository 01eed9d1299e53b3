/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The closed lists of words that travel on the bus and, as numbers, between the daemon and its examiners. A word
 * is added at the end of its list and in the table of vocabulary.c; it is never renamed or given a new number. */

#include <stddef.h>

/* What a verification answers. */
typedef enum Verdict {
        VERDICT_MATCH,
        VERDICT_NO_MATCH,
        VERDICT_NOT_LIVE,
        VERDICT_REFERENCE_UNUSABLE,
        VERDICT_INCONCLUSIVE,
        VERDICT_EXHAUSTED,
        VERDICT_DECLINED,
        _VERDICT_MAX,
} Verdict;

/* Why. REASON_NONE is "nothing to say" and has no word on the bus. */
typedef enum Reason {
        REASON_NONE,
        /* the reference */
        REASON_CARD_NOT_FOUND,
        REASON_CARD_WRONG_KIND,
        REASON_CARD_WRONG_SIDE,
        REASON_CARD_GLARE,
        REASON_PORTRAIT_TOO_SMALL,
        REASON_PORTRAIT_BLURRED,
        REASON_PORTRAIT_SEVERAL,
        REASON_PORTRAIT_NONE,
        REASON_NOT_A_CARD,
        REASON_DOCUMENT_EXPIRED,
        REASON_MRZ_UNREADABLE,
        REASON_MRZ_INVALID,
        /* the live face */
        REASON_NO_FACE,
        REASON_SEVERAL_FACES,
        REASON_TOO_DARK,
        REASON_BACKLIT,
        REASON_TOO_FAR,
        REASON_TURNED_AWAY,
        REASON_FACE_COVERED,
        REASON_FACE_CHANGED,
        /* liveness */
        REASON_CHALLENGE_NOT_COMPLETED,
        REASON_LIGHT_TOO_WEAK,
        REASON_ATTACK_SUSPECTED,
        /* the result */
        REASON_NOT_CERTAIN,
        REASON_TIME_RAN_OUT,
        _REASON_MAX,
} Reason;

/* What the customer is asked to do. */
typedef enum Prompt {
        PROMPT_LOOK_AT_CAMERA,
        PROMPT_ONE_PERSON,
        PROMPT_COME_CLOSER,
        PROMPT_MOVE_BACK,
        PROMPT_FACE_CAMERA,
        PROMPT_HOLD_STILL,
        PROMPT_MORE_LIGHT,
        PROMPT_LIGHT_BEHIND,
        PROMPT_UNCOVER_FACE,
        PROMPT_STARTING_AGAIN,
        PROMPT_CHECKING,
        PROMPT_CAMERA_WAKING,          /* nothing is to be done: it delivers no picture yet */
        _PROMPT_MAX,
} Prompt;

typedef enum Challenge {
        CHALLENGE_NONE,
        CHALLENGE_LIGHT,
        CHALLENGE_TURN,
        CHALLENGE_AUTO,
        _CHALLENGE_MAX,
} Challenge;

typedef enum Pace {
        PACE_NORMAL,
        PACE_RELAXED,
        _PACE_MAX,
} Pace;

/* Why a customer chose another way. */
typedef enum DeclineCause {
        DECLINE_REFUSED,
        DECLINE_UNABLE,                /* never recorded: it tells of a disability */
        DECLINE_AFTER_FAILURE,
        _DECLINE_MAX,
} DeclineCause;

/* … and which one. */
typedef enum Alternative {
        ALTERNATIVE_MOBILE_ID,
        ALTERNATIVE_REGISTER_TRANSCRIPT,
        ALTERNATIVE_OTHER,
        ALTERNATIVE_NONE,
        _ALTERNATIVE_MAX,
} Alternative;

/* The word for a value; NULL for a value outside its list (and for REASON_NONE). Static strings. */
const char *verdict_to_string(Verdict v);
const char *reason_to_string(Reason r);
const char *prompt_to_string(Prompt p);
const char *challenge_to_string(Challenge c);
const char *pace_to_string(Pace p);
const char *decline_cause_to_string(DeclineCause c);
const char *alternative_to_string(Alternative a);

/* The value for a word, or -EINVAL. `s` is untrusted input. */
int verdict_from_string(const char *s);
int reason_from_string(const char *s);
int challenge_from_string(const char *s);
int pace_from_string(const char *s);
int decline_cause_from_string(const char *s);
int alternative_from_string(const char *s);
