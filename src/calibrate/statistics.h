// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "calibrate/exact_sum.h"
#include "calibrate/histogram.h"
#include "calibrate/provenance.h"

namespace ht {

struct ScanKernels;

// Least and greatest of the finite elements; of none, an empty interval.
struct Extremes {
  float min = std::numeric_limits<float>::infinity(), max = -std::numeric_limits<float>::infinity();
  bool empty() const { return min > max; }
  float magnitude() const { return empty() ? 0.0f : std::max(-min, max); }
  void include(Extremes other) { min = std::min(min, other.min), max = std::max(max, other.max); }
  bool operator==(const Extremes&) const = default;
};

// What calibration remembers of one float value. Extremes and counts are of all elements; sums and histograms are of a subset
// that only the shape determines (all elements of a small tensor, else whole pixels, one from every run of equal length).
// Neither the order of observations, nor their split over threads and shards, nor the instruction set changes a bit of it.
class ValueStatistics {
 public:
  static constexpr int kBinsPerSide = 2048;
  // Elements: counts are exact as double, and sums of two fit.
  static constexpr int64_t kMostElements = int64_t{1} << 53;
  // Of each channel's histogram: the fewer channels, the finer, so that a value's histograms stay near 1 MiB.
  static int channel_bins_per_side(int64_t channels);

  ValueStatistics() : ValueStatistics(0) {}
  // channels: size of the axis of channels (axis 1 in ONNX's order), or 0 for a value that has none.
  explicit ValueStatistics(int64_t channels, bool channel_histograms = false, Isa isa = Isa::kBest);

  // One image's tensor, whole, with the channels innermost (NHWC): the size is a multiple of channels.
  void observe(std::span<const float> data) { observe_plain(data, 1); }
  // One image's tensor as [outer, channels, inner] (NCHW: inner is height times width); leaves the same as its NHWC form.
  void observe_plain(std::span<const float> data, int64_t inner);
  // Fails where the other describes another kind of value (channels, histograms), or both are of more than kMostElements.
  Status merge(const ValueStatistics& other);

  int64_t channels() const { return channels_; }
  int64_t count() const { return count_; }            // elements seen
  int64_t non_finite() const { return non_finite_; }  // infinities and NaNs among them; they count nowhere else
  int64_t sampled() const { return sampled_; }        // elements in sums and histogram
  const Extremes& extremes() const { return extremes_; }
  // Means of the images' own extremes, {0, 0} where no image had a finite element.
  std::pair<double, double> mean_extremes() const;
  const std::vector<Extremes>& channel_extremes() const { return channel_extremes_; }  // empty when there are no channels
  // Of the sampled elements, 0 where there are none. An image's elements enter the sums rounded to 22 bits below its greatest.
  double mean() const;
  double mean_square() const;
  std::vector<double> channel_means() const;  // where all elements were finite
  std::vector<double> channel_mean_squares() const;
  const Histogram& histogram() const { return histogram_; }
  const std::vector<Histogram>& channel_histograms() const { return channel_histograms_; }  // empty when not wanted

  bool operator==(const ValueStatistics& other) const;

 private:
  friend class StatisticsCodec;
  struct Layout;  // where the elements of each pixel are

  void scan(std::span<const float> data, const Layout& layout);
  Extremes take_extremes(std::span<const float> data, const Layout& layout);
  Extremes take_finite_extremes(std::span<const float> data, const Layout& layout);
  static std::vector<float> sample(std::span<const float> data, const Layout& layout);
  void add_sums(std::span<const float> rows, float magnitude);
  void add_bins(std::span<const float> rows, std::span<const size_t> holes);

  int64_t channels_ = 0;
  int64_t count_ = 0, non_finite_ = 0, sampled_ = 0;
  Extremes extremes_;
  struct ImageExtremes {
    int64_t images = 0;  // with a finite element
    ExactSum least, greatest;
    bool operator==(const ImageExtremes&) const = default;
  } image_extremes_;
  std::vector<Extremes> channel_extremes_;
  std::vector<ExactSum> sums_;  // one a channel, or one
  std::vector<ExactSum> squares_;  // likewise
  Histogram histogram_{kBinsPerSide};
  std::vector<Histogram> channel_histograms_;
  const ScanKernels* kernels_ = nullptr;  // not part of the value
};

struct Statistics {
  Provenance provenance;
  DataHash data;                                  // of the files of the items observed
  int64_t observed = 0;                           // items
  int64_t skipped = 0;                            // items that could not be read
  std::map<std::string, ValueStatistics> values;  // by the value's name in the graph

  // An error that says so where the name is not there.
  Result<const ValueStatistics*> find(const std::string& name) const;
  bool operator==(const Statistics&) const = default;
};

// The statistics of both sets of items; fails where model, preprocessing, instruction set or split differ, or shards overlap, and where there are
// more items than the whole set has.
Result<Statistics> merge(Statistics a, const Statistics& b);

// CBOR (RFC 8949), deterministically encoded, as docs/STATISTICS.md describes: the same statistics are the same bytes.
std::vector<uint8_t> write_statistics(const Statistics& statistics);
Result<Statistics> read_statistics(std::span<const uint8_t> bytes);

}  // namespace ht
