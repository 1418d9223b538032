#include "nopos/plugin_call.h"

#include <link.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <vector>

#include "crash_report.h"
#include "nopos/error.h"

namespace nopos {
namespace {

// Read by signal handlers, so it never moves; more plugins than this are named by their marks alone.
constexpr std::size_t most_segments = 512;
struct Segment {
  std::uintptr_t begin, end;
  const LoadedPlugin* plugin;
};
std::array<Segment, most_segments> segments;
std::atomic<std::size_t> segment_count{0};
std::mutex segments_mutex;

// initial-exec: reading it in a signal handler allocates nothing
__attribute__((tls_model("initial-exec"))) thread_local const PluginCall* innermost = nullptr;

struct Search {
  std::uintptr_t inside;
  const LoadedPlugin* plugin;
};

int add_segments(dl_phdr_info* info, std::size_t, void* data) {
  const auto& search = *static_cast<Search*>(data);
  const auto each_segment = [&](const auto& visit) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const auto& header = info->dlpi_phdr[i];
      if (header.p_type == PT_LOAD)
        visit(info->dlpi_addr + header.p_vaddr, info->dlpi_addr + header.p_vaddr + header.p_memsz);
    }
  };
  bool mine = false;
  each_segment([&](std::uintptr_t begin, std::uintptr_t end) {
    mine = mine || (begin <= search.inside && search.inside < end);
  });
  if (!mine) return 0;
  each_segment([&](std::uintptr_t begin, std::uintptr_t end) {
    const std::size_t next = segment_count.load();
    if (next == most_segments) return;
    segments[next] = {begin, end, search.plugin};
    segment_count.store(next + 1);
  });
  return 1;
}

}  // namespace

const LoadedPlugin& announce_plugin(std::string id, std::string version, std::string library) {
  static std::mutex mutex;
  static auto& plugins = *new std::vector<const LoadedPlugin*>;  // never destroyed: marks point to them
  const std::lock_guard lock(mutex);
  watch_for_crashes();
  std::string name = id.empty() ? library : id + " " + version + " (" + library + ")";
  plugins.push_back(new LoadedPlugin{std::move(id), std::move(version), std::move(library), std::move(name)});
  return *plugins.back();
}

void plugin_opened(const LoadedPlugin& plugin, const void* inside) {
  const std::lock_guard lock(segments_mutex);
  Search search{reinterpret_cast<std::uintptr_t>(inside), &plugin};
  dl_iterate_phdr(&add_segments, &search);
}

const LoadedPlugin* plugin_at(const void* address) noexcept {
  const auto place = reinterpret_cast<std::uintptr_t>(address);
  // Backwards: a library that is opened again at the place of another counts as the later one.
  for (std::size_t i = segment_count.load(std::memory_order_acquire); i-- > 0;) {
    if (segments[i].begin <= place && place < segments[i].end) return segments[i].plugin;
  }
  return nullptr;
}

const PluginCall* innermost_call() noexcept { return innermost; }

PluginCall::PluginCall(const LoadedPlugin* plugin, Hook hook) noexcept
    : plugin_(plugin), prefix_("in its hook "), place_(hook.name), layer_(hook.layer) {
  enter();
}

PluginCall::PluginCall(const LoadedPlugin* plugin, Phase phase) noexcept
    : plugin_(plugin), prefix_(""), place_(phase.phrase), layer_(-1) {
  enter();
}

void PluginCall::enter() noexcept {
  outer_ = innermost;
  if (plugin_ != nullptr) innermost = this;
}

PluginCall::~PluginCall() {
  if (plugin_ == nullptr) return;
  end_second_process(*this);
  innermost = outer_;
}

std::string PluginCall::where() const {
  return std::string(prefix_) + place_ + (layer_ < 0 ? "" : ", layer " + std::to_string(layer_));
}

void PluginCall::refuse(const std::string& reason) const {
  const std::string who = plugin_ == nullptr ? "a component" : plugin_->name + ": the plugin";
  throw Error(ExitCode::runtime, who + " failed " + where() + ": " + reason + ".");
}

void PluginCall::rethrow_named() const {
  if (plugin_ == nullptr) throw;
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    refuse(reason_of(error));
  } catch (...) {
    refuse("an exception of an unknown type");
  }
}

std::string reason_of(const std::exception& error) {
  std::string reason = error.what();
  reason.erase(std::min(
      {reason.size(), reason.find("\nException raised from"), reason.find("\nC++ CapturedTraceback")}));
  while (reason.ends_with('\n') || reason.ends_with('.')) reason.pop_back();
  return reason;
}

}  // namespace nopos
