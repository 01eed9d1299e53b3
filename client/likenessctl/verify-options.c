/* SPDX-License-Identifier: Apache-2.0 */

#include "verify-options.h"
#include "options.h"
#include "vocabulary.h"

#include <errno.h>

#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

static const char verify_help[] =
        "Usage: likenessctl verify [OPTION…]\n\n"
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
        "     --timeout=SECONDS      How long all of it may take, 1 to " STRINGIFY(VERIFY_TIMEOUT_MAX_SEC)
                                     " (" STRINGIFY(VERIFY_TIMEOUT_DEFAULT_SEC) ")\n"
        "     --json                 Print one JSON object; prompts go to stderr\n"
        "  -h --help                 Show this help\n\n"
        "Exit status: 0 match, 1 any other verdict, 2 wrong usage, 3 the call failed.\n";

static const OptionRule rules[] = {
        { "reference", offsetof(VerifyOptions, reference), option_path },
        { "document", offsetof(VerifyOptions, document), option_text, .max = OPTION_VALUE_MAX },
        { "challenge", offsetof(VerifyOptions, challenge), option_word, .from_string = challenge_from_string,
          .allowed = "none, light, turn or auto" },
        { "nonce", offsetof(VerifyOptions, nonce), option_text, .max = OPTION_VALUE_MAX },
        { "transaction", offsetof(VerifyOptions, transaction), option_text, .max = OPTION_VALUE_MAX },
        { "operator", offsetof(VerifyOptions, operator_id), option_text, .max = OPTION_VALUE_MAX },
        { "pace", offsetof(VerifyOptions, pace), option_word, .from_string = pace_from_string,
          .allowed = "normal or relaxed" },
        { "locale", offsetof(VerifyOptions, locale), option_text, .max = OPTION_LOCALE_MAX },
        { "notice", offsetof(VerifyOptions, notice), option_text, .max = OPTION_VALUE_MAX },
        { "timeout", offsetof(VerifyOptions, timeout_sec), option_number, .max = VERIFY_TIMEOUT_MAX_SEC },
        { "json", offsetof(VerifyOptions, json) },
};

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

static const OptionTable table = { .command = "verify", .help = verify_help, .rules = rules, .n_rules = ELEMENTSOF(rules) };

int verify_options_parse(int argc, char *argv[], VerifyOptions *ret) {
        VerifyOptions o = { .document = "auto", .timeout_sec = VERIFY_TIMEOUT_DEFAULT_SEC };
        int r;

        r = options_parse(argc, argv, &table, &o, NULL, 0);
        if (r <= 0)
                return r;
        if (!o.locale)
                o.locale = locale_from_environment();

        *ret = o;
        return 1;
}
