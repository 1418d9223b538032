#include "legacy_archive.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "nopos/error.h"
#include "number_types.h"

namespace nopos {
namespace {

using Type = PickleNode::Type;

// 0x1950a86a20f9469cfc6c as a pickle of protocol 2, behind its first two bytes.
constexpr std::string_view magic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13);
constexpr std::int64_t format = 1001;

class Parts {
 public:
  Parts(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ExitCode::data,
                name_ + " is damaged or incomplete: " + what +
                    ". It is in the format of PyTorch before 1.6, which has no checksums; use an "
                    "earlier checkpoint, or a complete copy of the file.");
  }

  std::string_view take(std::uint64_t size, const std::string& what) {
    if (size > bytes_.size()) fail(what + " extends beyond the end of the file");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  Pickle pickle(const std::string& what, std::uint64_t most) {
    std::size_t size = 0;
    Pickle tree = read_pickle(bytes_.substr(0, most), what + " of " + name_, &size);
    bytes_.remove_prefix(size);
    return tree;
  }

 private:
  std::string_view bytes_;
  const std::string& name_;
};

/// Element sizes of the storages that the object refers to, by key.
std::map<std::string, std::int64_t, std::less<>> referred_storages(const Pickle& tree, const Parts& parts) {
  std::map<std::string, std::int64_t, std::less<>> sizes;
  for (const PickleNode& node : tree.nodes()) {
    if (!node.is(Type::persistent_id)) continue;
    const PickleNode& id = *node.items[0];
    const bool right = id.is(Type::tuple) && id.items.size() >= 5 && id.items[1]->is(Type::global) &&
                       id.items[1]->text.starts_with("torch ") && id.items[2]->is(Type::text);
    if (!right) parts.fail("it refers to something that is not a storage");
    if (id.items.size() > 5 && !id.items[5]->is(Type::none)) {
      parts.fail(
          "a storage is a view of another, which only PyTorch before 0.4 wrote and which is not supported");
    }
    const std::string type = id.items[1]->text.substr(6);
    const NumberType* const known = type_of_storage(type);
    if (known == nullptr) parts.fail("a storage is of type '" + type + "', which NoPos does not support");
    const auto [place, fresh] = sizes.emplace(id.items[2]->text, known->size);
    if (!fresh && place->second != known->size) {
      parts.fail("a storage has two types");
    }
  }
  return sizes;
}

}  // namespace

bool LegacyArchive::is_one(std::string_view bytes) {
  return bytes.size() > 2 + magic.size() && bytes.front() == '\x80' && bytes.substr(2).starts_with(magic);
}

LegacyArchive::LegacyArchive(std::string_view bytes, std::string name, std::uint64_t max_pickle)
    : name_(std::move(name)) {
  constexpr std::uint64_t small = 4096;
  Parts parts(bytes, name_);
  parts.take(2 + magic.size(), "the magic number");
  const Pickle number = parts.pickle("the format version", small);
  if (!number.root->is(Type::integer) || number.root->integer != format) {
    parts.fail("its format version is not " + std::to_string(format));
  }
  const Pickle machine = parts.pickle("the description of the writer's machine", small);
  if (const PickleNode* little = machine.root->get("little_endian");
      little != nullptr && little->is(Type::boolean) && little->integer == 0) {
    parts.fail("it was written on a big-endian machine");
  }
  tree_ = parts.pickle("the object", max_pickle);
  const auto sizes = referred_storages(tree_, parts);
  const Pickle keys = parts.pickle("the list of storages", max_pickle);
  for (const PickleNode* key : keys.root->as_sequence("the list of storages of " + name_)) {
    const std::string& storage = key->as_text("a storage's key in " + name_);
    const auto known = sizes.find(storage);
    if (known == sizes.end()) parts.fail("it has a storage that nothing refers to");
    std::int64_t elements = 0, size = 0;
    std::memcpy(&elements, parts.take(sizeof(elements), "a storage's size").data(), sizeof(elements));
    if (elements < 0 || __builtin_mul_overflow(elements, known->second, &size)) {
      parts.fail("a storage claims to have " + std::to_string(elements) + " numbers");
    }
    const std::string_view content = parts.take(static_cast<std::uint64_t>(size), "a storage");
    if (!storages_.emplace(storage, content).second) parts.fail("a storage appears twice");
  }
}

std::string_view LegacyArchive::storage(std::string_view key) const {
  const auto found = storages_.find(key);
  if (found == storages_.end()) {
    throw Error(ExitCode::data, name_ +
                                    " is damaged or incomplete: it lacks a storage that a tensor refers to. "
                                    "Use an earlier checkpoint, or a complete copy of the file.");
  }
  return found->second;
}

}  // namespace nopos
