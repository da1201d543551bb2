// SPDX-License-Identifier: Apache-2.0
#include "evaluate/heads/parts.h"

namespace ht {

int32_t kernel_value(BoxOrder order) {
  switch (order) {
    case BoxOrder::kXyxy: return HT_ORDER_XYXY;
    case BoxOrder::kYxyx: return HT_ORDER_YXYX;
    case BoxOrder::kXywh: return HT_ORDER_XYWH;
    case BoxOrder::kCxcywh: return HT_ORDER_CXCYWH;
    case BoxOrder::kCycxhw: return HT_ORDER_CYCXHW;
  }
  return HT_ORDER_XYXY;
}

std::vector<HeadLevel> plain(std::vector<LevelView> views) {
  std::vector<HeadLevel> levels;
  for (const LevelView& view : views) levels.push_back({view, {}, {}, {}});
  return levels;
}

void set_class_scores(ht_detect_params& params, ScoreForm form, int64_t columns, Background background) {
  params.class_function = sigmoid_if(form == ScoreForm::kLogit);
  if (form != ScoreForm::kSoftmax) return;
  params.softmax_columns = static_cast<int32_t>(columns);
  params.softmax_before = background == Background::kFirst ? 1 : 0;
}

}  // namespace ht
