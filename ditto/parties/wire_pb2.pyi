from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Nothing(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Description(_message.Message):
    __slots__ = ("party", "version", "engine", "agreement", "time", "publications", "sessions", "memory_bytes", "caller")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    PUBLICATIONS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    party: int
    version: str
    engine: bytes
    agreement: bytes
    time: float
    publications: _containers.RepeatedCompositeFieldContainer[Published]
    sessions: _containers.RepeatedCompositeFieldContainer[Conversation]
    memory_bytes: int
    caller: str
    def __init__(self, party: _Optional[int] = ..., version: _Optional[str] = ..., engine: _Optional[bytes] = ..., agreement: _Optional[bytes] = ..., time: _Optional[float] = ..., publications: _Optional[_Iterable[_Union[Published, _Mapping]]] = ..., sessions: _Optional[_Iterable[_Union[Conversation, _Mapping]]] = ..., memory_bytes: _Optional[int] = ..., caller: _Optional[str] = ...) -> None: ...

class Published(_message.Message):
    __slots__ = ("name", "owner", "digest", "calls", "stock")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    name: str
    owner: str
    digest: bytes
    calls: int
    stock: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., owner: _Optional[str] = ..., digest: _Optional[bytes] = ..., calls: _Optional[int] = ..., stock: _Optional[_Iterable[int]] = ...) -> None: ...

