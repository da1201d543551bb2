// SPDX-License-Identifier: Apache-2.0
#include "api/layer_times.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "api/measure.h"
#include "base/result.h"

namespace ht {
namespace {

constexpr double kSeconds = 2;
constexpr int64_t kLeastRuns = 20, kMostRuns = 100000, kWarmUps = 3;

Status run_once(Timed& timed) {
  const Stopwatch watch;
  HT_TRY(timed.runner.run(timed.inputs, timed.outputs));
  timed.runs.push_back(watch.seconds());
  return {};
}

// Where the time of a graph's nodes is counted.
class Owners {
 public:
  Owners(const Graph& graph, const std::set<std::string>& owners) : graph_(graph), links_(graph), owners_(owners) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) nodes_.emplace(graph.nodes[i].name, NodeId(i));
  }

  std::string owner_of(const std::string& name) const {
    for (auto at = nodes_.find(name); at != nodes_.end();) {
      const Node& node = graph_.node(at->second);
      if (owners_.contains(node.name)) return node.name;
      const NodeId before = node.inputs.empty() || !node.inputs[0].valid() ? NodeId() : links_.producer(node.inputs[0]);
      if (!before.valid()) break;
      at = nodes_.find(graph_.node(before).name);
    }
    return name;
  }

 private:
  const Graph& graph_;
  Links links_;
  const std::set<std::string>& owners_;
  std::map<std::string, NodeId> nodes_;
};

std::set<std::string> step_nodes(const Plan& plan) {
  std::set<std::string> names;
  for (const Step& step : plan.steps) names.insert(step.node);
  return names;
}

std::set<std::string> node_names(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes) names.insert(node.name);
  return names;
}

std::set<std::string> both(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::set<std::string> common;
  std::ranges::set_intersection(a, b, std::inserter(common, common.end()));
  return common;
}

}  // namespace

std::vector<Tensor> some_inputs(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs) {
    const TensorType& type = graph.value(id).type;
    Tensor tensor = Tensor::zeros(type.dtype, type.shape);
    uint32_t state = 1;
    const auto next = [&state] { return (state = state * 1664525u + 1013904223u) >> 24; };
    if (type.dtype == DType::kFloat32) {
      for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(next()) / 255;
    } else if (dtype_size(type.dtype) == 1 && type.dtype != DType::kBool) {
      for (uint8_t& x : tensor.mutable_data<uint8_t>()) x = static_cast<uint8_t>(next());
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Timed::Timed(const Graph& g, const Network& n, int threads) : Timed(g, n, Runner(n, threads)) {}

Timed::Timed(const Graph& g, const Network& n, Runner r) : graph(g), network(n), runner(std::move(r)), inputs(some_inputs(g)) {}

std::vector<double> Timed::step_medians() const {
  std::vector<double> medians;
  for (const auto& times : steps) medians.push_back(quantile(times, 0.5));
  return medians;
}

double quantile(std::vector<double> times, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(times.size())));
  const size_t index = std::max<size_t>(rank, 1) - 1;
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(index), times.end());
  return times[index];
}

Status time_in_turns(std::span<Timed* const> networks, int64_t runs, bool per_step, const Context& context) {
  double longest = 1e-7;
  for (Timed* timed : networks) {
    for (int64_t i = 0; i < kWarmUps; ++i) HT_TRY(run_once(*timed));
    longest = std::max(longest, timed->runs.back());
    timed->runs.clear();
    if (per_step) timed->steps.resize(timed->network.plan().steps.size());
  }
  const int64_t count = runs > 0 ? runs : std::clamp(static_cast<int64_t>(kSeconds / longest), kLeastRuns, kMostRuns);
  std::vector<double> profile;
  for (int64_t i = 0; i < count; ++i) {
    if (context.is_cancelled()) return interrupted();
    for (Timed* timed : networks) {
      profile.assign(timed->steps.size(), 0.0);
      timed->runner.session().set_profile(per_step ? &profile : nullptr);
      const Status status = run_once(*timed);
      timed->runner.session().set_profile(nullptr);
      HT_TRY(status);
      for (size_t step = 0; step < profile.size(); ++step) timed->steps[step].push_back(profile[step]);
    }
    context.progress("bench", i + 1, count);
  }
  return {};
}

std::vector<LayerPair> pair_layers(const Timed& network, const Timed& other) {
  // A layer is what either network computes, if the other one knows it.
  const auto ours = step_nodes(network.network.plan()), theirs = step_nodes(other.network.plan());
  const auto owners = both(ours, both(theirs, node_names(network.graph)));
  const Owners own(network.graph, owners), foreign(other.graph, owners);
  std::vector<LayerPair> pairs;
  std::map<std::string, size_t> position;
  const auto pair_of = [&](const std::string& node) -> LayerPair& {
    const auto [at, is_new] = position.emplace(node, pairs.size());
    if (is_new) pairs.push_back({node, {}, {}, 0, 0, 0});
    return pairs[at->second];
  };
  std::map<std::string, double> longest;
  const std::vector<double> seconds = network.step_medians(), other_seconds = other.step_medians();
  for (size_t i = 0; i < seconds.size(); ++i) {
    const Step& step = network.network.plan().steps[i];
    LayerPair& pair = pair_of(own.owner_of(step.node));
    pair.seconds += seconds[i];
    pair.macs += step.macs;
    if (step.node == pair.node && !step.is_conversion && step.op != kLayoutOp) pair.op = step.op;
    if (double& most = longest[pair.node]; seconds[i] >= most) {
      most = seconds[i];
      pair.kernel = network.network.placement().steps()[i]->kernel();
    }
  }
  for (size_t i = 0; i < other_seconds.size(); ++i) pair_of(foreign.owner_of(other.network.plan().steps[i].node)).other += other_seconds[i];
  return pairs;
}

}  // namespace ht
