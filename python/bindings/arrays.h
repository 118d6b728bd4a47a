// NumPy arrays and Python tuples to tensors and back. Conversions only.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "ditto/protocols/cost.h"
#include "ditto/ring/pack.h"
#include "ditto/ring/tensor.h"
#include "ditto/runtime/profile.h"
#include "ditto/runtime/schedule.h"

namespace ditto::python {

namespace py = pybind11;

inline Shape ShapeOf(const py::array& array) { return Shape(array.shape(), array.shape() + array.ndim()); }

// A C-contiguous int64 array; nothing is converted silently.
inline py::array_t<int64_t> Integers(const py::handle& object, const std::string& what) {
  if (!py::isinstance<py::array_t<int64_t>>(object)) {
    throw py::type_error(what + " is " + std::string(py::str(py::type::of(object))) +
                         (py::hasattr(object, "dtype") ? " of " + std::string(py::str(object.attr("dtype"))) : "") +
                         ", not an int64 array");
  }
  return py::array_t<int64_t, py::array::c_style | py::array::forcecast>::ensure(object);
}

// Public integers: 64-bit words with the same bits.
inline Tensor PublicTensor(const py::handle& object, const std::string& what) {
  const py::array_t<int64_t> array = Integers(object, what);
  Tensor t(ShapeOf(array), kMaxWidth);
  std::memcpy(t.mutable_data<uint64_t>(), array.data(), static_cast<size_t>(t.size()) * sizeof(int64_t));
  return t;
}

inline py::array_t<int64_t> ToArray(const std::vector<int64_t>& values, const Shape& shape) {
  return py::array_t<int64_t>(std::vector<py::ssize_t>(shape.begin(), shape.end()), values.data());
}

inline py::bytes ToPackedBytes(const Tensor& t) {
  std::string packed(static_cast<size_t>(PackedBytes(t.size(), t.width())), '\0');
  Pack(t, reinterpret_cast<uint8_t*>(packed.data()));
  return packed;
}

inline Tensor FromPackedBytes(const py::bytes& packed, const Shape& shape, int width) {
  const std::string_view view = packed;
  if (static_cast<int64_t>(view.size()) != PackedBytes(NumElements(shape), width)) {
    throw py::value_error(std::to_string(view.size()) + " bytes are not " + ToString(shape) + " elements of " +
                          std::to_string(width) + " bits");
  }
  return Unpack(reinterpret_cast<const uint8_t*>(view.data()), shape, width);
}

// (name, count, seconds, offline, online, rounds)
inline py::list ToList(const std::vector<ProfileLine>& lines) {
  py::list list;
  for (const ProfileLine& line : lines) {
    list.append(
        py::make_tuple(line.name, line.count, line.seconds, line.cost.offline, line.cost.online, line.cost.rounds));
  }
  return list;
}

// (operation, layer, start, seconds, offline, online, rounds, group), in the program's order, the guard last.
inline py::list ToList(const Program& program, const Schedule& schedule, const std::vector<OpRecord>& records) {
  std::vector<size_t> group_of(records.size(), schedule.size());
  for (size_t g = 0; g < schedule.size(); ++g) {
    for (size_t op : schedule[g]) group_of[op] = g;
  }
  py::list list;
  for (size_t i = 0; i < records.size(); ++i) {
    const auto& [start, seconds, cost] = records[i];
    list.append(py::make_tuple(NameOfRecord(program, i), LayerOfRecord(program, i), start, seconds, cost.offline,
                               cost.online, cost.rounds, group_of[i]));
  }
  return list;
}

inline py::dict ToDict(const Program& program, const Schedule& schedule, const std::vector<OpRecord>& records) {
  const Cost total = Total(records);
  py::dict dict;
  dict["offline"] = total.offline;
  dict["online"] = total.online;
  dict["rounds"] = total.rounds;
  dict["operations"] = ToList(ByKind(program, records));
  dict["layers"] = ToList(ByLayer(program, records));
  dict["ops"] = ToList(program, schedule, records);
  return dict;
}

}  // namespace ditto::python
