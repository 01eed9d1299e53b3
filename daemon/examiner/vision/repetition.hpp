/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vision.h"

#include <opencv2/core.hpp>

#include <array>

namespace likeness {

/* Notices pictures that repeat themselves bit by bit: an image sensor's noise never does, a still or a loop that is
 * injected in place of the camera does. */
class Repetition {
public:
        /* Takes the brightness of the next frame. */
        void add(const cv::Mat &luma);

        bool frozen() const { return frozen_; }

private:
        static constexpr size_t REMEMBERED = 256;

        std::array<uint64_t, REMEMBERED> hashes_{};
        size_t count_ = 0;
        unsigned run_ = 0;             /* frames in a row that equal the one before */
        unsigned returns_ = 0;         /* frames that equal one of a while ago */
        bool frozen_ = false;
};

} // namespace likeness
