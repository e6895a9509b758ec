// A folder is whole under its name, or not there, whatever happens before.
#include "base/new_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::read_all;
using testing::snapshot;
using testing::TempFolder;
using testing::write_all;

TEST(NewFolder, AppearsWithAllThatIsInIt) {
  const TempFolder folder;
  NewFolder made(folder / "out/");
  write_all(made.path() + "/file", "text");
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  made.publish();
  EXPECT_EQ(snapshot(folder.path()),
            (std::map<std::string, std::string>{{"out/", ""}, {"out/file", "text"}}));
}

TEST(NewFolder, IsGoneWhenItIsNotPublished) {
  const TempFolder folder;
  {
    const NewFolder made(folder / "out");
    write_all(made.path() + "/file", "text");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(NewFolder, ReplacesNothing) {
  const TempFolder folder;
  write_all(folder / "file", "text");
  std::filesystem::create_symlink("nowhere", folder / "link");
  for (const auto* const name : {"file", "link", "."})
    expect_error(ErrorCode::kConflict, {"it is there"}, [&] { NewFolder(folder / name); });
  expect_error(ErrorCode::kNotFound, {"there is no folder", "/no/where"},
               [&] { NewFolder(folder / "no/where/out"); });
  {
    NewFolder late(folder / "out");
    write_all(folder / "out", "somebody else's");
    expect_error(ErrorCode::kConflict, {"out: it is there"}, [&] { late.publish(); });
  }
  EXPECT_EQ(read_all(folder / "out"), "somebody else's");
  EXPECT_EQ(read_all(folder / "file"), "text");
  EXPECT_EQ(std::filesystem::read_symlink(folder / "link"), "nowhere");
}

}  // namespace
}  // namespace ringfeed
