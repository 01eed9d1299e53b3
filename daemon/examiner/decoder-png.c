/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder-internal.h"
#include "macro.h"

#include <setjmp.h>

#include <png.h>

/* For chunks that come before the pixels: far more than EXIF data needs. */
#define CHUNK_BYTES_MAX (256U * 1024U)
#define CHUNKS_MAX 64U

/* Everything that must survive a longjmp() lives here, not in locals. */
typedef struct PngJob {
        png_structp png;
        png_infop info;
        const uint8_t *data;
        size_t size, at;
        uint32_t width, height;
        unsigned channels;
        uint8_t *pixels;               /* one row, or the whole of an interlaced picture */
        uint8_t *row;                  /* RGB */
        RowScaler scaler;
        unsigned orientation;
} PngJob;

static void on_read(png_structp png, png_bytep buffer, size_t length) {
        PngJob *job = png_get_io_ptr(png);

        if (length > job->size - job->at)
                png_error(png, "truncated");

        memcpy(buffer, job->data + job->at, length);
        job->at += length;
}

static _Noreturn void on_error(png_structp png, png_const_charp message) {
        png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
}

static void job_limit(PngJob *job) {
        static const uint8_t exif[] = "eXIf";

        png_set_user_limits(job->png, job->width, job->height);
        png_set_chunk_cache_max(job->png, CHUNKS_MAX);
        png_set_chunk_malloc_max(job->png, CHUNK_BYTES_MAX);

        /* Texts, profiles and the like are not even inflated. */
        png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
        png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_AS_DEFAULT, exif, 1);
}

/* RGB or RGBA, eight bits. */
static void job_transform(PngJob *job) {
        png_set_expand(job->png);
        png_set_scale_16(job->png);
        png_set_gray_to_rgb(job->png);
}

static void job_push(PngJob *job, const uint8_t *pixels) {
        if (job->channels == 3) {
                row_scaler_push(&job->scaler, pixels);
                return;
        }

        for (uint32_t x = 0; x < job->width; x++)
                for (unsigned c = 0; c < 3; c++)
                        job->row[x * 3 + c] = over_white(pixels[x * 4 + c], pixels[x * 4 + 3]);

        row_scaler_push(&job->scaler, job->row);
}

static DecodeOutcome job_read_rows(PngJob *job, int passes) {
        const size_t row_bytes = png_get_rowbytes(job->png, job->info);

        job->channels = png_get_channels(job->png, job->info);
        if ((job->channels != 3 && job->channels != 4) || row_bytes != (size_t) job->width * job->channels)
                return DECODE_UNSUPPORTED;

        job->pixels = calloc(passes > 1 ? job->height : 1, row_bytes);
        job->row = calloc(job->width, 3);
        if (!job->pixels || !job->row ||
                        !row_scaler_init(&job->scaler, job->width, job->height, job->width, job->height))
                return DECODE_NO_MEMORY;

        if (passes <= 1) {
                for (uint32_t y = 0; y < job->height; y++) {
                        png_read_row(job->png, job->pixels, NULL);
                        job_push(job, job->pixels);
                }
                return DECODE_DONE;
        }

        for (int pass = 0; pass < passes; pass++)
                for (uint32_t y = 0; y < job->height; y++)
                        png_read_row(job->png, job->pixels + y * row_bytes, NULL);
        for (uint32_t y = 0; y < job->height; y++)
                job_push(job, job->pixels + y * row_bytes);

        return DECODE_DONE;
}

static DecodeOutcome job_run(PngJob *job) {
        png_bytep exif = NULL;
        png_uint_32 exif_size = 0;
        DecodeOutcome outcome;
        int passes;

        if (setjmp(png_jmpbuf(job->png)))
                return DECODE_DAMAGED;

        png_set_read_fn(job->png, job, on_read);
        job_limit(job);
        png_read_info(job->png, job->info);
        if (png_get_image_width(job->png, job->info) != job->width ||
                        png_get_image_height(job->png, job->info) != job->height)
                return DECODE_DAMAGED;

        job_transform(job);
        passes = png_set_interlace_handling(job->png);
        png_read_update_info(job->png, job->info);

        outcome = job_read_rows(job, passes);
        if (outcome != DECODE_DONE)
                return outcome;

        png_read_end(job->png, job->info);
        if (png_get_eXIf_1(job->png, job->info, &exif_size, &exif) && exif)
                job->orientation = exif_orientation(exif, exif_size);

        return DECODE_DONE;
}

static uint32_t read_be32(const uint8_t *p) {
        return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

DecodeOutcome decode_png(const uint8_t *data, size_t size, DecodedPicture *ret, unsigned *ret_orientation) {
        PngJob job = { .data = data, .size = size, .orientation = 1 };
        DecodeOutcome outcome;

        /* The first chunk is the header: RFC 2083, 4.1.1. Signature, length, "IHDR", width, height. */
        if (size < 24 || memcmp(data + 12, "IHDR", 4) != 0)
                return DECODE_DAMAGED;

        job.width = read_be32(data + 16);
        job.height = read_be32(data + 20);
        outcome = picture_size_check(job.width, job.height);
        if (outcome != DECODE_DONE)
                return outcome;

        job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
        job.info = job.png ? png_create_info_struct(job.png) : NULL;

        outcome = job.info ? job_run(&job) : DECODE_NO_MEMORY;
        if (outcome == DECODE_DONE && !row_scaler_take(&job.scaler, ret))
                outcome = DECODE_DAMAGED;
        *ret_orientation = job.orientation;

        png_destroy_read_struct(&job.png, &job.info, NULL);
        row_scaler_done(&job.scaler);
        free(job.pixels);
        free(job.row);
        return outcome;
}
