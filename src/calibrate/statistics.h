// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "calibrate/exact_sum.h"
#include "calibrate/histogram.h"

namespace ht {

struct ScanKernels;

// What calibration remembers of one float value. Least and greatest element (finite ones) and counts are over all elements;
// sums and histograms are over a subset that only the shape determines (all elements of a small tensor, else whole pixels,
// one in every run of equal length). Everything is kept so that neither the order of observations, nor their split over
// threads and shards, nor the instruction set changes a bit.
class ValueStatistics {
 public:
  static constexpr int kBinsPerSide = 2048;
  static constexpr int kChannelBinsPerSide = 512;

  struct Extremes {
    float min = 0, max = 0;  // of the finite elements; both 0 where there are none
    bool operator==(const Extremes&) const = default;
  };

  ValueStatistics() = default;
  // channels: size of the axis of channels (axis 1 in ONNX's order), or 0 for a value that has none.
  explicit ValueStatistics(int64_t channels, bool channel_histograms = false, Isa isa = Isa::kBest);

  // One image's tensor with the channels innermost (NHWC), whole. The size is a multiple of channels.
  void observe(std::span<const float> data);
  // The same for a tensor [outer, channels, inner], as NCHW; leaves the same statistics as its NHWC form.
  void observe_plain(std::span<const float> data, int64_t inner);
  // Fails where the other does not describe the same value (channels, histograms).
  Status merge(const ValueStatistics& other);

  int64_t channels() const { return channels_; }
  bool has_channel_histograms() const { return channel_histograms_wanted_; }
  int64_t count() const { return count_; }                // elements seen
  int64_t non_finite() const { return non_finite_; }      // infinities and NaNs among them
  int64_t sampled() const { return sampled_; }            // elements in sums and histogram
  bool has_finite() const { return count_ > non_finite_; }
  Extremes extremes() const;                              // of the whole value
  const std::vector<Extremes>& channel_extremes() const { return channel_extremes_; }  // empty when there are no channels
  double mean() const;                                    // of the sampled elements; 0 when there are none
  double mean_square() const;
  std::vector<double> channel_means() const;
  const Histogram& histogram() const { return histogram_; }
  const std::vector<Histogram>& channel_histograms() const { return channel_histograms_; }

  bool operator==(const ValueStatistics& other) const;

 private:
  friend struct StatisticsCodec;
  struct Layout;
  void observe_layout(std::span<const float> data, const Layout& layout);
  void observe_slowly(std::span<const float> data, const Layout& layout);
  void sample(std::span<const float> data, const Layout& layout, float magnitude);
  void add_sums(std::span<const float> rows, float magnitude);

  int64_t channels_ = 0;
  bool channel_histograms_wanted_ = false;
  int64_t count_ = 0, non_finite_ = 0, sampled_ = 0;
  bool any_ = false;
  Extremes extremes_;
  std::vector<Extremes> channel_extremes_;
  ExactSum sum_of_squares_;
  std::vector<ExactSum> sums_;  // one a channel, or one
  Histogram histogram_{kBinsPerSide};
  std::vector<Histogram> channel_histograms_;
  const ScanKernels* kernels_ = nullptr;
};

// The hash of a set of files that does not depend on their order: the sum modulo 2^256 of their SHA-256.
class DataHash {
 public:
  Status add(std::string_view sha256_hex);
  void add(const DataHash& other);
  std::string hex() const;
  bool operator==(const DataHash&) const = default;

 private:
  std::array<uint8_t, 32> bytes_{};  // big-endian
};

// What the statistics were made from; statistics of different origin do not mix.
struct Provenance {
  std::string model;       // hash of the model
  std::string preprocess;  // hash of the preprocessing
  std::string isa;         // the float executor's instruction set
  int64_t items = 0;       // in the whole calibration set, all shards together
  int64_t shards = 1;      // into how many parts the set is split ...
  std::set<int64_t> done = {0};  // ... and which of them are in here; all of them is written as one of one

  bool operator==(const Provenance&) const = default;
};

struct Statistics {
  Provenance provenance;
  DataHash data;         // of the items' files
  int64_t observed = 0;  // items that were observed
  int64_t skipped = 0;   // items that could not be read
  std::map<std::string, ValueStatistics> values;  // by the value's name in the graph

  bool complete() const { return provenance.shards == 1; }
  // An error that says so where the name is not there.
  Result<const ValueStatistics*> find(const std::string& name) const;
  bool operator==(const Statistics&) const = default;
};

// The statistics of both sets of items; fails where model, preprocessing, instruction set or split differ, or shards overlap.
Result<Statistics> merge(Statistics a, const Statistics& b);

// CBOR (RFC 8949) with sorted keys, as docs/STATISTICS.md describes. The same statistics are the same bytes.
std::vector<uint8_t> write_statistics(const Statistics& statistics);
Result<Statistics> read_statistics(std::span<const uint8_t> bytes);

}  // namespace ht
