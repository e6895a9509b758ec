// Chunks are read ahead in any order and put in the manifest's.
#include <map>
#include <ringfeed/copy.hpp>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/url.hpp>
#include <string>
#include <utility>

#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "dataset/ranges.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;

void check_stop(const CopyOptions& options) {
  if (options.stop.stop_requested()) {
    throw Error(ErrorCode::kCancelled,
                "stopped before the end, nothing is published; the same again goes on");
  }
}

}  // namespace

CopyResult copy(Store& from, const Manifest& manifest, Store& to, const CopyOptions& options) {
  Origin origin = manifest.origin;
  // A table that others fill has no source to be known by: it is known by what its index says.
  if (!from.is_immutable()) origin.fingerprint = hash_bytes(manifest.encode());
  const WriteIntent intent{
      .schema = manifest.schema, .splits = manifest.splits, .origin = origin, .copies = true};
  const LostPages lost;
  const auto writer = to.write(intent, nullptr);
  if (writer->published() && writer->missing() == 0) return {writer->publish(), true};
  std::uint64_t total = 0;
  for (const auto& split : manifest.split_infos()) total += split.bytes;

  std::map<std::string, BlocksAhead> splits;
  std::uint64_t number = 0;
  std::uint64_t done = 0;
  for (const auto& part : manifest.parts) {
    auto& blocks = splits
                       .try_emplace(part.split, from.reader(manifest, part.split, kReadThreads),
                                    options.read_ahead_bytes)
                       .first->second;
    // What is read in place has no chunks and no parts yet: they are made here. Of a part that an
    // earlier try began elsewhere, the rest has ranges of its own.
    const bool keeps_part = from.is_immutable() && !writer->has_chunk(number);
    if (from.is_immutable()) writer->begin_part();
    for (std::size_t i = 0; i < part.chunk_hash.size(); ++i) {
      check_stop(options);
      if (writer->has_chunk(number++)) {
        blocks.skip();
      } else {
        const Chunk chunk = blocks.take().detached();
        lost.check();
        writer->put(part.split, chunk,
                    keeps_part ? part.ranges : ranges_of(*chunk.columns(), manifest.schema));
      }
      done += part.chunk_bytes[i];
      if (options.progress) options.progress("copying", done, total);
    }
  }
  writer->set_permutation(manifest.origin.permutation);
  CopyResult result{writer->publish(), false};
  to.verify(result.manifest, [&](std::uint64_t bytes) {
    if (options.stop.stop_requested())
      throw Error(ErrorCode::kCancelled, "stopped while the copy was verified; it is published");
    if (options.progress) options.progress("verifying", bytes, total);
  });
  return result;
}

CopyResult copy(std::string_view from, std::string_view to, const CopyOptions& options,
                const ConnectionOptions& from_connection, const ConnectionOptions& to_connection) {
  const Url source = Url::parse(from);
  const Url target = Url::parse(to);
  if (source.split || target.split || target.version) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "copy: all splits of one version are copied; only the first URL may say ?version=N");
  }
  check_new_name(target);
  const auto dataset = Dataset::open(from, from_connection);
  const auto source_store = open_store(source, from_connection);
  const auto target_store = open_store(target, to_connection);
  return copy(*source_store, dataset->manifest(), *target_store, options);
}

}  // namespace ringfeed
