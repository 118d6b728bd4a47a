// The debug mode's look at a value: P1 and P2 reveal it to each other and compare it with its range.
#pragma once

#include <cstdint>
#include <string>

#include "ditto/net/channel.h"
#include "ditto/protocols/party.h"
#include "ditto/protocols/share.h"

namespace ditto {

// The tag of the check that follows the op of this domain.
constexpr uint64_t RangeTag(uint64_t domain) { return domain | uint64_t{1} << 62; }

// Run by P1 and P2. Reveals x to both. Throws std::out_of_range unless least <= x <= most everywhere; `range` is what
// the message calls it.
void RevealAndCheckRange(Channel& peer, Role role, uint64_t tag, const Share& x, int64_t least, int64_t most,
                         const std::string& range);

}  // namespace ditto
