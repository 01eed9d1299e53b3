/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder-internal.h"
#include "decoder-jpeg2000-header.h"
#include "macro.h"

#include <openjpeg.h>

/* OpenJPEG holds each sample in four bytes, twice: 256 MiB. Reached only by large pictures that cannot be
 * halved while they are decoded. */
#define SAMPLES_MAX (UINT64_C(32) * 1024 * 1024)

typedef struct MemoryStream {
        const uint8_t *data;
        size_t size, at;
} MemoryStream;

/* What is needed to read one pixel after the other. */
typedef struct Channels {
        const opj_image_comp_t *colour[3];
        const opj_image_comp_t *alpha;
        unsigned n_colours;
        bool ycc;
        uint32_t width, height;
} Channels;

static OPJ_SIZE_T on_read(void *buffer, OPJ_SIZE_T length, void *userdata) {
        MemoryStream *m = userdata;

        if (m->at >= m->size)
                return (OPJ_SIZE_T) -1;
        if (length > m->size - m->at)
                length = m->size - m->at;

        memcpy(buffer, m->data + m->at, length);
        m->at += length;
        return length;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T length, void *userdata) {
        MemoryStream *m = userdata;

        if (length < 0 || (uint64_t) length > m->size - m->at)
                return -1;

        m->at += (size_t) length;
        return length;
}

static OPJ_BOOL on_seek(OPJ_OFF_T position, void *userdata) {
        MemoryStream *m = userdata;

        if (position < 0 || (uint64_t) position > m->size)
                return OPJ_FALSE;

        m->at = (size_t) position;
        return OPJ_TRUE;
}

static void codec_destroyp(opj_codec_t **codec) {
        if (*codec)
                opj_destroy_codec(*codec);
}

static void stream_destroyp(opj_stream_t **stream) {
        if (*stream)
                opj_stream_destroy(*stream);
}

static void image_destroyp(opj_image_t **image) {
        if (*image)
                opj_image_destroy(*image);
}

/* How often to halve while decoding, so that the rest remains for the area average. */
static unsigned choose_reduction(const Jpeg2000Header *h) {
        uint32_t longer = h->width > h->height ? h->width : h->height;
        unsigned reduction = 0;

        while (reduction < h->levels && longer >> (reduction + 1) >= PIXELS_SIDE_MAX)
                reduction++;

        return reduction;
}

static DecodeOutcome decode_image(MemoryStream *memory, bool bare, unsigned reduction, opj_image_t **ret) {
        _cleanup_(codec_destroyp) opj_codec_t *codec = NULL;
        _cleanup_(stream_destroyp) opj_stream_t *stream = NULL;
        _cleanup_(image_destroyp) opj_image_t *image = NULL;
        opj_dparameters_t parameters;

        codec = opj_create_decompress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
        stream = opj_stream_create(64 * 1024, /* is_read= */ OPJ_TRUE);
        if (!codec || !stream)
                return DECODE_NO_MEMORY;

        opj_stream_set_user_data(stream, memory, NULL);
        opj_stream_set_user_data_length(stream, memory->size);
        opj_stream_set_read_function(stream, on_read);
        opj_stream_set_skip_function(stream, on_skip);
        opj_stream_set_seek_function(stream, on_seek);

        opj_set_default_decoder_parameters(&parameters);
        parameters.cp_reduce = reduction;
        if (!opj_setup_decoder(codec, &parameters) || !opj_decoder_set_strict_mode(codec, OPJ_TRUE) ||
                        !opj_codec_set_threads(codec, 1))
                return DECODE_NO_MEMORY;

        if (!opj_read_header(stream, codec, &image) || !opj_decode(codec, stream, image) ||
                        !opj_end_decompress(codec, stream))
                return DECODE_DAMAGED;

        *ret = TAKE_PTR(image);
        return DECODE_DONE;
}

static bool component_usable(const opj_image_comp_t *c) {
        return c->data && c->w > 0 && c->h > 0 && c->prec >= 1 && c->prec <= 16;
}

