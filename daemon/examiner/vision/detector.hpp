/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "face.hpp"
#include "network.hpp"
#include "vision.h"

namespace likeness {

/* Finds faces with YuNet (2022): boxes, five landmarks, scores. */
class Detector {
public:
        Detector(const Model &model, int fd);

        /* All faces of the picture, shrunk so that its longer side is at most `side`; the largest first. */
        std::vector<Face> search(const Image &image, int side);

        /* Faces in and around the place where one was a moment ago; the one that is most like it first. Cheap. */
        std::vector<Face> follow(const Image &image, const Face &last);

private:
        std::vector<Face> detect(Network &network, const cv::Mat &bgr);

        Network whole_, part_;         /* two, as a change of the input's size rebuilds a network */
};

} // namespace likeness
