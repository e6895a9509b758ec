// Finds the command, runs it, prints an error as one line, and gives it its exit code.
#include "cli/program.hpp"

#include <cstdio>
#include <exception>
#include <new>
#include <span>
#include <vector>

#include "cli/command.hpp"
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
  std::fprintf(stderr, "ringfeed: %.*s\n", static_cast<int>(message.size()), message.data());
  return code;
}

int run_command(int argc, char** argv) {
  refuse_passwords(std::span(argv, static_cast<std::size_t>(argc)));
  CLI::App program("Stores training sets and feeds them to data-parallel PyTorch training.",
                   "ringfeed");
  program.set_version_flag("--version", "ringfeed " RINGFEED_VERSION);
  program.require_subcommand(1);
  program.footer(kFooter);
  using Adder = void (*)(CLI::App&, Command&);
  const std::vector<Adder> adders = {
      add_ingest, add_attach, add_inspect, add_list,  add_head,
      add_verify, add_copy,   add_delete,  add_train, add_audit,
  };
  std::vector<Command> commands(adders.size());
  for (std::size_t i = 0; i < adders.size(); ++i) {
    commands[i].arguments.assign(argv, argv + argc);
    adders[i](program, commands[i]);
    add_output_options(*commands[i].app, commands[i].output);
    take_decimal_numbers(*commands[i].app);
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
    std::string text = error.what();
    for (char& c : text) c = c == '\n' ? ' ' : c;
    std::string command = "ringfeed";
    for (const auto& each : commands) {
      if (each.app->parsed()) command += " " + each.app->get_name();
    }
    return fail(text + "; see '" + command + " --help'", 2);
  }
  for (const auto& command : commands) {
    if (command.app->parsed()) return command.action();
  }
  return 2;
}

}  // namespace

int run_program(int argc, char** argv) {
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
