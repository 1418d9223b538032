#include "processor.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

// Version 2: "max 100000" or "150000 100000" in every group from this process's up to the root.
std::optional<double> quota_v2() {
  std::ifstream groups("/proc/self/cgroup");
  fs::path group = "/";
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) group = line.substr(3);
  }
  std::optional<double> least;
  for (;; group = group.parent_path()) {
    std::ifstream limit(fs::path("/sys/fs/cgroup") / group.relative_path() / "cpu.max");
    double quota = 0, period = 0;
    if (limit >> quota >> period && period > 0)
      least = std::min(least.value_or(quota / period), quota / period);
    if (group == group.parent_path()) return least;
  }
}

std::optional<double> quota_v1() {
  const fs::path folder = "/sys/fs/cgroup/cpu";
  double quota = 0, period = 0;
  if (std::ifstream(folder / "cpu.cfs_quota_us") >> quota && quota > 0 &&
      std::ifstream(folder / "cpu.cfs_period_us") >> period && period > 0)
    return quota / period;
  return std::nullopt;
}

std::string model_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": ") + 2, line.size()));
  }
  return "unknown processor";
}

}  // namespace

int usable_processors() {
  int count = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) count = CPU_COUNT(&mask);
  for (const auto& quota : {quota_v2(), quota_v1()}) {
    if (quota) count = std::min(count, static_cast<int>(std::ceil(*quota)));
  }
  return std::max(count, 1);
}

std::string processor_description() {
  std::string text = model_name() + ",";
  // The compiler's builtin takes nothing but literals.
#define NOPOS_FEATURE(name) \
  if (__builtin_cpu_supports(name)) text += " " name
  NOPOS_FEATURE("avx2");
  NOPOS_FEATURE("fma");
  NOPOS_FEATURE("avx512f");
  NOPOS_FEATURE("avx512bw");
  NOPOS_FEATURE("avx512vnni");
  NOPOS_FEATURE("avx512bf16");
#undef NOPOS_FEATURE
  return text;
}

}  // namespace nopos::host
