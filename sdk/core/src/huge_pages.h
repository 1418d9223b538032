#pragma once
/// Memory that is read here and there, in pages of 2 MiB where the system has them: far fewer misses of the
/// address cache.

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace nopos {

template <class T>
struct HugePages {
  using value_type = T;

  HugePages() = default;
  template <class Other>
  explicit HugePages(const HugePages<Other>&) {}

  T* allocate(std::size_t count) {
    constexpr std::size_t page = std::size_t{2} << 20;
    const std::size_t bytes = count * sizeof(T);
    if (bytes < page) return static_cast<T*>(::operator new(bytes));
    const std::size_t whole = (bytes + page - 1) / page * page;
    void* const memory = std::aligned_alloc(page, whole);
    if (memory == nullptr) throw std::bad_alloc();
    madvise(memory, whole, MADV_HUGEPAGE);  // an advice
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    constexpr std::size_t page = std::size_t{2} << 20;
    if (count * sizeof(T) < page) {
      ::operator delete(memory);
    } else {
      std::free(memory);
    }
  }
  bool operator==(const HugePages&) const = default;
};

}  // namespace nopos
