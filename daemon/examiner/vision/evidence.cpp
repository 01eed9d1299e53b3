/* SPDX-License-Identifier: Apache-2.0 */

#include "evidence.hpp"
#include "liveness-limits.h"

#include <opencv2/imgproc.hpp>

#include <cmath>

namespace likeness {

constexpr unsigned GROUP_FRAMES = 5;

/* How many groups are looked at: at 30 frames a second half a second if the case is clear, two if it is not. */
constexpr unsigned GROUPS_MIN = 3, GROUPS_MAX = 12;

/* Groups needed before an attack is taken for certain: one bad moment must not decide. */
constexpr unsigned GROUPS_ATTACK_MIN = 4;

/* How far from every threshold the figures must be after GROUPS_MIN groups to be clear; shrinks to 0 at GROUPS_MAX. */
constexpr double LIVENESS_MARGIN = 0.15, SIMILARITY_MARGIN = 0.05;

/* Two embeddings of one person in front of one camera, a moment apart: docs/thresholds.md. */
constexpr float SAME_PERSON_MIN = 0.55f;

constexpr unsigned STRANGERS_MAX = 2;

/* Correlation of the face, coarsely seen, with the usable frame before, the best of small shifts (landmarks jitter):
 * faces of two people seldom reach it. */
constexpr float CONTINUED_MIN = 0.7f;
constexpr int CONTINUED_SIDE = 24, CONTINUED_SHIFT = 3;

void Evidence::drop_all() {
        group_ = Group();
        group_.scores = LivenessScores(liveness_.size());
        scores_ = LivenessScores(liveness_.size());
        embeddings_.clear();
        frames_used_ = 0;
        strangers_ = 0;
        jumped_ = false;
}

void Evidence::interrupt(bool jumped) {
        group_ = Group();
        group_.scores = LivenessScores(liveness_.size());
        jumped_ = jumped_ || jumped;
}

/* Within a group only one frame is embedded: that the others show the same face is seen from the picture itself. */
bool Evidence::is_continued(const cv::Mat &patch) {
        cv::Mat small, correlation;

        cv::resize(patch, small, { CONTINUED_SIDE, CONTINUED_SIDE }, 0, 0, cv::INTER_AREA);
        std::swap(small, last_patch_);
        if (small.empty())
                return true;

        cv::Rect inner(CONTINUED_SHIFT, CONTINUED_SHIFT, CONTINUED_SIDE - 2 * CONTINUED_SHIFT,
                       CONTINUED_SIDE - 2 * CONTINUED_SHIFT);
        double best;

        cv::matchTemplate(small, last_patch_(inner), correlation, cv::TM_CCOEFF_NORMED);
        cv::minMaxLoc(correlation, nullptr, &best);
        return best >= CONTINUED_MIN;
}

bool Evidence::add(const Image &image, const Face &face, const Quality &quality) {
        if (!is_continued(quality.patch))
                interrupt(true);

        unsigned slot = group_.frames++;
        colourless_ = image.format == PIXEL_FORMAT_GREY;

        /* the last frame of a group has the embedding to pay for, the others share the liveness networks */
        for (size_t i = slot; i < liveness_.size(); i += GROUP_FRAMES - 1)
                if (slot < GROUP_FRAMES - 1) {
                        group_.scores.sum[i] += liveness_.score(i, image, face);
                        group_.scores.count[i]++;
                }

        if (quality.rank() > group_.best_rank) {
                group_.best = matcher_.align(image, face);
                group_.best_rank = quality.rank();
        }

        return group_.frames >= GROUP_FRAMES && complete_group();
}

void Evidence::keep(const Embedding &embedding) {
        embeddings_.push_back(embedding);
        scores_.add(group_.scores);
        frames_used_ += group_.frames;
        strangers_ = 0;
        interrupt(false);
        jumped_ = false;
}

bool Evidence::complete_group() {
        Embedding embedding = matcher_.embed(group_.best);

        if (embeddings_.empty() || likeness::similarity(embedding, fuse(embeddings_)) >= SAME_PERSON_MIN) {
                keep(embedding);
                return false;
        }

        /* One odd group may be a grimace or a passing hand: it does not count. After a jump, or two in a row, it is
         * somebody else. */
        strangers_++;
        if (!jumped_ && strangers_ < STRANGERS_MAX) {
                interrupt(false);
                return false;
        }

        Group group = std::move(group_);
        drop_all();
        group_ = std::move(group);
        keep(embedding);
        return true;
}

/* The networks were made for colour, and object to most grey pictures of living people. So their objection to one is a
 * doubt, never an accusation; what they let pass has passed. */
double Evidence::liveness() const {
        double fused = scores_.fused();

        return colourless_ && scores_.complete() ? std::max(fused, LIVENESS_REJECT_BELOW / 1000.0) : fused;
}

float Evidence::similarity() const {
        if (!reference || embeddings_.empty())
                return 0;

        return likeness::similarity(fuse(embeddings_), *reference);
}

static bool clear_of(double value, double threshold, double margin) {
        return std::abs(value - threshold) >= margin;
}

bool Evidence::enough() const {
        size_t groups = embeddings_.size();
        double left = (double) (GROUPS_MAX - std::min<size_t>(groups, GROUPS_MAX)) / (GROUPS_MAX - GROUPS_MIN);
        double live = liveness(), same = similarity();

        if (groups >= GROUPS_MAX)
                return true;
        if (live < LIVENESS_REJECT_BELOW / 1000.0 - left * LIVENESS_MARGIN)
                return groups >= GROUPS_ATTACK_MIN;

        return groups >= GROUPS_MIN && live >= LIVENESS_ACCEPT_FROM / 1000.0 + left * LIVENESS_MARGIN &&
               clear_of(same, thresholds.match_from, left * SIMILARITY_MARGIN) &&
               clear_of(same, thresholds.no_match_below, left * SIMILARITY_MARGIN);
}

uint32_t Evidence::progress() const {
        if (enough())
                return 1000;

        /* fast while a clear case would take, slower when it takes longer */
        double groups = (double) embeddings_.size() + (double) group_.frames / GROUP_FRAMES;
        double part = groups <= GROUPS_MIN ? 0.8 * groups / GROUPS_MIN
                                           : 0.8 + 0.19 * (groups - GROUPS_MIN) / (GROUPS_MAX - GROUPS_MIN);
        return (uint32_t) (1000 * std::min(part, 0.99));
}

} // namespace likeness
