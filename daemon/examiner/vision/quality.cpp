/* SPDX-License-Identifier: Apache-2.0 */

#include "quality.hpp"
#include "image.hpp"

#include <opencv2/imgproc.hpp>

#include <cmath>

namespace likeness {

/* Where each limit comes from is in docs/thresholds.md. */
constexpr float EYE_DISTANCE_MIN = 36;         /* pixels */
constexpr float YAW_MAX = 0.3f;
constexpr float PITCH_MIN = 0.38f, PITCH_MAX = 0.75f;
constexpr float ROLL_MAX = 0.6f;               /* radians */
constexpr float OUTSIDE_MAX = 0.12f;
constexpr float BRIGHT_MIN = 48;
constexpr float BACKLIT_BRIGHT_MAX = 80, BACKLIT_CONTRAST = 110;

/* The middle of the face, upright, at a fixed size: eyes at the same height, 48 pixels apart. */
constexpr int PATCH_WIDTH = 96, PATCH_HEIGHT = 96, PATCH_EYES = 48;
constexpr int PATCH_EDGE = 8;                  /* where the band-passes lack neighbours */
constexpr double STRUCTURE_MIN = 3;            /* grey levels: below, rounding to whole levels passes for detail */

static cv::Mat face_patch(const cv::Mat &luma, const Face &face) {
        cv::Point2f right = face.points[Face::RIGHT_EYE], left = face.points[Face::LEFT_EYE];
        cv::Point2f across = left - right, middle = (right + left) * 0.5f;
        float scale = PATCH_EYES / std::max(1.0f, (float) cv::norm(across)), norm = (float) cv::norm(across);
        float c = scale * across.x / std::max(1.0f, norm), s = scale * across.y / std::max(1.0f, norm);
        cv::Matx23f warp(c, s, PATCH_WIDTH * 0.5f - c * middle.x - s * middle.y,
                         -s, c, PATCH_HEIGHT * 0.25f + s * middle.x - c * middle.y);
        cv::Mat patch;

        cv::warpAffine(luma, patch, warp, { PATCH_WIDTH, PATCH_HEIGHT }, cv::INTER_LINEAR, cv::BORDER_REPLICATE);
        return patch;
}

static cv::Mat smoothed(const cv::Mat &m, double sigma_x, double sigma_y) {
        cv::Mat out;

        cv::GaussianBlur(m, out, {}, sigma_x, sigma_y);
        return out;
}

static double strength(const cv::Mat &m) {
        cv::Scalar mean, deviation;

        cv::meanStdDev(m(cv::Rect(PATCH_EDGE, PATCH_EDGE, m.cols - 2 * PATCH_EDGE, m.rows - 2 * PATCH_EDGE)), mean,
                       deviation);
        return deviation[0];
}

/* The share of fine detail (1 to 2 pixels of the patch) in coarse detail (2.5 to 6): the ratio of two band-passes of
 * the same face hardly depends on contrast, light, skin or beard, and falls steadily with blur. Also across and
 * along alone, as movement takes the detail of one direction only; weighted to where each begins to matter. */
static float patch_sharpness(const cv::Mat &patch) {
        constexpr double ACROSS = 2.9, ALONG = 1.55;
        cv::Mat pixels;

        patch.convertTo(pixels, CV_32F);
        cv::Mat fine = smoothed(pixels, 1, 1);
        double coarse = std::max(STRUCTURE_MIN, strength(smoothed(pixels, 2.5, 2.5) - smoothed(pixels, 6, 6)));
        double detail = std::min({ strength(fine - smoothed(pixels, 2, 2)),
                                   ACROSS * strength(fine - smoothed(pixels, 2, 1)),
                                   ALONG * strength(fine - smoothed(pixels, 1, 2)) });

        return (float) (detail / coarse);
}

static float percentile(const cv::Mat &grey, float part) {
        std::array<int, 256> counts{};
        int total = 0, seen = 0;

        for (int y = 0; y < grey.rows; y++)
                for (int x = 0; x < grey.cols; x++, total++)
                        counts[grey.at<uchar>(y, x)]++;
        for (int value = 0; value < 256; value++) {
                seen += counts[(size_t) value];
                if ((float) seen >= part * (float) total)
                        return (float) value;
        }

        return 0;
}

/* Left, right and above the head: brightness behind it. */
static float background_brightness(const cv::Mat &luma, const Face &face) {
        cv::Rect whole({}, luma.size());
        cv::Rect head(face_region(face, 1.5f, false)), around(face_region(face, 2.6f, false));
        cv::Mat small, mask(32, 32, CV_8U, cv::Scalar(1));
        std::vector<uchar> values;

        around.height -= (int) (face.box.height * 0.8f); /* not the shoulders */
        around &= whole;
        head &= around;
        if (around.width < 8 || around.height < 8)
                return 0;

        cv::resize(luma(around), small, { 32, 32 }, 0, 0, cv::INTER_AREA);
        cv::Rect hole((head.x - around.x) * 32 / around.width, (head.y - around.y) * 32 / around.height,
                      head.width * 32 / around.width, 32);
        mask(hole & cv::Rect(0, 0, 32, 32)).setTo(0);
        for (int i = 0; i < 32 * 32; i++)
                if (mask.at<uchar>(i / 32, i % 32))
                        values.push_back(small.at<uchar>(i / 32, i % 32));
        if (values.size() < 32)
                return 0;

        std::nth_element(values.begin(), values.begin() + (long) values.size() / 2, values.end());
        return values[values.size() / 2];
}

static float part_outside(const Face &face, cv::Size size) {
        float inside = (face.box & cv::Rect2f(0, 0, (float) size.width, (float) size.height)).area();

        return 1 - inside / std::max(1.0f, face.box.area());
}

static Reason quality_obstacle(const Quality &q) {
        if (q.bright < BRIGHT_MIN)
                return REASON_TOO_DARK;
        if (q.bright < BACKLIT_BRIGHT_MAX && q.background - q.bright > BACKLIT_CONTRAST)
                return REASON_BACKLIT;
        if (q.pose.eye_distance < EYE_DISTANCE_MIN && std::abs(q.pose.yaw) <= YAW_MAX)
                return REASON_TOO_FAR;
        if (std::abs(q.pose.yaw) > YAW_MAX || q.pose.pitch < PITCH_MIN || q.pose.pitch > PITCH_MAX ||
            std::abs(q.pose.roll) > ROLL_MAX)
                return REASON_TURNED_AWAY;

        return REASON_NONE;
}

Quality quality_measure(const Image &image, const cv::Mat &luma, const Face &face) {
        Quality q;

        q.patch = face_patch(luma, face);
        q.pose = face_pose(face);
        q.outside = part_outside(face, image_size(image));
        q.bright = percentile(q.patch, 0.9f);
        q.background = background_brightness(luma, face);
        q.sharpness = patch_sharpness(q.patch);

        q.too_close = q.outside > OUTSIDE_MAX;
        q.obstacle = quality_obstacle(q);
        q.blurred = q.sharpness < FACE_SHARPNESS_MIN;
        return q;
}

float Quality::rank() const {
        return std::min(sharpness, 0.6f) * (1 - 2 * std::abs(pose.yaw)) * (1 - std::abs(pose.pitch - 0.56f));
}

float face_sharpness(const cv::Mat &luma, const Face &face) {
        return patch_sharpness(face_patch(luma, face));
}

} // namespace likeness
