/* SPDX-License-Identifier: Apache-2.0 */

#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>

#include <jpeglib.h>

typedef struct JpegError {
        struct jpeg_error_mgr manager;
        jmp_buf jump;
} JpegError;

static void jpeg_fail(j_common_ptr c) {
        longjmp(((JpegError *) c->err)->jump, 1);
}

static void jpeg_message(j_common_ptr c, int level) {
}

void picture_done(Picture *p) {
        free(p->pixels);
        *p = (Picture) {};
}

static size_t padded(unsigned n, unsigned unit) {
        return (size_t) (n + unit - 1) / unit * unit;
}

/* Planes as they are in the file, padded to whole blocks. */
static int decode_planes(struct jpeg_decompress_struct *c, Picture *ret) {
        bool grey = c->num_components == 1;
        unsigned luma_rows = 8 * (unsigned) c->comp_info[0].v_samp_factor;
        unsigned chroma_rows = grey ? luma_rows : 8 * (unsigned) c->comp_info[1].v_samp_factor;
        size_t width = padded(c->image_width, 16), height = padded(c->image_height, luma_rows);
        size_t chroma = width / 2 * (height / luma_rows * chroma_rows);
        JSAMPROW rows[3][16];
        JSAMPARRAY planes[3] = { rows[0], rows[1], rows[2] };

        ret->pixels = calloc(width * height + 2 * chroma, 1);
        if (!ret->pixels)
                return -ENOMEM;

        ret->image = (Image) {
                .format = grey ? PIXEL_FORMAT_GREY :
                        luma_rows > chroma_rows ? PIXEL_FORMAT_I420 : PIXEL_FORMAT_Y42B,
                .width = c->image_width,
                .height = c->image_height,
                .plane = { ret->pixels, ret->pixels + width * height, ret->pixels + width * height + chroma },
                .stride = { width, width / 2, width / 2 },
        };

        c->raw_data_out = TRUE;
        jpeg_start_decompress(c);
        for (size_t block = 0; c->output_scanline < c->output_height; block++) {
                for (unsigned i = 0; i < luma_rows; i++)
                        rows[0][i] = ret->pixels + (block * luma_rows + i) * width;
                for (unsigned p = 1; p < 3; p++)
                        for (unsigned i = 0; i < chroma_rows; i++)
                                rows[p][i] = (JSAMPROW) ret->image.plane[p] + (block * chroma_rows + i) * (width / 2);
                jpeg_read_raw_data(c, planes, luma_rows);
        }

        return 0;
}

static int decode_rgb(struct jpeg_decompress_struct *c, Picture *ret) {
        size_t stride = (size_t) c->image_width * 3;

        ret->pixels = calloc(c->image_height, stride);
        if (!ret->pixels)
                return -ENOMEM;
        ret->image = (Image) {
                .format = PIXEL_FORMAT_RGB,
                .width = c->image_width,
                .height = c->image_height,
                .plane = { ret->pixels },
                .stride = { stride },
        };

        c->out_color_space = JCS_RGB;
        jpeg_start_decompress(c);
        while (c->output_scanline < c->output_height) {
                JSAMPROW row = ret->pixels + c->output_scanline * stride;
                jpeg_read_scanlines(c, &row, 1);
        }

        return 0;
}

/* One of the layouts that cameras send: 4:2:0, 4:2:2 (however it is put) or grey. */
static bool has_planes(const struct jpeg_decompress_struct *c) {
        const jpeg_component_info *i = c->comp_info;

        if (c->num_components == 1)
                return i[0].v_samp_factor == 1;
        return c->num_components == 3 && c->jpeg_color_space == JCS_YCbCr && i[0].h_samp_factor == 2 &&
                i[1].h_samp_factor == 1 && i[2].h_samp_factor == 1 && i[0].v_samp_factor <= 2 &&
                i[1].v_samp_factor <= i[0].v_samp_factor && i[2].v_samp_factor == i[1].v_samp_factor;
}

