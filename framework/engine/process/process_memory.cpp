#include "process_memory.h"

#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

namespace nopos::engine {
namespace {

constexpr std::size_t kib = 1 << 10, mib = 1 << 20;
constexpr std::size_t alignment = 64;
constexpr std::size_t smallest_kept = 256 * kib;  // smaller blocks are malloc's
constexpr std::size_t grain = 64 * kib;           // sizes of kept blocks are multiples
constexpr std::size_t huge_page = 2 * mib, smallest_map = 64 * mib;

std::size_t rounded(std::size_t size, std::size_t step) { return (size + step - 1) / step * step; }

/// Best fit with splitting and merging, in maps that begin at a huge page.
class KeptMemory final : public c10::Allocator {
 public:
  static KeptMemory& instance() {
    static auto* const only = new KeptMemory;  // outlives every tensor
    return *only;
  }

  c10::DataPtr allocate(std::size_t size) override {
    void* block = size == 0 ? nullptr : size < smallest_kept ? small_block(size) : large_block(size);
    return {block, block, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t size) const override {
    default_copy_data(to, from, size);
  }

 private:
  struct Block {
    std::size_t size;
    bool free;
  };
  using Blocks = std::map<char*, Block>;

  static void* small_block(std::size_t size) {
    void* block = nullptr;
    if (posix_memalign(&block, alignment, size) != 0) throw std::bad_alloc();
    return block;
  }

  void* large_block(std::size_t size) {
    size = rounded(size, grain);
    const std::lock_guard lock(mutex_);
    auto fit = free_.lower_bound({size, nullptr});
    if (fit == free_.end()) {
      add_map(std::max(rounded(size, huge_page), smallest_map));
      fit = free_.lower_bound({size, nullptr});
    }
    const auto block = blocks_.find(fit->second);
    free_.erase(fit);
    if (const std::size_t rest = block->second.size - size; rest > 0) {
      block->second.size = size;
      add_free(block->first + size, rest);
    }
    block->second.free = false;
    used_ += size;
    most_used_ = std::max(most_used_, used_);
    return block->first;
  }

  void add_free(char* begin, std::size_t size) {
    blocks_[begin] = {size, true};
    free_.emplace(size, begin);
  }

  void add_map(std::size_t size) {
    if (mapped_ + size > most_used_ + most_used_ / 2 + 256 * mib) give_back();
    constexpr int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void* const area = mmap(nullptr, size + huge_page, protection, flags, -1, 0);
    if (area == MAP_FAILED) throw std::bad_alloc();
    const std::size_t before =
        rounded(reinterpret_cast<std::uintptr_t>(area), huge_page) - reinterpret_cast<std::uintptr_t>(area);
    auto* const begin = static_cast<char*>(area) + before;
    if (before > 0) munmap(area, before);
    munmap(begin + size, huge_page - before);
    madvise(begin, size, MADV_HUGEPAGE);  // a wish; without huge pages all works as well
    mapped_ += size;
    add_free(begin, size);
  }

  void give_back() {
    for (const auto& [size, begin] : free_) {
      munmap(begin, size);
      blocks_.erase(begin);
      mapped_ -= size;
    }
    free_.clear();
  }

  static void release(void* block) {
    if (block != nullptr && !instance().kept(static_cast<char*>(block))) free(block);
  }

  bool kept(char* begin) {
    const std::lock_guard lock(mutex_);
    auto block = blocks_.find(begin);
    if (block == blocks_.end()) return false;
    used_ -= block->second.size;
    block->second.free = true;
    if (const auto next = std::next(block); next != blocks_.end()) merge(block, next);
    if (block != blocks_.begin()) {
      if (const auto previous = std::prev(block); merge(previous, block)) block = previous;
    }
    free_.emplace(block->second.size, block->first);
    return true;
  }

  /// Makes two free neighbours one, which is not in the list of free blocks afterwards.
  bool merge(Blocks::iterator first, Blocks::iterator second) {
    auto& [begin, block] = *first;
    if (!block.free || !second->second.free || begin + block.size != second->first) return false;
    free_.erase({block.size, begin});
    free_.erase({second->second.size, second->first});
    block.size += second->second.size;
    blocks_.erase(second);
    return true;
  }

  std::mutex mutex_;
  Blocks blocks_;                                 // all of them, by address
  std::set<std::pair<std::size_t, char*>> free_;  // by size
  std::size_t used_ = 0, most_used_ = 0, mapped_ = 0;
};

}  // namespace

void keep_memory() {
  constexpr std::uint8_t above_the_default = 1;
  c10::SetCPUAllocator(&KeptMemory::instance(), above_the_default);
  // What malloc serves stays in its heap, too: no maps of single blocks, nothing trimmed off its end.
  mallopt(M_MMAP_THRESHOLD, static_cast<int>(32 * mib));
  mallopt(M_TRIM_THRESHOLD, static_cast<int>(1024 * mib));
}

}  // namespace nopos::engine
