// Source: a foreign format (CSV, Parquet, npy, ...) read as a stream of Arrow record batches that
// fit one Schema. Ingest turns it into a data set. A new format is one class here and one line in
// open_source().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ringfeed/batch.hpp>
#include <ringfeed/schema.hpp>
#include <ringfeed/url.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace arrow {
class RecordBatch;
}
struct ArrowArrayStream;  // of Arrow's C stream interface

namespace ringfeed {

/// Tensor of source columns packed into one, `NAME=COL[,COL|FIRST..LAST]...:SHAPE:DTYPE` on the
/// command line. `COL:SHAPE` alone keeps the name and the dtype. A column of lists makes a tensor
/// by itself, and a list whose length does not fit the shape makes its record a bad one.
struct TensorSpec {
  std::string name;
  std::vector<std::string>
      columns;  ///< "f3" or a range "f0..f63" (in the order of the source's columns)
  std::vector<std::int64_t> shape;  ///< empty for a scalar ("" or "scalar" on the command line)
  std::optional<DType> dtype;       ///< nothing: that of the columns; a CSV file needs one

  /// Parses the text. Throws Error{kInvalidArgument} that quotes it and shows the form.
  static TensorSpec parse(std::string_view text);
};

/// Parses `NAME=TYPE` of the command line: TYPE is a dtype, DTYPE:8x8 for a tensor, list<DTYPE>,
/// string or binary. Throws Error{kInvalidArgument} that quotes the text and shows the form.
ColumnSpec parse_type(std::string_view text);

/// A column of text or whole numbers that becomes class numbers, int64 from 0, and the classes'
/// names, which the manifest keeps (ColumnSpec::classes).
struct ClassColumn {
  std::string column;  ///< column of the source; it is in no tensor
  /// Names by number. Empty: what is in the source, text in the order of its bytes, whole numbers
  /// in their order; of a stream they cannot be found.
  std::vector<std::string> names = {};
};

/// Treatments of bad records.
enum class OnBad : std::uint8_t {
  kError,  ///< the first bad record ends the run: Error{kBadData} "FILE:LINE: ..."
  kSkip,   ///< bad records are counted, written to `rejects_path`, and left out
};

/// Reading of a folder's pictures before they are taken: what cannot be read makes a bad record.
enum class VerifyImages : std::uint8_t {
  kHeader,  ///< the head: format, width, height
  kFull,    ///< all of it is decoded
};

/// Header of a CSV file: whether its first row names the columns.
enum class Header : std::uint8_t {
  kAuto,  ///< yes, unless all its fields are numbers; one that counts up from 0 is refused, for it
          ///< may be either
  kYes,
  kNo,  ///< the columns are f0, f1, ...
};

/// Options of open_source().
struct SourceOptions {
  /// The source columns to read, in this order, "f0..f63" among them; empty: all.
  std::vector<std::string> columns = {};
  /// Source columns that are left out, in the same form. Not with `columns`.
  std::vector<std::string> drop = {};
  /// Tensors of the columns that are read. They come first; what is in none of them stays as it is,
  /// behind them.
  std::vector<TensorSpec> tensors = {};
  /// Columns whose values become class numbers.
  std::vector<ClassColumn> classes = {};
  /// Types of columns that are in no tensor: for a CSV or JSON Lines file instead of what its
  /// records show, else a cast. A tensor's shape may be that of lists.
  std::vector<ColumnSpec> types = {};
  /// Name of one more int64 column, the last: the number of the record in the source, from 0,
  /// through all of its files; bad records count. Empty: none.
  std::string row_number = {};
  Header header = Header::kAuto;  ///< header of a CSV file; kAuto for other formats
  /// Delimiter of the fields of a CSV file. '\0': a tab in .tsv and .tab, else a comma; then a
  /// first row of one field with another usual delimiter in it is refused.
  char delimiter = '\0';
  /// Takes NaN and infinity as values of float columns like others. Without it a record that has
  /// one is bad. A whole number, a bool or a class is never one.
  bool allow_nan = false;
  OnBad on_bad = OnBad::kError;
  VerifyImages verify_images = VerifyImages::kHeader;
  /// CSV file of a folder of pictures: its first column is `file`, names below the folder; the
  /// others become columns beside the image. Empty: a folder inside the folder is a class.
  std::string labels = {};
  /// File in which kSkip writes one line "FILE:LINE: what is wrong" per rejected record; empty:
  /// none. It is whole when next() has come to the end and not before. With kError it must be
  /// empty.
  std::string rejects_path;
  /// Rows per record batch at most, 1 to 1,048,576; a source may hand out smaller ones.
  std::int64_t batch_rows = 16384;
  /// Request to stop: open_source(), next() and fingerprint() throw Error{kCancelled} soon.
  std::stop_token stop;
};

/// Records of a foreign format. One thread at a time uses it.
class Source {
 public:
  virtual ~Source() = default;

