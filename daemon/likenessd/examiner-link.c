/* SPDX-License-Identifier: Apache-2.0 */

#include "examiner-link.h"
#include "control-group.h"
#include "examiner-socket.h"
#include "log.h"
#include "no-memory.h"
#include "sandbox-part.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

struct ExaminerLink {
        sd_event *event;
        ExaminerPlace place;
        const ExaminerLinkHandlers *handlers;
        void *userdata;
        bool demo;

        int fd;                        /* until the hello has come; then the bus owns it */
        sd_bus *bus;
        int lifeline;                  /* the write end */
        bool attached;                 /* the process holds the lifeline's other end */

        /* the two witnesses */
        int pidfd;
        bool process_ended;
        ControlGroup *group;
        bool held;                     /* the group was seen to hold the process */
        bool ending, reported;

        uint64_t window_began;         /* for the limit on messages a second */
        unsigned window_messages;

        size_t n_inspected;            /* cameras that are being inspected */

        sd_event_source *hello, *silence, *exited, *overdue, *defer;
        sd_bus_slot *call;
        Cause cause;
        const char *failure;
};

static void source_disable(sd_event_source **s) {
        *s = sd_event_source_disable_unref(*s);
}

static void link_report_failure(ExaminerLink *l) {
        const char *what = TAKE_PTR(l->failure);

        if (what)
                l->handlers->failed(l, l->cause, what, l->userdata);
}

/* Whether nothing is left of what this link has started. */
static bool link_is_over(const ExaminerLink *l) {
        /* Without the lifeline the process was never given anything: there is nothing to wait for. */
        if (!l->place.group)
                return l->process_ended || !l->attached;
        /* With its control group it can be seen, so it is waited for; first of all for its hello. */
        if (l->fd >= 0 || (l->pidfd >= 0 && !l->process_ended))
                return false;
        return !l->group || control_group_is_populated(l->group) == 0;
}

/* The link may be freed when this returns. */
static void link_report_if_over(ExaminerLink *l) {
        if (!l->ending || l->reported || !link_is_over(l))
                return;

        l->reported = true;
        link_report_failure(l);
        source_disable(&l->overdue);
        l->handlers->gone(l, /* stuck= */ false, l->userdata);
}

static int on_defer(sd_event_source *s, void *userdata) {
        ExaminerLink *l = userdata;

        source_disable(&l->defer);
        link_report_failure(l);
        link_report_if_over(l);
        return 0;
}

static void on_group_changed(ControlGroup *g, void *userdata) {
        link_report_if_over(userdata);
}

/* From when it is known which process is waited for, or that there is none: something may be on its way to its end. */
static void link_await_group(ExaminerLink *l) {
        int r = 0;

        if (!l->place.group || l->fd >= 0 || l->cause == CAUSE_EXAMINER_UNWATCHED)
                return;

        if (!l->group)
                r = control_group_new(&l->group, l->event, l->place.group, on_group_changed, l);
        if (r >= 0)
                r = control_group_await(l->group);
        if (r < 0 && r != -ENOENT)
                log_error_errno(r, "%s: it cannot be seen whether an examiner is left: %m", l->place.group);
}

/* Nobody has said hello on the other side, and nobody can any more. */
static void link_give_hello_up(ExaminerLink *l) {
        source_disable(&l->hello);
        l->fd = safe_close(l->fd);
}

static int on_overdue(sd_event_source *s, uint64_t usec, void *userdata) {
        ExaminerLink *l = userdata;

        source_disable(&l->overdue);
        if (l->fd >= 0) {
                link_give_hello_up(l);
                link_await_group(l);
        }
        if (link_is_over(l))
                link_report_if_over(l);
        else {
                link_report_failure(l);
                l->handlers->gone(l, /* stuck= */ true, l->userdata);
        }
        return 0;
}

static void link_fail(ExaminerLink *l, const char *what);

static int on_exited(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        ExaminerLink *l = userdata;

        source_disable(&l->exited);
        l->process_ended = true;
        link_fail(l, "it ended by itself");
        link_report_if_over(l);
        return 0;
}

