#include "older_kinds.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "command.h"
#include "zip.h"

namespace nopos::test {
namespace {

using Type = PickleNode::Type;
using Node = OlderFile::Node;

/// A stream without its beginning and end, to stand within another.
std::string within(const PickleNode& node) {
  const std::string stream = write_pickle(node);
  return stream.substr(2, stream.size() - 3);
}

const std::string output_weight = "decoder.output_projection.weight";

/// To half precision, for numbers that it holds as normal ones or that are smaller than its smallest.
std::uint16_t half(float value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(static_cast<double>(value)), &exponent);
  if (value == 0 || exponent < -24) return sign;
  if (exponent < -13)
    return static_cast<std::uint16_t>(sign | std::lrint(std::ldexp(fraction, exponent + 24)));
  const auto digits = static_cast<std::uint16_t>(std::lrint(std::ldexp(fraction, 11)));  // 1024 to 2048
  return static_cast<std::uint16_t>(sign | (((exponent + 14) << 10) + digits - 1024));
}

}  // namespace

OlderFile::OlderFile(const std::filesystem::path& file, bool with_own) : file_(file) {
  std::set<std::string> seen;
  const std::function<void(Node)> collect = [&](Node node) {
    if (is_tensor(*node)) {
      const PickledTensor tensor = file_.describe(*node, "a tensor");
      if (seen.insert(tensor.storage_key).second)
        storages_.emplace_back(tensor.storage_key, std::string(file_.bytes(tensor)));
    }
    for (const PickleNode* item : node->items) collect(item);
  };
  root = with_own ? &file_.root() : without(&file_.root(), {"nopos"});
  collect(root);
}

Node OlderFile::with(Node dict, const std::string& key, Node value) {
  PickleNode& copy = arena.make(dict->type);
  copy.items = dict->items;
  for (std::size_t i = 0; i < copy.items.size(); i += 2) {
    if (copy.items[i]->text != key) continue;
    copy.items[i + 1] = value;
    return &copy;
  }
  copy.items.insert(copy.items.end(), {arena.text(key), value});
  return &copy;
}

Node OlderFile::without(Node dict, const std::vector<std::string>& keys) {
  PickleNode& copy = arena.make(dict->type);
  for (std::size_t i = 0; i < dict->items.size(); i += 2) {
    if (std::ranges::find(keys, dict->items[i]->text) == keys.end())
      copy.items.insert(copy.items.end(), {dict->items[i], dict->items[i + 1]});
  }
  return &copy;
}

void OlderFile::change_extra(const std::function<Node(Node)>& change) {
  root = with(root, "extra_state", change(get(root, "extra_state")));
}

void OlderFile::settings_in_namespace() {
  objects_.emplace_back("<args>",
                        "cargparse\nNamespace\n)\x81" + within(*get(get(root, "cfg"), "model")) + "b");
  root = with(without(root, {"cfg"}), "args", arena.text("<args>"));
}

void OlderFile::meters_as_objects() {
  objects_.emplace_back("<meter>", "cfairseq.meters\nAverageMeter\n)\x81" +
                                       within(*arena.dict({{"avg", arena.number(6.5)}})) + "b");
  change_extra([&](Node extra) {
    return with(without(extra, {"metrics", "previous_training_time"}), "train_meters",
                arena.ordered_dict({{"train_loss", arena.text("<meter>")}}));
  });
}

std::vector<std::string> OlderFile::parameters() const {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& [name, tensor] : file_.tensors()) {
    if (name != "decoder.version" && seen.insert(tensor.storage_key).second) names.push_back(name);
  }
  return names;
}

/// Model and optimizer's state in the order of `entries`, which leave out what is no parameter.
void OlderFile::rewrite(const std::vector<Entry>& entries) {
  const Node model = get(root, "model"), optimizer = get(root, "last_optimizer_state");
  const std::vector<std::string> names = parameters();
  const auto state_of = [&](const std::string& name) {
    const auto index = std::ranges::find(names, name) - names.begin();
    const Node states = get(optimizer, "state");
    for (std::size_t i = 0; i < states->items.size(); i += 2) {
      if (states->items[i]->integer == index) return states->items[i + 1];
    }
    throw std::logic_error("no state of " + name);
  };
  PickleNode& older = arena.make(Type::ordered_dict);
  older.items = {arena.text("decoder.version"), get(model, "decoder.version")};
  std::vector<std::pair<Node, Node>> states;
  std::vector<Node> indices;
  for (const Entry& entry : entries) {
    std::vector<Node> tensors;
    for (const std::string& from : entry.from) tensors.push_back(get(model, from));
    older.items.insert(older.items.end(), {arena.text(entry.name), joined(tensors)});
    PickleNode& state = arena.make(Type::dict);
    for (const char* key : {"step", "exp_avg", "exp_avg_sq"}) {
      std::vector<Node> parts;
      for (const std::string& from : entry.from) parts.push_back(get(state_of(from), key));
      state.items.insert(state.items.end(),
                         {arena.text(key), key == std::string("step") ? parts[0] : joined(parts)});
    }
    indices.push_back(arena.integer(static_cast<std::int64_t>(indices.size())));
    states.emplace_back(indices.back(), &state);
  }
  // a head that is the embedding stands in the model again
  if (std::ranges::find(names, output_weight) == names.end())
    older.items.insert(older.items.end(), {arena.text(output_weight), get(model, output_weight)});
  const Node group = with(get(optimizer, "param_groups")->items[0], "params", arena.list(indices));
  root = with(root, "model", &older);
  root = with(root, "last_optimizer_state",
              arena.dict({{"state", arena.dict_of(states)}, {"param_groups", arena.list({group})}}));
}

