/* SPDX-License-Identifier: Apache-2.0 */

#include "verify-options.h"
#include "parse.h"
#include "macro.h"
#include "vocabulary.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

enum {
        ARG_REFERENCE = 0x100,
        ARG_DOCUMENT,
        ARG_CHALLENGE,
        ARG_NONCE,
        ARG_TRANSACTION,
        ARG_OPERATOR,
        ARG_PACE,
        ARG_LOCALE,
        ARG_NOTICE,
        ARG_TIMEOUT,
        ARG_JSON,
};

static const struct option verify_options[] = {
        { "help", no_argument, NULL, 'h' },
        { "reference", required_argument, NULL, ARG_REFERENCE },
        { "document", required_argument, NULL, ARG_DOCUMENT },
        { "challenge", required_argument, NULL, ARG_CHALLENGE },
        { "nonce", required_argument, NULL, ARG_NONCE },
        { "transaction", required_argument, NULL, ARG_TRANSACTION },
        { "operator", required_argument, NULL, ARG_OPERATOR },
        { "pace", required_argument, NULL, ARG_PACE },
        { "locale", required_argument, NULL, ARG_LOCALE },
        { "notice", required_argument, NULL, ARG_NOTICE },
        { "timeout", required_argument, NULL, ARG_TIMEOUT },
        { "json", no_argument, NULL, ARG_JSON },
        {},
};

static void help(void) {
        printf("Usage: likenessctl verify [OPTION…]\n\n"
               "Asks whether the live person in front of the camera is the person of a portrait.\n\n"
               "     --reference=FILE       The portrait: JPEG, PNG or JPEG 2000, at most 8 MiB\n"
               "     --document=KIND        The kind of document it is from (auto)\n"
               "     --challenge=KIND       none, light, turn or auto; the terminal's policy may ask for more\n"
               "     --nonce=N              The back-end's random number for this verification\n"
               "     --transaction=T        The name of the business at hand; no telephone or identity number\n"
               "     --operator=O           The clerk\n"
               "     --pace=PACE            normal, or relaxed for more time\n"
               "     --locale=LOCALE        Language of the prompts (from the environment)\n"
               "     --notice=ID            Id and version of the information shown to the customer\n"
               "     --timeout=SECONDS      How long all of it may take, 1 to %lu (%lu)\n"
               "     --json                 Print one JSON object; prompts go to stderr\n"
               "  -h --help                 Show this help\n\n"
               "Exit status: 0 match, 1 any other verdict, 2 wrong usage, 3 the call failed.\n",
               VERIFY_TIMEOUT_MAX_SEC, VERIFY_TIMEOUT_DEFAULT_SEC);
}

/* Printable ASCII of a bounded length: anything else could not be a value that the service takes. */
static bool value_plausible(const char *s, size_t max) {
        size_t n = strlen(s);

        if (n == 0 || n > max)
                return false;
        for (size_t i = 0; i < n; i++)
                if (s[i] < ' ' || s[i] > '~')
                        return false;
        return true;
}

int option_take_value(const char *name, const char *s, size_t max, const char **ret) {
        if (!value_plausible(s, max)) {
                fprintf(stderr, "likenessctl: --%s takes 1 to %zu plain characters\n", name, max);
                return -EINVAL;
        }
        *ret = s;
        return 1;
}

static int take_path(const char *s, const char **ret) {
        if (isempty(s)) {
                fprintf(stderr, "likenessctl: --reference takes the name of a file\n");
                return -EINVAL;
        }
        *ret = s;
        return 1;
}

int option_take_word(const char *name, const char *s, int (*from_string)(const char *), const char *allowed,
                const char **ret) {
        if (from_string(s) < 0) {
                fprintf(stderr, "likenessctl: --%s takes %s\n", name, allowed);
                return -EINVAL;
        }
        *ret = s;
        return 1;
}

static int take_timeout(const char *s, unsigned long *ret) {
        if (parse_unsigned(s, 1, VERIFY_TIMEOUT_MAX_SEC, ret) < 0) {
                fprintf(stderr, "likenessctl: --timeout takes a whole number of seconds from 1 to %lu\n",
                        VERIFY_TIMEOUT_MAX_SEC);
                return -EINVAL;
        }
        return 1;
}

/* 1 to go on, 0 after --help, -EINVAL after naming the mistake (getopt_long() names unknown options) */
static int take_option(int c, VerifyOptions *o) {
        switch (c) {
        case 'h':
                help();
                return 0;
        case ARG_REFERENCE:
                return take_path(optarg, &o->reference);
        case ARG_DOCUMENT:
                return option_take_value("document", optarg, OPTION_VALUE_MAX, &o->document);
        case ARG_CHALLENGE:
                return option_take_word("challenge", optarg, challenge_from_string, "none, light, turn or auto",
                                &o->challenge);
        case ARG_NONCE:
                return option_take_value("nonce", optarg, OPTION_VALUE_MAX, &o->nonce);
        case ARG_TRANSACTION:
                return option_take_value("transaction", optarg, OPTION_VALUE_MAX, &o->transaction);
        case ARG_OPERATOR:
                return option_take_value("operator", optarg, OPTION_VALUE_MAX, &o->operator_id);
        case ARG_PACE:
                return option_take_word("pace", optarg, pace_from_string, "normal or relaxed", &o->pace);
        case ARG_LOCALE:
                return option_take_value("locale", optarg, OPTION_LOCALE_MAX, &o->locale);
        case ARG_NOTICE:
                return option_take_value("notice", optarg, OPTION_VALUE_MAX, &o->notice);
        case ARG_TIMEOUT:
                return take_timeout(optarg, &o->timeout_sec);
        case ARG_JSON:
                o->json = true;
                return 1;
        default:
                return -EINVAL;
        }
}

const char *locale_from_environment(void) {
        static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *value = getenv(names[i]);

                if (isempty(value))
                        continue;
                if (streq(value, "C") || streq(value, "POSIX") || strspn(value, "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@") != strlen(value) ||
                                strlen(value) > OPTION_LOCALE_MAX)
                        return NULL;
                return value;
        }
        return NULL;
}

int verify_options_parse(int argc, char *argv[], VerifyOptions *ret) {
        VerifyOptions o = { .document = "auto", .timeout_sec = VERIFY_TIMEOUT_DEFAULT_SEC };
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", verify_options, NULL)) >= 0) {
                r = take_option(c, &o);
                if (r <= 0)
                        return r;
        }

        if (optind < argc) {
                fprintf(stderr, "likenessctl: verify takes options only, not \"%s\"\n", argv[optind]);
                return -EINVAL;
        }
        if (!o.locale)
                o.locale = locale_from_environment();

        *ret = o;
        return 1;
}
