// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace app {
namespace {

CLI::Validator checked(const std::string& name, const std::string& what, std::function<bool(double)> is_good) {
  const auto check = [what, is_good = std::move(is_good)](std::string& text) {
    double number = 0;
    const bool passes = CLI::detail::lexical_cast(text, number) && std::isfinite(number) && is_good(number);
    return passes ? std::string() : fmt::format("'{}' is not {}", text, what);
  };
  return CLI::Validator(check, name);
}

}  // namespace

CLI::Validator finite() { return checked("", "a finite number", [](double) { return true; }); }
CLI::Validator positive() { return checked("POSITIVE", "a positive number", [](double number) { return number > 0; }); }
CLI::Validator not_negative() { return checked("NONNEGATIVE", "a number from 0 on", [](double number) { return number >= 0; }); }
CLI::Validator between(double least, double most) {
  return checked(fmt::format("{:g} to {:g}", least, most), fmt::format("a number from {:g} to {:g}", least, most),
                 [=](double number) { return number >= least && number <= most; });
}

using halftone::Error;
using halftone::ErrorCode;
using halftone::Status;

Status Program::show(const std::string& json_text, const std::string& text) const { return print(json ? json_text + "\n" : text); }

std::string examples(std::initializer_list<std::string_view> lines) {
  std::string text = "Examples:";
  for (std::string_view line : lines) text += fmt::format("\n  halftone {}", line);
  return text;
}

Error usage(std::string message) { return {ErrorCode::kUsage, std::move(message), {}}; }

std::vector<std::filesystem::path> inputs_of(const halftone::Recipe& recipe, std::vector<std::filesystem::path> named) {
  named.push_back(recipe.model.path);
  const auto add = [&](const auto& data) {
    named.emplace_back(data.images);
    named.insert(named.end(), data.arrays.begin(), data.arrays.end());
  };
  if (recipe.calibration) add(*recipe.calibration);
  if (recipe.validation) {
    add(*recipe.validation);
    named.push_back(recipe.validation->annotations);
  }
  return named;
}

Status check_output(std::string_view option, const std::filesystem::path& output, const std::vector<std::filesystem::path>& inputs) {
  for (const std::filesystem::path& input : inputs) {
    std::error_code none;  // of them is there: then they are not the same either
    if (std::filesystem::equivalent(output, input, none))
      return usage(fmt::format("{} names {}, which this command reads and would overwrite; name another file", option, output.string()));
  }
  return {};
}

halftone::Result<std::optional<halftone::Statistics>> statistics_in(const std::string& path) {
  if (path.empty()) return std::optional<halftone::Statistics>();
  auto statistics = halftone::Statistics::load(path);
  if (!statistics) return statistics.error();
  return std::optional(*std::move(statistics));
}

std::string ending_of(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return ending;
}

bool is_model_file(const std::string& path) { return ending_of(path) == ".onnx"; }

QuantizeFlags::QuantizeFlags(CLI::App& command) {
  const auto keys = halftone::quantize_keys();
  flags_.reserve(keys.size());  // CLI11 keeps the addresses of the values
  for (const halftone::SettingKey& key : keys) {
    std::string name(key.name);
    std::replace(name.begin(), name.end(), '_', '-');
    flags_.push_back({std::string(key.name), "", nullptr});
    std::string& value = flags_.back().value;
    const std::string values(key.values);
    flags_.back().option = key.is_switch ? command.add_flag("--" + name, value, values) : command.add_option("--" + name, value, values);
    flags_.back().option->group("As in [quantize]");
  }
}

Status QuantizeFlags::apply(halftone::QuantizeSettings& settings) const {
  for (const Flag& flag : flags_) {
    if (flag.option->count() == 0) continue;
    if (auto status = halftone::set_quantize_key(settings, flag.key, flag.value); !status)
      return std::move(status.error()).in(flag.option->get_name());
  }
  auto status = halftone::check_settings(settings);
  if (status) return {};
  if (status.error().code == ErrorCode::kInput) status.error().code = ErrorCode::kUsage;
  return std::move(status.error()).in("[quantize] with the flags given");
}

void add_input_shape(CLI::App& command, std::vector<int64_t>& shape) {
  command.add_option("--input-shape", shape, "Sizes of the only input, where the model leaves some open")
      ->delimiter(',')
      ->type_name("N,N,...")
      ->check(positive());
}

LoadFlags::LoadFlags(CLI::App& command) {
  add_input_shape(command, input_shape);
  command.add_option("--disable-pass", disabled_passes, "Leave out a rewrite of the graph")->group("For bug reports");
  command.add_option("--dump-after", dump_after, "Print the graph after that rewrite to standard error")->group("For bug reports");
}

halftone::LoadOptions LoadFlags::options() const {
  halftone::LoadOptions options;
  options.input_shape = input_shape;
  options.disabled_passes = disabled_passes;
  options.dump_after = dump_after;
  if (!dump_after.empty()) options.on_dump = [](std::string_view text) { fmt::print(stderr, "{}", text); };
  return options;
}

}  // namespace app
