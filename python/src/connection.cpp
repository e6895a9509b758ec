// Names as in ringfeed/connection.py.
#include "connection.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "keywords.hpp"

namespace ringfeed::python {
namespace {

void take_consistency(Keywords& keywords, const char* name, std::optional<Consistency>& to) {
  std::optional<std::string> text;
  keywords.take(name, text);
  if (text) to = consistency_from_name(*text);
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
  // From threads of the library: a warning waits for the GIL like any other thread.
  options.warn = [](const std::string& line) {
    const nb::gil_scoped_acquire gil;
    try {
      const nb::object text = nb::module_::import_("ringfeed.errors").attr("in_python")(line);
      nb::module_::import_("warnings").attr("warn")(nb::str("ringfeed: ") + text);
    } catch (nb::python_error& error) {
      error.discard_as_unraisable("ringfeed: a warning");  // under -W error
    }
  };
  return options;
}

}  // namespace ringfeed::python
