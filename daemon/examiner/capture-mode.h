/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames with a longer side are not looked at: the largest mode that a counter's camera is used with is far
 * below, and memory stays bounded whatever a device claims. */
#define FRAME_SIDE_MIN 64
#define FRAME_SIDE_MAX 4096

/* Chooses how a camera is to deliver its pictures among the `offered` caps of its source pad: the caller
 * unrefs the fixed caps. NULL if nothing offered can be used. The rule stands in capture-mode.c. */
GstCaps *capture_mode_choose(const GstCaps *offered);

/* True if the pictures of a mode that was chosen have colours. */
bool capture_mode_in_colour(const GstCaps *mode);

/* The size that the header of one MJPEG frame promises. */
typedef struct JpegSize {
        uint32_t width, height;
} JpegSize;

/* True if the header of one MJPEG frame (untrusted: it comes from a device or from a file) promises a
 * baseline picture of one or three components with sides within the limits above: then also its size. The compressed
 * pixels are not looked at. */
bool capture_jpeg_plausible(const uint8_t *data, size_t size, JpegSize *ret);

/* True if the frame ends with the end-of-image marker, behind which some cameras pad with zeros. */
bool capture_jpeg_ends(const uint8_t *data, size_t size);
