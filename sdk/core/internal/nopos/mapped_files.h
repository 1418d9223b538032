#pragma once
/// Mapped files that are truncated while they are being read: the system raises SIGBUS, and this module finds
/// the file.

#include <cstddef>

namespace nopos {

/// Record and forget where a file is mapped; called by MappedFile. At most 1,024 files are recorded at a
/// time; beyond that, the message has no name. `path` must outlive the mapping.
void note_mapped_file(const char* data, std::size_t size, const char* path);
void forget_mapped_file(const char* data);

/// The path of the mapped file that holds `address`; null if there is none. Safe in a signal handler.
const char* mapped_file_at(const void* address);

/// If `address` is in a mapped file, ends the process with a message naming the file and exit code 8 (data);
/// otherwise returns. Safe in a signal handler: call it on SIGBUS with `siginfo_t::si_addr`.
void end_for_cut_file(const void* address);

/// Installs a SIGBUS handler that calls `end_for_cut_file`; a SIGBUS of another origin has its default
/// effect.
void explain_cut_files();

}  // namespace nopos
