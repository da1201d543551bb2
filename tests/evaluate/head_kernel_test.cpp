// SPDX-License-Identifier: Apache-2.0
// The kernels on outputs as bundles have them, against the same values as floats that lie as their shapes say; these are held
// against numpy in tests/oracle/test_heads.py.
#include "evaluate/head_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "base/checked.h"

namespace ht {
namespace {

constexpr InputSize kInput{64, 96};
constexpr int kPhotoWidth = 301, kPhotoHeight = 202;
constexpr PhotoPlacement kPlacement{96.0 / 301, 64.0 / 202, 1, -2};

struct Spec {
  DetectionTask task;
  std::vector<std::pair<std::string, Shape>> outputs;
};

DetectionTask task_of(std::string head, ScoreForm scores, std::vector<int> strides = {8, 16, 32}) {
  DetectionTask task;
  task.head = std::move(head);
  task.class_count = 3;
  task.strides = std::move(strides);
  task.scores = scores;
  task.boxes = BoxForm::kCells;
  return task;
}

std::vector<Prior> some_priors(int count) {
  std::vector<Prior> priors;
  for (int i = 0; i < count; ++i) priors.push_back({0.05f * static_cast<float>(i % 20), 0.1f * static_cast<float>(i % 9), 0.2f, 0.3f});
  return priors;
}

std::vector<Spec> all_specs() {
  constexpr ScoreForm kProbability = ScoreForm::kProbability, kLogit = ScoreForm::kLogit;
  std::vector<Spec> specs = {
      {task_of("yolox", kProbability), {{"o", {1, 126, 8}}}},
      {task_of("yolox", kLogit), {{"o", {1, 126, 8}}}},
      {task_of("yolov5", kLogit), {{"a", {1, 24, 8, 12}}, {"b", {1, 24, 4, 6}}, {"c", {1, 24, 2, 3}}}},
      {task_of("yolov5", kProbability), {{"o", {1, 378, 8}}}},
      {task_of("yolov5", kLogit), {{"a", {1, 3, 8, 12, 8}}, {"b", {1, 3, 4, 6, 8}}, {"c", {1, 3, 2, 3, 8}}}},
      {task_of("yolov8", kLogit), {{"a", {1, 67, 8, 12}}, {"b", {1, 67, 4, 6}}, {"c", {1, 67, 2, 3}}}},
      {task_of("yolov8", kLogit),
       {{"a", {1, 64, 8, 12}}, {"d", {1, 3, 8, 12}}, {"b", {1, 64, 4, 6}}, {"e", {1, 3, 4, 6}}, {"c", {1, 64, 2, 3}}, {"f", {1, 3, 2, 3}}}},
      {task_of("yolov8", kProbability), {{"o", {1, 7, 126}}}},
      {task_of("nanodet", kProbability),
       {{"a", {1, 96, 3}}, {"d", {1, 96, 32}}, {"b", {1, 24, 3}}, {"e", {1, 24, 32}}, {"c", {1, 6, 3}}, {"f", {1, 6, 32}}}},
      {task_of("nanodet", kLogit), {{"o", {1, 126, 35}}}},
      {task_of("fastestdet", kProbability, {16}), {{"o", {1, 8, 4, 6}}}},
      {task_of("yolo-fastestv2", ScoreForm::kSoftmax, {16, 32}), {{"a", {1, 18, 4, 6}}, {"b", {1, 18, 2, 3}}}},
      {task_of("yolo-fastestv2", kProbability, {16, 32}), {{"o", {30, 18}}}},
      {task_of("ssd", ScoreForm::kSoftmax, {}), {{"scores", {1, 60, 3}}, {"boxes", {1, 60, 4}}}},
      {task_of("boxes", kLogit, {}), {{"scores", {1, 60, 3}}, {"boxes", {1, 60, 4}}}},
      {task_of("boxes", ScoreForm::kSoftmax, {}), {{"scores", {1, 3, 60}}, {"boxes", {1, 60, 4}}}},
      {task_of("boxes", kProbability, {}), {{"o", {1, 60, 6}}}},
      {task_of("boxes", kProbability, {}), {{"boxes", {1, 60, 4}}, {"scores", {1, 60}}, {"classes", {1, 60}}, {"count", {1}}}},
      {task_of("boxes", kProbability, {}), {{"boxes", {1, 60, 4}}, {"scores", {1, 3, 60}}, {"selected", {40, 3}}}},
  };
  for (Spec& spec : specs) {
    const std::string& head = spec.task.head;
    if (head == "ssd") spec.task.priors = some_priors(60);
    if (head == "ssd" || (head == "boxes" && spec.task.scores == ScoreForm::kSoftmax)) {
      spec.task.class_count = 2;
      spec.task.background = Background::kFirst;
    }
    if (head == "boxes" || (head == "yolov8" && spec.outputs[0].second.size() == 3)) spec.task.boxes = BoxForm::kFractions;
  }
  return specs;
}

HeadConfig resolved(const Spec& spec) {
  std::vector<ModelOutput> outputs;
  for (const auto& [name, shape] : spec.outputs) outputs.push_back({name, shape, {}, {}, {}});
  const auto config = resolve_head(spec.task, kInput, outputs);
  EXPECT_TRUE(config) << config.error().text();
  return *config;
}

size_t count_of(const Shape& shape) { return static_cast<size_t>(*checked_product(shape)); }

// Outputs of integers in the config's order, their memory, and the floats that they stand for in the order of their shapes.
struct Outputs {
  std::vector<OutputElements> elements;
  std::vector<std::vector<int16_t>> integers;
  std::vector<std::vector<float>> reals;

