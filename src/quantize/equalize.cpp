// SPDX-License-Identifier: Apache-2.0
#include "quantize/equalize.h"

#include <algorithm>
#include <cmath>

#include "quantize/channels.h"
#include "quantize/scaling.h"

namespace ht {
namespace {

// A channel is drowned when the step of a scale for the whole tensor leaves it fewer than this many steps.
constexpr double kFewestSteps = 16;
// A convolution in float pays when this share of the channels is drowned.
constexpr double kDrownedShare = 0.25;

constexpr int32_t kGreatest = 255;  // of unsigned integers

// The real numbers that a scale a channel can hold.
std::vector<Range> ranges_of(const TensorType& type) {
  const IntegerRange integers = integer_range(type.dtype);
  const std::vector<float> scales = type.affine->scales_along(1, type.shape[1]);
  const std::vector<int32_t> zero_points = type.affine->zero_points_along(1, type.shape[1]);
  std::vector<Range> ranges;
  for (size_t c = 0; c < scales.size(); ++c)
    ranges.push_back({static_cast<double>(integers.min - zero_points[c]) * scales[c], static_cast<double>(integers.max - zero_points[c]) * scales[c]});
  return ranges;
}

size_t count_drowned(const std::vector<Range>& channels) {
  Range all;
  for (const Range& channel : channels) all = {std::min(all.min, channel.min), std::max(all.max, channel.max)};
  const double step = (all.max - all.min) / kGreatest;
  return static_cast<size_t>(std::ranges::count_if(channels, [&](const Range& c) { return c.max - c.min < kFewestSteps * step; }));
}

class Equalizer {
 public:
  Equalizer(Graph& graph, std::vector<Role>& roles, const ChannelTypes& wanted, const Target& target)
      : graph_(graph), roles_(roles), wanted_(wanted), target_(target), scaling_(graph, roles), quantized_(find_quantized_values(graph, roles, target)),
        classes_(graph, roles, quantized_) {}

  Result<Equalizations> run(std::vector<std::string>& notes) {
    for (const auto& members : group_members(graph_, roles_, quantized_))
      if (can_equalize(members)) HT_TRY(equalize(members, notes));
    return std::move(made_);
  }

 private:
  // Convolutions, whose weights can take factors, or what moves channels on as wholes to a value that is quantized with them.
  bool takes_factors(NodeId reader) const {
    const Node& node = graph_.node(reader);
    if (scaling_.is_convolution(reader)) return true;
    const auto* pad = std::get_if<Pad>(&node.op);
    if (pad && pad->mode == PadMode::kConstant && pad->value != 0) return false;
    return quant_rule(node).kind == QuantKind::kMove && quantized_[node.outputs[0].index];
  }

  bool can_equalize(const std::vector<ValueId>& members) const {
    const bool is_wanted = std::ranges::all_of(members, [&](ValueId member) {
      const auto found = wanted_.find(graph_.value(member).name);
      return found != wanted_.end() && !found->second.affine->is_per_tensor() && dtype_size(found->second.dtype) == 1;
    });
    if (!is_wanted || !classes_.keeps_channels(members)) return false;
    if (target_.channel_scales == ChannelScales::kDepthwise && depthwise_readers(graph_, scaling_.links(), roles_, members).only) return false;
    return std::ranges::all_of(members, [&](ValueId member) {
      if (scaling_.links().is_output(member) || !scaling_.links().producer(member).valid()) return false;
      return std::ranges::all_of(scaling_.links().consumers(member), [&](NodeId reader) {
        return scaling_.is_integer(reader) ? takes_factors(reader) : !scaling_.is_moved(member) || scaling_.is_convolution(reader);
      });
    });
  }

  // The nodes in float behind the convolution that makes the value: the value's producer and what feeds it elementwise.
  void keep_producers_float(ValueId value, const std::string& reason) {
    std::vector<ValueId> open = {value};
    while (!open.empty()) {
      const NodeId producer = scaling_.links().producer(open.back());
      open.pop_back();
      if (!scaling_.is_integer(producer)) continue;
      const Node& node = graph_.node(producer);
      roles_[producer.index].float_reason = reason;
      if (is_weighted(graph_, node)) continue;
      for (ValueId input : node.inputs)
        if (input.valid() && !graph_.is_constant(input) && scaling_.links().consumers(input).size() <= 2) open.push_back(input);
    }
  }

  void multiply(ValueId value, ValueId equalized, const std::vector<float>& inverses) {
    const Value& source = graph_.value(value);
    Shape shape(source.type.shape.size(), 1);
    shape[1] = static_cast<int64_t>(inverses.size());
    const std::string name = source.name;
    const ValueId constant = graph_.add_constant(scaling_.name_beside(name, "inverse_scales"), Tensor::of_floats(shape, inverses));
    graph_.nodes.push_back({scaling_.name_beside(name, "equalize"), Binary{BinaryKind::kMul}, {value, constant}, {equalized}});
    roles_.emplace_back().float_reason = "it divides the channels by their scales, before anything is quantized";
  }

