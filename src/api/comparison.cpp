// SPDX-License-Identifier: Apache-2.0
#include "api/comparison.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>

namespace ht {
namespace {

template <class T>
bool same_numbers(const std::vector<T>& a, const std::vector<T>& b) {
  return std::ranges::equal(a, b, [](T x, T y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

// 64-bit integers may be equal as floats and differ.
bool same_integers(const Tensor& a, const Tensor& b) { return is_float(a.dtype()) || is_float(b.dtype()) || a.to_int64s() == b.to_int64s(); }

}  // namespace

Status Difference::add(const Tensor& reference, const Tensor& value) {
  const std::vector<float> wanted = reference.to_floats(), got = value.to_floats();
  equal_ = equal_ && same_numbers(wanted, got) && same_integers(reference, value);
  HT_TRY(total_.add(wanted, got));
  const Shape& shape = reference.shape();
  if (shape.size() < 2 || wanted.empty()) return {};
  channels_.resize(static_cast<size_t>(shape[1]));
  size_t inner = 1;
  for (size_t axis = 2; axis < shape.size(); ++axis) inner *= static_cast<size_t>(shape[axis]);
  for (size_t at = 0; at < wanted.size(); at += inner)
    HT_TRY(channels_[at / inner % channels_.size()].add(std::span(wanted).subspan(at, inner), std::span(got).subspan(at, inner)));
  return {};
}

void Difference::merge(const Difference& other) {
  equal_ = equal_ && other.equal_;
  total_.merge(other.total_);
  channels_.resize(std::max(channels_.size(), other.channels_.size()));
  for (size_t i = 0; i < other.channels_.size(); ++i) channels_[i].merge(other.channels_[i]);
}

std::optional<halftone::WorstChannel> Difference::worst_channel() const {
  std::optional<size_t> worst;
  const auto noise_to_signal = [](const OutputError& error) { return std::isfinite(error.noise) ? error.noise / error.signal : INFINITY; };
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i].noise == 0) continue;
    if (!worst || noise_to_signal(channels_[i]) > noise_to_signal(channels_[*worst])) worst = i;
  }
  if (!worst) return std::nullopt;
  halftone::WorstChannel channel{static_cast<int64_t>(*worst), channels_[*worst].snr_db(), std::nullopt};
  if (std::isfinite(total_.noise)) channel.noise_share = channels_[*worst].noise / total_.noise;
  return channel;
}

void Comparison::merge(const Comparison& other) {
  for (size_t i = 0; i < values.size(); ++i) values[i].difference.merge(other.values[i].difference);
}

halftone::CompareResult Comparison::result() const {
  halftone::CompareResult result;
  for (const ComparedValue& value : values) {
    halftone::ValueComparison row = value.description;
    const OutputError& total = value.difference.total();
    row.equal = value.difference.is_equal();
    row.snr_db = total.snr_db();
    row.cosine = total.cosine();
    row.max_error = total.max_error;
    row.worst_channel = value.difference.worst_channel();
    if (!row.equal && !result.first_difference) result.first_difference = row.name;
    result.values.push_back(std::move(row));
  }
  result.only_a = only_a;
  result.only_b = only_b;
  result.other_shape = other_shape;
  return result;
}

Status check_common(const Comparison& comparison, const std::filesystem::path& a, const std::filesystem::path& b) {
  if (!comparison.values.empty()) return {};
  return input_error("has no value in common with {}; values are matched by name and shape", b.string()).in(a.string());
}

bool is_wanted(const std::string& name, const std::vector<std::string>& patterns) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
}

}  // namespace ht
