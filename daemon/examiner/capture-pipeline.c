/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-pipeline.h"
#include "capture-mode.h"
#include "capture.h"
#include "log.h"

#include <dlfcn.h>
#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <sys/resource.h>

/* The layouts that vision takes. What jpegdec makes of MJPEG (I420; GRAY8 or RGB if the JPEG is) is among
 * them. */
#define SINK_FORMATS "{ I420, Y42B, NV12, YUY2, GRAY8, RGB }"

/* GStreamer's V4L2 plugin, when it is loaded, opens every video device of the machine in search of codecs: also those
 * that are not to be opened, and one whose driver does not come back would hold everything up. Without a free
 * descriptor it opens none. The library itself is loaded before. */
static GstPlugin *load_plugin_blindfolded(const char *path, GError **error) {
        struct rlimit before, none;
        GstPlugin *plugin = NULL;
        void *library;

        library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
        if (!library || getrlimit(RLIMIT_NOFILE, &before) < 0) {
                *error = g_error_new_literal(GST_PLUGIN_ERROR, GST_PLUGIN_ERROR_MODULE,
                                             library ? strerror(errno) : dlerror());
                return NULL;
        }

        none = (struct rlimit) { .rlim_cur = 0, .rlim_max = before.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &none) >= 0) {
                plugin = gst_plugin_load_file(path, error);
                if (setrlimit(RLIMIT_NOFILE, &before) < 0)
                        abort();
        } else
                *error = g_error_new_literal(GST_PLUGIN_ERROR, GST_PLUGIN_ERROR_MODULE, strerror(errno));
        return plugin;
}

int capture_library_init(void) {
        static const struct {
                const char *file, *package;
                bool opens_devices;
        } plugins[] = {
                { "libgstcoreelements.so", "libgstreamer1.0-0" },
                { "libgstapp.so", "gstreamer1.0-plugins-base" },
                { "libgstjpeg.so", "gstreamer1.0-plugins-good" },
                { "libgstavi.so", "gstreamer1.0-plugins-good" },
                { "libgstvideo4linux2.so", "gstreamer1.0-plugins-good", .opens_devices = true },
                { "libgstvideofilter.so", "gstreamer1.0-plugins-good" },
        };
        g_autoptr(GError) error = NULL;

        /* A registry could only be stale (v4l2's plugin depends on the devices) and needs a scanner process.
         */
        if (setenv("GST_REGISTRY_DISABLE", "yes", /* overwrite= */ 1) < 0)
                return -errno;
        if (!gst_init_check(NULL, NULL, &error))
                return log_error_errno(-ENOPKG, "GStreamer does not start: %s", error->message);

        for (size_t i = 0; i < ELEMENTSOF(plugins); i++) {
                char path[sizeof(GST_PLUGINS_DIRECTORY) + 64];
                GstPlugin *plugin;

                (void) snprintf(path, sizeof(path), "%s/%s", GST_PLUGINS_DIRECTORY, plugins[i].file);
                plugin = plugins[i].opens_devices ? load_plugin_blindfolded(path, &error) :
                                                    gst_plugin_load_file(path, &error);
                if (!plugin)
                        return log_error_errno(-ENOPKG, "%s cannot be loaded (package %s): %s", path,
                                        plugins[i].package, error->message);
                gst_object_unref(plugin);
        }

        return 0;
}

static int pipeline_add(GstElement *pipeline, const char *factory, GstElement **ret) {
        GstElement *element;

        element = gst_element_factory_make(factory, NULL);
        if (!element)
                return log_error_errno(-ENOPKG, "GStreamer has no element %s; call capture_library_init()",
                                factory);

        (void) gst_bin_add(GST_BIN(pipeline), element);
        *ret = element;
        return 0;
}

/* A pad that stays as long as its element, without a reference to it. */
static GstPad *element_pad(GstElement *element, const char *name) {
        GstPad *pad = gst_element_get_static_pad(element, name);

        gst_object_unref(pad);
        return pad;
}

static int link_elements(GstElement *a, GstElement *b) {
        if (!gst_element_link(a, b))
                return log_error_errno(-ENOPKG, "GStreamer does not link %s to %s", GST_ELEMENT_NAME(a),
                                GST_ELEMENT_NAME(b));
        return 0;
}

/* For each CameraView what videoflip calls it: mirrored first, then turned. */
static int pipeline_add_turn(GstElement *pipeline, unsigned view, GstElement **from) {
        static const char *const names[_CAMERA_VIEW_ALL + 1] = {
                "none", "clockwise", "rotate-180", "counterclockwise",
                "horizontal-flip", "upper-right-diagonal", "vertical-flip", "upper-left-diagonal",
        };
        GstElement *turn;
        int r;

        if ((view & _CAMERA_VIEW_ALL) == 0)
                return 0;
        r = pipeline_add(pipeline, "videoflip", &turn);
        if (r < 0)
                return r;

        gst_util_set_object_arg(G_OBJECT(turn), "method", names[view & _CAMERA_VIEW_ALL]);
        g_object_set(turn, "qos", FALSE, NULL);
        r = link_elements(*from, turn);
        *from = turn;
        return r;
}

