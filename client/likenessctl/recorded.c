/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl result: the recorded answer to a verification, after a time-out or a crash. */

#include "commands.h"
#include "macro.h"
#include "options.h"
#include "output.h"
#include "remote.h"
#include "result.h"

#include <stdio.h>

static const char recorded_help[] =
        "Usage: likenessctl result NONCE [--json]\n\n"
        "Shows the recorded answer to the verification that was asked for with this nonce, by the same user.\n\n"
        "     --json  Print one JSON object\n"
        "  -h --help  Show this help\n\n"
        "Exit status: 0 match, 1 any other verdict, 2 wrong usage, 3 the call failed.\n";

int command_result(int argc, char *argv[]) {
        const char *nonce = NULL, *verdict = NULL;
        json_t *answer = NULL;
        Remote remote = {};
        bool json = false;
        int r, status;

        r = simple_options_parse(argc, argv, "result", recorded_help, &json, &nonce, 1);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;

        status = remote_call(&remote, json, "GetResult", "s", nonce);
        if (status != 0)
                return status;
        r = sd_bus_message_read(remote.reply, "s", &verdict);
        answer = json_object();
        if (r > 0 && !isempty(verdict) && json_object_set_new(answer, "verdict", json_string(verdict)) == 0 &&
                        result_read(remote.reply, answer) >= 0) {
                if (json)
                        output_json(stdout, answer);
                else
                        output_verdict(stdout, answer);
                status = streq(verdict, "match") ? EXIT_MATCH : EXIT_OTHER_VERDICT;
        } else {
                status = remote_unreadable(json);
        }
        json_decref(answer);
        remote_clear(&remote);
        return status;
}
