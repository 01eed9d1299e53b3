/* SPDX-License-Identifier: Apache-2.0 */

#include "pictures.h"
#include "macro.h"

#include <assert.h>
#include <stdio.h>

#include <jpeglib.h>
#include <openjpeg.h>
#include <png.h>

void bytes_done(Bytes *b) {
        free(b->data);
        *b = (Bytes){};
}

Bytes bytes_copy(const Bytes *b, size_t size) {
        Bytes copy = { .data = malloc(size + 1), .size = size };

        assert(copy.data && size <= b->size);
        memcpy(copy.data, b->data, size);
        return copy;
}

void bytes_insert(Bytes *b, size_t at, const void *data, size_t n) {
        assert(at <= b->size);
        b->data = realloc(b->data, b->size + n + 1);
        assert(b->data);
        memmove(b->data + at + n, b->data + at, b->size - at);
        if (n > 0)
                memcpy(b->data + at, data, n);
        b->size += n;
}

static void bytes_append(Bytes *b, const void *data, size_t n) {
        bytes_insert(b, b->size, data, n);
}

void pattern_colour(uint32_t x, uint32_t y, uint32_t width, uint32_t height, uint8_t ret[static 3]) {
        static const uint8_t colours[2][2][3] = {
                { { 230, 20, 20 }, { 20, 200, 20 } },
                { { 20, 20, 220 }, { 220, 220, 20 } },
        };

        memcpy(ret, colours[y >= height / 2][x >= width / 2], 3);
}

static uint8_t luma(const uint8_t c[static 3]) {
        return (uint8_t) ((299 * c[0] + 587 * c[1] + 114 * c[2] + 500) / 1000);
}

/* "Exif", TIFF header, one directory of one entry: the orientation. */
static size_t exif_write(uint8_t buffer[static 64], unsigned orientation, bool big_endian, bool header) {
        static const uint8_t little[] = { 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0,
                0, 0 };
        static const uint8_t big[] = { 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0,
                0 };
        size_t n = 0;

        memset(buffer, 0, 64);
        if (header) {
                memcpy(buffer, "Exif\0", 6);
                n = 6;
        }

        memcpy(buffer + n, big_endian ? big : little, sizeof(little));
        buffer[n + 18 + (big_endian ? 1 : 0)] = (uint8_t) orientation;
        return n + sizeof(little) + 4;
}

static void jpeg_configure(struct jpeg_compress_struct *c, const JpegKind *kind) {
        c->image_width = kind->width;
        c->image_height = kind->height;
        c->input_components = kind->cmyk ? 4 : kind->grey ? 1 : 3;
        c->in_color_space = kind->cmyk ? JCS_CMYK : kind->grey ? JCS_GRAYSCALE : JCS_RGB;
        jpeg_set_defaults(c);
        jpeg_set_quality(c, kind->quality > 0 ? (int) kind->quality : 90, TRUE);
        if (kind->rgb)
                jpeg_set_colorspace(c, JCS_RGB);
        if (kind->luma_across > 0) {
                c->comp_info[0].h_samp_factor = (int) kind->luma_across;
                c->comp_info[0].v_samp_factor = (int) kind->luma_down;
        }
        if (kind->progressive)
                jpeg_simple_progression(c);
}

static void jpeg_many_scans(struct jpeg_compress_struct *c, jpeg_scan_info scans[static 64]) {
        scans[0] = (jpeg_scan_info){ .comps_in_scan = c->num_components, .component_index = { 0, 1, 2 } };
        for (int i = 1; i < 64; i++)
                scans[i] = (jpeg_scan_info){ .comps_in_scan = 1, .Ss = i, .Se = i };
        c->scan_info = scans;
        c->num_scans = 64;
}

static int plain_value(const JpegKind *kind, uint32_t y) {
        int value = kind->brightness > 0 ? kind->brightness : 128;

        return kind->banded && (y < kind->height / 4 || y >= kind->height * 3 / 4) ? 235 - value : value;
}

Bytes picture_jpeg(const JpegKind *kind) {
        jpeg_scan_info scans[64];
        struct jpeg_compress_struct c = {};
        struct jpeg_error_mgr errors;
        unsigned long size = 0;
        uint8_t *row, exif[64];
        Bytes b = {}, result;

        c.err = jpeg_std_error(&errors);
        jpeg_create_compress(&c);
        jpeg_mem_dest(&c, &b.data, &size);
        jpeg_configure(&c, kind);
        if (kind->many_scans)
                jpeg_many_scans(&c, scans);
        jpeg_start_compress(&c, TRUE);

        if (kind->orientation > 0)
                jpeg_write_marker(&c, JPEG_APP0 + 1, exif,
                                (unsigned) exif_write(exif, kind->orientation, kind->big_endian, true));

        row = calloc(kind->width, 4);
        assert(row);
        for (uint32_t y = 0; y < kind->height; y++) {
                JSAMPROW rows[] = { row };

                for (uint32_t x = 0; x < kind->width; x++) {
                        uint8_t colour[3];

                        if (kind->plain)
                                memset(colour, plain_value(kind, y), sizeof(colour));
                        else
                                pattern_colour(x, y, kind->width, kind->height, colour);
                        if (kind->grey)
                                row[x] = luma(colour);
                        else
                                memcpy(row + (size_t) x * (size_t) c.input_components, colour, 3);
                }
                (void) jpeg_write_scanlines(&c, rows, 1);
        }

        jpeg_finish_compress(&c);
        jpeg_destroy_compress(&c);
        b.size = size;
        result = bytes_copy(&b, b.size);
        free(row);
        bytes_done(&b);
        return result;
}

