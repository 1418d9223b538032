#include "wandb_past.h"

#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/json.h"
#include "protobuf.h"
#include "wandb_format.h"

namespace nopos::engine {
namespace {

namespace fs = std::filesystem;
using namespace wandb;

constexpr const char* note_file = "wandb-run.json";
constexpr const char* another = " Remove it to start a new run of Weights & Biases.";

/// The records of a file, one after the other.
class Records {
 public:
  explicit Records(std::string_view bytes) : bytes_(bytes) {}

  /// Puts together the next record from its pieces; false where no whole one follows.
  bool next() {
    content.clear();
    for (std::size_t place = end; place < bytes_.size();) {
      const std::size_t left = block_size - place % block_size;
      if (left < frame_size) {
        place += left;
        continue;
      }
      std::uint16_t size = 0;
      if (place + frame_size > bytes_.size()) return false;
      std::memcpy(&size, bytes_.data() + place + 4, sizeof size);
      if (place + frame_size + size > bytes_.size()) return false;
      const auto type = static_cast<Piece>(bytes_[place + 6]);
      content += bytes_.substr(place + frame_size, size);
      place += frame_size + size;
      if (type != Piece::full && type != Piece::last) continue;
      end = place;
      return true;
    }
    return false;
  }

  std::string content;
  std::size_t end = magic.size();  ///< behind the record

 private:
  std::string_view bytes_;
};

std::string_view field_of(std::string_view message, int field) {
  for (ProtobufFields fields(message); fields.next();) {
    if (fields.field == field) return fields.text;
  }
  return {};
}

std::uint64_t integer_of(std::string_view message, int field) {
  for (ProtobufFields fields(message); fields.next();) {
    if (fields.field == field) return fields.value;
  }
  return 0;
}

/// Fills in where the rows of up to `num_updates` end. A row is two records, the summary first.
void find_end(std::string_view bytes, std::int64_t num_updates, WandbPast& past) {
  Records records(bytes);
  std::int64_t count = 0;
  while (records.next()) {
    ++count;
    if (!field_of(records.content, record::exit).empty()) return;
    if (!field_of(records.content, record::summary).empty()) continue;  // stands with the row behind it
    const std::string_view row = field_of(records.content, record::history);
    const std::uint64_t step = integer_of(field_of(row, history::step), history_step::number);
    if (step > static_cast<std::uint64_t>(num_updates)) return;
    past.bytes = records.end;
    past.records = count;
  }
}

}  // namespace

void note_wandb_run(const fs::path& save_dir, const std::string& project, const std::string& id,
                    const fs::path& file, double started) {
  const Json note{{"schema", 1},
                  {"project", project},
                  {"id", id},
                  {"file", fs::absolute(file).lexically_normal().string()},
                  {"started", started}};
  replace_file(save_dir / note_file, json_text(note, 2) + "\n");
}

std::optional<WandbPast> take_up_wandb_run(const fs::path& save_dir, const std::string& project,
                                           std::int64_t num_updates) {
  const fs::path note_path = save_dir / note_file;
  if (!fs::exists(note_path)) return std::nullopt;
  try {
    const Json note = parse_json(MappedFile(note_path).bytes());
    WandbPast past;
    past.id = note.at("id").get<std::string>();
    past.file = note.at("file").get<std::string>();
    past.started = note.at("started").get<double>();
    if (note.at("project") != project || !fs::is_regular_file(past.file)) return std::nullopt;
    {
      const MappedFile file(past.file);
      if (!file.bytes().starts_with(magic)) return std::nullopt;
      find_end(file.bytes(), num_updates, past);
    }
    if (past.records < 2) return std::nullopt;  // not even who it is
    fs::resize_file(past.file, past.bytes);
    return past;
  } catch (const JsonError& error) {
    throw Error(ExitCode::data, error.in(note_path.string()) + another);
  } catch (const Json::exception& error) {
    throw Error(ExitCode::data,
                note_path.string() + " is not as written by a run (" + error.what() + ")." + another);
  } catch (const fs::filesystem_error& error) {
    throw Error(ExitCode::data, error.what());
  }
}

}  // namespace nopos::engine
