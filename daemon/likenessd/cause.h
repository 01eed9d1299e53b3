/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "examiner-protocol.h"
#include "findings.h"

/* Why an attempt was closed. */
typedef enum Cause {
        CAUSE_VERDICT,
        CAUSE_CANCELLED,
        CAUSE_CALLER_GONE,
        CAUSE_INTERRUPTED,             /* likenessd was told to stop */
        CAUSE_SUSPENDED,               /* the machine goes to sleep */
        CAUSE_BAD_REFERENCE,
        CAUSE_CAMERA_NONE,
        CAUSE_CAMERA_BUSY,
        CAUSE_CAMERA_DENIED,
        CAUSE_CAMERA_REFUSED,          /* no hardware is behind it, or policy wants another one */
        CAUSE_CAMERA_CHANGED,          /* one was plugged in or exchanged since it was chosen */
        CAUSE_CAMERA_FORMAT,
        CAUSE_CAMERA_SILENT,
        CAUSE_CAMERA_STUCK,
        CAUSE_CAMERA_LOST,
        CAUSE_CAMERA_DAMAGED,
        CAUSE_CAMERA_SIZE,
        CAUSE_CAMERA_FROZEN,
        CAUSE_CAMERA_COVERED,
        CAUSE_MODEL,                   /* missing, altered, unusable; or the manifest */
        CAUSE_SANDBOX,
        CAUSE_EXAMINER_FAILED,         /* died, was silent, or broke the protocol */
        CAUSE_EXAMINER_STUCK,          /* did not end when it was told to */
        CAUSE_EXAMINER_UNWATCHED,      /* its control group is not there, or it runs in another */
        CAUSE_RECORD,                  /* the ledger cannot be written: nothing is decided */
        CAUSE_INTERNAL,
        _CAUSE_MAX,
} Cause;

/* How it was seen that nothing is left of the processes of an attempt. */
typedef enum Ended {
        ENDED_NOTHING,                 /* none was started that could have been given anything */
        ENDED_PROCESS,                 /* the process itself has ended; what it may have forked is not known */
        ENDED_CONTROL_GROUP,           /* its control group was populated and is empty */
        _ENDED_MAX,
} Ended;

/* The word for receipts; NULL for ENDED_NOTHING. A static string. */
const char *ended_to_string(Ended e);

/* The word for records; a static string. */
const char *cause_to_string(Cause c);
/* … and back; -EINVAL for any other. */
int cause_from_string(const char *s);

/* What the caller is told: the name of the D-Bus error (NULL for CAUSE_VERDICT), and what happened and what to do, in
 * words, for causes whose words do not depend on the case. Static strings. */
const char *cause_error(Cause c);
const char *cause_message(Cause c);

/* What the service's log is told: the priority (LOG_ERR where somebody must act), and the catalogue's entry. */
int cause_log_level(Cause c);
const char *cause_message_id(Cause c);

/* The cause behind an outcome that leads to no verdict. */
Cause cause_of_outcome(Outcome outcome);

/* What is wrong with a caller's picture, in words; NULL for DECODE_DONE. */
const char *decode_outcome_message(DecodeOutcome outcome);
