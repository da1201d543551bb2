// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ht {

struct Box {
  float x0 = 0;
  float y0 = 0;
  float x1 = 0;
  float y1 = 0;
  bool operator==(const Box&) const = default;
};

struct Candidate {
  Box box;
  float score = 0;
  int32_t class_index = 0;
  bool operator==(const Candidate&) const = default;
};

// Intersection over union; 0 where both are empty.
float overlap(const Box& a, const Box& b);

// Greedy non-maximum suppression in each class: the best first, ties in the order of `candidates`, at most `max_detections` in
// all classes together. A candidate goes where it overlaps a better one of its class by more than `threshold`.
std::vector<Candidate> suppress(std::span<const Candidate> candidates, float threshold, int max_detections);

}  // namespace ht
