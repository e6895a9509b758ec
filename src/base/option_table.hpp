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
  std::string_view initial;    ///< the default, as a command takes it; empty: there is none
  bool layered;  ///< before the default come the files and variables of a connection
  std::string_view bounds = {};  ///< of its value, for people; empty: there are none
  double least = std::numeric_limits<double>::lowest();  ///< a number, or bytes
  double most = std::numeric_limits<double>::max();
};

// clang-format off
inline constexpr OptionNames kOptionTable[] = {
    {"tensor", "tensors", "", "tensors", "", "", "", false},
    {"columns", "columns", "", "columns", "attach", "attach", "", false},
    {"drop", "drop", "", "drop", "", "", "", false},
    {"classes", "classes", "", "SourceOptions::classes", "", "", "", false},
    {"schema", "schema", "", "SourceOptions::types", "", "", "", false},
    {"allow-nan", "allow_nan", "True", "allow_nan", "", "", "", false},
    {"row-number", "row_number", "", "SourceOptions::row_number", "", "", "", false},
    {"split", "splits", "", "IngestOptions::splits", "", "", "", false},
    {"stratify", "stratify", "", "IngestOptions::stratify", "", "", "", false},
    {"seed", "seed", "", "seed", "", "", "0", false, "0 to 2^64 - 1", 0.0, 1.8446744073709552e+19},
    {"no-permute", "permute", "False", "IngestOptions::permute", "", "", "", false},
    {"chunk-bytes", "chunk_bytes", "", "IngestOptions::chunk_bytes", "", "", "512KiB", false, "4KiB to 8MiB", 4096.0, 8388608.0},
    {"spill-bytes", "spill_bytes", "", "IngestOptions::spill_bytes", "", "", "64GiB", false, "from 1MiB", 1048576.0},
    {"layout", "layout", "", "", "", "", "packed", false},
    {"append", "append", "True", "IngestOptions::append", "", "", "", false},
    {"overwrite", "overwrite", "True", "IngestOptions::overwrite", "", "", "", false},
    {"delimiter", "", "", "SourceOptions::delimiter", "", "", "", false},
    {"header", "", "", "SourceOptions::header", "", "", "auto", false},
    {"on-bad", "on_bad", "", "SourceOptions::on_bad", "", "", "error", false},
    {"rejects", "rejects", "", "SourceOptions::rejects_path", "", "", "", false},
    {"max-bytes-per-second", "max_bytes_per_second", "", "IngestOptions::bytes_per_second_max", "", "", "", false},
    {"create-keyspace", "create_keyspace", "", "", "ingest", "write", "", false},
    {"replication", "", "", "", "", "", "3", false},
    {"split-column", "split_column", "", "AttachOptions::split_column", "", "", "", false},
    {"digest", "digest", "", "AttachOptions::digest_values", "", "", "keys", false},
    {"block-bytes", "block_bytes", "", "AttachOptions::block_bytes", "", "", "2MiB", false, "4KiB to 64MiB", 4096.0, 67108864.0},
    {"repair", "repair", "True", "VerifyOptions::repair", "verify", "verify", "", false},
    {"across-splits", "across_splits", "True", "", "", "", "", false},
    {"key", "key", "", "", "", "", "", false},
    {"memory", "memory_bytes", "", "CompareOptions::memory_bytes", "", "", "256MiB", false, "1MiB to 64GiB", 1048576.0, 68719476736.0},
    {"format", "format", "", "ExportOptions::format", "", "", "", false},
    {"yes", "", "", "", "", "", "", false},
    {"samples", "", "", "", "", "", "10000", false, "1 to 1,000,000,000", 1.0, 1000000000.0},
    {"input", "", "", "TrainOptions::input", "", "", "", false},
    {"target", "", "", "TrainOptions::target", "", "", "", false},
    {"batch-size", "batch_size", "", "global_batch", "", "", "64", false, "from 1", 1.0},
    {"batch-size-per-rank", "", "", "TrainOptions::batch_size_per_rank", "", "", "", false, "from 1", 1.0},
    {"shuffle", "shuffle", "", "shuffle", "", "", "block", false},
    {"lanes", "lanes", "", "lanes", "", "", "64", false, "1 to 65,536", 1.0, 65536.0},
    {"window", "window", "", "window", "", "", "2", false, "1 to 1,024", 1.0, 1024.0},
    {"tail", "tail", "", "tail", "", "", "share", false},
    {"prefetch-bytes", "prefetch_bytes", "", "prefetch_bytes", "", "", "", false},
    {"read-threads", "read_threads", "", "read_threads", "", "", "1", false, "1 to 256", 1.0, 256.0},
    {"assemble-threads", "assemble_threads", "", "assemble_threads", "", "", "1", false, "1 to 256", 1.0, 256.0},
    {"cache", "cache_dir", "", "ConnectionOptions::cache_dir", "", "", "", false},
    {"cache-bytes", "cache_bytes", "", "ConnectionOptions::cache_bytes", "", "", "", false},
    {"model", "", "", "TrainOptions::model", "", "", "mlp", false},
    {"output-index", "", "", "TrainOptions::output_index", "", "", "", false},
    {"hidden", "", "", "TrainOptions::hidden", "", "", "", false},
    {"width", "", "", "TrainOptions::width", "", "", "64", false, "1 to 65,536", 1.0, 65536.0},
    {"heads", "", "", "TrainOptions::heads", "", "", "4", false, "1 to 1,024", 1.0, 1024.0},
    {"loss", "", "", "TrainOptions::loss", "", "", "cross_entropy", false},
    {"class-weights", "", "", "TrainOptions::class_weights", "", "", "", false},
    {"optimizer", "", "", "TrainOptions::optimizer", "", "", "adam", false},
    {"lr", "", "", "TrainOptions::learning_rate", "", "", "0.001", false, "above 0", 5e-324},
    {"momentum", "", "", "TrainOptions::momentum", "", "", "0", false, "0 to below 1", 0.0, 0.9999999999999999},
    {"weight-decay", "", "", "TrainOptions::weight_decay", "", "", "", false, "from 0", 0.0},
    {"schedule", "", "", "TrainOptions::schedule", "", "", "constant", false},
    {"warm-up", "", "", "TrainOptions::warm_up", "", "", "0", false},
    {"decay-every", "", "", "TrainOptions::decay_every", "", "", "", false},
    {"decay", "", "", "TrainOptions::decay", "", "", "0.1", false, "above 0", 5e-324},
    {"clip-norm", "", "", "TrainOptions::clip_norm", "", "", "", false, "above 0", 5e-324},
    {"accumulate", "", "", "TrainOptions::accumulate", "", "", "1", false, "1 to 65,536", 1.0, 65536.0},
    {"precision", "", "", "TrainOptions::precision", "", "", "float32", false},
    {"channels-last", "", "", "TrainOptions::channels_last", "", "", "", false},
    {"compress-gradients", "", "", "TrainOptions::compress_gradients", "", "", "none", false},
    {"find-unused-parameters", "", "", "TrainOptions::find_unused_parameters", "", "", "", false},
    {"label-smoothing", "", "", "TrainOptions::label_smoothing", "", "", "0", false, "0 to below 1", 0.0, 0.9999999999999999},
    {"top-k", "", "", "TrainOptions::top_k", "", "", "", false, "from 1", 1.0},
    {"patience", "", "", "TrainOptions::patience", "", "", "", false, "from 1", 1.0},
    {"ema-decay", "", "", "TrainOptions::ema_decay", "", "", "", false, "0 to below 1", 0.0, 0.9999999999999999},
    {"init", "", "", "TrainOptions::init", "", "", "", false},
    {"freeze", "", "", "TrainOptions::freeze", "", "", "", false},
    {"epochs", "", "", "TrainOptions::epochs", "", "", "1", false, "1 to 1,000,000", 1.0, 1000000.0},
    {"nproc", "", "", "LaunchOptions::ranks", "", "", "1", false, "1 to 1,024", 1.0, 1024.0},
    {"parallel", "", "", "TrainOptions::parallel", "", "", "ddp", false},
    {"device", "device", "", "TrainOptions::device", "", "", "auto", false},
    {"threads", "", "", "TrainOptions::threads", "", "", "", false, "0 to 1,024", 0.0, 1024.0},
    {"output", "", "", "TrainOptions::output", "", "", "", false},
    {"on-nan", "", "", "TrainOptions::on_nan", "", "", "stop", false},
    {"collective-timeout", "", "", "TrainOptions::collective_timeout", "", "", "300", false, "1 to 86,400", 1.0, 86400.0},
    {"checkpoint-dir", "", "", "TrainOptions::checkpoint_dir", "", "", "", false},
    {"checkpoint-every", "", "", "TrainOptions::checkpoint_every", "", "", "", false},
    {"checkpoint-keep", "", "", "TrainOptions::checkpoint_keep", "", "", "3", false, "from 1", 1.0},
    {"resume", "", "", "TrainOptions::resume", "", "", "", false},
    {"ledger", "ledger", "", "TrainOptions::ledger", "train", "Loader", "", false},
    {"log", "", "", "", "", "", "", false},
    {"tensorboard", "", "", "", "", "", "", false},
    {"metrics", "", "", "", "", "", "", false},
    {"metrics-port", "", "", "", "", "", "", false},
    {"for", "", "", "", "", "", "train", false},
    {"draw", "", "", "", "", "", "", false},
    {"seconds", "", "", "", "", "", "60", false, "1 to 86,400", 1.0, 86400.0},
    {"tune-order", "", "", "", "", "", "", false},
    {"budget-memory", "", "", "", "", "", "", false, "from 1", 1.0},
    {"user", "username", "", "ConnectionOptions::user", "", "", "", true},
    {"password-file", "password", "", "ConnectionOptions::password", "", "", "", true},
    {"local-dc", "local_dc", "", "ConnectionOptions::local_datacenter", "", "", "", true},
    {"tls", "tls", "True", "ConnectionOptions::tls", "", "", "", true},
    {"tls-ca", "tls_ca", "", "ConnectionOptions::tls_ca", "", "", "", true},
    {"tls-cert", "tls_cert", "", "ConnectionOptions::tls_cert", "", "", "", true},
    {"tls-key", "tls_key", "", "ConnectionOptions::tls_key", "", "", "", true},
    {"tls-server-name", "tls_server_names", "", "ConnectionOptions::tls_server_names", "", "", "", true},
    {"tls-insecure", "tls_insecure", "True", "ConnectionOptions::tls_insecure", "", "", "", true},
    {"read-consistency", "read_consistency", "", "ConnectionOptions::read_consistency", "", "", "LOCAL_ONE", true},
    {"write-consistency", "write_consistency", "", "ConnectionOptions::write_consistency", "", "", "LOCAL_QUORUM", true},
    {"connect-timeout-ms", "connect_timeout_ms", "", "ConnectionOptions::connect_timeout_ms", "", "", "5000", true, "1 to 3,600,000", 1.0, 3600000.0},
    {"request-timeout-ms", "request_timeout_ms", "", "ConnectionOptions::request_timeout_ms", "", "", "10000", true, "1 to 3,600,000", 1.0, 3600000.0},
    {"connections-per-host", "connections_per_host", "", "ConnectionOptions::connections_per_host", "", "", "4", true, "1 to 64", 1.0, 64.0},
    {"in-flight-bytes-per-node", "in_flight_bytes_per_node", "", "ConnectionOptions::in_flight_bytes_per_node", "", "", "128MiB", true},
    {"lz4", "lz4", "True", "ConnectionOptions::lz4", "", "", "", true},
    {"contact-points-only", "contact_points_only", "True", "ConnectionOptions::contact_points_only", "", "", "", true},
    {"index", "index", "", "ConnectionOptions::index_dir", "", "", "", true},
};
// clang-format on

}  // namespace ringfeed
