/* SPDX-License-Identifier: Apache-2.0 */

/* likenessd: answers on the bus whether a live person is the one on a document. Sees no pixel. */

#include "build-config.h"
#include "configuration.h"
#include "health.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "process.h"
#include "verifier.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

/* sd-bus sets no limit to a message's size: one of 100 MiB from an examiner would be taken into memory before it could
 * be refused. With this limit the link breaks instead. The bus itself passes messages of 32 MiB at most. */
#define MEMORY_MAX (UINT64_C(64) * 1024 * 1024)

/* Somebody has to mend the command line or the configuration first: the unit does not try it again. */
#define EXIT_NOT_AGAIN 2

typedef struct Arguments {
        const char *configuration, *manifest, *models, *state;
        const char *examiner_socket, *decoder_socket, *keyring_socket;
        const char *examiner_cgroup, *decoder_cgroup;
        const char *face_camera, *document_camera;
        uint64_t health_interval_sec;
        bool demo;
} Arguments;

static const char help[] =
        "Usage: likenessd [OPTION…]\n\n"
        "Answers on the system bus whether a live person is the one on a document.\n\n"
        "  -h --help                    Show this help\n"
        "     --version                 Show the version\n"
        "     --config=FILE             Read this configuration file alone (not those of\n"
        "                               likeness.conf(5))\n"
        "     --manifest=FILE           The model manifest (that of the models' directory, else\n"
        "                               " MANIFEST_PATH ")\n"
        "     --models=DIR              Where the models are (" MODELS_DIRECTORY ")\n"
        "     --state=DIR               Where the ledger is kept (" STATE_DIRECTORY ")\n"
        "     --examiner-socket=PATH    (" EXAMINER_SOCKET ")\n"
        "     --decoder-socket=PATH     (" DECODER_SOCKET ")\n"
        "     --keyring-socket=PATH     (" KEYRING_SOCKET ")\n"
        "     --examiner-cgroup=DIR     The control group that examiners run in; without it no check can be\n"
        "                               made, as their end could not be seen; with --demo it may be left out\n"
        "                               (" EXAMINER_CGROUP ")\n"
        "     --decoder-cgroup=DIR      The same for decoders\n"
        "                               (" DECODER_CGROUP ")\n"
        "     --health-interval=SEC     How often the ledger gets an entry \"health\" (86400)\n"
        "     --demo                    Not for production: answers never bind, the examiner may work\n"
        "                               without its sandbox, recordings may stand in for cameras\n"
        "     --face-camera=FILE        With --demo: an MJPEG AVI recording instead of a camera\n"
        "     --document-camera=FILE    With --demo: the same for the camera that sees the document\n\n"
        "LIKENESS_LOG_LEVEL=err|warning|notice|info|debug sets how much is logged.\n";

/* 1 to go on, 0 when all is said, -EINVAL after a message */
static int parse_argv(int argc, char *argv[], Arguments *a) {
        static const OptionRule rules[] = {
                { "config", offsetof(Arguments, configuration), option_path },
                { "manifest", offsetof(Arguments, manifest), option_path },
                { "models", offsetof(Arguments, models), option_path },
                { "state", offsetof(Arguments, state), option_path },
                { "examiner-socket", offsetof(Arguments, examiner_socket), option_path },
                { "decoder-socket", offsetof(Arguments, decoder_socket), option_path },
                { "keyring-socket", offsetof(Arguments, keyring_socket), option_path },
                { "examiner-cgroup", offsetof(Arguments, examiner_cgroup), option_absolute_path },
                { "decoder-cgroup", offsetof(Arguments, decoder_cgroup), option_absolute_path },
                { "health-interval", offsetof(Arguments, health_interval_sec), option_number, .max = 9999999 },
                { "demo", offsetof(Arguments, demo) },
                { "face-camera", offsetof(Arguments, face_camera), option_path },
                { "document-camera", offsetof(Arguments, document_camera), option_path },
        };
        static const OptionTable table = {
                .help = help,
                .version = "likenessd " VERSION "\n",
                .rules = rules,
                .n_rules = ELEMENTSOF(rules),
        };
        int r;

        r = options_parse(argc, argv, &table, a, NULL, 0);
        if (r <= 0)
                return r;
        if ((a->face_camera || a->document_camera) && !a->demo) {
                log_error("a recording can stand in for a camera only with --demo");
                return -EINVAL;
        }

        if (!a->demo) {
                a->examiner_cgroup = a->examiner_cgroup ?: EXAMINER_CGROUP;
                a->decoder_cgroup = a->decoder_cgroup ?: DECODER_CGROUP;
        }

        return 1;
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        reload_hangup(userdata);
        return 0;
}

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        log_info("asked to end");
        notify_stopping();
        verifier_stop(userdata);
        return 0;
}

