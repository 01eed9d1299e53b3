/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder.h"

#include <stdlib.h>

/* For libFuzzer. Seeds are written by the decoder's unit test, see LIKENESS_TEST_SEEDS there. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        DecodedPicture picture = {};
        DecodeOutcome outcome;

        outcome = decoder_decode(data, size, &picture);
        if (outcome >= _DECODE_MAX || (outcome == DECODE_DONE) != (picture.pixels != NULL) ||
            picture.width > PIXELS_SIDE_MAX || picture.height > PIXELS_SIDE_MAX)
                abort();

        /* All of it must be there. */
        for (size_t i = 0; i < (size_t) picture.width * picture.height * 3; i += 4093)
                if (((volatile uint8_t *) picture.pixels)[i] > 255)
                        abort();

        decoded_picture_done(&picture);
        return 0;
}
