// SPDX-License-Identifier: Apache-2.0
#include "quantize/ranges.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "ops/steps.h"
#include "quantize/balance.h"
#include "quantize/channels.h"
#include "quantize/weights.h"

namespace ht {

ValueGroups::ValueGroups(size_t values) : parents_(values) { std::iota(parents_.begin(), parents_.end(), size_t{0}); }

size_t ValueGroups::find(ValueId value) const {
  size_t root = value.index;
  while (parents_[root] != root) root = parents_[root] = parents_[parents_[root]];
  return root;
}

void ValueGroups::join(ValueId a, ValueId b) { parents_[find(b)] = find(a); }

namespace {

// The activation that the same kernel computes behind this weighted node, if there is one.
NodeId fused_activation(const Graph& graph, const Links& links, const std::vector<Role>& roles, const Node& node, const Target& target) {
  if (!is_weighted(graph, node)) return {};
  const NodeId reader = links.only_consumer(node.outputs[0]);
  if (!reader.valid() || !roles[reader.index].is_integer()) return {};
  const auto* unary = std::get_if<Unary>(&graph.node(reader).op);
  const auto function = unary ? unary_function(*unary) : std::nullopt;
  if (!function) return {};
  const bool is_clamp = function->kind == HT_RELU || function->kind == HT_CLIP;
  if (is_clamp) return reader;
  return !target.quantize_before_activation && has_activation_form(function->kind) ? reader : NodeId();
}

bool reads_integers(const Graph& graph, const Node& node, ValueId value) {
  for (size_t i : data_inputs(graph, node))
    if (node.inputs[i] == value) return true;
  return false;
}

}  // namespace

IntegerGrid activation_grid(const LayerChoice& choice, const Target& target) {
  if (choice.activations == 16) return {DType::kInt16, true, false};
  return {target.activations, choice.symmetric.value_or(target.symmetric), false};
}

std::vector<bool> find_quantized_values(const Graph& graph, const std::vector<Role>& roles, const Target& target) {
  const Links links(graph);
  std::vector<bool> quantized(graph.values.size(), false);
  for (size_t v = 0; v < graph.values.size(); ++v) {
    const ValueId id(v);
    if (graph.is_constant(id) || graph.values[v].type.dtype != DType::kFloat32) continue;
    const auto& readers = links.consumers(id);
    quantized[v] = std::ranges::any_of(readers, [&](NodeId reader) {
      return roles[reader.index].is_integer() && reads_integers(graph, graph.node(reader), id);
    });
    const NodeId producer = links.producer(id);
    if (quantized[v] && producer.valid() && roles[producer.index].is_integer() &&
        fused_activation(graph, links, roles, graph.node(producer), target).valid())
      quantized[v] = false;
  }
  return quantized;
}

std::vector<std::vector<ValueId>> group_members(const Graph& graph, const std::vector<Role>& roles, const std::vector<bool>& quantized) {
  ValueGroups groups(graph.values.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!roles[i].is_integer() || quant_rule(node).kind != QuantKind::kMove || !quantized[node.outputs[0].index]) continue;
    for (size_t input : data_inputs(graph, node))
      if (quantized[node.inputs[input].index]) groups.join(node.outputs[0], node.inputs[input]);
  }
  std::map<size_t, std::vector<ValueId>> members;
  for (size_t v = 0; v < quantized.size(); ++v)
    if (quantized[v]) members[groups.find(ValueId(v))].push_back(ValueId(v));
  std::vector<std::vector<ValueId>> result;
  for (auto& [root, group] : members) result.push_back(std::move(group));
  return result;
}

DepthwiseReaders depthwise_readers(const Graph& graph, const Links& links, const std::vector<Role>& roles,
                                   const std::vector<ValueId>& members) {
  DepthwiseReaders result;
  for (ValueId member : members) {
    for (NodeId reader : links.consumers(member)) {
      const Node& node = graph.node(reader);
      if (!roles[reader.index].is_integer()) continue;
      if (is_depthwise(graph, node)) {
        result.convolutions.push_back(reader);
        continue;
      }
      const QuantRule rule = quant_rule(node);
      if (rule.kind != QuantKind::kMove || !rule.keeps_channels) return {};
    }
  }
  result.only = !result.convolutions.empty();
  return result;
}

