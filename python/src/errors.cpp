// ringfeed::Error becomes the class of ringfeed/errors.py that fits its code.
#include <ringfeed/error.hpp>

#include "bindings.hpp"

namespace ringfeed::python {
namespace {

const char* class_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "InvalidArgumentError";
    case ErrorCode::kNotFound:
      return "NotFoundError";
    case ErrorCode::kBadData:
      return "BadDataError";
    case ErrorCode::kUnavailable:
      return "UnavailableError";
    case ErrorCode::kTimeout:
      return "DeadlineError";
    case ErrorCode::kPermission:
      return "PermissionDeniedError";
    case ErrorCode::kConflict:
      return "ConflictError";
    case ErrorCode::kNoSpace:
      return "NoSpaceError";
    case ErrorCode::kCancelled:
      return "CancelledError";
    case ErrorCode::kInternal:
      return "InternalError";
  }
  return "InternalError";
}

void raise(const Error& error) {
  try {
    const nb::object value = nb::module_::import_("ringfeed.errors")
                                 .attr("of_core")(class_of(error.code()), error.what(),
                                                  error.outcome_known());
    PyErr_SetObject(value.type().ptr(), value.ptr());
  } catch (nb::python_error& failure) {
    failure.restore();
  }
}

}  // namespace

void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& exception, void*) {
    try {
      std::rethrow_exception(exception);
    } catch (const Error& error) {
      raise(error);
    }
  });
}

}  // namespace ringfeed::python
