/* SPDX-License-Identifier: Apache-2.0 */

#include "liveness.hpp"
#include "image.hpp"

#include <opencv2/imgproc.hpp>

#include <cmath>
#include <numeric>

namespace likeness {

/* No single network can push the product below a tenth part of what a fair doubt would: a mean of 0 is "less than one
 * in a hundred", not "impossible". */
constexpr double MEAN_MIN = 0.01;

void LivenessScores::add(const LivenessScores &other) {
        for (size_t i = 0; i < sum.size(); i++) {
                sum[i] += other.sum[i];
                count[i] += other.count[i];
        }
}

bool LivenessScores::complete() const {
        return !count.empty() && std::all_of(count.begin(), count.end(), [](unsigned n) { return n > 0; });
}

double LivenessScores::fused() const {
        double logarithms = 0;

        if (!complete())
                return 0;
        for (size_t i = 0; i < sum.size(); i++)
                logarithms += std::log(std::max(MEAN_MIN, sum[i] / count[i]));

        return std::exp(logarithms / (double) sum.size());
}

void Liveness::add_network(const Model &model, int fd) {
        auto network = std::make_unique<Network>(model, fd);

        cv::Mat out = network->run(cv::Mat::zeros((int) model.height, (int) model.width, CV_8UC3));
        if (out.type() != CV_32F || out.cols != (int) model.classes)
                CV_Error(cv::Error::StsBadSize, "the liveness network has another number of classes");
        networks_.push_back(std::move(network));
}

/* A crop that is moved inside the picture and made no larger than it: how the Silent-Face networks were trained. */
static cv::Mat crop_shifted(const Image &image, const Face &face, const Model &model) {
        cv::Rect2f box = face.box;
        float fit = std::min((float) (image.width - 1) / box.width, (float) (image.height - 1) / box.height);
        cv::Rect2f region = face_region(face, std::min((float) model.crop, fit), model.square);

        return image_region(image, cv::Rect((int) region.x, (int) region.y, (int) region.width + 1,
                                            (int) region.height + 1),
                            { (int) model.width, (int) model.height }, Shrink::SAMPLE);
}

/* A crop about the face's centre, with the picture mirrored beyond its edges. */
static cv::Mat crop_reflected(const Image &image, const Face &face, const Model &model) {
        cv::Rect2f wanted = face_region(face, (float) model.crop, model.square);
        cv::Rect region;
        cv::Mat crop;

        cv::Mat bgr = image_region(image, wanted & cv::Rect2f(0, 0, (float) image.width, (float) image.height), {},
                                   Shrink::SAMPLE, &region);
        float sx = (float) model.width / wanted.width, sy = (float) model.height / wanted.height;
        cv::Matx23f warp(sx, 0, sx * ((float) region.x - wanted.x), 0, sy, sy * ((float) region.y - wanted.y));
        cv::warpAffine(bgr, crop, warp, { (int) model.width, (int) model.height }, cv::INTER_LINEAR,
                       cv::BORDER_REFLECT_101);
        return crop;
}

static float softmax(const cv::Mat &logits, int index) {
        const float *values = logits.ptr<float>();
        float highest = *std::max_element(values, values + logits.cols);
        float sum = std::accumulate(values, values + logits.cols, 0.0f,
                                    [&](float s, float v) { return s + std::exp(v - highest); });

        return std::exp(values[index] - highest) / sum;
}

float Liveness::score(size_t i, const Image &image, const Face &face) {
        Network &network = *networks_.at(i);
        const Model &model = network.model();

        cv::Mat crop = model.reflect ? crop_reflected(image, face, model) : crop_shifted(image, face, model);
        float score = softmax(network.run(crop), (int) model.live_class);
        return std::isfinite(score) ? std::clamp(score, 0.0f, 1.0f) : 0.0f;
}

} // namespace likeness
