/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-device.h"
#include "capture-frame.h"
#include "capture-private.h"
#include "clock.h"

#include <errno.h>
#include <time.h>

int capture_new(Capture **ret, const CaptureSetup *setup, size_t *ret_camera, Outcome *reterr_outcome) {
        _cleanup_(capture_freep) Capture *c = NULL;
        pthread_condattr_t attributes;
        int r;

        *ret_camera = 0;
        *reterr_outcome = OUTCOME_INTERNAL_ERROR;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->setup = *setup;
        c->device = -1;

        (void) pthread_mutex_init(&c->lock, NULL);
        (void) pthread_condattr_init(&attributes);
        (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&c->changed, &attributes);
        (void) pthread_condattr_destroy(&attributes);

        r = capture_open(c, ret_camera, reterr_outcome);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

Capture *capture_free(Capture *c) {
        if (!c)
                return NULL;

        capture_close(c);
        (void) pthread_cond_destroy(&c->changed);
        (void) pthread_mutex_destroy(&c->lock);
        free(c);
        return NULL;
}

static struct timespec timespec_of(uint64_t usec) {
        return (struct timespec) {
                .tv_sec = (time_t) (usec / USEC_PER_SEC),
                .tv_nsec = (long) (usec % USEC_PER_SEC * NSEC_PER_USEC),
        };
}

/* OUTCOME_EXAMINED as long as pictures come; waits until something changes, at most until `deadline`. */
static Outcome capture_wait_a_moment(Capture *c, uint64_t now, uint64_t deadline) {
        Outcome outcome = OUTCOME_EXAMINED;
        uint64_t again = deadline;
        struct timespec until;

        if (!c->recording)
                outcome = flow_judge(&c->flow, now, &again);
        if (outcome != OUTCOME_EXAMINED)
                return outcome;

        until = timespec_of(again < deadline ? again : deadline);
        (void) pthread_cond_timedwait(&c->changed, &c->lock, &until);
        return OUTCOME_EXAMINED;
}

/* Takes the newest sample, as capture_next() does. */
static int capture_wait(Capture *c, uint64_t deadline, GstSample **ret, uint64_t *ret_usec, Outcome *reterr_outcome) {
        uint64_t now = now_monotonic_usec();
        Outcome flow = OUTCOME_EXAMINED;
        int r = 0;

        pthread_mutex_lock(&c->lock);
        while (!c->newest && !c->woken && !c->failed && !c->ended && flow == OUTCOME_EXAMINED && r == 0) {
                flow = capture_wait_a_moment(c, now, deadline);
                now = now_monotonic_usec();
                if (now >= deadline)
                        r = -ETIMEDOUT;
        }

        if (c->woken)
                r = 0;
        else if (c->failed || flow != OUTCOME_EXAMINED) {
                *reterr_outcome = c->failed ? c->outcome : flow;
                r = -EIO;
        } else if (c->newest) {
                /* Recordings have been seen to repeat a time stamp, or to leave it out. */
                c->last_usec = c->newest_usec > c->last_usec ? c->newest_usec : c->last_usec + 1;
                *ret = TAKE_PTR(c->newest);
                *ret_usec = c->last_usec;
                r = 1;
        } else if (c->ended)
                r = 0;

        pthread_mutex_unlock(&c->lock);
        return r;
}

/* It stays what it is from then on. */
static int capture_give_up(Capture *c, Outcome outcome, Outcome *reterr_outcome) {
        pthread_mutex_lock(&c->lock);
        c->failed = true;
        c->outcome = outcome;
        pthread_mutex_unlock(&c->lock);
        *reterr_outcome = outcome;
        return -EIO;
}

/* True if the picture is to be handed out; else it is released, with `ret_outcome` if no further one will do. */
static bool capture_judge(Capture *c, Frame *frame, Outcome *ret_outcome) {
        PictureMeasures measures = picture_measure(&frame->image);
        PictureWord word = picture_watch_take(&c->watch, &measures, frame->image.timestamp_usec);

        if (word == PICTURE_FINE)
                return true;

        *ret_outcome = word == PICTURE_COVERED ? OUTCOME_CAMERA_COVERED :
                       word == PICTURE_DAMAGED ? OUTCOME_CAMERA_DAMAGED :
                       word == PICTURE_FROZEN  ? OUTCOME_CAMERA_FROZEN :
                                                 OUTCOME_EXAMINED;
        frame_release(frame);
        return false;
}

int capture_next(Capture *c, uint64_t timeout_usec, Frame *ret, Outcome *reterr_outcome) {
        const uint64_t now = now_monotonic_usec();
        /* A day stands for any longer time: it cannot overflow, and no verification lasts as long. */
        const uint64_t day = UINT64_C(86400) * USEC_PER_SEC;
        const uint64_t deadline = now + (timeout_usec < day ? timeout_usec : day);

        for (;;) {
                Outcome outcome = OUTCOME_EXAMINED;
                GstSample *sample = NULL;
                uint64_t usec = 0;
                int r;

                r = capture_wait(c, deadline, &sample, &usec, &outcome);
                if (r == -EIO)
                        return capture_give_up(c, outcome, reterr_outcome);
                if (r <= 0)
                        return r;

                r = frame_new(sample, usec, ret);
                if (r >= 0 && capture_judge(c, ret, &outcome))
                        return 1;
                /* A picture that is not what its caps say is skipped, as one that cannot be decoded is. */
                if (r == -EBADMSG || (r >= 0 && outcome == OUTCOME_EXAMINED))
                        continue;

                return capture_give_up(c, r < 0 ? OUTCOME_INTERNAL_ERROR : outcome, reterr_outcome);
        }
}

Outcome capture_explain(Capture *c, Outcome outcome) {
        Outcome kept;

        if (c->recording || (outcome != OUTCOME_CAMERA_SILENT && outcome != OUTCOME_CAMERA_LOST))
                return outcome;
        kept = device_check_mode(c->device, c->mode);
        return kept == OUTCOME_CAMERA_SIZE || kept == OUTCOME_CAMERA_FORMAT ? kept : outcome;
}

Outcome capture_check(Capture *c) {
        return c->recording ? OUTCOME_EXAMINED : device_check(c->device, c->camera, c->setup.software);
}

void capture_wake(Capture *c) {
        pthread_mutex_lock(&c->lock);
        c->woken = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
}

uint32_t capture_count(const Capture *c) {
        return atomic_load(&c->count);
}
