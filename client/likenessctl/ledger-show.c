/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl ledger show and report: what the entries of a file say. */

#include "ledger-commands.h"
#include "ledger-report.h"
#include "commands.h"
#include "output.h"
#include "result.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Calls `take` for each entry of the file, 0 to go on. 0, 1 if some line is no entry, or a negative errno. */
static int for_each_entry(const char *path, int (*take)(const json_t *claims, void *userdata), void *userdata) {
        _cleanup_(entry_reader_freep) EntryReader *reader = NULL;
        uint64_t number = 0;
        EntryLine line;
        int r, bad = 0;

        r = entry_reader_new(&reader, path);
        while (r >= 0 && (r = entry_reader_next(reader, &line)) > 0) {
                json_t *claims = NULL;

                number++;
                r = receipt_read(line.text, line.size, NULL, &claims);
                if (r == -EBADMSG) {
                        fprintf(stderr, "likenessctl: %s: line %" PRIu64 " is no entry\n", path, number);
                        bad = 1;
                        r = 0;
                } else if (r >= 0)
                        r = take(claims, userdata);
                json_decref(claims);
        }
        return r < 0 ? r : bad;
}

/* A number beyond all times for what is no time, so that it is never left out. */
static uint64_t time_of(const json_t *claims) {
        const json_t *time = json_object_get(claims, "time");

        return json_is_integer(time) && json_integer_value(time) >= 0 ? (uint64_t) json_integer_value(time) : UINT64_MAX;
}

static bool wanted(const json_t *claims, const LedgerOptions *o) {
        return time_of(claims) >= o->since &&
                        (!o->nonce || streq(result_string(claims, "nonce") ?: "", o->nonce)) &&
                        (!o->support_code || streq(result_string(claims, "support-code") ?: "", o->support_code));
}

static void put(const char *label, const json_t *value) {
        if (!value)
                return;
        printf("  %s", label);
        if (json_is_string(value))
                output_text(stdout, json_string_value(value));
        else
                (void) json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
}

static void print_entry(const json_t *claims) {
        static const char *const shown[] = { "verdict", "support-code", "nonce", "transaction", "operator", "opening",
                                             "reasons", "alternative", "mode", "software", "bytes", "entries", "open" };
        const char *cause = result_string(claims, "cause");
        char time[LEDGER_TIME_SIZE];

        ledger_time_format(time_of(claims), time);
        printf("%8" JSON_INTEGER_FORMAT "  %s  ", json_integer_value(json_object_get(claims, "sequence")), time);
        output_text(stdout, result_string(claims, "entry") ?: "?");
        if (cause && !streq(cause, "verdict")) {
                fputs(" (", stdout);
                output_text(stdout, cause);
                putchar(')');
        }
        for (size_t i = 0; i < ELEMENTSOF(shown); i++) {
                char label[32];

                (void) snprintf(label, sizeof(label), "%s=", shown[i]);
                put(label, json_object_get(claims, shown[i]));
        }
        putchar('\n');
}

static int show_entry(const json_t *claims, void *userdata) {
        const LedgerOptions *o = userdata;

        if (!wanted(claims, o))
                return 0;
        if (o->json)
                output_json(stdout, claims);
        else
                print_entry(claims);
        return 0;
}

int ledger_show(const LedgerOptions *o) {
        int r;

        r = for_each_entry(o->file, show_entry, (void *) o);
        if (r < 0)
                return ledger_file_failed(o->file, r);
        return r > 0 ? EXIT_OTHER_VERDICT : 0;
}

typedef struct ReportRun {
        const LedgerOptions *options;
        json_t *report;
} ReportRun;

static int count_entry(const json_t *claims, void *userdata) {
        ReportRun *run = userdata;

        return wanted(claims, run->options) ? report_add(run->report, claims) : 0;
}

int ledger_report(const LedgerOptions *o) {
        ReportRun run = { o, report_new() };
        int r;

        r = run.report ? for_each_entry(o->file, count_entry, &run) : -ENOMEM;
        if (r >= 0 && o->json)
                output_json(stdout, run.report);
        else if (r >= 0)
                report_print(stdout, run.report);
        json_decref(run.report);
        if (r < 0)
                return ledger_file_failed(o->file, r);
        return r > 0 ? EXIT_OTHER_VERDICT : 0;
}