static int pipeline_add_sink(GstElement *pipeline, GstElement *from, unsigned view, GstElement **ret) {
        g_autoptr(GstCaps) caps = NULL;
        GstElement *sink;
        int r;

        r = pipeline_add_turn(pipeline, view, &from);
        if (r < 0)
                return r;
        r = pipeline_add(pipeline, "appsink", &sink);
        if (r < 0)
                return r;

        caps = gst_caps_from_string("video/x-raw, format = (string) " SINK_FORMATS ", "
                                    "width = (int) [ 1, 4096 ], height = (int) [ 1, 4096 ]");
        g_object_set(sink, "caps", caps, "sync", FALSE, "async", FALSE, "qos", FALSE, "max-buffers", 1,
                        "drop", TRUE, "enable-last-sample", FALSE, "wait-on-eos", FALSE, NULL);

        *ret = sink;
        return link_elements(from, sink);
}

static int pipeline_add_jpeg_tail(GstElement *pipeline, GstElement *head, unsigned view, Tail *ret) {
        GstElement *queue, *decoder;
        int r;

        r = pipeline_add(pipeline, "queue", &queue);
        if (r < 0)
                return r;

        r = pipeline_add(pipeline, "jpegdec", &decoder);
        if (r < 0)
                return r;

        /* Holds the newest frame for the decoder, and no other. */
        g_object_set(queue, "max-size-buffers", 1U, "max-size-bytes", 0U, "max-size-time", UINT64_C(0),
                        "silent", TRUE, NULL);
        gst_util_set_object_arg(G_OBJECT(queue), "leaky", "downstream");

        /* Damaged frames happen on USB and are skipped; jpegdec has a property of this name that does
         * nothing. */
        gst_video_decoder_set_max_errors(GST_VIDEO_DECODER(decoder), -1);
        /* The default, "ifast", is less accurate and, with SIMD, not faster (0.8 ms for 480 × 640 pixels,
         * both). */
        gst_util_set_object_arg(G_OBJECT(decoder), "idct-method", "islow");
        g_object_set(decoder, "qos", FALSE, NULL);

        r = link_elements(head, queue);
        if (r < 0)
                return r;

        r = link_elements(queue, decoder);
        if (r < 0)
                return r;

        r = pipeline_add_sink(pipeline, decoder, view, &ret->sink);
        if (r < 0)
                return r;

        ret->gate = element_pad(head, "src");
        return 0;
}

static int pipeline_add_raw_tail(GstElement *pipeline, GstElement *head, unsigned view, Tail *ret) {
        int r;

        r = pipeline_add_sink(pipeline, head, view, &ret->sink);
        if (r < 0)
                return r;

        ret->gate = element_pad(head, "src");
        return 0;
}

int pipeline_add_camera(GstElement *pipeline, const char *device, GstElement **ret_source) {
        int r;

        r = pipeline_add(pipeline, "v4l2src", ret_source);
        if (r < 0)
                return r;

        g_object_set(*ret_source, "device", device, NULL);
        gst_util_set_object_arg(G_OBJECT(*ret_source), "io-mode", "mmap");
        return 0;
}

int pipeline_add_camera_mode(
                GstElement *pipeline,
                GstElement *source,
                const GstCaps *mode,
                unsigned view,
                Tail *ret) {

        GstElement *filter;
        int r;

        r = pipeline_add(pipeline, "capsfilter", &filter);
        if (r < 0)
                return r;

        g_object_set(filter, "caps", mode, NULL);

        r = link_elements(source, filter);
        if (r < 0)
                return r;

        if (gst_structure_has_name(gst_caps_get_structure(mode, 0), "image/jpeg"))
                return pipeline_add_jpeg_tail(pipeline, filter, view, ret);

        return pipeline_add_raw_tail(pipeline, filter, view, ret);
}

/* Only the first MJPEG stream is linked. If there is none, avidemux fails because nothing is. */
static void on_pad_added(GstElement *demultiplexer, GstPad *pad, gpointer userdata) {
        GstPad *target = element_pad(userdata, "sink");
        g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);

        if (!caps || gst_caps_is_empty(caps) || gst_caps_is_any(caps) || gst_pad_is_linked(target) ||
                        !gst_structure_has_name(gst_caps_get_structure(caps, 0), "image/jpeg"))
                return;

        if (gst_pad_link(pad, target) != GST_PAD_LINK_OK)
                log_debug("The recording's pictures cannot be linked");
}

int pipeline_add_recording(GstElement *pipeline, const char *path, unsigned view, Tail *ret) {
        GstElement *source, *demultiplexer, *pace;
        int r;

        r = pipeline_add(pipeline, "filesrc", &source);
        if (r < 0)
                return r;

        r = pipeline_add(pipeline, "avidemux", &demultiplexer);
        if (r < 0)
                return r;

        /* Paced before the queue, not in the sink: a recording then behaves as a camera does, and frames
         * that nobody has time for are not decoded either. */
        r = pipeline_add(pipeline, "identity", &pace);
        if (r < 0)
                return r;

        g_object_set(source, "location", path, NULL);
        g_object_set(pace, "sync", TRUE, "silent", TRUE, NULL);
        (void) g_signal_connect(demultiplexer, "pad-added", G_CALLBACK(on_pad_added), pace);

        r = link_elements(source, demultiplexer);
        if (r < 0)
                return r;

        return pipeline_add_jpeg_tail(pipeline, pace, view, ret);
}
