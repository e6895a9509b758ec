// Asks the store what it has, and looks at the files of a local folder.
#include "doctor/data_set.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>

#include "doctor/host.hpp"
#include "feed/budget.hpp"

namespace ringfeed::doctor {
namespace {

void look_at_chunks(const Manifest& manifest, DataSetFacts& facts) {
  facts.version = manifest.version;
  facts.parts = manifest.parts.size();
  for (const auto& split : manifest.split_infos()) facts.samples += split.samples;
  for (const auto& row_groups : manifest.rows) facts.chunks += row_groups.size();
  for (const auto& part : manifest.parts) {
    for (const auto bytes : part.chunk_bytes) {
      facts.bytes += bytes;
      facts.chunk_bytes_max = std::max<std::uint64_t>(facts.chunk_bytes_max, bytes);
    }
  }
}

void look_at_parts(const Url& url, const Manifest& manifest, DataSetFacts& facts) {
  for (const auto& part : manifest.parts) {
    struct stat status{};
    const std::string path = url.path + "/" + part.name;
    if (::stat(path.c_str(), &status) != 0 ||
        static_cast<std::uint64_t>(status.st_size) != part.bytes())
      facts.parts_wrong.push_back(part.name);
  }
}

/// The first one of the split.
void read_block(const std::shared_ptr<const Dataset>& dataset, DataSetFacts& facts) {
  const auto reader = dataset->reader(1);
  if (reader->blocks().empty()) return;
  std::promise<Chunk> promise;
  const auto begin = std::chrono::steady_clock::now();
  reader->read(0, [&](const Chunk& chunk, const std::exception_ptr& error) {
    if (error != nullptr) {
      promise.set_exception(error);
    } else {
      promise.set_value(chunk);
    }
  });
  try {
    promise.get_future().get().columns();
    facts.block_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  } catch (const Error& error) {
    facts.block_trouble = error.what();
  }
}

void look_at_read_ahead(const Dataset& dataset, const Wanted& wanted, DataSetFacts& facts) {
  FeedOptions options{.order = wanted.order};
  options.world_size = wanted.ranks;
  options.prefetch_bytes = wanted.prefetch_bytes;
  try {
    const auto reader = dataset.reader(1);
    const Budget budget =
        plan_budget(options, reader->blocks(), dataset.schema().columns, reader->overhead_bytes());
    facts.read_ahead = ReadAhead{budget.bytes, budget.least_bytes};
  } catch (const Error& error) {
    facts.read_ahead_trouble = error.what();
  }
}

}  // namespace

DataSetFacts look_at_data_set(const Url& url, const ConnectionOptions& connection,
                              const Wanted& wanted) {
  DataSetFacts facts;
  if (url.scheme == "file") facts.folder = look_at_folder(url.path);
  try {
    const std::shared_ptr<Store> store = open_store(url, connection);
    facts.is_row_table = !store->is_immutable();
    facts.unfinished = store->unfinished();
    facts.half_removed = store->half_removed();
    const auto versions = store->versions();
    facts.versions = versions.size();
    if (versions.empty()) return facts;
    const auto dataset = Dataset::open(store, url.text(), url.version, url.split.value_or(""));
    facts.is_there = true;
    look_at_chunks(dataset->manifest(), facts);
    if (url.scheme == "file") look_at_parts(url, dataset->manifest(), facts);
    if (wanted.purpose != Purpose::kIngest) read_block(dataset, facts);
    if (wanted.purpose == Purpose::kTrain) look_at_read_ahead(*dataset, wanted, facts);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kCancelled) throw;
    facts.trouble = error.what();
  }
  return facts;
}

}  // namespace ringfeed::doctor
