// SPDX-License-Identifier: Apache-2.0
#include "base/thread_cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace ht {
namespace {

cpu_set_t allowed() {
  cpu_set_t cores;
  EXPECT_EQ(sched_getaffinity(0, sizeof cores, &cores), 0);
  return cores;
}

void keep_to(int core) {
  cpu_set_t alone;
  CPU_ZERO(&alone);
  CPU_SET(static_cast<size_t>(core), &alone);
  ASSERT_EQ(sched_setaffinity(0, sizeof alone, &alone), 0);
}

int core_beside(int core) {
  const cpu_set_t cores = allowed();
  for (int other = 0; other < CPU_SETSIZE; ++other)
    if (other != core && CPU_ISSET(static_cast<size_t>(other), &cores)) return other;
  return core;
}

class Cores : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = allowed();
    if (CPU_COUNT(&before_) < 2) GTEST_SKIP() << "there is only one core";
  }
  cpu_set_t before_;
};

TEST_F(Cores, ThreadOnTheCallersCoreMovesAway) {
  ThreadCores cores(2);
  const int core = sched_getcpu();
  std::thread([&] {  // on the same core as the caller was, who is told to be there
    keep_to(core);
    cores.keep_apart(0);
    std::thread([&] {
      cores.keep_apart(1);
      EXPECT_EQ(sched_getcpu(), core) << "thread 0 may use no other";
    }).join();
    ASSERT_EQ(sched_setaffinity(0, sizeof before_, &before_), 0);
    std::thread([&] {
      keep_to(core);
      cores.keep_apart(1);
      EXPECT_NE(sched_getcpu(), core);
      const cpu_set_t now = allowed();
      EXPECT_FALSE(CPU_ISSET(static_cast<size_t>(core), &now));
      EXPECT_EQ(CPU_COUNT(&now), CPU_COUNT(&before_) - 1);
    }).join();
  })
      .join();
}

TEST_F(Cores, ThreadOnACoreOfItsOwnStaysAsItIs) {
  ThreadCores cores(2);
  const int core = sched_getcpu();
  std::thread([&] {
    keep_to(core);
    cores.keep_apart(0);
    std::thread([&] {
      ASSERT_EQ(sched_setaffinity(0, sizeof before_, &before_), 0);
      keep_to(core_beside(core));
      const cpu_set_t own = allowed();
      cores.keep_apart(1);
      const cpu_set_t now = allowed();
      EXPECT_TRUE(CPU_EQUAL(&own, &now));
    }).join();
  }).join();
}

}  // namespace
}  // namespace ht
