// SPDX-License-Identifier: Apache-2.0
// What written models carry beside the network: how to use them, and where they come from.
#pragma once

#include <optional>
#include <string>

#include "halftone/recipe.h"
#include "halftone/results.h"
#include "ir/graph.h"

namespace ht {

inline constexpr const char* kRecipeKey = "halftone.recipe";
inline constexpr const char* kManifestKey = "halftone.manifest";
inline constexpr const char* kRequantizationKey = "halftone.requantization";

// Of [preprocess] alone: statistics belong to one preprocessing.
std::string preprocess_hash(const std::optional<halftone::Preprocess>& preprocess);

// Where a quantized model comes from. Only what is the same in every run.
struct Origin {
  std::string model_hash, data_hash, preprocess_hash;
  int64_t calibration_images = 0;
  std::string isa;  // of the float executor that calibrated
  std::string target;
  int64_t quantized_nodes = 0, float_nodes = 0;
};
std::string manifest(const Origin& origin);

// The manifest with the figures of a validation. Fails where the text is not a manifest.
Result<std::string> with_validation(const std::string& manifest_text, const halftone::TaskMetrics& metrics, int64_t images,
                                    const std::string& data_hash);

// The hash of the model that the graph was quantized from; empty where its metadata do not tell.
std::string origin_model(const Graph& graph);

// The recipe that is written in the graph's metadata; nothing where there is none.
Result<std::optional<halftone::Recipe>> written_recipe(const Graph& graph);
// kInput where the recipe contradicts what is written in the model: other preprocessing, another head, other classes.
Status check_agreement(const halftone::Recipe& written, const halftone::Recipe& recipe, const std::string& model);
// The thresholds of [task] that the recipe has otherwise, in words; empty: none. They are no part of the network, so the recipe's count.
std::string other_thresholds(const halftone::Recipe& written, const halftone::Recipe& recipe);

}  // namespace ht