namespace {

// A scale a channel is chosen where the error power of one reader's outputs falls by kClearGain and that of none rises by more than
// 1 / kLeastGain, which is within what the estimate can be wrong by. Set by the heads' signal-to-noise ratio on calibration photos that
// the ranges had not seen (docs/guides/accuracy.md).
constexpr double kClearGain = 2, kLeastGain = 0.9;
// As kClearGain of sums and other combinations of two values, where channels' numbers shall be short: each of theirs takes 15
// bytes. What gained less changed the signal-to-noise ratio of a detector's outputs by 0.1 to 1 dB.
constexpr double kClearGainOfCombined = 16;
// Of the mean variance of a product's outputs: what an output counts for at least, were it constant.
constexpr double kLeastPower = 1e-3, kNoPower = 1e-30;

struct Assigner {
  Graph& graph;
  const std::vector<Role>& roles;
  const Statistics& statistics;
  const QuantizeRequest& request;
  const Equalizations& equalized;
  Links links;
  ChannelClasses classes;
  // Of the group of values whose turn it is.
  LayerChoice choice = {};
  IntegerGrid grid = {};
  struct Spread {
    ValueId value;
    size_t channels;
    double least, greatest;  // widths of the channels' ranges
  };
  std::vector<Spread> spreads = {};

  // A range known from the function that makes the value, unless all that was seen lies in so little of it that two bits would be lost.
  std::optional<Range> known_range(ValueId value) const {
    constexpr float kLeastUsed = 0.25f;
    const NodeId producer = links.producer(value);
    if (!producer.valid()) return std::nullopt;
    const auto* unary = std::get_if<Unary>(&graph.node(producer).op);
    if (!unary || (unary->kind != UnaryKind::kSigmoid && unary->kind != UnaryKind::kHardSigmoid)) return std::nullopt;
    const auto seen = statistics.values.find(graph.value(value).name);
    if (seen != statistics.values.end() && seen->second.extremes().max < kLeastUsed) return std::nullopt;
    return Range{0, 1};
  }

  // The function that all readers see the value through: an activation, or the value times its own activation, which is SiLU and its kind
  // spelled out.
  std::function<double(double)> function_behind(ValueId value) const {
    const auto& readers = links.consumers(value);
    const auto first = std::ranges::find_if(readers, [&](NodeId reader) { return std::holds_alternative<Unary>(graph.node(reader).op); });
    if (first == readers.end() || readers.size() > 2) return {};
    const Node& activation = graph.node(*first);
    const auto function = unary_function(std::get<Unary>(activation.op));
    if (!function) return {};
    if (readers.size() == 1) return [f = *function](double x) { return evaluate_activation(f, x); };
    const NodeId other = readers[0] == *first ? readers[1] : readers[0];
    const auto* binary = std::get_if<Binary>(&graph.node(other).op);
    if (!binary || binary->kind != BinaryKind::kMul || links.only_consumer(activation.outputs[0]) != other) return {};
    return [f = *function](double x) { return x * evaluate_activation(f, x); };
  }

  // The value whose range counts: what a clamp behind a value cuts off needs no integers.
  ValueId clamped_source(ValueId value) const {
    const NodeId reader = links.only_consumer(value);
    const auto* clamp = reader.valid() ? std::get_if<Unary>(&graph.node(reader).op) : nullptr;
    const bool is_clamped = clamp && roles[reader.index].is_integer() && (clamp->kind == UnaryKind::kRelu || clamp->kind == UnaryKind::kClip);
    return is_clamped ? graph.node(reader).outputs[0] : value;
  }

  Result<Range> member_range(ValueId value) const {
    if (const auto known = known_range(value)) return *known;
    const ValueId source = clamped_source(value);
    const std::string& name = graph.value(source).name;
    HT_ASSIGN(const ValueStatistics* found, statistics.find(name));
    RangeRequest range{choice.ranges, grid, 99.99, std::nullopt, std::nullopt, function_behind(source)};
    pin(source, range);
    return estimate_range(name, *found, range);
  }

  // Least values that a function can take.
  void pin(ValueId value, RangeRequest& range) const {
    const NodeId producer = links.producer(value);
    const auto* unary = producer.valid() ? std::get_if<Unary>(&graph.node(producer).op) : nullptr;
    if (!unary) return;
    if (unary->kind == UnaryKind::kSilu) range.pinned_min = -0.27846454276107374;
    if (unary->kind == UnaryKind::kHardSwish) range.pinned_min = -0.375;
    if (unary->kind == UnaryKind::kRelu) range.pinned_min = 0.0;
  }

  Result<std::vector<Range>> member_channel_ranges(ValueId value) const {
    const TensorType& type = graph.value(value).type;
    if (const auto known = known_range(value)) return std::vector<Range>(static_cast<size_t>(type.shape[1]), *known);
    const std::string& name = graph.value(clamped_source(value)).name;
    HT_ASSIGN(const ValueStatistics* found, statistics.find(name));
    return estimate_channel_ranges(name, *found, {choice.ranges, grid});
  }

