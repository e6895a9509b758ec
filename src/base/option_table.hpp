// What options are called, by option. Made of options.toml by tools/options.py.
#pragma once

#include <string_view>

namespace ringfeed {

struct OptionNames {
  std::string_view name;       ///< of the program, without dashes
  std::string_view python;     ///< a keyword; empty: there is none
  std::string_view turned_on;  ///< of a flag in Python: the value
  std::string_view cpp;        ///< a field; empty: there is none
  std::string_view command;    ///< that a message sends to; empty: none
  std::string_view function;   ///< that does in Python what the command does
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
    {"seed", "seed", "", "seed", "", ""},
    {"no-permute", "permute", "False", "IngestOptions::permute", "", ""},
    {"chunk-bytes", "chunk_bytes", "", "IngestOptions::chunk_bytes", "", ""},
    {"spill-bytes", "spill_bytes", "", "IngestOptions::spill_bytes", "", ""},
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
    {"block-bytes", "block_bytes", "", "AttachOptions::block_bytes", "", ""},
    {"repair", "repair", "True", "VerifyOptions::repair", "verify", "verify"},
    {"yes", "", "", "", "", ""},
    {"samples", "", "", "", "", ""},
    {"input", "", "", "TrainOptions::input", "", ""},
    {"target", "", "", "TrainOptions::target", "", ""},
    {"batch-size", "batch_size", "", "TrainOptions::global_batch", "", ""},
    {"batch-size-per-rank", "", "", "TrainOptions::batch_size_per_rank", "", ""},
    {"shuffle", "shuffle", "", "shuffle", "", ""},
    {"lanes", "lanes", "", "lanes", "", ""},
    {"window", "window", "", "window", "", ""},
    {"tail", "tail", "", "tail", "", ""},
    {"prefetch-bytes", "prefetch_bytes", "", "prefetch_bytes", "", ""},
    {"read-threads", "read_threads", "", "read_threads", "", ""},
    {"assemble-threads", "assemble_threads", "", "assemble_threads", "", ""},
    {"cache", "cache_dir", "", "ConnectionOptions::cache_dir", "", ""},
    {"cache-bytes", "cache_bytes", "", "ConnectionOptions::cache_bytes", "", ""},
    {"model", "", "", "TrainOptions::model", "", ""},
    {"hidden", "", "", "TrainOptions::hidden", "", ""},
    {"loss", "", "", "TrainOptions::loss", "", ""},
    {"class-weights", "", "", "TrainOptions::class_weights", "", ""},
    {"optimizer", "", "", "TrainOptions::optimizer", "", ""},
    {"lr", "", "", "TrainOptions::learning_rate", "", ""},
    {"momentum", "", "", "TrainOptions::momentum", "", ""},
    {"weight-decay", "", "", "TrainOptions::weight_decay", "", ""},
    {"epochs", "", "", "TrainOptions::epochs", "", ""},
    {"nproc", "", "", "LaunchOptions::ranks", "", ""},
    {"parallel", "", "", "TrainOptions::parallel", "", ""},
    {"device", "device", "", "TrainOptions::device", "", ""},
    {"threads", "", "", "TrainOptions::threads", "", ""},
    {"output", "", "", "TrainOptions::output", "", ""},
    {"on-nan", "", "", "TrainOptions::on_nan", "", ""},
    {"collective-timeout", "", "", "TrainOptions::collective_timeout", "", ""},
    {"checkpoint-dir", "", "", "TrainOptions::checkpoint_dir", "", ""},
    {"checkpoint-every", "", "", "TrainOptions::checkpoint_every", "", ""},
    {"checkpoint-keep", "", "", "TrainOptions::checkpoint_keep", "", ""},
    {"resume", "", "", "TrainOptions::resume", "", ""},
    {"ledger", "ledger", "", "TrainOptions::ledger", "train", "Loader"},
    {"log", "", "", "", "", ""},
    {"tensorboard", "", "", "", "", ""},
    {"metrics", "", "", "", "", ""},
    {"metrics-port", "", "", "", "", ""},
    {"for", "", "", "", "", ""},
    {"draw", "", "", "", "", ""},
    {"seconds", "", "", "", "", ""},
    {"budget-memory", "", "", "", "", ""},
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
    {"connect-timeout-ms", "connect_timeout_ms", "", "ConnectionOptions::connect_timeout_ms", "", ""},
    {"request-timeout-ms", "request_timeout_ms", "", "ConnectionOptions::request_timeout_ms", "", ""},
    {"connections-per-host", "connections_per_host", "", "ConnectionOptions::connections_per_host", "", ""},
    {"in-flight-bytes-per-node", "in_flight_bytes_per_node", "", "ConnectionOptions::in_flight_bytes_per_node", "", ""},
    {"lz4", "lz4", "True", "ConnectionOptions::lz4", "", ""},
    {"contact-points-only", "contact_points_only", "True", "ConnectionOptions::contact_points_only", "", ""},
    {"index", "index", "", "ConnectionOptions::index_dir", "", ""},
};
// clang-format on

}  // namespace ringfeed
