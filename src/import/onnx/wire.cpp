// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/wire.h"

#include <array>
#include <optional>

namespace ht {
namespace {

enum class Message : uint8_t {
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparse,
  kValueInfo,
  kType,
  kTensorType,
  kShape,
  kFunction,
  kTraining,
  kLeaf
};

struct Child {
  Message parent;
  uint32_t field;
  Message message;
};

// The fields of onnx.proto that hold messages and of which a file can have many.
constexpr std::array kChildren = {
    Child{Message::kModel, 7, Message::kGraph},         Child{Message::kModel, 8, Message::kLeaf},
    Child{Message::kModel, 14, Message::kLeaf},         Child{Message::kModel, 20, Message::kTraining},
    Child{Message::kModel, 25, Message::kFunction},     Child{Message::kFunction, 7, Message::kNode},
    Child{Message::kFunction, 11, Message::kAttribute}, Child{Message::kTraining, 1, Message::kGraph},
    Child{Message::kTraining, 2, Message::kGraph},      Child{Message::kGraph, 1, Message::kNode},
    Child{Message::kGraph, 5, Message::kTensor},        Child{Message::kGraph, 11, Message::kValueInfo},
    Child{Message::kGraph, 12, Message::kValueInfo},    Child{Message::kGraph, 13, Message::kValueInfo},
    Child{Message::kGraph, 14, Message::kLeaf},         Child{Message::kGraph, 15, Message::kSparse},
    Child{Message::kNode, 1, Message::kLeaf},           Child{Message::kNode, 2, Message::kLeaf},
    Child{Message::kNode, 5, Message::kAttribute},      Child{Message::kAttribute, 5, Message::kTensor},
    Child{Message::kAttribute, 6, Message::kGraph},     Child{Message::kAttribute, 9, Message::kLeaf},
    Child{Message::kAttribute, 10, Message::kTensor},   Child{Message::kAttribute, 11, Message::kGraph},
    Child{Message::kAttribute, 14, Message::kType},     Child{Message::kAttribute, 15, Message::kType},
    Child{Message::kAttribute, 22, Message::kSparse},   Child{Message::kAttribute, 23, Message::kSparse},
    Child{Message::kTensor, 6, Message::kLeaf},         Child{Message::kTensor, 13, Message::kLeaf},
    Child{Message::kSparse, 1, Message::kTensor},       Child{Message::kSparse, 2, Message::kTensor},
    Child{Message::kValueInfo, 2, Message::kType},      Child{Message::kType, 1, Message::kTensorType},
    Child{Message::kTensorType, 2, Message::kShape},    Child{Message::kShape, 1, Message::kLeaf},
};

std::optional<Message> child_of(Message parent, uint32_t field) {
  for (const Child& child : kChildren)
    if (child.parent == parent && child.field == field) return child.message;
  return std::nullopt;
}

class WireWalker {
 public:
  // Whether the bytes are a well-formed message with an acceptable number of parts.
  bool walk(std::span<const uint8_t> bytes, Message message, int depth) {
    if (depth > kMostDepth) is_deep_ = true;
    if (is_deep_) return false;
    while (!bytes.empty()) {
      const auto key = varint(bytes);
      if (!key || *key >> 3 == 0 || *key >> 32 != 0 || !skip(bytes, *key, message, depth)) return false;
    }
    return true;
  }
  bool too_many() const { return messages_ > kMostMessages; }
  bool too_deep() const { return is_deep_; }

 private:
  static constexpr int64_t kMostMessages = 4'000'000;
  static constexpr int kMostDepth = 32;

  static std::optional<uint64_t> varint(std::span<const uint8_t>& bytes) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
      const uint8_t byte = bytes.front();
      bytes = bytes.subspan(1);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return std::nullopt;
  }

  bool skip(std::span<const uint8_t>& bytes, uint64_t key, Message message, int depth) {
    uint64_t size = 0;
    switch (key & 7) {
      case 0:
        return varint(bytes).has_value();
      case 1:
        size = 8;
        break;
      case 5:
        size = 4;
        break;
      case 2: {
        const auto length = varint(bytes);
        if (!length) return false;
        size = *length;
        break;
      }
      default:
        return false;  // groups, which ONNX has none of
    }
    if (size > bytes.size()) return false;
    const auto field = static_cast<uint32_t>(key >> 3);
    if (const auto child = (key & 7) == 2 ? child_of(message, field) : std::nullopt) {
      if (++messages_ > kMostMessages) return false;
      if (*child != Message::kLeaf && !walk(bytes.first(size), *child, depth + 1)) return false;
    }
    bytes = bytes.subspan(size);
    return true;
  }

  int64_t messages_ = 0;
  bool is_deep_ = false;
};

}  // namespace

Status check_onnx_wire(std::span<const uint8_t> bytes) {
  WireWalker walker;
  if (walker.walk(bytes, Message::kModel, 0)) return {};
  if (walker.too_many()) return input_error("is not an ONNX model that could be read: it has millions of parts");
  if (walker.too_deep()) return input_error("is not an ONNX model that could be read: graphs or types lie in each other too deeply");
  return input_error("is not an ONNX model: the data are no protobuf message or are cut short");
}

}  // namespace ht
