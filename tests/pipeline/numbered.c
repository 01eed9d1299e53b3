/* SPDX-License-Identifier: Apache-2.0 */

#include "numbered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

void numbered_make(Bytes ret[static NUMBERED_FRAMES]) {
        for (unsigned i = 0; i < NUMBERED_FRAMES; i++)
                ret[i] = picture_jpeg(&(JpegKind) { .width = 640,
                                .height = 480,
                                .plain = true,
                                .banded = true,
                                .brightness = mock_luma(i),
                                .luma_across = 2,
                                .luma_down = 1 });
}

void numbered_done(Bytes frames[static NUMBERED_FRAMES]) {
        for (unsigned i = 0; i < NUMBERED_FRAMES; i++)
                bytes_done(&frames[i]);
}

size_t resident_kib(void) {
        unsigned long size, resident;
        FILE *f = fopen("/proc/self/statm", "re");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
        (void) fclose(f);
        return resident * 4;
}
