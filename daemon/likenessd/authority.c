/* SPDX-License-Identifier: Apache-2.0 */

#include "authority.h"
#include "clock.h"
#include "log.h"

#include <errno.h>

/* A person may have to type a password; a machine answers at once. */
#define INTERACTIVE_USEC (UINT64_C(120) * USEC_PER_SEC)
#define TIMEOUT_USEC (UINT64_C(5) * USEC_PER_SEC)
#define INTERACTIVE_FLAG 1U
/* Checks under way at once: more means that somebody floods the service. */
#define CHECKS_MAX 64U

typedef struct Check Check;

struct Check {
        Authority *authority;
        Check *next, **link;           /* *link points to this check */
        sd_bus_message *message;
        sd_bus_slot *slot;
        uint64_t called_usec;
        AuthorityHandler handler;
        void *userdata;
};

struct Authority {
        sd_bus *bus;
        Check *checks;
        unsigned n_checks;
};

static Check *check_free(Check *c) {
        if (!c)
                return NULL;

        if (c->link) {
                *c->link = c->next;
                if (c->next)
                        c->next->link = c->link;
                c->authority->n_checks--;
        }
        sd_bus_slot_unref(c->slot);
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
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}

/* 1 if polkit said yes, else 0 with `error` set. */
static int read_answer(sd_bus_message *reply, sd_bus_error *error) {
        int authorized, challenge, r;

        if (sd_bus_message_is_method_error(reply, NULL)) {
                log_warning("polkit did not decide, so it is no: %s", sd_bus_message_get_error(reply)->name);
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                "Permission denied: polkit could not be asked");
        }

        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
        if (r < 0) {
                log_warning_errno(r, "polkit's answer cannot be read, so it is no: %m");
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Permission denied");
        }

        if (authorized)
                return 1;
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                        challenge ? "Permission denied: an administrator's password is needed" : "Permission denied");
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *unused) {
        _cleanup_(check_freep) Check *c = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = read_answer(reply, &error);
        if (r > 0)
                r = c->handler(c->message, c->called_usec, c->userdata, &error);
        if (sd_bus_error_is_set(&error))
                r = sd_bus_reply_method_error(c->message, &error);
        else if (r < 0)
                r = sd_bus_reply_method_errno(c->message, r, NULL);
        if (r < 0)
                log_error_errno(r, "a caller cannot be answered: %m");

        return 1;
}

static int check_ask(Check *c, const char *action) {
        sd_bus_message *m = NULL;
        const char *sender;
        int interactive, r;

        sender = sd_bus_message_get_sender(c->message);
        if (!sender)
                return -EBADMSG;
        interactive = sd_bus_message_get_allow_interactive_authorization(c->message);
        if (interactive < 0)
                return interactive;

        r = sd_bus_message_new_method_call(c->authority->bus, &m, "org.freedesktop.PolicyKit1",
                        "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                        "CheckAuthorization");
        if (r < 0)
                return r;

        r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", sender, action, 0,
                        interactive ? INTERACTIVE_FLAG : 0, "");
        if (r >= 0)
                r = sd_bus_call_async(c->authority->bus, &c->slot, m, on_answer, c,
                                interactive ? INTERACTIVE_USEC : TIMEOUT_USEC);
        sd_bus_message_unref(m);
        return r;
}

int authority_check(Authority *a, sd_bus_message *m, const char *action, AuthorityHandler handler, void *userdata) {
        _cleanup_(check_freep) Check *c = NULL;
        int r;

        if (a->n_checks >= CHECKS_MAX)
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                "Too many calls wait for authorization");

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->authority = a;
        c->message = sd_bus_message_ref(m);
        c->called_usec = now_monotonic_usec();
        c->handler = handler;
        c->userdata = userdata;

        r = check_ask(c, action);
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