Node OlderFile::joined(const std::vector<Node>& tensors) {
  if (tensors.size() == 1) return tensors[0];
  PickledTensor whole = tensor_of(*tensors[0], "a tensor");
  std::string bytes;
  for (const Node tensor : tensors) bytes += file_.bytes(file_.describe(*tensor, "a tensor"));
  whole.sizes[0] *= static_cast<std::int64_t>(tensors.size());
  whole.storage_size *= static_cast<std::int64_t>(tensors.size());
  whole.storage_key = "joined" + std::to_string(storages_.size());
  storages_.emplace_back(whole.storage_key, bytes);
  return pickled_tensor(arena, whole);
}

void OlderFile::attention_in_one_matrix() {
  std::vector<Entry> entries;
  for (const std::string& name : parameters()) {
    const std::size_t at = name.find("k_proj.");
    if (at == name.npos && name.find("q_proj.") == name.npos && name.find("v_proj.") == name.npos) {
      entries.push_back({name, {name}});
    } else if (at != name.npos) {
      const std::string before = name.substr(0, at), after = name.substr(at + 6);
      entries.push_back({before + "in_proj_" + after.substr(1),
                         {before + "q_proj" + after, before + "k_proj" + after, before + "v_proj" + after}});
    }
  }
  rewrite(entries);
}

void OlderFile::old_name_of_the_head() {
  std::vector<Entry> entries;
  for (const std::string& name : parameters()) {
    if (name == output_weight) {
      entries.insert(entries.begin(), {"decoder.embed_out", {name}});  // a module's own come first
    } else {
      entries.push_back({name, {name}});
    }
  }
  rewrite(entries);
}

void OlderFile::old_names_of_layer_norms() {
  std::vector<Entry> entries, norms;  // norms of a layer stood behind its maps
  for (const std::string& name : parameters()) {
    const std::size_t first = name.find("self_attn_layer_norm"), last = name.find("final_layer_norm");
    const bool ends_layer = name.ends_with("final_layer_norm.bias");
    if (first == name.npos && last == name.npos) {
      entries.push_back({name, {name}});
      continue;
    }
    const std::string before = name.substr(0, std::min(first, last)), after = name.substr(name.rfind('.'));
    norms.push_back({before + (first != name.npos ? "layer_norms.0" : "layer_norms.2") + after, {name}});
    if (ends_layer) {
      entries.insert(entries.end(), norms.begin(), norms.end());
      norms.clear();
    }
  }
  rewrite(entries);
}

void OlderFile::states_by_address() {
  const Node optimizer = get(root, "last_optimizer_state");
  const auto address = [&](Node index) { return arena.integer(140234866240000 + 72 * index->integer); };
  std::vector<std::pair<Node, Node>> states;
  const Node old_states = get(optimizer, "state");
  for (std::size_t i = 0; i < old_states->items.size(); i += 2)
    states.emplace_back(address(old_states->items[i]), old_states->items[i + 1]);
  std::vector<Node> params;
  const Node group = get(optimizer, "param_groups")->items[0];
  for (const Node index : get(group, "params")->items) params.push_back(address(index));
  const Node older = arena.dict({{"state", arena.dict_of(states)},
                                 {"param_groups", arena.list({with(group, "params", arena.list(params))})}});
  const Node history = get(root, "optimizer_history")->items.back();
  root = with(without(root, {"last_optimizer_state"}), "optimizer_history",
              arena.list({with(history, "optimizer", older)}));
}

