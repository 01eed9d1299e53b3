/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vision/vision.h"

#include <stdbool.h>

/* What can be said of a camera by its pictures, before anybody looks for faces in them: the sensor is still waking, its
 * lens is covered, or it shows the same picture again and again. */

#define PICTURE_WAKING_USEC (UINT64_C(1000) * 1000)    /* a dark room is looked at after this */
#define PICTURE_COVERED_USEC (UINT64_C(900) * 1000)
#define PICTURE_DAMAGED_USEC (UINT64_C(900) * 1000)
#define PICTURE_FROZEN_USEC (UINT64_C(700) * 1000)
#define PICTURE_FROZEN_MIN 6U                          /* in poor light drivers repeat a picture up to four times */

typedef enum PictureWord {
        PICTURE_FINE,
        PICTURE_WAKING,                /* not to be judged */
        PICTURE_CUT_OFF,               /* not to be judged: the decoder filled its end */
        PICTURE_DAMAGED,               /* all have been cut off for a while */
        PICTURE_REPEATED,              /* not to be judged: it is the one before, to the last bit */
        PICTURE_COVERED,
        PICTURE_FROZEN,
} PictureWord;

/* What one picture is like. */
typedef struct PictureMeasures {
        double brightness;             /* mean luma, 0 to 255 */
        double contrast;               /* standard deviation of the mean luma of a grid's cells: noise is not in it */
        double blue, red;              /* mean Cb and Cr; 128 is grey */
        uint64_t hash;                 /* of every eighth row */
        bool cut_off;                  /* at one edge is what a JPEG decoder puts there if the data end too early */
} PictureMeasures;

typedef struct PictureWatch {
        bool awake, any;
        uint64_t first;                /* time stamps, microseconds */
        PictureMeasures last;
        uint64_t dark_since, same_since, cut_off_since; /* 0: it is not */
        unsigned same;                 /* pictures in a row that equal the one before */
} PictureWatch;

/* With `awake` the first pictures are judged as well: a recording was awake. */
void picture_watch_init(PictureWatch *w, bool awake);

/* `image` must be valid (frame_new() has checked it). */
PictureMeasures picture_measure(const Image *image);

/* Takes in the next picture, in order of time. */
PictureWord picture_watch_take(PictureWatch *w, const PictureMeasures *m, uint64_t timestamp_usec);
