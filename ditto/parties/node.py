"""Runs one party: serves a caller until it leaves, then waits for the next.

Every caller is served by a process of its own, which ends as soon as the caller or this process is gone, whatever it is
doing then: the other parties see its connections close, and keys, shares and ports end with it.

Callers prove themselves by the key in the environment variable DITTO_AUTHKEY (hexadecimal). The connections are not
encrypted: run the parties inside a private network, or through tunnels that authenticate and encrypt.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import queue
import sys
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, wait
from typing import Any

from ditto.parties import wire
from ditto.parties.commands import NodeParty
from ditto.parties.config import Config, ConfigError, read_config


def serve(connection: Connection, role: int, config: Config) -> None:
    """Answers one caller's commands, one after the other, and ends this process when there will be no more."""
    commands: queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]] = queue.SimpleQueue()
    wire.hurry(connection)
    party = NodeParty(role, config.internal[role], config.timeout, config.threads)

    def answer() -> None:
        # A caller that has gone meanwhile is noticed below.
        with contextlib.suppress(OSError):
            while True:
                wire.send(connection, *party.handle(*commands.get()))

    threading.Thread(target=answer, daemon=True).start()
    parent = multiprocessing.parent_process()
    assert parent is not None
    try:
        while parent.sentinel not in wait([connection, parent.sentinel]):
            commands.put(wire.receive(connection))
    except (EOFError, OSError):
        pass
    except wire.MalformedMessage as error:
        print(f"P{role}: ended the session: {error}", file=sys.stderr, flush=True)
    os._exit(0)


def _exit_with_parent() -> None:
    # Not sys.stdin: its lock would be held in every process forked from this one.
    while os.read(0, 1024):
        pass
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ditto.parties.node", description="Runs one of the three parties.")
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
            # Forked, as everything is imported and the engine has not started a thread yet.
            fork = multiprocessing.get_context("fork")
            session = fork.Process(target=serve, args=(connection, role, config), daemon=True)
            with connection:
                session.start()
            session.join()
            if session.exitcode:
                print(f"P{role}: the session's process ended with {session.exitcode}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
