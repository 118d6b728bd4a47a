// One real party: its listener, its session over TCP, and the caller's side of inputs and outputs.

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ditto/net/credentials.h"
#include "ditto/net/tcp_channel.h"
#include "ditto/ring/elementwise.h"
#include "python/bindings/program.h"

namespace ditto::python {
namespace {

using Address = std::pair<std::string, uint16_t>;

SessionId ToSessionId(const py::bytes& bytes) {
  const std::string_view view = bytes;
  SessionId id{};
  if (view.size() != id.size()) throw py::value_error("a session id has " + std::to_string(id.size()) + " bytes");
  std::copy(view.begin(), view.end(), id.begin());
  return id;
}

template <class Container>
py::bytes ToPython(const Container& bytes) {
  return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// pybind11's own conversion would show all arguments, the key among them, in the TypeError for one that does not fit.
std::shared_ptr<Credentials> MakeCredentials(const py::args& args, const py::kwargs& kwargs) {
  const char* names[] = {"certificate", "key", "peers", nullptr};
  PyObject *certificate = nullptr, *key = nullptr, *pinned = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args.ptr(), kwargs.ptr(), "UUO!:Credentials", const_cast<char**>(names),
                                   &certificate, &key, &PyDict_Type, &pinned)) {
    throw py::error_already_set();
  }
  std::map<int, std::string> peers;
  for (const auto& [party, pem] : py::reinterpret_borrow<py::dict>(pinned)) {
    if (!py::isinstance<py::int_>(party) || !py::isinstance<py::str>(pem)) {
      throw py::type_error("peers must map parties (int) to their certificates (str)");
    }
    peers[party.cast<int>()] = pem.cast<std::string>();
  }
  // Views of Python's own text: there is no copy of the key to wipe.
  return std::make_shared<Credentials>(py::handle(certificate).cast<std::string_view>(),
                                       py::handle(key).cast<std::string_view>(), peers);
}

// A session that ends waits for its peers, whose Python threads may be in this process.
struct DeleteUnlocked {
  void operator()(Session* session) const {
    py::gil_scoped_release release;
    delete session;
  }
};
using SessionPtr = std::unique_ptr<Session, DeleteUnlocked>;

// A party listens for those with a higher number and connects to those with a lower one.
SessionPtr Open(int role, TcpListener& listener, const std::array<Address, 3>& addresses, const py::bytes& session,
                double timeout, std::shared_ptr<Credentials> credentials, const std::optional<LinkNumbers>& link,
                bool without_p0) {
  const int first = without_p0 ? 1 : 0;
  if (role < first || role > 2) throw py::value_error("a party of this session is not " + std::to_string(role));
  const Identity self{ToSessionId(session), role, std::move(credentials)};
  const auto wait = std::chrono::milliseconds(static_cast<int64_t>(timeout * 1000));
  const auto peer = [&](int i) {
    ChannelOptions options;
    options.peer_name = "P" + std::to_string(i);
    options.timeout = wait;
    return Peer{i, options};
  };
  py::gil_scoped_release release;
  const auto cancellation = listener.CancellationOf(self.session);
  PeerChannels channels;
  try {
    for (int i = first; i < role; ++i) {
      channels[i] = ConnectTcp(addresses[i].first, addresses[i].second, self, peer(i), wait, cancellation.get());
    }
    std::vector<Peer> higher;
    for (int i = role + 1; i < 3; ++i) higher.push_back(peer(i));
    auto accepted = listener.Accept(self, higher, wait);
    for (size_t k = 0; k < accepted.size(); ++k) channels[higher[k].party] = std::move(accepted[k]);
    for (auto& channel : channels) {
      if (link && channel) channel = Shaped(std::move(channel), *ToLinkModel(link));
    }
  } catch (const std::exception& error) {
    // So that who is connected already waits no longer, and knows why.
    for (const auto& channel : channels) {
      if (channel) channel->Abort(error.what());
    }
    throw;
  }
  return SessionPtr(new Session(static_cast<Role>(role), std::move(channels), cancellation.get()));
}

py::object Mask(Session& session, uint64_t id, const Shape& shape, int width) {
  Tensor mask;
  {
    py::gil_scoped_release release;
    mask = session.Mask(id, shape, width);
  }
  return mask.held() ? py::object(ToPackedBytes(mask)) : py::none();
}

py::tuple Run(Session& session, const LoadedProgram& loaded, const py::sequence& inputs, bool offline_first,
              const Kept& keep, const std::string& context) {
  const std::vector<Input> values = ToInputs(inputs);
  RunOptions options;
  options.offline_first = offline_first;
  RunResult result;
  {
    py::gil_scoped_release release;
    result = session.Run(loaded.program, loaded.schedule, values, options, keep, context);
  }
  if (result.out_of_range) throw RangeViolation();
  py::list outputs;
  if (session.role() != Role::kP0) {
    for (size_t k = 0; k < result.outputs.size(); ++k) {
      if (keep.count(k) == 0) outputs.append(ToPackedBytes(RevealedPart(session.role(), result.outputs[k])));
    }
  }
  return py::make_tuple(outputs, ToReport(loaded, result));
}

// This party's part of what was dealt: its key, and P0's stream.
py::tuple Deal(Session& session, const LoadedProgram& loaded, const py::sequence& list, const std::string& context) {
  std::vector<FutureInput> inputs;
  for (const py::handle& item : list) {
    if (py::isinstance<Argument>(item)) {
      inputs.emplace_back(item.cast<Argument>());
    } else if (py::isinstance<py::int_>(item)) {
      inputs.emplace_back(item.cast<uint64_t>());
    } else {
      inputs.emplace_back(PublicTensor(item, "input " + std::to_string(inputs.size())));
    }
  }
  Dealt dealt;
  {
    py::gil_scoped_release release;
    dealt = session.Deal(loaded.program, loaded.schedule, inputs, context);
  }
  return py::make_tuple(ToPython(dealt.key), ToPython(dealt.stream));
}

void Prepare(Session& session, uint64_t number, const py::bytes& key, const py::bytes& stream) {
  Dealt dealt;
  const std::string_view key_view = key, stream_view = stream;
  if (key_view.size() != dealt.key.size()) throw py::value_error("a key has another size");
  std::copy(key_view.begin(), key_view.end(), dealt.key.begin());
  dealt.stream.assign(stream_view.begin(), stream_view.end());
  session.Prepare(std::move(dealt), number);
}

py::bytes MaskInput(const py::object& values, int width, const py::bytes& l1, const py::bytes& l2) {
  const py::array_t<int64_t> array = Integers(values, "values");
  const Shape shape = ShapeOf(array);
  return ToPackedBytes(MaskedInput(array.data(), FromPackedBytes(l1, shape, width), FromPackedBytes(l2, shape, width)));
}

py::array_t<int64_t> Reveal(const py::bytes& from_p1, const py::bytes& from_p2, const Shape& shape, int width) {
  return ToArray(Reconstruct(FromPackedBytes(from_p1, shape, width), FromPackedBytes(from_p2, shape, width)), shape);
}

// Packed m, l1 and l2, None for the one that the party does not hold.
using Components = std::array<std::optional<py::bytes>, 3>;

Share MakeShare(const Shape& shape, int width, const Components& packed) {
  Share share;
  const std::array<Tensor*, 3> components = {&share.m, &share.l1, &share.l2};
  for (size_t i = 0; i < 3; ++i) {
    if (packed[i]) *components[i] = FromPackedBytes(*packed[i], shape, width);
  }
  if (!share.l1.held() && !share.l2.held()) throw py::value_error("a share has l1 or l2, or both");
  return share;
}

Components Pack(const Share& share) {
  Components packed;
  const std::array<const Tensor*, 3> components = {&share.m, &share.l1, &share.l2};
  for (size_t i = 0; i < 3; ++i) {
    if (components[i]->held()) packed[i] = ToPackedBytes(*components[i]);
  }
  return packed;
}

}  // namespace

