// Parquet by Arrow's writer: the Arrow schema goes with the file, so that tensors keep their shapes
// (the canonical fixed-shape tensor), and classes their names.
#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/class_metadata.hpp"
#include "export/split_writer.hpp"

namespace ringfeed {
namespace {

/// Bytes of samples in a row group: what a reader of one has in memory.
constexpr std::uint64_t kRowGroupBytes = std::uint64_t{64} << 20;
/// The elements of a tensor may be null by its type, as the canonical extension has it, and class
/// numbers as Hugging Face's have it: else they are not recognised. None is.
std::shared_ptr<arrow::Field> exported_field(const std::shared_ptr<arrow::Field>& field,
                                             const ColumnSpec& column) {
  if (field->type()->id() == arrow::Type::FIXED_SIZE_LIST) {
    const auto& list = static_cast<const arrow::FixedSizeListType&>(*field->type());
    return field->WithType(arrow::fixed_size_list(list.value_type(), list.list_size()));
  }
  if (column.classes.empty()) return field;
  return field->WithNullable(true)->WithMetadata(
      arrow::key_value_metadata({kClassesKey}, {nlohmann::json(column.classes).dump()}));
}

/// The names of classes as Hugging Face's datasets look for them.
std::shared_ptr<const arrow::KeyValueMetadata> features_of(const Schema& schema) {
  nlohmann::json features;
  for (const auto& column : schema.columns) {
    if (!column.classes.empty())
      features[column.name] = {{"_type", "ClassLabel"}, {"names", column.classes}};
  }
  if (features.is_null()) return nullptr;
  const nlohmann::json info = {{"info", {{"features", std::move(features)}}}};
  return arrow::key_value_metadata({kFeaturesKey}, {info.dump()});
}

std::shared_ptr<arrow::Schema> exported_schema(const Schema& schema) {
  const auto arrow_schema = schema.to_arrow();
  arrow::FieldVector fields;
  for (std::size_t i = 0; i < schema.columns.size(); ++i)
    fields.push_back(exported_field(arrow_schema->field(static_cast<int>(i)), schema.columns[i]));
  return arrow::schema(std::move(fields), features_of(schema));
}

/// The same arrays in the types of the schema.
std::shared_ptr<arrow::RecordBatch> exported_batch(const arrow::RecordBatch& batch,
                                                   const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    columns.push_back(batch.column_data(i)->Copy());
    columns.back()->type = schema->field(i)->type();
  }
  return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns));
}

class ParquetWriter final : public SplitWriter {
 public:
  ParquetWriter(const SplitPath& path, const Schema& schema)
      : path_(path.path), told_as_(path.told_as), schema_(exported_schema(schema)) {
    file_ = value_of(arrow::io::FileOutputStream::Open(path_), told_as_);
    checked([&] {
      auto properties = parquet::WriterProperties::Builder()
                            .compression(arrow::Compression::SNAPPY)
                            ->enable_page_checksum()
                            ->build();
      auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
      writer_ = value_of(
          parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), file_,
                                           std::move(properties), std::move(arrow_properties)),
          told_as_);
    });
  }

  void write(const std::shared_ptr<arrow::RecordBatch>& batch, std::uint64_t bytes) override {
    checked([&] {
      if (group_bytes_ == 0 || group_bytes_ + bytes > kRowGroupBytes) {
        check(writer_->NewBufferedRowGroup(), told_as_);
        group_bytes_ = 0;
      }
      group_bytes_ += bytes;
      check(writer_->WriteRecordBatch(*exported_batch(*batch, schema_)), told_as_);
    });
  }

  std::uint64_t end() override {
    checked([&] { check(writer_->Close(), told_as_); });
    check(file_->Close(), told_as_);
    File file = File::open_to_append(path_);
    file.sync();
    return file.size();
  }

 private:
  /// Arrow's Parquet writer answers with a status, but lets exceptions of the layer below pass.
  template <typename Call>
  void checked(const Call& call) const {
    try {
      call();
    } catch (const parquet::ParquetStatusException& error) {
      throw_arrow(error.status(), told_as_);
    } catch (const parquet::ParquetException& error) {
      throw Error(ErrorCode::kInternal, told_as_ + ": " + error.what());
    }
  }

  const std::string path_;
  const std::string told_as_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::io::FileOutputStream> file_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::uint64_t group_bytes_ = 0;  ///< of the row group that is open; 0: none is
};

}  // namespace

std::unique_ptr<SplitWriter> make_parquet_writer(const SplitPath& path, const Schema& schema) {
  return std::make_unique<ParquetWriter>(path, schema);
}

}  // namespace ringfeed
