/* SPDX-License-Identifier: Apache-2.0 */

/* likeness-keyring: hands likenessd its signing key, over one socket, and is gone. The only user of
 * libsecret. */

#include "build-config.h"
#include "keyring-outcome.h"
#include "log.h"
#include "options.h"
#include "parse.h"
#include "process.h"
#include "service.h"
#include "signer.h"

#include <errno.h>
#include <pwd.h>
#include <systemd/sd-daemon.h>

#define PEER "likeness"

static const char help[] =
        "Usage: likeness-keyring [OPTION…]\n\n"
        "Keeps the terminal's signing key, and gives it to likenessd over the connected socket that it is\n"
        "started with. It is started by its socket unit, never by hand. The keyring's password is the\n"
        "credential \"likeness-keyring\".\n\n"
        "  -h --help             Show this help\n"
        "     --version          Show the version\n"
        "     --state=DIR        Where the keyring is (" KEYRING_STATE ")\n"
        "     --peer=USER        Answer only this user, a name or number (" PEER ")\n"
        "     --protection=WORD  What guards the password at rest, if the credential does not say so: \"tpm\",\n"
        "                        \"host\" or \"none\" (host)\n"
        "     --demo             The demonstration's key instead: without a password, worth nothing\n";

static int parse_peer(const char *word, uid_t *ret) {
        const struct passwd *user;
        unsigned long uid;

        if (parse_unsigned(word, 0, UINT32_MAX - 1, &uid) >= 0) {
                *ret = (uid_t) uid;
                return 0;
        }

        user = getpwnam(word);
        if (!user) {
                log_error("there is no user \"%s\"", word);
                return -ESRCH;
        }

        *ret = user->pw_uid;
        return 0;
}

static int protection_from_string(const char *word) {
        for (KeyringProtection p = 0; p < _KEYRING_PROTECTION_MAX; p++)
                if (streq(word, keyring_protection_to_string(p)))
                        return (int) p;
        return -EINVAL;
}

typedef struct Arguments {
        const char *state, *peer;
        int protection;                /* a KeyringProtection */
        bool demo;
} Arguments;

/* 1 to go on, 0 when all is said, -EINVAL after a message */
static int parse_argv(int argc, char *argv[], Arguments *a) {
        static const OptionRule rules[] = {
                { "state", offsetof(Arguments, state), option_path },
                { "peer", offsetof(Arguments, peer), option_path },
                { "protection", offsetof(Arguments, protection), option_enum, .from_string = protection_from_string,
                  .allowed = "tpm, host or none" },
                { "demo", offsetof(Arguments, demo) },
        };
        static const OptionTable table = {
                .help = help,
                .version = "likeness-keyring " VERSION "\n",
                .rules = rules,
                .n_rules = ELEMENTSOF(rules),
        };

        return options_parse(argc, argv, &table, a, NULL, 0);
}

static int run(const Arguments *a) {
        ServiceSetup setup = {
                .state = a->state,
                .demo = a->demo,
                .protection = a->demo ? KEYRING_PROTECTION_NONE : (KeyringProtection) a->protection,
        };
        int r;

        r = process_leave_no_trace();
        if (r < 0)
                return log_error_errno(r, "core dumps cannot be forbidden: %m");
        r = parse_peer(a->peer, &setup.peer);
        if (r < 0)
                return r;
        r = sd_listen_fds(true);
        if (r != 1)
                return log_error_errno(-EINVAL, "needs exactly one connected socket; start it by its socket unit");

        signer_wipe_json();
        return service_run(SD_LISTEN_FDS_START, &setup);
}

int main(int argc, char *argv[]) {
        Arguments arguments = {
                .state = KEYRING_STATE,
                .peer = PEER,
                .protection = KEYRING_PROTECTION_HOST,
        };
        int r;

        log_open();

        r = parse_argv(argc, argv, &arguments);
        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;

        return run(&arguments) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