static DecodeOutcome find_channels(const opj_image_t *image, Channels *ret) {
        Channels ch = {};

        if (image->color_space == OPJ_CLRSPC_CMYK || image->color_space == OPJ_CLRSPC_EYCC)
                return DECODE_UNSUPPORTED;

        for (uint32_t i = 0; i < image->numcomps; i++) {
                const opj_image_comp_t *c = &image->comps[i];

                if (!component_usable(c))
                        return DECODE_DAMAGED;
                if (c->w > ch.width)
                        ch.width = c->w;
                if (c->h > ch.height)
                        ch.height = c->h;

                if (c->alpha && !ch.alpha)
                        ch.alpha = c;
                else if (!c->alpha && ch.n_colours < 3)
                        ch.colour[ch.n_colours++] = c;
                else
                        return DECODE_UNSUPPORTED;
        }

        if (ch.n_colours == 1)
                ch.colour[1] = ch.colour[2] = ch.colour[0];
        else if (ch.n_colours != 3)
                return DECODE_UNSUPPORTED;

        /* Only luma and chroma are stored at different sizes; bare codestreams do not name their colours. */
        ch.ycc = ch.n_colours == 3 &&
                        (image->color_space == OPJ_CLRSPC_SYCC || ch.colour[1]->w < ch.colour[0]->w);
        *ret = ch;
        return DECODE_DONE;
}

static uint8_t sample(const opj_image_comp_t *c, const Channels *ch, uint32_t x, uint32_t y) {
        const uint64_t column = (uint64_t) x * c->w / ch->width, row = (uint64_t) y * c->h / ch->height;
        int32_t value = c->data[row * c->w + column], most = (1 << c->prec) - 1;

        /* A damaged codestream's values may be anything: clamp before adding. */
        if (c->sgnd) {
                int32_t half = 1 << (c->prec - 1);

                value = value < -half ? 0 : value >= half ? most : value + half;
        }
        value = value < 0 ? 0 : value > most ? most : value;

        return (uint8_t) ((value * 255 + most / 2) / most);
}

static uint8_t clamp(double v) {
        return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t) (v + 0.5);
}

/* sYCC, full range: IEC 61966-2-1, Amendment 1 */
static void ycc_to_rgb(uint8_t *p) {
        const double y = p[0], cb = p[1] - 128.0, cr = p[2] - 128.0;

        p[0] = clamp(y + 1.402 * cr);
        p[1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
        p[2] = clamp(y + 1.772 * cb);
}

static void read_row(const Channels *ch, uint32_t y, uint8_t *row) {
        for (uint32_t x = 0; x < ch->width; x++, row += 3) {
                for (unsigned c = 0; c < 3; c++)
                        row[c] = sample(ch->colour[c], ch, x, y);
                if (ch->ycc)
                        ycc_to_rgb(row);
                if (ch->alpha) {
                        uint8_t alpha = sample(ch->alpha, ch, x, y);

                        for (unsigned c = 0; c < 3; c++)
                                row[c] = over_white(row[c], alpha);
                }
        }
}

DecodeOutcome decode_jpeg2000(const uint8_t *data, size_t size, bool bare, DecodedPicture *ret) {
        _cleanup_(image_destroyp) opj_image_t *image = NULL;
        MemoryStream memory = { .data = data, .size = size };
        _cleanup_free_ uint8_t *row = NULL;
        DecodeOutcome outcome;
        Jpeg2000Header header;
        RowScaler scaler = {};
        unsigned reduction;
        Channels channels;

        outcome = jpeg2000_header_read(data, size, bare, &header);
        if (outcome != DECODE_DONE)
                return outcome;

        reduction = choose_reduction(&header);
        if (((uint64_t) header.width >> reduction) * (header.height >> reduction) * header.components >
                        SAMPLES_MAX)
                return DECODE_UNSUPPORTED;

        outcome = decode_image(&memory, bare, reduction, &image);
        if (outcome != DECODE_DONE)
                return outcome;

        outcome = find_channels(image, &channels);
        if (outcome != DECODE_DONE)
                return outcome;
        if (channels.width > header.width || channels.height > header.height)
                return DECODE_DAMAGED;

        row = calloc(channels.width, 3);
        if (!row || !row_scaler_init(&scaler, header.width, header.height, channels.width, channels.height))
                return DECODE_NO_MEMORY;

        for (uint32_t y = 0; y < channels.height; y++) {
                read_row(&channels, y, row);
                row_scaler_push(&scaler, row);
        }

        outcome = row_scaler_take(&scaler, ret) ? DECODE_DONE : DECODE_DAMAGED;
        row_scaler_done(&scaler);
        return outcome;
}
