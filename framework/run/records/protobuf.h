#pragma once
/// Messages in the wire format of Protocol Buffers (protobuf.dev, "Encoding"), written field by field.

#include <cstdint>
#include <string>
#include <string_view>

namespace nopos::engine {

class ProtobufMessage {
 public:
  ProtobufMessage& integer(int field, std::int64_t value);
  ProtobufMessage& number(int field, double value);
  ProtobufMessage& single(int field, float value);
  /// A string, bytes, or a message within this one.
  ProtobufMessage& text(int field, std::string_view value);

  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value);
  void key(int field, std::uint64_t wire_type) { varint(static_cast<std::uint64_t>(field) << 3 | wire_type); }

  std::string bytes_;
};

/// Field by field through a message that was written before.
class ProtobufFields {
 public:
  explicit ProtobufFields(std::string_view message) : rest_(message) {}

  /// Goes to the next field; false at the end, and where what follows is no field.
  bool next();

  int field = 0;
  std::uint64_t value = 0;  ///< of an integer
  std::string_view text;    ///< of a string, bytes or a message

 private:
  bool read_varint(std::uint64_t& value);

  std::string_view rest_;
};

}  // namespace nopos::engine
