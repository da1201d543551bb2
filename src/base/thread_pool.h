// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
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
  // Which worker takes which index is not defined. What a task throws, for lack of memory, is thrown on when all are done. Not reentrant. Counts of 2^32 and more are not meant.
  void parallel_for(int64_t count, const std::function<void(int64_t index, int worker)>& task);

 private:
  void work(int worker);
  void take(int worker, uint32_t generation);

  // The number of the call in the upper half, how many of its tasks nobody has taken yet in the lower: who takes one by exchanging
  // the whole knows that it belongs to the call that it saw, and that task_ and count_ stay until it is finished.
  std::atomic<uint64_t> state_{0};
  std::atomic<int64_t> unfinished_{0};
  const std::function<void(int64_t, int)>* task_ = nullptr;
  int64_t count_ = 0;
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;  // of whoever set failed_
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace ht
