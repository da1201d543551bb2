// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "api/arrays.h"
#include "api/comparison.h"
#include "api/content.h"
#include "api/metadata.h"
#include "api/samples.h"
#include "api/suggest_recipe.h"
#include "api/tensor.h"
#include "api/trace.h"
#include "base/thread_pool.h"
#include "halftone/operations.h"
#include "ir/dequantize.h"

namespace ht {
namespace {

using halftone::CompareOptions;
using halftone::Model;

// One of the two models.
struct Side {
  Model model;
  std::shared_ptr<const Network> network;
  Samples photos;             // or
  std::vector<Tensor> input;  // one sample
  const Graph& graph() const { return model.content().graph; }
  std::string file() const { return model.path().string(); }
};

Result<Side> open_side(const std::filesystem::path& path, const CompareOptions& options, const Context& context) {
  halftone::LoadOptions how;
  how.input_files = options.inputs;
  if (options.recipe && options.inputs.empty()) how.input_shape = options.recipe->model.input_shape;
  HT_ASSIGN(Model model, Model::load(path, how, context));
  const Model::Content& content = model.content();
  auto network = Network::make(content.graph, content.is_quantized, context.isa, 1);
  if (!network) return std::move(network.error()).in(path.string());
  return Side{std::move(model), *std::move(network), {}, {}};
}

Status give_arrays(Side& side, const std::vector<std::string>& files) {
  auto inputs = halftone::read_inputs(side.model, files);
  if (!inputs) return std::move(inputs.error()).in(side.file());
  for (ValueId id : side.graph().inputs) {
    const auto given = given_for(side.graph(), id, *inputs);
    if (!given) return Error(given.error()).in(side.file());
    HT_ASSIGN(Tensor tensor, to_internal(**given));
    side.input.push_back(std::move(tensor));
  }
  return {};
}

Status give_photos(Side& side, const halftone::Recipe& recipe, const CompareOptions& options) {
  if (!recipe.preprocess)
    return usage_error("neither model says how photos are preprocessed; give --recipe, or arrays with --input").in(side.file());
  auto photos = Samples::of_photos(side.graph(), *recipe.preprocess, options.images);
  if (!photos) return std::move(photos.error()).in(side.file());
  side.photos = *std::move(photos);
  return {};
}

// What a model carries counts for itself first; a model that carries nothing takes what the other one does.
Status give_samples(Side& a, Side& b, const CompareOptions& options) {
  if (options.images.empty() == options.inputs.empty()) return usage_error("give either photos or arrays to compare the models on");
  if (!options.inputs.empty()) {
    HT_TRY(give_arrays(a, options.inputs));
    return give_arrays(b, options.inputs);
  }
  HT_ASSIGN(const auto own_a, written_recipe(a.graph()));
  HT_ASSIGN(const auto own_b, written_recipe(b.graph()));
  const halftone::Recipe common = options.recipe ? *options.recipe : own_a ? *own_a : own_b ? *own_b : suggest_recipe(a.graph());
  HT_TRY(give_photos(a, options.recipe || !own_a ? common : *own_a, options));
  return give_photos(b, options.recipe || !own_b ? common : *own_b, options);
}

// What B calls the values of A.
class Names {
 public:
  Names(const Graph& a, const Graph& b) {
    if (a.outputs.size() != b.outputs.size()) return;
    for (const Value& value : b.values) of_b_.insert(value.name);
    for (size_t i = 0; i < a.outputs.size(); ++i) {
      const Value &output_a = a.value(a.outputs[i]), &output_b = b.value(b.outputs[i]);
      if (output_a.type.shape == output_b.type.shape && !of_b_.contains(output_a.name)) outputs_[output_a.name] = output_b.name;
    }
  }
  std::string in_b(const std::string& name) const {
    const auto found = outputs_.find(name);
    return found == outputs_.end() ? name : found->second;
  }

