// Residual nets (He, Zhang, Ren, Sun 2015) with the names and the layers of torchvision's: a
// state_dict of those loads.
#pragma once

#include <cstdint>
#include <memory>

#include "train/model.hpp"

namespace ringfeed {

enum class ResNetKind : std::uint8_t { kResNet18, kResNet50 };

/// Takes [B, 3, H, W]. Parameters are drawn as torchvision draws them.
std::shared_ptr<Model> make_resnet(ResNetKind kind, std::int64_t classes);

}  // namespace ringfeed
