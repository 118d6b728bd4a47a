"""Command line, `spu-ditto` or `python -m spu_ditto`: nodes, calls of published models, and tools of the compiler.

What needs JAX or the compiler imports it when it is asked for: nodes and data owners do without.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ditto.errors import DittoError

# Of nodes that `up` starts again; what ends them so often will go on to.
_RESTARTS = 10

# Plain text: rich would take what is in brackets for markup, and cut it in narrow terminals.
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

_ConfigFile = Annotated[Path, typer.Option("--config", help="The configuration file.", envvar="DITTO_CONFIG")]
_IdentityStem = Annotated[
    str, typer.Option("--identity", help="Your .pem and .key, without the ending.", envvar="DITTO_IDENTITY")
]


@app.callback()
def main() -> None:
    """Secure inference among three parties."""
    # What a terminal's encoding does not have, in a name or a label, ends nothing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors in one line each."""
    try:
        yield
    except (DittoError, ModuleNotFoundError, OSError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError):
            error.msg += "; it comes with the extra of models: pip install 'spu-ditto[models]'"
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error


# ------------------------------------------------------------------------------------------------ nodes


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write 3pc.json and the certificates.")],
    hosts: Annotated[str, typer.Option(help="The three nodes' hosts.")] = "127.0.0.1,127.0.0.1,127.0.0.1",
    config: Annotated[Path | None, typer.Option(help="A configuration of SPU's to add certificates to.")] = None,
) -> None:
    """Makes a configuration with certificates, for trials: three nodes, a model's owner and a data owner."""
    from ditto.parties.setup import make_configuration

    with _told():
        names = hosts.split(",")
        if len(names) != 3 or not all(names):
            raise DittoError(f"--hosts names three hosts, such as a.org,b.org,c.org, not {hosts!r}")
        base = None if config is None else json.loads(config.read_text())
        path = make_configuration(folder, names, base)
        print(f"wrote {path} and {folder / 'certificates'}; each .key is for the machine of its owner alone")


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False)
def node(context: typer.Context) -> None:
    """Runs one party: --config FILE --party N [--store FOLDER] [--log-json]."""
    from ditto.parties.node import main as run_node

    run_node(context.args)


@app.command()
def up(
    config: _ConfigFile,
    store: Annotated[Path | None, typer.Option(help="Where nodes keep publications, each in a folder.")] = None,
) -> None:
    """Runs all three parties on this machine, until Ctrl-C. One that ends is started again."""
    from ditto.parties.node import STOPS

    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    command = [sys.executable, "-m", "ditto.parties.node", "--config", str(config), "--until-stdin-closes"]

    def start(role: int) -> subprocess.Popen[bytes]:
        kept = [] if store is None else ["--store", str(store / f"node-{role}")]
        return subprocess.Popen(
            [*command, "--party", str(role), *kept], stdin=subprocess.PIPE, start_new_session=True, env=_environment()
        )

    nodes = [start(role) for role in range(3)]
    left = _RESTARTS
    while left and signal.sigtimedwait(STOPS, 0.5) is None:
        for role, running in enumerate(nodes):
            if left and running.poll() is not None:
                left -= 1
                print(f"P{role} ended with {running.returncode}; starting it again", file=sys.stderr)
                nodes[role] = start(role)
    for running in nodes:
        running.terminate()
    for running in nodes:
        running.wait()
    if not left:
        print(f"parties ended {_RESTARTS} times; giving up", file=sys.stderr)
        raise typer.Exit(1)


def _environment() -> dict[str, str]:
    """With this package, wherever it was found."""
    import ditto

    roots = [str(Path(path).parent) for path in ditto.__path__]
    paths = [*roots, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths).rstrip(os.pathsep)}


