/* SPDX-License-Identifier: Apache-2.0 */

#include "face.hpp"

#include <cmath>

namespace likeness {

Pose face_pose(const Face &face) {
        const auto &p = face.points;
        cv::Point2f eyes = (p[Face::RIGHT_EYE] + p[Face::LEFT_EYE]) * 0.5f;
        cv::Point2f mouth = (p[Face::RIGHT_MOUTH] + p[Face::LEFT_MOUTH]) * 0.5f;
        cv::Point2f across = p[Face::LEFT_EYE] - p[Face::RIGHT_EYE];
        cv::Point2f down = mouth - eyes, nose = p[Face::NOSE] - eyes;
        Pose pose;

        pose.eye_distance = (float) cv::norm(across);
        pose.roll = std::atan2(across.y, across.x);

        /* A turned head moves the nose, which stands out, against eyes and mouth, which do not. */
        float height = (float) down.dot(down);
        if (pose.eye_distance < 1 || height < 1) {
                pose.yaw = 1;
                return pose;
        }

        pose.pitch = (float) nose.dot(down) / height;
        cv::Point2f sideways = nose - down * pose.pitch;
        pose.yaw = (float) sideways.dot(across) / (pose.eye_distance * pose.eye_distance);
        return pose;
}

float face_overlap(const Face &a, const Face &b) {
        float common = (a.box & b.box).area();
        float covered = a.box.area() + b.box.area() - common;

        return covered > 0 ? common / covered : 0;
}

cv::Rect2f face_region(const Face &face, float scale, bool square) {
        cv::Size2f size = square ? cv::Size2f(face.side(), face.side()) : face.box.size();
        cv::Point2f centre = face.centre();

        size.width *= scale;
        size.height *= scale;
        return { centre.x - size.width / 2, centre.y - size.height / 2, size.width, size.height };
}

} // namespace likeness
