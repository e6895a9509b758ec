#include "source/webdataset.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::Content;
using testing::expect_error;
using testing::gzip;
using testing::npy;
using testing::OneFile;
using testing::raw;
using testing::read_all;
using testing::TempFolder;
using testing::write_all;
using Texts = std::vector<std::string>;
using Longs = std::vector<std::int64_t>;

/// A header of ustar and the bytes of its file, padded.
std::string file(const std::string& name, const std::string& bytes, char type = '0') {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(124, 11, fmt::format("{:011o}", bytes.size()));
  header[156] = type;
  header.replace(257, 8,
                 std::string("ustar\0"
                             "00",
                             8));
  header.replace(148, 8, "        ");
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
}

const std::string kEnd(1024, '\0');

/// Name, text and bytes of all files.
Texts files_of(const std::string& archive) {
  std::string_view rest = archive;
  TarReader tar("a.tar", [&](std::span<std::byte> space) {
    const auto bytes = std::min(rest.size(), space.size());
    std::copy_n(reinterpret_cast<const std::byte*>(rest.data()), bytes, space.data());
    rest.remove_prefix(bytes);
    return bytes;
  });
  Texts files;
  while (tar.next()) {
    const auto size = tar.size();
    const bool is_taken = files.size() % 2 == 0;
    files.push_back(fmt::format("{} {} {}", tar.name(), size, is_taken ? tar.take() : ""));
  }
  return files;
}

TEST(Tar, PlainFilesOfAllFormats) {
  const std::string long_name(150, 'n');
  const std::string pax = "12 path=p/q\n";
  const auto archive = file("a.txt", "one") + file("folder/", "", '5') +
                       file("b.txt", std::string(512, 'x')) +
                       file("././@LongLink", long_name + '\0', 'L') + file("cut", "three") +
                       file("head", pax, 'x') + file("c", "") + file("all", "ignored", 'g') +
                       file("d", "five", '\0') + kEnd + std::string(8192, '\0');
  EXPECT_EQ(files_of(archive),
            (Texts{"a.txt 3 one", "b.txt 512 ", long_name + " 5 three", "p/q 0 ", "d 4 five"}));
  EXPECT_EQ(files_of(kEnd), Texts{});
}

TEST(Tar, WhatWouldBeLostIsAnError) {
  const auto a = file("a", "one");
  auto damaged = a + file("b", "two");
  damaged[1024 + 3] = 'x';
  auto no_size = file("a", "one");
  for (const auto& [archive, words] : std::vector<std::pair<std::string, std::string>>{
           {"", "it is cut off at byte 0"},
           {std::string(512, 'x'), "it is no tar archive"},
           {a, "it is cut off at byte 1024, without the end"},
           {a + a.substr(0, 300), "it is cut off at byte 1024"},
           {a.substr(0, 514), "it is cut off in 'a'"},
           {damaged + kEnd, "the header at byte 1024 is damaged"},
           {a + file("l", "", '2') + kEnd, "'l' is no plain file"},
           {a + file("l", "", '1') + kEnd, "hard-dereference"},
           {a + kEnd + a + kEnd, "there is more behind the end"},
           {file("head", "9 path=p\n!", 'x') + a + kEnd, "the pax header before byte 1024"},
           {file("head", "99 path=p\n", 'x') + a + kEnd, "the pax header before byte 1024"},
           {file("head", "12 size=-3x\n", 'x') + a + kEnd, "the pax header before byte 1024"},
           {file("head", "22 GNU.sparse.major=1\n", 'x') + a + kEnd, "a sparse file"},
           {file("head", std::string(70000, 'x'), 'L') + a + kEnd, "in 70000 bytes, the limit is"},
       }) {
    expect_error(ErrorCode::kBadData, "a.tar: ", [&] { files_of(archive); });
    expect_error(ErrorCode::kBadData, words, [&] { files_of(archive); });
  }
}

TEST(WebDataset, NamesAreCutAtTheFirstDot) {
  const auto parsed = [](std::string_view path) {
    const auto name = parse_webdataset_name(path);
    return name ? name->key + "|" + name->part : "";
  };
  EXPECT_EQ(parsed("0001.jpg"), "0001|jpg");
  EXPECT_EQ(parsed("a.b/0001.Seg.PNG"), "a.b/0001|seg.png");
  EXPECT_EQ(parsed("./x.cls"), "./x|cls");
  EXPECT_EQ(parsed("README"), "");
  EXPECT_EQ(parsed("a/.hidden.jpg"), "");
  EXPECT_EQ(parsed("__meta__"), "");
  EXPECT_EQ(parsed("__index__/a.txt"), "");
  EXPECT_EQ(parsed("__x.txt"), "__x|txt");
}

