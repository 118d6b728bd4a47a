#include "python/bindings/program.h"

#include "ditto/runtime/kernels.h"
#include "ditto/runtime/program_json.h"

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

}  // namespace

void BindProgram(py::module_& m) {
  py::class_<LoadedProgram, std::shared_ptr<LoadedProgram>>(m, "Program")
      .def(py::init(&Load), py::arg("json"), py::arg("constants"))
      .def_property_readonly("name", [](const LoadedProgram& p) { return p.program.name; })
      .def_property_readonly("hash", [](const LoadedProgram& p) { return p.program.hash; })
      .def("cost", [](const LoadedProgram& p) { return ToDict(p.program, PredictedRecords(p.program, p.schedule)); });
  m.def(
      "op_cost",
      [](const std::string& json) {
        const Cost cost = CostOf(ParseTypedOp(json));
        return py::make_tuple(cost.offline, cost.online, cost.rounds);
      },
      py::arg("json"));
  m.def("op_names", &KernelNames);
}

}  // namespace ditto::python
