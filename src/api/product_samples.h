// SPDX-License-Identifier: Apache-2.0
// Single outputs of a product, and what they are sums of, as they lie in memory.
#pragma once

#include "plan/plan.h"
#include "quantize/moments.h"

namespace ht {

// Reads a product's samples from runs of the float and of the quantized network. The places are the same in both, spread evenly, and others for each photo.
class ProductSamples {
 public:
  ProductSamples(const ObservedProduct& product, int64_t photo);

  size_t count() const { return places_.size(); }
  // [count, outputs] in the product's units, from its output in the float network.
  std::vector<double> outputs(const Buffer& buffer, std::span<const uint8_t> bytes) const;
  // [count, groups * size] from its input in the quantized network: q - zero point, 0 in the padding.
  std::vector<double> inputs(const Buffer& buffer, std::span<const uint8_t> bytes) const;

 private:
  const ObservedProduct& product_;
  std::vector<int64_t> places_;  // of outputs, counted over all axes but that of the channels
};

}  // namespace ht
