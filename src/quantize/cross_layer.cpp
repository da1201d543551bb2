// SPDX-License-Identifier: Apache-2.0
#include "quantize/cross_layer.h"

#include <algorithm>
#include <cmath>

#include "quantize/scaling.h"

namespace ht {
namespace {

// A convolution's weights change with the values on both sides of it, so factors settle over a few rounds.
constexpr int kRounds = 20;

class LayerEqualizer {
 public:
  LayerEqualizer(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request)
      : graph_(graph), roles_(roles), statistics_(statistics), request_(request), scaling_(graph, roles) {}

  Result<Equalizations> run(bool absorb_biases, std::vector<std::string>& notes) {
    find_values();
    for (int round = 0; round < kRounds; ++round)
      for (Between& between : values_) balance(between);
    for (const Between& between : values_) HT_TRY(apply(between, absorb_biases));
    if (!values_.empty())
      notes.push_back(fmt::format("the weights on both sides of {} values were evened out{}", values_.size(),
                                  absorbed_ > 0 ? fmt::format(", and {} of them lost what their readers have in the bias instead", absorbed_) : ""));
    return std::move(made_);
  }

 private:
  // A value between convolutions.
  struct Between {
    ValueId value;
    NodeId making;
    std::vector<double> factors;  // of each channel
  };

  const Shape& shape_of(NodeId convolution) const { return graph_.value(graph_.node(convolution).inputs[1]).type.shape; }

  void find_values() {
    const auto quantized = find_quantized_values(graph_, roles_, request_.target);
    for (const auto& members : group_members(graph_, roles_, quantized)) {
      const ValueId value = members[0];
      const auto& readers = scaling_.links().consumers(value);
      const NodeId making = scaling_.folding_convolution(value);
      const bool fits = members.size() == 1 && making.valid() && !scaling_.links().is_output(value) &&
                        std::ranges::all_of(readers, [&](NodeId reader) { return scaling_.is_convolution(reader); });
      if (!fits || !statistics_.values.contains(graph_.value(value).name)) continue;
      at_making_[making] = at_value_[value] = values_.size();
      values_.push_back({value, making, std::vector<double>(static_cast<size_t>(shape_of(making)[0]), 1.0)});
    }
  }

  // Calls visit(output, input channel, magnitude) for each weight, with all factors so far.
  template <class Visit>
  void for_each_weight(NodeId convolution, const Visit& visit) const {
    const Node& node = graph_.node(convolution);
    const Shape& shape = shape_of(convolution);
    const auto weights = graph_.value(node.inputs[1]).constant->data<float>();
    const auto before = at_value_.find(node.inputs[0]);
    const auto behind = at_making_.find(convolution);
    const int64_t groups = std::get<Conv>(node.op).groups;
    for (int64_t i = 0; i < static_cast<int64_t>(weights.size()); ++i) {
      const auto output = static_cast<size_t>(i * shape[0] / static_cast<int64_t>(weights.size()));
      const size_t input = input_channel(shape, groups, i);
      double magnitude = std::abs(static_cast<double>(weights[static_cast<size_t>(i)]));
      if (before != at_value_.end()) magnitude *= values_[before->second].factors[input];
      if (behind != at_making_.end()) magnitude /= values_[behind->second].factors[output];
      visit(output, input, magnitude);
    }
  }

  void balance(Between& between) {
    std::vector<double> making(between.factors.size()), reading(between.factors.size());
    for_each_weight(between.making, [&](size_t output, size_t, double magnitude) { making[output] = std::max(making[output], magnitude); });
    for (NodeId reader : scaling_.links().consumers(between.value))
      for_each_weight(reader, [&](size_t, size_t input, double magnitude) { reading[input] = std::max(reading[input], magnitude); });
    const std::vector<double> factors = cross_layer_factors(making, reading);
    for (size_t c = 0; c < factors.size(); ++c) between.factors[c] *= factors[c];
  }

  // What each channel, divided already, loses to the bias of those that read it; none where one of them cannot take it.
  std::vector<float> offsets_of(const Between& between) const {
    const Node& making = graph_.node(between.making);
    const auto found = statistics_.values.find(graph_.value(making.outputs[0]).name);
    if (making.outputs[0] == between.value || making.inputs.size() < 3 || found == statistics_.values.end()) return {};
    const bool all_take = std::ranges::all_of(scaling_.links().consumers(between.value), [&](NodeId reader) {
      const auto& conv = std::get<Conv>(graph_.node(reader).op);
      return graph_.node(reader).inputs.size() > 2 && std::ranges::all_of(conv.pads, [](int64_t pad) { return pad == 0; });
    });
    const std::vector<double> means = found->second.channel_means(), squares = found->second.channel_mean_squares();
    if (!all_take || means.size() != between.factors.size()) return {};
    std::vector<float> offsets;
    for (size_t c = 0; c < means.size(); ++c)
      offsets.push_back(static_cast<float>(absorbed_bias(means[c], squares[c] - means[c] * means[c]) / between.factors[c]));
    return offsets;
  }

