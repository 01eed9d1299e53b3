/* SPDX-License-Identifier: Apache-2.0 */

#include "examination.h"
#include "capture.h"
#include "clock.h"
#include "examiner-protocol.h"
#include "guidance.h"
#include "log.h"
#include "models.h"
#include "vision/vision.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A camera that has shown nothing by then is spoken about; cheap sensors need up to two seconds. */
#define WAKING_USEC (UINT64_C(700) * USEC_PER_MSEC)
/* Progress is told in steps, not with every frame. */
#define PROGRESS_STEP 100U

struct Examination {
        ExaminationSetup setup;
        int event_fd;
        pthread_t thread;
        bool thread_started;
        _Atomic uint64_t driver_since; /* since when the thread is in a call that a driver may not come back from */

        pthread_mutex_t lock;          /* guards everything below */
        pthread_cond_t ordered;
        bool stop, has_order;
        ExaminationOrder order;
        Capture *capture;              /* owned by the thread; here so that it can be woken */
        ExaminationReport report;
};

static void examination_notify(Examination *e) {
        /* fails only when the counter would overflow, and then the loop is being woken anyway */
        (void) eventfd_write(e->event_fd, 1);
}

static void examination_tell_stage(Examination *e, Stage stage) {
        pthread_mutex_lock(&e->lock);
        e->report.stages |= 1U << stage;
        pthread_mutex_unlock(&e->lock);
        examination_notify(e);
}

static void examination_tell_prompt(Examination *e, Prompt prompt, uint32_t progress) {
        pthread_mutex_lock(&e->lock);
        e->report.prompted = true;
        e->report.prompt = prompt;
        e->report.progress = progress;
        pthread_mutex_unlock(&e->lock);
        examination_notify(e);
}

static void examination_tell_findings(Examination *e, const Findings *findings) {
        pthread_mutex_lock(&e->lock);
        e->report.done = true;
        e->report.findings = *findings;
        pthread_mutex_unlock(&e->lock);
        examination_notify(e);
}

static int examination_load(Examination *e, Models **ret_models, Vision **ret_vision, Findings *findings) {
        _cleanup_(models_freep) Models *models = NULL;
        size_t model = 0;
        int r;

        r = models_open(e->setup.manifest, e->setup.models, &models, &findings->outcome, &findings->model);
        if (r < 0)
                return r;

        r = vision_new(ret_vision, models->manifest, models->fds, &model);
        if (r < 0) {
                findings->outcome = OUTCOME_MODEL_UNUSABLE;
                findings->model = (uint32_t) model;
                return log_error_errno(r, "model %s does not load: %m", models->manifest->models[model].name);
        }

        examination_tell_stage(e, STAGE_MODELS_LOADED);
        *ret_models = TAKE_PTR(models);
        return 0;
}

/* Waits for examination_start(); -ECANCELED if the examination is being freed instead. */
static int examination_await_order(Examination *e, ExaminationOrder *ret) {
        int r = 0;

        pthread_mutex_lock(&e->lock);
        while (!e->has_order && !e->stop)
                pthread_cond_wait(&e->ordered, &e->lock);
        if (e->stop)
                r = -ECANCELED;
        else {
                *ret = e->order;
                e->has_order = false;
                e->order = (ExaminationOrder) { .reference = -1 };
        }
        pthread_mutex_unlock(&e->lock);
        return r;
}

static int examination_take_reference(Vision *vision, const ExaminationOrder *order, Findings *findings) {
        size_t size = (size_t) order->width * order->height * 3;
        struct stat st;
        void *pixels;
        int r;

        if (fstat(order->reference, &st) < 0)
                return -errno;
        if (st.st_size < 0 || (size_t) st.st_size != size)
                return -EBADMSG;

        pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, order->reference, 0);
        if (pixels == MAP_FAILED)
                return -errno;

        const Image portrait = {
                .format = PIXEL_FORMAT_RGB,
                .width = order->width,
                .height = order->height,
                .plane = { pixels },
                .stride = { (size_t) order->width * 3 },
        };
        r = vision_set_reference(vision, &portrait, &findings->reason);
        (void) munmap(pixels, size);
        if (r < 0)
                return r;
        if (findings->reason != REASON_NONE)
                findings->outcome = OUTCOME_REFERENCE_UNUSABLE;

        return 0;
}

