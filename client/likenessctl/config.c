/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl config check: what likenessd would say about its configuration, before it does. */

#include "build-config.h"
#include "commands.h"
#include "configuration.h"
#include "log.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

typedef struct Arguments {
        const char *file, *manifest;
        bool quiet;
} Arguments;

static const char help[] =
        "Usage: likenessctl config check [OPTION…] [FILE]\n\n"
        "Reads the configuration as likenessd does (likeness.conf(5)), or FILE alone, says what is wrong with it:\n"
        "file, line, key and what is allowed; and if nothing is, prints all settings that it makes.\n\n"
        "     --manifest=FILE  The model manifest that must support the rate (default: " MODELS_DIRECTORY "/manifest\n"
        "                      or " MANIFEST_PATH ", if one is there)\n"
        "  -q --quiet          Print no settings\n"
        "  -h --help           Show this help\n\n"
        "Exit status: 0 good, 1 likenessd would refuse it, 2 wrong usage.\n";

static const OptionRule rules[] = {
        { "manifest", offsetof(Arguments, manifest), option_value },
        { "quiet", offsetof(Arguments, quiet), .letter = 'q' },
};

static const OptionTable table = { .command = "config", .help = help, .rules = rules, .n_rules = ELEMENTSOF(rules) };

/* 1 to go on, 0 after --help, -EINVAL after naming the mistake */
static int parse_argv(int argc, char *argv[], Arguments *a) {
        int r;

        r = options_read(argc, argv, &table, a);
        if (r <= 0)
                return r;
        if (optind >= argc || !streq(argv[optind], "check")) {
                fprintf(stderr, "likenessctl: config can only check; see likenessctl config --help\n");
                return -EINVAL;
        }
        if (optind + 2 < argc) {
                fprintf(stderr, "likenessctl: config check takes one file, not also \"%s\"\n", argv[optind + 2]);
                return -EINVAL;
        }
        a->file = argv[optind + 1];    /* NULL if there is none */
        return 1;
}

/* Whether the rate is one that the networks can hold. On a machine without them nobody can tell. */
static int check_rate(const Arguments *a, const Configuration *c) {
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_free_ char *path = NULL;
        Policy policy;
        int r;

        path = a->manifest ? strdup(a->manifest) : manifest_path_of(MODELS_DIRECTORY);
        if (!path)
                return -ENOMEM;
        if (!a->manifest && access(path, F_OK) < 0) {
                log_notice("%s is not there: whether the networks support FalseMatchRate= was not checked", path);
                return 0;
        }

        r = manifest_load(path, MODELS_DIRECTORY, &manifest);
        return r < 0 ? r : configuration_policy(c, manifest, &policy, NULL);
}

static int print_settings(const Configuration *c) {
        const char *section = "";
        const ConfigurationKey *key;

        for (size_t i = 0; (key = configuration_key(i)); i++) {
                _cleanup_free_ char *value = configuration_value(c, i);

                if (!value)
                        return -ENOMEM;
                if (!streq(section, key->section))
                        printf("%s[%s]\n", i > 0 ? "\n" : "", key->section);
                section = key->section;
                printf("%s=%s\n", key->name, value);
        }
        return 0;
}

int command_config(int argc, char *argv[]) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        Arguments arguments = {};
        int r;

        r = parse_argv(argc, argv, &arguments);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;

        r = configuration_load(arguments.file, "", &c, NULL);
        if (r >= 0)
                r = configuration_check_demo(c, /* demo= */ false, NULL);
        if (r >= 0)
                r = check_rate(&arguments, c);
        if (r >= 0 && !arguments.quiet)
                r = print_settings(c);
        return r < 0 ? EXIT_OTHER_VERDICT : 0;
}