void OlderFile::half_precision() {
  PickleNode& model = arena.make(Type::ordered_dict);
  const Node old = get(root, "model");
  for (std::size_t i = 0; i < old->items.size(); i += 2) {
    PickledTensor tensor = file_.describe(*old->items[i + 1], "a tensor");
    const std::string_view bytes = file_.bytes(tensor);
    std::string halves;
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, bytes.data() + at, sizeof value);
      const std::uint16_t narrow = half(value);
      halves.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
    }
    tensor.storage_type = "HalfStorage";
    tensor.storage_key += "half" + std::to_string(i);
    storages_.emplace_back(tensor.storage_key, halves);
    model.items.insert(model.items.end(), {old->items[i], pickled_tensor(arena, tensor)});
  }
  root = with(root, "model", &model);
}

void OlderFile::set_version(std::uint16_t version) {
  storages_.emplace_back("version", std::string(reinterpret_cast<const char*>(&version), sizeof version));
  const PickledTensor tensor{.storage_type = "HalfStorage",
                             .storage_key = "version",
                             .storage_size = 1,
                             .offset = 0,
                             .sizes = {1},
                             .strides = {1}};
  root = with(root, "model", with(get(root, "model"), "decoder.version", pickled_tensor(arena, tensor)));
}

void OlderFile::fill(const std::string& name, float value) {
  const Node model = get(root, "model");
  PickledTensor tensor = tensor_of(*get(model, name), name);
  std::string bytes;
  for (std::int64_t i = 0; i < tensor.storage_size; ++i)
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  tensor.storage_key = "filled";
  storages_.emplace_back(tensor.storage_key, bytes);
  root = with(root, "model", with(model, name, pickled_tensor(arena, tensor)));
}

void OlderFile::set(const std::vector<std::string>& path, Node value) { root = changed(root, path, value); }

Node OlderFile::changed(Node node, const std::vector<std::string>& path, Node value) {
  if (path.empty()) return value;
  const std::vector<std::string> rest(path.begin() + 1, path.end());
  if (node->is_mapping()) return with(node, path[0], changed(get(node, path[0]), rest, value));
  PickleNode& copy = arena.make(node->type);
  copy.items = node->items;
  auto& item = copy.items.at(static_cast<std::size_t>(std::stoul(path[0])));
  item = changed(item, rest, value);
  return &copy;
}

std::string OlderFile::stream(Node node) const {
  std::string bytes = write_pickle(*node);
  for (const auto& [text, object] : objects_) {
    Pickle pickle;
    const std::string stands = within(*pickle.text(text));
    for (std::size_t at = 0; (at = bytes.find(stands, at)) != bytes.npos; at += object.size())
      bytes.replace(at, stands.size(), object);
  }
  return bytes;
}

void OlderFile::write(const std::filesystem::path& to) const {
  std::string bytes;
  ZipWriter zip([&](std::string_view piece) { bytes += piece; });
  zip.add("archive/data.pkl", stream(root));
  for (const auto& [key, content] : storages_) zip.add("archive/data/" + key, content);
  zip.add("archive/version", "3\n");
  zip.finish();
  write_file(to, bytes);
}

/// Ids of storages had a sixth part.
Node OlderFile::legacy_ids(Node node, Pickle& pickle) const {
  PickleNode& copy = pickle.make(node->type);
  copy = *node;
  for (auto& item : copy.items) item = legacy_ids(item, pickle);
  if (node->is(Type::persistent_id)) {
    std::vector<Node> parts = copy.items[0]->items;
    parts.push_back(pickle.none());
    copy.items = {pickle.tuple(parts)};
  }
  return &copy;
}

void OlderFile::write_legacy(const std::filesystem::path& to) const {
  Pickle pickle;
  std::string bytes("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  const Node sizes =
      pickle.dict({{"short", pickle.integer(2)}, {"int", pickle.integer(4)}, {"long", pickle.integer(4)}});
  bytes += write_pickle(*pickle.integer(1001));
  bytes += write_pickle(*pickle.dict({{"protocol_version", pickle.integer(1001)},
                                      {"little_endian", pickle.boolean(true)},
                                      {"type_sizes", sizes}}));
  const Node old = legacy_ids(root, pickle);
  bytes += stream(old);
  std::map<std::string, std::int64_t> elements;  // of the storages that are used
  const std::function<void(Node)> collect = [&](Node node) {
    if (node->is(Type::persistent_id))
      elements[node->items[0]->items[2]->text] = node->items[0]->items[4]->integer;
    for (const Node item : node->items) collect(item);
  };
  collect(old);
  std::vector<Node> keys;
  std::string contents;
  for (const auto& [key, content] : storages_) {
    if (!elements.contains(key)) continue;
    keys.push_back(pickle.text(key));
    contents.append(reinterpret_cast<const char*>(&elements.at(key)), sizeof(std::int64_t));
    contents += content;
  }
  write_file(to, bytes + write_pickle(*pickle.list(keys)) + contents);
}

}  // namespace nopos::test
