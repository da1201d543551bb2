// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "api/arrays.h"
#include "api/content.h"
#include "api/metadata.h"
#include "api/suggest_recipe.h"
#include "api/tensor.h"
#include "base/file.h"
#include "import/onnx/import.h"
#include "ir/text.h"
#include "passes/passes.h"

namespace ht {
namespace {

bool holds_integers(const Graph& graph) {
  return graph.metadata.contains(kRequantizationKey) ||
         std::ranges::any_of(graph.values, [](const Value& value) { return value.type.is_quantized(); });
}

std::vector<halftone::ValueInfo> infos(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<halftone::ValueInfo> result;
  for (ValueId id : ids) result.push_back(value_info(graph.value(id).name, graph.value(id).type));
  return result;
}

Result<halftone::Model> load_model(const std::filesystem::path& path, const halftone::LoadOptions& options, const Context& context) {
  auto content = std::make_shared<halftone::Model::Content>();
  HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(path));
  content->path = path;
  content->hash = sha256(bytes);
  content->file_bytes = static_cast<int64_t>(bytes.size());
  content->input_shape = options.input_shape;
  OnnxImportOptions how;
  how.cancelled = context.cancelled;
  if (!options.input_shape.empty()) how.input_shape = options.input_shape;
  if (!options.input_files.empty()) {
    HT_ASSIGN(const OnnxModelInfo info, read_onnx_info(path));
    HT_ASSIGN(how.input_shapes, open_shapes(info.inputs, options.input_files));
  }
  // A model in the working directory has the empty folder, which would refuse external data.
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  auto graph = import_onnx_bytes(bytes, folder, how);
  if (!graph) return std::move(graph.error()).in(path.string());
  content->graph = *std::move(graph);
  PassOptions passes;
  passes.disabled = {options.disabled_passes.begin(), options.disabled_passes.end()};
  passes.cancelled = context.cancelled;
  passes.dump_after = options.dump_after;
  if (options.on_dump) passes.on_dump = [&](std::string_view, const Graph& dumped) { options.on_dump(print(dumped, {.elide_large_constants = true})); };
  if (auto status = run_passes(content->graph, passes); !status) return std::move(status.error()).in(path.string());
  content->is_quantized = holds_integers(content->graph);
  return halftone::Model(std::move(content));
}

}  // namespace
}  // namespace ht

namespace halftone {

std::vector<std::string_view> pass_names() {
  std::vector<std::string_view> names;
  for (const ht::Pass& pass : ht::passes()) names.push_back(pass.name);
  return names;
}

Result<Model> Model::load(const std::filesystem::path& path, const LoadOptions& options, const Context& context) {
  if (context.is_cancelled()) return ht::interrupted();
  return ht::load_model(path, options, context);
}

const std::filesystem::path& Model::path() const { return content_->path; }
bool Model::is_quantized() const { return content_->is_quantized; }
std::vector<ValueInfo> Model::inputs() const { return ht::infos(content_->graph, content_->graph.inputs); }
std::vector<ValueInfo> Model::outputs() const { return ht::infos(content_->graph, content_->graph.outputs); }

Result<Recipe> Model::recipe() const {
  auto written = ht::written_recipe(content_->graph);
  if (!written) return std::move(written.error()).in(content_->path.string());
  Recipe recipe = *written ? *std::move(*written) : ht::suggest_recipe(content_->graph);
  recipe.model.path = content_->path;
  recipe.model.input_shape = content_->input_shape;
  return recipe;
}

Status Model::check_agreement(const Recipe& recipe, const Context& context) const {
  auto written = ht::written_recipe(content_->graph);
  if (!written) return std::move(written.error()).in(content_->path.string());
  if (!*written) return {};
  HT_TRY(ht::check_agreement(**written, recipe, content_->path.string()));
  if (const std::string others = ht::other_thresholds(**written, recipe); !others.empty())
    context.note(fmt::format("the recipe's thresholds are not those written in {}, and are used: {}", content_->path.string(), others));
  return {};
}

}  // namespace halftone
