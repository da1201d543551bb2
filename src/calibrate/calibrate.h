// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "calibrate/statistics.h"

namespace ht {

// A value to watch. Values that a depthwise convolution reads want a histogram a channel.
struct ObservedValue {
  std::string name;
  int64_t channels = 0;  // size of axis 1, or 0 where there is no axis of channels
  bool channel_histograms = false;
};

// Takes one item's values, each once and whole, by their position in the list of observed values.
class Observer {
 public:
  explicit Observer(std::span<ValueStatistics> values) : values_(values) {}
  // Channels innermost (NHWC).
  void observe(size_t value, std::span<const float> data) { ++count_, values_[value].observe(data); }
  // [outer, channels, inner], as NCHW.
  void observe_plain(size_t value, std::span<const float> data, int64_t inner) {
    ++count_, values_[value].observe_plain(data, inner);
  }
  int64_t count() const { return count_; }

 private:
  std::span<ValueStatistics> values_;
  int64_t count_ = 0;
};

// Runs the network on an item (an index into the whole set) and shows every observed value; returns the SHA-256 of the item's
// file in hexadecimal. An item that cannot be read fails with kInput before anything is observed.
using CalibrationWorker = std::function<Result<std::string>(int64_t item, Observer& observer)>;

struct CalibrationSet {
  std::vector<std::string> items;  // names, for messages; the whole set, of which a shard takes its part
  bool skip_bad = false;           // leave out unreadable items, with a note each
  int64_t shard = 0, shards = 1;   // takes the items i with i % shards == shard
};

// Shows the set's items to workers made by make_worker, one an item at a time and at most context.threads at once.
// origin says model, preprocessing and instruction set; the rest of the provenance is filled in.
Result<Statistics> calibrate(const CalibrationSet& set, std::span<const ObservedValue> values, const Provenance& origin,
                             const std::function<Result<CalibrationWorker>()>& make_worker, const Context& context);

}  // namespace ht
