/* SPDX-License-Identifier: Apache-2.0 */

#include "authority.h"
#include "clock.h"
#include "log.h"
#include "no-memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A machine answers at once; a person may have to type a password. The first is what a caller may have to wait for a
 * polkit that does not answer, so it stays below the 5 s that are promised. */
#define TIMEOUT_USEC (UINT64_C(4) * USEC_PER_SEC)
#define INTERACTIVE_USEC (UINT64_C(120) * USEC_PER_SEC)
#define INTERACTIVE_FLAG 1U
/* Checks under way at once: more means that somebody floods the service. One user, over however many connections, gets
 * only a part of them, so that he keeps nobody else out. */
#define CHECKS_MAX 64U
#define CHECKS_OF_USER_MAX 16U
#define FLOOD_SAID_USEC (UINT64_C(60) * USEC_PER_SEC) /* how often it is said */

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

typedef struct Check Check;

struct Check {
        Authority *authority;
        Check *next, **link;           /* *link points to this check */
        sd_bus_message *message;
        const char *action;
        uid_t uid;
        sd_bus_track *caller;
        bool interactive;              /* the caller's message allows that a person is asked */
        bool asks_person;
        uint64_t id;                   /* of the question that polkit has not answered; 0: none */
        sd_bus_slot *slot;
        uint64_t called_usec;
        AuthorityHandler handler;
        void *userdata;
};

struct Authority {
        sd_bus *bus;
        Check *checks;
        unsigned n_checks;
        uint64_t last_id;
        bool polkit_missing;           /* it did not answer last time, or not in its form */
        sd_bus_slot *again;            /* whether it does by now; NULL: it is not being asked */
        uint64_t again_usec;           /* asked last; 0: never */
        uint64_t flood_said_usec;      /* 0: never */
};

static int new_question(Authority *a, const char *member, sd_bus_message **ret) {
        return sd_bus_message_new_method_call(a->bus, ret, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, member);
}

static void format_id(const Check *c, char ret[static 32]) {
        (void) snprintf(ret, 32, "likenessd-%" PRIu64, c->id);
}

/* Nobody waits for the answer any more: the dialog that asks for a password goes away, too. */
static int check_cancel(Check *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char id[32];
        int r;

        if (c->id == 0)
                return 0;

        format_id(c, id);
        c->id = 0;
        r = new_question(c->authority, "CancelCheckAuthorization", &m);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", id);
        return r < 0 ? r : sd_bus_send(c->authority->bus, m, NULL);
}

static Check *check_free(Check *c) {
        int r;

        if (!c)
                return NULL;

        if (c->link) {
                *c->link = c->next;
                if (c->next)
                        c->next->link = c->link;
                c->authority->n_checks--;
        }
        r = check_cancel(c);
        if (r < 0)
                log_warning_errno(r, "polkit cannot be told that nobody waits any more: %m");
        sd_bus_slot_unref(c->slot);
        sd_bus_track_unref(c->caller);
        sd_bus_message_unref(c->message);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Check *, check_free);

int authority_new(Authority **ret, sd_bus *bus) {
        Authority *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;

        a->bus = sd_bus_ref(bus);
        *ret = a;
        return 0;
}

Authority *authority_free(Authority *a) {
        if (!a)
                return NULL;

        while (a->checks)
                check_free(a->checks);
        sd_bus_slot_unref(a->again);
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}

static int denied(sd_bus_error *error, const char *why) {
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, why);
}

/* Said once, until polkit answers again. */
static _printf_(2, 3) void polkit_failed(Authority *a, const char *format, ...) {
        char why[256];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(why, sizeof(why), format, arguments);
        va_end(arguments);
        if (!a->polkit_missing)
                log_message(LOG_ERR, MESSAGE_POLKIT_MISSING, "polkit does not decide, so every call is denied: %s",
                            why);
        a->polkit_missing = true;
}

