// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "command.h"

namespace app {
namespace {

using halftone::Recipe;
using halftone::Status;

struct InitOptions {
  explicit InitOptions(CLI::App& command) : load(command) {
    command.add_option("MODEL", model, "The ONNX file")->required();
    command.add_option("-o,--output", output, "The recipe to write (default: standard output)")->type_name("RECIPE");
    command.footer(examples({"init yolox_nano.onnx -o yolox.toml"}));
  }
  std::string model;
  std::string output;
  LoadFlags load;
};

Status init(Program& shared, const InitOptions& options) {
  if (auto status = check_output("-o", options.output, {options.model}); !status) return status;
  auto model = halftone::Model::load(options.model, options.load.options(), shared.context);
  if (!model) return model.error();
  auto recipe = model->recipe();
  if (!recipe) return recipe.error();
  if (recipe->task.type == halftone::TaskType::kDetection)
    shared.console.note(fmt::format("the head is {}, {}", recipe->task.head,
                                    model->is_quantized() ? "as the model says" : "found by the model's structure"));
  const std::filesystem::path folder = options.output.empty() ? "." : std::filesystem::path(options.output).parent_path();
  const halftone::InitResult result{options.output, halftone::format_recipe(*recipe, folder)};
  if (options.output.empty()) return shared.show(halftone::to_json(result), result.recipe);
  if (auto status = halftone::save_recipe(*recipe, options.output); !status) return status;
  shared.console.note(fmt::format("wrote {}; now edit the lines marked DECIDE", options.output));
  return shared.show(halftone::to_json(result), "");
}

}  // namespace

void add_init(CLI::App& program, Program& shared) {
  add_command<InitOptions>(program, shared, "init", "Inspect a model and write the recipe that it suggests", init);
}

}  // namespace app
