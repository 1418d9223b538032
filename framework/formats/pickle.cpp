#include "pickle.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "nopos/error.h"

namespace nopos {
namespace {

using Type = PickleNode::Type;

[[noreturn]] void mismatch(std::string_view what, std::string_view expected) {
  throw Error(ExitCode::data, std::string(what) + " is not " + std::string(expected) +
                                  ", as it must be in a checkpoint: the file was not written by NoPos, was "
                                  "written by a newer version, or is damaged.");
}

constexpr std::string_view rebuild_tensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view rebuild_old_tensor = "torch._utils _rebuild_tensor";  // the same first arguments
constexpr std::string_view rebuild_parameter = "torch._utils _rebuild_parameter";

bool calls(const PickleNode& node, std::string_view function) {
  return node.is(Type::call) && node.items[0]->is(Type::global) && node.items[0]->text == function;
}

constexpr std::size_t max_dimensions = 64;  // as many as LibTorch's own loops take
constexpr std::size_t max_key = 256;        // characters of a storage's key, which each tensor of it repeats

/// Each dimension must step over all that the smaller ones reach. Reach and strides lie in the storage, so
/// nothing overflows.
bool lies_over_itself(const PickledTensor& tensor) {
  std::vector<std::pair<std::int64_t, std::int64_t>> dimensions;  // stride, steps
  for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
    if (tensor.sizes[i] > 1) dimensions.emplace_back(tensor.strides[i], tensor.sizes[i] - 1);
  }
  std::sort(dimensions.begin(), dimensions.end());
  std::int64_t reach = 0;
  for (const auto& [stride, steps] : dimensions) {
    if (stride <= reach) return true;
    reach += stride * steps;
  }
  return false;
}

}  // namespace

const PickleNode* PickleNode::get(std::string_view key) const {
  if (!is_mapping()) return nullptr;
  if (!sorted_keys_.empty()) {
    const auto found = std::lower_bound(
        sorted_keys_.begin(), sorted_keys_.end(), key,
        [&](std::uint32_t place, std::string_view text) { return items[place]->text < text; });
    const bool equal = found != sorted_keys_.end() && items[*found]->text == key;
    return equal ? items[*found + 1] : nullptr;
  }
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (items[i]->is(Type::text) && items[i]->text == key) return items[i + 1];
  }
  return nullptr;
}

const PickleNode* PickleNode::index_keys() {
  constexpr std::size_t searched = 16;  // items of a mapping that is quickly looked through
  std::vector<std::uint32_t> places;
  for (std::uint32_t i = 0; i < items.size(); i += 2) {
    if (items[i]->is(Type::text)) places.push_back(i);
  }
  // By node first: after that each text is compared in full only with those that begin like it, and the
  // stream holds every one of them.
  std::ranges::sort(places, std::less<>(), [&](std::uint32_t place) { return items[place]; });
  const auto twice = [&](auto same) -> const PickleNode* {
    const auto found = std::ranges::adjacent_find(
        places, [&](std::uint32_t a, std::uint32_t b) { return same(*items[a], *items[b]); });
    return found == places.end() ? nullptr : items[*found];
  };
  if (const auto* node = twice([](const PickleNode& a, const PickleNode& b) { return &a == &b; }))
    return node;
  std::ranges::sort(places, std::less<>(),
                    [&](std::uint32_t place) -> const std::string& { return items[place]->text; });
  if (const auto* node = twice([](const PickleNode& a, const PickleNode& b) { return a.text == b.text; }))
    return node;
  if (items.size() > searched) sorted_keys_ = std::move(places);
  return nullptr;
}

const PickleNode& PickleNode::at(std::string_view key, std::string_view where) const {
  if (const PickleNode* found = get(key)) return *found;
  throw Error(ExitCode::data, std::string(where) + " has no entry '" + std::string(key) +
                                  "': it is not a checkpoint of a training run, or it is damaged.");
}

bool PickleNode::as_boolean(std::string_view what) const {
  if (type != Type::boolean) mismatch(what, "true or false");
  return integer != 0;
}

std::int64_t PickleNode::as_integer(std::string_view what) const {
  if (type != Type::integer) mismatch(what, "an integer");
  return integer;
}

double PickleNode::as_number(std::string_view what) const {
  if (type == Type::integer) return static_cast<double>(integer);
  if (type != Type::number) mismatch(what, "a number");
  return number;
}

const std::string& PickleNode::as_text(std::string_view what) const {
  if (type != Type::text) mismatch(what, "a text");
  return text;
}

const std::vector<const PickleNode*>& PickleNode::as_sequence(std::string_view what) const {
  if (type != Type::list && type != Type::tuple) mismatch(what, "a list");
  return items;
}

PickleNode& Pickle::make(Type type) {
  nodes_.emplace_back().type = type;
  return nodes_.back();
}

Pickle::Node Pickle::boolean(bool value) {
  PickleNode& node = make(Type::boolean);
  node.integer = value ? 1 : 0;
  return &node;
}

Pickle::Node Pickle::integer(std::int64_t value) {
  PickleNode& node = make(Type::integer);
  node.integer = value;
  return &node;
}

