"""One running SPU compiler for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spu_ditto import spu_compiler
from tests.conformance.spu_service import SpuService


@pytest.fixture(scope="session", autouse=True)
def spu_service() -> Iterator[SpuService]:
    service = SpuService()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spu_compiler, "_run", service.compile)
        yield service
    service.close()
