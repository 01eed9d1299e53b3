/* SPDX-License-Identifier: Apache-2.0 */

#include "capture.h"
#include "capture-device.h"
#include "capture-flow.h"
#include "capture-frame.h"
#include "capture-gate.h"
#include "capture-mode.h"
#include "capture-picture.h"
#include "capture-pipeline.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

struct Capture {
        CaptureSetup setup;
        const CameraCandidate *camera; /* the one that is open */
        GstElement *pipeline;
        GstCaps *mode;                 /* that a camera was set to; NULL for a recording */
        int device;                    /* v4l2src's descriptor, its own; -1 for a recording */
        bool recording;
        bool opened;                   /* set before GStreamer's threads start */
        PictureWatch watch;            /* for the caller's thread */

        Gate gate;                     /* for the thread that delivers frames; so is what follows */
        bool mode_checked;

        atomic_uint_least32_t count;

        pthread_mutex_t lock;          /* of all below: GStreamer's threads write, the caller's reads */
        pthread_cond_t changed;
        Flow flow;
        GstSample *newest;             /* not yet handed out */
        uint64_t newest_usec;
        uint64_t last_usec;            /* of the frame handed out last */
        bool woken;
        bool ended;                    /* a recording's end */
        bool failed;
        Outcome outcome;               /* if failed */
};

/* Keeps the first failure: what follows it is its consequence. */
static void capture_fail(Capture *c, Outcome outcome) {
        pthread_mutex_lock(&c->lock);
        if (!c->failed) {
                c->failed = true;
                c->outcome = outcome;
        }
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
}

static Outcome capture_failure(Capture *c, Outcome otherwise) {
        Outcome outcome;

        pthread_mutex_lock(&c->lock);
        outcome = c->failed ? c->outcome : otherwise;
        pthread_mutex_unlock(&c->lock);
        return outcome;
}

static Outcome outcome_of_error(Capture *c, GstMessage *message) {
        const GstStructure *details = NULL;
        g_autoptr(GError) error = NULL;
        int flow = GST_FLOW_OK;

        gst_message_parse_error(message, &error, NULL);
        gst_message_parse_error_details(message, &details);
        if (details)
                (void) gst_structure_get_int(details, "flow-return", &flow);

        log_debug("Capture: %s", error->message);

        if (atomic_load(&c->count) > 0)
                return OUTCOME_CAMERA_LOST;
        if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY))
                return OUTCOME_CAMERA_BUSY;
        if (g_error_matches(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION) ||
                        flow == GST_FLOW_NOT_NEGOTIATED || flow == GST_FLOW_NOT_LINKED ||
                        error->domain == GST_STREAM_ERROR)
                return OUTCOME_CAMERA_FORMAT;

        /* What the kernel opens and v4l2src does not is something that captures no video. */
        return device_opening_outcome(c->camera->node, c->opened ? OUTCOME_CAMERA_SILENT : OUTCOME_CAMERA_FORMAT);
}

/* Called on whatever thread posts; no message is ever queued, as nobody would read the queue. */
static GstBusSyncReply on_message(GstBus *bus, GstMessage *message, gpointer userdata) {
        Capture *c = userdata;

        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
                capture_fail(c, outcome_of_error(c, message));

        gst_message_unref(message);
        return GST_BUS_DROP;
}

/* Once buffers are there a driver cannot be set to anything else. */
static bool mode_kept(Capture *c) {
        Outcome outcome;

        if (c->recording || c->mode_checked)
                return true;
        c->mode_checked = true;
        outcome = device_check_mode(c->device, c->mode);
        if (outcome != OUTCOME_EXAMINED)
                capture_fail(c, outcome);
        return outcome == OUTCOME_EXAMINED;
}

