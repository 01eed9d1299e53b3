/* SPDX-License-Identifier: Apache-2.0 */

/* Which cameras a check may use, and what is said if there is none. */

#include "errors.h"
#include "log.h"
#include "seat.h"
#include "verifier-private.h"

#include <errno.h>

static void on_cameras_changed(CameraChange change, const char *what, void *userdata) {
        Verifier *v = userdata;

        if (v->session && v->audience)
                session_cameras_changed(v->session, change, what);
}

static int stand_in(Verifier *v) {
        CameraCandidate *c = &v->recording.all[0];

        v->recording.n = 1;
        *c = (CameraCandidate) { .node = strdup(v->setup.face_camera), .name = strdup("") };
        return c->node && c->name ? 0 : -ENOMEM;
}

/* The log is told once, until there is one again: whoever may ask could fill it. */
static int refuse(
                Verifier *v,
                CameraChoice choice,
                const char *seat,
                const Camera *refused,
                sd_bus_error *error) {

        const char *pattern = v->setup.configuration->cameras[CAMERA_ROLE_FACE].pattern;
        const char *id = choice == CAMERAS_SOFTWARE ? MESSAGE_CAMERA_REFUSED : MESSAGE_CAMERA_NONE;
        int r;

        switch (choice) {
        case CAMERAS_SOFTWARE:
                r = sd_bus_error_setf(error, LIKENESS_ERROR_CAMERA_REFUSED,
                                "The camera %s (%s) is not used: %s. Connect another one.", refused->identity.name,
                                refused->node, camera_backing_to_reason(refused->identity.backing));
                break;
        case CAMERAS_NOT_PINNED:
                r = sd_bus_error_setf(error, LIKENESS_ERROR_NO_CAMERA,
                                "No camera has a name as Face=%s in likeness.conf asks for; connect the right one, "
                                "or see \"likenessctl cameras\".", pattern);
                break;
        default:
                r = sd_bus_error_set(error, LIKENESS_ERROR_NO_CAMERA, cause_message(CAUSE_CAMERA_NONE));
        }

        if (!v->camera_missing)
                log_message(LOG_ERR, id, "a check was asked for at %s: %s", seat ? seat : SEAT_DEFAULT,
                            error->message ?: "there is no camera");
        v->camera_missing = true;
        return r;
}

/* 0, or a negative errno, with or without words for the caller. */
static int choose(Verifier *v, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_free_ char *seat = NULL;
        const Camera *refused = NULL;
        int r;

        if (v->setup.face_camera)
                return stand_in(v);

        r = seat_of_sender(m, &seat);
        if (r >= 0)
                r = camera_watch_new(&v->cameras, v->event, seat, on_cameras_changed, v);
        if (r >= 0)
                r = camera_watch_choose(v->cameras, v->setup.configuration, CAMERA_ROLE_FACE, &refused);
        if (r < 0)
                return r;
        if (r != CAMERAS_CHOSEN)
                return refuse(v, (CameraChoice) r, seat, refused, error);

        v->camera_missing = false;
        return 0;
}

int verifier_choose_cameras(Verifier *v, sd_bus_message *m, sd_bus_error *error) {
        int r = choose(v, m, error);

        if (r >= 0 || sd_bus_error_is_set(error))
                return r;
        log_error_errno(r, "the cameras cannot be looked for: %m");
        return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE,
                        "The terminal's cameras cannot be looked for; see the service's log.");
}

void verifier_forget_cameras(Verifier *v) {
        v->cameras = camera_watch_free(v->cameras);
        camera_candidates_free(&v->recording);
}

const CameraCandidates *verifier_cameras(const Verifier *v) {
        return v->cameras ? camera_watch_candidates(v->cameras) : &v->recording;
}
