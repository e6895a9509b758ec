// The parser's events are taken one by one: a document would have the last one of two members of
// one name, and whole numbers beyond 64 bits rounded.
#include "source/json_line.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <unordered_set>

#include "base/json.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::json;

class LineReader final : public nlohmann::json_sax<Json> {
 public:
  JsonMembers members;
  std::string fault;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string& digits) override {
    if (digits.find_first_of(".eE") != std::string::npos) return add(value);
    return add(Json::binary({digits.begin(), digits.end()}));
  }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) override { return false; }  // no JSON text has it
  bool start_object(std::size_t /*elements*/) override {
    return (depth_ == 0 || add(Json::object())) && ++depth_ > 0;
  }
  bool start_array(std::size_t /*elements*/) override { return add(Json::array()) && ++depth_ > 0; }
  bool end_object() override { return --depth_ >= 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool key(std::string& name) override {
    if (depth_ > 1) return true;
    if (!names_.insert(name).second) {
      fault = fmt::format("the member {} stands twice", in_quotes(name));
      return false;
    }
    members.emplace_back(std::move(name), nullptr);
    return true;
  }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const Json::exception& /*error*/) override {
    return false;
  }

 private:
  bool add(Json value) {
    if (depth_ == 0) fault = "the line is no JSON object";
    if (depth_ == 1) members.back().second = std::move(value);
    if (depth_ == 2 && members.back().second.is_array())
      members.back().second.push_back(std::move(value));
    return depth_ > 0;
  }

  std::unordered_set<std::string> names_;
  int depth_ = 0;  ///< of objects and lists that are open
};

}  // namespace

JsonMembers members_of(std::string_view text) {
  LineReader reader;
  try {
    check_json_text(text);
    if (Json::sax_parse(text.begin(), text.end(), &reader)) return std::move(reader.members);
  } catch (const std::invalid_argument&) {  // nested too deep, or a zero byte
  }
  throw BadLine{reader.fault.empty() ? fmt::format("{} is not JSON", in_quotes(text))
                                     : reader.fault};
}

}  // namespace ringfeed