class Conversation(_message.Message):
    __slots__ = ("caller", "doing", "seconds")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    DOING_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    caller: str
    doing: str
    seconds: float
    def __init__(self, caller: _Optional[str] = ..., doing: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("request", "reply", "piece")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    PIECE_FIELD_NUMBER: _ClassVar[int]
    request: Request
    reply: Reply
    piece: bytes
    def __init__(self, request: _Optional[_Union[Request, _Mapping]] = ..., reply: _Optional[_Union[Reply, _Mapping]] = ..., piece: _Optional[bytes] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("number", "buffers", "drop", "forget", "listen", "open", "load", "mask", "masked", "run", "publish", "use", "withdraw", "deal", "take", "probe")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BUFFERS_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    FORGET_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    MASKED_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    USE_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    DEAL_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    number: int
    buffers: _containers.RepeatedScalarFieldContainer[int]
    drop: _containers.RepeatedScalarFieldContainer[int]
    forget: _containers.RepeatedScalarFieldContainer[int]
    listen: Listen
    open: Open
    load: Load
    mask: Mask
    masked: Masked
    run: Run
    publish: Publish
    use: Use
    withdraw: Withdraw
    deal: Deal
    take: Take
    probe: Probe
    def __init__(self, number: _Optional[int] = ..., buffers: _Optional[_Iterable[int]] = ..., drop: _Optional[_Iterable[int]] = ..., forget: _Optional[_Iterable[int]] = ..., listen: _Optional[_Union[Listen, _Mapping]] = ..., open: _Optional[_Union[Open, _Mapping]] = ..., load: _Optional[_Union[Load, _Mapping]] = ..., mask: _Optional[_Union[Mask, _Mapping]] = ..., masked: _Optional[_Union[Masked, _Mapping]] = ..., run: _Optional[_Union[Run, _Mapping]] = ..., publish: _Optional[_Union[Publish, _Mapping]] = ..., use: _Optional[_Union[Use, _Mapping]] = ..., withdraw: _Optional[_Union[Withdraw, _Mapping]] = ..., deal: _Optional[_Union[Deal, _Mapping]] = ..., take: _Optional[_Union[Take, _Mapping]] = ..., probe: _Optional[_Union[Probe, _Mapping]] = ...) -> None: ...

class Reply(_message.Message):
    __slots__ = ("number", "buffers", "error", "port", "out_of_range", "report", "peak_memory_bytes", "publication", "digest", "speeds", "item")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BUFFERS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_RANGE_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    PEAK_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SPEEDS_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    number: int
    buffers: _containers.RepeatedScalarFieldContainer[int]
    error: str
    port: int
    out_of_range: bool
    report: str
    peak_memory_bytes: int
    publication: str
    digest: bytes
    speeds: _containers.RepeatedCompositeFieldContainer[Speed]
    item: bytes
    def __init__(self, number: _Optional[int] = ..., buffers: _Optional[_Iterable[int]] = ..., error: _Optional[str] = ..., port: _Optional[int] = ..., out_of_range: _Optional[bool] = ..., report: _Optional[str] = ..., peak_memory_bytes: _Optional[int] = ..., publication: _Optional[str] = ..., digest: _Optional[bytes] = ..., speeds: _Optional[_Iterable[_Union[Speed, _Mapping]]] = ..., item: _Optional[bytes] = ...) -> None: ...

class Speed(_message.Message):
    __slots__ = ("party", "round_trip_seconds", "bits_per_second")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    BITS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    party: int
    round_trip_seconds: float
    bits_per_second: float
    def __init__(self, party: _Optional[int] = ..., round_trip_seconds: _Optional[float] = ..., bits_per_second: _Optional[float] = ...) -> None: ...

class Listen(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Probe(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Open(_message.Message):
    __slots__ = ("session", "agreement", "ports", "without_p0")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_P0_FIELD_NUMBER: _ClassVar[int]
    session: bytes
    agreement: bytes
    ports: _containers.RepeatedScalarFieldContainer[int]
    without_p0: bool
    def __init__(self, session: _Optional[bytes] = ..., agreement: _Optional[bytes] = ..., ports: _Optional[_Iterable[int]] = ..., without_p0: _Optional[bool] = ...) -> None: ...

class Array(_message.Message):
    __slots__ = ("id", "shape", "width")
    ID_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    id: int
    shape: _containers.RepeatedScalarFieldContainer[int]
    width: int
    def __init__(self, id: _Optional[int] = ..., shape: _Optional[_Iterable[int]] = ..., width: _Optional[int] = ...) -> None: ...

class Load(_message.Message):
    __slots__ = ("program", "shapes")
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    SHAPES_FIELD_NUMBER: _ClassVar[int]
    program: int
    shapes: _containers.RepeatedCompositeFieldContainer[Shape]
    def __init__(self, program: _Optional[int] = ..., shapes: _Optional[_Iterable[_Union[Shape, _Mapping]]] = ...) -> None: ...

class Shape(_message.Message):
    __slots__ = ("extents",)
    EXTENTS_FIELD_NUMBER: _ClassVar[int]
    extents: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, extents: _Optional[_Iterable[int]] = ...) -> None: ...

class Mask(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Array]
    def __init__(self, values: _Optional[_Iterable[_Union[Array, _Mapping]]] = ...) -> None: ...

class Masked(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Array]
    def __init__(self, values: _Optional[_Iterable[_Union[Array, _Mapping]]] = ...) -> None: ...

class Input(_message.Message):
    __slots__ = ("id", "public")
    ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    id: int
    public: Shape
    def __init__(self, id: _Optional[int] = ..., public: _Optional[_Union[Shape, _Mapping]] = ...) -> None: ...

class Kept(_message.Message):
    __slots__ = ("output", "id")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    output: int
    id: int
    def __init__(self, output: _Optional[int] = ..., id: _Optional[int] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("program", "inputs", "offline_first", "keep")
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIRST_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    program: int
    inputs: _containers.RepeatedCompositeFieldContainer[Input]
    offline_first: bool
    keep: _containers.RepeatedCompositeFieldContainer[Kept]
    def __init__(self, program: _Optional[int] = ..., inputs: _Optional[_Iterable[_Union[Input, _Mapping]]] = ..., offline_first: _Optional[bool] = ..., keep: _Optional[_Iterable[_Union[Kept, _Mapping]]] = ...) -> None: ...

class Publish(_message.Message):
    __slots__ = ("text", "values")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    text: str
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, text: _Optional[str] = ..., values: _Optional[_Iterable[int]] = ...) -> None: ...

class Use(_message.Message):
    __slots__ = ("name", "first_program", "first_value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FIRST_PROGRAM_FIELD_NUMBER: _ClassVar[int]
    FIRST_VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    first_program: int
    first_value: int
    def __init__(self, name: _Optional[str] = ..., first_program: _Optional[int] = ..., first_value: _Optional[int] = ...) -> None: ...

class Withdraw(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Deal(_message.Message):
    __slots__ = ("program",)
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    program: int
    def __init__(self, program: _Optional[int] = ...) -> None: ...

class Take(_message.Message):
    __slots__ = ("program", "first_value")
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    FIRST_VALUE_FIELD_NUMBER: _ClassVar[int]
    program: int
    first_value: int
    def __init__(self, program: _Optional[int] = ..., first_value: _Optional[int] = ...) -> None: ...
