// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "api/comparison.h"
#include "api/dump.h"
#include "api/tensor.h"
#include "halftone/operations.h"

namespace ht {
namespace {

// Nothing where the shapes differ.
Result<std::optional<ComparedValue>> compare_files(const DumpedValue& a, const DumpedValue& b) {
  HT_ASSIGN(const halftone::Tensor array_a, halftone::read_npy(a.file));
  HT_ASSIGN(const halftone::Tensor array_b, halftone::read_npy(b.file));
  if (array_a.shape != array_b.shape) return std::optional<ComparedValue>();
  ComparedValue compared;
  halftone::ValueComparison& row = compared.description;
  row.name = a.name;
  row.layer = a.layer;
  row.op = a.op;
  row.type_a = a.type;
  row.type_b = b.type;
  row.shape = array_a.shape;
  HT_ASSIGN(const Tensor values_a, to_internal(array_a));
  HT_ASSIGN(const Tensor values_b, to_internal(array_b));
  HT_TRY(compared.difference.add(values_a, values_b));
  return std::optional(std::move(compared));
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<CompareResult> compare_dumps(const std::filesystem::path& a, const std::filesystem::path& b, const CompareOptions& options) {
  HT_ASSIGN(const auto values_a, ht::list_dump(a));
  HT_ASSIGN(const auto values_b, ht::list_dump(b));
  std::map<std::string, ht::DumpedValue> by_name;
  for (const ht::DumpedValue& value : values_b)
    if (ht::is_wanted(value.name, options.values)) by_name.emplace(value.name, value);
  ht::Comparison comparison;
  for (const ht::DumpedValue& value : values_a) {
    if (!ht::is_wanted(value.name, options.values)) continue;
    const auto other = by_name.find(value.name);
    if (other == by_name.end()) {
      comparison.only_a.push_back(value.name);
      continue;
    }
    HT_ASSIGN(auto compared, ht::compare_files(value, other->second));
    if (compared) comparison.values.push_back(*std::move(compared));
    else comparison.other_shape.push_back(value.name);
    by_name.erase(other);
  }
  for (const ht::DumpedValue& value : values_b)
    if (by_name.contains(value.name)) comparison.only_b.push_back(value.name);
  HT_TRY(ht::check_common(comparison, a, b));
  CompareResult result = comparison.result();
  result.samples = 1;
  return result;
}

}  // namespace halftone
