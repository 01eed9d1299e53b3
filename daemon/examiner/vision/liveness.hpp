/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "face.hpp"
#include "network.hpp"
#include "vision.h"

#include <memory>

namespace likeness {

/* What each liveness network said over some frames of one face. */
struct LivenessScores {
        std::vector<double> sum;       /* per network */
        std::vector<unsigned> count;

        explicit LivenessScores(size_t networks = 0) : sum(networks), count(networks) {}

        void add(const LivenessScores &other);
        bool complete() const;         /* every network has seen a frame */

        /* One figure, 0 (attack) to 1 (live): the geometric mean of the networks' means. As a product it lets any one
         * network veto what the others let pass; 0 if not complete. */
        double fused() const;
};

/* Passive liveness: networks that look at texture, borders and light of single frames. They may veto, never pass
 * anybody alone. */
class Liveness {
public:
        void add_network(const Model &model, int fd);

        size_t size() const { return networks_.size(); }

        /* Lets network `i` look at a face; 0 (attack) to 1 (live). */
        float score(size_t i, const Image &image, const Face &face);

private:
        std::vector<std::unique_ptr<Network>> networks_;
};

} // namespace likeness
