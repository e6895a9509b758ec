// Lines wait until there are many of them, or an epoch ends: a write for each would cost a small
// step a tenth.
#include "report/run_record.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <ringfeed/error.hpp>
#include <system_error>
#include <utility>

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLinesBytes = std::size_t{64} << 10;

/// Results go where the user says, and a folder that is not there is made, as that of the weights
/// is.
void make_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  // What cannot be made is told of by whoever opens the file.
}

/// A line that a kill cut off stays one of its own.
File open_log(const std::string& path) {
  if (path == kStandardOutput) return File::standard_output();
  make_folder_of(path);
  bool cut = false;
  try {
    const auto file = MappedFile::map(path);
    const LostPages zeros;
    cut = file->size() > 0 && file->bytes().back() != '\n';
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
  }
  File file = File::open_to_append(path);
  if (cut) file.write("\n");
  return file;
}

}  // namespace

std::string path_of_rank(const std::string& path, int rank) {
  if (rank == 0) return path;
  const auto slash = path.rfind('/');
  const auto dot = path.rfind('.');
  const bool has_ending = dot != std::string::npos && (slash == std::string::npos || dot > slash);
  const auto at = has_ending ? dot : path.size();
  return fmt::format("{}.rank{}{}", path.substr(0, at), rank, path.substr(at));
}

RunRecord::RunRecord(RunRecordOptions options, int rank)
    : options_(std::move(options)), measures_(!options_.metrics.empty()) {
  if (rank == 0 && !options_.log.empty()) log_ = open_log(options_.log);
  if (rank == 0 && !options_.tensorboard.empty()) events_.emplace(options_.tensorboard);
  if (rank == 0 && !options_.page.empty()) page_.emplace();
  if (measures_) {
    make_folder_of(options_.metrics);
    replace_file(path_of_rank(options_.metrics, rank), [](File&) {});
  }
  if (options_.metrics_address) server_.emplace(MetricsServerOptions{*options_.metrics_address});
}

RunRecord::~RunRecord() {
  const std::lock_guard lock(mutex_);
  flush();
}

void RunRecord::start(const Json& options) {
  const std::lock_guard lock(mutex_);
  run_options_ = options;
  log({{"event", "start"}, {"options", options}});
  flush();
}

void RunRecord::step(const TrainStep& step) {
  const std::lock_guard lock(mutex_);
  steps_ = step.steps;
  if (page_) page_->step(step);
  if (log_) {
    log({{"event", "step"},
         {"epoch", step.epoch},
         {"step", step.step},
         {"steps", step.steps},
         {"samples", step.samples},
         {"loss", step.loss},
         {"lr", step.learning_rate},
         {"seconds", step.seconds},
         {"wait_seconds", step.wait_seconds}});
  }
  attempt(events_, [&] {
    const double rate = step.seconds > 0 ? static_cast<double>(step.samples) / step.seconds : 0;
    events_->write(step.steps, {{"loss/train", step.loss},
                                {"learning_rate", step.learning_rate},
                                {"samples_per_second", rate}});
  });
}

void RunRecord::interval(const TrainInterval& interval) {
  const std::lock_guard lock(mutex_);
  if (page_) page_->interval(interval);
}

void RunRecord::epoch(const TrainProgress& progress) {
  const std::lock_guard lock(mutex_);
  const Json epoch = epoch_json(progress, steps_);
  Json line = {{"event", "epoch"}};
  line.update(epoch);
  log(line);
  if (page_) page_->epoch(epoch);
  EventFile::Scalars scalars = {{"loss/epoch", progress.loss.value_or(0)}};
  if (progress.val_loss) scalars.emplace_back("loss/val", *progress.val_loss);
  if (progress.val_accuracy) scalars.emplace_back("accuracy/val", *progress.val_accuracy);
  for (const auto& [name, value] : progress.val_figures)
    scalars.emplace_back(name.substr(std::string_view("val_").size()) + "/val", value);
  attempt(events_, [&] { events_->write(steps_, scalars); });
  flush();
}

void RunRecord::meters(int rank, const Meters& meters) {
  const std::lock_guard lock(mutex_);
  const std::string text = prometheus_text(meters, {{"rank", std::to_string(rank)}});
  if (server_) server_->set_text(text);
  attempt(measures_, [&] {
    replace_file(path_of_rank(options_.metrics, rank), [&](File& file) { file.write(text); });
  });
  flush();
}

void RunRecord::end(const Json& summary, const Json& shown) {
  const std::lock_guard lock(mutex_);
  log({{"event", "end"}, {"summary", summary}});
  flush();
  // A start that finds all trained leaves the page of those before it.
  if (page_ && !page_->has_steps() && std::filesystem::exists(options_.page)) return;
  attempt(page_, [&] {
    const std::string page = page_->html(run_options_, summary, shown,
                                         {options_.read_threads, options_.assemble_threads});
    replace_file(options_.page, [&](File& file) { file.write(page); });
  });
}

void RunRecord::log(const Json& line) {
  if (!log_) return;
  lines_ += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (lines_.size() >= kLinesBytes) flush();
}

void RunRecord::flush() {
  attempt(log_, [&] { log_->write(std::exchange(lines_, {})); });
  attempt(events_, [&] { events_->flush(); });
}

template <typename Target, typename Write>
void RunRecord::attempt(Target& target, const Write& write) {
  if (!target) return;
  try {
    write();
  } catch (const std::exception& error) {
    target = {};
    if (options_.warn) options_.warn(fmt::format("{}; training goes on without it", error.what()));
  }
}

}  // namespace ringfeed
