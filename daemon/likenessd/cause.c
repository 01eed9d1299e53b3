/* SPDX-License-Identifier: Apache-2.0 */

#include "cause.h"
#include "errors.h"
#include "log.h"
#include "macro.h"

#include <errno.h>

static const struct {
        const char *word, *error, *message;
        int level;
        const char *message_id;
} cause_table[_CAUSE_MAX] = {
        [CAUSE_VERDICT] = { "verdict", NULL, NULL,
                LOG_INFO, MESSAGE_CHECK_CLOSED },
        [CAUSE_CANCELLED] = { "cancelled", LIKENESS_ERROR_CANCELLED,
                "The check was cancelled.",
                LOG_INFO, MESSAGE_CHECK_CLOSED },
        [CAUSE_CALLER_GONE] = { "caller-gone", LIKENESS_ERROR_CANCELLED,
                "The caller left the bus.",
                LOG_INFO, MESSAGE_CHECK_CLOSED },
        [CAUSE_INTERRUPTED] = { "interrupted", LIKENESS_ERROR_UNAVAILABLE,
                "The service is being stopped; try again in a moment.",
                LOG_INFO, MESSAGE_CHECK_CLOSED },
        [CAUSE_SUSPENDED] = { "suspended", LIKENESS_ERROR_UNAVAILABLE,
                "The terminal is going to sleep; try again when it is awake.",
                LOG_INFO, MESSAGE_CHECK_CLOSED },
        [CAUSE_BAD_REFERENCE] = { "bad-reference", LIKENESS_ERROR_BAD_REFERENCE,
                "The reference is not a picture that can be used.",
                LOG_INFO, MESSAGE_CHECK_CLOSED },
        [CAUSE_CAMERA_NONE] = { "camera-none", LIKENESS_ERROR_NO_CAMERA,
                "No camera was found; connect one and try again.",
                LOG_ERR, MESSAGE_CAMERA_NONE },
        [CAUSE_CAMERA_BUSY] = { "camera-busy", LIKENESS_ERROR_CAMERA_BUSY,
                "Another program is using the camera; close it and try again.",
                LOG_WARNING, MESSAGE_CAMERA_BUSY },
        [CAUSE_CAMERA_DENIED] = { "camera-denied", LIKENESS_ERROR_CAMERA_DENIED,
                "The camera may not be opened; its device must belong to the group video.",
                LOG_ERR, MESSAGE_CAMERA_DENIED },
        [CAUSE_CAMERA_REFUSED] = { "camera-refused", LIKENESS_ERROR_CAMERA_REFUSED,
                "The camera is not one that this terminal accepts; connect another one, or see \"likenessctl cameras\".",
                LOG_ERR, MESSAGE_CAMERA_REFUSED },
        [CAUSE_CAMERA_CHANGED] = { "camera-changed", LIKENESS_ERROR_CAMERA_REFUSED,
                "The terminal's cameras changed during the check; leave them plugged in and try again.",
                LOG_WARNING, MESSAGE_CAMERA_CHANGED },
        [CAUSE_CAMERA_FORMAT] = { "camera-format", LIKENESS_ERROR_CAMERA_FORMAT,
                "The camera offers no pictures that can be used (MJPEG, YUY2, NV12 or grey, five a second or more); close "
                "other programs that use it, or connect another one.",
                LOG_ERR, MESSAGE_CAMERA_FORMAT },
        [CAUSE_CAMERA_SILENT] = { "camera-silent", LIKENESS_ERROR_CAMERA_SILENT,
                "The camera delivers no picture; unplug it, plug it in and try again.",
                LOG_ERR, MESSAGE_CAMERA_SILENT },
        [CAUSE_CAMERA_LOST] = { "camera-lost", LIKENESS_ERROR_CAMERA_LOST,
                "The camera went away during the check; check its cable and try again.",
                LOG_WARNING, MESSAGE_CAMERA_LOST },
        [CAUSE_CAMERA_STUCK] = { "camera-stuck", LIKENESS_ERROR_CAMERA_STUCK,
                "The camera's driver does not answer; unplug the camera, plug it in and try again.",
                LOG_ERR, MESSAGE_CAMERA_STUCK },
        [CAUSE_CAMERA_DAMAGED] = { "camera-damaged", LIKENESS_ERROR_CAMERA_DAMAGED,
                "The camera's pictures arrive damaged; try another cable or another USB port.",
                LOG_ERR, MESSAGE_CAMERA_DAMAGED },
        [CAUSE_CAMERA_SIZE] = { "camera-size", LIKENESS_ERROR_CAMERA_FORMAT,
                "The camera's pictures have another size than it was set to; unplug it, plug it in and try again.",
                LOG_ERR, MESSAGE_CAMERA_SIZE },
        [CAUSE_CAMERA_FROZEN] = { "camera-frozen", LIKENESS_ERROR_CAMERA_FROZEN,
                "The camera delivers the same picture again and again; unplug it, plug it in and try again.",
                LOG_ERR, MESSAGE_CAMERA_FROZEN },
        [CAUSE_CAMERA_COVERED] = { "camera-covered", LIKENESS_ERROR_CAMERA_COVERED,
                "Something is in front of the camera's lens; open its shutter, or take away what covers it.",
                LOG_WARNING, MESSAGE_CAMERA_COVERED },
        [CAUSE_MODEL] = { "model", LIKENESS_ERROR_UNAVAILABLE,
                "The models cannot be used; see the service's log.",
                LOG_ERR, MESSAGE_MODELS_UNUSABLE },
        [CAUSE_SANDBOX] = { "sandbox", LIKENESS_ERROR_UNAVAILABLE,
                "The examiner is not confined as it must be; start it through its systemd unit.",
                LOG_ERR, MESSAGE_SANDBOX_MISSING },
        [CAUSE_EXAMINER_FAILED] = { "examiner-failed", LIKENESS_ERROR_UNAVAILABLE,
                "The examiner did not do its work; try again, and see the service's log.",
                LOG_WARNING, MESSAGE_EXAMINER_FAILED },
        [CAUSE_EXAMINER_STUCK] = { "examiner-stuck", LIKENESS_ERROR_UNAVAILABLE,
                "examiner-stuck: the examiner does not end; restart the terminal if this stays.",
                LOG_ERR, MESSAGE_EXAMINER_STUCK },
        [CAUSE_EXAMINER_UNWATCHED] = { "examiner-unwatched", LIKENESS_ERROR_UNAVAILABLE,
                "It cannot be seen whether the examiner ends, as it does not run in its control group; start it through "
                "its systemd units, and see the service's log.",
                LOG_ERR, MESSAGE_EXAMINER_UNWATCHED },
        [CAUSE_RECORD] = { "record", LIKENESS_ERROR_UNAVAILABLE,
                "The check cannot be recorded, so there is no answer; is the disk full? See the service's log.",
                LOG_ERR, MESSAGE_CHECK_FAILED },
        [CAUSE_INTERNAL] = { "internal", LIKENESS_ERROR_UNAVAILABLE,
                "The check failed; see the service's log.",
                LOG_ERR, MESSAGE_CHECK_FAILED },
};

