/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl: the public interface of Likeness, from a terminal or a script. */

#include "build-config.h"
#include "commands.h"
#include "macro.h"

#include <locale.h>
#include <stdio.h>

typedef struct Command {
        const char *name;
        int (*run)(int argc, char *argv[]);
        const char *summary;
} Command;

static const Command commands[] = {
        { "verify", command_verify, "Check the person in front of the camera against a portrait" },
        { "decline", command_decline, "Record that the customer chose another way" },
        { "status", command_status, "Show what the service on this terminal is and can do" },
        { "cameras", command_cameras, "Show the cameras, what each can do and which is fit for what" },
        { "result", command_result, "Show the recorded answer to a verification" },
        { "ledger", command_ledger, "Show, verify, count, export the record of all attempts" },
        { "config", command_config, "Check the configuration's files" },
        { "key", command_key, "Show or change the key that signs receipts" },
        { "provision", command_provision, "Print what a carrier registers of this terminal" },
        { "models", command_models, "Make a package of models, or check those that are installed" },
};

static void help(void) {
        printf("Usage: likenessctl COMMAND [OPTION…]\n\n"
               "Asks Likeness, the live face check of this terminal.\n\nCommands:\n");
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                printf("  %-10s %s\n", commands[i].name, commands[i].summary);
        printf("\n  -h --help     Show this help, or a command's: likenessctl COMMAND --help\n"
               "     --version  Show the version\n\n"
               "Exit status: 0 match (or done), 1 any other verdict, 2 wrong usage, 3 the call failed.\n");
}

int main(int argc, char *argv[]) {
        (void) setlocale(LC_ALL, "");

        if (argc < 2) {
                fprintf(stderr, "likenessctl: name a command; see likenessctl --help\n");
                return EXIT_USAGE;
        }
        if (streq(argv[1], "--help") || streq(argv[1], "-h") || streq(argv[1], "help")) {
                help();
                return 0;
        }
        if (streq(argv[1], "--version")) {
                printf("likenessctl " VERSION "\n");
                return 0;
        }

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (streq(argv[1], commands[i].name)) {
                        argv[1] = argv[0];      /* getopt_long() names its program by it */
                        return commands[i].run(argc - 1, argv + 1);
                }

        fprintf(stderr, "likenessctl: there is no command %s; see likenessctl --help\n", argv[1]);
        return EXIT_USAGE;
}