 private:
  std::set<std::string> of_b_;
  std::map<std::string, std::string> outputs_;
};

struct Pair {
  ComputedValue a;
  std::optional<ComparedValue> compared;
  bool has_other_shape = false;
};

Status compare_pair(Pair& pair, const ComputedValue& b) {
  const ComputedValue& a = pair.a;
  pair.has_other_shape = a.tensor.shape() != b.tensor.shape();
  if (pair.has_other_shape) return {};
  ComparedValue& compared = pair.compared.emplace();
  halftone::ValueComparison& row = compared.description;
  row.name = a.name;
  if (b.name != a.name) row.name_b = b.name;
  row.layer = a.layer;
  row.op = a.op;
  row.type_a = dtype_name(a.tensor.dtype());
  row.type_b = dtype_name(b.tensor.dtype());
  row.shape = a.tensor.shape();
  return compared.difference.add(dequantize(a.tensor, a.affine), dequantize(b.tensor, b.affine));
}

// Runs A and keeps its values in their own types, then runs B and compares each as it comes.
Result<Comparison> compare_sample(const Side& a, Runner& run_a, std::span<const Tensor> input_a, const Side& b, Runner& run_b,
                                  std::span<const Tensor> input_b, const std::vector<std::string>& wanted) {
  const Names names(a.graph(), b.graph());
  std::vector<Pair> pairs;
  std::map<std::string, size_t> by_name;  // of B
  Comparison result;
  HT_TRY(trace(run_a, a.graph(), input_a, [&](ComputedValue value) {
    if (!is_wanted(value.name, wanted)) return;
    by_name[names.in_b(value.name)] = pairs.size();
    pairs.push_back({std::move(value), {}, false});
  }));
  Status status;
  HT_TRY(trace(run_b, b.graph(), input_b, [&](ComputedValue value) {
    const auto found = by_name.find(value.name);
    if (found == by_name.end()) {
      if (is_wanted(value.name, wanted)) result.only_b.push_back(value.name);
      return;
    }
    Pair& pair = pairs[found->second];
    if (status) status = compare_pair(pair, value);
    pair.a.tensor = Tensor();
  }));
  HT_TRY(status);
  for (Pair& pair : pairs) {
    if (pair.compared) result.values.push_back(*std::move(pair.compared));
    else (pair.has_other_shape ? result.other_shape : result.only_a).push_back(pair.a.name);
  }
  return result;
}

// Merges what threads find in the order of the samples, so that the sums do not depend on them.
class InOrder {
 public:
  void add(int64_t index, Comparison found) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(index, std::move(found));
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_; first = waiting_.erase(first), ++next_) {
      if (next_ == 0) total_ = std::move(first->second);
      else total_.merge(first->second);
    }
  }
  const Comparison& total() const { return total_; }

 private:
  std::mutex mutex_;
  std::map<int64_t, Comparison> waiting_;
  int64_t next_ = 0;
  Comparison total_;
};

struct Lane {
  std::optional<Runner> a, b;
};

Result<Sample> sample_of(const Side& side, int64_t index) {
  if (!side.input.empty()) return Sample{side.input, {}};
  auto sample = side.photos.read(index);
  if (!sample) return in_file(std::move(sample.error()), side.photos.names()[static_cast<size_t>(index)]);
  return sample;
}

Result<Comparison> compare_all(const Side& a, const Side& b, const CompareOptions& options, const Context& context) {
  const int64_t count = options.images.empty() ? 1 : static_cast<int64_t>(options.images.size());
  std::vector<Lane> lanes(static_cast<size_t>(std::min<int64_t>(resolve_threads(context.threads), count)));
  InOrder merged;
  HT_TRY(for_each_sample(context, "compare", count, static_cast<int>(lanes.size()), [&](int64_t index, int lane_index) -> Status {
    Lane& lane = lanes[static_cast<size_t>(lane_index)];
    if (!lane.a) lane = {Runner(*a.network), Runner(*b.network)};
    HT_ASSIGN(const Sample sample_a, sample_of(a, index));
    HT_ASSIGN(const Sample sample_b, sample_of(b, index));
    HT_ASSIGN(Comparison found, compare_sample(a, *lane.a, sample_a.inputs, b, *lane.b, sample_b.inputs, options.values));
    merged.add(index, std::move(found));
    return {};
  }));
  return merged.total();
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<CompareResult> compare(const std::filesystem::path& a, const std::filesystem::path& b, const CompareOptions& options, const Context& context) {
  HT_ASSIGN(ht::Side side_a, ht::open_side(a, options, context));
  HT_ASSIGN(ht::Side side_b, ht::open_side(b, options, context));
  HT_TRY(ht::give_samples(side_a, side_b, options));
  HT_ASSIGN(const ht::Comparison comparison, ht::compare_all(side_a, side_b, options, context));
  HT_TRY(ht::check_common(comparison, a, b));
  CompareResult result = comparison.result();
  result.samples = options.images.empty() ? 1 : static_cast<int64_t>(options.images.size());
  return result;
}

}  // namespace halftone
