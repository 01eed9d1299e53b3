/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl verify: one call of Begin, then the session's signals until Finished. */

#include "commands.h"
#include "holders.h"
#include "output.h"
#include "reference-file.h"
#include "result.h"
#include "service.h"
#include "verify-options.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#define CANCEL_WAIT_USEC (2 * USEC_PER_SEC) /* how long the service may take to say that it has cancelled */

#define ERROR_BAD_REFERENCE "org.likeness.Verifier1.Error.BadReference"
#define ERROR_CAMERA_BUSY "org.likeness.Verifier1.Error.CameraBusy"
#define ERROR_CANCELLED "org.likeness.Verifier1.Error.Cancelled"

typedef struct Verification {
        const VerifyOptions *options;
        sd_event *event;
        sd_bus *bus;
        PromptLine prompts;
        char *service;                 /* unique name of who answered Begin: nobody else may speak for it */
        char *session;
        json_t *answer;                /* the object of --json, once there is one */
        json_t *giving_up;             /* why we cancelled: the answer if the service does not give another */
} Verification;

/* Takes over `answer` (NULL: no memory) and ends the event loop. The first answer counts. */
static int finish(Verification *v, json_t *answer) {
        if (v->answer) {
                json_decref(answer);
                return 0;
        }
        v->answer = answer;
        return sd_event_exit(v->event, 0);
}

static int finish_failed(Verification *v, const char *name, const char *message) {
        return finish(v, result_failure(name, message));
}

static int on_end_of_wait(sd_event_source *source, uint64_t usec, void *userdata) {
        Verification *v = userdata;

        return finish(v, TAKE_PTR(v->giving_up));
}

/* Cancels the check and gives the service a moment to say so; leaving the bus would end it as well. */
static int give_up(Verification *v, const char *name, const char *message) {
        int r;

        if (v->giving_up || !v->session)
                return finish_failed(v, name, message);

        v->giving_up = result_failure(name, message);
        r = sd_bus_call_method_async(v->bus, NULL, v->service, v->session, SESSION_INTERFACE, "Cancel", NULL, NULL,
                        NULL);
        if (r < 0)
                return finish(v, TAKE_PTR(v->giving_up));

        return sd_event_add_time_relative(v->event, NULL, CLOCK_MONOTONIC, CANCEL_WAIT_USEC, 0, on_end_of_wait, v);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        Verification *v = userdata;
        char message[64];

        (void) snprintf(message, sizeof(message), "There was no answer within %" PRIu64 " s.", v->options->timeout_sec);
        return give_up(v, SD_BUS_ERROR_TIMEOUT, message);
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        return give_up(userdata, ERROR_CANCELLED, "Cancelled.");
}

/* Unicast signals reach us whatever we subscribed to: anybody on the bus can send us a "Finished". */
static bool from_session(const Verification *v, sd_bus_message *m) {
        return v->session && streq(sd_bus_message_get_sender(m) ?: "", v->service) &&
                        streq(sd_bus_message_get_path(m) ?: "", v->session);
}

static int on_prompt(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verification *v = userdata;
        const char *code, *text;
        json_t *details, *progress;
        int r;

        if (!from_session(v, m))
                return 0;

        details = json_object();
        r = sd_bus_message_read(m, "ss", &code, &text);
        if (r >= 0)
                r = result_read(m, details);
        if (r >= 0) {
                progress = json_object_get(details, "progress");
                prompt_line_show(&v->prompts, text,
                                json_is_integer(progress) ? (int) json_integer_value(progress) : -1);
        }
        json_decref(details);
        return 0;
}

