// SPDX-License-Identifier: Apache-2.0
#include "api/tuning.h"

#include <filesystem>
#include <fstream>
#include <optional>

#include <nlohmann/json.hpp>

#include "api/measurements.h"
#include "base/file.h"
#include "kernels/registry.h"
#include "runtime/tune.h"

namespace ht {
namespace {

constexpr int64_t kMostBytes = 1 << 22;

// Linux' name of it; empty elsewhere.
std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 1);
  return {};
}

// Other names than those of kernels do no harm: placing a step looks them up.
std::optional<std::vector<std::string>> kept_kernels(const std::filesystem::path& path, size_t steps) {
  const auto bytes = read_file(path, kMostBytes);
  if (!bytes) return std::nullopt;
  const auto json = nlohmann::json::parse(*bytes, nullptr, false);
  if (!json.is_object() || !json.contains("kernels") || !json["kernels"].is_array() || json["kernels"].size() != steps) return std::nullopt;
  std::vector<std::string> kernels;
  for (const auto& name : json["kernels"]) {
    if (!name.is_string()) return std::nullopt;
    kernels.push_back(name.get<std::string>());
  }
  return kernels;
}

std::vector<std::string> find_kernels(const std::shared_ptr<const Plan>& plan, const std::string& model_hash, int threads, const Context& context) {
  const std::string machine = fmt::format("{} {}", machine_name(), HALFTONE_VERSION);
  const std::filesystem::path folder = cache_folder();
  const auto path = folder / fmt::format("{}-{}-{}-{}.json", model_hash, sha256(machine).substr(0, 16), isa_name(context.isa), threads);
  if (!folder.empty())
    if (auto kept = kept_kernels(path, plan->steps.size())) return *std::move(kept);
  std::vector<std::string> kernels = tune(plan, context.isa, threads);
  const nlohmann::json json = {{"machine", machine}, {"kernels", kernels}};
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (folder.empty() || failed || !write_file(path, json.dump(1) + "\n"))
    context.note(fmt::format("the kernels that were fastest cannot be kept in {}; they are measured again the next time", folder.string()));
  return kernels;
}

}  // namespace

std::string machine_name() { return fmt::format("{} {}", processor(), isa_name(detect_isa())); }

ChooseKernels tuned_kernels(const std::string& model_hash, int threads, const Context& context) {
  if (!context.tune) return {};
  return [model_hash, threads, &context](const std::shared_ptr<const Plan>& plan) { return find_kernels(plan, model_hash, threads, context); };
}

}  // namespace ht