static void examination_enter_driver(Examination *e) {
        atomic_store(&e->driver_since, now_monotonic_usec());
}

static void examination_leave_driver(Examination *e) {
        atomic_store(&e->driver_since, 0);
}

/* Waits for the next frame until `deadline`: 1 with a frame, 0 when the time or the recording has ended, else as
 * capture_next(). With `waking`, says so when it takes long. */
static int examination_next_frame(
                Examination *e,
                Capture *capture,
                uint64_t deadline,
                bool *waking,
                Frame *ret,
                Outcome *reterr_outcome) {

        uint64_t now = now_monotonic_usec();
        int r;

        if (now >= deadline)
                return 0;

        if (waking) {
                r = capture_next(capture, deadline - now < WAKING_USEC ? deadline - now : WAKING_USEC, ret,
                                reterr_outcome);
                if (r != -ETIMEDOUT)
                        return r;
                *waking = true;
                examination_tell_prompt(e, PROMPT_CAMERA_WAKING, 0);
                now = now_monotonic_usec();
        }

        r = now < deadline ? capture_next(capture, deadline - now, ret, reterr_outcome) : 0;
        return r == -ETIMEDOUT ? 0 : r;
}

/* Looks at frames until nothing more can change the answer; `findings->outcome` says how it ended. */
static int examination_watch(
                Examination *e,
                Vision *vision,
                Capture *capture,
                const ExaminationOrder *order,
                Findings *findings) {

        uint64_t began = now_monotonic_usec();
        uint32_t told = 0;
        bool face_seen = false;
        Guidance guidance;
        Outcome camera;
        int r;

        guidance_init(&guidance, order->pace == PACE_RELAXED, began);
        examination_tell_prompt(e, guidance.shown, 0);

        for (bool first = true, waking = false;; first = false) {
                Observation seen = {};
                Frame frame;

                r = examination_next_frame(e, capture, began + order->time_limit_usec, first ? &waking : NULL, &frame,
                                &findings->outcome);
                if (r == -EIO) {
                        examination_enter_driver(e);
                        findings->outcome = capture_explain(capture, findings->outcome);
                        examination_leave_driver(e);
                        return 0;
                }
                if (r < 0)
                        return r;
                if (r == 0) {
                        findings->outcome = OUTCOME_TIME_RAN_OUT;
                        break;
                }
                if (first)
                        examination_tell_stage(e, STAGE_FIRST_FRAME);
                if (first && waking)
                        examination_tell_prompt(e, guidance.shown, 0);

                r = vision_observe(vision, &frame.image, &seen);
                frame_release(&frame);
                if (r < 0)
                        return r;

                if (seen.faces > 0 && !face_seen) {
                        face_seen = true;
                        examination_tell_stage(e, STAGE_FACE_SEEN);
                }
                if (seen.enough) {
                        findings->outcome = OUTCOME_EXAMINED;
                        break;
                }
                if (seen.restarted)
                        told = 0;
                if (guidance_update(&guidance, &seen, now_monotonic_usec()) || seen.progress >= told + PROGRESS_STEP) {
                        told = seen.progress;
                        examination_tell_prompt(e, guidance.shown, seen.progress);
                }
        }

        examination_tell_stage(e, STAGE_LAST_FRAME);
        examination_enter_driver(e);
        camera = capture_check(capture);
        examination_leave_driver(e);
        if (camera != OUTCOME_EXAMINED) {
                findings->outcome = camera;
                return 0;
        }
        if (findings->outcome == OUTCOME_TIME_RAN_OUT)
                findings->reason = guidance_obstacle(&guidance);
        return vision_conclude(vision, findings);
}

static int examination_open(Examination *e, const ExaminationOrder *order, Capture **ret, Findings *findings) {
        const CaptureSetup setup = {
                .cameras = order->cameras,
                .n_cameras = order->n_cameras,
                .recordings = e->setup.demo,
                .software = order->software,
                .view = order->view,
        };
        Capture *capture = NULL;
        size_t camera;
        int r;

        examination_enter_driver(e);
        r = capture_new(&capture, &setup, &camera, &findings->outcome);
        examination_leave_driver(e);
        findings->camera = (uint32_t) camera;
        if (r < 0)
                return r;
        examination_tell_stage(e, STAGE_CAMERA_OPENED);

        pthread_mutex_lock(&e->lock);
        e->capture = capture;
        if (e->stop)
                capture_wake(capture);
        pthread_mutex_unlock(&e->lock);
        *ret = capture;
        return 0;
}

