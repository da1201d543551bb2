// SPDX-License-Identifier: Apache-2.0
// Sessions of the sample detector, quantized: what they allocate, what they share, and that their results are the same.
#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "count_allocations.h"
#include "halftone/halftone.h"

namespace halftone {
namespace {

class SessionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::filesystem::temp_directory_path() / ("halftone_session_test." + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    auto recipe = load_recipe("examples/street/street.toml");
    ASSERT_TRUE(recipe) << recipe.error().text();
    recipe->calibration->count = 4;
    const auto made = quantize(*recipe, folder_ / "street_int8.onnx");
    ASSERT_TRUE(made) << made.error().text();
    file_bytes_ = made->quantized_bytes;
    auto model = Model::load(folder_ / "street_int8.onnx");
    ASSERT_TRUE(model) << model.error().text();
    model_ = *std::move(model);
    const ValueInfo input = model_->inputs()[0];
    int64_t count = 1;
    for (int64_t size : input.shape) count *= size;
    std::vector<float> pixels;
    for (int64_t i = 0; i < count; ++i) pixels.push_back(static_cast<float>(i * 7919 % 256));
    inputs_ = {Tensor::of_floats(input.name, input.shape, pixels)};
  }
  static void TearDownTestSuite() {
    model_.reset();
    std::filesystem::remove_all(folder_);
  }
  static Session session(int threads) {
    Context context;
    context.threads = threads;
    return *Session::create(*model_, context);
  }

  static inline std::filesystem::path folder_;
  static inline std::optional<Model> model_;
  static inline std::vector<Tensor> inputs_;
  static inline int64_t file_bytes_ = 0;
};

TEST_F(SessionTest, RunsWithoutAllocatingAfterTheFirstTime) {
  for (int threads : {1, 2}) {
    Session session = SessionTest::session(threads);
    std::vector<Tensor> outputs;
    ASSERT_TRUE(session.run(inputs_, outputs));
    const std::vector<Tensor> first = outputs;
    const int64_t before = allocations();
    EXPECT_GT(before, 0);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(session.run(inputs_, outputs));
    EXPECT_EQ(allocations() - before, 0) << threads << " threads";
    EXPECT_TRUE(outputs == first);
  }
}

TEST_F(SessionTest, GivesTheSameWithAnyNumberOfThreads) {
  const auto expected = *session(1).run(inputs_);
  for (int threads : {2, 3, 7}) EXPECT_TRUE(*session(threads).run(inputs_) == expected) << threads;
}

// They are read where they lie, which may be gone by the next run.
TEST_F(SessionTest, ReadsTheInputsOfEachRun) {
  Session session = SessionTest::session(2);
  const auto first = *session.run(inputs_);
  auto other = std::make_unique<std::vector<Tensor>>(inputs_);
  (*other)[0].bytes.assign(inputs_[0].bytes.size(), 0);
  const auto expected = *SessionTest::session(1).run(*other);
  EXPECT_FALSE(expected == first);
  EXPECT_TRUE(*session.run(*other) == expected);
  other.reset();
  EXPECT_TRUE(*session.run(inputs_) == first);
}

// They are written where the caller wants them, which may be elsewhere in the next run.
TEST_F(SessionTest, WritesTheOutputsOfEachRun) {
  Session session = SessionTest::session(2);
  const auto expected = *SessionTest::session(1).run(inputs_);
  auto outputs = std::make_unique<std::vector<Tensor>>();
  ASSERT_TRUE(session.run(inputs_, *outputs));
  EXPECT_TRUE(*outputs == expected);
  const auto kept = std::move(outputs);
  outputs = std::make_unique<std::vector<Tensor>>();
  std::vector<Tensor> dark = inputs_;
  dark[0].bytes.assign(inputs_[0].bytes.size(), 0);
  ASSERT_TRUE(session.run(dark, *outputs));
  EXPECT_FALSE(*outputs == expected);
  outputs.reset();
  EXPECT_TRUE(*kept == expected);
  EXPECT_TRUE(*session.run(inputs_) == expected);
}

TEST_F(SessionTest, RefusesInputsThatAreNotTheModels) {
  Session session = SessionTest::session(1);
  EXPECT_FALSE(session.run(std::span<const Tensor>()));
  Tensor other = inputs_[0];
  other.shape.back() += 1;
  EXPECT_FALSE(session.run({&other, 1}));
  other = inputs_[0];
  other.bytes.pop_back();
  EXPECT_FALSE(session.run({&other, 1}));
  EXPECT_TRUE(session.run(inputs_));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
int64_t held_bytes() {
  const auto held = mallinfo2();
  return static_cast<int64_t>(held.uordblks + held.hblkhd);
}

TEST_F(SessionTest, SharesWeightsWithOthersOfItsModel) {
  const int64_t none = held_bytes();
  const Session first = session(1);
  const int64_t one = held_bytes();
  const Session second = session(2);
  const int64_t two = held_bytes();
  EXPECT_GT((one - none) - (two - one), file_bytes_);
}
#endif

}  // namespace
}  // namespace halftone
