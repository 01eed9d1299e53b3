/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"
#include "manifest.h"
#include "vision.h"

/* Pictures for tests and measurements, without GStreamer: the frames of an MJPEG AVI recording, or one JPEG file.
 * Frames come in the planes that the JPEG holds (I420, Y42B or GREY; else RGB), as a camera's decoder gives them. */

typedef struct Picture {
        Image image;
        uint8_t *pixels;
} Picture;

void picture_done(Picture *p);

/* Decodes a JPEG; `rgb` asks for RGB whatever it holds. 0, -EBADMSG or -ENOMEM. */
int picture_decode(const uint8_t *data, size_t size, bool rgb, Picture *ret);

/* Reads and decodes a JPEG file. Also -errno of opening it. */
int picture_read(const char *path, bool rgb, Picture *ret);

typedef struct Recording {
        uint8_t *bytes;
        size_t size, position;
        unsigned frame;
} Recording;

/* Opens an AVI file, whole in memory. */
int recording_open(const char *path, Recording *ret);
void recording_done(Recording *r);

/* The next frame: 1, 0 at the end, or a negative errno. Time stamps are those of 30 frames a second. */
int recording_next(Recording *r, Picture *ret);

/* Loads the networks of the manifest; `models` is the directory of the weights. */
int vision_load(const char *manifest_path, const char *models, Manifest **ret_manifest, Vision **ret);
