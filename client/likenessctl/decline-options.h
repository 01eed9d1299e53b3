/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* What "likenessctl decline" was asked for. Strings belong to argv or the environment; NULL is "not given". */
typedef struct DeclineOptions {
        const char *cause, *alternative; /* never NULL */
        const char *nonce;
        const char *transaction;
        const char *operator_id;
        const char *notice;
        const char *locale;
        bool json;
} DeclineOptions;

/* Reads the command line. Returns 1 to go on; 0 when all is said (--help); -EINVAL after naming the mistake on stderr. */
int decline_options_parse(int argc, char *argv[], DeclineOptions *ret);
