#pragma once
/// Mapped files that are cut short while they are read: the system answers by SIGBUS, and here is the name to
/// it.

#include <cstddef>

namespace nopos {

/// Keeps where a mapped file lies in memory, from `note_` to `forget_`; MappedFile calls them. Of more than
/// 1,024 files at a time the rest has no name in the message. `path` must outlive the mapping.
void note_mapped_file(const char* data, std::size_t size, const char* path);
void forget_mapped_file(const char* data);

/// The path of the mapped file that holds `address`; null where none does. Safe in a signal handler.
const char* mapped_file_at(const void* address);

/// Where `address` lies in a mapped file, ends the process with a sentence that names it and exit code 8
/// (data); else returns. Safe in a signal handler: to be called for SIGBUS with `siginfo_t::si_addr`.
void end_for_cut_file(const void* address);

/// Handles SIGBUS with `end_for_cut_file`; one from anywhere else ends the process as the system does.
void explain_cut_files();

}  // namespace nopos
