#include "python/bindings/program.h"

#include <cmath>

#include "ditto/protocols/gelu.h"
#include "ditto/runtime/kernels.h"
#include "ditto/runtime/program_json.h"
#include "ditto/runtime/rehearsal.h"
#include "ditto/runtime/schedule.h"

namespace ditto::python {
namespace {

std::shared_ptr<LoadedProgram> Load(const std::string& json, const py::sequence& constants) {
  std::vector<Tensor> tensors;
  for (const py::handle& item : constants) {
    tensors.push_back(PublicTensor(item, "constant " + std::to_string(tensors.size())));
  }
  auto loaded = std::make_shared<LoadedProgram>();
  loaded->program = ParseProgram(json, std::move(tensors));
  loaded->schedule = MakeSchedule(loaded->program);
  return loaded;
}

py::tuple ToTuple(const Cost& cost) { return py::make_tuple(cost.offline, cost.online, cost.rounds); }

// What `of` says of an op that it may refuse.
template <class F>
auto OfOp(const std::string& json, F&& of) {
  const TypedOp op = ParseTypedOp(json);
  try {
    return of(op);
  } catch (const std::invalid_argument& error) {
    throw ProgramError(error.what());
  }
}

}  // namespace

void BindProgram(py::module_& m) {
  py::class_<LoadedProgram, std::shared_ptr<LoadedProgram>>(m, "Program")
      .def(py::init(&Load), py::arg("json"), py::arg("constants"))
      .def_property_readonly("name", [](const LoadedProgram& p) { return p.program.name; })
      .def_property_readonly("hash", [](const LoadedProgram& p) { return p.program.hash; })
      .def_property_readonly("peak_bytes", [](const LoadedProgram& p) { return PeakBytes(p.program, p.schedule); })
      .def_property_readonly("output_bytes",
                             [](const LoadedProgram& p) {
                               std::vector<double> bytes;
                               for (int id : p.program.outputs) bytes.push_back(BytesOf(p.program.values[id]));
                               return bytes;
                             })
      .def(
          "cost",
          [](const LoadedProgram& p) { return ToDict(p.program, p.schedule, PredictedRecords(p.program, p.schedule)); })
      .def("rehearse", [](const LoadedProgram& p) {
        Computing computing;
        {
          py::gil_scoped_release release;
          computing = Rehearse(p.program);
        }
        return py::make_tuple(computing.dealing, computing.online);
      });
  m.def(
      "op_cost",
      [](const std::string& json) {
        return OfOp(json, [](const TypedOp& op) {
          CheckOp(op);
          return ToTuple(CostOf(op));
        });
      },
      py::arg("json"));
  m.def(
      "op_landing",
      [](const std::string& json, int width) {
        return OfOp(json, [&](const TypedOp& op) {
          const Landing landing = LandingOf(op, width);
          return py::make_tuple(landing.needs, landing.cost ? py::object(ToTuple(*landing.cost)) : py::none());
        });
      },
      py::arg("json"), py::arg("width"));
  m.def(
      "gelu_pieces",
      [](int out_fraction) {
        const GeluPieces& pieces = GeluPiecesFor(out_fraction);
        const auto amplitude = [](int64_t units) { return std::ldexp(static_cast<double>(units), -30); };
        py::list cosines;
        for (const Harmonic& h : pieces.even.harmonics) {
          const double frequency = std::ldexp(2 * M_PI * h.order, -pieces.even.log2_period);
          cosines.append(py::make_tuple(frequency, amplitude(h.cosine)));
        }
        return py::make_tuple(0.25 * pieces.low, 0.25 * pieces.high, amplitude(pieces.even.constant), cosines);
      },
      py::arg("out_fraction"));
  m.def("kernels", [] {
    py::list rows;
    for (const Kernel& k : Kernels()) {
      rows.append(py::make_tuple(k.name, k.operands, std::string(1, k.result), k.attributes, k.cost != nullptr));
    }
    return rows;
  });
}

}  // namespace ditto::python
