/* SPDX-License-Identifier: Apache-2.0 */

#include "capture.h"
#include "capture-frame.h"
#include "capture-mode.h"
#include "capture-pipeline.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

struct Capture {
        GstElement *pipeline;
        char *path;
        bool recording;
        bool opened;                   /* set before GStreamer's threads start */
        bool ends_seen;                /* frames end with their marker; for the thread that delivers them */
        atomic_uint_least32_t count;

        pthread_mutex_t lock;          /* of all below: GStreamer's threads write, the caller's reads */
        pthread_cond_t changed;
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

/* GStreamer's messages do not carry the errno, and their texts are translated: ask the kernel again. */
static Outcome outcome_of_opening(const char *path, Outcome otherwise) {
        _cleanup_close_ int fd = -1;

        fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0)
                return otherwise;

        switch (errno) {
        case ENOENT:
        case ENOTDIR:
        case ENODEV:
        case ENXIO:
                return OUTCOME_CAMERA_NONE;
        case EBUSY:
                return OUTCOME_CAMERA_BUSY;
        case EACCES:
        case EPERM:
                return OUTCOME_CAMERA_DENIED;
        default:
                return otherwise;
        }
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
        return outcome_of_opening(c->path, c->opened ? OUTCOME_CAMERA_SILENT : OUTCOME_CAMERA_FORMAT);
}

/* Called on whatever thread posts; no message is ever queued, as nobody would read the queue. */
static GstBusSyncReply on_message(GstBus *bus, GstMessage *message, gpointer userdata) {
        Capture *c = userdata;

        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
                capture_fail(c, outcome_of_error(c, message));

        gst_message_unref(message);
        return GST_BUS_DROP;
}

/* jpegdec fills what is missing at the end of a frame with grey, and does not tell. Some cameras never
 * send the end marker; where frames have it, one without was cut off on its way. */
static bool jpeg_usable(Capture *c, const uint8_t *data, size_t size) {
        bool ends = capture_jpeg_ends(data, size);

        c->ends_seen = c->ends_seen || ends;
        return (ends || !c->ends_seen) && capture_jpeg_plausible(data, size);
}

/* Every frame, before any is dropped or decoded. */
static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer userdata) {
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
        Capture *c = userdata;
        GstMapInfo map;
        bool usable;

        atomic_fetch_add(&c->count, 1);

        if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED))
                return GST_PAD_PROBE_DROP;
        if (!caps || !gst_structure_has_name(gst_caps_get_structure(caps, 0), "image/jpeg"))
                return GST_PAD_PROBE_OK;
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return GST_PAD_PROBE_DROP;

        usable = jpeg_usable(c, map.data, map.size);
        gst_buffer_unmap(buffer, &map);
        return usable ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
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

