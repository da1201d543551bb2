// SPDX-License-Identifier: Apache-2.0
#include "api/roundings.h"

#include <algorithm>

#include "api/arrays.h"
#include "api/calibrate.h"
#include "api/content.h"
#include "api/grid.h"
#include "api/network.h"

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

using Heads = std::vector<std::vector<float>>;  // their elements, in memory's order

// Runs one photo through the float network, with one value rounded or none.
Result<Heads> run_photo(Runner& runner, std::span<const Tensor> inputs, const Rounding* rounding, std::span<const std::string> names) {
  Heads heads(names.size());
  std::optional<Grid> grid;
  if (rounding) grid.emplace(rounding->type);
  runner.session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
    if (buffer.dtype != DType::kFloat32) return;
    if (rounding && buffer.name == rounding->value) round_to(*grid, buffer, floats_of(bytes));
    const auto head = std::ranges::find(names, buffer.name);
    if (head == names.end()) return;
    const std::span<const float> data = floats_of(bytes);
    heads[static_cast<size_t>(head - names.begin())].assign(data.begin(), data.end());
  });
  HT_TRY(runner.run(inputs));
  return heads;
}

double relative_error(const Heads& heads, const Heads& exact) {
  double sum = 0;
  for (size_t h = 0; h < heads.size(); ++h) {
    double error = 0, energy = 0;
    for (size_t i = 0; i < heads[h].size(); ++i) {
      const double x = exact[h][i], difference = heads[h][i] - x;
      error += difference * difference;
      energy += x * x;
    }
    if (energy > 0) sum += error / energy;
  }
  return sum;
}

struct Photo {
  std::vector<Tensor> inputs;
  Heads exact;
};

}  // namespace

Result<std::vector<std::vector<Tensor>>> read_few_photos(const Graph& graph, const halftone::Recipe& recipe, bool skip_bad) {
  HT_ASSIGN(const Samples samples, calibration_samples(graph, recipe));
  const int64_t count = std::min(kPhotos, samples.size());
  std::vector<std::vector<Tensor>> photos;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = (2 * i + 1) * samples.size() / (2 * count);
    auto sample = samples.read(index);
    if (!sample && skip_bad && sample.error().code == ErrorCode::kInput) continue;
    if (!sample) return in_file(std::move(sample.error()), samples.names()[static_cast<size_t>(index)]);
    photos.push_back(std::move(sample->inputs));
  }
  return photos;
}

MeasureRoundings measure_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  return [&, skip_bad](std::span<const Rounding> roundings, std::span<const std::string> heads) -> Result<std::vector<double>> {
    const Graph& graph = model.content().graph;
    HT_ASSIGN(auto inputs, read_few_photos(graph, recipe, skip_bad));
    std::vector<Photo> photos;
    for (auto& photo : inputs) photos.push_back({std::move(photo), {}});
    HT_ASSIGN(const auto network, Network::make(graph, false, context.isa, 1));
    const auto tasks = static_cast<int64_t>(roundings.size() * photos.size());
    std::vector<std::unique_ptr<Runner>> runners(static_cast<size_t>(std::min<int64_t>(resolve_threads(context.threads), tasks)));
    for (auto& runner : runners) runner = std::make_unique<Runner>(*network);
    for (Photo& photo : photos) {
      HT_ASSIGN(photo.exact, run_photo(*runners.front(), photo.inputs, nullptr, heads));
    }
    std::vector<double> errors(static_cast<size_t>(tasks));
    HT_TRY(for_each_sample(context, "measure", tasks, static_cast<int>(runners.size()), [&](int64_t index, int lane) -> Status {
      const Photo& photo = photos[static_cast<size_t>(index) % photos.size()];
      const Rounding& rounding = roundings[static_cast<size_t>(index) / photos.size()];
      HT_ASSIGN(const Heads found, run_photo(*runners[static_cast<size_t>(lane)], photo.inputs, &rounding, heads));
      errors[static_cast<size_t>(index)] = relative_error(found, photo.exact);
      return {};
    }));
    std::vector<double> means(roundings.size());
    for (size_t i = 0; i < errors.size(); ++i) means[i / photos.size()] += errors[i] / static_cast<double>(photos.size());
    return means;
  };
}

}  // namespace ht
