// Where the names of classes stand in Arrow data: ours in the metadata of a field, those of Hugging
// Face's datasets in that of the schema.
#pragma once

namespace ringfeed {

/// The names of a field's classes by their number, as a JSON list.
inline constexpr const char* kClassesKey = "ringfeed.classes";
/// {"info": {"features": {NAME: {"_type": "ClassLabel", "names": [...]}}}}
inline constexpr const char* kFeaturesKey = "huggingface";

}  // namespace ringfeed