static int capture_open_camera(Capture *c, Tail *ret, Outcome *reterr_outcome) {
        g_autoptr(GstCaps) offered = NULL;
        g_autoptr(GstCaps) mode = NULL;
        GstElement *source;
        GstPad *pad;
        int r;

        r = pipeline_add_camera(c->pipeline, c->path, &source);
        if (r < 0)
                return r;

        /* Opens the device. */
        if (gst_element_set_state(source, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE) {
                *reterr_outcome = capture_failure(c, outcome_of_opening(c->path, OUTCOME_CAMERA_FORMAT));
                return -EIO;
        }

        pad = gst_element_get_static_pad(source, "src");
        offered = gst_pad_query_caps(pad, NULL);
        gst_object_unref(pad);

        mode = capture_mode_choose(offered);
        if (!mode) {
                *reterr_outcome = OUTCOME_CAMERA_FORMAT;
                return -EIO;
        }

        return pipeline_add_camera_mode(c->pipeline, source, mode, ret);
}

static int capture_open(Capture *c, bool recordings, Outcome *reterr_outcome) {
        GstAppSinkCallbacks callbacks = { .eos = on_eos, .new_sample = on_sample };
        struct stat st;
        Tail tail;
        int r;

        if (stat(c->path, &st) < 0) {
                *reterr_outcome = errno == EACCES ? OUTCOME_CAMERA_DENIED : OUTCOME_CAMERA_NONE;
                return -errno;
        }

        /* Anything but a device or a plain file is not opened at all: a FIFO would not let go of us. */
        c->recording = recordings && S_ISREG(st.st_mode);
        if (!c->recording && !S_ISCHR(st.st_mode)) {
                *reterr_outcome = OUTCOME_CAMERA_NONE;
                return -ENODEV;
        }

        r = c->recording ? pipeline_add_recording(c->pipeline, c->path, &tail)
                         : capture_open_camera(c, &tail, reterr_outcome);
        if (r < 0)
                return r;

        c->opened = true;
        (void) gst_pad_add_probe(tail.gate, GST_PAD_PROBE_TYPE_BUFFER, on_frame, c, NULL);
        gst_app_sink_set_callbacks(GST_APP_SINK(tail.sink), &callbacks, c, NULL);

        if (gst_element_set_state(c->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                *reterr_outcome = capture_failure(c, OUTCOME_CAMERA_SILENT);
                return -EIO;
        }

        return 0;
}

int capture_new(Capture **ret, const char *camera, bool recordings, Outcome *reterr_outcome) {
        _cleanup_(capture_freep) Capture *c = NULL;
        pthread_condattr_t attributes;
        GstClock *clock;
        GstBus *bus;
        int r;

        *reterr_outcome = OUTCOME_INTERNAL_ERROR;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;

        (void) pthread_mutex_init(&c->lock, NULL);
        (void) pthread_condattr_init(&attributes);
        (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&c->changed, &attributes);
        (void) pthread_condattr_destroy(&attributes);

        c->path = strdup(camera);
        if (!c->path)
                return -ENOMEM;

        c->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        clock = gst_system_clock_obtain();
        gst_pipeline_use_clock(GST_PIPELINE(c->pipeline), clock);
        gst_object_unref(clock);

        bus = gst_element_get_bus(c->pipeline);
        gst_bus_set_sync_handler(bus, on_message, c, NULL);
        gst_object_unref(bus);

        r = capture_open(c, recordings, reterr_outcome);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

Capture *capture_free(Capture *c) {
        if (!c)
                return NULL;

        if (c->pipeline) {
                /* Joins GStreamer's threads and closes the device; no callback comes afterwards. */
                (void) gst_element_set_state(c->pipeline, GST_STATE_NULL);
                gst_object_unref(c->pipeline);
        }

        if (c->newest)
                gst_sample_unref(c->newest);
        (void) pthread_cond_destroy(&c->changed);
        (void) pthread_mutex_destroy(&c->lock);
        free(c->path);
        free(c);
        return NULL;
}

static struct timespec deadline_after(uint64_t usec) {
        struct timespec t;

        /* A day stands for any longer time: it cannot overflow, and no verification lasts as long. */
        if (usec > UINT64_C(86400) * USEC_PER_SEC)
                usec = UINT64_C(86400) * USEC_PER_SEC;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += (time_t) (usec / USEC_PER_SEC);
        t.tv_nsec += (long) (usec % USEC_PER_SEC * NSEC_PER_USEC);
        if (t.tv_nsec >= 1000000000L) {
                t.tv_nsec -= 1000000000L;
                t.tv_sec++;
        }

        return t;
}

/* Takes the newest sample, as capture_next() does. */
static int capture_wait(Capture *c, const struct timespec *deadline, GstSample **ret, uint64_t *ret_usec,
                Outcome *reterr_outcome) {
        int r = 0;

        pthread_mutex_lock(&c->lock);
        while (!c->newest && !c->woken && !c->failed && !c->ended && r == 0)
                r = -pthread_cond_timedwait(&c->changed, &c->lock, deadline);

        if (c->woken)
                r = 0;
        else if (c->failed) {
                *reterr_outcome = c->outcome;
                r = -EIO;
        } else if (c->newest) {
                /* Drivers have been seen to repeat a time stamp, or to leave it out. */
                c->last_usec = c->newest_usec > c->last_usec ? c->newest_usec : c->last_usec + 1;
                *ret = TAKE_PTR(c->newest);
                *ret_usec = c->last_usec;
                r = 1;
        } else if (c->ended)
                r = 0;

        pthread_mutex_unlock(&c->lock);
        return r;
}

int capture_next(Capture *c, uint64_t timeout_usec, Frame *ret, Outcome *reterr_outcome) {
        struct timespec deadline = deadline_after(timeout_usec);
        GstSample *sample = NULL;
        uint64_t usec = 0;
        int r;

        /* A picture that is not what its caps say is skipped, as one that cannot be decoded is. */
        do {
                r = capture_wait(c, &deadline, &sample, &usec, reterr_outcome);
                if (r <= 0)
                        return r;

                r = frame_new(sample, usec, ret);
        } while (r == -EBADMSG);

        if (r < 0) {
                *reterr_outcome = OUTCOME_INTERNAL_ERROR;
                return -EIO;
        }

        return 1;
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
