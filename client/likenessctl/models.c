/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl models: a package of them, and whether those that are installed are what they should be. */

#include "build-config.h"
#include "commands.h"
#include "models-files.h"
#include "models-pack.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define RELEASE_DIGITS_MAX 9U

typedef struct Arguments {
        const char *directory, *manifest, *licences, *output, *release;
} Arguments;

static const char help[] =
        "Usage: likenessctl models pack DIR [OPTION…]\n"
        "       likenessctl models check [DIR] [OPTION…]\n\n"
        "pack checks the models in DIR against the manifest and makes a Debian package of them, with manifest, licences and\n"
        "hashes, that installs them on a terminal: apt install ./likeness-models_….deb. The same files give the same package.\n"
        "check says whether the models that are installed, or those in DIR, are what the manifest says.\n\n"
        "     --manifest=FILE  The manifest (default: DIR/manifest, or " MANIFEST_PATH ")\n"
        "     --licenses=DIR   pack: where the licences' texts are (default: DIR/licenses)\n"
        "     --output=FILE    pack: the package, which must not exist (default: likeness-models_VERSION_all.deb)\n"
        "     --release=N      pack: a number that comes first in the version, so that apt takes a new package of other\n"
        "                      models for a newer one (default: 1)\n"
        "  -h --help           Show this help\n\n"
        "Exit status: 0 done, 1 a model or a licence is missing or another one, 2 wrong usage, 3 a file cannot be read or\n"
        "written.\n";

static bool is_release(const char *s) {
        size_t n = strlen(s);

        return n > 0 && n <= RELEASE_DIGITS_MAX && strspn(s, "0123456789") == n && s[0] != '0';
}

static const OptionRule rules[] = {
        { "manifest", offsetof(Arguments, manifest), option_value },
        { "licenses", offsetof(Arguments, licences), option_value },
        { "output", offsetof(Arguments, output), option_value },
        { "release", offsetof(Arguments, release), option_value },
};

static const OptionTable table = { .command = "models", .help = help, .rules = rules, .n_rules = ELEMENTSOF(rules) };

/* 1 to go on, 0 after --help, -EINVAL after naming the mistake; `ret_command` is "pack" or "check". */
static int parse_argv(int argc, char *argv[], const char **ret_command, Arguments *a) {
        int r;

        r = options_read(argc, argv, &table, a);
        if (r <= 0)
                return r;

        *ret_command = optind < argc ? argv[optind] : "";
        if (!streq(*ret_command, "pack") && !streq(*ret_command, "check")) {
                fprintf(stderr, "likenessctl: models takes pack or check; see likenessctl models --help\n");
                return -EINVAL;
        }
        a->directory = argv[optind + 1];       /* NULL if there is none */
        if (a->directory && optind + 2 < argc) {
                fprintf(stderr, "likenessctl: models %s takes one directory, not also \"%s\"\n", *ret_command,
                                argv[optind + 2]);
                return -EINVAL;
        }
        return 1;
}

static int check_usage(const char *command, const Arguments *a) {
        const char *wrong = NULL;

        if (streq(command, "check") && (a->licences || a->output || a->release))
                wrong = "check takes no other option than --manifest";
        else if (streq(command, "pack") && !a->directory)
                wrong = "pack takes the directory that has the models";
        else if (a->release && !is_release(a->release))
                wrong = "--release takes a number from 1 to 999999999";
        if (wrong)
                fprintf(stderr, "likenessctl: models %s; see likenessctl models --help\n", wrong);
        return wrong ? -EINVAL : 0;
}

static int check(const Arguments *a) {
        _cleanup_(model_files_done) ModelFiles files = {};

        if (model_files_read(a->directory ?: MODELS_DIRECTORY, a->manifest, stdout, &files) < 0)
                return EXIT_CALL_FAILED;
        if (files.problems > 0)
                fprintf(stderr, "likenessctl: no verification is possible with these models; install the package "
                                "likeness-models, which \"likenessctl models pack\" makes\n");
        return files.problems > 0 ? EXIT_OTHER_VERDICT : 0;
}

static int pack(const Arguments *a) {
        _cleanup_(model_files_done) ModelFiles files = {};
        _cleanup_free_ char *licences = NULL;
        int r;

        if (asprintf(&licences, "%s/licenses", a->directory) < 0) {
                licences = NULL;
                return EXIT_CALL_FAILED;
        }
        r = model_files_read(a->directory, a->manifest, NULL, &files);
        if (r >= 0)
                r = model_files_add_licences(&files, a->licences ?: licences);
        if (r < 0)
                return EXIT_CALL_FAILED;
        if (files.problems > 0) {
                fprintf(stderr, "likenessctl: no package was made\n");
                return EXIT_OTHER_VERDICT;
        }

        return models_pack(&files, a->release ?: "1", a->output) < 0 ? EXIT_CALL_FAILED : 0;
}

int command_models(int argc, char *argv[]) {
        Arguments arguments = {};
        const char *command;
        int r;

        r = parse_argv(argc, argv, &command, &arguments);
        if (r > 0 && check_usage(command, &arguments) < 0)
                r = -EINVAL;
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;

        return streq(command, "pack") ? pack(&arguments) : check(&arguments);
}
