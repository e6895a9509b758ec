// A mapped file that is cut: an Error under a LostPages, and the signal without one.
#include "base/lost_pages.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <ringfeed/error.hpp>
#include <thread>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "errors.hpp"
#include "process.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

constexpr std::size_t kBytes = 100'000;

TEST(LostPages, AFileThatIsCutIsAnErrorThatNamesIt) {
  TempFolder temp;
  write_all(temp / "a", std::string(kBytes, 'a'));
  write_all(temp / "b", std::string(kBytes, 'b'));
  auto cut = MappedFile::map(temp / "a");
  const auto whole = MappedFile::map(temp / "b");
  const LostPages lost;
  const auto hash = hash_bytes(cut->bytes());
  lost.check();
  std::filesystem::resize_file(temp / "a", 10'000);
  EXPECT_NE(hash_bytes(cut->bytes()), hash);
  expect_error(ErrorCode::kBadData, {temp / "a", "got shorter"}, [&] { lost.check(); });
  // Another thread reads the page that is zeros by now, and is told as well.
  std::jthread([&] {
    const LostPages others;
    EXPECT_EQ(cut->bytes()[kBytes / 2], '\0');
    expect_error(ErrorCode::kBadData, {temp / "a"}, [&] { others.check(); });
  }).join();
  EXPECT_EQ(whole->bytes(), std::string(kBytes, 'b'));
  cut.reset();
  lost.check();  // what is no longer mapped hurts nobody
}

TEST(LostPages, MemoryThatIsWrittenIsLostToo) {
  TempFolder temp;
  auto file = File::create(temp / "a");
  file.write(std::string(kBytes, 'a'));
  const FileMemory memory(file, kBytes, FileMemory::Use::kWrite);
  const LostPages lost;
  file.resize(0);
  memory.data()[kBytes / 2] = std::byte{7};
  EXPECT_EQ(memory.data()[kBytes / 2], std::byte{7});
  expect_error(ErrorCode::kBadData, {temp / "a"}, [&] { lost.check(); });
}

#ifndef __SANITIZE_THREAD__  // which follows no child of a process with threads
TEST(LostPages, OutsideOfOneTheProcessEndsAndSaysWhy) {
  TempFolder temp;
  write_all(temp / "a", std::string(kBytes, 'a'));
  const auto end = run_forked([&] {
    const auto mapped = MappedFile::map(temp / "a");
    std::filesystem::resize_file(temp / "a", 0);
    return mapped->bytes()[kBytes / 2] == 'a' ? 0 : 1;
  });
  EXPECT_NE(end.exit_code, 0);  // the signal, or what a sanitizer makes of it
  EXPECT_NE(end.output.find(temp / "a" + std::string(": the file got shorter")), std::string::npos)
      << end.output;
}

TEST(LostPages, AHandlerThatWasThereStillIs) {
  const auto end = run_forked([] {
    TempFolder temp;
    struct sigaction theirs{};
    theirs.sa_handler = [](int) { ::_exit(42); };
    ::sigaction(SIGBUS, &theirs, nullptr);
    write_all(temp / "a", "a");
    MappedFile::map(temp / "a");
    ::raise(SIGBUS);
    return 1;
  });
  // Where an earlier test of this process put ours in place, theirs replaced it.
  EXPECT_EQ(end.exit_code, 42) << end.output;
}
#endif

}  // namespace
}  // namespace ringfeed::testing
