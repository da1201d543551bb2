// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "api/arrays.h"
#include "api/compile_detect.h"
#include "api/content.h"
#include "api/metadata.h"
#include "api/photo_input.h"
#include "api/suggest_recipe.h"
#include "api/tensor.h"
#include "api/verify_bundle.h"
#include "base/file.h"
#include "base/new_folder.h"
#include "codegen/bundle.h"
#include "halftone/operations.h"
#include "image/decode.h"
#include "ops/convert/convert.h"
#include "ops/prepare.h"
#include "runtime/session.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

using Json = nlohmann::ordered_json;
using halftone::CompileOptions;
using halftone::CompileResult;

constexpr const char* kManifest = "bundle.json";
constexpr const char* kReport = "REPORT.md";
constexpr const char* kBuildFolder = "build";  // what the bundle's Makefile makes
constexpr int64_t kMostManifestBytes = 1 << 20;

// Whether the folder holds nothing but an earlier bundle and what was built from it.
bool is_bundle(const fs::path& folder) {
  const auto bytes = read_file(folder / kManifest, kMostManifestBytes);
  if (!bytes) return false;
  const Json manifest = Json::parse(*bytes, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_array()) return false;
  std::set<std::string> known = {kManifest};
  for (const Json& file : manifest["files"])
    if (file.is_string()) known.insert(file.get<std::string>());
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path().lexically_relative(folder).generic_string();
    const bool is_folder = fs::is_directory(entry->symlink_status(error));
    if (path == kBuildFolder) entry.disable_recursion_pending();
    else if (error || (!is_folder && !known.contains(path))) return false;
  }
  return !error;
}

