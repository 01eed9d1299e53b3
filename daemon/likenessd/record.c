/* SPDX-License-Identifier: Apache-2.0 */

#include "record.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/random.h>

struct Record {
        bool demo;
};

int record_new(Record **ret, bool demo) {
        Record *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;

        r->demo = demo;
        log_notice("receipts are not signed and not kept in this version: the field \"receipt\" stays empty");
        *ret = r;
        return 0;
}

Record *record_free(Record *r) {
        free(r);
        return NULL;
}

/* Read out over a telephone: no letters that look or sound alike. 32 letters, so that a random byte fits without bias. */
static int support_code_new(char ret[static SUPPORT_CODE_SIZE]) {
        static const char letters[32 + 1] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
        uint8_t random[8];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -EIO;

        for (size_t i = 0, j = 0; i < sizeof(random); i++) {
                if (i == 4)
                        ret[j++] = '-';
                ret[j++] = letters[random[i] & 31];
        }
        ret[SUPPORT_CODE_SIZE - 1] = '\0';
        return 0;
}

int record_open(Record *r, const RecordOpening *opening, char ret_support_code[static SUPPORT_CODE_SIZE]) {
        int k;

        k = support_code_new(ret_support_code);
        if (k < 0)
                return k;

        log_info("%s: opened for uid %u%s", ret_support_code, opening->caller, r->demo ? " (demo)" : "");
        return 0;
}

int record_close(Record *r, const char *support_code, const RecordClosing *closing, char **ret_receipt) {
        char *receipt = strdup("");

        if (!receipt)
                return -ENOMEM;

        /* neither reasons nor durations: a log is read by more people than a result */
        log_info("%s: closed: %s%s%s; not signed", support_code, cause_to_string(closing->cause),
                        closing->decision ? " " : "",
                        closing->decision ? verdict_to_string(closing->decision->verdict) : "");
        *ret_receipt = receipt;
        return 0;
}
