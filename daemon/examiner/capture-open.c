/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-device.h"
#include "capture-mode.h"
#include "capture-pipeline.h"
#include "capture-private.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <sys/stat.h>

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

static int capture_begin(Capture *c, bool grey, Outcome *reterr_outcome) {
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

void capture_close(Capture *c) {
        if (c->pipeline) {
                (void) gst_element_set_state(c->pipeline, GST_STATE_NULL);
                gst_object_unref(TAKE_PTR(c->pipeline));
        }
        if (c->newest)
                gst_sample_unref(TAKE_PTR(c->newest));
        g_clear_pointer(&c->mode, gst_caps_unref);
        c->device = -1;
        c->opened = c->mode_checked = c->failed = false;
        atomic_store(&c->count, 0);
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
        r = capture_begin(c, grey, reterr_outcome);
        if (r < 0)
                capture_close(c);
        return r;
}

/* An infrared camera is often beside a colour camera; grey is for terminals that have nothing else. */
int capture_open(Capture *c, size_t *ret_camera, Outcome *reterr_outcome) {
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
