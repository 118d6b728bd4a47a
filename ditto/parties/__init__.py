"""The three parties and whoever calls them: both sides of one wire protocol. Needs NumPy and the engine alone."""

import os

# Before gRPC is imported. A forked process is refused here, before it comes to gRPC, whose own handlers might end it.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
