#include "base/lock_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <ringfeed/error.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

TEST(LockFile, NamesItsOwnerAndIsFreeWhenThatIsGone) {
  const TempFolder temp;
  const Folder folder(temp / "deep/folder");
  std::optional<LockFile> lock(std::in_place, folder, "work/lock", "works here; wait");
  expect_error(
      ErrorCode::kConflict,
      {folder.path(), "process " + std::to_string(::getpid()) + " on ", "works here; wait"},
      [&] { LockFile(folder, "work/lock", "works here; wait"); });
  lock->remove();
  LockFile next(folder, "work/lock", "works here");  // the name is free, and leads to another file
  lock.reset();
  EXPECT_TRUE(std::filesystem::exists(folder.path_of("work/lock")));
}

TEST(LockFile, TellsWhoHoldsItOrHeldItWithoutTouchingIt) {
  const TempFolder temp;
  const Folder folder(temp.path());
  EXPECT_FALSE(LockFile::owner(folder, "lock"));
  EXPECT_FALSE(LockFile::owner(folder, "missing/lock"));
  const LockFile lock(folder, "lock", "works here");
  const std::string here = read_all(temp / "lock");
  auto owner = LockFile::owner(folder, "lock");
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->text, "process " + here);
  EXPECT_TRUE(owner->may_live);
  // No process has this number: pid_max is 4194304 at most.
  write_all(temp / "lock", "4194999" + here.substr(here.find(' ')));
  EXPECT_FALSE(LockFile::owner(folder, "lock")->may_live);
  write_all(temp / "lock", "4194999 on elsewhere");
  EXPECT_TRUE(LockFile::owner(folder, "lock")->may_live);
  write_all(temp / "lock", "<script>");
  owner = LockFile::owner(folder, "lock");
  EXPECT_EQ(owner->text, "another process");
  EXPECT_TRUE(owner->may_live);
}

TEST(LockFile, ALinkIsNotWritten) {
  const TempFolder temp;
  write_all(temp / "precious", "1");
  std::filesystem::create_symlink(temp / "precious", temp / "lock");
  expect_error(ErrorCode::kBadData, {temp / "lock"},
               [&] { LockFile(Folder(temp.path()), "lock", "works here"); });
  EXPECT_EQ(read_all(temp / "precious"), "1");
}

}  // namespace
}  // namespace ringfeed::testing
