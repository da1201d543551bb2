// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace app {
namespace {

constexpr int kBarWidth = 30;

// Names come from foreign files; control characters must not reach the terminal.
std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = '?';
  return result;
}

// Code points, which is what a terminal's columns mostly are.
size_t display_width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool is_number(std::string_view text) { return !text.empty() && (text[0] == '-' || text[0] == '+' || (text[0] >= '0' && text[0] <= '9')); }

std::string scaled(double value, std::array<std::string_view, 5> units, std::string_view format) {
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} {}", static_cast<int64_t>(value), units[0]) : fmt::format(fmt::runtime(format), value, units[unit]);
}

}  // namespace

Console::Console() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Console::clear_bar() {
  if (bar_) std::fputs("\r\033[K", stderr);
  bar_ = false;
}

void Console::progress(std::string_view stage, int64_t done, int64_t total) {
  if (quiet_ || total <= 0) return;
  const int64_t steps = terminal_ ? 1000 : 10;
  const int64_t step = done * steps / total;
  if (stage == stage_ && step == shown_ && done < total) return;
  const bool repeated = stage == stage_ && step == shown_;
  stage_ = stage;
  shown_ = step;
  if (terminal_) {
    const int filled = static_cast<int>(done * kBarWidth / total);
    fmt::print(stderr, "\r\033[K{:<12} [{:#<{}}{:.<{}}] {}/{}", stage, "", filled, "", kBarWidth - filled, done, total);
    bar_ = true;
    if (done >= total) clear_bar();
    std::fflush(stderr);
  } else if (!repeated) {
    fmt::print(stderr, "{}: {} of {}\n", stage, done, total);
  }
  if (done >= total && !repeated) note_time(stage);
}

void Console::note_time(std::string_view what) {
  if (verbose_) note(fmt::format("{} done {:.2f} s after the start", what, std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count()));
}

void Console::note(std::string_view text) {
  if (quiet_) return;
  clear_bar();
  fmt::print(stderr, "halftone: {}\n", printable(text));
}

void Console::error(const halftone::Error& error) {
  clear_bar();
  fmt::print(stderr, "halftone: {}\n", printable(error.text()));
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::vector<bool> right(widths.size(), rows_.size() > 1);
  for (size_t r = 1; r < rows_.size(); ++r)
    for (size_t i = 0; i < rows_[r].size(); ++i) right[i] = right[i] && (is_number(rows_[r][i]) || rows_[r][i].empty());
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string fill(widths[i] - display_width(row[i]), ' ');
      line += (i ? "  " : "") + (right[i] ? fill + row[i] : row[i] + fill);
    }
    text += printable(line.substr(0, line.find_last_not_of(' ') + 1)) + '\n';
  }
  return text;
}

halftone::Status print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (written) return {};
  return halftone::Error{halftone::ErrorCode::kInput, fmt::format("cannot write: {}", std::strerror(errno)), "standard output"};
}

std::string human_bytes(int64_t bytes) { return scaled(static_cast<double>(bytes), {"B", "kB", "MB", "GB", "TB"}, "{:.2f} {}"); }
std::string human_count(int64_t count) { return scaled(static_cast<double>(count), {"", "k", "M", "G", "T"}, "{:.2f} {}"); }

}  // namespace app
