/// Colors and width on a terminal.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

const std::string host = std::string(NOPOS_BUILD_DIR) + "/bin/nopos-host";

// What `nopos-host list` writes to a terminal of that many columns. The terminal does not control the child
// (no forkpty): when the leader of a session ends, its terminal hangs up and drops what nobody has read yet.
std::string listed_on_terminal(unsigned short columns, bool no_color) {
  winsize size{40, columns, 0, 0};
  int terminal = -1, child_side = -1;
  EXPECT_EQ(openpty(&terminal, &child_side, nullptr, nullptr, &size), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(terminal);
    dup2(child_side, STDOUT_FILENO);
    close(child_side);
    unsetenv("COLUMNS");
    no_color ? setenv("NO_COLOR", "1", 1) : unsetenv("NO_COLOR");
    execl(host.c_str(), host.c_str(), "list", nullptr);
    _exit(127);
  }
  close(child_side);
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(terminal, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return text;
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0, length = 0;
  for (const char c : text) {
    length = c == '\n' || c == '\r' ? 0 : length + 1;
    longest = std::max(longest, length);
  }
  return longest;
}

TEST(Terminal, GetsColorsUnlessNoColor) {
  EXPECT_NE(listed_on_terminal(100, false).find("\033[1m"), std::string::npos);
  EXPECT_EQ(listed_on_terminal(100, true).find('\033'), std::string::npos);
}

TEST(Terminal, TablesFit) {
  for (const unsigned short columns : {80, 120, 200}) {
    const std::string text = listed_on_terminal(columns, true);
    EXPECT_LE(longest_line(text), columns);
    EXPECT_NE(text.find("language_modeling"), std::string::npos);
  }
}

}  // namespace
