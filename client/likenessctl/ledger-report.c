/* SPDX-License-Identifier: Apache-2.0 */

#include "ledger-report.h"
#include "ledger-commands.h"
#include "output.h"
#include "result.h"

#include <errno.h>

json_t *report_new(void) {
        return json_pack("{s:{}, s:{}, s:{}}", "terminals", "operators", "days");
}

/* The counts of a group, made if they are not there; owned by the report. */
static json_t *group(json_t *report, const char *sort, const char *name) {
        json_t *groups = json_object_get(report, sort), *counts = json_object_get(groups, name);

        if (counts)
                return counts;
        if (json_object_size(groups) >= REPORT_GROUPS_MAX && !streq(name, "(others)"))
                return group(report, sort, "(others)");
        counts = json_pack("{s:i, s:{}, s:{}, s:i, s:i}", "attempts", 0, "verdicts", "aborted", "declined", 0,
                        "overrides", 0);
        return json_object_set_new(groups, name, counts) == 0 ? counts : NULL;
}

static int increment(json_t *counts, const char *name) {
        json_int_t value = json_integer_value(json_object_get(counts, name));

        /* a closed list in any ledger of ours; a hostile one must not fill the memory with words */
        if (json_object_size(counts) >= 64 && !json_object_get(counts, name))
                return 0;
        return json_object_set_new(counts, name, json_integer(value + 1)) < 0 ? -ENOMEM : 0;
}

static int count(json_t *counts, const json_t *claims) {
        const char *entry = result_string(claims, "entry") ?: "", *cause = result_string(claims, "cause") ?: "?";

        if (!counts)
                return -ENOMEM;
        if (streq(entry, "opened"))
                return increment(counts, "attempts");
        if (streq(entry, "declined"))
                return increment(counts, "declined");
        if (streq(entry, "override"))
                return increment(counts, "overrides");
        if (!streq(entry, "closed"))
                return 0;
        if (streq(cause, "verdict"))
                return increment(json_object_get(counts, "verdicts"), result_string(claims, "verdict") ?: "?");
        return increment(json_object_get(counts, "aborted"), cause);
}

int report_add(json_t *report, const json_t *claims) {
        static const char *const counted[] = { "opened", "closed", "declined", "override" };
        const char *entry = result_string(claims, "entry") ?: "", *name;
        char day[LEDGER_TIME_SIZE];
        bool counts = false;
        json_int_t time;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(counted); i++)
                counts |= streq(entry, counted[i]);
        if (!counts)
                return 0;

        name = result_string(claims, "operator");
        time = json_integer_value(json_object_get(claims, "time"));
        ledger_time_format(time > 0 ? (uint64_t) time : 0, day);
        day[strcspn(day, " ")] = '\0';

        r = count(group(report, "terminals", result_string(claims, "terminal") ?: "(none)"), claims);
        if (r >= 0)
                r = count(group(report, "operators", name ?: "(none)"), claims);
        if (r >= 0)
                r = count(group(report, "days", day), claims);
        return r;
}

static json_int_t total(const json_t *counts, const char *name) {
        json_int_t sum = 0;
        const char *word;
        json_t *value;

        json_object_foreach(json_object_get(counts, name), word, value)
                sum += json_integer_value(value);
        return sum;
}

static void print_words(FILE *file, const json_t *counts, const char *name) {
        const char *word;
        json_t *value;

        json_object_foreach(json_object_get(counts, name), word, value) {
                fputs("      ", file);
                output_text(file, word);
                fprintf(file, ": %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
        }
}

static json_int_t number(const json_t *counts, const char *name) {
        return json_integer_value(json_object_get(counts, name));
}

static void print_groups(FILE *file, const char *title, const json_t *groups) {
        const char *name;
        json_t *counts;

        fprintf(file, "%s\n", title);
        json_object_foreach((json_t *) groups, name, counts) {
                fputs("  ", file);
                output_text(file, name);
                fprintf(file, ": %" JSON_INTEGER_FORMAT " attempts\n    %" JSON_INTEGER_FORMAT " with a verdict\n",
                                number(counts, "attempts"), total(counts, "verdicts"));
                print_words(file, counts, "verdicts");
                fprintf(file, "    %" JSON_INTEGER_FORMAT " aborted\n", total(counts, "aborted"));
                print_words(file, counts, "aborted");
                fprintf(file, "    %" JSON_INTEGER_FORMAT " declined, %" JSON_INTEGER_FORMAT " overridden\n",
                                number(counts, "declined"), number(counts, "overrides"));
        }
}

void report_print(FILE *file, const json_t *report) {
        print_groups(file, "Terminals", json_object_get(report, "terminals"));
        print_groups(file, "Operators", json_object_get(report, "operators"));
        print_groups(file, "Days (UTC)", json_object_get(report, "days"));
        fflush(file);
}
