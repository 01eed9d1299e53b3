/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Needles: short pieces of what a verification holds in its memory, by which a remainder of it is recognised. */

#ifdef __cplusplus
extern "C" {
#endif

typedef enum NeedleKind {
        NEEDLE_FRAME_JPEG,             /* a frame as the camera sends it */
        NEEDLE_FRAME_PLANES,           /* … decoded: Y, U and V */
        NEEDLE_FRAME_SCALED,           /* … its planes shrunk, and in colour: what the networks are shown */
        NEEDLE_FACE_CROP,              /* the face, moved to where a network wants it */
        NEEDLE_FACE_PATCH,             /* parts of the face in grey, whose sharpness and edges are measured */
        NEEDLE_NETWORK_INPUT,          /* as floating-point numbers */
        NEEDLE_EMBEDDING_OUTPUT,       /* as the network gave it */
        NEEDLE_EMBEDDING,              /* as a unit vector; also the mean of several */
        NEEDLE_EMBEDDING_DOUBLE,       /* both in double precision */
        NEEDLE_REFERENCE_FILE,         /* what the caller supplied */
        NEEDLE_REFERENCE_PIXELS,       /* … decoded: RGB */
        NEEDLE_REFERENCE_SCALED,
        NEEDLE_REFERENCE_CROP,
        NEEDLE_REFERENCE_PATCH,
        NEEDLE_REFERENCE_INPUT,
        NEEDLE_REFERENCE_OUTPUT,
        NEEDLE_REFERENCE_EMBEDDING,
        NEEDLE_REFERENCE_DOUBLE,
        _NEEDLE_KIND_MAX,
} NeedleKind;

typedef enum NeedleForm {
        FORM_RAW,
        FORM_HEX,
        FORM_HEX_UPPER,
        FORM_BASE64,
        FORM_BASE64URL,
        _NEEDLE_FORM_MAX,
} NeedleForm;

const char *needle_kind_to_string(NeedleKind kind);
const char *needle_form_to_string(NeedleForm form);

/* The finder wants at least 15 bytes. The others are what fits into a needle of the largest size in hexadecimal. */
#define NEEDLE_SIZE_MIN 15
#define NEEDLE_SIZE_MAX 96
#define WINDOW_SIZE 32
#define WINDOW_SIZE_NUMBERS 48         /* the same bits of a small number come back in every number */

typedef struct Needle {
        uint8_t kind, form, size;
        uint8_t bytes[NEEDLE_SIZE_MAX];
} Needle;

typedef struct Needles {
        Needle *list;
        size_t n, allocated;
} Needles;

void needles_done(Needles *s);

/* How the bytes of an object are looked at when a piece is chosen for being distinctive. */
typedef enum ObjectType {
        OBJECT_COMPRESSED,             /* any byte is as good as another */
        OBJECT_PIXELS,
        OBJECT_FLOATS,
        OBJECT_DOUBLES,
} ObjectType;

/* Adds pieces of an object, `n` at most, spread over it, in raw form. Pieces that could be found anywhere (a white
 * wall) are passed over. 0 or -ENOMEM. */
int needles_add_object(Needles *s, NeedleKind kind, ObjectType type, const uint8_t *bytes, size_t size, size_t n);

/* Adds the other forms of all that are there in raw form. */
int needles_add_forms(Needles *s);

int needles_write(const Needles *s, int fd);
int needles_read(Needles *ret, int fd);

#ifdef __cplusplus
}
#endif