/* The lifeline ends who has asked for it; this ends everybody else in the group, too. One instance at a time is in it. */
static void link_kill_group(ExaminerLink *l) {
        int r;

        r = l->group ? control_group_kill(l->place.group) : 0;
        if (r < 0 && r != -ENOENT && r != -ENODEV)
                log_warning_errno(r, "%s: its processes cannot be ended (does its cgroup.kill belong to likenessd? "
                                  "\"systemctl restart likenessd\" gives it): %m", l->place.group);
}

static int link_await_end(ExaminerLink *l) {
        int r;

        r = sd_event_add_defer(l->event, &l->defer, on_defer, l);
        if (r < 0)
                return r;
        if (!l->place.group && !l->attached)
                return 0;

        link_await_group(l);
        return sd_event_add_time_relative(l->event, &l->overdue, CLOCK_MONOTONIC, EXAMINER_GONE_USEC, 0, on_overdue, l);
}

void examiner_link_end(ExaminerLink *l) {
        int r;

        if (l->ending)
                return;
        l->ending = true;

        source_disable(&l->silence);
        l->call = sd_bus_slot_unref(l->call);
        sd_bus_close(l->bus);
        l->lifeline = safe_close(l->lifeline);
        link_kill_group(l);
        if (l->place.group && l->hello)
                /* its first read ends it, but its hello is wanted, to see it gone */
                (void) shutdown(l->fd, SHUT_WR);
        else if (l->fd >= 0)
                link_give_hello_up(l);

        r = link_await_end(l);
        if (r < 0)
                /* it may be waited for in vain, and until then every call is refused */
                log_error_errno(r, "cannot wait for the examiner's end: %m");
        end_without_memory(l->event, r);
}

/* Breaks the link off; the handlers are told from the event loop. */
static void link_fail(ExaminerLink *l, const char *what) {
        if (l->ending)
                return;

        l->failure = what;
        examiner_link_end(l);
}

static int on_silence(sd_event_source *s, uint64_t usec, void *userdata) {
        link_fail(userdata, "it said nothing for too long");
        return 0;
}

/* Every word of the examiner's passes here first. */
static bool link_heard(ExaminerLink *l) {
        uint64_t now;

        if (l->ending)
                return false;

        (void) sd_event_now(l->event, CLOCK_MONOTONIC, &now);
        if (now - l->window_began >= USEC_PER_SEC) {
                l->window_began = now;
                l->window_messages = 0;
        }
        if (++l->window_messages > EXAMINER_MESSAGES_PER_SECOND) {
                link_fail(l, "it sent too many messages");
                return false;
        }

        (void) sd_event_source_set_time_relative(l->silence, EXAMINER_SILENCE_USEC);
        return true;
}

static bool message_has_signature(sd_bus_message *m, const char *signature) {
        const char *s = sd_bus_message_get_signature(m, /* complete= */ true);

        return s && streq(s, signature);
}

static int link_stage(ExaminerLink *l, sd_bus_message *m) {
        uint32_t stage;

        if (sd_bus_message_read(m, "u", &stage) < 0 || stage >= _STAGE_MAX)
                return -EBADMSG;

        l->handlers->stage(l, (Stage) stage, l->userdata);
        return 0;
}

static int link_prompt(ExaminerLink *l, sd_bus_message *m) {
        uint32_t prompt, progress;

        if (sd_bus_message_read(m, "uu", &prompt, &progress) < 0 || prompt >= _PROMPT_MAX || progress > 1000)
                return -EBADMSG;

        l->handlers->prompt(l, (Prompt) prompt, progress, l->userdata);
        return 0;
}

static int link_attach(ExaminerLink *l);

/* The closed list. Runs before anything that sd-bus would answer by itself. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ExaminerLink *l = userdata;
        int r = -EBADMSG;

        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected")) {
                link_fail(l, "it hung up");
                return 1;
        }
        /* sd-bus's own word, which it takes from no peer: authentication is over */
        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Connected")) {
                r = link_attach(l);
                if (r < 0) {
                        log_debug_errno(r, "the lifeline cannot be attached: %m");
                        link_fail(l, "it could not be given its lifeline");
                }
                return 1;
        }
        if (!link_heard(l))
                return 1;

        if (sd_bus_message_is_signal(m, EXAMINER_INTERFACE, "Alive") && message_has_signature(m, ""))
                r = 0;
        else if (sd_bus_message_is_signal(m, EXAMINER_INTERFACE, "Stage") && message_has_signature(m, "u"))
                r = link_stage(l, m);
        else if (sd_bus_message_is_signal(m, EXAMINER_INTERFACE, "Prompt") && message_has_signature(m, "uu"))
                r = link_prompt(l, m);
        if (r < 0)
                link_fail(l, "it sent a message that is not on the list");

        return 1;
}

