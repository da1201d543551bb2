// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace ht {
namespace {

// Whoever waits looks again for some 50 microseconds before it sleeps: the steps of a network follow each other faster than
// sleepers wake.
constexpr int kLooks = 1000, kFewLooks = 10;

template <class Done>
void look_again(int looks, Done done) {
  for (int i = 0; i < looks && !done(); ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");  // most processors pass over "yield" at once
#endif
  }
}

constexpr uint32_t upper(uint64_t x) { return static_cast<uint32_t>(x >> 32); }
constexpr uint32_t lower(uint64_t x) { return static_cast<uint32_t>(x); }
constexpr uint64_t both(uint32_t up, uint32_t low) { return uint64_t{up} << 32 | low; }

}  // namespace

int resolve_threads(int requested) {
  if (requested > 0) return requested;
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return std::max(1, CPU_COUNT(&cores));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) : shares_(std::make_unique<Share[]>(static_cast<size_t>(std::max(1, threads)))) {
  for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  call_.store(both(upper(call_) + 1, 0));
  call_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::take_one(int owner, uint64_t call, int64_t* index) {
  const auto begin_of = [&](int worker) { return int64_t{lower(call)} * worker / size(); };
  const int64_t share = begin_of(owner + 1) - begin_of(owner);
  std::atomic<uint64_t>& state = shares_[static_cast<size_t>(owner)].taken;
  uint64_t seen = state.load();
  while (true) {
    const auto ahead = static_cast<int32_t>(upper(call) - upper(seen));
    const uint32_t taken = ahead == 0 ? lower(seen) : 0;
    if (ahead < 0 || taken >= share) return false;
    if (state.compare_exchange_weak(seen, both(upper(call), taken + 1))) {
      *index = begin_of(owner) + taken;
      return true;
    }
  }
}

void ThreadPool::take_share(int owner, int worker, uint64_t call) {
  int64_t done = 0, index = 0;
  for (; take_one(owner, call, &index); ++done) {
    try {
      (*task_)(index, worker);
    } catch (...) {
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }
  if (done > 0 && unfinished_.fetch_sub(done) == done) unfinished_.notify_one();
}

// To look into another's share takes that worker as long as to look itself, so nobody does without need.
void ThreadPool::take(int worker, uint64_t call) {
  take_share(worker, worker, call);
  if (worker == 0) {
    look_again(kFewLooks, [this] { return unfinished_ == 0; });
  } else if (lower(call) <= static_cast<uint32_t>(size())) {
    return;
  }
  for (int turn = 1; turn < size() && unfinished_ > 0; ++turn) take_share((worker + turn) % size(), worker, call);
}

void ThreadPool::parallel_for(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (workers_.empty() || count <= 1) {
    for (int64_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  task_ = &task;
  unfinished_ = count;
  const uint64_t call = both(upper(call_) + 1, static_cast<uint32_t>(count));
  call_.store(call);
  call_.notify_all();
  take(0, call);
  look_again(kLooks, [this] { return unfinished_ == 0; });
  for (int64_t left = unfinished_; left != 0; left = unfinished_) unfinished_.wait(left);
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::work(int worker) {
  uint64_t seen = 0;
  while (true) {
    look_again(kLooks, [&] { return call_ != seen; });
    uint64_t call = call_.load();
    for (; call == seen; call = call_.load()) call_.wait(seen);
    if (stop_) return;
    seen = call;
    take(worker, call);
  }
}

}  // namespace ht
