/* SPDX-License-Identifier: Apache-2.0 */

#include "repetition.hpp"

namespace likeness {

/* A picture that comes back after others came between was recorded. Ones that are all black or white do so innocently,
 * hence the need for contrast. */
constexpr unsigned RETURNS_MAX = 4;
constexpr size_t RETURN_DISTANCE = 8;
constexpr double CONTRAST_MIN = 8;

/* Every eighth row, 64 bits at a time; FNV-1a's prime as the multiplier, bits folded down after each step. */
static uint64_t picture_hash(const cv::Mat &luma) {
        uint64_t hash = UINT64_C(14695981039346656037);

        for (int y = 0; y < luma.rows; y += 8) {
                const uchar *row = luma.ptr(y);

                for (int x = 0; x + 8 <= luma.cols; x += 8) {
                        uint64_t word;

                        memcpy(&word, row + x, sizeof(word));
                        hash = (hash ^ word) * UINT64_C(1099511628211);
                        hash ^= hash >> 29;
                }
        }

        return hash;
}

static bool has_contrast(const cv::Mat &luma) {
        cv::Scalar mean, deviation;

        cv::meanStdDev(luma.rowRange(luma.rows / 4, luma.rows * 3 / 4), mean, deviation);
        return deviation[0] >= CONTRAST_MIN;
}

void Repetition::add(const cv::Mat &luma) {
        uint64_t hash = picture_hash(luma);
        bool returned = false;

        for (size_t back = RETURN_DISTANCE; back <= std::min(count_, REMEMBERED); back++)
                returned = returned || hashes_[(count_ - back) % REMEMBERED] == hash;

        bool repeated = count_ > 0 && hashes_[(count_ - 1) % REMEMBERED] == hash;
        hashes_[count_ % REMEMBERED] = hash;
        count_++;

        if (returned && !repeated)
                returns_++;
        if (returns_ >= RETURNS_MAX && has_contrast(luma))
                repeats_ = true;
}

} // namespace likeness
