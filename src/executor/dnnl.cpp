// SPDX-License-Identifier: Apache-2.0
#include "executor/dnnl.h"

#include "base/shared_library.h"

#define HT_TEXT_INNER(x) #x
#define HT_TEXT(x) HT_TEXT_INNER(x)

namespace ht {
namespace {

Status load_once() {
  HT_ASSIGN(const SharedLibrary library,
            SharedLibrary::load("libdnnl.so." HT_TEXT(DNNL_VERSION_MAJOR), "oneDNN, which computes floats"));
#define HT_BIND(name) HT_TRY(library.bind(dnnl::name, #name));
  HT_DNNL_FUNCTIONS(HT_BIND)
#undef HT_BIND
  HT_ASSIGN(const SharedLibrary threads, SharedLibrary::load("libgomp.so.1", "GCC's OpenMP, which runs oneDNN's threads"));
  HT_TRY(threads.bind(openmp::set_num_threads, "omp_set_num_threads"));
  HT_TRY(threads.bind(openmp::get_thread_num, "omp_get_thread_num"));
  return threads.bind(openmp::parallel, "GOMP_parallel");
}

}  // namespace

Status load_dnnl() {
  static const Status loaded = load_once();
  return loaded;
}

}  // namespace ht
