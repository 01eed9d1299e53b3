/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder-internal.h"
#include "macro.h"

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

/* Progressive encoders write about ten scans. Each costs a pass over all coefficients, also if it is
 * empty, so that a small file could keep us busy for minutes. */
#define SCANS_MAX 32

/* Everything that must survive a longjmp() lives here, not in locals. */
typedef struct JpegJob {
        struct jpeg_decompress_struct decompress;
        struct jpeg_error_mgr errors;
        struct jpeg_progress_mgr progress;
        jmp_buf jump;
        DecodeOutcome outcome;
        uint8_t *row;
        RowScaler scaler;
        unsigned orientation;
} JpegJob;

static _Noreturn void job_fail(j_common_ptr common, DecodeOutcome outcome) {
        JpegJob *job = common->client_data;

        job->outcome = outcome;
        longjmp(job->jump, 1);
}

static _Noreturn void on_error(j_common_ptr common) {
        switch (common->err->msg_code) {
        case JERR_OUT_OF_MEMORY:
                job_fail(common, DECODE_NO_MEMORY);
        case JERR_IMAGE_TOO_BIG:
        case JERR_WIDTH_OVERFLOW:
                job_fail(common, DECODE_TOO_MANY_PIXELS);
        case JERR_ARITH_NOTIMPL:
        case JERR_BAD_PRECISION:
        case JERR_CCIR601_NOTIMPL:
        case JERR_CONVERSION_NOTIMPL:
        case JERR_FRACT_SAMPLE_NOTIMPL:
        case JERR_NOTIMPL:
        case JERR_NOT_COMPILED:
        case JERR_SOF_UNSUPPORTED:
                job_fail(common, DECODE_UNSUPPORTED);
        default:
                job_fail(common, DECODE_DAMAGED);
        }
}

/* libjpeg repairs what is damaged and warns: grey areas and shifted colours for a truncated file, say. A
 * portrait that was half made up is none. The exceptions say nothing about the pixels. */
static void on_message(j_common_ptr common, int level) {
        if (level >= 0)
                return;

        switch (common->err->msg_code) {
        case JWRN_ADOBE_XFORM:
        case JWRN_EXTRANEOUS_DATA:
        case JWRN_JFIF_MAJOR:
                return;
        default:
                job_fail(common, DECODE_DAMAGED);
        }
}

static void on_output(j_common_ptr common) {
}

static void on_progress(j_common_ptr common) {
        if (((j_decompress_ptr) common)->input_scan_number > SCANS_MAX)
                job_fail(common, DECODE_UNSUPPORTED);
}

static unsigned job_orientation(const JpegJob *job) {
        static const uint8_t header[] = { 'E', 'x', 'i', 'f', 0, 0 };

        for (jpeg_saved_marker_ptr m = job->decompress.marker_list; m; m = m->next)
                if (m->data_length > sizeof(header) && memcmp(m->data, header, sizeof(header)) == 0)
                        return exif_orientation(m->data + sizeof(header), m->data_length - sizeof(header));

        return 1;
}

/* Sets the outcome unless it longjmp()s. */
static void job_read_header(JpegJob *job, const uint8_t *data, size_t size) {
        struct jpeg_decompress_struct *d = &job->decompress;
        uint64_t longer;

        jpeg_create_decompress(d);
        d->progress = &job->progress;
        jpeg_mem_src(d, data, size);
        jpeg_save_markers(d, JPEG_APP0 + 1, 0xffff);
        (void) jpeg_read_header(d, TRUE);

        job->outcome = picture_size_check(d->image_width, d->image_height);
        if (job->outcome != DECODE_DONE)
                return;

        if (d->jpeg_color_space != JCS_YCbCr && d->jpeg_color_space != JCS_RGB &&
                        d->jpeg_color_space != JCS_GRAYSCALE) {
                job->outcome = DECODE_UNSUPPORTED;
                return;
        }

        job->orientation = job_orientation(job);
        d->out_color_space = JCS_RGB;

        /* The smallest scale that the transform offers from which the final size can be averaged. */
        longer = d->image_width > d->image_height ? d->image_width : d->image_height;
        d->scale_denom = 8;
        for (d->scale_num = 1; d->scale_num < 8; d->scale_num++)
                if (longer * d->scale_num / 8 >= PIXELS_SIDE_MAX)
                        break;
}

static DecodeOutcome job_run(JpegJob *job, const uint8_t *data, size_t size) {
        struct jpeg_decompress_struct *d = &job->decompress;

        if (setjmp(job->jump))
                return job->outcome;

        job_read_header(job, data, size);
        if (job->outcome != DECODE_DONE)
                return job->outcome;

        (void) jpeg_start_decompress(d);
        if (d->output_components != 3)
                return DECODE_UNSUPPORTED;

        job->row = calloc(d->output_width, 3);
        if (!job->row ||
                        !row_scaler_init(&job->scaler, d->image_width, d->image_height, d->output_width,
                                        d->output_height))
                return DECODE_NO_MEMORY;

        while (d->output_scanline < d->output_height) {
                JSAMPROW rows[] = { job->row };

                if (jpeg_read_scanlines(d, rows, 1) != 1)
                        return DECODE_DAMAGED;
                row_scaler_push(&job->scaler, job->row);
        }

        (void) jpeg_finish_decompress(d);
        return DECODE_DONE;
}

DecodeOutcome decode_jpeg(const uint8_t *data, size_t size, DecodedPicture *ret, unsigned *ret_orientation) {
        DecodeOutcome outcome;
        JpegJob *job;

        job = calloc(1, sizeof(*job));
        if (!job)
                return DECODE_NO_MEMORY;

        job->decompress.err = jpeg_std_error(&job->errors);
        job->decompress.client_data = job;
        job->errors.error_exit = on_error;
        job->errors.emit_message = on_message;
        job->errors.output_message = on_output;
        job->progress.progress_monitor = on_progress;

        outcome = job_run(job, data, size);
        if (outcome == DECODE_DONE && !row_scaler_take(&job->scaler, ret))
                outcome = DECODE_DAMAGED;
        *ret_orientation = job->orientation;

        jpeg_destroy_decompress(&job->decompress);
        row_scaler_done(&job->scaler);
        free(job->row);
        free(job);
        return outcome;
}
