#pragma once
/// An array for hundreds of megabytes: it grows without being copied, what is new in it is zero without being
/// written, and what is read here and there lies in huge pages where the system has them.

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace nopos {

template <class T>
class BigArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  BigArray() = default;
  explicit BigArray(std::size_t size) { resize(size); }
  BigArray(const BigArray& other) {
    resize(other.size_);
    if (size_ > 0) std::memcpy(static_cast<void*>(data_), other.data_, size_ * sizeof(T));
  }
  BigArray(BigArray&& other) noexcept { swap(other); }
  BigArray& operator=(BigArray other) noexcept {
    swap(other);
    return *this;
  }
  ~BigArray() {
    if (data_ != nullptr) munmap(static_cast<void*>(data_), capacity_ * sizeof(T));
  }

  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::size_t size() const { return size_; }
  T* data() { return data_; }
  const T* data() const { return data_; }

  /// To more than it has: the new elements are zero.
  void resize(std::size_t size) {
    if (size > capacity_) grow(size);
    size_ = size;
  }
  /// To fewer; the rest is no longer zero.
  void shrink(std::size_t size) { size_ = size; }
  void push_back(const T& element) {
    if (size_ == capacity_) grow(capacity_ > 0 ? 2 * capacity_ : 4096 / sizeof(T));
    data_[size_++] = element;
  }

 private:
  void grow(std::size_t capacity) {
    const std::size_t bytes = capacity * sizeof(T);
    void* const memory =
        data_ != nullptr ? mremap(static_cast<void*>(data_), capacity_ * sizeof(T), bytes, MREMAP_MAYMOVE)
                         : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    constexpr std::size_t huge_page = std::size_t{2} << 20;
    if (bytes >= huge_page) madvise(memory, bytes, MADV_HUGEPAGE);  // an advice
    data_ = static_cast<T*>(memory);
    capacity_ = capacity;
  }
  void swap(BigArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace nopos
