#include <bit>
#include <cstring>
#include <limits>

#include "pickle.h"
#include "pickle_opcodes.h"
#include "surrogates.h"

namespace nopos {
namespace {

using Type = PickleNode::Type;

class Writer {
 public:
  std::string stream() && { return std::move(stream_); }

  void op(pickle::Opcode code) { stream_ += static_cast<char>(code); }

  template <class T>
  void raw(T value) {
    static_assert(std::endian::native == std::endian::little);
    stream_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  void integer(std::int64_t value) {
    if (value >= 0 && value <= 0xff) {
      op(pickle::BININT1), raw(static_cast<std::uint8_t>(value));
    } else if (value >= 0 && value <= 0xffff) {
      op(pickle::BININT2), raw(static_cast<std::uint16_t>(value));
    } else if (value == static_cast<std::int32_t>(value)) {
      op(pickle::BININT), raw(static_cast<std::int32_t>(value));
    } else {
      op(pickle::LONG1), raw(std::uint8_t{8}), raw(value);
    }
  }

  void number(double value) {
    op(pickle::BINFLOAT);  // the only field in big-endian order
    raw(__builtin_bswap64(std::bit_cast<std::uint64_t>(value)));
  }

  void text(const std::string& value) {
    const std::string unicode = with_surrogates(value);
    op(pickle::BINUNICODE), raw(static_cast<std::uint32_t>(unicode.size()));
    stream_ += unicode;
  }

  void global(const std::string& name) {
    op(pickle::GLOBAL);
    stream_ += name;
    stream_[stream_.size() - name.size() + name.find(' ')] = '\n';
    stream_ += '\n';
  }

  void tuple(const std::vector<const PickleNode*>& items) {
    if (items.empty()) return op(pickle::EMPTY_TUPLE);
    if (items.size() > 3) op(pickle::MARK);
    for (const PickleNode* item : items) node(*item);
    constexpr pickle::Opcode by_size[] = {pickle::TUPLE1, pickle::TUPLE2, pickle::TUPLE3};
    op(items.size() > 3 ? pickle::TUPLE : by_size[items.size() - 1]);
  }

  void filled(const std::vector<const PickleNode*>& items, pickle::Opcode fill) {
    if (items.empty()) return;
    op(pickle::MARK);
    for (const PickleNode* item : items) node(*item);
    op(fill);
  }

  void node(const PickleNode& value) {
    switch (value.type) {
      case Type::none:
        return op(pickle::NONE);
      case Type::boolean:
        return op(value.integer != 0 ? pickle::NEWTRUE : pickle::NEWFALSE);
      case Type::integer:
        return integer(value.integer);
      case Type::number:
        return number(value.number);
      case Type::text:
        return text(value.text);
      case Type::list:
        op(pickle::EMPTY_LIST);
        return filled(value.items, pickle::APPENDS);
      case Type::tuple:
        return tuple(value.items);
      case Type::dict:
        op(pickle::EMPTY_DICT);
        return filled(value.items, pickle::SETITEMS);
      case Type::ordered_dict:
        global("collections OrderedDict");
        op(pickle::EMPTY_TUPLE), op(pickle::REDUCE);
        return filled(value.items, pickle::SETITEMS);
      case Type::global:
        return global(value.text);
      case Type::call:
        node(*value.items[0]);
        node(*value.items[1]);
        return op(pickle::REDUCE);
      case Type::persistent_id:
        node(*value.items[0]);
        return op(pickle::BINPERSID);
      case Type::bytes:
      case Type::set:
        break;  // made by the reader alone: protocol 2 has no plain opcode for them
    }
    __builtin_unreachable();
  }

 private:
  std::string stream_;
};

}  // namespace

std::string write_pickle(const PickleNode& root) {
  Writer writer;
  writer.op(pickle::PROTO), writer.raw(std::uint8_t{2});
  writer.node(root);
  writer.op(pickle::STOP);
  return std::move(writer).stream();
}

}  // namespace nopos
