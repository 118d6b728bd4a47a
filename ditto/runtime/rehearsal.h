// How long the parties compute, found by trying: every kind of op of a program runs on made-up shares, here, alone.
//
// Ops are of one kind if they have the same name, and operands and results of the same shapes in the same words: they
// differ in little else that takes time. Of a kind one op runs a few times, and the quickest time counts. A transformer
// has some hundred kinds, whatever the number of its layers; all of it takes a few times as long as a layer.
#pragma once

#include "ditto/runtime/program.h"

namespace ditto {

struct Computing {
  double dealing = 0;  // seconds of P0
  double online = 0;   // seconds of P1 and P2, which compute at once, with their messages through memory
};

// With as many threads a party as SetThreads says.
Computing Rehearse(const Program& program);

}  // namespace ditto
