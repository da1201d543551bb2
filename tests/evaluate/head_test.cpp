// SPDX-License-Identifier: Apache-2.0
// What heads accept and refuse; their arithmetic is compared with its definition in tests/oracle/test_heads.py.
#include "evaluate/head.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ht {
namespace {

using Shape = std::vector<int64_t>;

ModelOutput output(std::string name, Shape shape, std::span<const float> sample = {}) {
  return {std::move(name), std::move(shape), {}, {}, sample};
}

DetectionTask task_of(std::string head, int class_count) {
  DetectionTask task;
  task.head = std::move(head);
  task.class_count = class_count;
  return task;
}

std::vector<ModelOutput> picodet_outputs() {
  std::vector<ModelOutput> outputs;
  for (int64_t values : {80, 32}) {
    for (int64_t cells : {1600, 400, 100, 25}) outputs.push_back(output(fmt::format("{}_{}", values, cells), {1, cells, values}));
  }
  return outputs;
}

TEST(Head, YoloxFillsInStridesAndForms) {
  const std::vector<ModelOutput> outputs = {output("output", {1, 3549, 85})};
  const auto config = resolve_head(task_of("yolox", 80), {416, 416}, outputs);
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->task.strides, (std::vector<int>{8, 16, 32}));
  EXPECT_EQ(config->boxes, BoxForm::kCells);
  EXPECT_EQ(config->scores, ScoreForm::kProbability);
  EXPECT_FALSE(config->clip);
}

TEST(Head, StructureOutweighsTheSampleAndTheSampleTheHabit) {
  std::vector<float> sample(21 * 6, 0.5f);  // grids of 16 + 4 + 1 cells
  sample[2] = 100;
  sample[5] = -3;
  std::vector<ModelOutput> outputs = {output("output", {1, 21, 6}, sample)};
  auto config = resolve_head(task_of("yolox", 1), {32, 32}, outputs);
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->boxes, BoxForm::kPixels);
  EXPECT_EQ(config->scores, ScoreForm::kLogit);
  outputs[0].boxes = BoxForm::kCells;
  outputs[0].scores = ScoreForm::kProbability;
  config = resolve_head(task_of("yolox", 1), {32, 32}, outputs);
  EXPECT_EQ(config->boxes, BoxForm::kCells);
  EXPECT_EQ(config->scores, ScoreForm::kProbability);
}

TEST(Head, NanodetPairsOutputsByStride) {
  const auto config = resolve_head(task_of("nanodet", 80), {320, 320}, picodet_outputs());
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->bins, 8);
  EXPECT_EQ(config->task.strides, (std::vector<int>{8, 16, 32, 64}));
  EXPECT_EQ(config->outputs[2].name, "80_400");
  EXPECT_EQ(config->outputs[3].name, "32_400");
  EXPECT_TRUE(config->clip);
}

TEST(Head, NanodetTellsEqualShapesApartByTheirSigmoid) {
  std::vector<ModelOutput> outputs;
  for (int64_t cells : {16, 4, 1}) {
    outputs.push_back(output(fmt::format("d{}", cells), {1, cells, 32}));
    outputs.push_back(output(fmt::format("c{}", cells), {1, cells, 32}));
    outputs.back().scores = ScoreForm::kProbability;
  }
  const auto config = resolve_head(task_of("nanodet", 32), {32, 32}, outputs);
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->outputs[0].name, "c16");
  EXPECT_EQ(config->outputs[1].name, "d16");
}

TEST(Head, GuessesTheFamilyFromTheOutputs) {
  const auto guess = [](InputSize size, std::vector<ModelOutput> outputs) { return guess_head(size, outputs); };
  const auto yolox = guess({416, 416}, {output("o", {1, 3549, 85})});
  ASSERT_TRUE(yolox);
  EXPECT_EQ(yolox->head, "yolox");
  EXPECT_EQ(yolox->class_count, 80);
  const auto picodet = guess({320, 320}, picodet_outputs());
  ASSERT_TRUE(picodet);
  EXPECT_EQ(picodet->head, "nanodet");
  EXPECT_EQ(picodet->center_offset, 0.5f);
  EXPECT_EQ(picodet->class_count, 80);
  const auto fastestdet = guess({352, 352}, {output("o", {1, 85, 22, 22})});
  ASSERT_TRUE(fastestdet);
  EXPECT_EQ(fastestdet->head, "fastestdet");
  EXPECT_EQ(fastestdet->strides, std::vector<int>{16});
  const auto yolov8 = guess({640, 640}, {output("o", {1, 9, 8400})});
  ASSERT_TRUE(yolov8);
  EXPECT_EQ(yolov8->head, "yolov8");
  EXPECT_EQ(yolov8->class_count, 5);
  EXPECT_FALSE(guess({224, 224}, {output("o", {1, 1000})}));
  const auto yolov5 = guess({640, 640}, {output("o", {1, 25200, 85})});
  ASSERT_TRUE(yolov5);
  EXPECT_EQ(yolov5->head, "yolov5");
  EXPECT_EQ(yolov5->class_count, 80);
  EXPECT_FALSE(guess({640, 640}, {}));
}

