// A source: a foreign format (CSV, Parquet, npy, IDX) read as a stream of Arrow record batches that
// fit one Schema. Ingest turns it into a data set. A new format is one class here and one line in
// open_source().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ringfeed/batch.hpp>
#include <ringfeed/schema.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace arrow {
class RecordBatch;
}
struct ArrowArrayStream;  // of Arrow's C stream interface

namespace ringfeed {

/// `NAME=COL[,COL|FIRST..LAST]...:SHAPE:DTYPE` of the command line: source columns packed into one
/// tensor column.
struct TensorSpec {
  std::string name;
  std::vector<std::string>
      columns;  ///< "f3" or a range "f0..f63" (in the order of the source's columns)
  std::vector<std::int64_t> shape;  ///< empty for a scalar ("" or "scalar" on the command line)
  DType dtype = DType::kFloat32;

  /// Throws Error{kInvalidArgument} that quotes the text and shows the form.
  static TensorSpec parse(std::string_view text);
};

enum class OnBad : std::uint8_t {
  kError,  ///< the first bad record ends the run: Error{kBadData} "FILE:LINE: ..."
  kSkip,   ///< bad records are counted, written to `rejects_path`, and left out
};

/// Of a CSV file: whether its first row names the columns.
enum class Header : std::uint8_t {
  kAuto,  ///< yes, unless all its fields are numbers; one that counts up from 0 is refused, for it
          ///< may be either
  kYes,
  kNo,  ///< the columns are f0, f1, ...
};

struct SourceOptions {
  /// Empty: each source column is a column. Else only what is listed, in this order.
  std::vector<TensorSpec> tensors;
  Header header = Header::kAuto;  ///< for another format than CSV it stays kAuto
  OnBad on_bad = OnBad::kError;
  /// Where kSkip writes one line "FILE:LINE: what is wrong" per rejected record, whole when next()
  /// has come to the end and not before; empty: nowhere. With kError it must be empty.
  std::string rejects_path;
  /// Rows per record batch at most (1 to 1,048,576); a source may hand out smaller ones.
  std::int64_t batch_rows = 16384;
  /// Asked to stop: open_source(), next() and fingerprint() throw Error{kCancelled} soon.
  std::stop_token stop;
};

class Source {
 public:
  virtual ~Source() = default;

  virtual const Schema& schema() const = 0;

  /// The next record batch, in the schema's columns (Schema::to_arrow), without nulls; null at the
  /// end. No sample has more than 8 MiB. Its arrays may be slices (an offset), and live on without
  /// the source. Throws Error{kBadData} with "FILE:RECORD: what is wrong; remedy" (numbers from 1).
  virtual std::shared_ptr<arrow::RecordBatch> next() = 0;

  /// True when the record batches point into mapped files, so that keeping all of them costs no
  /// memory.
  virtual bool in_place() const = 0;

  /// XXH3-64 over the bytes of all files in their order, and over what the options make of them.
  /// Reads every byte.
  virtual std::uint64_t fingerprint() = 0;

  virtual std::uint64_t bytes_total() const = 0;
  virtual std::uint64_t bytes_read() const = 0;
  virtual std::uint64_t rejected() const = 0;
};

/// Chooses the format by the name's end: .csv, .parquet (or a folder of such files), .npy, IDX
/// (*-ubyte, *.idx, also with .gz). Several CSV or Parquet sources are read one after the other;
/// several npy or IDX sources are columns side by side with the same number of samples (IDX:
/// `image` for three dimensions, `label` for one, else the file's name without .idx; npy: the
/// file's name without .npy). docs/sources.md says what each format may hold. Errors: kNotFound
/// (path), kInvalidArgument (unknown format or column), kPermission, kBadData (the file).
std::unique_ptr<Source> open_source(const std::vector<std::string>& paths,
                                    const SourceOptions& options);

/// Whether all of it is in memory, or comes piece by piece.
enum class Extent : std::uint8_t {
  kWhole,   ///< never copied to a spill; the same values give the same fingerprint
  kStream,  ///< spilled; two sources never have the same fingerprint, as it is read only once
};

/// What a library of Arrow hands out: a table, a reader, ... `name` stands for the path in errors.
/// The stream is taken over, also when this throws. The same types as in Parquet. Errors:
/// kInvalidArgument (no column, a name that stands twice), kBadData (a type that cannot be held).
std::unique_ptr<Source> open_arrow(ArrowArrayStream* stream, Extent extent, std::string name,
                                   const SourceOptions& options);

/// Nothing: the end.
using NextBatch = std::function<std::optional<Batch>()>;

/// Samples from the caller's memory, which the columns' owners keep; of each batch `size` and
/// `columns` are read, and the first one says what the columns are. With kWhole all batches are
/// asked for at once. Errors: kInvalidArgument (no batch), those of open_arrow() and of `next`.
std::unique_ptr<Source> open_batches(NextBatch next, Extent extent, std::string name,
                                     const SourceOptions& options);

}  // namespace ringfeed
