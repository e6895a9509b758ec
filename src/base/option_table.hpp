// What options are called, by option. Made of options.toml by tools/options.py.
#pragma once

#include <limits>
#include <string_view>

namespace ringfeed {

struct OptionNames {
  std::string_view name;       ///< of the program, without dashes
  std::string_view python;     ///< a keyword; empty: there is none
  std::string_view turned_on;  ///< of a flag in Python: the value
  std::string_view cpp;        ///< a field; empty: there is none
  std::string_view command;    ///< that a message sends to; empty: none
  std::string_view function;   ///< that does in Python what the command does
  std::string_view bounds = {};  ///< of its value, for people; empty: there are none
  double least = std::numeric_limits<double>::lowest();  ///< a number, or bytes
  double most = std::numeric_limits<double>::max();
};

// clang-format off
inline constexpr OptionNames kOptionTable[] = {
    {"tensor", "tensors", "", "tensors", "", ""},
    {"columns", "columns", "", "columns", "attach", "attach"},
    {"drop", "drop", "", "SourceOptions::drop", "", ""},
    {"classes", "classes", "", "SourceOptions::classes", "", ""},
    {"schema", "schema", "", "SourceOptions::types", "", ""},
    {"allow-nan", "allow_nan", "True", "allow_nan", "", ""},
    {"row-number", "row_number", "", "SourceOptions::row_number", "", ""},
    {"split", "splits", "", "IngestOptions::splits", "", ""},
    {"stratify", "stratify", "", "IngestOptions::stratify", "", ""},
    {"seed", "seed", "", "seed", "", "", "0 to 2^64 - 1", 0.0, 1.8446744073709552e+19},
    {"no-permute", "permute", "False", "IngestOptions::permute", "", ""},
    {"chunk-bytes", "chunk_bytes", "", "IngestOptions::chunk_bytes", "", "", "4KiB to 8MiB", 4096.0, 8388608.0},
    {"spill-bytes", "spill_bytes", "", "IngestOptions::spill_bytes", "", "", "from 1MiB", 1048576.0},
    {"layout", "layout", "", "", "", ""},
    {"append", "append", "True", "IngestOptions::append", "", ""},
    {"overwrite", "overwrite", "True", "IngestOptions::overwrite", "", ""},
    {"delimiter", "", "", "SourceOptions::delimiter", "", ""},
    {"header", "", "", "SourceOptions::header", "", ""},
    {"on-bad", "on_bad", "", "SourceOptions::on_bad", "", ""},
    {"rejects", "rejects", "", "SourceOptions::rejects_path", "", ""},
    {"max-bytes-per-second", "max_bytes_per_second", "", "IngestOptions::bytes_per_second_max", "", ""},
    {"create-keyspace", "create_keyspace", "", "", "ingest", "write"},
    {"replication", "", "", "", "", ""},
    {"split-column", "split_column", "", "AttachOptions::split_column", "", ""},
    {"digest", "digest", "", "AttachOptions::digest_values", "", ""},
    {"block-bytes", "block_bytes", "", "AttachOptions::block_bytes", "", "", "4KiB to 64MiB", 4096.0, 67108864.0},
    {"repair", "repair", "True", "VerifyOptions::repair", "verify", "verify"},
    {"across-splits", "across_splits", "True", "", "", ""},
    {"key", "key", "", "", "", ""},
    {"memory", "memory_bytes", "", "CompareOptions::memory_bytes", "", "", "1MiB to 64GiB", 1048576.0, 68719476736.0},
    {"format", "format", "", "ExportOptions::format", "", ""},
    {"yes", "", "", "", "", ""},
    {"samples", "", "", "", "", "", "1 to 1,000,000,000", 1.0, 1000000000.0},
    {"input", "", "", "TrainOptions::input", "", ""},
    {"target", "", "", "TrainOptions::target", "", ""},
    {"batch-size", "batch_size", "", "TrainOptions::global_batch", "", "", "from 1", 1.0},
    {"batch-size-per-rank", "", "", "TrainOptions::batch_size_per_rank", "", "", "from 1", 1.0},
    {"shuffle", "shuffle", "", "shuffle", "", ""},
    {"lanes", "lanes", "", "lanes", "", "", "1 to 65,536", 1.0, 65536.0},
    {"window", "window", "", "window", "", "", "1 to 1,024", 1.0, 1024.0},
    {"tail", "tail", "", "tail", "", ""},
    {"prefetch-bytes", "prefetch_bytes", "", "prefetch_bytes", "", ""},
    {"read-threads", "read_threads", "", "read_threads", "", "", "1 to 256", 1.0, 256.0},
    {"assemble-threads", "assemble_threads", "", "assemble_threads", "", "", "1 to 256", 1.0, 256.0},
    {"cache", "cache_dir", "", "ConnectionOptions::cache_dir", "", ""},
    {"cache-bytes", "cache_bytes", "", "ConnectionOptions::cache_bytes", "", ""},
    {"model", "", "", "TrainOptions::model", "", ""},
    {"hidden", "", "", "TrainOptions::hidden", "", ""},
    {"loss", "", "", "TrainOptions::loss", "", ""},
    {"class-weights", "", "", "TrainOptions::class_weights", "", ""},
    {"optimizer", "", "", "TrainOptions::optimizer", "", ""},
    {"lr", "", "", "TrainOptions::learning_rate", "", "", "above 0", 5e-324},
    {"momentum", "", "", "TrainOptions::momentum", "", "", "0 to below 1", 0.0, 0.9999999999999999},
    {"weight-decay", "", "", "TrainOptions::weight_decay", "", "", "from 0", 0.0},
    {"epochs", "", "", "TrainOptions::epochs", "", "", "1 to 1,000,000", 1.0, 1000000.0},
    {"nproc", "", "", "LaunchOptions::ranks", "", "", "1 to 1,024", 1.0, 1024.0},
    {"parallel", "", "", "TrainOptions::parallel", "", ""},
    {"device", "device", "", "TrainOptions::device", "", ""},
    {"threads", "", "", "TrainOptions::threads", "", "", "0 to 1,024", 0.0, 1024.0},
    {"output", "", "", "TrainOptions::output", "", ""},
    {"on-nan", "", "", "TrainOptions::on_nan", "", ""},
    {"collective-timeout", "", "", "TrainOptions::collective_timeout", "", "", "1 to 86,400", 1.0, 86400.0},
    {"checkpoint-dir", "", "", "TrainOptions::checkpoint_dir", "", ""},
    {"checkpoint-every", "", "", "TrainOptions::checkpoint_every", "", ""},
    {"checkpoint-keep", "", "", "TrainOptions::checkpoint_keep", "", "", "from 1", 1.0},
    {"resume", "", "", "TrainOptions::resume", "", ""},
    {"ledger", "ledger", "", "TrainOptions::ledger", "train", "Loader"},
    {"log", "", "", "", "", ""},
    {"tensorboard", "", "", "", "", ""},
    {"metrics", "", "", "", "", ""},
    {"metrics-port", "", "", "", "", ""},
    {"for", "", "", "", "", ""},
    {"draw", "", "", "", "", ""},
    {"seconds", "", "", "", "", "", "1 to 86,400", 1.0, 86400.0},
    {"tune-order", "", "", "", "", ""},
    {"budget-memory", "", "", "", "", "", "from 1", 1.0},
    {"user", "username", "", "ConnectionOptions::user", "", ""},
    {"password-file", "password", "", "ConnectionOptions::password", "", ""},
    {"local-dc", "local_dc", "", "ConnectionOptions::local_datacenter", "", ""},
    {"tls", "tls", "True", "ConnectionOptions::tls", "", ""},
    {"tls-ca", "tls_ca", "", "ConnectionOptions::tls_ca", "", ""},
    {"tls-cert", "tls_cert", "", "ConnectionOptions::tls_cert", "", ""},
    {"tls-key", "tls_key", "", "ConnectionOptions::tls_key", "", ""},
    {"tls-server-name", "tls_server_names", "", "ConnectionOptions::tls_server_names", "", ""},
    {"tls-insecure", "tls_insecure", "True", "ConnectionOptions::tls_insecure", "", ""},
    {"read-consistency", "read_consistency", "", "ConnectionOptions::read_consistency", "", ""},
    {"write-consistency", "write_consistency", "", "ConnectionOptions::write_consistency", "", ""},
    {"connect-timeout-ms", "connect_timeout_ms", "", "ConnectionOptions::connect_timeout_ms", "", "", "1 to 3,600,000", 1.0, 3600000.0},
    {"request-timeout-ms", "request_timeout_ms", "", "ConnectionOptions::request_timeout_ms", "", "", "1 to 3,600,000", 1.0, 3600000.0},
    {"connections-per-host", "connections_per_host", "", "ConnectionOptions::connections_per_host", "", "", "1 to 64", 1.0, 64.0},
    {"in-flight-bytes-per-node", "in_flight_bytes_per_node", "", "ConnectionOptions::in_flight_bytes_per_node", "", ""},
    {"lz4", "lz4", "True", "ConnectionOptions::lz4", "", ""},
    {"contact-points-only", "contact_points_only", "True", "ConnectionOptions::contact_points_only", "", ""},
    {"index", "index", "", "ConnectionOptions::index_dir", "", ""},
};
// clang-format on

}  // namespace ringfeed
