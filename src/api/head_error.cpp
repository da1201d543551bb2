// SPDX-License-Identifier: Apache-2.0
#include "api/head_error.h"

#include <algorithm>

#include "api/calibrate.h"
#include "api/content.h"
#include "api/network.h"
#include "api/trials.h"
#include "ir/dequantize.h"

namespace ht {
namespace {

using HeadValues = std::vector<std::vector<float>>;  // the elements of each head

std::optional<ValueId> value_named(const Graph& graph, std::string_view name) {
  const auto value = std::ranges::find(graph.values, name, &Value::name);
  if (value == graph.values.end()) return std::nullopt;
  return ValueId(static_cast<size_t>(value - graph.values.begin()));
}

class HeadRuns {
 public:
  HeadRuns(std::vector<std::string> heads, std::vector<TrialPhoto> photos, const Context& context)
      : names_(std::move(heads)), photos_(std::move(photos)), context_(context) {}

  Status prepare(const Graph& floats) {
    HT_ASSIGN(exact_, run(floats, false));
    return {};
  }

  // The mean over heads and photos.
  Result<double> error_of(const Graph& quantized) const {
    HT_ASSIGN(const std::vector<HeadValues> found, run(quantized, true));
    double sum = 0;
    for (size_t p = 0; p < found.size(); ++p)
      for (size_t h = 0; h < names_.size(); ++h) sum += relative_error(found[p][h], exact_[p][h]);
    return names_.empty() ? 0 : sum / static_cast<double>(names_.size() * found.size());
  }

 private:
  static double relative_error(const std::vector<float>& found, const std::vector<float>& exact) {
    double error = 0, energy = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const double x = exact[i], difference = found[i] - x;
      error += difference * difference;
      energy += x * x;
    }
    return energy > 0 ? error / energy : 0;
  }

  // Of each photo.
  Result<std::vector<HeadValues>> run(Graph graph, bool in_integers) const {
    graph.outputs.clear();
    for (const std::string& name : names_) graph.outputs.push_back(*value_named(graph, name));
    const int threads = resolve_threads(context_.threads);
    HT_ASSIGN(const auto network, Network::make(graph, in_integers, context_.isa, in_integers ? 1 : threads));
    Runner runner(*network, threads);
    std::vector<HeadValues> photos;
    for (const TrialPhoto& photo : photos_) {
      if (context_.is_cancelled()) return interrupted();
      HT_ASSIGN(const std::vector<Tensor> outputs, runner.run(photo.inputs));
      HeadValues& heads = photos.emplace_back();
      for (size_t h = 0; h < outputs.size(); ++h) heads.push_back(dequantize(outputs[h], graph.value(graph.outputs[h]).type.affine).to_floats());
    }
    return photos;
  }

  const std::vector<std::string> names_;
  const std::vector<TrialPhoto> photos_;
  const Context& context_;
  std::vector<HeadValues> exact_;
};

}  // namespace

MeasureHeads measure_heads_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  return [&, skip_bad](std::span<const Graph* const> quantized) -> Result<std::vector<double>> {
    const Graph& graph = model.content().graph;
    HT_ASSIGN(std::vector<TrialPhoto> photos, read_few_photos(graph, recipe, skip_bad));
    // Only what all of them have under that name and in those units: channels that are evened out have another name.
    std::vector<std::string> heads = head_values(graph);
    std::erase_if(heads, [&](const std::string& head) { return !std::ranges::all_of(quantized, [&](const Graph* one) { return value_named(*one, head).has_value(); }); });
    HeadRuns runs(std::move(heads), std::move(photos), context);
    HT_TRY(runs.prepare(graph));
    std::vector<double> errors;
    for (const Graph* one : quantized) {
      HT_ASSIGN(errors.emplace_back(), runs.error_of(*one));
    }
    return errors;
  };
}

}  // namespace ht
