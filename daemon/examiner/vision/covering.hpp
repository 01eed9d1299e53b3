/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "face.hpp"
#include "vision.h"

#include <deque>

namespace likeness {

/* How much mouth and eyes look like a bare mouth and bare eyes: around 10 and 15 for people, below 0 for masks, hands
 * and dark glasses. */
struct Bareness {
        float mouth = 0, eyes = 0;     /* eyes: the sum of both */
        float tint = 0;                /* how far the colour below the mouth is from that of the cheeks: log ratios */
        float lighter = 0;             /* how much lighter it is there than on the cheeks: log ratio */
};

Bareness face_bareness(const Image &image, const cv::Mat &luma, const Face &face);

/* Tells whether mouth or eyes of the followed face are covered. The matcher and the liveness networks do not: a drawn
 * mask leaves most frames above both thresholds. Judged over a few frames, as people blink and speak. */
class Covering {
public:
        static constexpr size_t FRAMES = 5;

        void add(const Image &image, const cv::Mat &luma, const Face &face);
        void reset() { window_.clear(); }

        bool covered() const;

private:
        std::deque<Bareness> window_;
};

} // namespace likeness
