// Twice the file takes at most 2.5 times as long, and a fifth of a second: where time grows with the square,
// the sizes here take minutes.
#include <gtest/gtest.h>
#include <time.h>

#include <functional>

#include "checkpoint_file.h"
#include "command.h"
#include "nopos/dictionary.h"
#include "nopos/error.h"
#include "nopos/indexed_dataset.h"
#include "nopos/json.h"
#include "nopos/registry/manifest.h"
#include "pickle.h"
#include "safetensors.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

double processor_seconds(const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    timespec begin{}, end{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    work();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    best = std::min(best, static_cast<double>(end.tv_sec - begin.tv_sec) +
                              static_cast<double>(end.tv_nsec - begin.tv_nsec) / 1e9);
  }
  return best;
}

/// `make(n)` writes a file of n parts, `read` reads it.
void expect_linear(std::size_t parts, const std::function<void(std::size_t)>& make,
                   const std::function<void()>& read) {
  make(parts);
  const double once = processor_seconds(read);
  make(2 * parts);
  const double twice = processor_seconds(read);
  EXPECT_LE(twice, 2.5 * once + 0.2) << once;
}

std::string joined(std::size_t count, const std::function<std::string(std::size_t)>& part) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text.append(i == 0 ? "" : ",").append(part(i));
  return text;
}

std::string braced(const std::string& members) { return std::string("{").append(members).append("}"); }

struct Doubling : testing::Test {
  TemporaryFolder folder;
  const fs::path file = folder / "file";
};

TEST_F(Doubling, Json) {
  std::string text;
  expect_linear(
      100000,
      [&](std::size_t n) {
        text =
            braced(joined(n, [](std::size_t i) { return "\"key" + std::to_string(i) + "\":{\"a\":[1]}"; }));
      },
      [&] { parse_json(text); });
}

TEST_F(Doubling, Safetensors) {
  std::string bytes;
  const auto entry = [](std::size_t i) {
    return "\"tensor" + std::to_string(i) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" +
           std::to_string(i) + "," + std::to_string(i + 1) + "]}";
  };
  expect_linear(
      50000,
      [&](std::size_t n) {
        const std::string header = braced(joined(n, entry));
        const std::uint64_t size = header.size();
        bytes =
            std::string(reinterpret_cast<const char*>(&size), sizeof size) + header + std::string(n, '\0');
      },
      [&] { EXPECT_GT(SafetensorsReader(bytes, "file").tensors().size(), 0U); });
}

TEST_F(Doubling, KeysOfAPickledDict) {
  std::string stream;
  std::size_t count = 0;
  expect_linear(
      50000,
      [&](std::size_t n) {
        Pickle pickle;
        Pickle::Pairs pairs;
        for (std::size_t i = 0; i < n; ++i) pairs.emplace_back("key" + std::to_string(i), pickle.integer(1));
        stream = write_pickle(*pickle.dict(pairs));
        count = n;
      },
      [&] {
        const Pickle pickle = read_pickle(stream, "stream");
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i)
          sum += pickle.root->at("key" + std::to_string(i), "dict").integer;
        EXPECT_EQ(sum, static_cast<std::int64_t>(count));
      });
}

TEST_F(Doubling, TensorsOfACheckpoint) {
  expect_linear(
      10000,
      [&](std::size_t n) {
        Pickle pickle;
        Pickle::Pairs model;
        std::string bytes;
        ZipWriter zip([&](std::string_view part) { bytes += part; });
        for (std::size_t i = 0; i < n; ++i) {
          model.emplace_back("tensor" + std::to_string(i),
                             pickled_tensor(pickle, {.storage_type = "FloatStorage",
                                                     .storage_key = std::to_string(i),
                                                     .storage_size = 1,
                                                     .offset = 0,
                                                     .sizes = {1},
                                                     .strides = {1}}));
        }
        zip.add("archive/data.pkl", write_pickle(*pickle.dict({{"model", pickle.ordered_dict(model)}})));
        for (std::size_t i = 0; i < n; ++i) zip.add("archive/data/" + std::to_string(i), "1234");
        zip.finish();
        write_file(file, bytes);
      },
      [&] {
        const CheckpointFile checkpoint(file);
        for (const auto& [name, tensor] : checkpoint.tensors()) EXPECT_EQ(checkpoint.bytes(tensor), "1234");
      });
}

TEST_F(Doubling, Dictionary) {
  expect_linear(
      200000,
      [&](std::size_t n) {
        std::string text;
        for (std::size_t i = 0; i < n; ++i) text += "word" + std::to_string(i) + " 1\n";
        write_file(file, text);
      },
      [&] { EXPECT_GT(Dictionary::load(file).size(), 4); });
}

TEST_F(Doubling, Index) {
  expect_linear(
      500000,
      [&](std::size_t n) {
        std::string idx("MMIDIDX\0\0", 9);
        const auto add = [&](auto number) {
          idx.append(reinterpret_cast<const char*>(&number), sizeof number);
        };
        add(std::uint64_t{1}), add(std::uint8_t{1}), add(static_cast<std::uint64_t>(n));
        for (std::size_t i = 0; i < n; ++i) add(std::int32_t{1});
        for (std::size_t i = 0; i < n; ++i) add(static_cast<std::int64_t>(i));
        write_file(folder / "file.idx", idx);
        write_file(folder / "file.bin", std::string(n, '\4'));
      },
      [&] { EXPECT_GT(IndexedDataset(file).size(), 0); });
}

TEST_F(Doubling, Manifest) {
  expect_linear(
      50000,
      [&](std::size_t n) {
        write_file(
            file,
            R"({"schema":1,"id":"x","version":"1","library":"x.so","build_id":"a","abi":{},"components":[],)" +
                joined(n, [](std::size_t i) { return "\"key" + std::to_string(i) + "\":1"; }) + "}");
      },
      [&] {
        try {
          registry::read_manifest(file);
        } catch (const Error&) {
          // refused or taken: in time that grows with it
        }
      });
}

}  // namespace
}  // namespace nopos::test
