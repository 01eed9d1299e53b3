/* SPDX-License-Identifier: Apache-2.0 */

#include "ledger-options.h"
#include "macro.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#define BIT(command) (1U << (command))
#define OF_ENTRIES (BIT(LEDGER_SHOW) | BIT(LEDGER_REPORT))

static const struct {
        const char *word, *summary, *usage, *help;
        bool operand;                  /* takes the name of a file */
} commands[_LEDGER_COMMAND_MAX] = {
        [LEDGER_SHOW] = { "show", "Show the entries of an exported ledger", "FILE [OPTION…]",
                "Shows the entries of an exported ledger. Signatures are not checked here: see ledger verify.\n\n"
                "     --nonce=N         Only what belongs to this nonce\n"
                "     --support-code=C  Only what belongs to this support code\n"
                "     --since=TIME      Only from this time on: 2026-07-01, \"2026-07-01 09:30\" (UTC) or @seconds\n"
                "     --json            Print each entry's claims, one JSON object a line\n", true },
        [LEDGER_VERIFY] = { "verify", "Check that nothing was altered or left out",
                "FILE --keys=KEYS [OPTION…]\n       likenessctl ledger verify --journal=DIR --keys=KEYS [OPTION…]",
                "Checks an exported ledger, or what a collector received from many terminals, without a terminal: every\n"
                "edit, deletion, reordering, hole, exchanged key and attempt left open is named. A cut-off end can be\n"
                "seen only against a checkpoint that was kept.\n\n"
                "     --keys=FILE        The registered keys: a JWK set, or what provision --json printed, or an array of\n"
                "                        these (never what came with the ledger)\n"
                "     --checkpoint=FILE  A checkpoint that was kept, or a JSON array of them\n"
                "     --revoked=FILE     The revocation list: {\"revoked\": [{\"kid\", \"since\", \"reason\"}]}\n"
                "     --journal=DIR      A directory of journal files: the field LIKENESS_RECEIPT of many terminals\n"
                "     --demo             The entries are those of demonstrations\n"
                "     --json             Print one JSON object\n", true },
        [LEDGER_REPORT] = { "report", "Count attempts, verdicts and declines", "FILE [OPTION…]",
                "Counts attempts, verdicts, declines, overrides and aborted attempts per terminal, per operator and per\n"
                "day (UTC). Signatures are not checked here: see ledger verify.\n\n"
                "     --since=TIME  Only from this time on: 2026-07-01, \"2026-07-01 09:30\" (UTC) or @seconds\n"
                "     --json        Print one JSON object\n", true },
        [LEDGER_EXPORT] = { "export", "Write this terminal's ledger to a file", "--output=FILE [OPTION…]",
                "Writes this terminal's ledger to a new file.\n\n"
                "     --output=FILE  The file, which must not exist\n"
                "     --since=TIME   Only from this time on: 2026-07-01, \"2026-07-01 09:30\" (UTC) or @seconds\n", false },
        [LEDGER_CHECKPOINT] = { "checkpoint", "Print what to keep, so that a cut-off end will be seen", "[OPTION…]",
                "Prints a checkpoint of this terminal's ledger: a small JSON object for the carrier to keep elsewhere.\n\n"
                "     --file=FILE  Take it of an exported file (verify it first), not of the service\n", false },
};

int ledger_command_from_string(const char *s) {
        for (int i = 0; i < _LEDGER_COMMAND_MAX; i++)
                if (streq(s, commands[i].word))
                        return i;
        return -EINVAL;
}

const char *ledger_command_to_string(LedgerCommand command) {
        return commands[command].word;
}

const char *ledger_command_summary(LedgerCommand command) {
        return commands[command].summary;
}

static char *help(LedgerCommand command) {
        char *text;

        if (asprintf(&text, "Usage: likenessctl ledger %s %s\n\n%s  -h --help  Show this help\n\n"
                     "Exit status: 0 %s, 2 wrong usage, 3 %s.\n", commands[command].word, commands[command].usage,
                     commands[command].help,
                     command == LEDGER_VERIFY ? "whole, 1 something was found" :
                     command == LEDGER_SHOW || command == LEDGER_REPORT ? "done, 1 done but some lines are no entries" :
                     "done", commands[command].operand ? "it cannot be read" :
                     "the call failed or the file cannot be used") < 0)
                return NULL;
        return text;
}

static int parse_digits(const char *s, uint64_t *ret) {
        unsigned long long value;
        size_t n = strlen(s);

        if (n == 0 || n > 15 || strspn(s, "0123456789") != n)
                return -EINVAL;
        value = strtoull(s, NULL, 10);
        *ret = value;
        return 0;
}

