// SPDX-License-Identifier: Apache-2.0
#include "api/latency.h"

#include <array>

#include "api/layer_times.h"
#include "base/thread_pool.h"

namespace ht {
namespace {

// Made ready as a session in integers is, where float steps run by this library's own kernels; so would those that stay in float.
Result<std::shared_ptr<const Network>> as_session(const Graph& graph, const Context& context) { return Network::make(graph, true, context.isa, 1); }

}  // namespace

Result<std::vector<FloatNode>> find_slower_nodes(const Graph& graph, const QuantizedGraph& quantized,
                                                 const std::function<Result<QuantizedGraph>(const std::vector<FloatNode>& in_float)>& quantize,
                                                 const Context& context) {
  constexpr double kMilliseconds = 1000;
  const int threads = resolve_threads(context.threads);
  HT_ASSIGN(const auto integers, as_session(quantized.graph, context));
  HT_ASSIGN(const auto floats, as_session(graph, context));
  Timed in_integers(quantized.graph, *integers, threads), in_float(graph, *floats, threads);
  HT_TRY(time_in_turns(std::array{&in_integers, &in_float}, 0, true, context));
  std::vector<FloatNode> slower;
  for (const LayerPair& pair : pair_layers(in_integers, in_float))
    if (pair.macs > 0 && pair.seconds > pair.other && !quantized.pinned.contains(pair.node))
      slower.push_back({pair.node, pair.op,
                        fmt::format("in integers it takes {:.3f} ms here, in float {:.3f} ms", pair.seconds * kMilliseconds, pair.other * kMilliseconds)});
  if (slower.empty()) return slower;
  HT_ASSIGN(const QuantizedGraph mixed, quantize(slower));
  HT_ASSIGN(const auto both, as_session(mixed.graph, context));
  Timed in_both(mixed.graph, *both, threads), again(quantized.graph, *integers, threads);
  HT_TRY(time_in_turns(std::array{&in_both, &again}, 0, false, context));
  if (quantile(in_both.runs, 0.5) >= quantile(again.runs, 0.5)) slower.clear();
  return slower;
}

}  // namespace ht
