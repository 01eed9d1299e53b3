/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What writing (record.c) and reading back (record-read.c) share. */

#include "entry.h"
#include "record.h"
#include "tally.h"

struct Record {
        RecordSetup setup;
        Tally tally;                   /* since the last entry "health" */
        Attempts *attempts;
};

static inline json_t *json_done(json_t *j) {
        json_decref(j);
        return NULL;
}
DEFINE_CLEANUP(json_t *, json_done);
