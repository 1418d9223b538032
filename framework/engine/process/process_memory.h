#pragma once
/// Tensor memory that the process keeps.

namespace nopos::engine {

/// LibTorch's CPU allocator from now on keeps large blocks when they are freed and hands them out again: a
/// training step frees and takes the same memory every time, and fresh memory costs a page fault for each
/// page. Large blocks lie in huge pages where the system has them. Small ones stay with malloc.
///
/// Memory goes back to the system only where more is mapped than one and a half times the most that was ever
/// in use, and 256 MiB. Safe from any thread. Once in use it stays.
void keep_memory();

}  // namespace nopos::engine
