// SPDX-License-Identifier: Apache-2.0
// What stands behind the handles of the public interface.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "api/network.h"
#include "calibrate/statistics.h"
#include "halftone/model.h"
#include "ir/graph.h"

struct halftone::Model::Content {
  std::filesystem::path path;
  std::string hash;  // SHA-256 of the file
  int64_t file_bytes = 0;
  std::vector<int64_t> input_shape;  // what it was loaded with; empty: the model's own
  ht::Graph graph;  // behind the passes
  bool is_quantized = false;
  mutable ht::Networks networks;
};

struct halftone::Statistics::Content {
  std::string path;  // empty where they were not read from a file
  int64_t file_bytes = 0;
  ht::Statistics statistics;
};

struct halftone::Session::Content {
  std::shared_ptr<const Model::Content> model;
  std::shared_ptr<const ht::Network> network;
  ht::Runner runner;
  const std::atomic<bool>* cancelled = nullptr;  // as in Context

  bool is_cancelled() const { return cancelled && cancelled->load(std::memory_order_relaxed); }
};