static int on_finished(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verification *v = userdata;
        const char *verdict;
        json_t *answer;
        int r;

        if (!from_session(v, m))
                return 0;

        answer = json_object();
        r = sd_bus_message_read(m, "s", &verdict);
        if (r >= 0 && !isempty(verdict) && json_object_set_new(answer, "verdict", json_string(verdict)) < 0)
                r = -ENOMEM;
        if (r >= 0)
                r = result_read(m, answer);
        if (r >= 0 && isempty(verdict) && (!result_string(answer, "error") || !result_string(answer, "message")))
                r = -EBADMSG;
        if (r < 0) {
                json_decref(answer);
                return finish_failed(v, SD_BUS_ERROR_FAILED, "The service's answer cannot be read.");
        }

        /* on Cancel the service says "Cancelled"; if that was the time-out's doing, say so */
        if (isempty(verdict) && v->giving_up) {
                json_decref(answer);
                return finish(v, TAKE_PTR(v->giving_up));
        }
        return finish(v, answer);
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verification *v = userdata;
        const char *name, *old;

        if (sd_bus_message_read(m, "ss", &name, &old) < 0 || !v->service || !streq(old, v->service))
                return 0;

        return finish_failed(v, SD_BUS_ERROR_NO_REPLY, "Likeness ended during the check.");
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return finish_failed(userdata, SD_BUS_ERROR_DISCONNECTED, "The connection to the system bus broke.");
}

static int on_begun(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const char *path, *sender = sd_bus_message_get_sender(m);
        Verification *v = userdata;

        if (e)
                return finish_failed(v, e->name, isempty(e->message) ? e->name : e->message);
        if (sd_bus_message_read(m, "o", &path) < 0 || !sender)
                return finish_failed(v, SD_BUS_ERROR_FAILED, "The service's answer cannot be read.");

        v->session = strdup(path);
        v->service = strdup(sender);
        return v->session && v->service ? 0 : finish(v, NULL);
}