/* Replies come here only for calls that we made. */
static bool link_accepts_reply(ExaminerLink *l, sd_bus_message *m, const char *signature) {
        l->call = sd_bus_slot_unref(l->call);
        if (!link_heard(l))
                return false;
        if (sd_bus_message_is_method_error(m, NULL) || !message_has_signature(m, signature)) {
                const sd_bus_error *e = sd_bus_message_get_error(m);

                log_debug("the reply: %.128s", e ? e->name : "of another signature");
                link_fail(l, "it refused an order or answered in another form");
                return false;
        }

        return true;
}

static int on_attached(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ExaminerLink *l = userdata;
        uint32_t missing;

        if (!link_accepts_reply(l, m, EXAMINER_ATTACHED_SIGNATURE))
                return 1;
        if (sd_bus_message_read(m, EXAMINER_ATTACHED_SIGNATURE, &missing) < 0 || missing >= _SANDBOX_PART_MAX) {
                link_fail(l, "it sent numbers out of range");
                return 1;
        }
        if (missing != SANDBOX_WHOLE) {
                l->cause = CAUSE_SANDBOX;
                link_fail(l, sandbox_part_message((SandboxPart) missing));
                return 1;
        }

        l->attached = true;
        l->handlers->ready(l, l->userdata);
        return 1;
}

static int on_decode_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint32_t outcome, width, height;
        ExaminerLink *l = userdata;

        if (!link_accepts_reply(l, m, EXAMINER_DECODED_SIGNATURE))
                return 1;
        if (sd_bus_message_read(m, EXAMINER_DECODED_SIGNATURE, &outcome, &width, &height) < 0 ||
            outcome >= _DECODE_MAX || width > PIXELS_SIDE_MAX || height > PIXELS_SIDE_MAX ||
            (outcome == DECODE_DONE && (width == 0 || height == 0))) {
                link_fail(l, "it sent numbers out of range");
                return 1;
        }

        l->handlers->decoded(l, (DecodeOutcome) outcome, width, height, l->userdata);
        return 1;
}

static int on_examine_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint32_t outcome, reason;
        ExaminerLink *l = userdata;
        Findings f;

        if (!link_accepts_reply(l, m, EXAMINER_FINDINGS_SIGNATURE))
                return 1;
        if (sd_bus_message_read(m, EXAMINER_FINDINGS_SIGNATURE, &outcome, &reason, &f.model, &f.frames_captured,
                            &f.frames_used, &f.frames_matched, &f.similarity, &f.liveness, &f.attack_signs,
                            &f.camera) < 0) {
                link_fail(l, "it sent no findings");
                return 1;
        }
        f.outcome = (Outcome) outcome;
        f.reason = (Reason) reason;
        if (!findings_valid(&f)) {
                link_fail(l, "it sent numbers out of range");
                return 1;
        }

        l->handlers->findings(l, &f, l->userdata);
        return 1;
}

/* 1, 0 if there is no further mode, or a negative errno, also for numbers out of range. */
static int read_mode(sd_bus_message *m, CameraMode *ret) {
        int r;

        r = sd_bus_message_read(m, "(uuuu)", &ret->fourcc, &ret->width, &ret->height, &ret->rate);
        return r > 0 && !camera_mode_valid(ret) ? -ERANGE : r;
}

static int read_report(sd_bus_message *m, CameraReport *ret) {
        CameraMode mode;
        uint32_t outcome;
        int r;

        r = sd_bus_message_enter_container(m, 'r', "ua(uuuu)");
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        r = sd_bus_message_read(m, "u", &outcome);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(uuuu)");
        while (r >= 0 && (r = read_mode(m, &mode)) > 0) {
                if (ret->n_modes == CAMERA_MODES_MAX)
                        return -ERANGE;
                ret->modes[ret->n_modes++] = mode;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        ret->outcome = (Outcome) outcome;
        return camera_report_valid(ret) ? 0 : -ERANGE;
}

static int read_reports(sd_bus_message *m, CameraReport *ret, size_t n) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ua(uuuu))");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = read_report(m, &ret[i]);
        return r < 0 ? r : sd_bus_message_exit_container(m); /* fails if there is one more */
}

