// SPDX-License-Identifier: Apache-2.0
#include "api/trials.h"

#include <algorithm>
#include <tuple>

#include "api/arrays.h"
#include "api/calibrate.h"
#include "api/content.h"
#include "api/grid.h"
#include "base/file.h"
#include "quantize/roles.h"

namespace ht {
namespace {

constexpr int64_t kPhotos = 3;

std::span<float> floats_of(std::span<uint8_t> bytes) { return {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)}; }

void round_to(const Grid& grid, const Buffer& buffer, std::span<float> data) {
  const auto round = [&](size_t channel, std::span<float> part) {
    grid.levels(channel, part, part);
    for (float& x : part) x *= grid.scale(channel);
  };
  if (!grid.has_channels()) return round(0, data);
  if (buffer.layout == Layout::kChannelsLast) {
    for (size_t i = 0; i < data.size(); ++i) round(i % grid.channels(), data.subspan(i, 1));
    return;
  }
  size_t inner = 1;
  for (size_t axis = 2; axis < buffer.shape.size(); ++axis) inner *= static_cast<size_t>(buffer.shape[axis]);
  for (size_t i = 0; i < data.size(); i += inner) round(i / inner % grid.channels(), data.subspan(i, inner));
}

// Of a detector's decoded output: its columns are of different kinds, as boxes and scores are.
std::pair<size_t, size_t> columns_of(const Buffer& buffer) {
  if (buffer.shape.size() != 3 || buffer.shape[0] != 1) return {1, 1};
  const auto a = static_cast<size_t>(buffer.shape[1]), b = static_cast<size_t>(buffer.shape[2]);
  const bool is_swapped = buffer.layout == Layout::kChannelsLast;
  if (a > b) return {b, is_swapped ? a : 1};
  return {a, is_swapped ? 1 : b};
}

template <class T>
void update(Sha256& hash, const T& number) {
  hash.update(std::span(reinterpret_cast<const uint8_t*>(&number), sizeof number));
}
template <class T>
void update_all(Sha256& hash, const std::vector<T>& numbers) {
  update(hash, numbers.size());
  hash.update(std::span(reinterpret_cast<const uint8_t*>(numbers.data()), numbers.size() * sizeof(T)));
}
void update(Sha256& hash, const std::string& text) {
  update(hash, text.size());
  hash.update(text);
}

}  // namespace

Session::Observer rounding_observer(const std::map<std::string, TensorType>& grids) {
  std::map<std::string, Grid> made;
  for (const auto& [name, type] : grids) made.emplace(name, Grid(type));
  return [made = std::move(made)](const Buffer& buffer, std::span<uint8_t> bytes) {
    if (buffer.dtype != DType::kFloat32) return;
    if (const auto found = made.find(buffer.name); found != made.end()) round_to(found->second, buffer, floats_of(bytes));
  };
}

Result<std::shared_ptr<const Network>> trial_network(const Graph& graph, const std::shared_ptr<const Network>& base, const Trial& trial, Isa isa) {
  HT_ASSIGN(const TrialGraph made, make_trial(graph, trial));
  std::shared_ptr<const Network> network = base;
  if (made.changed) {
    HT_ASSIGN(network, Network::make(*made.changed, false, isa, 1));
  }
  return network->observed_by(rounding_observer(made.grids));
}

std::string trial_hash(const Trial& trial) {
  Sha256 hash;
  for (const Part& part : trial) {
    update(hash, part.layer->node);
    update(hash, part.inputs ? part.layer->grids.size() : size_t{0});
    for (const auto& [value, type] : part.layer->grids) {
      if (!part.inputs) break;
      update(hash, value);
      update(hash, type.dtype);
      update_all(hash, type.affine->shape());
      update_all(hash, type.affine->scales());
      update_all(hash, type.affine->zero_points());
    }
    update(hash, part.weights ? part.layer->constants.size() : size_t{0});
    for (const IntegerLayer::Constant& constant : part.layer->constants) {
      if (!part.weights) break;
      update(hash, constant.index);
      update_all(hash, constant.reals.shape());
      hash.update(constant.reals.bytes());
    }
  }
  return hash.hex();
}

TrialBench::TrialBench(const Graph& graph, std::shared_ptr<const Network> network, std::string origin, std::vector<TrialPhoto> photos,
                       Measurements* store, const Context& context)
    : graph_(graph), origin_(std::move(origin)), photos_(std::move(photos)), store_(store), context_(context), base_(std::move(network)) {
  for (const TrialPhoto& photo : photos_) origin_ += " " + photo.hash;
  const Links links(graph);
  for (ValueId output : graph.outputs)
    if (const NodeId producer = links.producer(output); producer.valid() && !is_weighted(graph, graph.node(producer)))
      decoded_.insert(graph.value(output).name);
}

double TrialBench::mean_column_error(const Head& head, const Head& exact) {
  std::vector<double> errors(head.columns), energies(head.columns);
  for (size_t i = 0; i < head.elements.size(); ++i) {
    const double x = exact.elements[i], difference = head.elements[i] - x;
    const size_t column = i / head.inner % head.columns;
    errors[column] += difference * difference;
    energies[column] += x * x;
  }
  std::vector<double> sorted = energies;
  std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2));
  const double median = sorted[sorted.size() / 2];
  double sum = 0;
  for (size_t c = 0; c < head.columns; ++c)
    if (const double energy = std::max(energies[c], median); energy > 0) sum += errors[c] / energy;
  return sum / static_cast<double>(head.columns);
}

