/* SPDX-License-Identifier: Apache-2.0 */

#include "examiner.h"
#include "decoding.h"
#include "examination.h"
#include "examiner-protocol.h"
#include "inspection.h"
#include "log.h"
#include "orders.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

/* The daemon attaches at once, and gives its order when the reference is decoded, which it waits ten seconds for. */
#define FIRST_MESSAGE_USEC (UINT64_C(5) * USEC_PER_SEC)
#define FIRST_ORDER_USEC (UINT64_C(15) * USEC_PER_SEC)
/* A driver that does not come back from opening or closing must not keep the answer for longer. */
#define DRIVER_USEC (UINT64_C(3) * USEC_PER_SEC)
/* The same for a camera that is only asked what it can do. */
#define INSPECTION_USEC (UINT64_C(3) * USEC_PER_SEC)
/* Beside the order's own time: the camera is opened, the reference looked at, the camera closed. */
#define OVERTIME_USEC (UINT64_C(10) * USEC_PER_SEC)

struct Examiner {
        ExaminerSetup setup;
        sd_event *event;
        sd_bus *bus;
        int lifeline;
        bool confined;                 /* or a demonstration: work may be done */
        sd_event_source *alive, *watchdog, *reports, *inspected;
        Examination *examination;
        Decoding *decoding;
        Inspection *inspection;
        sd_bus_message *order;         /* Examine(), Decode() or Inspect(), to be answered with what was found */
};

/* Asks the kernel to kill this process when the daemon closes its end of the pipe, or dies. */
static int lifeline_arm(int fd) {
        char byte;

        if (fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETSIG, SIGKILL) < 0)
                return -errno;

        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_ASYNC | O_NONBLOCK) < 0)
                return -errno;

        /* the daemon may have closed it before the signal was asked for */
        if (read(fd, &byte, 1) == 0)
                return -EPIPE;

        return 0;
}

static int examiner_signal(Examiner *e, const char *name, const char *types, uint32_t a, uint32_t b) {
        int r;

        if (streq(types, "uu"))
                r = sd_bus_emit_signal(e->bus, EXAMINER_PATH, EXAMINER_INTERFACE, name, types, a, b);
        else if (streq(types, "u"))
                r = sd_bus_emit_signal(e->bus, EXAMINER_PATH, EXAMINER_INTERFACE, name, types, a);
        else
                r = sd_bus_emit_signal(e->bus, EXAMINER_PATH, EXAMINER_INTERFACE, name, NULL);

        return r;
}

static int examiner_answer(Examiner *e, const Findings *f) {
        int r;

        r = orders_answer_examine(e->order, f);
        e->order = sd_bus_message_unref(e->order);
        return r;
}

