/* SPDX-License-Identifier: Apache-2.0 */

#include "verifier.h"
#include "authority.h"
#include "build-config.h"
#include "cameras.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "prompts.h"
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

struct Verifier {
        VerifierSetup setup;
        sd_bus *bus;
        sd_event *event;
        Authority *authority;
        Record *record;
        sd_bus_slot *object, *sessions;
        bool stopping;

        /* the one check */
        Session *session;
        bool session_closed;           /* answered, but its processes are stuck */
        char *camera;
        char *path;                    /* its object */
        char *caller;                  /* unique name */
        sd_bus_track *track;           /* tells when the caller leaves the bus */
        sd_bus_message *call;          /* Verify(), to be answered; NULL after Begin() */
};

static void verifier_forget_session(Verifier *v) {
        v->session = session_free(v->session);
        v->session_closed = false;
        v->track = sd_bus_track_unref(v->track);
        v->call = sd_bus_message_unref(v->call);
        free(TAKE_PTR(v->camera));
        free(TAKE_PTR(v->path));
        free(TAKE_PTR(v->caller));
        if (v->stopping)
                (void) sd_event_exit(v->event, 0);
}

static int append_string(sd_bus_message *m, const char *key, const char *value) {
        return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int append_reasons(sd_bus_message *m, const Decision *d) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "reasons");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < d->n_reasons && r >= 0; i++)
                r = sd_bus_message_append(m, "s", reason_to_string(d->reasons[i]));
        for (size_t i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* "sa{sv}": the verdict and what is told with it; an empty verdict and the error if there is none. */
static int append_result(sd_bus_message *m, const SessionResult *result) {
        bool verdict = result->cause == CAUSE_VERDICT;
        int r;

        r = sd_bus_message_append(m, "s", verdict ? verdict_to_string(result->decision.verdict) : "");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && verdict) {
                r = append_reasons(m, &result->decision);
                if (r >= 0)
                        r = sd_bus_message_append(m, "{sv}{sv}{sv}", "receipt", "s", result->receipt, "binding",
                                        "b", result->binding, "duration", "t", result->duration_usec);
        } else if (r >= 0) {
                r = append_string(m, "error", result->error);
                if (r >= 0)
                        r = append_string(m, "message", result->message ? result->message : "Out of memory.");
        }
        if (r >= 0)
                r = append_string(m, "support-code", result->support_code);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

/* A signal of the session's object, to its caller only. */
static int new_session_signal(Verifier *v, const char *member, sd_bus_message **ret) {
        sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_signal(v->bus, &m, v->path, SESSION_INTERFACE, member);
        if (r >= 0)
                r = sd_bus_message_set_destination(m, v->caller);
        if (r < 0) {
                sd_bus_message_unref(m);
                return r;
        }

        *ret = m;
        return 0;
}

static sd_bus_message *message_free(sd_bus_message *m) {
        return sd_bus_message_unref(m);
}
DEFINE_CLEANUP(sd_bus_message *, message_free);

static int send_prompt(Verifier *v, Prompt prompt, uint32_t progress, uint64_t remaining_usec) {
        _cleanup_(message_freep) sd_bus_message *m = NULL;
        int r;

        r = new_session_signal(v, "Prompt", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ssa{sv}", prompt_to_string(prompt), prompt_text(prompt), 2, "deadline", "t",
                        remaining_usec, "progress", "u", progress);
        if (r < 0)
                return r;

        return sd_bus_send(v->bus, m, NULL);
}

static int send_finished(Verifier *v, const SessionResult *result) {
        _cleanup_(message_freep) sd_bus_message *m = NULL;
        int r;

        r = new_session_signal(v, "Finished", &m);
        if (r < 0)
                return r;
        r = append_result(m, result);
        if (r < 0)
                return r;

        return sd_bus_send(v->bus, m, NULL);
}

static int reply_verify(Verifier *v, const SessionResult *result) {
        _cleanup_(message_freep) sd_bus_message *m = NULL;
        int r;

        if (result->cause != CAUSE_VERDICT)
                return sd_bus_reply_method_errorf(v->call, result->error, "%s",
                                result->message ? result->message : "Out of memory.");

        r = sd_bus_message_new_method_return(v->call, &m);
        if (r < 0)
                return r;
        r = append_result(m, result);
        if (r < 0)
                return r;

        return sd_bus_send(v->bus, m, NULL);
}

static void on_session_prompt(
                Session *s, Prompt prompt, uint32_t progress, uint64_t remaining_usec, void *userdata) {

        int r = send_prompt(userdata, prompt, progress, remaining_usec);

        if (r < 0)
                log_warning_errno(r, "a prompt cannot be sent: %m");
}

static void on_session_closed(Session *s, const SessionResult *result, void *userdata) {
        Verifier *v = userdata;
        int r;

        r = v->call ? reply_verify(v, result) : send_finished(v, result);
        if (r < 0)
                log_error_errno(r, "%s: the caller cannot be answered: %m", result->support_code);

        v->call = sd_bus_message_unref(v->call);
        if (session_is_stuck(s)) {
                v->session_closed = true;
                v->track = sd_bus_track_unref(v->track);
                if (v->stopping)
                        (void) sd_event_exit(v->event, 0);
                return;
        }
        verifier_forget_session(v);
}

static void on_session_unstuck(Session *s, void *userdata) {
        log_notice("the stuck examiner is gone; checks are possible again");
        verifier_forget_session(userdata);
}

static const SessionHandlers session_handlers = {
        .prompt = on_session_prompt,
        .closed = on_session_closed,
        .unstuck = on_session_unstuck,
};

static int on_caller_gone(sd_bus_track *track, void *userdata) {
        Verifier *v = userdata;

        if (v->session && !v->session_closed)
                session_end(v->session, CAUSE_CALLER_GONE);
        return 0;
}

static int choose_camera(Verifier *v, char **ret, sd_bus_error *error) {
        int r;

        if (v->setup.face_camera) {
                *ret = strdup(v->setup.face_camera);
                return *ret ? 0 : -ENOMEM;
        }

        r = cameras_find(ret);
        if (r == -ENODEV)
                return sd_bus_error_set(error, LIKENESS_ERROR_NO_CAMERA, cause_message(CAUSE_CAMERA_NONE));
        return r;
}

/* Paths are random, so that they do not count the terminal's customers for everybody. */
static int new_session_path(char **ret) {
        uint64_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        return asprintf(ret, SESSION_PATH "/%016" PRIx64, random) < 0 ? -ENOMEM : 0;
}

static int check_idle(const Verifier *v, sd_bus_error *error) {
        if (v->stopping)
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_INTERRUPTED));
        if (v->session_closed)
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_EXAMINER_STUCK));
        if (v->session)
                return sd_bus_error_set(error, LIKENESS_ERROR_BUSY,
                                "Another check is under way on this terminal; try again when it has ended.");
        return 0;
}

