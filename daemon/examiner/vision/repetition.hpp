/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vision.h"

#include <opencv2/core.hpp>

#include <array>

namespace likeness {

/* Notices pictures that come back bit by bit: an image sensor's noise never does, a loop that is injected in place of the
 * camera does. (One and the same picture all the time is noticed before it comes here: capture-picture.h.) */
class Repetition {
public:
        /* Takes the brightness of the next frame. */
        void add(const cv::Mat &luma);

        bool repeats() const { return repeats_; }

private:
        static constexpr size_t REMEMBERED = 256;

        std::array<uint64_t, REMEMBERED> hashes_{};
        size_t count_ = 0;
        unsigned returns_ = 0;         /* frames that equal one of a while ago */
        bool repeats_ = false;
};

} // namespace likeness
