// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <vector>

namespace ht {

// Keeps threads that wait for each other every few microseconds on cores of their own. A kernel may wake a thread on the core
// that another of them keeps busy although others are idle, and leave it there for tens of milliseconds: Linux in a virtual
// machine takes an idle core for one that its host has taken away.
class ThreadCores {
 public:
  explicit ThreadCores(int threads);

  // To be called by each of the threads, which are counted from 0, when it begins to work: one that is on the core of another
  // with a lower number moves to those cores that thread 0 may use and none of these others is on, if there are any, and keeps to
  // them until it moves again. Thread 0 never does.
  void keep_apart(int thread);

 private:
  std::vector<std::atomic<int>> cores_;  // on which each was last seen; -1: not yet
  std::atomic<int> first_{0};            // the kernel's number of thread 0
};

}  // namespace ht
