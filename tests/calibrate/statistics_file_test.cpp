// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "calibrate/range.h"
#include "tensors.h"

namespace ht {
namespace {

Statistics make_statistics(unsigned seed) {
  std::mt19937 random(seed);
  Statistics statistics;
  statistics.provenance = {"model", "preprocess", "avx2", 4, 2, {0}};
  statistics.observed = 2;
  EXPECT_TRUE(statistics.data.add(std::string(63, '0') + "f"));
  ValueStatistics maps(5, true), plain(0);
  maps.observe(random_tensor(random, 5 * 40, 2));
  plain.observe(random_tensor(random, 30, -60));
  statistics.values = {{"maps", maps}, {"plain", plain}, {"unseen", ValueStatistics(3, true)}};
  return statistics;
}

TEST(StatisticsFile, WritingAndReadingIsTheIdentity) {
  const Statistics statistics = make_statistics(1);
  const auto bytes = write_statistics(statistics);
  const auto read = read_statistics(bytes);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, statistics);
  EXPECT_EQ(write_statistics(*read), bytes);
}

TEST(StatisticsFile, MergingWhatWasReadIsMergingWhatWasWritten) {
  const Statistics a = make_statistics(1);
  Statistics b = make_statistics(2);
  b.provenance.done = {1};
  const auto direct = merge(a, b), via_file = merge(*read_statistics(write_statistics(b)), *read_statistics(write_statistics(a)));
  ASSERT_TRUE(direct && via_file);
  EXPECT_EQ(write_statistics(*direct), write_statistics(*via_file));
  EXPECT_TRUE(direct->provenance.complete());
  EXPECT_EQ(direct->provenance.shards, 1);
  EXPECT_EQ(direct->data.hex(), std::string(62, '0') + "1e");
}

TEST(StatisticsFile, RefusesToMergeWhatDoesNotBelongTogether) {
  const Statistics a = make_statistics(1);
  const auto refusal = [&](auto change) {
    Statistics b = make_statistics(2);
    b.provenance.done = {1};
    change(b);
    const auto merged = merge(a, b);
    return merged ? "" : merged.error().message;
  };
  EXPECT_EQ(refusal([](Statistics&) {}), "");
  EXPECT_NE(refusal([](Statistics& b) { b.provenance.model = "other"; }).find("model"), std::string::npos);
  EXPECT_NE(refusal([](Statistics& b) { b.provenance.preprocess = "other"; }).find("preprocessing"), std::string::npos);
  EXPECT_NE(refusal([](Statistics& b) { b.provenance.isa = "avx512"; }).find("--isa"), std::string::npos);
  EXPECT_NE(refusal([](Statistics& b) { b.provenance.items = 5; }).find("number of items"), std::string::npos);
  EXPECT_NE(refusal([](Statistics& b) { b.provenance.shards = 3; }).find("shards"), std::string::npos);
  EXPECT_NE(refusal([](Statistics& b) { b.provenance.done = {0}; }).find("shard 1/2"), std::string::npos);
  EXPECT_NE(refusal([](Statistics& b) { b.skipped = 1; }).find("5 items"), std::string::npos);
  EXPECT_NE(refusal([](Statistics& b) { b.values.erase("plain"); }), "");
  EXPECT_NE(refusal([](Statistics& b) { b.values["plain"] = ValueStatistics(2); }), "");
}

TEST(StatisticsFile, ATruncatedFileIsRefusedWhereverItEnds) {
  const auto bytes = write_statistics(make_statistics(1));
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(read_statistics(std::span(bytes).first(size)));
  auto longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(read_statistics(longer));
}

TEST(StatisticsFile, DamagedFilesAreReadOrRefusedInBoundedMemory) {
  const auto bytes = write_statistics(make_statistics(1));
  std::mt19937 random(10);
  for (int round = 0; round < 4000; ++round) {
    auto damaged = bytes;
    for (unsigned i = 0; i <= random() % 3; ++i) damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
    const auto read = read_statistics(damaged);
    if (!read) {
      EXPECT_FALSE(read.error().message.empty());
      continue;
    }
    for (const auto& [name, value] : read->values) {
      for (const RangeMethod method : {RangeMethod::kMinMax, RangeMethod::kAverage, RangeMethod::kPercentile, RangeMethod::kEntropy, RangeMethod::kMse}) {
        RangeRequest request;
        request.method = method;
        const auto range = estimate_range(name, value, request);
        EXPECT_TRUE(!range || range->min <= range->max);
      }
      EXPECT_EQ(static_cast<size_t>(value.channels()), value.channel_extremes().size());
    }
  }
}

// The bytes with what stands behind each of this key replaced where it is `before`.
std::vector<uint8_t> with_number(std::vector<uint8_t> bytes, const std::string& key, const std::vector<uint8_t>& before, const std::vector<uint8_t>& after) {
  std::vector<uint8_t> whole(key.begin(), key.end()), changed = whole;
  whole.insert(whole.end(), before.begin(), before.end());
  changed.insert(changed.end(), after.begin(), after.end());
  const auto found = std::search(bytes.begin(), bytes.end(), whole.begin(), whole.end());
  EXPECT_NE(found, bytes.end()) << key;
  if (found != bytes.end()) bytes.insert(bytes.erase(found, found + static_cast<std::ptrdiff_t>(whole.size())), changed.begin(), changed.end());
  return bytes;
}

TEST(StatisticsFile, CountsThatContradictEachOtherAreRefused) {
  const auto bytes = write_statistics(make_statistics(1));
  const std::vector<uint8_t> thirty = {0x18, 30}, two_hundred = {0x18, 200}, huge = {0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  EXPECT_FALSE(read_statistics(with_number(bytes, "sampled", thirty, {0x18, 29})));
  EXPECT_FALSE(read_statistics(with_number(bytes, "sampled", two_hundred, {0x18, 199})));
  EXPECT_FALSE(read_statistics(with_number(bytes, "count", thirty, huge)));
  EXPECT_FALSE(read_statistics(with_number(bytes, "items", {4}, huge)));
  EXPECT_FALSE(read_statistics(with_number(bytes, "items", {4}, {1})));
  EXPECT_TRUE(read_statistics(with_number(bytes, "items", {4}, {2})));
}

TEST(StatisticsFile, LengthsBeyondTheFileAreNotAllocated) {
  // A map of seven keys, "data", then text that claims 2^63 bytes; and an array that claims 2^32 items in place of extremes.
  const std::vector<uint8_t> text = {0xa7, 0x64, 'd', 'a', 't', 'a', 0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_FALSE(read_statistics(text));
  auto bytes = write_statistics(make_statistics(1));
  const std::string key = "channel_extremes";
  const auto found = std::search(bytes.begin(), bytes.end(), key.begin(), key.end());
  ASSERT_NE(found, bytes.end());
  const std::vector<uint8_t> huge = {0x9b, 0, 0, 0, 1, 0, 0, 0, 0};
  bytes.insert(bytes.erase(found + static_cast<std::ptrdiff_t>(key.size())), huge.begin(), huge.end());
  EXPECT_FALSE(read_statistics(bytes));
}

TEST(StatisticsFile, SaysWhenTheVersionIsAnother) {
  auto bytes = write_statistics(make_statistics(1));
  ++bytes.back();
  const auto read = read_statistics(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnsupported);
}

TEST(DataHash, IsTheSumModulo256Bits) {
  DataHash hash;
  ASSERT_TRUE(hash.add(std::string(64, 'f')));
  ASSERT_TRUE(hash.add(std::string(63, '0') + "3"));
  EXPECT_EQ(hash.hex(), std::string(63, '0') + "2");
  EXPECT_FALSE(hash.add("abc"));
  EXPECT_FALSE(hash.add(std::string(64, 'G')));
}

}  // namespace
}  // namespace ht