static int append_string(sd_bus_message *m, const char *key, const char *value) {
        return value ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

static int append_request(sd_bus_message *m, const VerifyOptions *o, int reference) {
        const struct {
                const char *key, *value;
        } strings[] = {
                { "document", o->document },       { "nonce", o->nonce },   { "transaction", o->transaction },
                { "operator", o->operator_id },    { "notice", o->notice }, { "challenge", o->challenge },
                { "pace", o->pace },               { "locale", o->locale },
        };
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(strings); i++)
                r = append_string(m, strings[i].key, strings[i].value);
        if (r >= 0 && reference >= 0)
                r = sd_bus_message_append(m, "{sv}", "reference", "h", reference);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

/* `reference` stays the caller's. */
static int verification_begin(Verification *v, int reference) {
        sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(v->bus, &m, SERVICE_NAME, SERVICE_PATH, SERVICE_INTERFACE, "Begin");
        if (r >= 0)
                r = append_request(m, v->options, reference);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(m, true);
        /* the timer of the whole says when it has taken too long */
        if (r >= 0)
                r = sd_bus_call_async(v->bus, NULL, m, on_begun, v, UINT64_MAX);
        sd_bus_message_unref(m);
        return r;
}

static int verification_subscribe(Verification *v) {
        static const char name_lost[] = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                        "interface='org.freedesktop.DBus',arg0='" SERVICE_NAME "'";
        int r;

        r = sd_bus_match_signal(v->bus, NULL, SERVICE_NAME, NULL, SESSION_INTERFACE, "Prompt", on_prompt, v);
        if (r >= 0)
                r = sd_bus_match_signal(v->bus, NULL, SERVICE_NAME, NULL, SESSION_INTERFACE, "Finished", on_finished,
                                v);
        if (r >= 0)
                r = sd_bus_add_match(v->bus, NULL, name_lost, on_name_owner_changed, v);
        if (r >= 0)
                r = sd_bus_match_signal(v->bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                "Disconnected", on_disconnected, v);
        return r;
}

static int verification_prepare(Verification *v) {
        sigset_t signals;
        int r;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;

        r = sd_event_new(&v->event);
        if (r >= 0)
                r = sd_event_add_signal(v->event, NULL, SIGINT, on_interrupt, v);
        if (r >= 0)
                r = sd_event_add_signal(v->event, NULL, SIGTERM, on_interrupt, v);
        if (r >= 0)
                r = sd_event_add_signal(v->event, NULL, SIGHUP, on_interrupt, v);
        if (r >= 0)
                r = sd_event_add_time_relative(v->event, NULL, CLOCK_MONOTONIC,
                                v->options->timeout_sec * USEC_PER_SEC, 0, on_timeout, v);
        return r;
}

/* Asks and waits; afterwards there is an answer, or memory ran out. `reference` is taken over: the service has it, so
 * nothing of it is kept here while a face is examined. */
static void verification_run(Verification *v, int reference) {
        _cleanup_close_ int picture = reference;
        _cleanup_free_ char *message = NULL;
        int r;

        r = service_connect(&v->bus, &message);
        if (r < 0) {
                v->answer = result_failure(SD_BUS_ERROR_NO_SERVER, message ?: "The system bus cannot be reached.");
                return;
        }

        r = verification_prepare(v);
        if (r >= 0)
                r = sd_bus_attach_event(v->bus, v->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = verification_subscribe(v);
        if (r >= 0)
                r = verification_begin(v, picture);
        picture = safe_close(picture);
        if (r >= 0)
                r = sd_event_loop(v->event);
        if (r < 0)
                (void) finish_failed(v, SD_BUS_ERROR_FAILED, strerror(-r));
}

/* The service does not know who holds the camera; who asks may see it. */
static void add_holders(json_t *answer) {
        json_t *holders;

        if (!streq(result_string(answer, "error") ?: "", ERROR_CAMERA_BUSY))
                return;
        holders = holders_of_cameras();
        if (holders)
                (void) json_object_set_new(answer, "holders", holders);
}

static int report(json_t *answer, bool json) {
        const char *verdict = result_string(answer, "verdict");

        add_holders(answer);
        if (json)
                output_json(stdout, answer);
        else if (verdict)
                output_verdict(stdout, answer);
        else {
                output_failure(stderr, answer);
                holders_print(stderr, json_object_get(answer, "holders"), "");
                if (json_object_get(answer, "holders") && json_array_size(json_object_get(answer, "holders")) == 0)
                        fprintf(stderr, "Which program it is can be seen by root: likenessctl cameras\n");
        }

        if (!verdict)
                return EXIT_CALL_FAILED;
        return streq(verdict, "match") ? EXIT_MATCH : EXIT_OTHER_VERDICT;
}

static int report_bad_reference(const VerifyOptions *o, const char *problem) {
        _cleanup_free_ char *message = NULL;
        json_t *answer;

        if (asprintf(&message, "%s: %s", o->reference, problem) < 0)
                return EXIT_CALL_FAILED;
        answer = result_failure(ERROR_BAD_REFERENCE, message);
        (void) report(answer, o->json);
        json_decref(answer);
        return EXIT_USAGE;
}

int command_verify(int argc, char *argv[]) {
        _cleanup_close_ int reference = -1;
        const char *problem = NULL;
        VerifyOptions options;
        Verification v = { .options = &options };
        int r;

        r = verify_options_parse(argc, argv, &options);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;

        if (options.reference) {
                reference = reference_file_open(options.reference, &problem);
                if (reference < 0)
                        return report_bad_reference(&options, problem);
        }

        prompt_line_init(&v.prompts, options.json ? stderr : stdout);
        verification_run(&v, take_fd(&reference));
        prompt_line_clear(&v.prompts);

        r = EXIT_CALL_FAILED;
        if (v.answer)
                r = report(v.answer, options.json);
        else
                fprintf(stderr, "likenessctl: out of memory\n");

        json_decref(v.answer);
        json_decref(v.giving_up);
        free(v.session);
        free(v.service);
        sd_bus_flush_close_unref(v.bus);
        sd_event_unref(v.event);
        return r;
}
