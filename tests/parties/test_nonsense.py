"""A caller whom the nodes know says what makes no sense: every party answers in time, and serves the next caller."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ditto import _core
from ditto.parties import commands
from ditto.parties import wire_pb2 as pb
from tests.parties.parties import TIMEOUT, Conversation, Parties, Told, X, tripled

TEXT, SHAPE = tripled()
# What is slow on a busy machine is not what is looked for.
MARGIN = 20.0

Change = Callable[[pb.Request, list[bytes]], "Sequence[Told] | None"]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    yield Parties(tmp_path_factory.mktemp("parties"))


def steps(conversation: Conversation) -> list[pb.Request]:
    """What a caller says to have 3 X computed, but for the masked values."""
    value = pb.Array(id=0, shape=SHAPE, width=32)
    ports = [party.listener.port for party in conversation.parties]
    return [
        pb.Request(listen=pb.Listen()),
        pb.Request(open=pb.Open(session=conversation.name, agreement=conversation.agreement, ports=ports)),
        pb.Request(load=pb.Load(program=0)),
        pb.Request(mask=pb.Mask(values=[value])),
        pb.Request(masked=pb.Masked(values=[value])),
        pb.Request(run=pb.Run(program=0, inputs=[pb.Input(id=0)])),
    ]


def talk(
    conversation: Conversation, wrong: dict[str, tuple[Change, ...]], to: tuple[int, ...] = (0, 1, 2)
) -> list[int] | None:
    """A conversation in which the parties `to` are told something else; the result, if there is one.

    Args:
        wrong: what becomes of the request of a step: another one, or several.
    """
    numbers, masks, result = [0, 0, 0], [b"", b""], None
    began = time.monotonic()
    for request in steps(conversation):
        kind = str(request.WhichOneof("command"))
        # Whoever has been given no masks makes some up.
        l1, l2 = (mask if len(mask) == len(M) else M for mask in masks)
        masked = _core.mask_input(X, 32, l1, l2) if kind == "masked" else b""
        told: list[list[Told]] = []
        for role in range(3):
            copy = pb.Request()
            copy.CopyFrom(request)
            buffers = [TEXT.encode()] if kind == "load" else [masked] * (kind == "masked" and role > 0)
            requests: list[Told] = [(copy, buffers)]
            for change in wrong.get(kind, ()) if role in to else ():
                requests = [new for old, held in requests for new in (change(old, held) or [(old, held)])]
            told.append(requests)
        # Whoever is told less waits; whoever is told more has it at once.
        for turn in range(max(map(len, told))):
            now = {role: told[role][turn] for role in range(3) if turn < len(told[role])}
            for role, (asked, _) in now.items():
                numbers[role] += 1
                asked.number = asked.number or numbers[role]
            answers = conversation.say(now)
            for role, (reply, _) in answers.items():
                assert reply.number == now[role][0].number
            if kind == "mask" and turn == 0:
                masks = [b"".join(answers[role][1]) for role in (1, 2) if role in answers]
            parts = [results for role, (_, results) in answers.items() if kind == "run" and role > 0 and results]
            if parts:
                # P1 and P2 have compared what they were told: none tells its part alone.
                [first], [second] = parts
                result = _core.reconstruct(first, second, SHAPE, 32).tolist()
            if any(reply.error for reply, _ in answers.values()):
                break
        else:
            continue
        break
    conversation.close()
    assert time.monotonic() - began < TIMEOUT + MARGIN
    return result


def works(parties: Parties) -> bool:
    return talk(parties.conversation(), {}) == (3 * X).tolist()


def edit(change: Callable[[pb.Request], object]) -> Change:
    """Changes the request."""

    def changed(request: pb.Request, buffers: list[bytes]) -> None:
        change(request)

    return changed


def sent(*buffers: bytes) -> Change:
    """Other buffers."""
    return lambda request, _: [(request, list(buffers))]


def instead(request: pb.Request, *buffers: bytes) -> Change:
    def changed(_: pb.Request, __: list[bytes]) -> list[Told]:
        copy = pb.Request()
        copy.CopyFrom(request)
        return [(copy, list(buffers))]

    return changed


def before(request: pb.Request, *buffers: bytes) -> Change:
    return lambda old, held: [*(instead(request, *buffers)(old, held) or ()), (old, held)]


def twice(request: pb.Request, buffers: list[bytes]) -> list[Told]:
    again = pb.Request()
    again.CopyFrom(request)
    return [(request, buffers), (again, buffers)]


def never(request: pb.Request, buffers: list[bytes]) -> list[Told]:
    """A request that asks for nothing, in the place of one."""
    return [(pb.Request(listen=pb.Listen()), [])]


def array(id: int = 0, shape: Sequence[int] = (4,), width: int = 32) -> pb.Array:
    return pb.Array(id=id, shape=shape, width=width)


def masks(*values: pb.Array) -> pb.Request:
    return pb.Request(mask=pb.Mask(values=values))


def masked(*values: pb.Array) -> pb.Request:
    return pb.Request(masked=pb.Masked(values=values))


def run(*inputs: pb.Input, program: int = 0, keep: Sequence[pb.Kept] = ()) -> pb.Request:
    return pb.Request(run=pb.Run(program=program, inputs=inputs, keep=keep))


def public(*extents: int) -> pb.Input:
    return pb.Input(public=pb.Shape(extents=extents))


def loaded(*shapes: Sequence[int]) -> pb.Request:
    return pb.Request(load=pb.Load(program=0, shapes=[pb.Shape(extents=extents) for extents in shapes]))


FOUR, OWN = bytes(32), pb.Input(id=0)
M = bytes(16)
DESCRIBED = '{"name": "x", "values": [], "programs": []}'

# By the step that they are wrong at.
NONSENSE: dict[str, tuple[str, Change]] = {
    "a number twice": ("load", edit(lambda r: setattr(r, "number", 2))),
    "a number left out": ("load", edit(lambda r: setattr(r, "number", 9))),
    "no command": ("load", instead(pb.Request())),
    "opened twice": ("open", twice),
    "never opened": ("open", never),
    "another agreement": ("open", edit(lambda r: setattr(r.open, "agreement", b"other"))),
    "a short session id": ("open", edit(lambda r: setattr(r.open, "session", b"short"))),
    "a long session id": ("open", edit(lambda r: setattr(r.open, "session", bytes(1000)))),
    "no ports": ("open", edit(lambda r: r.open.ClearField("ports"))),
    "no such ports": ("open", edit(lambda r: r.open.ports.__setitem__(slice(None), [1 << 20] * 3))),
    "a program that is no text": ("load", sent(b"\xff\xfe")),
    "a program that is no JSON": ("load", sent(b"{")),
    "a program that is a number": ("load", sent(b"3")),
    "a program nested deep": ("load", sent(b"[" * 100_000)),
    "a program with another version": ("load", sent(TEXT.replace('"version": 1', '"version": 2').encode())),
    "a program with another operation": ("load", sent(TEXT.replace('"add"', '"mul"').encode())),
    "a program with huge values": ("load", sent(TEXT.replace("[4]", "[4294967296, 4294967296]").encode())),
    "a program without its text": ("load", sent()),
    "a program with two texts": ("load", sent(TEXT.encode(), TEXT.encode())),
    "a constant too many": ("load", lambda _, held: [(loaded([4]), [*held, FOUR])]),
    "a constant of another size": ("load", lambda _, held: [(loaded([5]), [*held, FOUR])]),
    "a constant of a negative size": ("load", lambda _, held: [(loaded([-4]), [*held, FOUR])]),
    "another program at one party": ("load", sent(TEXT.replace('"test"', '"other"').encode())),
    "a program that is never loaded": ("load", never),
    "width 0": ("mask", instead(masks(array(width=0)))),
    "width 65": ("mask", instead(masks(array(width=65)))),
    "width 2^31": ("mask", instead(masks(array(width=1 << 31)))),
    "a negative extent": ("mask", instead(masks(array(shape=[-4])))),
    "two negative extents": ("mask", instead(masks(array(shape=[-2, -2])))),
    "a size that is 0 modulo 2^64": ("mask", instead(masks(array(shape=[1 << 32, 1 << 32])))),
    "a size behind an extent of 0": ("mask", instead(masks(array(shape=[0, 1 << 62])))),
    "a thousand dimensions": ("mask", instead(masks(array(shape=[1] * 1000)))),
    "an id twice": ("mask", instead(masks(array(), array()))),
    "an id of 2^63": ("mask", instead(masks(array(id=1 << 63)))),
    "masks twice": ("mask", twice),
    "a mask that is never asked for": ("mask", never),
    "a masked value twice": ("masked", twice),
    "a masked value twice in one": ("masked", lambda r, held: [(masked(array(), array()), held * 2)]),
    "a masked value that was not started": ("masked", edit(lambda r: setattr(r.masked.values[0], "id", 7))),
    "a masked value before its mask": ("mask", before(masked(array()), M)),
    "a masked value that is too short": ("masked", lambda r, held: [(r, [b[:-1] for b in held])]),
    "a masked value of another shape": ("masked", lambda r, held: [(masked(array(shape=[2, 2])), held)]),
    "a masked value of another width": ("masked", lambda _, held: [(masked(array(width=64)), [b + M for b in held])]),
    "a masked value of size 0 modulo 2^64": (
        "masked",
        lambda r, held: [(masked(array(shape=[1 << 32, 1 << 32])), [b"" for _ in held])],
    ),
    "a masked value of negative extents": ("masked", lambda r, held: [(masked(array(shape=[-2, -2])), held)]),
    "no masked value": ("masked", sent()),
    "a masked value too many": ("masked", lambda r, held: [(r, [*held, M])]),
    "a masked value that never comes": ("masked", never),
    "a program that there is not": ("run", instead(run(OWN, program=9))),
    "no inputs": ("run", instead(run())),
    "an input too many": ("run", instead(run(OWN, OWN))),
    "an input that is nothing": ("run", instead(run(pb.Input()))),
    "an input that there is not": ("run", instead(run(pb.Input(id=5)))),
    "an input of 2^64 - 1": ("run", instead(run(pb.Input(id=2**64 - 1)))),
    "a public input": ("run", instead(run(public(4)), FOUR)),
    "a public input of a negative size": ("run", instead(run(public(-1)), FOUR)),
    "a public input of no size": ("run", instead(run(public(4)))),
    "a public input that was not announced": ("run", instead(run(OWN), FOUR)),
    "an output that there is not": ("run", instead(run(OWN, keep=[pb.Kept(output=5, id=9)]))),
    "an output kept under a used id": ("run", instead(run(OWN, keep=[pb.Kept(output=0, id=0)]))),
    "an output kept under 2^63": ("run", instead(run(OWN, keep=[pb.Kept(output=0, id=1 << 63)]))),
    "an output that one party keeps": ("run", instead(run(OWN, keep=[pb.Kept(output=0, id=9)]))),
    "an order of their own": ("run", edit(lambda r: setattr(r.run, "offline_first", True))),
    "an input that was dropped": ("run", edit(lambda r: r.drop.append(0))),
    "a program that was forgotten": ("run", edit(lambda r: r.forget.append(0))),
    "nothing where a run is": ("run", never),
    "values of nobody published": ("run", before(pb.Request(publish=pb.Publish(text=DESCRIBED, values=[5])))),
    "nothing published": ("run", before(pb.Request(publish=pb.Publish(text=DESCRIBED)))),
    "no publication": ("run", before(pb.Request(publish=pb.Publish(text="{")))),
    "a publication that there is not": ("run", before(pb.Request(use=pb.Use(name="x")))),
    "a publication outside of the store": ("run", before(pb.Request(use=pb.Use(name="../x")))),
    "withdrawn what there is not": ("run", before(pb.Request(withdraw=pb.Withdraw(name="x")))),
}  # fmt: skip


@pytest.mark.parametrize("to", [(0, 1, 2), (0,), (1,)], ids=str)
@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_ends_its_session_and_nothing_else(parties: Parties, what: str, to: tuple[int, ...]) -> None:
    step, change = NONSENSE[what]
    result = talk(parties.conversation(), {step: (change,)}, to)
    assert result in (None, (3 * X).tolist())
    assert works(parties)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wrong=st.lists(st.sampled_from(sorted(NONSENSE)), max_size=3),
    to=st.sampled_from([(0, 1, 2), (0,), (1,), (2,), (0, 1), (1, 2)]),
)
def test_several_kinds_of_nonsense_at_once(parties: Parties, wrong: list[str], to: tuple[int, ...]) -> None:
    changes: dict[str, tuple[Change, ...]] = {}
    for what in wrong:
        step, change = NONSENSE[what]
        changes[step] = (*changes.get(step, ()), change)
    result = talk(parties.conversation(), changes, to)
    assert result in (None, (3 * X).tolist())
    assert works(parties)


def opening_fails(parties: Parties) -> list[str]:
    """What the parties say of a session that cannot be opened."""
    conversation = parties.conversation()
    listen, request, *_ = steps(conversation)
    said = []
    for number, asked in enumerate((listen, request), 1):
        asked.number = number
        answers = conversation.say(dict.fromkeys(range(3), (asked, [])))
        said = [reply.error for reply, _ in answers.values()]
    conversation.close()
    assert all(said)
    return said


def test_another_build_of_the_engine(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = itertools.count()
    with monkeypatch.context() as patch:
        patch.setattr(commands, "engine_digest", lambda: bytes([next(builds)]) * 32)
        said = opening_fails(parties)
    assert any("have different engines; give all parties the same one" in one for one in said)
    assert works(parties)


def test_a_party_whose_name_nobody_knows(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for party in parties.parties:
            first, *rest = party.config.internal
            internal = (("no-such-host.invalid", first[1]), *rest)
            patch.setattr(party, "config", dataclasses.replace(party.config, internal=internal))
        patch.setattr(parties, "agreement", parties.parties[0].config.agreement())
        assert any("cannot resolve no-such-host.invalid" in one for one in opening_fails(parties))
    assert works(parties)
