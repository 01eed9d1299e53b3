/* SPDX-License-Identifier: Apache-2.0 */

#include "sleep.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_INTERFACE "org.freedesktop.login1.Manager"

struct Sleep {
        sd_bus *bus;
        SleepHandler handler;
        void *userdata;
        sd_bus_slot *prepare, *owner, *call;
        int lock;                      /* while it is open logind waits; -1 */
        bool near;
        bool complained;
};

static void sleep_complain(Sleep *s, const char *what) {
        if (!s->complained)
                log_notice("the machine's sleep cannot be delayed for the end of a check: %s", what);
        s->complained = true;
}

static int on_lock(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Sleep *s = userdata;
        int fd, r;

        s->call = sd_bus_slot_unref(s->call);
        if (sd_bus_message_is_method_error(m, NULL)) {
                sleep_complain(s, sd_bus_message_get_error(m)->name);
                return 1;
        }

        /* the message owns the descriptor that came with it */
        r = sd_bus_message_read(m, "h", &fd);
        if (r >= 0) {
                fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                r = fd < 0 ? -errno : 0;
        }
        if (r < 0)
                sleep_complain(s, strerror(-r));
        else {
                safe_close(s->lock);
                s->lock = fd;
        }
        return 1;
}

static void sleep_take(Sleep *s) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        s->call = sd_bus_slot_unref(s->call);
        r = sd_bus_message_new_method_call(s->bus, &m, LOGIND_NAME, LOGIND_PATH, LOGIND_INTERFACE, "Inhibit");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "ssss", "sleep", "likenessd",
                                "No picture may be in memory when the machine goes to sleep", "delay");
        if (r >= 0)
                r = sd_bus_call_async(s->bus, &s->call, m, on_lock, s, 0);
        if (r < 0)
                sleep_complain(s, strerror(-r));
}

static int on_prepare(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Sleep *s = userdata;
        int begins;

        if (sd_bus_message_read(m, "b", &begins) < 0)
                return 0;
        if (!begins) {
                s->near = false;
                sleep_take(s);
                return 0;
        }

        /* a lock that comes later delays nothing: nobody waits for its reply, and sd-bus closes it */
        s->call = sd_bus_slot_unref(s->call);
        s->near = true;
        s->handler(s, s->userdata);
        return 0;
}

/* logind has gone, and with it the word that the machine is awake again; or it has come, and may not know our lock. */
static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *before, *now;
        Sleep *s = userdata;

        if (sd_bus_message_read(m, "sss", &name, &before, &now) < 0)
                return 0;
        s->near = false;
        if (!isempty(now))
                sleep_take(s);
        return 0;
}

int sleep_new(Sleep **ret, sd_bus *bus, SleepHandler handler, void *userdata) {
        _cleanup_(sleep_freep) Sleep *s = NULL;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Sleep) { .bus = sd_bus_ref(bus), .handler = handler, .userdata = userdata, .lock = -1 };

        r = sd_bus_match_signal_async(bus, &s->prepare, LOGIND_NAME, LOGIND_PATH, LOGIND_INTERFACE, "PrepareForSleep",
                        on_prepare, NULL, s);
        if (r >= 0)
                r = sd_bus_add_match_async(bus, &s->owner,
                                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" LOGIND_NAME "'",
                                on_owner_changed, NULL, s);
        if (r < 0)
                return r;

        sleep_take(s);
        *ret = TAKE_PTR(s);
        return 0;
}

Sleep *sleep_free(Sleep *s) {
        if (!s)
                return NULL;

        sd_bus_slot_unref(s->call);
        sd_bus_slot_unref(s->owner);
        sd_bus_slot_unref(s->prepare);
        sd_bus_unref(s->bus);
        safe_close(s->lock);
        free(s);
        return NULL;
}

bool sleep_is_near(const Sleep *s) {
        return s->near;
}

void sleep_release(Sleep *s) {
        if (s->near)
                s->lock = safe_close(s->lock);
}
