// SPDX-License-Identifier: Apache-2.0
#include "ht_index.h"

static int32_t index_at(const void* indices, int32_t bytes, ptrdiff_t at, int32_t size) {
  int64_t index = bytes == 8 ? ((const int64_t*)indices)[at] : ((const int32_t*)indices)[at];
  index = index < 0 ? index + size : index;
  return (int32_t)(index < 0 ? 0 : (index >= size ? size - 1 : index));
}

void HT_FN(ht_positions)(const ht_positions_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t last = p->rank - 1, n = p->shape[last];
  for (int32_t row = begin; row < end; ++row) {
    int32_t own = 0, rest = row;
    for (int32_t i = last - 1; i >= 0; --i) {
      own += rest % p->shape[i] * p->own_stride[i];
      rest /= p->shape[i];
    }
    for (int32_t i = 0; i < n; ++i) {
      const ptrdiff_t at = (ptrdiff_t)row * n + i;
      int32_t position = own + i * p->own_stride[last];
      for (int32_t k = 0; k < p->depth; ++k)
        position += index_at(a->inputs[0], p->index_bytes, at * p->depth + k, p->size[k]) * p->stride[k];
      ((int32_t*)a->output)[at] = position;
    }
  }
}

#define HT_TAKE(type)                                                                                              \
  for (int32_t unit = begin; unit < end; ++unit) {                                                                 \
    const ptrdiff_t from = (ptrdiff_t)(unit / p->count) * p->outer_stride + positions[unit % p->count];            \
    const type* HT_RESTRICT in = (const type*)a->inputs[0] + from;                                                 \
    type* HT_RESTRICT out = (type*)a->output + (ptrdiff_t)unit * p->inner;                                         \
    for (int32_t n = 0; n < p->inner; ++n) out[n] = in[n];                                                         \
  }

void HT_FN(ht_take)(const ht_take_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t* positions = (const int32_t*)a->inputs[1];
  if (p->element_bytes == 1) {
    HT_TAKE(uint8_t)
  } else if (p->element_bytes == 2) {
    HT_TAKE(uint16_t)
  } else if (p->element_bytes == 4) {
    HT_TAKE(uint32_t)
  } else {
    HT_TAKE(uint64_t)
  }
}

static float put_float(int32_t reduction, float old, float x) {
  switch (reduction) {
    case HT_PUT_ADD:
      return old + x;
    case HT_PUT_MUL:
      return old * x;
    case HT_PUT_MAX:
      return old > x ? old : x;
    case HT_PUT_MIN:
      return old < x ? old : x;
    default:
      return x;
  }
}

static int64_t put_integer(int32_t reduction, int64_t old, int64_t x) {
  switch (reduction) {
    case HT_PUT_ADD:
      return ht_wrap((uint64_t)old + (uint64_t)x);
    case HT_PUT_MUL:
      return ht_wrap((uint64_t)old * (uint64_t)x);
    case HT_PUT_MAX:
      return old > x ? old : x;
    case HT_PUT_MIN:
      return old < x ? old : x;
    default:
      return x;
  }
}

void HT_FN(ht_put)(const ht_put_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t* positions = (const int32_t*)a->inputs[1];
  for (int32_t i = 0; begin < end && i < p->count; ++i) {
    for (int32_t n = 0; n < p->inner; ++n) {
      const ptrdiff_t from = (ptrdiff_t)i * p->inner + n, to = (ptrdiff_t)positions[i] + n;
      if (p->type == HT_F32) {
        float* out = (float*)a->output + to;
        *out = put_float(p->reduction, *out, ((const float*)a->inputs[0])[from]);
      } else {
        const int64_t old = ht_load_integer(p->type, a->output, to), x = ht_load_integer(p->type, a->inputs[0], from);
        ht_store_integer(p->type, put_integer(p->reduction, old, x), a->output, to);
      }
    }
  }
}

void HT_FN(ht_argmax)(const ht_argmax_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t first = (ptrdiff_t)(unit / p->inner) * p->n * p->inner + unit % p->inner;
    int32_t best = 0;
    int64_t best_order = ht_order(p->type, a->inputs[0], first);
    for (int32_t i = 1; i < p->n; ++i) {
      const int64_t order = ht_order(p->type, a->inputs[0], first + (ptrdiff_t)i * p->inner);
      const bool better = p->smallest ? order < best_order : order > best_order;
      if (!better && !(p->last && order == best_order)) continue;
      best = i;
      best_order = order;
    }
    ((int64_t*)a->output)[unit] = best;
  }
}

typedef struct candidate {
  int64_t order;  // more is better
  int32_t index;
} candidate;

// Scratch: the best candidates so far, a heap with the worst one at its root.
size_t HT_FN(ht_topk_scratch)(const ht_topk_params* p) { return (size_t)p->k * sizeof(candidate); }

static bool is_worse(candidate x, candidate y) { return x.order != y.order ? x.order < y.order : x.index > y.index; }

// Lets the root of heap[0, count) sink to its place.
static void sink(candidate* heap, int32_t count) {
  const candidate moved = heap[0];
  int32_t at = 0;
  for (;;) {
    int32_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && is_worse(heap[child + 1], heap[child])) ++child;
    if (!is_worse(heap[child], moved)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

static void rise(candidate* heap, int32_t at) {
  const candidate moved = heap[at];
  for (; at > 0 && is_worse(moved, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = moved;
}

void HT_FN(ht_topk)(const ht_topk_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  candidate* heap = (candidate*)a->scratch;
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t outer = unit / p->inner, inner = unit % p->inner, first = outer * p->n * p->inner + inner;
    for (int32_t i = 0; i < p->n; ++i) {
      const int64_t order = ht_order(p->type, a->inputs[0], first + (ptrdiff_t)i * p->inner);
      const candidate next = {p->smallest ? -1 - order : order, i};
      if (i < p->k) {
        heap[i] = next;
        rise(heap, i);
      } else if (is_worse(heap[0], next)) {
        heap[0] = next;
        sink(heap, p->k);
      }
    }
    int64_t* out = (int64_t*)a->output + outer * p->k * p->inner + inner;
    for (int32_t left = p->k; left > 0; --left) {  // the worst one leaves first, for the last place
      out[(ptrdiff_t)(left - 1) * p->inner] = heap[0].index;
      heap[0] = heap[left - 1];
      sink(heap, left - 1);
    }
  }
}

void HT_FN(ht_cumulative)(const ht_cumulative_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t first = (ptrdiff_t)(unit / p->inner) * p->n * p->inner + unit % p->inner;
    float real = p->product ? 1.0f : 0.0f;
    int64_t whole = p->product ? 1 : 0;
    for (int32_t i = 0; i < p->n; ++i) {
      const ptrdiff_t at = first + (ptrdiff_t)(p->reverse ? p->n - 1 - i : i) * p->inner;
      if (p->type == HT_F32) {
        const float x = ((const float*)a->inputs[0])[at], next = p->product ? real * x : real + x;
        ((float*)a->output)[at] = p->exclusive ? real : next;
        real = next;
      } else {
        const int64_t x = ht_load_integer(p->type, a->inputs[0], at);
        const int64_t next = ht_wrap(p->product ? (uint64_t)whole * (uint64_t)x : (uint64_t)whole + (uint64_t)x);
        ht_store_integer(p->type, p->exclusive ? whole : next, a->output, at);
        whole = next;
      }
    }
  }
}
