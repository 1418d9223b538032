#include "safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "nopos/error.h"
#include "nopos/json.h"
#include "nopos/printable.h"
#include "number_types.h"

namespace nopos {
namespace {

constexpr const char* metadata_key = "__metadata__";
constexpr std::size_t prefix = sizeof(std::uint64_t);
constexpr std::size_t deepest = 3;  // the header, a tensor, its shape
constexpr std::size_t most_values = std::size_t{1} << 21;
constexpr std::size_t most_dimensions = 64;  // as many as LibTorch's own loops take
constexpr std::size_t shown_characters = 200;

[[noreturn]] void damaged(const std::filesystem::path& file, const std::string& what) {
  throw Error(ExitCode::data, file.string() + " is not a readable safetensors file: " + what +
                                  ". Use a complete copy of the file.");
}

/// The header as JSON.
Json parse_header(std::string_view header, const std::filesystem::path& path) {
  if (!header.starts_with('{')) damaged(path, "its header does not begin with '{'");
  try {
    return parse_json(header, {.depth = deepest, .values = most_values});
  } catch (const JsonError& error) {
    damaged(path, std::string("in its header, ") + error.what());
  }
}

std::uint64_t offset_or_size(const Json& value, const std::string& what, const std::filesystem::path& path) {
  const auto number = whole_number(value);
  if (!number || *number < 0) damaged(path, what + " is not an integer of at least 0");
  if (*number > std::int64_t{1} << 62) damaged(path, what + " is implausibly large");
  return static_cast<std::uint64_t>(*number);
}

struct Place {
  SafeTensor tensor;
  std::uint64_t begin = 0, end = 0;
};

Place read_tensor(const std::string& name, const Json& entry, const std::filesystem::path& path) {
  const std::string shown = printable(name, shown_characters);
  const auto field = [&](const char* key, Json::value_t type) -> const Json& {
    const auto found = entry.is_object() ? entry.find(key) : entry.end();
    if (found == entry.end() || found->type() != type) {
      damaged(path, "tensor '" + shown + "' has no '" + key + "' as the format requires");
    }
    return *found;
  };
  const Json& offsets = field("data_offsets", Json::value_t::array);
  if (offsets.size() != 2) damaged(path, "tensor '" + shown + "' does not have two offsets");
  // One after the other and before the place is made: GCC 12 destroys the members of a nested initialiser
  // twice where a later one throws.
  const std::uint64_t begin = offset_or_size(offsets[0], "an offset of '" + shown + "'", path);
  const std::uint64_t end = offset_or_size(offsets[1], "an offset of '" + shown + "'", path);
  Place place;
  place.tensor.name = name;
  place.tensor.dtype = field("dtype", Json::value_t::string).get<std::string>();
  place.begin = begin;
  place.end = end;
  std::int64_t size =
      safetensors_element_size(place.tensor.dtype, "tensor '" + shown + "' of " + path.string());
  const Json& shape = field("shape", Json::value_t::array);
  bool overflow = false, empty = false;
  for (const Json& dimension : shape) {
    const auto number =
        static_cast<std::int64_t>(offset_or_size(dimension, "the shape of '" + shown + "'", path));
    if (place.tensor.shape.size() == most_dimensions)
      damaged(path, "tensor '" + shown + "' has too many dimensions");
    place.tensor.shape.push_back(number);
    empty = empty || number == 0;
    overflow = overflow || __builtin_mul_overflow(size, number, &size);
  }
  if (empty) size = 0;
  if ((overflow && !empty) || place.end < place.begin ||
      place.end - place.begin != static_cast<std::uint64_t>(size)) {
    damaged(path, "the bytes of tensor '" + shown + "' are " + std::to_string(place.begin) + " to " +
                      std::to_string(place.end) + ", which does not fit its shape and type");
  }
  return place;
}

}  // namespace

std::int64_t safetensors_element_size(std::string_view dtype, std::string_view what) {
  if (const NumberType* const type = type_of_dtype(dtype)) return type->size;
  throw Error(ExitCode::data, std::string(what) + " is of type '" + printable(dtype, 40) +
                                  "', a type that NoPos does not support.");
}

SafetensorsReader::SafetensorsReader(std::filesystem::path file)
    : path_(std::move(file)), file_(std::make_unique<const MappedFile>(path_)) {
  read(file_->bytes());
}

SafetensorsReader::SafetensorsReader(std::string_view bytes, std::filesystem::path name)
    : path_(std::move(name)) {
  read(bytes);
}

void SafetensorsReader::read(std::string_view bytes) {
  if (bytes.size() < prefix) damaged(path_, "it has only " + std::to_string(bytes.size()) + " bytes");
  std::uint64_t header_size = 0;
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&header_size, bytes.data(), prefix);
  if (header_size > max_header) {
    damaged(path_, "its header claims to have " + std::to_string(header_size) + " bytes, more than " +
                       std::to_string(max_header));
  }
  if (header_size > bytes.size() - prefix) damaged(path_, "its header extends beyond the end of the file");
  const std::string_view header = bytes.substr(prefix, header_size),
                         data = bytes.substr(prefix + header_size);
  std::vector<Place> places;
  const Json json = parse_header(header, path_);
  for (const auto& [name, entry] : json.items()) {
    if (name != metadata_key) {
      places.push_back(read_tensor(name, entry, path_));
      continue;
    }
    if (!entry.is_object()) damaged(path_, "its metadata is not an object of strings");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string())
        damaged(path_, "'" + printable(key, shown_characters) + "' in its metadata is not a text");
      metadata_[key] = value.get<std::string>();
    }
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t end = 0;
  for (Place& place : places) {
    if (place.begin != end || place.end > data.size()) {
      damaged(path_, "the bytes of tensor '" + printable(place.tensor.name, shown_characters) +
                         "' begin at " + std::to_string(place.begin) + " and end at " +
                         std::to_string(place.end) + ", but " + std::to_string(end) +
                         " come before and the file has " + std::to_string(data.size()));
    }
    place.tensor.bytes = data.substr(place.begin, place.end - place.begin);
    end = place.end;
    tensors_.push_back(std::move(place.tensor));
  }
  if (end != data.size()) {
    damaged(path_, "it has " + std::to_string(data.size()) + " bytes of tensors, its header names " +
                       std::to_string(end));
  }
}

void write_safetensors(std::vector<SafeTensor> tensors, const std::map<std::string, std::string>& metadata,
                       const std::function<void(std::string_view bytes)>& sink) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const SafeTensor& a, const SafeTensor& b) {
    return safetensors_element_size(a.dtype, a.name) > safetensors_element_size(b.dtype, b.name);
  });
  Json json = Json::object();
  if (!metadata.empty()) json[metadata_key] = metadata;
  std::uint64_t offset = 0;
  for (const SafeTensor& tensor : tensors) {
    add_member(json, tensor.name,
               {{"dtype", tensor.dtype},
                {"shape", tensor.shape},
                {"data_offsets", {offset, offset + tensor.bytes.size()}}});
    offset += tensor.bytes.size();
  }
  std::string header = json_text(std::move(json));
  header.resize((header.size() + prefix - 1) / prefix * prefix, ' ');  // the bytes begin aligned
  const std::uint64_t size = header.size();
  sink({reinterpret_cast<const char*>(&size), prefix});
  sink(header);
  for (const SafeTensor& tensor : tensors) sink(tensor.bytes);
}

}  // namespace nopos