/* 1 if polkit said yes, else 0 or what `error` was set to. `ret_challenge`: a password would help. */
static int read_answer(Authority *a, sd_bus_message *reply, bool *ret_challenge, sd_bus_error *error) {
        int authorized, challenge, r;

        *ret_challenge = false;
        if (sd_bus_message_is_method_error(reply, NULL)) {
                polkit_failed(a, "it answers %s", sd_bus_message_get_error(reply)->name);
                return denied(error, "Permission denied: polkit could not be asked");
        }
        if (!sd_bus_message_has_signature(reply, "(bba{ss})")) {
                polkit_failed(a, "its answer has another form");
                return denied(error, "Permission denied: polkit could not be asked");
        }

        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
        if (r < 0) {
                polkit_failed(a, "its answer cannot be read: %s", strerror(-r));
                return denied(error, "Permission denied: polkit could not be asked");
        }

        if (a->polkit_missing)
                log_message(LOG_NOTICE, MESSAGE_PROBLEM_OVER, "polkit decides again");
        a->polkit_missing = false;
        if (authorized)
                return 1;
        *ret_challenge = challenge;
        return denied(error, challenge ? "Permission denied: an administrator's password is needed" :
                                         "Permission denied");
}

void authority_answer(sd_bus_message *m, int r, const sd_bus_error *error) {
        if (sd_bus_error_is_set(error))
                r = sd_bus_reply_method_error(m, error);
        else if (r < 0)
                r = sd_bus_reply_method_errno(m, r, NULL);
        if (r < 0)
                log_warning_errno(r, "a caller cannot be answered: %m");
        end_without_memory(sd_bus_get_event(sd_bus_message_get_bus(m)), r);
}

static int check_ask(Check *c, bool person);

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *unused) {
        _cleanup_(check_freep) Check *c = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool challenge;
        int r;

        /* when the time is over the question is still there */
        if (!sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY))
                c->id = 0;

        r = read_answer(c->authority, reply, &challenge, &error);
        if (challenge && c->interactive && !c->asks_person) {
                sd_bus_error_free(&error);
                r = check_ask(c, /* person= */ true);
                if (r >= 0) {
                        (void) TAKE_PTR(c);
                        return 1;
                }
        } else if (r > 0)
                r = c->handler(c->message, c->called_usec, c->userdata, &error);

        authority_answer(c->message, r, &error);
        return 1;
}

static int append_question(sd_bus_message *m, const char *name, const char *action, uint32_t flags, const char *id) {
        return sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", name, action, 0, flags, id);
}

static int on_answer_again(sd_bus_message *reply, void *userdata, sd_bus_error *unused) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Authority *a = userdata;
        bool challenge;

        (void) read_answer(a, reply, &challenge, &error);
        a->again = sd_bus_slot_unref(a->again);
        return 1;
}

/* Something that anybody may ask of himself. */
static int ask_again(Authority *a) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *self;
        int r;

        r = sd_bus_get_unique_name(a->bus, &self);
        if (r >= 0)
                r = new_question(a, "CheckAuthorization", &m);
        if (r >= 0)
                r = append_question(m, self, ACTION_DECLINE, 0, "");
        return r < 0 ? r : sd_bus_call_async(a->bus, &a->again, m, on_answer_again, a, TIMEOUT_USEC);
}

bool authority_polkit_missing(Authority *a) {
        uint64_t now = now_monotonic_usec();
        int r;

        if (a->polkit_missing && !a->again && (a->again_usec == 0 || now - a->again_usec >= USEC_PER_SEC)) {
                a->again_usec = now;
                r = ask_again(a);
                if (r < 0)
                        log_warning_errno(r, "polkit cannot be asked anew: %m");
        }
        return a->polkit_missing;
}

/* Asks polkit, with an identifier by which the question can be taken back. The first time no person is asked, also
 * where the caller allows it: whether polkit is there at all is known soon, and only then somebody gets time to type. */
