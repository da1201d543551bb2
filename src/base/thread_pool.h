// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "base/thread_cores.h"

namespace ht {

// `requested`, or the number of cores this process may use where that is 0.
int resolve_threads(int requested);

// Whether a pool's workers stay where the kernel puts them. Those of a pool whose calls follow each other at once, and last for
// microseconds, each had better have a core of its own (ThreadCores); their tasks then may not start threads, which would be
// confined to it too.
enum class WorkerCores : uint8_t { kAny, kOwn };

// Threads that wait for work. The calling thread takes part, so a pool of one starts none.
class ThreadPool {
 public:
  explicit ThreadPool(int threads, WorkerCores worker_cores = WorkerCores::kAny);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }
  // Calls task(index, worker) for every index in [0, count), each once, worker in [0, size()); returns when all are done. Each
  // worker begins with its own share of adjacent indices, the same one in every call of as many, because what it wrote is near
  // it. The caller, and where there are more indices than workers everybody who has finished, takes from the others' shares. What
  // a task throws, for lack of memory, is thrown on when all are done. Not reentrant. Counts of 2^32 and more are not meant, nor
  // 2^31 calls of fewer indices than workers in a row. A task that is the same object in many calls is in the workers' caches.
  template <class F>
    requires std::invocable<const F&, int64_t, int>
  void parallel_for(int64_t count, const F& task) {
    run(count,
        {[](const void* function, int64_t index, int worker) { (*static_cast<const F*>(function))(index, worker); }, &task});
  }

 private:
  struct Task {
    void (*call)(const void* function, int64_t index, int worker);
    const void* function;
  };
  // Memory that one thread writes and others wait for, which takes them a fraction of a microsecond: each in a line of its own.
  //
  // What there is to do. The call's number is in the upper half, the count of its indices in the lower; the task stays until it
  // is finished.
  struct alignas(64) Order {
    std::atomic<uint64_t> call{0};
    Task task{};
  };
  // The number of the latest call for which somebody took from a worker's share, and how much was taken. Who takes exchanges the
  // whole, so that it belongs to the call that was seen.
  struct alignas(64) Share {
    std::atomic<uint64_t> taken{0};
  };
  // The number of the latest call of which a worker has done anything, and how many indices.
  struct alignas(64) Progress {
    std::atomic<uint64_t> done{0};
  };

  void run(int64_t count, Task task);
  void work(int worker);
  int64_t take_share(int owner, int worker, uint64_t call);
  int64_t take_others(int worker, uint64_t call);
  bool take_one(int owner, uint64_t call, int64_t* index);
  void report(int worker, uint64_t call, int64_t done);
  bool is_finished(uint64_t call, int64_t own) const;
  void wait_until_finished(uint64_t call, int64_t own);

  Order order_;
  std::vector<Share> shares_;
  std::vector<Progress> progress_;  // of workers; the caller knows its own
  const WorkerCores worker_cores_;
  ThreadCores cores_;
  std::atomic<int> sleepers_{0};  // workers
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<uint32_t> wakes_{0};  // of the caller
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;  // of whoever set failed_
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace ht
