// What each way of the data converts: a chunk is encoded once where it is stored, decoded once
// where its samples are needed, and neither on any other way.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ringfeed/copy.hpp>
#include <ringfeed/feed.hpp>
#include <stdexcept>

#include "dataset/chunk.hpp"
#include "store/cached_store.hpp"
#include "store/cassandra/row_store.hpp"
#include "store/local_store.hpp"
#include "store_cassandra/blocks.hpp"
#include "store_cassandra/fake_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

constexpr std::int64_t kSamples = 1500;

/// What a call converts.
ChunkConversions conversions_of(const std::function<void()>& call) {
  const ChunkConversions before = chunk_conversions();
  call();
  const ChunkConversions after = chunk_conversions();
  return {after.encoded - before.encoded, after.decoded - before.decoded};
}

void expect_conversions(std::uint64_t encoded, std::uint64_t decoded,
                        const std::function<void()>& call) {
  const auto found = conversions_of(call);
  EXPECT_EQ(found.encoded, encoded);
  EXPECT_EQ(found.decoded, decoded);
}

std::uint64_t chunks_in(const Manifest& manifest) {
  std::uint64_t chunks = 0;
  for (const auto& part : manifest.parts) chunks += part.chunk_hash.size();
  return chunks;
}

class ConversionsTest : public FakeStoreTest {
 protected:
  ConversionsTest() {
    stores_.cluster().set_script(nullptr);
    local_ = std::make_shared<LocalStore>(temp_ / "set", LocalStoreOptions{.part_bytes = 20'000});
    manifest_ = ingest_into(*local_, kSamples).manifest;
    chunks_ = chunks_in(manifest_);
  }

  std::unique_ptr<cassandra::RowStore> rows(const std::string& name) {
    ConnectionOptions options;
    options.index_dir = temp_ / "index";
    return std::make_unique<cassandra::RowStore>(stores_.session(), stores_.url(name), options,
                                                 true);
  }

  /// One epoch of the split train.
  void feed(std::shared_ptr<Store> store) {
    FeedOptions options;
    options.order.global_batch = 32;
    Feed feed(Dataset::open(std::move(store), "a set", std::nullopt, "train"), options);
    while (feed.next()) {
    }
  }

  /// What was converted when the last chunk was copied, and nothing was verified yet.
  ChunkConversions while_copying(Store& from, const Manifest& manifest, Store& to) {
    const ChunkConversions before = chunk_conversions();
    ChunkConversions after = before;
    CopyOptions options;
    options.progress = [&](std::string_view stage, std::uint64_t, std::uint64_t) {
      if (stage == "copying") after = chunk_conversions();
    };
    copied_ = copy(from, manifest, to, options).manifest;
    return {after.encoded - before.encoded, after.decoded - before.decoded};
  }

  std::uint64_t blocks_of_train() {
    return local_->reader(manifest_, "train", {}, 1)->blocks().size();
  }

  TempFolder temp_;
  FakeStores stores_;
  std::shared_ptr<LocalStore> local_;
  Manifest manifest_;
  std::uint64_t chunks_ = 0;
  Manifest copied_;
};

TEST_F(ConversionsTest, IngestEncodesWhatIsPackedAndNothingForRows) {
  ASSERT_GT(chunks_, 5u);
  expect_conversions(chunks_, 0, [&] {
    LocalStore other(temp_ / "other");
    ingest_into(other, kSamples);
  });
  auto packed = stores_.store();
  expect_conversions(chunks_, 0, [&] { ingest_into(packed, kSamples); });
  const auto filled = rows("filled");
  expect_conversions(0, 0, [&] { ingest_into(*filled, kSamples); });
}

TEST_F(ConversionsTest, ACopyOfPackedChunksConvertsNothingAndKeepsTheParts) {
  ASSERT_GT(manifest_.parts.size(), 3u);
  auto packed = stores_.store();
  auto found = while_copying(*local_, manifest_, packed);
  EXPECT_EQ(found.encoded + found.decoded, 0u);
  EXPECT_EQ(chunks_of(copied_), chunks_of(manifest_));
  ASSERT_EQ(copied_.parts.size(), manifest_.parts.size());
  for (std::size_t i = 0; i < copied_.parts.size(); ++i)
    EXPECT_EQ(copied_.parts[i].ranges, manifest_.parts[i].ranges);
  LocalStore back(temp_ / "back");  // of one part for each split, if it had the choice
  found = while_copying(packed, copied_, back);
  EXPECT_EQ(found.encoded + found.decoded, 0u);
  EXPECT_EQ(copied_, manifest_);
  const auto filled = rows("of_a_copy");
  found = while_copying(*local_, manifest_, *filled);
  EXPECT_EQ(found.encoded, 0u);
  EXPECT_EQ(found.decoded, chunks_);
}

TEST_F(ConversionsTest, ACopyThatGoesOnInTheMiddleOfAPartIsExact) {
  // An ingest into the same place was cut off: its parts are as large as the store likes.
  LocalStore small(temp_ / "copy", {.part_bytes = 5'000});
  std::uint64_t parts = 0;
  MemorySource::Options source;
  source.samples = kSamples;
  source.fingerprint = static_cast<std::uint64_t>(kSamples * 1000003);
  MemorySource memory(source);
  IngestOptions options;
  options.chunk_bytes = 4096;
  options.splits = {{"train", 0.75}, {"val", 0.25}};
  options.on_step = [&](std::string_view step) {
    if (step == "journal-appended" && ++parts == 3) throw std::runtime_error("cut off");
  };
  EXPECT_THROW(ingest(memory, small, options), std::runtime_error);
  const auto found = while_copying(*local_, manifest_, small);
  EXPECT_EQ(found.encoded, 0u);
  // Those that are found are checked, and the rest of their part is looked at.
  ASSERT_GT(manifest_.parts[0].chunk_hash.size(), 3u);
  EXPECT_EQ(found.decoded, manifest_.parts[0].chunk_hash.size());
  EXPECT_EQ(chunks_of(copied_), chunks_of(manifest_));
  EXPECT_EQ(copied_.parts[0].chunk_hash.size(), 1u);
  EXPECT_EQ(copied_.parts.back(), manifest_.parts.back());
}

TEST_F(ConversionsTest, AFeedDecodesABlockOnce) {
  expect_conversions(0, blocks_of_train(), [&] { feed(local_); });
  auto packed = std::make_shared<cassandra::CassandraStore>(stores_.store());
  ingest_into(*packed, kSamples);
  expect_conversions(0, blocks_of_train(), [&] { feed(packed); });
  const std::shared_ptr<Store> filled = rows("fed");
  ingest_into(*filled, kSamples);
  expect_conversions(0, 0, [&] { feed(filled); });
}

TEST_F(ConversionsTest, ACacheConvertsNothingOfItsOwn) {
  const auto cached = [&] {
    return std::make_shared<CachedStore>(
        stores_.url("set"), [this] { return std::make_unique<LocalStore>(temp_ / "set"); },
        std::make_unique<CacheFolder>(temp_ / "cache", 0, nullptr), nullptr);
  };
  expect_conversions(0, blocks_of_train(), [&] { feed(cached()); });
  expect_conversions(0, blocks_of_train(), [&] { feed(cached()); });  // out of the cache
}

}  // namespace
}  // namespace ringfeed::testing
