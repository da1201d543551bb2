// SPDX-License-Identifier: Apache-2.0
// Which kernel computes a step on a processor: the first of the rows for it that accepts the step, the normative one last.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codegen/cpu.h"
#include "plan/plan.h"

namespace ht {

// What a channel's numbers take where a kernel has packed them shorter than the model has them; zeros where it has not.
struct ShortNumbers {
  int32_t bias_bits = 0, multiplier_bits = 0;  // the latter with the shift
};

// A call of a step's kernel, of all its units.
struct BundleCall {
  std::string kernel;    // "conv.c"
  std::string function;  // "ht_conv", as HT_FN() takes it
  int32_t units = 0;
  size_t scratch_bytes = 0;
  std::shared_ptr<const std::vector<uint8_t>> packed;  // what the parameters' `packed` shall point to, if anything
  bool reads_weights = true;   // and the bias; otherwise `packed` stands for them
  bool reads_epilogue = true;  // its arrays
  ShortNumbers short_numbers = {};
};
BundleCall bundle_call(const Cpu& cpu, const Step& step);
// The call's scratch memory alone, which is faster.
size_t bundle_scratch(const Cpu& cpu, const Step& step);

// The step's parameters without the arrays that its kernel does not read, and with what pack() wrote.
KernelParams params_of(const Step& step, const BundleCall& call);

}  // namespace ht
