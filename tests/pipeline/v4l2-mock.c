/* SPDX-License-Identifier: Apache-2.0 */

#include "v4l2-mock.h"
#include "macro.h"
#include "mock-picture.h"
#include "mock-request.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <umockdev.h>
#include <unistd.h>

#define BUFFERS_MAX 4
#define BUFFER_SIZE (1920U * 1088U * 2U)               /* whole pages: each is mapped by itself */
#define QUEUE_MAX 64U

struct V4l2Mock {
        UMockdevTestbed *testbed;      /* of all mocks of the process */
        UMockdevIoctlBase *handler;
        MockPlace place;
        char *device, *node;           /* /dev/videoN; the file that stands for it */
        uint8_t *memory;

        GMutex lock;                   /* of all below: the handler has a thread of its own */
        MockConfig config;
        MockMode mode;
        uint32_t buffers, queue[QUEUE_MAX], head, tail, sequence;
        bool queued[BUFFERS_MAX], streaming;
        struct timespec next, stamp;   /* the next frame's time; the last one's time stamp */
        UMockdevIoctlClient *stuck;    /* whose request is held up */
        bool (*reload)(MockConfig *config, void *userdata);
        void *userdata;
};

typedef struct MockHandler {
        UMockdevIoctlBase parent;
        V4l2Mock *mock;
} MockHandler;

typedef UMockdevIoctlBaseClass MockHandlerClass;

GType mock_handler_get_type(void);
G_DEFINE_TYPE(MockHandler, mock_handler, UMOCKDEV_TYPE_IOCTL_BASE)

static uint32_t frame_size(const MockMode *mode) {
        return mock_picture_size(mode, BUFFER_SIZE);
}

static uint32_t bytes_per_line(const MockMode *mode) {
        return mode->fourcc == V4L2_PIX_FMT_YUYV ? mode->width * 2
                        : mode->fourcc == V4L2_PIX_FMT_NV12 || mode->fourcc == V4L2_PIX_FMT_GREY
                        ? mode->width
                        : 0;
}

/* Modes are listed per format and per size, as the requests ask for them: the nth distinct one. */
static const MockMode *find_format(V4l2Mock *m, uint32_t index) {
        for (const MockMode *a = m->config.modes; a < m->config.modes + MOCK_MODES_MAX && a->fourcc; a++) {
                bool seen = false;

                for (const MockMode *b = m->config.modes; b < a; b++)
                        seen = seen || b->fourcc == a->fourcc;
                if (!seen && index-- == 0)
                        return a;
        }

        return NULL;
}

static bool same_size(const MockMode *a, const MockMode *b) {
        return a->fourcc == b->fourcc && a->width == b->width && a->height == b->height;
}

static const MockMode *find_size(V4l2Mock *m, uint32_t fourcc, uint32_t index) {
        for (const MockMode *a = m->config.modes; a < m->config.modes + MOCK_MODES_MAX && a->fourcc; a++) {
                bool seen = false;

                for (const MockMode *b = m->config.modes; b < a; b++)
                        seen = seen || same_size(a, b);
                if (!seen && a->fourcc == fourcc && index-- == 0)
                        return a;
        }

        return NULL;
}

static const MockMode *find_rate(V4l2Mock *m, const MockMode *of, uint32_t index) {
        for (const MockMode *a = m->config.modes; a < m->config.modes + MOCK_MODES_MAX && a->fourcc; a++)
                if (same_size(a, of) && index-- == 0)
                        return a;

        return NULL;
}

static int query_capabilities(V4l2Mock *m, struct v4l2_capability *c) {
        memset(c, 0, sizeof(*c));
        (void) snprintf((char *) c->driver, sizeof(c->driver), "uvcvideo");
        (void) snprintf((char *) c->card, sizeof(c->card), "%s", m->place.card[0] ? m->place.card : "Mock camera");
        (void) snprintf((char *) c->bus_info, sizeof(c->bus_info), "usb-mock-1");
        c->version = 0x060100;
        c->device_caps = V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT |
                        (m->config.no_capture || m->place.metadata ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE);
        c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
}

static int enumerate_formats(V4l2Mock *m, struct v4l2_fmtdesc *f) {
        const MockMode *mode = f->type == V4L2_BUF_TYPE_VIDEO_CAPTURE ? find_format(m, f->index) : NULL;

        if (!mode)
                return -EINVAL;

        f->flags = mode->fourcc == V4L2_PIX_FMT_MJPEG ? V4L2_FMT_FLAG_COMPRESSED : 0;
        (void) snprintf((char *) f->description, sizeof(f->description), "%.4s",
                        (const char *) &mode->fourcc);
        f->pixelformat = mode->fourcc;
        return 0;
}

