// SPDX-License-Identifier: Apache-2.0
#include "api/measurements.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <sstream>

#include "base/file.h"

namespace ht {
namespace {

constexpr int64_t kMostFileBytes = 1 << 16;

// A heading, the key, the numbers, and the hash of these lines.
std::string heading(const std::string& key) { return fmt::format("halftone {} measurement\n{}\n", HALFTONE_VERSION, key); }

std::string text_of(const std::string& key, std::span<const double> numbers) {
  std::string text = heading(key);
  for (double number : numbers) text += fmt::format("{:a} ", number);
  text += "\n";
  return text + sha256(text) + "\n";
}

std::optional<std::vector<double>> parse(const std::string& text, const std::string& key, size_t count) {
  const std::string start = heading(key);
  if (!text.starts_with(start)) return std::nullopt;
  const size_t end = text.find('\n', start.size());
  if (end == std::string::npos || text.substr(end + 1) != sha256(text.substr(0, end + 1)) + "\n") return std::nullopt;
  std::vector<double> numbers;
  std::istringstream words(text.substr(start.size(), end - start.size()));
  for (std::string word; words >> word;) {
    char* stop = nullptr;
    numbers.push_back(std::strtod(word.c_str(), &stop));
    if (*stop != 0) return std::nullopt;
  }
  return numbers.size() == count ? std::optional(numbers) : std::nullopt;
}

}  // namespace

std::filesystem::path cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return std::filesystem::path(cache) / "halftone";
  if (const char* home = std::getenv("HOME"); home && *home) return std::filesystem::path(home) / ".cache" / "halftone";
  return {};
}

std::filesystem::path Measurements::path_of(const std::string& key) const { return folder_ / (sha256(heading(key)).substr(0, 32) + ".txt"); }

std::optional<std::vector<double>> Measurements::get(const std::string& key, size_t count) {
  std::error_code failed;
  if (folder_.empty() || !std::filesystem::exists(path_of(key), failed)) return std::nullopt;
  const auto bytes = read_file(path_of(key), kMostFileBytes);
  auto numbers = bytes ? parse({bytes->begin(), bytes->end()}, key, count) : std::nullopt;
  if (numbers)
    ++found_;
  else
    context_.note(fmt::format("{} holds no measurement that can be read; it is measured again", path_of(key).string()));
  return numbers;
}

void Measurements::put(const std::string& key, std::span<const double> numbers) {
  const std::lock_guard lock(mutex_);
  ++measured_;
  if (folder_.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  failed_ = failed || !write_file(path_of(key), text_of(key, numbers)) || failed_;
}

void Measurements::note_failures() {
  if (failed_) context_.note(fmt::format("measurements cannot be kept in {}; they are made again the next time", folder_.string()));
  failed_ = false;
}

}  // namespace ht
