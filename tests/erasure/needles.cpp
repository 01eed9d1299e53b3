/* SPDX-License-Identifier: Apache-2.0 */

/* Makes the needles of recordings and portraits, with the very code of the examiner, and writes them to standard
 * output, and how many there are of each kind to standard error.
 * usage: needles MANIFEST MODELS [clip=RECORDING | portrait=PICTURE]… [objects=FILE]
 * With objects=FILE some of what the needles were made of is written there, for somebody to leak it. */

extern "C" {
#include "decoder.h"
#include "manifest.h"
}

#include "finder.h"
#include "matcher.hpp"
#include "needle.h"
#include "opencv-hooks.hpp"

extern "C" {
#include "recording.h"
}

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

/* A check looks at 15 frames if it is clear, and begins with any of the first. */
constexpr unsigned FRAMES = 24, LATER = 5;

/* One thing that a process has in its memory. */
struct Object {
        NeedleKind kind;
        ObjectType type;
        std::vector<uint8_t> bytes;

        bool operator<(const Object &other) const {
                return kind != other.kind ? kind < other.kind : bytes < other.bytes;
        }
};

/* Where seen() puts what it is told. */
struct Collection {
        std::set<Object> objects;
        bool open = false, reference = false;

        void add(NeedleKind kind, ObjectType type, const void *bytes, size_t size) {
                const uint8_t *begin = static_cast<const uint8_t *>(bytes);
                objects.insert({ kind, type, { begin, begin + size } });
        }
};

static Collection *collection;

static void collect_embedding(Collection &c, const cv::Mat &output) {
        auto add = [&](const cv::Mat &m) {
                cv::Mat twice;

                m.convertTo(twice, CV_64F);
                c.add(c.reference ? NEEDLE_REFERENCE_DOUBLE : NEEDLE_EMBEDDING_DOUBLE, OBJECT_DOUBLES, twice.data,
                      twice.total() * sizeof(double));
        };
        likeness::Embedding raw = output.reshape(1, 1).clone();

        c.add(c.reference ? NEEDLE_REFERENCE_OUTPUT : NEEDLE_EMBEDDING_OUTPUT, OBJECT_FLOATS, raw.data,
              raw.total() * sizeof(float));
        add(raw);

        /* as matcher.cpp makes it a unit vector, and evidence.cpp the mean of the same three times */
        likeness::Embedding unit = raw.clone();
        unit /= cv::norm(unit);
        for (const likeness::Embedding &e : { unit, likeness::fuse({ unit }), likeness::fuse({ unit, unit, unit }) }) {
                c.add(c.reference ? NEEDLE_REFERENCE_EMBEDDING : NEEDLE_EMBEDDING, OBJECT_FLOATS, e.data,
                      e.total() * sizeof(float));
                add(e);
        }
}

void seen(Seen what, const cv::Mat &matrix) {
        if (!collection || !collection->open || what == Seen::OUTPUTS)
                return;

        Collection &c = *collection;
        cv::Mat m = matrix.isContinuous() ? matrix : matrix.clone();
        size_t size = m.total() * m.elemSize();
        bool pixels = m.depth() == CV_8U, three = m.channels() == 3;

        if (what == Seen::OUTPUT && m.total() >= 64)
                collect_embedding(c, m);
        else if (what == Seen::INPUT)
                c.add(c.reference ? NEEDLE_REFERENCE_INPUT : NEEDLE_NETWORK_INPUT, OBJECT_FLOATS, m.data, size);
        else if (what == Seen::PICTURE && pixels)
                c.add(c.reference ? NEEDLE_REFERENCE_SCALED : NEEDLE_FRAME_SCALED, OBJECT_PIXELS, m.data, size);
        else if (what == Seen::WARPED && pixels && three)
                c.add(c.reference ? NEEDLE_REFERENCE_CROP : NEEDLE_FACE_CROP, OBJECT_PIXELS, m.data, size);
        else if (what == Seen::WARPED && pixels)
                c.add(c.reference ? NEEDLE_REFERENCE_PATCH : NEEDLE_FACE_PATCH, OBJECT_PIXELS, m.data, size);
}

