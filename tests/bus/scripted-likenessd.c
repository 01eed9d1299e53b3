/* SPDX-License-Identifier: Apache-2.0 */

/* A service that stands in for likenessd to test its clients: what it does is the request's `transaction`. It takes
 * the daemon's command line and ignores it. */

#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define INTERFACE "org.likeness.Verifier1.Session"
#define SESSION "/org/likeness/Verifier1/session/1"
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

typedef struct Service {
        sd_bus *bus;
        char caller[64];
        char script[32];
        char received[16][160];        /* the request, as "key=value" */
        size_t n_received;
} Service;

#define CHECK(expression)                                                                         \
        do {                                                                                      \
                int _r = (expression);                                                            \
                if (_r < 0) {                                                                     \
                        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, strerror(-_r));        \
                        exit(1);                                                                  \
                }                                                                                 \
        } while (0)

static void send_from(sd_bus *bus, const Service *s, sd_bus_message *m) {
        CHECK(sd_bus_message_set_destination(m, s->caller));
        CHECK(sd_bus_send(bus, m, NULL));
        sd_bus_message_unref(m);
}

static void send_prompt(Service *s, const char *code, const char *text, uint32_t progress) {
        sd_bus_message *m;

        CHECK(sd_bus_message_new_signal(s->bus, &m, SESSION, INTERFACE, "Prompt"));
        CHECK(sd_bus_message_append(m, "ssa{sv}", code, text, 1, "progress", "u", progress));
        send_from(s->bus, s, m);
}

static void append_strings(sd_bus_message *m, const char *key, char **strings) {
        CHECK(sd_bus_message_open_container(m, 'e', "sv"));
        CHECK(sd_bus_message_append(m, "s", key));
        CHECK(sd_bus_message_open_container(m, 'v', "as"));
        CHECK(sd_bus_message_append_strv(m, strings));
        CHECK(sd_bus_message_close_container(m));
        CHECK(sd_bus_message_close_container(m));
}

static void send_verdict(sd_bus *bus, Service *s, const char *verdict, const char *reason) {
        char *reasons[] = { (char *) reason, NULL };
        sd_bus_message *m;

        CHECK(sd_bus_message_new_signal(bus, &m, SESSION, INTERFACE, "Finished"));
        CHECK(sd_bus_message_append(m, "s", verdict));
        CHECK(sd_bus_message_open_container(m, 'a', "{sv}"));
        append_strings(m, "reasons", reasons);
        CHECK(sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "receipt", "s", "", "binding", "b", 0, "duration", "t",
                        UINT64_C(800000), "support-code", "s", "TEST-0001"));
        CHECK(sd_bus_message_close_container(m));
        send_from(bus, s, m);
}

static void send_error(Service *s, const char *name, const char *message) {
        sd_bus_message *m;

        CHECK(sd_bus_message_new_signal(s->bus, &m, SESSION, INTERFACE, "Finished"));
        CHECK(sd_bus_message_append(m, "sa{sv}", "", 2, "error", "s", name, "message", "s", message));
        send_from(s->bus, s, m);
}

/* What a later version might add: known types are shown, others skipped. */
static void send_future(Service *s) {
        sd_bus_message *m;

        CHECK(sd_bus_message_new_signal(s->bus, &m, SESSION, INTERFACE, "Finished"));
        CHECK(sd_bus_message_append(m, "s", "postponed"));
        CHECK(sd_bus_message_append(m, "a{sv}", 8, "reasons", "as", 2, "too-dark", "moon-phase", "attempt", "u", 4000000000U,
                        "delta", "i", -5, "big", "t", UINT64_MAX, "ratio", "d", 0.5, "preview", "h", 0, "box", "(ii)", 1,
                        2, "support-code", "s", "\033[2JX"));
        send_from(s->bus, s, m);
}

static void send_received(Service *s) {
        char *entries[ELEMENTSOF(s->received) + 1] = {};
        sd_bus_message *m;

        for (size_t i = 0; i < s->n_received; i++)
                entries[i] = s->received[i];

        CHECK(sd_bus_message_new_signal(s->bus, &m, SESSION, INTERFACE, "Finished"));
        CHECK(sd_bus_message_append(m, "s", "inconclusive"));
        CHECK(sd_bus_message_open_container(m, 'a', "{sv}"));
        append_strings(m, "received", entries);
        CHECK(sd_bus_message_close_container(m));
        send_from(s->bus, s, m);
}

/* Somebody else on the bus who claims to be the session. */
static void send_forgery(Service *s) {
        sd_bus *other;

        CHECK(sd_bus_open_system(&other));
        send_verdict(other, s, "match", NULL);
        sd_bus_flush_close_unref(other);
}

