/* SPDX-License-Identifier: Apache-2.0 */

#include "detector.hpp"
#include "image.hpp"

#include <cmath>

namespace likeness {

constexpr float SCORE_MIN = 0.7f;
constexpr float OVERLAP_MAX = 0.3f;    /* of two boxes that are different faces */
constexpr int PART_SIDE = 160;         /* input when following a face, which then is about 70 pixels wide */
constexpr float PART_SCALE = 2.0f;
constexpr int INPUT_MIN = 64;          /* the coarsest feature map has a cell for 64 pixels */

/* YuNet's anchors: a feature map per stride, and on each of its cells some square sizes (libfacedetection.train,
 * task1; the same numbers as in the published pre-training configuration "yufacedetectnet"). */
struct AnchorLevel {
        int stride;
        std::vector<int> sizes;
};

static const std::vector<AnchorLevel> &anchor_levels() {
        static const std::vector<AnchorLevel> levels = {
                { 8, { 10, 16, 24 } }, { 16, { 32, 48 } }, { 32, { 64, 96 } }, { 64, { 128, 192, 256 } },
        };
        return levels;
}

/* The SSD coding: offsets in tenths of the anchor's size, sizes as exponents. OpenCV's FaceDetectorYN takes a tenth
 * of the exponent for the width where the training took a fifth, so its boxes are wider; crops and figures that others
 * publish with this detector are OpenCV's, so it is done alike. */
static Face face_decode(cv::Point2f centre, float size, const float *location, float score) {
        Face face;
        cv::Point2f middle = centre + cv::Point2f(location[0], location[1]) * (0.1f * size);
        float width = size * std::exp(0.1f * location[2]), height = size * std::exp(0.2f * location[3]);

        face.box = { middle.x - width / 2, middle.y - height / 2, width, height };
        for (size_t i = 0; i < face.points.size(); i++)
                face.points[i] = centre + cv::Point2f(location[4 + 2 * i], location[5 + 2 * i]) * (0.1f * size);
        face.score = score;
        return face;
}

static std::vector<Face> faces_decode(cv::Size input, const std::vector<cv::Mat> &outputs) {
        const cv::Mat class_ = outputs[0].reshape(1, (int) outputs[0].total() / 2);
        const cv::Mat overlap = outputs[1].reshape(1, (int) outputs[1].total());
        const cv::Mat location = outputs[2].reshape(1, (int) outputs[2].total() / 14);
        int rows = std::min({ class_.rows, overlap.rows, location.rows }), row = 0;
        std::vector<Face> faces;

        cv::Size cells((input.width + 1) / 2 / 2, (input.height + 1) / 2 / 2);
        for (const AnchorLevel &level : anchor_levels()) {
                cells = cells / 2;
                for (int y = 0; y < cells.height; y++)
                        for (int x = 0; x < cells.width; x++)
                                for (int size : level.sizes) {
                                        if (row >= rows)
                                                CV_Error(cv::Error::StsBadSize, "unexpected number of anchors");
                                        float score = std::sqrt(std::max(0.0f, class_.at<float>(row, 1)) *
                                                                std::clamp(overlap.at<float>(row), 0.0f, 1.0f));
                                        if (score >= SCORE_MIN) {
                                                cv::Point2f centre(((float) x + 0.5f) * (float) level.stride,
                                                                   ((float) y + 0.5f) * (float) level.stride);
                                                faces.push_back(face_decode(centre, (float) size,
                                                                            location.ptr<float>(row), score));
                                        }
                                        row++;
                                }
        }
        if (row != rows)
                CV_Error(cv::Error::StsBadSize, "unexpected number of anchors");

        return faces;
}

/* Of boxes that overlap, the one with the best score. */
static std::vector<Face> strongest(std::vector<Face> faces) {
        std::vector<Face> kept;

        std::sort(faces.begin(), faces.end(), [](const Face &a, const Face &b) { return a.score > b.score; });
        for (const Face &face : faces)
                if (std::none_of(kept.begin(), kept.end(),
                                 [&](const Face &k) { return face_overlap(k, face) > OVERLAP_MAX; }))
                        kept.push_back(face);

        return kept;
}

static void face_move(Face &face, cv::Point2f offset, float scale_x, float scale_y) {
        auto place = [&](cv::Point2f p) { return cv::Point2f(p.x * scale_x, p.y * scale_y) + offset; };

        face.box = cv::Rect2f(place(face.box.tl()), place(face.box.br()));
        for (cv::Point2f &p : face.points)
                p = place(p);
}

Detector::Detector(const Model &model, int fd) : whole_(model, fd, 3), part_(model, fd, 3) {
        /* a file with other outputs shows now, not with the first customer */
        (void) detect(part_, cv::Mat::zeros(PART_SIDE, PART_SIDE, CV_8UC3));
}

std::vector<Face> Detector::detect(Network &network, const cv::Mat &bgr) {
        static const std::vector<std::string> names = { "conf", "iou", "loc" };

        return strongest(faces_decode(bgr.size(), network.run(bgr, names)));
}

std::vector<Face> Detector::search(const Image &image, int side) {
        cv::Size size = image_size(image);
        double scale = std::min(1.0, (double) side / std::max(size.width, size.height));
        cv::Size input(std::max(INPUT_MIN, (int) std::lround(size.width * scale)),
                       std::max(INPUT_MIN, (int) std::lround(size.height * scale)));
        cv::Rect region;

        cv::Mat bgr = image_region(image, { cv::Point(), size }, input, Shrink::AVERAGE, &region);
        std::vector<Face> faces = detect(whole_, bgr);
        for (Face &face : faces)
                face_move(face, region.tl(), (float) region.width / (float) input.width,
                          (float) region.height / (float) input.height);

        std::sort(faces.begin(), faces.end(), [](const Face &a, const Face &b) { return a.box.area() > b.box.area(); });
        return faces;
}

std::vector<Face> Detector::follow(const Image &image, const Face &last) {
        int side = (int) std::lround(std::min(last.side() * PART_SCALE, (float) std::min(image.width, image.height)));
        cv::Point2f centre = last.centre();
        cv::Rect region((int) centre.x - side / 2, (int) centre.y - side / 2, side, side);

        cv::Mat bgr = image_region(image, region, { PART_SIDE, PART_SIDE }, Shrink::AVERAGE, &region);
        std::vector<Face> faces = detect(part_, bgr);
        for (Face &face : faces)
                face_move(face, region.tl(), (float) region.width / PART_SIDE, (float) region.height / PART_SIDE);

        std::sort(faces.begin(), faces.end(), [&](const Face &a, const Face &b) {
                return face_overlap(a, last) > face_overlap(b, last);
        });
        return faces;
}

} // namespace likeness