TEST(Head, DecodedBoxesContradictOnlyStatedStrides) {
  DetectionTask task = task_of("yolov8", 5);
  const std::vector<ModelOutput> other = {output("o", {1, 9, 7})}, usual = {output("o", {1, 9, 8400})};
  EXPECT_TRUE(resolve_head(task, {640, 640}, other));
  task.strides = {8, 16, 32};
  EXPECT_TRUE(resolve_head(task, {640, 640}, usual));
  EXPECT_FALSE(resolve_head(task, {640, 640}, other));
}

TEST(Head, RefusesTasksThatMakeNoSense) {
  const std::vector<ModelOutput> outputs = {output("output", {1, 3549, 85})};
  const auto refuses = [&](auto change) {
    DetectionTask task = task_of("yolox", 80);
    change(task);
    return !resolve_head(task, {416, 416}, outputs);
  };
  EXPECT_FALSE(refuses([](DetectionTask&) {}));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.class_count = 0; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.class_count = 79; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.strides = {8, 0}; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.strides = {8, 16}; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.score_threshold = NAN; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.nms_threshold = 1.5f; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.max_detections = 0; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.head = "yolo"; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.scores = ScoreForm::kSoftmax; }));
  EXPECT_TRUE(refuses([](DetectionTask& t) { t.anchors = {{{0, 1}}}; }));
}

TEST(Head, AMisfitNamesBothSides) {
  const std::vector<ModelOutput> outputs = {output("probabilities", {1, 1000})};
  for (std::string_view head : head_names()) {
    const auto config = resolve_head(task_of(std::string(head), 80), {416, 416}, outputs);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, ErrorCode::kInput);
    for (std::string_view part : {head, std::string_view("80 classes"), std::string_view("\"probabilities\" [1, 1000]")}) {
      EXPECT_NE(config.error().message.find(part), std::string::npos) << config.error().message;
    }
  }
}

TEST(Head, ReadsOnlyTheOutputsItWasResolvedWith) {
  const std::vector<ModelOutput> declared = {output("o", {1, 21, 6})};
  const auto config = resolve_head(task_of("yolox", 1), {32, 32}, declared);
  ASSERT_TRUE(config);
  const std::vector<float> values(21 * 6, 0.5f);
  const auto decodes = [&](std::string name, Shape shape, size_t count) {
    const std::vector<HeadOutput> outputs = {{std::move(name), std::move(shape), std::span(values).first(count)}};
    return static_cast<bool>(decode_head(*config, outputs));
  };
  EXPECT_TRUE(decodes("o", {1, 21, 6}, 126));
  EXPECT_FALSE(decodes("p", {1, 21, 6}, 126));
  EXPECT_FALSE(decodes("o", {21, 6}, 126));
  EXPECT_FALSE(decodes("o", {1, 21, 6}, 125));
}

TEST(Head, ValuesThatAreNotFiniteGiveNoBox) {
  const std::vector<ModelOutput> declared = {output("o", {1, 21, 6})};
  const auto config = resolve_head(task_of("yolox", 1), {32, 32}, declared);
  std::vector<float> values(21 * 6, 0.5f);
  values[2] = 1000;
  values[6 + 0] = NAN;
  values[12 + 4] = NAN;
  values[18 + 5] = INFINITY;
  const std::vector<HeadOutput> outputs = {{"o", {1, 21, 6}, values}};
  const auto found = decode_head(*config, outputs);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 17u);
}

TEST(Head, NamesReadBack) {
  for (BoxForm form : {BoxForm::kCells, BoxForm::kPixels, BoxForm::kFractions}) EXPECT_EQ(parse_box_form(name_of(form)), form);
  for (ScoreForm form : {ScoreForm::kProbability, ScoreForm::kLogit, ScoreForm::kSoftmax})
    EXPECT_EQ(parse_score_form(name_of(form)), form);
  EXPECT_FALSE(parse_box_form("boxes"));
}

}  // namespace
}  // namespace ht
