// SPDX-License-Identifier: Apache-2.0
// executor_probe: imports ONNX files and runs them on the float executor, many in one process. Each line of standard input is a
// case: "MODEL FOLDER", separated by a tab; the folder holds input_0.raw, ... (little-endian, row-major), one a graph input, and
// gets output_0.raw, ... Prints a line a case: "ok", then "dtype shape" for each output, separated by tabs; or "refused" and the
// sentence. For comparisons with other programs.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "base/file.h"
#include "executor/executor.h"
#include "import/onnx/import.h"
#include "passes/passes.h"

namespace {

using namespace ht;

Result<std::vector<Tensor>> run(const std::string& path, const std::string& folder) {
  HT_ASSIGN(Graph graph, import_onnx(path));
  HT_TRY(run_passes(graph));
  HT_ASSIGN(const auto program, FloatProgram::make(graph, Isa::kBest, 1));
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const TensorType& type = graph.value(graph.inputs[i]).type;
    HT_ASSIGN(auto bytes, read_file(folder + "/input_" + std::to_string(i) + ".raw"));
    HT_ASSIGN(Tensor tensor, Tensor::make(type.dtype, type.shape, std::move(bytes)));
    inputs.push_back(std::move(tensor));
  }
  return FloatExecutor(*program).run(inputs);
}

Status run_case(const std::string& path, const std::string& folder, std::string& line) {
  HT_ASSIGN(const auto results, run(path, folder));
  for (size_t i = 0; i < results.size(); ++i) {
    HT_TRY(write_file(folder + "/output_" + std::to_string(i) + ".raw", results[i].bytes()));
    line += fmt::format("\t{} {}", dtype_name(results[i].dtype()), shape_text(results[i].shape()));
  }
  return {};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const size_t tab = line.find('\t');
    std::string answer = "ok";
    if (auto status = run_case(line.substr(0, tab), line.substr(tab + 1), answer); !status) {
      answer = "refused\t" + status.error().text();
      for (char& c : answer)
        if (c == '\n') c = ' ';
    }
    std::printf("%s\n", answer.c_str());
    std::fflush(stdout);
  }
  return 0;
}
