// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "command.h"

namespace app {
namespace {

using halftone::CalibrateOptions;
using halftone::Result;
using halftone::Statistics;
using halftone::Status;

struct CalibrateFlags {
  explicit CalibrateFlags(CLI::App& command) {
    command.add_option("RECIPE", recipe, "Names the model, the preprocessing and the photos")->required();
    command.add_option("-o,--output", output, "The statistics to write")->required()->type_name("STATS");
    command.add_option("--shard", shard, "Take only part I of N; `merge` joins the parts exactly")->type_name("I/N");
    command.add_flag("--skip-bad", skip_bad, "Leave out photos that cannot be read, with a note");
    command.footer(examples({"calibrate yolox.toml -o yolox.stats", "calibrate yolox.toml -o part1.stats --shard 1/2"}));
  }
  std::string recipe;
  std::string output;
  std::string shard;
  bool skip_bad = false;
};

bool parse_number(std::string_view text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Result<CalibrateOptions> parse_options(const CalibrateFlags& flags) {
  CalibrateOptions options;
  options.skip_bad = flags.skip_bad;
  if (flags.shard.empty()) return options;
  const std::string_view text = flags.shard;
  const size_t slash = text.find('/');
  const bool numbers = slash != std::string_view::npos && parse_number(text.substr(0, slash), options.shard) &&
                       parse_number(text.substr(slash + 1), options.shards);
  if (!numbers || options.shard < 1 || options.shard > options.shards)
    return usage(fmt::format("--shard is '{}', but must be I/N with I from 1 to N, such as 1/4", text));
  return options;
}

// Writes them, and tells what the file holds.
Result<halftone::InspectResult> save(const Statistics& statistics, const std::string& output) {
  if (auto status = statistics.save(output); !status) return std::move(status.error());
  halftone::InspectResult result = statistics.inspect();
  std::error_code gone;  // again, which is not ours to judge
  result.path = output;
  result.bytes = static_cast<int64_t>(std::filesystem::file_size(output, gone));
  return result;
}

Status calibrate(Program& shared, const CalibrateFlags& flags) {
  auto options = parse_options(flags);
  if (!options) return options.error();
  const auto recipe = halftone::load_recipe(flags.recipe);
  if (!recipe) return recipe.error();
  if (auto status = check_output("-o", flags.output, inputs_of(*recipe, {flags.recipe})); !status) return status;
  const auto statistics = halftone::calibrate(*recipe, *options, shared.context);
  if (!statistics) return statistics.error();
  const auto result = save(*statistics, flags.output);
  if (!result) return result.error();
  return shared.show(halftone::to_json(*result), fmt::format("{}: {} samples, {} values\n", flags.output, result->images, result->ranges.size()));
}

struct MergeFlags {
  explicit MergeFlags(CLI::App& command) {
    command.add_option("STATS", parts, "Statistics of disjoint parts of the same data")->required();
    command.add_option("-o,--output", output, "The statistics to write")->required()->type_name("STATS");
    command.footer(examples({"merge part1.stats part2.stats -o yolox.stats"}));
  }
  std::vector<std::string> parts;
  std::string output;
};

Status merge(Program& shared, const MergeFlags& flags) {
  if (auto status = check_output("-o", flags.output, std::vector<std::filesystem::path>(flags.parts.begin(), flags.parts.end())); !status) return status;
  std::vector<Statistics> parts;
  for (const std::string& path : flags.parts) {
    auto part = Statistics::load(path);
    if (!part) return part.error();
    parts.push_back(*std::move(part));
  }
  const auto merged = Statistics::merge(parts);
  if (!merged) return merged.error();
  const auto result = save(*merged, flags.output);
  if (!result) return result.error();
  return shared.show(halftone::to_json(*result), fmt::format("{}: {} samples from {} files\n", flags.output, result->images, parts.size()));
}

}  // namespace

void add_calibrate(CLI::App& program, Program& shared) {
  add_command<CalibrateFlags>(program, shared, "calibrate", "Run the calibration photos and write what every value was", calibrate);
}

void add_merge(CLI::App& program, Program& shared) {
  add_command<MergeFlags>(program, shared, "merge", "Join statistics of several shards, exactly", merge);
}

}  // namespace app