static int get_sender_uid(sd_bus_message *m, uid_t *ret) {
        sd_bus_creds *creds = NULL;
        int r;

        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret);
        sd_bus_creds_unref(creds);
        return r;
}

static int watch_caller(Verifier *v, const char *caller) {
        int r;

        r = sd_bus_track_new(v->bus, &v->track, on_caller_gone, v);
        if (r < 0)
                return r;
        r = sd_bus_track_add_name(v->track, caller);
        if (r < 0)
                return r;

        v->caller = strdup(caller);
        return v->caller ? 0 : -ENOMEM;
}

static int start_session(Verifier *v, sd_bus_message *m, uint64_t called_usec, sd_bus_error *error) {
        _cleanup_(request_freep) Request *request = NULL;
        uint64_t authorised_usec = now_monotonic_usec();
        uid_t uid;
        int r;

        r = request_read(m, v->setup.configuration, &request, error);
        if (r < 0)
                return r;
        r = get_sender_uid(m, &uid);
        if (r < 0)
                return r;
        r = choose_camera(v, &v->camera, error);
        if (r < 0)
                return r;
        r = new_session_path(&v->path);
        if (r < 0)
                return r;
        r = watch_caller(v, sd_bus_message_get_sender(m));
        if (r < 0)
                return r;

        const SessionSetup setup = {
                .event = v->event,
                .configuration = v->setup.configuration,
                .manifest = v->setup.manifest,
                .policy = v->setup.policy,
                .record = v->record,
                .examiner_socket = v->setup.examiner_socket,
                .decoder_socket = v->setup.decoder_socket,
                .camera = v->camera,
                .demo = v->setup.demo,
        };
        r = session_new(&v->session, &setup, request, uid, &session_handlers, v);
        if (r < 0)
                return r;
        (void) TAKE_PTR(request);

        session_set_times(v->session, called_usec, authorised_usec);
        return session_start(v->session);
}

/* The call is authorised: reads the request and opens a session for it. */
static int open_session(Verifier *v, sd_bus_message *m, uint64_t called_usec, sd_bus_error *error) {
        int r;

        r = check_idle(v, error);
        if (r < 0)
                return r;

        r = start_session(v, m, called_usec, error);
        if (r < 0)
                verifier_forget_session(v);
        return r;
}

static int begin_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;
        int r;

        r = open_session(v, m, called_usec, error);
        if (r < 0)
                return r;

        return sd_bus_reply_method_return(m, "o", v->path);
}