static int watch_signals(sd_event *event, Verifier *verifier, Reload *reload) {
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                if (signals[i] == SIGHUP)
                        r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, reload);
                else
                        r = sd_event_add_signal(event, NULL, signals[i], on_terminate, verifier);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* The bus went away: nobody can be answered any more, and what is under way is not wanted. */
static int on_bus_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        log_message(LOG_ERR, MESSAGE_BUS_LOST, "the connection to the bus was lost; the service ends");
        return sd_event_exit(userdata, -ECONNRESET);
}

/* What is served, and what it needs before it can be. */
typedef struct Service {
        sd_bus *bus;
        Signing *signing;
        Verifier *verifier;
        const Configuration *configuration;
} Service;

/* The name is taken when the key has come (or will not come), so that no first call finds a service that is not ready. */
static void on_settled(Signing *signing, void *userdata) {
        Service *service = userdata;
        int r;

        r = sd_bus_request_name(service->bus, VERIFIER_NAME, 0);
        if (r < 0) {
                log_message_errno(LOG_ERR, r, MESSAGE_NAME_REFUSED,
                                "the name %s cannot be owned (is likenessd running already, and does the bus policy "
                                "permit it?): %m",
                                VERIFIER_NAME);
                (void) sd_event_exit(sd_bus_get_event(service->bus), r);
                return;
        }

        if (signing_record(signing))
                log_message(LOG_INFO, MESSAGE_READY,
                            "ready: version " VERSION ", terminal %s, mode %s, key protection %s",
                            service->configuration->terminal, mode_to_string(service->configuration->mode),
                            signing_key_protection(signing));
        notify_ready(signing_record(signing) ? NULL : signing_problem(signing));
}

static void on_rotated(Signing *signing, const char *key_id, const char *problem, void *userdata) {
        Service *service = userdata;

        verifier_rotated(service->verifier, key_id, problem);
}

/* No signal is for us alone but those of the bus itself. A match rule does not protect from one that a local user sends
 * straight to us: sd-bus takes it for a caller's departure, or for logind's word that the machine goes to sleep. */
static int on_bus_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(m);

        if (!sd_bus_message_is_signal(m, NULL, NULL) || !sd_bus_message_get_destination(m) ||
            streq(sender ?: "", "org.freedesktop.DBus"))
                return 0;

        log_debug("a signal that somebody sent to us alone is ignored");
        return 1;
}

static int connect_bus(sd_event *event, sd_bus **ret) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r < 0)
                return log_error_errno(r, "no connection to the system bus: %m");
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return log_error_errno(r, "the bus cannot be served: %m");
        r = sd_bus_add_filter(bus, NULL, on_bus_message, NULL);
        if (r < 0)
                return log_error_errno(r, "the bus cannot be filtered: %m");
        r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                        "Disconnected", on_bus_lost, event);
        if (r < 0)
                return log_error_errno(r, "the bus cannot be watched: %m");

        *ret = TAKE_PTR(bus);
        return 0;
}

static int serve(
                sd_event *event,
                const SigningSetup *signing_setup,
                ReloadSetup *reload_setup,
                VerifierSetup *setup,
                uint64_t health_sec) {

        static const SigningHandlers handlers = { .settled = on_settled, .rotated = on_rotated };
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(signing_freep) Signing *signing = NULL;
        _cleanup_(reload_freep) Reload *reload = NULL;
        _cleanup_(watch_freep) Watch *watch = NULL;
        _cleanup_(verifier_freep) Verifier *verifier = NULL;
        _cleanup_(health_freep) Health *health = NULL;
        Service service = {};
        int r;

        r = connect_bus(event, &bus);
        if (r < 0)
                return r;
        r = signing_new(&signing, event, signing_setup, &handlers, &service);
        if (r < 0)
                return r;

        reload_setup->signing = setup->signing = signing;
        r = reload_new(&reload, event, reload_setup);
        if (r < 0)
                return log_error_errno(r, "the configuration cannot be reloaded: %m");
        setup->reload = reload;
        r = watch_new(&watch, event, &(WatchSetup) {
                        .state = signing_setup->state,
                        .configuration = setup->configuration,
                        .manifest = setup->manifest,
                        .software_camera = setup->face_camera,
        });
        if (r < 0)
                return log_error_errno(r, "no timer to look after the terminal: %m");
        setup->watch = watch;
        r = verifier_new(&verifier, bus, event, setup);
        if (r < 0)
                return log_error_errno(r, "the object %s cannot be offered: %m", VERIFIER_PATH);
        r = health_new(&health, event, signing, verifier, health_sec);
        if (r < 0)
                return log_error_errno(r, "no timer for the entry \"health\": %m");
        r = watch_signals(event, verifier, reload);
        if (r < 0)
                return log_error_errno(r, "signals cannot be watched: %m");

        service = (Service) {
                .bus = bus,
                .signing = signing,
                .verifier = verifier,
                .configuration = setup->configuration,
        };
        return sd_event_loop(event);
}

