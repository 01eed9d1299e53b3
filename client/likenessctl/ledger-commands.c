/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl ledger: the terminal's record, as a file that can be read anywhere. */

#include "ledger-commands.h"
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static void help(void) {
        printf("Usage: likenessctl ledger COMMAND [OPTION…]\n\n"
               "The terminal's record of every attempt. All but export and checkpoint work on an exported file, without\n"
               "the service.\n\nCommands:\n");
        for (int i = 0; i < _LEDGER_COMMAND_MAX; i++)
                printf("  %-10s  %s\n", ledger_command_to_string(i), ledger_command_summary(i));
        printf("\nSee likenessctl ledger COMMAND --help.\n");
}

int ledger_file_failed(const char *path, int error) {
        if (error == -ENODATA)
                fprintf(stderr, "likenessctl: %s: there is no segment of a ledger in this directory\n", path);
        else
                fprintf(stderr, "likenessctl: %s: %s\n", path, strerror(-error));
        return EXIT_CALL_FAILED;
}

void ledger_time_format(uint64_t time, char ret[static LEDGER_TIME_SIZE]) {
        time_t t = (time_t) time;
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(ret, LEDGER_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void) snprintf(ret, LEDGER_TIME_SIZE, "no time");
}

int command_ledger(int argc, char *argv[]) {
        static int (*const run[_LEDGER_COMMAND_MAX])(const LedgerOptions *) = {
                [LEDGER_SHOW] = ledger_show,
                [LEDGER_VERIFY] = ledger_verify,
                [LEDGER_REPORT] = ledger_report,
                [LEDGER_EXPORT] = ledger_export,
                [LEDGER_CHECKPOINT] = ledger_checkpoint,
        };
        LedgerOptions options;
        int command, r;

        if (argc < 2) {
                fprintf(stderr, "likenessctl: name what to do with the ledger; see likenessctl ledger --help\n");
                return EXIT_USAGE;
        }
        if (streq(argv[1], "--help") || streq(argv[1], "-h")) {
                help();
                return 0;
        }
        command = ledger_command_from_string(argv[1]);
        if (command < 0) {
                fprintf(stderr, "likenessctl: there is no command ledger %s; see likenessctl ledger --help\n", argv[1]);
                return EXIT_USAGE;
        }

        argv[1] = argv[0];
        r = ledger_options_parse(command, argc - 1, argv + 1, &options);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;
        return run[command](&options);
}