int picture_decode(const uint8_t *data, size_t size, bool rgb, Picture *ret) {
        struct jpeg_decompress_struct c;
        JpegError error;
        int r;

        *ret = (Picture) {};
        c.err = jpeg_std_error(&error.manager);
        error.manager.error_exit = jpeg_fail;
        error.manager.emit_message = jpeg_message;
        if (setjmp(error.jump)) {
                jpeg_destroy_decompress(&c);
                picture_done(ret);
                return -EBADMSG;
        }

        jpeg_create_decompress(&c);
        jpeg_mem_src(&c, data, size);
        jpeg_read_header(&c, TRUE);
        r = !rgb && has_planes(&c) ? decode_planes(&c, ret) : decode_rgb(&c, ret);
        jpeg_destroy_decompress(&c);
        return r;
}

static int read_file(const char *path, uint8_t **ret, size_t *ret_size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ uint8_t *bytes = NULL;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > 512 << 20)
                return -EBADMSG;

        bytes = malloc((size_t) st.st_size);
        if (!bytes)
                return -ENOMEM;
        for (size_t done = 0; done < (size_t) st.st_size;) {
                ssize_t n = read(fd, bytes + done, (size_t) st.st_size - done);
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t) n;
        }

        *ret = TAKE_PTR(bytes);
        *ret_size = (size_t) st.st_size;
        return 0;
}

int picture_read(const char *path, bool rgb, Picture *ret) {
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;
        int r = read_file(path, &bytes, &size);

        return r < 0 ? r : picture_decode(bytes, size, rgb, ret);
}

static uint32_t le32(const uint8_t *p) {
        return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

/* Goes to the first chunk of the list "movi". */
static int find_movie(Recording *r) {
        if (r->size < 12 || memcmp(r->bytes, "RIFF", 4) != 0 || memcmp(r->bytes + 8, "AVI ", 4) != 0)
                return -EBADMSG;

        for (size_t p = 12; p + 12 <= r->size;) {
                if (memcmp(r->bytes + p, "LIST", 4) == 0 && memcmp(r->bytes + p + 8, "movi", 4) == 0) {
                        r->position = p + 12;
                        return 0;
                }
                p += 8 + (size_t) le32(r->bytes + p + 4) + (le32(r->bytes + p + 4) & 1);
        }

        return -EBADMSG;
}

int recording_open(const char *path, Recording *ret) {
        int r;

        *ret = (Recording) {};
        r = read_file(path, &ret->bytes, &ret->size);
        if (r >= 0)
                r = find_movie(ret);
        if (r < 0)
                recording_done(ret);
        return r;
}

void recording_done(Recording *r) {
        free(r->bytes);
        *r = (Recording) {};
}

int recording_next(Recording *r, Picture *ret) {
        while (r->position + 8 <= r->size) {
                const uint8_t *chunk = r->bytes + r->position;
                size_t size = le32(chunk + 4);
                int result;

                if (memcmp(chunk, "idx1", 4) == 0 || size > r->size - r->position - 8)
                        break;
                r->position += 8 + size + (size & 1);
                if (memcmp(chunk, "00dc", 4) != 0 || size == 0)
                        continue;

                result = picture_decode(chunk + 8, size, false, ret);
                if (result < 0)
                        return result;
                ret->image.timestamp_usec = (uint64_t) r->frame++ * USEC_PER_SEC / 30;
                return 1;
        }

        return 0;
}

int vision_load(const char *manifest_path, const char *models, Manifest **ret_manifest, Vision **ret) {
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        int fds[MANIFEST_MODELS_MAX], r;
        size_t opened, failed = 0;

        r = manifest_load(manifest_path, models, &manifest);
        if (r < 0)
                return r;

        for (opened = 0; opened < manifest->n_models; opened++) {
                fds[opened] = open(manifest->models[opened].path, O_RDONLY | O_CLOEXEC);
                if (fds[opened] < 0) {
                        fprintf(stderr, "%s: %m\n", manifest->models[opened].path);
                        r = -errno;
                        break;
                }
        }
        if (r >= 0)
                r = vision_new(ret, manifest, fds, &failed);
        while (opened > 0)
                safe_close(fds[--opened]);
        if (r < 0)
                return r;

        *ret_manifest = TAKE_PTR(manifest);
        return 0;
}