static void png_append(png_structp png, png_bytep data, size_t n) {
        bytes_append(png_get_io_ptr(png), data, n);
}

static void png_row(const PngKind *kind, uint32_t y, uint8_t *row) {
        const unsigned bytes = kind->depth == 16 ? 2 : 1;

        for (uint32_t x = 0; x < kind->width; x++) {
                uint8_t c[4] = { 128, 128, 128, (uint8_t) kind->alpha };
                unsigned n = 0;

                if (!kind->plain)
                        pattern_colour(x, y, kind->width, kind->height, c);

                switch (kind->colour_type) {
                case PNG_COLOR_TYPE_PALETTE:
                        c[0] = (uint8_t) ((y >= kind->height / 2) * 2 + (x >= kind->width / 2));
                        n = 1;
                        break;
                case PNG_COLOR_TYPE_GRAY:
                        c[0] = luma(c);
                        n = 1;
                        break;
                case PNG_COLOR_TYPE_GRAY_ALPHA:
                        c[0] = luma(c);
                        c[1] = c[3];
                        n = 2;
                        break;
                case PNG_COLOR_TYPE_RGB:
                        n = 3;
                        break;
                default:
                        n = 4;
                        break;
                }

                for (unsigned i = 0; i < n * bytes; i++)
                        *row++ = c[i / bytes];
        }
}

/* Sixteen-colour and bilevel pictures are packed by libpng out of one byte per pixel. */
static void png_colours(png_structp png, png_infop info, const PngKind *kind) {
        png_color palette[4];
        png_byte transparent = 0;
        png_color_16 red = { .red = 230, .green = 20, .blue = 20 };

        for (unsigned i = 0; i < 4; i++) {
                uint8_t c[3];

                pattern_colour(i % 2, i / 2, 2, 2, c);
                palette[i] = (png_color){ c[0], c[1], c[2] };
        }

        if (kind->colour_type == PNG_COLOR_TYPE_PALETTE)
                png_set_PLTE(png, info, palette, 4);
        if (kind->transparent_corner && kind->colour_type == PNG_COLOR_TYPE_PALETTE)
                png_set_tRNS(png, info, &transparent, 1, NULL);
        else if (kind->transparent_corner)
                png_set_tRNS(png, info, NULL, 0, &red);
}

static void png_extras(png_structp png, png_infop info, const PngKind *kind) {
        uint8_t exif[64];

        if (kind->orientation > 0)
                png_set_eXIf_1(png, info, (png_uint_32) exif_write(exif, kind->orientation, false, false),
                                exif);

        if (kind->text > 0) {
                char *words = calloc(kind->text + 1, 1);
                png_text text = {
                        .compression = PNG_TEXT_COMPRESSION_zTXt, .key = (char *) "Comment", .text = words
                };

                assert(words);
                memset(words, 'x', kind->text);
                png_set_text(png, info, &text, 1);
                free(words);
        }
}