TEST(WebDataset, PartsBecomeColumns) {
  const std::string values = raw<float>({1, 2, 3, 4});
  const auto shard = [&](const std::string& key, const std::string& cls) {
    return file(key + ".jpg", "picture of " + key) + file(key + ".cls", cls) +
           file(key + ".txt", "\xC3\xA9") + file(key + ".json", "{\"a\": 1}") +
           file(key + ".emb.npy", npy("<f4", "(2, 2)", values));
  };
  TempFolder temp;
  write_all(temp / "0.tar", file("LICENSE", "free") + shard("a", "3\n") + shard("b", "-1") + kEnd);
  write_all(temp / "1.tar.gz", gzip(shard("a", "7") + kEnd));
  const Content content({temp / "0.tar", temp / "1.tar.gz"});
  EXPECT_EQ(content.types(),
            "__key__: string; jpg: binary; cls: int64; txt: string; json: string; emb.npy: "
            "float32 [2, 2]");
  EXPECT_EQ(content.texts("__key__"), (Texts{"a", "b", "a"}));
  EXPECT_EQ(content.texts("jpg"), (Texts{"picture of a", "picture of b", "picture of a"}));
  EXPECT_EQ(content.values<std::int64_t>("cls"), (Longs{3, -1, 7}));
  EXPECT_EQ(content.texts("txt")[2], "\xC3\xA9");
  EXPECT_EQ(content.values<float>("emb.npy"),
            (std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}));
  SourceOptions options;
  options.columns = {"cls"};
  const Content labels({temp / "0.tar"}, options);
  EXPECT_EQ(labels.types(), "cls: int64");
  EXPECT_EQ(labels.values<std::int64_t>("cls"), (Longs{3, -1}));
}

TEST(WebDataset, EveryBadSampleIsNamed) {
  const auto good =
      file("a.jpg", "x") + file("a.cls", "1") + file("a.npy", npy("|u1", "(2,)", "ab"));
  const auto with = [&](const std::string& jpg, const std::string& cls, const std::string& array) {
    return file("b.jpg", jpg) + file("b.cls", cls) + file("b.npy", array);
  };
  const auto array = npy("|u1", "(2,)", "cd");
  for (const auto& [files, words] : std::vector<std::pair<std::string, std::string>>{
           {file("b.jpg", "x") + file("b.cls", "1"), "sample 'b': it has no 'npy'"},
           {with("x", "1", array) + file("b.png", "x"), "sample 'b': it has 'png'"},
           {with("x", "1", array) + file("b.CLS", "1"), "sample 'b': 'cls' is there twice"},
           {with("x", "one", array), "'cls': 'one' is no whole number"},
           {with("x", "", array), "'cls': '' is no whole number"},
           {with("x", "1", npy("|u1", "(3,)", "cde")), "of another dtype or shape"},
           {with("x", "1", "no array"), "sample 'b': 'npy': "},
           {with(std::string(9 << 20, 'x'), "1", array), "the limit is 8388608"},
           {with("x", "1", array) + good, "sample 'a': its files are not next to each other"},
           {file("../b.jpg", "x") + file("../b.cls", "1") + file("../b.npy", array),
            "or with '..' is none"},
       }) {
    const OneFile archive("a.tar", good + files + kEnd);
    expect_error(ErrorCode::kBadData, words, [&] { Content({archive.path}); });
    SourceOptions options;
    options.on_bad = OnBad::kSkip;
    Content content({archive.path}, options);
    EXPECT_EQ(content.source().rejected(), 1u);
  }
  const OneFile text("a.tar", file("a.txt", "x") + file("b.txt", "\xff") + kEnd);
  expect_error(ErrorCode::kBadData, "a.tar:2: column 'txt': the text is not UTF-8",
               [&] { Content({text.path}); });
  const OneFile none("a.tar", file("README", "x") + kEnd);
  expect_error(ErrorCode::kBadData, "there is no sample in it", [&] { Content({none.path}); });
  const OneFile bad("a.tar", file("a.npy", "x") + kEnd);
  expect_error(ErrorCode::kBadData, "the first sample, 'a', says what the columns are",
               [&] { Content({bad.path}); });
}

}  // namespace
}  // namespace ringfeed
