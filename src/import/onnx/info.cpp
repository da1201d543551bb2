// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/info.h"

#include <map>

#include <fmt/format.h>

#include "base/file.h"
#include "import/onnx/table.h"

namespace ht {

Result<int64_t> supported_opset(const OnnxModelInfo& info) {
  const auto found = info.opsets.find("");
  if (found == info.opsets.end()) return unsupported("uses no operators of ONNX itself, only other domains'");
  const int64_t opset = found->second;
  if (opset < kOldestOpset || opset > kNewestOpset)
    return unsupported(
        "is written for opset {}; Halftone reads {} to {}, so export the model for one of these or convert it with onnx's "
        "version_converter",
        opset, kOldestOpset, kNewestOpset);
  return opset;
}

std::vector<OnnxUnsupported> unsupported_nodes(const OnnxModel& model) {
  const auto opset = model.info.opsets.find("");
  std::vector<OnnxUnsupported> unknown;
  for (const OnnxNode& node : model.nodes)
    if (opset == model.info.opsets.end() || !find_onnx_row(node.domain, node.op_type, opset->second))
      unknown.push_back({node.op_type, node.domain, node.name});
  return unknown;
}

Status refuse_unsupported(const OnnxModel& model) {
  constexpr size_t kMostNames = 20;
  std::map<std::string, std::vector<std::string>> names;
  for (const auto& [op, domain, node] : unsupported_nodes(model)) names[domain.empty() ? op : domain + "." + op].push_back(node);
  if (names.empty()) return {};
  std::string list;
  for (auto& [op, nodes] : names) {
    const size_t more = nodes.size() > kMostNames ? nodes.size() - kMostNames : 0;
    nodes.resize(nodes.size() - more);
    list += fmt::format("\n  {}: node {}{}", op, fmt::join(nodes, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
  }
  return unsupported("has operators that are not supported; export the model without them, or cut it before them:{}", list);
}

Result<OnnxModelInfo> read_onnx_info(const std::filesystem::path& path) {
  const OnnxImportOptions options;
  HT_ASSIGN(const auto bytes, read_file(path, options.max_bytes));
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  auto model = decode_onnx_model(bytes, folder, options.max_bytes);
  if (!model) return std::move(model.error()).in(path.string());
  OnnxModelInfo info = std::move(model->info);
  model->info = info;
  if (auto status = sort_needed_nodes(*model); !status) return std::move(status.error()).in(path.string());
  info.unsupported = unsupported_nodes(*model);
  return info;
}

}  // namespace ht