static int examiner_set_watchdog(Examiner *e, uint64_t usec) {
        int r;

        r = sd_event_source_set_time_relative(e->watchdog, usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(e->watchdog, SD_EVENT_ONESHOT);
        return r;
}

static int on_report(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Examiner *e = userdata;
        ExaminationReport report;
        int r = 0;

        examination_take_report(e->examination, &report);
        for (unsigned stage = 0; stage < _STAGE_MAX && r >= 0; stage++)
                if (report.stages & (1U << stage))
                        r = examiner_signal(e, "Stage", "u", stage, 0);
        if (r >= 0 && report.prompted && !report.done)
                r = examiner_signal(e, "Prompt", "uu", report.prompt, report.progress);
        if (r >= 0 && report.done && e->order)
                r = examiner_answer(e, &report.findings);
        if (r < 0) {
                log_error_errno(r, "the link to likenessd failed: %m");
                return sd_event_exit(e->event, r);
        }

        return 0;
}

static int on_alive(sd_event_source *s, uint64_t usec, void *userdata) {
        Examiner *e = userdata;
        int r;

        if (e->examination && e->order && examination_in_driver_usec(e->examination) >= DRIVER_USEC) {
                log_error("the camera's driver does not answer");
                r = examiner_answer(e, &(Findings) { .outcome = OUTCOME_CAMERA_STUCK });
        } else
                r = examiner_signal(e, "Alive", "", 0, 0);
        if (r >= 0)
                r = sd_event_source_set_time_relative(s, EXAMINER_ALIVE_USEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return r < 0 ? sd_event_exit(e->event, r) : 0;
}

static int examiner_answer_inspection(Examiner *e) {
        int r;

        r = orders_answer_inspect(e->order, e->inspection);
        e->order = sd_bus_message_unref(e->order);
        return r;
}

/* A camera was inspected, or given up. */
static int on_inspected(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Examiner *e = userdata;
        int r;

        r = !inspection_is_done(e->inspection) ? examiner_set_watchdog(e, INSPECTION_USEC) :
            e->order                           ? examiner_answer_inspection(e) :
                                                 0;
        return r < 0 ? sd_event_exit(e->event, r) : 0;
}

/* Fires when no order came, when the examination does not end in time, and when a camera is not inspected in time. */
static int on_watchdog(sd_event_source *s, uint64_t usec, void *userdata) {
        Examiner *e = userdata;
        int r;

        if (!e->order)
                return sd_event_exit(e->event, -ETIMEDOUT);
        if (e->inspection) {
                r = inspection_skip(e->inspection);
                return r < 0 ? sd_event_exit(e->event, r) : 0;
        }

        log_error("the examination does not end");
        r = examiner_answer(e, &(Findings) { .outcome = OUTCOME_INTERNAL_ERROR });
        return r < 0 ? sd_event_exit(e->event, r) : 0;
}

static int method_attach(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        SandboxPart missing = SANDBOX_WHOLE;
        Examiner *e = userdata;
        int fd, demo, r;

        if (e->lifeline >= 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, "Attached already");

        r = sd_bus_message_read(m, "hb", &fd, &demo);
        if (r < 0)
                return r;
        if (!!demo != e->setup.demo)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                "likenessd and its examiner must both be started with --demo, or neither");

        e->lifeline = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (e->lifeline < 0)
                return -errno;
        r = lifeline_arm(e->lifeline);
        if (r < 0)
                return r;
        (void) alarm(0);
        r = examiner_set_watchdog(e, FIRST_ORDER_USEC);
        if (r < 0)
                return r;

        if (!e->setup.demo)
                missing = sandbox_check(e->setup.decode);
        e->confined = missing == SANDBOX_WHOLE;
        return sd_bus_reply_method_return(m, EXAMINER_ATTACHED_SIGNATURE, (uint32_t) missing);
}

static int on_decoded(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        uint32_t width, height;
        Examiner *e = userdata;
        DecodeOutcome outcome;
        int r;

        outcome = decoding_finish(e->decoding, &width, &height);
        r = sd_bus_reply_method_return(e->order, EXAMINER_DECODED_SIGNATURE, (uint32_t) outcome, width, height);
        e->order = sd_bus_message_unref(e->order);
        return r < 0 ? sd_event_exit(e->event, r) : 0;
}

static int method_decode(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        int picture, pixels, r;
        Examiner *e = userdata;

        if (!e->setup.decode || !e->confined || e->order)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Not now");

        r = sd_bus_message_read(m, "hh", &picture, &pixels);
        if (r < 0)
                return r;

        r = decoding_new(&e->decoding, picture, pixels);
        if (r < 0)
                return r;
        r = sd_event_add_io(e->event, &e->reports, decoding_get_fd(e->decoding), EPOLLIN, on_decoded, e);
        if (r >= 0)
                r = sd_event_source_set_enabled(e->reports, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;

        e->order = sd_bus_message_ref(m);
        r = sd_event_source_set_enabled(e->watchdog, SD_EVENT_OFF); /* likenessd bounds the decoding */
        return r < 0 ? r : 1;
}

static int method_examine(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ExaminationOrder order;
        Examiner *e = userdata;
        uint64_t limit;
        int r;

        if (e->setup.decode || !e->confined || e->order)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Not now");

        r = orders_read_examine(m, e->setup.demo, &order);
        if (r < 0)
                return r;

        e->order = sd_bus_message_ref(m);
        limit = order.time_limit_usec + OVERTIME_USEC;
        examination_start(e->examination, &order);
        r = examiner_set_watchdog(e, limit);
        return r < 0 ? r : 1;
}

static int method_inspect(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        InspectionOrder order;
        Examiner *e = userdata;
        int r;

        if (e->setup.decode || !e->confined || e->order)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Not now");

        r = orders_read_inspect(m, e->setup.demo, &order);
        if (r < 0)
                return r;
        r = inspection_new(&e->inspection, &order);
        if (r < 0) {
                inspection_order_done(&order);
                return r;
        }

        e->order = sd_bus_message_ref(m);
        r = sd_event_add_io(e->event, &e->inspected, inspection_get_fd(e->inspection), EPOLLIN, on_inspected, e);
        if (r >= 0)
                r = examiner_set_watchdog(e, INSPECTION_USEC);
        return r < 0 ? r : 1;
}

static const sd_bus_vtable examiner_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Attach", "hb", EXAMINER_ATTACHED_SIGNATURE, method_attach, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Decode", "hh", EXAMINER_DECODED_SIGNATURE, method_decode, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Examine", EXAMINER_EXAMINE_SIGNATURE, EXAMINER_FINDINGS_SIGNATURE, method_examine,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Inspect", EXAMINER_INSPECT_SIGNATURE, EXAMINER_INSPECTED_SIGNATURE, method_inspect,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("Alive", NULL, 0),
        SD_BUS_SIGNAL("Stage", "u", 0),
        SD_BUS_SIGNAL("Prompt", "uu", 0),
        SD_BUS_VTABLE_END,
};

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Examiner *e = userdata;

        return sd_event_exit(e->event, 0);
}

