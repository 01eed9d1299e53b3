/* SPDX-License-Identifier: Apache-2.0 */

#include "audience.h"
#include "log.h"
#include "no-memory.h"
#include "prompts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

struct Audience {
        sd_bus *bus;
        char *path;
        sd_bus_track *track;           /* all of them, until they leave the bus */
        sd_bus_message *calls[AUDIENCE_MAX];
        size_t n_calls;
        char *listeners[AUDIENCE_MAX]; /* unique names */
        size_t n_listeners;
        AudienceHandler left;
        void *userdata;
};

static int on_left(sd_bus_track *track, void *userdata) {
        Audience *a = userdata;

        a->left(a, a->userdata);
        return 0;
}

static int new_path(char **ret) {
        uint64_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        return asprintf(ret, SESSION_PATH "/%016" PRIx64, random) < 0 ? -ENOMEM : 0;
}

int audience_new(Audience **ret, sd_bus *bus, AudienceHandler left, void *userdata) {
        _cleanup_(audience_freep) Audience *a = NULL;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->bus = sd_bus_ref(bus);
        a->left = left;
        a->userdata = userdata;

        r = new_path(&a->path);
        if (r < 0)
                return r;
        r = sd_bus_track_new(bus, &a->track, on_left, a);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(a);
        return 0;
}

Audience *audience_free(Audience *a) {
        if (!a)
                return NULL;

        sd_bus_track_unref(a->track);
        for (size_t i = 0; i < a->n_calls; i++)
                sd_bus_message_unref(a->calls[i]);
        for (size_t i = 0; i < a->n_listeners; i++)
                free(a->listeners[i]);
        free(a->path);
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}

const char *audience_path(const Audience *a) {
        return a->path;
}

static bool audience_listens(const Audience *a, const char *sender) {
        for (size_t i = 0; i < a->n_listeners; i++)
                if (streq(a->listeners[i], sender))
                        return true;

        return false;
}

int audience_add_listener(Audience *a, sd_bus_message *m) {
        const char *sender = sd_bus_message_get_sender(m);
        int r;

        if (audience_listens(a, sender))
                return 0;
        if (a->n_listeners >= AUDIENCE_MAX)
                return -E2BIG;
        r = sd_bus_track_add_name(a->track, sender);
        if (r < 0)
                return r;

        a->listeners[a->n_listeners] = strdup(sender);
        if (!a->listeners[a->n_listeners])
                return -ENOMEM;
        a->n_listeners++;
        return 0;
}

int audience_add_call(Audience *a, sd_bus_message *m) {
        int r;

        if (a->n_calls >= AUDIENCE_MAX)
                return -E2BIG;
        r = sd_bus_track_add_name(a->track, sd_bus_message_get_sender(m));
        if (r < 0)
                return r;

        a->calls[a->n_calls++] = sd_bus_message_ref(m);
        return 0;
}

bool audience_includes(const Audience *a, const char *sender) {
        return sd_bus_track_contains(a->track, sender) != NULL;
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
                        r = append_string(m, "receipt", result->receipt);
                /* a decline is no answer of ours that could bind */
                if (r >= 0 && result->decision.verdict != VERDICT_DECLINED)
                        r = sd_bus_message_append(m, "{sv}", "binding", "b", result->binding);
                if (r >= 0 && result->attempt > 0)
                        r = sd_bus_message_append(m, "{sv}{sv}", "attempt", "u", result->attempt, "attempts-left", "u",
                                        result->attempts_left);
                if (r >= 0 && result->duration_usec > 0)
                        r = sd_bus_message_append(m, "{sv}", "duration", "t", result->duration_usec);
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

/* A signal of the session's object, to one of them only. */
static int new_signal(Audience *a, const char *member, const char *destination, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_signal(a->bus, &m, a->path, SESSION_INTERFACE, member);
        if (r < 0)
                return r;
        r = sd_bus_message_set_destination(m, destination);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

static int send_prompt(Audience *a, const char *to, Prompt prompt, uint32_t progress, uint64_t remaining_usec) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = new_signal(a, "Prompt", to, &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ssa{sv}", prompt_to_string(prompt), prompt_text(prompt), 2, "deadline", "t",
                        remaining_usec, "progress", "u", progress);
        if (r < 0)
                return r;

        return sd_bus_send(a->bus, m, NULL);
}

void audience_prompt(Audience *a, Prompt prompt, uint32_t progress, uint64_t remaining_usec) {
        for (const char *to = sd_bus_track_first(a->track); to; to = sd_bus_track_next(a->track)) {
                int r = send_prompt(a, to, prompt, progress, remaining_usec);

                if (r < 0)
                        log_warning_errno(r, "a prompt cannot be sent: %m");
        }
}

static int send_finished(Audience *a, const char *to, const SessionResult *result) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = new_signal(a, "Finished", to, &m);
        if (r < 0)
                return r;
        r = append_result(m, result);
        if (r < 0)
                return r;

        return sd_bus_send(a->bus, m, NULL);
}

static int send_reply(Audience *a, sd_bus_message *call, const SessionResult *result) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (result->cause != CAUSE_VERDICT)
                return sd_bus_reply_method_errorf(call, result->error, "%s",
                                result->message ? result->message : "Out of memory.");

        r = sd_bus_message_new_method_return(call, &m);
        if (r < 0)
                return r;
        r = append_result(m, result);
        if (r < 0)
                return r;

        return sd_bus_send(a->bus, m, NULL);
}

void audience_finish(Audience *a, const SessionResult *result) {
        int r;

        for (size_t i = 0; i < a->n_calls; i++) {
                r = send_reply(a, a->calls[i], result);
                if (r < 0)
                        log_check_errno(LOG_WARNING, r, NULL, result->support_code, "a caller cannot be answered: %m");
                end_without_memory(sd_bus_get_event(a->bus), r);
                sd_bus_message_unref(a->calls[i]);
        }
        a->n_calls = 0;

        for (size_t i = 0; i < a->n_listeners; i++) {
                r = send_finished(a, a->listeners[i], result);
                if (r < 0)
                        log_check_errno(LOG_WARNING, r, NULL, result->support_code, "a caller cannot be told: %m");
                end_without_memory(sd_bus_get_event(a->bus), r);
                free(a->listeners[i]);
        }
        a->n_listeners = 0;
}