Pickle::Node Pickle::number(double value) {
  PickleNode& node = make(Type::number);
  node.number = value;
  return &node;
}

Pickle::Node Pickle::text(std::string_view value) {
  PickleNode& node = make(Type::text);
  node.text = value;
  return &node;
}

Pickle::Node Pickle::sequence(Type type, std::vector<Node> items) {
  PickleNode& node = make(type);
  node.items = std::move(items);
  return &node;
}

Pickle::Node Pickle::mapping(Type type, const Pairs& pairs) {
  std::vector<Node> items;
  for (const auto& [key, value] : pairs) items.insert(items.end(), {text(key), value});
  return sequence(type, std::move(items));
}

Pickle::Node Pickle::dict_of(std::vector<std::pair<Node, Node>> pairs) {
  std::vector<Node> items;
  for (const auto& [key, value] : pairs) items.insert(items.end(), {key, value});
  return sequence(Type::dict, std::move(items));
}

Pickle::Node Pickle::global(std::string_view module, std::string_view name) {
  PickleNode& node = make(Type::global);
  node.text = std::string(module) + ' ' + std::string(name);
  return &node;
}

Pickle::Node Pickle::call(Node function, std::vector<Node> arguments) {
  return sequence(Type::call, {function, tuple(std::move(arguments))});
}

Pickle::Node Pickle::persistent_id(Node id) { return sequence(Type::persistent_id, {id}); }

std::int64_t PickledTensor::elements() const {
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

Pickle::Node pickled_tensor(Pickle& pickle, const PickledTensor& tensor) {
  const auto numbers = [&](const std::vector<std::int64_t>& values) {
    std::vector<Pickle::Node> items;
    for (const std::int64_t value : values) items.push_back(pickle.integer(value));
    return pickle.tuple(std::move(items));
  };
  const auto storage = pickle.persistent_id(pickle.tuple(
      {pickle.text("storage"), pickle.global("torch", tensor.storage_type), pickle.text(tensor.storage_key),
       pickle.text("cpu"), pickle.integer(tensor.storage_size)}));
  return pickle.call(pickle.global("torch._utils", "_rebuild_tensor_v2"),
                     {storage, pickle.integer(tensor.offset), numbers(tensor.sizes), numbers(tensor.strides),
                      pickle.boolean(false), pickle.ordered_dict({})});
}

bool is_tensor(const PickleNode& node) {
  return calls(node, rebuild_tensor) || calls(node, rebuild_old_tensor) || calls(node, rebuild_parameter);
}

PickledTensor tensor_of(const PickleNode& node, std::string_view what) {
  const auto expect = [&](bool holds) {
    if (!holds) mismatch(what, "a tensor");
  };
  expect(is_tensor(node));
  const std::vector<const PickleNode*>& arguments = node.items[1]->as_sequence(what);
  if (calls(node, rebuild_parameter)) {
    expect(!arguments.empty() && is_tensor(*arguments[0]) && !calls(*arguments[0], rebuild_parameter));
    return tensor_of(*arguments[0], what);
  }
  expect(arguments.size() >= 4 && arguments[0]->is(Type::persistent_id));
  const auto& id = arguments[0]->items[0]->as_sequence(what);
  expect(id.size() >= 5 && id[0]->as_text(what) == "storage" && id[1]->is(Type::global));
  PickledTensor tensor;
  expect(id[1]->text.starts_with("torch "));
  tensor.storage_type = id[1]->text.substr(6);
  tensor.storage_key = id[2]->as_text(what);
  expect(tensor.storage_key.size() <= max_key);
  tensor.storage_size = id[4]->as_integer(what);
  tensor.offset = arguments[1]->as_integer(what);
  const auto &sizes = arguments[2]->as_sequence(what), &strides = arguments[3]->as_sequence(what);
  expect(sizes.size() == strides.size() && sizes.size() <= max_dimensions);
  for (const PickleNode* size : sizes) tensor.sizes.push_back(size->as_integer(what));
  for (const PickleNode* stride : strides) tensor.strides.push_back(stride->as_integer(what));
  expect(tensor.offset >= 0 && tensor.storage_size >= 0);
  std::int64_t last = tensor.offset;  // the furthest element; every step is checked, so nothing overflows
  bool empty = false;
  for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
    const std::int64_t size = tensor.sizes[i], stride = tensor.strides[i];
    expect(size >= 0 && stride >= 0);
    empty = empty || size == 0;
    std::int64_t reach = 0;
    expect(empty || (!__builtin_mul_overflow(size - 1, stride, &reach) &&
                     !__builtin_add_overflow(last, reach, &last)));
  }
  if (!empty && last >= tensor.storage_size) {
    throw Error(ExitCode::data, std::string(what) + " extends beyond its storage: the file is damaged.");
  }
  if (!empty && lies_over_itself(tensor)) {
    throw Error(
        ExitCode::data,
        std::string(what) + " has overlapping elements, which no model tensor has: the file is damaged.");
  }
  return tensor;
}

}  // namespace nopos
