// SPDX-License-Identifier: Apache-2.0
#include "api/head_error.h"

#include <algorithm>

#include "api/content.h"
#include "api/network.h"
#include "api/roundings.h"

namespace ht {

Result<HeadError> HeadError::make(const halftone::Model& model, const halftone::Recipe& recipe, std::vector<std::string> heads, bool skip_bad,
                                  const Context& context) {
  HeadError made;
  made.names_ = std::move(heads);
  made.isa_ = context.isa;
  made.threads_ = resolve_threads(context.threads);
  const Graph& graph = model.content().graph;
  HT_ASSIGN(made.inputs_, read_few_photos(graph, recipe, skip_bad));
  for (const auto& inputs : made.inputs_) {
    HT_ASSIGN(Heads exact, made.run(graph, false, inputs));
    made.exact_.push_back(std::move(exact));
  }
  return made;
}

Result<HeadError::Heads> HeadError::run(Graph graph, bool in_integers, const std::vector<Tensor>& inputs) const {
  graph.outputs.clear();
  for (const std::string& name : names_) {
    const auto value = std::ranges::find(graph.values, name, &Value::name);
    if (value == graph.values.end() || value->type.dtype != DType::kFloat32) return input_error("is not computed as floats").in("value " + name);
    graph.outputs.emplace_back(static_cast<size_t>(value - graph.values.begin()));
  }
  HT_ASSIGN(const auto network, Network::make(graph, in_integers, isa_, in_integers ? 1 : threads_));
  HT_ASSIGN(const std::vector<Tensor> outputs, Runner(*network, threads_).run(inputs));
  Heads heads;
  for (const Tensor& output : outputs) heads.push_back(output.to_floats());
  return heads;
}

Result<double> HeadError::of(const Graph& quantized) const {
  double sum = 0;
  for (size_t p = 0; p < inputs_.size(); ++p) {
    HT_ASSIGN(const Heads found, run(quantized, true, inputs_[p]));
    for (size_t h = 0; h < found.size(); ++h) {
      double error = 0, energy = 0;
      for (size_t i = 0; i < found[h].size(); ++i) {
        const double x = exact_[p][h][i], difference = found[h][i] - x;
        error += difference * difference;
        energy += x * x;
      }
      if (energy > 0) sum += error / energy;
    }
  }
  return sum / static_cast<double>(names_.size() * std::max<size_t>(1, inputs_.size()));
}

}  // namespace ht
