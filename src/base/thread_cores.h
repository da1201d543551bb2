// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <atomic>
#include <vector>

namespace ht {

// Keeps threads that work together on cores of their own. A kernel may wake a thread on the core that another of them keeps busy
// although others are idle, and leave it there for tens of milliseconds: Linux in a virtual machine takes an idle core for one
// that its host has taken away.
class ThreadCores {
 public:
  // Among the cores that the calling thread may use.
  explicit ThreadCores(int threads);

  // To be called by each of the threads, which are counted from 0, when it begins to work: one that is on the core of another
  // with a lower number moves, and stays off those cores from there on. Thread 0 never moves.
  void keep_apart(int thread);

 private:
  std::vector<std::atomic<int>> cores_;  // on which each was last seen; -1: not yet
  cpu_set_t allowed_;
};

}  // namespace ht
