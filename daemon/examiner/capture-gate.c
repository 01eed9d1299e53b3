/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-gate.h"
#include "capture-mode.h"

/* jpegdec fills what is missing at the end of a frame with grey, and does not tell. Some cameras never
 * send the end marker; where frames have it, one without was cut off on its way. */
static FrameFault jpeg_fault(Gate *g, const uint8_t *data, size_t size) {
        bool ends = capture_jpeg_ends(data, size);
        int width, height;
        JpegSize is;

        g->ends_seen = g->ends_seen || ends;
        if ((!ends && g->ends_seen) || !capture_jpeg_plausible(data, size, &is))
                return FRAME_DAMAGED;
        if (!g->mode || !gst_structure_get_int(gst_caps_get_structure(g->mode, 0), "width", &width) ||
            !gst_structure_get_int(gst_caps_get_structure(g->mode, 0), "height", &height))
                return FRAME_WHOLE;
        return (int) is.width == width && (int) is.height == height ? FRAME_WHOLE : FRAME_OTHER_SIZE;
}

/* A driver's buffers may hold what an earlier stream left in them. v4l2src sets what is older than the stream to its
 * beginning, and gives frames a time where the driver does not. */
static bool frame_stale(Gate *g, GstPad *pad, GstBuffer *buffer) {
        g_autoptr(GstEvent) event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
        const GstSegment *segment;
        uint64_t stamp;

        if (!event || !GST_BUFFER_PTS_IS_VALID(buffer))
                return false;
        gst_event_parse_segment(event, &segment);
        stamp = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
        if (!GST_CLOCK_TIME_IS_VALID(stamp) || stamp <= g->last_stamp)
                return true;
        g->last_stamp = stamp;
        return false;
}

FrameFault gate_check(Gate *g, GstPad *pad, GstBuffer *buffer) {
        g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
        FrameFault fault;
        GstMapInfo map;

        if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED))
                return FRAME_DAMAGED;
        if (g->mode && frame_stale(g, pad, buffer))
                return FRAME_STALE;
        if (!caps || !gst_structure_has_name(gst_caps_get_structure(caps, 0), "image/jpeg"))
                return FRAME_WHOLE;
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return FRAME_DAMAGED;

        fault = jpeg_fault(g, map.data, map.size);
        gst_buffer_unmap(buffer, &map);
        return fault;
}
