/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What likenessctl's exit status says. */
enum {
        EXIT_MATCH = 0,                /* also: the command did what it was asked */
        EXIT_OTHER_VERDICT = 1,
        EXIT_USAGE = 2,                /* a wrong option, or a reference file that cannot be used */
        EXIT_CALL_FAILED = 3,

        /* of "status" alone: what needs attention most, as problem.h numbers it */
        EXIT_PROBLEM_UNKNOWN = 9,
        EXIT_PROBLEM_FIRST = 10,
};

/* The subcommands. `argv[0]` is the program's name, the rest is the subcommand's; each returns an exit status. */
int command_verify(int argc, char *argv[]);
int command_decline(int argc, char *argv[]);
int command_status(int argc, char *argv[]);
int command_result(int argc, char *argv[]);
int command_ledger(int argc, char *argv[]);
int command_config(int argc, char *argv[]);
int command_key(int argc, char *argv[]);
int command_provision(int argc, char *argv[]);
int command_cameras(int argc, char *argv[]);
int command_models(int argc, char *argv[]);
