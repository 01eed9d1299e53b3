/* SPDX-License-Identifier: Apache-2.0 */

#include "options.h"
#include "parse.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define RULES_MAX 16U
#define ARG_FIRST 0x100

static int refused(const OptionRule *rule, const char *takes) {
        fprintf(stderr, "likenessctl: --%s takes %s\n", rule->name, takes);
        return -EINVAL;
}

/* Anything but printable ASCII of a bounded length could not be a value that the service takes. */
int option_text(const OptionRule *rule, const char *value, void *member) {
        size_t n = strlen(value);
        bool plain = n > 0 && n <= rule->max;
        char takes[64];

        for (size_t i = 0; plain && i < n; i++)
                plain = value[i] >= ' ' && value[i] <= '~';
        if (!plain) {
                (void) snprintf(takes, sizeof(takes), "1 to %zu plain characters", rule->max);
                return refused(rule, takes);
        }
        *(const char **) member = value;
        return 0;
}

int option_path(const OptionRule *rule, const char *value, void *member) {
        if (isempty(value))
                return refused(rule, "the name of a file");
        *(const char **) member = value;
        return 0;
}

int option_word(const OptionRule *rule, const char *value, void *member) {
        if (rule->from_string(value) < 0)
                return refused(rule, rule->allowed);
        *(const char **) member = value;
        return 0;
}

int option_number(const OptionRule *rule, const char *value, void *member) {
        char takes[64];

        if (parse_unsigned(value, 1, rule->max, member) < 0) {
                (void) snprintf(takes, sizeof(takes), "a whole number from 1 to %zu", rule->max);
                return refused(rule, takes);
        }
        return 0;
}

static int take(const OptionRule *rule, const char *value, void *options) {
        void *member = (char *) options + rule->offset;

        if (rule->take)
                return rule->take(rule, value, member);
        *(bool *) member = true;
        return 0;
}

/* What is left after the options. */
static int take_operands(int argc, char *argv[], const char *command, const char *operands[], int n_operands) {
        for (int i = 0; i < n_operands; i++) {
                if (optind >= argc || isempty(argv[optind])) {
                        fprintf(stderr, "likenessctl: %s misses something; see likenessctl %s --help\n", command, command);
                        return -EINVAL;
                }
                operands[i] = argv[optind++];
        }
        if (optind < argc) {
                fprintf(stderr, "likenessctl: %s does not know what to do with \"%s\"\n", command, argv[optind]);
                return -EINVAL;
        }
        return 1;
}

int options_parse(int argc, char *argv[], const char *command, const char *help, const OptionRule *rules, size_t n_rules,
                void *options, const char *operands[], int n_operands) {
        struct option names[RULES_MAX + 2] = { { "help", no_argument, NULL, 'h' } };
        int c;

        if (n_rules > RULES_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n_rules; i++)
                names[i + 1] = (struct option) {
                        .name = rules[i].name,
                        .has_arg = rules[i].take ? required_argument : no_argument,
                        .val = ARG_FIRST + (int) i,
                };

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", names, NULL)) >= 0) {
                if (c == 'h') {
                        fputs(help, stdout);
                        return 0;
                }
                if (c < ARG_FIRST || take(&rules[c - ARG_FIRST], optarg, options) < 0)
                        return -EINVAL;
        }
        return take_operands(argc, argv, command, operands, n_operands);
}

int simple_options_parse(int argc, char *argv[], const char *command, const char *help, bool *json,
                const char *operands[], int n_operands) {
        static const OptionRule rules[] = { { .name = "json" } };

        return options_parse(argc, argv, command, help, rules, json ? 1 : 0, json, operands, n_operands);
}
