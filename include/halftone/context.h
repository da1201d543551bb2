// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace halftone {

enum class Isa { kC, kAvx2, kAvx512Vnni, kAmx, kNeon, kDotprod, kI8mm, kBest };

// What every long operation takes from its caller: how it may use the machine, whom it tells, and when it must stop.
struct Context {
  int threads = 0;         // 0: all cores
  Isa isa = Isa::kBest;    // the best instruction set that may be used
  bool tune = false;       // time the kernels that may run each layer, once a machine and model, and run the fastest; results do not change
  std::function<void(std::string_view stage, int64_t done, int64_t total)> on_progress;  // called from one thread at a time
  std::function<void(std::string_view text)> on_note;                                    // warnings and remarks
  const std::atomic<bool>* cancelled = nullptr;  // set to true to stop; the operation then fails with kInterrupted

  bool is_cancelled() const { return cancelled && cancelled->load(std::memory_order_relaxed); }
  void note(std::string_view text) const {
    if (on_note) on_note(text);
  }
  void progress(std::string_view stage, int64_t done, int64_t total) const {
    if (on_progress) on_progress(stage, done, total);
  }
};

}  // namespace halftone
