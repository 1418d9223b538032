#pragma once
/// How a run of Weights & Biases lies in its file.

#include <cstddef>
#include <string_view>

namespace nopos::engine::wandb {

// Field numbers of the messages in wandb/proto/wandb_internal.proto.
namespace record {
enum { number = 1, history = 2, summary = 3, run = 17, exit = 18, header = 21, info = 200 };
}
namespace info {
enum { stream_id = 1 };
}
namespace header {
enum { version_info = 1 };
}
namespace version_info {
enum { producer = 1, min_consumer = 2 };
}
namespace run {
enum { id = 1, entity = 2, project = 3, config = 4, display_name = 8, host = 13, start_time = 17 };
}
namespace timestamp {
enum { seconds = 1, nanos = 2 };
}
namespace config {
enum { update = 1 };
}
namespace summary {
enum { update = 1 };
}
namespace history {
enum { item = 1, step = 2 };
}
namespace history_step {
enum { number = 1 };
}
namespace item {
enum { key = 1, nested_key = 2, json = 16 };
}
namespace exit_record {
enum { code = 1, runtime = 2 };
}

// The container: blocks of 32 KiB with the framing of LevelDB's log, behind a magic number.
inline constexpr std::string_view magic("\x3aW&B\xe1\xbe\0", 7);
inline constexpr std::size_t block_size = 32768, frame_size = 7;
enum class Piece : char { full = 1, first, middle, last };

}  // namespace nopos::engine::wandb
