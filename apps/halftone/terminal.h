// SPDX-License-Identifier: Apache-2.0
// What the program writes: results to standard output, everything else to standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "halftone/context.h"
#include "halftone/result.h"

namespace app {

// Progress, notes and errors. On a terminal progress is a bar that is drawn over itself, elsewhere a line at each tenth. Verbose, it also
// notes when each stage ended.
class Console {
 public:
  Console();
  void set_quiet(bool quiet) { quiet_ = quiet; }
  void set_verbose(bool verbose) { verbose_ = verbose; }

  void progress(std::string_view stage, int64_t done, int64_t total);
  void note(std::string_view text);
  // Notes how long it has been since the start, where that was asked for.
  void note_time(std::string_view what);
  void error(const halftone::Error& error);
  void clear_bar();

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool terminal_ = false;
  bool quiet_ = false;
  bool verbose_ = false;
  bool bar_ = false;
  std::string stage_;
  int64_t shown_ = -1;
};

// Rows under a heading, columns as wide as they must be; numbers stand on the right.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Writes to standard output; an error where that fails, as on a full disk.
halftone::Status print(std::string_view text);

std::string human_bytes(int64_t bytes);  // "3.6 MB"
std::string human_count(int64_t count);  // "1.08 G"

}  // namespace app
