/* SPDX-License-Identifier: Apache-2.0 */

/* likeness-courier: copies the ledger's entries to a journal namespace of their own, from where others ship them. */

#include "build-config.h"
#include "courier.h"
#include "log.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

static void help(void) {
        printf("Usage: %s [OPTION…]\n\n"
               "Copies the entries of the ledger to the journal as they come, and goes on where it ended.\n\n"
               "  -h --help                 Show this help\n"
               "     --version              Show the version\n"
               "     --ledger=DIR           Where the ledger is (" STATE_DIRECTORY "/ledger)\n"
               "     --state=DIR            Where to remember how far it came (" STATE_DIRECTORY "/courier)\n"
               "     --socket=PATH          The journal's socket (" JOURNAL_SOCKET ")\n"
               "     --again-from=SEQUENCE  Copy everything from this entry on again: for what a collector lacks\n\n"
               "LIKENESS_LOG_LEVEL=err|warning|notice|info|debug sets how much is logged.\n",
               program_invocation_short_name);
}

static int parse_sequence(const char *s, uint64_t *ret) {
        size_t n = strlen(s);

        if (n == 0 || n > 18 || strspn(s, "0123456789") != n || strspn(s, "0") == n) {
                log_error("--again-from takes the number of an entry, from 1 on, not \"%s\"", s);
                return -EINVAL;
        }
        *ret = strtoull(s, NULL, 10);
        return 0;
}

/* 1 to go on, 0 when all is said, -EINVAL after a message */
static int parse_argv(int argc, char *argv[], CourierSetup *setup) {
        enum {
                ARG_VERSION = 0x100,
                ARG_LEDGER,
                ARG_STATE,
                ARG_SOCKET,
                ARG_AGAIN_FROM,
        };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "ledger", required_argument, NULL, ARG_LEDGER },
                { "state", required_argument, NULL, ARG_STATE },
                { "socket", required_argument, NULL, ARG_SOCKET },
                { "again-from", required_argument, NULL, ARG_AGAIN_FROM },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        puts("likeness-courier " VERSION);
                        return 0;
                case ARG_LEDGER:
                        setup->ledger = optarg;
                        break;
                case ARG_STATE:
                        setup->state = optarg;
                        break;
                case ARG_SOCKET:
                        setup->socket = optarg;
                        break;
                case ARG_AGAIN_FROM:
                        if (parse_sequence(optarg, &setup->again_from) < 0)
                                return -EINVAL;
                        break;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                log_error("takes no arguments, but was given \"%s\"", argv[optind]);
                return -EINVAL;
        }
        return 1;
}

static int watch_signals(sd_event *event) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(event, NULL, signals[i], NULL, NULL); /* ends the loop */
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run(const CourierSetup *setup) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(courier_freep) Courier *courier = NULL;
        int r;

        r = sd_event_new(&event);
        if (r < 0)
                return log_error_errno(r, "no event loop: %m");
        r = watch_signals(event);
        if (r < 0)
                return log_error_errno(r, "signals cannot be watched: %m");
        r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return log_error_errno(r, "the watchdog cannot be served: %m");

        r = courier_new(&courier, event, setup);
        if (r < 0)
                return r;
        (void) sd_notify(false, "READY=1");
        r = sd_event_loop(event);
        (void) sd_notify(false, "STOPPING=1");
        return r;
}

int main(int argc, char *argv[]) {
        CourierSetup setup = {
                .ledger = STATE_DIRECTORY "/ledger",
                .state = STATE_DIRECTORY "/courier",
                .socket = JOURNAL_SOCKET,
        };
        int r;

        log_open();

        r = parse_argv(argc, argv, &setup);
        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;

        return run(&setup) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
