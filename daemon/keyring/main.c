/* SPDX-License-Identifier: Apache-2.0 */

/* likeness-keyring: hands likenessd its signing key, over one socket, and is gone. The only user of
 * libsecret. */

#include "build-config.h"
#include "keyring-outcome.h"
#include "log.h"
#include "parse.h"
#include "process.h"
#include "service.h"
#include "signer.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#define PEER "likeness"

static void help(void) {
        printf("Usage: %s [OPTION…]\n\n"
               "Keeps the terminal's signing key, and gives it to likenessd over the connected socket that it is\n"
               "started with. It is started by its socket unit, never by hand. The keyring's password is the\n"
               "credential \"likeness-keyring\".\n\n"
               "  -h --help             Show this help\n"
               "     --version          Show the version\n"
               "     --state=DIR        Where the keyring is (" KEYRING_STATE ")\n"
               "     --peer=USER        Answer only this user, a name or number (" PEER ")\n"
               "     --protection=WORD  What guards the password at rest, if the credential does not say so: \"tpm\",\n"
               "                        \"host\" or \"none\" (host)\n"
               "     --demo             The demonstration's key instead: without a password, worth nothing\n",
               program_invocation_short_name);
}

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

static int parse_protection(const char *word, KeyringProtection *ret) {
        for (KeyringProtection p = 0; p < _KEYRING_PROTECTION_MAX; p++)
                if (streq(word, keyring_protection_to_string(p))) {
                        *ret = p;
                        return 0;
                }

        log_error("\"%s\" is not \"tpm\", \"host\" or \"none\"", word);
        return -EINVAL;
}

/* 1 to go on, 0 when all is said, -EINVAL after a message */
static int parse_argv(int argc, char *argv[], ServiceSetup *setup, const char **peer) {
        enum {
                ARG_VERSION = 0x100,
                ARG_STATE,
                ARG_PEER,
                ARG_PROTECTION,
                ARG_DEMO,
        };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "state", required_argument, NULL, ARG_STATE },
                { "peer", required_argument, NULL, ARG_PEER },
                { "protection", required_argument, NULL, ARG_PROTECTION },
                { "demo", no_argument, NULL, ARG_DEMO },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        puts("likeness-keyring " VERSION);
                        return 0;
                case ARG_STATE:
                        setup->state = optarg;
                        break;
                case ARG_PEER:
                        *peer = optarg;
                        break;
                case ARG_PROTECTION:
                        if (parse_protection(optarg, &setup->protection) < 0)
                                return -EINVAL;
                        break;
                case ARG_DEMO:
                        setup->demo = true;
                        break;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                log_error("takes no arguments, but was given \"%s\"", argv[optind]);
                return -EINVAL;
        }
        if (setup->demo)
                setup->protection = KEYRING_PROTECTION_NONE;

        return 1;
}

static int run(ServiceSetup *setup, const char *peer) {
        int r;

        r = process_leave_no_trace();
        if (r < 0)
                return log_error_errno(r, "core dumps cannot be forbidden: %m");
        r = parse_peer(peer, &setup->peer);
        if (r < 0)
                return r;
        r = sd_listen_fds(true);
        if (r != 1)
                return log_error_errno(-EINVAL, "needs exactly one connected socket; start it by its socket unit");

        signer_wipe_json();
        return service_run(SD_LISTEN_FDS_START, setup);
}

int main(int argc, char *argv[]) {
        ServiceSetup setup = {
                .state = KEYRING_STATE,
                .protection = KEYRING_PROTECTION_HOST,
        };
        const char *peer = PEER;
        int r;

        log_open();

        r = parse_argv(argc, argv, &setup, &peer);
        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;

        return run(&setup, peer) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
