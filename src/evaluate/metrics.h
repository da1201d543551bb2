// SPDX-License-Identifier: Apache-2.0
// Figures of tasks without boxes. Both kinds are sums over samples: add each sample to its own, merge in the samples' order, and
// the result is the same for any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace ht {

// The class of the largest value, the first of equals. NaN never is the largest.
int top_class(std::span<const float> scores);

struct ClassificationTally {
  int64_t count = 0;
  int64_t top1_hits = 0;
  int64_t top5_hits = 0;
  int64_t agreements = 0;  // samples with the same class as the reference

  // `reference` is the float model's output for the same sample, or empty. An error where sizes differ or `label` is outside.
  Status add(std::span<const float> scores, int label, std::span<const float> reference = {});
  void merge(const ClassificationTally& other, int64_t times = 1);

  double top1() const { return fraction(top1_hits); }
  double top5() const { return fraction(top5_hits); }
  double agreement() const { return fraction(agreements); }

 private:
  double fraction(int64_t hits) const { return count ? static_cast<double>(hits) / static_cast<double>(count) : 0; }
};

// How far an output is from the float model's.
struct OutputError {
  double signal = 0;   // sum of squares of the reference
  double noise = 0;    // sum of squares of the difference
  double energy = 0;   // sum of squares of the output
  double product = 0;  // sum of reference times output
  double max_error = 0;
  int64_t count = 0;

  Status add(std::span<const float> reference, std::span<const float> output);
  void merge(const OutputError& other);

  // 10 log10(signal / noise): infinite without noise, nothing where no value was added or one was not finite.
  std::optional<double> snr_db() const;
  // 1 where both are zero; nothing as above.
  std::optional<double> cosine() const;
};

}  // namespace ht