static int enumerate_sizes(V4l2Mock *m, struct v4l2_frmsizeenum *f) {
        const MockMode *mode = find_size(m, f->pixel_format, f->index);

        if (!mode)
                return -EINVAL;

        f->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        f->discrete.width = mode->width;
        f->discrete.height = mode->height;
        return 0;
}

static int enumerate_rates(V4l2Mock *m, struct v4l2_frmivalenum *f) {
        MockMode of = { .fourcc = f->pixel_format, .width = f->width, .height = f->height };
        const MockMode *mode = find_rate(m, &of, f->index);

        if (!mode)
                return -EINVAL;

        f->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        f->discrete.numerator = 1;
        f->discrete.denominator = mode->rate;
        return 0;
}

static void fill_format(const MockMode *mode, struct v4l2_format *f) {
        f->fmt.pix = (struct v4l2_pix_format){
                .width = mode->width,
                .height = mode->height,
                .pixelformat = mode->fourcc,
                .field = V4L2_FIELD_NONE,
                .bytesperline = bytes_per_line(mode),
                .sizeimage = frame_size(mode),
                .colorspace = V4L2_COLORSPACE_SRGB,
        };
}

/* As drivers do: what is not there becomes something that is. */
static int set_format(V4l2Mock *m, struct v4l2_format *f, bool set) {
        MockMode wanted = {
                .fourcc = f->fmt.pix.pixelformat, .width = f->fmt.pix.width, .height = f->fmt.pix.height
        };
        const MockMode *mode;

        if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
                return -EINVAL;
        if (set && m->config.set_format_error)
                return -m->config.set_format_error;

        mode = find_rate(m, &wanted, 0);
        if (!mode)
                mode = &m->config.modes[0];
        if (set && m->config.fault == MOCK_FAULT_OTHER_FORMAT)
                mode = &m->config.modes[1];
        if (set)
                m->mode = *mode;
        fill_format(mode, f);
        return 0;
}

static int get_format(V4l2Mock *m, struct v4l2_format *f) {
        if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
                return -EINVAL;

        fill_format(&m->mode, f);
        if (m->streaming && m->config.fault == MOCK_FAULT_LIES)
                f->fmt.pix.height /= 2;
        return 0;
}

