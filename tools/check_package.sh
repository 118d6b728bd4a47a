#!/usr/bin/env bash
# From the sources to a stranger's environment: an sdist, a wheel of the sdist alone, the wheel in an empty environment,
# README's example, types as mypy sees them. What is made stays in build/package/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${DITTO_PYTHON:-/usr/bin/python3.11}
made=$root/build/package
unset PYTHONPATH

step() { printf '== %s\n' "$*" >&2; }
fail() {
  printf 'check_package: %s\n' "$*" >&2
  exit 1
}

rm -rf "$made"
mkdir -p "$made"
cd "$made"

step "tools in an environment of their own"
"$python" -m venv tools
tools/bin/python -m pip install --quiet --disable-pip-version-check auditwheel build mypy twine

step "sdist"
tools/bin/python -m build --sdist --outdir dist "$root" >sdist.log 2>&1 || fail "$(cat sdist.log)"
sdist=$(echo dist/*.tar.gz)
tar xzf "$sdist"
unpacked=$made/$(basename "$sdist" .tar.gz)
git -C "$root" ls-files | while read -r file; do
  [[ -e $unpacked/$file ]] || fail "the sdist lacks $file: add it to MANIFEST.in"
done

step "wheel, of the sdist alone"
tools/bin/python -m build --wheel --outdir dist "$unpacked" >wheel.log 2>&1 || fail "$(tail -20 wheel.log)"
wheel=$(echo dist/*.whl)

step "twine"
tools/bin/twine check --strict dist/*
step "auditwheel: a report; the engine links against Debian's libraries"
tools/bin/auditwheel show "$wheel"

step "the wheel holds two packages, and no sources of the engine"
"$python" - "$wheel" <<'END'
import sys
import zipfile

names = zipfile.ZipFile(sys.argv[1]).namelist()
pages = {"ditto/demo.html", "ditto/policy/plan.schema.json"}
wanted = {"ditto/_core.pyi", "ditto/py.typed", "spu_ditto/py.typed", *pages}
assert wanted <= set(names), wanted - set(names)
assert any(name.startswith("ditto/_core.") and name.endswith(".so") for name in names)
other = [n for n in names if not n.startswith("spu_ditto-") and not n.endswith((".py", ".pyi", ".so", ".typed", ".proto"))]
assert all(name in pages or name.startswith("spu_ditto/reports/page/") for name in other), other
END

step "the wheel in an empty environment"
"$python" -m venv empty
empty/bin/python -m pip install --quiet --disable-pip-version-check "$wheel"
mkdir elsewhere
cd elsewhere
version=$(../empty/bin/python -c 'import spu_ditto; print(spu_ditto.__version__)')
[[ $(basename "$wheel") == spu_ditto-$version-* ]] || fail "spu_ditto.__version__ is $version, the wheel is $wheel"
../empty/bin/spu-ditto --help >/dev/null
sed -n '/^```python$/,/^```$/p;/^```$/{/./q}' "$root/README.md" | sed '/^```/d' >example.py
step "README's example"
../empty/bin/python example.py

step "types"
cat >right.py <<'END'
import spu_ditto

with spu_ditto.processes(check_ranges=True):
    cost: spu_ditto.CostAnalysis = spu_ditto.load("model.ditto").cost_analysis()
seconds: float = cost.seconds("LAN")
END
sed 's/: float/: str/' right.py >wrong.py
types=(../tools/bin/mypy --strict --config-file= --python-executable ../empty/bin/python)
"${types[@]}" right.py
if "${types[@]}" wrong.py >wrong.log; then fail "mypy takes a float for a str: it sees no types"; fi
grep -q 'Incompatible types in assignment (expression has type "float", variable has type "str")' wrong.log ||
  fail "$(cat wrong.log)"

step "models are refused by the extra's name without it, and load with it"
if ../empty/bin/spu-ditto publish bert --config c --identity i --name n 2>refused.log; then fail "published without"; fi
grep -qF 'spu-ditto[models]' refused.log || fail "$(cat refused.log)"
../empty/bin/python -m pip install --quiet --disable-pip-version-check "$made/$wheel[models]"
../empty/bin/python -c '
from spu_ditto import models
print(models.load("bert-base", random_weights=True, layers=1))'
step "all of it passed"
