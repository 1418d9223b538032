#include "process_setup.h"

#include <ATen/Parallel.h>

#include <fstream>
#include <sstream>

#include "nopos/levers.h"
#include "process_memory.h"

namespace nopos::engine {

void set_up_process(int threads) {
  if (enabled(Lever::kept_memory)) keep_memory();
  enabled(Lever::mkl_fast_path);  // read by the host; a wrong name is noticed here
  if (threads > 0) at::set_num_threads(threads);
}

std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;  // in kB
  }
  return 0;
}

std::string usage_summary(std::int64_t tokens, double seconds) {
  const auto grouped = [](std::int64_t number) {
    std::string digits = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
      digits.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return digits;
  };
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(1);
  text << grouped(tokens) << " tokens in " << seconds << " s, "
       << grouped(seconds > 0 ? static_cast<std::int64_t>(static_cast<double>(tokens) / seconds) : 0)
       << " tokens/s";
  if (const std::int64_t bytes = peak_memory(); bytes > 0) {
    text.precision(2);
    text << ", peak memory " << static_cast<double>(bytes) / (1 << 30) << " GiB";
  }
  return text.str();
}

}  // namespace nopos::engine
