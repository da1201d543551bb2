// SPDX-License-Identifier: Apache-2.0
// Which kernels were fastest, kept between runs of the program.
#pragma once

#include <string>

#include "api/network.h"
#include "halftone/context.h"

namespace ht {

// Processor and instruction set, which measured times belong to.
std::string machine_name();

// Where the context asks for it, the kernels that tune() finds, now or earlier: they are kept in $XDG_CACHE_HOME/halftone (or
// ~/.cache/halftone) under the model's hash, the processor, the instruction set and the number of threads. What cannot be kept is measured
// again the next time. The context must outlive the result.
ChooseKernels tuned_kernels(const std::string& model_hash, int threads, const Context& context);

}  // namespace ht
