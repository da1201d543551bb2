// SPDX-License-Identifier: Apache-2.0
// A bundle of a graph with test vectors that a session computed from the graph's own plan, which no part of the code generator touched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "codegen/bundle.h"
#include "ir/graph.h"

namespace ht {

struct BundleCase {
  Design design;
  std::vector<BundleFile> files;
  bool has_numbers = true;  // no output is not-a-number, whose bits processors choose in their own ways
};

// `count` vectors of random inputs, drawn from the seed.
Result<BundleCase> make_bundle_case(const Graph& graph, const Cpu& cpu, uint64_t seed, int count);

void write_bundle(const BundleCase& bundle, const std::filesystem::path& folder);

}  // namespace ht
