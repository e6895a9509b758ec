// A small data set to train on, and options for it.
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <cstdio>
#include <ringfeed/ingest.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/store.hpp>
#include <ringfeed/train.hpp>
#include <string>

namespace ringfeed::testing {

inline constexpr int kSamples = 127;

/// Row i: ten numbers, y = their weighted sum, a label of three classes, one of them with -1 in it,
/// a byte per pixel and the same over 255, a flag, and a share.
inline std::string rows() {
  torch::manual_seed(11);
  const auto x = torch::randn({kSamples, 10});
  const auto bytes = torch::randint(256, {kSamples, 4});
  std::string text =
      "a0,a1,a2,a3,a4,a5,a6,a7,a8,a9,y,label,bad,b0,b1,b2,b3,c0,c1,c2,c3,flag,share\n";
  for (int i = 0; i < kSamples; ++i) {
    char field[64];
    double y = 0;
    for (int k = 0; k < 10; ++k) {
      const auto value = x[i][k].item<float>();
      y += (k + 1) * 0.1 * value;
      std::snprintf(field, sizeof(field), "%.9g,", value);
      text += field;
    }
    const int label = y < -0.5 ? 0 : y < 0.5 ? 1 : 2;
    std::snprintf(field, sizeof(field), "%.9g,%d,%d,", y, label, label - 1);
    text += field;
    for (int k = 0; k < 4; ++k) text += std::to_string(bytes[i][k].item<int>()) + ",";
    for (int k = 0; k < 4; ++k) {
      std::snprintf(field, sizeof(field), "%.9g,", bytes[i][k].item<float>() / 255.0f);
      text += field;
    }
    text += i % 2 == 0 ? "1,0.5\n" : "0,2.0\n";
  }
  return text;
}

inline void make_dataset(const std::string& csv, const std::string& url,
                         const std::string& splits) {
  SourceOptions source_options;
  for (const char* spec : {"x=a0..a9:10:float32", "y=y::float32", "label=label::int64",
                           "bad=bad::int32", "bytes=b0..b3:2x2:uint8", "floats=c0..c3:2x2:float32",
                           "tokens=b0..b3:4:uint8", "flag=flag::bool", "share=share::float32"}) {
    source_options.tensors.push_back(TensorSpec::parse(spec));
  }
  const auto source = open_source({csv}, source_options);
  IngestOptions options;
  options.splits = parse_splits(splits);
  options.chunk_bytes = 4096;
  ingest(*source, *open_store(Url::parse(url)), options);
}

/// Of "linear" on one thread.
inline TrainOptions linear_options(const std::string& url) {
  TrainOptions options;
  options.url = url;
  options.model = "linear";
  options.input = "x";
  options.target = "y";
  options.loss = "mse";
  options.optimizer = "sgd";
  options.learning_rate = 0.01;
  options.epochs = 4;
  options.global_batch = 10;
  options.lanes = 8;
  options.threads = 1;
  return options;
}

}  // namespace ringfeed::testing