std::string manifest_text(const Design& design, const std::string& model_hash, const std::vector<BundleFile>& files) {
  Json manifest{{"version", 1}, {"name", design.name()}, {"cpu", design.options.cpu->name}, {"model_sha256", model_hash}};
  manifest["files"] = Json::array();
  for (const BundleFile& file : files) manifest["files"].push_back(file.path);
  return manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

halftone::CompiledTensor compiled_tensor(const Design& design, const Port& port) {
  const Buffer& buffer = design.plan.buffer(port.buffer);
  halftone::CompiledTensor tensor{port.name, port.title, std::string(dtype_name(buffer.dtype)), memory_shape(buffer.shape, buffer.layout),
                                  buffer.layout == Layout::kChannelsLast && buffer.shape.size() > 2, {}, {}, buffer.bytes()};
  if (!buffer.affine) return tensor;
  tensor.scales = buffer.affine->scales();
  tensor.zero_points = buffer.affine->zero_points();
  return tensor;
}

// What the user should know of the bundle.
std::vector<std::string> notes_of(const Design& design) {
  const Cpu& cpu = *design.options.cpu;
  if (cpu.has_float || !design.use.floats) return {};
  if (design.use.policies & (1u << HT_FLOAT_HALF_EVEN | 1u << HT_FLOAT_HALF_AWAY))
    return {fmt::format("{} has no floating point unit, but the requantization {} of this model computes with floats; `halftone quantize --target cortex-m` makes one with integers",
                        cpu.name, policy_name(design.plan.policy))};
  const auto is_float = [&](const Step& step) { return design.plan.buffer(step.output).dtype == DType::kFloat32; };
  return {fmt::format("{} has no floating point unit, but {} of {} steps compute with floats; `halftone quantize --target cortex-m` leaves no more than the head's",
                      cpu.name, std::ranges::count_if(design.plan.steps, is_float), design.plan.steps.size())};
}

CompileResult result_of(const Design& design, const fs::path& folder) {
  CompileResult result;
  result.output = folder.string();
  result.name = design.name();
  result.cpu = design.options.cpu->name;
  result.policy = policy_name(design.plan.policy);
  for (const Port& port : design.inputs) result.inputs.push_back(compiled_tensor(design, port));
  for (const Port& port : design.outputs) result.outputs.push_back(compiled_tensor(design, port));
  result.arena_bytes = design.memory.arena_bytes;
  result.arena_lower_bound = design.memory.lower_bound;
  result.ram_bytes = design.ram_bytes();
  result.weight_bytes = design.weight_bytes;
  result.bias_bytes = design.bias_bytes;
  result.constant_bytes = design.constant_bytes() - result.weight_bytes - result.bias_bytes;
  result.flash_bytes = design.constant_bytes();
  result.bands = design.memory.bands.bands;
  result.extra_macs = design.memory.bands.extra_macs;
  for (size_t i = 0; i < design.plan.steps.size(); ++i) {
    const Step& step = design.plan.steps[i];
    result.layers.push_back({step.node, step.op, design.calls[i].kernel, step.macs, {}});
    result.macs += step.macs;
  }
  result.notes = notes_of(design);
  return result;
}

Status check_fit(const Design& design, const CompileResult& result, const CompileOptions& options) {
  if (options.ram_bytes && result.ram_bytes > *options.ram_bytes) {
    const Step& fullest = design.plan.steps[design.memory.fullest];
    return Error{ErrorCode::kDemandNotMet,
                 fmt::format("needs {} bytes of RAM (arena {}, {} beside it {}), which is {} more than the {} there are, the stack aside; the arena is fullest in "
                             "{} ({}){}, so a smaller input or fewer channels there make it fit",
                             result.ram_bytes, result.arena_bytes, design.detection ? fmt::format("what {}_detect() needs", design.name()) : "inputs and outputs",
                             result.ram_bytes - result.arena_bytes, result.ram_bytes - *options.ram_bytes, *options.ram_bytes, fullest.node, fullest.op,
                             result.bands > 0 ? fmt::format(", although the first layers run in {} bands of rows", result.bands) : ""),
                 {}};
  }
  if (options.flash_bytes && result.flash_bytes > *options.flash_bytes)
    return Error{ErrorCode::kDemandNotMet,
                 fmt::format("needs {} bytes of flash (weights {}, biases {}, other constants {}{}), which is {} more than the {} there are; weights of 4 bits (`quantize --weights 4`) "
                             "or a smaller network make it fit",
                             result.flash_bytes, result.weight_bytes, result.bias_bytes, result.constant_bytes, result.code_bytes ? fmt::format(", code {}", *result.code_bytes) : ", without code",
                             result.flash_bytes - *options.flash_bytes, *options.flash_bytes),
                 {}};
  return {};
}

// The bytes of a model's input as the bundle takes them.
Result<std::vector<uint8_t>> port_bytes(const Buffer& buffer, const Tensor& given) {
  Tensor tensor = given;
  if (given.dtype() == DType::kFloat32 && buffer.affine) tensor = quantize(given, buffer.dtype, *buffer.affine);
  if (tensor.shape() != buffer.shape || dtype_size(tensor.dtype()) != dtype_size(buffer.dtype))
    return input_error("the input {} is of shape {}, but {} was given", buffer.name, shape_text(buffer.shape), shape_text(given.shape()));
  std::vector<uint8_t> bytes = to_layout(tensor, buffer.layout);
  if (buffer.is_unsigned && tensor.dtype() == buffer.declared()) flip_signs(buffer.dtype, bytes);
  return bytes;
}

// Inputs for the test: random ones, then those that the user gave.
class VectorMaker {
 public:
  VectorMaker(const Design& design, const Graph& graph, const Context& context)
      : design_(design), graph_(graph), session_(Placement::make(design.session_plan, context.isa), 1), context_(context) {}

  Status add_random(int64_t count) {
    for (int64_t i = 1; i <= count; ++i) {
      const auto seed = static_cast<uint32_t>(i);
      HT_TRY(add({seed, random_inputs(design_, seed), {}}));
    }
    return {};
  }
  Status add_arrays(const halftone::Model& model, const std::vector<std::string>& files) {
    if (files.empty()) return {};
    HT_ASSIGN(const auto arrays, halftone::read_inputs(model, files));
    std::vector<Tensor> tensors;
    for (ValueId input : graph_.inputs) {
      HT_ASSIGN(const halftone::Tensor* given, given_for(graph_, input, arrays));
      HT_ASSIGN(Tensor tensor, to_internal(*given));
      tensors.push_back(std::move(tensor));
    }
    return add_tensors(tensors);
  }
  Status add_photos(const std::vector<fs::path>& files) {
    if (files.empty()) return {};
    HT_ASSIGN(const auto written, written_recipe(graph_));
    const halftone::Recipe recipe = written ? *written : suggest_recipe(graph_);
    if (!recipe.preprocess) return usage_error("the model does not say how photos are preprocessed; give arrays with --input");
    HT_ASSIGN(const PhotoInput input, PhotoInput::make(graph_, *recipe.preprocess));
    for (const fs::path& file : files) {
      HT_ASSIGN(const Image photo, read_image(file));
      HT_ASSIGN(const Tensor tensor, input.convert(photo));
      HT_TRY(add_tensors({tensor}));
    }
    return {};
  }
  std::vector<TestVector> take() { return std::move(vectors_); }

 private:
  Status add_tensors(const std::vector<Tensor>& tensors) {
    TestVector vector;
    for (size_t i = 0; i < design_.inputs.size(); ++i) {
      HT_ASSIGN(std::vector<uint8_t> bytes, port_bytes(design_.plan.buffer(design_.inputs[i].buffer), tensors[i]));
      vector.inputs.push_back(std::move(bytes));
    }
    return add(std::move(vector));
  }

  Status add(TestVector vector) {
    if (context_.is_cancelled()) return interrupted();
    for (size_t i = 0; i < design_.inputs.size(); ++i) {
      const Buffer& buffer = design_.plan.buffer(design_.inputs[i].buffer);
      std::vector<uint8_t> bytes = vector.inputs[i];
      if (buffer.is_unsigned) flip_signs(buffer.dtype, bytes);  // a session takes what the model declares
      HT_TRY(session_.set_input(i, buffer.declared(), buffer.shape, bytes));
    }
    session_.compute();
    for (size_t i = 0; i < design_.outputs.size(); ++i) {
      const Buffer& buffer = design_.plan.buffer(design_.outputs[i].buffer);
      std::vector<uint8_t> bytes(static_cast<size_t>(buffer.bytes()));
      session_.read_output(i, bytes);
      if (buffer.is_unsigned) flip_signs(buffer.dtype, bytes);
      vector.outputs.push_back(std::move(bytes));
    }
    vectors_.push_back(std::move(vector));
    return {};
  }

  const Design& design_;
  const Graph& graph_;
  Session session_;
  const Context& context_;
  std::vector<TestVector> vectors_;
};

struct Designed {
  Design design;
  std::optional<Error> no_detection;  // why a detector's bundle has no NAME_detect()
};

Result<Designed> design_for(const halftone::Model& model, const CompileOptions& options) {
  const auto& content = model.content();
  HT_ASSIGN(const Cpu* cpu, find_cpu(options.cpu));
  if (!content.is_quantized)
    return unsupported("is a float model, and bundles compute in integers; quantize it first: `halftone init` writes a recipe, and `halftone quantize RECIPE -o OUT.onnx{}` the model",
                       cpu->has_float ? "" : " --target cortex-m");
  HT_ASSIGN(const Plan plan, make_plan(content.graph));
  const std::string name = options.name.empty() ? content.path.stem().string() : options.name;
  BundleOptions how{name, content.path.filename().string(), std::string(halftone::version()), cpu};
  HT_ASSIGN(Design design, design_bundle(plan, how));
  auto detection = detection_of(model, design);
  const auto design_again = [&]() -> Status {
    HT_ASSIGN(design, design_bundle(plan, how));
    if (detection) design.detection = *detection;
    return {};
  };
  if (detection && *detection) {
    how.ports_in_arena = true;
    how.input_window = (*detection)->scratch_bytes + kArenaAlignment;
    HT_TRY(design_again());
  }
  if (options.bands) {
    how.arena_bytes = 0;
    HT_TRY(design_again());
  }
  // What the arena has no room for any more NAME_detect() needs beside it: so its size is found in steps.
  const auto excess = [&] { return options.ram_bytes ? std::max<int64_t>(design.ram_bytes() - *options.ram_bytes, 0) : 0; };
  for (int64_t last = std::numeric_limits<int64_t>::max(); excess() > 0 && design.memory.arena_bytes < last;) {
    last = design.memory.arena_bytes;
    how.arena_bytes = std::max<int64_t>(last - excess(), 0);
    HT_TRY(design_again());
  }
  if (!detection) return Designed{std::move(design), detection.error()};
  return Designed{std::move(design), std::nullopt};
}

Status write_files(const fs::path& folder, const std::vector<BundleFile>& files) {
  for (const BundleFile& file : files) {
    std::error_code error;
    fs::create_directories((folder / file.path).parent_path(), error);
    if (error) return input_error("cannot make a folder: {}", error.message()).in((folder / file.path).parent_path().string());
    HT_TRY(write_file(folder / file.path, file.text));
  }
  return {};
}

Result<CompileResult> compile(const halftone::Model& model, const fs::path& folder, const CompileOptions& options, const Context& context) {
  HT_ASSIGN(const Designed designed, design_for(model, options));
  const Design& design = designed.design;
  CompileResult result = result_of(design, folder);
  if (designed.no_detection) result.notes.push_back(fmt::format("the bundle has no {}_detect(): {}", design.name(), designed.no_detection->message));
  HT_TRY(check_fit(design, result, options));
  if (options.verify) HT_TRY(can_verify(design));
  HT_ASSIGN(NewFolder place, NewFolder::make(folder, is_bundle));
  VectorMaker vectors(design, model.content().graph, context);
  HT_TRY(vectors.add_random(options.vectors));
  HT_TRY(vectors.add_arrays(model, options.inputs));
  HT_TRY(vectors.add_photos(options.images));
  const std::vector<TestVector> made = vectors.take();
  result.vectors = static_cast<int64_t>(made.size());
  std::vector<FrameVector> frames;
  if (design.detection) {
    HT_ASSIGN(frames, frame_vectors(model, design, options.images, context));
  }
  std::vector<BundleFile> files = bundle_files(design, made, frames);
  files.push_back({kReport, bundle_report(design, nullptr)});
  files.push_back({kManifest, manifest_text(design, model.content().hash, files)});
  HT_TRY(write_files(place.place(), files));
  if (options.verify) HT_TRY(verify_bundle(design, place.place(), place.place() / kReport, result, context));
  HT_TRY(check_fit(design, result, options));
  HT_TRY(place.commit());
  for (const std::string& note : result.notes) context.note(note);
  return result;
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<CompileResult> compile(const std::filesystem::path& model, const std::filesystem::path& folder, const CompileOptions& options,
                              const Context& context) {
  LoadOptions how;
  how.input_files = options.inputs;
  HT_ASSIGN(const Model loaded, Model::load(model, how, context));
  auto result = ht::compile(loaded, folder, options, context);
  if (!result && result.error().place.empty()) return std::move(result.error()).in(model.string());
  return result;
}

}  // namespace halftone
