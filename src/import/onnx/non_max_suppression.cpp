// SPDX-License-Identifier: Apache-2.0
// NonMaxSuppression chooses as many boxes as the values make it, so its output has a size at import only where boxes and scores
// are constants.
#include <algorithm>
#include <optional>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"

namespace ht {
namespace {

constexpr int64_t kSides = 4;
constexpr int64_t kMostComparisons = int64_t{1} << 30;

struct Suppression {
  bool centres = false;  // boxes are centre and size, else any two opposite corners
  int64_t most = 0;      // boxes of a class
  float overlap = 0;
  std::optional<float> score;  // only higher ones count
};

struct Rectangle {
  float x0, y0, x1, y1;
  float area() const { return (x1 - x0) * (y1 - y0); }
};

Rectangle rectangle(const float* sides, bool centres) {
  if (centres) {
    const float half_width = sides[2] / 2, half_height = sides[3] / 2;
    return {sides[0] - half_width, sides[1] - half_height, sides[0] + half_width, sides[1] + half_height};
  }
  const auto [y0, y1] = std::minmax(sides[0], sides[2]);
  const auto [x0, x1] = std::minmax(sides[1], sides[3]);
  return {x0, y0, x1, y1};
}

bool overlaps(const Rectangle& a, const Rectangle& b, float allowed) {
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0), height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  if (!(width > 0) || !(height > 0) || !(a.area() > 0) || !(b.area() > 0)) return false;
  const float shared = width * height;
  return shared / (a.area() + b.area() - shared) > allowed;
}

// The boxes of one class that stay, best first; of equal scores the first comes first. What is not a number has no place.
Ints chosen(const Suppression& how, const std::vector<Rectangle>& boxes, const float* scores) {
  Ints order;
  for (size_t i = 0; i < boxes.size(); ++i)
    if (how.score ? scores[i] > *how.score : scores[i] == scores[i]) order.push_back(static_cast<int64_t>(i));
  std::ranges::stable_sort(order, std::greater(), [&](int64_t i) { return scores[i]; });
  Ints kept;
  for (int64_t i : order) {
    if (std::ssize(kept) >= how.most) break;
    const auto suppresses = [&](int64_t k) {
      return overlaps(boxes[static_cast<size_t>(k)], boxes[static_cast<size_t>(i)], how.overlap);
    };
    if (std::ranges::none_of(kept, suppresses)) kept.push_back(i);
  }
  return kept;
}

Result<Suppression> read_suppression(ImportNode& node) {
  Suppression how;
  how.centres = node.flag("center_point_box");
  if (node.has_input(2)) {
    HT_ASSIGN(const Ints most, node.constant_ints(2, "number of boxes"));
    if (most.size() != 1) return input_error("has {} numbers of boxes and needs one", most.size());
    how.most = std::max<int64_t>(most[0], 0);
  }
  if (node.has_input(3)) {
    HT_ASSIGN(how.overlap, node.constant_float(3, "overlap"));
    if (!(how.overlap >= 0 && how.overlap <= 1)) return input_error("allows an overlap of {}; it lies in 0..1", how.overlap);
  }
  if (node.has_input(4)) {
    HT_ASSIGN(how.score, node.constant_float(4, "least score"));
  }
  return how;
}

}  // namespace

Status import_non_max_suppression(ImportNode& node) {
  HT_ASSIGN(const Suppression how, read_suppression(node));
  const Shape boxes_shape = node.shape(0), scores_shape = node.shape(1);
  const bool fits = boxes_shape.size() == 3 && scores_shape.size() == 3 && boxes_shape[2] == kSides &&
                    scores_shape[0] == boxes_shape[0] && scores_shape[2] == boxes_shape[1];
  if (!fits || node.type(0).dtype != DType::kFloat32 || node.type(1).dtype != DType::kFloat32)
    return input_error("its boxes {} and scores {} do not belong together", shape_text(boxes_shape), shape_text(scores_shape));
  if (!node.is_constant(0) || !node.is_constant(1))
    return unsupported("chooses as many boxes as the network's input makes it, but every shape must be known; end the model in the "
                       "boxes and scores that it reads, which Halftone's head \"boxes\" suppresses itself");
  const int64_t batches = scores_shape[0], classes = scores_shape[1], count = scores_shape[2];
  const int64_t each = count == 0 ? 0 : kMostComparisons / count / std::max<int64_t>(std::min(how.most, count), 1);
  if (count > 0 && element_count({batches, classes}) > each)
    return unsupported("would compare the {} boxes of {} classes, which is too much", count, classes);
  HT_ASSIGN(const Tensor boxes_tensor, node.constant(0, "boxes"));
  HT_ASSIGN(const Tensor scores_tensor, node.constant(1, "scores"));
  const std::vector<float> sides = boxes_tensor.to_floats(), scores = scores_tensor.to_floats();
  Ints triples;
  for (int64_t batch = 0; batch < batches; ++batch) {
    std::vector<Rectangle> boxes;
    for (int64_t i = 0; i < count; ++i) boxes.push_back(rectangle(sides.data() + (batch * count + i) * kSides, how.centres));
    for (int64_t label = 0; label < classes; ++label)
      for (int64_t box : chosen(how, boxes, scores.data() + (batch * classes + label) * count))
        triples.insert(triples.end(), {batch, label, box});
  }
  const int64_t rows = std::ssize(triples) / 3;
  node.emit_constant(Tensor::of_int64s(triples).reshaped({rows, 3}));
  return {};
}

}  // namespace ht