  // The convolutions that read the members, `classes` numbering the classes of each member's channels; none where one of them
  // or what it needs was not observed.
  std::vector<AbsorbingReader> absorbing_readers(const std::vector<ValueId>& members, const std::vector<std::vector<size_t>>& numbers) const {
    std::vector<AbsorbingReader> readers;
    for (size_t m = 0; m < members.size(); ++m) {
      for (NodeId id : links.consumers(members[m])) {
        const Node& node = graph.node(id);
        if (!roles[id.index].is_integer() || !std::holds_alternative<Conv>(node.op) || node.inputs[0] != members[m]) continue;
        const auto input = statistics.values.find(graph.value(clamped_source(members[m])).name);
        const auto output = statistics.values.find(graph.value(node.outputs[0]).name);
        if (input == statistics.values.end() || output == statistics.values.end()) return {};
        AbsorbingReader reader{&node, numbers[m], input->second.channel_mean_squares(), output->second.channel_mean_squares(),
                               static_cast<double>(weight_limit(roles[id.index].choice.weights))};
        const std::vector<double> means = output->second.channel_means();
        double total = 0;
        for (size_t o = 0; o < means.size(); ++o) total += reader.powers[o] = std::max(reader.powers[o] - means[o] * means[o], 0.0);
        const double least = std::max(kLeastPower * total / static_cast<double>(means.size()), kNoPower);
        for (double& power : reader.powers) power = std::max(power, least);
        readers.push_back(std::move(reader));
      }
    }
    return readers;
  }

  bool are_combined(const std::vector<ValueId>& members) const {
    return std::ranges::any_of(members, [&](ValueId member) {
      const NodeId producer = links.producer(member);
      return producer.valid() && std::holds_alternative<Binary>(graph.node(producer).op);
    });
  }

  // Whether a scale a channel makes the outputs of the convolutions that read the members clearly more exact. Widens the ranges
  // of channels where that makes them more exact still.
  bool channels_pay(const std::vector<ValueId>& members, double one_step, std::vector<std::vector<Range>>& ranges) const {
    std::map<size_t, size_t> number_of_class;
    std::vector<std::vector<size_t>> numbers(members.size());
    std::vector<double> least;
    const IntegerRange integers = integer_range(grid.dtype);
    const auto steps = static_cast<double>(integers.max - integers.min);
    for (size_t m = 0; m < members.size(); ++m) {
      for (size_t c = 0; c < ranges[m].size(); ++c) {
        const auto [at, is_new] = number_of_class.emplace(classes.find(members[m], static_cast<int64_t>(c)), least.size());
        if (is_new) least.push_back(std::max((ranges[m][c].max - ranges[m][c].min) / steps, kNoPower));
        numbers[m].push_back(at->second);
      }
    }
    const std::vector<AbsorbingReader> readers = absorbing_readers(members, numbers);
    if (readers.empty()) return false;
    const BalancedSteps balanced = balance_steps(graph, readers, least, one_step);
    const double clear_gain = request.target.short_multipliers && are_combined(members) ? kClearGainOfCombined : kClearGain;
    if (balanced.greatest_gain < clear_gain || balanced.least_gain < kLeastGain) return false;
    for (size_t m = 0; m < members.size(); ++m) {
      for (size_t c = 0; c < ranges[m].size(); ++c) {
        const double factor = balanced.steps[numbers[m][c]] / least[numbers[m][c]];
        ranges[m][c] = {ranges[m][c].min * factor, ranges[m][c].max * factor};
      }
    }
    return true;
  }

  Result<Range> tensor_range(const std::vector<ValueId>& members) const {
    Range all;
    for (ValueId member : members) {
      HT_ASSIGN(const Range own, member_range(member));
      all = {std::min(all.min, own.min), std::max(all.max, own.max)};
    }
    return all;
  }

  // For values that were always zero, which any scale holds exactly: biases are stored in steps of it times the weights', so it is one that leaves
  // the greatest bias behind them many steps. {0, 0} where there is no bias.
  Range range_for_biases(const std::vector<ValueId>& members) const {
    constexpr double kLeastPart = 0x1p-16;  // of the greatest bias, made by the value's greatest magnitude and the greatest weight
    Range range;
    for (ValueId member : members) {
      for (NodeId reader : links.consumers(member)) {
        const Node& node = graph.node(reader);
        if (!is_weighted(graph, node) || node.inputs[0] != member || node.inputs.size() < 3 || !graph.is_constant(node.inputs[2])) continue;
        const double weight = greatest_magnitude(node.inputs[1]), bias = greatest_magnitude(node.inputs[2]);
        const double magnitude = weight > 0 ? kLeastPart * bias / weight : 0;
        if (magnitude > 0 && (range == Range{} || magnitude < range.max)) range = {-magnitude, magnitude};
      }
    }
    return range;
  }

