/* SPDX-License-Identifier: Apache-2.0 */

#include "covering.hpp"
#include "covering-weights.hpp"
#include "image.hpp"

#include <opencv2/imgproc.hpp>

#include <cmath>

namespace likeness {

/* A bare mouth and bare eyes are told from everything else (cloth, hands, lenses, cheeks, hair, background) by a
 * linear classifier on the directions of edges: histograms of oriented gradients (Dalal and Triggs 2005) on the
 * logarithm of the brightness, so that dark skin and dim light give the same figures as others. The classifier knows
 * bare faces and random other places of photographs, not particular covers. */

/* A part of the face at a fixed size: eye distance in pixels, width and height. Multiples of CELL. */
struct PatchShape {
        float eye_distance;
        int width, height;
};

constexpr PatchShape MOUTH = { 37, 48, 32 }, EYE = { 40, 32, 24 };
constexpr int CELL = 8, DIRECTIONS = 9;
constexpr float BLACK = 12;            /* added before the logarithm: sensor noise is not structure */
constexpr float FLAT = 0.02f;          /* gradients of this size are noise */

/* docs/thresholds.md */
constexpr float MOUTH_MIN = -2.5f, EYES_MIN = 2.0f;
constexpr float MOUTH_COLOURED_MIN = 6;        /* if the colour around it is not the cheeks' either */
constexpr float TINT_MAX = 0.4f, TINT_LIGHTER_MAX = 0.15f, LIGHTER_MAX = 0.12f;

/* The brightness around the face, shrunk to about the scale of the patches. */
struct Surroundings {
        cv::Mat luma;
        cv::Point2f origin;
        float scale;
};

static Surroundings surroundings(const cv::Mat &luma, const Face &face, float eye_distance) {
        cv::Rect region = cv::Rect(face_region(face, 1.4f, true)) & cv::Rect({}, luma.size());
        Surroundings s = { luma(region), region.tl(), 1 };

        if (eye_distance > 1.3f * EYE.eye_distance && !region.empty()) {
                s.scale = EYE.eye_distance / eye_distance;
                cv::resize(luma(region), s.luma, {}, s.scale, s.scale, cv::INTER_AREA);
        }
        return s;
}

static cv::Mat face_part(const Surroundings &s, cv::Point2f centre, cv::Point2f across, const PatchShape &shape,
                         bool mirrored) {
        float distance = (float) cv::norm(across) * s.scale, zoom = shape.eye_distance / std::max(1.0f, distance);
        cv::Point2f direction = across * (zoom * s.scale / std::max(1.0f, distance));
        cv::Point2f c = (centre - s.origin) * s.scale;
        cv::Matx23f warp(direction.x, direction.y, 0, -direction.y, direction.x, 0);
        cv::Mat patch;

        warp(0, 2) = (float) shape.width / 2 - (warp(0, 0) * c.x + warp(0, 1) * c.y);
        warp(1, 2) = (float) shape.height / 2 - (warp(1, 0) * c.x + warp(1, 1) * c.y);
        cv::warpAffine(s.luma, patch, warp, { shape.width, shape.height }, cv::INTER_LINEAR, cv::BORDER_REPLICATE);
        if (mirrored)
                cv::flip(patch, patch, 1);
        return patch;
}

/* Mean strength of the edges of each direction in each cell; [direction][row][column]. */
static std::vector<float> edge_directions(const cv::Mat &patch) {
        int rows = patch.rows / CELL, columns = patch.cols / CELL;
        std::vector<float> cells((size_t) (DIRECTIONS * rows * columns));
        cv::Mat brightness, x, y, strength, angle;

        patch.convertTo(brightness, CV_32F, 1, BLACK);
        cv::log(brightness, brightness);
        cv::Sobel(brightness, x, CV_32F, 1, 0, 1, 0.5);
        cv::Sobel(brightness, y, CV_32F, 0, 1, 1, 0.5);
        cv::cartToPolar(x, y, strength, angle);

        size_t places = (size_t) (rows * columns);
        for (int row = 0; row < patch.rows; row++) {
                const float *strengths = strength.ptr<float>(row), *angles = angle.ptr<float>(row);

                for (int column = 0; column < patch.cols; column++) {
                        /* opposite directions are one: half a turn has all of them */
                        float place = angles[column] * (DIRECTIONS / (float) CV_PI);
                        size_t low = (size_t) place, cell = (size_t) (row / CELL * columns + column / CELL);
                        float part = place - (float) low, value = strengths[column] / (CELL * CELL);

                        cells[low % DIRECTIONS * places + cell] += value * (1 - part);
                        cells[(low + 1) % DIRECTIONS * places + cell] += value * part;
                }
        }

        return cells;
}

/* Contrast drops out: each histogram is divided by the patch's mean strength of edges. */
static float likeness_to(const cv::Mat &patch, const short *weights, size_t n, float bias) {
        std::vector<float> cells = edge_directions(patch);
        size_t places = cells.size() / DIRECTIONS;
        float squares = 0, score = bias;

        CV_Assert(cells.size() == n);
        for (size_t place = 0; place < places; place++) {
                float sum = 0;

                for (size_t direction = 0; direction < DIRECTIONS; direction++)
                        sum += cells[direction * places + place];
                squares += sum * sum;
        }

        float typical = std::sqrt(squares / (float) places) + FLAT;
        for (size_t i = 0; i < n; i++)
                score += std::sqrt(cells[i] / typical) * (float) weights[i] / 100;
        return score;
}

/* Median colour of a part of the face: logarithms of red by green, blue by green, and of the brightness. The part is
 * given in eye distances from the middle of the face, and heights between eyes (0) and mouth (1). */
static cv::Vec3f part_colour(const cv::Mat &bgr, const cv::Matx23f &to_pixels, cv::Rect2f part) {
        constexpr int SIDE = 12;
        cv::Matx23f warp = to_pixels;
        std::array<std::vector<float>, 3> values;
        cv::Mat patch;

        for (int row = 0; row < 2; row++) {
                warp(row, 2) += to_pixels(row, 0) * part.x + to_pixels(row, 1) * part.y;
                warp(row, 0) *= part.width / SIDE;
                warp(row, 1) *= part.height / SIDE;
        }
        cv::warpAffine(bgr, patch, warp, { SIDE, SIDE }, cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                       cv::BORDER_REPLICATE);

        for (int i = 0; i < SIDE * SIDE; i++) {
                cv::Vec3b pixel = patch.at<cv::Vec3b>(i / SIDE, i % SIDE);
                float blue = std::log(pixel[0] + 8.0f), green = std::log(pixel[1] + 8.0f),
                      red = std::log(pixel[2] + 8.0f);

                values[0].push_back(red - green);
                values[1].push_back(blue - green);
                values[2].push_back((red + green + blue) / 3);
        }

        cv::Vec3f colour;
        for (int i = 0; i < 3; i++) {
                std::vector<float> &v = values[(size_t) i];
                std::nth_element(v.begin(), v.begin() + SIDE * SIDE / 2, v.end());
                colour[i] = v[SIDE * SIDE / 2];
        }
        return colour;
}

/* Cloth over the mouth mostly has another colour than the cheeks, or is lighter than any chin. */
static void measure_colour(const Image &image, const Face &face, Bareness *bare) {
        constexpr int SIDE = 64;
        cv::Point2f right = face.points[Face::RIGHT_EYE], left = face.points[Face::LEFT_EYE];
        cv::Point2f mouth = (face.points[Face::RIGHT_MOUTH] + face.points[Face::LEFT_MOUTH]) * 0.5f;
        cv::Rect region;

        cv::Mat bgr = image_region(image, face_region(face, 1.2f, true), { SIDE, SIDE }, Shrink::SAMPLE, &region);
        float sx = (float) SIDE / (float) region.width, sy = (float) SIDE / (float) region.height;
        cv::Point2f middle = (right + left) * 0.5f, across = left - right, down = mouth - middle;
        cv::Matx23f to_pixels(sx * across.x, sx * down.x, sx * (middle.x - (float) region.x),
                              sy * across.y, sy * down.y, sy * (middle.y - (float) region.y));

        cv::Vec3f chin = part_colour(bgr, to_pixels, { -0.35f, 0.85f, 0.7f, 0.45f });
        cv::Vec3f cheeks = part_colour(bgr, to_pixels, { -0.45f, 0.2f, 0.9f, 0.3f });
        bare->tint = std::hypot(chin[0] - cheeks[0], chin[1] - cheeks[1]);
        bare->lighter = chin[2] - cheeks[2];
}

Bareness face_bareness(const Image &image, const cv::Mat &luma, const Face &face) {
        cv::Point2f right = face.points[Face::RIGHT_EYE], left = face.points[Face::LEFT_EYE];
        cv::Point2f mouth = (face.points[Face::RIGHT_MOUTH] + face.points[Face::LEFT_MOUTH]) * 0.5f;
        cv::Point2f across = left - right;
        Surroundings s = surroundings(luma, face, (float) cv::norm(across));
        Bareness bare;

        if (s.luma.empty())
                return bare;

        auto eye = [&](cv::Point2f centre, bool mirrored) {
                return likeness_to(face_part(s, centre, across, EYE, mirrored), EYE_WEIGHTS, std::size(EYE_WEIGHTS),
                                   EYE_BIAS);
        };
        bare.mouth = likeness_to(face_part(s, mouth, across, MOUTH, false), MOUTH_WEIGHTS, std::size(MOUTH_WEIGHTS),
                                 MOUTH_BIAS);
        bare.eyes = eye(right, false) + eye(left, true);
        measure_colour(image, face, &bare);
        return bare;
}

void Covering::add(const Image &image, const cv::Mat &luma, const Face &face) {
        window_.push_back(face_bareness(image, luma, face));
        if (window_.size() > FRAMES)
                window_.pop_front();
}

bool Covering::covered() const {
        Bareness mean;

        if (window_.size() < FRAMES)
                return false;
        for (const Bareness &b : window_) {
                mean.mouth += b.mouth / FRAMES;
                mean.eyes += b.eyes / FRAMES;
                mean.tint += b.tint / FRAMES;
                mean.lighter += b.lighter / FRAMES;
        }

        bool coloured = mean.tint > TINT_MAX || (mean.tint > TINT_LIGHTER_MAX && mean.lighter > LIGHTER_MAX);
        return mean.mouth < (coloured ? MOUTH_COLOURED_MIN : MOUTH_MIN) || mean.eyes < EYES_MIN;
}

} // namespace likeness