  Status equalize(const std::vector<ValueId>& members, std::vector<std::string>& notes) {
    const std::string first_name = graph_.value(members[0]).name;
    std::vector<Range> all;
    for (ValueId member : members) {
      const std::vector<Range> own = ranges_of(wanted_.at(graph_.value(member).name));
      all.insert(all.end(), own.begin(), own.end());
    }
    const bool needs_float = target_.quantize_before_activation && std::ranges::any_of(members, [&](ValueId member) {
      const bool is_made_in_integers = scaling_.is_integer(scaling_.links().producer(member)) && !scaling_.is_moved(member);
      return is_made_in_integers && !scaling_.folding_convolution(member).valid();
    });
    const size_t drowned = count_drowned(all);
    if (needs_float && static_cast<double>(drowned) < kDrownedShare * static_cast<double>(all.size())) return {};

    const SharedZeroPoint shared = share_zero_point(all);
    const double greatest = *std::ranges::max_element(shared.steps);
    const DType dtype = wanted_.at(graph_.value(members[0]).name).dtype;
    HT_ASSIGN(const Affine affine, Affine::per_tensor(static_cast<float>(greatest), shared.zero_point + static_cast<int32_t>(integer_range(dtype).min)));
    size_t first = 0, multiplied = 0;
    for (ValueId member : members) {
      const std::string name = graph_.value(member).name;
      std::vector<float> factors;
      for (int64_t c = 0; c < graph_.value(member).type.shape[1]; ++c) factors.push_back(static_cast<float>(shared.steps[first++] / greatest));
      const std::vector<float> inverses = inverses_of(factors);
      const TensorType type = graph_.value(member).type;
      ValueId equalized = member;
      if (scaling_.is_moved(member)) {
        graph_.value(member).name = scaling_.name_beside(name, "equalized");
      } else if (const NodeId conv = scaling_.folding_convolution(member); conv.valid()) {
        scaling_.fold(conv, inverses);
        graph_.value(member).name = scaling_.name_beside(name, "equalized");
      } else {
        ++multiplied;
        equalized = graph_.add_value({scaling_.name_beside(name, "equalized"), type, std::nullopt});
        if (target_.quantize_before_activation) keep_producers_float(member, fmt::format("its output {} has channels too different for one scale", name));
        multiply(member, equalized, inverses);
      }
      scaling_.scale_readers(member, equalized, factors);
      made_[graph_.value(equalized).name] = {name, std::move(factors), {}, {dtype, type.shape, affine}};
    }
    const std::string reason = drowned == 0 ? fmt::format("its {} channels are finer with a scale each", all.size())
                                            : fmt::format("{} of {} channels would drown in one scale", drowned, all.size());
    notes.push_back(fmt::format("{}: {}; {}, and the weights behind take the factors", first_name, reason,
                                multiplied == 0 ? "the weights before even them out"
                                                : fmt::format("{} Mul{} them out", multiplied, multiplied == 1 ? " evens" : "s even")));
    return {};
  }

  Graph& graph_;
  std::vector<Role>& roles_;
  const ChannelTypes& wanted_;
  const Target& target_;
  ChannelScaling scaling_;
  const std::vector<bool> quantized_;
  const ChannelClasses classes_;
  Equalizations made_;
};

}  // namespace

SharedZeroPoint share_zero_point(const std::vector<Range>& ranges) {
  SharedZeroPoint best;
  double least = INFINITY;
  for (int32_t zero_point = 0; zero_point <= kGreatest; ++zero_point) {
    SharedZeroPoint offer{zero_point, {}};
    double growth = 0, finest = INFINITY;
    for (const Range& range : ranges) {
      const double step = std::max(range.max > 0 ? range.max / (kGreatest - zero_point) : 0, range.min < 0 ? -range.min / zero_point : 0);
      offer.steps.push_back(step);
      if (step <= 0) continue;
      const double own = (range.max - range.min) / kGreatest;
      growth += step * step / (own * own);
      finest = std::min(finest, step);
    }
    if (!(growth < least)) continue;
    least = growth;
    for (double& step : offer.steps)
      if (step <= 0) step = std::isfinite(finest) ? finest : 1;
    best = std::move(offer);
  }
  return best;
}

Result<ChannelTypes> absorbed_types(const Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request) {
  QuantizeRequest absorbing = request;
  absorbing.target.channel_scales = ChannelScales::kAbsorbed;
  absorbing.target.quantize_before_activation = false;
  Graph copy = graph;
  const std::vector<bool> quantized = find_quantized_values(copy, roles, absorbing.target);
  std::vector<std::string> unsaid;
  HT_TRY(assign_parameters(copy, roles, quantized, statistics, absorbing, {}, unsaid));
  ChannelTypes types;
  for (size_t v = 0; v < quantized.size(); ++v)
    if (quantized[v]) types.emplace(copy.values[v].name, copy.values[v].type);
  return types;
}

Result<Equalizations> equalize_channels(Graph& graph, std::vector<Role>& roles, const ChannelTypes& wanted, const QuantizeRequest& request,
                                        std::vector<std::string>& notes) {
  return Equalizer(graph, roles, wanted, request.target).run(notes);
}

}  // namespace ht
