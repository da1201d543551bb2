// SPDX-License-Identifier: Apache-2.0
#include "calibrate/statistics.h"

#include <bit>
#include <cmath>
#include <numeric>
#include <tuple>

#include "calibrate/scan.h"

namespace ht {
namespace {

// Elements of one image that enter sums and histogram, about; and pixels at least, so that every channel is seen often enough.
constexpr int64_t kSampleElements = 8192;
constexpr int64_t kSamplePixels = 16;
// Lanes that the scans work on at least, and at most for narrow tensors; see lanes_for().
constexpr int64_t kLeastLanes = 64;
// Bits to which an image's elements are rounded in its sums.
constexpr int kSumBits = 22;

constexpr uint32_t mix(uint32_t x) {  // any bijection that scatters neighbours; here multiply and shift, twice
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

// Rows of `channels` are taken together until they fill whole vectors.
int64_t lanes_for(int64_t channels) {
  const int64_t rows = 16 / std::gcd(channels, int64_t{16});
  return channels * std::max(rows, (kLeastLanes / channels) / rows * rows);
}

// An element that compares as equal to zero becomes +0, so that its sign does not depend on who came first.
float plain_zero(float x) { return x + 0.0f; }

}  // namespace

// Pixel p, channel c is element (p / inner * row + c) * inner + p % inner.
struct ValueStatistics::Layout {
  int64_t row;  // elements of a pixel
  int64_t pixels;
  int64_t inner;
  int64_t first_of(int64_t pixel) const { return pixel / inner * row * inner + pixel % inner; }
};

int ValueStatistics::channel_bins_per_side(int64_t channels) {
  constexpr int64_t kBins = 1 << 16, kFewest = 256, kMost = 4096;
  return static_cast<int>(std::bit_floor(static_cast<uint64_t>(std::clamp(kBins / std::max<int64_t>(channels, 1), kFewest, kMost))));
}

ValueStatistics::ValueStatistics(int64_t channels, bool channel_histograms, Isa isa)
    : channels_(channels),
      channel_extremes_(static_cast<size_t>(channels)),
      sums_(static_cast<size_t>(std::max<int64_t>(channels, 1))),
      squares_(sums_.size()),
      kernels_(&choose_scan_kernels(isa)) {
  if (channel_histograms) channel_histograms_.assign(static_cast<size_t>(channels), Histogram(channel_bins_per_side(channels)));
}

void ValueStatistics::observe_plain(std::span<const float> data, int64_t inner) {
  if (data.empty()) return;
  if (!kernels_) kernels_ = &choose_scan_kernels(Isa::kBest);
  const int64_t row = std::max<int64_t>(channels_, 1), size = static_cast<int64_t>(data.size());
  scan(data, Layout{row, size / row, channels_ == 0 ? 1 : inner});
}

namespace {

void add_float(ExactSum& sum, float x) {
  constexpr int kSignificandBits = 24;
  int exponent = 0;
  const float significand = std::frexp(x, &exponent);
  sum.add(static_cast<int64_t>(std::ldexp(significand, kSignificandBits)), exponent - kSignificandBits);
}

}  // namespace

void ValueStatistics::scan(std::span<const float> data, const Layout& layout) {
  const Extremes extremes = take_extremes(data, layout);
  count_ += static_cast<int64_t>(data.size());
  extremes_.include(extremes);
  if (!extremes.empty()) {
    ++image_extremes_.images;
    add_float(image_extremes_.least, extremes.min);
    add_float(image_extremes_.greatest, extremes.max);
  }
  histogram_.cover(extremes.magnitude());
  for (size_t c = 0; c < channel_histograms_.size(); ++c) channel_histograms_[c].cover(channel_extremes_[c].magnitude());

  std::vector<float> rows = sample(data, layout);
  std::vector<size_t> holes;
  if (non_finite_ > 0) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!std::isfinite(rows[i])) holes.push_back(i), rows[i] = 0;
    }
  }
  sampled_ += static_cast<int64_t>(rows.size() - holes.size());
  add_sums(rows, extremes.magnitude());
  add_bins(rows, holes);
}

std::vector<float> ValueStatistics::sample(std::span<const float> data, const Layout& layout) {
  const int64_t wanted = std::max(kSamplePixels, kSampleElements / layout.row);
  const int64_t run = std::max<int64_t>(1, layout.pixels / wanted);
  std::vector<float> rows(static_cast<size_t>((layout.pixels + run - 1) / run * layout.row));
  float* row = rows.data();
  for (int64_t start = 0, i = 0; start < layout.pixels; start += run, ++i) {
    const int64_t pixel = start + mix(static_cast<uint32_t>(i)) % run;
    if (pixel >= layout.pixels) break;
    const float* x = data.data() + layout.first_of(pixel);
    if (layout.inner == 1) {
      std::copy_n(x, layout.row, row);
    } else {
      for (int64_t c = 0; c < layout.row; ++c) row[c] = x[c * layout.inner];
    }
    row += layout.row;
  }
  rows.resize(static_cast<size_t>(row - rows.data()));
  return rows;
}

