#include "base/file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <ringfeed/error.hpp>

#include "base/system_error.hpp"
#include "errors.hpp"
#include "process.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

ErrorCode code_of(const std::function<void()>& call, std::string_view part = "") {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

TEST(File, WritesAppendsAndCuts) {
  TempFolder temp;
  {
    auto file = File::create(temp / "a");
    file.write("hello");
    file.sync();
    EXPECT_EQ(file.size(), 5u);
    file.resize(2);
    file.write("y");
    file.close();
  }
  {
    auto file = File::open_to_append(temp / "a");
    file.write("!");
  }
  EXPECT_EQ(read_file(temp / "a", 100), "hey!");
  EXPECT_EQ(code_of([&] { read_file(temp / "a", 3); }, temp / "a"), ErrorCode::kBadData);
  File::create(temp / "a");
  EXPECT_EQ(read_file(temp / "a", 100), "");
}

TEST(File, FailuresNameThePath) {
  TempFolder temp;
  EXPECT_EQ(code_of([&] { File::open_to_read(temp / "no"); }, temp / "no"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { File::create(temp / "no/file"); }, temp / "no/file"),
            ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { MappedFile::map(temp / "no"); }, temp / "no"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { File::create_unnamed(temp / "no"); }, temp / "no"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { sync_folder(temp / "no"); }, temp / "no"), ErrorCode::kNotFound);
}

TEST(File, OfADiskThatFailsTheRemedyIsTold) {
  EXPECT_EQ(
      code_of(
          [] { throw_system_error(EIO, "a"); },
          "a: Input/output error; the disk, or the way to it, fails: see the log of the system"),
      ErrorCode::kInternal);
}

TEST(File, AFullDeviceIsNoSpace) {
  EXPECT_EQ(code_of([] { File::create("/dev/full").write("x"); }, "/dev/full"),
            ErrorCode::kNoSpace);
}

TEST(File, AFileOverTheLimitIsNoSpace) {
  TempFolder temp;
  const auto child = run_forked([&]() -> int {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10, 10};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto file = File::create(temp / "a");
    file.write("0123456789");
    return code_of([&] { file.write("0"); }, "ulimit") == ErrorCode::kNoSpace ? 42 : 1;
  });
  EXPECT_EQ(child.exit_code, 42) << child.output;
}

TEST(File, AnUnnamedFileIsNotInItsFolder) {
  TempFolder temp;
  auto file = File::create_unnamed(temp.path());
  file.write("abc");
  EXPECT_TRUE(snapshot(temp.path()).empty());
  const auto mapped = MappedFile::map(file);
  EXPECT_EQ(mapped->bytes(), "abc");
  EXPECT_TRUE(mapped->is_whole());
}

TEST(MappedFile, SeesThatItWasCut) {
  TempFolder temp;
  write_all(temp / "a", "0123456789");
  const auto mapped = MappedFile::map(temp / "a");
  EXPECT_EQ(mapped->bytes(), "0123456789");
  mapped->will_need(3, 100);
  EXPECT_TRUE(mapped->is_whole());
  std::filesystem::resize_file(temp / "a", 9);
  EXPECT_FALSE(mapped->is_whole());
  std::filesystem::remove(temp / "a");
  EXPECT_TRUE(mapped->is_whole());
  write_all(temp / "empty", "");
  EXPECT_EQ(MappedFile::map(temp / "empty")->size(), 0u);
}

TEST(Folders, AreMadeWithThoseAboveThem) {
  TempFolder temp;
  EXPECT_TRUE(make_folders(temp / "a/b/c"));
  EXPECT_FALSE(make_folders(temp / "a/b/c"));
  write_all(temp / "file", "");
  EXPECT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", temp / "link");
  for (const auto* const path : {"file", "file/b", "file/b/c", "fifo", "link"}) {
    const std::string text = temp / std::string(path).substr(0, std::string(path).find('/'));
    EXPECT_EQ(code_of([&] { make_folders(temp / path); }, text + ": it is no folder"),
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of([&] { check_is_no_file(temp / path); }, text + ": it is no folder"),
              ErrorCode::kInvalidArgument);
  }
  EXPECT_NO_THROW(check_is_no_file(temp / "a/b/none"));
  EXPECT_NO_THROW(sync_folder(temp / "a"));
}

TEST(ReplaceFile, GivesTheNewBytesOrLeavesTheOld) {
  TempFolder temp;
  replace_file(temp / "a", [](File& file) { file.write("old"); });
  replace_file(temp / "a", [](File& file) { file.write("new"); });
  EXPECT_EQ(read_file(temp / "a", 100), "new");
  const auto fails = [](File& file) {
    file.write("half");
    throw Error(ErrorCode::kCancelled, "stopped");
  };
  EXPECT_THROW(replace_file(temp / "a", fails), Error);
  EXPECT_EQ(read_file(temp / "a", 100), "new");
  int names = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(temp / "."))
    ++names;
  EXPECT_EQ(names, 1) << "a temporary file was left";
}

TEST(ReplaceFile, ALinkInThePlaceOfItsTemporaryFileIsNotWritten) {
  const TempFolder temp;
  write_all(temp / "precious", "1");
  // What could be foreseen, of this process.
  std::filesystem::create_symlink(temp / "precious",
                                  temp / ("a.tmp." + std::to_string(::getpid())));
  replace_file(temp / "a", [](File& file) { file.write("new"); });
  EXPECT_EQ(read_all(temp / "a"), "new");
  EXPECT_EQ(read_all(temp / "precious"), "1");
}

TEST(ReplaceFile, ErrorsNameTheFileAndNotWhatItIsWrittenAs) {
  const TempFolder temp;
  std::string told;
  replace_file(temp / "a", [&](File& file) { told = file.path(); });
  EXPECT_EQ(told, temp / "a");
  EXPECT_EQ(File::create(temp / "b.part", temp / "b").path(), temp / "b");
  EXPECT_EQ(File::create_unnamed(temp.path()).path(), temp.path());
  const std::string missing = temp / "none";
  const auto begins = [](const std::function<void()>& call, const std::string& path) {
    const std::string words = error_of(call).what();
    EXPECT_TRUE(words.starts_with(path + ": ")) << words;
  };
  begins([&] { File::create_unnamed(missing); }, missing);
  begins([&] { File::create(missing + "/b.part", missing + "/b"); }, missing + "/b");
}

/// A run as root may write where /dev/null is.
TEST(ReplaceFile, WhatIsNoFileIsNotReplaced) {
  const TempFolder temp;
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(temp / "folder");
  std::filesystem::create_symlink("/dev/null", temp / "device");
  for (const char* name : {"fifo", "folder", "device"}) {
    const auto before = std::filesystem::symlink_status(temp / name).type();
    const auto replace = [&] {
      replace_file(temp / name, [](File&) { ADD_FAILURE() << "it was written"; });
    };
    EXPECT_EQ(code_of(replace, "choose another name"), ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(std::filesystem::symlink_status(temp / name).type(), before);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temp.path()), {}), 3);
}

}  // namespace
}  // namespace ringfeed::testing
