#include "event_files.h"

#include <unistd.h>

#include <array>
#include <cinttypes>
#include <utility>

#include "little_endian.h"
#include "masked_crc.h"
#include "protobuf.h"
#include "unix_seconds.h"
#include "nopos/strings.h"

namespace nopos::engine {
namespace {

// Field numbers of the messages in tensorboard/compat/proto: event.proto, summary.proto, tensor.proto.
namespace event {
enum { wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7 };
}
namespace session_log {
enum { status = 1, status_start = 1 };
}
namespace summary {
enum { value = 1 };
}
namespace value {
enum { tag = 1, simple_value = 2, tensor = 8, metadata = 9 };
}
namespace metadata {
enum { plugin_data = 1 };
}
namespace plugin_data {
enum { plugin_name = 1 };
}
namespace tensor {
enum { dtype = 1, dtype_string = 7, shape = 2, string_value = 8 };
}
namespace shape {
enum { dimension = 2, size = 1 };
}

/// Length and content, each with its check sum.
std::string framed(const std::string& content) {
  const std::string length = little_endian(std::uint64_t{content.size()});
  return length + little_endian(masked_crc(length)) + content + little_endian(masked_crc(content));
}

ProtobufMessage event_now() { return ProtobufMessage().number(event::wall_time, unix_seconds()); }

std::string text_value(const std::string& text) {
  const auto one =
      ProtobufMessage().text(shape::dimension, ProtobufMessage().integer(shape::size, 1).bytes());
  const auto content = ProtobufMessage()
                           .integer(tensor::dtype, tensor::dtype_string)
                           .text(tensor::shape, one.bytes())
                           .text(tensor::string_value, text);
  const auto kind = ProtobufMessage().text(metadata::plugin_data,
                                           ProtobufMessage().text(plugin_data::plugin_name, "text").bytes());
  return ProtobufMessage()
      .text(value::tag, "sys.argv/text_summary")
      .text(value::tensor, content.bytes())
      .text(value::metadata, kind.bytes())
      .bytes();
}

/// events.out.tfevents.<seconds>.<host>.<process>
std::string file_name() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return formatted("events.out.tfevents.%010" PRId64 ".%s.%d", static_cast<std::int64_t>(unix_seconds()),
                   host.data(), static_cast<int>(getpid()));
}

}  // namespace

EventFiles::EventFiles(std::filesystem::path folder, std::int64_t num_updates, std::string command)
    : folder_(std::move(folder)), num_updates_(num_updates), command_(std::move(command)) {}

AppendFile& EventFiles::file_of(const std::string& tag) {
  std::unique_ptr<AppendFile>& file = files_[tag];
  if (file != nullptr) return *file;
  file = std::make_unique<AppendFile>(folder_ / tag / file_name());
  file->append(framed(event_now().text(event::file_version, "brain.Event:2").bytes()));
  const auto start = ProtobufMessage().integer(session_log::status, session_log::status_start);
  file->append(framed(
      event_now().integer(event::step, num_updates_ + 1).text(event::session_log, start.bytes()).bytes()));
  const auto argv = ProtobufMessage().text(summary::value, text_value(command_));
  file->append(framed(event_now().text(event::summary, argv.bytes()).bytes()));
  return *file;
}

void EventFiles::write(const Record& record) {
  ProtobufMessage figures;
  for (const auto& [name, number] : record.figures) {
    figures.text(summary::value, ProtobufMessage()
                                     .text(value::tag, name)
                                     .single(value::simple_value, static_cast<float>(number))
                                     .bytes());
  }
  file_of(record.tag)
      .append(framed(event_now()
                         .integer(event::step, record.num_updates)
                         .text(event::summary, figures.bytes())
                         .bytes()));
}

}  // namespace nopos::engine
