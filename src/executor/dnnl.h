// SPDX-License-Identifier: Apache-2.0
// oneDNN's C++ interface, over functions that are looked up when floats are first computed.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "base/result.h"

#define HT_DNNL_FUNCTIONS(X)                    \
  X(dnnl_dilated_convolution_forward_desc_init) \
  X(dnnl_engine_create)                         \
  X(dnnl_engine_destroy)                        \
  X(dnnl_get_effective_cpu_isa)                 \
  X(dnnl_inner_product_forward_desc_init)       \
  X(dnnl_memory_create)                         \
  X(dnnl_memory_desc_get_size)                  \
  X(dnnl_memory_desc_init_by_strides)           \
  X(dnnl_memory_desc_init_by_tag)               \
  X(dnnl_memory_destroy)                        \
  X(dnnl_memory_get_data_handle)                \
  X(dnnl_memory_get_engine)                     \
  X(dnnl_memory_get_memory_desc)                \
  X(dnnl_primitive_attr_create)                 \
  X(dnnl_primitive_attr_destroy)                \
  X(dnnl_primitive_attr_set_scratchpad_mode)    \
  X(dnnl_primitive_create)                      \
  X(dnnl_primitive_desc_destroy)                \
  X(dnnl_primitive_desc_iterator_create)        \
  X(dnnl_primitive_desc_iterator_destroy)       \
  X(dnnl_primitive_desc_iterator_fetch)         \
  X(dnnl_primitive_desc_query)                  \
  X(dnnl_primitive_desc_query_md)               \
  X(dnnl_primitive_destroy)                     \
  X(dnnl_primitive_execute)                     \
  X(dnnl_reorder_primitive_desc_create)         \
  X(dnnl_set_max_cpu_isa)                       \
  X(dnnl_stream_create)                         \
  X(dnnl_stream_destroy)                        \
  X(dnnl_stream_wait)

// Another name, because a program that contains this library may use oneDNN itself.
#define dnnl ht_dnnl
// dnnl.hpp calls what stands in its own namespace rather than the functions of dnnl.h.
namespace dnnl {
#define HT_DECLARE(name) inline decltype(&::name) name = nullptr;
HT_DNNL_FUNCTIONS(HT_DECLARE)
#undef HT_DECLARE
}  // namespace dnnl
#include <oneapi/dnnl/dnnl.hpp>
#undef dnnl

namespace ht {

namespace dnnl = ht_dnnl;

// The runtime that counts and lends oneDNN's threads.
namespace openmp {
inline void (*set_num_threads)(int threads) = nullptr;  // for what the calling thread starts
inline int (*get_thread_num)() = nullptr;
inline void (*parallel)(void (*work)(void* data), void* data, unsigned threads, unsigned flags) = nullptr;
}  // namespace openmp

// Nothing above may be used before. An error where a library is missing.
Status load_dnnl();

}  // namespace ht
