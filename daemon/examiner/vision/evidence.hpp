/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "liveness.hpp"
#include "matcher.hpp"
#include "quality.hpp"

#include <optional>

namespace likeness {

/* Similarities and liveness between which the answer is not certain; parts of one. */
struct Thresholds {
        float no_match_below = 0.3f, match_from = 0.5f;
};

/* What is known about the one person in front of the camera.
 *
 * Frames are taken in groups of a few in a row, through which one face was followed without a gap. Each group gives
 * liveness scores and one embedding (of its best frame), and counts only if that embedding shows the person of the
 * groups before. So the scores of two people are never put together: at most a group of each is lost. The work of a
 * group is spread over its frames. */
class Evidence {
public:
        Evidence(Liveness &liveness, Matcher &matcher) : liveness_(liveness), matcher_(matcher) { drop_all(); }

        Thresholds thresholds;
        std::optional<Embedding> reference;

        /* Takes a usable frame. True if it completed a group that showed another person: what there was is dropped. */
        bool add(const Image &image, const Face &face, const Quality &quality);

        /* The face was not followed without a gap: the group under way is lost. With `jumped`, the next one may well
         * show another person. */
        void interrupt(bool jumped);

        unsigned frames_used() const { return frames_used_; }
        unsigned frames_matched() const { return (unsigned) embeddings_.size(); }
        double liveness() const;
        float similarity() const;      /* to the reference; 0 without one */

        bool enough() const;
        uint32_t progress() const;

private:
        struct Group {
                unsigned frames = 0;
                LivenessScores scores;
                cv::Mat best;          /* aligned */
                float best_rank = -1;
        };

        void drop_all();
        bool is_continued(const cv::Mat &patch);
        bool complete_group();
        void keep(const Embedding &embedding);

        Liveness &liveness_;
        Matcher &matcher_;
        Group group_;
        cv::Mat last_patch_;           /* of the usable frame before */
        bool jumped_ = false;          /* since the last group that counted */
        unsigned strangers_ = 0;       /* groups in a row that show somebody else */

        std::vector<Embedding> embeddings_;
        LivenessScores scores_;
        unsigned frames_used_ = 0;
        bool colourless_ = false;      /* of this camera; a face's end does not change it */
};

} // namespace likeness