static int set_rate(V4l2Mock *m, struct v4l2_streamparm *p, bool set) {
        uint32_t wanted = p->parm.capture.timeperframe.denominator;

        if (p->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
                return -EINVAL;

        for (uint32_t i = 0; set; i++) {
                const MockMode *mode = find_rate(m, &m->mode, i);

                if (!mode)
                        break;
                if (mode->rate == wanted)
                        m->mode.rate = wanted;
        }

        memset(&p->parm, 0, sizeof(p->parm));
        p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        p->parm.capture.timeperframe = (struct v4l2_fract){ 1, m->mode.rate };
        return 0;
}

static int request_buffers(V4l2Mock *m, struct v4l2_requestbuffers *r) {
        if (r->memory != V4L2_MEMORY_MMAP || r->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
                return -EINVAL;

        if (r->count > BUFFERS_MAX)
                r->count = BUFFERS_MAX;
        m->buffers = r->count;
        m->head = m->tail = 0;
        memset(m->queued, 0, sizeof(m->queued));
        r->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
        return 0;
}

static int query_or_queue(V4l2Mock *m, struct v4l2_buffer *b, bool queue) {
        if (b->index >= m->buffers)
                return -EINVAL;

        if (queue) {
                m->queue[m->tail++ % QUEUE_MAX] = b->index;
                m->queued[b->index] = true;
        }
        b->memory = V4L2_MEMORY_MMAP;
        b->length = frame_size(&m->mode);
        b->m.offset = b->index * BUFFER_SIZE;
        b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | (m->queued[b->index] ? V4L2_BUF_FLAG_QUEUED : 0);
        return 0;
}

static bool faulty(const V4l2Mock *m, MockFault fault) {
        return mock_fault_at(&m->config, m->sequence) == fault;
}

static bool vanished(const V4l2Mock *m) {
        return m->streaming && m->config.vanish_after > 0 && m->sequence >= m->config.vanish_after;
}

static bool frame_due(const V4l2Mock *m) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec > m->next.tv_sec || (now.tv_sec == m->next.tv_sec && now.tv_nsec >= m->next.tv_nsec);
}

/* What poll() is to say. */
static int poll_events(V4l2Mock *m, int *ret) {
        *ret = 0;
        if (vanished(m))
                *ret = POLLERR | POLLHUP;
        else if (!m->streaming)
                *ret = POLLERR;
        else if (m->head != m->tail && frame_due(m) && !faulty(m, MOCK_FAULT_SILENT))
                *ret = POLLIN;
        return 0;
}

static void advance(struct timespec *t, uint64_t nsec) {
        nsec += (uint64_t) t->tv_nsec;
        t->tv_sec += (time_t) (nsec / 1000000000U);
        t->tv_nsec = (long) (nsec % 1000000000U);
}

static int dequeue(V4l2Mock *m, struct v4l2_buffer *b) {
        struct timespec now;
        uint32_t index;
        bool damaged;

        if (!m->streaming)
                return -EINVAL;
        if (faulty(m, MOCK_FAULT_IO))
                return -EIO;
        if (m->head == m->tail || !frame_due(m))
                return -EAGAIN;

        index = m->queue[m->head++ % QUEUE_MAX];
        m->queued[index] = false;
        damaged = m->config.error_flag_every > 0 && m->sequence % m->config.error_flag_every == 0;
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        if (faulty(m, MOCK_FAULT_STALE))
                now.tv_sec -= 3;
        if (faulty(m, MOCK_FAULT_SAME_TIME))
                now = m->stamp;
        m->stamp = now;
        *b = (struct v4l2_buffer){
                .index = index,
                .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                .memory = V4L2_MEMORY_MMAP,
                .bytesused = mock_picture_draw(&m->config, &m->mode, m->sequence,
                                               m->memory + (size_t) index * BUFFER_SIZE, BUFFER_SIZE),
                .length = frame_size(&m->mode),
                .m.offset = index * BUFFER_SIZE,
                .field = V4L2_FIELD_NONE,
                .sequence = m->sequence,
                .flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_DONE |
                                (damaged ? V4L2_BUF_FLAG_ERROR : 0),
                .timestamp = { now.tv_sec, now.tv_nsec / 1000 },
        };
        m->sequence++;
        advance(&m->next, 1000000000U / m->mode.rate);
        return 0;
}

static int stream_on(V4l2Mock *m) {
        if (m->config.stream_on_error)
                return -m->config.stream_on_error;

        (void) clock_gettime(CLOCK_MONOTONIC, &m->next);
        m->stamp = m->next;
        advance(&m->next, m->config.first_delay_usec * NSEC_PER_USEC);
        m->sequence = 0;
        m->streaming = true;
        return 0;
}

static int stream_off(V4l2Mock *m) {
        m->head = m->tail = 0;
        memset(m->queued, 0, sizeof(m->queued));
        m->streaming = false;
        return 0;
}

static int answer(V4l2Mock *m, unsigned long request, void *argument) {
        if (request == MOCK_POLL)
                return poll_events(m, argument);
        if (vanished(m)) {
                /* the next time it is opened it is back */
                m->streaming = m->streaming && request != VIDIOC_STREAMOFF;
                return -ENODEV;
        }

        switch (request) {
        case VIDIOC_QUERYCAP:
                return query_capabilities(m, argument);
        case VIDIOC_ENUM_FMT:
                return enumerate_formats(m, argument);
        case VIDIOC_ENUM_FRAMESIZES:
                return enumerate_sizes(m, argument);
        case VIDIOC_ENUM_FRAMEINTERVALS:
                return enumerate_rates(m, argument);
        case VIDIOC_G_FMT:
                return get_format(m, argument);
        case VIDIOC_S_FMT:
                return set_format(m, argument, true);
        case VIDIOC_TRY_FMT:
                return set_format(m, argument, false);
        case VIDIOC_G_PARM:
                return set_rate(m, argument, false);
        case VIDIOC_S_PARM:
                return set_rate(m, argument, true);
        case VIDIOC_REQBUFS:
                return request_buffers(m, argument);
        case VIDIOC_QUERYBUF:
                return query_or_queue(m, argument, false);
        case VIDIOC_QBUF:
                return query_or_queue(m, argument, true);
        case VIDIOC_DQBUF:
                return dequeue(m, argument);
        case VIDIOC_STREAMON:
                return stream_on(m);
        case VIDIOC_STREAMOFF:
                return stream_off(m);
        case VIDIOC_ENUMINPUT: {
                struct v4l2_input *input = argument;

                if (input->index > 0)
                        return -EINVAL;
                *input = (struct v4l2_input){ .name = "Camera 1", .type = V4L2_INPUT_TYPE_CAMERA };
                return 0;
        }
        case VIDIOC_G_INPUT:
                *(int *) argument = 0;
                return 0;
        case VIDIOC_S_INPUT:
                return *(int *) argument == 0 ? 0 : -EINVAL;
        default:
                return -ENOTTY;
        }
}

static void configure(V4l2Mock *m, const MockConfig *config) {
        m->config = *config;
        m->mode = config->modes[0];
        m->sequence = 0;
        /* whoever was held up has been killed meanwhile */
        g_clear_object(&m->stuck);
}

static bool held_up(const V4l2Mock *m, unsigned long request) {
        /* everybody who opens it; one who was held up before has been killed meanwhile */
        if (request == VIDIOC_QUERYCAP && m->config.fault == MOCK_FAULT_STUCK_OPENING)
                return true;
        if (m->stuck)
                return false;
        return (request == VIDIOC_DQBUF && faulty(m, MOCK_FAULT_STUCK)) ||
               (request == VIDIOC_STREAMOFF && m->config.fault == MOCK_FAULT_STUCK_CLOSING);
}

static gboolean mock_handle(UMockdevIoctlBase *base, UMockdevIoctlClient *client) {
        unsigned long request = umockdev_ioctl_client_get_request(client);
        V4l2Mock *m = ((MockHandler *) base)->mock;
        size_t size = _IOC_SIZE(request);
        MockConfig reloaded = {};
        UMockdevIoctlData *data;
        uint8_t argument[1024];
        int r;

        if (_IOC_TYPE(request) != 'V' || size == 0 || size > sizeof(argument)) {
                umockdev_ioctl_client_complete(client, -1, ENOTTY);
                return TRUE;
        }

        data = umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, size, NULL);
        if (!data) {
                umockdev_ioctl_client_complete(client, -1, EFAULT);
                return TRUE;
        }

        memcpy(argument, data->data, size);
        g_mutex_lock(&m->lock);
        if (request == VIDIOC_QUERYCAP && !m->streaming && m->reload && m->reload(&reloaded, m->userdata))
                configure(m, &reloaded);
        if (held_up(m, request)) {
                g_clear_object(&m->stuck);
                m->stuck = g_object_ref(client);
                g_mutex_unlock(&m->lock);
                g_object_unref(data);
                return TRUE;
        }
        r = answer(m, request, argument);
        g_mutex_unlock(&m->lock);
        if (r == 0)
                umockdev_ioctl_data_update(data, 0, argument, (int) size);

        g_object_unref(data);
        umockdev_ioctl_client_complete(client, r < 0 ? -1 : 0, r < 0 ? -r : 0);
        return TRUE;
}

