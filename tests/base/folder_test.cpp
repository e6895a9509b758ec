// Names below a folder: no link is followed, and only regular files are opened.
#include "base/folder.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <ringfeed/error.hpp>
#include <utility>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

namespace fs = std::filesystem;

TEST(Folder, NamesStayBelow) {
  for (const auto* name : {"a", "a/b", "a/b.c/..d", "..."})
    EXPECT_TRUE(is_name_below(name)) << name;
  for (const auto* name : {"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "../a"})
    EXPECT_FALSE(is_name_below(name)) << name;
  EXPECT_FALSE(is_name_below(std::string_view("a\0b", 3)));
  const TempFolder temp;
  write_all(temp / "a", "1");
  fs::create_directory(temp / "in");
  expect_error(ErrorCode::kBadData, {temp / "in", "'../a' is outside"},
               [&] { Folder(temp / "in").open_to_read("../a"); });
}

TEST(Folder, MakesReadsAndRemoves) {
  const TempFolder temp;
  const Folder folder(temp / "root");
  expect_error(ErrorCode::kNotFound, {temp / "root"}, [&] { folder.open_to_read("a"); });
  EXPECT_FALSE(folder.has_folder("deep"));
  make_folders(folder.path());
  EXPECT_TRUE(folder.make_folder("deep/er"));
  EXPECT_FALSE(folder.make_folder("deep/er"));
  EXPECT_TRUE(folder.has_folder("deep/er"));
  folder.create_new("deep/er/a").write("one");
  expect_error(ErrorCode::kConflict, {"deep/er/a"}, [&] { folder.create_new("deep/er/a"); });
  folder.open_to_append("deep/er/a").write(" two");
  EXPECT_EQ(folder.read_file("deep/er/a", 100), "one two");
  expect_error(ErrorCode::kBadData, {"limit of 3"}, [&] { folder.read_file("deep/er/a", 3); });
  EXPECT_FALSE(folder.remove_folder("deep/er"));
  EXPECT_TRUE(folder.remove("deep/er/a"));
  EXPECT_FALSE(folder.remove("deep/er/a"));
  EXPECT_TRUE(folder.remove_folder("deep/er"));
}

TEST(Folder, RenamesAndReplacesOnlyWhenTold) {
  const TempFolder temp;
  const Folder folder(temp.path());
  write_all(temp / "a", "1");
  write_all(temp / "b", "2");
  fs::create_directory(temp / "in");
  EXPECT_FALSE(folder.rename_if_absent("a", "b"));
  EXPECT_EQ(read_all(temp / "b"), "2");
  EXPECT_TRUE(folder.rename_if_absent("a", "in/a"));
  EXPECT_EQ(read_all(temp / "in/a"), "1");
  EXPECT_FALSE(fs::exists(temp / "a"));
  folder.rename("in/a", "b");
  EXPECT_EQ(read_all(temp / "b"), "1");
  expect_error(ErrorCode::kNotFound, {}, [&] { folder.rename_if_absent("a", "c"); });
  expect_error(ErrorCode::kNotFound, {}, [&] { folder.rename("a", "c"); });
}

TEST(Folder, FollowsNoLink) {
  const TempFolder temp;
  const Folder folder(temp / "root");
  fs::create_directories(temp / "root");
  fs::create_directories(temp / "elsewhere");
  write_all(temp / "elsewhere/x", "precious");
  fs::create_symlink(temp / "elsewhere", temp / "root/link");
  fs::create_symlink(temp / "elsewhere/x", temp / "root/x");
  fs::create_symlink(temp / "elsewhere/new", temp / "root/new");
  for (const std::string name : {"link/x", "x"}) {
    expect_error(ErrorCode::kBadData, {temp / "root", "a link stands"},
                 [&] { folder.open_to_read(name); });
    expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.open_to_append(name); });
  }
  expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.open_to_append("new"); });
  expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.create_new("link/y"); });
  expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.remove("link/x"); });
  expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.make_folder("link"); });
  expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.make_folder("link/deep"); });
  // The path stands there once.
  expect_error(ErrorCode::kBadData, {temp / "root/link: "}, [&] { folder.has_folder("link"); });
  folder.create_new("own");
  for (const auto& [from, to] : {std::pair("link/x", "y"), std::pair("own", "link/y")}) {
    expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.rename_if_absent(from, to); });
    expect_error(ErrorCode::kBadData, {"a link"}, [&] { folder.rename(from, to); });
  }
  EXPECT_TRUE(folder.remove("x"));  // the link
  EXPECT_EQ(snapshot(temp / "elsewhere").size(), 1u);
  EXPECT_EQ(read_all(temp / "elsewhere/x"), "precious");
  // The way to the folder itself is the user's.
  fs::create_symlink(temp / "root", temp / "way");
  Folder(temp / "way").create_new("y").write("1");
  EXPECT_EQ(read_all(temp / "root/y"), "1");
}

TEST(Folder, AFifoAFolderOrADeviceIsNoFile) {
  const TempFolder temp;
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  fs::create_directory(temp / "folder");
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (temp / "socket").copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(listener);
  const Folder folder(temp.path());
  expect_error(ErrorCode::kBadData, {temp / "socket", "a socket or device"},
               [&] { folder.open_to_read("socket"); });
  expect_error(ErrorCode::kBadData, {temp / "fifo", "a FIFO stands where a file is due"},
               [&] { folder.open_to_read("fifo"); });
  expect_error(ErrorCode::kBadData, {"a folder stands"}, [&] { folder.open_to_read("folder"); });
  expect_error(ErrorCode::kBadData, {"a FIFO"}, [&] { read_file(temp / "fifo", 100); });
  expect_error(ErrorCode::kBadData, {"a FIFO"}, [&] { MappedFile::map(temp / "fifo"); });
  expect_error(ErrorCode::kBadData, {"a device"}, [&] { File::open_to_read("/dev/zero"); });
}

TEST(RandomName, IsAnotherEachTime) { EXPECT_NE(random_name(), random_name()); }

}  // namespace
}  // namespace ringfeed::testing
