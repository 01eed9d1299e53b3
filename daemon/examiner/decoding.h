/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decoder.h"
#include "macro.h"

/* Runs the decoder on a thread of its own, so that the link keeps answering while a large picture is read. */

typedef struct Decoding Decoding;

/* Starts to decode. The descriptors stay the caller's (the message's) and must outlive the decoding. */
int decoding_new(Decoding **ret, int picture, int pixels);
/* Waits for the thread. */
Decoding *decoding_free(Decoding *d);
DEFINE_CLEANUP(Decoding *, decoding_free);

/* Readable when the decoding has ended. */
int decoding_get_fd(const Decoding *d);

/* How it ended, and the size of the picture in pixels (0 unless DECODE_DONE). Waits if it has not. */
DecodeOutcome decoding_finish(Decoding *d, uint32_t *ret_width, uint32_t *ret_height);
