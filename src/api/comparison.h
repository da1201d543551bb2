// SPDX-License-Identifier: Apache-2.0
// What two runs have in common, value by value.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/metrics.h"
#include "halftone/results.h"
#include "ir/tensor.h"

namespace ht {

// How far a value is from the reference: in all and by index of axis 1.
class Difference {
 public:
  // Both hold real numbers and have one shape.
  Status add(const Tensor& reference, const Tensor& value);
  void merge(const Difference& other);

  bool is_equal() const { return equal_; }
  const OutputError& total() const { return total_; }
  // The least signal-to-noise ratio; nothing where no channel differs.
  std::optional<halftone::WorstChannel> worst_channel() const;

 private:
  OutputError total_;
  std::vector<OutputError> channels_;
  bool equal_ = true;
};

// A value that both sides have.
struct ComparedValue {
  halftone::ValueComparison description;  // without figures
  Difference difference;
};

struct Comparison {
  std::vector<ComparedValue> values;
  std::vector<std::string> only_a, only_b, other_shape;

  // Adds what another sample gave for the same two networks.
  void merge(const Comparison& other);
  halftone::CompareResult result() const;
};

// An error where nothing could be compared.
Status check_common(const Comparison& comparison, const std::filesystem::path& a, const std::filesystem::path& b);

// Whether a name is one of those asked for: it matches a pattern with * and ?, or there are none.
bool is_wanted(const std::string& name, const std::vector<std::string>& patterns);

}  // namespace ht
