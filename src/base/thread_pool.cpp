// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace ht {
namespace {

// Whoever waits looks again for some 50 microseconds before it sleeps: the steps of a network follow each other faster than
// sleepers wake.
template <class Done>
void look_again(Done done) {
  constexpr int kLooks = 1000;
  for (int i = 0; i < kLooks && !done(); ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");  // most processors pass over "yield" at once
#endif
  }
}

constexpr uint32_t generation_of(uint64_t state) { return static_cast<uint32_t>(state >> 32); }
constexpr uint64_t left_in(uint64_t state) { return state & 0xffffffffu; }

}  // namespace

int resolve_threads(int requested) {
  if (requested > 0) return requested;
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return std::max(1, CPU_COUNT(&cores));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
  for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  state_.store(uint64_t{generation_of(state_) + 1u} << 32);
  state_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::take(int worker, uint32_t generation) {
  uint64_t state = state_.load();
  while (generation_of(state) == generation && left_in(state) > 0) {
    if (!state_.compare_exchange_weak(state, state - 1)) continue;
    try {
      (*task_)(count_ - static_cast<int64_t>(left_in(state)), worker);
    } catch (...) {
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
    if (unfinished_.fetch_sub(1) == 1) unfinished_.notify_one();
    state = state_.load();
  }
}

void ThreadPool::parallel_for(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (workers_.empty() || count <= 1) {
    for (int64_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  task_ = &task;
  count_ = count;
  unfinished_ = count;
  const uint32_t generation = generation_of(state_) + 1;
  state_.store(uint64_t{generation} << 32 | static_cast<uint64_t>(count));
  state_.notify_all();
  take(0, generation);
  look_again([this] { return unfinished_ == 0; });
  for (int64_t left = unfinished_; left != 0; left = unfinished_) unfinished_.wait(left);
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::work(int worker) {
  uint32_t seen = 0;
  while (true) {
    look_again([&] { return generation_of(state_) != seen; });
    uint64_t state = state_.load();
    for (; generation_of(state) == seen; state = state_.load()) state_.wait(state);
    if (stop_) return;
    seen = generation_of(state);
    take(worker, seen);
  }
}

}  // namespace ht
