/* SPDX-License-Identifier: Apache-2.0 */

#include "network.hpp"

#include <cerrno>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace likeness {

constexpr off_t MODEL_SIZE_MAX = 256 << 20;

/* The bytes that were hashed are the bytes that are parsed: the same descriptor, never the path again. (OpenCV's
 * FaceDetectorYN takes a path only, and tells the format by the path's suffix.) */
static std::vector<uchar> read_all(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                throw std::system_error(errno, std::generic_category());
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MODEL_SIZE_MAX)
                throw std::system_error(EBADMSG, std::generic_category());

        std::vector<uchar> bytes((size_t) st.st_size);
        for (size_t done = 0; done < bytes.size();) {
                ssize_t n = pread(fd, bytes.data() + done, bytes.size() - done, (off_t) done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        throw std::system_error(n < 0 ? errno : EIO, std::generic_category());
                done += (size_t) n;
        }

        return bytes;
}

Network::Network(const Model &model, int fd, size_t outputs) : model_(model) {
        net_ = cv::dnn::readNetFromONNX(read_all(fd));
        if (net_.getUnconnectedOutLayers().size() != outputs)
                CV_Error(cv::Error::StsBadArg, "the network has another number of outputs");
        net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
        net_.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
}

void Network::set_input(const cv::Mat &bgr) {
        cv::Scalar mean(model_.mean[0], model_.mean[1], model_.mean[2]);

        net_.setInput(cv::dnn::blobFromImage(bgr, model_.scale, cv::Size(), mean, model_.rgb));
}

cv::Mat Network::run(const cv::Mat &bgr) {
        set_input(bgr);
        return net_.forward().reshape(1, 1);
}

std::vector<cv::Mat> Network::run(const cv::Mat &bgr, const std::vector<std::string> &outputs) {
        std::vector<cv::Mat> results;

        set_input(bgr);
        net_.forward(results, outputs);
        return results;
}

} // namespace likeness