@app.command()
def check(config: _ConfigFile, identity: _IdentityStem) -> None:
    """Looks at certificates, nodes, versions and clocks, and says what is wrong and how to mend it."""
    from ditto.parties.check import check as findings
    from ditto.parties.config import read_config
    from ditto.parties.identity import Identity

    wrong = 0
    with _told():
        for finding in findings(read_config(config), Identity.load(identity)):
            wrong += bool(finding.wrong)
            print(f"{'WRONG' if finding.wrong else 'ok':5}  {finding.what}: {finding.told}")
            if finding.wrong:
                print(f"       {finding.wrong}")
    if wrong:
        raise typer.Exit(1)


@app.command()
def status(config: _ConfigFile, identity: _IdentityStem) -> None:
    """What each node has and does: publications, calls, sessions."""
    from ditto.parties.client import describe
    from ditto.parties.config import read_config
    from ditto.parties.identity import Identity

    with _told():
        parsed, own = read_config(config), Identity.load(identity)
        for role in range(3):
            told = describe(parsed, role, own)
            print(f"P{role}: version {told.version}, {told.memory_bytes / 1e6:.0f} MB at most, you are {told.caller}")
            for publication in told.publications:
                told_calls = (
                    f": {publication.calls} calls since it was started" if publication.owner == told.caller else ""
                )
                print(f"  {publication.name} of {publication.owner}{told_calls}")
            for session in told.sessions:
                print(f"  session of {session.caller} for {session.seconds:.0f} s: {session.doing}")


# ------------------------------------------------------------------------------------------------ students


