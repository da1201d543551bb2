// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
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
  // Calls task(index, worker) for every index in [0, count), each once, worker in [0, size()); returns when all are done. Each
  // worker begins with its own share of adjacent indices, the same one in every call of as many, because what it wrote is near
  // it. The caller, and where there are more indices than workers everybody who has finished, takes from the others' shares. What
  // a task throws, for lack of memory, is thrown on when all are done. Not reentrant. Counts of 2^32 and more are not meant, nor
  // 2^31 calls of fewer indices than workers in a row.
  void parallel_for(int64_t count, const std::function<void(int64_t index, int worker)>& task);

 private:
  // The number of the latest call for which somebody took from a worker's share, and how much was taken. Who takes exchanges the
  // whole, so that it belongs to the call that was seen, and task_ stays until it is finished.
  struct alignas(64) Share {
    std::atomic<uint64_t> taken{0};
  };

  void work(int worker);
  void take(int worker, uint64_t call);
  void take_share(int owner, int worker, uint64_t call);
  bool take_one(int owner, uint64_t call, int64_t* index);

  std::atomic<uint64_t> call_{0};  // its number in the upper half, the count in the lower
  std::unique_ptr<Share[]> shares_;
  std::atomic<int64_t> unfinished_{0};
  const std::function<void(int64_t, int)>* task_ = nullptr;
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;  // of whoever set failed_
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace ht
