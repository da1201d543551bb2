// SPDX-License-Identifier: Apache-2.0
// The part of a detector's bundle that goes from a camera's frame to boxes: NAME_detect().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernels/c/ht_detect.h"
#include "kernels/c/ht_preprocess.h"

namespace ht {

struct Design;
struct BundleFile;

// Everything that NAME_detect() reads besides the network. Pointers in the parameters refer to what `owner` keeps.
struct Detection {
  ht_preprocess_params preprocess{};  // of the bundle's only input, in its type and layout
  ht_detect_params detect{};
  // Of the functions in `detect`, as their files define them; empty for null.
  std::string object_function, class_function, box_function, boxes, names;
  std::vector<std::string> files;    // of kernels/c, that define them
  std::vector<size_t> ports;         // for each of detect.outputs which of the bundle's outputs it is
  std::vector<std::string> classes;  // their names; those without one give no boxes
  int64_t most_candidates = 0;       // that the outputs can give
  int64_t scratch_bytes = 0;         // enough for frames up to kWidestFrame pixels wide
  std::shared_ptr<const void> owner;

  static constexpr int kWidestFrame = 640;
};

// The memory of a call of NAME_detect(), NAME_DETECT_BYTES: the arena, which inputs and outputs have a place in, and what resizing and candidates
// need beside it.
int64_t detect_bytes(const Design& design);

// How many candidates of so many there is room for: as many as the arena holds beside the outputs, and some at least.
int32_t candidate_room(const Design& design, int64_t most_candidates);

// A frame of the bundle's test and the boxes in it.
struct FrameVector {
  ht_frame frame{};             // without pixels
  uint32_t seed = 0;            // of a painted one, which the test paints itself; 0: it is stored
  std::vector<uint8_t> pixels;  // from the uppermost row on
  std::vector<ht_box> boxes;
};
// The pixels of a frame that is painted from its seed, as the test of a bundle does it.
std::vector<uint8_t> painted_pixels(const ht_frame& frame, uint32_t seed);

// What the bundle's files contain of it; all empty where the design has no detection.
std::string detect_includes(const Design& design);      // of NAME.h
std::string detect_declarations(const Design& design);
std::string detect_definitions(const Design& design);   // of NAME.c
std::string detect_example(const Design& design);       // example/main.c
std::set<std::string> detect_headers(const Design& design);  // of the kernels, that NAME.c includes
std::set<std::string> detect_files(const Design& design);    // of the kernels
std::vector<BundleFile> detect_test_files(const Design& design, const std::vector<FrameVector>& frames);

}  // namespace ht