@app.command()
def distill(
    teacher: Annotated[str, typer.Argument(help="A Hugging Face directory, or minilm. A bare model is trained first.")],
    out: Annotated[Path, typer.Option(help="The folder of the run; one that was interrupted goes on.")],
    task: Annotated[str, typer.Option(help="sentiment.")] = "sentiment",
    recipe: Annotated[str, typer.Option(help="ditto, mpcformer, freediv or fitted.")] = "fitted",
    attention: Annotated[str | None, typer.Option(help="In the place of the recipe's.")] = None,
    activation: Annotated[str | None, typer.Option(help="In the place of the recipe's.")] = None,
    quantisation_aware: Annotated[
        str | None, typer.Option(help="What the last stage rounds as it learns: weights, or all of the secure program.")
    ] = None,
    seq_len: Annotated[int, typer.Option(min=1, help="Tokens of a text.")] = 32,
    secure_samples: Annotated[int, typer.Option(min=0, help="Test texts to try among three parties.")] = 200,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
) -> None:
    """Makes a model that is cheap on shares of one that is not, and teaches it to be as good."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with _told():
        from spu_ditto.distill import distill as run
        from spu_ditto.distill.recipe import recipe as find

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            bars: dict[str, Any] = {}

            def stepped(stage: str, step: int, steps: int, metrics: dict[str, float]) -> None:
                if stage not in bars:
                    bars[stage] = progress.add_task(stage, total=steps)
                told = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
                progress.update(bars[stage], completed=step, description=f"{stage}: {told}")

            results = run(
                teacher,
                task,
                find(recipe, attention, activation, quantisation_aware),  # type: ignore[arg-type]
                out,
                seq_len=seq_len,
                secure_samples=secure_samples,
                seed=seed,
                told=lambda text: progress.console.print(text, markup=False, highlight=False),
                stepped=stepped,
            )
        print(results.markdown(), end="")


# ------------------------------------------------------------------------------------------------ models


@app.command()
def publish(
    model: Annotated[str, typer.Argument(help="A Hugging Face directory, or minilm.")],
    config: _ConfigFile,
    identity: _IdentityStem,
    name: Annotated[str, typer.Option(help="What callers call it.")],
    seq_len: Annotated[list[int], typer.Option(help="Tokens; several make a program each.")] = [32],  # noqa: B006
    caller: Annotated[list[str] | None, typer.Option(help="Who may call it; by default all that may call.")] = None,
) -> None:
    """Compiles a model, shares its weights among the nodes, and gives it a name."""
    with _told():
        import spu_ditto
        from ditto.parties.texts import TEXT_TASKS
        from spu_ditto import models

        loaded = models.load(model)
        secure = spu_ditto.compile(loaded.apply, fraction_bits=loaded.fraction_bits)
        programs = [secure.lower(loaded.params, loaded.make_inputs(seq_len=n)).compile() for n in sorted(set(seq_len))]
        task: Any = loaded.task if loaded.task in TEXT_TASKS else None
        with spu_ditto.connect(config, identity=identity) as parties:
            spu_ditto.publish(
                parties,
                name,
                programs,
                {"params": loaded.params},
                callers=caller,
                task=task,
                labels=loaded.labels,
                tokenizer=None if loaded.tokenizer is None else loaded.tokenizer.text.encode(),
            )
        print(f"published {name}")


@app.command()
def models(config: _ConfigFile, identity: _IdentityStem) -> None:
    """What you may call."""
    from ditto.parties.client import Client

    with _told(), Client(config, identity) as client:
        for model in client.models():
            print(f"{model.name}\tof {model.owner}")


@app.command()
def call(
    name: Annotated[str, typer.Argument(help="What it was published as.")],
    config: _ConfigFile,
    identity: _IdentityStem,
    text: Annotated[list[str], typer.Option(help="A text; several are several calls.")],
    context: Annotated[str | None, typer.Option(help="Where the answer is, if the text is a question.")] = None,
) -> None:
    """Calls a published model on text; prints JSON."""
    from ditto.parties.client import Client

    with _told(), Client(config, identity) as client:
        pipeline = client.pipeline(name)
        for one in text:
            result = pipeline(one) if context is None else pipeline(question=one, context=context)
            print(json.dumps(result, default=lambda array: array.tolist()))


@app.command()
def withdraw(
    name: Annotated[str, typer.Argument(help="What it was published as.")],
    config: _ConfigFile,
    identity: _IdentityStem,
) -> None:
    """Has the nodes forget a model of yours."""
    from ditto.parties.connect import connect

    with _told(), connect(config, identity=identity) as parties:
        parties.withdraw(name)
        print(f"withdrew {name}")


# ------------------------------------------------------------------------------------------------ the compiler


@app.command()
def opt(
    file: Annotated[Path, typer.Argument(help="PPHLO text, as SPU's compiler gives it.", exists=True, dir_okay=False)],
    policy: Annotated[str, typer.Option(help="Ring policy: ditto or fm64.")] = "ditto",
    print_between_passes: Annotated[
        bool, typer.Option("--print-between-passes", help="Show the program after every pass.")
    ] = False,
    time_passes: Annotated[bool, typer.Option("--time-passes", help="Show how long each pass took.")] = False,
) -> None:
    """Runs the passes on a file and prints the result, in the ring dialect."""
    from ditto.dialects import pphlo
    from ditto.dialects.mlir_text import print_module
    from ditto.passes.pipeline import run_pipeline
    from spu_ditto.lowering import get_policy

    seconds: list[tuple[str, float]] = []

    def after_pass(done: Any, module: Any, elapsed: float) -> None:
        seconds.append((done.name, elapsed))
        if print_between_passes:
            print(f"// ----- after {done.name} -----\n{print_module(module)}")

    with _told():
        module = pphlo.parse_module(file.read_text(), str(file))
        run_pipeline(module, get_policy(policy), after_pass=after_pass)
    if not print_between_passes:
        print(print_module(module))
    if time_passes:
        table = Table("pass", "seconds", title="Time per pass")
        for name, elapsed in [*seconds, ("total", sum(s for _, s in seconds))]:
            table.add_row(name, f"{elapsed:.3f}")
        Console(stderr=True).print(table)


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything from it.")] = False,
) -> None:
    """Shows what compiled programs the cache on disk holds, or clears it."""
    from spu_ditto import disk_cache

    found = disk_cache.clear() if clear else disk_cache.entries()
    size = sum(entry.size for entry in found)
    print(f"{disk_cache.directory()}: {'removed ' if clear else ''}{len(found)} entries, {size / 1e6:.1f} MB", end="")
    print("" if clear else f" of at most {disk_cache.LIMIT_BYTES / 1e6:.0f} MB; --clear removes them")


if __name__ == "__main__":
    app()
