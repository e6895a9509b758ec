// Schedules, what becomes of gradients, what evaluation asks, where weights come from.
#include "cli/learning_options.hpp"

namespace ringfeed::cli {

void add_learning_options(CLI::App& app, TrainOptions& options) {
  app.add_option("--schedule", options.schedule,
                 "how the learning rate goes, by step: constant; step (see --decay-every); cosine "
                 "(down to 0); one-cycle (up to --lr and down again)")
      ->check(CLI::IsMember({"constant", "step", "cosine", "one-cycle"}));
  app.add_option("--warm-up", options.warm_up,
                 "steps in which the learning rate rises first; of one-cycle those of its rise");
  app.add_option("--decay-every", options.decay_every,
                 "schedule step: steps after which the learning rate falls");
  app.add_option("--decay", options.decay, "schedule step: what it is multiplied by then");
  app.add_option("--clip-norm", options.clip_norm,
                 "largest norm of the gradient of a whole step; a longer one is scaled down");
  app.add_option("--accumulate", options.accumulate,
                 "parts in which each process computes its share of a step one behind the other: "
                 "less memory, the same gradient");
  app.add_option("--precision", options.precision,
                 "in what most of forward is computed: float32, or bfloat16 by torch's autocast")
      ->check(CLI::IsMember({"float32", "bfloat16"}));
  app.add_flag("--channels-last", options.channels_last,
               "images and filters with the channels of a pixel side by side in memory");
  app.add_option("--compress-gradients", options.compress_gradients,
                 "in what gradients are sent: none (their own dtype), bfloat16, float16")
      ->check(CLI::IsMember({"none", "bfloat16", "float16"}));
  app.add_flag("--find-unused-parameters", options.find_unused_parameters,
               "parameters of a model's file may have no part in a step");
  app.add_option("--width", options.width,
                 "of a transformer: numbers for each element of a sequence");
  app.add_option("--heads", options.heads, "of a transformer: heads of its attention");
  app.add_option("--label-smoothing", options.label_smoothing,
                 "cross_entropy: share of a sample's loss that goes to all classes alike");
  app.add_option("--top-k", options.top_k,
                 "cross_entropy: evaluates as well how often the class is among the K likeliest");
  app.add_option("--patience", options.patience,
                 "ends training after as many epochs without a better validation loss");
  app.add_option("--ema-decay", options.ema_decay,
                 "keeps an average of the weights, e.g. 0.999, which is evaluated and saved in "
                 "their place");
  app.add_option("--init", options.init,
                 "safetensors file of first weights, taken by name and shape");
  app.add_option("--freeze", options.freeze,
                 "parameters that are not trained, by the beginnings of their names, "
                 "comma-separated")
      ->delimiter(',');
}

}  // namespace ringfeed::cli
