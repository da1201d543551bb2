// SPDX-License-Identifier: Apache-2.0
#include "base/thread_cores.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <span>

namespace ht {

ThreadCores::ThreadCores(int threads) : cores_(static_cast<size_t>(std::max(1, threads))) {
  for (std::atomic<int>& core : cores_) core = -1;
}

void ThreadCores::keep_apart(int thread) {
  const auto before = std::span(cores_).first(static_cast<size_t>(thread));
  std::atomic<int>& own = cores_[static_cast<size_t>(thread)];
  const int core = sched_getcpu();
  if (core < 0) return;
  if (own != core) {
    own = core;
    if (thread == 0) first_ = gettid();
  }
  if (std::ranges::none_of(before, [&](const std::atomic<int>& other) { return other == core; })) return;
  cpu_set_t free;
  if (sched_getaffinity(first_, sizeof free, &free) != 0) return;
  for (const std::atomic<int>& taken : before)
    if (taken >= 0) CPU_CLR(static_cast<size_t>(taken), &free);
  if (CPU_COUNT(&free) > 0 && sched_setaffinity(0, sizeof free, &free) == 0) own = sched_getcpu();
}

}  // namespace ht
