/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "face.hpp"
#include "vision.h"

namespace likeness {

/* The named measures of one face in one frame. Brightness is 0 to 255. */
struct Quality {
        Pose pose;
        float outside = 0;             /* part of the face's box that lies outside the picture, 0 to 1 */
        float bright = 0;              /* the brighter parts of the face: 90th percentile */
        float background = 0;          /* around the head: median */
        float sharpness = 0;           /* see face_sharpness() */

        cv::Mat patch;                 /* the middle of the face, upright and at a fixed size; brightness */

        Reason obstacle = REASON_NONE; /* the first measure that fails */
        bool blurred = false, too_close = false;

        bool usable() const { return obstacle == REASON_NONE && !blurred && !too_close; }
        float rank() const;            /* to choose the best frame of a group: higher is better */
};

Quality quality_measure(const Image &image, const cv::Mat &luma, const Face &face);

/* Fine detail by coarse detail of the face: 0.45 is common, below this what the comparison needs is blurred away
 * (docs/thresholds.md). */
constexpr float FACE_SHARPNESS_MIN = 0.22f;
float face_sharpness(const cv::Mat &luma, const Face &face);

} // namespace likeness
