/* SPDX-License-Identifier: Apache-2.0 */

#include "watch.h"
#include "cameras.h"
#include "clock.h"
#include "entry.h"
#include "log.h"

#include <errno.h>
#include <sys/statvfs.h>

#define ACCURACY_USEC (UINT64_C(5) * USEC_PER_SEC)
#define FILES_LEFT 64U                 /* that can be made; a segment of the ledger is one */

struct Watch {
        WatchSetup setup;
        sd_event_source *timer;
        Problems seen;                 /* when it was looked last */
        Problems said;
        uint64_t looked_usec;          /* 0: not yet */
};

static const struct {
        Problem problem;
        int level;
        const char *message_id, *begun, *over;
} table[] = {
        { PROBLEM_NO_CAMERA, LOG_ERR, MESSAGE_CAMERA_NONE,
          "no camera that may be used was found; connect one", "there is a camera again" },
        { PROBLEM_MODELS_UNUSABLE, LOG_ERR, MESSAGE_MODELS_UNUSABLE,
          "a model's file is missing; install the models again", "the models' files are there again" },
        { PROBLEM_DISK_NEARLY_FULL, LOG_ERR, MESSAGE_DISK_LOW,
          "there is little space left for the ledger; free some before no check can be made any more",
          "there is space for the ledger again" },
        { PROBLEM_CLOCK_NOT_SYNCHRONISED, LOG_WARNING, MESSAGE_CLOCK_UNSYNCHRONISED,
          "the clock is not synchronised, and receipts say so; see timedatectl", "the clock is synchronised again" },
};

/* Only what can be seen to be missing: where the sandbox hides udev there is no camera, where statvfs() fails, nothing. */
static bool camera_missing(const Configuration *policy) {
        Cameras cameras = {};
        bool found = false;

        if (cameras_list(&cameras) < 0)
                return false;
        for (size_t i = 0; i < cameras.n; i++)
                found = found || camera_permitted(&cameras.all[i], policy, CAMERA_ROLE_FACE);
        cameras_done(&cameras);
        return !found;
}

static bool disk_nearly_full(const char *path) {
        struct statvfs st;

        if (statvfs(path, &st) < 0)
                return false;
        return st.f_bavail < WATCH_DISK_BYTES / st.f_frsize || (st.f_files > 0 && st.f_favail < FILES_LEFT);
}

static bool model_missing(const Manifest *m) {
        for (size_t i = 0; m && i < m->n_models; i++)
                if (access(m->models[i].path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
                        return true;
        return false;
}

static void watch_look(Watch *w) {
        Problems seen = 0;

        if (!w->setup.software_camera && camera_missing(w->setup.configuration))
                seen |= problem_bit(PROBLEM_NO_CAMERA);
        if (model_missing(w->setup.manifest))
                seen |= problem_bit(PROBLEM_MODELS_UNUSABLE);
        if (disk_nearly_full(w->setup.state))
                seen |= problem_bit(PROBLEM_DISK_NEARLY_FULL);
        if (!entry_clock_synchronised())
                seen |= problem_bit(PROBLEM_CLOCK_NOT_SYNCHRONISED);

        w->seen = seen;
        w->looked_usec = now_monotonic_usec();
}

/* What has changed since it was said. */
static void watch_say(Watch *w) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Problems bit = problem_bit(table[i].problem);

                if ((w->seen & bit) && !(w->said & bit))
                        log_message(table[i].level, table[i].message_id, "%s", table[i].begun);
                if (!(w->seen & bit) && (w->said & bit))
                        log_message(LOG_NOTICE, MESSAGE_PROBLEM_OVER, "%s", table[i].over);
        }
        w->said = w->seen;
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
        Watch *w = userdata;
        int r;

        watch_look(w);
        watch_say(w);

        r = sd_event_source_set_time_relative(s, WATCH_SEC * USEC_PER_SEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return r < 0 ? log_error_errno(r, "no timer to look after the terminal: %m") : 0;
}

Problems watch_problems(Watch *w) {
        if (w->looked_usec == 0 || now_monotonic_usec() - w->looked_usec >= USEC_PER_SEC)
                watch_look(w);
        return w->seen;
}

int watch_new(Watch **ret, sd_event *event, const WatchSetup *setup) {
        _cleanup_(watch_freep) Watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->setup = *setup;
        r = sd_event_add_time_relative(event, &w->timer, CLOCK_BOOTTIME, WATCH_SEC * USEC_PER_SEC, ACCURACY_USEC, on_time,
                                       w);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

Watch *watch_free(Watch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}
