#pragma once
/// Fuzzing without a fuzzer: readers get files that were changed at random, and must return or throw
/// nopos::Error. Anything else (another exception, a signal, a report of a sanitizer) is a finding.
///
/// A target is a function and a folder `corpus/<corpus>/<case>/` of the files that it reads,
/// the same names in every case. To add one, write
///
///     const bool added = add_fuzz_target({"dictionary", &read, {"#fairseq:overwrite"}});

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace nopos::test {

struct FuzzTarget {
  std::string name;
  std::function<void(const std::filesystem::path& folder)> read;  ///< reads the files of one case
  std::vector<std::string> words = {};  ///< what has a meaning in these files; mutations insert it. None:
                                        ///< those of the target that is named as the corpus
  std::string corpus = name;            ///< its folder in corpus/
  int changes = 4000;                   ///< as many as the suite has time for
};

/// Registers `target` before main. Returns true.
bool add_fuzz_target(FuzzTarget target);

const std::vector<FuzzTarget>& fuzz_targets();

/// Reads every case of the corpus, then changed ones, drawn by `seed`, until `seconds` have passed, or
/// `iterations` were read where `seconds` is 0. The case being read lies in
/// build/<preset>/fuzz/<name>.<process>; after a finding it stays there. Returns the description of a
/// finding, "" where there is none.
std::string fuzz(const FuzzTarget& target, std::uint64_t seed, int iterations, double seconds);

}  // namespace nopos::test
