/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <opencv2/core.hpp>

#include <array>

namespace likeness {

/* One detected face, in pixels of the picture it was found in. */
struct Face {
        enum Landmark { RIGHT_EYE, LEFT_EYE, NOSE, RIGHT_MOUTH, LEFT_MOUTH, N_LANDMARKS };

        cv::Rect2f box;
        std::array<cv::Point2f, N_LANDMARKS> points; /* right and left are the person's own */
        float score = 0;               /* of the detector, 0 to 1 */

        float side() const { return std::max(box.width, box.height); }
        cv::Point2f centre() const { return (box.tl() + box.br()) * 0.5f; }
};

/* Where a face looks, from its five landmarks, in units that do not depend on its size. */
struct Pose {
        float eye_distance = 0;        /* pixels */
        float yaw = 0;                 /* sideways shift of the nose from the line between eyes and mouth, in eye distances */
        float pitch = 0;               /* height of the nose between eyes (0) and mouth (1) */
        float roll = 0;                /* radians */
};

Pose face_pose(const Face &face);

/* Overlap of two boxes, 0 to 1: area in common by area covered. */
float face_overlap(const Face &a, const Face &b);

/* The box scaled about its centre; with `square`, a square of the longer side. */
cv::Rect2f face_region(const Face &face, float scale, bool square);

} // namespace likeness
