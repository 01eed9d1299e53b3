/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum LedgerCommand {
        LEDGER_SHOW,
        LEDGER_VERIFY,
        LEDGER_REPORT,
        LEDGER_EXPORT,
        LEDGER_CHECKPOINT,
        _LEDGER_COMMAND_MAX,
} LedgerCommand;

/* What a subcommand of "likenessctl ledger" was asked for. Strings belong to argv; NULL is "not given". */
typedef struct LedgerOptions {
        const char *file;              /* an exported file, a directory of segments, or "-" */
        const char *keys;
        const char *checkpoint;
        const char *revoked;
        const char *journal;
        const char *nonce;
        const char *support_code;
        const char *output;
        uint64_t since;                /* seconds of the epoch; 0: from the beginning */
        bool demo;
        bool json;
} LedgerOptions;

/* The command of a word, or -EINVAL; its one-line summary. */
int ledger_command_from_string(const char *s);
const char *ledger_command_to_string(LedgerCommand command);
const char *ledger_command_summary(LedgerCommand command);

/* Reads the command line. Returns 1 to go on; 0 when all is said (--help); -EINVAL after naming the mistake on stderr. */
int ledger_options_parse(LedgerCommand command, int argc, char *argv[], LedgerOptions *ret);

/* A day ("2026-07-01"), a day and time ("2026-07-01 09:30", UTC as all times of the ledger) or "@" and seconds of the
 * epoch. 0 or -EINVAL. */
int ledger_time_parse(const char *s, uint64_t *ret);
