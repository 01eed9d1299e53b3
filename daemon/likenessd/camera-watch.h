/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cameras.h"
#include "macro.h"

#include <systemd/sd-event.h>

/* The cameras of one check: takes stock of them, chooses, and hears when something changes.
 *
 * Without the machine's network namespace likenessd does not hear udev speak. It hears it write: udev puts a
 * device's entry in place under /run/udev/data when it is through with it, and deletes it when the device has gone.
 * Such an event says no more than that it is time to look; what has changed, if anything, is what sd-device then
 * says. Where that directory is missing nothing is heard, and camera_watch_look() is all there is. */

typedef struct CameraWatch CameraWatch;

/* Called at most once, from the event loop, when `change` is not CAMERAS_SAME. `what` is for the log: which camera. */
typedef void (*CameraWatchHandler)(CameraChange change, const char *what, void *userdata);

/* Begins to listen and then takes stock of the cameras, so that nothing falls between. `seat` (copied) is the
 * caller's, NULL for seat0. 0, or a negative errno: then changes could not be heard, and no check may be made. */
int camera_watch_new(
                CameraWatch **ret,
                sd_event *event,
                const char *seat,
                CameraWatchHandler handler,
                void *userdata);
CameraWatch *camera_watch_free(CameraWatch *w);
DEFINE_CLEANUP(CameraWatch *, camera_watch_free);

/* Chooses the candidates from the stock, as cameras_choose() does; `ret_refused` is borrowed from the watch. */
int camera_watch_choose(CameraWatch *w, const Configuration *policy, CameraRole role, const Camera **ret_refused);

/* Those that were chosen. */
const CameraCandidates *camera_watch_candidates(const CameraWatch *w);

/* Looks now: the CameraChange since the stock was taken, or a negative errno. `ret_what`, if something changed, is
 * which camera, in words; to be freed, and NULL if memory ran out. */
int camera_watch_look(CameraWatch *w, char **ret_what);
