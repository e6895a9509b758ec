// What is looked at before a run, as plain values: of this host, of the data set, and of the
// cluster. What could not be found out is not there, or says why.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ringfeed/connection.hpp>
#include <ringfeed/order.hpp>
#include <ringfeed/store.hpp>
#include <string>
#include <utility>
#include <vector>

namespace ringfeed::doctor {

/// What the run is to do.
enum class Purpose { kRead, kTrain, kIngest };

/// The run that is meant.
struct Wanted {
  Purpose purpose = Purpose::kTrain;
  int ranks = 1;  ///< on this host, and all that there are
  OrderOptions order = {.global_batch = 64};
  std::uint64_t prefetch_bytes = 0;  ///< of each rank; 0: the default
  std::uint64_t cache_bytes = 0;     ///< bound of the cache; 0: as much as the disk takes
};

/// A file system.
struct Space {
  std::string type;  ///< "ext4"; empty: it is not one that we know
  std::uint64_t bytes = 0;
  std::uint64_t bytes_free = 0;  ///< for who is not root
};

struct FolderFacts {
  std::string path;
  bool is_there = false;
  /// Why no file can be made in it, or in the nearest folder above it that is there.
  std::string refusal = {};
  std::optional<Space> space = {};
};

struct HostFacts {
  std::uint64_t descriptors_max = 0;
  std::optional<Space> shared_memory;  ///< /dev/shm
  /// The variable that lets waiting threads of OpenMP spin, with its value; empty: they sleep.
  std::string spinning;
  std::optional<std::uint64_t> memory_bytes_available;
  std::string memory_bound_by;  ///< "the machine", "cgroup /docker/...", "ulimit -v"
  std::optional<FolderFacts> cache;
  std::optional<FolderFacts> index;
};

/// What the feed of a rank holds.
struct ReadAhead {
  std::uint64_t bytes = 0;  ///< what was asked for, or the default for this order
  std::uint64_t least = 0;  ///< that this order can be read with
};

struct DataSetFacts {
  std::string trouble;  ///< why it cannot be opened
  bool is_there = false;
  bool is_row_table = false;
  std::uint64_t version = 0;
  std::uint64_t versions = 0;
  std::uint64_t samples = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t chunk_bytes_max = 0;
  std::vector<UnfinishedVersion> unfinished;
  std::vector<std::uint64_t> half_removed;
  /// Of one block that was read and checked.
  std::optional<double> block_seconds;
  std::string block_trouble;
  /// Of the run that is meant, when it trains.
  std::optional<ReadAhead> read_ahead;
  std::string read_ahead_trouble;  ///< why no feed can be made for it
  /// Of a local folder.
  std::optional<FolderFacts> folder;
  std::uint64_t parts = 0;
  std::vector<std::string> parts_wrong;  ///< missing, or of another size
};

struct NodeFacts {
  std::string address = {};
  std::string datacenter = {};
  std::string version = {};  ///< of the server; empty: it did not say
  bool asked = true;         ///< false: only the hosts of the URL are connected to, and it is none
  bool connected = false;
  std::optional<double> round_trip_seconds = {};  ///< the median of several
  std::optional<double> clock_seconds = {};       ///< its clock less ours
  std::optional<double> tombstones_max = {};      ///< of one read of the data, lately
};

struct CertificateFacts {
  std::string path;                                              ///< or the server that showed it
  std::optional<std::chrono::system_clock::time_point> expires;  ///< nothing: it cannot be read
};

/// "SELECT" on "<keyspace ml>".
struct Grant {
  std::string permission;
  std::string resource;
};

/// A permission on a table, or on what is above it.
struct Need {
  std::string permission;
  std::string table;  ///< empty: the keyspace
};

struct RoleFacts {
  std::string name;           ///< empty: nobody logs in
  bool is_free = false;       ///< the server asks nobody, or the role may do everything
  std::vector<Grant> grants;  ///< inherited ones too
  std::string unknown;        ///< why they are not known
  std::string keyspace;       ///< that of the data set
  std::vector<Need> needs;    ///< of what is wanted
};

struct ClusterFacts {
  std::string trouble;     ///< why there is no connection
  bool is_reached = true;  ///< some node answered, if only to refuse
  std::vector<NodeFacts> nodes;
  /// Addresses of those that the servers know, without what a client needs to reach them, and what
  /// to do about each.
  std::vector<std::pair<std::string, std::string>> nodes_unknown;
  std::string keyspace;
  std::optional<bool> has_keyspace;
  std::string replication;  ///< as CQL has it; empty: not known
  /// Copies in each data centre; with an empty name: wherever they are.
  std::vector<std::pair<std::string, int>> copies;
  std::optional<std::string> local_datacenter;
  Consistency read = Consistency::kLocalOne;
  Consistency write = Consistency::kLocalQuorum;
  std::uint32_t connections_per_host = 0;
  bool is_row_table = false;
  std::optional<std::string> compression;  ///< of the table with the data: "LZ4Compressor", "none"
  RoleFacts role;
  bool tls = false;
  bool tls_insecure = false;
  std::vector<CertificateFacts> certificates;
};

}  // namespace ringfeed::doctor
