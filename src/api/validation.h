// SPDX-License-Identifier: Apache-2.0
// Validation of one kind of task each: the float model, the quantized one, or both beside each other.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "api/network.h"
#include "api/samples.h"
#include "evaluate/metrics.h"
#include "halftone/operations.h"

namespace ht {

// A model under validation.
struct Subject {
  halftone::Model model;
  std::shared_ptr<const Network> network;
  const Graph& graph() const;
};

struct Subjects {
  std::optional<Subject> real, quantized;  // at least one
  std::filesystem::path outputs = {};      // where another engine's outputs lie, which then take the place of the quantized model's; it is the float one
  const Subject& any() const { return real ? *real : *quantized; }
};

struct Validation {
  halftone::ValidateResult result;
  std::string data_hash;  // of labels and samples
};

inline constexpr double kPoints = 100;  // in which a drop is told

// What the task is judged by: AP or top-1.
double figure_of(const halftone::TaskMetrics& metrics);

// The data are recipe.validation, which is there.
Result<Validation> validate_detection(const Subjects& subjects, const halftone::Recipe& recipe, const halftone::ValidateOptions& options,
                                      const Context& context);
Result<Validation> validate_classification(const Subjects& subjects, const halftone::Recipe& recipe,
                                           const halftone::ValidateOptions& options, const Context& context);
Result<Validation> validate_outputs(const Subjects& subjects, const halftone::Recipe& recipe, const halftone::ValidateOptions& options,
                                    const Context& context);

// Whichever of these [task] asks for. kUsage where the recipe has no [validation].
Result<Validation> validate_subjects(const Subjects& subjects, const halftone::Recipe& recipe, const halftone::ValidateOptions& options,
                                     const Context& context);

// One runner a model and thread, made when it is first needed.
class Lanes {
 public:
  Lanes(const Subjects& subjects, const Context& context);
  int count() const { return static_cast<int>(lanes_.size()); }

  struct Outputs {
    std::vector<Tensor> real, quantized;  // empty where there is no such model; real numbers in both
  };
  // The inputs are the float model's, where there is one. `sample` is the number under which other engines' outputs are filed.
  Result<Outputs> run(int lane, std::span<const Tensor> inputs, int64_t sample);

 private:
  struct Lane {
    std::optional<Runner> real, quantized;
  };
  const Subjects& subjects_;
  std::vector<Lane> lanes_;
};

// How far the quantized outputs are from the float ones, for each output.
Result<std::vector<OutputError>> compare_outputs(const Lanes::Outputs& outputs);
// Over all samples in their order, so that the sums do not depend on threads.
std::vector<halftone::OutputFidelity> summarize(const Graph& graph, const std::vector<std::vector<OutputError>>& samples);

}  // namespace ht
