// SPDX-License-Identifier: Apache-2.0
// Results as JSON documents. Each is an object with a "version" of its own schema, except the list of detections.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "halftone/result.h"
#include "halftone/results.h"

namespace halftone {

std::string to_json(const InitResult& result);
std::string to_json(const InspectResult& result);
std::string to_json(const QuantizeResult& result);
std::string to_json(const AnalyzeResult& result);
std::string to_json(const ValidateResult& result);
std::string to_json(const CompareResult& result);
std::string to_json(const BenchResult& result);
std::string to_json(const KernelsResult& result);
std::string to_json(const CompileResult& result);
std::string to_json(const SearchResult& result);
std::string to_json(const RunResult& result);
// [{"image", "category_id", "category", "bbox", "score"}, ...]
std::string to_json(std::span<const ImageDetections> images);
std::string to_json(const Error& error);

// A heading and a row for each layer of a model, or for each value of statistics, with commas between fields (RFC 4180).
std::string to_csv(const InspectResult& result);
// A heading and a row for each layer, the most harmful first, with what is known of the first value that it reads.
std::string to_csv(const AnalyzeResult& result);

// Writes a document to a file, whole or not at all.
Status write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace halftone
