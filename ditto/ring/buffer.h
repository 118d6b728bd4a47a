// Memory of tensors.
#pragma once

#include <cstddef>
#include <memory>

namespace ditto {

// At least `bytes` bytes, uninitialised, aligned to 64. Throws std::bad_alloc.
// Large buffers are kept for the next request when the last owner lets go: the system would take their pages back, and
// handing out fresh ones costs ten times what a kernel then does with them.
std::shared_ptr<std::byte> AllocateBuffer(size_t bytes);

}  // namespace ditto
