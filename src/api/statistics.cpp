// SPDX-License-Identifier: Apache-2.0
#include "api/content.h"
#include "base/file.h"

namespace halftone {

Result<Statistics> Statistics::load(const std::filesystem::path& path) {
  auto content = std::make_shared<Content>();
  HT_ASSIGN(const std::vector<uint8_t> bytes, ht::read_file(path));
  auto statistics = ht::read_statistics(bytes);
  if (!statistics) return std::move(statistics.error()).in(path.string());
  content->path = path.string();
  content->file_bytes = static_cast<int64_t>(bytes.size());
  content->statistics = *std::move(statistics);
  return Statistics(std::move(content));
}

Result<Statistics> Statistics::merge(std::span<const Statistics> parts) {
  if (parts.empty()) return ht::usage_error("there are no statistics to merge");
  auto content = std::make_shared<Content>();
  content->statistics = parts[0].content().statistics;
  for (const Statistics& part : parts.subspan(1)) {
    auto merged = ht::merge(std::move(content->statistics), part.content().statistics);
    if (!merged) return std::move(merged.error()).in(part.content().path);
    content->statistics = *std::move(merged);
  }
  return Statistics(std::move(content));
}

Status Statistics::save(const std::filesystem::path& path) const { return ht::write_file(path, ht::write_statistics(content_->statistics)); }

}  // namespace halftone
