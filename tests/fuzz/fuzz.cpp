#include "fuzz.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <map>
#include <set>
#include <stdexcept>

#include "command.h"
#include "mutation.h"
#include "nopos/error.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

using Case = std::map<std::string, std::string>;  // bytes of each file

std::vector<FuzzTarget>& registered() {
  static std::vector<FuzzTarget> targets;
  return targets;
}

std::vector<std::string> words_of(const FuzzTarget& target) {
  if (!target.words.empty()) return target.words;
  const auto of_the_corpus = std::find_if(registered().begin(), registered().end(),
                                          [&](const FuzzTarget& one) { return one.name == target.corpus; });
  return of_the_corpus == registered().end() ? target.words : of_the_corpus->words;
}

std::vector<Case> corpus_of(const std::string& name) {
  const fs::path folder = fs::path(NOPOS_SOURCE_DIR "/tests/fuzz/corpus") / name;
  std::map<fs::path, Case> cases;  // sorted: a run depends on its seed alone
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    cases[file.path().parent_path()][file.path().filename()] = read_file(file.path());
  }
  std::vector<Case> list;
  for (auto& [path, files] : cases) list.push_back(std::move(files));
  if (list.empty()) throw std::runtime_error(folder.string() + " holds no case");
  return list;
}

/// How a reader answered: the sentence of its error behind the folder's name and up to a quotation, without
/// numbers, so that answers to similar damage are equal.
struct Answer {
  std::string kind, finding;
};

const std::string accepted = "read";

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// What the limits of a small file have to say of a read that took so long; memory only grows.
std::string beyond_limits(double seconds) {
  constexpr double most_seconds = 5;
  if (seconds > most_seconds) return "took " + std::to_string(seconds) + " seconds of a processor";
#ifndef __SANITIZE_ADDRESS__
  constexpr long most_kib = 500'000'000 / 1024;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  if (usage.ru_maxrss > most_kib) return "took " + std::to_string(usage.ru_maxrss / 1024) + " MiB";
#endif
  return "";
}

Answer answer(const FuzzTarget& target, const fs::path& folder) {
  try {
    const double begin = processor_seconds();
    target.read(folder);
    return {accepted, beyond_limits(processor_seconds() - begin)};
  } catch (const Error& error) {
    const std::string message = error.what();
    const std::size_t path = message.find(folder.string());
    std::string kind;
    for (const char c : message.substr(path == message.npos ? 0 : path + folder.string().size())) {
      if (c == '"' || c == '\'') break;
      if (c < '0' || c > '9') kind += c;
    }
    return {kind, ""};
  } catch (const std::exception& error) {
    return {"", std::string("threw an exception that is no nopos::Error: ") + error.what()};
  }
}

class Fuzzing {
 public:
  Fuzzing(const FuzzTarget& target, std::uint64_t seed)
      : target_(target),
        folder_(NOPOS_BUILD_DIR "/fuzz/" + target.name + "." + std::to_string(getpid())),
        mutator_(seed, words_of(target)),
        pool_(corpus_of(target.corpus)) {
    fs::create_directories(folder_);
  }

  void clean_up() const { fs::remove_all(folder_); }

  std::string corpus() {
    for (const Case& files : pool_) {
      const Answer result = read(files);
      if (!result.finding.empty()) return result.finding;
      answers_.insert(result.kind);
    }
    return {};
  }

  /// Reads one changed case. Those with an answer not seen before, and some that were read, are changed
  /// further.
  std::string once() {
    Case files = pool_[mutator_.below(pool_.size())];
    const Case& other = pool_[mutator_.below(pool_.size())];
    for (std::size_t changes = 1 + mutator_.below(4); changes > 0; --changes) {
      auto file = std::next(files.begin(), static_cast<std::ptrdiff_t>(mutator_.below(files.size())));
      const auto same = other.find(file->first);
      mutator_.mutate(file->second, same == other.end() ? file->second : same->second);
    }
    constexpr std::size_t largest_pool = 1000;
    const Answer result = read(files);
    const bool is_new = answers_.insert(result.kind).second;
    const bool keep = is_new || (result.kind == accepted && mutator_.below(8) == 0);
    if (keep && pool_.size() < largest_pool) pool_.push_back(std::move(files));
    return result.finding;
  }

 private:
  Answer read(const Case& files) {
    for (const auto& [name, bytes] : files) {
      fs::remove(folder_ / name);  // a file that is cut to be written again may go to the disk at once
      write_file(folder_ / name, bytes);
    }
    Answer result = answer(target_, folder_);
    if (!result.finding.empty()) {
      result.finding = target_.name + " " + result.finding + "\nThe case lies in " + folder_.string();
    }
    return result;
  }

  const FuzzTarget& target_;
  fs::path folder_;
  Mutator mutator_;
  std::vector<Case> pool_;
  std::set<std::string> answers_;
};

}  // namespace

bool add_fuzz_target(FuzzTarget target) {
  registered().push_back(std::move(target));
  return true;
}

const std::vector<FuzzTarget>& fuzz_targets() { return registered(); }

std::string fuzz(const FuzzTarget& target, std::uint64_t seed, int iterations, double seconds) {
  using Clock = std::chrono::steady_clock;
  Fuzzing fuzzing(target, seed);
  std::string finding = fuzzing.corpus();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (int i = 0; finding.empty() && (seconds > 0 ? Clock::now() < end : i < iterations); ++i) {
    finding = fuzzing.once();
  }
  if (finding.empty()) fuzzing.clean_up();
  return finding;
}

}  // namespace nopos::test
