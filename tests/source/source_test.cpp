// What open_source() says to names, folders and files that are not there or not right.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <ringfeed/source.hpp>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::OneFile;
using testing::TempFolder;
using testing::write_all;

TEST(Source, MissingFileOfEachFormat) {
  for (const std::string name :
       {"no.csv", "no.csv.gz", "no.parquet", "no.npy", "no-ubyte", "no.idx.gz", "no"}) {
    const auto error = testing::error_of([&] { open_source({"/nowhere/" + name}, {}); });
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(std::string(error.what()),
              "/nowhere/" + name + ": No such file or directory; check the path");
  }
}

TEST(Source, EmptyFileOfEachFormat) {
  for (const std::string name :
       {"a.csv", "a.csv.gz", "a.parquet", "a.npy", "a-ubyte", "a.idx.gz"}) {
    const OneFile file(name, "");
    expect_error(ErrorCode::kBadData, name + ": the file is empty",
                 [&] { open_source({file.path}, {}); });
  }
}

TEST(Source, OneByteOfEachFormat) {
  for (const std::string name : {"a.csv.gz", "a.parquet", "a.npy", "a-ubyte", "a.idx.gz"}) {
    const OneFile file(name, "x");
    expect_error(ErrorCode::kBadData, file.path + ": ", [&] { open_source({file.path}, {}); });
  }
}

TEST(Source, AFolderWhereAFileIsDue) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "a.csv");
  expect_error(ErrorCode::kNotFound, "a.csv: there is no .parquet file right in this folder",
               [&] { open_source({folder / "a.csv"}, {}); });
}

TEST(Source, APipeIsNoSource) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "a.csv").c_str(), 0600), 0);
  expect_error(ErrorCode::kInvalidArgument, "a.csv: this is not a plain file",
               [&] { open_source({folder / "a.csv"}, {}); });
}

TEST(Source, UnknownFormats) {
  for (const std::string name : {"a.txt", "a", "a.npz", "a.npy.gz", "a.csv.zst", "csv"}) {
    const OneFile file(name, "x");
    expect_error(ErrorCode::kInvalidArgument,
                 name + ": no format goes with this name: there are .csv, .tsv, .tab, .jsonl",
                 [&] { open_source({file.path}, {}); });
  }
}

TEST(Source, TheCaseOfAnEndingDoesNotMatter) {
  const OneFile file("A.CSV", "x\n1\n");
  EXPECT_EQ(testing::Content({file.path}).rows, 1);
}

TEST(Source, FormatsDoNotMix) {
  const TempFolder folder;
  write_all(folder / "a.csv", "x\n1\n");
  write_all(folder / "b.npy", testing::npy("|u1", "(1,)", "x"));
  expect_error(ErrorCode::kInvalidArgument, "are of two formats",
               [&] { open_source({folder / "a.csv", folder / "b.npy"}, {}); });
}

TEST(Source, OptionsAreChecked) {
  const OneFile file("a.csv", "x\n1\n");
  expect_error(ErrorCode::kInvalidArgument, "there is no source", [] { open_source({}, {}); });
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1048577}}) {
    SourceOptions options;
    options.batch_rows = rows;
    expect_error(ErrorCode::kInvalidArgument, "it goes from 1 to 1048576",
                 [&] { open_source({file.path}, options); });
  }
  expect_error(ErrorCode::kInvalidArgument, "the name stands twice", [&] {
    open_source({file.path}, testing::with_tensors({"t=x::int8", "t=x::int8"}));
  });
}

TEST(Source, AskedToStop) {
  const TempFolder folder;
  write_all(folder / "a.csv", "x\n1\n");
  write_all(folder / "a.npy", testing::npy("|u1", "(1,)", "x"));
  std::stop_source stopper;
  SourceOptions options;
  options.stop = stopper.get_token();
  const auto csv = open_source({folder / "a.csv"}, options);
  const auto npy = open_source({folder / "a.npy"}, options);
  stopper.request_stop();
  for (auto* source : {csv.get(), npy.get()}) {
    expect_error(ErrorCode::kCancelled, "stopped", [&] { source->next(); });
    expect_error(ErrorCode::kCancelled, "stopped", [&] { source->fingerprint(); });
  }
  expect_error(ErrorCode::kCancelled, "stopped", [&] { open_source({folder / "a.csv"}, options); });
}

/// Another user for the life of this object, where the tests run as root, whom no permission stops.
class Unprivileged {
 public:
  Unprivileged() : was_root_(::geteuid() == 0) {
    if (was_root_ && ::seteuid(65534) != 0) throw std::runtime_error("seteuid");
  }
  ~Unprivileged() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  const bool was_root_;
};

TEST(Source, NoPermissionForAFileOfEachFormat) {
  for (const std::string name :
       {"a.csv", "a.csv.gz", "a.parquet", "a.npy", "a-ubyte", "a.idx.gz"}) {
    const OneFile file(name, "x");
    ASSERT_EQ(::chmod(file.folder.path().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(file.path.c_str(), 0), 0);
    const Unprivileged other_user;
    const auto error = testing::error_of([&] { open_source({file.path}, {}); });
    EXPECT_EQ(error.code(), ErrorCode::kPermission) << name;
    EXPECT_EQ(std::string(error.what()),
              file.path + ": Permission denied; check owner and mode, or choose another place");
  }
}

}  // namespace
}  // namespace ringfeed
