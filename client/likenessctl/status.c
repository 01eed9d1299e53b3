/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl status: the public properties. */

#include "commands.h"
#include "output.h"
#include "result.h"
#include "service.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

static void help(void) {
        printf("Usage: likenessctl status [OPTION…]\n\n"
               "Shows what the service on this terminal is and can do.\n\n"
               "     --json  Print one JSON object\n"
               "  -h --help  Show this help\n\n"
               "Exit status: 0 done, 2 wrong usage, 3 the call failed.\n");
}

/* 1 to go on, 0 after --help, -EINVAL after naming the mistake */
static int parse_argv(int argc, char *argv[], bool *json) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "json", no_argument, NULL, 'j' },
                {},
        };
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case 'j':
                        *json = true;
                        break;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                fprintf(stderr, "likenessctl: status takes options only, not \"%s\"\n", argv[optind]);
                return -EINVAL;
        }
        return 1;
}

/* The properties, or what went wrong, as an object; NULL if memory ran out. */
static json_t *ask(void) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *message = NULL;
        sd_bus_message *reply = NULL;
        json_t *answer = NULL;
        sd_bus *bus = NULL;
        int r;

        r = service_connect(&bus, &message);
        if (r < 0)
                return result_failure(SD_BUS_ERROR_NO_SERVER, message ?: "The system bus cannot be reached.");

        r = sd_bus_call_method(bus, SERVICE_NAME, SERVICE_PATH, "org.freedesktop.DBus.Properties", "GetAll", &error,
                        &reply, "s", SERVICE_INTERFACE);
        if (r < 0) {
                answer = result_failure(error.name ?: SD_BUS_ERROR_FAILED, error.message ?: strerror(-r));
        } else {
                answer = json_object();
                r = result_read(reply, answer);
                if (r < 0) {
                        json_decref(answer);
                        answer = result_failure(SD_BUS_ERROR_FAILED, "The service's answer cannot be read.");
                }
        }

        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        sd_bus_flush_close_unref(bus);
        return answer;
}

int command_status(int argc, char *argv[]) {
        bool json = false, failed;
        json_t *answer;
        int r;

        r = parse_argv(argc, argv, &json);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;

        answer = ask();
        if (!answer) {
                fprintf(stderr, "likenessctl: out of memory\n");
                return EXIT_CALL_FAILED;
        }

        failed = result_string(answer, "error");
        if (json)
                output_json(stdout, answer);
        else if (failed)
                output_failure(stderr, answer);
        else
                output_status(stdout, answer);

        json_decref(answer);
        return failed ? EXIT_CALL_FAILED : 0;
}
