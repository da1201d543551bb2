// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>
#include <numeric>
#include <thread>
#include <vector>

namespace ht {
namespace {

// Each index once, by a worker there is, and everything done at the return; with calls that follow at once and calls that find the
// workers asleep.
TEST(ThreadPool, TakesEveryIndexOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int64_t call = 0; call < 2000; ++call) {
      const int64_t count = call % 13;
      std::vector<int> taken(static_cast<size_t>(count), 0);  // not atomic: no index belongs to two workers
      std::atomic<bool> known_workers{true};
      pool.parallel_for(count, [&](int64_t index, int worker) {
        ++taken[static_cast<size_t>(index)];
        if (worker < 0 || worker >= threads) known_workers = false;
      });
      ASSERT_EQ(std::accumulate(taken.begin(), taken.end(), int64_t{0}), count);
      ASSERT_TRUE(std::ranges::all_of(taken, [](int times) { return times == 1; }));
      ASSERT_TRUE(known_workers);
      if (call % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

TEST(ThreadPool, ThrowsOnWhatATaskThrows) {
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::atomic<int> done{0};
    const auto task = [&](int64_t index, int) {
      if (index % 5 == 2) throw std::bad_alloc();
      ++done;
    };
    EXPECT_THROW(pool.parallel_for(20, task), std::bad_alloc);
    done = 0;
    pool.parallel_for(2, task);
    EXPECT_EQ(done, 2);
  }
}

}  // namespace
}  // namespace ht