void BindParty(py::module_& m) {
  py::class_<Credentials, std::shared_ptr<Credentials>>(m, "Credentials").def(py::init(&MakeCredentials));
  py::class_<TcpListener>(m, "Listener")
      .def(py::init([](const std::string& host, uint16_t port, std::shared_ptr<Credentials> credentials) {
             return std::make_unique<TcpListener>(host, port, std::move(credentials));
           }),
           py::arg("host"), py::arg("port"), py::arg("credentials") = nullptr)
      .def_property_readonly("port", &TcpListener::port)
      .def(
          "cancel",
          [](TcpListener& listener, const py::bytes& session, const std::string& reason) {
            const SessionId id = ToSessionId(session);
            py::gil_scoped_release release;
            listener.Cancel(id, reason);
          },
          py::arg("session"), py::arg("reason"));
  py::class_<Share>(m, "Share")
      .def(py::init(&MakeShare), py::arg("shape"), py::arg("width"), py::arg("components"))
      .def_property_readonly("shape", [](const Share& share) { return share.shape(); })
      .def_property_readonly("width", [](const Share& share) { return share.width(); })
      .def("components", &Pack);
  py::class_<Argument>(m, "Argument").def(py::init([](uint64_t place) { return Argument{place}; }), py::arg("place"));
  py::class_<Session, SessionPtr>(m, "Session")
      .def(py::init(&Open), py::arg("role"), py::arg("listener"), py::arg("addresses"), py::arg("session"),
           py::arg("timeout"), py::arg("credentials") = nullptr, py::arg("link") = std::nullopt,
           py::arg("without_p0") = false)
      .def("mask", &Mask, py::arg("id"), py::arg("shape"), py::arg("width"))
      .def(
          "set_masked",
          [](Session& session, uint64_t id, const Shape& shape, int width, const py::bytes& m) {
            session.SetMasked(id, FromPackedBytes(m, shape, width));
          },
          py::arg("id"), py::arg("shape"), py::arg("width"), py::arg("m"))
      .def(
          "get", [](const Session& session, uint64_t id) { return Share(session.Get(id)); }, py::arg("id"))
      .def("put", &Session::Put, py::arg("id"), py::arg("share"))
      .def("drop", &Session::Drop, py::arg("id"))
      .def("abort", &Session::Abort, py::arg("reason"))
      .def(
          "agree", [](Session& session, const LoadedProgram& loaded) { session.Agree(loaded.program); },
          py::arg("program"), py::call_guard<py::gil_scoped_release>())
      .def(
          "agree_on",
          [](Session& session, const std::string& what, const py::bytes& digest) {
            const std::string_view view = digest;
            const Bytes bytes(view.begin(), view.end());
            py::gil_scoped_release release;
            session.AgreeOn(what, bytes);
          },
          py::arg("what"), py::arg("digest"))
      .def("run", &Run, py::arg("program"), py::arg("inputs"), py::arg("offline_first"), py::arg("keep") = Kept(),
           py::arg("context") = "")
      .def("deal", &Deal, py::arg("program"), py::arg("inputs"), py::arg("context"))
      .def("prepare", &Prepare, py::arg("number"), py::arg("key"), py::arg("stream"))
      .def(
          "tell",
          [](Session& session, const py::bytes& message) {
            const std::string_view view = message;
            session.Tell(Bytes(view.begin(), view.end()));
          },
          py::arg("message"))
      .def(
          "probe",
          [](Session& session) {
            std::map<int, std::pair<double, double>> found;
            for (const auto& [peer, speed] : session.Probe()) {
              found[peer] = {speed.round_trip_seconds, speed.bits_per_second};
            }
            return found;
          },
          py::call_guard<py::gil_scoped_release>())
      .def("told", [](Session& session) {
        Bytes message;
        {
          py::gil_scoped_release release;
          message = session.Told();
        }
        return ToPython(message);
      });
  m.def("mask_input", &MaskInput, py::arg("values"), py::arg("width"), py::arg("l1"), py::arg("l2"));
  m.def("reconstruct", &Reveal, py::arg("from_p1"), py::arg("from_p2"), py::arg("shape"), py::arg("width"));
}

}  // namespace ditto::python
