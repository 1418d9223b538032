#include "records/protobuf.h"

#include "records/little_endian.h"

namespace nopos::engine {
namespace {

enum WireType : std::uint64_t { varint_type = 0, fixed64_type = 1, length_type = 2, fixed32_type = 5 };

}  // namespace

void ProtobufMessage::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

ProtobufMessage& ProtobufMessage::integer(int field, std::int64_t value) {
  key(field, varint_type);
  varint(static_cast<std::uint64_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::number(int field, double value) {
  key(field, fixed64_type);
  bytes_ += little_endian(value);
  return *this;
}

ProtobufMessage& ProtobufMessage::single(int field, float value) {
  key(field, fixed32_type);
  bytes_ += little_endian(value);
  return *this;
}

ProtobufMessage& ProtobufMessage::text(int field, std::string_view value) {
  key(field, length_type);
  varint(value.size());
  bytes_ += value;
  return *this;
}

}  // namespace nopos::engine
