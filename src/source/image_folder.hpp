// A folder of pictures as a source: a folder in it for each class, or a CSV file of labels.
#pragma once

#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// The names of files that are taken for pictures, in lower case: ".jpg", ...
bool is_picture_name(std::string_view name);

/// Whether a folder, or one in it, has a picture, and the folder itself no file of another format.
bool is_image_folder(const std::string& folder);

/// Throws Error: kBadData for a class without a picture; kInvalidArgument for pictures beside the
/// folders of classes, a link, and labels without a column of files.
std::unique_ptr<Source> open_image_folder(const std::string& folder, const SourceOptions& options);

}  // namespace ringfeed
