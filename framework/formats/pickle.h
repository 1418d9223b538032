#pragma once
/// Python's pickle format as data: a tree of plain values, written as protocol 2 and read from protocols 2 to
/// 4. Reading executes nothing: classes and functions are names, calls are nodes.
///
/// A PyTorch tensor is a call of torch._utils._rebuild_tensor_v2 with a persistent id that names a storage,
/// an entry of the surrounding zip archive; `pickled_tensor` and `tensor_of` convert.

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nopos {

class PickleNode {
 public:
  enum class Type {
    none,
    boolean,
    integer,
    number,
    text,
    bytes,
    list,
    tuple,
    dict,           ///< items: key, value, key, value, ...
    ordered_dict,   ///< the same; collections.OrderedDict
    set,            ///< read only
    global,         ///< a class or function by name; text: "module name"
    call,           ///< items: callee, arguments, and the state if the stream sets one
    persistent_id,  ///< items: the id
  };

  Type type = Type::none;
  std::int64_t integer = 0;  ///< 0 or 1 for a boolean
  double number = 0;
  std::string text;
  std::vector<const PickleNode*> items;

  bool is(Type wanted) const { return type == wanted; }
  bool is_mapping() const { return type == Type::dict || type == Type::ordered_dict; }
  std::size_t size() const { return is_mapping() ? items.size() / 2 : items.size(); }

  /// The value of a text key, or null. Logarithmic time for a mapping that was read.
  const PickleNode* get(std::string_view key) const;
  /// Same, but \throws Error (data) if it is absent; `where` describes the mapping in the message.
  const PickleNode& at(std::string_view key, std::string_view where) const;

  // Typed access. \throws Error (data) if the node has another type; `what` names it in the message.
  bool as_boolean(std::string_view what) const;
  std::int64_t as_integer(std::string_view what) const;
  double as_number(std::string_view what) const;  ///< an integer too
  const std::string& as_text(std::string_view what) const;
  const std::vector<const PickleNode*>& as_sequence(std::string_view what) const;  ///< list or tuple

  /// Sorts the text keys of a completed mapping, for `get`. Returns a duplicate key, or null.
  const PickleNode* index_keys();

 private:
  std::vector<std::uint32_t> sorted_keys_;  // indices into `items`; empty for small mappings
};

/// Owns the nodes of one tree; they live as long as it does.
class Pickle {
 public:
  using Node = const PickleNode*;
  using Pairs = std::vector<std::pair<std::string, Node>>;

  Pickle() = default;
  Pickle(Pickle&&) = default;
  Pickle& operator=(Pickle&&) = default;

  Node none() { return &make(PickleNode::Type::none); }
  Node boolean(bool value);
  Node integer(std::int64_t value);
  Node number(double value);
  Node text(std::string_view value);
  Node list(std::vector<Node> items) { return sequence(PickleNode::Type::list, std::move(items)); }
  Node tuple(std::vector<Node> items) { return sequence(PickleNode::Type::tuple, std::move(items)); }
  Node dict(const Pairs& pairs) { return mapping(PickleNode::Type::dict, pairs); }
  Node ordered_dict(const Pairs& pairs) { return mapping(PickleNode::Type::ordered_dict, pairs); }
  /// A dict whose keys are not texts.
  Node dict_of(std::vector<std::pair<Node, Node>> pairs);
  Node global(std::string_view module, std::string_view name);
  Node call(Node function, std::vector<Node> arguments);
  Node persistent_id(Node id);

  PickleNode& make(PickleNode::Type type);

  /// All nodes of the tree, in the order of creation.
  const std::deque<PickleNode>& nodes() const { return nodes_; }

  Node root = nullptr;

 private:
  Node sequence(PickleNode::Type type, std::vector<Node> items);
  Node mapping(PickleNode::Type type, const Pairs& pairs);

  std::deque<PickleNode> nodes_;
};

/// Serializes the tree in protocol 2, with opcodes that `torch.load(weights_only=True)` of PyTorch 2.6
/// accepts.
std::string write_pickle(const PickleNode& root);

/// Limits for a stream: nodes, references to them (in containers, on the stack, in the memo), open marks, and
/// characters of class names. They are far above what checkpoints need and limit the memory that a hostile
/// stream can take to a few hundred MiB.
inline constexpr std::size_t max_pickle_nodes = std::size_t{1} << 21;
inline constexpr std::size_t max_pickle_references = std::size_t{1} << 22;
inline constexpr std::size_t max_pickle_marks = 10000;
inline constexpr std::size_t max_pickle_names = std::size_t{1} << 22;

/// Reads a stream in linear time; `size` receives the number of bytes consumed. \throws Error (data) naming
/// `source` and the byte offset, if the stream is truncated, inconsistent or beyond the limits above, repeats
/// a text key in a mapping, or uses an opcode outside protocols 2 to 4.
///
/// Text is UTF-8, except for paths with other bytes, which Python stores as lone surrogates: these are
/// converted back to bytes, and `write_pickle` converts them to surrogates.
Pickle read_pickle(std::string_view bytes, std::string_view source, std::size_t* size = nullptr);

/// A tensor as the pickle describes it: a view of a storage.
struct PickledTensor {
  std::string storage_type;  ///< "FloatStorage"
  std::string storage_key;   ///< the entry "archive/data/<key>"
  std::int64_t storage_size = 0;
  std::int64_t offset = 0;  ///< in elements, like the strides
  std::vector<std::int64_t> sizes, strides;

  std::int64_t elements() const;  ///< after `tensor_of`: at most what the storage holds
};

Pickle::Node pickled_tensor(Pickle& pickle, const PickledTensor& tensor);

/// Whether `node` is a tensor (or a torch.nn.Parameter around one).
bool is_tensor(const PickleNode& node);
/// \throws Error (data) if the node is not a tensor, exceeds its storage or overlaps itself.
PickledTensor tensor_of(const PickleNode& node, std::string_view what);

}  // namespace nopos