  void add_to_bias(NodeId convolution, const std::vector<double>& shifts) {
    ValueId& bias = graph_.node(convolution).inputs[2];
    std::vector<float> values = graph_.value(bias).constant->to_floats();
    for (size_t o = 0; o < shifts.size(); ++o) values[o] += static_cast<float>(shifts[o]);
    const std::string name = scaling_.name_beside(graph_.value(bias).name, "shifted");
    bias = graph_.add_constant(name, Tensor::of_floats({static_cast<int64_t>(values.size())}, values));
  }

  // The readers' weights have their factors already.
  void absorb(const Between& between, const std::vector<float>& offsets) {
    std::vector<double> down;
    for (float offset : offsets) down.push_back(-static_cast<double>(offset));
    add_to_bias(between.making, down);
    for (NodeId reader : scaling_.links().consumers(between.value)) {
      const Shape shape = shape_of(reader);
      const auto weights = graph_.value(graph_.node(reader).inputs[1]).constant->data<float>();
      const int64_t per_output = static_cast<int64_t>(weights.size()) / shape[0];
      const int64_t groups = std::get<Conv>(graph_.node(reader).op).groups;
      std::vector<double> up(static_cast<size_t>(shape[0]));
      for (int64_t i = 0; i < static_cast<int64_t>(weights.size()); ++i) {
        const double offset = offsets[input_channel(shape, groups, i)];
        up[static_cast<size_t>(i / per_output)] += static_cast<double>(weights[static_cast<size_t>(i)]) * offset;
      }
      add_to_bias(reader, up);
    }
    ++absorbed_;
  }

  Status apply(const Between& between, bool absorb_biases) {
    const std::string name = graph_.value(between.value).name;
    std::vector<float> factors(between.factors.size());
    std::ranges::transform(between.factors, factors.begin(), [](double factor) { return static_cast<float>(factor); });
    scaling_.fold(between.making, inverses_of(factors));
    scaling_.scale_readers(between.value, between.value, factors);
    std::vector<float> offsets = absorb_biases ? offsets_of(between) : std::vector<float>();
    if (!offsets.empty()) absorb(between, offsets);
    const LayerChoice choice = readers_choice(graph_, scaling_.links(), roles_, {between.value});
    const IntegerGrid grid = activation_grid(choice, request_.target);
    HT_ASSIGN(const std::vector<Range> ranges,
              estimate_channel_ranges(name, statistics_.values.at(name), {RangeMethod::kMinMax, grid}));
    const bool is_clamped = graph_.node(between.making).outputs[0] != between.value;
    Range all;
    for (size_t c = 0; c < ranges.size(); ++c) {
      const double offset = offsets.empty() ? 0 : offsets[c];
      all.max = std::max(all.max, ranges[c].max / factors[c] - offset);
      if (!is_clamped) all.min = std::min(all.min, ranges[c].min / factors[c] - offset);
    }
    HT_ASSIGN(Affine affine, affine_from_range(all, grid));
    graph_.value(between.value).name = scaling_.name_beside(name, "equalized");
    made_[graph_.value(between.value).name] = {name, std::move(factors), std::move(offsets), {grid.dtype, graph_.value(between.value).type.shape, std::move(affine)}};
    return {};
  }

  Graph& graph_;
  const std::vector<Role>& roles_;
  const Statistics& statistics_;
  const QuantizeRequest& request_;
  ChannelScaling scaling_;
  std::vector<Between> values_;
  std::map<ValueId, size_t> at_value_;
  std::map<NodeId, size_t> at_making_;
  Equalizations made_;
  size_t absorbed_ = 0;
};

}  // namespace

std::vector<double> cross_layer_factors(std::span<const double> making, std::span<const double> reading) {
  std::vector<double> factors;
  for (size_t c = 0; c < making.size(); ++c) factors.push_back(making[c] > 0 && reading[c] > 0 ? std::sqrt(making[c] / reading[c]) : 1.0);
  return factors;
}

double absorbed_bias(double mean, double variance) { return std::max(0.0, mean - 3 * std::sqrt(std::max(0.0, variance))); }

Result<Equalizations> equalize_layers(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                                      bool absorb_biases, std::vector<std::string>& notes) {
  return LayerEqualizer(graph, roles, statistics, request).run(absorb_biases, notes);
}

}  // namespace ht