static int check_ask(Check *c, bool person) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Authority *a = c->authority;
        char id[32];
        int r;

        c->slot = sd_bus_slot_unref(c->slot);
        c->asks_person = person;
        r = new_question(a, "CheckAuthorization", &m);
        if (r < 0)
                return r;

        c->id = ++a->last_id;
        format_id(c, id);
        r = append_question(m, sd_bus_message_get_sender(c->message), c->action, person ? INTERACTIVE_FLAG : 0, id);
        if (r >= 0)
                r = sd_bus_call_async(a->bus, &c->slot, m, on_answer, c, person ? INTERACTIVE_USEC : TIMEOUT_USEC);
        if (r < 0)
                c->id = 0;
        return r;
}

/* The caller left the bus while polkit was asked. */
static int on_caller_left(sd_bus_track *track, void *userdata) {
        check_free(userdata);
        return 0;
}

static int check_new(Check **ret, Authority *a, sd_bus_message *m, uid_t uid, const char *action) {
        _cleanup_(check_freep) Check *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->authority = a;
        c->message = sd_bus_message_ref(m);
        c->uid = uid;
        c->action = action;
        c->called_usec = now_monotonic_usec();

        r = sd_bus_message_get_allow_interactive_authorization(m);
        if (r < 0)
                return r;
        c->interactive = r > 0;

        r = sd_bus_track_new(a->bus, &c->caller, on_caller_left, c);
        if (r >= 0)
                r = sd_bus_track_add_name(c->caller, sd_bus_message_get_sender(m));
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

static int get_uid(sd_bus_message *m, uid_t *ret) {
        sd_bus_creds *creds = NULL;
        int r;

        if (!sd_bus_message_get_sender(m))
                return -EBADMSG;
        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret);
        sd_bus_creds_unref(creds);
        return r;
}

static unsigned checks_of(const Authority *a, uid_t uid) {
        unsigned n = 0;

        for (const Check *c = a->checks; c; c = c->next)
                n += c->uid == uid;
        return n;
}

/* Whoever floods the service does not flood the journal. */
static void say_flood(Authority *a, uid_t uid) {
        uint64_t now = now_monotonic_usec();

        if (a->flood_said_usec != 0 && now - a->flood_said_usec < FLOOD_SAID_USEC)
                return;
        a->flood_said_usec = now;
        if (checks_of(a, uid) < CHECKS_OF_USER_MAX)
                log_message(LOG_WARNING, MESSAGE_CALLS_REFUSED,
                            "calls are refused: too many wait for polkit at once, %u of them of uid %u",
                            checks_of(a, uid), uid);
        else
                log_message(LOG_WARNING, MESSAGE_CALLS_REFUSED,
                            "calls are refused: too many of uid %u wait for polkit at once", uid);
}

static int check_begin(Authority *a, sd_bus_message *m, const char *action, AuthorityHandler handler, void *userdata) {
        _cleanup_(check_freep) Check *c = NULL;
        uid_t uid;
        int r;

        r = get_uid(m, &uid);
        if (r < 0)
                return r;
        if (checks_of(a, uid) >= CHECKS_OF_USER_MAX || a->n_checks >= CHECKS_MAX) {
                say_flood(a, uid);
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                "Too many calls wait for authorization");
        }

        r = check_new(&c, a, m, uid, action);
        if (r < 0)
                return r;
        c->handler = handler;
        c->userdata = userdata;
        r = check_ask(c, /* person= */ false);
        if (r < 0)
                return r;

        c->next = a->checks;
        c->link = &a->checks;
        if (c->next)
                c->next->link = &c->next;
        a->checks = c;
        a->n_checks++;
        (void) TAKE_PTR(c);
        return 1;
}

int authority_check(Authority *a, sd_bus_message *m, const char *action, AuthorityHandler handler, void *userdata) {
        int r;

        r = check_begin(a, m, action, handler, userdata);
        /* sd-bus answers with an error, but says nothing if there is no memory for that either */
        end_without_memory(sd_bus_get_event(a->bus), r);
        return r;
}
