"""What a run cost: bytes per party, rounds, seconds, and SPU's profile lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class OpProfile:
    """Executions of one kind of operation (or of one model layer): seconds as P1 spent them, bytes of all parties."""

    name: str
    count: int
    seconds: float
    offline_bytes: int
    online_bytes: int
    rounds: int


@dataclass(frozen=True)
class RunReport:
    """One execution by three parties, from shared inputs to shared results.

    Attributes:
        seconds: wall time, offline included.
        online_seconds: wall time of P1 and P2 with P0's stream already at P2; None where it was not measured apart.
        sent: bytes sent by P0, P1, P2. P0 sends offline, P1 and P2 online.
        rounds: online rounds.
        input_bytes: sent for sharing this call's arguments; handles shared before count nothing.
    """

    seconds: float
    online_seconds: float | None
    sent: tuple[int, int, int]
    rounds: int
    input_bytes: int
    operations: tuple[OpProfile, ...] = ()
    layers: tuple[OpProfile, ...] = ()
    peak_rss_bytes: int | None = None

    @property
    def offline_bytes(self) -> int:
        """Bytes sent ahead, by P0, summed over all parties."""
        return self.sent[0]

    @property
    def online_bytes(self) -> int:
        """Bytes sent between P1 and P2, summed over all parties."""
        return self.sent[1] + self.sent[2]

    def to_json(self) -> dict[str, Any]:
        """A JSON-serialisable description."""
        return {**asdict(self), "bytes": {"offline": self.offline_bytes, "online": self.online_bytes}}

    def profile_lines(self) -> list[str]:
        """One line per kind of operation, in the form SPU prints with `enable_hal_profile`."""
        return [
            f"- f_{op.name}, executed {op.count} times, duration {op.seconds:.6f}s, "
            f"send bytes {op.offline_bytes + op.online_bytes} recv bytes {op.offline_bytes + op.online_bytes}, "
            f"send actions {op.rounds}, recv actions {op.rounds}"
            for op in sorted(self.operations, key=lambda op: -op.seconds)
        ]