/* Without a manifest the service still answers: with words that say what is missing, which are `ret_problem`. */
static int load_manifest(const Arguments *a, Manifest **ret, char **ret_problem) {
        _cleanup_free_ char *path = a->manifest ? strdup(a->manifest) : manifest_path_of(a->models);
        int r;

        if (!path)
                return -ENOMEM;
        r = manifest_load(path, a->models, ret);
        if (r >= 0 || r == -ENOMEM)
                return r;

        if (asprintf(ret_problem, "The model manifest %s is missing or cannot be used; see the service's log. Install the "
                                  "models again (the package likeness-models, which \"likenessctl models pack "
                                  "DIRECTORY\" builds) and restart the service.", path) < 0)
                return -ENOMEM;
        *ret = calloc(1, sizeof(Manifest));    /* names no model */
        return *ret ? 0 : -ENOMEM;
}

/* What the administrator decides, and the models that have to support it. */
typedef struct Decided {
        Configuration *configuration;
        Manifest *manifest;
        Policy policy;
        char *problem;                 /* why no check can be made with these models, in words; or NULL */
} Decided;

static void decided_done(Decided *d) {
        configuration_free(d->configuration);
        manifest_free(d->manifest);
        free(d->problem);
}

static int decided_load(Decided *d, const Arguments *a) {
        int r;

        r = configuration_load(a->configuration, "", &d->configuration, NULL);
        if (r >= 0)
                r = configuration_check_demo(d->configuration, a->demo, NULL);
        if (r >= 0)
                r = load_manifest(a, &d->manifest, &d->problem);
        if (r >= 0 && !d->problem)
                r = configuration_policy(d->configuration, d->manifest, &d->policy, NULL);
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_CONFIGURATION_REFUSED,
                                         "the service does not start with this configuration; see likeness.conf(5)");
        return 0;
}

static int run(const Arguments *a, Decided *d) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int r;

        /* the signing key: the courier, of the same user, may not read it, and no core handler be given it */
        r = process_leave_no_trace();
        if (r < 0)
                return log_error_errno(r, "core dumps cannot be forbidden: %m");
        r = process_limit_memory(MEMORY_MAX);
        if (r < 0)
                return log_error_errno(r, "memory cannot be limited: %m");
        if (a->demo)
                log_message(LOG_NOTICE, MESSAGE_DEMO, "this is a demo: answers never bind");

        r = sd_event_new(&event);
        if (r < 0)
                return log_error_errno(r, "no event loop: %m");
        r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return log_error_errno(r, "the watchdog cannot be served: %m");

        const SigningSetup signing = {
                .keyring_socket = a->keyring_socket,
                .state = a->state,
                .configuration = d->configuration,
                .policy = &d->policy,
                .manifest = d->manifest,
                .problem = d->problem,
                .demo = a->demo,
        };
        ReloadSetup reload = {
                .path = a->configuration,
                .configuration = d->configuration,
                .policy = &d->policy,
                .manifest = d->manifest,
                .demo = a->demo,
        };
        VerifierSetup verifier = {
                .configuration = d->configuration,
                .manifest = d->manifest,
                .policy = &d->policy,
                .examiner = { .socket = a->examiner_socket, .group = a->examiner_cgroup },
                .decoder = { .socket = a->decoder_socket, .group = a->decoder_cgroup },
                .face_camera = a->face_camera,
                .demo = a->demo,
        };
        return serve(event, &signing, &reload, &verifier, a->health_interval_sec);
}

int main(int argc, char *argv[]) {
        Arguments arguments = {
                .models = MODELS_DIRECTORY,
                .examiner_socket = EXAMINER_SOCKET,
                .decoder_socket = DECODER_SOCKET,
                .keyring_socket = KEYRING_SOCKET,
                .state = STATE_DIRECTORY,
                .health_interval_sec = HEALTH_INTERVAL_SEC,
        };
        _cleanup_(decided_done) Decided decided = {};
        int r;

        log_open();
        signer_wipe_json();

        r = parse_argv(argc, argv, &arguments);
        if (r <= 0)
                return r < 0 ? EXIT_NOT_AGAIN : EXIT_SUCCESS;
        r = decided_load(&decided, &arguments);
        if (r < 0)
                return r == -ENOMEM ? EXIT_FAILURE : EXIT_NOT_AGAIN;

        return run(&arguments, &decided) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
