// Finds the command, runs it, prints an error as one line, and gives it its exit code.
#include "cli/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/printable.hpp"
#include "cli/command.hpp"
#include "cli/config.hpp"
#include "cli/lists.hpp"
#include "cli/made_file.hpp"
#include "cli/nearest.hpp"
#include "cli/numbers.hpp"

namespace ringfeed::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 ok; 1 other failure; 2 usage, missing path or column; 3 bad or corrupt data;\n"
    "4 unavailable or timed out; 5 password, permission or TLS; 130 Ctrl-C; 143 SIGTERM.\n\n"
    "Examples:\n"
    "  ringfeed ingest digits.csv digits.ring --tensor image=f0..f63:8x8:float32 --tensor "
    "label=f64::int64 \\\n"
    "      --split train=0.8,val=0.2 --stratify label\n"
#ifdef RINGFEED_TRAIN
    "  ringfeed train digits.ring --model mlp --input image --target label --loss cross_entropy "
    "\\\n"
    "      --optimizer adam --lr 0.001 --epochs 10 --batch-size 64 --nproc 2 --output run\n"
#endif
    ;

int fail(std::string_view message, int code) {
  std::fprintf(stderr, "ringfeed: %s\n", printable(message).c_str());
  return code;
}

/// Help with the examples of a command before its options.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    const std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    return is_command(app) ? usage + "\n" + app->get_footer() + "\n" : usage;
  }
  std::string make_footer(const CLI::App* app) const override {
    return is_command(app) ? "" : CLI::Formatter::make_footer(app);
  }

 private:
  static bool is_command(const CLI::App* app) { return app->get_parent() != nullptr; }
};

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names = {"--help", "--version"};
  for (const auto* app : program.get_subcommands(nullptr)) names.push_back(app->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// The first word that is no command, or no option of the command, and what may be meant instead.
std::optional<std::string> unknown_word(const CLI::App& program, const CLI::App* command,
                                        std::span<const char* const> words) {
  if (command == nullptr) {
    if (words.empty()) return std::nullopt;
    return fmt::format("'{}' is no {}{}", words[0], words[0][0] == '-' ? "option" : "command",
                       did_you_mean(words[0], command_names(program)));
  }
  const auto known = option_names(*command);
  for (const std::string_view word : words) {
    const auto name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || name == "--") continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return fmt::format("{} has no option '{}'{}", command->get_name(), name,
                       did_you_mean(name, known));
  }
  return std::nullopt;
}

/// "help train" is "train --help".
std::vector<const char*> words_of(std::span<char* const> words) {
  std::vector<const char*> same(words.begin(), words.end());
  if (words.size() < 2 || std::string_view(words[1]) != "help") return same;
  same.erase(same.begin() + 1);
  same.push_back("--help");
  return same;
}

int run_command(int argc, char** argv) {
  refuse_passwords(std::span(argv, static_cast<std::size_t>(argc)));
  CLI::App program("Stores training sets and feeds them to data-parallel PyTorch training.",
                   "ringfeed");
  program.set_version_flag("--version", "ringfeed " RINGFEED_VERSION);
  program.formatter(std::make_shared<HelpFormatter>());
  program.require_subcommand(1);
  program.footer(kFooter);
  using Adder = void (*)(CLI::App&, Command&);
  const std::vector<Adder> adders = {
      add_ingest, add_attach, add_inspect, add_list,   add_head,  add_view,  add_verify, add_check,
      add_diff,   add_export, add_copy,    add_delete, add_train, add_audit, add_doctor, add_tune,
  };
  std::vector<Command> commands(adders.size());
  std::vector<CLI::App*> apps;
  for (std::size_t i = 0; i < adders.size(); ++i) {
    commands[i].arguments.assign(argv, argv + argc);
    adders[i](program, commands[i]);
    add_output_options(*commands[i].app, commands[i].output);
    take_decimal_numbers(*commands[i].app);
    follow_table(*commands[i].app);
    refuse_standard_output(*commands[i].app);
    refuse_empty_names(*commands[i].app);
    apps.push_back(commands[i].app);
  }
  for (auto& command : commands) add_config_option(*command.app, apps, command.connection.places);
  const auto words = words_of(std::span(argv, static_cast<std::size_t>(argc)));
  try {
    program.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
    const CLI::App* command = nullptr;
    for (const auto& each : commands) {
      if (each.app->parsed()) command = each.app;
    }
    std::string text =
        unknown_word(program, command, std::span(words).subspan(1)).value_or(error.what());
    for (char& c : text) c = c == '\n' ? ' ' : c;
    return fail(fmt::format("{}; see 'ringfeed{}{} --help'", text, command == nullptr ? "" : " ",
                            command == nullptr ? "" : command->get_name()),
                2);
  }
  for (const auto& command : commands) {
    if (!command.app->parsed()) continue;
    check_places(*command.app, words);
    return command.action();
  }
  return 2;
}

}  // namespace

int run_program(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit (ulimit -f) is an error of its write
  try {
    return run_command(argc, argv);
  } catch (const Error& error) {
    return fail(error.what(), error.exit_code());
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::exception& error) {
    return fail(std::string("unexpected: ") + error.what(), 1);
  }
}

}  // namespace ringfeed::cli