/* One byte before D-Bus begins; the kernel adds our process id, which is all that the daemon wants of it. */
static int say_hello(int fd) {
        static const char hello = EXAMINER_HELLO;

        if (send(fd, &hello, 1, MSG_NOSIGNAL) < 0)
                return -errno;
        return 0;
}

static int examiner_serve(Examiner *e, int fd) {
        sd_id128_t id;
        int r;

        r = sd_bus_new(&e->bus);
        if (r < 0) {
                safe_close(fd);
                return r;
        }
        r = sd_bus_set_fd(e->bus, fd, fd);
        if (r < 0) {
                safe_close(fd);
                return r;
        }

        r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_server(e->bus, true, id);
        if (r >= 0)
                r = sd_bus_set_anonymous(e->bus, true);
        if (r >= 0)
                r = sd_bus_set_trusted(e->bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(e->bus, true);
        if (r >= 0)
                r = sd_bus_add_object_vtable(e->bus, NULL, EXAMINER_PATH, EXAMINER_INTERFACE, examiner_vtable, e);
        if (r >= 0)
                r = sd_bus_match_signal(e->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, e);
        if (r >= 0)
                r = sd_bus_start(e->bus);
        if (r >= 0)
                r = sd_bus_attach_event(e->bus, e->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static int examiner_watch(Examiner *e) {
        int r;

        r = sd_event_add_time_relative(e->event, &e->alive, CLOCK_MONOTONIC, EXAMINER_ALIVE_USEC, USEC_PER_MSEC,
                        on_alive, e);
        if (r >= 0)
                r = sd_event_add_time_relative(e->event, &e->watchdog, CLOCK_MONOTONIC, FIRST_MESSAGE_USEC, 0,
                                on_watchdog, e);
        if (r < 0 || e->setup.decode)
                return r;

        r = examination_new(&e->examination,
                        &(ExaminationSetup) {
                                        .manifest = e->setup.manifest,
                                        .models = e->setup.models,
                                        .demo = e->setup.demo,
                        });
        if (r < 0)
                return r;

        return sd_event_add_io(e->event, &e->reports, examination_get_fd(e->examination), EPOLLIN, on_report, e);
}

int examiner_new(Examiner **ret, sd_event *event, int fd, const ExaminerSetup *setup) {
        _cleanup_(examiner_freep) Examiner *e = NULL;
        int r;

        r = say_hello(fd);
        if (r < 0) {
                safe_close(fd);
                return r;
        }

        e = calloc(1, sizeof(*e));
        if (!e) {
                safe_close(fd);
                return -ENOMEM;
        }
        e->setup = *setup;
        e->event = sd_event_ref(event);
        e->lifeline = -1;

        r = examiner_serve(e, fd);
        if (r < 0)
                return r;
        r = examiner_watch(e);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(e);
        return 0;
}

Examiner *examiner_free(Examiner *e) {
        if (!e)
                return NULL;

        sd_event_source_unref(e->inspected);
        sd_event_source_unref(e->reports);
        sd_event_source_unref(e->watchdog);
        sd_event_source_unref(e->alive);
        examination_free(e->examination);
        inspection_free(e->inspection);
        decoding_free(e->decoding);
        sd_bus_message_unref(e->order);
        sd_bus_flush_close_unref(e->bus);
        sd_event_unref(e->event);
        safe_close(e->lifeline);
        free(e);
        return NULL;
}
