#include "ditto/runtime/simulator.h"

#include <atomic>
#include <chrono>
#include <future>

#include "python/bindings/program.h"

namespace ditto::python {
namespace {

uint64_t Put(Simulator& simulator, const py::object& values, int width) {
  const py::array_t<int64_t> array = Integers(values, "values");
  const Shape shape = ShapeOf(array);
  const int64_t* data = array.data();
  py::gil_scoped_release release;
  return simulator.Put(data, shape, width);
}

constexpr std::chrono::milliseconds kBetweenSignalChecks{50};

// Runs in a thread of its own, so that the caller's can look for signals: an exception of a handler, such as
// KeyboardInterrupt, ends the run before its next operations.
SimulatedRun RunInterruptibly(Simulator& simulator, const LoadedProgram& loaded, const std::vector<Input>& values,
                              RunOptions options, const std::vector<size_t>& keep) {
  std::atomic<bool> cancelled{false};
  options.cancelled = &cancelled;
  std::future<SimulatedRun> run = std::async(
      std::launch::async, [&] { return simulator.Run(loaded.program, loaded.schedule, values, options, keep); });
  bool interrupted = false;
  {
    py::gil_scoped_release release;
    while (run.wait_for(kBetweenSignalChecks) != std::future_status::ready) {
      py::gil_scoped_acquire acquire;
      if (PyErr_CheckSignals() == 0) continue;
      interrupted = true;
      cancelled = true;
      break;
    }
    run.wait();
  }
  if (interrupted) {
    const py::error_already_set why;
    try {
      for (const auto& [output, id] : run.get().kept) simulator.Drop(id);
    } catch (const std::exception&) {  // It was cancelled, and has left nothing.
    }
    throw why;
  }
  return run.get();
}

py::tuple Run(Simulator& simulator, const LoadedProgram& loaded, const py::sequence& inputs, bool offline_first,
              const std::vector<size_t>& keep) {
  const std::vector<Input> values = ToInputs(inputs);
  RunOptions options;
  options.offline_first = offline_first;
  const SimulatedRun run = RunInterruptibly(simulator, loaded, values, options, keep);
  py::list outputs, parties;
  for (size_t i = 0; i < run.outputs.size(); ++i) {
    if (const auto id = run.kept.find(i); id != run.kept.end()) {
      outputs.append(id->second);
    } else {
      outputs.append(ToArray(run.outputs[i], loaded.program.values[loaded.program.outputs[i]].shape));
    }
  }
  for (const RunResult& party : run.parties) parties.append(ToReport(loaded, party));
  return py::make_tuple(outputs, run.seconds, parties);
}

}  // namespace

void BindSimulator(py::module_& m) {
  py::class_<Simulator>(m, "Simulator")
      .def(py::init([](double timeout, const std::optional<LinkNumbers>& link) {
             ChannelOptions options;
             options.timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout * 1000));
             return std::make_unique<Simulator>(options, ToLinkModel(link));
           }),
           py::arg("timeout"), py::arg("link") = std::nullopt, py::call_guard<py::gil_scoped_release>())
      .def("put", &Put, py::arg("values"), py::arg("width"))
      .def("drop", &Simulator::Drop, py::arg("id"))
      .def("run", &Run, py::arg("program"), py::arg("inputs"), py::kw_only(), py::arg("offline_first") = false,
           py::arg("keep") = std::vector<size_t>());
}

}  // namespace ditto::python
