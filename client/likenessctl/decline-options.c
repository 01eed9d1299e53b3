/* SPDX-License-Identifier: Apache-2.0 */

#include "decline-options.h"
#include "options.h"
#include "verify-options.h"
#include "vocabulary.h"

#include <errno.h>
#include <stdio.h>

#define CAUSES "refused, unable or after-failure"
#define ALTERNATIVES "mobile-id, register-transcript, other or none"

static const char decline_help[] =
        "Usage: likenessctl decline --cause=CAUSE --alternative=WAY [OPTION…]\n\n"
        "Records that the customer chose another way. It needs no camera and is always possible.\n\n"
        "     --cause=CAUSE          " CAUSES "; unable is recorded as refused\n"
        "     --alternative=WAY      " ALTERNATIVES "\n"
        "     --nonce=N              The back-end's random number for this decline\n"
        "     --transaction=T        The name of the business at hand; no telephone or identity number\n"
        "     --operator=O           The clerk\n"
        "     --notice=ID            Id and version of the information shown to the customer\n"
        "     --locale=LOCALE        Language (from the environment)\n"
        "     --json                 Print one JSON object, with the receipt\n"
        "  -h --help                 Show this help\n\n"
        "Exit status: 0 recorded, 2 wrong usage, 3 the call failed.\n";

static const OptionRule rules[] = {
        { "cause", offsetof(DeclineOptions, cause), option_word, .from_string = decline_cause_from_string,
          .allowed = CAUSES },
        { "alternative", offsetof(DeclineOptions, alternative), option_word, .from_string = alternative_from_string,
          .allowed = ALTERNATIVES },
        { "nonce", offsetof(DeclineOptions, nonce), option_text, .max = OPTION_VALUE_MAX },
        { "transaction", offsetof(DeclineOptions, transaction), option_text, .max = OPTION_VALUE_MAX },
        { "operator", offsetof(DeclineOptions, operator_id), option_text, .max = OPTION_VALUE_MAX },
        { "notice", offsetof(DeclineOptions, notice), option_text, .max = OPTION_VALUE_MAX },
        { "locale", offsetof(DeclineOptions, locale), option_text, .max = OPTION_LOCALE_MAX },
        { "json", offsetof(DeclineOptions, json) },
};

static const OptionTable table = { .command = "decline", .help = decline_help, .rules = rules, .n_rules = ELEMENTSOF(rules) };

int decline_options_parse(int argc, char *argv[], DeclineOptions *ret) {
        DeclineOptions o = {};
        int r;

        r = options_parse(argc, argv, &table, &o, NULL, 0);
        if (r <= 0)
                return r;
        if (!o.cause || !o.alternative) {
                fprintf(stderr, "likenessctl: decline needs --%s\n", o.cause ? "alternative=" ALTERNATIVES : "cause=" CAUSES);
                return -EINVAL;
        }
        if (!o.locale)
                o.locale = locale_from_environment();

        *ret = o;
        return 1;
}