static int on_inspect_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        CameraReport reports[CAMERA_CANDIDATES_MAX] = {};
        ExaminerLink *l = userdata;

        if (!link_accepts_reply(l, m, EXAMINER_INSPECTED_SIGNATURE))
                return 1;
        if (read_reports(m, reports, l->n_inspected) < 0)
                link_fail(l, "it sent numbers out of range");
        else
                l->handlers->inspected(l, reports, l->userdata);
        return 1;
}

static int link_call(ExaminerLink *l, sd_bus_message *m, sd_bus_message_handler_t handler) {
        /* silence is watched separately, so a call itself may take as long as it likes (the default is 25 s) */
        return sd_bus_call_async(l->bus, &l->call, m, handler, l, UINT64_MAX);
}

static int link_new_call(ExaminerLink *l, const char *member, sd_bus_message **ret) {
        if (l->ending || !l->bus)
                return -ENOTCONN;
        return sd_bus_message_new_method_call(l->bus, ret, NULL, EXAMINER_PATH, EXAMINER_INTERFACE, member);
}

static int link_attach(ExaminerLink *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_close_ int theirs = -1;
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        theirs = ends[0];
        l->lifeline = ends[1];

        r = link_new_call(l, "Attach", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "hb", theirs, l->demo);
        if (r < 0)
                return r;

        return link_call(l, m, on_attached);
}

