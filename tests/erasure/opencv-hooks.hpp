/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <opencv2/core.hpp>

/* Stands between the vision code and OpenCV, in a program that is linked with it or preloaded: whatever pictures and
 * numbers pass, seen() is told. Everything that vision makes of a frame passes here. */

enum class Seen {
        PICTURE,                       /* a plane or a picture in colour, whole, in part or shrunk */
        WARPED,                        /* a face or a part of it, moved into place */
        INPUT,                         /* a network's, as floating-point numbers */
        OUTPUT,                        /* of a network that has one */
        OUTPUTS,                       /* of a network that has several; without the numbers */
};

/* To be defined by the program. May be called by several threads. */
void seen(Seen what, const cv::Mat &matrix);
