// The table of what errno means to a user.
#include "base/system_error.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace ringfeed {

void throw_system_error(int error_number, std::string_view where) {
  ErrorCode code = ErrorCode::kInternal;
  std::string_view remedy;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      code = ErrorCode::kNotFound;
      remedy = "; check the path";
      break;
    case ELOOP:
      code = ErrorCode::kBadData;
      remedy =
          "; a link stands where a file or folder of ours is due: remove it, or check the path";
      break;
    case ENXIO:
      code = ErrorCode::kBadData;
      remedy = "; a socket or device stands where a file is due: remove it, or check the path";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = ErrorCode::kPermission;
      remedy = "; check owner and mode, or choose another place";
      break;
    case ENOSPC:
    case EFBIG:
    case EDQUOT:
      code = ErrorCode::kNoSpace;
      remedy = "; free some space or choose another place, then try again";
      break;
    case EIO:
      remedy =
          "; the disk, or the way to it, fails: see the log of the system, or choose another place";
      break;
    default:
      break;
  }
  std::string text(where);
  text += ": ";
  text += std::generic_category().message(error_number);
  text += remedy;
  throw Error(code, text);
}

}  // namespace ringfeed