  double greatest_magnitude(ValueId constant) const {
    double greatest = 0;
    for (float x : graph.value(constant).constant->to_floats()) greatest = std::max(greatest, std::abs(static_cast<double>(x)));
    return greatest;
  }

  // Remembers how far the channels of a value with a scale each are apart.
  void remember(ValueId value, const std::vector<Range>& ranges) {
    Spread spread{value, ranges.size(), INFINITY, 0};
    for (const Range& range : ranges) {
      if (range.max - range.min > 0) spread.least = std::min(spread.least, range.max - range.min);
      spread.greatest = std::max(spread.greatest, range.max - range.min);
    }
    if (spread.greatest > 0) spreads.push_back(spread);
  }

  // The values that needed a scale a channel most, in a sentence each.
  void tell(std::vector<std::string>& notes) {
    constexpr size_t kMostNotes = 3;
    std::ranges::stable_sort(spreads, std::greater(), [](const Spread& s) { return s.greatest / s.least; });
    for (size_t i = 0; i < std::min(spreads.size(), kMostNotes); ++i) {
      const Spread& s = spreads[i];
      notes.push_back(fmt::format("{}: its {} channels span from {:.2g} to {:.3g}, so each has a scale of its own", graph.value(s.value).name, s.channels,
                                  s.least, s.greatest));
    }
    if (spreads.size() > kMostNotes) notes.push_back(fmt::format("{} more values have a scale a channel", spreads.size() - kMostNotes));
  }

  // Whether the target has a scale a channel where these are read.
  bool has_channel_scales(const std::vector<ValueId>& members, bool depthwise_only) const {
    const ChannelScales scales = request.target.channel_scales;
    const bool allows = scales == ChannelScales::kAbsorbed || (scales == ChannelScales::kDepthwise && depthwise_only);
    return choice.per_channel && allows && classes.can_have_channel_scales(members);
  }

  Status assign(const std::vector<ValueId>& members) {
    if (equalized.contains(graph.value(members[0]).name)) {
      for (ValueId member : members) graph.value(member).type = equalized.at(graph.value(member).name).type;
      return {};
    }
    choice = readers_choice(graph, links, roles, members);
    const bool is_unclipped = std::ranges::any_of(members, [&](ValueId member) { return request.unclipped.contains(graph.value(member).name); });
    if (is_unclipped) choice.ranges = RangeMethod::kMinMax;
    grid = activation_grid(choice, request.target);
    HT_ASSIGN(Range whole, tensor_range(members));
    const bool is_always_zero = whole == Range{};
    if (is_always_zero) whole = range_for_biases(members);
    HT_ASSIGN(const Affine one, affine_from_range(whole, grid));
    const bool depthwise_only = depthwise_readers(graph, links, roles, members).only;
    std::vector<std::vector<Range>> ranges;
    if (!is_always_zero && has_channel_scales(members, depthwise_only)) {
      HT_ASSIGN(ranges, classes.class_ranges(members, [&](ValueId member) { return member_channel_ranges(member); }));
      if (!depthwise_only && !channels_pay(members, one.scales()[0], ranges)) ranges.clear();
      fill_empty_ranges(ranges);
    }
    for (size_t m = 0; m < members.size(); ++m) {
      TensorType& type = graph.value(members[m]).type;
      type.dtype = grid.dtype;
      type.affine = one;
      if (ranges.empty()) continue;
      HT_ASSIGN(type.affine, affine_from_ranges(ranges[m], grid, 1, type.shape.size()));
      remember(members[m], ranges[m]);
    }
    return {};
  }
};

}  // namespace

Status assign_parameters(Graph& graph, const std::vector<Role>& roles, const std::vector<bool>& quantized, const Statistics& statistics,
                         const QuantizeRequest& request, const Equalizations& equalized, std::vector<std::string>& notes) {
  Assigner assigner{graph, roles, statistics, request, equalized, Links(graph), ChannelClasses(graph, roles, quantized)};
  for (const auto& members : group_members(graph, roles, quantized)) {
    auto status = assigner.assign(members);
    if (!status) return std::move(status.error()).in("value " + graph.value(members.front()).name);
  }
  assigner.tell(notes);
  return {};
}

}  // namespace ht