static void run_script(Service *s) {
        const char *script = s->script;

        if (streq(script, "die"))
                _exit(0);
        if (streq(script, "forged"))
                send_forgery(s);
        if (!streq(script, "future") && !streq(script, "receive"))
                send_prompt(s, "look-at-camera", "Please look at the \033[2Jcamera.", 0);

        if (streq(script, "match") || streq(script, "no-match") || streq(script, "forged")) {
                send_prompt(s, "look-at-camera", "Please look at the \033[2Jcamera.", 400);
                send_prompt(s, "checking", "Thank you. Just a moment.", 1000);
                send_verdict(s->bus, s, streq(script, "match") ? "match" : "no-match", NULL);
        } else if (streq(script, "unusable")) {
                send_verdict(s->bus, s, "reference-unusable", "portrait-none");
        } else if (streq(script, "lost")) {
                send_error(s, "org.likeness.Verifier1.Error.CameraLost", "The camera went away.");
        } else if (streq(script, "future")) {
                send_future(s);
        } else if (streq(script, "receive")) {
                send_received(s);
        }
        /* "wait" and "deaf" say nothing more */
}

static int read_value(Service *s, sd_bus_message *m, const char *key, char *entry, size_t size) {
        const char *contents, *text;
        char type;
        int fd;

        CHECK(sd_bus_message_peek_type(m, &type, &contents));
        if (streq(contents, "h")) {
                struct stat st;

                CHECK(sd_bus_message_read(m, "v", "h", &fd));
                CHECK(fstat(fd, &st));
                (void) snprintf(entry, size, "%s=%lld bytes, %s", key, (long long) st.st_size,
                                (fcntl(fd, F_GET_SEALS) & ALL_SEALS) == ALL_SEALS ? "sealed" : "not sealed");
                return 0;
        }

        CHECK(sd_bus_message_read(m, "v", "s", &text));
        (void) snprintf(entry, size, "%s=%s", key, text);
        if (streq(key, "transaction"))
                (void) snprintf(s->script, sizeof(s->script), "%s", text);
        return 0;
}

static void read_request(Service *s, sd_bus_message *m) {
        const char *key;

        s->script[0] = '\0';
        s->n_received = 0;
        (void) snprintf(s->caller, sizeof(s->caller), "%s", sd_bus_message_get_sender(m));

        CHECK(sd_bus_message_enter_container(m, 'a', "{sv}"));
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0 && s->n_received < ELEMENTSOF(s->received)) {
                CHECK(sd_bus_message_read(m, "s", &key));
                (void) read_value(s, m, key, s->received[s->n_received], sizeof(s->received[0]));
                s->n_received++;
                CHECK(sd_bus_message_exit_container(m));
        }
}

/* The whole check in one call: the verdict is "match" if the reference came sealed. */
static int method_verify(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Service *s = userdata;

        read_request(s, m);
        for (size_t i = 0; i < s->n_received; i++)
                if (strncmp(s->received[i], "reference=", 10) == 0 && strstr(s->received[i], ", sealed"))
                        return sd_bus_reply_method_return(m, "sa{sv}", "match", 1, "reasons", "as", 0);

        return sd_bus_error_set(error, "org.likeness.Verifier1.Error.BadReference", "reference: must be sealed");
}

static int method_begin(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Service *s = userdata;

        read_request(s, m);
        if (streq(s->script, "die-early"))
                _exit(0);
        if (streq(s->script, "busy"))
                return sd_bus_error_set(error, "org.likeness.Verifier1.Error.Busy", "A verification is running.");
        if (streq(s->script, "denied"))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Not authorised.");
        if (streq(s->script, "silent"))
                return 1;

        CHECK(sd_bus_reply_method_return(m, "o", SESSION));
        run_script(s);
        return 1;
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Service *s = userdata;

        if (!streq(s->script, "deaf"))
                send_error(s, "org.likeness.Verifier1.Error.Cancelled", "The check was cancelled.");
        return sd_bus_reply_method_return(m, NULL);
}

static int get_version(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        return sd_bus_message_append(reply, "s", "0.0-scripted");
}

static int get_models(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        return sd_bus_message_append(reply, "a{ss}", 1, "detector", "00ff");
}

static const sd_bus_vtable verifier_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Begin", "a{sv}", "o", method_begin, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Verify", "a{sv}", "sa{sv}", method_verify, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, 0),
        SD_BUS_PROPERTY("Models", "a{ss}", get_models, 0, 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable session_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Cancel", NULL, NULL, method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int main(void) {
        static Service service;
        sd_event *event;

        CHECK(sd_event_new(&event));
        CHECK(sd_bus_open_system(&service.bus));
        CHECK(sd_bus_attach_event(service.bus, event, 0));
        CHECK(sd_bus_add_object_vtable(service.bus, NULL, "/org/likeness/Verifier1", "org.likeness.Verifier1",
                        verifier_vtable, &service));
        CHECK(sd_bus_add_object_vtable(service.bus, NULL, SESSION, INTERFACE, session_vtable, &service));
        CHECK(sd_bus_request_name(service.bus, "org.likeness.Verifier1", 0));
        CHECK(sd_event_loop(event));
        return 0;
}
