// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "calibrate/cbor.h"
#include "calibrate/statistics.h"

namespace ht {
namespace {

constexpr std::string_view kFormat = "halftone-statistics";
constexpr int64_t kVersion = 2;
// What a file may make the reader allocate for histograms, which are stored without their empty ends: 2^25 bins are 256 MiB.
constexpr int64_t kMostBins = int64_t{1} << 25;

}  // namespace

// Knows the private parts of ValueStatistics, in the order of their keys in the file.
class StatisticsCodec {
 public:
  static void write(CborWriter& out, const ValueStatistics& value) {
    out.map(10);
    out.text("channel_extremes");
    out.array(value.channel_extremes_.size());
    for (const Extremes& extremes : value.channel_extremes_) write(out, extremes);
    out.text("channel_histograms");
    out.array(value.channel_histograms_.size());
    for (const Histogram& histogram : value.channel_histograms_) write(out, histogram);
    out.text("count");
    out.integer(value.count_);
    out.text("extremes");
    write(out, value.extremes_);
    out.text("histogram");
    write(out, value.histogram_);
    out.text("image_extremes");
    out.array(3);
    out.integer(value.image_extremes_.images);
    write(out, value.image_extremes_.least);
    write(out, value.image_extremes_.greatest);
    out.text("non_finite");
    out.integer(value.non_finite_);
    out.text("sampled");
    out.integer(value.sampled_);
    out.text("squares");
    write(out, value.squares_);
    out.text("sums");
    write(out, value.sums_);
  }

  // bins_left is what may still be allocated for histograms.
  static Result<ValueStatistics> read(CborReader& in, int64_t& bins_left) {
    HT_ASSIGN(const size_t keys, in.map());
    if (keys != 10) return in.fail("a map of ten keys");
    ValueStatistics value;
    HT_TRY(in.key("channel_extremes"));
    HT_ASSIGN(const size_t channels, in.array());
    value = ValueStatistics(static_cast<int64_t>(channels));
    for (Extremes& extremes : value.channel_extremes_) HT_TRY(read(in, extremes));
    HT_TRY(in.key("channel_histograms"));
    HT_ASSIGN(const size_t histograms, in.array());
    if (histograms != 0 && histograms != channels) return in.fail("a histogram a channel, or none");
    value.channel_histograms_.assign(histograms, Histogram(ValueStatistics::channel_bins_per_side(static_cast<int64_t>(histograms))));
    int64_t in_channels = 0;
    for (Histogram& histogram : value.channel_histograms_) {
      HT_ASSIGN(const int64_t elements, read(in, histogram, bins_left));
      if (elements > ValueStatistics::kMostElements - in_channels) return in.fail("histograms of fewer elements");
      in_channels += elements;
    }
    HT_TRY(in.key("count"));
    HT_ASSIGN(value.count_, in.count());
    if (value.count_ > ValueStatistics::kMostElements) return in.fail(fmt::format("at most {} elements", ValueStatistics::kMostElements));
    HT_TRY(in.key("extremes"));
    HT_TRY(read(in, value.extremes_));
    HT_TRY(in.key("histogram"));
    HT_ASSIGN(const int64_t in_bins, read(in, value.histogram_, bins_left));
    HT_TRY(in.key("image_extremes"));
    HT_TRY(in.array_of(3));
    HT_ASSIGN(value.image_extremes_.images, in.count());
    HT_TRY(read(in, value.image_extremes_.least));
    HT_TRY(read(in, value.image_extremes_.greatest));
    HT_TRY(in.key("non_finite"));
    HT_ASSIGN(value.non_finite_, in.count());
    HT_TRY(in.key("sampled"));
    HT_ASSIGN(value.sampled_, in.count());
    if (std::max({value.non_finite_, value.sampled_, value.image_extremes_.images}) > value.count_) return in.fail("a count within that of all elements");
    if (in_bins != value.sampled_ || (histograms != 0 && in_channels != value.sampled_)) return in.fail("as many elements as the histograms have");
    HT_TRY(in.key("squares"));
    HT_TRY(read(in, value.squares_));
    HT_TRY(in.key("sums"));
    HT_TRY(read(in, value.sums_));
    return value;
  }

