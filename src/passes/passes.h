// SPDX-License-Identifier: Apache-2.0
// The rewrites that stand between import and everything else. Each says whether it changed the graph, changes nothing when
// run again, keeps what the graph computes, and leaves the names and types of the graph's inputs and outputs alone.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace ht {

// Computes what depends on constants alone, where results and work are not too large.
[[nodiscard]] Result<bool> constant_folding(Graph& graph);
// Removes nodes and values that no output of the graph needs; inputs of the graph stay.
[[nodiscard]] Result<bool> dead_code(Graph& graph);
// Removes operators that change nothing; replaces chains of Reshape, Transpose, Slice and Gather that amount to a single one
// (transposes that cancel each other, channel shuffles, slices of slices) by that one.
[[nodiscard]] Result<bool> movement_cleanup(Graph& graph);
// Takes batch normalization, and multiplication and addition of constants a channel, into the Conv or Gemm before it.
[[nodiscard]] Result<bool> batch_norm_folding(Graph& graph);
// Recognises activation functions that are spelled out in elementary operators, by what they compute.
[[nodiscard]] Result<bool> activation_recognition(Graph& graph);
// Takes a Pad into the padding of the Conv or Pool behind it, where that computes the same.
[[nodiscard]] Result<bool> pad_fusion(Graph& graph);

struct Pass {
  std::string_view name;
  Result<bool> (*run)(Graph&);
};
// In the order in which they run.
std::span<const Pass> passes();

struct PassOptions {
  std::set<std::string> disabled;
  std::string dump_after;  // a pass after which on_dump is called; empty for none
  std::function<void(std::string_view pass, const Graph& graph)> on_dump;
  const std::atomic<bool>* cancelled = nullptr;  // as in Context; looked at between the passes
};

// Runs the passes and verifies the graph after each. Names that are no passes are usage errors.
Status run_passes(Graph& graph, const PassOptions& options = {});

}  // namespace ht
