/* SPDX-License-Identifier: Apache-2.0 */

#include "options.h"
#include "log.h"
#include "parse.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define RULES_MAX 16U
#define ARG_VERSION 0x100
#define ARG_FIRST 0x101

static int refused(const OptionRule *rule, const char *takes) {
        log_error("--%s takes %s", rule->name, takes);
        return -EINVAL;
}

int option_text(const OptionRule *rule, const char *value, void *member) {
        size_t n = strlen(value);
        bool plain = n > 0 && n <= rule->max;
        char takes[64];

        for (size_t i = 0; plain && i < n; i++)
                plain = value[i] >= ' ' && value[i] <= '~';
        if (!plain) {
                (void) snprintf(takes, sizeof(takes), "1 to %u plain characters", rule->max);
                return refused(rule, takes);
        }
        *(const char **) member = value;
        return 0;
}

static int take_unless_empty(const OptionRule *rule, const char *value, void *member, const char *takes) {
        if (isempty(value))
                return refused(rule, takes);
        *(const char **) member = value;
        return 0;
}

int option_value(const OptionRule *rule, const char *value, void *member) {
        return take_unless_empty(rule, value, member, "a value");
}

int option_path(const OptionRule *rule, const char *value, void *member) {
        return take_unless_empty(rule, value, member, "a path");
}

int option_absolute_path(const OptionRule *rule, const char *value, void *member) {
        if (value[0] != '/')
                return refused(rule, "a path that begins with /");
        *(const char **) member = value;
        return 0;
}

int option_word(const OptionRule *rule, const char *value, void *member) {
        if (rule->from_string(value) < 0)
                return refused(rule, rule->allowed);
        *(const char **) member = value;
        return 0;
}

int option_enum(const OptionRule *rule, const char *value, void *member) {
        int number = rule->from_string(value);

        if (number < 0)
                return refused(rule, rule->allowed);
        *(int *) member = number;
        return 0;
}

int option_number(const OptionRule *rule, const char *value, void *member) {
        unsigned long number;
        char takes[64];

        if (parse_unsigned(value, 1, rule->max, &number) < 0) {
                (void) snprintf(takes, sizeof(takes), "a whole number from 1 to %u", rule->max);
                return refused(rule, takes);
        }
        *(uint64_t *) member = number;
        return 0;
}

static int take(const OptionTable *table, const OptionRule *rule, const char *value, void *options) {
        void *member = (char *) options + rule->offset;

        if (rule->commands != 0 && !(rule->commands & table->bit)) {
                log_error("%s does not take --%s", table->command, rule->name);
                return -EINVAL;
        }
        if (rule->take)
                return rule->take(rule, value, member);
        *(bool *) member = true;
        return 0;
}

/* What is left after the options. */
static int take_operands(int argc, char *argv[], const char *command, const char *operands[], int n_operands) {
        for (int i = 0; i < n_operands; i++) {
                if (optind >= argc || isempty(argv[optind])) {
                        log_error("%s misses something; see %s %s --help", command, program_invocation_short_name,
                                  command);
                        return -EINVAL;
                }
                operands[i] = argv[optind++];
        }
        if (optind < argc) {
                log_error("%s%sdoes not know what to do with \"%s\"", command ? command : "", command ? " " : "",
                          argv[optind]);
                return -EINVAL;
        }
        return 1;
}

static const OptionRule *find_rule(const OptionTable *table, int c) {
        if (c >= ARG_FIRST)
                return &table->rules[c - ARG_FIRST];
        for (size_t i = 0; i < table->n_rules; i++)
                if (table->rules[i].letter != 0 && table->rules[i].letter == c)
                        return &table->rules[i];
        return NULL;
}

int options_read(int argc, char *argv[], const OptionTable *table, void *options) {
        struct option names[RULES_MAX + 3] = { { "help", no_argument, NULL, 'h' } };
        char letters[RULES_MAX + 2] = "h";
        const OptionRule *rule;
        size_t n = 1;
        int c;

        if (table->n_rules > RULES_MAX)
                return -EINVAL;
        if (table->version)
                names[n++] = (struct option) { "version", no_argument, NULL, ARG_VERSION };
        for (size_t i = 0; i < table->n_rules; i++) {
                names[n++] = (struct option) {
                        .name = table->rules[i].name,
                        .has_arg = table->rules[i].take ? required_argument : no_argument,
                        .val = ARG_FIRST + (int) i,
                };
                if (table->rules[i].letter != 0)
                        letters[strlen(letters)] = table->rules[i].letter;
        }

        optind = 0;
        while ((c = getopt_long(argc, argv, letters, names, NULL)) >= 0) {
                if (c == 'h' || c == ARG_VERSION) {
                        fputs(c == 'h' ? table->help : table->version, stdout);
                        return 0;
                }
                rule = find_rule(table, c);
                if (!rule || take(table, rule, optarg, options) < 0)
                        return -EINVAL;
        }
        return 1;
}

int options_parse(int argc, char *argv[], const OptionTable *table, void *options, const char *operands[],
                  int n_operands) {
        int r;

        r = options_read(argc, argv, table, options);
        return r <= 0 ? r : take_operands(argc, argv, table->command, operands, n_operands);
}

int simple_options_parse(int argc, char *argv[], const char *command, const char *help, bool *json,
                const char *operands[], int n_operands) {
        static const OptionRule rules[] = { { .name = "json" } };
        const OptionTable table = { .command = command, .help = help, .rules = rules, .n_rules = json ? 1 : 0 };

        return options_parse(argc, argv, &table, json, operands, n_operands);
}