 private:
  static void write(CborWriter& out, const Extremes& extremes) {
    out.array(2);
    out.float32(extremes.min);
    out.float32(extremes.max);
  }

  static Status read(CborReader& in, Extremes& extremes) {
    HT_TRY(in.array_of(2));
    HT_ASSIGN(extremes.min, in.float32());
    HT_ASSIGN(extremes.max, in.float32());
    const bool finite = std::isfinite(extremes.min) && std::isfinite(extremes.max);
    if (extremes != Extremes{} && (!finite || extremes.empty())) return in.fail("a least and a greatest element");
    return {};
  }

  // [exponent, first bin, counts...] without empty bins at either end.
  static void write(CborWriter& out, const Histogram& histogram) {
    const auto& counts = histogram.counts();
    size_t first = 0, last = counts.size();
    while (first < last && counts[first] == 0) ++first;
    while (last > first && counts[last - 1] == 0) --last;
    if (first == last) first = last = 0;
    out.array(2 + (last - first));
    out.integer(histogram.exponent());
    out.integer(static_cast<int64_t>(first));
    for (size_t i = first; i < last; ++i) out.integer(counts[i]);
  }

  // How many elements it holds.
  static Result<int64_t> read(CborReader& in, Histogram& histogram, int64_t& bins_left) {
    HT_ASSIGN(const size_t size, in.array());
    if (size < 2) return in.fail("a histogram");
    HT_ASSIGN(const int64_t exponent, in.integer());
    HT_ASSIGN(const int64_t first, in.count());
    const int64_t bins = 2 * histogram.per_side(), used = static_cast<int64_t>(size) - 2;
    if (exponent < Histogram::kLeastExponent || exponent > Histogram::kGreatestExponent) return in.fail("a bin width's exponent");
    if (first > bins || used > bins - first) return in.fail(fmt::format("a histogram of at most {} bins", bins));
    if (used == 0) {
      histogram.restore(static_cast<int>(exponent), {});
      return 0;
    }
    if (bins > bins_left) return in.fail("a file with fewer histograms");
    bins_left -= bins;
    std::vector<int64_t> counts(static_cast<size_t>(bins));
    int64_t total = 0;
    for (int64_t i = first; i < first + used; ++i) {
      HT_ASSIGN(const int64_t count, in.count());
      if (count > ValueStatistics::kMostElements - total) return in.fail("a histogram of fewer elements");
      counts[static_cast<size_t>(i)] = count;
      total += count;
    }
    histogram.restore(static_cast<int>(exponent), std::move(counts));
    return total;
  }

  static void write(CborWriter& out, const ExactSum& sum) {
    const std::vector<uint64_t> words = sum.words();
    out.array(words.size());
    for (uint64_t word : words) out.unsigned_integer(word);
  }

  static void write(CborWriter& out, const std::vector<ExactSum>& sums) {
    out.array(sums.size());
    for (const ExactSum& sum : sums) write(out, sum);
  }

  static Status read(CborReader& in, std::vector<ExactSum>& sums) {
    HT_TRY(in.array_of(sums.size()));
    for (ExactSum& sum : sums) HT_TRY(read(in, sum));
    return {};
  }

