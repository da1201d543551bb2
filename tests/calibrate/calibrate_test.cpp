// SPDX-License-Identifier: Apache-2.0
#include "calibrate/calibrate.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tensors.h"

namespace ht {
namespace {

const std::vector<ObservedValue> kValues = {{"first", 3, true}, {"second", 0, false}};

// Stands for the executor: an item's values are random numbers from the item's index.
Result<std::string> run_item(int64_t item, Observer& observer) {
  std::mt19937 random(static_cast<unsigned>(item));
  observer.observe(0, random_tensor(random, 3 * 200, static_cast<int>(item % 7)));
  observer.observe(1, random_tensor(random, 50, 0));
  return fmt::format("{:064x}", item * 77);
}

CalibrationSet make_set(int count) {
  CalibrationSet set;
  for (int i = 0; i < count; ++i) set.items.push_back(fmt::format("photo{}.jpg", i));
  return set;
}

Result<Statistics> run(const CalibrationSet& set, int threads, CalibrationWorker worker = run_item, Context context = {}) {
  context.threads = threads;
  const Provenance origin{"model", "preprocess", "avx2"};
  return calibrate(
      set, kValues, origin, [&]() -> Result<CalibrationWorker> { return worker; }, context);
}

TEST(Calibrate, ThreadsAndShardsChangeNoByte) {
  const CalibrationSet set = make_set(23);
  const auto one = run(set, 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->observed, 23);
  EXPECT_EQ(one->values.at("first").count(), 23 * 600);
  const auto bytes = write_statistics(*one);
  EXPECT_EQ(write_statistics(*run(set, 4)), bytes);
  std::vector<Statistics> shards;
  for (int64_t shard = 0; shard < 3; ++shard) {
    CalibrationSet part = set;
    part.shard = shard;
    part.shards = 3;
    shards.push_back(*run(part, 2));
    EXPECT_FALSE(shards.back().provenance.complete());
  }
  const auto late = merge(shards[2], shards[0]);
  ASSERT_TRUE(late);
  const auto merged = merge(*late, shards[1]);
  ASSERT_TRUE(merged);
  EXPECT_EQ(write_statistics(*merged), bytes);
  EXPECT_FALSE(merge(*late, shards[0]));
}

TEST(Calibrate, AnUnreadableItemIsAnErrorWithItsNameOrIsLeftOut) {
  CalibrationSet set = make_set(30);
  const auto worker = [](int64_t item, Observer& observer) -> Result<std::string> {
    if (item == 11 || item == 20) return input_error("not an image");
    return run_item(item, observer);
  };
  for (int threads : {1, 3}) {
    const auto failed = run(set, threads, worker);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().text(), "photo11.jpg: not an image");
  }
  set.skip_bad = true;
  std::vector<std::string> notes;
  Context context;
  context.on_note = [&](std::string_view text) { notes.emplace_back(text); };
  const auto skipped = run(set, 3, worker, context);
  ASSERT_TRUE(skipped);
  EXPECT_EQ(skipped->skipped, 2);
  EXPECT_EQ(skipped->observed, 28);
  EXPECT_EQ(notes, (std::vector<std::string>{"left out: photo11.jpg: not an image", "left out: photo20.jpg: not an image"}));
}

TEST(Calibrate, NeverLeavesOutAnItemThatFailedHalfWayOrForAnotherReason) {
  CalibrationSet set = make_set(5);
  set.skip_bad = true;
  const auto half = [](int64_t item, Observer& observer) -> Result<std::string> {
    auto hash = run_item(item, observer);
    if (item == 2) return input_error("late");
    return hash;
  };
  EXPECT_FALSE(run(set, 1, half));
  EXPECT_FALSE(run(set, 1, [](int64_t, Observer&) -> Result<std::string> { return unsupported("no such operator"); }));
  EXPECT_FALSE(run(set, 1, [](int64_t, Observer&) -> Result<std::string> { return input_error("not an image"); }));
}

TEST(Calibrate, TellsProgressAndStopsWhenCancelled) {
  std::atomic<bool> cancelled = false;
  std::vector<int64_t> progress;
  Context context;
  context.cancelled = &cancelled;
  context.on_progress = [&](std::string_view, int64_t done, int64_t total) {
    EXPECT_EQ(total, 50);
    progress.push_back(done);
    if (done == 7) cancelled = true;
  };
  const auto stopped = run(make_set(50), 2, run_item, context);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  EXPECT_LT(progress.size(), 12u);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
}

TEST(Calibrate, RefusesShardsThatAreNotThere) {
  CalibrationSet set = make_set(3);
  set.shards = 2;
  set.shard = 2;
  EXPECT_EQ(run(set, 1).error().code, ErrorCode::kUsage);
  set.shards = 9;
  set.shard = 8;
  EXPECT_EQ(run(set, 1).error().code, ErrorCode::kInput);
}

}  // namespace
}  // namespace ht
