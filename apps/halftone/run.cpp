// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "command.h"

namespace app {
namespace {

using halftone::Detection;
using halftone::ImageDetections;
using halftone::Model;
using halftone::Recipe;
using halftone::Result;
using halftone::Session;
using halftone::Status;
using halftone::Tensor;

// Boxes below that are noise to the eye, though COCO's figures count them.
constexpr float kDrawnScore = 0.3f;

struct RunFlags {
  explicit RunFlags(CLI::App& command) {
    command.add_option("MODEL", model, "A float or quantized ONNX file")->required();
    command.add_option("--image", images, "JPEG, PNG or WebP photos")->type_name("FILE");
    command.add_option("-o", output, "Write a picture with the boxes (.png, .jpg), or the detections (.json)")->type_name("OUT");
    command.add_option("--recipe", recipe, "Preprocessing and head of a float model (default: what its structure suggests)");
    command.add_option("--score-threshold", score_threshold, "Only boxes above it")->type_name("X")->check(between(0.0, 1.0));
    command.add_option("--beside", beside, "Another model whose boxes are drawn beside these")->type_name("MODEL");
    command.add_option("--input", inputs, "A raw input, or all of them in one .npz; NAME= may be left out where there is only one")
        ->type_name("NAME=X.npy");
    command.add_option("--output", output_folder, "Write raw outputs as NAME.npy into this folder")->type_name("DIR");
    command.add_option("--dump-values", dump_folder, "Write every value on the way as NAME.npy into this new folder")->type_name("DIR");
    command.footer(examples({"run yolox_int8.onnx --image street.jpg", "run yolox_int8.onnx --image street.jpg -o boxes.png",
                             "run net.onnx --input data=x.npy --output outputs",
                             "run yolox_int8.onnx --image street.jpg --dump-values values"}));
  }
  std::string model;
  std::vector<std::string> images;
  std::string output;
  std::string recipe;
  std::optional<float> score_threshold;
  std::vector<std::string> beside;
  std::vector<std::string> inputs;
  std::string output_folder;
  std::string dump_folder;
};

bool is_picture(const std::string& path) {
  const std::string ending = ending_of(path);
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

Status check_written(const RunFlags& flags) {
  std::vector<std::filesystem::path> inputs = {flags.model, flags.recipe};
  inputs.insert(inputs.end(), flags.images.begin(), flags.images.end());
  inputs.insert(inputs.end(), flags.beside.begin(), flags.beside.end());
  return check_output("-o", flags.output, inputs);
}

Status check(const RunFlags& flags) {
  if (flags.images.empty() == flags.inputs.empty()) return usage("give either --image or --input");
  if (!flags.inputs.empty() && flags.output_folder.empty() && flags.dump_folder.empty()) return usage("--input needs --output or --dump-values, a folder");
  if (!flags.inputs.empty() && (!flags.recipe.empty() || flags.score_threshold || !flags.beside.empty()))
    return usage("--recipe, --score-threshold and --beside are for photos, not for raw inputs");
  if (!flags.output.empty() && flags.images.empty()) return usage("-o is for detections; raw outputs go to the folder --output");
  if (!flags.output.empty() && !is_picture(flags.output) && ending_of(flags.output) != ".json")
    return usage(fmt::format("-o {} must end in .png, .jpg or .json", flags.output));
  if (is_picture(flags.output) && flags.images.size() > 1) return usage("a picture as -o takes just one --image");
  if (!flags.beside.empty() && !is_picture(flags.output)) return usage("--beside needs a picture as -o");
  if (!flags.images.empty() && !flags.output_folder.empty()) return usage("--output takes what --input gives; photos give -o, or --dump-values");
  if (!flags.dump_folder.empty() && flags.images.size() > 1) return usage("--dump-values takes just one --image");
  return check_written(flags);
}

// A model with all that is needed to run it on photos.
struct Runner {
  Session session;
  Recipe recipe;
};

Result<Runner> open_runner(Program& shared, const RunFlags& flags, const std::string& path) {
  std::optional<Recipe> given;
  halftone::LoadOptions how;
  if (!flags.recipe.empty()) {
    auto loaded = halftone::load_recipe(flags.recipe);
    if (!loaded) return loaded.error();
    given = *std::move(loaded);
    how.input_shape = given->model.input_shape;
  }
  auto model = Model::load(path, how, shared.context);
  if (!model) return model.error();
  if (given)
    if (auto status = model->check_agreement(*given, shared.context); !status) return std::move(status.error());
  auto recipe = given ? Result<Recipe>(*std::move(given)) : model->recipe();
  if (!recipe) return recipe.error();
  if (flags.score_threshold) recipe->task.score_threshold = *flags.score_threshold;
  if (!flags.score_threshold && is_picture(flags.output)) recipe->task.score_threshold = std::max(recipe->task.score_threshold, kDrawnScore);
  auto session = Session::create(*model, shared.context);
  if (!session) return session.error();
  return Runner{*std::move(session), *std::move(recipe)};
}

Status draw(Program& shared, const RunFlags& flags, const std::vector<Detection>& detections) {
  const std::string& image = flags.images[0];
  if (flags.beside.empty()) return halftone::draw_detections(image, detections, flags.output);
  std::vector<halftone::CaptionedDetections> panels = {{std::filesystem::path(flags.model).stem().string(), detections}};
  for (const std::string& path : flags.beside) {
    auto other = open_runner(shared, flags, path);
    if (!other) return other.error();
    auto found = other->session.detect(image, other->recipe);
    if (!found) return found.error();
    panels.push_back({std::filesystem::path(path).stem().string(), *std::move(found)});
  }
  return halftone::draw_side_by_side(image, panels, flags.output);
}

std::string text_of(const std::vector<Detection>& detections) {
  Table table({"category", "score", "x", "y", "width", "height"});
  for (const Detection& d : detections)
    table.add({d.category, fmt::format("{:.3f}", d.score), fmt::format("{:.1f}", d.bbox[0]), fmt::format("{:.1f}", d.bbox[1]),
               fmt::format("{:.1f}", d.bbox[2]), fmt::format("{:.1f}", d.bbox[3])});
  return table.empty() ? "nothing found\n" : table.text();
}

Status dump_values(Runner& runner, const RunFlags& flags) {
  auto input = runner.session.preprocess(flags.images[0], runner.recipe);
  if (!input) return input.error();
  return runner.session.dump({&*input, 1}, flags.dump_folder);
}

Status run_images(Program& shared, const RunFlags& flags) {
  auto runner = open_runner(shared, flags, flags.model);
  if (!runner) return runner.error();
  const bool only_values = !flags.dump_folder.empty() && flags.output.empty() && runner->recipe.task.type != halftone::TaskType::kDetection;
  if (only_values) {
    auto status = dump_values(*runner, flags);
    return status ? shared.show(halftone::to_json(halftone::RunResult{"", flags.dump_folder}), "") : status;
  }
  std::vector<ImageDetections> found;
  for (size_t i = 0; i < flags.images.size(); ++i) {
    const std::string& image = flags.images[i];
    // First, so that nothing is written where nothing can be detected.
    auto detections = runner->session.detect(image, runner->recipe);
    if (!detections) return detections.error();
    if (!flags.dump_folder.empty())
      if (auto status = dump_values(*runner, flags); !status) return status;
    found.push_back({image, *std::move(detections)});
    if (flags.images.size() > 1) shared.context.progress("run", static_cast<int64_t>(i) + 1, static_cast<int64_t>(flags.images.size()));
  }
  const std::string json = halftone::to_json(found);
  if (flags.output.empty()) return print(json + "\n");
  if (!is_picture(flags.output)) return halftone::write_text(flags.output, json + "\n");
  if (auto status = draw(shared, flags, found[0].detections); !status) return status;
  return shared.show(json, text_of(found[0].detections));
}

Status run_tensors(Program& shared, const RunFlags& flags) {
  halftone::LoadOptions how;
  how.input_files = flags.inputs;
  auto model = Model::load(flags.model, how, shared.context);
  if (!model) return model.error();
  auto inputs = halftone::read_inputs(*model, flags.inputs);
  if (!inputs) return inputs.error();
  auto session = Session::create(*model, shared.context);
  if (!session) return session.error();
  if (!flags.dump_folder.empty()) {
    if (auto status = session->dump(*inputs, flags.dump_folder); !status) return status;
  }
  if (!flags.output_folder.empty()) {
    const auto outputs = session->run(*inputs);
    if (!outputs) return outputs.error();
    if (auto status = halftone::write_arrays(flags.output_folder, *outputs); !status) return status;
  }
  return shared.show(halftone::to_json(halftone::RunResult{flags.output_folder, flags.dump_folder}), "");
}

Status run(Program& shared, const RunFlags& flags) {
  if (auto status = check(flags); !status) return status;
  return flags.images.empty() ? run_tensors(shared, flags) : run_images(shared, flags);
}

}  // namespace

void add_run(CLI::App& program, Program& shared) {
  add_command<RunFlags>(program, shared, "run", "Detect objects in photos, or compute raw outputs", run);
}

}  // namespace app
