// SPDX-License-Identifier: Apache-2.0
// What observing costs: one image's worth of tensors with the shapes of YOLOX-nano at 416 x 416, for each instruction set.
#include "calibrate/statistics.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

namespace {

struct Group {
  int64_t side, channels;
  int values, depthwise_inputs;
};

// Inputs and outputs of every convolution and the values between, with each convolution's activation counted as one operator.
constexpr Group kGroups[] = {{416, 3, 1, 0},  {208, 12, 1, 0},  {208, 16, 2, 1}, {104, 16, 13, 1},
                             {104, 32, 5, 1}, {52, 32, 37, 4},  {52, 64, 27, 5}, {52, 85, 4, 0},
                             {26, 64, 73, 8}, {26, 128, 12, 2}, {26, 85, 4, 0},  {13, 128, 33, 2},
                             {13, 64, 19, 3}, {13, 256, 12, 0}, {13, 512, 1, 0}, {13, 85, 4, 0}};

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// Like a SiLU's output: many small values, few great ones.
std::vector<float> make_image(int64_t size) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> data(static_cast<size_t>(size));
  for (float& x : data) {
    const float z = normal(random);
    x = z / (1 + std::exp(-z));
  }
  return data;
}

void measure(halftone::Isa isa, std::string_view name, bool table) {
  constexpr int kImages = 20;
  double total = 0, elements = 0;
  int values = 0;
  for (const Group& group : kGroups) {
    const int64_t size = group.side * group.side * group.channels;
    const std::vector<float> image = make_image(size);
    std::vector<ht::ValueStatistics> statistics;
    for (int i = 0; i < group.values; ++i) statistics.emplace_back(group.channels, i < group.depthwise_inputs, isa);
    double best = INFINITY;
    for (int repeat = 0; repeat < kImages; ++repeat) {
      const auto start = std::chrono::steady_clock::now();
      for (ht::ValueStatistics& value : statistics) value.observe(image);
      best = std::min(best, milliseconds_since(start));
    }
    if (table) {
      fmt::print("  {:3}x{:<3} x {:3} channels, {:2} values: {:.3f} ms, {:.3f} ns an element\n", group.side, group.side,
                 group.channels, group.values, best, best * 1e6 / static_cast<double>(size * group.values));
    }
    total += best;
    elements += static_cast<double>(size * group.values);
    values += group.values;
  }
  fmt::print("{}: {:.2f} ms an image, {} values, {:.1f} M elements, {:.3f} ns an element\n", name, total, values, elements / 1e6,
             total * 1e6 / elements);
}

}  // namespace

int main() {
  measure(halftone::Isa::kC, "c", false);
  measure(halftone::Isa::kAvx2, "avx2", false);
  measure(halftone::Isa::kBest, "best", true);
}
