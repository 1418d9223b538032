#pragma once
/// Standard output of the process: nothing that is written there gets lost without an exit code that says so.

#include <array>
#include <streambuf>

namespace nopos::host {

/// Opens whichever of the descriptors 0 to 2 is closed, such that reading and writing fail there: the next
/// file to be opened would get the number, and everything that is meant for the terminal. Called before
/// anything opens a file.
void fill_standard_descriptors();

/// What a command writes to standard output.
enum class Output {
  result,  ///< what it is run for; an error where it cannot be written
  report   ///< how it goes; the work is done without it, with a warning
};

/// Behind std::cout from `install` to the end of the process; keeps the reason of the first failure. What is
/// written after that is dropped.
class StandardOutput final : public std::streambuf {
 public:
  static StandardOutput& install();

  void set_meaning(Output meaning) { meaning_ = meaning; }
  /// Writes out what waits. Returns the exit code of the process: `code`, unless output was lost that
  /// matters.
  int finish(int code);

 protected:
  int_type overflow(int_type character) override;
  std::streamsize xsputn(const char* bytes, std::streamsize count) override;
  int sync() override;

 private:
  StandardOutput();
  bool flush_buffer();
  void fail(int reason);
  bool reader_left() const;

  std::array<char, 1 << 16> buffer_{};
  const bool terminal_;
  int error_ = 0;
  Output meaning_ = Output::result;
};

}  // namespace nopos::host