static int verify_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;
        int r;

        r = open_session(v, m, called_usec, error);
        if (r < 0)
                return r;

        v->call = sd_bus_message_ref(m);
        return 1;
}

static int method_begin(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_VERIFY, begin_authorised, v);
}

static int method_verify(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_VERIFY, verify_authorised, v);
}

/* A session's object is there for its caller only; for everybody else there is no such object. */
static int find_session(
                sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {

        sd_bus_message *m = sd_bus_get_current_message(bus);
        Verifier *v = userdata;
        const char *sender;

        if (!m || !v->session || v->session_closed || !streq(path, v->path))
                return 0;
        sender = sd_bus_message_get_sender(m);
        if (!sender || !streq(sender, v->caller))
                return 0;

        *ret = v;
        return 1;
}

static int method_respond(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_error_set(error, LIKENESS_ERROR_BAD_REQUEST,
                        "code: nothing was asked that could be responded to");
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        session_end(v->session, CAUSE_CANCELLED);
        return sd_bus_reply_method_return(m, NULL);
}

static int get_version(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error) {

        return sd_bus_message_append(reply, "s", VERSION);
}

static int get_mode(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error) {

        Verifier *v = userdata;

        return sd_bus_message_append(reply, "s", mode_to_string(v->setup.configuration->mode));
}

static int get_documents(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error) {

        Verifier *v = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < v->setup.configuration->n_documents && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", v->setup.configuration->documents[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* A JWK set; empty as long as nothing is signed. */
static int get_public_key(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error) {

        return sd_bus_message_append(reply, "s", "{\"keys\":[]}");
}

static int get_models(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error) {

        Verifier *v = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (size_t i = 0; i < v->setup.manifest->n_models && r >= 0; i++) {
                const Model *model = &v->setup.manifest->models[i];
                char hex[2 * MODEL_SHA256_SIZE + 1];

                for (size_t j = 0; j < MODEL_SHA256_SIZE; j++)
                        (void) snprintf(hex + 2 * j, 3, "%02x", model->sha256[j]);
                r = sd_bus_message_append(reply, "{ss}", model->name, hex);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_state(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error) {

        Verifier *v = userdata;

        return sd_bus_message_append(reply, "s", v->session ? "busy" : "idle");
}

static const sd_bus_vtable verifier_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Begin", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", session), method_begin,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Verify", SD_BUS_ARGS("a{sv}", request),
                        SD_BUS_RESULT("s", verdict, "a{sv}", result), method_verify, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Mode", "s", get_mode, 0, 0),
        SD_BUS_PROPERTY("Documents", "as", get_documents, 0, 0),
        SD_BUS_PROPERTY("PublicKey", "s", get_public_key, 0, 0),
        SD_BUS_PROPERTY("Models", "a{ss}", get_models, 0, 0),
        /* never broadcast: a change would tell everybody about a customer */
        SD_BUS_PROPERTY("State", "s", get_state, 0, 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable session_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Respond", SD_BUS_ARGS("s", code, "a{sv}", details), SD_BUS_NO_RESULT,
                        method_respond, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Prompt", SD_BUS_ARGS("s", code, "s", text, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", verdict, "a{sv}", result), 0),
        SD_BUS_VTABLE_END,
};

int verifier_new(Verifier **ret, sd_bus *bus, sd_event *event, const VerifierSetup *setup) {
        _cleanup_(verifier_freep) Verifier *v = NULL;
        int r;

        v = calloc(1, sizeof(*v));
        if (!v)
                return -ENOMEM;
        v->setup = *setup;
        v->bus = sd_bus_ref(bus);
        v->event = sd_event_ref(event);

        r = authority_new(&v->authority, bus);
        if (r >= 0)
                r = record_new(&v->record, setup->demo);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, &v->object, VERIFIER_PATH, VERIFIER_INTERFACE, verifier_vtable, v);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, &v->sessions, SESSION_PATH, SESSION_INTERFACE, session_vtable,
                                find_session, v);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(v);
        return 0;
}

Verifier *verifier_free(Verifier *v) {
        if (!v)
                return NULL;

        v->stopping = false;
        verifier_forget_session(v);
        sd_bus_slot_unref(v->sessions);
        sd_bus_slot_unref(v->object);
        authority_free(v->authority);
        record_free(v->record);
        sd_event_unref(v->event);
        sd_bus_unref(v->bus);
        free(v);
        return NULL;
}

void verifier_stop(Verifier *v) {
        v->stopping = true;
        if (v->session && !v->session_closed)
                session_end(v->session, CAUSE_INTERRUPTED);
        else
                (void) sd_event_exit(v->event, 0);
}
