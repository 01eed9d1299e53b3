/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_TIMEOUT_DEFAULT_SEC 120
#define VERIFY_TIMEOUT_MAX_SEC 3600

/* What "likenessctl verify" was asked for. Strings belong to argv or the environment; NULL is "not given", and then
 * the key is left out of the request. */
typedef struct VerifyOptions {
        const char *reference;         /* path of the portrait */
        const char *document;
        const char *challenge;
        const char *nonce;
        const char *transaction;
        const char *operator_id;
        const char *pace;
        const char *locale;
        const char *notice;
        uint64_t timeout_sec;     /* 1 to VERIFY_TIMEOUT_MAX_SEC */
        bool json;
} VerifyOptions;

/* Reads the command line. Returns 1 to go on; 0 when all is said (--help); -EINVAL after naming the mistake on
 * stderr. What only the service can judge (kinds of documents, a nonce's form) is left to it. */
int verify_options_parse(int argc, char *argv[], VerifyOptions *ret);

/* The locale for the prompts that the environment names (LC_ALL, LC_MESSAGES, LANG), or NULL. */
const char *locale_from_environment(void);
