// SPDX-License-Identifier: Apache-2.0
#include "evaluate/metrics.h"

#include <algorithm>
#include <cmath>

namespace ht {
namespace {

// NaN counts as larger than everything, so that it is not lost.
double larger(double a, double b) { return std::isnan(a) || a >= b ? a : b; }

}  // namespace

int top_class(std::span<const float> scores) {
  int best = 0;
  for (size_t i = 1; i < scores.size(); ++i) {
    const float highest = scores[static_cast<size_t>(best)];
    if (scores[i] > highest || (std::isnan(highest) && !std::isnan(scores[i]))) best = static_cast<int>(i);
  }
  return best;
}

Status ClassificationTally::add(std::span<const float> scores, int label, std::span<const float> reference) {
  if (label < 0 || static_cast<size_t>(label) >= scores.size()) {
    return input_error("label {} does not fit the model's {} classes", label, scores.size());
  }
  if (!reference.empty() && reference.size() != scores.size()) {
    return input_error("the model has {} classes, the float model {}", scores.size(), reference.size());
  }
  const size_t own = static_cast<size_t>(label);
  int64_t better = 0;
  for (size_t i = 0; i < scores.size(); ++i) better += scores[i] > scores[own] || (scores[i] == scores[own] && i < own);
  const bool valid = !std::isnan(scores[own]);
  ++count;
  top1_hits += valid && better == 0;
  top5_hits += valid && better < 5;
  agreements += !reference.empty() && top_class(scores) == top_class(reference);
  return {};
}

void ClassificationTally::merge(const ClassificationTally& other, int64_t times) {
  count += times * other.count;
  top1_hits += times * other.top1_hits;
  top5_hits += times * other.top5_hits;
  agreements += times * other.agreements;
}

Status OutputError::add(std::span<const float> reference, std::span<const float> output) {
  if (reference.size() != output.size()) {
    return input_error("the output has {} values, the float model's {}", output.size(), reference.size());
  }
  for (size_t i = 0; i < output.size(); ++i) {
    const double wanted = reference[i], got = output[i], difference = got - wanted;
    signal += wanted * wanted;
    noise += difference * difference;
    energy += got * got;
    product += wanted * got;
    max_error = larger(max_error, std::abs(difference));
  }
  count += static_cast<int64_t>(output.size());
  return {};
}

void OutputError::merge(const OutputError& other) {
  signal += other.signal;
  noise += other.noise;
  energy += other.energy;
  product += other.product;
  max_error = larger(max_error, other.max_error);
  count += other.count;
}

std::optional<double> OutputError::snr_db() const {
  if (count == 0 || !std::isfinite(signal) || !std::isfinite(noise)) return std::nullopt;
  if (noise == 0) return INFINITY;
  return 10 * std::log10(signal / noise);
}

std::optional<double> OutputError::cosine() const {
  if (count == 0 || !std::isfinite(signal) || !std::isfinite(energy)) return std::nullopt;
  if (signal == 0 && energy == 0) return 1;
  if (signal == 0 || energy == 0) return 0;
  return std::clamp(product / (std::sqrt(signal) * std::sqrt(energy)), -1.0, 1.0);
}

}  // namespace ht
