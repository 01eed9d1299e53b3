/* SPDX-License-Identifier: Apache-2.0 */

#include "clock.h"
#include "control-group.h"
#include "errors.h"
#include "log.h"
#include "verifier-private.h"

#include <errno.h>

void verifier_rest(Verifier *v) {
        reload_release(v->setup.reload);
        if (v->sleep)
                sleep_release(v->sleep);
        if (v->stopping)
                (void) sd_event_exit(v->event, 0);
}

static void verifier_forget_session(Verifier *v) {
        v->session = session_free(v->session);
        v->audience = audience_free(v->audience);
        verifier_forget_cameras(v);
        verifier_rest(v);
}

static void on_sleep(Sleep *s, void *userdata) {
        Verifier *v = userdata;

        if (v->listing)
                verifier_end_listing(v, CAUSE_SUSPENDED);
        else if (!v->session)
                sleep_release(s);
        else if (v->audience)
                session_end(v->session, CAUSE_SUSPENDED);
}

static void on_session_prompt(
                Session *s, Prompt prompt, uint32_t progress, uint64_t remaining_usec, void *userdata) {

        Verifier *v = userdata;

        audience_prompt(v->audience, prompt, progress, remaining_usec);
}

static void on_session_closed(Session *s, const SessionResult *result, void *userdata) {
        Verifier *v = userdata;

        verifier_learn(v, result);
        audience_finish(v->audience, result);
        v->audience = audience_free(v->audience);
        if (!session_is_stuck(s))
                verifier_forget_session(v);
        else if (v->stopping)
                (void) sd_event_exit(v->event, 0);
}

static void on_session_unstuck(Session *s, void *userdata) {
        log_message(LOG_NOTICE, MESSAGE_EXAMINER_GONE, "the stuck examiner is gone; checks are possible again");
        verifier_forget_session(userdata);
}

static const SessionHandlers session_handlers = {
        .prompt = on_session_prompt,
        .closed = on_session_closed,
        .unstuck = on_session_unstuck,
};

void verifier_audience_left(Audience *a, void *userdata) {
        Verifier *v = userdata;

        if (v->session && a == v->audience)
                session_end(v->session, CAUSE_CALLER_GONE);
}

int verifier_check_able(const Verifier *v, sd_bus_error *error) {
        if (v->stopping)
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_INTERRUPTED));
        if (!signing_record(v->setup.signing))
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, signing_problem(v->setup.signing));
        return 0;
}

int verifier_check_idle(const Verifier *v, sd_bus_error *error) {
        if ((v->session && !v->audience) || verifier_listing_is_stuck(v))
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_EXAMINER_STUCK));
        if (v->listing)
                return sd_bus_error_set(error, LIKENESS_ERROR_BUSY,
                                "The terminal's cameras are being looked at; try again in a moment.");
        if (v->session || v->rotation)
                return sd_bus_error_set(error, LIKENESS_ERROR_BUSY,
                                "Another check is under way on this terminal; try again when it has ended.");
        return 0;
}

static int check_awake(const Verifier *v, sd_bus_error *error) {
        return sleep_is_near(v->sleep) ?
                        sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_SUSPENDED)) : 0;
}

/* Also of a check of an earlier start of the service, whose examiner has left something behind. */
static int check_nothing_left(const Verifier *v, sd_bus_error *error) {
        const char *const groups[] = { v->setup.examiner.group, v->setup.decoder.group };

        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                if (groups[i] && control_group_populated(groups[i]) > 0) {
                        log_warning("%s: has processes before a check has begun; none can start until they are gone",
                                        groups[i]);
                        return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE,
                                        cause_message(CAUSE_EXAMINER_STUCK));
                }
        return 0;
}

int verifier_check_can_examine(const Verifier *v, sd_bus_error *error) {
        int r;

        if (v->stopping)
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_INTERRUPTED));
        r = check_awake(v, error);
        if (r >= 0)
                r = verifier_check_idle(v, error);
        if (r >= 0)
                r = check_nothing_left(v, error);
        return r;
}

static int new_session(Verifier *v, Request **request, const Call *call, sd_bus_error *error) {
        uint64_t authorised_usec = now_monotonic_usec();
        int r;

        r = verifier_choose_cameras(v, call->message, error);
        if (r < 0)
                return r;
        r = audience_new(&v->audience, v->bus, verifier_audience_left, v);
        if (r < 0)
                return r;
        r = verifier_add_to_audience(v->audience, call);
        if (r < 0)
                return r;

        const SessionSetup setup = {
                .event = v->event,
                .configuration = v->setup.configuration,
                .manifest = v->setup.manifest,
                .policy = v->setup.policy,
                .record = signing_record(v->setup.signing),
                .examiner = v->setup.examiner,
                .decoder = v->setup.decoder,
                .cameras = verifier_cameras(v)->all,
                .n_cameras = verifier_cameras(v)->n,
                .watch = v->cameras,
                .demo = v->setup.demo,
        };
        reload_hold(v->setup.reload);
        r = session_new(&v->session, &setup, *request, call->uid, &session_handlers, v);
        if (r < 0)
                return r;
        (void) TAKE_PTR(*request);

        session_set_times(v->session, call->called_usec, authorised_usec);
        r = session_start(v->session);
        if (r < 0)
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_RECORD));
        return 0;
}

static int begin_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error);
static int verify_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error);

