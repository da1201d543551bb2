// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace ht {
namespace {

// Whoever waits looks again for some 50 microseconds before it sleeps: the steps of a network follow each other faster than
// sleepers wake. For one microsecond it leaves the others' shares alone: to look there takes their owner's time.
constexpr int kLooks = 1000, kFewLooks = 30;

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

ThreadPool::ThreadPool(int threads, WorkerCores worker_cores)
    : shares_(static_cast<size_t>(std::max(1, threads))),
      progress_(shares_.size()),
      worker_cores_(worker_cores),
      cores_(threads) {
  for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  order_.call.store(both(upper(order_.call) + 1, 0));
  order_.call.notify_all();
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

// How many it took. The order is this call's as long as one of its indices has been taken and not reported.
int64_t ThreadPool::take_share(int owner, int worker, uint64_t call) {
  int64_t done = 0, index = 0;
  for (; take_one(owner, call, &index); ++done) {
    try {
      order_.task.call(order_.task.function, index, worker);
    } catch (...) {
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }
  return done;
}

int64_t ThreadPool::take_others(int worker, uint64_t call) {
  int64_t done = 0;
  for (int turn = 1; turn < size(); ++turn) done += take_share((worker + turn) % size(), worker, call);
  return done;
}

// A worker stores what it did and then looks whether the caller sleeps; the caller says so and then looks what was done.
void ThreadPool::report(int worker, uint64_t call, int64_t done) {
  progress_[static_cast<size_t>(worker)].done = both(upper(call), static_cast<uint32_t>(done));
  if (!caller_sleeps_) return;
  ++wakes_;
  wakes_.notify_one();
}

bool ThreadPool::is_finished(uint64_t call, int64_t own) const {
  int64_t done = own;
  for (size_t worker = 1; worker < progress_.size(); ++worker) {
    const uint64_t seen = progress_[worker].done;
    if (upper(seen) == upper(call)) done += lower(seen);
  }
  return done == lower(call);
}

void ThreadPool::wait_until_finished(uint64_t call, int64_t own) {
  const auto is_done = [&] { return is_finished(call, own); };
  look_again(kLooks, is_done);
  if (is_done()) return;
  caller_sleeps_ = true;
  for (uint32_t seen = wakes_; !is_done(); seen = wakes_) wakes_.wait(seen);
  caller_sleeps_ = false;
}

void ThreadPool::run(int64_t count, Task task) {
  if (workers_.empty() || count <= 1) {
    for (int64_t index = 0; index < count; ++index) task.call(task.function, index, 0);
    return;
  }
  if (worker_cores_ == WorkerCores::kOwn) cores_.keep_apart(0);
  const uint64_t call = both(upper(order_.call) + 1, static_cast<uint32_t>(count));
  order_.task = task;
  order_.call = call;
  if (sleepers_ > 0) order_.call.notify_all();
  int64_t own = take_share(0, 0, call);
  look_again(kFewLooks, [&] { return is_finished(call, own); });
  if (!is_finished(call, own)) own += take_others(0, call);
  wait_until_finished(call, own);
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::work(int worker) {
  uint64_t seen = 0;
  while (true) {
    const auto is_new = [&] { return order_.call != seen; };
    look_again(kLooks, is_new);
    if (!is_new()) {
      ++sleepers_;
      while (!is_new()) order_.call.wait(seen);
      --sleepers_;
    }
    seen = order_.call;
    if (stop_) return;
    if (worker_cores_ == WorkerCores::kOwn) cores_.keep_apart(worker);
    int64_t done = take_share(worker, worker, seen);
    if (done > 0) report(worker, seen, done);
    if (lower(seen) <= static_cast<uint32_t>(size())) continue;
    look_again(kFewLooks, is_new);
    if (is_new()) continue;
    const int64_t more = take_others(worker, seen);
    if (more > 0) report(worker, seen, done + more);
  }
}

}  // namespace ht