  std::vector<HeadOutput> described(const HeadConfig& config) const {
    std::vector<HeadOutput> result;
    for (size_t i = 0; i < reals.size(); ++i) result.push_back({config.outputs[i].name, config.outputs[i].shape, reals[i]});
    return result;
  }
};

size_t values_axis(const HeadConfig& config, size_t output) {
  const Shape& shape = config.outputs[output].shape;
  const bool maps = config.layout == HeadLayout::kMaps || config.layout == HeadLayout::kSplitMaps;
  const bool columns = config.layout == HeadLayout::kColumns || (config.layout == HeadLayout::kScoredColumns && output == 0) ||
                       (config.layout == HeadLayout::kSelected && output == 1);
  return maps || columns ? 1 : shape.size() - 1;
}

Outputs random_outputs(const HeadConfig& config, int32_t type, bool scale_a_value, std::mt19937& random) {
  const auto between = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  const int low = type == HT_VALUES_S8 ? -128 : type == HT_VALUES_U8 ? 0 : -32768, high = type == HT_VALUES_S16 ? 32767 : low + 255;
  Outputs result;
  for (size_t i = 0; i < config.outputs.size(); ++i) {
    const Shape& shape = config.outputs[i].shape;
    const size_t axis = values_axis(config, i);
    size_t inner = 1;
    for (size_t k = axis + 1; k < shape.size(); ++k) inner *= static_cast<size_t>(shape[k]);
    const bool logits = config.scores != ScoreForm::kProbability || config.boxes == BoxForm::kCells;
    OutputElements elements;
    elements.type = type;
    const bool several = scale_a_value && !(config.layout == HeadLayout::kListed && i > 0);
    if (several) elements.axis = axis;
    for (int64_t k = 0; k < (several ? shape[axis] : 1); ++k) {
      const float range = logits ? 8.0f : 1.2f;
      elements.scales.push_back(range * static_cast<float>(between(50, 100)) / 100 / static_cast<float>(high - low));
      elements.zero_points.push_back(between(low + (high - low) / 4, high - (high - low) / 3));
    }
    std::vector<int16_t> integers;
    std::vector<float> reals;
    for (size_t k = 0; k < count_of(shape); ++k) {
      // Few values that are large, as scores are.
      const int q = between(0, 1) == 0 ? between(low, high) : between(low, low + (high - low) / 3);
      const size_t channel = several ? k / inner % static_cast<size_t>(shape[axis]) : 0;
      integers.push_back(static_cast<int16_t>(q));
      reals.push_back(static_cast<float>(q - elements.zero_points[channel]) * elements.scales[channel]);
    }
    result.elements.push_back(elements);
    result.integers.push_back(integers);
    result.reals.push_back(reals);
  }
  return result;
}

std::vector<uint8_t> stored(std::span<const int16_t> integers, int32_t type) {
  std::vector<uint8_t> bytes;
  for (int16_t q : integers) {
    bytes.push_back(static_cast<uint8_t>(q));
    if (type == HT_VALUES_S16) bytes.push_back(static_cast<uint8_t>(q >> 8));
  }
  return bytes;
}

std::vector<Candidate> detected_by_kernel(const HeadConfig& config, const Outputs& outputs, int32_t room) {
  const auto kernel = HeadKernel::make(config, outputs.elements);
  EXPECT_TRUE(kernel) << kernel.error().text();
  if (!kernel) return {};
  std::vector<std::vector<uint8_t>> memory;
  std::vector<const void*> data;
  for (size_t i = 0; i < outputs.integers.size(); ++i) memory.push_back(stored(outputs.integers[i], outputs.elements[i].type));
  for (const auto& bytes : memory) data.push_back(bytes.data());
  const ht_detect_params p = kernel->parameters();
  const ht_detect_place place{kPlacement.scale_x, kPlacement.scale_y, kPlacement.offset_x, kPlacement.offset_y, kPhotoWidth, kPhotoHeight};
  std::vector<ht_candidate> candidates(static_cast<size_t>(room));
  std::vector<ht_box> boxes(static_cast<size_t>(p.max_detections));
  const int32_t count = ht_detect(&p, data.data(), &place, candidates.data(), room, boxes.data());
  std::vector<Candidate> found;
  for (int32_t i = 0; i < count; ++i) found.push_back(to_candidate(boxes[static_cast<size_t>(i)]));
  return found;
}

std::vector<Candidate> detected(const HeadConfig& config, const Outputs& outputs, std::optional<int> room = {}) {
  const auto found = detect(config, outputs.described(config), kPlacement, kPhotoWidth, kPhotoHeight, room);
  EXPECT_TRUE(found);
  return *found;
}

TEST(HeadKernel, IntegersGiveTheBoxesOfTheirRealValues) {
  std::mt19937 random(1);
  size_t boxes = 0;
  for (const Spec& spec : all_specs()) {
    for (int run = 0; run < 48; ++run) {
      Spec own = spec;
      own.task.score_threshold = std::array{-1.0f, 0.001f, 0.05f, 0.4f}[static_cast<size_t>(run) % 4];
      own.task.multi_label = run / 4 % 2 == 1;
      const HeadConfig config = resolved(own);
      const Outputs outputs = random_outputs(config, HT_VALUES_S8 + run / 8 % 3, run / 24 == 1, random);
      const auto expected = detected(config, outputs);
      const auto found = detected_by_kernel(config, outputs, 1200);
      ASSERT_EQ(found, expected) << spec.task.head << " with " << spec.outputs.size() << " outputs, run " << run;
      boxes += found.size();
    }
  }
  EXPECT_GT(boxes, 10000u);
}

TEST(HeadKernel, TheSecondAxisMayLieBehindTheOthers) {
  std::mt19937 random(2);
  size_t boxes = 0, refused = 0;
  for (const Spec& spec : all_specs()) {
    const HeadConfig config = resolved(spec);
    for (const bool scale_a_value : {false, true}) {
      Outputs outputs = random_outputs(config, HT_VALUES_S8, scale_a_value, random);
      const auto expected = detected(config, outputs);
      for (size_t i = 0; i < outputs.integers.size(); ++i) {
        const Shape& shape = config.outputs[i].shape;
        if (shape.size() < 3) continue;
        const auto second = static_cast<size_t>(shape[1]), rest = count_of(shape) / second;
        const auto before = outputs.integers[i];
        for (size_t k = 0; k < rest; ++k)
          for (size_t v = 0; v < second; ++v) outputs.integers[i][k * second + v] = before[v * rest + k];
        outputs.elements[i].channels_last = true;
      }
      if (spec.outputs[0].second.size() == 5) {
        EXPECT_EQ(HeadKernel::make(config, outputs.elements).error().code, ErrorCode::kUnsupported);
        ++refused;
        continue;
      }
      boxes += expected.size();
      EXPECT_EQ(detected_by_kernel(config, outputs, 1200), expected) << spec.task.head;
    }
  }
  EXPECT_GT(boxes, 1000u);
  EXPECT_EQ(refused, 2u);
}

// Many equal scores, so that the order of finding decides.
TEST(HeadKernel, TheBestCandidatesStayWhereThereIsRoomForFew) {
  std::mt19937 random(3);
  for (const Spec& spec : all_specs()) {
    const HeadConfig config = resolved(spec);
    Outputs outputs = random_outputs(config, HT_VALUES_S8, false, random);
    for (size_t i = 0; i < outputs.integers.size(); ++i) {
      for (size_t k = 0; k < outputs.integers[i].size(); ++k) {
        const int q = outputs.integers[i][k] / 24 * 24;
        outputs.integers[i][k] = static_cast<int16_t>(q);
        outputs.reals[i][k] = static_cast<float>(q - outputs.elements[i].zero_points[0]) * outputs.elements[i].scales[0];
      }
    }
    auto all = *decode_head(config, outputs.described(config));
    std::vector<int32_t> order;
    for (size_t i = 0; i < all.size(); ++i) order.push_back(static_cast<int32_t>(i));
    std::ranges::stable_sort(order, [&](int32_t a, int32_t b) { return all[static_cast<size_t>(a)].score > all[static_cast<size_t>(b)].score; });
    for (const int room : {0, 1, 2, 3, 7, 20, 64, 399}) {
      const auto bounded = detected_by_kernel(config, outputs, room);
      EXPECT_EQ(bounded, detected(config, outputs, room));
      std::vector<ht_candidate> first;
      for (const int32_t i : std::span(order).first(std::min(order.size(), static_cast<size_t>(room)))) {
        const Candidate& c = all[static_cast<size_t>(i)];
        const auto x = [&](float v) { return static_cast<float>(kPlacement.photo_x(v)); };
        const auto y = [&](float v) { return static_cast<float>(kPlacement.photo_y(v)); };
        ht_box box{x(c.box.x0), y(c.box.y0), x(c.box.x1), y(c.box.y1), c.score, c.class_index};
        if (config.clip) {
          for (float* v : {&box.x0, &box.x1}) *v = std::clamp(*v, 0.0f, float{kPhotoWidth});
          for (float* v : {&box.y0, &box.y1}) *v = std::clamp(*v, 0.0f, float{kPhotoHeight});
        }
        first.push_back({box, i});
      }
      EXPECT_EQ(bounded, suppress(first, config.task.nms_threshold, config.task.max_detections)) << spec.task.head << ' ' << room;
    }
  }
}

TEST(HeadKernel, ValuesThatAreNotFiniteGiveNoBox) {
  std::mt19937 random(4);
  for (const Spec& spec : all_specs()) {
    const HeadConfig config = resolved(spec);
    const Outputs sound = random_outputs(config, HT_VALUES_S8, false, random);
    for (const float hostile : {NAN, -NAN, INFINITY, -INFINITY}) {
      Outputs outputs = sound;
      for (auto& values : outputs.reals) std::ranges::fill(values, hostile);
      EXPECT_TRUE(detected(config, outputs).empty()) << spec.task.head << ' ' << hostile;
    }
    for (const float hostile : {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e20f}) {
      Outputs outputs = sound;
      for (auto& values : outputs.reals)
        for (float& value : values) value = random() % 5 == 0 ? hostile : value;
      for (const auto& [box, score, class_index] : detected(config, outputs)) {
        EXPECT_TRUE(std::isfinite(score) && class_index >= 0 && class_index < config.task.class_count);
        for (const float side : {box.x0, box.y0, box.x1, box.y1}) EXPECT_TRUE(std::isfinite(side)) << spec.task.head;
      }
    }
  }
}

TEST(HeadKernel, RefusesMemoryThatItCannotRead) {
  const HeadConfig config = resolved({task_of("yolox", ScoreForm::kLogit), {{"o", {1, 126, 8}}}});
  const auto refuses = [&](auto change) {
    OutputElements elements{HT_VALUES_S8, {0.1f}, {0}, {}, false};
    change(elements);
    return !HeadKernel::make(config, std::span(&elements, 1));
  };
  EXPECT_FALSE(refuses([](OutputElements&) {}));
  EXPECT_TRUE(refuses([](OutputElements& e) { e.scales = {1, 2}, e.zero_points = {0, 0}; })) << "scales along another axis";
  EXPECT_TRUE(refuses([](OutputElements& e) { e.scales = {1, 2}; }));
  EXPECT_TRUE(refuses([](OutputElements& e) { e.scales = {0}; }));
  EXPECT_TRUE(refuses([](OutputElements& e) { e.scales = {NAN}; }));
  EXPECT_TRUE(refuses([](OutputElements& e) { e.scales = {3e37f}; }));
  EXPECT_TRUE(refuses([](OutputElements& e) { e.zero_points = {128}; }));
  EXPECT_TRUE(refuses([](OutputElements& e) { e.scales.resize(8, 1), e.zero_points.resize(8), e.axis = 1; }));
  EXPECT_FALSE(refuses([](OutputElements& e) { e.scales.resize(8, 1), e.zero_points.resize(8), e.axis = 2; }));
  EXPECT_FALSE(HeadKernel::make(config, {}));
}

TEST(HeadKernel, NamesItsFunctions) {
  for (const Spec& spec : all_specs()) {
    const ht_detect_params p = HeadKernel::make(resolved(spec))->parameters();
    EXPECT_FALSE(name_of(p.boxes).name.empty());
    EXPECT_EQ(name_of(p.names).name.empty(), p.names == nullptr);
    for (const ht_detect_function function : {p.object_function, p.class_function, p.box_function})
      EXPECT_EQ(name_of(function).name.empty(), function == nullptr);
  }
}

}  // namespace
}  // namespace ht
