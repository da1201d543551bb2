// SPDX-License-Identifier: Apache-2.0
// consumer RECIPE OUT.onnx PHOTO: quantizes the recipe's detector and shows what the quantized one finds in a photo.
#include <cstdio>

#include "halftone/halftone.h"

namespace {

halftone::Status quantize_and_detect(const char* recipe_path, const char* output, const char* photo) {
  halftone::Context context;
  context.on_note = [](std::string_view text) { std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data()); };

  const auto recipe = halftone::load_recipe(recipe_path);
  if (!recipe) return recipe.error();
  const auto quantized = halftone::quantize(*recipe, output, {}, context);
  if (!quantized) return quantized.error();
  std::printf("%s: %lld bytes instead of %lld\n", output, static_cast<long long>(quantized->quantized_bytes),
              static_cast<long long>(quantized->float_bytes));

  const auto model = halftone::Model::load(output, {}, context);
  if (!model) return model.error();
  auto task = model->recipe();  // preprocessing and head travel in the file
  if (!task) return task.error();
  task->task.score_threshold = 0.3f;
  auto session = halftone::Session::create(*model, context);
  if (!session) return session.error();
  const auto detections = session->detect(photo, *task);
  if (!detections) return detections.error();
  for (const halftone::Detection& d : *detections)
    std::printf("%-14s %.2f at %.0f, %.0f, size %.0f x %.0f\n", d.category.c_str(), d.score, d.bbox[0], d.bbox[1], d.bbox[2], d.bbox[3]);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: consumer RECIPE OUT.onnx PHOTO\n");
    return 2;
  }
  const halftone::Status status = quantize_and_detect(argv[1], argv[2], argv[3]);
  if (status) return 0;
  std::fprintf(stderr, "%s\n", status.error().text().c_str());
  return static_cast<int>(status.error().code);
}
