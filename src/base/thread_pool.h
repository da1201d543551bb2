// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ht {

// `requested`, or the number of cores this process may use where that is 0.
int resolve_threads(int requested);

// Threads that wait for work. The calling thread takes part, so a pool of one starts none.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }
  // Calls task(index, worker) for every index in [0, count), each once, worker in [0, size()); returns when all are done.
  // Which worker takes which index is not defined. Not reentrant.
  void parallel_for(int64_t count, const std::function<void(int64_t index, int worker)>& task);

 private:
  void work(int worker);
  void take(int worker);

  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int64_t, int)>* task_ = nullptr;
  std::atomic<int64_t> next_{0};
  int64_t count_ = 0;
  uint64_t generation_ = 0;
  int busy_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace ht