Bytes picture_png(const PngKind *kind) {
        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
        png_infop info = png_create_info_struct(png);
        uint8_t *row = calloc(kind->width, 8);
        Bytes b = {};
        int passes;

        assert(png && info && row);
        png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
        png_set_write_fn(png, &b, png_append, NULL);
        png_set_IHDR(png, info, kind->width, kind->height, kind->depth, kind->colour_type,
                        kind->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_colours(png, info, kind);
        png_extras(png, info, kind);
        png_write_info(png, info);
        if (kind->depth < 8) {
                const png_color_8 bits = { .gray = (png_byte) kind->depth };

                if (kind->colour_type == PNG_COLOR_TYPE_GRAY)
                        png_set_shift(png, &bits);
                png_set_packing(png);
        }

        passes = png_set_interlace_handling(png);
        for (int pass = 0; pass < passes; pass++)
                for (uint32_t y = 0; y < kind->height; y++) {
                        png_row(kind, y, row);
                        if (kind->depth < 8 && kind->colour_type == PNG_COLOR_TYPE_GRAY)
                                for (uint32_t x = 0; x < kind->width; x++)
                                        row[x] = (uint8_t) (row[x] >> (8 - kind->depth));
                        png_write_row(png, row);
                }

        png_write_end(png, info);
        png_destroy_write_struct(&png, &info);
        free(row);
        return b;
}

typedef struct Output {
        Bytes bytes;
        size_t at;
} Output;

static OPJ_SIZE_T on_write(void *data, OPJ_SIZE_T n, void *userdata) {
        Output *out = userdata;

        if (out->at + n > out->bytes.size) {
                out->bytes.data = realloc(out->bytes.data, out->at + n + 1);
                assert(out->bytes.data);
                out->bytes.size = out->at + n;
        }
        memcpy(out->bytes.data + out->at, data, n);
        out->at += n;
        return n;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T n, void *userdata) {
        ((Output *) userdata)->at += (size_t) n;
        return n;
}

static OPJ_BOOL on_seek(OPJ_OFF_T at, void *userdata) {
        ((Output *) userdata)->at = (size_t) at;
        return OPJ_TRUE;
}

static int32_t jpeg2000_sample(const Jpeg2000Kind *kind, unsigned component, uint32_t x, uint32_t y) {
        const unsigned precision = kind->precision > 0 ? kind->precision : 8;
        uint8_t c[3], value;
        int32_t scaled;

        pattern_colour(x, y, kind->width, kind->height, c);
        if (kind->grey)
                value = component == 0 ? luma(c) : (uint8_t) kind->alpha_value;
        else if (component == 3)
                value = (uint8_t) kind->alpha_value;
        else if (kind->ycc) {
                double l = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];

                value = (uint8_t) (component == 0                ? l + 0.5
                                                : component == 1 ? 128.5 + (c[2] - l) / 1.772
                                                                 : 128.5 + (c[0] - l) / 1.402);
        } else
                value = c[component];

        scaled = (int32_t) ((uint32_t) value * ((1U << precision) - 1) / 255);
        return kind->is_signed ? scaled - (1 << (precision - 1)) : scaled;
}

static opj_image_t *jpeg2000_image(const Jpeg2000Kind *kind) {
        const unsigned count = (kind->grey ? 1U : 3U) + kind->alpha;
        opj_image_cmptparm_t parameters[4] = {};
        opj_image_t *image;

        for (unsigned i = 0; i < count; i++) {
                unsigned step = kind->subsampling > 1 && (i == 1 || i == 2) ? kind->subsampling : 1;

                parameters[i] = (opj_image_cmptparm_t){
                        .dx = step,
                        .dy = step,
                        .w = (kind->width + step - 1) / step,
                        .h = (kind->height + step - 1) / step,
                        .prec = kind->precision > 0 ? kind->precision : 8,
                        .sgnd = kind->is_signed,
                };
        }

        image = opj_image_create(count, parameters,
                        kind->grey                  ? OPJ_CLRSPC_GRAY
                                        : kind->ycc ? OPJ_CLRSPC_SYCC
                                                    : OPJ_CLRSPC_SRGB);
        assert(image);
        image->x1 = kind->width;
        image->y1 = kind->height;
        for (unsigned i = 0; i < count; i++) {
                opj_image_comp_t *c = &image->comps[i];

                c->alpha = kind->alpha && i == count - 1;
                for (uint32_t y = 0; y < c->h; y++)
                        for (uint32_t x = 0; x < c->w; x++)
                                c->data[(size_t) y * c->w + x] =
                                                jpeg2000_sample(kind, i, x * c->dx, y * c->dy);
        }

        return image;
}

Bytes picture_jpeg2000(const Jpeg2000Kind *kind) {
        opj_codec_t *codec = opj_create_compress(kind->bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
        opj_stream_t *stream = opj_stream_create(64 * 1024, OPJ_FALSE);
        opj_image_t *image = jpeg2000_image(kind);
        opj_cparameters_t parameters;
        Output out = {};
        OPJ_BOOL good;

        assert(codec && stream);
        opj_set_default_encoder_parameters(&parameters);
        parameters.tcp_numlayers = 1;
        parameters.tcp_rates[0] = kind->lossy ? 10 : 0;
        parameters.cp_disto_alloc = 1;
        parameters.irreversible = kind->lossy;
        parameters.tcp_mct = !kind->grey && !kind->ycc;
        parameters.numresolution = kind->resolutions > 0 ? (int) kind->resolutions : 6;
        if (kind->tile > 0) {
                parameters.tile_size_on = OPJ_TRUE;
                parameters.cp_tdx = parameters.cp_tdy = (int) kind->tile;
        }

        opj_stream_set_user_data(stream, &out, NULL);
        opj_stream_set_write_function(stream, on_write);
        opj_stream_set_skip_function(stream, on_skip);
        opj_stream_set_seek_function(stream, on_seek);
        good = opj_setup_encoder(codec, &parameters, image) && opj_start_compress(codec, image, stream) &&
                        opj_encode(codec, stream) && opj_end_compress(codec, stream);
        assert(good);

        opj_stream_destroy(stream);
        opj_destroy_codec(codec);
        opj_image_destroy(image);
        return out.bytes;
}
