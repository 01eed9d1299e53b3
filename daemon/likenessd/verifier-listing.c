/* SPDX-License-Identifier: Apache-2.0 */

/* ListCameras(): what is there at the caller's seat, what each can do, and which is fit for what. And the same in one
 * word, for the entry "health". */

#include "camera-description.h"
#include "camera-inspection.h"
#include "cameras.h"
#include "errors.h"
#include "log.h"
#include "seat.h"
#include "verifier-private.h"

#include <errno.h>

struct Listing {
        Verifier *verifier;
        sd_bus_message *message;       /* to be answered; NULL: `told` is */
        FitnessHandler told;
        void *userdata;
        Cause cause;                   /* why there is no answer */
        bool answered, overtaken;
        CameraInspection *inspection;
        char *seat;                    /* the caller's */
        Cameras cameras;
        size_t inspected[CAMERA_CANDIDATES_MAX]; /* which of them */
        size_t n_inspected;
};

static Listing *listing_free(Listing *l) {
        if (!l)
                return NULL;

        camera_inspection_free(l->inspection);
        cameras_done(&l->cameras);
        sd_bus_message_unref(l->message);
        free(l->seat);
        free(l);
        return NULL;
}
DEFINE_CLEANUP(Listing *, listing_free);

void verifier_forget_listing(Verifier *v) {
        v->listing = listing_free(v->listing);
}

bool verifier_listing_is_stuck(const Verifier *v) {
        return v->listing && v->listing->answered;
}

void verifier_end_listing(Verifier *v, Cause cause) {
        if (!v->listing)
                return;
        v->listing->cause = cause;
        camera_inspection_end(v->listing->inspection);
}

void verifier_overtake_listing(Verifier *v) {
        v->listing->overtaken = true;
        camera_inspection_end(v->listing->inspection);
}

/* What came out of inspecting the camera `n`; NULL if it was not inspected. */
static const CameraReport *report_of(const Listing *l, size_t n, const CameraReport *reports) {
        for (size_t i = 0; reports && i < l->n_inspected; i++)
                if (l->inspected[i] == n)
                        return &reports[i];
        return NULL;
}

static const Camera *find_node(const Listing *l, const char *node, size_t *ret_n) {
        for (*ret_n = 0; *ret_n < l->cameras.n; ++*ret_n)
                if (streq(l->cameras.all[*ret_n].node, node))
                        return &l->cameras.all[*ret_n];
        return NULL;
}

/* Of the candidates the examiner takes the first that sees colour, else the first that has a format at all. One that it
 * cannot open is its answer, and no other takes its place. */
static const Camera *first_usable(const Listing *l, const CameraCandidates *candidates, const CameraReport *reports) {
        const Camera *second = NULL;

        for (size_t i = 0; i < candidates->n; i++) {
                size_t n;
                const Camera *c = find_node(l, candidates->all[i].node, &n);
                const CameraReport *report = report_of(l, n, reports);
                bool usable, colour;

                if (!report)
                        continue;
                if (!camera_report_has_modes(report))
                        return c;
                usable = camera_modes_usable(report->modes, report->n_modes, &colour);
                if (colour)
                        return c;
                if (usable && !second)
                        second = c;
        }
        return second;
}

/* The one that a check would use. */
static const Camera *used_camera(const Listing *l, const CameraReport *reports) {
        const Verifier *v = l->verifier;
        CameraCandidates candidates = {};
        const Camera *refused, *used = NULL;

        if (cameras_choose(&l->cameras, l->seat, v->setup.configuration, CAMERA_ROLE_FACE, &candidates, &refused) ==
            CAMERAS_CHOSEN)
                used = first_usable(l, &candidates, reports);
        camera_candidates_free(&candidates);
        return used;
}

