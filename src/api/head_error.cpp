// SPDX-License-Identifier: Apache-2.0
#include "api/head_error.h"

#include <algorithm>

#include "api/calibrate.h"
#include "api/content.h"
#include "api/network.h"
#include "api/trials.h"
#include "calibrate/statistics.h"
#include "ir/dequantize.h"

namespace ht {
namespace {

using Elements = std::vector<std::vector<float>>;  // of each value of a run

std::optional<ValueId> value_named(const Graph& graph, std::string_view name) {
  const auto value = std::ranges::find(graph.values, name, &Value::name);
  if (value == graph.values.end()) return std::nullopt;
  return ValueId(static_cast<size_t>(value - graph.values.begin()));
}

// The values of these names, of each photo.
Result<std::vector<Elements>> run_on(const std::vector<TrialPhoto>& photos, Graph graph, const std::vector<std::string>& names, bool in_integers, const Context& context) {
  graph.outputs.clear();
  for (const std::string& name : names) graph.outputs.push_back(*value_named(graph, name));
  const int threads = resolve_threads(context.threads);
  HT_ASSIGN(const auto network, Network::make(graph, in_integers, context.isa, in_integers ? 1 : threads));
  Runner runner(*network, threads);
  std::vector<Elements> made;
  for (const TrialPhoto& photo : photos) {
    if (context.is_cancelled()) return interrupted();
    HT_ASSIGN(const std::vector<Tensor> outputs, runner.run(photo.inputs));
    Elements& values = made.emplace_back();
    for (size_t v = 0; v < outputs.size(); ++v) values.push_back(dequantize(outputs[v], graph.value(graph.outputs[v]).type.affine).to_floats());
  }
  return made;
}

double relative_error(const std::vector<float>& found, const std::vector<float>& exact) {
  double error = 0, energy = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const double x = exact[i], difference = found[i] - x;
    error += difference * difference;
    energy += x * x;
  }
  return energy > 0 ? error / energy : 0;
}

// The mean over values and photos, of which there are some.
double mean_relative_error(const std::vector<Elements>& found, const std::vector<Elements>& exact) {
  double sum = 0;
  size_t count = 0;
  for (size_t p = 0; p < found.size(); ++p)
    for (size_t v = 0; v < found[p].size(); ++v, ++count) sum += relative_error(found[p][v], exact[p][v]);
  return sum / static_cast<double>(count);
}

// Over all photos.
Extremes extremes_of(const std::vector<Elements>& made, size_t value) {
  Extremes all;
  for (const Elements& values : made)
    for (float x : values[value]) all.include({x, x});
  return all;
}

}  // namespace

MeasureHeads measure_heads_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  return [&, skip_bad](std::span<const Graph* const> quantized) -> Result<std::vector<double>> {
    const Graph& graph = model.content().graph;
    HT_ASSIGN(const std::vector<TrialPhoto> photos, read_few_photos(graph, recipe, skip_bad));
    // Only what all of them have under that name and in those units: channels that are evened out have another name.
    std::vector<std::string> heads = head_values(graph);
    std::erase_if(heads, [&](const std::string& head) { return !std::ranges::all_of(quantized, [&](const Graph* one) { return value_named(*one, head).has_value(); }); });
    std::vector<double> errors;
    if (heads.empty() || photos.empty()) return errors;
    HT_ASSIGN(const std::vector<Elements> exact, run_on(photos, graph, heads, false, context));
    for (const Graph* one : quantized) {
      HT_ASSIGN(const std::vector<Elements> found, run_on(photos, *one, heads, true, context));
      errors.push_back(mean_relative_error(found, exact));
    }
    return errors;
  };
}

Status check_outputs_on_photos(const halftone::Model& model, const Graph& quantized, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  // Of the greatest magnitude: what varies less may well be the same in integers.
  constexpr double kVaries = 1.0 / 128;
  const Graph& graph = model.content().graph;
  std::vector<std::string> names;
  for (ValueId output : graph.outputs)
    if (const Value& value = graph.value(output); value.type.dtype == DType::kFloat32 && !value.constant) names.push_back(value.name);
  HT_ASSIGN(const std::vector<TrialPhoto> photos, read_few_photos(graph, recipe, skip_bad));
  HT_ASSIGN(const std::vector<Elements> found, run_on(photos, quantized, names, true, context));
  std::vector<std::string> constant;
  for (size_t v = 0; v < names.size(); ++v)
    if (const Extremes all = extremes_of(found, v); all.min == all.max) constant.push_back(names[v]);
  if (constant.empty()) return {};
  HT_ASSIGN(const std::vector<Elements> exact, run_on(photos, graph, constant, false, context));
  for (size_t v = 0; v < constant.size(); ++v) {
    const Extremes all = extremes_of(exact, v);
    if (all.empty() || static_cast<double>(all.max) - all.min <= kVaries * all.magnitude()) continue;
    return input_error(
               "the output has one value for all elements of {} photos after quantization, from {:.4g} to {:.4g} before; find the layers that lose it with "
               "`halftone analyze`, and leave them in float (keep_float) or give them 16-bit activations",
               photos.size(), all.min, all.max)
        .in("output " + constant[v]);
  }
  return {};
}

}  // namespace ht
