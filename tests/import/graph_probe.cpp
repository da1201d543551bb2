// SPDX-License-Identifier: Apache-2.0
// graph_probe MODEL OUTPUT_FOLDER [INPUT.raw...]: imports an ONNX file and runs the operators' reference on raw little-endian
// tensors, one file an input. Writes output_0.raw, ... and prints a line "dtype shape" for each. `--export FILE` before MODEL
// writes the graph back as ONNX instead. For comparisons with other programs.
// graph_probe --operators: a line "name first-opset last-opset" for each operator of the importer's table, the last one "now" where
// it is the newest. graph_probe --arithmetic: reads paths of models, one a line, and prints a line for each: "import" where no node
// is left, "int8" where all nodes can be computed in integers once they are quantized, else "float".
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "base/file.h"
#include "export/onnx/export.h"
#include "import/onnx/import.h"
#include "import/onnx/table.h"
#include "ir/dequantize.h"
#include "ops/ops.h"

namespace {

using namespace ht;

// The integers of a quantized value, so that what follows sees the rounding.
Result<Tensor> as_typed(Tensor real, const TensorType& type) {
  if (!type.is_quantized() || real.dtype() == type.dtype) return real;
  const Node quantize{"quantize", Convert{type.dtype, type.affine}, {}, {}};
  const Tensor* input = &real;
  HT_ASSIGN(auto integers, reference(quantize, InputTensors(&input, 1)));
  return std::move(integers[0]);
}

Result<std::vector<Tensor>> run(const Graph& graph, const std::vector<std::string>& inputs) {
  std::vector<Tensor> tensors(graph.values.size());
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].constant) tensors[i] = *graph.values[i].constant;
  for (size_t i = 0; i < graph.inputs.size() && i < inputs.size(); ++i) {
    const TensorType& type = graph.value(graph.inputs[i]).type;
    HT_ASSIGN(auto bytes, read_file(inputs[i]));
    HT_ASSIGN(tensors[graph.inputs[i].index], Tensor::make(type.dtype, type.shape, std::move(bytes)));
  }
  for (const Node& node : graph.nodes) {
    std::vector<Tensor> reals(node.inputs.size());
    std::vector<const Tensor*> pointers(node.inputs.size(), nullptr);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!node.inputs[i].valid()) continue;
      reals[i] = dequantize(tensors[node.inputs[i].index], graph.value(node.inputs[i]).type.affine);
      pointers[i] = &reals[i];
    }
    auto outputs = reference(node, pointers);
    if (!outputs) return std::move(outputs.error()).in("node " + node.name);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      HT_ASSIGN(tensors[node.outputs[i].index], as_typed(std::move((*outputs)[i]), graph.value(node.outputs[i]).type));
    }
  }
  std::vector<Tensor> results;
  for (ValueId id : graph.outputs) results.push_back(tensors[id.index]);
  return results;
}

void print_operators() {
  for (const OnnxRow& row : onnx_rows()) {
    const std::string until = row.until == kNewestOpset ? "now" : std::to_string(row.until);
    std::printf("%s %s %s\n", std::string(row.name).c_str(), std::to_string(row.since).c_str(), until.c_str());
  }
}

Status print_arithmetic(const std::string& path) {
  HT_ASSIGN(const Graph graph, import_onnx(path));
  const bool in_float =
      std::ranges::any_of(graph.nodes, [](const Node& node) { return quant_rule(node).kind == QuantKind::kFloat; });
  std::printf("%s\n", graph.nodes.empty() ? "import" : in_float ? "float" : "int8");
  return {};
}

Status main_status(std::vector<std::string> arguments) {
  if (arguments.size() == 3 && arguments[0] == "--export") {
    HT_ASSIGN(const Graph graph, import_onnx(arguments[2]));
    HT_ASSIGN(const auto bytes, export_onnx(graph));
    return write_file(arguments[1], bytes);
  }
  if (arguments.size() == 1 && arguments[0] == "--operators") {
    print_operators();
    return {};
  }
  if (arguments.size() == 1 && arguments[0] == "--arithmetic") {
    for (std::string path; std::getline(std::cin, path);) HT_TRY(print_arithmetic(path));
    return {};
  }
  if (arguments.size() < 2) return usage_error("graph_probe MODEL OUTPUT_FOLDER [INPUT.raw...]");
  HT_ASSIGN(const Graph graph, import_onnx(arguments[0]));
  HT_ASSIGN(const auto results, run(graph, {arguments.begin() + 2, arguments.end()}));
  for (size_t i = 0; i < results.size(); ++i) {
    HT_TRY(write_file(arguments[1] + "/output_" + std::to_string(i) + ".raw", results[i].bytes()));
    std::printf("%s %s\n", std::string(dtype_name(results[i].dtype())).c_str(), shape_text(results[i].shape()).c_str());
  }
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  const auto status = main_status({arguments + 1, arguments + count});
  if (status) return 0;
  std::fprintf(stderr, "%s\n", status.error().text().c_str());
  return static_cast<int>(status.error().code);
}
