/* SPDX-License-Identifier: Apache-2.0 */

#include "camera-inspection.h"
#include "log.h"

#include <errno.h>

/* The examiner gives each camera 3 s; this is for an examiner that does not keep to it. */
#define EACH_USEC (UINT64_C(3) * USEC_PER_SEC)
#define OVERTIME_USEC (UINT64_C(4) * USEC_PER_SEC)

struct CameraInspection {
        const CameraInspectionHandlers *handlers;
        void *userdata;
        ExaminerLink *link;
        sd_event_source *deadline;
        CameraCandidate cameras[CAMERA_CANDIDATES_MAX];
        size_t n_cameras;
        bool software;
        CameraReport *reports;         /* NULL until they have come */
        bool stuck, told;
};

static void inspection_failed(const char *what) {
        log_error("the cameras cannot be inspected: %s", what);
}

static void on_link_ready(ExaminerLink *l, void *userdata) {
        CameraInspection *i = userdata;
        int r;

        r = examiner_link_inspect(l, i->cameras, i->n_cameras, i->software);
        if (r < 0) {
                inspection_failed(strerror(-r));
                examiner_link_end(l);
        }
}

static void on_link_inspected(ExaminerLink *l, const CameraReport *reports, void *userdata) {
        CameraInspection *i = userdata;

        i->reports = malloc(i->n_cameras * sizeof(*i->reports));
        if (i->reports)
                memcpy(i->reports, reports, i->n_cameras * sizeof(*i->reports));
        else
                inspection_failed("out of memory");
        examiner_link_end(l);
}

static void on_link_failed(ExaminerLink *l, Cause cause, const char *what, void *userdata) {
        inspection_failed(what);
}

static void on_link_gone(ExaminerLink *l, bool stuck, void *userdata) {
        CameraInspection *i = userdata;
        bool told = i->told;

        i->deadline = sd_event_source_disable_unref(i->deadline);
        i->stuck = i->stuck || stuck;
        i->told = true;
        if (!told)
                i->handlers->done(i, i->reports, stuck, i->userdata);
        if (!stuck)
                i->handlers->gone(i, i->userdata);
}

/* An examiner that inspects has nothing else to say. */
static void on_link_stage(ExaminerLink *l, Stage stage, void *userdata) {
        if (stage != STAGE_MODELS_LOADED) /* which it begins with, whatever it is asked for */
                log_debug("an examiner that inspects cameras speaks of an examination");
}

static void on_link_prompt(ExaminerLink *l, Prompt prompt, uint32_t progress, void *userdata) {
        log_debug("an examiner that inspects cameras prompts a customer");
}

static const ExaminerLinkHandlers link_handlers = {
        .ready = on_link_ready,
        .stage = on_link_stage,
        .prompt = on_link_prompt,
        .inspected = on_link_inspected,
        .failed = on_link_failed,
        .gone = on_link_gone,
};

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        CameraInspection *i = userdata;

        inspection_failed("the examiner exceeded its time");
        examiner_link_end(i->link);
        return 0;
}

static int copy_cameras(CameraInspection *i, const CameraCandidate *cameras, size_t n) {
        if (n < 1 || n > CAMERA_CANDIDATES_MAX)
                return -EINVAL;
        for (; i->n_cameras < n; i->n_cameras++) {
                CameraCandidate *c = &i->cameras[i->n_cameras];

                c->node = strdup(cameras[i->n_cameras].node);
                c->name = strdup(cameras[i->n_cameras].name);
                if (!c->node || !c->name) {
                        i->n_cameras++;
                        return -ENOMEM;
                }
        }
        return 0;
}

int camera_inspection_new(
                CameraInspection **ret,
                sd_event *event,
                const ExaminerPlace *place,
                bool demo,
                const CameraCandidate *cameras,
                size_t n,
                bool software,
                const CameraInspectionHandlers *handlers,
                void *userdata) {

        _cleanup_(camera_inspection_freep) CameraInspection *i = NULL;
        int r;

        i = calloc(1, sizeof(*i));
        if (!i)
                return -ENOMEM;
        i->handlers = handlers;
        i->userdata = userdata;
        i->software = software;

        r = copy_cameras(i, cameras, n);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &i->deadline, CLOCK_MONOTONIC, n * EACH_USEC + OVERTIME_USEC, 0,
                        on_deadline, i);
        if (r < 0)
                return r;
        r = examiner_link_new(&i->link, event, place, demo, &link_handlers, i);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(i);
        return 0;
}

CameraInspection *camera_inspection_free(CameraInspection *i) {
        if (!i)
                return NULL;

        sd_event_source_disable_unref(i->deadline);
        examiner_link_free(i->link);
        camera_candidates_done(i->cameras, i->n_cameras);
        free(i->reports);
        free(i);
        return NULL;
}

void camera_inspection_end(CameraInspection *i) {
        examiner_link_end(i->link);
}

bool camera_inspection_was_stuck(const CameraInspection *i) {
        return i->stuck;
}
