/* SPDX-License-Identifier: Apache-2.0 */

#include "image.hpp"

#include <opencv2/imgproc.hpp>

namespace likeness {

/* How a plane of a format is laid out: bytes per sample and how often width and height are halved. */
struct PlaneLayout {
        unsigned bytes, halved_x, halved_y;
};

struct FormatLayout {
        size_t n_planes;
        PlaneLayout planes[3];
};

static const FormatLayout &format_layout(PixelFormat format) {
        static const FormatLayout layouts[_PIXEL_FORMAT_MAX] = {
                /* I420 */ { 3, { { 1, 0, 0 }, { 1, 1, 1 }, { 1, 1, 1 } } },
                /* Y42B */ { 3, { { 1, 0, 0 }, { 1, 1, 0 }, { 1, 1, 0 } } },
                /* NV12 */ { 2, { { 1, 0, 0 }, { 2, 1, 1 } } },
                /* YUY2 */ { 1, { { 4, 1, 0 } } },
                /* GREY */ { 1, { { 1, 0, 0 } } },
                /* RGB  */ { 1, { { 3, 0, 0 } } },
        };

        return layouts[format];
}

static unsigned halve(unsigned n, unsigned times) {
        return times ? (n + 1) / 2 : n;
}

bool image_valid(const Image &image) {
        if ((unsigned) image.format >= _PIXEL_FORMAT_MAX || image.width < IMAGE_SIDE_MIN ||
            image.height < IMAGE_SIDE_MIN || image.width > IMAGE_SIDE_MAX || image.height > IMAGE_SIDE_MAX)
                return false;

        const FormatLayout &layout = format_layout(image.format);
        for (size_t i = 0; i < layout.n_planes; i++) {
                const PlaneLayout &plane = layout.planes[i];
                size_t row = (size_t) halve(image.width, plane.halved_x) * plane.bytes;

                /* the upper limit keeps stride * height far from an overflow */
                if (!image.plane[i] || image.stride[i] < row || image.stride[i] > 16 * (size_t) IMAGE_SIDE_MAX)
                        return false;
        }

        return true;
}

static cv::Mat plane_view(const Image &image, size_t i, int type) {
        const PlaneLayout &plane = format_layout(image.format).planes[i];

        /* OpenCV has no read-only view; nothing here writes to it */
        return { (int) halve(image.height, plane.halved_y), (int) halve(image.width, plane.halved_x), type,
                 const_cast<uint8_t *>(image.plane[i]), image.stride[i] };
}

static cv::Rect inside(cv::Rect region, cv::Size size, bool even) {
        region.width = std::clamp(region.width, 2, size.width);
        region.height = std::clamp(region.height, 2, size.height);
        region.x = std::clamp(region.x, 0, size.width - region.width);
        region.y = std::clamp(region.y, 0, size.height - region.height);
        if (!even)
                return region;

        region.x &= ~1;
        region.y &= ~1;
        region.width = std::max(2, region.width & ~1);
        region.height = std::max(2, region.height & ~1);
        return region;
}

static cv::Mat resized(const cv::Mat &m, cv::Size size, Shrink shrink) {
        if (size.empty() || m.size() == size)
                return m;

        bool average = shrink == Shrink::AVERAGE && m.cols > size.width;
        cv::Mat out;
        cv::resize(m, out, size, 0, 0, average ? cv::INTER_AREA : cv::INTER_LINEAR);
        return out;
}

/* Y, U and V planes of any subsampling. JPEG pictures use the full range 0 to 255 (JFIF), which is what OpenCV calls
 * YCrCb; both planar formats come from JPEG decoders. */
static cv::Mat planar_region(const Image &image, cv::Rect region, cv::Size size, Shrink shrink) {
        std::array<cv::Mat, 3> planes;
        cv::Mat merged, out;

        for (size_t i = 0; i < 3; i++) {
                const PlaneLayout &layout = format_layout(image.format).planes[i];
                cv::Rect part(region.x >> layout.halved_x, region.y >> layout.halved_y,
                              region.width >> layout.halved_x, region.height >> layout.halved_y);

                /* OpenCV's order is Y, Cr (V), Cb (U) */
                planes[i == 0 ? 0 : 3 - i] = resized(plane_view(image, i, CV_8UC1)(part),
                                                     size.empty() ? region.size() : size, shrink);
        }

        cv::merge(planes.data(), planes.size(), merged);
        cv::cvtColor(merged, out, cv::COLOR_YCrCb2BGR);
        return out;
}

static cv::Mat nv12_region(const Image &image, cv::Rect region) {
        cv::Rect chroma(region.x / 2, region.y / 2, region.width / 2, region.height / 2);
        cv::Mat out;

        cv::cvtColorTwoPlane(plane_view(image, 0, CV_8UC1)(region), plane_view(image, 1, CV_8UC2)(chroma), out,
                             cv::COLOR_YUV2BGR_NV12);
        return out;
}

/* Two pixels in four bytes: as an OpenCV matrix, one pixel with two channels. */
static cv::Mat yuy2_view(const Image &image) {
        return { (int) image.height, (int) (image.width & ~1u), CV_8UC2, const_cast<uint8_t *>(image.plane[0]),
                 image.stride[0] };
}

cv::Mat image_region(const Image &image, cv::Rect region, cv::Size size, Shrink shrink, cv::Rect *ret_region) {
        bool even = image.format != PIXEL_FORMAT_GREY && image.format != PIXEL_FORMAT_RGB;
        cv::Mat out;

        region = inside(region, image_size(image), even);
        if (ret_region)
                *ret_region = region;

        switch (image.format) {
        case PIXEL_FORMAT_I420:
        case PIXEL_FORMAT_Y42B:
                return planar_region(image, region, size, shrink);
        case PIXEL_FORMAT_NV12:
                return resized(nv12_region(image, region), size, shrink);
        case PIXEL_FORMAT_YUY2:
                cv::cvtColor(yuy2_view(image)(region), out, cv::COLOR_YUV2BGR_YUY2);
                return resized(out, size, shrink);
        case PIXEL_FORMAT_GREY:
                cv::cvtColor(resized(plane_view(image, 0, CV_8UC1)(region), size, shrink), out, cv::COLOR_GRAY2BGR);
                return out;
        default:
                cv::cvtColor(resized(plane_view(image, 0, CV_8UC3)(region), size, shrink), out, cv::COLOR_RGB2BGR);
                return out;
        }
}

cv::Mat image_luma(const Image &image) {
        cv::Mat out;

        switch (image.format) {
        case PIXEL_FORMAT_YUY2:
                cv::extractChannel(yuy2_view(image), out, 0);
                return out;
        case PIXEL_FORMAT_RGB:
                cv::cvtColor(plane_view(image, 0, CV_8UC3), out, cv::COLOR_RGB2GRAY);
                return out;
        default:
                return plane_view(image, 0, CV_8UC1);
        }
}

} // namespace likeness