static void checked(int r, const std::string &what) {
        if (r < 0)
                throw std::system_error(-r, std::generic_category(), what);
}

class Eye {
public:
        Eye(const char *manifest, const char *models) {
                checked(vision_load(manifest, models, &manifest_, &vision_), models);
        }
        ~Eye() {
                vision_free(vision_);
                manifest_free(manifest_);
        }
        Eye(const Eye &) = delete;
        Eye &operator=(const Eye &) = delete;

        Vision *vision() { return vision_; }

private:
        Manifest *manifest_ = nullptr;
        Vision *vision_ = nullptr;
};

static void collect_planes(Collection &c, const Image &image) {
        for (size_t i = 0; i < 3; i++) {
                uint32_t width = i == 0 ? image.width : (image.width + 1) / 2;
                uint32_t height = i == 0 || image.format == PIXEL_FORMAT_Y42B ? image.height : (image.height + 1) / 2;
                std::vector<uint8_t> plane;

                if (i > 0 && image.format == PIXEL_FORMAT_GREY)
                        return;
                for (uint32_t y = 0; y < height; y++) {
                        const uint8_t *row = image.plane[i] + y * image.stride[i];
                        plane.insert(plane.end(), row, row + width);
                }
                c.add(NEEDLE_FRAME_PLANES, OBJECT_PIXELS, plane.data(), plane.size());
        }
}

/* The compressed data: headers are like those of many other files. */
static size_t jpeg_data(const uint8_t *bytes, size_t size) {
        for (size_t i = 2; i + 4 <= size && bytes[i] == 0xff; i += 2 + (size_t) (bytes[i + 2] << 8 | bytes[i + 3]))
                if (bytes[i + 1] == 0xda)
                        return i;
        return size / 8;
}

static Collection look_at_clip(Eye &eye, const std::string &path, unsigned first) {
        Recording recording;
        Collection c;

        checked(recording_open(path.c_str(), &recording), path);
        collection = &c;
        c.open = true;
        for (unsigned i = 0; i < first + FRAMES; i++) {
                const uint8_t *chunk = recording.bytes + recording.position;
                size_t size = chunk[4] | (size_t) chunk[5] << 8 | (size_t) chunk[6] << 16;
                Observation seen_now;
                Picture picture;

                int r = recording_next(&recording, &picture);
                checked(r, path);
                if (r == 0)
                        break;
                if (i >= first) {
                        size_t begin = jpeg_data(chunk + 8, size);
                        c.add(NEEDLE_FRAME_JPEG, OBJECT_COMPRESSED, chunk + 8 + begin, size - begin);
                        collect_planes(c, picture.image);
                        checked(vision_observe(eye.vision(), &picture.image, &seen_now), path);
                }
                picture_done(&picture);
        }
        recording_done(&recording);
        collection = nullptr;
        return c;
}

static Collection look_at_portrait(Eye &eye, const std::string &path) {
        std::ifstream file(path, std::ios::binary);
        std::vector<uint8_t> bytes{ std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>() };
        DecodedPicture decoded;
        Reason reason;
        Collection c;

        if (decoder_decode(bytes.data(), bytes.size(), &decoded) != DECODE_DONE)
                throw std::runtime_error(path + ": cannot be decoded");
        size_t begin = bytes[0] == 0xff ? jpeg_data(bytes.data(), bytes.size()) : bytes.size() / 8;
        c.add(NEEDLE_REFERENCE_FILE, OBJECT_COMPRESSED, bytes.data() + begin, bytes.size() - begin);
        c.add(NEEDLE_REFERENCE_PIXELS, OBJECT_PIXELS, decoded.pixels, (size_t) decoded.width * decoded.height * 3);

        Image image = {};
        image.format = PIXEL_FORMAT_RGB;
        image.width = decoded.width;
        image.height = decoded.height;
        image.plane[0] = decoded.pixels;
        image.stride[0] = (size_t) decoded.width * 3;
        collection = &c;
        c.open = c.reference = true;
        checked(vision_set_reference(eye.vision(), &image, &reason), path);
        collection = nullptr;
        decoded_picture_done(&decoded);
        return c;
}

