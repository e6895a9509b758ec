// Names as in ringfeed/connection.py.
#include "connection.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <utility>

#include "keywords.hpp"

namespace ringfeed::python {
namespace {

void take_consistency(Keywords& keywords, const char* name, std::optional<Consistency>& to) {
  std::optional<std::string> text;
  keywords.take(name, text);
  if (text) to = consistency_from_name(*text);
}

/// That threads of the library have to say. They cannot wait for the GIL: whoever has it may be
/// waiting for them, or Python may be ending.
struct Warnings {
  std::mutex mutex;
  std::vector<std::string> lines;
};

Warnings& warnings() {
  static auto* const all = new Warnings;  // threads may outlive what is static
  return *all;
}

/// On Python's main thread, with the GIL.
int show_warnings(void*) {
  std::vector<std::string> lines;
  {
    const std::lock_guard lock(warnings().mutex);
    lines.swap(warnings().lines);
  }
  const PyObject* const finders = PySys_GetObject("meta_path");
  if (finders == nullptr || finders == Py_None)
    return 0;  // Python is ending: nothing can be imported
  for (const auto& line : lines) {
    try {
      nb::module_::import_("warnings").attr("warn")("ringfeed: " + line);
    } catch (nb::python_error& error) {
      error.discard_as_unraisable("ringfeed: a warning");  // under -W error
    }
  }
  return 0;
}

void warn(const std::string& line) {
  {
    const std::lock_guard lock(warnings().mutex);
    warnings().lines.push_back(line);
  }
  Py_AddPendingCall(&show_warnings, nullptr);
}

}  // namespace

ConnectionOptions connection_of(const nb::dict& values) {
  Keywords keywords(values);
  ConnectionOptions options;
  keywords.take("username", options.user);
  std::optional<std::string> password;
  keywords.take("password", password);
  if (password) options.password.emplace(*password);
  keywords.take("local_dc", options.local_datacenter);
  keywords.take("tls", options.tls);
  keywords.take("tls_ca", options.tls_ca);
  keywords.take("tls_cert", options.tls_cert);
  keywords.take("tls_key", options.tls_key);
  keywords.take("tls_server_names", options.tls_server_names);
  keywords.take("tls_insecure", options.tls_insecure);
  take_consistency(keywords, "read_consistency", options.read_consistency);
  take_consistency(keywords, "write_consistency", options.write_consistency);
  keywords.take("connect_timeout_ms", options.connect_timeout_ms);
  keywords.take("request_timeout_ms", options.request_timeout_ms);
  keywords.take("connections_per_host", options.connections_per_host);
  keywords.take("in_flight_bytes_per_node", options.in_flight_bytes_per_node);
  keywords.take("lz4", options.lz4);
  keywords.take("contact_points_only", options.contact_points_only);
  keywords.take("index", options.index_dir);
  keywords.take("cache_dir", options.cache_dir);
  keywords.take("cache_bytes", options.cache_bytes);
  keywords.finish();
  options.ranks = nb::cast<int>(nb::module_::import_("ringfeed.ranks").attr("ranks")());
  options.warn = warn;
  return options;
}

}  // namespace ringfeed::python
