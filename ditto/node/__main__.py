"""Runs one party until its caller leaves, then waits for the next caller.

Callers prove themselves by the key in the environment variable DITTO_AUTHKEY (hexadecimal). The connections are not
encrypted: run the parties inside a private network, or through tunnels that authenticate and encrypt.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener

from ditto.node import wire
from ditto.node.config import Config, ConfigError, read_config
from ditto.node.party import NodeParty


def serve(connection: Connection, role: int, config: Config) -> None:
    """Answers one caller's commands. A failed command is answered with its error; the session stays as it is."""
    party = NodeParty(role, config.internal[role], config.timeout, config.threads)
    while True:
        try:
            header, buffers = wire.receive(connection)
            reply = party.handle(header, buffers)
        except (EOFError, ConnectionResetError):
            return
        except (ValueError, RuntimeError, ConnectionError, MemoryError, wire.MalformedMessage) as error:
            reply = {"error": str(error) or type(error).__name__}, []
        wire.send(connection, *reply)


def _exit_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ditto.node", description="Runs one of the three parties.")
    parser.add_argument("--config", required=True, help="JSON in the form of SPU's examples")
    parser.add_argument("--party", required=True, type=int, choices=(0, 1, 2))
    parser.add_argument("--until-stdin-closes", action="store_true", help="exit when whoever started this is gone")
    arguments = parser.parse_args()
    role: int = arguments.party
    try:
        config = read_config(arguments.config)
        authkey = bytes.fromhex(os.environ.get("DITTO_AUTHKEY", ""))
    except ConfigError as error:
        parser.error(str(error))
    except ValueError:
        parser.error("DITTO_AUTHKEY is not hexadecimal")
    if not authkey:
        parser.error("set DITTO_AUTHKEY to the key that callers share with the parties (hexadecimal)")
    if arguments.until_stdin_closes:
        threading.Thread(target=_exit_with_parent, daemon=True).start()
    with Listener(config.nodes[role], authkey=authkey) as listener:
        host, port = listener.address
        print(f"P{role} listens at {host}:{port}", flush=True)
        while True:
            try:
                connection = listener.accept()
            except (AuthenticationError, EOFError, OSError) as error:
                print(f"P{role}: refused a caller: {error}", file=sys.stderr, flush=True)
                continue
            with connection:
                serve(connection, role, config)


if __name__ == "__main__":
    main()