int ledger_time_parse(const char *s, uint64_t *ret) {
        struct tm tm = {}, back;
        const char *end;
        time_t t;

        if (s[0] == '@')
                return parse_digits(s + 1, ret);
        if (strspn(s, "0123456789-: ") != strlen(s) || strlen(s) < 10)
                return -EINVAL;

        end = strptime(s, "%Y-%m-%d", &tm);
        if (end && end[0] == ' ')
                end = strptime(end, strlen(end) > 6 ? " %H:%M:%S" : " %H:%M", &tm);
        if (!end || end[0] != '\0')
                return -EINVAL;

        /* timegm() would make the 1st of March of a 30th of February */
        back = tm;
        t = timegm(&back);
        if (t < 0 || back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon)
                return -EINVAL;
        *ret = (uint64_t) t;
        return 0;
}

static int option_time(const OptionRule *rule, const char *value, void *member) {
        if (ledger_time_parse(value, member) < 0) {
                fprintf(stderr, "likenessctl: --%s takes a day such as 2026-07-01, a day and time such as "
                                "\"2026-07-01 09:30\" (UTC), or @ and seconds of the epoch\n", rule->name);
                return -EINVAL;
        }
        return 0;
}

static const OptionRule rules[] = {
        { "keys", offsetof(LedgerOptions, keys), option_value, .commands = BIT(LEDGER_VERIFY) },
        { "checkpoint", offsetof(LedgerOptions, checkpoint), option_value, .commands = BIT(LEDGER_VERIFY) },
        { "revoked", offsetof(LedgerOptions, revoked), option_value, .commands = BIT(LEDGER_VERIFY) },
        { "journal", offsetof(LedgerOptions, journal), option_value, .commands = BIT(LEDGER_VERIFY) },
        { "nonce", offsetof(LedgerOptions, nonce), option_value, .commands = BIT(LEDGER_SHOW) },
        { "support-code", offsetof(LedgerOptions, support_code), option_value, .commands = BIT(LEDGER_SHOW) },
        { "since", offsetof(LedgerOptions, since), option_time, .commands = OF_ENTRIES | BIT(LEDGER_EXPORT) },
        { "output", offsetof(LedgerOptions, output), option_value, .commands = BIT(LEDGER_EXPORT) },
        { "file", offsetof(LedgerOptions, file), option_value, .commands = BIT(LEDGER_CHECKPOINT) },
        { "demo", offsetof(LedgerOptions, demo), .commands = BIT(LEDGER_VERIFY) },
        { "json", offsetof(LedgerOptions, json), .commands = OF_ENTRIES | BIT(LEDGER_VERIFY) },
};

static int refuse(LedgerCommand command, const char *what) {
        fprintf(stderr, "likenessctl: ledger %s %s; see likenessctl ledger %s --help\n", commands[command].word, what,
                commands[command].word);
        return -EINVAL;
}

static int check(LedgerCommand command, const LedgerOptions *o) {
        if (commands[command].operand && !o->file && !o->journal)
                return refuse(command, "takes the name of a file");
        if (o->file && o->journal)
                return refuse(command, "takes a file or --journal, not both");
        if (command == LEDGER_VERIFY && !o->keys)
                return refuse(command, "needs --keys=FILE, the registered public keys");
        if (command == LEDGER_EXPORT && !o->output)
                return refuse(command, "needs --output=FILE");
        return 1;
}

int ledger_options_parse(LedgerCommand command, int argc, char *argv[], LedgerOptions *ret) {
        _cleanup_free_ char *words = help(command);
        LedgerOptions o = {};
        char name[32];
        int r;

        if (!words)
                return -ENOMEM;
        (void) snprintf(name, sizeof(name), "ledger %s", commands[command].word);
        r = options_read(argc, argv, &(const OptionTable) {
                        .command = name,
                        .help = words,
                        .rules = rules,
                        .n_rules = ELEMENTSOF(rules),
                        .bit = BIT(command),
                }, &o);
        if (r <= 0)
                return r;

        if (commands[command].operand && optind < argc)
                o.file = argv[optind++];
        if (optind < argc) {
                fprintf(stderr, "likenessctl: ledger %s does not know what to do with \"%s\"\n",
                        commands[command].word, argv[optind]);
                return -EINVAL;
        }
        r = check(command, &o);
        if (r < 0)
                return r;
        *ret = o;
        return 1;
}