Extremes ValueStatistics::take_extremes(std::span<const float> data, const Layout& layout) {
  const int64_t size = static_cast<int64_t>(data.size());
  const bool rows = layout.inner == 1 && layout.row > 1;
  const int64_t lanes = rows ? lanes_for(layout.row) : layout.row;
  std::vector<int32_t> least(static_cast<size_t>(lanes), INT32_MAX), greatest(static_cast<size_t>(lanes), INT32_MIN);
  if (rows) {
    const int64_t whole = size / lanes;
    kernels_->row_extremes(data.data(), whole, lanes, least.data(), greatest.data());
    if (size > whole * lanes)
      kernels_->row_extremes(data.data() + whole * lanes, 1, size - whole * lanes, least.data(), greatest.data());
    for (int64_t i = layout.row; i < lanes; ++i) {
      const auto from = static_cast<size_t>(i), to = static_cast<size_t>(i % layout.row);
      least[to] = std::min(least[to], least[from]);
      greatest[to] = std::max(greatest[to], greatest[from]);
    }
  } else {
    const int64_t plane = layout.row == 1 ? size : layout.inner;
    for (int64_t start = 0, i = 0; start < size; start += plane, ++i) {
      const auto c = static_cast<size_t>(i % layout.row);
      kernels_->extremes(data.data() + start, plane, &least[c], &greatest[c]);
    }
  }
  Extremes whole;
  const auto channels = static_cast<size_t>(layout.row);
  for (size_t c = 0; c < channels; ++c) {
    if (least[c] <= kKeyOfMinusInfinity || greatest[c] >= kKeyOfInfinity) return take_finite_extremes(data, layout);
    whole.include({plain_zero(from_order_key(least[c])), plain_zero(from_order_key(greatest[c]))});
  }
  for (size_t c = 0; c < channel_extremes_.size(); ++c) {
    channel_extremes_[c].include({plain_zero(from_order_key(least[c])), plain_zero(from_order_key(greatest[c]))});
  }
  return whole;
}

Extremes ValueStatistics::take_finite_extremes(std::span<const float> data, const Layout& layout) {
  Extremes whole;
  for (size_t i = 0; i < data.size(); ++i) {
    const float x = plain_zero(data[i]);
    if (!std::isfinite(x)) {
      ++non_finite_;
      continue;
    }
    whole.include({x, x});
    const auto c = static_cast<size_t>(static_cast<int64_t>(i) / layout.inner % layout.row);
    if (channels_ > 0) channel_extremes_[c].include({x, x});
  }
  return whole;
}

void ValueStatistics::add_sums(std::span<const float> rows, float magnitude) {
  if (!(magnitude > 0)) return;
  // The image's own greatest magnitude sets the grid: a function of the image alone, so the total knows no order.
  const int grid = std::max(std::ilogb(magnitude), -100) + 1 - kSumBits;
  const auto row = static_cast<int64_t>(sums_.size()), size = static_cast<int64_t>(rows.size());
  const int64_t lanes = std::min(size, lanes_for(row)), whole = size / lanes;
  const float scale = std::ldexp(1.0f, -grid);
  std::vector<int64_t> sums(static_cast<size_t>(lanes)), squares(static_cast<size_t>(lanes));
  kernels_->row_sums(rows.data(), whole, lanes, scale, sums.data(), squares.data());
  kernels_->row_sums(rows.data() + whole * lanes, 1, size - whole * lanes, scale, sums.data(), squares.data());
  std::vector<__int128> totals(static_cast<size_t>(row));
  for (int64_t i = 0; i < lanes; ++i) {
    const auto lane = static_cast<size_t>(i), c = static_cast<size_t>(i % row);
    if (lane != c) sums[c] += sums[lane];
    totals[c] += squares[lane];
  }
  for (size_t c = 0; c < sums_.size(); ++c) {
    sums_[c].add(sums[c], grid);
    squares_[c].add(totals[c], 2 * grid);
  }
}

