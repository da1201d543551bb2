// SPDX-License-Identifier: Apache-2.0
// What was measured, kept between runs of the program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halftone/context.h"

namespace ht {

// Where the program keeps what it can always find again: $XDG_CACHE_HOME/halftone, else ~/.cache/halftone; empty where there is no such place.
std::filesystem::path cache_folder();

// A folder with a file a measurement, written whole or not at all as soon as it is made, so that a run that was ended at any time goes on
// where it was. A file that does not hold what its name promises counts for nothing, and a note says so.
class Measurements {
 public:
  // An empty folder keeps nothing. The context must outlive it.
  Measurements(std::filesystem::path folder, const halftone::Context& context) : folder_(std::move(folder)), context_(context) {}

  // The numbers kept under the key, which tells all that they depend on but the program's version. There must be so many.
  std::optional<std::vector<double>> get(const std::string& key, size_t count);
  // From any thread.
  void put(const std::string& key, std::span<const double> numbers);
  // Notes what could not be kept; not while others put.
  void note_failures();

  int64_t found() const { return found_; }        // that get() gave
  int64_t measured() const { return measured_; }  // that put() took

 private:
  std::filesystem::path path_of(const std::string& key) const;

  std::filesystem::path folder_;
  const halftone::Context& context_;
  std::mutex mutex_;
  bool failed_ = false;
  int64_t found_ = 0, measured_ = 0;
};

}  // namespace ht