static void examination_close(Examination *e, Capture *capture) {
        pthread_mutex_lock(&e->lock);
        e->capture = NULL;
        pthread_mutex_unlock(&e->lock);

        examination_enter_driver(e);
        (void) capture_free(capture);
        examination_leave_driver(e);
}

/* Opens the camera before the reference is looked at: a sensor wakes up meanwhile. Closes it before anything is told. */
static int examination_examine(Examination *e, Vision *vision, const ExaminationOrder *order, Findings *findings) {
        Capture *capture;
        int r;

        vision_set_thresholds(vision, order->no_match_below, order->match_from);

        r = examination_open(e, order, &capture, findings);
        if (r < 0)
                return 0;

        r = examination_take_reference(vision, order, findings);
        if (r >= 0 && findings->outcome != OUTCOME_REFERENCE_UNUSABLE)
                r = examination_watch(e, vision, capture, order, findings);

        findings->frames_captured = capture_count(capture);
        examination_close(e, capture);
        return r;
}

static void *examination_thread(void *userdata) {
        _cleanup_(models_freep) Models *models = NULL;
        _cleanup_(vision_freep) Vision *vision = NULL;
        ExaminationOrder order = { .reference = -1 };
        Findings findings = { .outcome = OUTCOME_INTERNAL_ERROR };
        Examination *e = userdata;
        int loaded, r;

        loaded = examination_load(e, &models, &vision, &findings);

        r = examination_await_order(e, &order);
        if (r < 0)
                return NULL;

        if (loaded >= 0) {
                r = examination_examine(e, vision, &order, &findings);
                if (r < 0) {
                        findings = (Findings) { .outcome = OUTCOME_INTERNAL_ERROR };
                        log_error_errno(r, "the examination failed: %m");
                }
        }

        examination_order_done(&order);
        examination_tell_findings(e, &findings);
        return NULL;
}

int examination_new(Examination **ret, const ExaminationSetup *setup) {
        _cleanup_(examination_freep) Examination *e = NULL;
        int r;

        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->setup = *setup;
        e->order.reference = -1;
        pthread_mutex_init(&e->lock, NULL);
        pthread_cond_init(&e->ordered, NULL);

        e->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (e->event_fd < 0)
                return -errno;

        r = pthread_create(&e->thread, NULL, examination_thread, e);
        if (r != 0)
                return -r;
        e->thread_started = true;

        *ret = TAKE_PTR(e);
        return 0;
}

Examination *examination_free(Examination *e) {
        if (!e)
                return NULL;

        if (e->thread_started) {
                pthread_mutex_lock(&e->lock);
                e->stop = true;
                if (e->capture)
                        capture_wake(e->capture);
                pthread_cond_signal(&e->ordered);
                pthread_mutex_unlock(&e->lock);
                pthread_join(e->thread, NULL);
        }

        examination_order_done(&e->order);
        safe_close(e->event_fd);
        pthread_cond_destroy(&e->ordered);
        pthread_mutex_destroy(&e->lock);
        free(e);
        return NULL;
}

void examination_start(Examination *e, const ExaminationOrder *order) {
        pthread_mutex_lock(&e->lock);
        e->order = *order;
        e->has_order = true;
        pthread_cond_signal(&e->ordered);
        pthread_mutex_unlock(&e->lock);
}

uint64_t examination_in_driver_usec(const Examination *e) {
        uint64_t since = atomic_load(&e->driver_since);

        return since > 0 ? now_monotonic_usec() - since : 0;
}

int examination_get_fd(const Examination *e) {
        return e->event_fd;
}

void examination_take_report(Examination *e, ExaminationReport *ret) {
        eventfd_t count;

        (void) eventfd_read(e->event_fd, &count);
        pthread_mutex_lock(&e->lock);
        *ret = e->report;
        e->report.stages = 0;
        e->report.prompted = false;
        pthread_mutex_unlock(&e->lock);
}

void examination_order_done(ExaminationOrder *order) {
        order->reference = safe_close(order->reference);
        camera_candidates_done(order->cameras, order->n_cameras);
        order->n_cameras = 0;
}
