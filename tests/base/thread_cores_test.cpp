// SPDX-License-Identifier: Apache-2.0
#include "base/thread_cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace ht {
namespace {

class OnCore {
 public:
  explicit OnCore(int core) {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t alone;
    CPU_ZERO(&alone);
    CPU_SET(static_cast<size_t>(core), &alone);
    sched_setaffinity(0, sizeof alone, &alone);
  }
  ~OnCore() { sched_setaffinity(0, sizeof before_, &before_); }
  OnCore(const OnCore&) = delete;
  OnCore& operator=(const OnCore&) = delete;

 private:
  cpu_set_t before_;
};

// A new thread may run where the one that starts it may, so on that core alone.
TEST(ThreadCores, ThreadOnTheCallersCoreMovesAndStaysAway) {
  ThreadCores cores(2);
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  const int core = sched_getcpu();
  const OnCore caller(core);
  cores.keep_apart(0);
  EXPECT_EQ(sched_getcpu(), core);
  std::thread([&] {
    cores.keep_apart(1);
    if (CPU_COUNT(&allowed) == 1) {
      EXPECT_EQ(sched_getcpu(), core) << "there is no other";
      return;
    }
    EXPECT_NE(sched_getcpu(), core);
    cpu_set_t now;
    ASSERT_EQ(sched_getaffinity(0, sizeof now, &now), 0);
    EXPECT_FALSE(CPU_ISSET(static_cast<size_t>(core), &now));
    EXPECT_EQ(CPU_COUNT(&now), CPU_COUNT(&allowed) - 1);
  }).join();
}

TEST(ThreadCores, ThreadOnACoreOfItsOwnStaysAsItIs) {
  ThreadCores cores(2);
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  cores.keep_apart(1);  // nobody with a lower number has been seen
  cores.keep_apart(0);
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace ht
