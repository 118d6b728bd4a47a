#include "ditto/net/tcp_stream.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace ditto {
namespace {

// Frames given to the kernel in one call: asio passes at most 64 buffers.
constexpr size_t kGatheredFrames = 32;

// How long an aborted channel tries to tell its peer before it closes.
constexpr std::chrono::milliseconds kAbortGrace(1000);

}  // namespace

TcpStream::TcpStream(std::shared_ptr<asio::io_context> io, asio::ip::tcp::socket socket, std::unique_ptr<Tls> tls,
                     const ChannelOptions& options)
    : options_(options),
      io_(std::move(io)),
      socket_(std::move(socket)),
      tls_(std::move(tls)),
      work_(io_->get_executor()),
      inbox_(options),
      reader_(options.max_frame_bytes) {
  gather_.reserve(2 * kGatheredFrames);
  // If the connection is lost already, reading tells.
  asio::error_code ignored;
  socket_.non_blocking(true, ignored);
  io_->restart();
  asio::post(*io_, [this] { Read(); });
  thread_ = std::thread([this] { Run(); });
}

TcpStream::~TcpStream() {
  // Nobody will receive: what still comes is read and dropped, so that the peer is not held up.
  inbox_.Abort("the channel is closed");
  {
    Lock lock(mutex_);
    const auto patience = aborted_ ? std::min(options_.timeout, kAbortGrace) : options_.timeout;
    bool progress = true;
    const auto await_written = [&] {
      while (progress && writing_ && !dead_) {
        progress = changed_.wait_for(lock, patience,
                                     [this, before = writes_] { return !writing_ || dead_ || writes_ != before; });
      }
    };
    await_written();
    if (tls_ && progress && !dead_) {
      tls_->Finish();
      Flush(lock);
      await_written();
    }
    // The peer closes its side as soon as it has read everything. Closing earlier could destroy what is on its way.
    asio::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    if (progress) changed_.wait_for(lock, patience, [this] { return dead_; });
  }
  io_->stop();
  thread_.join();
}

// No memory for a long frame, say, is the end of this channel and of nothing else.
void TcpStream::Run() {
  try {
    io_->run();
  } catch (const std::exception& error) {
    End(std::string("receiving failed: ") + error.what(), true);
  }
}

std::string TcpStream::Sending(uint64_t tag) const {
  return "sending a frame with tag " + std::to_string(tag) + " to " + options_.peer_name + ": ";
}

void TcpStream::Send(uint64_t tag, Bytes payload) {
  if (payload.size() > options_.max_frame_bytes) {
    throw ChannelError(Sending(tag) + "a frame of " + std::to_string(payload.size()) + " bytes is over the limit of " +
                       std::to_string(options_.max_frame_bytes));
  }
  const size_t size = payload.size();
  OutFrame frame{Encode(FrameHeader{FrameKind::kData, static_cast<uint32_t>(size), tag}), std::move(payload)};
  Lock lock(mutex_);
  const uint64_t limit = options_.buffer_limit_bytes;
  if (!changed_.wait_for(lock, options_.timeout,
                         [&] { return limit == 0 || queued_bytes_ <= limit || !closed_.empty(); })) {
    throw ChannelError(Sending(tag) + "more than " + std::to_string(limit) + " bytes stayed unread for " +
                       std::to_string(options_.timeout.count()) + " ms; check that the peer still receives");
  }
  if (closed_.empty()) {
    ++frames_sent_;
    bytes_sent_ += size;
    queued_bytes_ += frame.size();
    queue_.push_back(std::move(frame));
    if (!writing_) Flush(lock);
  }
  if (!closed_.empty()) throw ChannelError(Sending(tag) + closed_);
}

void TcpStream::Abort(const std::string& reason) {
  inbox_.Abort("aborted: " + reason);
  Lock lock(mutex_);
  if (!closed_.empty()) return;
  closed_ = "aborted: " + reason;
  abort_ = reason.substr(0, kMaxReasonBytes);
  aborted_ = true;
  if (!writing_) Flush(lock);
  changed_.notify_all();
}

ChannelStats TcpStream::stats() const {
  Lock lock(mutex_);
  return {frames_sent_, bytes_sent_, inbox_.frames_popped(), inbox_.bytes_popped()};
}

void TcpStream::Flush(Lock& lock) {
  writing_ = true;
  while (!dead_) {
    if (abort_) QueueAbort();
    if (queue_.empty() && !(tls_ && tls_->Output().size() > 0)) break;
    Gather();
    lock.unlock();
    asio::error_code error;
    const size_t size = Write(error);
    lock.lock();
    Written(size);
    if (error == asio::error::would_block) {
      asio::post(*io_, [this] { AwaitWritable(); });
      return;
    }
    if (error) {
      // The reader finds out too, after what the peer sent before: perhaps its reason.
      if (closed_.empty()) closed_ = "the connection was lost: " + error.message();
      dead_ = true;
    } else {
      ++writes_;
    }
    changed_.notify_all();
  }
  if (dead_) queue_.clear();
  writing_ = false;
  changed_.notify_all();
}

