#include <algorithm>
#include <bit>
#include <cstring>

#include "nopos/error.h"
#include "nopos/printable.h"
#include "pickle.h"
#include "pickle_opcodes.h"
#include "surrogates.h"

namespace nopos {
namespace {

using Type = PickleNode::Type;

/// Python's stack machine over symbolic values. Containers are filled after they were made (a list may hold
/// itself), so the stack holds mutable nodes; the nodes belong to the tree, whatever refers to them.
class Reader {
 public:
  Reader(std::string_view bytes, std::string_view source) : bytes_(bytes), source_(source) {}

  Pickle read(std::size_t* size) && {
    if (op() != pickle::PROTO) fail("it does not begin like a pickle");
    if (const auto protocol = raw<std::uint8_t>(); protocol < 2 || protocol > 4) {
      fail("protocol " + std::to_string(protocol) + " is not one of 2 to 4");
    }
    for (pickle::Opcode code = op(); code != pickle::STOP; code = op()) step(code);
    tree_.root = pop();
    for (PickleNode* mapping : mappings_) {
      if (const PickleNode* key = mapping->index_keys(); key != nullptr)
        fail("key '" + printable(key->text, 80) + "' appears twice in one dict");
    }
    if (size != nullptr) *size = position_;
    return std::move(tree_);
  }