/* Begin() or Verify(), authorised. */
static int check_authorised(Verifier *v, sd_bus_message *m, uint64_t called_usec, bool begin, sd_bus_error *error) {
        _cleanup_(request_freep) Request *request = NULL;
        Call call = { .message = m, .called_usec = called_usec, .begin = begin };
        int r;

        r = verifier_check_able(v, error);
        if (r < 0)
                return r;
        /* before the message is read, which can be done once: the picture is taken out of it */
        if (v->listing && !verifier_listing_is_stuck(v))
                return verifier_wait(v, m, called_usec, begin ? begin_authorised : verify_authorised, error);
        r = request_read(m, v->setup.configuration, &request, error);
        if (r < 0)
                return r;
        r = verifier_sender_uid(m, &call.uid);
        if (r < 0)
                return r;

        call.nonce = request->nonce;
        call.reference = &request->reference;
        r = verifier_answer_again(v, &call, error);
        if (r != 0)
                return r;
        r = check_awake(v, error);
        if (r < 0)
                return r;
        r = verifier_check_idle(v, error);
        if (r < 0)
                return r;

        r = verifier_check_attempts(v, request, &call, error);
        if (r != 0)
                return r;

        r = check_nothing_left(v, error);
        if (r < 0)
                return r;
        r = new_session(v, &request, &call, error);
        if (r < 0) {
                verifier_forget_session(v);
                return r;
        }
        return verifier_reply_first(v->audience, &call);
}

static int begin_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        return check_authorised(userdata, m, called_usec, /* begin= */ true, error);
}

static int verify_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        return check_authorised(userdata, m, called_usec, /* begin= */ false, error);
}

static int result_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        Call call = { .message = m, .called_usec = called_usec };
        Verifier *v = userdata;
        int r;

        r = verifier_check_able(v, error);
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "s", &call.nonce);
        if (r < 0)
                return r;
        r = verifier_sender_uid(m, &call.uid);
        if (r < 0)
                return r;

        r = verifier_answer_again(v, &call, error);
        if (r == 0)
                return sd_bus_error_set(error, LIKENESS_ERROR_BAD_REQUEST, "nonce: no check was asked for with it");
        return r;
}

static int method_begin(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_VERIFY, begin_authorised, v);
}

static int method_verify(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_VERIFY, verify_authorised, v);
}

static int method_get_result(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_VERIFY, result_authorised, v);
}

/* A session's object is there for those who asked for it only; for everybody else there is no such object. */
static int find_session(
                sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {

        sd_bus_message *m = sd_bus_get_current_message(bus);
        Verifier *v = userdata;
        const char *sender;

        if (!m || !v->session || !v->audience || !streq(path, audience_path(v->audience)))
                return 0;
        sender = sd_bus_message_get_sender(m);
        if (!sender || !audience_includes(v->audience, sender))
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

static const sd_bus_vtable verifier_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Begin", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", session), method_begin,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Verify", SD_BUS_ARGS("a{sv}", request),
                        SD_BUS_RESULT("s", verdict, "a{sv}", result), method_verify, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetResult", SD_BUS_ARGS("s", nonce), SD_BUS_RESULT("s", verdict, "a{sv}", result),
                        method_get_result, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Decline", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("a{sv}", result),
                        verifier_method_decline, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListCameras", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", cameras),
                        verifier_method_list_cameras, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Checkpoint", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", checkpoint),
                        verifier_method_checkpoint, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ExportLedger", SD_BUS_ARGS("t", from, "h", to), SD_BUS_NO_RESULT,
                        verifier_method_export_ledger, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RotateKey", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", key_id),
                        verifier_method_rotate_key, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReloadConfiguration", SD_BUS_NO_ARGS, SD_BUS_RESULT("b", effective),
                        verifier_method_reload_configuration, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", verifier_get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Terminal", "s", verifier_get_property, 0, 0),
        SD_BUS_PROPERTY("Mode", "s", verifier_get_property, 0, 0),
        SD_BUS_PROPERTY("Documents", "as", verifier_get_property, 0, 0),
        SD_BUS_PROPERTY("PublicKey", "s", verifier_get_property, 0, 0),
        SD_BUS_PROPERTY("KeyProtection", "s", verifier_get_property, 0, 0),
        SD_BUS_PROPERTY("Models", "a{ss}", verifier_get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        /* never broadcast: a change would tell everybody about a customer */
        SD_BUS_PROPERTY("State", "s", verifier_get_property, 0, 0),
        SD_BUS_PROPERTY("Problems", "as", verifier_get_property, 0, 0),
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
                r = sleep_new(&v->sleep, bus, on_sleep, v);
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
        verifier_forget_waiting(v);
        verifier_forget_listing(v);
        verifier_forget_session(v);
        sd_bus_message_unref(v->rotation);
        sd_bus_slot_unref(v->sessions);
        sd_bus_slot_unref(v->object);
        sleep_free(v->sleep);
        authority_free(v->authority);
        sd_event_unref(v->event);
        sd_bus_unref(v->bus);
        free(v);
        return NULL;
}

void verifier_stop(Verifier *v) {
        v->stopping = true;
        if (v->session && v->audience)
                session_end(v->session, CAUSE_INTERRUPTED);
        else if (v->listing && !verifier_listing_is_stuck(v))
                verifier_end_listing(v, CAUSE_INTERRUPTED);
        else
                (void) sd_event_exit(v->event, 0);
}
