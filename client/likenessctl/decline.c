/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl decline: the customer chose another way. */

#include "commands.h"
#include "decline-options.h"
#include "macro.h"
#include "output.h"
#include "remote.h"
#include "result.h"

#include <stdio.h>

/* Calls Decline with the keys that were given: at most 7, absent ones are left out by their number. */
static int call_decline(Remote *ret, const DeclineOptions *o) {
        const struct {
                const char *key, *value;
        } given[] = {
                { "cause", o->cause },       { "alternative", o->alternative }, { "nonce", o->nonce },
                { "notice", o->notice },     { "transaction", o->transaction }, { "operator", o->operator_id },
                { "locale", o->locale },
        };
        const char *k[ELEMENTSOF(given)] = {}, *v[ELEMENTSOF(given)] = {};
        int n = 0;

        for (size_t i = 0; i < ELEMENTSOF(given); i++)
                if (given[i].value) {
                        k[n] = given[i].key;
                        v[n++] = given[i].value;
                }

        return remote_call(ret, o->json, "Decline", "a{sv}", n, k[0], "s", v[0], k[1], "s", v[1], k[2], "s", v[2], k[3], "s",
                        v[3], k[4], "s", v[4], k[5], "s", v[5], k[6], "s", v[6]);
}

int command_decline(int argc, char *argv[]) {
        DeclineOptions options;
        Remote remote = {};
        json_t *result;
        int r, status;

        r = decline_options_parse(argc, argv, &options);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;

        status = call_decline(&remote, &options);
        if (status != 0)
                return status;

        result = json_object();
        if (!result || result_read(remote.reply, result) < 0 || !result_string(result, "support-code"))
                status = remote_unreadable(options.json);
        else if (options.json)
                output_json(stdout, result);
        else {
                printf("Recorded that the customer chose another way. Support code: ");
                output_text(stdout, result_string(result, "support-code"));
                putchar('\n');
        }
        json_decref(result);
        remote_clear(&remote);
        return status;
}
