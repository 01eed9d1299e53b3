/* SPDX-License-Identifier: Apache-2.0 */

#include "opencv-hooks.hpp"

#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

#define DNN "_ZN2cv3dnn14dnn4_v20220524"
#define STRING "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
#define STRING_AGAIN "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESaISC_EE"

/* OpenCV's own function, by the name that the linker knows it by (OpenCV 4.6). */
template <typename F>
static F *next(const char *name) {
        void *function = dlsym(RTLD_NEXT, name);

        if (!function) {
                fprintf(stderr, "OpenCV has no %s\n", name);
                abort();
        }
        return reinterpret_cast<F *>(function);
}

void cv::warpAffine(InputArray src, OutputArray dst, InputArray m, Size size, int flags, int border,
                    const Scalar &value) {
        static auto *real = next<void(InputArray, OutputArray, InputArray, Size, int, int, const Scalar &)>(
                        "_ZN2cv10warpAffineERKNS_11_InputArrayERKNS_12_OutputArrayES2_NS_5Size_IiEEiiRKNS_7Scalar_"
                        "IdEE");

        real(src, dst, m, size, flags, border, value);
        seen(Seen::WARPED, dst.getMat());
}

void cv::resize(InputArray src, OutputArray dst, Size size, double fx, double fy, int interpolation) {
        static auto *real = next<void(InputArray, OutputArray, Size, double, double, int)>(
                        "_ZN2cv6resizeERKNS_11_InputArrayERKNS_12_OutputArrayENS_5Size_IiEEddi");

        real(src, dst, size, fx, fy, interpolation);
        seen(Seen::PICTURE, dst.getMat());
}

void cv::cvtColor(InputArray src, OutputArray dst, int code, int channels) {
        static auto *real = next<void(InputArray, OutputArray, int, int)>(
                        "_ZN2cv8cvtColorERKNS_11_InputArrayERKNS_12_OutputArrayEii");

        seen(Seen::PICTURE, src.getMat());
        real(src, dst, code, channels);
        seen(Seen::PICTURE, dst.getMat());
}

namespace cv::dnn {
CV__DNN_INLINE_NS_BEGIN
Mat blobFromImage(InputArray image, double scale, const Size &size, const Scalar &mean, bool swap, bool crop,
                  int depth) {
        static auto *real = next<Mat(InputArray, double, const Size &, const Scalar &, bool, bool, int)>(
                        DNN "13blobFromImageERKNS_11_InputArrayEdRKNS_5Size_IiEERKNS_7Scalar_IdEEbbi");
        Mat blob = real(image, scale, size, mean, swap, crop, depth);

        seen(Seen::INPUT, blob);
        return blob;
}
CV__DNN_INLINE_NS_END
} // namespace cv::dnn

cv::Mat cv::dnn::Net::forward(const String &output) {
        static auto *real = next<cv::Mat(Net *, const String &)>(DNN "3Net7forwardERK" STRING);
        cv::Mat result = real(this, output);

        seen(Seen::OUTPUT, result);
        return result;
}

void cv::dnn::Net::forward(OutputArrayOfArrays results, const std::vector<String> &outputs) {
        static auto *real = next<void(Net *, OutputArrayOfArrays, const std::vector<String> &)>(
                        DNN "3Net7forwardERKNS_12_OutputArrayERKSt6vectorI" STRING_AGAIN);

        real(this, results, outputs);
        seen(Seen::OUTPUTS, cv::Mat());
}