constexpr size_t OBJECT_PART = 16384;

static void write_objects(const std::string &path, const std::vector<Collection> &collections) {
        std::ofstream file(path, std::ios::binary);

        for (const Collection &c : collections) {
                size_t written[_NEEDLE_KIND_MAX] = {};

                for (const Object &object : c.objects)
                        if (written[object.kind]++ < 8)
                                file.write(reinterpret_cast<const char *>(object.bytes.data()),
                                           (std::streamsize) std::min(object.bytes.size(), OBJECT_PART));
        }
        if (!file)
                throw std::runtime_error(path + ": cannot be written");
}

static Needles needles_of(const Collection &c) {
        Needles needles = {};

        for (const Object &object : c.objects) {
                size_t n = std::clamp<size_t>(object.bytes.size() / 2048, 8, 48);
                checked(needles_add_object(&needles, object.kind, object.type, object.bytes.data(),
                                           object.bytes.size(), n),
                        "needles");
        }
        return needles;
}

/* Keeps those that are also in what was seen when looking began later: what every check has of this clip. */
static void keep_common(Needles *needles, const Collection &other) {
        std::vector<bool> found(needles->n);
        Finder *finder = finder_new(needles);
        size_t kept = 0;

        if (!finder)
                throw std::bad_alloc();
        for (const Object &object : other.objects)
                finder_scan(finder, object.bytes.data(), object.bytes.size(),
                            [](size_t i, size_t, void *mark) { (*static_cast<std::vector<bool> *>(mark))[i] = true; },
                            &found);
        finder_free(finder);
        for (size_t i = 0; i < needles->n; i++)
                if (found[i])
                        needles->list[kept++] = needles->list[i];
        needles->n = kept;
}

/* Equal ones are one: each would be reported for every other. */
static void take_all(Needles *all, std::set<std::vector<uint8_t>> *known, Needles *from) {
        for (size_t i = 0; i < from->n; i++) {
                const Needle &n = from->list[i];

                if (known->insert({ n.bytes, n.bytes + n.size }).second) {
                        all->list = static_cast<Needle *>(reallocarray(all->list, all->n + 1, sizeof(Needle)));
                        if (!all->list)
                                throw std::bad_alloc();
                        all->list[all->n++] = n;
                        all->allocated = all->n;
                }
        }
        needles_done(from);
}

static void run(int argc, char *argv[]) {
        std::set<std::vector<uint8_t>> known;
        std::vector<size_t> count(_NEEDLE_KIND_MAX);
        std::vector<Collection> collections;
        Needles all = {};

        for (int i = 3; i < argc; i++) {
                std::string word = argv[i], path = word.substr(word.find('=') + 1);
                Eye eye(argv[1], argv[2]), later(argv[1], argv[2]);
                Needles needles = {};

                if (word.rfind("objects=", 0) == 0) {
                        write_objects(path, collections);
                        continue;
                }
                if (word.rfind("clip=", 0) == 0) {
                        collections.push_back(look_at_clip(eye, path, 0));
                        needles = needles_of(collections.back());
                        keep_common(&needles, look_at_clip(later, path, LATER));
                } else if (word.rfind("portrait=", 0) == 0) {
                        collections.push_back(look_at_portrait(eye, path));
                        needles = needles_of(collections.back());
                } else
                        throw std::runtime_error(word + ": neither clip=, portrait= nor objects=");
                take_all(&all, &known, &needles);
        }

        for (size_t i = 0; i < all.n; i++)
                count[all.list[i].kind]++;
        for (size_t kind = 0; kind < _NEEDLE_KIND_MAX; kind++)
                fprintf(stderr, "%s\t%zu\n", needle_kind_to_string((NeedleKind) kind), count[kind]);
        checked(needles_add_forms(&all), "needles");
        checked(needles_write(&all, STDOUT_FILENO), "standard output");
        needles_done(&all);
}

int main(int argc, char *argv[]) {
        try {
                run(argc, argv);
                return EXIT_SUCCESS;
        } catch (const std::exception &e) {
                fprintf(stderr, "needles: %s\n", e.what());
                return EXIT_FAILURE;
        }
}
