// SPDX-License-Identifier: Apache-2.0
#include "calibrate/calibrate.h"

#include <memory>
#include <mutex>

#include "base/thread_pool.h"

namespace ht {
namespace {

// What one thread has: its own network and its own statistics.
struct Lane {
  CalibrationWorker worker;
  std::vector<ValueStatistics> values;
  DataHash data;
  int64_t observed = 0;
};

// What the threads share.
class Run {
 public:
  Run(const CalibrationSet& set, std::span<const ObservedValue> values,
      const std::function<Result<CalibrationWorker>()>& make_worker, const Context& context, int64_t total, int threads)
      : set_(set),
        values_(values),
        make_worker_(make_worker),
        context_(context),
        total_(total),
        lanes_(static_cast<size_t>(threads)) {}

  void take(int64_t item, int lane) {
    if (context_.is_cancelled() || is_past_failure(item)) return;
    auto status = observe(item, lanes_[static_cast<size_t>(lane)]);
    const std::lock_guard lock(mutex_);
    if (!status && (!failure_ || item < failed_item_)) {
      failure_ = std::move(status.error());
      failed_item_ = item;
    }
    context_.progress("calibrate", ++done_, total_);
  }

  Result<Statistics> finish(const Provenance& origin) {
    if (context_.is_cancelled()) return interrupted();
    if (failure_) return *std::move(failure_);
    Statistics statistics;
    statistics.provenance = origin;
    statistics.provenance.items = static_cast<int64_t>(set_.items.size());
    statistics.provenance.shards = set_.shards;
    statistics.provenance.done = {set_.shard};
    statistics.provenance.normalize();
    statistics.skipped = static_cast<int64_t>(skipped_.size());
    for (const auto& [item, reason] : skipped_) context_.note(fmt::format("left out: {}", reason));
    for (const ObservedValue& value : values_) statistics.values.emplace(value.name, make(value));
    for (const Lane& lane : lanes_) {
      statistics.data.add(lane.data);
      statistics.observed += lane.observed;
      for (size_t i = 0; i < lane.values.size(); ++i) HT_TRY(statistics.values.at(values_[i].name).merge(lane.values[i]));
    }
    if (statistics.observed == 0) return input_error("none of the {} items of the calibration set could be read", total_);
    return statistics;
  }

 private:
  ValueStatistics make(const ObservedValue& value) const {
    return ValueStatistics(value.channels, value.channel_histograms, context_.isa);
  }

  // Items are handed out in order, so those before a failed one all run, and the failure reported is always the first.
  bool is_past_failure(int64_t item) {
    const std::lock_guard lock(mutex_);
    return failure_ && item > failed_item_;
  }

  Status observe(int64_t item, Lane& lane) {
    if (!lane.worker) {
      HT_ASSIGN(lane.worker, make_worker_());
      for (const ObservedValue& value : values_) lane.values.push_back(make(value));
    }
    Observer observer(lane.values);
    const std::string& name = set_.items[static_cast<size_t>(item)];
    auto hash = lane.worker(item, observer);
    if (!hash) {
      Error error = std::move(hash.error()).in(name);
      if (!set_.skip_bad || error.code != ErrorCode::kInput || observer.count() > 0) return error;
      const std::lock_guard lock(mutex_);
      skipped_.emplace(item, error.text());
      return {};
    }
    HT_TRY(lane.data.add(*hash));
    ++lane.observed;
    return {};
  }

  const CalibrationSet& set_;
  std::span<const ObservedValue> values_;
  const std::function<Result<CalibrationWorker>()>& make_worker_;
  const Context& context_;
  const int64_t total_;
  std::vector<Lane> lanes_;
  std::mutex mutex_;  // guards what follows
  int64_t done_ = 0, failed_item_ = 0;
  std::optional<Error> failure_;
  std::map<int64_t, std::string> skipped_;
};

}  // namespace

Result<Statistics> calibrate(const CalibrationSet& set, std::span<const ObservedValue> values, const Provenance& origin,
                             const std::function<Result<CalibrationWorker>()>& make_worker, const Context& context) {
  if (set.shards < 1 || set.shard < 0 || set.shard >= set.shards) {
    return usage_error("shard {}/{} does not exist: the first number runs from 1 to the second", set.shard + 1, set.shards);
  }
  const auto items = static_cast<int64_t>(set.items.size());
  const int64_t total = set.shard < items ? (items - set.shard + set.shards - 1) / set.shards : 0;
  if (total == 0) return input_error("there is nothing to calibrate on: {} items, of which this shard has none", items);
  const int threads = static_cast<int>(std::min<int64_t>(resolve_threads(context.threads), total));
  Run run(set, values, make_worker, context, total, threads);
  ThreadPool pool(threads);
  pool.parallel_for(total, [&](int64_t index, int lane) { run.take(set.shard + index * set.shards, lane); });
  return run.finish(origin);
}

}  // namespace ht