static int reply(Listing *l, const CameraReport *reports) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const Camera *used = used_camera(l, reports);
        int r;

        r = sd_bus_message_new_method_return(l->message, &m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < l->cameras.n; i++) {
                const Camera *c = &l->cameras.all[i];

                if (camera_captures_at(c, l->seat))
                        r = camera_describe(m, l->verifier->setup.configuration, c, report_of(l, i, reports), c == used);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

/* Of the one camera that was inspected. */
static const char *fitness_word(const Listing *l, const CameraReport *reports) {
        uint32_t pixels;

        return camera_fitness_to_string(camera_fitness(l->verifier->setup.configuration,
                                                       &l->cameras.all[l->inspected[0]], reports, CAMERA_ROLE_FACE,
                                                       &pixels));
}

static int reply_failed(const Listing *l) {
        return l->overtaken ?
                        sd_bus_reply_method_errorf(l->message, LIKENESS_ERROR_BUSY,
                                        "A check began on this terminal; list its cameras when that has ended.") :
                        sd_bus_reply_method_errorf(l->message, LIKENESS_ERROR_UNAVAILABLE, "%s",
                                        cause_message(l->cause));
}

static void on_inspection_done(CameraInspection *i, const CameraReport *reports, bool stuck, void *userdata) {
        Listing *l = userdata;
        int r;

        l->answered = true;
        if (!l->message) {
                l->told(fitness_word(l, reports), l->userdata);
                r = 0;
        } else
                r = reports ? reply(l, reports) : reply_failed(l);
        if (r < 0)
                log_warning_errno(r, "a caller cannot be answered: %m");
        if (stuck) {
                log_message(LOG_ERR, MESSAGE_EXAMINER_STUCK, "%s", cause_message(CAUSE_EXAMINER_STUCK));
                verifier_wake(l->verifier);
        }
}

static void on_inspection_gone(CameraInspection *i, void *userdata) {
        const Listing *l = userdata;
        Verifier *v = l->verifier;
        bool stuck = camera_inspection_was_stuck(i);

        verifier_forget_listing(v);
        if (stuck)
                log_message(LOG_NOTICE, MESSAGE_EXAMINER_GONE, "the stuck examiner is gone; checks are possible again");
        verifier_rest(v);
        verifier_wake(v);
}

static const CameraInspectionHandlers inspection_handlers = {
        .done = on_inspection_done,
        .gone = on_inspection_gone,
};

/* Has the cameras `inspected` looked at. */
static int listing_inspect(Listing *l) {
        Verifier *v = l->verifier;
        CameraCandidate all[CAMERA_CANDIDATES_MAX];

        for (size_t i = 0; i < l->n_inspected; i++) {
                Camera *c = &l->cameras.all[l->inspected[i]];

                all[i] = (CameraCandidate) { .node = c->node, .name = c->identity.name }; /* borrowed */
        }
        return camera_inspection_new(&l->inspection, v->event, &v->setup.examiner, v->setup.demo, all, l->n_inspected,
                        v->setup.configuration->software_cameras, &inspection_handlers, l);
}

static void listing_add(Listing *l, size_t n) {
        for (size_t i = 0; i < l->n_inspected; i++)
                if (l->inspected[i] == n)
                        return;
        if (l->n_inspected < CAMERA_CANDIDATES_MAX)
                l->inspected[l->n_inspected++] = n;
}

/* Those that a check would try come first, as there may be more than can be inspected. */
static int listing_add_all(Listing *l) {
        const Configuration *policy = l->verifier->setup.configuration;
        CameraCandidates candidates = {};
        const Camera *refused;
        int r;

        r = cameras_choose(&l->cameras, l->seat, policy, CAMERA_ROLE_FACE, &candidates, &refused);
        for (size_t i = 0; i < candidates.n; i++) {
                size_t n;

                if (find_node(l, candidates.all[i].node, &n))
                        listing_add(l, n);
        }
        camera_candidates_free(&candidates);

        for (size_t i = 0; i < l->cameras.n; i++)
                if (camera_captures_at(&l->cameras.all[i], l->seat) && camera_backed(&l->cameras.all[i], policy))
                        listing_add(l, i);
        return r;
}

/* Begins, or if there is nothing to inspect answers at once. */
static int listing_start(Listing *l) {
        int r = listing_add_all(l);

        if (r < 0)
                return r;
        return l->n_inspected > 0 ? listing_inspect(l) : reply(l, NULL);
}

static int listing_new(Listing **ret, Verifier *v) {
        _cleanup_(listing_freep) Listing *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->verifier = v;
        l->cause = CAUSE_EXAMINER_FAILED;
        r = cameras_list(&l->cameras);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

/* Takes it over while its examiner is there. */
static void keep_listing(Verifier *v, Listing **l) {
        if (!(*l)->inspection)
                return;
        reload_hold(v->setup.reload);
        v->listing = TAKE_PTR(*l);
}

static int list_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        _cleanup_(listing_freep) Listing *l = NULL;
        Verifier *v = userdata;
        int r;

        r = verifier_check_can_examine(v, error);
        if (r < 0)
                return r;

        r = listing_new(&l, v);
        if (r >= 0) {
                l->message = sd_bus_message_ref(m);
                r = seat_of_sender(m, &l->seat);
        }
        if (r >= 0)
                r = listing_start(l);
        if (r < 0) {
                log_error_errno(r, "the cameras cannot be listed: %m");
                return sd_bus_error_set(error, LIKENESS_ERROR_UNAVAILABLE, cause_message(CAUSE_EXAMINER_FAILED));
        }

        keep_listing(v, &l);
        return 1;
}

int verifier_method_list_cameras(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_VERIFY, list_authorised, v);
}

/* Begins to inspect the camera that a check would try first, or says why there is no need to. */
static int begin_fitness(Listing *l, const char **ret_word) {
        const Camera *refused;
        CameraCandidates candidates = {};
        int r;

        r = cameras_choose(&l->cameras, NULL, l->verifier->setup.configuration, CAMERA_ROLE_FACE, &candidates,
                           &refused);
        if (r == CAMERAS_NONE)
                *ret_word = "none";
        else if (r == CAMERAS_NOT_PINNED)
                *ret_word = camera_fitness_to_string(CAMERA_NOT_PINNED);
        else if (r == CAMERAS_SOFTWARE)
                *ret_word = camera_fitness_to_string(CAMERA_NO_HARDWARE);
        else if (r >= 0) {
                (void) find_node(l, candidates.all[0].node, &l->inspected[0]);
                l->n_inspected = 1;
                r = listing_inspect(l);
        }
        camera_candidates_free(&candidates);
        return r;
}

void verifier_tell_fitness(Verifier *v, FitnessHandler told, void *userdata) {
        const char *word = camera_fitness_to_string(CAMERA_NOT_AVAILABLE);
        _cleanup_(listing_freep) Listing *l = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (v->setup.face_camera)
                word = "recording";
        else if (verifier_check_can_examine(v, &error) >= 0) {
                r = listing_new(&l, v);
                if (r >= 0) {
                        l->told = told;
                        l->userdata = userdata;
                        r = begin_fitness(l, &word);
                }
                if (r < 0)
                        log_warning_errno(r, "whether the camera is fit cannot be told: %m");
        }
        sd_bus_error_free(&error);

        if (l && l->inspection)
                keep_listing(v, &l);
        else
                told(word, userdata);
}
