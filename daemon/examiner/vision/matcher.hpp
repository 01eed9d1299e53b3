/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "face.hpp"
#include "network.hpp"
#include "vision.h"

namespace likeness {

/* Unit vectors that are close together for two pictures of one person. */
using Embedding = cv::Mat1f;

class Matcher {
public:
        Matcher(const Model &model, int fd);

        /* The face at the place and size that the network was trained on. */
        cv::Mat align(const Image &image, const Face &face) const;

        Embedding embed(const cv::Mat &aligned);

private:
        Network network_;
};

/* Cosine similarity, -1 to 1. */
float similarity(const Embedding &a, const Embedding &b);

/* The mean of several embeddings, itself a unit vector. */
Embedding fuse(const std::vector<Embedding> &embeddings);

} // namespace likeness
