#include "ditto/runtime/range_check.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "ditto/protocols/cost.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/pack.h"

namespace ditto {

void RevealAndCheckRange(Channel& peer, Role role, uint64_t tag, const Share& x, int64_t least, int64_t most,
                         const std::string& range) {
  const Tensor& mine = role == Role::kP1 ? x.l1 : x.l2;
  Bytes message(PackedBytes(mine.size(), mine.width()));
  Pack(mine, message.data());
  peer.Send(tag, message);
  const Bytes theirs = peer.Receive(tag);
  if (theirs.size() != message.size()) throw ChannelError("the peer's masks are of another size than ours");
  const Tensor other = Unpack(theirs.data(), mine.shape(), mine.width());
  const std::vector<int64_t> values = SignExtend(Sub(Sub(x.m, mine), other));
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < least || values[i] > most) {
      throw std::out_of_range("element " + std::to_string(i) + " is " + std::to_string(values[i]) +
                              " as an integer, beyond the " + range +
                              "; scale the model's values or choose a policy with a wider ring");
    }
  }
}

}  // namespace ditto
