/* SPDX-License-Identifier: Apache-2.0 */

/* likeness-courier: copies the ledger's entries to a journal namespace of their own, from where others ship them. */

#include "build-config.h"
#include "courier.h"
#include "log.h"
#include "options.h"

#include <errno.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

static const char help[] =
        "Usage: likeness-courier [OPTION…]\n\n"
        "Copies the entries of the ledger to the journal as they come, and goes on where it ended.\n\n"
        "  -h --help                 Show this help\n"
        "     --version              Show the version\n"
        "     --ledger=DIR           Where the ledger is (" STATE_DIRECTORY "/ledger)\n"
        "     --state=DIR            Where to remember how far it came (" STATE_DIRECTORY "/courier)\n"
        "     --socket=PATH          The journal's socket (" JOURNAL_SOCKET ")\n"
        "     --again-from=SEQUENCE  Copy everything from this entry on again: for what a collector lacks\n\n"
        "LIKENESS_LOG_LEVEL=err|warning|notice|info|debug sets how much is logged.\n";

/* 1 to go on, 0 when all is said, -EINVAL after a message */
static int parse_argv(int argc, char *argv[], CourierSetup *setup) {
        static const OptionRule rules[] = {
                { "ledger", offsetof(CourierSetup, ledger), option_path },
                { "state", offsetof(CourierSetup, state), option_path },
                { "socket", offsetof(CourierSetup, socket), option_path },
                { "again-from", offsetof(CourierSetup, again_from), option_number, .max = UINT32_MAX },
        };
        static const OptionTable table = {
                .help = help,
                .version = "likeness-courier " VERSION "\n",
                .rules = rules,
                .n_rules = ELEMENTSOF(rules),
        };

        return options_parse(argc, argv, &table, setup, NULL, 0);
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