void TcpStream::Gather() {
  gather_.clear();
  const size_t frames = std::min(queue_.size(), kGatheredFrames);
  size_t skip = front_written_;
  for (size_t i = 0; i < frames; ++i) {
    for (const asio::const_buffer part : {asio::buffer(queue_[i].header), asio::buffer(queue_[i].payload)}) {
      const asio::const_buffer rest = part + skip;
      skip -= part.size() - rest.size();
      if (rest.size() > 0) gather_.push_back(rest);
    }
  }
}

// How many bytes of gather_ are done with: the socket has them, or TLS, of which the socket has some now.
size_t TcpStream::Write(asio::error_code& error) {
  if (!tls_) return socket_.write_some(gather_, error);
  const size_t size = tls_->Write(gather_, error);
  if (!error) tls_->Sent(socket_.write_some(asio::buffer(tls_->Output()), error));
  return size;
}

void TcpStream::Written(size_t size) {
  front_written_ += size;
  while (!queue_.empty() && front_written_ >= queue_.front().size()) {
    front_written_ -= queue_.front().size();
    queued_bytes_ -= queue_.front().size();
    queue_.pop_front();
  }
}

void TcpStream::QueueAbort() {
  // A frame that is partly written has to end before the next can begin.
  while (queue_.size() > (front_written_ > 0 ? 1u : 0u)) {
    queued_bytes_ -= queue_.back().size();
    queue_.pop_back();
  }
  OutFrame frame{Encode(FrameHeader{FrameKind::kAbort, static_cast<uint32_t>(abort_->size()), 0}),
                 Bytes(abort_->begin(), abort_->end())};
  queued_bytes_ += frame.size();
  queue_.push_back(std::move(frame));
  abort_.reset();
}

void TcpStream::AwaitWritable() {
  // An error shows itself at the next write.
  socket_.async_wait(asio::ip::tcp::socket::wait_write, [this](const asio::error_code&) {
    Lock lock(mutex_);
    Flush(lock);
  });
}

void TcpStream::Read() {
  while (inbox_.HasRoom([this] { asio::post(*io_, [this] { Read(); }); })) {
    const auto space = reader_.Space();
    if (!tls_) {
      const std::array<asio::mutable_buffer, 2> buffers = {asio::buffer(space[0].data, space[0].size),
                                                           asio::buffer(space[1].data, space[1].size)};
      return socket_.async_read_some(buffers, [this](const asio::error_code& error, size_t size) {
        if (error) return Lost(error);
        if (Take(size)) Read();
      });
    }
    const FrameReader::Region& next = space[0].size > 0 ? space[0] : space[1];
    size_t size = 0;
    try {
      size = tls_->Read({next.data, next.size});
    } catch (const ChannelError& error) {
      return End("the connection was lost: " + std::string(error.what()), false);
    }
    if (tls_->ended()) return Lost(asio::error::eof);
    if (size == 0) return ReadEncrypted();
    if (!Take(size)) return;
  }
}

void TcpStream::ReadEncrypted() {
  socket_.async_read_some(asio::buffer(tls_->Space()), [this](const asio::error_code& error, size_t size) {
    if (error == asio::error::eof) return End("the connection was lost: it was cut off", false);
    if (error) return Lost(error);
    tls_->Received(size);
    Read();
  });
}

void TcpStream::Lost(const asio::error_code& error) {
  if (error != asio::error::eof) {
    End("the connection was lost: " + error.message(), false);
  } else if (reader_.in_the_middle_of_a_frame()) {
    End("the connection was lost: it ended in the middle of a frame", false);
  } else {
    End("the peer closed the connection", false);
  }
}

// False if nothing may follow.
bool TcpStream::Take(size_t size) {
  std::vector<FrameReader::Frame> frames;
  std::string malformed;
  try {
    reader_.Commit(size, &frames);
  } catch (const ChannelError& error) {
    malformed = error.what();
  }
  for (FrameReader::Frame& frame : frames) {
    if (frame.header.kind == FrameKind::kAbort) {
      End("aborted by the peer: " + std::string(frame.payload.begin(), frame.payload.end()), true);
      return false;
    }
    inbox_.Push(frame.header.tag, std::move(frame.payload));
  }
  if (!malformed.empty()) End(malformed, true);
  return malformed.empty();
}

void TcpStream::End(const std::string& reason, bool drop_unread) {
  {
    Lock lock(mutex_);
    if (closed_.empty()) closed_ = reason;
    dead_ = true;
    asio::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    changed_.notify_all();
  }
  if (drop_unread) {
    inbox_.Abort(reason);
  } else {
    inbox_.Close(reason);
  }
}

}  // namespace ditto
