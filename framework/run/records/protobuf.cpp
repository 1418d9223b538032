#include "protobuf.h"

#include "little_endian.h"

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

bool ProtobufFields::read_varint(std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

bool ProtobufFields::next() {
  std::uint64_t key = 0, size = 0;
  if (rest_.empty() || !read_varint(key)) return false;
  field = static_cast<int>(key >> 3);
  value = 0, text = {};
  switch (key & 7) {
    case varint_type:
      return read_varint(value);
    case fixed64_type:
    case fixed32_type:
      size = (key & 7) == fixed64_type ? sizeof(std::uint64_t) : sizeof(std::uint32_t);
      break;
    case length_type:
      if (!read_varint(size)) return false;
      break;
    default:
      return false;
  }
  if (size > rest_.size()) return false;
  text = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

}  // namespace nopos::engine