 private:
  using Stack = std::vector<PickleNode*>;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ExitCode::data, std::string(source_) + " is not a readable pickle (byte " +
                                    std::to_string(position_) + "): " + what + ".");
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - position_) fail("it is truncated");
    const std::string_view taken = bytes_.substr(position_, size);
    position_ += size;
    return taken;
  }

  template <class T>
  T raw() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  pickle::Opcode op() { return static_cast<pickle::Opcode>(raw<std::uint8_t>()); }

  std::string_view line() {
    const std::size_t end = bytes_.find('\n', position_);
    if (end == std::string_view::npos) fail("it is truncated");
    const std::string_view text = take(end - position_);
    take(1);
    return text;
  }

  PickleNode* push(Type type) {
    if (tree_.nodes().size() == max_pickle_nodes) {
      fail("it creates more than " + std::to_string(max_pickle_nodes) +
           " values, far more than a checkpoint");
    }
    PickleNode* node = put(&tree_.make(type));
    if (node->is_mapping()) mappings_.push_back(node);
    return node;
  }
  PickleNode* put(PickleNode* node) {
    if (stack_.size() == max_pickle_references) fail("its stack holds too many values");
    return stack_.emplace_back(node);
  }
  void push_integer(std::int64_t value) { push(Type::integer)->integer = value; }
  void push_bytes(std::string_view value) { push(Type::bytes)->text = value; }
  void push_unicode(std::string_view value) { push(Type::text)->text = without_surrogates(value); }

  PickleNode& top() {
    if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back()))
      fail("a value is missing on its stack");
    return *stack_.back();
  }

  PickleNode* pop() {
    PickleNode* node = &top();
    stack_.pop_back();
    return node;
  }

  Stack pop_to_mark() {
    if (marks_.empty()) fail("a mark is missing on its stack");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Stack items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  void push_sequence(Type type, const Stack& items) { append(*push(type), items); }

  Stack pop_some(std::size_t count) {
    Stack items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }

  void append(PickleNode& container, const Stack& items) {
    references_ += items.size();
    if (references_ > max_pickle_references) fail("its containers hold too many values");
    container.items.insert(container.items.end(), items.begin(), items.end());
  }

  void fill(const Stack& items, bool pairs) {
    PickleNode& container = top();
    const bool fits = pairs ? container.is_mapping() && items.size() % 2 == 0
                            : container.is(Type::list) || container.is(Type::set);
    // a call is an object of some class: what it holds is kept behind its arguments
    if (!fits && !container.is(Type::call)) fail("items are added to something that is not a container");
    append(container, items);
  }

  void push_long(std::uint64_t size) {
    const std::string_view digits = take(size);
    if (size > 8) fail("an integer has more than 64 bits");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(digits[i])} << 8 * i;
    if (size > 0 && size < 8 && (digits.back() & 0x80) != 0) value |= ~std::uint64_t{0} << 8 * size;
    push_integer(static_cast<std::int64_t>(value));
  }

  /// One name can be put together again and again from texts that the stream holds once.
  void push_global(std::string_view module, std::string_view name) {
    names_ += module.size() + name.size();
    if (names_ > max_pickle_names) fail("it names too many classes, or names that are too long");
    push(Type::global)->text = std::string(module) + ' ' + std::string(name);
  }

  void push_call(PickleNode* function, PickleNode* arguments) {
    const bool ordered_dict =
        function->is(Type::global) && function->text == "collections OrderedDict" && arguments->items.empty();
    PickleNode* node = push(ordered_dict ? Type::ordered_dict : Type::call);
    if (!ordered_dict) node->items = {function, arguments};
  }

  void remember(std::uint64_t index) {
    if (index >= max_pickle_nodes) fail("its memo has too many entries");
    if (index >= memo_.size()) memo_.resize(index + 1);
    if (memo_[index] == nullptr) ++remembered_;
    memo_[index] = &top();
  }

  void recall(std::uint64_t index) {
    if (index >= memo_.size() || memo_[index] == nullptr) fail("it refers to a value that does not exist");
    put(memo_[index]);
  }

  void step(pickle::Opcode code) {
    switch (code) {
      case pickle::PROTO:
        return void(take(1));
      case pickle::FRAME:
        return void(take(8));
      case pickle::MARK:
        if (marks_.size() == max_pickle_marks) fail("it is nested too deeply");
        return marks_.push_back(stack_.size());
      case pickle::POP:
        if (!marks_.empty() && stack_.size() == marks_.back()) return marks_.pop_back();
        return void(pop());
      case pickle::POP_MARK:
        return void(pop_to_mark());
      case pickle::DUP:
        return void(put(&top()));
      case pickle::NONE:
        return void(push(Type::none));
      case pickle::NEWTRUE:
      case pickle::NEWFALSE:
        push(Type::boolean)->integer = code == pickle::NEWTRUE;
        return;
      case pickle::BININT:
        return push_integer(raw<std::int32_t>());
      case pickle::BININT1:
        return push_integer(raw<std::uint8_t>());
      case pickle::BININT2:
        return push_integer(raw<std::uint16_t>());
      case pickle::LONG1:
        return push_long(raw<std::uint8_t>());
      case pickle::LONG4:
        return push_long(raw<std::uint32_t>());
      case pickle::BINFLOAT:
        push(Type::number)->number = std::bit_cast<double>(__builtin_bswap64(raw<std::uint64_t>()));
        return;
      case pickle::SHORT_BINSTRING:
      case pickle::SHORT_BINUNICODE:
        return push_unicode(take(raw<std::uint8_t>()));
      case pickle::BINSTRING:
      case pickle::BINUNICODE:
        return push_unicode(take(raw<std::uint32_t>()));
      case pickle::BINUNICODE8:
        return push_unicode(take(raw<std::uint64_t>()));
      case pickle::SHORT_BINBYTES:
        return push_bytes(take(raw<std::uint8_t>()));
      case pickle::BINBYTES:
        return push_bytes(take(raw<std::uint32_t>()));
      case pickle::BINBYTES8:
        return push_bytes(take(raw<std::uint64_t>()));
      case pickle::EMPTY_LIST:
        return void(push(Type::list));
      case pickle::EMPTY_TUPLE:
        return void(push(Type::tuple));
      case pickle::EMPTY_DICT:
        return void(push(Type::dict));
      case pickle::EMPTY_SET:
        return void(push(Type::set));
      case pickle::TUPLE1:
        return push_sequence(Type::tuple, pop_some(1));
      case pickle::TUPLE2:
        return push_sequence(Type::tuple, pop_some(2));
      case pickle::TUPLE3:
        return push_sequence(Type::tuple, pop_some(3));
      case pickle::TUPLE:
      case pickle::LIST:
      case pickle::FROZENSET: {
        const Stack items = pop_to_mark();
        const Type type = code == pickle::TUPLE ? Type::tuple : code == pickle::LIST ? Type::list : Type::set;
        return push_sequence(type, items);
      }
      case pickle::DICT: {
        const Stack items = pop_to_mark();
        push(Type::dict);
        return fill(items, true);
      }
      case pickle::APPEND:
        return fill({pop()}, false);
      case pickle::APPENDS:
      case pickle::ADDITEMS:
        return fill(pop_to_mark(), false);
      case pickle::SETITEM: {
        PickleNode *value = pop(), *key = pop();
        return fill({key, value}, true);
      }
      case pickle::SETITEMS:
        return fill(pop_to_mark(), true);
      case pickle::GLOBAL: {
        const std::string_view module = line();
        return push_global(module, line());
      }
      case pickle::STACK_GLOBAL: {
        const PickleNode *name = pop(), *module = pop();
        if (!name->is(Type::text) || !module->is(Type::text)) fail("a name is not a text");
        return push_global(module->text, name->text);
      }
      case pickle::REDUCE:
      case pickle::NEWOBJ: {
        PickleNode *arguments = pop(), *function = pop();
        if (!arguments->is(Type::tuple)) fail("arguments are not a tuple");
        return push_call(function, arguments);
      }
      case pickle::NEWOBJ_EX: {
        PickleNode *keywords = pop(), *arguments = pop(), *function = pop();
        push(Type::call)->items = {function, arguments, keywords};
        return;
      }
      case pickle::BUILD: {  // attributes of an object; those of an OrderedDict are not content
        PickleNode* state = pop();
        if (top().is(Type::call)) append(top(), {state});
        return;
      }
      case pickle::BINPERSID: {
        const PickleNode* id = pop();
        push(Type::persistent_id)->items = {id};
        return;
      }
      case pickle::BINPUT:
        return remember(raw<std::uint8_t>());
      case pickle::LONG_BINPUT:
        return remember(raw<std::uint32_t>());
      case pickle::MEMOIZE:
        return remember(remembered_);
      case pickle::BINGET:
        return recall(raw<std::uint8_t>());
      case pickle::LONG_BINGET:
        return recall(raw<std::uint32_t>());
      case pickle::STOP:
        break;
    }
    fail("opcode " + std::to_string(static_cast<int>(code)) + " is not one of protocols 2 to 4");
  }

  std::string_view bytes_, source_;
  std::uint64_t position_ = 0;
  std::size_t names_ = 0, references_ = 0, remembered_ = 0;
  Pickle tree_;
  Stack stack_;
  std::vector<std::size_t> marks_;
  std::vector<PickleNode*> memo_, mappings_;
};

}  // namespace

Pickle read_pickle(std::string_view bytes, std::string_view source, std::size_t* size) {
  return Reader(bytes, source).read(size);
}

}  // namespace nopos
