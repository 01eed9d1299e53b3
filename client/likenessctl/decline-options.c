/* SPDX-License-Identifier: Apache-2.0 */

#include "decline-options.h"
#include "macro.h"
#include "verify-options.h"
#include "vocabulary.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

enum {
        ARG_CAUSE = 0x100,
        ARG_ALTERNATIVE,
        ARG_NONCE,
        ARG_TRANSACTION,
        ARG_OPERATOR,
        ARG_NOTICE,
        ARG_LOCALE,
        ARG_JSON,
};

static const struct option decline_options[] = {
        { "help", no_argument, NULL, 'h' },
        { "cause", required_argument, NULL, ARG_CAUSE },
        { "alternative", required_argument, NULL, ARG_ALTERNATIVE },
        { "nonce", required_argument, NULL, ARG_NONCE },
        { "transaction", required_argument, NULL, ARG_TRANSACTION },
        { "operator", required_argument, NULL, ARG_OPERATOR },
        { "notice", required_argument, NULL, ARG_NOTICE },
        { "locale", required_argument, NULL, ARG_LOCALE },
        { "json", no_argument, NULL, ARG_JSON },
        {},
};

#define CAUSES "refused, unable or after-failure"
#define ALTERNATIVES "mobile-id, register-transcript, other or none"

static void help(void) {
        printf("Usage: likenessctl decline --cause=CAUSE --alternative=WAY [OPTION…]\n\n"
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
               "Exit status: 0 recorded, 2 wrong usage, 3 the call failed.\n");
}

static int take_option(int c, DeclineOptions *o) {
        switch (c) {
        case 'h':
                help();
                return 0;
        case ARG_CAUSE:
                return option_take_word("cause", optarg, decline_cause_from_string, CAUSES, &o->cause);
        case ARG_ALTERNATIVE:
                return option_take_word("alternative", optarg, alternative_from_string, ALTERNATIVES, &o->alternative);
        case ARG_NONCE:
                return option_take_value("nonce", optarg, OPTION_VALUE_MAX, &o->nonce);
        case ARG_TRANSACTION:
                return option_take_value("transaction", optarg, OPTION_VALUE_MAX, &o->transaction);
        case ARG_OPERATOR:
                return option_take_value("operator", optarg, OPTION_VALUE_MAX, &o->operator_id);
        case ARG_NOTICE:
                return option_take_value("notice", optarg, OPTION_VALUE_MAX, &o->notice);
        case ARG_LOCALE:
                return option_take_value("locale", optarg, OPTION_LOCALE_MAX, &o->locale);
        case ARG_JSON:
                o->json = true;
                return 1;
        default:
                return -EINVAL;
        }
}

int decline_options_parse(int argc, char *argv[], DeclineOptions *ret) {
        DeclineOptions o = {};
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", decline_options, NULL)) >= 0) {
                r = take_option(c, &o);
                if (r <= 0)
                        return r;
        }

        if (optind < argc) {
                fprintf(stderr, "likenessctl: decline takes options only, not \"%s\"\n", argv[optind]);
                return -EINVAL;
        }
        if (!o.cause || !o.alternative) {
                fprintf(stderr, "likenessctl: decline needs --%s\n", o.cause ? "alternative=" ALTERNATIVES : "cause=" CAUSES);
                return -EINVAL;
        }
        if (!o.locale)
                o.locale = locale_from_environment();

        *ret = o;
        return 1;
}
