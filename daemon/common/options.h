/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stddef.h>
#include <stdint.h>

/* A command line, as a table of what it takes. */

#define OPTION_VALUE_MAX 128U
#define OPTION_LOCALE_MAX 32U

typedef struct OptionRule OptionRule;

/* Checks an option's value (untrusted) and sets the member: 0, or -EINVAL after naming the mistake. */
typedef int (*OptionHandler)(const OptionRule *rule, const char *value, void *member);

struct OptionRule {
        const char *name;              /* without "--" */
        size_t offset;                 /* of the member in the struct of all options */
        OptionHandler take;            /* NULL: takes no value; the member is a bool */
        uint32_t max;                  /* for option_text() and option_number() */
        int (*from_string)(const char *); /* for option_word() and option_enum(): negative if it is none */
        const char *allowed;           /* … the words, for a message */
        char letter;                   /* its short name, of an option that takes no value; 0: none */
        uint32_t commands;             /* the `bit`s of the tables that take it, if they share their rules; 0: each does */
};

/* Values as const char *: anything but nothing; 1 to `max` printable ASCII characters; any path but an empty one; one that
 * begins with "/"; one of the words of `from_string`. */
int option_value(const OptionRule *rule, const char *value, void *member);
int option_text(const OptionRule *rule, const char *value, void *member);
int option_path(const OptionRule *rule, const char *value, void *member);
int option_absolute_path(const OptionRule *rule, const char *value, void *member);
int option_word(const OptionRule *rule, const char *value, void *member);
/* What `from_string` makes of a word, as int. */
int option_enum(const OptionRule *rule, const char *value, void *member);
/* A whole number from 1 to `max`, as uint64_t. */
int option_number(const OptionRule *rule, const char *value, void *member);

typedef struct OptionTable {
        const char *command;           /* for messages; NULL for a program that has no commands */
        const char *help;              /* what "--help" prints */
        const char *version;           /* what "--version" prints; NULL if it is not taken */
        const OptionRule *rules;
        size_t n_rules;
        uint32_t bit;                  /* with rules that other commands share */
} OptionTable;

/* Reads the options of the table into `options`, the struct that their offsets are of; what is left of argv begins at
 * `optind`. Strings belong to argv. 1 to go on, 0 when all is said, -EINVAL after naming the mistake. */
int options_read(int argc, char *argv[], const OptionTable *table, void *options);

/* The same, then exactly `n_operands` words into `operands`. */
int options_parse(int argc, char *argv[], const OptionTable *table, void *options, const char *operands[],
                  int n_operands);

/* The same for a command that takes "--json" (if `json` is not NULL) and no other option. */
int simple_options_parse(int argc, char *argv[], const char *command, const char *help, bool *json,
                const char *operands[], int n_operands);
