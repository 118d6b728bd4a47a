#include "ditto/protocols/independence.h"

#include "ditto/protocols/multiply.h"
#include "ditto/ring/layout.h"

namespace ditto {
namespace {

using namespace ditto::testing;

const std::vector<Secret> kSecrets = {{20, 700}, {20, -450}};

struct Masks {
  Tensor l1, l2;
};

Masks FreshMasks(Party& p, int width, Pair first = Pair::k01, Pair second = Pair::k02) {
  Masks masks;
  masks.l1 = p.Random(first, {2}, width);
  masks.l2 = p.Random(second, {2}, width);
  return masks;
}

// What Party::OpenMasked does, with masks of the caller's choice.
void OpenUnder(WatchedParty& p, const Masks& masks, const Tensor& z) {
  if (p.is_p0()) return;
  const Tensor& own = p.is_p1() ? masks.l1 : masks.l2;
  const Tensor theirs = p.Exchange({Add(z, own)})[0];
  p.See(Add(theirs, z), /*learned=*/true);
}

// Additive parts of x, re-randomised as the parts of every product are.
Tensor Parts(Party& p, const Share& x) {
  const Tensor fresh = p.Deal(p.is_p0() ? Tensor::Zeros(x.shape(), x.width()) : Tensor(), x.shape(), x.width());
  if (p.is_p0()) return fresh;
  return Add(fresh, p.is_p1() ? Sub(x.m, x.l1) : Neg(x.l2));
}

template <class F>
std::string RelationIn(F body) {
  return RelationInViews(kSecrets, body);
}

const char kLinear[] = "is an exclusive or of others", kPair[] = "depends on";

void ExpectFound(const std::string& relation, const std::string& kind) {
  EXPECT_NE(relation.find(kind), std::string::npos) << "found: " << relation;
}

TEST(RelationInViews, FindsNoneWhereMasksAreFresh) {
  EXPECT_EQ(RelationIn([](WatchedParty& p, const Shares& x) {
              OpenUnder(p, FreshMasks(p, 20), Parts(p, x[0]));
              OpenUnder(p, FreshMasks(p, 20), Parts(p, x[1]));
            }),
            "");
}

TEST(RelationInViews, FindsAMaskUsedForTwoOpenings) {
  ExpectFound(RelationIn([](WatchedParty& p, const Shares& x) {
                const Masks masks = FreshMasks(p, 20);
                OpenUnder(p, masks, Parts(p, x[0]));
                OpenUnder(p, masks, Parts(p, x[1]));
              }),
              kLinear);
}

TEST(RelationInViews, FindsAMaskThatTwoElementsShare) {
  ExpectFound(RelationIn([](WatchedParty& p, const Shares& x) {
                const auto first_twice = [](const Tensor& t) {
                  return t.held() ? Broadcast(Slice(t, {0}, {1}, {1}).Reshaped({}), {2}, {}) : Tensor();
                };
                const Masks masks = FreshMasks(p, 20);
                OpenUnder(p, {first_twice(masks.l1), first_twice(masks.l2)}, Parts(p, x[0]));
              }),
              kLinear);
}

// What is opened is only known up to noise, which leaves no bit of a difference constant.
TEST(RelationInViews, FindsAMaskUsedForTwoInaccurateValues) {
  const auto opened = [](bool fresh) {
    return RelationIn([=](WatchedParty& p, const Shares& x) {
      const Masks masks = FreshMasks(p, 12), others = FreshMasks(p, 12);
      for (int k = 0; k < 2; ++k) {
        Tensor z = Parts(p, x[k]);
        const Tensor noise = p.Random(Pair::k02, {2}, 8);
        if (!p.is_p0()) z = Narrow(z, 12);
        if (p.is_p2()) z = Add(z, Widen(noise, 12));
        OpenUnder(p, fresh && k == 1 ? others : masks, z);
      }
    });
  };
  EXPECT_EQ(opened(true), "");
  ExpectFound(opened(false), kPair);
}

TEST(RelationInViews, FindsMasksOfTwoWidthsFromOneStream) {
  ExpectFound(RelationIn([](WatchedParty& p, const Shares& x) {
                const Masks masks = FreshMasks(p, 20);
                const auto narrow = [](const Tensor& t) { return t.held() ? Narrow(t, 9) : Tensor(); };
                const Tensor parts = Parts(p, x[0]);
                OpenUnder(p, masks, parts);
                OpenUnder(p, {narrow(masks.l1), narrow(masks.l2)}, narrow(parts));
              }),
              kLinear);
}

TEST(RelationInViews, FindsAMaskThatIsTheSumOfTwo) {
  ExpectFound(RelationIn([](WatchedParty& p, const Shares& x) {
                const Masks a = FreshMasks(p, 20), b = FreshMasks(p, 20);
                const auto sum = [](const Tensor& s, const Tensor& t) { return s.held() ? Add(s, t) : Tensor(); };
                OpenUnder(p, a, Parts(p, x[0]));
                OpenUnder(p, b, Parts(p, x[1]));
                OpenUnder(p, {sum(a.l1, b.l1), sum(a.l2, b.l2)}, Parts(p, x[0]));
              }),
              kLinear);
}

TEST(RelationInViews, FindsAMaskOfAnInput) {
  ExpectFound(RelationIn([](WatchedParty& p, const Shares& x) {
                OpenUnder(p, {x[0].l1, x[0].l2}, Parts(p, x[1]));
              }),
              kLinear);
}

TEST(RelationInViews, FindsAMaskThatItsReceiverKnows) {
  ExpectFound(RelationIn([](WatchedParty& p, const Shares& x) {
                Masks masks = FreshMasks(p, 20, Pair::k12, Pair::k12);
                OpenUnder(p, masks, Parts(p, x[0]));
              }),
              kLinear);
}

// Calls of one domain draw the same masks.
TEST(RelationInViews, FindsAMaskUsedInTwoCalls) {
  const auto body = [](WatchedParty& p, const Shares& x) { Multiply(p, x[0], x[1], 4, 16); };
  const auto two_calls = [&](uint64_t first, uint64_t second) {
    return RelationInViews([&](uint64_t run) {
      std::array<View, 2> views = ViewsOf(SharesOf(kSecrets, 2 * run), body, NumberedKeys(run), first);
      const std::array<View, 2> others = ViewsOf(SharesOf(kSecrets, 2 * run + 1), body, NumberedKeys(run), second);
      for (int k = 0; k < 2; ++k) views[k].insert(views[k].end(), others[k].begin(), others[k].end());
      return views;
    });
  };
  EXPECT_EQ(two_calls(7, 8), "");
  ExpectFound(two_calls(7, 7), kLinear);
}

// P2 sees v - s and, under the same s, what it opens.
TEST(RelationInViews, FindsADealtValueUnderTheMaskOfAnOpening) {
  const auto opened = [](bool fresh) {
    return RelationIn([=](WatchedParty& p, const Shares& x) {
      const Tensor parts = Parts(p, x[0]);
      Masks masks = FreshMasks(p, 20);
      const Tensor stream = fresh ? p.Random(Pair::k01, {2}, 20) : masks.l1;
      if (p.is_p0()) {
        const Tensor a = Add(x[0].l1, x[0].l2);
        p.SendOffline(Sub(Mul(a, a), stream));
      } else if (p.is_p2()) {
        p.ReceiveOffline({2}, 20);
      }
      OpenUnder(p, masks, parts);
    });
  };
  EXPECT_EQ(opened(true), "");
  ExpectFound(opened(false), kLinear);
}

TEST(RelationInViews, FindsAMaskOfTwoBits) {
  const auto body = [](WatchedParty& p, const Shares& x) {
    const Masks masks = FreshMasks(p, 1);
    OpenUnder(p, masks, Parts(p, x[0]));
    OpenUnder(p, masks, Parts(p, x[1]));
  };
  ExpectFound(RelationInViews({{1, 1}, {1, 0}}, body), kLinear);
}

}  // namespace
}  // namespace ditto
