// SPDX-License-Identifier: Apache-2.0
// Runs the image library on files for tests/oracle/test_image.py. Each line of standard input is a command, each line of standard
// output its answer: "ok ..." or "error ...". Images go out as "WIDTH HEIGHT CHANNELS\n" and the pixels; the same format comes in
// as a file that ends in .raw. PREPROCESS is: height width resize place color interpolation pad0 pad1 pad2.
//   decode IN OUT
//   pixels IN OUT PREPROCESS
//   tensor IN OUT PREPROCESS mean0 mean1 mean2 std0 std1 std2 layout   (OUT: floats)
//   frame BYTES OUT FORMAT WIDTH HEIGHT STRIDE X Y CROP_WIDTH CROP_HEIGHT PREPROCESS   (FORMAT: 0, 1 or 2 as in FrameFormat)
//   placement WIDTH HEIGHT PREPROCESS                                  ("ok scale_x scale_y offset_x offset_y")
//   time IN PREPROCESS                                                 ("ok milliseconds": decoding and resizing, the least of
//   ten)
#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>

#include "image/decode.h"
#include "image/preprocess.h"

namespace {

ht::Result<ht::Image> load(const std::string& path) {
  if (!path.ends_with(".raw")) return ht::read_image(path);
  std::ifstream file(path, std::ios::binary);
  ht::Image image;
  file >> image.width >> image.height >> image.channels;
  file.get();
  image.pixels.resize(static_cast<size_t>(image.width) * image.height * image.channels);
  file.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
  if (!file) return ht::input_error("cannot be read").in(path);
  return image;
}

ht::Status save(const std::string& path, const ht::Image& image) {
  std::ofstream file(path, std::ios::binary);
  file << image.width << ' ' << image.height << ' ' << image.channels << '\n';
  file.write(reinterpret_cast<const char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
  if (!file) return ht::input_error("cannot be written").in(path);
  return {};
}

ht::Result<ht::Preprocess> parse_preprocess(std::istream& words) {
  ht::Preprocess p;
  std::string resize, place, color, interpolation;
  int pad[3];
  words >> p.height >> p.width >> resize >> place >> color >> interpolation >> pad[0] >> pad[1] >> pad[2];
  const auto r = ht::parse_resize(resize);
  const auto l = ht::parse_place(place);
  const auto c = ht::parse_color_order(color);
  const auto i = ht::parse_interpolation(interpolation);
  if (!words || !r || !l || !c || !i) return ht::usage_error("PREPROCESS is not valid");
  p.resize = *r;
  p.place = *l;
  p.color = *c;
  p.interpolation = *i;
  for (int k = 0; k < 3; ++k) p.pad[k] = static_cast<uint8_t>(pad[k]);
  return p;
}

ht::Result<std::string> decode(std::istream& words) {
  std::string in, out;
  words >> in >> out;
  HT_ASSIGN(const ht::Image image, load(in));
  HT_TRY(save(out, image));
  return std::string();
}

ht::Result<std::string> pixels(std::istream& words) {
  std::string in, out;
  words >> in >> out;
  HT_ASSIGN(const ht::Preprocess p, parse_preprocess(words));
  HT_ASSIGN(const ht::Image photo, load(in));
  HT_ASSIGN(const ht::Image image, ht::preprocess_pixels(photo, p));
  HT_TRY(save(out, image));
  return std::string();
}

ht::Result<std::string> tensor(std::istream& words) {
  std::string in, out, layout;
  words >> in >> out;
  HT_ASSIGN(ht::Preprocess p, parse_preprocess(words));
  for (float& v : p.mean) words >> v;
  for (float& v : p.std) words >> v;
  words >> layout;
  if (!words || !ht::parse_layout(layout)) return ht::usage_error("mean, std or layout are not valid");
  HT_ASSIGN(const ht::Image photo, load(in));
  std::vector<float> values(static_cast<size_t>(p.elements()));
  HT_TRY(ht::preprocess(photo, p, *ht::parse_layout(layout), values));
  std::ofstream(out, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  return std::string();
}

ht::Result<std::string> frame(std::istream& words) {
  std::string in, out;
  int format = 0;
  ht::Frame frame;
  ht::Crop crop;
  words >> in >> out >> format >> frame.width >> frame.height >> frame.stride >> crop.x >> crop.y >> crop.width >> crop.height;
  HT_ASSIGN(const ht::Preprocess p, parse_preprocess(words));
  std::ifstream file(in, std::ios::binary);
  const std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  frame.bytes = bytes;
  frame.format = static_cast<ht::FrameFormat>(format);
  frame.crop = crop;
  std::vector<float> values(static_cast<size_t>(p.elements()));
  HT_TRY(ht::preprocess(frame, p, ht::PixelLayout::kNhwc, values));
  ht::Image input{p.width, p.height, p.channels(), {}};
  for (float value : values) input.pixels.push_back(static_cast<uint8_t>(value));
  HT_TRY(save(out, input));
  return std::string();
}

ht::Result<std::string> placement(std::istream& words) {
  int width = 0, height = 0;
  words >> width >> height;
  HT_ASSIGN(const ht::Preprocess p, parse_preprocess(words));
  HT_ASSIGN(const ht::PhotoPlacement placed, ht::photo_placement(width, height, p));
  std::ostringstream text;
  text.precision(std::numeric_limits<double>::max_digits10);
  text << placed.scale_x << ' ' << placed.scale_y << ' ' << placed.offset_x << ' ' << placed.offset_y;
  return text.str();
}

ht::Result<std::string> time(std::istream& words) {
  using Clock = std::chrono::steady_clock;
  std::string in;
  words >> in;
  HT_ASSIGN(const ht::Preprocess p, parse_preprocess(words));
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 10; ++run) {
    const auto start = Clock::now();
    HT_ASSIGN(const ht::Image photo, load(in));
    std::vector<float> values(static_cast<size_t>(p.elements()));
    HT_TRY(ht::preprocess(photo, p, ht::PixelLayout::kNchw, values));
    least = std::min(least, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  return std::to_string(least);
}

ht::Result<std::string> answer(const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "decode") return decode(words);
  if (command == "pixels") return pixels(words);
  if (command == "tensor") return tensor(words);
  if (command == "frame") return frame(words);
  if (command == "placement") return placement(words);
  if (command == "time") return time(words);
  return ht::usage_error("unknown command {}", command);
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const ht::Result<std::string> result = answer(line);
    std::cout << (result ? "ok " + *result : "error " + result.error().text()) << std::endl;
  }
}
