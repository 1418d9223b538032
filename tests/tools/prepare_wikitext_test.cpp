/// tools/prepare-wikitext-103 with a small archive, from a folder, a file, and servers on this machine.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "command.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* make_archive = R"(
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name in sys.argv[2:]:
        archive.writestr("wikitext-103/" + name, " = A heading = \n the text of " + name + " \n" * 200)
)";

// A server that knows no ranges, as long as the command runs.
constexpr const char* serve = R"(
import functools, http.server, subprocess, sys, threading
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
sys.exit(subprocess.run([word.replace("URL/", url) for word in sys.argv[2:]]).returncode)
)";

class PrepareWikiText : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* part : {"project/tools", "mirror"}) fs::create_directories(folder / part);
    fs::copy_file(NOPOS_SOURCE_DIR "/tools/prepare-wikitext-103", tool);
    archive_of({"wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"});
  }
  void archive_of(std::vector<std::string> names) {
    names.insert(names.begin(), {"python3", "-c", make_archive, archive});
    ASSERT_EQ(run(names).exit_code, 0);
    sum = run({"sha256sum", archive}).out.substr(0, 64);
  }
  std::vector<std::string> command(const std::string& from, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"bash", tool,         "--from",    from, "--sha256",
                                   sum,    "--any-text", "--workers", "2"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  CommandResult prepare(const std::vector<std::string>& words) {
    return run(words, {.environment = {{"NOPOS_HOST", NOPOS_BUILD_DIR "/bin/nopos-host"}},
                       .directory = folder.path()});
  }
  void succeed(const std::vector<std::string>& words, const std::string& message) {
    const CommandResult result = prepare(words);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    EXPECT_NE(result.out.find(message), std::string::npos) << result.out << "\nexpected: " << message;
    for (const char* name : {"dict.txt", "train.idx", "valid.idx", "test.idx"})
      EXPECT_TRUE(fs::exists(data / name)) << name;
    EXPECT_EQ(read_file(text / "wiki.test.tokens").substr(0, 46),
              " = A heading = \n the text of wiki.test.tokens ");
  }
  void refuse(const std::vector<std::string>& words, const std::string& message) {
    const CommandResult result = prepare(words);
    EXPECT_EQ(result.exit_code, 1) << result.out;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err << "\nexpected: " << message;
  }

  TemporaryFolder folder;
  const fs::path tool = folder / "project/tools/prepare-wikitext-103", archive = folder / "mirror/tiny.zip",
                 data = folder / "project/data-bin/wikitext-103",
                 text = folder / "project/data-bin/wikitext-103-text";
  std::string sum;
};

TEST_F(PrepareWikiText, ABrokenDownloadGoesOn) {
  const std::string bytes = read_file(archive), url = "file://" + archive.string();
  fs::create_directories(text);
  write_file(text / "tiny.zip.part", bytes.substr(0, 300));
  succeed(command(url), "resuming the download at byte 300");
  EXPECT_TRUE(read_file(text / "tiny.zip") == bytes);
  succeed(command(url), "already exists; remove it to rebuild it");
}

TEST_F(PrepareWikiText, AServerWithoutRangesIsAskedForTheWhole) {
  fs::create_directories(text);
  write_file(text / "tiny.zip.part", read_file(archive).substr(0, 300));
  std::vector<std::string> words = command("URL/tiny.zip");
  words.insert(words.begin(), {"python3", "-c", serve, folder / "mirror"});
  succeed(words, "the server cannot resume downloads; starting again");
}

TEST_F(PrepareWikiText, AWholeDownloadIsNotFetchedAgain) {
  fs::create_directories(text);
  fs::copy_file(archive, text / "tiny.zip.part");
  fs::remove(archive);
  succeed(command("file://" + archive.string()), "unpacking");
}

TEST_F(PrepareWikiText, AFileOrAFolderWillDo) {
  succeed(command("mirror/tiny.zip"), "unpacking");
  const std::string dictionary = read_file(data / "dict.txt");
  fs::remove_all(data);
  const std::string index = "[None] " + text.string() + "/wiki.train.tokens: 201 sents";
  succeed(command(text), index);
  EXPECT_EQ(read_file(data / "dict.txt"), dictionary);
}

TEST_F(PrepareWikiText, WhatIsNotTheArchiveIsRefused) {
  const std::string url = "file://" + archive.string();
  sum[0] = sum[0] == '0' ? '1' : '0';
  refuse(command(url), "is not the expected archive (SHA-256 " + sum + ") and was removed");
  EXPECT_FALSE(fs::exists(text / "tiny.zip.part"));
  refuse(command("mirror/tiny.zip"), "tiny.zip is not the expected archive");
  refuse(command(url + ".absent"),
         "the download of " + url + ".absent failed (curl: 37, see above); run this again");
  refuse(command("absent.zip"), "there is no file " + (folder / "absent.zip").string());
  refuse(command("mirror"), "there is no " + (folder / "mirror").string() + "/wiki.train.tokens");
  refuse({"bash", tool, "--form", "x"}, "unknown argument '--form'; see --help");
  refuse({"bash", tool, "--from"}, "--from needs a value");
  EXPECT_FALSE(fs::exists(data / "dict.txt"));
}

TEST_F(PrepareWikiText, DamagedArchivesAndForeignTextsAreRefused) {
  const std::string bytes = read_file(archive);
  write_file(archive, bytes.substr(0, 400));
  refuse(command("mirror/tiny.zip", {"--sha256", "none"}), "tiny.zip cannot be unpacked; if it is truncated");
  archive_of({"wiki.train.tokens", "wiki.valid.tokens"});
  refuse(command("mirror/tiny.zip"), "0 members are called wiki.test.tokens, expected 1");
  write_file(archive, bytes);
  refuse({"bash", tool, "--from", "mirror/tiny.zip", "--sha256", "none"},
         "the text is not WikiText-103: data-bin/wikitext-103/preprocess.log has no line \"Dictionary: "
         "267744 types\"");
}

}  // namespace
}  // namespace nopos::test
