/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vision.h"

#include <opencv2/core.hpp>

namespace likeness {

/* The smallest and largest picture side that is looked at. */
constexpr uint32_t IMAGE_SIDE_MIN = 32, IMAGE_SIDE_MAX = 8192;

/* True if format, size, planes and strides fit together. The pixels themselves may be anything. */
bool image_valid(const Image &image);

inline cv::Size image_size(const Image &image) {
        return { (int) image.width, (int) image.height };
}

/* How a region is shrunk: bilinear samples, as the training of most networks did it, or means of what is left out. */
enum class Shrink { SAMPLE, AVERAGE };

/* The part `region` of the picture (moved inside, if it sticks out) as BGR at `size`, or at its own size if `size` is
 * empty. Only that part is converted. `ret_region` is what was taken: some formats allow even positions only. */
cv::Mat image_region(const Image &image, cv::Rect region, cv::Size size, Shrink shrink = Shrink::AVERAGE,
                     cv::Rect *ret_region = nullptr);

/* The whole brightness plane, without a copy if the format has one. */
cv::Mat image_luma(const Image &image);

} // namespace likeness
