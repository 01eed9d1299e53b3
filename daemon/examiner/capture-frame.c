/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-frame.h"

#include <errno.h>
#include <gst/video/video.h>

typedef struct FrameOwner {
        GstSample *sample;
        GstVideoFrame video;
} FrameOwner;

static PixelFormat pixel_format_from_video(GstVideoFormat format) {
        switch (format) {
        case GST_VIDEO_FORMAT_I420:
                return PIXEL_FORMAT_I420;
        case GST_VIDEO_FORMAT_Y42B:
                return PIXEL_FORMAT_Y42B;
        case GST_VIDEO_FORMAT_NV12:
                return PIXEL_FORMAT_NV12;
        case GST_VIDEO_FORMAT_YUY2:
                return PIXEL_FORMAT_YUY2;
        case GST_VIDEO_FORMAT_GRAY8:
                return PIXEL_FORMAT_GREY;
        case GST_VIDEO_FORMAT_RGB:
                return PIXEL_FORMAT_RGB;
        default:
                return _PIXEL_FORMAT_MAX;
        }
}

/* Strides and offsets come from the driver; gst_video_frame_map() checks the buffer's size only when the
 * layout is the default one. A plane must end within what is mapped for it. */
static bool planes_fit(GstVideoFrame *v) {
        for (unsigned i = 0; i < GST_VIDEO_FRAME_N_COMPONENTS(v); i++) {
                unsigned plane = GST_VIDEO_FRAME_COMP_PLANE(v, i);
                const GstMapInfo *map = &v->map[v->meta ? plane : 0];
                const uint8_t *data = GST_VIDEO_FRAME_PLANE_DATA(v, plane);
                int stride = GST_VIDEO_FRAME_PLANE_STRIDE(v, plane);
                size_t row = (size_t) GST_VIDEO_FRAME_COMP_WIDTH(v, i) *
                                (size_t) GST_VIDEO_FRAME_COMP_PSTRIDE(v, i);
                size_t rows = (size_t) GST_VIDEO_FRAME_COMP_HEIGHT(v, i), offset;

                if (!map->data || data < map->data || stride <= 0 || (size_t) stride < row || rows == 0)
                        return false;

                offset = (size_t) (data - map->data);
                if (offset > map->size || (rows - 1) * (size_t) stride + row > map->size - offset)
                        return false;
        }

        return true;
}

int frame_new(GstSample *sample, uint64_t usec, Frame *ret) {
        FrameOwner *owner;
        GstVideoInfo info;
        Frame frame;

        owner = calloc(1, sizeof(*owner));
        if (!owner) {
                gst_sample_unref(sample);
                return -ENOMEM;
        }

        owner->sample = sample;
        if (!gst_sample_get_caps(sample) || !gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
                        !gst_video_frame_map(
                                        &owner->video, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
                gst_sample_unref(sample);
                free(owner);
                return -EBADMSG;
        }

        frame = (Frame){
                .image.format = pixel_format_from_video(GST_VIDEO_FRAME_FORMAT(&owner->video)),
                .image.width = (uint32_t) GST_VIDEO_FRAME_WIDTH(&owner->video),
                .image.height = (uint32_t) GST_VIDEO_FRAME_HEIGHT(&owner->video),
                .image.timestamp_usec = usec,
                .owner = owner,
        };
        if (frame.image.format == _PIXEL_FORMAT_MAX || !planes_fit(&owner->video)) {
                frame_release(&frame);
                return -EBADMSG;
        }

        for (unsigned i = 0; i < GST_VIDEO_FRAME_N_PLANES(&owner->video); i++) {
                frame.image.plane[i] = GST_VIDEO_FRAME_PLANE_DATA(&owner->video, i);
                frame.image.stride[i] = (size_t) GST_VIDEO_FRAME_PLANE_STRIDE(&owner->video, i);
        }

        *ret = frame;
        return 0;
}

void frame_release(Frame *f) {
        FrameOwner *owner = f->owner;

        if (!owner)
                return;

        gst_video_frame_unmap(&owner->video);
        gst_sample_unref(owner->sample);
        free(owner);
        *f = (Frame){};
}