// One photo's heads.
Result<TrialBench::Heads> TrialBench::run_photo(Runner& runner, const Network& network, const TrialPhoto& photo,
                                                std::span<const std::string> names) const {
  Heads heads(names.size());
  runner.session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
    if (network.observer()) network.observer()(buffer, bytes);
    const auto head = std::ranges::find(names, buffer.name);
    if (head == names.end() || buffer.dtype != DType::kFloat32) return;
    const std::span<const float> data = floats_of(bytes);
    Head& taken = heads[static_cast<size_t>(head - names.begin())];
    taken.elements.assign(data.begin(), data.end());
    if (decoded_.contains(buffer.name)) std::tie(taken.columns, taken.inner) = columns_of(buffer);
  });
  HT_TRY(runner.run(photo.inputs));
  return heads;
}

Status TrialBench::prepare(std::span<const std::string> heads) {
  if (!exact_.empty() && std::ranges::equal(heads, heads_)) return {};
  heads_.assign(heads.begin(), heads.end());
  exact_.clear();
  Runner runner(*base_);
  for (const TrialPhoto& photo : photos_) {
    HT_ASSIGN(Heads exact, run_photo(runner, *base_, photo, heads));
    exact_.push_back(std::move(exact));
  }
  return {};
}

Result<double> TrialBench::run_trial(const Trial& trial, std::span<const std::string> heads) {
  std::shared_ptr<const Network> network;
  {
    const std::lock_guard lock(making_);
    HT_ASSIGN(network, trial_network(graph_, base_, trial, context_.isa));
  }
  Runner runner(*network);
  double sum = 0;
  for (size_t p = 0; p < photos_.size(); ++p) {
    if (context_.is_cancelled()) return interrupted();
    HT_ASSIGN(const Heads found, run_photo(runner, *network, photos_[p], heads));
    for (size_t h = 0; h < found.size(); ++h) sum += mean_column_error(found[h], exact_[p][h]) / static_cast<double>(photos_.size());
  }
  return sum;
}

std::string TrialBench::key_of(const Trial& trial, std::span<const std::string> heads) const {
  Sha256 hash;
  update(hash, origin_);
  for (const std::string& head : heads) update(hash, head);
  hash.update(trial_hash(trial));
  return "heads " + hash.hex();
}

Result<std::vector<double>> TrialBench::measure(std::span<const Trial> trials, std::span<const std::string> heads, std::string_view stage) {
  std::vector<double> errors(trials.size());
  std::vector<std::string> keys;
  std::map<std::string, size_t> first;  // trial of each key
  std::vector<size_t> open;
  for (size_t i = 0; i < trials.size(); ++i) {
    keys.push_back(key_of(trials[i], heads));
    if (!first.emplace(keys[i], i).second) continue;
    if (const auto kept = store_ ? store_->get(keys[i], 1) : std::nullopt) {
      errors[i] = kept->front();
      continue;
    }
    open.push_back(i);
  }
  if (!open.empty()) HT_TRY(prepare(heads));
  const int lanes = static_cast<int>(std::min<int64_t>(resolve_threads(context_.threads), static_cast<int64_t>(open.size())));
  HT_TRY(for_each_sample(context_, stage, static_cast<int64_t>(open.size()), lanes, [&](int64_t index, int) -> Status {
    const size_t i = open[static_cast<size_t>(index)];
    HT_ASSIGN(errors[i], run_trial(trials[i], heads));
    if (store_) store_->put(keys[i], {&errors[i], 1});
    return {};
  }));
  for (size_t i = 0; i < trials.size(); ++i) errors[i] = errors[first.at(keys[i])];
  if (store_) store_->note_failures();
  return errors;
}

Result<std::vector<TrialPhoto>> read_trial_photos(const Samples& samples, int64_t first, int64_t last, int64_t count, bool skip_bad) {
  count = std::min(count, last - first);
  std::vector<TrialPhoto> photos;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = first + (2 * i + 1) * (last - first) / (2 * count);
    auto sample = samples.read(index);
    if (!sample && skip_bad && sample.error().code == ErrorCode::kInput) continue;
    if (!sample) return in_file(std::move(sample.error()), samples.names()[static_cast<size_t>(index)]);
    photos.push_back({std::move(sample->inputs), std::move(sample->hash)});
  }
  return photos;
}

Result<std::vector<TrialPhoto>> read_few_photos(const Graph& graph, const halftone::Recipe& recipe, bool skip_bad) {
  HT_ASSIGN(const Samples samples, calibration_samples(graph, recipe));
  return read_trial_photos(samples, 0, samples.size(), kPhotos, skip_bad);
}

MeasureTrials measure_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  return [&, skip_bad](std::span<const Trial> trials, std::span<const std::string> heads) -> Result<std::vector<double>> {
    const Graph& graph = model.content().graph;
    HT_ASSIGN(std::vector<TrialPhoto> photos, read_few_photos(graph, recipe, skip_bad));
    HT_ASSIGN(const auto network, Network::make(graph, false, context.isa, 1));
    return TrialBench(graph, network, "", std::move(photos), nullptr, context).measure(trials, heads);
  };
}

}  // namespace ht
