/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl status: the public properties, and an exit status for monitoring. */

#include "commands.h"
#include "macro.h"
#include "options.h"
#include "output.h"
#include "problem.h"
#include "remote.h"

static const char status_help[] =
        "Usage: likenessctl status [--json]\n\n"
        "Shows what the service on this terminal is and can do, and what needs attention.\n\n"
        "     --json  Print one JSON object\n"
        "  -h --help  Show this help\n\n"
        "Exit status: 0 all is well, 2 wrong usage, 3 the service cannot be reached; else the weightiest problem:\n"
        "  10 starting          14 sandbox-missing  18 configuration-refused\n"
        "  11 no-key            15 examiner-stuck   19 disk-nearly-full\n"
        "  12 ledger-failed     16 polkit-missing   20 clock-not-synchronised\n"
        "  13 models-unusable   17 no-camera        21 demo\n"
        "   9 one that this program does not know\n";

/* The exit status for the first of the problems. */
static int exit_status(const json_t *properties) {
        const json_t *problems = json_object_get(properties, "Problems");
        int first;

        if (json_array_size(problems) == 0)
                return 0;
        first = problem_from_string(json_string_value(json_array_get(problems, 0)));
        return first < 0 ? EXIT_PROBLEM_UNKNOWN : EXIT_PROBLEM_FIRST + first;
}

int command_status(int argc, char *argv[]) {
        json_t *properties = NULL;
        bool json = false;
        int r, status;

        r = simple_options_parse(argc, argv, "status", status_help, &json, NULL, 0);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;
        status = remote_properties(&properties, json);
        if (status != 0)
                return status;

        if (json)
                output_json(stdout, properties);
        else
                output_status(stdout, properties);
        status = exit_status(properties);
        json_decref(properties);
        return status;
}
