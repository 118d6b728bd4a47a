#!/usr/bin/env python3
"""Writes ditto/policy/plan.schema.json: what the files of calibrated plans hold, for editors. A test compares.

./dev python tools/write_plan_schema.py
"""

from __future__ import annotations

import json
from pathlib import Path

from ditto.policy import plan

if __name__ == "__main__":
    path = Path(plan.__file__).with_name(plan.SCHEMA)
    path.write_text(json.dumps(plan.json_schema(), indent=1) + "\n")