void ValueStatistics::add_bins(std::span<const float> rows, std::span<const size_t> holes) {
  std::vector<int32_t> bins(rows.size());
  kernels_->bins(rows.data(), static_cast<int64_t>(rows.size()), histogram_.inverse_width(), kBinsPerSide, bins.data());
  histogram_.add(bins);
  const size_t channels = channel_histograms_.size();
  for (size_t start = 0; channels > 0 && start < rows.size(); start += channels) {
    for (size_t c = 0; c < channels; ++c) channel_histograms_[c].add(channel_histograms_[c].bin_of(rows[start + c]), 1);
  }
  // Holes entered as zeros.
  if (!holes.empty()) histogram_.add(kBinsPerSide, -static_cast<int64_t>(holes.size()));
  for (size_t hole : holes) {
    if (channels > 0) channel_histograms_[hole % channels].add(channel_histograms_.front().per_side(), -1);
  }
}

Status ValueStatistics::merge(const ValueStatistics& other) {
  if (channels_ != other.channels_ || channel_histograms_.size() != other.channel_histograms_.size()) {
    return input_error("{} channels with {} histograms there, {} with {} here", other.channels_, other.channel_histograms_.size(),
                       channels_, channel_histograms_.size());
  }
  if (other.count_ > kMostElements - count_) return input_error("{} and {} elements are more than can be counted", count_, other.count_);
  count_ += other.count_;
  non_finite_ += other.non_finite_;
  sampled_ += other.sampled_;
  extremes_.include(other.extremes_);
  image_extremes_.images += other.image_extremes_.images;
  image_extremes_.least.add(other.image_extremes_.least);
  image_extremes_.greatest.add(other.image_extremes_.greatest);
  histogram_.merge(other.histogram_);
  for (size_t c = 0; c < sums_.size(); ++c) {
    sums_[c].add(other.sums_[c]);
    squares_[c].add(other.squares_[c]);
  }
  for (size_t c = 0; c < channel_extremes_.size(); ++c) channel_extremes_[c].include(other.channel_extremes_[c]);
  for (size_t c = 0; c < channel_histograms_.size(); ++c) channel_histograms_[c].merge(other.channel_histograms_[c]);
  return {};
}

namespace {

double mean_of(std::span<const ExactSum> sums, int64_t elements) {
  ExactSum total;
  for (const ExactSum& sum : sums) total.add(sum);
  return elements == 0 ? 0.0 : total.value() / static_cast<double>(elements);
}

std::vector<double> means_of(std::span<const ExactSum> sums, int64_t elements) {
  std::vector<double> means(sums.size());
  for (size_t c = 0; c < means.size() && elements > 0; ++c) {
    means[c] = sums[c].value() * static_cast<double>(means.size()) / static_cast<double>(elements);
  }
  return means;
}

}  // namespace

std::pair<double, double> ValueStatistics::mean_extremes() const {
  const auto images = static_cast<double>(std::max<int64_t>(image_extremes_.images, 1));
  return {image_extremes_.least.value() / images, image_extremes_.greatest.value() / images};
}

double ValueStatistics::mean() const { return mean_of(sums_, sampled_); }
double ValueStatistics::mean_square() const { return mean_of(squares_, sampled_); }
std::vector<double> ValueStatistics::channel_means() const { return channels_ == 0 ? std::vector<double>() : means_of(sums_, sampled_); }
std::vector<double> ValueStatistics::channel_mean_squares() const {
  return channels_ == 0 ? std::vector<double>() : means_of(squares_, sampled_);
}

bool ValueStatistics::operator==(const ValueStatistics& other) const {
  const auto parts = [](const ValueStatistics& s) {
    return std::tie(s.channels_, s.count_, s.non_finite_, s.sampled_, s.extremes_, s.image_extremes_, s.channel_extremes_, s.sums_,
                    s.squares_, s.histogram_, s.channel_histograms_);
  };
  return parts(*this) == parts(other);
}

Result<const ValueStatistics*> Statistics::find(const std::string& name) const {
  const auto found = values.find(name);
  if (found == values.end()) return input_error("the statistics do not have the value '{}'; calibrate this model again", name);
  return &found->second;
}

Result<Statistics> merge(Statistics a, const Statistics& b) {
  HT_ASSIGN(a.provenance, merge(a.provenance, b.provenance));
  if (a.values.size() != b.values.size())
    return input_error("the statistics are of {} and {} values and cannot be merged", a.values.size(), b.values.size());
  a.data.add(b.data);
  a.observed += b.observed;
  a.skipped += b.skipped;
  if (a.observed + a.skipped > a.provenance.items)
    return input_error("the statistics are of {} items together, but the whole calibration set has {}; calibrate again", a.observed + a.skipped, a.provenance.items);
  for (auto& [name, statistics] : a.values) {
    const auto other = b.values.find(name);
    if (other == b.values.end())
      return input_error("the value '{}' is in one of the statistics only; they cannot be merged", name);
    if (auto status = statistics.merge(other->second); !status) return std::move(status.error()).in("value '" + name + "'");
  }
  return a;
}

}  // namespace ht
