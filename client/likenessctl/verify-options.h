/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define VERIFY_TIMEOUT_DEFAULT_SEC 120UL
#define VERIFY_TIMEOUT_MAX_SEC 3600UL

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
        unsigned long timeout_sec;     /* 1 to VERIFY_TIMEOUT_MAX_SEC */
        bool json;
} VerifyOptions;

/* Reads the command line. Returns 1 to go on; 0 when all is said (--help); -EINVAL after naming the mistake on
 * stderr. What only the service can judge (kinds of documents, a nonce's form) is left to it. */
int verify_options_parse(int argc, char *argv[], VerifyOptions *ret);

/* The locale for the prompts that the environment names (LC_ALL, LC_MESSAGES, LANG), or NULL. */
const char *locale_from_environment(void);

/* Checks of single options, for other commands as well: 1 with the value, or -EINVAL after naming the mistake. Values are 1 to
 * `max` printable ASCII characters; words are what `from_string` knows. */
#define OPTION_VALUE_MAX 128U
#define OPTION_LOCALE_MAX 32U

int option_take_value(const char *name, const char *s, size_t max, const char **ret);
int option_take_word(const char *name, const char *s, int (*from_string)(const char *), const char *allowed,
                const char **ret);