/* Every frame, before any is dropped or decoded. */
static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer userdata) {
        Capture *c = userdata;
        FrameFault fault;

        if (!mode_kept(c))
                return GST_PAD_PROBE_DROP;
        atomic_fetch_add(&c->count, 1);
        fault = gate_check(&c->gate, pad, GST_PAD_PROBE_INFO_BUFFER(info));

        pthread_mutex_lock(&c->lock);
        flow_arrived(&c->flow, fault, now_monotonic_usec());
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        return fault == FRAME_WHOLE ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

/* A camera's running time becomes CLOCK_MONOTONIC, which is what the pipeline's clock counts. */
static uint64_t sample_usec(Capture *c, GstSample *sample) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        uint64_t t = GST_CLOCK_TIME_NONE;

        if (buffer && GST_BUFFER_PTS_IS_VALID(buffer))
                t = gst_segment_to_running_time(
                                gst_sample_get_segment(sample), GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
        if (!GST_CLOCK_TIME_IS_VALID(t))
                return 0;
        if (!c->recording)
                t += gst_element_get_base_time(c->pipeline);

        return t / NSEC_PER_USEC;
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer userdata) {
        Capture *c = userdata;
        GstSample *sample;
        uint64_t usec;

        sample = gst_app_sink_try_pull_sample(sink, 0);
        if (!sample)
                return GST_FLOW_OK;

        usec = sample_usec(c, sample);

        pthread_mutex_lock(&c->lock);
        flow_usable(&c->flow, now_monotonic_usec());
        if (c->newest)
                gst_sample_unref(c->newest);
        c->newest = sample;
        c->newest_usec = usec;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        return GST_FLOW_OK;
}

static void on_eos(GstAppSink *sink, gpointer userdata) {
        Capture *c = userdata;

        /* A camera has no end. */
        if (!c->recording) {
                capture_fail(c, atomic_load(&c->count) > 0 ? OUTCOME_CAMERA_LOST : OUTCOME_CAMERA_SILENT);
                return;
        }

        pthread_mutex_lock(&c->lock);
        c->ended = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
}

/* `grey` is enough, too. */
static int capture_open_camera(Capture *c, bool grey, Tail *ret, Outcome *reterr_outcome) {
        g_autoptr(GstCaps) offered = NULL;
        GstElement *source;
        GstPad *pad;
        int r;

        r = pipeline_add_camera(c->pipeline, c->camera->node, &source);
        if (r < 0)
                return r;

        /* Opens the device. */
        if (gst_element_set_state(source, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE) {
                *reterr_outcome = capture_failure(c,
                                device_opening_outcome(c->camera->node, OUTCOME_CAMERA_FORMAT));
                return -EIO;
        }

        g_object_get(source, "device-fd", &c->device, NULL);
        *reterr_outcome = device_check(c->device, c->camera, c->setup.software);
        if (*reterr_outcome != OUTCOME_EXAMINED)
                return -EIO;

        pad = gst_element_get_static_pad(source, "src");
        offered = gst_pad_query_caps(pad, NULL);
        gst_object_unref(pad);

        *reterr_outcome = OUTCOME_CAMERA_FORMAT;
        c->mode = capture_mode_choose(offered);
        if (!c->mode || (!grey && !capture_mode_in_colour(c->mode)))
                return -EIO;

        *reterr_outcome = OUTCOME_INTERNAL_ERROR;
        return pipeline_add_camera_mode(c->pipeline, source, c->mode, c->setup.view, ret);
}

static int capture_open(Capture *c, bool grey, Outcome *reterr_outcome) {
        GstAppSinkCallbacks callbacks = { .eos = on_eos, .new_sample = on_sample };
        struct stat st;
        Tail tail;
        int r;

        if (stat(c->camera->node, &st) < 0) {
                *reterr_outcome = errno == EACCES ? OUTCOME_CAMERA_DENIED : OUTCOME_CAMERA_NONE;
                return -errno;
        }

        /* Anything but a device or a plain file is not opened at all: a FIFO would not let go of us. */
        c->recording = c->setup.recordings && S_ISREG(st.st_mode);
        if (!c->recording && !S_ISCHR(st.st_mode)) {
                *reterr_outcome = OUTCOME_CAMERA_NONE;
                return -ENODEV;
        }

        r = c->recording ? pipeline_add_recording(c->pipeline, c->camera->node, c->setup.view, &tail)
                         : capture_open_camera(c, grey, &tail, reterr_outcome);
        if (r < 0)
                return r;

        c->opened = true;
        picture_watch_init(&c->watch, /* awake= */ c->recording);
        flow_start(&c->flow, now_monotonic_usec());
        c->gate = (Gate) { .mode = c->mode };
        (void) gst_pad_add_probe(tail.gate, GST_PAD_PROBE_TYPE_BUFFER, on_frame, c, NULL);
        gst_app_sink_set_callbacks(GST_APP_SINK(tail.sink), &callbacks, c, NULL);

        if (gst_element_set_state(c->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                *reterr_outcome = capture_failure(c, OUTCOME_CAMERA_SILENT);
                return -EIO;
        }

        return 0;
}

static void capture_close(Capture *c) {
        if (c->pipeline) {
                /* Joins GStreamer's threads and closes the device; no callback comes afterwards. */
                (void) gst_element_set_state(c->pipeline, GST_STATE_NULL);
                gst_object_unref(TAKE_PTR(c->pipeline));
        }
        g_clear_pointer(&c->mode, gst_caps_unref);
        c->device = -1;
        c->failed = false;
}

/* One candidate; after a failure nothing of it is left. */
static int capture_try(Capture *c, size_t camera, bool grey, Outcome *reterr_outcome) {
        GstClock *clock;
        GstBus *bus;
        int r;

        c->camera = &c->setup.cameras[camera];
        c->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        clock = gst_system_clock_obtain();
        gst_pipeline_use_clock(GST_PIPELINE(c->pipeline), clock);
        gst_object_unref(clock);

        bus = gst_element_get_bus(c->pipeline);
        gst_bus_set_sync_handler(bus, on_message, c, NULL);
        gst_object_unref(bus);

        *reterr_outcome = OUTCOME_INTERNAL_ERROR;
        r = capture_open(c, grey, reterr_outcome);
        if (r < 0)
                capture_close(c);
        return r;
}

/* An infrared camera is often beside a colour camera; grey is for terminals that have nothing else. */
static int capture_choose(Capture *c, size_t *ret_camera, Outcome *reterr_outcome) {
        int r = -ENODEV;

        for (unsigned grey = c->setup.n_cameras == 1; grey < 2; grey++)
                for (size_t i = 0; i < c->setup.n_cameras; i++) {
                        *ret_camera = i;
                        r = capture_try(c, i, grey, reterr_outcome);
                        if (r >= 0 || *reterr_outcome != OUTCOME_CAMERA_FORMAT)
                                return r;
                }

        *ret_camera = 0;
        return r;
}

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

        r = capture_choose(c, ret_camera, reterr_outcome);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

Capture *capture_free(Capture *c) {
        if (!c)
                return NULL;

        capture_close(c);
        if (c->newest)
                gst_sample_unref(c->newest);
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