static int link_start_bus(ExaminerLink *l) {
        int fd = take_fd(&l->fd), r;

        r = sd_bus_new(&l->bus);
        if (r < 0) {
                safe_close(fd);
                return r;
        }
        r = sd_bus_set_fd(l->bus, fd, fd);
        if (r < 0) {
                safe_close(fd);
                return r;
        }

        r = sd_bus_set_anonymous(l->bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(l->bus, true);
        if (r >= 0)
                r = sd_bus_set_connected_signal(l->bus, true);
        if (r >= 0)
                r = sd_bus_add_filter(l->bus, NULL, on_message, l);
        if (r >= 0)
                r = sd_bus_start(l->bus);
        if (r >= 0)
                r = sd_bus_attach_event(l->bus, l->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

/* Both witnesses are there before anything is given: the control group holds the process. 0, or -ECHILD if it has ended
 * already, or another negative errno if the group cannot be watched. */
static int link_watch_group(ExaminerLink *l, pid_t pid) {
        struct pollfd exited = { .fd = l->pidfd, .events = POLLIN };
        int r;

        if (!l->place.group)
                return 0;

        r = control_group_new(&l->group, l->event, l->place.group, on_group_changed, l);
        if (r >= 0)
                r = control_group_contains(l->group, pid);
        if (r > 0)
                r = control_group_is_populated(l->group);
        if (r > 0) {
                l->held = true;
                return 0;
        }
        if (poll(&exited, 1, 0) > 0)
                return -ECHILD;
        if (r == 0)
                r = -ESRCH;
        l->group = control_group_free(l->group);
        return r;
}

static int link_watch(ExaminerLink *l, pid_t pid) {
        int r;

        l->pidfd = pidfd_open(pid, 0);
        if (l->pidfd < 0)
                return errno == ESRCH ? -ECHILD : -errno;
        r = sd_event_add_io(l->event, &l->exited, l->pidfd, EPOLLIN, on_exited, l);
        if (r < 0)
                return r;
        r = link_watch_group(l, pid);
        if (r < 0 && r != -ECHILD) {
                log_error_errno(r, "%s: it cannot be seen whether the examiner ends: %s", l->place.group,
                                r == -ESRCH ? "it runs in another control group" : strerror(-r));
                l->cause = CAUSE_EXAMINER_UNWATCHED;
        }
        return r;
}

/* A hello, or the end of the connection, from a process that is not wanted any more. */
static void link_see_off(ExaminerLink *l, pid_t pid) {
        link_give_hello_up(l);
        if (pid > 0)
                (void) link_watch(l, pid);
        link_await_group(l);
        link_report_if_over(l);
}

static int on_hello(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        ExaminerLink *l = userdata;
        pid_t pid = -1;
        int r;

        r = examiner_socket_read_hello(l->fd, &pid);
        if (r == 0)
                return 0;

        source_disable(&l->hello);
        if (l->ending) {
                link_see_off(l, pid);
                return 0;
        }

        /* Attach() follows when the peer has authenticated: sent before, a message with a descriptor makes sd-bus wait
         * for that, and everybody else with it. */
        if (r > 0)
                r = link_watch(l, pid);
        if (r >= 0)
                r = link_start_bus(l);
        if (r < 0) {
                log_debug_errno(r, "no examiner: %m");
                link_fail(l, l->cause == CAUSE_EXAMINER_UNWATCHED ? "it cannot be watched" : "it did not start");
                return 0;
        }

        (void) sd_event_source_set_time_relative(l->silence, EXAMINER_SILENCE_USEC);
        return 0;
}

int examiner_link_new(
                ExaminerLink **ret,
                sd_event *event,
                const ExaminerPlace *place,
                bool demo,
                const ExaminerLinkHandlers *handlers,
                void *userdata) {

        _cleanup_(examiner_link_freep) ExaminerLink *l = NULL;
        int r;

        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->event = sd_event_ref(event);
        l->handlers = handlers;
        l->userdata = userdata;
        l->place = *place;
        l->demo = demo;
        l->cause = CAUSE_EXAMINER_FAILED;
        l->fd = l->lifeline = l->pidfd = -1;

        l->fd = examiner_socket_connect(place->socket);
        if (l->fd < 0)
                return l->fd;
        r = sd_event_add_io(event, &l->hello, l->fd, EPOLLIN, on_hello, l);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &l->silence, CLOCK_MONOTONIC, EXAMINER_SILENCE_USEC, 0, on_silence, l);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

ExaminerLink *examiner_link_free(ExaminerLink *l) {
        if (!l)
                return NULL;

        source_disable(&l->hello);
        source_disable(&l->silence);
        source_disable(&l->exited);
        source_disable(&l->overdue);
        source_disable(&l->defer);
        control_group_free(l->group);
        sd_bus_slot_unref(l->call);
        sd_bus_close_unref(l->bus);
        safe_close(l->fd);
        safe_close(l->lifeline);
        safe_close(l->pidfd);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}

int examiner_link_decode(ExaminerLink *l, int picture, int pixels) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = link_new_call(l, "Decode", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "hh", picture, pixels);
        if (r < 0)
                return r;

        return link_call(l, m, on_decode_reply);
}

static int append_cameras(sd_bus_message *m, const CameraCandidate *cameras, size_t n) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "(ss)");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(m, "(ss)", cameras[i].node, cameras[i].name);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int examiner_link_examine(ExaminerLink *l, const ExamineOrder *o) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = link_new_call(l, "Examine", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "huu", o->reference, o->width, o->height);
        if (r >= 0)
                r = append_cameras(m, o->cameras, o->n_cameras);
        if (r >= 0)
                r = sd_bus_message_append(m, "buuuiiu", (int) o->software, (uint32_t) o->view, (uint32_t) o->challenge,
                                (uint32_t) o->pace, (int32_t) o->no_match_below, (int32_t) o->match_from,
                                (uint32_t) (o->time_limit_usec / USEC_PER_MSEC));
        if (r < 0)
                return r;

        return link_call(l, m, on_examine_reply);
}

int examiner_link_inspect(ExaminerLink *l, const CameraCandidate *cameras, size_t n, bool software) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (n < 1 || n > CAMERA_CANDIDATES_MAX)
                return -EINVAL;
        r = link_new_call(l, "Inspect", &m);
        if (r >= 0)
                r = append_cameras(m, cameras, n);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", (int) software);
        if (r < 0)
                return r;

        l->n_inspected = n;
        return link_call(l, m, on_inspect_reply);
}

Ended examiner_link_ended(const ExaminerLink *l) {
        if (l->held)
                return ENDED_CONTROL_GROUP;
        /* of one that was never given anything there is nothing to say */
        return l->attached && l->process_ended ? ENDED_PROCESS : ENDED_NOTHING;
}
