// Verdicts on the host and the data set.
#include "doctor/judge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/byte_size.hpp"
#include "base/option.hpp"

namespace ringfeed::doctor {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
/// Of a process beside what it reads ahead: libraries, a model.
constexpr std::uint64_t kDescriptorsOwn = 64;
constexpr std::uint64_t kDescriptorsComfortable = 1024;
/// What containers have unless they are told otherwise.
constexpr std::uint64_t kSharedMemorySmall = 64 * kMiB;
constexpr std::uint64_t kChunkBytesSmall = 64 * 1024;
constexpr std::uint64_t kChunksMany = 1000;
constexpr std::uint64_t kChunkBytesLarge = 16 * kMiB;
constexpr std::size_t kNamesMax = 3;

/// "a, b, c and 4 more".
std::string listed(const std::vector<std::string>& names) {
  const auto shown = std::min(names.size(), kNamesMax);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<long>(shown), ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

Finding judge_read_ahead(const DataSetFacts& data) {
  if (!data.read_ahead)  // the remedy is in the message of an Error
    return {"reading ahead", Verdict::kStop, data.read_ahead_trouble, ""};
  return {"reading ahead", Verdict::kOk,
          fmt::format("{} of a rank, this order needs {}", format_bytes(data.read_ahead->bytes),
                      format_bytes(data.read_ahead->least)),
          ""};
}

Finding judge_memory(const HostFacts& host, const Wanted& wanted, const DataSetFacts& data) {
  if (!host.memory_bytes_available)
    return {"memory", Verdict::kNote, "not known: /proc/meminfo cannot be read", ""};
  const std::uint64_t available = *host.memory_bytes_available;
  std::string value =
      fmt::format("{} available (bound by {})", format_bytes(available), host.memory_bound_by);
  if (!data.read_ahead) {
    return {"memory", Verdict::kNote, value + ", and what the run would read ahead is not known",
            ""};
  }
  const std::uint64_t each = data.read_ahead->bytes;
  const auto ranks = static_cast<std::uint64_t>(wanted.ranks);
  value += fmt::format(", {} for reading ahead by {} rank{}", format_bytes(each), ranks,
                       ranks == 1 ? "" : "s");
  if (each > available / ranks) {
    const std::uint64_t fits = available / ranks / 2;
    return {"memory", Verdict::kStop, value,
            fits >= data.read_ahead->least
                ? fmt::format("give {} or less, or fewer ranks",
                              option_name("prefetch-bytes", format_bytes(fits)))
                : fmt::format("use fewer ranks, fewer {} or a smaller {}", option_name("lanes"),
                              option_name("window"))};
  }
  if (each > available / ranks / 2) {
    return {"memory", Verdict::kWarning, value,
            fmt::format("the model, its gradients and torch need the rest: give less {} if it is "
                        "not enough",
                        option_name("prefetch-bytes"))};
  }
  return {"memory", Verdict::kOk, value, ""};
}

Finding judge_descriptors(const HostFacts& host, const ClusterFacts* cluster) {
  std::uint64_t needed = kDescriptorsOwn;
  if (cluster != nullptr)
    needed += std::max<std::uint64_t>(cluster->nodes.size(), 1) * cluster->connections_per_host;
  const std::string value =
      fmt::format("{} open files, a rank takes about {}", host.descriptors_max, needed);
  const std::string remedy =
      fmt::format("raise it: ulimit -n {}", std::max(2 * needed, 4 * kDescriptorsComfortable));
  if (host.descriptors_max < needed) return {"file limit", Verdict::kStop, value, remedy};
  if (host.descriptors_max < std::max(2 * needed, kDescriptorsComfortable))
    return {"file limit", Verdict::kNote, value, remedy};
  return {"file limit", Verdict::kOk, value, ""};
}

Finding judge_shared_memory(const HostFacts& host) {
  if (!host.shared_memory) {
    return {"shared memory", Verdict::kNote, "there is no /dev/shm",
            "workers of torch's DataLoader and NCCL need it: mount it"};
  }
  const Space& space = *host.shared_memory;
  const std::string value = fmt::format("/dev/shm has {} free of {}",
                                        format_bytes(space.bytes_free), format_bytes(space.bytes));
  if (space.bytes_free > kSharedMemorySmall) return {"shared memory", Verdict::kOk, value, ""};
  return {"shared memory", Verdict::kNote, value,
          "too little for workers of torch's DataLoader and for NCCL: clean it up, or give the "
          "container more (docker run --shm-size 1g)"};
}

Finding judge_spinning(const HostFacts& host) {
  return {"compute threads", Verdict::kNote,
          fmt::format("they spin while they wait ({})", host.spinning),
          "unset it, unless this host does nothing else: small steps take many times as long where "
          "others need the cores"};
}

std::string where_it_is(const FolderFacts& folder) {
  if (!folder.space) return folder.path;
  return fmt::format("{}{}: {} free{}", folder.path, folder.is_there ? "" : " (is not there yet)",
                     format_bytes(folder.space->bytes_free),
                     folder.space->type.empty() ? "" : ", " + folder.space->type);
}

Finding judge_cache(const FolderFacts& cache, const Wanted& wanted, const DataSetFacts& data) {
  if (!cache.refusal.empty()) {
    return {"cache", Verdict::kWarning, cache.refusal,
            fmt::format("nothing would be kept: make the folder writable, or name another one "
                        "with {}",
                        option_name("cache"))};
  }
  const std::string value = where_it_is(cache);
  const std::uint64_t needed =
      wanted.cache_bytes == 0 ? data.bytes : std::min(data.bytes, wanted.cache_bytes);
  if (cache.space && cache.space->bytes_free < needed) {
    return {"cache", Verdict::kWarning,
            fmt::format("{}; {} would be kept", value, format_bytes(needed)),
            fmt::format("what has no room is read from the store in each epoch: make room, or name "
                        "another disk with {}",
                        option_name("cache"))};
  }
  if (cache.space && cache.space->type == "tmpfs") {
    return {"cache", Verdict::kNote, value,
            "this file system is in memory: what is kept there is taken from the ranks"};
  }
  if (wanted.cache_bytes != 0 && wanted.cache_bytes < data.bytes) {
    return {"cache", Verdict::kNote,
            fmt::format("{}; bound {} of {}", value, format_bytes(wanted.cache_bytes),
                        format_bytes(data.bytes)),
            fmt::format("a part of each epoch is read from the store again: raise {}",
                        option_name("cache-bytes"))};
  }
  return {"cache", Verdict::kOk, value, ""};
}

Finding judge_index(const FolderFacts& index, const DataSetFacts& data) {
  if (index.refusal.empty()) return {"index folder", Verdict::kOk, where_it_is(index), ""};
  // Who reads a table that is attached writes nothing there.
  const bool needed = data.is_row_table && !data.is_there;
  return {"index folder", needed ? Verdict::kStop : Verdict::kNote, index.refusal,
          fmt::format("row tables are attached there: name another folder with {}",
                      option_name("index"))};
}

void judge_folder(const DataSetFacts& data, const Wanted& wanted, Findings& findings) {
  const FolderFacts& folder = *data.folder;
  if (wanted.purpose == Purpose::kIngest) {
    if (!folder.refusal.empty()) {
      findings.push_back({"disk", Verdict::kStop, folder.refusal,
                          "make the folder writable, or ingest into another one"});
      return;
    }
    const bool full = folder.space && folder.space->bytes_free < 64 * kMiB;
    findings.push_back({"disk", full ? Verdict::kStop : Verdict::kOk, where_it_is(folder),
                        full ? "make room, or ingest into another folder" : ""});
    return;
  }
  static const std::vector<std::string> kFar = {"nfs", "cifs", "smb2", "fuse", "9p"};
  const bool far = folder.space && std::ranges::count(kFar, folder.space->type) > 0;
  findings.push_back(
      {"disk", far ? Verdict::kNote : Verdict::kOk, where_it_is(folder),
       far ? fmt::format("files of a network are read more slowly than a local disk: "
                         "{} on a local one keeps blocks",
                         option_name("cache"))
           : ""});
}

void judge_unfinished(const DataSetFacts& data, Findings& findings) {
  for (const auto& begun : data.unfinished) {
    const std::string writer = begun.writer.empty() ? "a writer" : begun.writer;
    if (begun.may_live) {
      findings.push_back({"last publish", Verdict::kNote,
                          fmt::format("version {} is being written by {}", begun.version, writer),
                          "readers do not see it; another ingest is refused until it has ended"});
    } else {
      findings.push_back(
          {"last publish", Verdict::kWarning,
           fmt::format("version {} was left half-done by {}", begun.version, writer),
           "readers do not see it; the same ingest goes on with it, another one removes it"});
    }
  }
  for (const auto version : data.half_removed) {
    findings.push_back({"last removal", Verdict::kWarning,
                        fmt::format("the removal of version {} was cut off", version),
                        fmt::format("end it: ringfeed delete 'URL?version={}'", version)});
  }
  if (data.unfinished.empty() && data.half_removed.empty() && data.trouble.empty())
    findings.push_back({"last publish", Verdict::kOk, "nothing is half-done", ""});
}

Finding judge_chunks(const DataSetFacts& data) {
  const std::uint64_t mean = data.chunks == 0 ? 0 : data.bytes / data.chunks;
  const std::string what = data.is_row_table ? "blocks" : "chunks";
  const std::string option =
      data.is_row_table ? option_name("block-bytes") : option_name("chunk-bytes");
  const std::string value = fmt::format("{} {}, {} on average, at most {}", data.chunks, what,
                                        format_bytes(mean), format_bytes(data.chunk_bytes_max));
  if (data.chunk_bytes_max > kChunkBytesLarge) {
    return {what, Verdict::kWarning, value,
            fmt::format("servers refuse messages of about this size, and a window holds several: "
                        "make smaller ones ({})",
                        option)};
  }
  if (data.chunks > kChunksMany && mean < kChunkBytesSmall) {
    return {what, Verdict::kNote, value,
            fmt::format("each one is a request: larger ones ({}, default {}) read faster", option,
                        data.is_row_table ? "2MiB" : "512KiB")};
  }
  return {what, Verdict::kOk, value, ""};
}

}  // namespace

const char* verdict_name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kNote:
      return "note";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kStop:
      break;
  }
  return "stop";
}

