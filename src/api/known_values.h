// SPDX-License-Identifier: Apache-2.0
// Networks that are computed in parts, one after the other, without computing any of them twice.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"
#include "plan/plan.h"

namespace ht {

// The quantized values that samples have made of a network so far, as far as later parts read them.
class KnownValues {
 public:
  explicit KnownValues(size_t samples) : samples_(samples) {}

  // The part of the graph that makes the values of these names from known ones and the graph's inputs. The graph may change from call to call, but
  // not where it was computed before.
  Result<Graph> part(const Graph& graph, const std::set<std::string_view>& names);

  // To be shown the quantized values of each sample's run of the last part; of different samples by several threads at once.
  void see(size_t sample, const Buffer& buffer, std::span<const uint8_t> bytes);

  // As the graph has it; null where it is not known.
  const Tensor* find(size_t sample, const std::string& name) const;

 private:
  void want(const Graph& graph);

  std::vector<std::map<std::string, Tensor, std::less<>>> samples_;
  std::set<std::string, std::less<>> made_;    // by the parts so far
  std::set<std::string, std::less<>> wanted_;  // by parts to come
};

}  // namespace ht