  virtual const Schema& schema() const = 0;

  /// Name of what it reads, for messages: "a.csv", "a.csv and 2 more".
  virtual std::string name() const { return "the source"; }

  /// The next record batch, in the schema's columns (Schema::to_arrow), without nulls; null at the
  /// end. No sample has more than 8 MiB. Its arrays may be slices (an offset), and live on without
  /// the source. NaN and infinity are in it only where allows_nan() says it. Throws Error{kBadData}
  /// with "FILE:RECORD: what is wrong; remedy" (numbers from 1).
  virtual std::shared_ptr<arrow::RecordBatch> next() = 0;

  /// Returns whether the record batches point into mapped files; keeping all of them then costs no
  /// memory.
  virtual bool in_place() const = 0;

  /// Returns SourceOptions::allow_nan, which ingest notes in the manifest.
  virtual bool allows_nan() const { return false; }

  /// Returns XXH3-64 over the bytes of all files in their order, and over what the options make of
  /// them. Reads every byte.
  virtual std::uint64_t fingerprint() = 0;

  /// Returns the bytes of all files.
  virtual std::uint64_t bytes_total() const = 0;
  /// Returns the bytes that were read of them.
  virtual std::uint64_t bytes_read() const = 0;
  /// Returns the records that OnBad::kSkip left out.
  virtual std::uint64_t rejected() const = 0;
};

/// Chooses the format by the name's end: .csv, .tsv, .jsonl, .parquet (or a folder), .tar of
/// WebDataset, .npy, IDX (*-ubyte, *.idx, also with .gz). Several CSV, Parquet or tar sources are
/// read one after the other; several npy or IDX sources are columns side by side with the same
/// number of samples (IDX: `image` for three dimensions, `label` for one, else the file's name
/// without .idx; npy: the file's name without .npy). docs/sources.md says what each format may
/// hold. Errors: kNotFound (path), kInvalidArgument (unknown format or column), kPermission,
/// kBadData (the file).
std::unique_ptr<Source> open_source(const std::vector<std::string>& paths,
                                    const SourceOptions& options);

/// Checks where a data set is to be made. Throws Error{kInvalidArgument} when a split or a version
/// is named, or when it has the name of a source file and is no folder that is there: a source that
/// was taken for the data set.
void check_new_name(const Url& url);

/// Extent of a source: all of it is in memory, or it comes piece by piece.
enum class Extent : std::uint8_t {
  kWhole,   ///< never copied to a spill; the same values give the same fingerprint
  kStream,  ///< spilled; two sources never have the same fingerprint, as it is read only once
};

/// Opens what a library of Arrow hands out: a table, a reader, ... `name` stands for the path in
/// errors. The stream is taken over, also when this throws. The types are those of Parquet. Errors:
/// kInvalidArgument (no column, a name that stands twice), kBadData (a type that cannot be held).
std::unique_ptr<Source> open_arrow(ArrowArrayStream* stream, Extent extent, std::string name,
                                   const SourceOptions& options);

/// Gives the next batch; nothing at the end.
using NextBatch = std::function<std::optional<Batch>()>;

/// A sample that the maker of a batch found bad: its values stand for nothing.
struct BadSample {
  std::int64_t row = 0;  ///< row of the batch
  std::string what;      ///< text of what is wrong, for the error or the rejects file
};
/// Tells, after each batch, the bad samples in it.
using BadSamples = std::function<std::vector<BadSample>()>;

/// Opens samples in the caller's memory, which the columns' owners keep. `size` and `columns` of
/// each batch are read, and the first one says what the columns are. With kWhole all batches are
/// asked for at once. Errors: kInvalidArgument (no batch), those of open_arrow() and of `next`.
std::unique_ptr<Source> open_batches(NextBatch next, Extent extent, std::string name,
                                     const SourceOptions& options, BadSamples bad = {});

}  // namespace ringfeed
