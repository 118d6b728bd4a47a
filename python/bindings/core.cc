// The module ditto._core: the engine as Python sees it. Its types are described in ditto/_core.pyi.

#include "ditto/net/channel.h"
#include "ditto/ring/threads.h"
#include "python/bindings/program.h"

PYBIND11_MODULE(_core, m) {
  namespace py = pybind11;
  py::register_exception<ditto::ProgramError>(m, "ProgramError", PyExc_ValueError);
  py::register_exception<ditto::RunError>(m, "RunError", PyExc_RuntimeError);
  py::register_exception<ditto::RangeViolation>(m, "RangeViolation", PyExc_ArithmeticError);
  py::register_exception<ditto::ChannelError>(m, "ChannelError", PyExc_ConnectionError);
  m.def("set_threads", &ditto::SetThreads, py::arg("threads"));
  ditto::python::BindProgram(m);
  ditto::python::BindSimulator(m);
  ditto::python::BindParty(m);
}
