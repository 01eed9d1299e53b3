/* SPDX-License-Identifier: Apache-2.0 */

#include "matcher.hpp"
#include "image.hpp"

#include <opencv2/imgproc.hpp>

#include <cmath>

namespace likeness {

/* The similarity (rotation, one scale, shift) that maps `from` to `to` with the least squared error: for points as
 * complex numbers around their means, factor = sum(conj(from) * to) / sum(|from|^2). */
static cv::Matx23f similarity_transform(
                const std::array<cv::Point2f, Face::N_LANDMARKS> &from,
                const std::array<cv::Point2f, Face::N_LANDMARKS> &to) {

        cv::Point2f mean_from, mean_to;
        float real = 0, imaginary = 0, spread = 0;

        for (size_t i = 0; i < from.size(); i++) {
                mean_from += from[i] / (float) from.size();
                mean_to += to[i] / (float) to.size();
        }
        for (size_t i = 0; i < from.size(); i++) {
                cv::Point2f a = from[i] - mean_from, b = to[i] - mean_to;

                real += a.dot(b);
                imaginary += (float) a.cross(b);
                spread += a.dot(a);
        }

        float c = real / std::max(1.0f, spread), s = imaginary / std::max(1.0f, spread);
        return { c, -s, mean_to.x - c * mean_from.x + s * mean_from.y,
                 s, c, mean_to.y - s * mean_from.x - c * mean_from.y };
}

static void normalise(Embedding &e) {
        double length = cv::norm(e);

        if (!std::isfinite(length) || length <= 0)
                CV_Error(cv::Error::StsNoConv, "the embedding has no direction");
        e /= length;
}

Matcher::Matcher(const Model &model, int fd) : network_(model, fd) {
        /* A network with another number of outputs would still run: refuse what cannot be an embedding. */
        cv::Mat out = network_.run(cv::Mat((int) model.height, (int) model.width, CV_8UC3, cv::Scalar::all(128)));
        if (out.type() != CV_32F || out.cols < 64 || out.cols > 4096)
                CV_Error(cv::Error::StsBadSize, "the matcher's output is no embedding");
}

cv::Mat Matcher::align(const Image &image, const Face &face) const {
        const Model &model = network_.model();
        std::array<cv::Point2f, Face::N_LANDMARKS> from = face.points, to;
        cv::Rect region;
        cv::Mat aligned;

        cv::Mat bgr = image_region(image, face_region(face, 1.5f, true), {}, Shrink::SAMPLE, &region);
        for (size_t i = 0; i < to.size(); i++) {
                from[i] -= cv::Point2f(region.tl());
                to[i] = { (float) (model.points[2 * i] * model.width),
                          (float) (model.points[2 * i + 1] * model.height) };
        }

        cv::warpAffine(bgr, aligned, similarity_transform(from, to), { (int) model.width, (int) model.height },
                       cv::INTER_LINEAR, cv::BORDER_CONSTANT);
        return aligned;
}

Embedding Matcher::embed(const cv::Mat &aligned) {
        Embedding e = network_.run(aligned).clone();

        normalise(e);
        return e;
}

float similarity(const Embedding &a, const Embedding &b) {
        return (float) std::clamp(a.dot(b), -1.0, 1.0);
}

Embedding fuse(const std::vector<Embedding> &embeddings) {
        Embedding mean = Embedding::zeros(embeddings.at(0).size());

        for (const Embedding &e : embeddings)
                mean += e;
        normalise(mean);
        return mean;
}

} // namespace likeness
