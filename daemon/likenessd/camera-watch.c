/* SPDX-License-Identifier: Apache-2.0 */

#include "camera-watch.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>

#define UDEV_DATABASE "/run/udev/data"
#define ENTRY_PREFIX "c81:"            /* character devices of V4L2's major number */

struct CameraWatch {
        char *seat;
        Cameras before;
        CameraCandidates candidates;
        sd_event_source *database;
        CameraWatchHandler handler;    /* NULL when it was called */
        void *userdata;
};

int camera_watch_look(CameraWatch *w, char **ret_what) {
        const Camera *which = NULL;
        CameraChange change;
        Cameras now = {};
        int r;

        *ret_what = NULL;
        r = cameras_list(&now);
        if (r < 0)
                return r;

        change = cameras_compare(&w->before, &now, w->seat, &w->candidates, &which);
        if (which && asprintf(ret_what, "%s (%s)", which->identity.name, which->node) < 0)
                *ret_what = NULL;
        cameras_done(&now);
        return change;
}

static int on_database(sd_event_source *s, const struct inotify_event *event, void *userdata) {
        _cleanup_free_ char *what = NULL;
        CameraWatch *w = userdata;
        CameraWatchHandler handler = w->handler;
        int r;

        /* an event without a name says that some were lost, or that the directory was */
        if (!handler || (event->len > 0 && strncmp(event->name, ENTRY_PREFIX, strlen(ENTRY_PREFIX)) != 0))
                return 0;

        r = camera_watch_look(w, &what);
        if (r < 0) {
                log_warning_errno(r, "the cameras cannot be looked for: %m");
                return 0;              /* the look before the receipt is signed does not pass over it */
        }
        if (r == CAMERAS_SAME)
                return 0;

        w->handler = NULL;
        handler((CameraChange) r, what ?: "", w->userdata);
        return 0;
}

static int watch_database(CameraWatch *w, sd_event *event) {
        int r = sd_event_add_inotify(event, &w->database, UDEV_DATABASE, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR,
                                     on_database, w);

        if (r == -ENOENT || r == -ENOTDIR) {
                log_debug(UDEV_DATABASE " is not there: what is plugged in or out is seen at a check's end only");
                return 0;
        }
        return r;
}

int camera_watch_new(
                CameraWatch **ret,
                sd_event *event,
                const char *seat,
                CameraWatchHandler handler,
                void *userdata) {

        _cleanup_(camera_watch_freep) CameraWatch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->handler = handler;
        w->userdata = userdata;
        if (seat) {
                w->seat = strdup(seat);
                if (!w->seat)
                        return -ENOMEM;
        }

        r = watch_database(w, event);
        if (r >= 0)
                r = cameras_list(&w->before);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

CameraWatch *camera_watch_free(CameraWatch *w) {
        if (!w)
                return NULL;

        sd_event_source_disable_unref(w->database);
        camera_candidates_free(&w->candidates);
        cameras_done(&w->before);
        free(w->seat);
        free(w);
        return NULL;
}

int camera_watch_choose(CameraWatch *w, const Configuration *policy, CameraRole role, const Camera **ret_refused) {
        camera_candidates_free(&w->candidates);
        return cameras_choose(&w->before, w->seat, policy, role, &w->candidates, ret_refused);
}

const CameraCandidates *camera_watch_candidates(const CameraWatch *w) {
        return &w->candidates;
}
