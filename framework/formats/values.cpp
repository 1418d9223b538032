#include "values.h"

#include <algorithm>

namespace nopos {

using Type = PickleNode::Type;

Pickle::Node pickled_value(Pickle& pickle, const Value& value) {
  struct Pickled {
    Pickle& pickle;
    Pickle::Node operator()(NotGiven) { return pickle.none(); }
    Pickle::Node operator()(bool flag) { return pickle.boolean(flag); }
    Pickle::Node operator()(std::int64_t number) { return pickle.integer(number); }
    Pickle::Node operator()(double number) { return pickle.number(number); }
    Pickle::Node operator()(const std::string& text) { return pickle.text(text); }
    Pickle::Node operator()(const std::vector<std::int64_t>& list) {
      std::vector<Pickle::Node> items;
      for (const std::int64_t item : list) items.push_back(pickle.integer(item));
      return pickle.list(std::move(items));
    }
    Pickle::Node operator()(const std::vector<double>& list) {
      std::vector<Pickle::Node> items;
      for (const double item : list) items.push_back(pickle.number(item));
      return pickle.list(std::move(items));
    }
  };
  return std::visit(Pickled{pickle}, value);
}

Value plain_value(const PickleNode& node, std::string_view what) {
  switch (node.type) {
    case Type::none:
      return {};
    case Type::boolean:
      return node.integer != 0;
    case Type::integer:
      return node.integer;
    case Type::text:
      return node.text;
    case Type::list:
    case Type::tuple: {
      const auto whole = [](const PickleNode* item) { return item->is(Type::integer); };
      if (!node.items.empty() && std::all_of(node.items.begin(), node.items.end(), whole)) {
        std::vector<std::int64_t> list;
        for (const PickleNode* item : node.items) list.push_back(item->integer);
        return list;
      }
      std::vector<double> list;
      for (const PickleNode* item : node.items) list.push_back(item->as_number(what));
      return list;
    }
    default:
      return node.as_number(what);
  }
}

Value scalar_of(const PickleNode* mapping, std::string_view key) {
  const PickleNode* node = mapping == nullptr ? nullptr : mapping->get(key);
  if (node == nullptr) return {};
  switch (node->type) {
    case Type::none:
    case Type::boolean:
    case Type::integer:
    case Type::number:
    case Type::text:
      return plain_value(*node, key);
    default:
      return {};
  }
}

}  // namespace nopos