static void mock_handler_class_init(MockHandlerClass *class) {
        class->handle_ioctl = mock_handle;
}

static void mock_handler_init(MockHandler *handler) {
}

static bool mock_map_node(V4l2Mock *m) {
        char *root = umockdev_testbed_get_root_dir(m->testbed);
        int fd;

        m->node = g_strconcat(root, m->device, NULL);
        g_free(root);

        fd = open(m->node, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return false;
        if (ftruncate(fd, (off_t) BUFFERS_MAX * BUFFER_SIZE) == 0)
                m->memory = mmap(NULL, (size_t) BUFFERS_MAX * BUFFER_SIZE, PROT_READ | PROT_WRITE,
                                MAP_SHARED, fd, 0);
        (void) close(fd);
        return m->memory && m->memory != MAP_FAILED;
}

static bool mock_present(V4l2Mock *m) {
        g_autofree char *root = umockdev_testbed_get_root_dir(m->testbed);
        g_autofree char *description = mock_place_describe(&m->place, root);

        return umockdev_testbed_add_from_string(m->testbed, description, NULL) && mock_map_node(m) &&
               umockdev_testbed_attach_ioctl(m->testbed, m->device, m->handler, NULL);
}

/* Takes over the reference to the testbed. */
static V4l2Mock *mock_new(UMockdevTestbed *testbed, const MockPlace *place) {
        V4l2Mock *m = g_new0(V4l2Mock, 1);

        g_mutex_init(&m->lock);
        m->testbed = testbed;
        m->place = *place;
        m->device = g_strdup_printf("/dev/video%u", place->number);
        m->handler = g_object_new(mock_handler_get_type(), NULL);
        ((MockHandler *) m->handler)->mock = m;
        return mock_present(m) ? m : v4l2_mock_free(m);
}

V4l2Mock *v4l2_mock_new_at(const MockPlace *place) {
        const char *preloaded = getenv("LD_PRELOAD");

        /* umockdev_in_mock_environment() of 0.17 says no in any case. */
        if (!preloaded || !strstr(preloaded, "umockdev-preload"))
                return NULL;
        return mock_new(umockdev_testbed_new(), place);
}

V4l2Mock *v4l2_mock_new(void) {
        return v4l2_mock_new_at(&(MockPlace) { .serial = "MOCK0001" });
}

V4l2Mock *v4l2_mock_add(V4l2Mock *first, const MockPlace *place) {
        return mock_new(g_object_ref(first->testbed), place);
}

V4l2Mock *v4l2_mock_free(V4l2Mock *m) {
        if (!m)
                return NULL;

        (void) umockdev_testbed_detach_ioctl(m->testbed, m->device, NULL);
        g_object_unref(m->handler);
        g_object_unref(m->testbed);
        if (m->memory && m->memory != MAP_FAILED)
                (void) munmap(m->memory, (size_t) BUFFERS_MAX * BUFFER_SIZE);
        g_free(m->device);
        g_free(m->node);
        g_mutex_clear(&m->lock);
        g_free(m);
        return NULL;
}

void v4l2_mock_configure(V4l2Mock *m, const MockConfig *config) {
        g_mutex_lock(&m->lock);
        configure(m, config);
        g_mutex_unlock(&m->lock);
}

void v4l2_mock_on_open(V4l2Mock *m, bool (*reload)(MockConfig *config, void *userdata), void *userdata) {
        g_mutex_lock(&m->lock);
        m->reload = reload;
        m->userdata = userdata;
        g_mutex_unlock(&m->lock);
}

void v4l2_mock_set_serial(V4l2Mock *m, const char *serial) {
        g_autofree char *path = mock_place_syspath(&m->place);
        g_autofree char *interface = g_path_get_dirname(path);
        g_autofree char *usb = NULL, *device = NULL, *full = NULL;

        /* …/1-1/1-1:1.0/video4linux/video0 */
        usb = g_path_get_dirname(interface);
        device = g_path_get_dirname(usb);
        full = g_strconcat("/sys", device, NULL);
        umockdev_testbed_set_attribute(m->testbed, full, "serial", serial);
}

bool v4l2_mock_swap(V4l2Mock *m, const V4l2Mock *other) {
        g_autofree char *root = umockdev_testbed_get_root_dir(m->testbed);
        g_autofree char *link = g_strdup_printf("%s/swapped-%s", root, m->device + strlen("/dev/"));

        (void) unlink(link);
        return !other || symlink(other->device + strlen("/dev/"), link) == 0;
}

void v4l2_mock_release(V4l2Mock *m) {
        UMockdevIoctlClient *stuck;

        g_mutex_lock(&m->lock);
        stuck = TAKE_PTR(m->stuck);
        m->config.fault = MOCK_FAULT_NONE;
        g_mutex_unlock(&m->lock);
        if (!stuck)
                return;
        umockdev_ioctl_client_complete(stuck, -1, EIO);
        g_object_unref(stuck);
}

bool v4l2_mock_stuck(V4l2Mock *m) {
        bool stuck;

        g_mutex_lock(&m->lock);
        stuck = m->stuck;
        g_mutex_unlock(&m->lock);
        return stuck;
}

const char *v4l2_mock_node(V4l2Mock *m) {
        return m->node;
}

MockMode v4l2_mock_mode(V4l2Mock *m) {
        MockMode mode;

        g_mutex_lock(&m->lock);
        mode = m->mode;
        g_mutex_unlock(&m->lock);
        return mode;
}

bool v4l2_mock_streaming(V4l2Mock *m) {
        bool streaming;

        g_mutex_lock(&m->lock);
        streaming = m->streaming;
        g_mutex_unlock(&m->lock);
        return streaming;
}

bool v4l2_mock_closed(V4l2Mock *m) {
        g_autoptr(GDir) directory = g_dir_open("/proc/self/fd", 0, NULL);
        const char *name;

        while (directory && (name = g_dir_read_name(directory))) {
                g_autofree char *path = g_strconcat("/proc/self/fd/", name, NULL);
                g_autofree char *target = g_file_read_link(path, NULL);

                if (target && streq(target, m->node))
                        return false;
        }
        return directory;
}