  static Status read(CborReader& in, ExactSum& sum) {
    HT_ASSIGN(const size_t size, in.array());
    if (size > ExactSum::kWords) return in.fail("a shorter sum");
    std::vector<uint64_t> words(size);
    for (uint64_t& word : words) {
      HT_ASSIGN(word, in.unsigned_integer());
    }
    sum.restore(words);
    return {};
  }
};

namespace {

void write(CborWriter& out, const Provenance& origin) {
  out.map(6);
  out.text("done");
  out.array(origin.done.size());
  for (int64_t shard : origin.done) out.integer(shard);
  out.text("isa");
  out.text(origin.isa);
  out.text("items");
  out.integer(origin.items);
  out.text("model");
  out.text(origin.model);
  out.text("preprocess");
  out.text(origin.preprocess);
  out.text("shards");
  out.integer(origin.shards);
}

Result<Provenance> read_provenance(CborReader& in) {
  HT_ASSIGN(const size_t keys, in.map());
  if (keys != 6) return in.fail("a map of six keys");
  Provenance origin;
  origin.done.clear();
  HT_TRY(in.key("done"));
  HT_ASSIGN(const size_t done, in.array());
  for (size_t i = 0; i < done; ++i) {
    HT_ASSIGN(const int64_t shard, in.count());
    origin.done.insert(shard);
  }
  HT_TRY(in.key("isa"));
  HT_ASSIGN(origin.isa, in.text());
  HT_TRY(in.key("items"));
  HT_ASSIGN(origin.items, in.count());
  if (origin.items > ValueStatistics::kMostElements) return in.fail("a set of fewer items");
  HT_TRY(in.key("model"));
  HT_ASSIGN(origin.model, in.text());
  HT_TRY(in.key("preprocess"));
  HT_ASSIGN(origin.preprocess, in.text());
  HT_TRY(in.key("shards"));
  HT_ASSIGN(origin.shards, in.count());
  const bool whole = !origin.done.empty() && origin.done.size() == done && *origin.done.rbegin() < origin.shards;
  if (!whole) return in.fail("a list of different shards below their number");
  return origin;
}

}  // namespace

std::vector<uint8_t> write_statistics(const Statistics& statistics) {
  CborWriter out;
  out.map(7);
  out.text("data");
  out.text(statistics.data.hex());
  out.text("format");
  out.text(kFormat);
  out.text("observed");
  out.integer(statistics.observed);
  out.text("provenance");
  write(out, statistics.provenance);
  out.text("skipped");
  out.integer(statistics.skipped);
  out.text("values");
  out.map(statistics.values.size());
  for (const auto& [name, value] : statistics.values) {
    out.text(name);
    StatisticsCodec::write(out, value);
  }
  out.text("version");
  out.integer(kVersion);
  return out.take();
}

Result<Statistics> read_statistics(std::span<const uint8_t> bytes) {
  CborReader in(bytes);
  Statistics statistics;
  int64_t bins_left = kMostBins;
  HT_ASSIGN(const size_t keys, in.map());
  if (keys != 7) return in.fail("a map of seven keys");
  HT_TRY(in.key("data"));
  HT_ASSIGN(const std::string data, in.text());
  HT_ASSIGN(statistics.data, DataHash::parse(data));
  HT_TRY(in.key("format"));
  HT_TRY(in.key(kFormat));
  HT_TRY(in.key("observed"));
  HT_ASSIGN(statistics.observed, in.count());
  HT_TRY(in.key("provenance"));
  HT_ASSIGN(statistics.provenance, read_provenance(in));
  HT_TRY(in.key("skipped"));
  HT_ASSIGN(statistics.skipped, in.count());
  const int64_t items = statistics.provenance.items;
  if (statistics.observed > items || statistics.skipped > items - statistics.observed) return in.fail("no more items than the whole set has");
  HT_TRY(in.key("values"));
  HT_ASSIGN(const size_t values, in.map());
  for (size_t i = 0; i < values; ++i) {
    HT_ASSIGN(std::string name, in.text());
    HT_ASSIGN(ValueStatistics value, StatisticsCodec::read(in, bins_left));
    if (!statistics.values.emplace(std::move(name), std::move(value)).second) return in.fail("a value that was not there before");
  }
  HT_TRY(in.key("version"));
  HT_ASSIGN(const int64_t version, in.integer());
  if (version != kVersion) return unsupported("statistics of version {}; this program reads version {}", version, kVersion);
  HT_TRY(in.end());
  return statistics;
}

}  // namespace ht