Findings judge_data_set(const DataSetFacts& data, const Wanted& wanted) {
  const bool ingests = wanted.purpose == Purpose::kIngest;
  Findings findings;
  if (!data.trouble.empty()) {
    // The remedy is in the message of an Error.
    findings.push_back({"data set", Verdict::kStop, data.trouble, ""});
  } else if (!data.is_there) {
    findings.push_back({"data set", ingests ? Verdict::kOk : Verdict::kStop, "there is none here",
                        ingests ? "" : "check the address, or make one with 'ringfeed ingest'"});
  } else {
    findings.push_back({"data set", Verdict::kOk,
                        fmt::format("{}, version {} of {}, {} samples, {}",
                                    data.is_row_table ? "row table" : "packed", data.version,
                                    data.versions, data.samples, format_bytes(data.bytes)),
                        ""});
    findings.push_back(judge_chunks(data));
  }
  if (!data.parts_wrong.empty()) {
    findings.push_back({"files", Verdict::kStop,
                        fmt::format("{} of {} are missing or of another size: {}",
                                    data.parts_wrong.size(), data.parts, listed(data.parts_wrong)),
                        "restore them from a copy, or delete the version and ingest again"});
  } else if (data.is_there && data.folder) {
    findings.push_back(
        {"files", Verdict::kOk,
         fmt::format("{}, each of its size ('ringfeed verify' reads every byte)", data.parts), ""});
  }
  if (!data.block_trouble.empty()) {
    findings.push_back({"first block", Verdict::kStop, data.block_trouble, ""});
  } else if (data.block_seconds) {
    findings.push_back({"first block", Verdict::kOk,
                        fmt::format("read and checked in {:.1f} ms", *data.block_seconds * 1e3),
                        ""});
  }
  if (data.read_ahead || !data.read_ahead_trouble.empty())
    findings.push_back(judge_read_ahead(data));
  judge_unfinished(data, findings);
  if (data.folder) judge_folder(data, wanted, findings);
  return findings;
}

Findings judge_host(const HostFacts& host, const Wanted& wanted, const DataSetFacts& data,
                    const ClusterFacts* cluster) {
  Findings findings;
  if (host.cache) findings.push_back(judge_cache(*host.cache, wanted, data));
  const bool needs_index = cluster != nullptr && (data.is_row_table || !data.is_there);
  if (host.index && needs_index) findings.push_back(judge_index(*host.index, data));
  if (wanted.purpose == Purpose::kTrain) findings.push_back(judge_memory(host, wanted, data));
  findings.push_back(judge_descriptors(host, cluster));
  if (wanted.purpose == Purpose::kTrain) findings.push_back(judge_shared_memory(host));
  if (wanted.purpose == Purpose::kTrain && !host.spinning.empty())
    findings.push_back(judge_spinning(host));
  return findings;
}

}  // namespace ringfeed::doctor