const char *ended_to_string(Ended e) {
        static const char *const words[_ENDED_MAX] = {
                [ENDED_PROCESS] = "process",
                [ENDED_CONTROL_GROUP] = "control-group",
        };

        return (unsigned) e < _ENDED_MAX ? words[e] : NULL;
}

const char *cause_to_string(Cause c) {
        return (unsigned) c < _CAUSE_MAX ? cause_table[c].word : NULL;
}

int cause_from_string(const char *s) {
        for (Cause c = 0; s && c < _CAUSE_MAX; c++)
                if (streq(s, cause_table[c].word))
                        return (int) c;

        return -EINVAL;
}

const char *cause_error(Cause c) {
        return (unsigned) c < _CAUSE_MAX ? cause_table[c].error : NULL;
}

const char *cause_message(Cause c) {
        return (unsigned) c < _CAUSE_MAX ? cause_table[c].message : NULL;
}

int cause_log_level(Cause c) {
        return (unsigned) c < _CAUSE_MAX ? cause_table[c].level : LOG_ERR;
}

const char *cause_message_id(Cause c) {
        return (unsigned) c < _CAUSE_MAX ? cause_table[c].message_id : NULL;
}

Cause cause_of_outcome(Outcome outcome) {
        switch (outcome) {
        case OUTCOME_CAMERA_NONE:
                return CAUSE_CAMERA_NONE;
        case OUTCOME_CAMERA_BUSY:
                return CAUSE_CAMERA_BUSY;
        case OUTCOME_CAMERA_DENIED:
                return CAUSE_CAMERA_DENIED;
        case OUTCOME_CAMERA_REFUSED:
                return CAUSE_CAMERA_REFUSED;
        case OUTCOME_CAMERA_FORMAT:
                return CAUSE_CAMERA_FORMAT;
        case OUTCOME_CAMERA_SILENT:
                return CAUSE_CAMERA_SILENT;
        case OUTCOME_CAMERA_LOST:
                return CAUSE_CAMERA_LOST;
        case OUTCOME_CAMERA_STUCK:
                return CAUSE_CAMERA_STUCK;
        case OUTCOME_CAMERA_DAMAGED:
                return CAUSE_CAMERA_DAMAGED;
        case OUTCOME_CAMERA_SIZE:
                return CAUSE_CAMERA_SIZE;
        case OUTCOME_CAMERA_FROZEN:
                return CAUSE_CAMERA_FROZEN;
        case OUTCOME_CAMERA_COVERED:
                return CAUSE_CAMERA_COVERED;
        case OUTCOME_CAMERA_CHANGED:
                return CAUSE_CAMERA_CHANGED;
        case OUTCOME_MODEL_MISSING:
        case OUTCOME_MODEL_ALTERED:
        case OUTCOME_MODEL_UNUSABLE:
        case OUTCOME_MANIFEST_UNUSABLE:
                return CAUSE_MODEL;
        default:
                return CAUSE_EXAMINER_FAILED;
        }
}

const char *decode_outcome_message(DecodeOutcome outcome) {
        static const char *const messages[_DECODE_MAX] = {
                [DECODE_EMPTY] = "reference: the picture is empty",
                [DECODE_TOO_LARGE] = "reference: the picture has more than 8 MiB",
                [DECODE_TOO_MANY_PIXELS] = "reference: the picture has more than 24 megapixels",
                [DECODE_UNKNOWN_FORMAT] = "reference: this is neither JPEG, PNG nor JPEG 2000",
                [DECODE_DAMAGED] = "reference: the picture is damaged or incomplete",
                [DECODE_UNSUPPORTED] =
                        "reference: this variant of the format is not read; save it as an RGB or grey picture",
                [DECODE_NO_MEMORY] = "reference: the picture takes too much memory to be read",
        };

        return (unsigned) outcome < _DECODE_MAX ? messages[outcome] : NULL;
}
