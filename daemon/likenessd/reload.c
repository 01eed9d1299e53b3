/* SPDX-License-Identifier: Apache-2.0 */

#include "reload.h"
#include "configuration-record.h"
#include "ini-file.h"
#include "log.h"
#include "notify.h"

#include <errno.h>

struct Reload {
        ReloadSetup setup;
        Configuration *next;           /* read and found good, not yet effective */
        Policy next_policy;
        sd_event_source *released;     /* makes it effective when the check that held the old one is all gone */
        bool held;
        bool refused;                  /* what was read last */
};

bool reload_refused(const Reload *r) {
        return r->refused;
}

static int problem(char **ret, int error, const char *what) {
        return ini_file_problem(ret, error, "the old configuration stays: %s", what);
}

/* Makes `next` effective, if its entry can be written. */
static int reload_apply(Reload *r, char **ret_problem) {
        int k;

        k = configuration_record_change(signing_ledger(r->setup.signing), r->setup.configuration, r->next);
        if (k < 0) {
                r->next = configuration_free(r->next);
                return problem(ret_problem, k, "its change cannot be recorded in the ledger");
        }

        configuration_swap(r->setup.configuration, r->next);
        *r->setup.policy = r->next_policy;
        r->next = configuration_free(r->next);
        log_message(LOG_INFO, MESSAGE_CONFIGURATION_TAKEN, "the configuration was read anew%s",
                    k > 0 ? "" : "; nothing changed");
        return 0;
}

static int on_released(sd_event_source *s, void *userdata) {
        _cleanup_free_ char *words = NULL;
        Reload *r = userdata;

        if (r->next && !r->held)
                (void) reload_apply(r, &words);
        return 0;
}

/* Reads and checks everything that can be checked before. */
static int reload_read(const ReloadSetup *setup, Configuration **ret, Policy *ret_policy, char **ret_problem) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        int k;

        k = configuration_load(setup->path, "", &c, ret_problem);
        if (k < 0)
                return k;
        if (!streq(c->terminal, setup->configuration->terminal))
                return problem(ret_problem, -EBADMSG,
                                "Name= in [Terminal] is that of this ledger and cannot change while the service runs");
        k = configuration_check_demo(c, setup->demo, ret_problem);
        if (k < 0)
                return k;
        k = configuration_policy(c, setup->manifest, ret_policy, ret_problem);
        if (k < 0)
                return -EBADMSG;

        *ret = TAKE_PTR(c);
        return 0;
}

int reload_configuration(Reload *r, bool *ret_effective, char **ret_problem) {
        Configuration *next = NULL;
        Policy policy;
        int k;

        if (!signing_record(r->setup.signing))
                return problem(ret_problem, -EHOSTDOWN, signing_problem(r->setup.signing));

        k = reload_read(&r->setup, &next, &policy, ret_problem);
        r->refused = k < 0;
        if (k < 0) {
                log_message(LOG_ERR, MESSAGE_CONFIGURATION_REFUSED,
                            "the configuration that was read is not taken; the old one stays");
                return k;
        }

        configuration_free(r->next);
        r->next = next;
        r->next_policy = policy;
        *ret_effective = !r->held;
        if (r->held) {
                log_info("the new configuration takes effect when the check under way has ended");
                return 0;
        }
        return reload_apply(r, ret_problem);
}

void reload_hangup(Reload *r) {
        _cleanup_free_ char *words = NULL;
        bool effective;
        int k;

        if (!signing_record(r->setup.signing)) {
                log_error("the configuration cannot be read anew: %s", signing_problem(r->setup.signing));
                return;
        }

        notify_reloading();
        k = reload_configuration(r, &effective, &words);
        if (k < 0)
                notify_not_reloaded(words ?: "see the service's log");
        else
                notify_ready(NULL);
}

void reload_hold(Reload *r) {
        r->held = true;
}

/* Not at once: whoever releases it may still be at work. */
void reload_release(Reload *r) {
        int k;

        r->held = false;
        if (!r->next)
                return;
        k = sd_event_source_set_enabled(r->released, SD_EVENT_ONESHOT);
        if (k < 0)
                log_error_errno(k, "the new configuration cannot take effect: %m");
}

int reload_new(Reload **ret, sd_event *event, const ReloadSetup *setup) {
        _cleanup_(reload_freep) Reload *r = calloc(1, sizeof(*r));
        int k;

        if (!r)
                return -ENOMEM;
        r->setup = *setup;

        k = sd_event_add_defer(event, &r->released, on_released, r);
        if (k >= 0)
                /* before the next call is looked at, which might begin the next check with the old one */
                k = sd_event_source_set_priority(r->released, SD_EVENT_PRIORITY_IMPORTANT);
        if (k >= 0)
                k = sd_event_source_set_enabled(r->released, SD_EVENT_OFF);
        if (k < 0)
                return k;

        *ret = TAKE_PTR(r);
        return 0;
}

Reload *reload_free(Reload *r) {
        if (!r)
                return NULL;
        sd_event_source_disable_unref(r->released);
        configuration_free(r->next);
        free(r);
        return NULL;
}
