/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stddef.h>

/* A subcommand's command line, as a table of what it takes. */

#define OPTION_VALUE_MAX 128U
#define OPTION_LOCALE_MAX 32U

typedef struct OptionRule OptionRule;

/* Checks an option's value (untrusted) and sets the member: 0, or -EINVAL after naming the mistake on stderr. */
typedef int (*OptionHandler)(const OptionRule *rule, const char *value, void *member);

struct OptionRule {
        const char *name;              /* without "--" */
        size_t offset;                 /* of the member in the struct of all options */
        OptionHandler take;            /* NULL: takes no value; the member is a bool */
        size_t max;                    /* for option_text() and option_number() */
        int (*from_string)(const char *); /* for option_word(): negative if it is none */
        const char *allowed;           /* … the words, for a message */
};

/* Values as const char *: 1 to `max` printable ASCII characters; any path; one of the words of `from_string`. */
int option_text(const OptionRule *rule, const char *value, void *member);
int option_path(const OptionRule *rule, const char *value, void *member);
int option_word(const OptionRule *rule, const char *value, void *member);
/* A whole number from 1 to `max`, as unsigned long. */
int option_number(const OptionRule *rule, const char *value, void *member);

/* Reads the options of `rules` into `options`, the struct that their offsets are of, and "--help", which prints `help`; then
 * exactly `n_operands` words into `operands`. Strings belong to argv. 1 to go on, 0 after --help, -EINVAL after naming the
 * mistake on stderr. */
int options_parse(int argc, char *argv[], const char *command, const char *help, const OptionRule *rules, size_t n_rules,
                void *options, const char *operands[], int n_operands);

/* The same for a command that takes "--json" (if `json` is not NULL) and no other option. */
int simple_options_parse(int argc, char *argv[], const char *command, const char *help, bool *json,
                const char *operands[], int n_operands);
