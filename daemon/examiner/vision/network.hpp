/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "manifest.h"

#include <opencv2/dnn.hpp>

#include <string>
#include <vector>

namespace likeness {

/* One network of the manifest, ready to run. */
class Network {
public:
        /* Reads the network from `fd` (which stays the caller's and is not moved). It must have `outputs` outputs.
         * Throws. */
        Network(const Model &model, int fd, size_t outputs = 1);

        /* Runs on one picture that has the network's input size, channel order BGR; prepared as the manifest says. The
         * result is one row, and lives until the next call. */
        cv::Mat run(const cv::Mat &bgr);

        /* The same for a network with several named outputs. */
        std::vector<cv::Mat> run(const cv::Mat &bgr, const std::vector<std::string> &outputs);

        const Model &model() const { return model_; }

private:
        void set_input(const cv::Mat &bgr);

        const Model &model_;
        cv::dnn::Net net_;
};

} // namespace likeness
